//! What modules hear: handlers of every kind, queues by policy, faults of handlers, and Python programs on the other side.

use std::time::Duration;

use dimos::{Dimos, RemoteModule};
use lcm::{Lcm, Message, Queue};
use lcm_types::geometry_msgs::PoseStamped;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::{isolated, test_module, test_name};
use serde_json::json;

#[test]
fn handlers_take_messages_of_their_own_views_and_samples() {
    isolated!(MulticastOnLo);
    let (_ears, _module, bus) = ears(&[]);
    let echo = bus.subscribe("/echo#geometry_msgs.PoseStamped", Queue::keep_last(10)).expect("a channel");
    let next = || {
        let sample = echo.recv_timeout(PATIENCE).expect("the bus is readable").expect("an echo");
        PoseStamped::decode(sample.payload()).expect("a pose")
    };
    let mut pose = PoseStamped::default();
    pose.header.frame_id = "map".to_owned();
    pose.pose.position.x = 0.1;
    for port in ["owned", "raw"] {
        publish(&bus, &format!("/{port}#geometry_msgs.PoseStamped"), &pose);
        assert_eq!(next(), pose);
        // As some Python programs spell it.
        publish(&bus, &format!("/{port}#PoseStamped"), &pose);
        assert_eq!(next(), pose);
    }
    publish(&bus, "/viewed#PoseStamped", &pose);
    assert_eq!(next().header.frame_id, "map on /viewed#PoseStamped");
}

#[test]
fn what_is_not_of_the_port_s_type_is_counted_and_the_next_message_is_handled() {
    isolated!(MulticastOnLo);
    let (ears, module, bus) = ears(&[]);
    let channel = "/usual#std_msgs.Int32";
    let good = Int32 { data: 7 }.encode().expect("a number");
    // Empty, cut, of another type, and random bytes.
    let pose = PoseStamped::default().encode().expect("a pose");
    for bad in [&[][..], &good[..good.len() - 1], &pose[..], &[0xff; 64][..]] {
        bus.publisher().publish(channel, bad).expect("the bus takes it");
        bus.publisher().publish("/unhandled#std_msgs.Int32", bad).expect("the bus takes it");
    }
    bus.publisher().publish(channel, &good).expect("the bus takes it");
    assert_eq!(heard_until(&module, "usual", 7), [7]);
    assert_eq!(counts(&module, "usual"), [5, 0, 4]);
    let told = ears.logged("a message is not of the port's type");
    assert_eq!(told["fields"]["handler"], "usual");
    // Of a port without a handler, what is looked at is counted, once.
    eventually(|| "all is there".to_owned(), || (counts(&module, "unhandled")[0] == 4).then_some(()));
    for _ in 0..3 {
        assert_eq!(module.call("unhandled", &()), Ok(json!(null)));
    }
    assert_eq!(counts(&module, "unhandled"), [4, 0, 1]);
    publish(&bus, "/unhandled#std_msgs.Int32", &Int32 { data: 3 });
    eventually(|| "3".to_owned(), || (module.call("unhandled", &()) == Ok(json!(3))).then_some(()));
}

#[test]
fn errors_of_handlers_are_told_now_and_then_and_panics_do_not_end_the_module() {
    isolated!(MulticastOnLo);
    let (mut ears, module, bus) = ears(&[]);
    let trouble = |data| publish(&bus, "/trouble#std_msgs.Int32", &Int32 { data });
    for _ in 0..20 {
        trouble(1);
    }
    trouble(7);
    assert_eq!(heard_until(&module, "trouble", 7), [7]);
    trouble(2);
    trouble(2);
    trouble(8);
    assert_eq!(heard_until(&module, "trouble", 8), [7, 8]);
    let panicked = ears.logged("panicked: the paper burns");
    assert!(panicked["fields"]["location"].as_str().is_some_and(|place| place.contains("ears.rs")), "{panicked}");
    ears.signal("TERM");
    assert_eq!(ears.exit_code(), Some(0));
    let log = ears.log();
    let told: Vec<_> = log.iter().filter(|line| line["fields"]["handler"] == "trouble").collect();
    for (what, times) in [("a handler failed", 20), ("a handler panicked", 2)] {
        let says = |line: &&&serde_json::Value| {
            line["fields"]["message"].as_str().is_some_and(|message| message.starts_with(what))
        };
        let of_these: Vec<_> = told.iter().filter(says).collect();
        // All in less than a second, unless the machine was very busy.
        assert!((1..10).contains(&of_these.len()), "{told:?}");
        let counts = of_these.iter().filter_map(|line| line["fields"]["count"].as_u64());
        assert_eq!(counts.max(), Some(times), "{told:?}");
        let untold: u64 = of_these.iter().filter_map(|line| line["fields"]["untold"].as_u64()).sum();
        let singly = of_these.iter().filter(|line| !line["fields"]["message"].to_string().contains("more often"));
        assert_eq!(untold + singly.count() as u64, times, "{told:?}");
    }
}

#[test]
fn a_panic_ends_the_module_if_it_is_told_so() {
    isolated!(MulticastOnLo);
    let (mut ears, _module, bus) = ears(&["--exit-on-panic"]);
    publish(&bus, "/trouble#std_msgs.Int32", &Int32 { data: 2 });
    assert_eq!(ears.exit_code(), Some(1));
    let log = ears.log();
    let last = log.last().expect("a line");
    assert_eq!((&last["level"], &last["fields"]["message"]), (&json!("ERROR"), &json!("failed")), "{log:?}");
    assert!(last["fields"]["reason"].as_str().is_some_and(|reason| reason.contains("the paper burns")), "{last}");
}

#[test]
fn a_handler_that_was_busy_sees_the_newest_messages_in_order_as_many_as_its_port_keeps() {
    isolated!(MulticastOnLo);
    let (_ears, module, bus) = ears(&[]);
    publish(&bus, "/nap#std_msgs.Int32", &Int32 { data: 1500 });
    // It is certainly asleep then.
    std::thread::sleep(Duration::from_millis(300));
    for data in 0..1000 {
        for port in ["latest", "few", "usual"] {
            publish(&bus, &format!("/{port}#std_msgs.Int32"), &Int32 { data });
        }
        if data % 50 == 49 {
            // Not faster than the kernel's buffer can take it.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let expected = [("latest", 1), ("few", 4), ("usual", 32)];
    for (port, kept) in expected {
        let heard = heard_until(&module, port, 999);
        let [received, overtaken, undecodable] = counts(&module, port);
        assert_eq!((received, overtaken, undecodable), (1000, 1000 - heard.len() as u64, 0), "{port}");
        // Nobody can tell whether all of them came while it slept, on a machine that is busy.
        let newest: Vec<_> = (1000 - kept..1000).collect();
        assert!(heard.ends_with(&newest), "{port}: {heard:?}");
        assert!(heard.is_sorted(), "{port}: {heard:?}");
    }
}

#[test]
fn python_publishes_to_a_module_and_hears_it() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let (_ears, _module, _bus) = ears(&[]);
    let python = || Process::start(&mut wheel.script("poses.py"));
    for (port, suffix) in [("owned", "geometry_msgs.PoseStamped"), ("owned", "PoseStamped"), ("raw", "PoseStamped")] {
        let mut python = python();
        python.expect_line("ready", |line| line == "ready");
        python.write_line(&format!("/{port}#{suffix} map 1.5"));
        let heard = python.expect_line("an echo", |line| line.starts_with("/echo"));
        assert_eq!(heard, "/echo#geometry_msgs.PoseStamped map 1.5");
    }
}

fn ears(arguments: &[&str]) -> (ModuleProcess, RemoteModule, Lcm) {
    let dimos = Dimos::join().expect("the bus is there");
    let (ears, module) = ModuleProcess::start_as(&dimos, "ears", test_module!("Ears"), arguments);
    (ears, module, Lcm::open("").expect("the bus is there"))
}

fn publish(bus: &Lcm, channel: &str, message: &impl Message) {
    bus.publisher().publish_message(channel, message).expect("the bus takes it");
}

/// What a handler was called with, as soon as that ends with this number.
fn heard_until(module: &RemoteModule, port: &str, last: i32) -> Vec<i32> {
    let look = || {
        let heard = module.call("heard", &()).expect("it answers");
        let numbers: Vec<i32> = serde_json::from_value(heard.get(port)?.clone()).expect("numbers");
        (numbers.last() == Some(&last)).then_some(numbers)
    };
    eventually(|| format!("{port} hears {last}: {:?}", module.call("heard", &())), look)
}

fn counts(module: &RemoteModule, port: &str) -> [u64; 3] {
    module.call_as("counts", &json!({ "port": port })).expect("it answers")
}
