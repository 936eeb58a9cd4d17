//! The navigator without its bus: what is known of where the robot is and what is around it, the goal, and what to do next.

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::costs::{Costs, Point};
use super::map::{FAR_M, Map};
use super::plan::{PlanError, plan};
use super::settings::Settings;
use super::steering::{Obstacles, Track, distance, follow, turning};
use crate::mapper::Ray;
use crate::plane::{Place, normalized};
use crate::robot_sim::Speeds;

/// Brings a robot to where it shall be. All times are of one clock.
#[derive(Debug)]
pub(crate) struct Pilot {
    settings: Settings,
    map: Option<(Duration, Map)>,
    /// The last places, with the stamps of the messages.
    odometry: VecDeque<(i64, Place)>,
    odometry_at: Option<Duration>,
    scan: Option<Scan>,
    errand: Option<Errand>,
    /// The last command.
    speeds: Speeds,
    now: Duration,
}

/// Where the robot shall be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Goal {
    pub(crate) x_m: f64,
    pub(crate) y_m: f64,
    /// Where it shall look in the end, if that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) yaw_rad: Option<f64>,
}

/// What is to be done now.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// How to drive, if the pilot is at the wheel.
    pub(crate) command: Option<Speeds>,
    /// The path, if it is a new one.
    pub(crate) path: Option<Vec<Point>>,
    /// How the errand ended, if it did.
    pub(crate) outcome: Option<Result<(), GoError>>,
}

/// How far the robot is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Progress {
    pub(crate) state: State,
    /// The way to the goal, along the path; straight as long as there is none.
    pub(crate) distance_left_m: f64,
    /// What it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) waits_for: Option<String>,
}

/// What the robot does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// It has no goal.
    Idle,
    /// It stands still because it does not hear what it needs.
    Waiting,
    /// It stands still and looks for a path.
    Planning,
    Driving,
    /// It stands still because something is in its way.
    Blocked,
    /// It is there, and turns to where it shall look.
    Turning,
    Arrived,
}

/// Why the robot did not come to its goal.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum GoError {
    #[error("a goal that is no place, or too far away: ({x_m}, {y_m})")]
    Nowhere { x_m: f64, y_m: f64 },
    #[error("displaced by another goal, ({x_m}, {y_m})")]
    Displaced { x_m: f64, y_m: f64 },
    #[error("halted on the way")]
    Halted,
    #[error("cancelled on the way")]
    Cancelled,
    #[error("nothing was heard for {waited_s} s of {missing}")]
    Missing { missing: Missing, waited_s: f64 },
    #[error("no path to ({x_m}, {y_m}): {source}")]
    NoPath { x_m: f64, y_m: f64, source: PlanError },
    #[error("blocked: something is in the way at ({x_m}, {y_m}), and no other way was found for {waited_s} s")]
    Blocked { x_m: f64, y_m: f64, waited_s: f64 },
    #[error("stuck: the robot has not come on from ({x_m}, {y_m}) for {waited_s} s; does it heed /cmd_vel?")]
    Stuck { x_m: f64, y_m: f64, waited_s: f64 },
}

/// What the pilot needs and does not hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Missing {
    #[error("the odometry: does the robot publish it?")]
    Odometry,
    #[error("the laser: does the robot publish scans?")]
    Scan,
    #[error("the map: does a mapper run?")]
    Map,
}

#[derive(Debug)]
struct Scan {
    at: Duration,
    stamp_ns: i64,
    rays: Vec<Ray>,
}

/// A goal, and what has become of it so far.
#[derive(Debug)]
struct Errand {
    goal: Goal,
    way: Option<Way>,
    progress: Progress,
    /// Since when it has waited for something, or looked for a path in vain.
    waiting_since: Option<Duration>,
    unplanned_since: Option<Duration>,
    /// Where the robot was when it had come on, and when.
    anchor: Option<(Duration, Point)>,
}

/// A planned way.
#[derive(Debug)]
struct Way {
    costs: Costs,
    track: Track,
    planned_at: Duration,
    /// When the map came that it was planned on.
    map_at: Duration,
}

impl Pilot {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            settings: settings.clone(),
            map: None,
            odometry: VecDeque::new(),
            odometry_at: None,
            scan: None,
            errand: None,
            speeds: Speeds::default(),
            now: Duration::ZERO,
        }
    }

    pub(crate) fn add_map(&mut self, now: Duration, map: Map) {
        self.map = Some((now, map));
    }

    pub(crate) fn add_odometry(&mut self, now: Duration, stamp_ns: i64, place: Place) {
        // What goes back in time is of another run.
        if self.odometry.back().is_some_and(|(newest_ns, _)| stamp_ns < *newest_ns) {
            self.odometry.clear();
        }
        self.odometry.push_back((stamp_ns, place));
        if self.odometry.len() > MAX_ODOMETRY {
            self.odometry.pop_front();
        }
        self.odometry_at = Some(now);
    }

    pub(crate) fn add_scan(&mut self, now: Duration, stamp_ns: i64, rays: Vec<Ray>) {
        self.scan = Some(Scan { at: now, stamp_ns, rays });
    }

    /// Sets out for a goal. What becomes of the goal before it.
    pub(crate) fn go(&mut self, goal: Goal) -> Result<Option<GoError>, GoError> {
        let Goal { x_m, y_m, yaw_rad } = goal;
        let is_place = x_m.abs() <= FAR_M && y_m.abs() <= FAR_M && yaw_rad.is_none_or(f64::is_finite);
        if !is_place {
            return Err(GoError::Nowhere { x_m, y_m });
        }
        let displaced = self.errand.take().map(|_| GoError::Displaced { x_m, y_m });
        self.errand = Some(Errand {
            goal,
            way: None,
            progress: Progress { state: State::Planning, distance_left_m: self.straight_m(goal), waits_for: None },
            waiting_since: None,
            unplanned_since: None,
            anchor: None,
        });
        Ok(displaced)
    }

    /// Gives up the goal, if there is one: the robot is to stand still.
    pub(crate) fn halt(&mut self) -> bool {
        self.speeds = Speeds::default();
        self.errand.take().is_some()
    }

    /// Where the robot is, by the newest odometry.
    pub(crate) fn place(&self) -> Option<Place> {
        self.odometry.back().map(|(_, place)| *place)
    }

    pub(crate) fn goal(&self) -> Option<Goal> {
        self.errand.as_ref().map(|errand| errand.goal)
    }

    pub(crate) fn progress(&self) -> Progress {
        let idle = || Progress { state: State::Idle, distance_left_m: 0.0, waits_for: None };
        self.errand.as_ref().map_or_else(idle, |errand| errand.progress.clone())
    }

    /// What is needed and was not heard for too long.
    pub(crate) fn missing(&self, now: Duration) -> Option<Missing> {
        let patience = &self.settings.patience;
        // What is of the future is of another run.
        let is_old = |at: Option<Duration>, limit_s: f64| {
            at.and_then(|at| now.checked_sub(at)).is_none_or(|age| limit_s > 0.0 && age.as_secs_f64() > limit_s)
        };
        if is_old(self.odometry_at, patience.odometry_s) {
            return Some(Missing::Odometry);
        }
        if patience.scan_s > 0.0 && is_old(self.scan.as_ref().map(|scan| scan.at), patience.scan_s) {
            return Some(Missing::Scan);
        }
        is_old(self.map.as_ref().map(|(at, _)| *at), patience.map_s).then_some(Missing::Map)
    }

    /// For how long the robot has stood still because it does not hear what it needs.
    pub(crate) fn waited(&self, now: Duration) -> Duration {
        let since = self.errand.as_ref().and_then(|errand| errand.waiting_since);
        since.and_then(|since| now.checked_sub(since)).unwrap_or_default()
    }

    /// Time has come to `now`: what to do.
    pub(crate) fn step(&mut self, now: Duration) -> Step {
        if now < self.now {
            self.begin_anew();
        }
        self.now = now;
        let Some(mut errand) = self.errand.take() else { return Step::default() };
        let mut step = Step::default();
        match self.pursue(now, &mut errand, &mut step) {
            Ok(State::Arrived) => step.outcome = Some(Ok(())),
            Ok(state) => {
                errand.progress.state = state;
                self.errand = Some(errand);
            }
            Err(error) => step.outcome = Some(Err(error)),
        }
        if step.outcome.is_some() {
            step.command = None;
        }
        self.speeds = step.command.unwrap_or_default();
        step.command = Some(self.speeds);
        step
    }

    /// The clock went back, as a simulation's does that was started again: what was heard is of another run.
    fn begin_anew(&mut self) {
        (self.odometry_at, self.scan) = (None, None);
        self.odometry.clear();
        if let Some(errand) = &mut self.errand {
            (errand.way, errand.waiting_since, errand.unplanned_since, errand.anchor) = (None, None, None, None);
        }
    }

    fn pursue(&mut self, now: Duration, errand: &mut Errand, step: &mut Step) -> Result<State, GoError> {
        let patience = self.settings.patience;
        let missing = self.missing(now);
        errand.progress.waits_for = missing.map(|missing| missing.to_string());
        let (None, Some(place)) = (missing, self.place()) else {
            let missing = missing.unwrap_or(Missing::Odometry);
            let waited_s = now.saturating_sub(*errand.waiting_since.get_or_insert(now)).as_secs_f64();
            // Standing still is no fault then.
            errand.anchor = None;
            return if waited_s > patience.waiting_s {
                Err(GoError::Missing { missing, waited_s })
            } else {
                Ok(State::Waiting)
            };
        };
        errand.waiting_since = None;
        errand.progress.distance_left_m = self.straight_m(errand.goal);
        let seen = self.seen();
        if self.is_plan_due(now, errand) {
            self.plan(now, place, &seen, errand, step)?;
        }
        let Some(way) = &mut errand.way else { return Ok(State::Planning) };
        errand.progress.distance_left_m = way.track.advance(place);
        let driving = &self.settings.driving;
        let is_there = way.track.end().is_none_or(|end| distance(end, (place.x_m, place.y_m)) <= driving.arrival_m);
        let state = if is_there {
            let left_rad = errand.goal.yaw_rad.map_or(0.0, |yaw_rad| normalized(yaw_rad - place.yaw_rad));
            if left_rad.abs() <= driving.arrival_rad {
                return Ok(State::Arrived);
            }
            let turn_radps = turning(place, place.yaw_rad + left_rad, driving);
            step.command = Some(Speeds { forward_mps: 0.0, turn_radps });
            State::Turning
        } else {
            let obstacles = Obstacles { costs: &way.costs, seen: &seen, clearance: self.settings.clearance };
            let speeds = follow(&way.track, place, self.speeds.forward_mps, driving, &obstacles);
            step.command = Some(speeds);
            let is_turning = speeds.turn_radps.abs() > SLOW_RADPS;
            if speeds.forward_mps > 0.0 || is_turning { State::Driving } else { State::Blocked }
        };
        let here = (place.x_m, place.y_m);
        match errand.anchor {
            Some((since, from)) if since <= now && distance(from, here) < PROGRESS_M => {
                let waited_s = (now - since).as_secs_f64();
                if waited_s > patience.stuck_s {
                    let (x_m, y_m) = here;
                    return Err(match state {
                        State::Blocked => GoError::Blocked { x_m, y_m, waited_s },
                        _ => GoError::Stuck { x_m, y_m, waited_s },
                    });
                }
            }
            _ => errand.anchor = Some((now, here)),
        }
        Ok(state)
    }

    /// Whether it is time to plan: there is no way, it is old, or there is a new map.
    fn is_plan_due(&self, now: Duration, errand: &Errand) -> bool {
        let map_at = self.map.as_ref().map(|(at, _)| *at);
        errand.way.as_ref().is_none_or(|way| {
            let age_s = now.checked_sub(way.planned_at).map(|age| age.as_secs_f64());
            age_s.is_none_or(|age_s| age_s >= self.settings.patience.path_s)
                || (Some(way.map_at) != map_at && age_s.is_some_and(|age_s| age_s >= MIN_BETWEEN_PLANS_S))
        })
    }

    fn plan(
        &self,
        now: Duration,
        place: Place,
        seen: &[Point],
        errand: &mut Errand,
        step: &mut Step,
    ) -> Result<(), GoError> {
        let (Some((map_at, map)), goal) = (&self.map, errand.goal) else { return Ok(()) };
        let (from, to) = ((place.x_m, place.y_m), (goal.x_m, goal.y_m));
        let nowhere = GoError::Nowhere { x_m: goal.x_m, y_m: goal.y_m };
        let costs = Costs::new(map, seen, &[from, to], self.settings.clearance).map_err(|_| nowhere)?;
        match plan(&costs, from, to, self.settings.driving.goal_tolerance_m) {
            Ok(path) => {
                errand.unplanned_since = None;
                step.path = Some(path.points.clone());
                let track = Track::new(path.points);
                errand.way = Some(Way { costs, track, planned_at: now, map_at: *map_at });
                Ok(())
            }
            Err(source) => {
                errand.way = None;
                let since = *errand.unplanned_since.get_or_insert(now);
                let waited_s = now.saturating_sub(since).as_secs_f64();
                let (x_m, y_m) = to;
                if waited_s > self.settings.patience.no_path_s {
                    Err(GoError::NoPath { x_m, y_m, source })
                } else {
                    Ok(())
                }
            }
        }
    }

    /// What the laser sees, in the map's frame: where its rays end at something.
    fn seen(&self) -> Vec<Point> {
        let Some(scan) = &self.scan else { return Vec::new() };
        // Where the robot was when the scan was taken.
        let after = self.odometry.partition_point(|(stamp_ns, _)| *stamp_ns < scan.stamp_ns);
        let Some((_, place)) = self.odometry.get(after).or(self.odometry.back()) else { return Vec::new() };
        let from = place.compose(self.settings.laser_mount);
        let hits = scan.rays.iter().filter(|ray| ray.is_hit);
        hits.map(|ray| ray.end(from)).collect()
    }

    /// The straight way to a goal.
    fn straight_m(&self, goal: Goal) -> f64 {
        self.place().map_or(0.0, |place| distance((place.x_m, place.y_m), (goal.x_m, goal.y_m)))
    }
}

impl GoError {
    /// What a program can tell them apart by.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Nowhere { .. } => "nowhere",
            Self::Displaced { .. } => "displaced",
            Self::Halted => "halted",
            Self::Cancelled => "cancelled",
            Self::Missing { missing: Missing::Odometry, .. } => "no_odometry",
            Self::Missing { missing: Missing::Scan, .. } => "no_scan",
            Self::Missing { missing: Missing::Map, .. } => "no_map",
            Self::NoPath { .. } => "no_path",
            Self::Blocked { .. } => "blocked",
            Self::Stuck { .. } => "stuck",
        }
    }
}

/// The robot comes on when it comes so far.
const PROGRESS_M: f64 = 0.1;

/// Turning more slowly is no motion.
const SLOW_RADPS: f64 = 0.05;

/// A path is planned no sooner after the one before.
const MIN_BETWEEN_PLANS_S: f64 = 0.3;

/// So many places are kept to tell where a scan was taken: some seconds.
const MAX_ODOMETRY: usize = 256;

#[cfg(test)]
mod tests {
    use lcm_types::nav_msgs::OccupancyGrid;
    use proptest::prelude::*;

    use super::super::map::Knowledge;
    use super::super::settings::Driving;
    use super::*;

    /// What may come, whoever sends it.
    #[derive(Debug, Clone)]
    enum Event {
        Map(OccupancyGrid),
        Odometry(i64, Place),
        Scan(i64, Vec<Ray>),
        Goal(Goal),
        Time(Duration),
    }

    /// Numbers of which few make sense.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![4 => -5.0..5.0, 1 => -FAR_M..FAR_M, 1 => any::<f64>()]
    }

    fn events() -> impl Strategy<Value = Event> {
        let percent = prop_oneof![4 => Just(0_i8), 1 => Just(100), 1 => Just(-1)];
        let cells = (1_i32..40, 1_i32..40).prop_flat_map(move |(width, height)| {
            let count = usize::try_from(width * height).unwrap();
            (Just(width), Just(height), proptest::collection::vec(percent.clone(), count))
        });
        let map = (cells, number(), number(), 0.05..0.5_f32).prop_map(|((width, height, data), x_m, y_m, cell_m)| {
            let mut map = OccupancyGrid { data, ..OccupancyGrid::default() };
            (map.info.width, map.info.height, map.info.resolution) = (width, height, cell_m);
            map.info.origin = Place::new(x_m, y_m, 0.0).into();
            Event::Map(map)
        });
        // The module lets nothing by that is no place.
        let place = (number(), number(), -4.0..4.0).prop_map(|(x_m, y_m, yaw_rad)| Place::new(x_m, y_m, yaw_rad));
        let place = place.prop_filter("a place", |place| place.x_m.abs() <= FAR_M && place.y_m.abs() <= FAR_M);
        let ray = (number(), 0.0..30.0, any::<bool>());
        let ray = ray.prop_map(|(angle_rad, length_m, is_hit)| Ray { angle_rad, length_m, is_hit });
        let goal = (number(), number(), proptest::option::of(number()));
        let seconds = prop_oneof![8 => 0.0..100.0, 1 => 0.0..1e18];
        prop_oneof![
            map,
            (any::<i64>(), place).prop_map(|(stamp_ns, place)| Event::Odometry(stamp_ns, place)),
            (any::<i64>(), proptest::collection::vec(ray, 0..50))
                .prop_map(|(stamp_ns, rays)| Event::Scan(stamp_ns, rays)),
            goal.prop_map(|(x_m, y_m, yaw_rad)| Event::Goal(Goal { x_m, y_m, yaw_rad })),
            seconds.prop_map(|seconds| Event::Time(Duration::from_secs_f64(seconds))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_comes_the_robot_is_told_nothing_that_it_cannot_do(
            events in proptest::collection::vec(events(), 0..60),
        ) {
            let mut settings = Settings::default();
            // So that it sometimes drives.
            (settings.patience.odometry_s, settings.patience.scan_s, settings.patience.map_s) = (1000.0, 0.0, 0.0);
            let (mut pilot, mut now) = (Pilot::new(&settings), Duration::ZERO);
            for event in events {
                match event {
                    Event::Map(map) => if let Ok(map) = Map::try_from(&map) { pilot.add_map(now, map) },
                    Event::Odometry(stamp_ns, place) => pilot.add_odometry(now, stamp_ns, place),
                    Event::Scan(stamp_ns, rays) => pilot.add_scan(now, stamp_ns, rays),
                    Event::Goal(goal) => drop(pilot.go(goal)),
                    Event::Time(time) => now = time,
                }
                if let Some(Speeds { forward_mps, turn_radps }) = pilot.step(now).command {
                    let Driving { max_speed_mps, max_turn_radps, .. } = settings.driving;
                    prop_assert!((0.0..=max_speed_mps).contains(&forward_mps) && turn_radps.abs() <= max_turn_radps);
                }
            }
        }
    }

    /// A pilot in a hall of 6 m by 6 m of which all is known, and the robot, which does what it is told.
    struct Hall {
        pilot: Pilot,
        place: Place,
        time_ms: u64,
        map: Map,
        /// What does not come.
        silent: Option<Missing>,
        is_stuck: bool,
        /// What the laser sees, from the robot.
        rays: Vec<Ray>,
        commands: Vec<Speeds>,
    }

    impl Hall {
        fn new(is_occupied: impl Fn(f64, f64) -> bool) -> Self {
            let knowledge = |index: usize| {
                let (x_m, y_m) = ((index % 60) as f64 / 10.0 - 1.0, (index / 60) as f64 / 10.0 - 3.0);
                if is_occupied(x_m + 0.05, y_m + 0.05) { Knowledge::Occupied } else { Knowledge::Free }
            };
            let cells = (0..3600).map(knowledge).collect();
            Self {
                pilot: Pilot::new(&Settings::default()),
                place: Place::default(),
                time_ms: 1000,
                map: Map { cell_m: 0.1, origin: (-1.0, -3.0), width: 60, height: 60, cells },
                silent: None,
                is_stuck: false,
                rays: Vec::new(),
                commands: Vec::new(),
            }
        }

        fn now(&self) -> Duration {
            Duration::from_millis(self.time_ms)
        }

        /// A tenth of a second.
        fn step(&mut self) -> Step {
            self.time_ms += 100;
            let now = self.now();
            let stamp_ns = i64::try_from(now.as_nanos()).unwrap();
            if self.silent != Some(Missing::Odometry) {
                self.pilot.add_odometry(now, stamp_ns, self.place);
            }
            if self.silent != Some(Missing::Scan) {
                self.pilot.add_scan(now, stamp_ns, self.rays.clone());
            }
            if self.silent != Some(Missing::Map) && self.time_ms.is_multiple_of(1000) {
                self.pilot.add_map(now, self.map.clone());
            }
            let step = self.pilot.step(now);
            if let Some(speeds) = step.command {
                self.commands.push(speeds);
                if !self.is_stuck {
                    let motion = Place::new(speeds.forward_mps / 10.0, 0.0, speeds.turn_radps / 10.0);
                    self.place = self.place.compose(motion);
                }
            }
            step
        }

        fn steps(&mut self, count: u32) -> Vec<Step> {
            (0..count).map(|_| self.step()).collect()
        }

        /// Up to the end of the errand, for two minutes at most.
        fn outcome(&mut self) -> Result<(), GoError> {
            (0..1200).find_map(|_| self.step().outcome).expect("it ends")
        }

        fn go(&mut self, x_m: f64, y_m: f64) {
            assert_eq!(self.pilot.go(Goal { x_m, y_m, yaw_rad: None }), Ok(None));
        }

        fn stands_still(&self) -> bool {
            self.commands.last() == Some(&Speeds::default())
        }
    }

    #[test]
    fn the_robot_comes_to_its_goal_and_looks_where_it_shall() {
        let mut hall = Hall::new(|_, _| false);
        assert_eq!(hall.pilot.go(Goal { x_m: 3.0, y_m: 1.0, yaw_rad: Some(-2.0) }), Ok(None));
        assert_eq!(hall.outcome(), Ok(()));
        assert!((hall.place.x_m - 3.0).hypot(hall.place.y_m - 1.0) < 0.15 && (hall.place.yaw_rad + 2.0).abs() < 0.1);
        assert!(hall.stands_still());
        // And then leaves the wheel to others.
        assert!(hall.step().command.is_none());
        assert_eq!(hall.pilot.progress().state, State::Idle);
    }

    #[test]
    fn without_what_it_needs_the_robot_stands_still_and_goes_on_when_that_is_back() {
        for missing in [Missing::Odometry, Missing::Scan, Missing::Map] {
            let mut hall = Hall::new(|_, _| false);
            hall.go(4.0, 0.0);
            hall.steps(25);
            assert!(hall.pilot.progress().state == State::Driving && !hall.stands_still());
            hall.silent = Some(missing);
            hall.steps(70);
            assert_eq!(hall.pilot.progress().waits_for, Some(missing.to_string()));
            assert!(hall.pilot.progress().state == State::Waiting && hall.stands_still());
            hall.silent = None;
            assert_eq!(hall.outcome(), Ok(()));
        }
    }

    #[test]
    fn what_never_comes_is_waited_for_so_long_and_named() {
        for (missing, code) in
            [(Missing::Odometry, "no_odometry"), (Missing::Scan, "no_scan"), (Missing::Map, "no_map")]
        {
            let mut hall = Hall::new(|_, _| false);
            hall.silent = Some(missing);
            hall.go(4.0, 0.0);
            let error = hall.outcome().unwrap_err();
            assert!(matches!(error, GoError::Missing { missing: of, waited_s } if of == missing && waited_s > 29.0));
            assert_eq!(error.code(), code);
            assert!(hall.stands_still());
        }
    }

    #[test]
    fn where_no_way_leads_is_told() {
        let mut hall = Hall::new(|x_m, _| (2.0..2.1).contains(&x_m));
        // Beyond the map it could be gone around.
        hall.map.cells.iter_mut().enumerate().for_each(|(index, cell)| {
            if index % 60 % 59 == 0 || index / 60 % 59 == 0 {
                *cell = Knowledge::Occupied;
            }
        });
        hall.go(4.0, 0.0);
        let error = hall.outcome().unwrap_err();
        assert!(matches!(error, GoError::NoPath { source: PlanError::NoWay, .. }), "{error}");
        // Beside the wall it goes as near as it fits.
        hall.go(1.9, 0.0);
        assert_eq!(hall.outcome(), Ok(()));
        let mut hall = Hall::new(|x_m, _| x_m > 2.0);
        hall.go(3.0, 0.0);
        assert!(matches!(hall.outcome(), Err(GoError::NoPath { source: PlanError::GoalTaken, .. })));
    }

    #[test]
    fn who_does_not_come_on_is_stuck_or_blocked() {
        let mut hall = Hall::new(|_, _| false);
        hall.is_stuck = true;
        hall.go(4.0, 0.0);
        assert!(matches!(hall.outcome(), Err(GoError::Stuck { .. })));
        // Whatever it does, the laser sees something just ahead; too near to be in the way of another path.
        let ray = |angle_rad| Ray { angle_rad, length_m: 0.21, is_hit: true };
        let mut hall = Hall::new(|_, _| false);
        hall.rays = (-30..=30).map(|beam| ray(f64::from(beam) / 10.0)).collect();
        hall.go(4.0, 0.0);
        let error = hall.outcome().unwrap_err();
        assert!(matches!(error, GoError::Blocked { .. } | GoError::NoPath { .. }), "{error}");
        assert!(hall.place.x_m.hypot(hall.place.y_m) < 0.05, "{:?}", hall.place);
    }

    #[test]
    fn what_is_only_seen_is_driven_around() {
        // A box that is not in the map, of 0.4 m, around (2, 0).
        let mut hall = Hall::new(|_, _| false);
        hall.go(4.0, 0.0);
        let mut nearest_m = f64::INFINITY;
        let outcome = (0..1200).find_map(|_| {
            let edge = (-20..=20).flat_map(|part| {
                let along = f64::from(part) / 100.0;
                [(1.8, along), (2.2, along), (2.0 + along, -0.2), (2.0 + along, 0.2)]
            });
            let (x_m, y_m, yaw_rad) = (hall.place.x_m, hall.place.y_m, hall.place.yaw_rad);
            let ray = |(x, y): (f64, f64)| Ray {
                angle_rad: (y - y_m).atan2(x - x_m) - yaw_rad,
                length_m: (x - x_m).hypot(y - y_m),
                is_hit: true,
            };
            hall.rays = edge.map(ray).collect();
            nearest_m = hall.rays.iter().map(|ray| ray.length_m).fold(nearest_m, f64::min);
            hall.step().outcome
        });
        assert_eq!(outcome, Some(Ok(())));
        assert!(nearest_m > 0.22, "{nearest_m}");
    }

    #[test]
    fn another_goal_takes_the_place_of_the_one_before() {
        let mut hall = Hall::new(|_, _| false);
        hall.go(4.0, 0.0);
        hall.steps(20);
        let displaced = hall.pilot.go(Goal { x_m: 0.0, y_m: 2.0, yaw_rad: None }).unwrap().unwrap();
        assert_eq!(displaced.to_string(), "displaced by another goal, (0, 2)");
        assert_eq!(hall.outcome(), Ok(()));
        assert!(hall.place.x_m.hypot(hall.place.y_m - 2.0) < 0.15);
        assert!(!hall.pilot.halt());
        hall.go(4.0, 0.0);
        assert!(hall.pilot.halt() && hall.step().command.is_none());
    }

    #[test]
    fn goals_that_are_no_places_are_refused_and_change_nothing() {
        let mut hall = Hall::new(|_, _| false);
        hall.go(1.0, 0.0);
        for (x_m, yaw_rad) in [(f64::NAN, None), (f64::INFINITY, None), (1e9, None), (0.0, Some(f64::NAN))] {
            let refused = hall.pilot.go(Goal { x_m, y_m: 0.0, yaw_rad });
            assert!(matches!(refused, Err(GoError::Nowhere { .. })));
        }
        assert_eq!(hall.pilot.goal(), Some(Goal { x_m: 1.0, y_m: 0.0, yaw_rad: None }));
        // A place, but the map cannot be so large.
        hall.pilot.halt();
        hall.go(900_000.0, 0.0);
        assert!(matches!(hall.outcome(), Err(GoError::Nowhere { .. })));
    }

    #[test]
    fn a_clock_that_goes_back_begins_anew_and_the_goal_stays() {
        let mut hall = Hall::new(|_, _| false);
        hall.time_ms = 5_000_000;
        hall.go(4.0, 0.0);
        hall.steps(20);
        (hall.time_ms, hall.place) = (0, Place::default());
        hall.silent = Some(Missing::Map);
        hall.steps(3);
        assert_eq!(hall.pilot.progress().state, State::Waiting);
        hall.silent = None;
        assert_eq!(hall.outcome(), Ok(()));
        assert!((hall.place.x_m - 4.0).abs() < 0.15);
    }
}
