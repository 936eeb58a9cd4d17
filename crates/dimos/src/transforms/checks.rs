//! Which names, stamps and transforms are taken in.

use lcm::codec::Text;
use lcm_types::geometry_msgs::{Transform, TransformStamped, TransformStampedView, Vector3};
use lcm_types::std_msgs::Time;

use super::error::{Edge, FrameIdError, InsertError};
use super::limits::{MAX_FRAME_ID_BYTES, MAX_TRANSLATION_M, NORMS};

/// A transform with good names, a good stamp and a rotation of length 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checked<'a> {
    pub(super) parent: &'a str,
    pub(super) child: &'a str,
    pub(super) stamp_ns: i64,
    pub(super) transform: Transform,
}

impl<'a> Checked<'a> {
    pub(super) fn of(stamped: &'a TransformStamped) -> Result<Self, InsertError> {
        let parent = frame_id(&stamped.header.frame_id).map_err(|error| InsertError::Parent { error })?;
        let child = frame_id(&stamped.child_frame_id).map_err(|error| InsertError::Child { error })?;
        Self::new(parent, child, stamped.header.stamp, stamped.transform)
    }

    pub(super) fn of_view(stamped: &TransformStampedView<'a>) -> Result<Self, InsertError> {
        let parent = text(stamped.header().frame_id()).map_err(|error| InsertError::Parent { error })?;
        let child = text(stamped.child_frame_id()).map_err(|error| InsertError::Child { error })?;
        Self::new(parent, child, stamped.header().stamp().into(), stamped.transform().into())
    }

    fn new(parent: &'a str, child: &'a str, stamp: Time, transform: Transform) -> Result<Self, InsertError> {
        let edge = || Edge::new(parent, child);
        if parent == child {
            return Err(InsertError::Cycle { edge: edge() });
        }
        if stamp.normalized().is_err() {
            return Err(InsertError::Stamp { edge: edge(), sec: stamp.sec, nsec: stamp.nsec });
        }
        let Vector3 { x, y, z } = transform.translation;
        // What is no number is not within the limit either.
        if ![x, y, z].iter().all(|part| part.abs() <= MAX_TRANSLATION_M) {
            return Err(InsertError::Translation { edge: edge(), x_m: x, y_m: y, z_m: z });
        }
        let norm = transform.rotation.norm();
        let rotation = transform.rotation.normalized().filter(|_| NORMS.contains(&norm));
        let rotation = rotation.ok_or_else(|| InsertError::Rotation { edge: edge(), norm })?;
        let transform = Transform { rotation, ..transform };
        Ok(Self { parent, child, stamp_ns: stamp.as_nanos(), transform })
    }

    pub(super) fn edge(&self) -> Edge {
        Edge::new(self.parent, self.child)
    }
}

/// The name of a frame as it is kept: without leading slashes.
pub(super) fn frame_id(text: &str) -> Result<&str, FrameIdError> {
    let name = text.trim_start_matches('/');
    match name.len() {
        0 => Err(FrameIdError::Empty),
        bytes if bytes > MAX_FRAME_ID_BYTES => Err(FrameIdError::TooLong { bytes }),
        _ => Ok(name),
    }
}

fn text(text: Text<'_>) -> Result<&str, FrameIdError> {
    // A long one is not worth a look, nor a copy in the error.
    let bytes = text.as_bytes().len();
    if bytes > MAX_FRAME_ID_BYTES + MAX_SLASHES {
        return Err(FrameIdError::TooLong { bytes });
    }
    let text = text.to_str().map_err(|_| FrameIdError::NotUtf8 { text: text.to_str_lossy().into_owned() })?;
    frame_id(text)
}

/// More leading slashes than these are no habit.
const MAX_SLASHES: usize = 16;
