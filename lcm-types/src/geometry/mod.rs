//! Rotations and rigid transforms in double precision: `Vector3`, `Point`, `Quaternion`, `Transform` and `Pose`.
//!
//! Frames are right-handed, lengths in m, angles in rad. Trees of named frames and lookups in time are left to others.

mod pose;
mod quaternion;
mod vector;
