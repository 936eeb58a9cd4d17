//! The graph for Graphviz.

use std::fmt::Write as _;

use super::model::{Dead, Graph, Module, Stream};

pub(super) fn draw(graph: &Graph) -> String {
    let mut text = format!("digraph {} {{\n", quoted(&graph.title));
    // A String takes everything; so below.
    let _ = writeln!(text, "  rankdir=LR;\n  node [fontname=\"sans-serif\", fontsize=11];");
    for module in &graph.modules {
        let of_module = id("module", &module.name);
        let _ = writeln!(text, "  {of_module} [shape=box, style=rounded, label={}];", quoted(&label_of_module(module)));
    }
    for stream in &graph.streams {
        let of_topic = id("topic", &stream.channel);
        let _ = writeln!(
            text,
            "  {of_topic} [shape=plain, label={}{}];",
            quoted(&label(stream)),
            colour(stream, "fontcolor")
        );
        for publisher in &stream.publishers {
            let _ = writeln!(text, "  {} -> {of_topic} [{}];", id("module", publisher), style(stream));
        }
        for subscriber in &stream.subscribers {
            let _ = writeln!(text, "  {of_topic} -> {} [{}];", id("module", subscriber), style(stream));
        }
    }
    for call in &graph.calls {
        let (from, to) = (id("module", &call.from), id("module", &call.to));
        let _ = writeln!(text, "  {from} -> {to} [style=dotted, label={}];", quoted(&call.reference));
    }
    text.push('}');
    text
}

/// The name of a module and its class, a line each.
pub(super) fn label_of_module(module: &Module) -> String {
    let lines = [module.name.as_str(), &module.class];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The topic, its type, how much goes through it, and why that is nothing or of no use, a line each.
pub(super) fn label(stream: &Stream) -> String {
    let (rate, dead) = (stream.rate(), stream.dead.map_or("", Dead::words));
    let lines = [stream.topic(), stream.type_name(), &rate, dead];
    lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn style(stream: &Stream) -> String {
    match stream.dead {
        None => "style=solid".to_owned(),
        Some(_) => format!("style=dashed{}", colour(stream, "color")),
    }
}

fn colour(stream: &Stream, attribute: &str) -> String {
    match stream.dead {
        None => String::new(),
        Some(Dead::NobodyPublishes | Dead::Silent) => format!(", {attribute}=red"),
        Some(Dead::NoModuleSubscribes) => format!(", {attribute}=gray50"),
    }
}

/// A node's name. Topics and modules may be called the same.
fn id(kind: &str, name: &str) -> String {
    quoted(&format!("{kind} {name}"))
}

/// A string of the DOT language. Backslashes begin escapes there.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            character if character.is_control() => quoted.push('\u{fffd}'),
            character => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::example;
    use super::*;

    #[test]
    fn modules_are_boxes_topics_are_words_and_dead_ends_are_dashed() {
        let drawn = draw(&example());
        for line in [
            "  \"module <mapper>\" [shape=box, style=rounded, label=\"<mapper>\\nGrid\\\"Mapper\\\"\"];",
            "  \"module robot\" -> \"topic /scan#sensor_msgs.LaserScan\" [style=solid];",
            "  \"topic /scan#sensor_msgs.LaserScan\" -> \"module <mapper>\" [style=solid];",
            "  \"topic /map\" [shape=plain, label=\"/map\\n0.0 Hz\\nsilent\", fontcolor=red];",
            "  \"module <mapper>\" -> \"module robot\" [style=dotted, label=\"robot\"];",
        ] {
            assert!(drawn.lines().any(|one| one == line), "{line}\n{drawn}");
        }
        assert_eq!(quoted("a\u{7}\\\n\""), "\"a\u{fffd}\\\\\\n\\\"\"");
    }
}
