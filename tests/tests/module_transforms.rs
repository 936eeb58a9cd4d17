//! Transforms between modules, and between modules and other programs.

use std::time::{Duration, Instant};

use dimos::{Dimos, RemoteModule};
use lcm::Queue;
use lcm_types::builtin_interfaces::Time;
use lcm_types::geometry_msgs::TransformStamped;
use lcm_types::std_msgs::{Int32, String as Text};
use lcm_types::tf2_msgs::TFMessage;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_module};
use serde_json::json;

#[test]
fn a_module_finds_what_others_publish_also_what_was_before_it() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_arm, arm) = start(&dimos, "Arm", "arm", &[]);
    let (_looker, looker) = start(&dimos, "Looker", "looker", &[]);
    // The static one was published before there was a looker.
    let look = |target: &str, source: &str| looker.call("look", &json!({ "target": target, "source": source }));
    eventually(|| "the arm".to_owned(), || (look("base", "arm") == Ok(json!(1.0))).then_some(()));
    arm.call("place", &json!({ "parent": "arm", "child": "hand", "x_m": 0.5 })).expect("it takes it");
    eventually(|| "the hand".to_owned(), || (look("base", "hand") == Ok(json!(1.5))).then_some(()));
    assert_eq!(look("hand", "base"), Ok(json!(-1.5)));
    let error = look("base", "foot").expect_err("nobody has said where it is");
    assert!(error.to_string().contains("foot"), "{error}");
    // Of other programs, too, and not what makes no sense.
    let mut foot = TransformStamped::default();
    foot.header.frame_id = "base".to_owned();
    foot.child_frame_id = "foot".to_owned();
    foot.transform.translation.x = -2.0;
    foot.transform.rotation.w = 1.0;
    let mut broken = foot.clone();
    broken.child_frame_id = "ghost".to_owned();
    broken.transform.translation.x = f64::NAN;
    let message = TFMessage { transforms: vec![broken, foot] };
    dimos.publisher().publish("/tf#tf2_msgs.TFMessage", b"nonsense").expect("the bus takes it");
    dimos.publish("/tf", &message).expect("the bus takes it");
    eventually(|| "the foot".to_owned(), || (look("base", "foot") == Ok(json!(-2.0))).then_some(()));
    assert!(look("base", "ghost").is_err());
}

#[test]
fn static_transforms_come_again_and_again_with_the_time_it_is() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let heard = dimos.listen::<TFMessage>("/tf", Queue::keep_last(100)).expect("the bus is there");
    let begin = Instant::now();
    let (_arm, _) = start(&dimos, "Arm", "arm", &[]);
    let stamps: Vec<_> = (0..6)
        .map(|_| {
            let message = heard.next(PATIENCE).expect("transforms").expect("they come again");
            assert_eq!(message.transforms.len(), 1, "{message:?}");
            let stamp = &message.transforms[0].header.stamp;
            (stamp.sec, stamp.nsec)
        })
        .collect();
    assert!(stamps.is_sorted() && stamps[0] < stamps[5], "{stamps:?}");
    // Five times a second; the first two may come at once.
    assert!(begin.elapsed() > Duration::from_millis(600) && begin.elapsed() < Duration::from_secs(6));
}

#[test]
fn a_module_waits_for_a_transform_and_hears_it_while_it_waits() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let found = dimos.listen::<Text>("/found", Queue::keep_last(10)).expect("the bus is there");
    let (_looker, looker) = start(&dimos, "Looker", "looker", &[]);
    let (_arm, arm) = start(&dimos, "Arm", "arm", &[]);
    let next = || found.next(PATIENCE).expect("it is text").expect("it says something").data;
    dimos.publish("/seek", &Int32 { data: 200 }).expect("the bus takes it");
    assert!(next().starts_with("not found"));
    dimos.publish("/seek", &Int32 { data: 30_000 }).expect("the bus takes it");
    // It is certainly waiting then; calls to it are acknowledged, and wait.
    std::thread::sleep(Duration::from_millis(200));
    let look = looker.start("look", &json!({ "target": "base", "source": "hand" })).expect("JSON");
    arm.call("place", &json!({ "parent": "arm", "child": "hand", "x_m": 2.0 })).expect("it takes it");
    assert_eq!(next(), "3");
    assert_eq!(look.wait(), Ok(json!(3.0)));
}

#[test]
fn a_simulation_that_begins_anew_leaves_no_transforms_of_its_future() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_looker, looker) = start(&dimos, "Looker", "looker", &["--simulated-time"]);
    let tell = |sec: i32, x_m: Option<f64>| {
        dimos.publish("/clock", &Time { sec, nanosec: 0 }).expect("the bus takes it");
        let Some(x_m) = x_m else { return };
        let mut transform = TransformStamped { child_frame_id: "hand".to_owned(), ..TransformStamped::default() };
        (transform.header.stamp.sec, transform.header.frame_id) = (sec, "base".to_owned());
        (transform.transform.translation.x, transform.transform.rotation.w) = (x_m, 1.0);
        dimos.publish("/tf", &TFMessage { transforms: vec![transform] }).expect("the bus takes it");
    };
    let look = || looker.call("look", &json!({ "target": "base", "source": "hand" }));
    tell(8, Some(8.0));
    eventually(|| "it is heard".to_owned(), || (look() == Ok(json!(8.0))).then_some(()));
    // By less than transforms are kept for.
    tell(3, None);
    eventually(|| "it is forgotten".to_owned(), || look().is_err().then_some(()));
    tell(4, Some(4.0));
    eventually(|| "it is heard".to_owned(), || (look() == Ok(json!(4.0))).then_some(()));
}

#[test]
fn transforms_can_be_on_another_topic() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let remapped = ["--remap", "tf=/robot0/tf"];
    let heard = dimos.listen::<TFMessage>("/robot0/tf", Queue::keep_last(100)).expect("the bus is there");
    let (_arm, _) = start(&dimos, "Arm", "arm", &remapped);
    assert!(heard.next(PATIENCE).expect("transforms").is_some());
    let (_looker, looker) = start(&dimos, "Looker", "looker", &remapped);
    let (_other, other) = start(&dimos, "Looker", "other", &[]);
    let look = |looker: &RemoteModule| looker.call("look", &json!({ "target": "base", "source": "arm" }));
    eventually(|| "the arm".to_owned(), || (look(&looker) == Ok(json!(1.0))).then_some(()));
    assert!(look(&other).is_err());
}

fn start(dimos: &Dimos, class: &str, name: &str, arguments: &[&str]) -> (ModuleProcess, RemoteModule) {
    let mut command = test_module!("");
    command.env("TEST_MODULE", class);
    ModuleProcess::start_as(dimos, name, command, arguments)
}
