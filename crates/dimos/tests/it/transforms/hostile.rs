//! Whatever is on the bus: no panic, no wrong numbers, bounded memory.

use std::time::Duration;

use dimos::transforms::{InsertError, Inserted, Limits, TransformBuffer, When};
use lcm::Message;
use lcm_types::geometry_msgs::{Quaternion, Transform, TransformStamped, Vector3};
use lcm_types::std_msgs::{Header, Time};
use lcm_types::tf2_msgs::TFMessage;
use proptest::prelude::*;

use super::{at, edge, insert, look, ms, same, stamped, x};

fn any_number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(0.0), Just(1.0), Just(1e308), Just(f64::NAN), Just(f64::INFINITY), -1.0..1.0]
}

fn any_transform() -> impl Strategy<Value = Transform> {
    let numbers = prop::array::uniform7(any_number());
    prop_oneof![
        numbers.prop_map(|[a, b, c, x, y, z, w]| Transform {
            translation: Vector3::new(a, b, c),
            rotation: Quaternion::new(x, y, z, w),
        }),
        super::transform(),
        Just(Transform::IDENTITY),
    ]
}

fn any_name() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[a-f]", 1 => "/[a-f]", 1 => ".{0,3}"]
}

fn any_stamp() -> impl Strategy<Value = Time> {
    prop_oneof![
        4 => (0_i64..20_000).prop_map(ms),
        1 => (any::<i32>(), any::<i32>()).prop_map(|(sec, nsec)| Time { sec, nsec }),
        1 => Just(Time::default()),
        1 => Just(Time::MAX),
    ]
}

proptest! {
    #[test]
    fn nothing_panics_and_answers_are_numbers(
        inputs in prop::collection::vec((any_name(), any_name(), any_stamp(), any_transform(), 0..20_u8), 1..60),
        queries in prop::collection::vec((any_name(), any_name(), any_stamp(), any::<u64>()), 1..10),
    ) {
        let mut limits = Limits::default();
        limits.max_frames = 5;
        limits.max_samples_per_edge = 4;
        limits.max_samples = 10;
        let mut transforms = TransformBuffer::with_limits(limits);
        let mut expected = 0;
        for (parent, child, stamp, transform, how) in inputs {
            let stamped = stamped(stamp, &parent, &child, transform);
            if how == 0 {
                let _ = transforms.insert_static(&stamped);
            } else {
                let _ = transforms.insert(&stamped);
            }
            expected += 1;
            let frames = transforms.frames();
            prop_assert!(frames.len() <= 5 && transforms.samples() <= 10);
            prop_assert_eq!(frames.iter().map(|frame| frame.samples).sum::<usize>(), transforms.samples());
            prop_assert!(frames.iter().all(|frame| frame.samples <= 4));
            prop_assert!(frames.iter().all(|frame| frame.motion.is_none() || frame.parent.is_some()));
            prop_assert_eq!(transforms.tree().lines().count(), frames.len());
        }
        let counts = transforms.counts();
        prop_assert_eq!(counts.inserted + counts.refused, expected);
        for (target, source, stamp, tolerance_ns) in queries {
            let at = When::At { stamp, tolerance: Duration::from_nanos(tolerance_ns) };
            for when in [When::Latest, When::Newest, at] {
                let found = transforms.lookup(&target, &source, when);
                prop_assert_eq!(found.is_ok(), transforms.can_lookup(&target, &source, when));
                match found {
                    Ok(found) => {
                        let Vector3 { x, y, z } = found.transform.translation;
                        prop_assert!([x, y, z].iter().all(|part| part.is_finite()));
                        prop_assert!((found.transform.rotation.norm() - 1.0).abs() < 1e-12);
                        prop_assert!(target == source || (0..1_000_000_000).contains(&found.header.stamp.nsec));
                    }
                    Err(error) => prop_assert!(!error.to_string().is_empty()),
                }
            }
        }
    }
}

#[test]
fn numbers_that_are_no_transform_are_refused_with_what_they_are() {
    let mut transforms = TransformBuffer::new();
    let with = |translation, rotation| stamped(ms(0), "a", "b", Transform { translation, rotation });
    let turned = |x, y, z, w| with(Vector3::ZERO, Quaternion::new(x, y, z, w));
    let no_rotations = [
        turned(0.0, 0.0, 0.0, 0.0),
        turned(0.0, 0.0, 0.0, 0.8),
        turned(0.0, 0.0, 1.0, 1.0),
        turned(0.0, f64::NAN, 0.0, 1.0),
        turned(0.0, f64::INFINITY, 0.0, 1.0),
        turned(5e-324, 0.0, 0.0, 0.0),
    ];
    for stamped in &no_rotations {
        assert!(matches!(transforms.insert(stamped), Err(InsertError::Rotation { .. })), "{stamped:?}");
    }
    assert_eq!(
        transforms.insert(&no_rotations[0]).unwrap_err().to_string(),
        "\"a\" -> \"b\": a quaternion of length 0 is no rotation, expected 1 (and 0.9 to 1.1 is normalised); no rotation is (0, 0, 0, 1)"
    );
    for part in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -4.1e13] {
        let stamped = with(Vector3::new(0.0, part, 0.0), Quaternion::IDENTITY);
        assert!(matches!(transforms.insert(&stamped), Err(InsertError::Translation { .. })), "{part}");
    }
    assert_eq!(
        transforms.insert(&with(Vector3::new(0.0, f64::NAN, 1.5), Quaternion::IDENTITY)).unwrap_err().to_string(),
        "\"a\" -> \"b\": the translation (0, NaN, 1.5) m is not finite, or beyond 4e13 m"
    );
    let late = Time { sec: i32::MAX, nsec: i32::MAX };
    let error = transforms.insert(&stamped(late, "a", "b", x(1.0))).unwrap_err();
    assert_eq!(error, InsertError::Stamp { edge: edge("a", "b"), sec: late.sec, nsec: late.nsec });
    assert_eq!((transforms.counts().refused, transforms.frames().len()), (14, 0));
}

#[test]
fn a_path_over_thousands_of_frames_ends_in_a_rotation() {
    let mut transforms = TransformBuffer::new();
    for frame in 1..4096 {
        let rotation = Quaternion::from_rpy(0.1 * f64::from(frame), 0.2, 0.3);
        let transform = Transform { translation: Vector3::X, rotation };
        transforms.insert(&stamped(ms(0), &(frame - 1).to_string(), &frame.to_string(), transform)).unwrap();
    }
    for (target, source) in [("0", "4095"), ("4095", "0")] {
        let found = transforms.lookup(target, source, When::Latest).unwrap().transform;
        let length = found.rotation.norm();
        assert!((length - 1.0).abs() < 1e-15, "{length}");
    }
    assert_eq!(transforms.path("0", "4095").unwrap().len(), 4096);
}

#[test]
fn sloppy_quaternions_are_normalised() {
    let mut transforms = TransformBuffer::new();
    let sloppy = Transform { translation: Vector3::X, rotation: Quaternion::new(0.0, 0.0, 0.7, 0.7) };
    transforms.insert(&stamped(ms(0), "a", "b", sloppy)).unwrap();
    let found = transforms.lookup("a", "b", When::Latest).unwrap().transform;
    assert!((found.rotation.norm() - 1.0).abs() < 1e-15);
    assert!(same(found, Transform { rotation: Quaternion::from_yaw(std::f64::consts::FRAC_PI_2), ..sloppy }));
}

#[test]
fn a_received_message_is_taken_in_where_it_lies_and_the_good_ones_of_it_are_kept() {
    let broken = Transform::default();
    let message = TFMessage {
        transforms: vec![
            stamped(ms(0), "odom", "base", x(1.0)),
            stamped(ms(0), "odom", "broken", broken),
            stamped(ms(0), "/base", "lidar", x(0.5)),
            stamped(ms(0), "lidar", "odom", x(0.5)),
        ],
    };
    let bytes = message.encode().unwrap();
    let mut viewed = TransformBuffer::new();
    let batch = viewed.insert_message_view(TFMessage::view(&bytes).unwrap());
    assert_eq!((batch.inserted, batch.refused), (2, 2));
    assert!(matches!(&batch.first_error, Some(InsertError::Rotation { edge, .. }) if edge.child == "broken"));
    let mut owned = TransformBuffer::new();
    assert_eq!(owned.insert_message(&message), batch);
    assert_eq!((owned.tree(), owned.counts()), (viewed.tree(), viewed.counts()));
    assert_eq!(look(&viewed, "odom", "lidar", When::Latest), (1.5, 0));
}

#[test]
fn names_of_c_programs_that_are_not_utf8_are_refused() {
    let message = TFMessage { transforms: vec![stamped(ms(0), "odom", "base", x(1.0))] };
    let good = message.encode().unwrap();
    for name in ["odom", "base"] {
        let mut bytes = good.clone();
        let start = bytes.windows(4).position(|part| part == name.as_bytes()).unwrap();
        bytes[start] = 0xff;
        let mut transforms = TransformBuffer::new();
        let batch = transforms.insert_message_view(TFMessage::view(&bytes).unwrap());
        assert!(batch.first_error.unwrap().to_string().contains("is not UTF-8: \"\u{fffd}"), "{name}");
    }
    // What is far too long is not even read.
    let long = TransformStamped { header: Header::at(ms(0), "x".repeat(100_000)), ..message.transforms[0].clone() };
    let bytes = TFMessage { transforms: vec![long] }.encode().unwrap();
    let batch = TransformBuffer::new().insert_message_view(TFMessage::view(&bytes).unwrap());
    assert!(batch.first_error.unwrap().to_string().contains("has 100000 bytes"));
}

#[test]
fn a_flood_of_new_frames_does_not_displace_those_that_are_in_use() {
    let mut limits = Limits::default();
    limits.max_frames = 64;
    let mut transforms = TransformBuffer::with_limits(limits);
    transforms.insert_static(&stamped(ms(0), "base", "lidar", x(0.5))).unwrap();
    for number in 0..10_000_i64 {
        insert(&mut transforms, number, "flood", &format!("forged{number}"), 1.0);
        if number % 50 == 0 {
            insert(&mut transforms, number, "odom", "base", 1.0);
            insert(&mut transforms, number, "base", "camera", 1.0);
        }
        assert!(transforms.frames().len() <= 64);
    }
    assert_eq!(look(&transforms, "odom", "camera", at(9000, 0)), (2.0, 9000));
    assert_eq!(look(&transforms, "base", "lidar", When::Latest).0, 0.5);
    assert_eq!(transforms.frames().len(), 64);
    assert_eq!(transforms.counts().forgotten, 10_000 + 5 - 64);
}

#[test]
fn a_frame_is_not_forgotten_to_make_room_for_its_own_child() {
    let mut limits = Limits::default();
    limits.max_frames = 3;
    let mut transforms = TransformBuffer::with_limits(limits);
    insert(&mut transforms, 0, "odom", "base", 1.0);
    insert(&mut transforms, 0, "odom", "other", 1.0);
    // The base was not heard for longer.
    insert(&mut transforms, 0, "base", "lidar", 0.5);
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (1.5, 0));
    assert!(transforms.lookup("odom", "other", When::Latest).is_err());
    assert_eq!(transforms.counts().forgotten, 1);
}

#[test]
fn frames_with_children_are_not_forgotten() {
    let mut limits = Limits::default();
    limits.max_frames = 4;
    let mut transforms = TransformBuffer::with_limits(limits);
    // The base was not heard for the longest time, but the lidar stands on it.
    for (parent, child) in [("odom", "base"), ("odom", "other"), ("base", "lidar"), ("odom", "new")] {
        insert(&mut transforms, 0, parent, child, 1.0);
    }
    assert_eq!(look(&transforms, "odom", "lidar", When::Latest), (2.0, 0));
    assert_eq!(look(&transforms, "odom", "new", When::Latest), (1.0, 0));
    assert!(transforms.lookup("odom", "other", When::Latest).is_err());
}

#[test]
fn where_nothing_can_be_forgotten_new_frames_are_refused() {
    let mut limits = Limits::default();
    limits.max_frames = 3;
    let mut transforms = TransformBuffer::with_limits(limits);
    for child in ["b", "c"] {
        transforms.insert_static(&stamped(ms(0), "a", child, x(0.5))).unwrap();
    }
    let error = transforms.insert(&stamped(ms(0), "a", "d", x(1.0))).unwrap_err();
    assert_eq!(error, InsertError::Full { edge: edge("a", "d"), max_frames: 3 });
    assert_eq!(error.to_string(), "\"a\" -> \"d\" is refused: there are 3 frames already; raise Limits::max_frames");
    assert!(transforms.insert(&stamped(ms(0), "c", "b", x(0.5))).is_err());
    assert_eq!(transforms.frames().len(), 3);
}

#[test]
fn an_edge_that_floods_keeps_its_newest_samples_and_leaves_the_others_theirs() {
    let mut limits = Limits::default();
    limits.max_samples_per_edge = 1000;
    limits.max_samples = 1500;
    limits.max_frames = 8;
    let mut transforms = TransformBuffer::with_limits(limits);
    for time_ms in 0..400 {
        insert(&mut transforms, time_ms, "odom", "base", 1.0);
    }
    for flood in ["f", "g", "h"] {
        for index in 0..5000 {
            let stamp = Time::from_nanos(ms(0).as_nanos() + index).unwrap();
            transforms.insert(&stamped(stamp, "odom", flood, x(index as f64))).unwrap();
            assert!(transforms.samples() <= 1500);
        }
    }
    let samples = |child| transforms.frames().iter().find(|frame| frame.child == child).unwrap().samples;
    // Five frames, so that 300 samples are a share.
    assert!(samples("base") >= 300, "{}", samples("base"));
    assert!(samples("h") >= 300 && samples("h") <= 1000, "{}", samples("h"));
    assert_eq!(transforms.samples(), 1500);
    assert!(transforms.counts().crowded_out > 12_000);
    assert_eq!(look(&transforms, "odom", "base", at(399, 0)), (1.0, 399));
}

#[test]
fn limits_that_leave_no_room_are_raised() {
    let mut limits = Limits::default();
    (limits.max_frames, limits.max_samples, limits.max_samples_per_edge) = (0, 0, 0);
    limits.window = Duration::MAX;
    let mut transforms = TransformBuffer::with_limits(limits);
    assert_eq!(transforms.insert(&stamped(ms(0), "a", "b", x(1.0))), Ok(Inserted::NewEdge));
    assert_eq!(transforms.insert(&stamped(ms(1), "a", "b", x(2.0))), Ok(Inserted::Newest));
    assert_eq!(look(&transforms, "a", "b", When::Latest), (2.0, 1));
    assert_eq!(transforms.insert(&stamped(ms(1), "c", "d", x(2.0))), Ok(Inserted::NewEdge));
    assert_eq!(transforms.frames().len(), 2);
}
