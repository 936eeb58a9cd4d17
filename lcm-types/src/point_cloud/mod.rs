//! Point clouds: making a `sensor_msgs` `PointCloud2` of points, and looking at one whatever its layout.
//!
//! A cloud is a table. Each of its records has a number of fields ("x", "intensity", "ring"...), whose place and type the
//! message describes. [`PointCloud2::points`] and [`PointCloud2View::points`] check that description once and give
//! [`Points`], which can be read
//! - as positions, [`Points::xyz`], whatever numbers they are;
//! - field by field, [`Points::column`] with its type and [`Points::numbers`] as `f64`;
//! - record by record, [`Points::as_slice`] without a copy where the cloud's layout is that of a Rust type, and
//!   [`Points::to_cow`], which rearranges what is laid out differently.
//!
//! ```
//! use lcm_types::sensor_msgs::PointCloud2;
//! use lcm_types::std_msgs::Header;
//!
//! let cloud = PointCloud2::from_xyz(Header::now("lidar"), &[[1.0, 2.0, 0.5], [4.0, -1.0, 0.1]])?;
//! let points = cloud.points()?;
//! let highest = points.xyz()?.map(|[_, _, z]| z).fold(f64::NEG_INFINITY, f64::max);
//! assert_eq!(highest, 0.5);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Records of one's own
//! A plain struct becomes a record with `bytemuck` and [`point_record!`](crate::point_record). One that is `packed` has no
//! alignment, so that it can be read where it lies in any received message.
//!
//! ```
//! use bytemuck::{Pod, Zeroable};
//! use lcm_types::point_record;
//! use lcm_types::sensor_msgs::PointCloud2;
//! use lcm_types::std_msgs::Header;
//!
//! #[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
//! #[repr(C, packed)]
//! struct Hit {
//!     x: f32,
//!     y: f32,
//!     z: f32,
//!     ring: u16,
//! }
//! point_record!(Hit { x, y, z, ring });
//!
//! let hits = [Hit { x: 1.0, y: 2.0, z: 0.5, ring: 3 }];
//! let cloud = PointCloud2::from_records(Header::now("lidar"), &hits)?;
//! assert_eq!(cloud.point_step, 14);
//! let points = cloud.points()?;
//! assert_eq!(points.as_slice::<Hit>()?, hits);
//! assert_eq!(points.column::<u16>("ring")?.get(0), Some(3));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What can be wrong
//! Received numbers may be anything. Whatever they are, the methods here end in an error or in data that lies within the
//! message: they do not panic, and what they allocate is bounded by the length of the data. A field is checked when it is
//! asked for, so that an odd one does not make the others unreadable; [`Points::check_fields`] checks all.

mod build;
mod column;
mod datatype;
mod points;
mod record;

pub use build::BuildError;
pub use column::{Column, ColumnIter, Numbers, NumbersIter, Xyz};
pub use datatype::{Datatype, FieldValue, Scalar};
pub use points::{Field, FieldError, LayoutError, Points, RecordBytes};
pub use record::{Record, RecordError, RecordField};

use crate::sensor_msgs::{PointCloud2, PointCloud2View};

impl PointCloud2 {
    /// The points, after the length of the data was checked against all that the message says of it.
    ///
    /// # Errors
    /// If a size is negative, records or rows overlap, or the data is not `height` rows of `row_step` bytes.
    pub fn points(&self) -> Result<Points<'_>, LayoutError> {
        let sizes = [self.height, self.width, self.point_step, self.row_step];
        Points::new(points::Fields::Owned(&self.fields), sizes, self.is_bigendian, &self.data)
    }
}

impl<'a> PointCloud2View<'a> {
    /// The points where they lie in the received bytes, after the length of the data was checked against all that the message
    /// says of it. That takes the same time for clouds of any size.
    ///
    /// # Errors
    /// If a size is negative, records or rows overlap, or the data is not `height` rows of `row_step` bytes.
    pub fn points(&self) -> Result<Points<'a>, LayoutError> {
        let sizes = [self.height(), self.width(), self.point_step(), self.row_step()];
        Points::new(points::Fields::Received(self.fields()), sizes, self.is_bigendian(), self.data())
    }
}
