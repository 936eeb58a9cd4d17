//! The graph as lines of text: a stream each.

use std::collections::BTreeSet;

use super::model::Graph;
use crate::table::table;

pub(super) fn draw(graph: &Graph) -> String {
    let names = |names: &BTreeSet<String>| {
        if names.is_empty() { "-".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
    };
    let streams = graph.streams.iter().map(|stream| {
        let type_name = if stream.type_name().is_empty() { "-" } else { stream.type_name() };
        let (rate, dead) = (stream.rate(), stream.dead.map_or("", super::model::Dead::words));
        [
            names(&stream.publishers),
            stream.topic().to_owned(),
            names(&stream.subscribers),
            type_name.to_owned(),
            rate,
            dead.to_owned(),
        ]
    });
    let calls = graph.calls.iter().map(|call| [call.from.clone(), call.to.clone(), call.reference.clone()]);
    let idle = graph.modules.iter().filter(|module| {
        let name = &module.name;
        let is_on =
            graph.streams.iter().any(|stream| stream.publishers.contains(name) || stream.subscribers.contains(name));
        !is_on && !graph.calls.iter().any(|call| call.from == *name || call.to == *name)
    });
    let idle: Vec<_> = idle.map(|module| module.name.as_str()).collect();
    let parts = [
        table(["PUBLISHED BY", "TOPIC", "SUBSCRIBED BY", "TYPE", "RATE", ""], streams),
        table(["CALLER", "CALLS", "AS"], calls),
        if idle.is_empty() {
            String::new()
        } else {
            format!("Without streams: {}", crate::output::plain(&idle.join(", ")))
        },
    ];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::super::model::tests::example;

    #[test]
    fn a_stream_is_a_line() {
        let expected = "\
PUBLISHED BY  TOPIC  SUBSCRIBED BY  TYPE                       RATE    
-             /goal  robot          geometry_msgs.PoseStamped          nobody publishes
<mapper>      /map   -              -                          0.0 Hz  silent
robot         /scan  <mapper>       sensor_msgs.LaserScan      10 Hz

CALLER    CALLS  AS
<mapper>  robot  robot";
        let drawn = super::draw(&example());
        let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(trimmed(&drawn), trimmed(expected));
    }
}
