//! The navigator without its bus: what is known of where the robot is and what is around it, the goal, and what to do next.

use std::collections::VecDeque;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::costs::{Costs, Point, TooLarge};
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
    /// Nothing is planned before, so that most of the time is left for others.
    rests_until: Duration,
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
    #[error("nobody knows where the robot is: its odometry is not heard, or is old; does the robot publish it?")]
    Unplaced,
    #[error("no path to ({x_m}, {y_m}): {source}")]
    NoPath { x_m: f64, y_m: f64, source: PlanError },
    #[error("no path from ({}, {}) to ({x_m}, {y_m}): {source}", .from.0, .from.1)]
    TooLarge { from: Point, x_m: f64, y_m: f64, source: TooLarge },
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
    /// When a path was looked for last, be it in vain.
    tried_at: Option<Duration>,
    /// Since when it has waited for something, or looked for a path in vain.
    waiting_since: Option<Duration>,
    unplanned_since: Option<Duration>,
    /// Where the robot was when it had come on, and when; the time for which it looked for a path left out.
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
            rests_until: Duration::ZERO,
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
            tried_at: None,
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

    /// Where the robot is, if that was heard of lately.
    pub(crate) fn here(&self, now: Duration) -> Result<Place, GoError> {
        let is_heard = self.missing(now) != Some(Missing::Odometry);
        self.place().filter(|_| is_heard).ok_or(GoError::Unplaced)
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
            self.begin_anew(now);
        }
        let elapsed = now.saturating_sub(std::mem::replace(&mut self.now, now));
        let Some(mut errand) = self.errand.take() else { return Step::default() };
        let mut step = Step::default();
        match self.pursue(now, elapsed, &mut errand, &mut step) {
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
    fn begin_anew(&mut self, now: Duration) {
        (self.odometry_at, self.scan, self.rests_until) = (None, None, Duration::ZERO);
        self.odometry.clear();
        // A map that does not change holds in that run, too, and is not sent again.
        if let Some((at, _)) = self.map.as_mut().filter(|_| self.settings.patience.map_s == 0.0) {
            *at = now.min(*at);
        }
        if let Some(errand) = &mut self.errand {
            (errand.way, errand.tried_at) = (None, None);
            (errand.waiting_since, errand.unplanned_since, errand.anchor) = (None, None, None);
        }
    }

    fn pursue(
        &mut self,
        now: Duration,
        elapsed: Duration,
        errand: &mut Errand,
        step: &mut Step,
    ) -> Result<State, GoError> {
        let patience = self.settings.patience;
        let missing = self.missing(now);
        errand.progress.waits_for = missing.map(|missing| missing.to_string());
        let (None, Some(place)) = (missing, self.place()) else {
            let missing = missing.unwrap_or(Missing::Odometry);
            let waited_s = now.saturating_sub(*errand.waiting_since.get_or_insert(now)).as_secs_f64();
            // Standing still is no fault then, and no path is looked for.
            (errand.anchor, errand.unplanned_since) = (None, None);
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
        let Some(way) = &mut errand.way else {
            // Nor is it one then. That time is left out, instead of all time before: a path that comes and goes leads nowhere.
            if let Some((since, _)) = &mut errand.anchor {
                *since = since.saturating_add(elapsed);
            }
            return Ok(State::Planning);
        };
        let driving = &self.settings.driving;
        errand.progress.distance_left_m = way.track.advance(place, driving);
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

    /// Whether it is time to plan: there is no way, it is old, or there is a new map; and that was not tried just before.
    fn is_plan_due(&self, now: Duration, errand: &Errand) -> bool {
        let since_s = |at: Duration| now.saturating_sub(at).as_secs_f64();
        if now < self.rests_until || errand.tried_at.is_some_and(|at| since_s(at) < MIN_BETWEEN_PLANS_S) {
            return false;
        }
        let map_at = self.map.as_ref().map(|(at, _)| *at);
        errand
            .way
            .as_ref()
            .is_none_or(|way| since_s(way.planned_at) >= self.settings.patience.path_s || Some(way.map_at) != map_at)
    }

    fn plan(
        &mut self,
        now: Duration,
        place: Place,
        seen: &[Point],
        errand: &mut Errand,
        step: &mut Step,
    ) -> Result<(), GoError> {
        let (Some((map_at, map)), goal) = (&self.map, errand.goal) else { return Ok(()) };
        let (from, to) = ((place.x_m, place.y_m), (goal.x_m, goal.y_m));
        let too_large = |source| GoError::TooLarge { from, x_m: goal.x_m, y_m: goal.y_m, source };
        let costs = Costs::new(map, seen, &[from, to], self.settings.clearance).map_err(too_large)?;
        let mut looked_at = 0;
        let planned = plan(&costs, from, to, self.settings.driving.goal_tolerance_m, &mut looked_at);
        errand.tried_at = Some(now);
        let rest_s = costs.len() as f64 * REST_PER_CELL_S + looked_at as f64 * REST_PER_CELL_LOOKED_AT_S;
        self.rests_until = now.saturating_add(Duration::from_secs_f64(rest_s));
        match planned {
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
            Self::Missing { missing: Missing::Odometry, .. } | Self::Unplaced => "no_odometry",
            Self::Missing { missing: Missing::Scan, .. } => "no_scan",
            Self::Missing { missing: Missing::Map, .. } => "no_map",
            Self::NoPath { .. } => "no_path",
            Self::TooLarge { .. } => "too_large",
            Self::Blocked { .. } => "blocked",
            Self::Stuck { .. } => "stuck",
        }
    }
}

/// The robot comes on when it comes so far.
const PROGRESS_M: f64 = 0.1;

/// Turning more slowly is no motion.
const SLOW_RADPS: f64 = 0.05;

/// A path is looked for no sooner after it was looked for before.
const MIN_BETWEEN_PLANS_S: f64 = 0.3;

/// The rest after planning: some four times as long as it takes, for each cell of the costs and for each that a way was looked for from.
const REST_PER_CELL_S: f64 = 0.1e-6;
const REST_PER_CELL_LOOKED_AT_S: f64 = 2e-6;

/// So many places are kept to tell where a scan was taken: some seconds.
const MAX_ODOMETRY: usize = 256;

#[cfg(test)]
mod tests;
