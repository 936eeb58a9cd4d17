//! The buffer against two models that are too simple to be wrong: the rules as documented, on unordered lists; and what Python
//! DimOS does (0.0.15, `dimos/protocol/tf/tf.py`), which finds something wherever its nearest samples allow.

use std::collections::BTreeMap;
use std::time::Duration;

use dimos::transforms::{TransformBuffer, When};
use lcm_types::geometry_msgs::Transform;
use proptest::prelude::*;

use super::{START_NS, ms, off, same, stamped};

const WINDOW_MS: i64 = 10_000;

/// The rules as documented: each child has a parent and a list of samples in the order in which they came, with stamps in ms.
#[derive(Debug, Default)]
struct Model {
    edges: BTreeMap<u8, (u8, Vec<(i64, Transform)>)>,
}

impl Model {
    fn ancestors(&self, frame: u8) -> Vec<u8> {
        let parent = |frame: &u8| self.edges.get(frame).map(|(parent, _)| *parent);
        std::iter::successors(Some(frame), parent).collect()
    }

    /// Whether it is taken in.
    fn insert(&mut self, parent: u8, child: u8, stamp_ms: i64, transform: Transform) -> bool {
        let is_known = self.edges.get(&child).is_some_and(|(known, _)| *known == parent);
        if !is_known {
            let above = self.ancestors(parent);
            if let Some(end) = above.iter().position(|frame| *frame == child) {
                let newest = |samples: &[(i64, Transform)]| samples.iter().map(|sample| sample.0).max().unwrap();
                let silent = above[..end].iter().filter(|frame| {
                    let samples = &self.edges[frame].1;
                    samples.len() > 1 && newest(samples) + WINDOW_MS < stamp_ms
                });
                match silent.min_by_key(|frame| newest(&self.edges[frame].1)).copied() {
                    Some(silent) => self.edges.remove(&silent),
                    None => return false,
                };
            }
            self.edges.insert(child, (parent, vec![(stamp_ms, transform)]));
            return true;
        }
        let samples = &mut self.edges.get_mut(&child).unwrap().1;
        if samples.iter().any(|sample| sample.0 > stamp_ms + WINDOW_MS) {
            samples.clear();
        }
        samples.retain(|sample| sample.0 != stamp_ms);
        samples.push((stamp_ms, transform));
        let newest_ms = samples.iter().map(|sample| sample.0).max().unwrap();
        samples.retain(|sample| sample.0 >= newest_ms - WINDOW_MS);
        true
    }

    /// The edges below the first common ancestor: of the target, and of the source.
    fn path(&self, target: u8, source: u8) -> Option<(Vec<u8>, Vec<u8>)> {
        let (from, to) = (self.ancestors(target), self.ancestors(source));
        let top = from.iter().find(|frame| to.contains(frame))?;
        let below = |frames: &[u8]| frames.iter().copied().take_while(|frame| frame != top).collect();
        Some((below(&from), below(&to)))
    }

    fn compose(&self, path: &(Vec<u8>, Vec<u8>), at: impl Fn(&[(i64, Transform)]) -> Transform) -> Transform {
        let to_top =
            |edges: &[u8]| edges.iter().fold(Transform::IDENTITY, |below, edge| at(&self.edges[edge].1).compose(below));
        to_top(&path.0).inverse().compose(to_top(&path.1))
    }

    /// When, in ns after the start, and where; `None` asks for the latest time.
    fn lookup(&self, target: u8, source: u8, at: Option<(i64, i64)>) -> Option<(i64, Transform)> {
        let path = self.path(target, source)?;
        let edges: Vec<_> = path.0.iter().chain(&path.1).map(|edge| &self.edges[edge].1).collect();
        let span = |samples: &Vec<(i64, Transform)>| {
            let stamps = samples.iter().map(|sample| sample.0 * 1_000_000);
            let (oldest, newest) = (stamps.clone().min().unwrap(), stamps.max().unwrap());
            let is_still = samples.iter().all(|sample| sample.1 == samples[0].1);
            let periods = i64::try_from(samples.len()).unwrap() - 1;
            match (periods, at) {
                (0, None) => (i64::MIN, i64::MAX),
                (0, Some(_)) => (oldest, newest),
                _ if !is_still => (oldest, newest),
                _ => {
                    let hold = (2 * ((newest - oldest) / periods)).min(WINDOW_MS * 1_000_000);
                    (oldest - hold, newest + hold)
                }
            }
        };
        let from = edges.iter().map(|samples| span(samples).0).max().unwrap();
        let to = edges.iter().map(|samples| span(samples).1).min().unwrap();
        let newest = edges.iter().flat_map(|samples| samples.iter()).map(|sample| sample.0 * 1_000_000).max().unwrap();
        let look = match at {
            None if from > to => return None,
            None => to.min(newest),
            Some((stamp_ms, tolerance_ms)) => {
                let (stamp, tolerance) = (stamp_ms * 1_000_000, tolerance_ms * 1_000_000);
                if stamp - to > tolerance || from - stamp > tolerance {
                    return None;
                }
                if from > to { stamp } else { stamp.clamp(from, to) }
            }
        };
        Some((look, self.compose(&path, |samples| interpolated(samples, look))))
    }
}

fn interpolated(samples: &[(i64, Transform)], look_ns: i64) -> Transform {
    let stamp = |sample: &&(i64, Transform)| sample.0 * 1_000_000;
    let before = samples.iter().filter(|sample| stamp(sample) <= look_ns).max_by_key(stamp);
    let after = samples.iter().filter(|sample| stamp(sample) >= look_ns).min_by_key(stamp);
    match (before, after) {
        (Some(before), Some(after)) if before.0 < after.0 => {
            let part = (look_ns - stamp(&before)) as f64 / (stamp(&after) - stamp(&before)) as f64;
            before.1.interpolate(after.1, part)
        }
        (Some(sample), _) | (None, Some(sample)) => sample.1,
        (None, None) => unreachable!("an edge has a sample"),
    }
}

type Input = (u8, u8, i64, Transform);

fn inputs() -> impl Strategy<Value = Vec<Input>> {
    // Few frames and few stamps, so that everything happens: the same parents, other ones, cycles, duplicates, jumps back.
    let stamp_ms = prop_oneof![6 => 0_i64..3000, 1 => 0_i64..40_000];
    let value = prop_oneof![super::transform(), Just(Transform::IDENTITY), Just(super::x(1.0))];
    let input =
        (0_u8..6, 0_u8..6, stamp_ms, value).prop_filter("a frame is not its own parent", |input| input.0 != input.1);
    // Most of the time a child has the same parent.
    let steady =
        (1_u8..6, 0_i64..3000, super::transform()).prop_map(|(child, ms, value)| (child / 2, child, ms, value));
    let still = (1_u8..6, 0_i64..3000).prop_map(|(child, ms)| (child / 2, child, ms, super::x(f64::from(child))));
    prop_oneof![
        prop::collection::vec(input.clone(), 1..40),
        prop::collection::vec(prop_oneof![8 => steady, 8 => still.clone(), 1 => input], 1..80),
        prop::collection::vec(still, 1..40),
    ]
}

fn built(inputs: &[Input]) -> (TransformBuffer, Model) {
    let (mut transforms, mut model) = (TransformBuffer::new(), Model::default());
    for (parent, child, stamp_ms, transform) in inputs {
        let stamped = stamped(ms(*stamp_ms), &parent.to_string(), &child.to_string(), *transform);
        let taken = transforms.insert(&stamped).is_ok();
        // As it is kept: normalised once.
        let transform = Transform { rotation: transform.rotation.normalized().unwrap(), ..*transform };
        assert_eq!(taken, model.insert(*parent, *child, *stamp_ms, transform), "{parent} -> {child} at {stamp_ms}");
    }
    (transforms, model)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn the_buffer_does_what_the_rules_say(
        inputs in inputs(), queries in prop::collection::vec((0_i64..4000, 0_i64..300), 1..6),
    ) {
        let (transforms, model) = built(&inputs);
        for target in 0_u8..6 {
            for source in (0_u8..6).filter(|source| *source != target) {
                let latest = (When::Latest, None);
                let given = queries.iter().map(|&(stamp_ms, tolerance_ms)| {
                    (super::at(stamp_ms, tolerance_ms.unsigned_abs()), Some((stamp_ms, tolerance_ms)))
                });
                for (when, at) in std::iter::once(latest).chain(given) {
                    let found = transforms.lookup(&target.to_string(), &source.to_string(), when);
                    match (found, model.lookup(target, source, at)) {
                        (Ok(found), Some((stamp_ns, transform))) => {
                            prop_assert_eq!(found.header.stamp.as_nanos(), START_NS + stamp_ns);
                            // Five edges with up to 18 m each, and interpolation that loses digits near half a turn.
                            prop_assert!(off(found.transform, transform) < 1e-7, "{}", off(found.transform, transform));
                        }
                        (Err(_), None) => {}
                        (found, expected) => prop_assert!(false, "{found:?} is not {expected:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn where_python_dimos_finds_something_so_do_we(
        inputs in inputs(), queries in prop::collection::vec((0_i64..4000, 0_i64..2000), 1..6),
    ) {
        let (transforms, model) = built(&inputs);
        for target in 0_u8..6 {
            for source in (0_u8..6).filter(|source| *source != target) {
                let Some(path) = model.path(target, source) else { continue };
                let find = |when| transforms.lookup(&target.to_string(), &source.to_string(), when);
                // Without a time: the newest of each.
                let newest = model.compose(&path, |samples| samples.iter().max_by_key(|sample| sample.0).unwrap().1);
                prop_assert!(same(find(When::Newest).unwrap().transform, newest));
                for &(stamp_ms, tolerance_ms) in &queries {
                    let distance = |sample: &(i64, Transform)| (sample.0 - stamp_ms).abs();
                    let edges = path.0.iter().chain(&path.1).map(|edge| &model.edges[edge].1);
                    let worst = edges.map(|samples| samples.iter().map(distance).min().unwrap()).max().unwrap();
                    if worst > tolerance_ms {
                        continue;
                    }
                    let found = find(super::at(stamp_ms, tolerance_ms.unsigned_abs())).unwrap();
                    // And never farther from the time that was asked for.
                    let apart = (found.header.stamp.as_nanos() - ms(stamp_ms).as_nanos()).unsigned_abs();
                    prop_assert!(Duration::from_nanos(apart) <= Duration::from_millis(tolerance_ms.unsigned_abs()));
                    prop_assert!(apart <= worst.unsigned_abs() * 1_000_000);
                }
            }
        }
    }
}
