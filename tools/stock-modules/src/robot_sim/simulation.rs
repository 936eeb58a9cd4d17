//! The simulated world: a robot that drives by wheel speeds, bumps into walls, and measures ranges. A step follows from the one
//! before, the commands and the seed.

use std::time::Duration;

use fastrand::Rng;

use super::settings::Settings;
use crate::plane::{Place, normalized};

/// A robot in a floor plan.
#[derive(Debug)]
pub(super) struct Simulation {
    settings: Settings,
    /// Steps so far.
    steps: u64,
    steps_between_scans: u64,
    /// Where the robot is in the floor plan.
    place: Place,
    /// Where it believes to be, from where it started.
    odometry: Place,
    speeds: Speeds,
    command: Speeds,
    commanded_at: Option<u64>,
    is_touching: bool,
    collisions: u64,
    wheel_noise: Rng,
    range_noise: Rng,
}

/// How fast something drives and turns.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Speeds {
    pub(super) forward_mps: f64,
    pub(super) turn_radps: f64,
}

/// What cannot be simulated.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(super) enum SimulationError {
    #[error("the robot, of radius {radius_m} m, does not fit at its start ({x_m}, {y_m}): a wall is too near")]
    StartInWall { x_m: f64, y_m: f64, radius_m: f64 },
    #[error("a command that is no number: {forward_mps} m/s, {turn_radps} rad/s")]
    NoNumber { forward_mps: f64, turn_radps: f64 },
}

impl Simulation {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut seeds = Rng::with_seed(settings.seed);
        let steps_between_scans = (settings.physics_hz / settings.laser.scan_hz).round().max(1.0);
        Self {
            settings: settings.clone(),
            steps: 0,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1 to 10000")]
            steps_between_scans: steps_between_scans as u64,
            place: settings.start,
            odometry: Place::default(),
            speeds: Speeds::default(),
            command: Speeds::default(),
            commanded_at: None,
            is_touching: false,
            collisions: 0,
            wheel_noise: seeds.fork(),
            range_noise: seeds.fork(),
        }
    }

    /// Whether there is room where the robot starts.
    pub(super) fn check(&self) -> Result<(), SimulationError> {
        let Settings { start: Place { x_m, y_m, .. }, radius_m, .. } = self.settings;
        if self.fits(self.settings.start) { Ok(()) } else { Err(SimulationError::StartInWall { x_m, y_m, radius_m }) }
    }

    /// Tells the robot how to drive from the next step on, until the command has timed out.
    pub(super) fn command(&mut self, command: Speeds) -> Result<(), SimulationError> {
        let Speeds { forward_mps, turn_radps } = command;
        if !forward_mps.is_finite() || !turn_radps.is_finite() {
            return Err(SimulationError::NoNumber { forward_mps, turn_radps });
        }
        let Settings { max_speed_mps, max_turn_radps, .. } = self.settings;
        self.command = Speeds {
            forward_mps: forward_mps.clamp(-max_speed_mps, max_speed_mps),
            turn_radps: turn_radps.clamp(-max_turn_radps, max_turn_radps),
        };
        self.commanded_at = Some(self.steps);
        Ok(())
    }

    /// Lets the time of a step pass.
    pub(super) fn step(&mut self) {
        let step_s = 1.0 / self.settings.physics_hz;
        let is_commanded =
            self.commanded_at.is_some_and(|at| (self.steps - at) as f64 * step_s < self.settings.command_timeout_s);
        let wanted = if is_commanded { self.command } else { Speeds::default() };
        self.steps += 1;

        let (from, turned_rad) = (self.place, wanted.turn_radps * step_s);
        let (driven_m, is_blocked) = self.drive(wanted.forward_mps * step_s, turned_rad);
        self.place.yaw_rad = normalized(from.yaw_rad + turned_rad);
        if is_blocked && !self.is_touching {
            self.collisions += 1;
        }
        // It touches until it drives away.
        self.is_touching = is_blocked || (self.is_touching && driven_m == 0.0);
        self.speeds = Speeds { forward_mps: driven_m / step_s, turn_radps: wanted.turn_radps };
        self.measure_motion(driven_m, turned_rad);
    }

    /// Puts the robot back to where it started, with the noise of the start, and forgets the last command. Time goes on.
    pub(super) fn reset(&mut self) {
        *self = Self { steps: self.steps, ..Self::new(&self.settings) };
    }

    /// What the laser sees from where the robot is: a range in m for each beam, infinite if nothing is near enough.
    pub(super) fn scan(&mut self) -> Vec<f32> {
        let (laser, cell_m) = (&self.settings.laser, self.settings.cell_m);
        let from = self.place.compose(laser.mount);
        let (first_rad, between_rad) = (-laser.field_of_view_rad / 2.0, self.between_beams_rad());
        let noise = &mut self.range_noise;
        let mut range = |beam: u32| {
            let angle_rad = from.yaw_rad + first_rad + f64::from(beam) * between_rad;
            let plan = &self.settings.plan;
            let hit = plan.ray(from.x_m / cell_m, from.y_m / cell_m, angle_rad, laser.range_m / cell_m);
            // Also where nothing is hit, so that a beam's noise does not depend on what others see.
            let noise_m = gaussian(noise) * laser.noise_m;
            hit.map_or(f64::INFINITY, |cells| (cells * cell_m + noise_m).clamp(MIN_RANGE_M, laser.range_m))
        };
        #[expect(clippy::cast_possible_truncation, reason = "messages carry ranges as f32")]
        (0..laser.beams).map(|beam| range(beam) as f32).collect()
    }

    /// The angle from a beam to the next.
    pub(super) fn between_beams_rad(&self) -> f64 {
        self.settings.laser.field_of_view_rad / f64::from(self.settings.laser.beams.saturating_sub(1).max(1))
    }

    /// Whether a scan is due after this step.
    pub(super) fn is_scan_due(&self) -> bool {
        self.steps.is_multiple_of(self.steps_between_scans)
    }

    /// The time between two scans.
    pub(super) fn scan_period_s(&self) -> f64 {
        self.steps_between_scans as f64 / self.settings.physics_hz
    }

    /// The simulated time.
    pub(super) fn now(&self) -> Duration {
        Duration::from_secs_f64(self.steps as f64 / self.settings.physics_hz)
    }

    /// Where the robot is in the floor plan.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Where it believes to be, from where it started.
    pub(super) fn odometry(&self) -> Place {
        self.odometry
    }

    /// How fast it was in the last step.
    pub(super) fn speeds(&self) -> Speeds {
        self.speeds
    }

    /// How often it has bumped into something.
    pub(super) fn collisions(&self) -> u64 {
        self.collisions
    }

    /// Drives along an arc, as far as there is room. Tells how far that was, and whether something was in the way.
    fn drive(&mut self, way_m: f64, turn_rad: f64) -> (f64, bool) {
        // In pieces that cannot jump over a wall.
        let pieces = (4.0 * way_m.abs() / self.settings.cell_m).ceil().max(1.0);
        let (piece_m, piece_rad) = (way_m / pieces, turn_rad / pieces);
        let mut driven_m = 0.0;
        let mut piece = 0.0;
        while piece < pieces && piece_m != 0.0 {
            // The chord of the arc has the direction of its middle.
            let middle = Place::new(0.0, 0.0, piece_rad * (piece + 0.5));
            let ahead = Place { yaw_rad: self.place.yaw_rad + middle.yaw_rad, ..self.place };
            let next = ahead.compose(Place::new(piece_m, 0.0, 0.0));
            if !self.fits(next) {
                return (driven_m, true);
            }
            (self.place.x_m, self.place.y_m) = (next.x_m, next.y_m);
            driven_m += piece_m;
            piece += 1.0;
        }
        (driven_m, false)
    }

    /// What the wheels say of a motion.
    fn measure_motion(&mut self, driven_m: f64, turned_rad: f64) {
        let noise = self.settings.odometry_noise;
        // Variances add up along the way, so the deviation is as configured after a metre however short the steps are.
        let driven_m = driven_m + noise * driven_m.abs().sqrt() * gaussian(&mut self.wheel_noise);
        let measured_rad = turned_rad + noise * turned_rad.abs().sqrt() * gaussian(&mut self.wheel_noise);
        let middle = Place { yaw_rad: self.odometry.yaw_rad + measured_rad / 2.0, ..self.odometry };
        let next = middle.compose(Place::new(driven_m, 0.0, 0.0));
        self.odometry = Place { yaw_rad: normalized(self.odometry.yaw_rad + measured_rad), ..next };
    }

    fn fits(&self, place: Place) -> bool {
        let Settings { cell_m, radius_m, .. } = self.settings;
        self.settings.plan.fits(place.x_m / cell_m, place.y_m / cell_m, radius_m / cell_m)
    }
}

/// A number of the standard normal distribution, by Box and Muller.
fn gaussian(rng: &mut Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.f64(), rng.f64());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// Nearer than this the laser measures nothing.
pub(super) const MIN_RANGE_M: f64 = 0.05;
