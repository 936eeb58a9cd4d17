//! Why a transform is refused, and why a lookup has no answer.

use std::fmt;
use std::time::Duration;

use lcm_types::std_msgs::Time;

use super::limits::{MAX_FRAME_ID_BYTES, MAX_TRANSLATION_M, NORMS};

/// Why a text is no name of a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameIdError {
    /// It is empty, or only slashes.
    #[error("the name of a frame is empty")]
    Empty,
    /// It is too long.
    #[error("the name of a frame has {bytes} bytes, expected at most {MAX_FRAME_ID_BYTES}")]
    TooLong {
        /// How many it has.
        bytes: usize,
    },
    /// It is not UTF-8.
    #[error("the name of a frame is not UTF-8: {text:?}")]
    NotUtf8 {
        /// What it looks like.
        text: String,
    },
}

/// Why a transform was not taken in.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InsertError {
    /// `header.frame_id` names no frame.
    #[error("the parent frame (header.frame_id) of a transform: {error}")]
    Parent {
        /// Why not.
        error: FrameIdError,
    },
    /// `child_frame_id` names no frame.
    #[error("the child frame (child_frame_id) of a transform: {error}")]
    Child {
        /// Why not.
        error: FrameIdError,
    },
    /// The stamp is outside of what int32 seconds can say, once the nanoseconds are carried over.
    #[error("{edge}: the stamp of {sec} s and {nsec} ns is out of range")]
    Stamp {
        /// Of which edge.
        edge: Edge,
        /// Seconds as they came.
        sec: i32,
        /// Nanoseconds as they came.
        nsec: i32,
    },
    /// The translation is no number, infinite, or larger than [`MAX_TRANSLATION_M`].
    #[error("{edge}: the translation ({x_m}, {y_m}, {z_m}) m is not finite, or beyond {MAX_TRANSLATION_M:e} m")]
    Translation {
        /// Of which edge.
        edge: Edge,
        /// Along x in m.
        x_m: f64,
        /// Along y in m.
        y_m: f64,
        /// Along z in m.
        z_m: f64,
    },
    /// The quaternion stands for no rotation: it is zero, not finite, or its length is too far from 1.
    #[error(
        "{edge}: a quaternion of length {norm} is no rotation, expected 1 (and {} to {} is normalised); no rotation is \
         (0, 0, 0, 1)", NORMS.start(), NORMS.end()
    )]
    Rotation {
        /// Of which edge.
        edge: Edge,
        /// Its length.
        norm: f64,
    },
    /// The child would become its own ancestor.
    #[error("{edge} would close a cycle: {:?} is already above {:?}; publish one of both directions only", edge.child, edge.parent)]
    Cycle {
        /// Which edge.
        edge: Edge,
    },
    /// The child has a static transform of this process, and this one says otherwise.
    #[error("{edge} contradicts {fixed}, which this process has as static; one of both publishers is wrong")]
    Static {
        /// What came.
        edge: Edge,
        /// What holds.
        fixed: Edge,
    },
    /// There are too many frames, and all of them are needed.
    #[error("{edge} is refused: there are {max_frames} frames already; raise Limits::max_frames")]
    Full {
        /// Which edge.
        edge: Edge,
        /// How many there may be.
        max_frames: usize,
    },
}

/// Why a lookup has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The target or the source is no name.
    #[error(transparent)]
    FrameId(#[from] FrameIdError),
    /// Nobody has said anything about a frame.
    #[error("there is no frame {frame:?} among the {known} known ones{}", Suggestion(.similar.as_deref()))]
    UnknownFrame {
        /// The name.
        frame: String,
        /// A known frame with a similar name.
        similar: Option<String>,
        /// How many frames are known.
        known: usize,
    },
    /// The frames are in different trees.
    #[error(
        "{target:?} and {source_frame:?} are not connected: the root of the one is {target_root:?}, that of the other \
         {source_root:?}; somebody has to publish a transform between these trees"
    )]
    Disconnected {
        /// The target frame.
        target: String,
        /// The root of its tree.
        target_root: String,
        /// The source frame.
        source_frame: String,
        /// The root of its tree.
        source_root: String,
    },
    /// An edge of the path has no sample near enough to the time that was asked for.
    #[error(
        "{edge} is not known at {}: its {side} sample is {} s {}, and the tolerance is {} s",
        Seconds(*.stamp), .off.as_secs_f64(), side.direction(), .tolerance.as_secs_f64()
    )]
    OutOfRange {
        /// The edge that is farthest off.
        edge: Edge,
        /// The time that was asked for.
        stamp: Time,
        /// Which of its samples is nearest.
        side: Side,
        /// How far that sample is from `stamp`.
        off: Duration,
        /// How far it may be.
        tolerance: Duration,
    },
    /// There is no time at which all edges of the path are known.
    #[error(
        "there is no common time: {ended} is not known any more {} s before {began} begins; its publisher may have ended \
         (When::Newest combines them all the same)", .gap.as_secs_f64()
    )]
    NoCommonTime {
        /// The edge whose newest sample is too old.
        ended: Edge,
        /// The edge whose oldest sample is too new.
        began: Edge,
        /// The time between them.
        gap: Duration,
    },
}

impl LookupError {
    /// Whether messages that are yet to come can make the same lookup succeed. Not if a name is none, and not if the time that
    /// was asked for is before what is kept: then only samples that arrive late could help.
    #[must_use]
    pub const fn is_waitable(&self) -> bool {
        !matches!(self, Self::FrameId(_) | Self::OutOfRange { side: Side::Oldest, .. })
    }
}

/// A child frame and its parent, or who wants to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The name of the parent frame.
    pub parent: String,
    /// The name of the child frame.
    pub child: String,
}

impl Edge {
    pub(super) fn new(parent: &str, child: &str) -> Self {
        Self { parent: parent.to_owned(), child: child.to_owned() }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} -> {:?}", self.parent, self.child)
    }
}

/// An end of what an edge keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Its oldest sample: what was asked for is before it.
    Oldest,
    /// Its newest sample: what was asked for is after it.
    Newest,
}

impl Side {
    const fn direction(self) -> &'static str {
        match self {
            Self::Oldest => "later",
            Self::Newest => "earlier",
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oldest => "oldest",
            Self::Newest => "newest",
        })
    }
}

/// A time as people read it.
pub(super) struct Seconds(pub(super) Time);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0.as_nanos();
        let (sec, nsec) = (ns.unsigned_abs() / 1_000_000_000, ns.unsigned_abs() % 1_000_000_000);
        write!(f, "{}{sec}.{nsec:09} s", if ns < 0 { "-" } else { "" })
    }
}

struct Suggestion<'a>(Option<&'a str>);

impl fmt::Display for Suggestion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |similar| write!(f, "; did you mean {similar:?}?"))
    }
}
