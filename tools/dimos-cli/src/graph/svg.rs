//! The graph as a picture that needs nothing else. Where its parts lie decides `layout-rs`.

use std::collections::HashMap;

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::dot::{label, label_of_module};
use super::model::{Dead, Graph, Stream};

/// An arrow between two nodes, by their numbers.
#[derive(Debug)]
struct Edge {
    from: usize,
    to: usize,
    arrow: Arrow,
}

/// The picture.
///
/// # Errors
/// Of a graph that is too large for one: how large.
pub(super) fn draw(graph: &Graph) -> Result<String, String> {
    let size = graph.modules.len() + graph.streams.len();
    if size == 0 {
        // There is nothing to lay out.
        return Ok("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"></svg>".to_owned());
    }
    if size > MAX_NODES {
        return Err(format!(
            "{size} modules and topics are too many for a picture, which has at most {MAX_NODES}: draw it as text or dot"
        ));
    }
    let mut nodes = Vec::new();
    for module in &graph.modules {
        nodes.push(node(&label_of_module(module), INK, MODULE, 5));
    }
    let modules: HashMap<_, _> = graph.modules.iter().map(|module| module.name.as_str()).zip(0..).collect();
    let mut edges = Vec::new();
    for stream in &graph.streams {
        let topic = nodes.len();
        nodes.push(node(&label(stream), colour(stream), PAPER, 15));
        let number = |name: &String| modules.get(name.as_str()).copied();
        let publishers = stream.publishers.iter().filter_map(|name| Some((number(name)?, topic)));
        let subscribers = stream.subscribers.iter().filter_map(|name| Some((topic, number(name)?)));
        let arrows = publishers.chain(subscribers);
        edges.extend(arrows.map(|(from, to)| Edge {
            from,
            to,
            arrow: arrow("", colour(stream), stream.dead.is_some()),
        }));
    }
    for call in &graph.calls {
        if let (Some(&from), Some(&to)) = (modules.get(call.from.as_str()), modules.get(call.to.as_str())) {
            edges.push(Edge { from, to, arrow: arrow(&plain(&call.reference), CALL, true) });
        }
    }
    if edges.len() > MAX_EDGES {
        let edges = edges.len();
        return Err(format!(
            "{edges} arrows are too many for a picture, which has at most {MAX_EDGES}: draw it as text or dot"
        ));
    }
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    // It would look again after each arrow, along all paths that there are.
    picture.dag.set_validate(false);
    let nodes: Vec<_> = nodes.into_iter().map(|node| picture.add_node(node)).collect();
    for Edge { from, to, arrow } in without_cycles(nodes.len(), edges) {
        picture.add_edge(arrow, nodes[from], nodes[to]);
    }
    let mut writer = SVGWriter::new();
    picture.do_it(false, false, false, &mut writer);
    // As it is measured here, and as the page around it is written.
    Ok(writer.finalize().replace("font-family: Times, serif", "font-family: sans-serif"))
}

/// The same arrows, some of them turned round, so that they can be followed in one direction only; and in such an order that nothing
/// begins yet where an arrow ends: for each one the layout looks whether it closes a circle, along all paths that there are.
fn without_cycles(nodes: usize, mut edges: Vec<Edge>) -> Vec<Edge> {
    let mut targets = vec![Vec::new(); nodes];
    for edge in &edges {
        targets[edge.from].push(edge.to);
    }
    // Depth first; places are given from the end on, when all that is reached from a node has its own.
    let (mut places, mut next_place) = (vec![None; nodes], nodes);
    let mut is_seen = vec![false; nodes];
    for start in 0..nodes {
        let mut way = vec![(start, 0)];
        while let Some((node, next)) = way.pop() {
            if next == 0 && std::mem::replace(&mut is_seen[node], true) {
                continue;
            }
            match targets[node].get(next) {
                Some(&target) => way.extend([(node, next + 1), (target, 0)]),
                None => {
                    next_place -= 1;
                    places[node] = Some(next_place);
                }
            }
        }
    }
    for edge in &mut edges {
        if places[edge.from] > places[edge.to] {
            std::mem::swap(&mut edge.from, &mut edge.to);
            edge.arrow = edge.arrow.reverse();
        }
    }
    edges.sort_by_key(|edge| places[edge.to]);
    edges
}

fn node(words: &str, line: u32, fill: u32, rounded: usize) -> Element {
    let words = plain(words);
    let longest = words.lines().map(|line| line.chars().count()).max().unwrap_or_default();
    let size =
        Point::new(20.0 + longest as f64 * FONT as f64 * 0.6, 16.0 + words.lines().count() as f64 * FONT as f64 * 1.2);
    let look = StyleAttr::new(Color::new(line), 1, Some(Color::new(fill)), rounded, FONT);
    Element::create(ShapeKind::new_box(&words), look, Orientation::LeftToRight, size)
}

fn arrow(words: &str, line: u32, is_dashed: bool) -> Arrow {
    let style = if is_dashed { LineStyleKind::Dashed } else { LineStyleKind::Normal };
    let look = StyleAttr::new(Color::new(line), 1, None, 0, FONT);
    Arrow::new(LineEndKind::None, LineEndKind::Arrow, style, words, &look, &None, &None)
}

fn colour(stream: &Stream) -> u32 {
    match stream.dead {
        None => INK,
        Some(Dead::NobodyPublishes | Dead::Silent) => RED,
        Some(Dead::NoModuleSubscribes) => GRAY,
    }
}

/// Without control characters, which no picture may have, but for ends of lines.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

// Red, green, blue, opacity.
const INK: u32 = 0x2020_20ff;
const RED: u32 = 0xc000_00ff;
const GRAY: u32 = 0x8080_80ff;
const CALL: u32 = 0x2060_c0ff;
const MODULE: u32 = 0xe8f0_feff;
const PAPER: u32 = 0xffff_ffff;

/// The size of letters.
const FONT: usize = 12;

/// More nobody can look at, and the layout takes minutes.
const MAX_NODES: usize = 400;
const MAX_EDGES: usize = 2000;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::model::tests::example;
    use super::super::model::{Call, Module};
    use super::*;

    #[test]
    fn names_are_texts_and_no_markup() {
        let drawn = draw(&example()).unwrap();
        assert!(drawn.contains("&lt;mapper&gt;") && !drawn.contains("<mapper>"), "{drawn}");
        assert!(drawn.contains("<svg") && drawn.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn any_graph_can_be_drawn() {
        assert!(draw(&Graph::default()).unwrap().contains("<svg"));
        for seed in 0..60 {
            let mut random = fastrand::Rng::with_seed(seed);
            let names: Vec<_> = (0..random.usize(1..20)).map(|number| format!("m{number}")).collect();
            let some = |random: &mut fastrand::Rng| -> BTreeSet<String> {
                (0..random.usize(0..3)).map(|_| names[random.usize(..names.len())].clone()).collect()
            };
            let streams = (0..random.usize(0..20)).map(|number| Stream {
                channel: format!("/t{number}"),
                publishers: some(&mut random),
                subscribers: some(&mut random),
                ..Stream::default()
            });
            let streams = streams.collect();
            let calls = (0..random.usize(0..5)).map(|_| Call {
                from: names[random.usize(..names.len())].clone(),
                reference: "other".to_owned(),
                to: names[random.usize(..names.len())].clone(),
            });
            let calls = calls.collect();
            let modules = names.iter().map(|name| Module { name: name.clone(), ..Module::default() }).collect();
            let drawn = draw(&Graph { modules, streams, calls, ..Graph::default() }).unwrap();
            assert!(names.iter().all(|name| drawn.contains(&format!(">{name}<"))), "seed {seed}: {drawn}");
        }
    }

    #[test]
    fn layers_with_many_ways_through_them_and_long_chains_are_drawn_at_once() {
        let name = |layer: usize, number: usize| format!("l{layer}n{number}");
        let module = |name: String| Module { name, ..Module::default() };
        // 3^20 ways lead through this.
        let modules = (0..20).flat_map(|layer| (0..3).map(move |number| module(name(layer, number)))).collect();
        let streams = (0..19).map(|layer| Stream {
            channel: format!("/t{layer}"),
            publishers: (0..3).map(|number| name(layer, number)).collect(),
            subscribers: (0..3).map(|number| name(layer + 1, number)).collect(),
            ..Stream::default()
        });
        let layered = Graph { modules, streams: streams.collect(), ..Graph::default() };
        assert!(draw(&layered).unwrap().contains(">l19n2<"));
        let calls =
            (0..199).map(|number| Call { from: name(number, 0), reference: String::new(), to: name(number + 1, 0) });
        let modules = (0..200).map(|number| module(name(number, 0))).collect();
        let chain = Graph { modules, calls: calls.collect(), ..Graph::default() };
        assert!(draw(&chain).unwrap().contains(">l199n0<"));
        let modules = (0..401).map(|number| module(name(number, 0))).collect();
        assert!(
            draw(&Graph { modules, ..Graph::default() }).unwrap_err().contains("401 modules and topics are too many")
        );
    }
}
