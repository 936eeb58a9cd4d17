//! Who lives, who is stuck, who is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use dimos::NodeId;
use dimos::presence::{Action, Event, Farewell, Policy, Presence, Stage, State, timing};

use super::net::{Net, Weather};
use super::{ms, name, secs};

/// A watcher, a process that follows the first worker, and workers.
fn crew(seed: u64, weather: Weather, workers: usize) -> Net {
    let mut net = Net::new(seed, weather);
    net.add(|config| config.watching = true);
    net.add(|_| {});
    for index in [0, 1] {
        net.with(index, Presence::join).unwrap();
    }
    for index in 2..2 + workers {
        net.add(|_| {});
        let name = name(&format!("worker{index}"));
        net.with(index, |core, now| core.claim(now, name, Policy::TakeOver, 0)).unwrap();
    }
    net.run_for(secs(3));
    for index in 2..2 + workers {
        net.with(index, |core, now| core.set_stage(now, Stage::Running));
    }
    let first = net.node(2);
    net.with(1, |core, now| core.follow(now, first));
    net.run_for(secs(2));
    net
}

fn lost(net: &Net, index: usize) -> BTreeMap<NodeId, Duration> {
    let lost = |(at, event)| match event {
        Event::Lost { node, .. } => Some((node, at)),
        _ => None,
    };
    net.events(index).into_iter().filter_map(lost).collect()
}

#[test]
fn a_dead_process_is_lost_in_time() {
    // Three beats, the last of which may come a tenth late, the probe, and what was on its way.
    let bound = ms(3300 + 125 + 8 * 157 + 100);
    let mut worst = Duration::ZERO;
    for seed in 0..40 {
        let mut net = crew(seed, Weather::foul(0.1), 3);
        let (node, died) = (net.node(2), net.now - net.start);
        assert_eq!(net.core(0).owner(&name("worker2")).unwrap().0, node, "seed {seed}");
        net.kill(2);
        net.run_for(secs(10));
        for observer in [0, 1] {
            let after = lost(&net, observer)[&node] - died;
            assert!(after > ms(2000) && after < bound, "seed {seed}: lost after {after:?}");
            assert_eq!(lost(&net, observer).len(), 1, "seed {seed}");
            assert_eq!(net.core(observer).owner(&name("worker2")), None);
            assert_eq!(net.core(observer).participant(node).unwrap().state, State::Lost);
            worst = worst.max(after);
        }
        // It is listed for a while.
        net.run_for(secs(320));
        assert_eq!(net.core(0).participant(node), None);
    }
    println!("lost after at most {worst:?}");
}

#[test]
fn a_living_process_is_never_lost() {
    for loss in [0.0, 0.1, 0.3] {
        let mut probes = 0;
        for seed in 0..5 {
            let mut net = crew(seed, Weather::foul(loss), 5);
            let before = net.sent;
            net.run_for(secs(300));
            probes += net.sent.asks - before.asks;
            for observer in 0..net.peers.len() {
                assert!(lost(&net, observer).is_empty(), "seed {seed}, loss {loss}");
            }
        }
        println!("loss {loss}: {probes} questions in 5 * 300 s for 7 processes");
    }
}

#[test]
fn any_message_counts_as_a_beat() {
    let mut net = crew(1, Weather::fair(), 1);
    let node = net.node(2);
    // It is silent, but its data arrives.
    net.kill(2);
    for _ in 0..10 {
        net.with(0, |core, now| core.heard(now, node));
        net.run_for(secs(3));
    }
    assert!(lost(&net, 0).is_empty());
    // The other follower hears nothing.
    assert_eq!(lost(&net, 1).len(), 1);
    net.run_for(secs(5));
    assert_eq!(lost(&net, 0).len(), 1);
    // It was not dead.
    net.with(0, |core, now| core.heard(now, node));
    assert_eq!(net.core(0).participant(node).unwrap().state, State::Running);
    assert_eq!(net.core(0).owner(&name("worker2")), Some((node, 1)));
    assert!(matches!(net.events(0).last(), Some((_, Event::Joined(_)))));
}

#[test]
fn a_process_is_not_watched_by_itself() {
    let mut net = crew(5, Weather::fair(), 1);
    let me = net.node(0);
    let before = net.sent.asks;
    for call in [Presence::follow, Presence::suspect, Presence::unfollow] {
        net.with(0, |core, now| call(core, now, me));
        net.run_for(secs(6));
    }
    assert_eq!(net.sent.asks, before);
    assert!(lost(&net, 0).is_empty());
}

#[test]
fn a_suspicion_is_settled_in_a_second() {
    let mut net = crew(2, Weather::fair(), 2);
    let (dead, alive) = (net.node(2), net.node(3));
    net.kill(2);
    for node in [dead, alive] {
        net.with(1, |core, now| core.suspect(now, node));
    }
    net.run_for(ms(1100));
    assert_eq!(lost(&net, 1).keys().collect::<Vec<_>>(), [&dead]);
}

#[test]
fn a_long_handler_is_stuck_until_it_ends() {
    let mut net = crew(3, Weather::fair(), 2);
    let node = net.node(2);
    net.peers[2].handler_ms = 700;
    net.run_for(secs(2));
    assert_eq!(net.core(0).participant(node).unwrap().state, State::Running);
    for handler_ms in [1000, 2000, 3000] {
        net.peers[2].handler_ms = handler_ms;
        net.run_for(secs(1));
    }
    assert_eq!(net.core(0).participant(node).unwrap().state, State::Stuck);
    assert_eq!(net.core(0).owner(&name("worker2")), Some((node, 1)));
    net.peers[2].handler_ms = 0;
    net.run_for(secs(2));
    assert_eq!(net.core(0).participant(node).unwrap().state, State::Running);
    for observer in [0, 1] {
        let count =
            |net: &Net, is: fn(&Event) -> bool| net.events(observer).iter().filter(|(_, event)| is(event)).count();
        assert_eq!(count(&net, |event| matches!(event, Event::Stuck { .. })), 1);
        assert_eq!(count(&net, |event| matches!(event, Event::Unstuck { .. })), 1);
    }
}

#[test]
fn who_slept_does_not_think_that_the_others_died() {
    for seed in 0..20 {
        for reads_first in [false, true] {
            let mut net = crew(seed, Weather::foul(0.1), 5);
            let dead = net.node(6);
            net.suspend(0);
            net.suspend(1);
            net.run_for(secs(3600));
            net.kill(6);
            net.resume(0, reads_first);
            net.resume(1, reads_first);
            net.run_for(secs(20));
            assert_eq!(lost(&net, 0).into_keys().collect::<Vec<_>>(), [dead], "seed {seed}");
            assert!(lost(&net, 1).is_empty(), "seed {seed}");
        }
    }
}

#[test]
fn a_late_watcher_learns_who_is_there() {
    for (loss, within) in [(0.0, ms(100)), (0.1, ms(5000)), (0.3, ms(10_000))] {
        let mut worst = Duration::ZERO;
        for seed in 0..6 {
            let mut net = crew(seed, Weather::foul(loss), 30);
            let late = net.add(|config| config.watching = true);
            net.with(late, Presence::join).unwrap();
            let end = net.now + within;
            let took = net.run_until(end, |net| net.core(late).participants().count() == 32);
            assert!(took.is_some(), "seed {seed}, loss {loss}: {}", net.core(late).participants().count());
            assert_eq!(net.core(late).owners().count(), 30);
            worst = worst.max(took.unwrap());
        }
        println!("loss {loss}: a late watcher knew 32 others after at most {worst:?}");
    }
}

#[test]
fn watching_can_begin_later_and_end() {
    let mut net = crew(4, Weather::fair(), 3);
    assert!(!net.core(2).wants_beats());
    let dead = net.node(4);
    net.kill(4);
    net.run_for(secs(60));
    net.with(2, |core, now| core.set_watching(now, true));
    assert!(net.core(2).wants_beats());
    net.run_for(secs(3));
    assert!(lost(&net, 2).is_empty());
    net.run_for(secs(2));
    assert!(lost(&net, 2).contains_key(&dead));
    net.with(2, |core, now| core.set_watching(now, false));
    let follow = net.node(3);
    net.with(2, |core, now| core.follow(now, follow));
    assert!(net.core(2).wants_beats());
    net.with(2, |core, now| core.unfollow(now, follow));
    net.run_for(secs(9));
    assert!(net.core(2).wants_beats());
    net.run_for(secs(3));
    assert!(!net.core(2).wants_beats());
    // Who does not watch forgets the dead, too, only later.
    assert!(lost(&net, 3).is_empty());
    net.run_for(secs(300));
    assert!(lost(&net, 3).contains_key(&dead));
}

#[test]
fn changes_reach_everybody() {
    for seed in 0..50 {
        let mut net = crew(seed, Weather::foul(0.3), 2);
        net.with(2, |core, now| core.describe(now, "abc".into(), vec!["Camera".into()])).unwrap();
        net.with(3, |core, now| core.set_stage(now, Stage::Stopping));
        net.run_for(secs(10));
        let (two, three) = (net.node(2), net.node(3));
        let watcher = net.core(0);
        assert_eq!(
            watcher.with_capability("Camera").map(|other| other.identity.node).collect::<Vec<_>>(),
            [two],
            "seed {seed}"
        );
        assert_eq!(watcher.participant(two).unwrap().identity.contract, "abc");
        assert_eq!(watcher.participant(three).unwrap().state, State::Stopping, "seed {seed}");
    }
}

#[test]
fn names_are_found_by_question_class_and_part() {
    let mut net = Net::new(8, Weather::foul(0.3));
    for (text, class) in [("robot0/camera", "Camera"), ("robot1/arm/camera", "Camera"), ("robot1/base", "Base")] {
        let index = net.add(|config| config.identity.class_name = class.into());
        net.with(index, |core, now| core.claim(now, name(text), Policy::TakeOver, 0)).unwrap();
    }
    net.run_for(secs(5));
    let caller = net.add(|_| {});
    net.with(caller, Presence::join).unwrap();
    assert_eq!(net.core(caller).participants().count(), 0);
    net.with(caller, |core, now| core.find(now, &name("robot1/base")));
    net.run_for(secs(3));
    let base = net.node(2);
    assert_eq!(net.core(caller).owner(&name("robot1/base")), Some((base, 1)));
    assert!(!net.core(caller).is_searching());
    net.with(caller, Presence::survey);
    net.with(caller, Presence::survey);
    net.run_for(secs(3));
    net.with(caller, Presence::survey);
    let end = net.now + timing::SURVEY_GAP * (timing::SURVEY_WINDOWS + 1);
    assert!(net.run_until(end, |net| !net.core(caller).is_surveying()).is_some());
    let core = net.core(caller);
    assert_eq!(core.of_class("Camera").count(), 2);
    assert_eq!(core.with_last_part("camera", None).count(), 2);
    assert_eq!(core.with_last_part("camera", Some("robot1")).count(), 1);
    assert_eq!(core.with_last_part("camera", Some("robot")).count(), 0);
    assert_eq!(core.owner(&name("robot1")), None);
}

#[test]
fn a_name_is_found_within_two_seconds_or_not_at_all() {
    let mut found = 0;
    for seed in 0..200 {
        let mut net = Net::new(seed, Weather::foul(0.3));
        let owner = net.add(|_| {});
        net.with(owner, |core, now| core.claim(now, name("base"), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(5));
        let caller = net.add(|_| {});
        net.with(caller, Presence::join).unwrap();
        let (end, base, nobody) = (net.now + secs(2), name("base"), name("nobody"));
        net.with(caller, |core, now| core.find(now, &base));
        net.with(caller, |core, now| core.find(now, &nobody));
        assert!(net.run_until(end, |net| !net.core(caller).is_searching()).is_some(), "seed {seed}");
        assert!(!net.core(caller).is_finding(&nobody), "seed {seed}");
        found += usize::from(net.core(caller).owner(&base).is_some());
    }
    assert!(found >= 199, "{found} of 200");
}

#[test]
fn a_host_that_dies_is_asked_for_once_by_all_its_watchers() {
    let mut net = Net::new(10, Weather::fair());
    for _ in 0..5 {
        let index = net.add(|config| config.watching = true);
        net.with(index, Presence::join).unwrap();
    }
    for index in 5..105 {
        net.add(|_| {});
        let own = name(&format!("module{index}"));
        net.with(index, |core, now| core.claim(now, own, Policy::TakeOver, 0)).unwrap();
    }
    net.run_for(secs(5));
    let before = net.sent.asks;
    for index in 5..105 {
        net.kill(index);
    }
    net.run_for(secs(6));
    for watcher in 0..5 {
        assert_eq!(lost(&net, watcher).len(), 100);
    }
    let asks = net.sent.asks - before;
    println!("100 dead, 5 watchers: {asks} questions");
    assert!(asks < 100 * 8 * 3 / 2, "{asks}");
}

#[test]
fn farewells_are_heard() {
    for seed in 0..50 {
        let mut net = crew(seed, Weather::foul(0.1), 10);
        let before = net.core(0).participants().count();
        for index in 2..12 {
            net.with(index, |core, now| core.leave(now, Farewell::Gone));
        }
        net.run_for(ms(100));
        assert!(net.core(0).participants().count() <= before - 9, "seed {seed}");
        // Who missed all three of one notices when that is silent.
        net.run_for(secs(8));
        assert_eq!(net.core(0).owners().count(), 0, "seed {seed}");
        let displaced =
            |peer: &super::net::Peer| peer.told.iter().any(|(_, action)| matches!(action, Action::Displaced { .. }));
        assert!(!net.peers.iter().any(displaced), "seed {seed}");
    }
}

#[test]
fn while_the_network_is_down_nobody_is_lost_and_who_dies_meanwhile_is_lost_afterwards() {
    for seed in 0..10 {
        let mut net = crew(seed, Weather::foul(0.05), 4);
        let before = std::mem::replace(&mut net.weather, Weather::foul(1.0));
        net.run_for(secs(5));
        let dead = net.node(3);
        net.kill(3);
        net.run_for(secs(30));
        assert!(lost(&net, 0).is_empty(), "seed {seed}: {:?}", lost(&net, 0));
        net.weather = before;
        net.run_for(secs(10));
        assert_eq!(lost(&net, 0).into_keys().collect::<Vec<_>>(), [dead], "seed {seed}");
    }
}
