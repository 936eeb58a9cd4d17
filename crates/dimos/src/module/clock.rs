//! The module's time: that of the system, or that of a simulation.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use lcm_types::builtin_interfaces::Time;
use lcm_types::std_msgs::Header;

use super::timers::TimeNs;

/// The module's clock: that of the system, or, if the launch says so, that of a simulation, which tells the time on
/// `/clock#builtin_interfaces.Time`. Timers, stamps and transforms follow it; time limits of calls do not.
#[derive(Debug, Clone)]
pub struct Clock {
    source: Source,
}

#[derive(Debug, Clone)]
enum Source {
    System {
        start: Instant,
    },
    /// ns since the epoch of the simulation; [`NOT_YET`] before it has told.
    Simulated(Arc<AtomicI64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System { start: Instant::now() } }
    }

    pub(super) fn simulated() -> Self {
        Self { source: Source::Simulated(Arc::new(AtomicI64::new(NOT_YET))) }
    }

    /// Whether a simulation tells the time.
    #[must_use]
    pub fn is_simulated(&self) -> bool {
        matches!(self.source, Source::Simulated(_))
    }

    /// The time since 1970, or since the simulation's beginning; none before the simulation has told it.
    #[must_use]
    pub fn now(&self) -> Option<Duration> {
        match &self.source {
            Source::System { .. } => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).ok(),
            Source::Simulated(now_ns) => u64::try_from(now_ns.load(Ordering::Acquire)).ok().map(Duration::from_nanos),
        }
    }

    /// The time as messages carry it, which [`When::at`](crate::transforms::When::at) takes; zero before the simulation has told it.
    #[must_use]
    pub fn stamp(&self) -> Time {
        let now = self.now().unwrap_or_default();
        let sec = i32::try_from(now.as_secs()).unwrap_or(i32::MAX);
        Time { sec, nanosec: i32::try_from(now.subsec_nanos()).unwrap_or_default() }
    }

    /// A header with this time.
    #[must_use]
    pub fn header(&self, frame_id: impl Into<String>) -> Header {
        let Time { sec, nanosec } = self.stamp();
        Header {
            stamp: lcm_types::std_msgs::Time { sec, nsec: nanosec },
            frame_id: frame_id.into(),
            ..Header::default()
        }
    }

    /// The simulation tells the time. Whether it went back, so that what was known of the times after it is of another run.
    pub(super) fn set(&self, time: TimeNs) -> bool {
        let Source::Simulated(now_ns) = &self.source else { return false };
        let time = time.max(0);
        now_ns.swap(time, Ordering::AcqRel) > time
    }

    /// For timers: a time that does not jump, unless a simulation's does.
    pub(super) fn for_timers(&self) -> Option<TimeNs> {
        match &self.source {
            Source::System { start } => i64::try_from(start.elapsed().as_nanos()).ok(),
            Source::Simulated(now_ns) => Some(now_ns.load(Ordering::Acquire)).filter(|now| *now != NOT_YET),
        }
    }

    /// When this time of timers comes, if that can be known.
    pub(super) fn instant_of(&self, time: TimeNs) -> Option<Instant> {
        match &self.source {
            Source::System { start } => {
                start.checked_add(Duration::from_nanos(u64::try_from(time).unwrap_or_default()))
            }
            Source::Simulated(_) => None,
        }
    }
}

const NOT_YET: TimeNs = -1;
