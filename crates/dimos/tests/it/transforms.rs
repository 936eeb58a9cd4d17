//! Transforms between frames over time. Tolerances are in m and in rad; translations are at most some hundred m.

mod hostile;
mod laws;
mod reference;
mod reports;
mod still;
mod time;
mod trees;

use std::time::Duration;

use dimos::transforms::{Edge, TransformBuffer, When};
use lcm_types::geometry_msgs::{Quaternion, Transform, TransformStamped, Vector3};
use lcm_types::std_msgs::{Header, Time};
use proptest::prelude::*;

/// Some time in 2023, which all stamps here are relative to.
const START_NS: i64 = 1_700_000_000_000_000_000;

/// What rounding may do to positions within some hundred m.
const TOLERANCE: f64 = 1e-9;

/// A stamp, in ms since the start.
fn ms(ms: i64) -> Time {
    Time::from_nanos(START_NS + ms * 1_000_000).unwrap()
}

fn at(stamp_ms: i64, tolerance_ms: u64) -> When {
    When::At { stamp: ms(stamp_ms), tolerance: Duration::from_millis(tolerance_ms) }
}

fn stamped(stamp: Time, parent: &str, child: &str, transform: Transform) -> TransformStamped {
    TransformStamped { header: Header::at(stamp, parent), child_frame_id: child.into(), transform }
}

/// A shift along x.
fn x(x_m: f64) -> Transform {
    Transform::from_xy_yaw(x_m, 0.0, 0.0)
}

fn insert(transforms: &mut TransformBuffer, stamp_ms: i64, parent: &str, child: &str, x_m: f64) {
    transforms.insert(&stamped(ms(stamp_ms), parent, child, x(x_m))).unwrap();
}

/// The shift along x, and when, in ms since the start.
fn look(transforms: &TransformBuffer, target: &str, source: &str, when: When) -> (f64, i64) {
    let found = transforms.lookup(target, source, when).unwrap();
    assert_eq!((found.header.frame_id.as_str(), found.child_frame_id.as_str()), (target, source));
    let rounded = (found.transform.translation.x * 1e6).round() / 1e6;
    (rounded, (found.header.stamp.as_nanos() - START_NS) / 1_000_000)
}

fn why(transforms: &TransformBuffer, target: &str, source: &str, when: When) -> String {
    assert!(!transforms.can_lookup(target, source, when));
    transforms.lookup(target, source, when).unwrap_err().to_string()
}

fn edge(parent: &str, child: &str) -> Edge {
    Edge { parent: parent.into(), child: child.into() }
}

/// Whether two transforms are the same but for rounding.
fn same(a: Transform, b: Transform) -> bool {
    off(a, b) < TOLERANCE
}

/// The larger one of the distance and of the angle.
fn off(a: Transform, b: Transform) -> f64 {
    let between = a.relative_to(b);
    between.translation.norm().max(between.rotation.angle_to(Quaternion::IDENTITY))
}

fn transform() -> impl Strategy<Value = Transform> {
    let part = || -10.0..10.0;
    let translation = (part(), part(), part()).prop_map(|(x, y, z)| Vector3::new(x, y, z));
    let rotation = (-1.0..1.0, -1.0..1.0, -1.0..1.0, -1.0..1.0)
        .prop_map(|(x, y, z, w)| Quaternion::new(x, y, z, w))
        .prop_filter_map("too short", |q| q.normalized().filter(|_| q.norm() > 1e-3));
    (translation, rotation).prop_map(|(translation, rotation)| Transform { translation, rotation })
}
