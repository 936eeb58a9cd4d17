//! A script to drive by: how fast, for how long, one step after the other.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A step of a script.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// How fast to drive, in m/s; backwards if negative.
    #[serde(default)]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub(crate) linear_mps: f64,
    /// How fast to turn, in rad/s, counter-clockwise.
    #[serde(default)]
    #[schemars(range(min = -100.0, max = 100.0))]
    pub(crate) angular_radps: f64,
    /// For how long, in s.
    #[schemars(range(min = 0.0, max = 1e6))]
    pub(crate) duration_s: f64,
}

/// Where in a script one is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Position {
    /// In a step, by its index.
    At(usize),
    /// Behind the last one.
    End,
}

/// Where in a script one is so long after its beginning. After the last step it begins again, if it loops.
pub(crate) fn position(steps: &[Step], is_looping: bool, elapsed_s: f64) -> Position {
    let total_s: f64 = steps.iter().map(|step| step.duration_s).sum();
    let mut left_s = elapsed_s + EARLY_S;
    if is_looping && total_s > 0.0 {
        left_s %= total_s;
    }
    for (index, step) in steps.iter().enumerate() {
        if left_s < step.duration_s {
            return Position::At(index);
        }
        left_s -= step.duration_s;
    }
    Position::End
}

/// Every room of the floor plan that `robot-sim` has by itself, and back to where it starts there.
pub(crate) fn through_the_flat() -> Vec<Step> {
    let drive =
        |way_m: f64| Step { linear_mps: 0.5f64.copysign(way_m), angular_radps: 0.0, duration_s: way_m.abs() / 0.5 };
    // A right angle takes 4 s.
    let turn = |right_angles: f64| Step {
        linear_mps: 0.0,
        angular_radps: (std::f64::consts::FRAC_PI_2 / 4.0).copysign(right_angles),
        duration_s: 4.0 * right_angles.abs(),
    };
    // Into a room on the one hand or the other, and back.
    let visit = |turn_to: f64, way_m: f64| [turn(turn_to), drive(way_m), drive(-way_m), turn(-turn_to)];
    let mut steps = Vec::new();
    steps.extend(visit(RIGHT, 2.0));
    steps.push(drive(2.0));
    steps.extend(visit(LEFT, 2.5));
    steps.push(drive(2.0));
    steps.extend(visit(RIGHT, 2.0));
    steps.push(drive(3.0));
    steps.extend(visit(LEFT, 2.5));
    steps.push(drive(1.5));
    steps.extend(visit(RIGHT, 2.0));
    steps.extend([turn(2.0 * LEFT), drive(8.5), turn(2.0 * LEFT)]);
    steps
}

/// A right angle to the left, counter-clockwise.
const LEFT: f64 = 1.0;

/// A right angle to the right.
const RIGHT: f64 = -1.0;

/// A step begins so much early, so that a clock that rounds does not put it off for a period.
const EARLY_S: f64 = 1e-6;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn steps(durations_s: &[f64]) -> Vec<Step> {
        durations_s.iter().map(|&duration_s| Step { linear_mps: 0.0, angular_radps: 0.0, duration_s }).collect()
    }

    #[test]
    fn steps_follow_each_other() {
        let steps = steps(&[1.0, 0.0, 2.0]);
        let at = |elapsed_s| position(&steps, false, elapsed_s);
        assert_eq!([at(0.0), at(0.9), at(1.0), at(2.9)], [0, 0, 2, 2].map(Position::At));
        assert_eq!([at(3.0), at(1e9)], [Position::End; 2]);
    }

    #[test]
    fn a_loop_begins_again() {
        let steps = steps(&[1.0, 2.0]);
        let at = |elapsed_s| position(&steps, true, elapsed_s);
        assert_eq!([at(0.0), at(2.5), at(3.0), at(31.5)], [0, 1, 0, 1].map(Position::At));
    }

    #[test]
    fn a_script_without_time_is_over_at_once() {
        assert_eq!(position(&[], true, 0.0), Position::End);
        assert_eq!(position(&steps(&[0.0, 0.0]), true, 5.0), Position::End);
    }

    proptest! {
        #[test]
        fn there_is_a_position_at_any_time(durations_s in proptest::collection::vec(0.0..1e6, 0..9), elapsed_s: f64) {
            let steps = steps(&durations_s);
            for is_looping in [false, true] {
                if let Position::At(index) = position(&steps, is_looping, elapsed_s) {
                    prop_assert!(index < steps.len());
                }
            }
        }
    }
}
