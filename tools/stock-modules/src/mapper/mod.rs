//! `mapper`: an occupancy grid of laser scans and odometry.
//!
//! Scans and odometry are told apart by robot in the file `robots.rs`, paired in `pairing.rs` and drawn in `grid.rs`; here they come in,
//! and the map goes out.

mod grid;
mod image;
mod pairing;
mod rays;
mod robots;
mod settings;

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use dimos::module::TfError;
use dimos::{Clock, In, Module, Out, OutError, Tf, module};
use lcm_types::geometry_msgs::{Pose, Transform, TransformStamped};
use lcm_types::nav_msgs::{OccupancyGrid, Odometry, OdometryView};
use lcm_types::sensor_msgs::{LaserScan, LaserScanView};
use lcm_types::std_msgs::{HeaderView, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plane::Place;
pub(crate) use grid::{Grid, Ray};
use pairing::Stamp;
pub(crate) use rays::{ScanError, rays};
use robots::{LongName, Robots};
#[cfg(test)]
pub(crate) use settings::LogOdds;
use settings::Settings;

/// Draws an occupancy grid of laser scans and odometry.
///
/// The odometry is believed: scans are not matched, so the map is as good as the odometry is. The same messages of one robot give the
/// same map, whenever they arrive, as long as those of a topic come in order, none is lost, and none comes too late. The scans of
/// several robots are drawn as they come, so that where two robots see one cell, the map may differ a little from run to run.
///
/// Several robots draw one map, if `several_robots` is set, they publish on the same topics, their odometry has one frame, and their
/// other frames begin with names of theirs: what is seen by `robot0/laser` was seen where `robot0/base_link` was.
#[derive(Module)]
pub(crate) struct GridMapper {
    /// What the laser sees.
    #[port(keep_last = 4096)]
    scan: In<LaserScan>,
    /// Where the robot is, at least as often as there are scans.
    #[port(keep_last = 16384)]
    odom: In<Odometry>,
    /// What is known so far: 0 is free, 100 occupied, -1 unknown. Who comes late hears the last map at once.
    #[port(latched)]
    map: Out<OccupancyGrid>,
    tf: Tf,
    clock: Clock,
    config: Settings,
    #[init(Robots::new(config.several_robots, config.max_odometry_gap_s))]
    robots: Robots,
    #[init(Grid::new(config.cell_m, config.max_size_m, config.log_odds))]
    grid: Grid,
    scans: u64,
    /// When the last scan was taken that is in the map.
    mapped_at: Time,
    has_changed: bool,
    /// Faults that were logged.
    told: Faults,
    /// When it was logged that odometry does not come.
    told_at: Option<Duration>,
}

/// What was left out of the map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Faults {
    dropped: u64,
    overtaken: u64,
    outside: u64,
}

/// What is in the map, and what is not.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct MapStatus {
    /// Scans in the map.
    scans: u64,
    /// Scans that wait for odometry.
    scans_waiting: u64,
    /// Robots of which scans wait for odometry that does not come; the name is empty where frames tell of no robot.
    without_odometry: Vec<String>,
    /// Scans left out because they came too late, or before any odometry.
    scans_late: u64,
    /// Scans left out because they were taken in a gap of the odometry.
    scans_in_gaps: u64,
    /// Messages that were lost because the module was too slow.
    overtaken: u64,
    /// Rays that ended outside of what the map may grow to.
    rays_outside: u64,
    width_m: f64,
    height_m: f64,
}

/// Why there is no map in a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    #[error("there is no map yet: no scan has come with odometry before and after it")]
    NoMap,
    #[error("{path:?} is no name for a map: give a path below its directory without an extension, as in maps/office")]
    Path { path: String },
    #[error("cannot write {path}: {source}")]
    Write { path: String, source: std::io::Error },
}

/// Why a message was of no use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MessageError {
    #[error(transparent)]
    Scan(#[from] ScanError),
    #[error("odometry that says nowhere: {0:?}")]
    Nowhere(Place),
    #[error(transparent)]
    Name(#[from] LongName),
}

#[module]
impl GridMapper {
    /// The map has the odometry's frame, under a name of its own.
    #[start]
    fn place_odometry(&mut self) -> Result<(), TfError> {
        let frames = &self.config.frames;
        if frames.map == frames.odom {
            return Ok(());
        }
        self.tf.publish_static(&TransformStamped {
            header: self.clock.header(&frames.map),
            child_frame_id: frames.odom.clone(),
            transform: Transform::IDENTITY,
        })
    }

    fn on_odom(&mut self, odometry: OdometryView<'_>) -> Result<(), MessageError> {
        let pose = Pose::from(odometry.pose().pose());
        let place = Place::new(pose.position.x, pose.position.y, pose.yaw());
        if !place.is_finite() || place.x_m.abs() > FAR_M || place.y_m.abs() > FAR_M {
            return Err(MessageError::Nowhere(place));
        }
        self.robots.add_odometry(odometry.child_frame_id().as_bytes(), stamp(odometry.header()), place)?;
        self.draw();
        Ok(())
    }

    fn on_scan(&mut self, scan: LaserScanView<'_>) -> Result<(), MessageError> {
        let rays = rays(&scan, self.config.max_range_m)?;
        self.robots.add_scan(scan.header().frame_id().as_bytes(), stamp(scan.header()), rays)?;
        self.draw();
        Ok(())
    }

    #[every(Duration::from_secs_f64(self.config.publish_period_s))]
    fn publish(&mut self) -> Result<(), OutError> {
        self.tell_faults();
        self.tell_what_lacks();
        if std::mem::take(&mut self.has_changed) { self.map.publish(&self.message()) } else { Ok(()) }
    }

    /// The last scans are in the last map.
    #[stop]
    fn publish_last(&mut self) -> Result<(), OutError> {
        self.publish()
    }

    /// What is in the map, and what was left out.
    #[skill]
    fn status(&self) -> MapStatus {
        let dropped = self.robots.dropped();
        MapStatus {
            scans: self.scans,
            scans_waiting: self.robots.waiting() as u64,
            without_odometry: self.robots.without_odometry().into_iter().map(str::to_owned).collect(),
            scans_late: dropped.late,
            scans_in_gaps: dropped.in_gaps,
            overtaken: self.faults().overtaken + dropped.overflowed,
            rays_outside: self.grid.outside(),
            width_m: self.grid.columns().1 as f64 * self.config.cell_m,
            height_m: self.grid.rows().1 as f64 * self.config.cell_m,
        }
    }

    /// Writes the map as an image and its description, `PATH.pgm` and `PATH.yaml`, as ROS's `map_server` reads them.
    #[rpc]
    fn save(
        &self,
        /// Where to, without an extension; relative to the directory that the mapper was started in.
        path: String,
    ) -> Result<(), SaveError> {
        if self.scans == 0 {
            return Err(SaveError::NoMap);
        }
        // Anybody on the bus may call this.
        let is_below = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
        let Some(name) = Path::new(&path).file_name().and_then(|name| name.to_str()).filter(|_| is_below) else {
            return Err(SaveError::Path { path });
        };
        let map = self.message();
        let image = format!("{name}.pgm");
        let write = |extension: &str, bytes: &[u8]| {
            let path = format!("{path}.{extension}");
            std::fs::write(PathBuf::from(&path), bytes).map_err(|source| SaveError::Write { path, source })
        };
        write("pgm", &image::pgm(&map))?;
        write("yaml", image::yaml(&map, &image).as_bytes())
    }
}

impl GridMapper {
    /// Draws all scans whose places are known by now.
    fn draw(&mut self) {
        while let Some((stamp, place, rays)) = self.robots.pop() {
            self.grid.draw(place.compose(self.config.laser_mount), &rays);
            self.scans += 1;
            self.mapped_at = Time::from_nanos(stamp.time_ns).unwrap_or(Time::MAX);
            self.has_changed = true;
        }
    }

    fn message(&self) -> OccupancyGrid {
        let ((left, width), (bottom, height)) = (self.grid.columns(), self.grid.rows());
        let mut map = OccupancyGrid { data: self.grid.occupancy(), ..OccupancyGrid::default() };
        map.header.frame_id.clone_from(&self.config.frames.map);
        map.header.stamp = self.mapped_at;
        let info = &mut map.info;
        #[expect(clippy::cast_possible_truncation, reason = "messages carry the resolution as f32")]
        let resolution = self.config.cell_m as f32;
        info.resolution = resolution;
        // The grid's limits keep both far below what i32 holds.
        info.width = i32::try_from(width).unwrap_or_default();
        info.height = i32::try_from(height).unwrap_or_default();
        info.map_load_time = self.mapped_at;
        let (x_m, y_m) = (left as f64 * self.config.cell_m, bottom as f64 * self.config.cell_m);
        info.origin = Place::new(x_m, y_m, 0.0).into();
        map
    }

    fn faults(&self) -> Faults {
        Faults {
            dropped: self.robots.dropped().total(),
            overtaken: self.scan.counts().overtaken + self.odom.counts().overtaken,
            outside: self.grid.outside(),
        }
    }

    /// Logs what was left out since that was logged last.
    fn tell_faults(&mut self) {
        let faults = self.faults();
        if faults != self.told {
            let Faults { dropped, overtaken, outside } = faults;
            tracing::warn!(scans_dropped = dropped, overtaken, rays_outside = outside, "not all is in the map");
            self.told = faults;
        }
    }

    /// Logs now and then of whom there are scans and no odometry.
    fn tell_what_lacks(&mut self) {
        let (robots, now) = (self.robots.without_odometry(), self.clock.now().unwrap_or_default());
        let was_told = self.told_at.and_then(|at| now.checked_sub(at)).is_some_and(|age| age < BETWEEN_WARNINGS);
        if !robots.is_empty() && !was_told {
            tracing::warn!(?robots, "scans wait: the odometry of their robots does not come, or is of other frames");
            self.told_at = Some(now);
        }
    }
}

fn stamp(header: HeaderView<'_>) -> Stamp {
    let time = Time::from(header.stamp());
    Stamp { time_ns: time.as_nanos(), seq: header.seq() }
}

/// Nothing further from the origin than this is drawn.
const FAR_M: f64 = 1e6;

/// That odometry does not come is logged so often, at most.
const BETWEEN_WARNINGS: Duration = Duration::from_secs(30);
