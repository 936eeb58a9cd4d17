//! Latched ports: who subscribes late gets the last message at once, and nobody gets it twice.

use std::time::Duration;

use dimos::{Dimos, RemoteModule};
use lcm::Queue;
use lcm_types::nav_msgs::OccupancyGrid;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::{isolated, test_module};
use serde_json::json;

#[test]
fn who_subscribes_late_gets_the_last_message_once_and_others_do_not_get_it_again() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let others = dimos.listen::<OccupancyGrid>("/map", Queue::keep_last(100)).expect("the bus is there");
    let (_server, server) = start(&dimos, "MapServer", "server", &[]);
    let (_early, early) = start(&dimos, "MapReader", "early", &[]);
    for cell in [1, 2] {
        assert_eq!(server.call("publish", &json!({ "bytes": 100, "cell": cell })), Ok(json!(null)));
    }
    assert_eq!(read(&early, 2), json!([[100, 1], [100, 2]]));
    let lates = ["late0", "late1", "late2"].map(|name| start(&dimos, "MapReader", name, &[]));
    for (_process, late) in &lates {
        assert_eq!(read(late, 1), json!([[100, 2]]));
    }
    assert_eq!(server.call("publish", &json!({ "bytes": 100, "cell": 3 })), Ok(json!(null)));
    for (_process, late) in &lates {
        assert_eq!(read(late, 2), json!([[100, 2], [100, 3]]));
    }
    // Longer than anybody asks again.
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(read(&early, 3), json!([[100, 1], [100, 2], [100, 3]]));
    let heard = std::iter::from_fn(|| others.next(Duration::from_millis(20)).expect("it is a map"));
    assert_eq!(heard.map(|map| map.data[0]).collect::<Vec<_>>(), [1, 2, 3]);
    let [published, again]: [u64; 2] = server.call_as("counts", &()).expect("it answers");
    assert!(published == 3 && again >= 3, "{published} {again}");
}

#[test]
fn who_comes_while_messages_are_published_gets_them_in_order_and_none_twice() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_server, server) = start(&dimos, "MapServer", "server", &[]);
    let publishing = std::thread::spawn(move || {
        for cell in 1..=120 {
            assert_eq!(server.call("publish", &json!({ "bytes": 100_000, "cell": cell })), Ok(json!(null)));
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    let mut readers = Vec::new();
    while !publishing.is_finished() {
        let name = format!("reader{}", readers.len());
        readers.push(start(&dimos, "MapReader", &name, &[]));
    }
    publishing.join().expect("it publishes");
    for (_process, reader) in &readers {
        let all = || {
            let read: Vec<(usize, i8)> = reader.call_as("read", &()).expect("it answers");
            (read.last()?.1 == 120).then_some(read)
        };
        let read = eventually(|| format!("the last map: {:?}", reader.call("read", &())), all);
        assert!(read.is_sorted_by(|one, next| one.1 < next.1), "{read:?}");
    }
}

#[test]
fn two_ports_on_one_channel_both_get_the_last_message() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_server, _) = start(&dimos, "MapServer", "server", &["--config", "bytes=100", "--config", "cell=7"]);
    let (_reader, reader) = start(&dimos, "MapReader", "reader", &["--remap", "other=/map"]);
    assert_eq!(read(&reader, 1), json!([[100, 7]]));
    assert_eq!(reader.call("other", &()), Ok(json!(100)));
}

#[test]
fn a_large_message_comes_late_too() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_server, _) = start(&dimos, "MapServer", "server", &["--config", "bytes=4194304", "--config", "cell=7"]);
    let (_reader, reader) = start(&dimos, "MapReader", "reader", &[]);
    assert_eq!(read(&reader, 1), json!([[4_194_304, 7]]));
}

#[test]
fn the_message_of_a_publisher_that_began_again_is_its_new_one() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (mut server, _) = start(&dimos, "MapServer", "server", &["--config", "bytes=10", "--config", "cell=1"]);
    let (_reader, reader) = start(&dimos, "MapReader", "reader", &[]);
    assert_eq!(read(&reader, 1), json!([[10, 1]]));
    let (_second, _) = start(&dimos, "MapServer", "server", &["--config", "bytes=20", "--config", "cell=2"]);
    assert_eq!(server.exit_code(), Some(13));
    assert_eq!(read(&reader, 2), json!([[10, 1], [20, 2]]));
    let (_late, late) = start(&dimos, "MapReader", "late", &[]);
    assert_eq!(read(&late, 1), json!([[20, 2]]));
}

#[test]
fn a_reader_that_was_there_before_anything_was_published_gets_the_first_message_once() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_reader, reader) = start(&dimos, "MapReader", "reader", &["--remap", "map=/robot0/map"]);
    let (_server, server) = start(&dimos, "MapServer", "robot0/server", &["--remap", "map=/robot0/map"]);
    assert_eq!(server.call("publish", &json!({ "bytes": 1, "cell": 5 })), Ok(json!(null)));
    assert_eq!(read(&reader, 1), json!([[1, 5]]));
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(read(&reader, 1), json!([[1, 5]]));
    // Hostile questions harm nobody.
    for question in [&b""[..], b"nonsense", &[0xff; 5000]] {
        dimos.publisher().publish("/mesh/wanted#dimos_mesh.Wanted", question).expect("the bus takes it");
    }
    assert!(server.call("counts", &()).is_ok());
}

fn start(dimos: &Dimos, class: &str, name: &str, arguments: &[&str]) -> (ModuleProcess, RemoteModule) {
    let mut command = test_module!("");
    command.env("TEST_MODULE", class);
    ModuleProcess::start_as(dimos, name, command, arguments)
}

/// What a reader has read, as soon as there is so much.
fn read(reader: &RemoteModule, maps: usize) -> serde_json::Value {
    let read = || reader.call("read", &()).expect("it answers");
    let look = || Some(read()).filter(|read| read.as_array().is_some_and(|read| read.len() >= maps));
    eventually(|| format!("{maps} maps: {}", read()), look)
}
