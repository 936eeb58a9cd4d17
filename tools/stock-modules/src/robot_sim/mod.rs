//! `robot-sim`: a robot with a laser in a floor plan.
//!
//! The simulated world is the file `simulation.rs`; here it gets its commands and its time, and is published.

mod floor_plan;
mod settings;
mod simulation;

use std::time::{Duration, Instant};

use dimos::module::TfError;
use dimos::{Clock, In, Module, Out, Tf, module};
use lcm_types::builtin_interfaces::Time;
use lcm_types::geometry_msgs::{Pose, TransformStamped, Twist};
use lcm_types::nav_msgs::Odometry;
use lcm_types::sensor_msgs::LaserScan;
use lcm_types::std_msgs::Header;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plane::Place;
#[cfg(test)]
pub(crate) use floor_plan::FloorPlan;
pub(crate) use settings::Settings;
use simulation::{MIN_RANGE_M, SimulationError};
pub(crate) use simulation::{Simulation, Speeds};

/// Simulates a robot with differential drive and a laser in a floor plan, and tells the simulation's time.
///
/// It starts at time 0, and runs on the system's clock itself, also where others run on simulated time. Of several robots one tells
/// the time: where `clock` is remapped to another topic, a robot follows what is told on `/clock`. Each is alone in its floor plan.
#[derive(Module)]
pub(crate) struct RobotSim {
    /// How to drive: `linear.x` and `angular.z`. Without a command the robot stops.
    #[port(latest)]
    cmd_vel: In<Twist>,
    /// Where the wheels say the robot is.
    odom: Out<Odometry>,
    /// What the laser sees.
    scan: Out<LaserScan>,
    /// The simulated time, for all namespaces.
    #[port(topic = "/clock#builtin_interfaces.Time")]
    clock: Out<Time>,
    /// Simulated if another robot tells the time.
    time: Clock,
    tf: Tf,
    config: Settings,
    #[init(Simulation::new(&config))]
    simulation: Simulation,
    /// Up to when steps were made.
    stepped_at: Option<Instant>,
    odometry_count: i32,
    scan_count: i32,
}

/// How the simulated robot fares.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SimulationStatus {
    /// Where the robot really is in the floor plan.
    place: Place,
    /// Where its odometry says it is.
    odometry: Place,
    /// How fast it drives, in m/s.
    forward_mps: f64,
    /// How fast it turns, in rad/s.
    turn_radps: f64,
    /// How often it has bumped into something.
    collisions: u64,
    /// The simulated time in s.
    time_s: f64,
    seed: u64,
}

#[module]
impl RobotSim {
    #[start]
    fn mount_laser(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        self.simulation.check()?;
        let frames = &self.config.frames;
        let laser = self.transform(&frames.base, &frames.laser, self.config.laser.mount);
        Ok(self.tf.publish_static(&laser)?)
    }

    fn on_cmd_vel(&mut self, command: Twist) -> Result<(), SimulationError> {
        self.simulation.command(Speeds { forward_mps: command.linear.x, turn_radps: command.angular.z })
    }

    #[every(self.period())]
    fn advance(&mut self) -> Result<(), TfError> {
        for _ in 0..if self.time.is_simulated() { self.told_steps() } else { self.passed_steps() } {
            self.simulation.step();
            self.publish()?;
        }
        Ok(())
    }

    /// Where the robot really is, and how often it has bumped into something.
    #[skill]
    fn status(&self) -> SimulationStatus {
        let simulation = &self.simulation;
        SimulationStatus {
            place: simulation.place(),
            odometry: simulation.odometry(),
            forward_mps: simulation.speeds().forward_mps,
            turn_radps: simulation.speeds().turn_radps,
            collisions: simulation.collisions(),
            time_s: simulation.now().as_secs_f64(),
            seed: self.config.seed,
        }
    }

    /// Puts the robot back to where it started. Time goes on.
    #[skill]
    fn reset(&mut self) {
        self.simulation.reset();
    }
}

impl RobotSim {
    /// How often it looks whether steps are due, by the clock that it runs on.
    fn period(&self) -> Duration {
        let step = Duration::from_secs_f64(1.0 / self.config.physics_hz);
        if self.time.is_simulated() { step } else { step.div_f64(self.config.speed).max(MIN_PERIOD) }
    }

    /// How many steps are due by the system's clock.
    fn passed_steps(&mut self) -> u32 {
        let now = Instant::now();
        let step = Duration::from_secs_f64(1.0 / (self.config.physics_hz * self.config.speed));
        let (steps, stepped_at) = owed_steps(self.stepped_at.unwrap_or(now), now, step);
        self.stepped_at = Some(stepped_at);
        steps
    }

    /// How many steps are due by the time that another one tells.
    fn told_steps(&mut self) -> u32 {
        let Some(now) = self.time.now() else { return 0 };
        let step = Duration::from_secs_f64(1.0 / self.config.physics_hz);
        steps_to(self.simulation.now(), now, step).unwrap_or_else(|| {
            self.simulation.skip_to(now);
            0
        })
    }

    fn publish(&mut self) -> Result<(), TfError> {
        let Header { stamp, .. } = self.header("");
        self.clock.publish(&Time { sec: stamp.sec, nanosec: stamp.nsec })?;
        let frames = &self.config.frames;
        self.tf.publish(&self.transform(&frames.odom, &frames.base, self.simulation.odometry()))?;
        self.odom.publish(&self.odometry())?;
        self.odometry_count = self.odometry_count.wrapping_add(1);
        if self.simulation.is_scan_due() {
            let scan = self.laser_scan();
            self.scan.publish(&scan)?;
            self.scan_count = self.scan_count.wrapping_add(1);
        }
        Ok(())
    }

    fn odometry(&self) -> Odometry {
        let mut odometry = Odometry {
            header: Header { seq: self.odometry_count, ..self.header(&self.config.frames.odom) },
            child_frame_id: self.config.frames.base.clone(),
            ..Odometry::default()
        };
        odometry.pose.pose = self.simulation.odometry().into();
        odometry.twist.twist.linear.x = self.simulation.speeds().forward_mps;
        odometry.twist.twist.angular.z = self.simulation.speeds().turn_radps;
        odometry
    }

    #[expect(clippy::cast_possible_truncation, reason = "messages carry angles and ranges as f32")]
    fn laser_scan(&mut self) -> LaserScan {
        let laser = &self.config.laser;
        LaserScan {
            header: Header { seq: self.scan_count, ..self.header(&self.config.frames.laser) },
            angle_min: self.simulation.first_beam_rad() as f32,
            angle_max: -self.simulation.first_beam_rad() as f32,
            angle_increment: self.simulation.between_beams_rad() as f32,
            scan_time: self.simulation.scan_period_s() as f32,
            range_min: MIN_RANGE_M as f32,
            range_max: laser.range_m as f32,
            ranges: self.simulation.scan(),
            ..LaserScan::default()
        }
    }

    fn transform(&self, parent: &str, child: &str, place: Place) -> TransformStamped {
        TransformStamped {
            header: self.header(parent),
            child_frame_id: child.to_owned(),
            transform: Pose::from(place).into(),
        }
    }

    /// A header with the simulated time.
    fn header(&self, frame_id: &str) -> Header {
        let now = self.simulation.now();
        let sec = i32::try_from(now.as_secs()).unwrap_or(i32::MAX);
        let nsec = i32::try_from(now.subsec_nanos()).unwrap_or_default();
        Header { stamp: lcm_types::std_msgs::Time { sec, nsec }, frame_id: frame_id.to_owned(), ..Header::default() }
    }
}

/// How many steps are due, and up to when they then are made. What is more than [`MAX_STEPS`], as after the process was suspended, is
/// not made up for.
fn owed_steps(stepped_at: Instant, now: Instant, step: Duration) -> (u32, Instant) {
    let passed = now.saturating_duration_since(stepped_at);
    if passed >= step * MAX_STEPS {
        return (MAX_STEPS, now);
    }
    let mut steps = 0;
    while step * (steps + 1) <= passed {
        steps += 1;
    }
    (steps, stepped_at + step * steps)
}

/// How many steps lead from one simulated time to another one. None if they are not to be made: as many as that, or back.
fn steps_to(at: Duration, now: Duration, step: Duration) -> Option<u32> {
    let steps = now.saturating_sub(at).as_secs_f64() / step.as_secs_f64() + NEARLY;
    if now + step < at || steps > f64::from(MAX_STEPS) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 0 to MAX_STEPS")]
    Some(steps as u32)
}

/// How often the module looks whether steps are due, at most.
const MIN_PERIOD: Duration = Duration::from_millis(2);

/// So many steps are made at a time, at most: the simulation then falls behind the clock rather than keep the module from its calls.
const MAX_STEPS: u32 = 250;

/// So much of a step may be missing for it to be due: time is told in ns.
const NEARLY: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_keep_up_with_the_clock_but_do_not_make_up_for_a_pause() {
        let (start, step) = (Instant::now(), Duration::from_millis(20));
        assert_eq!(owed_steps(start, start + Duration::from_millis(19), step), (0, start));
        assert_eq!(owed_steps(start, start + Duration::from_millis(59), step), (2, start + 2 * step));
        let late = start + Duration::from_secs(3600);
        assert_eq!(owed_steps(start, late, step), (MAX_STEPS, late));
        // Clocks that do not move.
        assert_eq!(owed_steps(late, start, step), (0, late));
    }

    #[test]
    fn steps_follow_a_time_that_is_told_and_are_not_made_where_it_jumps() {
        let step = Duration::from_millis(20);
        let steps = |at_ms, now_ms| steps_to(Duration::from_millis(at_ms), Duration::from_millis(now_ms), step);
        assert_eq!([steps(100, 100), steps(100, 119), steps(100, 120), steps(100, 260)], [0, 0, 1, 8].map(Some));
        assert_eq!(steps(100, 90), Some(0));
        assert_eq!([steps(0, 3_600_000), steps(3_600_000, 0)], [None, None]);
        // A period that cannot be told in whole ns.
        let third = Duration::from_secs_f64(1.0 / 30.0);
        assert_eq!(steps_to(Duration::ZERO, Duration::from_nanos(99_999_999), third), Some(3));
    }
}
