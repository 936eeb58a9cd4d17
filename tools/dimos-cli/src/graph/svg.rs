//! The graph as a picture that needs nothing else. Where its parts lie decides `layout-rs`.

use std::collections::HashMap;

use layout::backends::svg::SVGWriter;
use layout::core::base::Orientation;
use layout::core::color::Color;
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, LineEndKind, ShapeKind};
use layout::topo::layout::VisualGraph;

use super::dot::label;
use super::model::{Dead, Graph, Stream};

pub(super) fn draw(graph: &Graph) -> String {
    if graph.modules.is_empty() && graph.streams.is_empty() {
        // There is nothing to lay out.
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1\" height=\"1\"></svg>".to_owned();
    }
    let mut picture = VisualGraph::new(Orientation::LeftToRight);
    let mut modules = HashMap::new();
    for module in &graph.modules {
        let (name, class) = (&module.name, &module.class);
        let words = if class.is_empty() { name.clone() } else { format!("{name}\n{class}") };
        let node = picture.add_node(node(&words, INK, MODULE, 5));
        modules.insert(name.as_str(), node);
    }
    for stream in &graph.streams {
        let topic = picture.add_node(node(&label(stream), colour(stream), PAPER, 15));
        let publishers = stream.publishers.iter().filter_map(|name| Some((*modules.get(name.as_str())?, topic)));
        let subscribers = stream.subscribers.iter().filter_map(|name| Some((topic, *modules.get(name.as_str())?)));
        for (from, to) in publishers.chain(subscribers) {
            picture.add_edge(arrow("", colour(stream), stream.dead.is_some()), from, to);
        }
    }
    for call in &graph.calls {
        if let (Some(from), Some(to)) = (modules.get(call.from.as_str()), modules.get(call.to.as_str())) {
            picture.add_edge(arrow(&plain(&call.reference), CALL, true), *from, *to);
        }
    }
    let mut writer = SVGWriter::new();
    picture.do_it(false, false, false, &mut writer);
    // As it is measured here, and as the page around it is written.
    writer.finalize().replace("font-family: Times, serif", "font-family: sans-serif")
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
        Some(Dead::NobodySubscribes) => GRAY,
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::model::tests::example;
    use super::super::model::{Call, Module};
    use super::*;

    #[test]
    fn names_are_texts_and_no_markup() {
        let drawn = draw(&example());
        assert!(drawn.contains("&lt;mapper&gt;") && !drawn.contains("<mapper>"), "{drawn}");
        assert!(drawn.contains("<svg") && drawn.trim_end().ends_with("</svg>"));
    }

    #[test]
    fn any_graph_can_be_drawn() {
        assert!(draw(&Graph::default()).contains("<svg"));
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
            let drawn = draw(&Graph { title: String::new(), modules, streams, calls });
            assert!(names.iter().all(|name| drawn.contains(&format!(">{name}<"))), "seed {seed}: {drawn}");
        }
    }
}
