//! At which time a lookup looks, and the stamps of answers.

use std::time::Duration;

use dimos::transforms::{Inserted, LookupError, Side, TransformBuffer, When};
use lcm_types::std_msgs::Time;

use super::{at, edge, insert, look, ms, stamped, why, x};

/// Odometry at 10 Hz and an arm at 5 Hz, both until they end, with 1 m/s each.
fn moving(odom_ends_ms: i64, arm_ends_ms: i64) -> TransformBuffer {
    let mut transforms = TransformBuffer::new();
    for time_ms in (0..=odom_ends_ms).step_by(100) {
        insert(&mut transforms, time_ms, "odom", "base", time_ms as f64 / 1e3);
    }
    for time_ms in (0..=arm_ends_ms).step_by(200) {
        insert(&mut transforms, time_ms, "base", "hand", time_ms as f64 / 1e3);
    }
    transforms
}

#[test]
fn the_latest_time_is_the_latest_that_all_edges_know() {
    let transforms = moving(1500, 1000);
    assert_eq!(look(&transforms, "odom", "base", When::Latest), (1.5, 1500));
    assert_eq!(look(&transforms, "odom", "hand", When::Latest), (2.0, 1000));
    assert_eq!(look(&transforms, "hand", "odom", When::Latest), (-2.0, 1000));
}

#[test]
fn the_newest_samples_may_be_of_different_times_and_the_answer_has_the_oldest_of_them() {
    let transforms = moving(1500, 1000);
    assert_eq!(look(&transforms, "odom", "hand", When::Newest), (2.5, 1000));
}

#[test]
fn within_the_tolerance_the_nearest_time_at_which_all_is_known_is_taken() {
    let transforms = moving(1500, 1000);
    assert_eq!(look(&transforms, "odom", "hand", at(750, 0)), (1.5, 750));
    // The arm ends at 1000: both are evaluated there, and the stamp says so.
    assert_eq!(look(&transforms, "odom", "hand", at(1050, 50)), (2.0, 1000));
    assert_eq!(look(&transforms, "odom", "hand", at(-50, 50)), (0.0, 0));
    assert!(transforms.lookup("odom", "hand", at(1050, 49)).is_err());
    assert!(transforms.lookup("odom", "hand", at(-50, 49)).is_err());
}

#[test]
fn what_is_beyond_the_tolerance_is_told_with_edge_distance_and_direction() {
    let transforms = moving(1500, 1000);
    assert_eq!(
        why(&transforms, "odom", "hand", at(1625, 100)),
        "\"base\" -> \"hand\" is not known at 1700000001.625000000 s: its newest sample is 0.625 s earlier, and the tolerance is 0.1 s"
    );
    assert_eq!(
        why(&transforms, "odom", "hand", at(-250, 100)),
        "\"base\" -> \"hand\" is not known at 1699999999.750000000 s: its oldest sample is 0.25 s later, and the tolerance is 0.1 s"
    );
    let error = transforms.lookup("odom", "base", at(1600, 0)).unwrap_err();
    let expected = LookupError::OutOfRange {
        edge: edge("odom", "base"),
        stamp: ms(1600),
        side: Side::Newest,
        off: Duration::from_millis(100),
        tolerance: Duration::ZERO,
    };
    assert_eq!(error, expected);
}

#[test]
fn edges_without_a_common_time_can_still_both_be_near() {
    let mut transforms = TransformBuffer::new();
    for time_ms in [0, 100, 1000, 1100] {
        let (parent, child) = if time_ms < 500 { ("map", "odom") } else { ("odom", "base") };
        insert(&mut transforms, time_ms, parent, child, time_ms as f64);
    }
    // Each says its nearest sample: 100 and 1000.
    assert_eq!(look(&transforms, "map", "base", at(550, 450)), (1100.0, 550));
    assert!(transforms.lookup("map", "base", at(550, 449)).is_err());
    assert_eq!(
        why(&transforms, "map", "base", When::Latest),
        "there is no common time: \"map\" -> \"odom\" is not known any more 0.9 s before \"odom\" -> \"base\" begins; its publisher may \
         have ended (When::Newest combines them all the same)"
    );
    assert_eq!(look(&transforms, "map", "base", When::Newest), (1200.0, 100));
}

#[test]
fn samples_come_in_any_order() {
    let mut ordered = TransformBuffer::new();
    let mut shuffled = TransformBuffer::new();
    for index in 0..97 {
        insert(&mut ordered, index * 10, "a", "b", index as f64);
        let index = index * 35 % 97;
        insert(&mut shuffled, index * 10, "a", "b", index as f64);
    }
    for time_ms in 0..=960 {
        assert_eq!(look(&shuffled, "a", "b", at(time_ms, 0)), look(&ordered, "a", "b", at(time_ms, 0)));
    }
    assert_eq!(ordered.counts().out_of_order, 0);
    assert!(shuffled.counts().out_of_order > 40);
    assert_eq!(shuffled.samples(), 97);
}

#[test]
fn of_two_samples_with_one_stamp_the_last_holds() {
    let mut transforms = moving(1000, 1000);
    let before = transforms.samples();
    assert_eq!(transforms.insert(&stamped(ms(500), "odom", "base", x(7.0))), Ok(Inserted::Replaced));
    assert_eq!(look(&transforms, "odom", "base", at(500, 0)), (7.0, 500));
    assert_eq!((transforms.samples(), transforms.counts().replaced), (before, 1));
}

#[test]
fn samples_older_than_the_window_before_the_newest_of_their_edge_are_dropped() {
    let mut transforms = moving(30_000, 1000);
    assert_eq!(look(&transforms, "odom", "base", at(20_000, 0)), (20.0, 20_000));
    assert!(transforms.lookup("odom", "base", at(19_999, 0)).is_err());
    // Other edges have windows of their own.
    assert_eq!(look(&transforms, "base", "hand", at(500, 0)), (0.5, 500));
    assert_eq!(transforms.insert(&stamped(ms(20_000), "odom", "base", x(1.0))), Ok(Inserted::Replaced));
    assert_eq!(transforms.counts().restarted, 0);
}

#[test]
fn a_jump_back_by_more_than_the_window_begins_anew() {
    let mut transforms = moving(30_000, 1000);
    assert_eq!(transforms.insert(&stamped(ms(19_999), "odom", "base", x(5.0))), Ok(Inserted::Restarted));
    assert_eq!(look(&transforms, "odom", "base", When::Latest), (5.0, 19_999));
    assert!(transforms.lookup("odom", "base", at(25_000, 100)).is_err());
    assert_eq!(transforms.counts().restarted, 1);
}

#[test]
fn one_stamp_from_the_future_does_not_last() {
    let mut transforms = moving(1000, 1000);
    transforms.insert(&stamped(Time::MAX, "odom", "base", x(9.0))).unwrap();
    insert(&mut transforms, 1100, "odom", "base", 1.1);
    insert(&mut transforms, 1200, "odom", "base", 1.2);
    assert_eq!(look(&transforms, "odom", "base", When::Latest), (1.2, 1200));
    assert_eq!(transforms.counts().restarted, 1);
}

#[test]
fn stamps_at_the_limits_of_time_work() {
    for stamp in [Time::MIN, Time::MAX, Time::default(), Time { sec: 5, nsec: -1 }, Time { sec: 5, nsec: i32::MAX }] {
        let mut transforms = TransformBuffer::new();
        transforms.insert(&stamped(stamp, "a", "b", x(1.0))).unwrap();
        for when in [When::Latest, When::Newest, When::At { stamp, tolerance: Duration::ZERO }] {
            let found = transforms.lookup("a", "b", when).unwrap();
            assert_eq!(found.header.stamp, stamp.normalized().unwrap());
        }
        for stamp in
            [Time::MIN, Time::MAX, Time { sec: i32::MIN, nsec: i32::MIN }, Time { sec: i32::MAX, nsec: i32::MAX }]
        {
            transforms.lookup("a", "b", When::At { stamp, tolerance: Duration::MAX }).unwrap();
            let _ = transforms.lookup("a", "b", When::At { stamp, tolerance: Duration::ZERO });
        }
    }
}

#[test]
fn a_frame_seen_from_itself_is_where_it_is() {
    let transforms = moving(1500, 1000);
    assert_eq!(look(&transforms, "base", "base", When::Latest), (0.0, 1500));
    assert_eq!(look(&transforms, "base", "base", at(77_000, 0)), (0.0, 77_000));
    assert!(transforms.lookup("nowhere", "nowhere", When::Latest).is_ok());
    assert!(transforms.can_lookup("nowhere", "nowhere", When::Latest));
}

#[test]
fn who_waits_learns_whether_to_go_on_and_when_to_try_again() {
    let mut transforms = TransformBuffer::new();
    let when = at(1550, 0);
    assert!(transforms.lookup("odom", "base", when).unwrap_err().is_waitable(), "a frame may come");
    transforms = moving(1500, 1000);
    assert!(transforms.lookup("odom", "base", when).unwrap_err().is_waitable(), "a sample may come");
    assert!(!transforms.lookup("odom", "base", at(-1, 0)).unwrap_err().is_waitable(), "the past does not come back");
    assert!(!transforms.lookup("odom", "", when).unwrap_err().is_waitable(), "a name that is none");
    let before = transforms.generation();
    assert!(!transforms.can_lookup("odom", "base", when));
    insert(&mut transforms, 1600, "odom", "base", 1.6);
    assert_ne!(transforms.generation(), before);
    assert!(transforms.can_lookup("odom", "base", when));
    assert_eq!(look(&transforms, "odom", "base", when), (1.55, 1550));
    // What was refused is nothing new.
    let before = transforms.generation();
    transforms.insert(&stamped(ms(0), "odom", "odom", x(1.0))).unwrap_err();
    assert_eq!(transforms.generation(), before);
}

#[test]
fn what_was_heard_can_be_forgotten_without_what_this_process_knows_itself() {
    let mut transforms = TransformBuffer::new();
    transforms.insert_static(&stamped(ms(0), "base", "lidar", x(0.5))).unwrap();
    transforms.insert(&stamped(ms(5000), "odom", "base", x(1.0))).unwrap();
    transforms.insert(&stamped(ms(5000), "map", "odom", x(1.0))).unwrap();
    let generation = transforms.generation();
    transforms.forget_heard();
    assert_ne!(transforms.generation(), generation);
    assert_eq!(transforms.samples(), 0);
    assert!(transforms.lookup("odom", "lidar", When::Latest).is_err());
    assert!(transforms.lookup("base", "lidar", When::Latest).is_ok());
    // A simulation that began anew less than the window before.
    transforms.insert(&stamped(ms(1000), "odom", "base", x(7.0))).unwrap();
    let found = transforms.lookup("odom", "lidar", When::Latest).unwrap();
    assert_eq!((found.header.stamp, found.transform.translation.x), (ms(1000), 7.5));
}
