//! Which events of a log are played, and on which channels.

use std::collections::BTreeMap;

use lcm::{Channel, Pattern};

/// Which events are played.
#[derive(Debug)]
pub(super) struct Selection {
    include: Vec<Pattern>,
    /// Topics that are played under other names.
    remap: BTreeMap<String, String>,
    /// Whether the recorded time is left out.
    has_clock: bool,
    /// What was decided of the last event's channel and those before.
    decided: BTreeMap<Vec<u8>, Decision>,
}

/// What becomes of the events of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// They are played on this channel.
    Play(Channel),
    /// They are not wanted.
    Leave,
    /// No bus can carry them: the name is too long, or has a NUL in it.
    Refuse,
}

impl Selection {
    /// Channels that any of the globs takes, all if there are none. With a clock of the player's own, the recorded one is left out.
    pub(super) fn new(globs: &[String], remap: &BTreeMap<String, String>, has_clock: bool) -> Self {
        let include = globs.iter().map(Pattern::glob).collect();
        Self { include, remap: remap.clone(), has_clock, decided: BTreeMap::new() }
    }

    /// What becomes of the events of a channel.
    pub(super) fn decide(&mut self, recorded: &[u8]) -> Decision {
        if let Some(decision) = self.decided.get(recorded) {
            return *decision;
        }
        let decision = self.look(recorded);
        // A log of ever new channels is looked at each time.
        if self.decided.len() < MAX_DECIDED {
            self.decided.insert(recorded.to_vec(), decision);
        }
        decision
    }

    fn look(&self, recorded: &[u8]) -> Decision {
        if NEVER.iter().any(|prefix| recorded.starts_with(prefix.as_bytes()))
            || (self.has_clock && recorded.starts_with(CLOCK.as_bytes()))
        {
            return Decision::Leave;
        }
        let Ok(channel) = Channel::new(recorded) else { return Decision::Refuse };
        if !self.include.is_empty() && !self.include.iter().any(|pattern| pattern.matches(&channel)) {
            return Decision::Leave;
        }
        let Some(name) = channel.as_str() else { return Decision::Play(channel) };
        let (topic, suffix) = name.split_at(name.find('#').unwrap_or(name.len()));
        let Some(other) = self.remap.get(topic) else { return Decision::Play(channel) };
        Channel::new(format!("{other}{suffix}")).map_or(Decision::Refuse, Decision::Play)
    }
}

/// What processes of the mesh said of themselves and to each other is not said again: they are not there.
const NEVER: &[&str] = &["/mesh/", "/rpc/", Channel::SELF_TEST];

/// Where a simulation tells the time.
const CLOCK: &str = "/clock#";

/// So many channels are remembered.
const MAX_DECIDED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(globs: &[&str], remap: &[(&str, &str)], has_clock: bool) -> Selection {
        let globs: Vec<String> = globs.iter().map(|glob| (*glob).to_owned()).collect();
        let remap = remap.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect();
        Selection::new(&globs, &remap, has_clock)
    }

    fn played(selection: &mut Selection, recorded: &str) -> Option<String> {
        match selection.decide(recorded.as_bytes()) {
            Decision::Play(channel) => Some(channel.to_string()),
            Decision::Leave | Decision::Refuse => None,
        }
    }

    #[test]
    fn everything_is_played_unless_told_otherwise() {
        let mut all = selection(&[], &[], false);
        for channel in ["/scan#sensor_msgs.LaserScan", "POSE", "", "/clock#builtin_interfaces.Time"] {
            assert_eq!(played(&mut all, channel).as_deref(), Some(channel));
        }
        assert_eq!(all.decide(b"\xff\xfe"), Decision::Play(Channel::new(b"\xff\xfe").unwrap()));
    }

    #[test]
    fn globs_choose_and_topics_are_renamed() {
        let mut some = selection(&["/scan*", "/odom#*"], &[("/scan", "/robot0/scan")], false);
        assert_eq!(
            played(&mut some, "/scan#sensor_msgs.LaserScan").as_deref(),
            Some("/robot0/scan#sensor_msgs.LaserScan")
        );
        assert_eq!(played(&mut some, "/scanner#x.Y").as_deref(), Some("/scanner#x.Y"));
        assert_eq!(played(&mut some, "/camera#sensor_msgs.Image"), None);
    }

    #[test]
    fn what_a_mesh_said_is_not_said_again() {
        let mut all = selection(&[], &[], true);
        for channel in ["/mesh/claim#dimos_mesh.Claim", "/rpc/planner/req#dimos_mesh.RpcRequest", "LCM_SELF_TEST"] {
            assert_eq!(all.decide(channel.as_bytes()), Decision::Leave);
        }
        assert_eq!(all.decide(b"/clock#builtin_interfaces.Time"), Decision::Leave);
    }

    #[test]
    fn names_that_no_bus_carries_are_refused() {
        let mut all = selection(&[], &[("/a", &"/b".repeat(32))], false);
        assert_eq!(all.decide(&[b'x'; 64]), Decision::Refuse);
        assert_eq!(all.decide(b"a\0b"), Decision::Refuse);
        assert_eq!(all.decide(b"/a#x.Y"), Decision::Refuse);
    }

    #[test]
    fn a_log_of_ever_new_channels_takes_bounded_memory() {
        let mut all = selection(&[], &[], false);
        for number in 0..10_000_u32 {
            assert!(matches!(all.decide(&number.to_be_bytes().map(|byte| byte | 0x80)), Decision::Play(_)));
        }
        assert!(all.decided.len() <= MAX_DECIDED);
    }
}
