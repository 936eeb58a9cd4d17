//! Clouds from points.

use super::record::{Record, RecordError, check_description, swap_fields};
use crate::cast::BIG_ENDIAN;
use crate::sensor_msgs::{PointCloud2, PointField};
use crate::std_msgs::Header;

/// Why something does not make a cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The description of the record type is wrong.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A number is larger than the message can say.
    #[error("{member} would be {value}, the message ends at {}", i32::MAX)]
    TooLarge {
        /// `width`, `row_step` or a member of a field.
        member: &'static str,
        /// What it would have to be.
        value: usize,
    },
}

impl PointCloud2 {
    /// An unordered cloud of positions in m, in the frame of the header: fields `x`, `y` and `z`, 12 bytes a point.
    ///
    /// `is_dense` is true if all of them are finite.
    ///
    /// # Errors
    /// If the message cannot say a size: beyond 178 million points.
    pub fn from_xyz(header: Header, points: &[[f32; 3]]) -> Result<Self, BuildError> {
        Self::from_records(header, points)
    }

    /// An unordered cloud of positions in m with an intensity each, whose unit is the sensor's: fields `x`, `y`, `z` and
    /// `intensity`, 16 bytes a point, as Python DimOS sends them.
    ///
    /// `is_dense` is true if all positions are finite.
    ///
    /// # Errors
    /// If the message cannot say a size: beyond 134 million points.
    pub fn from_xyz_intensity(header: Header, points: &[[f32; 4]]) -> Result<Self, BuildError> {
        Self::from_records(header, points)
    }

    /// An unordered cloud of records of one's own: see [`Record`], and the example in
    /// [the module](crate::point_cloud#records-of-ones-own).
    ///
    /// The numbers are little-endian, because Python DimOS reads nothing else. `is_dense` is true if all positions are
    /// finite, or the records have none. For an ordered cloud set `height`, `width` and `row_step` afterwards;
    /// [`PointCloud2::points`] checks them.
    ///
    /// # Errors
    /// If the record type is described wrongly, or the message cannot say a size.
    pub fn from_records<T: Record>(header: Header, records: &[T]) -> Result<Self, BuildError> {
        check_description::<T>()?;
        let mut fields = Vec::with_capacity(T::FIELDS.len());
        for field in T::FIELDS {
            fields.push(PointField {
                name: field.name().to_owned(),
                offset: int32("offset", field.offset())?,
                datatype: field.datatype().into(),
                count: int32("count", field.count())?,
            });
        }
        let data_bytes = size_of_val(records);
        let mut cloud = Self {
            header,
            height: 1,
            width: int32("width", records.len())?,
            fields,
            is_bigendian: false,
            point_step: int32("point_step", size_of::<T>())?,
            row_step: int32("row_step", data_bytes)?,
            data: bytemuck::cast_slice(records).to_vec(),
            is_dense: true,
        };
        if BIG_ENDIAN {
            swap_fields::<T>(&mut cloud.data);
        }
        cloud.is_dense = cloud.positions_are_finite();
        Ok(cloud)
    }

    fn positions_are_finite(&self) -> bool {
        let xyz = self.points().ok().and_then(|points| points.xyz().ok());
        xyz.is_none_or(|mut xyz| xyz.all(|position| position.iter().all(|coordinate| coordinate.is_finite())))
    }
}

fn int32(member: &'static str, value: usize) -> Result<i32, BuildError> {
    i32::try_from(value).map_err(|_| BuildError::TooLarge { member, value })
}
