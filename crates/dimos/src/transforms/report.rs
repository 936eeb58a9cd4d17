//! What there is, for people and programs that show it.

use std::fmt::Write as _;

use lcm_types::std_msgs::Time;

use super::buffer::TransformBuffer;
use super::error::Seconds;
use super::frames::{FrameId, Link, Says};
use super::history::History;

/// A frame and what ties it to its parent.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct FrameStatus<'a> {
    /// The name of the frame.
    pub child: &'a str,
    /// The name of its parent; none for the root of a tree.
    pub parent: Option<&'a str>,
    /// How it moves in its parent; none for the root of a tree.
    pub motion: Option<Motion>,
    /// The stamp of the newest sample; none for roots and for static transforms of this process.
    pub newest: Option<Time>,
    /// How many samples are kept.
    pub samples: usize,
    /// How many samples come in a second, by their stamps; none with fewer than two samples.
    pub rate_hz: Option<f64>,
}

/// How a frame moves in its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Motion {
    /// It does not: its transform is a static one of this process.
    Static,
    /// It was said once, or rarely, so that only one sample is kept.
    SaidOnce,
    /// All kept samples are equal: it stands, or is a static transform of another process.
    AtRest,
    /// Its samples differ.
    Moving,
}

impl TransformBuffer {
    /// All frames, in the order of their names.
    #[must_use]
    pub fn frames(&self) -> Vec<FrameStatus<'_>> {
        let mut frames: Vec<_> = self.frames.ids().map(|id| self.status(id)).collect();
        frames.sort_unstable_by_key(|status| status.child);
        frames
    }

    /// The trees as text, a frame in a line and indented below its parent:
    ///
    /// ```text
    /// "map"
    ///   "odom"  at rest, 10.0 Hz, 101 samples up to 1700000000.900000000 s
    ///     "base_link"  moving, 50.0 Hz, 501 samples up to 1700000000.980000000 s
    ///       "lidar"  static
    /// ```
    ///
    /// Names are quoted and escaped, since whoever is on the bus chooses them.
    #[must_use]
    pub fn tree(&self) -> String {
        let frames = self.frames();
        // Children by parent; a stable sort keeps those of one parent in the order of their names.
        let mut children: Vec<_> = frames.iter().collect();
        children.sort_by_key(|status| status.parent);
        let children_of = |parent: Option<&str>| {
            let start = children.partition_point(|status| status.parent < parent);
            let end = children.partition_point(|status| status.parent <= parent);
            &children[start..end]
        };
        let mut text = String::new();
        let mut open: Vec<_> = children_of(None).iter().rev().map(|root| (0, *root)).collect();
        while let Some((depth, status)) = open.pop() {
            // A forged chain of thousands of frames would have millions of spaces.
            let indent = 2 * usize::min(depth, MAX_INDENT);
            // Writing into a string does not fail.
            let _ = writeln!(text, "{:indent$}{:?}{}", "", status.child, Tie(status));
            open.extend(children_of(Some(status.child)).iter().rev().map(|child| (depth + 1, *child)));
        }
        text
    }

    fn status(&self, id: FrameId) -> FrameStatus<'_> {
        let link = self.frames.link(id);
        let history = link.and_then(Link::history);
        FrameStatus {
            child: self.frames.name(id),
            parent: link.map(|link| self.frames.name(link.parent)),
            motion: link.map(motion),
            newest: history.and_then(|history| Time::from_nanos(history.newest_ns()).ok()),
            samples: link.map_or(0, Link::samples),
            rate_hz: history.and_then(rate_hz),
        }
    }
}

fn motion(link: &Link) -> Motion {
    match &link.says {
        Says::Fixed(_) => Motion::Static,
        Says::Heard(history) if history.len() == 1 => Motion::SaidOnce,
        Says::Heard(history) if history.is_still() => Motion::AtRest,
        Says::Heard(_) => Motion::Moving,
    }
}

fn rate_hz(history: &History) -> Option<f64> {
    history.mean_period_ns().filter(|&period_ns| period_ns > 0).map(|period_ns| 1e9 / period_ns as f64)
}

/// What stands behind a name.
struct Tie<'a>(&'a FrameStatus<'a>);

impl std::fmt::Display for Tie<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let motion = match self.0.motion {
            None => return Ok(()),
            Some(Motion::Static) => "static",
            Some(Motion::SaidOnce) => "said once",
            Some(Motion::AtRest) => "at rest",
            Some(Motion::Moving) => "moving",
        };
        write!(f, "  {motion}")?;
        if let Some(rate_hz) = self.0.rate_hz {
            write!(f, ", {rate_hz:.1} Hz")?;
        }
        match (self.0.newest, self.0.samples) {
            (Some(newest), 1) => write!(f, ", at {}", Seconds(newest)),
            (Some(newest), samples) => write!(f, ", {samples} samples up to {}", Seconds(newest)),
            (None, _) => Ok(()),
        }
    }
}

/// Levels that are indented.
const MAX_INDENT: usize = 32;
