//! Whatever claims, questions and beats arrive, and whatever time passes: no panic, no memory beyond what is allowed, few actions for
//! each input, and a name is taken away at most as often as it was given.
//!
//! Two cores get the same inputs, one of them views of the bytes that arrived, the other one messages that were decoded and encoded
//! again. They must do the same. A third one hears all that they say, and must understand it.

#![no_main]
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use dimos::presence::{Action, Config, Event, Farewell, Identity, Policy, Presence, Stage};
use dimos::{Name, NodeId};
use dimos_fuzz::Input;
use lcm::Message;
use lcm_types::dimos_mesh::{Ask, Beat, Claim};
use libfuzzer_sys::arbitrary::Result;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut pair = Pair::new();
    let mut input = Input::new(bytes);
    while pair.step(&mut input).is_ok() {}
    // It does not stay busy with what it heard.
    pair.pass(Duration::from_secs(400));
    pair.leave();
});

struct Pair {
    now: Instant,
    cores: [Presence; 2],
    listener: Presence,
    given: usize,
    taken: usize,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let core = |node| {
            let config = Config { seed: 1, max_nodes: MAX_NODES, ..Config::new(Identity::new(node)) };
            Presence::new(now, config).expect("nothing is too long")
        };
        let mut listener = core(node(OTHER));
        listener.set_watching(now, true);
        Self { now, cores: [core(node(ME)), core(node(ME))], listener, given: 0, taken: 0 }
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<()> {
        let now = self.now;
        match input.byte()? {
            0..20 => self.claim(&input.encoded::<Claim>()?),
            20..30 => self.ask(&input.encoded::<Ask>()?),
            30..40 => self.beat(&input.encoded::<Beat>()?),
            40..110 => {
                let claim = claim(input)?;
                self.claim(&claim.encode().expect("its texts have no NUL"));
            }
            110..130 => {
                let ask = ask(input)?;
                self.ask(&ask.encode().expect("its texts have no NUL"));
            }
            130..150 => {
                let beat = beat(input)?;
                self.beat(&beat.encode().expect("it has no texts"));
            }
            150..160 => {
                let other = node(input.one_of(NODES)?);
                self.both(|core| core.heard(now, other));
            }
            160..200 => {
                let pause = input.pause()?;
                self.pass(pause);
                return Ok(());
            }
            _ => self.own(input)?,
        }
        self.settle(1);
        Ok(())
    }

    /// What the process itself does.
    fn own(&mut self, input: &mut Input<'_>) -> Result<()> {
        let now = self.now;
        match input.byte()? % 12 {
            0 => self.both(|core| core.join(now).is_ok()),
            1..4 => {
                let (name, after) = (name(input.one_of(NAMES)?), input.number()?);
                let policy = input.one_of([Policy::TakeOver, Policy::FirstHolder])?;
                if let Some(name) = name {
                    self.both(|core| core.claim(now, name.clone(), policy, after).is_ok());
                }
            }
            4 => {
                let stage = input.one_of([Stage::Starting, Stage::Running, Stage::Stopping])?;
                self.both(|core| core.set_stage(now, stage));
            }
            5 => {
                let contract = "x".repeat(usize::from(input.byte()?));
                self.both(|core| core.describe(now, contract.clone(), vec![contract.clone()]).is_ok());
            }
            6 => {
                let watches = input.byte()? % 2 == 0;
                self.both(|core| core.set_watching(now, watches));
            }
            7 => {
                let other = node(input.one_of(NODES)?);
                self.both(|core| core.follow(now, other));
            }
            8 => {
                let other = node(input.one_of(NODES)?);
                self.both(|core| core.unfollow(now, other));
            }
            9 => {
                let other = node(input.one_of(NODES)?);
                self.both(|core| core.suspect(now, other));
            }
            10 => self.both(|core| core.survey(now)),
            _ => {
                if let Some(name) = name(input.one_of(NAMES)?) {
                    self.both(|core| core.find(now, &name));
                }
            }
        }
        Ok(())
    }

    fn both<R: PartialEq + std::fmt::Debug>(&mut self, mut call: impl FnMut(&mut Presence) -> R) {
        let [one, other] = self.cores.each_mut().map(&mut call);
        assert_eq!(one, other);
    }

    fn claim(&mut self, bytes: &[u8]) {
        let [one, other] = &mut self.cores;
        let Ok(view) = Claim::view(bytes) else { return assert!(Claim::decode(bytes).is_err()) };
        one.heard_claim(self.now, &view);
        let again = again::<Claim>(bytes);
        other.heard_claim(self.now, &Claim::view(&again).expect("it was a message before"));
    }

    fn ask(&mut self, bytes: &[u8]) {
        let [one, other] = &mut self.cores;
        let Ok(view) = Ask::view(bytes) else { return assert!(Ask::decode(bytes).is_err()) };
        one.heard_ask(self.now, &view);
        let again = again::<Ask>(bytes);
        other.heard_ask(self.now, &Ask::view(&again).expect("it was a message before"));
    }

    fn beat(&mut self, bytes: &[u8]) {
        let [one, other] = &mut self.cores;
        let Ok(view) = Beat::view(bytes) else { return assert!(Beat::decode(bytes).is_err()) };
        one.heard_beat(self.now, &view);
        let again = again::<Beat>(bytes);
        other.heard_beat(self.now, &Beat::view(&again).expect("it was a message before"));
    }

    /// Time passes, and the cores are called when they want to be.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut ticks = 0;
        while let Some(next) = self.cores[0].next_wakeup().filter(|&next| next <= end) {
            ticks += 1;
            assert!(ticks < 1000 + 20 * time.as_secs(), "it does not sleep: {:?}", self.cores[0]);
            self.now = self.now.max(next);
            let now = self.now;
            self.both(|core| core.tick(now));
            self.settle(1);
            assert!(self.cores[0].next_wakeup().is_none_or(|next| next > now), "it is never done");
        }
        self.now = end;
        self.both(|core| core.tick(end));
        self.settle(2);
    }

    /// Does what the cores want done after so many calls, and checks what can be seen of them.
    fn settle(&mut self, calls: usize) {
        let mut actions = 0;
        loop {
            let [one, other] = self.cores.each_mut().map(Presence::poll_action);
            assert_eq!(one, other, "it matters whether a message was decoded");
            let Some(action) = one else { break };
            actions += 1;
            self.act(&action);
        }
        // An event and a question for each that is remembered, and a few of its own.
        assert!(actions <= calls * (2 * MAX_NODES + 8), "{actions} actions");
        assert!(self.taken <= self.given, "displaced from a name that it did not have");
        let [core, other] = &self.cores;
        assert_eq!(core.counts(), other.counts());
        assert_eq!(core.next_wakeup(), other.next_wakeup());
        assert!(core.participants().count() <= MAX_NODES);
        for one in core.owners() {
            assert!(one.state.is_owning() && one.identity.node != core.node(), "{one:?}");
        }
        for one in core.participants() {
            let name = one.name.as_ref().filter(|_| one.state.is_owning());
            let owns =
                |name| core.owner(name).is_some_and(|(node, _)| node == one.identity.node || node == core.node());
            assert!(name.is_none_or(owns), "two own a name: {one:?}");
        }
        let heard = self.listener.counts();
        assert_eq!((heard.refused, heard.other_version), (0, 0), "it says what others do not understand");
        while self.listener.poll_action().is_some() {}
    }

    fn act(&mut self, action: &Action) {
        let me = self.cores[0].node();
        match action {
            Action::Claim(claim) => {
                assert_eq!(claim.node, ME);
                let bytes = claim.encode().expect("its texts have no NUL");
                self.listener.heard_claim(self.now, &Claim::view(&bytes).expect("it was just encoded"));
            }
            Action::Ask(ask) => {
                assert!(ask.asker == ME && ask.node != ME);
                let bytes = ask.encode().expect("its texts have no NUL");
                self.listener.heard_ask(self.now, &Ask::view(&bytes).expect("it was just encoded"));
            }
            Action::Beat(beat) => {
                let bytes = beat.encode().expect("it has no texts");
                self.listener.heard_beat(self.now, &Beat::view(&bytes).expect("it was just encoded"));
            }
            Action::Owned { epoch, .. } => {
                assert!(*epoch > 0);
                self.given += 1;
            }
            Action::Displaced { by, .. } => {
                assert_ne!(*by, me);
                self.taken += 1;
            }
            Action::Event(Event::Joined(participant) | Event::Changed(participant)) => {
                assert_ne!(participant.identity.node, me)
            }
            Action::Event(Event::Left { node, .. } | Event::Lost { node, .. } | Event::Displaced { node, .. }) => {
                assert_ne!(*node, me)
            }
            _ => {}
        }
    }

    fn leave(&mut self) {
        let now = self.now;
        self.both(|core| core.leave(now, Farewell::Failed));
        self.settle(1);
        self.pass(Duration::from_secs(1));
        assert!(self.cores[0].has_left() && self.cores[0].next_wakeup().is_none());
    }
}

/// The message decoded and encoded again, or as it is if it cannot be decoded because a text in it is not UTF-8.
fn again<M: Message>(bytes: &[u8]) -> Vec<u8> {
    M::decode(bytes).map_or_else(|_| bytes.to_vec(), |message| message.encode().expect("what was read can be written"))
}

fn claim(input: &mut Input<'_>) -> Result<Claim> {
    let lie = input.byte()?;
    Ok(Claim {
        version: if lie == 1 { 2 } else { 1 },
        state: input.byte()? % 9,
        node: input.one_of(NODES)?,
        epoch: input.number()?,
        serial: input.short_number()?,
        name: input.one_of(NAMES)?.to_owned(),
        class_name: "x".repeat(if lie == 2 { 200 } else { usize::from(lie % 4) }),
        pid: i32::from(lie),
        capabilities: vec![String::new(); if lie == 3 { 40 } else { usize::from(lie % 4) }],
        ..Claim::default()
    })
}

fn ask(input: &mut Input<'_>) -> Result<Ask> {
    Ok(Ask {
        version: 1,
        asker: input.one_of(NODES)?,
        node: input.one_of(NODES)?,
        name: input.one_of(NAMES)?.to_owned(),
        extension: Vec::new(),
    })
}

fn beat(input: &mut Input<'_>) -> Result<Beat> {
    Ok(Beat {
        version: 1,
        state: input.byte()? % 9,
        node: input.one_of(NODES)?,
        counter: input.short_number()?,
        handler_ms: input.short_number()?,
        ..Beat::default()
    })
}

fn node(number: i64) -> NodeId {
    NodeId::from_wire(if number == 0 { 1 } else { number }).expect("it is not 0")
}

fn name(text: &str) -> Option<Name> {
    text.parse().ok()
}

const ME: i64 = 50;
const OTHER: i64 = 51;

/// More than are remembered, below and above this one, and some that are none.
const NODES: [i64; 12] = [0, 1, 2, 49, ME, 52, 53, 54, 55, i64::MAX, i64::MIN, -1];

const NAMES: [&str; 6] = ["planner", "planner", "robot0/camera", "", "//", "\u{fffd}"];

const MAX_NODES: usize = 6;
