//! Everything at once: processes that claim one name, crash, are started again at once, sleep, wake and leave, on a bus that loses,
//! doubles and delays. Whatever happened, when there is quiet there is one owner, or none if nobody is left who could be.

use dimos::presence::{Action, Farewell, Policy, Presence};

use super::net::{Life, Net, Weather};
use super::{ms, name, secs};

fn chaos(seed: u64, loss: f64, policies: &[Policy]) -> bool {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut net = Net::new(seed, Weather::foul(loss));
    let planner = name("planner");
    let observers = 3;
    for watching in [false, true, false] {
        let index = net.add(|config| config.watching = watching);
        net.with(index, Presence::join).unwrap();
    }
    let start = |net: &mut Net, random: &mut fastrand::Rng| {
        let index = net.add(|_| {});
        let policy = policies[random.usize(0..policies.len())];
        net.with(index, |core, now| core.claim(now, planner.clone(), policy, 0)).unwrap();
    };
    for _ in 0..20 {
        let claimants = observers..net.peers.len();
        let one = if claimants.is_empty() { None } else { Some(random.usize(claimants)) };
        match (random.u8(0..10), one) {
            (0..3, Some(one)) => {
                net.kill(one);
                start(&mut net, &mut random);
            }
            (3..5, Some(one)) if net.peers[one].life == Life::Running => net.suspend(one),
            (5..7, Some(one)) if net.peers[one].life == Life::Suspended => net.resume(one, random.bool()),
            (7, Some(one)) if net.peers[one].life == Life::Running => {
                net.with(one, |core, now| core.leave(now, Farewell::Gone));
            }
            (8, Some(one)) if net.peers[one].life == Life::Running => net.jump(one, ms(random.u64(0..10_000))),
            _ => start(&mut net, &mut random),
        }
        let pause = if random.bool() { ms(random.u64(0..250)) } else { ms(random.u64(0..6000)) };
        net.run_for(pause);
    }
    for index in 0..net.peers.len() {
        if net.peers[index].life == Life::Suspended {
            net.resume(index, random.bool());
        }
    }
    // Long enough for those who do not watch to notice who is dead.
    net.run_for(secs(400));
    let context = format!("seed {seed}, loss {loss}, {policies:?}");
    let holders = net.holders(&planner);
    assert!(holders.len() <= 1, "{context}: {holders:?} hold it");
    let holder = holders.first().map(|&holder| net.node(holder));
    for (index, peer) in net.peers.iter().enumerate().filter(|(_, peer)| peer.life == Life::Running) {
        if peer.core.has_left() {
            continue;
        }
        assert_eq!(peer.core.owner(&planner).map(|(node, _)| node), holder, "{context}: process {index}");
        let ended = net.displacements(index) + net.refusals(index);
        let is_holder = holders.contains(&index);
        assert!(
            index < observers || ended == usize::from(!is_holder),
            "{context}: process {index} ended {ended} times"
        );
        let owned = peer.told.iter().filter(|(_, action)| matches!(action, Action::Owned { .. })).count();
        assert!(owned <= 1, "{context}: process {index} was given its name {owned} times");
    }
    holder.is_some()
}

fn chaoses(policies: &[Policy]) {
    for loss in [0.0, 0.1, 0.3] {
        let owned = (0..RUNS).filter(|&seed| chaos(seed, loss, policies)).count();
        println!("{policies:?}, loss {loss}: {owned} of {RUNS} ended with an owner, the others with none");
        assert!(owned > 0);
    }
}

/// Runs of each kind.
const RUNS: u64 = 25;

#[test]
fn whoever_takes_over_there_is_one_owner_in_the_end() {
    chaoses(&[Policy::TakeOver]);
}

#[test]
fn whoever_respects_the_first_holder_there_is_one_owner_in_the_end() {
    chaoses(&[Policy::FirstHolder]);
}

#[test]
fn those_who_respect_and_those_who_take_over_agree_in_the_end() {
    chaoses(&[Policy::TakeOver, Policy::FirstHolder]);
}
