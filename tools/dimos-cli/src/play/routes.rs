//! Which events of a log are played, and on which channels.

use std::collections::HashMap;

use lcm::{Channel, Pattern};

use crate::topic::selection::is_internal;

/// `/scan=/robot0/scan`: a topic of any type, or a channel with its type, played under another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remap {
    from: String,
    to: String,
}

/// Which events are played, and where.
#[derive(Debug)]
pub(super) struct Routes {
    wanted: Pattern,
    remaps: Vec<Remap>,
    /// Whether what a mesh said is played, too.
    has_mesh: bool,
    /// What was decided already.
    decided: HashMap<Vec<u8>, Decision>,
    /// Which of the remaps have renamed something.
    used: Vec<bool>,
}

/// What becomes of the events of a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Play(Channel),
    /// They are not wanted.
    Leave,
    /// They would be wanted, but are what a mesh said.
    LeaveMesh,
    /// No bus can carry them: the name is too long, or has a NUL in it.
    Refuse,
}

impl Remap {
    pub(super) fn new(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("expected FROM=TO, such as /scan=/robot0/scan")?;
        if from.is_empty() || to.is_empty() {
            return Err("a name is missing: expected such as /scan=/robot0/scan".to_owned());
        }
        if to.contains('#') && !from.contains('#') {
            return Err("only TO has a type: give FROM one, too, or neither".to_owned());
        }
        Channel::new(to).map_err(|error| error.to_string())?;
        Ok(Self { from: from.to_owned(), to: to.to_owned() })
    }

    /// What a channel is called, if it is meant.
    fn apply(&self, channel: &str) -> Option<String> {
        if self.from.contains('#') {
            return (channel == self.from).then(|| self.to.clone());
        }
        let rest = channel.strip_prefix(&self.from)?;
        (rest.is_empty() || rest.starts_with('#')).then(|| format!("{}{rest}", self.to))
    }
}

impl Routes {
    pub(super) fn new(wanted: Pattern, remaps: &[Remap], has_mesh: bool) -> Self {
        Self { wanted, remaps: remaps.to_vec(), has_mesh, decided: HashMap::new(), used: vec![false; remaps.len()] }
    }

    /// The remaps that have renamed nothing.
    pub(super) fn unused(&self) -> impl Iterator<Item = String> {
        let unused = self.remaps.iter().zip(&self.used).filter(|(_, is_used)| !**is_used);
        unused.map(|(Remap { from, to }, _)| format!("{from}={to}"))
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

    fn look(&mut self, recorded: &[u8]) -> Decision {
        if recorded == Channel::SELF_TEST.as_bytes() || !self.wanted.matches_name(recorded) {
            return Decision::Leave;
        }
        // They are not there any more who said that.
        if is_internal(recorded) && !self.has_mesh {
            return Decision::LeaveMesh;
        }
        let renames = |name| self.remaps.iter().enumerate().find_map(|(place, one)| Some((place, one.apply(name)?)));
        let renamed = str::from_utf8(recorded).ok().and_then(renames).map(|(place, name)| {
            self.used[place] = true;
            name
        });
        let channel = renamed.map_or_else(|| Channel::new(recorded), Channel::new);
        channel.map_or(Decision::Refuse, Decision::Play)
    }
}

/// So many channels are remembered.
const MAX_DECIDED: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    fn played(routes: &mut Routes, recorded: &str) -> Option<String> {
        match routes.decide(recorded.as_bytes()) {
            Decision::Play(channel) => Some(channel.to_string()),
            Decision::Leave | Decision::LeaveMesh | Decision::Refuse => None,
        }
    }

    #[test]
    fn topics_and_channels_are_renamed() {
        let remaps = ["/a=/b", "/c#x.Y=/d#x.Z", "POSE=POSE_2"].map(|text| Remap::new(text).unwrap());
        let mut routes = Routes::new(Pattern::any(), &remaps, false);
        for (from, to) in
            [("/a#x.Y", "/b#x.Y"), ("/a", "/b"), ("/ab#x.Y", "/ab#x.Y"), ("/c#x.Y", "/d#x.Z"), ("/c#x.Q", "/c#x.Q")]
        {
            assert_eq!(played(&mut routes, from).as_deref(), Some(to));
        }
        assert_eq!(routes.unused().collect::<Vec<_>>(), ["POSE=POSE_2"]);
        assert_eq!(played(&mut routes, "POSE").as_deref(), Some("POSE_2"));
        assert_eq!(routes.unused().count(), 0);
        let long = "x".repeat(64);
        for wrong in ["/a", "=/b", "/a=", "/a=/b#x.Y", &format!("/a={long}")] {
            assert!(Remap::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_not_wanted_or_said_by_a_mesh_is_left_out_and_what_no_bus_carries_is_refused() {
        let mut routes = Routes::new(Pattern::none_of([Pattern::glob("/camera*")]), &[], false);
        for left in ["/camera#x.Y", "LCM_SELF_TEST"] {
            assert_eq!(routes.decide(left.as_bytes()), Decision::Leave, "{left}");
        }
        for left in ["/mesh/claim#dimos_mesh.Claim", "/rpc/planner/req"] {
            assert_eq!(routes.decide(left.as_bytes()), Decision::LeaveMesh, "{left}");
        }
        assert_eq!(routes.decide(&[b'x'; 64]), Decision::Refuse);
        assert_eq!(routes.decide(b"a\0b"), Decision::Refuse);
        assert_eq!(routes.decide(b"\xff\xfe"), Decision::Play(Channel::new(b"\xff\xfe").unwrap()));
        let mut all = Routes::new(Pattern::any(), &[], true);
        assert_eq!(played(&mut all, "/mesh/claim#dimos_mesh.Claim").as_deref(), Some("/mesh/claim#dimos_mesh.Claim"));
    }

    #[test]
    fn a_log_of_ever_new_channels_takes_bounded_memory() {
        let mut routes = Routes::new(Pattern::any(), &[], false);
        for number in 0..10_000_u32 {
            assert!(matches!(routes.decide(&number.to_be_bytes().map(|byte| byte | 0x80)), Decision::Play(_)));
        }
        assert!(routes.decided.len() <= MAX_DECIDED);
    }
}
