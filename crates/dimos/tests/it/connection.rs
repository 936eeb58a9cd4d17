//! Connections on real multicast: how they end, what they hear of others, and the data beside the calls.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use dimos::contract::MethodContract;
use dimos::presence::{ClaimError, Event, Policy};
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, FindError, PendingCall, Queue, ServeError, Served, Service};
use lcm_types::geometry_msgs::Twist;
use serde_json::{Value, json};

use crate::bus::{client, eventually, name, options};

#[test]
fn stopping_ends_the_connection_whoever_holds_it() {
    let options = options();
    let (runs, was_told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (running, told) = (Arc::clone(&runs), Arc::clone(&was_told));
    let sleeper = Service::new(name("sleeper")).unary("sleep", move |_, call| {
        running.store(true, Ordering::SeqCst);
        while !call.is_cancelled() {
            std::thread::sleep(Duration::from_millis(2));
        }
        told.store(true, Ordering::SeqCst);
        Ok(Value::Null)
    });
    let served = sleeper.unary("echo", |arguments, _| Ok(arguments)).start(options.clone()).unwrap();
    let dimos = client(&options);
    let (held, events, module) = (dimos.clone(), dimos.events(), dimos.module("sleeper").unwrap());
    let endless = module.limit(TimeLimit::IDLE);
    let waiting = std::thread::spawn({
        let endless = endless.clone();
        move || endless.call("sleep", &())
    });
    eventually("it runs", || runs.load(Ordering::SeqCst));
    let queued = endless.start("sleep", &()).unwrap();
    dimos.stop();
    assert_eq!(waiting.join().unwrap(), Err(RpcError::Left { sent: true }));
    assert_eq!(queued.wait(), Err(RpcError::Left { sent: true }));
    assert_eq!(module.call("echo", &json!(1)), Err(RpcError::Left { sent: false }));
    assert_eq!(held.module("sleeper").unwrap_err(), FindError::Left);
    assert_eq!(held.settled().module("nobody").unwrap_err(), FindError::Left);
    // There are some, and an end.
    assert!(events.iter().count() > 0 && held.events().iter().next().is_none());
    held.stop();
    eventually("the handler is told to stop", || was_told.load(Ordering::SeqCst));
    // Nothing else has ended.
    let echoed = client(&options).module("sleeper").unwrap().call("echo", &json!(2));
    assert_eq!((echoed, served.displaced().is_empty()), (Ok(json!(2)), true));
}

#[test]
fn a_subscriber_can_tell_how_many_messages_it_lost() {
    let options = options();
    let (sender, receiver) = (client(&options), client(&options));
    let heard = receiver.listen::<Twist>("/cmd_vel", Queue::keep_last(100)).unwrap();
    for _ in 0..50 {
        sender.publish("/cmd_vel", &Twist::default()).unwrap();
    }
    sender.publish("/other", &Twist::default()).unwrap();
    let channel = "/cmd_vel#geometry_msgs.Twist";
    let published = || receiver.participants().iter().find_map(|other| other.published.get(channel).copied());
    eventually("a beat tells it", || published() == Some(50));
    assert_eq!(std::iter::from_fn(|| heard.next(Duration::from_millis(100)).unwrap()).count(), 50);
    // One that listens from here on has missed these, and gets all further ones.
    sender.publish("/cmd_vel", &Twist::default()).unwrap();
    eventually("the next beats tell more", || published() == Some(51));
    assert!(heard.next(Duration::from_secs(5)).unwrap().is_some());
    let others = receiver.participants();
    assert_eq!(others.iter().map(|other| other.published.len()).collect::<Vec<_>>(), [2], "{others:?}");
}

#[test]
fn a_topic_is_peeked_at_whatever_its_type() {
    let options = options();
    let (sender, receiver) = (client(&options), client(&options));
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::SeqCst) {
                sender.publish("/cmd_vel", &Twist::default()).unwrap();
                sender.publisher().publish("/bare", b"x").unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let peek = |topic| receiver.peek_stream(topic, Duration::from_secs(10)).unwrap().unwrap().channel().to_string();
        let peeked = ["/cmd_vel", "/cmd_vel#geometry_msgs.Twist", "/bare"].map(peek);
        let nothing = ["/cmd", "/cmd_vel#std_msgs.Bool"]
            .map(|topic| receiver.peek_stream(topic, Duration::from_millis(100)).unwrap().is_none());
        is_over.store(true, Ordering::SeqCst);
        assert_eq!(peeked, ["/cmd_vel#geometry_msgs.Twist", "/cmd_vel#geometry_msgs.Twist", "/bare"]);
        assert_eq!(nothing, [true, true]);
    });
    assert!(receiver.peek_stream("", Duration::ZERO).is_err());
}

#[test]
fn only_who_says_so_is_asked_for_a_skill() {
    let options = options();
    let with_skill = |module: &str, skill: &str| {
        let service = Service::new(name(module)).unary(skill, |_, _| Ok(json!("done")));
        service.described(skill, MethodContract::new().skill()).start(options.clone()).unwrap()
    };
    let (base, arm) = (with_skill("base", "halt"), with_skill("arm", "grasp"));
    let dimos = client(&options);
    assert_eq!(dimos.call_skill("halt", &()).unwrap(), json!("done"));
    // `describe` and the skill itself.
    assert_eq!((base.counts().callee.executed, arm.counts().callee.executed), (2, 0));
    assert_eq!(dimos.call_skill("fly", &()).unwrap_err().to_string(), "no skill fly; there is grasp, halt");
}

#[test]
fn events_tell_who_joins_and_who_is_displaced_by_whom() {
    let options = options();
    let dimos = client(&options);
    let events = dimos.events();
    let serve = || Service::new(name("planner")).class_name("Planner").start(options.clone()).unwrap();
    let old = serve();
    let joined = |event: &Event, served: &Served| {
        matches!(event, Event::Joined(other) if other.identity.node == served.node()
            && other.name.as_ref() == Some(served.name()) && other.identity.class_name == "Planner")
    };
    wait_for(&events, |event| joined(event, &old));
    let new = serve();
    let mut has_joined = false;
    wait_for(&events, |event| {
        has_joined |= joined(event, &new);
        *event == Event::Displaced { node: old.node(), name: name("planner"), by: Some(new.node()) }
    });
    assert!(has_joined, "who displaces has joined before");
    // A client without a name joins, too.
    let other = client(&options);
    wait_for(&events, |event| matches!(event, Event::Joined(other) if other.name.is_none()));
    drop(other);
    wait_for(&events, |event| matches!(event, Event::Left { name: None, failed: false, .. }));
}

#[test]
fn of_claims_at_the_same_moment_one_wins() {
    for policy in [Policy::TakeOver, Policy::FirstHolder] {
        let options = options();
        let barrier = Barrier::new(CLAIMANTS);
        let claim = || {
            let service = Service::new(name("crowded")).policy(policy).unary("echo", |arguments, _| Ok(arguments));
            barrier.wait();
            service.start(options.clone())
        };
        let claims: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..CLAIMANTS).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (owners, refused): (Vec<_>, Vec<_>) = claims.into_iter().partition(Result::is_ok);
        for error in refused.into_iter().map(Result::unwrap_err) {
            assert!(matches!(error, ServeError::Name(ClaimError::Held { .. })), "{policy:?}: {error}");
        }
        let owners: Vec<_> = owners.into_iter().map(Result::unwrap).collect();
        eventually("all others are displaced", || {
            owners.iter().filter(|served| served.displaced().is_empty()).count() == 1
        });
        let winner = owners.iter().find(|served| served.displaced().is_empty()).unwrap();
        let dimos: Dimos = client(&options);
        eventually("it is found", || dimos.module("crowded").is_ok_and(|module| module.node() == winner.node()));
        assert_eq!(dimos.module("crowded").unwrap().call("echo", &json!(1)), Ok(json!(1)));
    }
}

#[test]
fn who_has_too_much_to_do_says_so_and_does_the_rest() {
    let options = options();
    let executed = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&executed);
    let busy = Service::new(name("busy"))
        .unary("wait", |_, call| {
            while !call.is_cancelled() {
                std::thread::sleep(Duration::from_millis(2));
            }
            Ok(Value::Null)
        })
        .unary("echo", move |arguments, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(arguments)
        });
    let served = busy.start(options.clone()).unwrap();
    let module = client(&options).module("busy").unwrap().limit(TimeLimit::Deadline(Duration::from_secs(60)));
    let first = module.start("wait", &()).unwrap();
    eventually("it runs", || served.counts().callee.executed == 1);
    let calls: Vec<_> = (0..WAITING + 6).map(|number| module.start("echo", &json!(number)).unwrap()).collect();
    // Those that are refused are answered while the others wait.
    let mut refused = 0;
    let mut waiting = Vec::new();
    let patience = Instant::now() + Duration::from_secs(5);
    for (number, call) in calls.into_iter().enumerate() {
        // The last ones have their answers by then.
        let at_most =
            if number < WAITING { Duration::ZERO } else { patience.saturating_duration_since(Instant::now()) };
        match call.wait_for(at_most) {
            Err(call) => waiting.push((number, call)),
            Ok(result) => {
                assert_eq!(result, Err(RpcError::Overloaded { waiting: WAITING }));
                refused += 1;
            }
        }
    }
    first.cancel();
    assert_eq!(first.wait(), Err(RpcError::Cancelled));
    let (numbers, calls): (Vec<_>, Vec<PendingCall>) = waiting.into_iter().unzip();
    for (number, result) in numbers.into_iter().zip(PendingCall::wait_all(calls)) {
        match result {
            Err(RpcError::Overloaded { .. }) => refused += 1,
            result => assert_eq!(result, Ok(json!(number))),
        }
    }
    assert_eq!((refused, executed.load(Ordering::SeqCst)), (6, WAITING));
}

fn wait_for(events: &Receiver<Event>, mut is_it: impl FnMut(&Event) -> bool) {
    let patience = Instant::now() + Duration::from_secs(20);
    while let Ok(event) = events.recv_deadline(patience) {
        if is_it(&event) {
            return;
        }
    }
    panic!("it did not happen");
}

const CLAIMANTS: usize = 8;

/// How many calls may wait for a process.
const WAITING: usize = 64;
