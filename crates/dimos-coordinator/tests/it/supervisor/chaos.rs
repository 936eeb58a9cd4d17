//! Everything at once, at random: whatever happens, every job is answered once, a module never has two processes, and in the end
//! nothing is left. The simulated world itself looks for all of that.

use dimos_coordinator::plan::RestartWhen;
use dimos_coordinator::supervisor::{Exit, Phase, Sign};

use super::world::{Behaviour, World, spec};
use super::{ms, secs};

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

#[test]
fn whatever_happens_the_end_is_right() {
    for seed in 0..300 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut world = World::new();
        let mut jobs = Vec::new();
        for _ in 0..120 {
            let module = NAMES[random.usize(..NAMES.len())];
            let is_running = world.running().contains(module);
            match random.u32(..12) {
                0 | 1 => {
                    let mut module = spec(module, &[NAMES[random.usize(..NAMES.len())]]);
                    module.restart.when =
                        [RestartWhen::Never, RestartWhen::OnFailure, RestartWhen::Always][random.usize(..3)];
                    // What needs itself is refused before it comes here.
                    module.dependencies.remove(&module.name.clone());
                    jobs.push(world.load_specs(vec![module]));
                }
                2 => jobs.push(world.unload(&[module])),
                3 => jobs.push(world.restart(module)),
                4 | 5 if is_running => world.end(module, Exit::Signal(9)),
                6 if is_running => world.end(module, Exit::Code(random.i32(..3))),
                7 if is_running => {
                    let sign =
                        [Sign::Stuck, Sign::Unstuck, Sign::Lost, Sign::Found, Sign::Displaced][random.usize(..5)];
                    if world.supervisor.module(&super::name(module)).is_some_and(|view| view.incarnation.is_some()) {
                        world.sign(module, sign);
                    }
                }
                8 => world.behave(
                    module,
                    Behaviour {
                        up_after: random.bool().then(|| ms(random.u64(1..3000))),
                        ends: random.bool().then(|| (ms(random.u64(1..3000)), Exit::Code(random.i32(..3)))),
                        obeys_after: random.bool().then(|| ms(random.u64(..3000))),
                        is_missing: random.u32(..4) == 0,
                    },
                ),
                9 => world.behave(module, Behaviour::default()),
                _ => world.run_for(ms(random.u64(..2000))),
            }
            if world.outcome.is_some() {
                break;
            }
        }
        if world.outcome.is_none() {
            // Left alone, everything comes to rest.
            world.run_for(secs(600));
        }
        if world.outcome.is_none() {
            for view in world.supervisor.modules() {
                assert!(!matches!(view.phase, Phase::Starting | Phase::Stopping), "seed {seed}: {view:?}");
            }
            world.stop();
            world.run_for(secs(3));
        }
        assert!(world.outcome.is_some(), "seed {seed}");
        assert_eq!(world.process_count(), 0, "seed {seed}");
        for job in jobs {
            assert!(world.answers.contains_key(&job), "seed {seed}: {job:?} has no answer");
        }
    }
}
