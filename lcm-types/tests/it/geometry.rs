//! Rotations and rigid transforms: the laws of the groups, the conventions of ROS, and what is no rotation.

use std::f64::consts::{FRAC_PI_2, PI};

use lcm_types::geometry_msgs::{Point, Pose, Pose2D, Quaternion, Transform, Vector3};
use proptest::prelude::*;

const TOLERANCE: f64 = 1e-9;

fn quaternion() -> impl Strategy<Value = Quaternion> {
    (-1.0..1.0, -1.0..1.0, -1.0..1.0, -1.0..1.0)
        .prop_map(|(x, y, z, w)| Quaternion::new(x, y, z, w))
        .prop_filter("too short", |quaternion| quaternion.norm() > 1e-3)
}

fn rotation() -> impl Strategy<Value = Quaternion> {
    quaternion().prop_map(|quaternion| quaternion.normalized().unwrap())
}

fn vector() -> impl Strategy<Value = Vector3> {
    (-100.0..100.0, -100.0..100.0, -100.0..100.0).prop_map(|(x, y, z)| Vector3::new(x, y, z))
}

fn transform() -> impl Strategy<Value = Transform> {
    (vector(), rotation()).prop_map(|(translation, rotation)| Transform { translation, rotation })
}

fn close(a: Vector3, b: Vector3) -> bool {
    Point::from(a).distance_to(b.into()) < TOLERANCE
}

fn same(a: Transform, b: Transform) -> bool {
    close(a.translation, b.translation) && a.rotation.angle_to(b.rotation) < TOLERANCE
}

fn is_nan(vector: Vector3) -> bool {
    vector.x.is_nan() && vector.y.is_nan() && vector.z.is_nan()
}

proptest! {
    #[test]
    fn transforms_compose_associatively(a in transform(), b in transform(), c in transform()) {
        prop_assert!(same(a.compose(b).compose(c), a.compose(b.compose(c))));
    }

    #[test]
    fn the_identity_changes_nothing(a in transform()) {
        prop_assert!(same(a.compose(Transform::IDENTITY), a));
        prop_assert!(same(Transform::IDENTITY.compose(a), a));
    }

    #[test]
    fn a_transform_and_its_inverse_cancel_out(a in transform()) {
        prop_assert!(same(a.compose(a.inverse()), Transform::IDENTITY));
        prop_assert!(same(a.inverse().compose(a), Transform::IDENTITY));
        prop_assert!(same(a.inverse().inverse(), a));
    }

    #[test]
    fn a_composition_maps_as_one_after_the_other(a in transform(), b in transform(), v in vector()) {
        let both = a.compose(b);
        let point = a.transform_point(b.transform_point(v.into()));
        prop_assert!(both.transform_point(v.into()).distance_to(point) < TOLERANCE);
        prop_assert!(close(both.transform_vector(v), a.transform_vector(b.transform_vector(v))));
    }

    #[test]
    fn a_relative_transform_leads_back(a in transform(), b in transform()) {
        prop_assert!(same(b.compose(a.relative_to(b)), a));
        prop_assert!(same(a.relative_to(a), Transform::IDENTITY));
    }

    #[test]
    fn poses_do_what_transforms_do(a in transform(), b in transform(), v in vector(), t in 0.0..1.0) {
        let (pose, other) = (Pose::from(a), Pose::from(b));
        prop_assert_eq!(Transform::from(pose), a);
        prop_assert_eq!(pose.compose(other), a.compose(b).into());
        prop_assert_eq!(pose.inverse(), a.inverse().into());
        prop_assert_eq!(pose.relative_to(other), a.relative_to(b).into());
        prop_assert_eq!(pose.interpolate(other, t), a.interpolate(b, t).into());
        prop_assert_eq!(pose.transform_point(v.into()), a.transform_point(v.into()));
        prop_assert_eq!(pose.transform_vector(v), a.transform_vector(v));
        prop_assert_eq!(pose.yaw(), a.yaw());
    }

    #[test]
    fn the_length_of_a_quaternion_does_not_matter(
        a in transform(), b in transform(), v in vector(), exponent in -153..153, t in 0.0..1.0,
    ) {
        let stretch = |mut transform: Transform| {
            let factor = 10.0_f64.powi(exponent);
            let Quaternion { x, y, z, w } = transform.rotation;
            transform.rotation = Quaternion::new(x * factor, y * factor, z * factor, w * factor);
            transform
        };
        let long = stretch(a);
        prop_assert!(close(long.transform_vector(v), a.transform_vector(v)));
        prop_assert!(same(long.interpolate(b, t), a.interpolate(b, t)));
        prop_assert!(same(long.inverse(), a.inverse()));
        prop_assert!(long.rotation.angle_to(a.rotation) < TOLERANCE);
        let one = long.rotation * long.rotation.inverse();
        prop_assert!((one.w - 1.0).abs() < TOLERANCE && one.x.abs() + one.y.abs() + one.z.abs() < TOLERANCE);
        // Products of lengths may be beyond a double.
        if exponent.abs() < 100 {
            prop_assert!(same(long.compose(b), a.compose(b)));
        }
    }

    #[test]
    fn rotations_keep_lengths_angles_and_handedness(q in rotation(), a in vector(), b in vector()) {
        let (turned, other) = (q.rotate(a), q.rotate(b));
        prop_assert!((turned.norm() - a.norm()).abs() < TOLERANCE);
        prop_assert!((turned.dot(other) - a.dot(b)).abs() < TOLERANCE);
        prop_assert!(close(turned.cross(other), q.rotate(a.cross(b))));
    }

    #[test]
    fn the_product_rotates_as_one_after_the_other(p in rotation(), q in rotation(), v in vector()) {
        prop_assert!(close((p * q).rotate(v), p.rotate(q.rotate(v))));
        prop_assert!(close(q.conjugate().rotate(q.rotate(v)), v));
    }

    #[test]
    fn an_axis_and_an_angle_rotate_as_rodrigues_says(axis in vector(), angle in -10.0..10.0, v in vector()) {
        prop_assume!(axis.norm() > 1e-3);
        let length = axis.norm();
        let k = Vector3::new(axis.x / length, axis.y / length, axis.z / length);
        let (sine, cosine): (f64, f64) = f64::sin_cos(angle);
        let (across, along) = (k.cross(v), k.dot(v) * (1.0 - cosine));
        let expected = Vector3::new(
            v.x * cosine + across.x * sine + k.x * along,
            v.y * cosine + across.y * sine + k.y * along,
            v.z * cosine + across.z * sine + k.z * along,
        );
        prop_assert!(close(Quaternion::from_axis_angle(axis, angle).unwrap().rotate(v), expected));
    }

    #[test]
    fn roll_pitch_yaw_are_rotations_about_fixed_axes(roll in -PI..PI, pitch in -PI..PI, yaw in -PI..PI) {
        let about = |axis, angle| Quaternion::from_axis_angle(axis, angle).unwrap();
        let product = about(Vector3::Z, yaw) * about(Vector3::Y, pitch) * about(Vector3::X, roll);
        prop_assert!(Quaternion::from_rpy(roll, pitch, yaw).angle_to(product) < TOLERANCE);
    }

    #[test]
    fn roll_pitch_yaw_come_back(roll in -PI..PI, pitch in -1.57..1.57, yaw in -PI..PI) {
        let (r, p, y) = Quaternion::from_rpy(roll, pitch, yaw).to_rpy();
        prop_assert!((r - roll).abs() < TOLERANCE && (p - pitch).abs() < TOLERANCE && (y - yaw).abs() < TOLERANCE);
        prop_assert_eq!(Quaternion::from_rpy(roll, pitch, yaw).yaw(), y);
    }

    #[test]
    fn every_rotation_has_roll_pitch_yaw(q in rotation()) {
        let (roll, pitch, yaw) = q.to_rpy();
        prop_assert!(roll > -PI && roll <= PI && yaw > -PI && yaw <= PI && pitch.abs() <= FRAC_PI_2);
        prop_assert!(Quaternion::from_rpy(roll, pitch, yaw).angle_to(q) < TOLERANCE);
    }

    #[test]
    fn near_the_poles_roll_pitch_yaw_are_as_exact(
        roll in -PI..PI, yaw in -PI..PI, exponent in -20..-1, up in any::<bool>(),
    ) {
        let pitch = (FRAC_PI_2 - 10.0_f64.powi(exponent)) * if up { 1.0 } else { -1.0 };
        let q = Quaternion::from_rpy(roll, pitch, yaw);
        let (roll, pitch, yaw) = q.to_rpy();
        prop_assert!(Quaternion::from_rpy(roll, pitch, yaw).angle_to(q) < 1e-11);
    }

    #[test]
    fn slerp_turns_with_constant_speed_the_shorter_way(a in quaternion(), b in quaternion(), t in 0.0..1.0) {
        let angle = a.angle_to(b);
        // With almost half a turn between them, either way may be taken.
        prop_assume!(angle < PI - 1e-6);
        let between = a.slerp(b, t);
        prop_assert!((between.norm() - 1.0).abs() < TOLERANCE);
        prop_assert!((a.angle_to(between) - t * angle).abs() < 1e-7);
        prop_assert!((between.angle_to(b) - (1.0 - t) * angle).abs() < 1e-7);
        let negative = Quaternion::new(-b.x, -b.y, -b.z, -b.w);
        prop_assert!(a.slerp(negative, t).angle_to(between) < TOLERANCE);
    }

    #[test]
    fn interpolation_begins_and_ends_where_it_should(a in transform(), b in transform()) {
        prop_assert!(same(a.interpolate(b, 0.0), a));
        prop_assert!(same(a.interpolate(b, 1.0), b));
        prop_assert!(same(a.interpolate(a, 0.3), a));
    }

    #[test]
    fn no_numbers_panic(
        numbers in prop::array::uniform14(any::<f64>()), t in any::<f64>(),
    ) {
        let [x, y, z, w, a, b, c, d, e, f, g, h, i, j] = numbers;
        let first = Transform { translation: Vector3::new(e, f, g), rotation: Quaternion::new(x, y, z, w) };
        let second = Transform { translation: Vector3::new(h, i, j), rotation: Quaternion::new(a, b, c, d) };
        let _ = first.compose(second).inverse().interpolate(second.relative_to(first), t);
        let _ = first.rotation.to_rpy();
        let _ = Quaternion::from_axis_angle(first.translation, t);
        match first.rotation.normalized() {
            Some(unit) => prop_assert!((unit.norm() - 1.0).abs() < TOLERANCE, "{unit:?}"),
            None => {
                let no_rotation = [x, y, z, w] == [0.0; 4] || [x, y, z, w].iter().any(|number| !number.is_finite());
                prop_assert!(no_rotation);
                prop_assert!(is_nan(first.rotation.rotate(Vector3::X)));
            }
        }
    }
}

#[test]
fn angles_follow_the_conventions_of_ros() {
    let close_to = |a, b| assert!(close(a, b), "{a:?} is not {b:?}");
    // Yaw turns forward to the left.
    close_to(Quaternion::from_yaw(FRAC_PI_2).rotate(Vector3::X), Vector3::Y);
    // Pitch lowers the nose.
    close_to(Quaternion::from_rpy(0.0, FRAC_PI_2, 0.0).rotate(Vector3::X), Vector3::new(0.0, 0.0, -1.0));
    // Roll lifts the left side.
    close_to(Quaternion::from_rpy(FRAC_PI_2, 0.0, 0.0).rotate(Vector3::Y), Vector3::Z);
    // What `quaternion_from_euler(0.1, 0.2, 0.3)` of tf prints.
    let expected = Quaternion::new(0.034_270_8, 0.106_020_51, 0.143_572_18, 0.983_347_44);
    let q = Quaternion::from_rpy(0.1, 0.2, 0.3);
    for (found, expected) in [(q.x, expected.x), (q.y, expected.y), (q.z, expected.z), (q.w, expected.w)] {
        assert!((found - expected).abs() < 1e-8, "{found} is not {expected}");
    }
}

#[test]
fn at_the_poles_roll_is_zero() {
    for up in [1.0, -1.0] {
        let q = Quaternion::from_rpy(0.4, up * FRAC_PI_2, 0.7);
        let (roll, pitch, yaw) = q.to_rpy();
        assert_eq!(roll, 0.0);
        assert!((pitch - up * FRAC_PI_2).abs() < 1e-9);
        assert!((yaw - (0.7 - up * 0.4)).abs() < 1e-9, "{yaw}");
    }
    assert_eq!(Quaternion::from_yaw(PI).yaw(), PI);
    assert_eq!(Quaternion::from_yaw(-PI).yaw(), PI);
}

#[test]
fn what_is_no_rotation_gives_nan_and_not_a_wrong_number() {
    let infinite = Quaternion::new(f64::INFINITY, 0.0, 0.0, 1.0);
    let no_number = Quaternion::new(0.0, f64::NAN, 0.0, 1.0);
    for q in [Quaternion::default(), infinite, no_number] {
        assert_eq!(q.normalized(), None);
        assert!(is_nan(q.rotate(Vector3::X)), "{q:?}");
        assert!(q.yaw().is_nan() && q.to_rpy().0.is_nan() && q.to_rpy().1.is_nan());
        assert!(q.angle_to(Quaternion::IDENTITY).is_nan());
        assert!(Quaternion::IDENTITY.angle_to(q).is_nan());
        assert!(q.slerp(Quaternion::IDENTITY, 0.5).w.is_nan());
        assert!(q.inverse().w.is_nan() || q.inverse().x.is_nan());
    }
    assert!(is_nan(Pose::default().transform_point(Point::ORIGIN).into()));
    assert!(is_nan(Transform::default().inverse().translation));
}

#[test]
fn very_short_and_very_long_quaternions_are_rotations() {
    let expected = Quaternion::from_yaw(1.0);
    for factor in [5e-324, 1e-300, 1e-160, 1e160, 1e308] {
        let q = Quaternion::new(0.0, 0.0, factor, factor);
        assert!(q.normalized().unwrap().angle_to(Quaternion::from_yaw(FRAC_PI_2)) < TOLERANCE, "{factor}");
        assert!(close(q.rotate(Vector3::X), Vector3::Y), "{factor}");
    }
    assert_eq!(expected.normalized().unwrap().normalized(), expected.normalized());
}

#[test]
fn an_axis_needs_a_direction() {
    assert_eq!(Quaternion::from_axis_angle(Vector3::ZERO, 1.0), None);
    assert_eq!(Quaternion::from_axis_angle(Vector3::new(f64::NAN, 0.0, 1.0), 1.0), None);
    assert_eq!(Quaternion::from_axis_angle(Vector3::Z, f64::INFINITY), None);
    assert_eq!(Quaternion::from_axis_angle(Vector3::Z, 0.0), Some(Quaternion::IDENTITY));
}

#[test]
fn small_angles_are_exact() {
    for angle in [1e-3, 1e-8, 1e-12, 1e-15] {
        let found = Quaternion::IDENTITY.angle_to(Quaternion::from_yaw(angle));
        assert!((found / angle - 1.0).abs() < 1e-9, "{found} is not {angle}");
        let half = Quaternion::IDENTITY.slerp(Quaternion::from_yaw(angle), 0.5).yaw();
        assert!((half / angle - 0.5).abs() < 1e-3, "{half} is not half of {angle}");
    }
}

#[test]
fn half_a_turn_is_interpolated_one_of_the_two_ways() {
    let half = Quaternion::IDENTITY.slerp(Quaternion::from_yaw(PI), 0.5);
    assert!((half.yaw().abs() - FRAC_PI_2).abs() < TOLERANCE);
}

#[test]
fn the_plane_is_part_of_space() {
    let pose = Pose::from_xy_yaw(1.0, 2.0, 0.5);
    assert_eq!(pose.position, Point::new(1.0, 2.0, 0.0));
    assert!((pose.yaw() - 0.5).abs() < TOLERANCE);
    assert_eq!(Pose::from(Pose2D { x: 1.0, y: 2.0, theta: 0.5 }), pose);
    assert_eq!(Transform::from_xy_yaw(1.0, 2.0, 0.5), pose.into());
    assert_eq!(Pose::from_xy_yaw(0.0, 0.0, 0.0), Pose::IDENTITY);
}

#[test]
fn vectors_points_and_arrays_convert() {
    let point = Point::from([1.0, 2.0, 3.0]);
    assert_eq!(Vector3::from(point), Vector3::new(1.0, 2.0, 3.0));
    assert_eq!(<[f64; 3]>::from(Point::from(Vector3::from(point))), [1.0, 2.0, 3.0]);
    assert_eq!(<[f64; 3]>::from(Vector3::X.cross(Vector3::Y)), [0.0, 0.0, 1.0]);
    assert_eq!(Point::new(0.0, 3.0, 0.0).distance_to(Point::new(4.0, 0.0, 0.0)), 5.0);
}
