//! The graph for Mermaid, as Markdown pages show it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::dot::{label, label_of_module};
use super::model::Graph;

pub(super) fn draw(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    // Names of nodes are words there, so they are numbered.
    let modules: BTreeMap<_, _> = graph.modules.iter().map(|module| module.name.as_str()).zip(0..).collect();
    for (module, number) in graph.modules.iter().zip(0..) {
        // A String takes everything; so below.
        let _ = writeln!(text, "  m{number}[{}]", quoted(&label_of_module(module)));
    }
    let of = |name: &String| modules.get(name.as_str()).copied().unwrap_or_default();
    for (stream, number) in graph.streams.iter().zip(0..) {
        let _ = writeln!(text, "  t{number}([{}])", quoted(&label(stream)));
        let arrow = if stream.dead.is_some() { "-.->" } else { "-->" };
        for publisher in &stream.publishers {
            let _ = writeln!(text, "  m{} {arrow} t{number}", of(publisher));
        }
        for subscriber in &stream.subscribers {
            let _ = writeln!(text, "  t{number} {arrow} m{}", of(subscriber));
        }
        if stream.dead.is_some() {
            let _ = writeln!(text, "  class t{number} dead");
        }
    }
    for call in &graph.calls {
        let _ = writeln!(text, "  m{} -. {} .-> m{}", of(&call.from), quoted(&call.reference), of(&call.to));
    }
    text.push_str("  classDef dead stroke:#c00,color:#c00,stroke-dasharray:4");
    text
}

/// A label: in quotes, with entities for what would end it or be taken for markup.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '\n' => quoted.push_str("<br>"),
            '"' | '<' | '>' | '&' | '#' | '`' => {
                let _ = write!(quoted, "#{};", u32::from(character));
            }
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

    #[test]
    fn nodes_are_numbered_and_labels_are_harmless() {
        let drawn = super::draw(&example());
        for line in [
            "flowchart LR",
            "  m0[\"#60;mapper#62;<br>Grid#34;Mapper#34;\"]",
            "  m1[\"robot<br>RobotSim\"]",
            "  t2([\"/scan<br>sensor_msgs.LaserScan<br>10 Hz\"])",
            "  m1 --> t2",
            "  t2 --> m0",
            "  m0 -.-> t1",
            "  m0 -. \"robot\" .-> m1",
        ] {
            assert!(drawn.lines().any(|one| one == line), "{line}\n{drawn}");
        }
    }
}
