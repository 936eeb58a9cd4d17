//! Edges that do not move: static ones of this process and of others, and robots that stand.

use dimos::transforms::{InsertError, Inserted, Motion, TransformBuffer, When};
use lcm_types::geometry_msgs::Transform;
use lcm_types::std_msgs::Time;

use super::{at, edge, insert, look, ms, stamped, why, x};

/// Odometry at 50 Hz up to 3 s with 1 m/s, and a lidar on it whose place is said every `period_ms` until `ends_ms`.
fn robot(period_ms: usize, ends_ms: i64) -> TransformBuffer {
    let mut transforms = TransformBuffer::new();
    for time_ms in (0..=3000).step_by(20) {
        insert(&mut transforms, time_ms, "odom", "base", time_ms as f64 / 1e3);
    }
    for time_ms in (0..=ends_ms).step_by(period_ms) {
        insert(&mut transforms, time_ms, "base", "lidar", 0.25);
    }
    transforms
}

#[test]
fn a_static_edge_that_is_repeated_does_not_hold_up_the_path() {
    // The last sample of the lidar is 180 ms older than that of the odometry.
    let transforms = robot(200, 2820);
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (3.25, 3000));
    assert_eq!(look(&transforms, "odom", "lidar", at(3000, 0)), (3.25, 3000));
    assert_eq!(look(&transforms, "lidar", "odom", at(2990, 0)), (-3.24, 2990));
}

#[test]
fn a_static_edge_whose_publisher_died_holds_for_two_periods() {
    let transforms = robot(200, 2000);
    // Said until 2000, taken to hold until 2400.
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (2.65, 2400));
    assert_eq!(look(&transforms, "odom", "lidar", at(2500, 100)), (2.65, 2400));
    assert_eq!(
        why(&transforms, "odom", "lidar", at(2500, 99)),
        "\"base\" -> \"lidar\" is not known at 1700000002.500000000 s: its newest sample is 0.5 s earlier, and the tolerance is 0.099 s"
    );
}

#[test]
fn a_static_edge_is_taken_to_have_held_a_little_before_it_was_heard() {
    let mut transforms = robot(200, -1);
    for time_ms in [1000, 1200, 1400, 1600] {
        insert(&mut transforms, time_ms, "base", "lidar", 0.25);
    }
    assert_eq!(look(&transforms, "odom", "lidar", at(600, 0)), (0.85, 600));
    assert!(transforms.lookup("odom", "lidar", at(599, 0)).is_err());
}

#[test]
fn an_edge_that_was_said_once_holds_at_the_latest_time_whatever_its_stamp() {
    for stamp in [ms(0), ms(-3_600_000), Time::default(), Time::MAX] {
        let mut transforms = robot(20, -1);
        transforms.insert(&stamped(stamp, "base", "lidar", x(0.25))).unwrap();
        assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (3.25, 3000));
    }
    // At a given time it is a sample like any other: nobody knows when it moves.
    let transforms = robot(5000, 0);
    assert_eq!(look(&transforms, "odom", "lidar", at(100, 100)), (0.25, 0));
    assert!(transforms.lookup("odom", "lidar", at(101, 100)).is_err());
    // Of several that were said once the newest stamp is taken.
    let mut transforms = TransformBuffer::new();
    insert(&mut transforms, 100, "a", "b", 1.0);
    insert(&mut transforms, 700, "b", "c", 1.0);
    assert_eq!(look(&transforms, "a", "c", When::Latest), (2.0, 700));
}

#[test]
fn an_edge_that_is_said_every_twenty_seconds_holds_too() {
    let mut transforms = TransformBuffer::new();
    for time_ms in (0..=50_000).step_by(100) {
        insert(&mut transforms, time_ms, "odom", "base", time_ms as f64 / 1e3);
        if time_ms % 20_000 == 0 {
            // A map that is corrected now and then.
            insert(&mut transforms, time_ms, "map", "odom", time_ms as f64);
        }
    }
    assert_eq!(look(&transforms, "map", "base", When::Latest), (40_050.0, 50_000));
}

#[test]
fn a_localiser_that_died_while_the_robot_stood_is_noticed() {
    let mut transforms = TransformBuffer::new();
    for time_ms in (0..=20_000).step_by(100) {
        insert(&mut transforms, time_ms, "odom", "base", 5.0);
        if time_ms <= 5000 {
            insert(&mut transforms, time_ms, "map", "odom", 1.0);
        }
    }
    // The odometry knows 10 to 20 s, the localiser until 5.2 s.
    assert!(
        why(&transforms, "map", "base", When::Latest)
            .starts_with("there is no common time: \"map\" -> \"odom\" is not")
    );
    assert_eq!(look(&transforms, "map", "base", When::Newest), (6.0, 5000));
}

#[test]
fn an_edge_that_moved_within_the_window_is_not_at_rest() {
    let mut transforms = robot(200, 2800);
    // Moved once, in the middle.
    transforms.insert(&stamped(ms(1000), "base", "lidar", x(0.26))).unwrap();
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (3.05, 2800));
    assert!(transforms.lookup("odom", "lidar", at(2801, 0)).is_err());
    // And once more, back: it stands again.
    transforms.insert(&stamped(ms(1000), "base", "lidar", x(0.25))).unwrap();
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (3.25, 3000));
    // A move is forgotten with the window.
    transforms.insert(&stamped(ms(2820), "base", "lidar", x(0.5))).unwrap();
    let motion = |transforms: &TransformBuffer| transforms.frames().iter().find(|f| f.child == "lidar").unwrap().motion;
    assert_eq!(motion(&transforms), Some(Motion::Moving));
    for time_ms in (3000..=13_000).step_by(200) {
        insert(&mut transforms, time_ms, "base", "lidar", 0.5);
    }
    assert_eq!(motion(&transforms), Some(Motion::AtRest));
}

#[test]
fn own_static_transforms_hold_at_all_times() {
    let mut transforms = robot(20, -1);
    transforms.insert_static(&stamped(Time::default(), "base", "lidar", x(0.25))).unwrap();
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (3.25, 3000));
    assert_eq!(look(&transforms, "odom", "lidar", When::Newest), (3.25, 3000));
    assert_eq!(look(&transforms, "odom", "lidar", at(1010, 0)), (1.26, 1010));
    assert_eq!(look(&transforms, "base", "lidar", at(-99_000_000, 0)), (0.25, -99_000_000));
    // Nothing there has a time.
    let found = transforms.lookup("base", "lidar", When::Latest).unwrap();
    assert_eq!(found.header.stamp, Time::default());
}

#[test]
fn what_others_say_of_an_own_static_frame_is_refused_unless_it_is_the_same() {
    let mut transforms = robot(20, -1);
    transforms.insert_static(&stamped(ms(0), "base", "lidar", x(0.25))).unwrap();
    // It hears itself.
    assert_eq!(transforms.insert(&stamped(ms(5), "base", "lidar", x(0.25))), Ok(Inserted::Confirmed));
    assert_eq!(transforms.insert(&stamped(ms(5), "base", "lidar", x(0.25 + 1e-12))), Ok(Inserted::Confirmed));
    for (parent, x_m) in [("base", 0.251), ("mast", 0.25)] {
        let error = transforms.insert(&stamped(ms(5), parent, "lidar", x(x_m))).unwrap_err();
        assert_eq!(error, InsertError::Static { edge: edge(parent, "lidar"), fixed: edge("base", "lidar") });
    }
    assert_eq!(transforms.counts().contradicted, 2);
    assert_eq!(look(&transforms, "base", "lidar", When::Latest).0, 0.25);
    // This process may change its mind.
    transforms.insert_static(&stamped(ms(0), "base", "lidar", x(0.5))).unwrap();
    assert_eq!(look(&transforms, "base", "lidar", When::Latest).0, 0.5);
    transforms.insert_static(&stamped(ms(0), "odom", "lidar", x(0.75))).unwrap();
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest).0, 0.75);
}

#[test]
fn an_own_static_transform_replaces_what_was_heard() {
    let mut transforms = robot(200, 3000);
    let before = transforms.samples();
    transforms.insert_static(&stamped(ms(0), "base", "lidar", Transform::from_xy_yaw(1.0, 0.0, 0.0))).unwrap();
    assert_eq!(transforms.samples(), before - 16);
    assert_eq!(look(&transforms, "base", "lidar", at(100, 0)).0, 1.0);
}
