//! Claims, questions and beats that nobody should send: no panic, bounded memory, and the good ones go on.

use std::time::{Duration, Instant};

use dimos::NodeId;
use dimos::presence::{Action, Config, Event, Identity, Policy, Presence, Stage, limits};
use lcm::Message;
use lcm_types::dimos_mesh::{Ask, Beat, Claim};
use proptest::prelude::*;

use super::net::{Net, Weather};
use super::{ms, name, secs};

fn claim(node: i64, name: &str, epoch: i64) -> Claim {
    Claim {
        version: 1,
        state: Claim::RUNNING.cast_unsigned(),
        node,
        epoch,
        serial: 1,
        name: name.to_owned(),
        ..Claim::default()
    }
}

fn hear(core: &mut Presence, now: Instant, claim: &Claim) {
    core.heard_claim(now, &Claim::view(&claim.encode().unwrap()).unwrap());
}

fn drain(core: &mut Presence) -> usize {
    std::iter::from_fn(|| core.poll_action()).count()
}

#[test]
fn what_makes_no_sense_is_refused_and_counted() {
    let now = Instant::now();
    let mut core = Presence::new(now, Config::new(Identity::new(NodeId::from_wire(1).unwrap()))).unwrap();
    let good = claim(2, "planner", 1);
    let long = |bytes: usize| "x".repeat(bytes);
    let bad = [
        Claim { node: 0, ..good.clone() },
        Claim { state: 0, ..good.clone() },
        Claim { state: 99, ..good.clone() },
        Claim { epoch: 0, ..good.clone() },
        Claim { epoch: i64::MIN, ..good.clone() },
        Claim { name: "/planner".into(), ..good.clone() },
        Claim { name: "pl anner".into(), ..good.clone() },
        Claim { name: long(201), ..good.clone() },
        Claim { class_name: long(limits::MAX_CLASS_BYTES + 1), ..good.clone() },
        Claim { host: long(limits::MAX_HOST_BYTES + 1), ..good.clone() },
        Claim { host_id: long(limits::MAX_HOST_ID_BYTES + 1), ..good.clone() },
        Claim { run_id: long(limits::MAX_RUN_ID_BYTES + 1), ..good.clone() },
        Claim { contract: long(limits::MAX_CONTRACT_BYTES + 1), ..good.clone() },
        Claim { capabilities: vec![String::new(); limits::MAX_CAPABILITIES + 1], ..good.clone() },
        Claim { capabilities: vec![long(limits::MAX_CAPABILITY_BYTES + 1)], ..good.clone() },
    ];
    for claim in &bad {
        hear(&mut core, now, claim);
    }
    // Not UTF-8.
    let mut bytes = good.encode().unwrap();
    let at = bytes.windows(7).position(|window| window == b"planner").unwrap();
    bytes[at] = 0xff;
    core.heard_claim(now, &Claim::view(&bytes).unwrap());
    assert_eq!(core.counts().refused, bad.len() as u64 + 1);
    hear(&mut core, now, &Claim { version: 2, ..good.clone() });
    assert_eq!(core.counts().other_version, 1);
    assert_eq!((core.participants().count(), core.counts().claims), (0, 0));

    hear(&mut core, now, &good);
    assert_eq!((core.participants().count(), core.counts().claims), (1, 1));
    hear(&mut core, now, &good);
    assert_eq!(core.counts().stale, 1);
    // As if it was this process's own.
    hear(&mut core, now, &claim(1, "planner", i64::MAX));
    assert_eq!(core.counts().claims, 1);
}

#[test]
fn a_flood_of_forged_processes_does_not_crowd_out_the_good_ones() {
    let mut net = Net::new(1, Weather::fair());
    let watcher = net.add(|config| (config.watching, config.max_nodes) = (true, 1000));
    net.with(watcher, Presence::join).unwrap();
    for index in 0..50 {
        let worker = net.add(|_| {});
        let own = name(&format!("worker{index}"));
        net.with(worker, |core, now| core.claim(now, own, Policy::TakeOver, 0)).unwrap();
    }
    net.run_for(secs(2));
    // Straight into the core: 100,000 a second.
    let mut now = net.now;
    let workers: Vec<_> = (1..51).map(|index| net.node(index)).collect();
    let core = &mut net.peers[watcher].core;
    let mut forged = claim(0, "x", 1);
    let mut asks = 0;
    for number in 0..300_000_i64 {
        forged.node = number + 1_000_000;
        hear(core, now, &forged);
        now += Duration::from_micros(10);
        if number % 100_000 == 0 {
            // The good ones beat.
            for &worker in &workers {
                core.heard(now, worker);
            }
        }
        if number % 100 == 0 {
            core.tick(now);
        }
        while let Some(action) = core.poll_action() {
            asks += u64::from(matches!(action, Action::Ask(_)));
        }
        assert!(number % 1000 != 0 || core.participants().count() <= 1000);
    }
    assert!(core.participants().count() <= 1000);
    assert!(core.counts().crowded_out > 290_000, "{:?}", core.counts());
    for worker in workers {
        assert!(core.participant(worker).is_some_and(|worker| worker.state.is_owning()));
    }
    println!("{asks} questions");
    assert!(asks < 256 * 8 * 10);
}

#[test]
fn forged_beats_start_few_questions() {
    let now = Instant::now();
    let config = Config { watching: true, ..Config::new(Identity::new(NodeId::from_wire(1).unwrap())) };
    let mut core = Presence::new(now, config).unwrap();
    let mut asks = 0;
    for number in 0..300_000_u32 {
        let now = now + Duration::from_micros(30) * number;
        let beat = Beat { version: 1, state: 3, node: i64::from(number) + 10, counter: 1, ..Beat::default() };
        core.heard_beat(now, &Beat::view(&beat.encode().unwrap()).unwrap());
        core.tick(now);
        while let Some(action) = core.poll_action() {
            asks += u64::from(matches!(action, Action::Ask(_)));
        }
    }
    println!("{asks} questions for 300,000 unknown nodes in 9 s");
    assert!(asks < 8000, "{asks}");
    assert!(core.counts().beats_ignored > 280_000);
    assert_eq!(core.participants().count(), 0);
}

#[test]
fn an_owner_does_not_answer_more_often_than_it_may() {
    let mut now = Instant::now();
    let mut core = Presence::new(now, Config::new(Identity::new(NodeId::from_wire(1).unwrap()))).unwrap();
    core.claim(now, name("planner"), Policy::TakeOver, 100).unwrap();
    for _ in 0..20 {
        now += ms(20);
        core.tick(now);
    }
    drain(&mut core);
    let before = core.counts().claims_sent;
    for number in 0..100_000_i32 {
        now += Duration::from_micros(10);
        // It claims the name in vain, and asks.
        hear(&mut core, now, &Claim { serial: number, ..claim(7, "planner", 1) });
        for (node, name) in [(0, ""), (1, ""), (0, "planner")] {
            let ask = Ask { version: 1, asker: 7, node, name: name.into(), ..Ask::default() };
            core.heard_ask(now, &Ask::view(&ask.encode().unwrap()).unwrap());
        }
        drain(&mut core);
    }
    let claims = core.counts().claims_sent - before;
    assert!(claims <= 52, "{claims} in 1 s");
    assert!(core.owned().is_some());
}

#[test]
fn forged_epochs_displace_once_and_nothing_worse() {
    for epoch in [1, 2, 1000, i64::MAX - 1, i64::MAX] {
        let mut net = Net::new(3, Weather::fair());
        let (owner, watcher) = (net.add(|_| {}), net.add(|config| config.watching = true));
        net.with(watcher, Presence::join).unwrap();
        net.with(owner, |core, now| core.claim(now, name("planner"), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(3));
        for serial in 0..20 {
            net.forge_claim(&Claim { serial, ..claim(-1, "planner", epoch.saturating_add(i64::from(serial))) });
            net.run_for(ms(100));
        }
        net.run_for(secs(10));
        assert_eq!(net.displacements(owner), 1, "epoch {epoch}");
        // The forger never answers, so the name comes free.
        assert_eq!(net.core(watcher).owner(&name("planner")), None);
        let heir = net.add(|_| {});
        net.with(heir, |core, now| core.claim(now, name("planner"), Policy::FirstHolder, 0)).unwrap();
        net.run_for(secs(3));
        assert_eq!(net.holders(&name("planner")), [heir], "epoch {epoch}");
    }
}

#[test]
fn a_claim_in_the_name_of_another_is_outdone() {
    let mut net = Net::new(4, Weather::fair());
    let (owner, watcher) = (net.add(|_| {}), net.add(|config| config.watching = true));
    net.with(watcher, Presence::join).unwrap();
    net.with(owner, |core, now| core.claim(now, name("planner"), Policy::TakeOver, 0)).unwrap();
    net.run_for(secs(3));
    let node = net.node(owner);
    let gone =
        Claim { state: Claim::GONE.cast_unsigned(), serial: i32::MAX - 3, ..claim(node.to_wire(), "planner", 1) };
    net.forge_claim(&gone);
    net.run_for(ms(100));
    assert_eq!(net.core(watcher).owner(&name("planner")), None);
    net.run_for(secs(2));
    assert_eq!(net.core(watcher).owner(&name("planner")), Some((node, 1)));
    assert_eq!(net.core(owner).counts().impersonated, 1);
}

#[derive(Debug, Clone)]
enum Input {
    Claim(Claim),
    Ask(Ask),
    Beat(Beat),
    Call(u8),
    Wait(u64),
}

fn input() -> impl Strategy<Value = Input> {
    let node = prop_oneof![0..8_i64, Just(-1), Just(i64::MIN), Just(i64::MAX), any::<i64>()];
    let epoch = prop_oneof![-1..5_i64, Just(i64::MIN), Just(i64::MAX), Just(i64::MAX - 1)];
    let serial = prop_oneof![-3..10_i32, any::<i32>()];
    let text = prop_oneof![Just("planner"), Just("a/b"), Just(""), Just("//"), Just("\u{fffd}")];
    let claims = (node.clone(), epoch, serial.clone(), text.clone(), 0..9_u8, any::<bool>());
    let claims = claims.prop_map(|(node, epoch, serial, name, state, is_long)| {
        let capabilities = vec!["x".repeat(if is_long { 200 } else { 3 }); 3];
        Input::Claim(Claim { state, serial, capabilities, ..claim(node, name, epoch) })
    });
    let asks = (node.clone(), node.clone(), text).prop_map(|(asker, node, name)| {
        Input::Ask(Ask { version: 1, asker, node, name: name.into(), extension: vec![] })
    });
    let beats = (node, serial, 0..9_u8, any::<i32>()).prop_map(|(node, counter, state, handler_ms)| {
        Input::Beat(Beat { version: 1, node, counter, state, handler_ms, ..Beat::default() })
    });
    let wait = prop_oneof![0..300_u64, Just(1000), Just(5000), Just(100_000)].prop_map(Input::Wait);
    prop_oneof![4 => claims, 1 => asks, 2 => beats, 1 => (0..12_u8).prop_map(Input::Call), 3 => wait]
}

proptest! {
    /// Whatever comes, in whatever order: no panic, at most one displacement for each time the name was owned, memory within
    /// bounds, and a core that goes to sleep.
    #[test]
    fn anything_may_arrive(inputs in proptest::collection::vec(input(), 0..200), seed in any::<u64>()) {
        let mut now = Instant::now();
        let me = NodeId::from_wire(3).unwrap();
        let config = Config { seed, max_nodes: 5, ..Config::new(Identity::new(me)) };
        let mut core = Presence::new(now, config).unwrap();
        let (mut owned, mut displaced) = (0, 0);
        for input in inputs {
            match input {
                Input::Claim(claim) => hear(&mut core, now, &claim),
                Input::Ask(ask) => core.heard_ask(now, &Ask::view(&ask.encode().unwrap()).unwrap()),
                Input::Beat(beat) => core.heard_beat(now, &Beat::view(&beat.encode().unwrap()).unwrap()),
                Input::Call(0) => drop(core.join(now)),
                Input::Call(1) => drop(core.claim(now, name("planner"), Policy::TakeOver, 0)),
                Input::Call(2) => drop(core.claim(now, name("planner"), Policy::FirstHolder, 0)),
                Input::Call(3) => core.set_watching(now, true),
                Input::Call(4) => core.set_watching(now, false),
                Input::Call(5) => core.follow(now, NodeId::from_wire(2).unwrap()),
                Input::Call(6) => core.unfollow(now, NodeId::from_wire(2).unwrap()),
                Input::Call(7) => core.heard(now, NodeId::from_wire(4).unwrap()),
                Input::Call(8) => core.set_stage(now, Stage::Running),
                Input::Call(9) => core.suspect(now, NodeId::from_wire(4).unwrap()),
                Input::Call(10) => core.survey(now),
                Input::Call(_) => core.find(now, &name("a/b")),
                Input::Wait(ms) => {
                    let end = now + Duration::from_millis(ms);
                    let mut ticks = 0;
                    while let Some(next) = core.next_wakeup().filter(|&next| next <= end) {
                        now = now.max(next);
                        core.tick(now);
                        ticks += 1;
                        prop_assert!(ticks < 10_000, "it does not sleep");
                    }
                    now = end;
                    core.tick(now);
                }
            }
            while let Some(action) = core.poll_action() {
                match action {
                    Action::Owned { .. } => owned += 1,
                    Action::Displaced { by, .. } => {
                        displaced += 1;
                        prop_assert_ne!(by, me);
                    }
                    Action::Claim(claim) => prop_assert!(claim.encode().is_ok() && claim.node == 3),
                    Action::Event(Event::Joined(other)) => prop_assert_ne!(other.identity.node, me),
                    _ => {}
                }
            }
            prop_assert!(displaced <= owned);
            prop_assert!(core.participants().count() <= 5);
            for other in core.owners() {
                prop_assert!(other.state.is_owning(), "{:?}", other);
            }
        }
    }
}
