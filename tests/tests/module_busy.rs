//! A handler that runs for long delays the other handlers of its module, and nothing else.

use std::time::{Duration, Instant};

use dimos::presence::{Event, State};
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, RemoteModule};
use lcm::Queue;
use lcm_types::geometry_msgs::PoseStamped;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_module};
use serde_json::{Value, json};

#[test]
fn a_handler_that_sleeps_delays_its_own_module_only() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let events = dimos.events();
    let (_worker, module) = start(&dimos, "Worker", "worker");
    let (_other, other) = start(&dimos, "Worker", "other");
    let asleep = Instant::now();
    let sleeping = begin(&module, "sleep", json!({ "ms": 1000 * SLEEP.as_secs() }), TimeLimit::Deadline(LONG));
    runs(&module);

    // A caller hears that its call has arrived, so it does not give up after 2 s, and learns of its own deadline.
    let behind = begin(&module, "add", json!({ "a": 1, "b": 2 }), TimeLimit::Deadline(LONG));
    let impatient = begin(&module, "add", json!({ "a": 1 }), TimeLimit::Deadline(Duration::from_secs(2)));
    assert_eq!(impatient.wait(), Err(RpcError::Deadline { acknowledged: true }));

    // These are answered meanwhile, each of them.
    let mut answered = 0;
    while module.call("progress", &()).is_ok() && answered < 20 {
        module.call("describe", &()).expect("it tells");
        answered += 1;
    }
    assert_eq!(other.call("add", &json!({ "a": 2, "b": 2 })), Ok(json!(4)));
    let stuck = events.iter().find_map(|event| match event {
        Event::Stuck { node, handler, .. } => Some((node, handler)),
        Event::Lost { .. } => panic!("{event:?}"),
        _ => None,
    });
    let (node, handler) = stuck.expect("it says so");
    assert_eq!(node, module.node());
    assert!(handler < PATIENCE, "{handler:?}");
    let state = dimos.modules().into_iter().find(|one| one.identity.node == node).expect("it is there").state;
    if asleep.elapsed() < SLEEP {
        assert_eq!((answered, state), (20, State::Stuck));
    }

    assert_eq!(sleeping.wait(), Ok(json!("slept")));
    assert!(asleep.elapsed() >= SLEEP);
    assert_eq!(behind.wait(), Ok(json!(3)));
    let deadline = Instant::now() + PATIENCE;
    while !matches!(events.recv_deadline(deadline).expect("it goes on"), Event::Unstuck { .. }) {}
    assert_eq!(dimos.modules().iter().filter(|one| one.state == State::Running).count(), 2);
}

#[test]
fn cancels_reach_a_handler_that_is_busy_and_its_module_goes_on() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_worker, module) = start(&dimos, "Worker", "worker");
    for _ in 0..3 {
        let sleeping = begin(&module, "sleep", json!({ "ms": 100_000 }), TimeLimit::Deadline(LONG));
        runs(&module);
        let cancelled = Instant::now();
        sleeping.cancel();
        assert_eq!(sleeping.wait(), Err(RpcError::Cancelled));
        assert!(cancelled.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(module.call("cancelled", &()), Ok(json!(3)));
    // One whose caller is gone is cancelled too.
    {
        let client = Dimos::join().expect("the bus is there");
        let module = client.module("worker").expect("it is there");
        let sleeping = begin(&module, "sleep", json!({ "ms": 100_000 }), TimeLimit::Deadline(LONG));
        runs(&module);
        std::mem::forget(sleeping);
        drop(module);
        client.stop();
    }
    eventually(|| "it ends".to_owned(), || (progress(&module) == progress(&module)).then_some(()));
}

#[test]
fn a_data_handler_that_sleeps_leaves_calls_and_other_modules_alone() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ears, ears) = start(&dimos, "Ears", "ears");
    let (_ticker, ticker) = start(&dimos, "Ticker", "ticker");
    let naps = |topic: &str, data| dimos.publish(topic, &Int32 { data }).expect("the bus takes it");
    naps("/nap", 0);
    eventually(|| "it is heard".to_owned(), || (counts(&ticker)[1] == 1).then_some(()));
    let asleep = Instant::now();
    // Both hear it: the one sleeps, and so does the other. Both answer who asks what they are.
    naps("/nap", 3000);
    let heard = begin(&ears, "heard", json!({}), TimeLimit::Deadline(LONG));
    for _ in 0..10 {
        ears.call("describe", &()).expect("it tells");
        ticker.call("describe", &()).expect("it tells");
    }
    assert_eq!(heard.wait().expect("it answers")["nap"], json!([0, 3000]));
    assert!(asleep.elapsed() >= Duration::from_secs(3));
}

#[test]
fn many_short_handlers_leave_calls_their_acknowledgements() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let events = dimos.events();
    let (_ears, ears) = start(&dimos, "Ears", "ears");
    // So that all of them wait at once.
    dimos.publish("/nap", &Int32 { data: 1500 }).expect("the bus takes it");
    for data in 0..8000 {
        dimos.publish("/many", &Int32 { data }).expect("the bus takes it");
        if data % 100 == 99 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    // All of them take 4 s, and who is not acknowledged within 2 s gives up.
    let heard = begin(&ears, "heard", json!({}), TimeLimit::Deadline(LONG));
    let described: Vec<_> =
        (0..20).map(|_| begin(&ears, "describe", json!({}), TimeLimit::Deadline(LONG)).wait()).collect();
    assert!(described.iter().all(Result::is_ok), "{described:?}");
    let heard = heard.wait().expect("it answers");
    let heard = heard["many"].as_array().map(Vec::len);
    let [received, overtaken, _]: [u64; 3] = ears.call_as("counts", &json!({ "port": "many" })).expect("it answers");
    assert!(
        overtaken == 0 && heard.is_some_and(|heard| heard > 4000),
        "{heard:?} of {received}, {overtaken} overtaken"
    );
    assert!(!events.try_iter().any(|event| matches!(event, Event::Lost { .. })));
}

#[test]
fn a_timer_that_takes_longer_than_its_period_leaves_messages_and_calls_their_turn() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let settings = ["--config", "period_ms=5", "--config", "takes_ms=20"];
    let (_ticker, ticker) = ModuleProcess::start_as(&dimos, "ticker", test_module!("Ticker"), &settings);
    for number in 1..=5 {
        dimos.publish("/nap", &Int32 { data: 0 }).expect("the bus takes it");
        eventually(|| "the message is heard".to_owned(), || (counts(&ticker)[1] == number).then_some(()));
    }
    assert!(counts(&ticker)[0] > 0);
}

fn counts(ticker: &RemoteModule) -> [u64; 2] {
    ticker.call_as("counts", &()).expect("it answers")
}

fn start(dimos: &Dimos, class: &str, name: &str) -> (ModuleProcess, RemoteModule) {
    let mut command = test_module!("");
    command.env("TEST_MODULE", class);
    ModuleProcess::start_as(dimos, name, command, &[])
}

fn begin(module: &RemoteModule, method: &str, arguments: Value, limit: TimeLimit) -> dimos::PendingCall {
    module.limit(limit).start(method, &arguments).expect("JSON")
}

/// Waits until `sleep` runs.
fn runs(module: &RemoteModule) {
    let before = progress(module);
    eventually(|| "it runs".to_owned(), || (progress(module) > before).then_some(()));
}

fn progress(module: &RemoteModule) -> u64 {
    module.call_as("progress", &()).expect("it answers")
}

/// Longer than a call may go without an acknowledgement, and longer than it takes to be stuck.
const SLEEP: Duration = Duration::from_secs(5);

/// A deadline that is not what ends a call.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn what_comes_just_when_a_handler_ends_is_handled_at_once() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ears, _) = ModuleProcess::start_as(&dimos, "ears", test_module!("Ears"), &[]);
    let echoes = dimos.listen::<PoseStamped>("/echo", Queue::keep_last(100)).expect("the bus is there");
    let mut late = 0;
    for step in 0..800_u64 {
        // Long enough for the other thread to stand by, however long its pause is by now.
        dimos.publish("/nap", &Int32 { data: 18 }).expect("the bus takes it");
        // Around the moment at which the module reads again itself.
        std::thread::sleep(Duration::from_micros(17_800 + step));
        dimos.publish("/owned", &PoseStamped::default()).expect("the bus takes it");
        let published = Instant::now();
        echoes.next(PATIENCE).expect("a pose").expect("an echo");
        late += usize::from(published.elapsed() > Duration::from_millis(100));
    }
    // A thread that is not woken sleeps until the next beat, up to 1 s, in one of a hundred cases. A loaded machine may be late, too.
    assert!(late <= 3, "{late} of 800 were late");
}
