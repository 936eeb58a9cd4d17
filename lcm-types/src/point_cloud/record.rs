//! Records as types of Rust: where the cloud's layout is theirs, and where it is not.

use std::borrow::Cow;

use bytemuck::Pod;
use lcm::codec::Text;

use super::datatype::{Datatype, FieldValue};
use super::points::{Field, FieldError, Points, check_disjoint, check_within};
use crate::cast::{BIG_ENDIAN, aligned, swap_each};

/// A plain type whose values are records of a cloud, with a description of its fields.
///
/// Write it with [`point_record!`](crate::point_record). Members that should not be fields, such as explicit padding, are
/// left out. `[f32; 3]` is a record of `x`, `y` and `z`, `[f32; 4]` one of `x`, `y`, `z` and `intensity`, which is what
/// Python DimOS sends.
pub trait Record: Pod {
    /// The fields.
    const FIELDS: &'static [RecordField];
}

/// A field of a [`Record`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordField {
    name: &'static str,
    offset: usize,
    datatype: Datatype,
    count: usize,
}

impl RecordField {
    /// The field `name` of type `T`, `offset` bytes from the start of the record.
    #[must_use]
    pub const fn new<T: FieldValue>(name: &'static str, offset: usize) -> Self {
        Self { name, offset, datatype: T::DATATYPE, count: T::COUNT }
    }

    /// The same, with the type of what a function takes from a record. For [`point_record!`](crate::point_record).
    #[doc(hidden)]
    #[must_use]
    pub const fn of_member<R, T: FieldValue>(name: &'static str, offset: usize, _member: fn(&R) -> T) -> Self {
        Self::new::<T>(name, offset)
    }

    /// The name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Where it begins in the record, in bytes.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// The type of its elements.
    #[must_use]
    pub const fn datatype(&self) -> Datatype {
        self.datatype
    }

    /// How many elements it has.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
}

/// Implements [`Record`](crate::point_cloud::Record) for a struct that is `Pod` and `repr(C)`: `point_record!(Hit { x, y, z,
/// ring })`. The fields have the names of the members listed, and the types these have in Rust: numbers, or arrays of them.
#[macro_export]
macro_rules! point_record {
    ($record:ty { $($member:ident),+ $(,)? }) => {
        impl $crate::point_cloud::Record for $record {
            const FIELDS: &'static [$crate::point_cloud::RecordField] = &[$(
                $crate::point_cloud::RecordField::of_member(
                    ::core::stringify!($member),
                    ::core::mem::offset_of!($record, $member),
                    |record: &$record| record.$member,
                )
            ),+];
        }
    };
}

impl Record for [f32; 3] {
    const FIELDS: &'static [RecordField] =
        &[RecordField::new::<f32>("x", 0), RecordField::new::<f32>("y", 4), RecordField::new::<f32>("z", 8)];
}

impl Record for [f32; 4] {
    const FIELDS: &'static [RecordField] = &[
        RecordField::new::<f32>("x", 0),
        RecordField::new::<f32>("y", 4),
        RecordField::new::<f32>("z", 8),
        RecordField::new::<f32>("intensity", 12),
    ];
}

/// Why the points cannot be had as records of a type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// The description of the Rust type is wrong.
    #[error("the record type is described wrongly")]
    Description(#[source] FieldError),
    /// The Rust type has no bytes.
    #[error("the record type has no bytes")]
    NoBytes,
    /// A field is missing, is of another type, or does not lie within the cloud's records.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// A field lies at another place.
    #[error("field {name:?} is at byte {found} and not at {expected}: take a copy")]
    Offset {
        /// The name of the field.
        name: &'static str,
        /// Where it is in the cloud.
        found: usize,
        /// Where it is in the Rust type.
        expected: usize,
    },
    /// The cloud's records are longer or shorter.
    #[error("records have {found} bytes and not {expected}: take a copy")]
    Size {
        /// Bytes of a record in the cloud.
        found: usize,
        /// Bytes of the Rust type.
        expected: usize,
    },
    /// There are bytes between the rows, so that the points are no single slice.
    #[error("rows of {row_bytes} bytes are padded to {row_step}: take a copy")]
    Padded {
        /// Bytes of the points of a row.
        row_bytes: usize,
        /// Bytes from one row to the next.
        row_step: usize,
    },
    /// The numbers have the other byte order.
    #[error("numbers are {}-endian: take a copy", if *.big_endian { "big" } else { "little" })]
    Endianness {
        /// The order in the cloud.
        big_endian: bool,
    },
    /// The bytes lie at an address where such records cannot be referred to.
    #[error("records lie at an address that is no multiple of {alignment}: take a copy, or make the type packed")]
    Unaligned {
        /// What the address should be a multiple of.
        alignment: usize,
    },
}

impl<'a> Points<'a> {
    /// The points where they lie, row after row, as records of a type.
    ///
    /// That takes the same layout: all fields of `T` are in the cloud, at the same place and of the same type, records have
    /// the same length, and rows have no padding. Bytes of `T` that it does not describe may be other fields of the cloud.
    /// The address must suit `T`: in received messages that is luck, unless `T` is `packed`.
    ///
    /// # Errors
    /// If the layout is another, or the points can only be copied: then [`Points::to_cow`] does.
    pub fn as_slice<T: Record>(self) -> Result<&'a [T], RecordError> {
        aligned(self.bytes_of_records::<T>()?).ok_or(RecordError::Unaligned { alignment: align_of::<T>() })
    }

    /// The points, row after row, as records of a type: where they lie if [`Points::as_slice`] can, and else a copy to which
    /// each field is taken from its place and in its byte order. Bytes of `T` that it does not describe are 0, or other fields
    /// of the cloud.
    ///
    /// A copy takes the memory of one `T` for each point.
    ///
    /// ```
    /// # use lcm::Message;
    /// # use lcm_types::sensor_msgs::PointCloud2;
    /// # use lcm_types::std_msgs::Header;
    /// # let cloud = PointCloud2::from_xyz_intensity(Header::now("lidar"), &[[1.0, 2.0, 0.5, 90.0]])?;
    /// # let received = cloud.encode()?;
    /// let view = PointCloud2::view(&received)?;
    /// let positions = view.points()?.to_cow::<[f32; 3]>()?;
    /// assert_eq!(positions[..], [[1.0, 2.0, 0.5]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a field is missing, or of another type.
    pub fn to_cow<T: Record>(self) -> Result<Cow<'a, [T]>, RecordError> {
        if let Ok(bytes) = self.bytes_of_records::<T>() {
            return Ok(aligned(bytes).map_or_else(|| Cow::Owned(self.copied(bytes)), Cow::Borrowed));
        }
        check_description::<T>()?;
        let mut moves = Vec::with_capacity(T::FIELDS.len());
        for to in T::FIELDS {
            let from = self.field_of_record(to)?;
            moves.push(Move { from: from.offset, to: to.offset, bytes: from.bytes() });
        }
        merge_adjacent(&mut moves);

        let mut records = vec![T::zeroed(); self.len()];
        let bytes = bytemuck::cast_slice_mut::<T, u8>(&mut records);
        for (record, point) in bytes.chunks_exact_mut(size_of::<T>()).zip(self.records()) {
            for Move { from, to, bytes } in &moves {
                record[*to..][..*bytes].copy_from_slice(&point[*from..][..*bytes]);
            }
        }
        if self.must_swap() {
            swap_fields::<T>(bytes);
        }
        Ok(Cow::Owned(records))
    }

    /// The bytes of all points, if they are those of as many `T`.
    fn bytes_of_records<T: Record>(self) -> Result<&'a [u8], RecordError> {
        check_description::<T>()?;
        for expected in T::FIELDS {
            let Field { offset: found, .. } = self.field_of_record(expected)?;
            if found != expected.offset {
                return Err(RecordError::Offset { name: expected.name, found, expected: expected.offset });
            }
        }
        let (found, expected) = (self.point_step_bytes(), size_of::<T>());
        if found != expected {
            return Err(RecordError::Size { found, expected });
        }
        if self.must_swap() && T::FIELDS.iter().any(|field| field.datatype.bytes() > 1) {
            return Err(RecordError::Endianness { big_endian: self.is_big_endian() });
        }
        self.packed_bytes().ok_or_else(|| RecordError::Padded {
            row_bytes: self.width() * self.point_step_bytes(),
            row_step: self.row_step_bytes(),
        })
    }

    /// As many `T` as there are points, of the bytes of as many.
    fn copied<T: Record>(self, bytes: &[u8]) -> Vec<T> {
        let mut records = vec![T::zeroed(); self.len()];
        bytemuck::cast_slice_mut(&mut records).copy_from_slice(bytes);
        records
    }

    /// The field of the cloud that is, in another place maybe, the field of a record.
    fn field_of_record(self, wanted: &RecordField) -> Result<Field<'a>, FieldError> {
        let field = self.field(wanted.name)?;
        field.check_type(wanted.datatype, wanted.count)?;
        Ok(field)
    }

    fn must_swap(self) -> bool {
        self.is_big_endian() != BIG_ENDIAN
    }
}

/// Bytes of each record that are copied at once.
struct Move {
    from: usize,
    to: usize,
    bytes: usize,
}

/// Makes one move of those that follow each other on both sides.
fn merge_adjacent(moves: &mut Vec<Move>) {
    moves.sort_by_key(|next| next.to);
    moves.dedup_by(|next, last| {
        let adjacent = next.to == last.to + last.bytes && next.from == last.from + last.bytes;
        if adjacent {
            last.bytes += next.bytes;
        }
        adjacent
    });
}

/// Turns the numbers in records to the other byte order.
pub(super) fn swap_fields<T: Record>(records: &mut [u8]) {
    for record in records.chunks_exact_mut(size_of::<T>()) {
        for field in T::FIELDS {
            let number_bytes = field.datatype.bytes();
            swap_each(&mut record[field.offset..][..number_bytes * field.count], number_bytes);
        }
    }
}

/// Checks that the fields of a type lie within it, apart from each other, which nothing forces a hand-written description
/// to say. Everything else relies on it.
pub(super) fn check_description<T: Record>() -> Result<(), RecordError> {
    if size_of::<T>() == 0 {
        return Err(RecordError::NoBytes);
    }
    let mut fields = Vec::with_capacity(T::FIELDS.len());
    for RecordField { name, offset, datatype, count } in T::FIELDS {
        let field = Field { name: Text::from(*name), offset: *offset, datatype: *datatype, count: *count };
        check_within(&field, size_of::<T>()).map_err(RecordError::Description)?;
        fields.push(field);
    }
    check_disjoint(fields).map_err(RecordError::Description)
}
