//! Headers for messages that are sent now, or whose time is known.

use crate::std_msgs::{Header, Time};

impl Header {
    /// A header with the time of the system's clock, for data in the frame `frame_id`.
    ///
    /// The stamp is the time the data is valid for: where the sensor says when it measured, use [`Header::at`]. Frame names
    /// are those of the `/tf` tree, without a leading slash. `seq` is 0, for a sender that does not count. See
    /// [`Time::now`] for the end of time in 2038.
    ///
    /// ```
    /// use lcm_types::geometry_msgs::{Pose, PoseStamped};
    /// use lcm_types::std_msgs::Header;
    ///
    /// let goal = PoseStamped { header: Header::now("map"), pose: Pose::from_xy_yaw(2.0, 1.0, 0.0) };
    /// assert_eq!(goal.header.frame_id, "map");
    /// ```
    #[must_use]
    pub fn now(frame_id: impl Into<String>) -> Self {
        Self::at(Time::now(), frame_id)
    }

    /// A header with a given time, for data in the frame `frame_id`.
    #[must_use]
    pub fn at(stamp: Time, frame_id: impl Into<String>) -> Self {
        Self { seq: 0, stamp, frame_id: frame_id.into() }
    }
}
