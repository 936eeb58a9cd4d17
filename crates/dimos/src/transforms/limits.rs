//! What a buffer keeps at most, and which numbers it takes.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How much a [`TransformBuffer`](super::TransformBuffer) keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How far before the newest sample of an edge its oldest one may be: 10 s. More than an hour counts as an hour.
    pub window: Duration,
    /// How many frames there may be: 4096. If there are too many, those without children that were not heard for the longest time
    /// are forgotten, up to a 64th of all at once.
    pub max_frames: usize,
    /// How many samples an edge keeps: 10000, which are 10 s at 1 kHz.
    pub max_samples_per_edge: usize,
    /// How many samples all edges together keep: 2^20, which are 64 MiB. Once they are used up, edges with more than an
    /// equal share lose their oldest ones. At least one for each frame is kept.
    pub max_samples: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { window: Duration::from_secs(10), max_frames: 4096, max_samples_per_edge: 10_000, max_samples: 1 << 20 }
    }
}

impl Limits {
    /// The same without what cannot work: an edge has two frames and at least one sample.
    pub(super) fn workable(self) -> Self {
        let max_frames = self.max_frames.max(2);
        Self {
            window: self.window.min(MAX_WINDOW),
            max_frames,
            max_samples_per_edge: self.max_samples_per_edge.max(1),
            max_samples: self.max_samples.max(max_frames),
        }
    }

    pub(super) fn window_ns(self) -> i64 {
        nanoseconds(self.window)
    }
}

/// All nanoseconds of a duration, or as many as there can be between two stamps.
pub(super) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// How long the name of a frame may be.
pub const MAX_FRAME_ID_BYTES: usize = 255;

/// How far the origin of a frame may be from that of its parent, along each axis, in m. Pluto is within this limit; paths over
/// numbers without one would overflow.
pub const MAX_TRANSLATION_M: f64 = 4e13;

/// How long a rotation's quaternion may be to be taken for a sloppy one of length 1, which is then normalised.
pub const NORMS: RangeInclusive<f64> = 0.9..=1.1;

/// Keeps sums of stamps and windows far from overflow.
const MAX_WINDOW: Duration = Duration::from_secs(3600);
