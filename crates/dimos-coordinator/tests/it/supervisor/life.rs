//! What becomes of modules, one case at a time.

use std::time::Duration;

use dimos_coordinator::plan::{Readiness, RestartWhen};
use dimos_coordinator::supervisor::{Exit, JobError, ModuleSpec, Notice, Outcome, Phase, Sign, Stop};

use super::world::{Behaviour, World, spec};
use super::{ms, name, secs};

#[test]
fn modules_start_side_by_side_unless_one_needs_another() {
    let mut world = World::new();
    let job = world.load(&[("a", &[]), ("b", &[]), ("planner", &["a", "b"]), ("patrol", &["planner"])]);
    assert_eq!(world.running(), ["a", "b"].into());
    world.run_for(ms(250));
    assert_eq!(world.running(), ["a", "b", "planner"].into());
    assert!(world.answers.is_empty());
    world.run_for(secs(1));
    assert_eq!(world.answers[&job], Ok(()));
    assert_eq!(world.phase("patrol"), Some(Phase::Running));
    assert!(world.supervisor.is_settled());
}

#[test]
fn modules_that_need_each_other_start_together() {
    let mut world = World::new();
    let job = world.load(&[("left", &["right"]), ("right", &["left"]), ("last", &["left"])]);
    assert_eq!(world.running(), ["left", "right"].into());
    world.run_for(secs(1));
    assert_eq!(world.answers[&job], Ok(()));
}

#[test]
fn if_one_cannot_start_all_that_were_loaded_with_it_end_and_others_run_on() {
    let failures = [
        (Behaviour { is_missing: true, ..Behaviour::default() }, "no such file"),
        (
            Behaviour { up_after: None, ends: Some((ms(100), Exit::Code(2))), ..Behaviour::default() },
            "ended with exit code 2 before it was up",
        ),
        (
            Behaviour { up_after: None, ends: Some((ms(100), Exit::Signal(11))), ..Behaviour::default() },
            "was ended by signal 11 (SIGSEGV) before it was up",
        ),
        (Behaviour { up_after: None, ..Behaviour::default() }, "was not up within 10s"),
    ];
    for (behaviour, reason) in failures {
        let mut world = World::new();
        let before = world.load(&[("before", &[])]);
        world.run_for(secs(1));
        world.behave("bad", behaviour);
        let job = world.load(&[("good", &[]), ("bad", &[]), ("late", &["bad"])]);
        world.run_for(secs(15));
        assert_eq!(world.answers[&before], Ok(()));
        let Err(JobError::Failed { module, reason: told }) = &world.answers[&job] else {
            panic!("{:?}", world.answers)
        };
        assert_eq!((module.as_str(), told.contains(reason)), ("bad", true), "{told}");
        assert_eq!(world.running(), ["before"].into());
        assert_eq!((world.phase("good"), world.phase("bad"), world.phase("late")), (None, None, None));
        // They may be loaded again.
        world.behave("bad", Behaviour::default());
        let job = world.load(&[("good", &[]), ("bad", &[])]);
        world.run_for(secs(1));
        assert_eq!(world.answers[&job], Ok(()));
    }
}

#[test]
fn what_needs_something_that_has_failed_for_good_is_told_so() {
    let mut world = World::new();
    let mut never = spec("a", &[]);
    never.restart.when = RestartWhen::Never;
    world.load_specs(vec![never, spec("b", &[])]);
    world.run_for(secs(1));
    world.end("a", Exit::Code(1));
    assert_eq!(world.phase("a"), Some(Phase::Failed));
    let job = world.load(&[("c", &["a"])]);
    let reason = "needs a, which does not run".to_owned();
    assert_eq!(world.answers[&job], Err(JobError::Failed { module: name("c"), reason }));
    assert_eq!((world.phase("c"), world.running()), (None, ["b"].into()));
}

#[test]
fn a_crashed_module_is_started_again_at_once_and_then_with_growing_rests_until_the_limit() {
    let mut world = World::new();
    world.load(&[("a", &[]), ("b", &[])]);
    world.run_for(secs(20));
    world.behave("a", Behaviour { ends: Some((ms(300), Exit::Signal(6))), ..Behaviour::default() });
    world.end("a", Exit::Signal(9));
    world.run_for(secs(60));
    let starts = &world.starts[&name("a")][1..];
    let rests: Vec<_> = starts.windows(2).map(|pair| pair[1] - pair[0] - ms(300)).collect();
    assert_eq!(rests, [ms(500), secs(1), secs(2), secs(4)]);
    assert_eq!(world.phase("a"), Some(Phase::Failed));
    let view = world.supervisor.module(&name("a")).unwrap();
    assert_eq!(view.restarts, 5);
    assert!(view.reason.is_some_and(|reason| reason.contains("after 5 restarts in a row")), "{:?}", view.reason);
    // The others run on.
    assert_eq!((world.phase("b"), world.outcome), (Some(Phase::Running), None));
    // People may start it again.
    world.behave("a", Behaviour::default());
    let job = world.restart("a");
    world.run_for(secs(1));
    assert_eq!((&world.answers[&job], world.phase("a")), (&Ok(()), Some(Phase::Running)));
}

#[test]
fn a_module_that_has_been_up_for_long_is_started_again_at_once_every_time() {
    let mut world = World::new();
    world.load(&[("a", &[])]);
    for _ in 0..20 {
        world.run_for(secs(11));
        world.end("a", Exit::Signal(9));
        assert_eq!(world.running(), ["a"].into());
    }
}

#[test]
fn the_policy_decides_what_is_started_again() {
    let cases = [
        (RestartWhen::Never, Exit::Code(0), Phase::Ended),
        (RestartWhen::Never, Exit::Code(1), Phase::Failed),
        (RestartWhen::OnFailure, Exit::Code(0), Phase::Ended),
        (RestartWhen::OnFailure, Exit::Code(1), Phase::Starting),
        (RestartWhen::OnFailure, Exit::Signal(9), Phase::Starting),
        (RestartWhen::Always, Exit::Code(0), Phase::Starting),
        (RestartWhen::Always, Exit::Code(13), Phase::Displaced),
    ];
    for (when, exit, phase) in cases {
        let mut world = World::new();
        let mut module = spec("a", &[]);
        module.restart.when = when;
        world.load_specs(vec![module, spec("b", &[])]);
        world.run_for(secs(1));
        world.end("a", exit.clone());
        assert_eq!(world.phase("a"), Some(phase), "{when:?} {exit:?}");
    }
}

#[test]
fn what_does_not_listen_is_ended_by_force_after_two_seconds() {
    let mut world = World::new();
    world.behave("deaf", Behaviour { obeys_after: None, ..Behaviour::default() });
    world.load(&[("deaf", &[]), ("good", &[])]);
    world.run_for(secs(1));
    world.stop();
    world.run_for(ms(1990));
    assert_eq!(world.running(), ["deaf"].into());
    world.run_for(ms(20));
    assert_eq!(world.outcome, Some(Outcome::Stopped { stop: Stop::Asked, has_failed: false }));
    assert!(world.notices.iter().any(|(_, notice)| matches!(notice, Notice::Killed { .. })));
}

#[test]
fn who_asks_twice_does_not_wait() {
    let mut world = World::new();
    world.behave("deaf", Behaviour { obeys_after: None, ..Behaviour::default() });
    world.load(&[("deaf", &[])]);
    world.run_for(secs(1));
    world.stop();
    world.run_for(ms(100));
    // The same Ctrl-C, come by another way.
    world.stop();
    world.run_for(ms(500));
    assert_eq!(world.outcome, None);
    world.stop();
    world.run_for(ms(1));
    assert!(world.outcome.is_some());
}

#[test]
fn a_module_that_does_not_answer_is_replaced() {
    let mut world = World::new();
    world.load(&[("a", &[])]);
    world.run_for(secs(1));
    world.sign("a", Sign::Stuck);
    assert!(world.supervisor.module(&name("a")).unwrap().is_stuck);
    world.sign("a", Sign::Lost);
    world.run_for(secs(1));
    assert_eq!((world.phase("a"), world.starts[&name("a")].len()), (Some(Phase::Running), 2));
    let view = world.supervisor.module(&name("a")).unwrap();
    assert!(!view.is_stuck && !view.is_lost);
}

#[test]
fn a_module_that_is_not_to_be_started_again_is_only_said_to_be_lost() {
    let mut world = World::new();
    let mut module = spec("a", &[]);
    module.restart.when = RestartWhen::Never;
    world.load_specs(vec![module]);
    world.run_for(secs(1));
    world.sign("a", Sign::Lost);
    world.run_for(secs(10));
    assert!(world.supervisor.module(&name("a")).unwrap().is_lost);
    world.sign("a", Sign::Found);
    assert!(!world.supervisor.module(&name("a")).unwrap().is_lost);
    assert_eq!(world.starts[&name("a")].len(), 1);
}

#[test]
fn a_displaced_module_finishes_its_work_and_is_never_started_again() {
    let mut world = World::new();
    world.load(&[("a", &[]), ("b", &[])]);
    world.run_for(secs(1));
    world.sign("a", Sign::Displaced);
    world.run_for(secs(5));
    assert!(world.running().contains("a"));
    world.end("a", Exit::Code(13));
    world.run_for(secs(60));
    assert_eq!((world.phase("a"), world.starts[&name("a")].len()), (Some(Phase::Displaced), 1));
    assert_eq!(world.running(), ["b"].into());
}

#[test]
fn a_restart_replaces_one_process_and_keeps_the_others() {
    let mut world = World::new();
    world.load(&[("a", &[]), ("b", &["a"])]);
    world.run_for(secs(1));
    let job = world.restart("a");
    world.run_for(ms(100));
    assert!(!world.answers.contains_key(&job));
    world.run_for(secs(1));
    assert_eq!(world.answers[&job], Ok(()));
    assert_eq!((world.starts[&name("a")].len(), world.starts[&name("b")].len()), (2, 1));
}

#[test]
fn a_restart_that_fails_says_so_and_goes_on_trying() {
    let mut world = World::new();
    world.load(&[("a", &[])]);
    world.run_for(secs(1));
    world.behave("a", Behaviour { up_after: None, ends: Some((ms(50), Exit::Code(1))), ..Behaviour::default() });
    let job = world.restart("a");
    world.run_for(ms(200));
    assert!(matches!(world.answers[&job], Err(JobError::Failed { .. })), "{:?}", world.answers);
    world.behave("a", Behaviour::default());
    world.run_for(secs(10));
    assert_eq!(world.phase("a"), Some(Phase::Running));
}

#[test]
fn unloaded_modules_are_gone_and_may_be_loaded_again() {
    let mut world = World::new();
    world.load(&[("a", &[]), ("b", &[])]);
    world.run_for(secs(1));
    let job = world.unload(&["a"]);
    let unknown = world.unload(&["c"]);
    assert_eq!(world.answers[&unknown], Err(JobError::Unknown { module: name("c") }));
    world.run_for(secs(1));
    assert_eq!((&world.answers[&job], world.phase("a")), (&Ok(()), None));
    let (again, taken) = (world.load(&[("a", &[])]), world.load(&[("b", &[])]));
    world.run_for(secs(1));
    assert_eq!(world.answers[&again], Ok(()));
    assert_eq!(world.answers[&taken], Err(JobError::Exists { module: name("b") }));
}

#[test]
fn a_run_ends_when_all_modules_have_done_their_work() {
    for (exit, has_failed) in [(Exit::Code(0), false), (Exit::Code(3), true)] {
        let mut world = World::new();
        let once = |module| {
            let mut module = spec(module, &[]);
            module.restart.when = RestartWhen::Never;
            module
        };
        world.load_specs(vec![once("a"), once("b")]);
        world.run_for(secs(1));
        world.end("a", exit);
        assert_eq!(world.outcome, None);
        world.end("b", Exit::Code(0));
        assert_eq!(world.outcome, Some(Outcome::Finished { has_failed }));
    }
}

#[test]
fn what_waits_is_answered_when_the_run_is_stopped() {
    let mut world = World::new();
    world.behave("slow", Behaviour { up_after: None, ..Behaviour::default() });
    let job = world.load(&[("slow", &[]), ("after", &["slow"])]);
    world.run_for(secs(1));
    world.stop();
    assert_eq!(world.answers[&job], Err(JobError::Stopping));
    let late = world.load(&[("late", &[])]);
    assert_eq!(world.answers[&late], Err(JobError::Stopping));
    world.run_for(secs(1));
    assert!(world.outcome.is_some());
}

#[test]
fn time_and_signs_tell_that_a_foreign_program_is_up() {
    let mut world = World::new();
    world.behave("timed", Behaviour { up_after: None, ..Behaviour::default() });
    let timed = ModuleSpec { readiness: Readiness::After(ms(700)), ..spec("timed", &[]) };
    let job = world.load_specs(vec![timed]);
    world.run_for(ms(690));
    assert!(world.answers.is_empty());
    world.run_for(ms(20));
    assert_eq!(world.answers[&job], Ok(()));
}

#[test]
fn a_suspended_machine_is_nobodys_fault() {
    let mut world = World::new();
    world.behave("a", Behaviour { up_after: Some(secs(8)), ..Behaviour::default() });
    let job = world.load(&[("a", &[])]);
    world.run_for(secs(4));
    world.jump(Duration::from_secs(3600));
    world.run_for(secs(5));
    assert_eq!(world.answers[&job], Ok(()));
}

#[test]
fn a_restart_of_what_needs_something_that_has_failed_is_told_so() {
    let mut world = World::new();
    let mut never = spec("a", &[]);
    never.restart.when = RestartWhen::Never;
    world.load_specs(vec![never, spec("b", &["a"]), spec("c", &[])]);
    world.run_for(secs(1));
    world.end("a", Exit::Code(1));
    let job = world.restart("b");
    world.run_for(secs(1));
    assert!(matches!(&world.answers[&job], Err(JobError::Failed { .. })), "{:?}", world.answers);
}

#[test]
fn what_always_ends_at_once_is_given_up_and_told_so() {
    let mut world = World::new();
    let mut always = spec("a", &[]);
    always.restart.when = RestartWhen::Always;
    world.behave("a", Behaviour { up_after: None, ends: Some((ms(10), Exit::Code(0))), ..Behaviour::default() });
    let job = world.load_specs(vec![always, spec("b", &[])]);
    world.run_for(secs(60));
    assert!(matches!(&world.answers[&job], Err(JobError::Failed { .. })), "{:?}", world.answers);
}

#[test]
fn a_module_without_a_bus_is_tried_again_for_ever() {
    let mut world = World::new();
    world.load(&[("a", &[])]);
    world.run_for(secs(1));
    world.behave("a", Behaviour { up_after: None, ends: Some((ms(10), Exit::Code(12))), ..Behaviour::default() });
    world.end("a", Exit::Code(12));
    world.run_for(secs(60));
    assert!(world.starts[&name("a")].len() > 50);
    world.behave("a", Behaviour::default());
    world.run_for(secs(3));
    assert_eq!(world.phase("a"), Some(Phase::Running));
}
