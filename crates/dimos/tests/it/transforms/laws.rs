//! The laws of the group of rigid transforms, and what interpolation has to keep to.

use dimos::transforms::{TransformBuffer, When};
use lcm_types::geometry_msgs::{Point, Quaternion, Transform, Vector3};
use proptest::prelude::*;

use super::{TOLERANCE, at, ms, off, same, stamped, transform};

/// A tree of frames `0` to the number of parents, each with samples at 0, 100 and 200 ms.
fn tree() -> impl Strategy<Value = (TransformBuffer, usize)> {
    let node = (any::<prop::sample::Index>(), prop::array::uniform3(transform()));
    prop::collection::vec(node, 1..12).prop_map(|nodes| {
        let mut transforms = TransformBuffer::new();
        for (index, (parent, samples)) in nodes.iter().enumerate() {
            let (parent, child) = (parent.index(index + 1).to_string(), (index + 1).to_string());
            for (at_ms, sample) in [0, 100, 200].into_iter().zip(samples) {
                transforms.insert(&stamped(ms(at_ms), &parent, &child, *sample)).unwrap();
            }
        }
        (transforms, nodes.len() + 1)
    })
}

proptest! {
    #[test]
    fn there_and_back_again_is_the_identity(
        (tree, frames) in tree(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), time_ms in 0_i64..=200,
    ) {
        let (a, b) = (a.index(frames).to_string(), b.index(frames).to_string());
        for when in [at(time_ms, 0), When::Latest, When::Newest] {
            let there = tree.lookup(&a, &b, when).unwrap();
            let back = tree.lookup(&b, &a, when).unwrap();
            if a != b {
                prop_assert_eq!(there.header.stamp, back.header.stamp);
            }
            prop_assert!(same(there.transform.compose(back.transform), Transform::IDENTITY));
            prop_assert!(same(back.transform, there.transform.inverse()));
            prop_assert!((there.transform.rotation.norm() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_detour_leads_to_the_same_place(
        (tree, frames) in tree(), indexes in prop::array::uniform3(any::<prop::sample::Index>()), time_ms in 0_i64..=200,
    ) {
        let [a, b, c] = indexes.map(|index| index.index(frames).to_string());
        let find = |to: &str, from: &str| tree.lookup(to, from, at(time_ms, 0)).unwrap().transform;
        prop_assert!(same(find(&a, &b).compose(find(&b, &c)), find(&a, &c)));
    }

    #[test]
    fn a_lookup_maps_points_of_the_source_into_the_target(
        a in transform(), b in transform(), c in transform(), p in transform(),
    ) {
        // The robot and a landmark in the map, and the camera on the robot.
        let mut transforms = TransformBuffer::new();
        for (parent, child, transform) in [("map", "robot", a), ("robot", "camera", b), ("map", "landmark", c)] {
            transforms.insert(&stamped(ms(0), parent, child, transform)).unwrap();
        }
        let point = Point::from(p.translation);
        let in_map = c.transform_point(point);
        let in_camera = b.inverse().transform_point(a.inverse().transform_point(in_map));
        let found = transforms.lookup("camera", "landmark", When::Latest).unwrap().transform.transform_point(point);
        prop_assert!(found.distance_to(in_camera) < TOLERANCE);
        // The translation is where the source's origin is in the target.
        let origin = transforms.lookup("map", "camera", When::Latest).unwrap().transform.translation;
        prop_assert!(Point::from(origin).distance_to(a.compose(b).translation.into()) < TOLERANCE);
    }

    #[test]
    fn between_two_samples_lies_what_is_between_them(a in transform(), b in transform(), part_ms in 0_i64..=100) {
        let mut transforms = TransformBuffer::new();
        transforms.insert(&stamped(ms(0), "a", "b", a)).unwrap();
        transforms.insert(&stamped(ms(100), "a", "b", b)).unwrap();
        let found = transforms.lookup("a", "b", at(part_ms, 0)).unwrap();
        prop_assert_eq!(found.header.stamp, ms(part_ms));
        let found = found.transform;
        // On the straight line and on the shorter arc: the parts add up to the whole.
        let distance = |p: Vector3, q: Vector3| Point::from(p).distance_to(q.into());
        let (whole, turn) = (distance(a.translation, b.translation), a.rotation.angle_to(b.rotation));
        let first = distance(a.translation, found.translation);
        prop_assert!((first + distance(found.translation, b.translation) - whole).abs() < TOLERANCE);
        let part = part_ms as f64 / 100.0;
        prop_assert!((first - part * whole).abs() < TOLERANCE);
        // `slerp` loses digits near half a turn, where the way is hardly determined.
        prop_assert!((a.rotation.angle_to(found.rotation) - part * turn).abs() < 1e-7);
        prop_assert!((found.rotation.angle_to(b.rotation) - (1.0 - part) * turn).abs() < 1e-7);
    }

    #[test]
    fn at_its_stamp_a_sample_is_itself(samples in prop::collection::vec(transform(), 1..20)) {
        let mut transforms = TransformBuffer::new();
        for (index, sample) in (0_i64..).zip(&samples) {
            transforms.insert(&stamped(ms(index * 10), "a", "b", *sample)).unwrap();
        }
        for (index, sample) in (0_i64..).zip(&samples) {
            let found = transforms.lookup("a", "b", at(index * 10, 0)).unwrap();
            prop_assert_eq!(found.header.stamp, ms(index * 10));
            // Normalised once when it came, and once more in the answer.
            prop_assert!(off(found.transform, *sample) < 1e-14, "{}", off(found.transform, *sample));
            prop_assert_eq!(found.transform.translation, sample.translation);
        }
    }

    #[test]
    fn steady_motion_is_followed_within_rounding(
        speed_m_s in -5.0..5.0, turn_rad_s in -3.0..3.0, stamps in prop::collection::btree_set(0_i64..2000, 2..40),
        query in any::<prop::sample::Index>(),
    ) {
        // A turntable on a carriage: both interpolated at times between their samples, which are not the same.
        let carriage = |time_ms: i64| Transform::from_xy_yaw(speed_m_s * time_ms as f64 / 1e3, 2.0, 0.0);
        let table = |time_ms: i64| Transform {
            translation: Vector3::new(0.5, 0.0, 0.1),
            rotation: Quaternion::from_yaw(turn_rad_s * time_ms as f64 / 1e3 / 2.0),
        };
        let mut transforms = TransformBuffer::new();
        for (index, &time_ms) in stamps.iter().enumerate() {
            // Every other one goes to one of both, and both get the ends, whatever the order.
            if index % 2 == 0 || index + 1 == stamps.len() {
                transforms.insert(&stamped(ms(time_ms), "rail", "carriage", carriage(time_ms))).unwrap();
            }
            if index % 2 == 1 || index == 0 || index + 1 == stamps.len() {
                transforms.insert(&stamped(ms(time_ms), "carriage", "table", table(time_ms))).unwrap();
            }
        }
        let (first, last) = (*stamps.first().unwrap(), *stamps.last().unwrap());
        let time_ms = first + i64::try_from(query.index(usize::try_from(last - first).unwrap() + 1)).unwrap();
        let found = transforms.lookup("rail", "table", at(time_ms, 0)).unwrap();
        prop_assert_eq!(found.header.stamp, ms(time_ms));
        let expected = carriage(time_ms).compose(table(time_ms));
        prop_assert!(off(found.transform, expected) < TOLERANCE, "{}", off(found.transform, expected));
    }
}
