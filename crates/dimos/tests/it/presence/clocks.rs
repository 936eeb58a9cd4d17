//! Clocks that disagree and jump, and processes that are suspended at bad moments: time is what the core is told, and what others say
//! of theirs counts for nothing.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use dimos::presence::{Action, Event, Farewell, Policy, Presence};

use super::net::{Life, Net, Weather};
use super::{ms, name, secs};

/// All that a few processes are told, in a network with some of everything.
fn trace(start: Instant) -> String {
    let mut net = Net::beginning(start, 7, Weather::foul(0.2));
    let planner = name("planner");
    for index in 0..6 {
        net.add(|config| config.watching = index < 2);
    }
    for index in 0..2 {
        net.with(index, Presence::join).unwrap();
    }
    for index in 2..5 {
        net.with(index, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        net.run_for(ms(700));
    }
    net.suspend(4);
    net.with(5, |core, now| core.claim(now, planner.clone(), Policy::FirstHolder, 0)).unwrap();
    net.run_for(secs(20));
    net.resume(4, true);
    net.run_for(secs(70));
    net.with(5, |core, now| core.leave(now, Farewell::Gone));
    net.kill(3);
    net.run_for(secs(400));
    let mut trace = String::new();
    for (index, peer) in net.peers.iter().enumerate() {
        for (at, told) in &peer.told {
            writeln!(trace, "{index} {:?} {told:?}", *at - start).unwrap();
        }
        writeln!(trace, "{index} sent {} {:?}", peer.sent, peer.core.counts()).unwrap();
    }
    trace
}

#[test]
fn the_same_happens_whenever_it_happens() {
    let now = Instant::now();
    let trace = [Duration::ZERO, secs(1), Duration::from_nanos(1_234_567_891), secs(20 * 365 * 86_400)]
        .map(|after| self::trace(now + after));
    assert!(trace[0].lines().count() > 50);
    assert!(trace.iter().all(|other| *other == trace[0]));
}

#[test]
fn nothing_in_the_core_reads_a_clock_or_does_io() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/presence");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        files += 1;
        for source in
            ["::now(", "SystemTime", "elapsed(", "std::thread", "std::net", "std::fs", "::random(", "Rng::new("]
        {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let found: Vec<_> = code.filter(|line| line.contains(source)).collect();
            assert!(found.is_empty(), "{}: {found:?}", path.display());
        }
    }
    assert!(files > 10);
}

#[test]
fn clocks_that_disagree_change_nothing() {
    for seed in 0..20 {
        let mut net = Net::new(seed, Weather::foul(0.1));
        let planner = name("planner");
        for index in 0..8 {
            net.add(|config| config.watching = index >= 6);
            // Hours apart.
            net.jump(index, secs(5000 * index as u64));
        }
        for index in 6..8 {
            net.with(index, Presence::join).unwrap();
        }
        for index in 0..6 {
            net.with(index, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        }
        net.run_for(secs(130));
        assert!(net.agreed(&planner).is_some(), "seed {seed}: {:?}", net.holders(&planner));
        let newcomer = net.add(|_| {});
        net.with(newcomer, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(130));
        assert_eq!(net.agreed(&planner), Some(net.node(newcomer)), "seed {seed}");
    }
}

#[test]
fn a_clock_that_jumps_costs_nobody_its_name() {
    for seed in 0..20 {
        let mut net = Net::new(seed, Weather::foul(0.1));
        for index in 0..6 {
            net.add(|config| config.watching = index >= 3);
            let own = name(&format!("module{index}"));
            net.with(index, |core, now| core.claim(now, own, Policy::TakeOver, 0)).unwrap();
        }
        net.run_for(secs(5));
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..20 {
            let by = [ms(500), ms(1900), secs(3), secs(60), secs(3600), secs(100 * 86_400)][random.usize(0..6)];
            net.jump(random.usize(0..6), by);
            net.run_for(ms(random.u64(0..3000)));
        }
        net.run_for(secs(10));
        for index in 0..6 {
            assert_eq!(net.displacements(index), 0, "seed {seed}");
            let lost = net.events(index).into_iter().filter(|(_, event)| matches!(event, Event::Lost { .. }));
            assert_eq!(lost.count(), 0, "seed {seed}");
            for other in 3..6 {
                let expected = Some((net.node(index), 1));
                assert_eq!(net.core(other).owner(&name(&format!("module{index}"))), expected, "seed {seed}");
            }
        }
    }
}

#[test]
fn a_claimant_that_is_suspended_begins_anew() {
    for seed in 0..50 {
        for policy in [Policy::TakeOver, Policy::FirstHolder] {
            let mut net = Net::new(seed, Weather::foul(0.1));
            let planner = name("planner");
            let (first, second) = (net.add(|_| {}), net.add(|_| {}));
            net.with(first, |core, now| core.claim(now, planner.clone(), policy, 0)).unwrap();
            net.run_for(ms(seed * 4));
            net.suspend(first);
            net.with(second, |core, now| core.claim(now, planner.clone(), policy, 0)).unwrap();
            net.run_for(secs(30));
            assert_eq!(net.holders(&planner), [second]);
            net.resume(first, seed % 2 == 0);
            net.run_for(secs(70));
            let context = format!("seed {seed}, {policy:?}: {:?}", net.holders(&planner));
            assert!(net.agreed(&planner).is_some(), "{context}");
            let ended = |index| net.displacements(index) + net.refusals(index);
            assert_eq!(ended(first) + ended(second), 1, "{context}");
            // It respects the one that it hears only after it woke.
            assert!(policy == Policy::TakeOver || net.holders(&planner) == [second], "{context}");
        }
    }
}

#[test]
fn a_host_that_sleeps_as_a_whole_wakes_as_it_was() {
    for seed in 0..20 {
        let mut net = Net::new(seed, Weather::foul(0.1));
        for index in 0..10 {
            net.add(|config| config.watching = index < 3);
            let own = name(&format!("module{index}"));
            net.with(index, |core, now| core.claim(now, own, Policy::TakeOver, 0)).unwrap();
        }
        net.run_for(secs(5));
        for index in 0..10 {
            net.suspend(index);
        }
        net.run_for(secs(8 * 3600));
        let told: Vec<usize> = net.peers.iter().map(|peer| peer.told.len()).collect();
        for index in 0..10 {
            net.resume(index, index % 2 == 0);
            net.run_for(ms(seed * 20));
        }
        net.run_for(secs(10));
        assert!(net.peers.iter().all(|peer| peer.life == Life::Running));
        for (index, peer) in net.peers.iter().enumerate() {
            let bad = |action: &Action| {
                matches!(action, Action::Displaced { .. } | Action::Event(Event::Lost { .. } | Event::Displaced { .. }))
            };
            let news: Vec<_> = peer.told[told[index]..].iter().filter(|(_, action)| bad(action)).collect();
            assert!(news.is_empty(), "seed {seed}, process {index}: {news:?}");
        }
    }
}
