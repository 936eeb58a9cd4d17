//! One name, one owner: whatever the network does, and whoever sleeps.

use std::time::Duration;

use dimos::presence::{Action, ClaimError, Event, Farewell, JoinError, Policy, Presence, Stage, State, timing};
use dimos::{Name, NodeId};
use lcm_types::dimos_mesh::Claim;

use super::net::{Net, Weather};
use super::{ms, name, secs};

/// Claimants of one name at about the same time, and some who only look on. Returns after how long there was
/// one owner, and after how long all agreed.
fn contest(seed: u64, loss: f64, claimants: usize, policy: Policy, within_ms: u64) -> (Duration, Duration) {
    let mut net = Net::new(seed, Weather::foul(loss));
    let planner = name("planner");
    for index in 0..claimants + 3 {
        net.add(|config| config.watching = index > claimants);
    }
    for index in claimants..claimants + 3 {
        net.with(index, Presence::join).unwrap();
    }
    net.run_for(secs(1));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut starts: Vec<_> = (0..claimants).map(|index| (ms(random.u64(0..=within_ms)), index)).collect();
    starts.sort();
    let begin = net.now;
    for (after, index) in starts {
        let wait = (begin + after) - net.now;
        net.run_for(wait);
        net.with(index, |core, now| core.claim(now, planner.clone(), policy, 0)).unwrap();
    }
    let begin = net.now;
    let settled = |net: &Net| {
        let is_claiming = |index: usize| {
            let done = net.displacements(index) + net.refusals(index) > 0;
            !done && net.core(index).owned().is_none()
        };
        net.holders(&planner).len() == 1 && !(0..claimants).any(is_claiming)
    };
    let one = net.run_until(begin + secs(120), settled);
    let one =
        one.unwrap_or_else(|| panic!("seed {seed}, loss {loss}, {claimants}: {:?} hold it", net.holders(&planner)));
    let took = net.run_until(begin + secs(120), |net| net.agreed(&planner).is_some()).map(|more| one + more);
    let took =
        took.unwrap_or_else(|| panic!("seed {seed}, loss {loss}, {claimants}: {:?} hold it", net.holders(&planner)));
    // It stays so, once those who did not know have learned.
    net.run_for(secs(70));
    assert!(net.agreed(&planner).is_some(), "seed {seed}, loss {loss}: {:?} hold it", net.holders(&planner));
    let winner = net.holders(&planner)[0];
    for index in 0..claimants {
        let (displaced, refused) = (net.displacements(index), net.refusals(index));
        let expected = usize::from(index != winner);
        assert_eq!(displaced + refused, expected, "seed {seed}, loss {loss}: process {index} of {claimants}");
        assert!(refused == 0 || policy == Policy::FirstHolder, "seed {seed}, loss {loss}");
    }
    (one, took)
}

fn contests(claimants: usize, policy: Policy, within_ms: u64) {
    for loss in [0.0, 0.1, 0.3] {
        let (mut one, mut all): (Vec<_>, Vec<_>) =
            (0..SEEDS).map(|seed| contest(seed, loss, claimants, policy, within_ms)).unzip();
        for (what, times) in [("one owner", &mut one), ("all agreed", &mut all)] {
            times.sort();
            let [median, nine_tenths, worst] =
                [times.len() / 2, times.len() * 9 / 10, times.len() - 1].map(|at| times[at]);
            println!(
                "{claimants} claimants, {policy:?}, within {within_ms} ms, loss {loss}: {what} after {median:.0?}, \
                 90 % {nine_tenths:.0?}, worst {worst:.0?}"
            );
        }
    }
}

/// Runs of each kind.
const SEEDS: u64 = 12;

#[test]
fn two_claims_at_the_same_moment_have_one_winner() {
    contests(2, Policy::TakeOver, 0);
    contests(2, Policy::FirstHolder, 0);
}

#[test]
fn two_overlapping_claims_have_one_winner() {
    contests(2, Policy::TakeOver, 400);
    contests(2, Policy::FirstHolder, 400);
}

#[test]
fn ten_claims_have_one_winner() {
    contests(10, Policy::TakeOver, 0);
    contests(10, Policy::FirstHolder, 0);
    contests(10, Policy::TakeOver, 400);
    contests(10, Policy::FirstHolder, 400);
}

#[test]
fn a_restarted_module_takes_its_name_over() {
    for (loss, seeds) in [(0.0, 20), (0.1, 60), (0.3, 200)] {
        let mut against_intention = 0;
        for seed in 0..seeds {
            let mut net = Net::new(seed, Weather::foul(loss));
            let planner = name("planner");
            let (old, new) = (net.add(|_| {}), net.add(|_| {}));
            net.with(old, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
            net.run_for(secs(5));
            net.with(new, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
            net.run_for(secs(130));
            assert!(net.agreed(&planner).is_some(), "seed {seed}, loss {loss}");
            against_intention += u32::from(net.holders(&planner) != [new]);
        }
        println!("taken over at loss {loss}: {against_intention} of {seeds} went to the older one");
        assert!(against_intention == 0, "loss {loss}");
    }
}

#[test]
fn a_first_holder_stays_while_it_lives() {
    for (loss, seeds) in [(0.0, 20), (0.1, 60), (0.3, 200)] {
        let mut broken = 0;
        for seed in 0..seeds {
            let mut net = Net::new(seed, Weather::foul(loss));
            let coordinator = name("coordinator");
            let (first, second) = (net.add(|_| {}), net.add(|_| {}));
            net.with(first, |core, now| core.claim(now, coordinator.clone(), Policy::FirstHolder, 0)).unwrap();
            net.run_for(secs(5));
            net.with(second, |core, now| core.claim(now, coordinator.clone(), Policy::FirstHolder, 0)).unwrap();
            net.run_for(secs(130));
            broken += u32::from(net.holders(&coordinator) != [first]);
            if net.refusals(second) == 1 {
                let refused = net.peers[second].told.iter().find_map(|(_, action)| match action {
                    Action::Refused(error) => Some(error.clone()),
                    _ => None,
                });
                let (node, host) = (net.node(first), "robot".to_owned());
                assert_eq!(refused, Some(ClaimError::Held { name: coordinator, node, host, pid: 1000 }));
            } else {
                assert_eq!(net.displacements(second), 1, "seed {seed}");
            }
        }
        println!("first holder at loss {loss}: displaced in {broken} of {seeds}");
        assert_eq!(broken, 0, "loss {loss}");
    }
}

#[test]
fn a_name_is_granted_after_its_holder_left_or_died() {
    for seed in 0..50 {
        let mut net = Net::new(seed, Weather::foul(0.1));
        let coordinator = name("coordinator");
        let claim = |net: &mut Net| {
            let index = net.add(|_| {});
            net.with(index, |core, now| core.claim(now, coordinator.clone(), Policy::FirstHolder, 0)).unwrap();
            net.run_for(secs(3));
            index
        };
        let first = claim(&mut net);
        net.with(first, |core, now| core.leave(now, Farewell::Gone));
        net.run_for(ms(100));
        assert!(net.core(first).has_left());
        let second = claim(&mut net);
        assert_eq!(net.holders(&coordinator), [second], "seed {seed}");
        net.kill(second);
        let third = claim(&mut net);
        assert_eq!(net.holders(&coordinator), [third], "seed {seed}");
        let fourth = claim(&mut net);
        assert_eq!((net.holders(&coordinator), net.refusals(fourth)), (vec![third], 1), "seed {seed}");
    }
}

/// The owner sleeps, somebody else takes the name without hearing of it, and the sleeper wakes.
fn sleep_and_wake(seed: u64, policy: Policy, loss: f64, reads_first: bool) {
    let mut net = Net::new(seed, Weather::foul(loss));
    let planner = name("planner");
    let sleeper = net.add(|_| {});
    // Several lives of the name, so that the sleeper's epoch is the larger one.
    net.with(sleeper, |core, now| core.claim(now, planner.clone(), policy, 41)).unwrap();
    net.run_for(secs(5));
    net.suspend(sleeper);
    let new = net.add(|_| {});
    let watcher = net.add(|config| config.watching = true);
    net.with(watcher, Presence::join).unwrap();
    net.with(new, |core, now| core.claim(now, planner.clone(), policy, 0)).unwrap();
    net.run_for(secs(30));
    assert_eq!(net.holders(&planner), [new]);
    net.resume(sleeper, reads_first);
    net.run_for(secs(130));
    let context = format!("seed {seed}, {policy:?}, loss {loss}, reads first {reads_first}");
    assert_eq!(net.holders(&planner), [new], "{context}");
    assert_eq!((net.displacements(sleeper), net.displacements(new)), (1, 0), "{context}");
    assert_eq!(net.agreed(&planner), Some(net.node(new)), "{context}");
    let again = net.with(sleeper, |core, now| core.claim(now, planner.clone(), policy, 0));
    assert_eq!(again, Err(JoinError::Displaced { name: planner }));
}

#[test]
fn a_process_that_was_suspended_does_not_take_its_name_back() {
    for seed in 0..20 {
        for policy in [Policy::TakeOver, Policy::FirstHolder] {
            for loss in [0.0, 0.1, 0.3] {
                sleep_and_wake(seed, policy, loss, seed % 2 == 0);
            }
        }
    }
}

#[test]
fn a_sleeper_learns_at_once() {
    let mut net = Net::new(1, Weather::fair());
    let planner = name("planner");
    let (old, new) = (net.add(|_| {}), net.add(|_| {}));
    net.with(old, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
    net.run_for(secs(1));
    net.with(new, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
    net.run_for(timing::LISTEN);
    // The claim of the new owner is under way.
    net.run_for(ms(1));
    assert_eq!(net.displacements(old), 1);
    net.run_for(ms(50));
    let seen = net.core(new).participant(net.node(old)).unwrap();
    assert_eq!((seen.state, seen.name.as_ref()), (State::Displaced, Some(&planner)));
}

#[test]
fn an_owner_insists_until_it_is_believed() {
    let mut net = Net::new(11, Weather::fair());
    let planner = name("planner");
    let owner = net.add(|_| {});
    net.with(owner, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 7)).unwrap();
    net.run_for(secs(10));
    let forged = |state: i8, serial| Claim {
        version: 1,
        state: state.cast_unsigned(),
        node: -1,
        epoch: 3,
        serial,
        name: "planner".into(),
        ..Claim::default()
    };
    let before = net.sent.claims;
    net.forge_claim(&forged(Claim::RUNNING, 1));
    net.run_for(ms(1));
    assert_eq!(net.sent.claims - before, 1);
    // 40, 80, 160 ms later, more or less by a quarter.
    net.run_for(ms(400));
    assert_eq!(net.sent.claims - before, 4);
    net.forge_claim(&forged(Claim::DISPLACED, 2));
    net.run_for(secs(10));
    assert!(net.sent.claims - before <= 5);
    // Nor does it go on for ever.
    let before = net.sent.claims;
    net.forge_claim(&forged(Claim::RUNNING, 3));
    net.run_for(secs(30));
    assert_eq!(net.sent.claims - before, 1 + u64::from(timing::INSIST_LIMIT));
    assert_eq!(net.displacements(owner), 0);
}

#[test]
fn two_halves_of_a_network_agree_when_they_meet() {
    for seed in 0..50 {
        let mut net = Net::new(seed, Weather { loss: 1.0, ..Weather::fair() });
        let planner = name("planner");
        let (a, b) = (net.add(|_| {}), net.add(|_| {}));
        for index in [a, b] {
            net.with(index, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        }
        net.run_for(secs(30));
        assert_eq!(net.holders(&planner), [a, b]);
        net.weather = Weather::foul(0.1);
        net.run_for(secs(200));
        assert!(net.agreed(&planner).is_some(), "seed {seed}");
        assert_eq!(net.displacements(a) + net.displacements(b), 1, "seed {seed}");
    }
}

#[test]
fn observers_hear_who_displaced_whom_once() {
    for seed in 0..50 {
        let mut net = Net::new(seed, Weather::foul(0.2));
        let planner = name("planner");
        let watcher = net.add(|config| config.watching = true);
        let (old, new) = (net.add(|_| {}), net.add(|_| {}));
        net.with(old, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(3));
        net.with(new, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(10));
        let expected = net.node(old);
        let displaced = net.events(watcher).into_iter().filter_map(|(_, event)| match event {
            Event::Displaced { node, .. } => Some(node),
            _ => None,
        });
        assert_eq!(displaced.collect::<Vec<_>>(), [expected], "seed {seed}");
        net.with(old, |core, now| core.leave(now, Farewell::Gone));
        net.run_for(secs(1));
        assert_eq!(net.core(watcher).participant(expected), None, "seed {seed}");
        assert_eq!(net.core(watcher).owner(&planner), Some((net.node(new), 2)), "seed {seed}");
    }
}

#[test]
fn a_farewell_frees_the_name() {
    let mut net = Net::new(5, Weather::fair());
    let planner = name("planner");
    let (watcher, owner) = (net.add(|config| config.watching = true), net.add(|_| {}));
    net.with(owner, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, 0)).unwrap();
    net.run_for(secs(1));
    net.with(owner, |core, now| core.set_stage(now, Stage::Stopping));
    net.run_for(ms(1));
    assert_eq!(net.core(watcher).participant(net.node(owner)).unwrap().state, State::Stopping);
    net.with(owner, |core, now| core.leave(now, Farewell::Failed));
    net.run_for(ms(1));
    assert_eq!(net.core(watcher).owner(&planner), None);
    let last = net.events(watcher).pop().unwrap().1;
    assert_eq!(last, Event::Left { node: net.node(owner), name: Some(planner), failed: true });
    net.run_for(secs(1));
    assert!(net.core(owner).has_left());
    assert_eq!(net.core(owner).next_wakeup(), None);
}

#[test]
fn epochs_end_with_an_error() {
    let mut net = Net::new(6, Weather::fair());
    let planner = name("planner");
    let low = NodeId::from_wire(5).unwrap();
    let high = NodeId::from_wire(-5).unwrap();
    let (low, high) = (net.add_node(low, |_| {}), net.add_node(high, |_| {}));
    net.with(high, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, i64::MAX - 1)).unwrap();
    net.run_for(secs(2));
    assert_eq!(net.core(high).owned(), Some((&planner, i64::MAX)));
    net.with(low, |core, now| core.claim(now, planner.clone(), Policy::TakeOver, i64::MAX)).unwrap();
    net.run_for(secs(2));
    let refused = Action::Refused(ClaimError::EpochsExhausted { name: planner.clone() });
    assert!(net.peers[low].told.iter().any(|(_, action)| *action == refused));
    assert_eq!(net.agreed(&planner), Some(net.node(high)));
}

#[test]
fn a_process_has_one_name() {
    let mut net = Net::new(7, Weather::fair());
    let index = net.add(|_| {});
    net.with(index, |core, now| core.claim(now, name("a"), Policy::TakeOver, 0)).unwrap();
    let second = net.with(index, |core, now| core.claim(now, name("b"), Policy::TakeOver, 0));
    assert_eq!(second, Err(JoinError::Named { name: Name::clone(&name("a")) }));
    net.with(index, |core, now| core.leave(now, Farewell::Gone));
    assert_eq!(net.with(index, Presence::join), Err(JoinError::Left));
}
