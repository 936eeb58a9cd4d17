//! Services and clients on real multicast, each with sockets and threads of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dimos::presence::{ClaimError, Event, Policy, State};
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{FindError, PendingCall, ServeError, Service};
use serde_json::{Value, json};

use crate::bus::{client, name, options};

fn calculator() -> Service {
    Service::new(name("robot0/calculator"))
        .class_name("Calculator")
        .unary("add", |arguments, _| Ok(json!(arguments["a"].as_f64().unwrap() + arguments["b"].as_f64().unwrap())))
        .unary("echo", |arguments, _| Ok(arguments))
        .unary("fail", |_, _| Err(RpcError::Handler { message: "out of paper".into(), data: Some(json!(7)) }))
        .unary("panic", |_, _| panic!("on purpose"))
        .unary("sleep", |arguments, call| {
            let until = Instant::now() + Duration::from_millis(arguments["ms"].as_u64().unwrap());
            while Instant::now() < until && !call.is_cancelled() {
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(json!(call.is_cancelled()))
        })
        .stream("count", |arguments, chunks| {
            (0..arguments["to"].as_u64().unwrap()).try_for_each(|number| chunks.send(&number))?;
            if arguments["then_fail"] == true {
                Err(RpcError::Handler { message: "enough".into(), data: None })
            } else {
                Ok(())
            }
        })
}

#[test]
fn methods_are_called_by_name() {
    let options = options();
    let served = calculator().start(options.clone()).unwrap();
    let dimos = client(&options);
    let calculator = dimos.module("robot0/calculator").unwrap();
    assert_eq!(calculator.node(), served.node());
    assert_eq!(calculator.call("add", &json!({ "a": 1, "b": 2.5 })).unwrap(), json!(3.5));
    assert_eq!(calculator.call("echo", &Value::Null).unwrap(), Value::Null);
    // By its class, too, since it is the only one. No name is searched for then.
    let asked = dimos.settled().counts().presence.asks_sent;
    assert_eq!(dimos.module("Calculator").unwrap().name(), calculator.name());
    assert_eq!(dimos.counts().presence.asks_sent, asked);
    // A name is searched for within 2 s, and a class is known sooner than that.
    let joined = client(&options);
    assert_eq!(joined.module("Calculator").unwrap().name(), calculator.name());
    let Err(FindError::None { others, .. }) = joined.module("nobody") else { panic!() };
    assert_eq!(others, [name("robot0/calculator")]);
}

#[test]
fn every_fault_is_an_error_of_its_kind() {
    let options = options();
    let served = calculator().start(options.clone()).unwrap();
    let dimos = client(&options);
    let calculator = dimos.module("robot0/calculator").unwrap();
    let error = |method: &str| calculator.call(method, &json!({})).unwrap_err();
    assert_eq!(error("subtract"), RpcError::UnknownMethod { method: "subtract".into() });
    assert_eq!(error("fail"), RpcError::Handler { message: "out of paper".into(), data: Some(json!(7)) });
    assert_eq!(error("panic"), RpcError::Panic { message: "on purpose".into() });
    assert_eq!(error("count"), RpcError::NotUnary { method: "count".into() });
    let streamed: Vec<_> = calculator.stream("echo", &json!({})).unwrap().collect();
    assert_eq!(streamed, [Err(RpcError::NotStreaming { method: "echo".into() })]);
    // It still works.
    assert_eq!(calculator.call("echo", &json!("there")).unwrap(), json!("there"));

    let limit = TimeLimit::Deadline(Duration::from_millis(200));
    let slow = calculator.limit(limit).start("sleep", &json!({ "ms": 5000 })).unwrap();
    assert_eq!(slow.wait().unwrap_err(), RpcError::Deadline { acknowledged: true });

    drop(served);
    let start = Instant::now();
    assert!(matches!(error("echo"), RpcError::NotSent | RpcError::OutcomeUnknown | RpcError::NoSuchProcess { .. }));
    assert!(start.elapsed() < Duration::from_secs(10));
    let Err(FindError::None { others, .. }) = dimos.module("robot0/calculator") else { panic!() };
    assert_eq!(others, []);
}

#[test]
fn what_is_not_of_the_mesh_is_counted() {
    let options = options();
    let served = calculator().start(options.clone()).unwrap();
    let dimos = client(&options);
    for channel in ["/mesh/claim#dimos_mesh.Claim", "/mesh/beat#dimos_mesh.Beat", &*served.name().request_channel()] {
        dimos.publisher().publish(channel, b"junk").unwrap();
    }
    // The service does not watch, so it does not read beats.
    let patience = Instant::now() + Duration::from_secs(10);
    while served.counts().malformed < 2 && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(served.counts().malformed, 2);
    let calculator = dimos.module("robot0/calculator").unwrap();
    assert_eq!(calculator.call("echo", &json!(1)).unwrap(), json!(1));
    assert_eq!(served.counts().callee.executed, 1);
}

#[test]
fn large_bodies_pass_both_ways() {
    let options = options();
    let _served = calculator().start(options.clone()).unwrap();
    let calculator = client(&options).module("robot0/calculator").unwrap();
    for bytes in [0, 1, 1000, 1400, 5000, 100_000, 8 << 20] {
        let text = "x".repeat(bytes);
        assert_eq!(calculator.call("echo", &text).unwrap().as_str().unwrap().len(), bytes);
    }
}

#[test]
fn streams_come_in_order_and_end() {
    let options = options();
    let _served = calculator().start(options.clone()).unwrap();
    let calculator = client(&options).module("robot0/calculator").unwrap();
    let numbers: Vec<_> = calculator.stream("count", &json!({ "to": 5000 })).unwrap().map(Result::unwrap).collect();
    assert_eq!(numbers, (0..5000).map(|number| json!(number)).collect::<Vec<_>>());
    let mut failing = calculator.stream("count", &json!({ "to": 2, "then_fail": true })).unwrap();
    assert_eq!(failing.by_ref().take(2).map(Result::unwrap).collect::<Vec<_>>(), [json!(0), json!(1)]);
    assert_eq!(failing.next(), Some(Err(RpcError::Handler { message: "enough".into(), data: None })));
    assert_eq!(failing.next(), None);
    // A chunk that is of another type is the last item.
    let words: Vec<_> = calculator.stream_as::<String>("count", &json!({ "to": 5 })).unwrap().collect();
    assert!(matches!(&words[..], [Err(RpcError::Malformed { .. })]), "{words:?}");
    // One that is dropped early does not keep its handler: the next one is served all the same.
    for _ in 0..100 {
        let mut endless = calculator.stream("count", &json!({ "to": u64::MAX })).unwrap();
        assert_eq!(endless.next().unwrap().unwrap(), json!(0));
    }
    assert_eq!(calculator.call("echo", &json!(1)).unwrap(), json!(1));
}

#[test]
fn all_threads_that_wait_for_a_full_stream_go_on_with_it() {
    let options = options();
    let served = Service::new(name("talker")).stream("talk", |_, chunks| {
        // More than the reader takes at once.
        let talk = || (0..300).try_for_each(|number| chunks.send(&number));
        std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(talk));
            threads.into_iter().try_for_each(|thread| thread.join().unwrap())
        })
    });
    let _served = served.start(options.clone()).unwrap();
    let chunks = client(&options).module("talker").unwrap().stream("talk", &()).unwrap();
    assert_eq!(chunks.map(Result::unwrap).count(), 1200);
}

#[test]
fn calls_run_side_by_side_and_are_cancelled() {
    let options = options();
    let _served = calculator().start(options.clone()).unwrap();
    let calculator = client(&options).module("robot0/calculator").unwrap();
    let pending: Vec<_> = (0..50).map(|number| calculator.start("echo", &json!(number)).unwrap()).collect();
    let results: Vec<_> = pending.into_iter().map(|call| call.wait().unwrap()).collect();
    assert_eq!(results, (0..50).map(|number| json!(number)).collect::<Vec<_>>());

    // Some wait for the others; the results come in the order of the calls.
    let pauses = [40, 0, 20];
    let calls = pauses.map(|ms| calculator.start_as::<Value>("sleep", &json!({ "ms": ms })).unwrap());
    assert_eq!(PendingCall::wait_all(calls), [(); 3].map(|()| Ok(json!(false))));
    let errors = ["fail", "echo", "panic"].map(|method| calculator.start(method, &json!(1)).unwrap());
    let [failed, echoed, panicked] = &PendingCall::wait_all(errors)[..] else { panic!() };
    assert!(matches!(failed, Err(RpcError::Handler { .. })) && matches!(panicked, Err(RpcError::Panic { .. })));
    assert_eq!(*echoed, Ok(json!(1)));

    // Waiting for a while leaves the call as it is, and no wait is too long.
    let slow = calculator.start("sleep", &json!({ "ms": 300 })).unwrap();
    let slow = slow.wait_for(Duration::ZERO).unwrap_err().wait_for(Duration::from_millis(10)).unwrap_err();
    assert_eq!(slow.wait_for(Duration::MAX).unwrap(), Ok(json!(false)));
    let longest = calculator.limit(TimeLimit::Deadline(Duration::MAX));
    assert_eq!(longest.call("echo", &json!(1)), Ok(json!(1)));

    let slow = calculator.limit(TimeLimit::IDLE).start("sleep", &json!({ "ms": 60_000 })).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    slow.cancel();
    assert_eq!(slow.wait().unwrap_err(), RpcError::Cancelled);
    assert_eq!(calculator.call("echo", &json!(2)).unwrap(), json!(2));
}

#[test]
fn a_newer_owner_displaces_the_older_one_and_the_first_holder_stays() {
    let options = options();
    let old = calculator().start(options.clone()).unwrap();
    let dimos = client(&options);
    let to_old = dimos.module("robot0/calculator").unwrap();
    let new = calculator().start(options.clone()).unwrap();
    assert_eq!(old.displaced().recv_timeout(Duration::from_secs(5)).unwrap(), new.node());
    assert!(new.epoch() > old.epoch());
    // Calls go to the process that was found, and that refuses now.
    assert_eq!(to_old.call("echo", &json!(1)).unwrap_err(), RpcError::Displaced);
    let to_new = dimos.module("robot0/calculator").unwrap();
    assert_eq!(to_new.node(), new.node());
    assert_eq!(to_new.call("echo", &json!(1)).unwrap(), json!(1));

    let refused = calculator().policy(Policy::FirstHolder).start(options.clone());
    let Err(ServeError::Name(ClaimError::Held { node, .. })) = refused else { panic!("{refused:?}") };
    assert_eq!(node, new.node());
}

#[test]
fn who_watches_sees_others_come_and_go() {
    let options = options();
    let dimos = client(&options);
    let events = dimos.events();
    let served = calculator().start(options.clone()).unwrap();
    let wait = |wanted: &dyn Fn(&Event) -> bool| {
        let patience = Instant::now() + Duration::from_secs(10);
        while let Ok(event) = events.recv_deadline(patience) {
            if wanted(&event) {
                return;
            }
        }
        panic!("nothing happened");
    };
    wait(&|event| matches!(event, Event::Changed(module) if module.state == State::Running));
    let modules = dimos.settled().modules();
    assert_eq!(modules.len(), 1);
    let identity = &modules[0].identity;
    assert_eq!((identity.class_name.as_str(), identity.pid.unsigned_abs()), ("Calculator", std::process::id()));

    // A handler that runs for long is noticed.
    let calculator = dimos.module("robot0/calculator").unwrap();
    let slow = calculator.limit(TimeLimit::IDLE).start("sleep", &json!({ "ms": 4000 })).unwrap();
    wait(&|event| matches!(event, Event::Stuck { node, .. } if *node == served.node()));
    assert_eq!(slow.wait().unwrap(), json!(false));
    wait(&|event| matches!(event, Event::Unstuck { .. }));

    drop(served);
    wait(&|event| matches!(event, Event::Left { failed: false, .. }));
    assert_eq!(dimos.modules(), []);
}

#[test]
fn a_call_back_into_who_waits_is_refused_at_once() {
    let options = options();
    let executed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executed);
    let front = Service::new(name("front"))
        .unary("ask", |_, call| call.module(&name("back"))?.call("answer", &Value::Null))
        .unary("blocked", move |_, _| Ok(json!(counted.fetch_add(1, Ordering::Relaxed))))
        .concurrent("open", |_, _| Ok(json!("open")));
    let back = Service::new(name("back")).unary("answer", |_, call| {
        let front = call.module(&name("front"))?;
        assert_eq!(front.call("blocked", &Value::Null), Err(RpcError::Reentrant { method: "blocked".into() }));
        front.call("open", &Value::Null)
    });
    let _front = front.start(options.clone()).unwrap();
    let _back = back.start(options.clone()).unwrap();
    let answer = client(&options).module("front").unwrap().call("ask", &Value::Null).unwrap();
    assert_eq!(answer, json!("open"));
    assert_eq!(executed.load(Ordering::Relaxed), 0);
}

#[test]
fn data_passes_beside_calls() {
    let options = options();
    let (sender, receiver) = (client(&options), client(&options));
    let channel = "/text#std_msgs.String";
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = std::thread::spawn({
        let (stop, publisher) = (Arc::clone(&stop), sender.publisher());
        move || {
            while !stop.load(Ordering::Relaxed) {
                publisher.publish(channel, b"x").unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    });
    let sample = receiver.peek_stream(channel, Duration::from_secs(10)).unwrap().unwrap();
    assert_eq!(&**sample.payload(), b"x");
    stop.store(true, Ordering::Relaxed);
    publishing.join().unwrap();
    assert!(receiver.peek_stream("/nothing", Duration::from_millis(50)).unwrap().is_none());
}

#[test]
fn threads_that_come_and_go_never_leave_the_bus_unread() {
    let options = options();
    let _served = calculator().start(options.clone()).unwrap();
    let dimos = client(&options);
    let calculator = dimos.module("robot0/calculator").unwrap().limit(TimeLimit::Deadline(Duration::from_secs(20)));
    // Pauses around those after which another thread reads.
    let threads = (0..6_u64).map(|seed| {
        let calculator = calculator.clone();
        std::thread::spawn(move || {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            for number in 0..300_u64 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                std::thread::sleep(Duration::from_micros(random % 3000));
                if random % 11 == 0 {
                    // Given up at once, as by somebody who does not care.
                    drop(calculator.start("echo", &json!(number)).unwrap());
                } else if random % 7 == 0 {
                    let chunks = calculator.stream("count", &json!({ "to": 70 })).unwrap();
                    assert_eq!(chunks.map(Result::unwrap).count(), 70);
                } else {
                    assert_eq!(calculator.call("echo", &json!(number)).unwrap(), json!(number));
                }
            }
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}
