//! `navigator`: drives a robot to where it shall be.
//!
//! What to do is decided in the file `pilot.rs`, on the map of `map.rs`: `costs.rs` says what it costs to be somewhere, `plan.rs` finds a
//! way, `steering.rs` follows it. Here come goals and messages in, and commands go out.

mod costs;
mod distance;
mod map;
mod pilot;
mod plan;
mod settings;
mod steering;

use std::collections::BTreeSet;
use std::time::Duration;

use dimos::{Chunks, Clock, In, Module, Out, OutError, RpcError, module};
use lcm_types::geometry_msgs::{Pose, PoseStamped, PoseStampedView, Quaternion, Twist};
use lcm_types::nav_msgs::{OccupancyGrid, Odometry, OdometryView, Path};
use lcm_types::sensor_msgs::{LaserScan, LaserScanView};
use lcm_types::std_msgs::{HeaderView, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::mapper::{ScanError, rays};
use crate::plane::Place;
use crate::robot_sim::Speeds;
pub(crate) use map::Map;
use map::{FAR_M, MapError};
pub(crate) use pilot::{GoError, Goal, Pilot, Progress, State};
use settings::Frames;
pub(crate) use settings::Settings;
use steering::SEEN_M;

/// Drives a robot to where it shall be: plans a path on a map, follows it, and keeps away from what is on the map and what the laser
/// sees.
///
/// What is unknown may be driven through, at a cost, so a goal can be given before the map shows it; the path is planned anew as the
/// map grows. The odometry is taken to be in the map's frame, as `mapper` draws it. What is needed and not heard the robot waits for,
/// standing still. Without a goal nothing is published on `cmd_vel`, so that others can drive.
#[derive(Module)]
pub(crate) struct Navigator {
    /// What is known so far.
    #[port(latest)]
    map: In<OccupancyGrid>,
    /// Where the robot is.
    #[port(keep_last = 64)]
    odom: In<Odometry>,
    /// What the laser sees, so that the robot stops for what is not in the map.
    #[port(keep_last = 8)]
    scan: In<LaserScan>,
    /// Where to drive, as other programs send it. `go_to` does the same, and tells what becomes of it.
    goal: In<PoseStamped>,
    /// How to drive: `linear.x` and `angular.z`.
    cmd_vel: Out<Twist>,
    /// The planned path; empty when the robot has arrived or given up.
    #[port(latched)]
    path: Out<Path>,
    clock: Clock,
    config: Settings,
    #[init(Pilot::new(&config))]
    pilot: Pilot,
    /// Who called for the goal.
    watcher: Option<Watcher>,
    has_told_waiting: bool,
    /// Frames of others that were logged.
    passed_over: BTreeSet<String>,
    arrived: u64,
    failed: u64,
    last_error: Option<String>,
}

/// How the navigator fares.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NavigatorStatus {
    #[serde(flatten)]
    progress: Progress,
    /// Where the robot is, by its odometry.
    place: Option<Place>,
    /// Where it shall be.
    goal: Option<Goal>,
    /// Goals that were reached.
    arrived: u64,
    /// Goals that were not, be it that they were cancelled or displaced.
    failed: u64,
    /// Why the last one of these was not.
    last_error: Option<String>,
}

/// Where the progress of an errand is told.
#[derive(Debug)]
struct Watcher {
    chunks: Chunks<Progress>,
    told: Option<(Duration, State)>,
}

/// Why a message was of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Map(#[from] MapError),
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("odometry that says nowhere: {0:?}")]
    Nowhere(Place),
    #[error("{what} in the frame {frame:?}: what is in {map:?} or {odom:?} is of use, as `frames` says")]
    Frame { what: &'static str, frame: String, map: String, odom: String },
    #[error(transparent)]
    Goal(#[from] GoError),
}

#[module]
impl Navigator {
    fn on_map(&mut self, map: OccupancyGrid) -> Result<(), MessageError> {
        self.check_frame("a map", map.header.frame_id.as_bytes())?;
        let map = Map::try_from(&map)?;
        self.pilot.add_map(self.now(), map);
        Ok(())
    }

    fn on_odom(&mut self, odometry: OdometryView<'_>) -> Result<(), MessageError> {
        let of = odometry.child_frame_id();
        if of != self.config.frames.base.as_str() {
            self.pass_over(of.as_bytes());
            return Ok(());
        }
        self.check_frame("odometry", odometry.header().frame_id().as_bytes())?;
        let pose = Pose::from(odometry.pose().pose());
        let place = Place::new(pose.position.x, pose.position.y, pose.yaw());
        if !place.is_finite() || place.x_m.abs() > FAR_M || place.y_m.abs() > FAR_M {
            return Err(MessageError::Nowhere(place));
        }
        self.pilot.add_odometry(self.now(), stamp_ns(odometry.header()), place);
        Ok(())
    }

    fn on_scan(&mut self, scan: LaserScanView<'_>) -> Result<(), MessageError> {
        let of = scan.header().frame_id();
        if of != self.config.frames.laser.as_str() {
            self.pass_over(of.as_bytes());
            return Ok(());
        }
        let rays = rays(&scan, SEEN_M)?;
        self.pilot.add_scan(self.now(), stamp_ns(scan.header()), rays);
        Ok(())
    }

    fn on_goal(&mut self, goal: PoseStampedView<'_>) -> Result<(), MessageError> {
        self.check_frame("a goal", goal.header().frame_id().as_bytes())?;
        let pose = Pose::from(goal.pose());
        // No rotation at all says nothing of where to look.
        let yaw_rad = (pose.orientation != Quaternion::default()).then(|| pose.yaw());
        let goal = Goal { x_m: pose.position.x, y_m: pose.position.y, yaw_rad };
        if self.pilot.goal() == Some(goal) {
            // It is sent again and again.
            return Ok(());
        }
        tracing::info!(x_m = goal.x_m, y_m = goal.y_m, "a goal has come");
        Ok(self.set_out(goal, None)?)
    }

    #[every(Duration::from_secs_f64(1.0 / self.config.driving.rate_hz))]
    fn drive(&mut self) -> Result<(), OutError> {
        let now = self.now();
        if self.watcher.as_ref().is_some_and(|watcher| watcher.chunks.is_cancelled()) {
            return self.give_up(&GoError::Cancelled);
        }
        let step = self.pilot.step(now);
        if let Some(speeds) = step.command {
            self.publish_command(speeds)?;
        }
        if let Some(points) = step.path {
            self.publish_path(&points)?;
        }
        match step.outcome {
            Some(outcome) => self.end(outcome),
            None => {
                self.tell(now);
                Ok(())
            }
        }
    }

    #[stop]
    fn stand_still(&mut self) -> Result<(), OutError> {
        if self.pilot.halt() { self.publish_command(Speeds::default()) } else { Ok(()) }
    }

    /// Drives to a place of the map. Tells how far it is, until it has arrived; cancelling the call makes the robot stand still. A further
    /// call takes the place of this one.
    #[skill]
    fn go_to(
        &mut self,
        /// Where to, along x of the map's frame, in m.
        x_m: f64,
        /// Where to, along y, in m.
        y_m: f64,
        /// Where to look in the end, counter-clockwise from x, in rad.
        yaw_rad: Option<f64>,
        chunks: Chunks<Progress>,
    ) {
        self.called(Goal { x_m, y_m, yaw_rad }, chunks);
    }

    /// Drives to a place that is told from where the robot is, and turns there. Otherwise as `go_to`.
    #[skill]
    fn relative_move(
        &mut self,
        /// How far ahead, in m.
        forward_m: f64,
        /// How far to the left, in m.
        #[serde(default)]
        left_m: f64,
        /// How far to turn, counter-clockwise from where the robot looks now, in rad.
        #[serde(default)]
        turn_rad: f64,
        chunks: Chunks<Progress>,
    ) {
        let place = match self.pilot.here(self.now()) {
            Ok(place) => place,
            Err(error) => return chunks.end(Err(rpc_error(&error))),
        };
        let there = place.compose(Place::new(forward_m, left_m, turn_rad));
        self.called(Goal { x_m: there.x_m, y_m: there.y_m, yaw_rad: Some(there.yaw_rad) }, chunks);
    }

    /// Makes the robot stand still, and gives its goal up.
    #[skill]
    fn halt(&mut self) -> Result<(), OutError> {
        self.give_up(&GoError::Halted)
    }

    /// Where the robot is, where it shall be, and what it waits for.
    #[skill]
    fn status(&self) -> NavigatorStatus {
        let mut progress = self.pilot.progress();
        progress.waits_for = self.pilot.missing(self.now()).map(|missing| missing.to_string());
        NavigatorStatus {
            progress,
            place: self.pilot.place(),
            goal: self.pilot.goal(),
            arrived: self.arrived,
            failed: self.failed,
            last_error: self.last_error.clone(),
        }
    }
}

impl Navigator {
    fn now(&self) -> Duration {
        self.clock.now().unwrap_or_default()
    }

    /// Whether a message is in a frame that is known. One that names none is taken to be in the map's.
    fn check_frame(&self, what: &'static str, frame: &[u8]) -> Result<(), MessageError> {
        let Frames { map, odom, .. } = &self.config.frames;
        if frame.is_empty() || [map, odom].iter().any(|known| known.as_bytes() == frame) {
            return Ok(());
        }
        let frame = String::from_utf8_lossy(frame).into_owned();
        Err(MessageError::Frame { what, frame, map: map.clone(), odom: odom.clone() })
    }

    /// Logs once what is of another robot, or of this one by a name that the configuration does not have.
    fn pass_over(&mut self, frame: &[u8]) {
        let frame = String::from_utf8_lossy(frame);
        if self.passed_over.len() < MAX_TOLD && !self.passed_over.contains(frame.as_ref()) {
            let Frames { base, laser, .. } = &self.config.frames;
            tracing::info!(%frame, base, laser, "messages of this frame are taken to be of another robot");
            self.passed_over.insert(frame.into_owned());
        }
    }

    fn called(&mut self, goal: Goal, chunks: Chunks<Progress>) {
        let watcher = Watcher { chunks, told: None };
        // Who called hears of it from the stream.
        let _ = self.set_out(goal, Some(watcher));
    }

    /// Sets out for a goal, if it can be one, in place of that before it.
    fn set_out(&mut self, goal: Goal, watcher: Option<Watcher>) -> Result<(), GoError> {
        match self.pilot.go(goal) {
            Ok(displaced) => {
                if let Some(error) = displaced {
                    self.count_failure(&error);
                }
                self.watcher = watcher;
                Ok(())
            }
            Err(error) => {
                if let Some(watcher) = watcher {
                    watcher.chunks.end(Err(rpc_error(&error)));
                }
                Err(error)
            }
        }
    }

    fn give_up(&mut self, error: &GoError) -> Result<(), OutError> {
        let had_goal = self.pilot.halt();
        if had_goal {
            self.count_failure(error);
            self.publish_path(&[])?;
        }
        self.publish_command(Speeds::default())
    }

    /// The errand is over.
    fn end(&mut self, outcome: Result<(), GoError>) -> Result<(), OutError> {
        match outcome {
            Err(error) => self.count_failure(&error),
            Ok(()) => {
                self.arrived += 1;
                if let Some(Watcher { chunks, .. }) = self.watcher.take() {
                    let arrived = Progress { state: State::Arrived, distance_left_m: 0.0, waits_for: None };
                    // Who reads too slowly hears that the stream ends, which says the same.
                    let _ = chunks.try_send(&arrived);
                    chunks.end(Ok(()));
                }
            }
        }
        self.publish_path(&[])
    }

    /// Tells who watches why the errand has failed.
    fn count_failure(&mut self, error: &GoError) {
        tracing::warn!(%error, "the goal is given up");
        self.failed += 1;
        // It does not go on: it has nothing to wait for.
        self.has_told_waiting = false;
        self.last_error = Some(error.to_string());
        if let Some(watcher) = self.watcher.take() {
            watcher.chunks.end(Err(rpc_error(error)));
        }
    }

    /// Tells who watches how far it is: when that changes in kind, and now and then. That the robot waits is logged.
    fn tell(&mut self, now: Duration) {
        let progress = self.pilot.progress();
        let is_long = self.pilot.waited(now) >= TOLD_AFTER;
        match &progress.waits_for {
            Some(waits_for) if is_long && !self.has_told_waiting => {
                tracing::warn!(waits_for, "the robot stands still and waits");
                self.has_told_waiting = true;
            }
            None if std::mem::take(&mut self.has_told_waiting) => tracing::info!("the robot goes on"),
            _ => {}
        }
        let Some(watcher) = &mut self.watcher else { return };
        let is_news = watcher.told.is_none_or(|(at, state)| {
            state != progress.state || now.checked_sub(at).is_none_or(|age| age >= BETWEEN_PROGRESS)
        });
        // One that is not taken, or of which the reader is gone, is offered again; that the call is cancelled is seen later.
        if is_news && watcher.chunks.try_send(&progress) == Ok(true) {
            watcher.told = Some((now, progress.state));
        }
    }

    fn publish_command(&mut self, speeds: Speeds) -> Result<(), OutError> {
        let mut command = Twist::default();
        (command.linear.x, command.angular.z) = (speeds.forward_mps, speeds.turn_radps);
        self.cmd_vel.publish(&command)
    }

    fn publish_path(&mut self, points: &[(f64, f64)]) -> Result<(), OutError> {
        let header = self.clock.header(&self.config.frames.map);
        let ahead = points.iter().skip(1).chain(points.last());
        let pose = |((x_m, y_m), ahead): (&(f64, f64), &(f64, f64))| PoseStamped {
            header: header.clone(),
            pose: Pose::from_xy_yaw(*x_m, *y_m, (ahead.1 - y_m).atan2(ahead.0 - x_m)),
        };
        let poses = points.iter().zip(ahead).map(pose).collect();
        self.path.publish(&Path { header: header.clone(), poses })
    }
}

fn rpc_error(error: &GoError) -> RpcError {
    match error {
        GoError::Cancelled => RpcError::Cancelled,
        _ => RpcError::Handler { message: error.to_string(), data: Some(serde_json::json!({ "code": error.code() })) },
    }
}

fn stamp_ns(header: HeaderView<'_>) -> i64 {
    Time::from(header.stamp()).as_nanos()
}

/// How often the progress is told, at least.
const BETWEEN_PROGRESS: Duration = Duration::from_millis(500);

/// That the robot waits is logged when it has waited for so long.
const TOLD_AFTER: Duration = Duration::from_secs(2);

/// So many frames of others are logged, at most.
const MAX_TOLD: usize = 16;
