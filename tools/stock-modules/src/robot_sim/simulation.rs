//! The simulated world: a robot that drives by wheel speeds, bumps into walls, and measures ranges. A step follows from the one
//! before, the commands and the seed.

use std::time::Duration;

use fastrand::Rng;

use super::settings::Settings;
use crate::plane::{Place, normalized};

/// A robot in a floor plan.
#[derive(Debug)]
pub(crate) struct Simulation {
    settings: Settings,
    /// Steps so far.
    steps: u64,
    steps_between_scans: u64,
    /// Where the robot is in the floor plan.
    place: Place,
    /// Where it believes to be.
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
pub(crate) struct Speeds {
    pub(crate) forward_mps: f64,
    pub(crate) turn_radps: f64,
}

/// What cannot be simulated.
#[derive(Debug, PartialEq, thiserror::Error)]
pub(crate) enum SimulationError {
    #[error("the robot, of radius {radius_m} m, does not fit at its start ({x_m}, {y_m}): a wall is too near")]
    StartInWall { x_m: f64, y_m: f64, radius_m: f64 },
    #[error("a command that is no number: {forward_mps} m/s, {turn_radps} rad/s")]
    NoNumber { forward_mps: f64, turn_radps: f64 },
}

impl Simulation {
    pub(crate) fn new(settings: &Settings) -> Self {
        let mut seeds = Rng::with_seed(settings.seed);
        let steps_between_scans = (settings.physics_hz / settings.laser.scan_hz).round().max(1.0);
        Self {
            settings: settings.clone(),
            steps: 0,
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is from 1 to 10000")]
            steps_between_scans: steps_between_scans as u64,
            place: settings.start,
            odometry: settings.odometry_start,
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
    pub(crate) fn check(&self) -> Result<(), SimulationError> {
        let Settings { start: Place { x_m, y_m, .. }, radius_m, .. } = self.settings;
        if self.fits(self.settings.start) { Ok(()) } else { Err(SimulationError::StartInWall { x_m, y_m, radius_m }) }
    }

    /// Tells the robot how to drive from the next step on, until the command has timed out.
    pub(crate) fn command(&mut self, command: Speeds) -> Result<(), SimulationError> {
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
    pub(crate) fn step(&mut self) {
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
    pub(crate) fn reset(&mut self) {
        *self = Self { steps: self.steps, ..Self::new(&self.settings) };
    }

    /// Puts the time to `now`, as near as steps allow: nothing moves meanwhile, and the last command is forgotten.
    pub(crate) fn skip_to(&mut self, now: Duration) {
        let steps = (now.as_secs_f64() * self.settings.physics_hz).round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
        let steps = steps as u64;
        (self.steps, self.commanded_at) = (steps, None);
    }

    /// What the laser sees from where the robot is: a range in m for each beam, infinite if nothing is near enough.
    pub(crate) fn scan(&mut self) -> Vec<f32> {
        let (laser, cell_m) = (&self.settings.laser, self.settings.cell_m);
        let from = self.place.compose(laser.mount);
        let (first_rad, between_rad) = (self.first_beam_rad(), self.between_beams_rad());
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

    /// The angle of the first beam, from straight ahead.
    pub(crate) fn first_beam_rad(&self) -> f64 {
        -self.settings.laser.field_of_view_rad / 2.0
    }

    /// The angle from a beam to the next.
    pub(crate) fn between_beams_rad(&self) -> f64 {
        self.settings.laser.field_of_view_rad / f64::from(self.settings.laser.beams.saturating_sub(1).max(1))
    }

    /// Whether a scan is due after this step.
    pub(crate) fn is_scan_due(&self) -> bool {
        self.steps.is_multiple_of(self.steps_between_scans)
    }

    /// The time between two scans.
    pub(crate) fn scan_period_s(&self) -> f64 {
        self.steps_between_scans as f64 / self.settings.physics_hz
    }

    /// The simulated time.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_secs_f64(self.steps as f64 / self.settings.physics_hz)
    }

    /// Where the robot is in the floor plan.
    pub(crate) fn place(&self) -> Place {
        self.place
    }

    /// Where it believes to be.
    pub(crate) fn odometry(&self) -> Place {
        self.odometry
    }

    /// How fast it was in the last step.
    pub(crate) fn speeds(&self) -> Speeds {
        self.speeds
    }

    /// How often it has bumped into something.
    pub(crate) fn collisions(&self) -> u64 {
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
pub(crate) const MIN_RANGE_M: f64 = 0.05;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All that one sees of a simulation after each step, with a command now and then.
    fn seen(settings: &Settings, commands: &[Option<(f64, f64)>]) -> Vec<(Place, Place, Speeds, u64, Vec<f32>)> {
        let mut simulation = Simulation::new(settings);
        let mut step = |command: &Option<(f64, f64)>| {
            if let Some((forward_mps, turn_radps)) = *command {
                simulation.command(Speeds { forward_mps, turn_radps }).unwrap();
            }
            simulation.step();
            let scan = if simulation.is_scan_due() { simulation.scan() } else { Vec::new() };
            (simulation.place(), simulation.odometry(), simulation.speeds(), simulation.collisions(), scan)
        };
        commands.iter().map(&mut step).collect()
    }

    fn noisy(seed: u64) -> Settings {
        let mut settings = Settings { seed, odometry_noise: 0.1, ..Settings::default() };
        settings.laser.beams = 9;
        settings
    }

    fn driven(forward_mps: f64, turn_radps: f64, steps: usize) -> Vec<Option<(f64, f64)>> {
        vec![Some((forward_mps, turn_radps)); steps]
    }

    fn commands() -> impl Strategy<Value = Vec<Option<(f64, f64)>>> {
        let command = proptest::option::weighted(0.1, (-3.0..3.0, -4.0..4.0));
        proptest::collection::vec(command, 0..400)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_same_seed_and_commands_give_the_same(seed: u64, commands in commands()) {
            prop_assert_eq!(seen(&noisy(seed), &commands), seen(&noisy(seed), &commands));
        }

        #[test]
        fn the_robot_never_is_in_a_wall(seed: u64, commands in commands(), physics_hz in 10.0..100.0) {
            let settings = Settings { max_speed_mps: 10.0, physics_hz, ..noisy(seed) };
            let simulation = Simulation::new(&settings);
            for (place, ..) in seen(&settings, &commands) {
                prop_assert!(simulation.fits(place), "{place:?}");
            }
        }

        #[test]
        fn odometry_without_noise_is_right(commands in commands()) {
            let settings = Settings { odometry_noise: 0.0, physics_hz: 40.0, ..noisy(1) };
            for (place, odometry, ..) in seen(&settings, &commands) {
                let expected = settings.start.compose(odometry);
                prop_assert!((expected.x_m - place.x_m).hypot(expected.y_m - place.y_m) < 1e-6, "{place:?} {expected:?}");
                prop_assert!(normalized(expected.yaw_rad - place.yaw_rad).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn other_seeds_give_other_noise() {
        let commands = driven(0.5, 0.1, 50);
        assert_ne!(seen(&noisy(1), &commands), seen(&noisy(2), &commands));
    }

    #[test]
    fn without_a_command_the_robot_stops() {
        let mut commands = driven(0.5, 0.0, 1);
        commands.resize(100, None);
        let seen = seen(&Settings::default(), &commands);
        // 0.5 s of 50 steps a second.
        assert_eq!(seen.iter().filter(|(_, _, speeds, ..)| speeds.forward_mps > 0.0).count(), 25);
        let way_m = seen.last().unwrap().0.x_m - Settings::default().start.x_m;
        assert!((way_m - 0.25).abs() < 1e-9, "{way_m}");
    }

    #[test]
    fn a_wall_stops_the_robot_and_counts_once() {
        let seen = seen(&Settings::default(), &driven(-1.0, 0.0, 300));
        let (place, _, speeds, collisions, _) = seen.last().unwrap();
        // The wall is 0.25 m thick, the robot 0.2 m.
        assert!((0.45..0.46).contains(&place.x_m), "{place:?}");
        assert_eq!((*collisions, speeds.forward_mps), (1, 0.0));
    }

    #[test]
    fn the_laser_measures_the_room() {
        let mut settings = Settings::default();
        settings.laser.noise_m = 0.0;
        settings.start = Place::new(3.5, 4.0, 0.0);
        let ranges = Simulation::new(&settings).scan();
        assert_eq!(ranges.len(), 271);
        // A beam a degree: the corridor's wall on the right hand, the end of the corridor ahead, further than the laser sees, and through
        // a door on the left the far wall of a room.
        assert_eq!([ranges[45], ranges[135], ranges[225]], [0.75, f32::INFINITY, 3.75]);
    }

    #[test]
    fn a_reset_begins_anew_but_for_the_time() {
        let mut simulation = Simulation::new(&noisy(7));
        let fresh = Simulation::new(&noisy(7)).scan();
        simulation.command(Speeds { forward_mps: 0.5, turn_radps: 1.0 }).unwrap();
        (0..20).for_each(|_| simulation.step());
        simulation.reset();
        assert_eq!((simulation.place(), simulation.odometry()), (noisy(7).start, Place::default()));
        assert_eq!((simulation.now(), simulation.scan()), (Duration::from_millis(400), fresh));
        simulation.step();
        assert_eq!(simulation.speeds(), Speeds::default());
    }

    #[test]
    fn time_can_be_put_anywhere_and_nothing_moves() {
        let mut simulation = Simulation::new(&Settings::default());
        for now in [100.0, 3.0, 1e9] {
            simulation.command(Speeds { forward_mps: 0.5, turn_radps: 0.0 }).unwrap();
            simulation.skip_to(Duration::from_secs_f64(now));
            simulation.step();
            assert_eq!((simulation.place(), simulation.speeds()), (Settings::default().start, Speeds::default()));
            assert_eq!(simulation.now(), Duration::from_secs_f64(now + 0.02));
        }
    }

    #[test]
    fn odometry_begins_where_it_is_told() {
        let settings = Settings { odometry_start: Place::new(8.0, 1.0, 3.0), ..Settings::default() };
        let mut simulation = Simulation::new(&settings);
        assert_eq!(simulation.odometry(), settings.odometry_start);
        simulation.command(Speeds { forward_mps: 0.5, turn_radps: 0.0 }).unwrap();
        (0..10).for_each(|_| simulation.step());
        let ahead = settings.odometry_start.compose(Place::new(0.1, 0.0, 0.0));
        assert!((simulation.odometry().x_m - ahead.x_m).abs() < 1e-9, "{:?}", simulation.odometry());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let mut simulation = Simulation::new(&Settings::default());
        let nothing = Speeds { forward_mps: f64::NAN, turn_radps: 0.0 };
        assert!(matches!(simulation.command(nothing), Err(SimulationError::NoNumber { .. })));
        let in_wall = Settings { start: Place::new(0.3, 4.0, 0.0), ..Settings::default() };
        assert!(matches!(Simulation::new(&in_wall).check(), Err(SimulationError::StartInWall { .. })));
        assert_eq!(simulation.check(), Ok(()));
    }
}
