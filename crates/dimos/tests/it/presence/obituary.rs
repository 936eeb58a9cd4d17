//! Farewells in the name of processes that could not say theirs.

use dimos::presence::{Event, Policy, Stage};

use super::net::{Net, Weather};
use super::{ms, name, secs};

#[test]
fn who_is_declared_dead_is_gone_for_all_at_once_and_its_successor_owns_the_name() {
    for seed in 0..50 {
        let mut net = Net::new(seed, Weather::foul(0.1));
        let (parent, caller) = (net.add(|config| config.watching = true), net.add(|config| config.watching = true));
        let (child, successor) = (net.add(|_| {}), net.add(|_| {}));
        net.with(parent, |core, now| core.claim(now, name("coordinator"), Policy::FirstHolder, 0)).unwrap();
        net.with(caller, |core, now| core.join(now)).unwrap();
        net.with(child, |core, now| core.claim(now, name("worker"), Policy::TakeOver, 0)).unwrap();
        net.run_for(secs(1));
        net.with(child, |core, now| core.set_stage(now, Stage::Running));
        net.run_for(secs(2));
        let (node, epoch) = net.core(parent).owner(&name("worker")).unwrap();

        net.kill(child);
        net.with(parent, |core, now| core.declare_dead(now, node));
        net.run_for(ms(200));
        for observer in [parent, caller] {
            let left = |(_, event): &(_, Event)| matches!(event, Event::Left { node: left, failed: true, .. } if *left == node);
            assert_eq!(net.events(observer).iter().filter(|event| left(event)).count(), 1, "seed {seed}");
            assert_eq!(net.core(observer).owner(&name("worker")), None, "seed {seed}");
        }

        net.with(successor, |core, now| core.claim(now, name("worker"), Policy::TakeOver, epoch)).unwrap();
        net.run_for(secs(1));
        let owner = Some((net.node(successor), epoch + 1));
        assert_eq!(net.core(caller).owner(&name("worker")), owner, "seed {seed}");
        // Whoever still hears of it from before is not misled.
        net.run_for(secs(10));
        assert_eq!(net.core(parent).owner(&name("worker")), owner, "seed {seed}");
    }
}
