//! A cloud whose layout was checked, and its fields.

use std::fmt;
use std::slice::ChunksExact;

use lcm::codec::{Text, Views};

use super::column::{Column, Numbers, Xyz};
use super::datatype::{Datatype, FieldValue};
use crate::cast::shortened;
use crate::sensor_msgs::PointField;

/// The points of a cloud: `height` rows of `width` records, whose fields the message describes.
///
/// It refers to the message, and is cheap to copy.
#[derive(Clone, Copy)]
pub struct Points<'a> {
    fields: Fields<'a>,
    height: usize,
    width: usize,
    /// Above 0 if there are points.
    point_step: usize,
    /// At least `width * point_step`.
    row_step: usize,
    big_endian: bool,
    /// `height` rows of `row_step` bytes.
    data: &'a [u8],
}

/// A field of the records of a cloud, which lies within them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field<'a> {
    /// Its name, such as `x`.
    pub name: Text<'a>,
    /// Where it begins in a record, in bytes.
    pub offset: usize,
    /// The type of its elements.
    pub datatype: Datatype,
    /// How many elements it has. (A count of 0 in the message is read as 1, as the Point Cloud Library does.)
    pub count: usize,
}

/// Where the description of the fields comes from.
#[derive(Clone, Copy)]
pub(super) enum Fields<'a> {
    Owned(&'a [PointField]),
    Received(Views<'a, PointField>),
}

/// Why the data of a cloud is not the records it says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// A size is negative.
    #[error("{member} is negative: {value}")]
    Negative {
        /// `height`, `width`, `point_step` or `row_step`.
        member: &'static str,
        /// Its value.
        value: i32,
    },
    /// There are points that take no bytes.
    #[error("there are {height} x {width} points of 0 bytes")]
    EmptyRecords {
        /// Rows.
        height: usize,
        /// Points in a row.
        width: usize,
    },
    /// Rows are shorter than their points.
    #[error("rows of {row_step} bytes are too short for {width} points of {point_step}")]
    RowStepTooShort {
        /// Bytes from one row to the next.
        row_step: usize,
        /// Points in a row.
        width: usize,
        /// Bytes of a point.
        point_step: usize,
    },
    /// The data is longer or shorter than the rows.
    #[error("the data has {found} bytes, {height} rows of {row_step} have {}", *.height as u128 * *.row_step as u128)]
    DataLength {
        /// Bytes in the data.
        found: usize,
        /// Rows.
        height: usize,
        /// Bytes from one row to the next.
        row_step: usize,
    },
}

/// Why a field cannot be read, or not as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// There is no field of the name.
    #[error("the cloud has no field {name:?}")]
    Missing {
        /// The name asked for.
        name: String,
    },
    /// The number of the datatype stands for none.
    #[error("field {name:?} has datatype {datatype}, known are 1 to 8")]
    UnknownDatatype {
        /// The name of the field.
        name: String,
        /// What the message says.
        datatype: u8,
    },
    /// A number that should not be is negative.
    #[error("field {name:?} has the negative {member} {value}")]
    Negative {
        /// The name of the field.
        name: String,
        /// `offset` or `count`.
        member: &'static str,
        /// Its value.
        value: i32,
    },
    /// The field ends after the record.
    #[error("field {name:?} ends at byte {end} of records of {record_bytes}")]
    OutsideRecord {
        /// The name of the field.
        name: String,
        /// The first byte behind it.
        end: u64,
        /// Bytes of a record.
        record_bytes: usize,
    },
    /// The field is of another type.
    #[error("field {name:?} is {} and not {}", Shape(*.found, *.found_count), Shape(*.expected, *.expected_count))]
    Type {
        /// The name of the field.
        name: String,
        /// The type of its elements.
        found: Datatype,
        /// How many it has.
        found_count: usize,
        /// The type asked for.
        expected: Datatype,
        /// How many elements were asked for.
        expected_count: usize,
    },
    /// The field has several elements where one number is asked for.
    #[error("field {name:?} has {count} elements and is no single number")]
    NotASingleNumber {
        /// The name of the field.
        name: String,
        /// How many elements it has.
        count: usize,
    },
    /// Two fields have the same name.
    #[error("two fields are named {name:?}")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// Two fields share bytes.
    #[error("fields {first:?} and {second:?} overlap")]
    Overlap {
        /// The field that begins first.
        first: String,
        /// The other.
        second: String,
    },
}

/// How errors name the type of a field.
struct Shape(Datatype, usize);

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            1 => write!(f, "a {}", self.0),
            count => write!(f, "{count} {}", self.0),
        }
    }
}

impl<'a> Points<'a> {
    /// Checks what a message says. Everything else relies on what was checked here.
    pub(super) fn new(
        fields: Fields<'a>,
        sizes: [i32; 4],
        big_endian: bool,
        data: &'a [u8],
    ) -> Result<Self, LayoutError> {
        let mut checked = [0; 4];
        let members = ["height", "width", "point_step", "row_step"];
        for ((checked, value), member) in checked.iter_mut().zip(sizes).zip(members) {
            *checked = usize::try_from(value).map_err(|_| LayoutError::Negative { member, value })?;
        }
        let [height, width, point_step, row_step] = checked;
        if width.checked_mul(point_step).is_none_or(|row_bytes| row_bytes > row_step) {
            return Err(LayoutError::RowStepTooShort { row_step, width, point_step });
        }
        if height.checked_mul(row_step) != Some(data.len()) {
            return Err(LayoutError::DataLength { found: data.len(), height, row_step });
        }
        if point_step == 0 && height > 0 && width > 0 {
            return Err(LayoutError::EmptyRecords { height, width });
        }
        Ok(Self { fields, height, width, point_step, row_step, big_endian, data })
    }

    /// How many points there are: height times width.
    #[must_use]
    pub const fn len(self) -> usize {
        // Each takes a byte of the data at least.
        self.height * self.width
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Rows; 1 for an unordered cloud.
    #[must_use]
    pub const fn height(self) -> usize {
        self.height
    }

    /// Points in a row.
    #[must_use]
    pub const fn width(self) -> usize {
        self.width
    }

    /// Bytes of a record.
    #[must_use]
    pub const fn point_step_bytes(self) -> usize {
        self.point_step
    }

    /// Bytes from one row to the next.
    #[must_use]
    pub const fn row_step_bytes(self) -> usize {
        self.row_step
    }

    /// Whether the numbers are big-endian.
    #[must_use]
    pub const fn is_big_endian(self) -> bool {
        self.big_endian
    }

    /// The bytes of all points if no padding is between rows.
    pub(super) fn packed_bytes(self) -> Option<&'a [u8]> {
        let row_bytes = self.width * self.point_step;
        (row_bytes == self.row_step || self.height <= 1).then(|| &self.data[..row_bytes * self.height])
    }

    /// The fields as the message describes them, each checked by itself.
    pub fn fields(self) -> impl Iterator<Item = Result<Field<'a>, FieldError>> {
        self.fields.iter().map(move |raw| raw.check(self.point_step))
    }

    /// The field of a name; the first if there are several.
    ///
    /// # Errors
    /// If there is none, or it does not lie within the records.
    pub fn field(self, name: &str) -> Result<Field<'a>, FieldError> {
        match self.fields.iter().find(|raw| raw.name == name) {
            Some(raw) => raw.check(self.point_step),
            None => Err(FieldError::Missing { name: name.to_owned() }),
        }
    }

    /// Checks the description of all fields, as a recorder or a converter wants it: that each lies within the records and is
    /// of a known type, that names differ, and that no two share bytes. (Clouds in which two do can still be read: some
    /// drivers give a colour two names.)
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check_fields(self) -> Result<(), FieldError> {
        let fields: Vec<Field<'a>> = self.fields().collect::<Result<_, _>>()?;
        check_disjoint(fields)
    }

    /// The values of a field, which are of type `T`.
    ///
    /// ```
    /// # use lcm_types::sensor_msgs::PointCloud2;
    /// # use lcm_types::std_msgs::Header;
    /// # let cloud = PointCloud2::from_xyz_intensity(Header::now("lidar"), &[[1.0, 2.0, 0.5, 90.0]])?;
    /// let points = cloud.points()?;
    /// let brightest = points.column::<f32>("intensity")?.iter().fold(0.0, f32::max);
    /// assert_eq!(brightest, 90.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If there is no such field, it is of another type, or it does not lie within the records.
    pub fn column<T: FieldValue>(self, name: &str) -> Result<Column<'a, T>, FieldError> {
        let field = self.field(name)?;
        field.check_type(T::DATATYPE, T::COUNT)?;
        Ok(Column::new(self, field.offset))
    }

    /// The values of a field with one number of any type, as doubles, which hold each of them exactly.
    ///
    /// # Errors
    /// If there is no such field, it has several elements, or it does not lie within the records.
    pub fn numbers(self, name: &str) -> Result<Numbers<'a>, FieldError> {
        let Field { count, offset, datatype, .. } = self.field(name)?;
        if count != 1 {
            return Err(FieldError::NotASingleNumber { name: shortened(name), count });
        }
        Ok(Numbers::new(self, offset, datatype))
    }

    /// The positions `[x, y, z]` in m, in the frame of the message's header, whatever numbers the fields of these names are.
    /// Invalid points are there, too, as NaN.
    ///
    /// # Errors
    /// If one of the fields is missing, has several elements, or does not lie within the records.
    pub fn xyz(self) -> Result<Xyz<'a>, FieldError> {
        Ok(Xyz::new([self.numbers("x")?, self.numbers("y")?, self.numbers("z")?], self.records()))
    }

    /// The bytes of each record, row after row.
    #[must_use]
    pub fn records(self) -> RecordBytes<'a> {
        RecordBytes {
            row: [].chunks_exact(1),
            rows: self.data.chunks_exact(self.row_step.max(1)),
            row_bytes: self.width * self.point_step,
            point_step: self.point_step.max(1),
            left: self.len(),
        }
    }

    /// The bytes of the record at `index`, where point `column` of row `row` is at `row * width + column`.
    #[must_use]
    pub fn record(self, index: usize) -> Option<&'a [u8]> {
        (index < self.len()).then(|| {
            let (row, column) = (index / self.width, index % self.width);
            &self.data[row * self.row_step + column * self.point_step..][..self.point_step]
        })
    }
}

impl fmt::Debug for Points<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Points({} x {}, {} bytes each)", self.height, self.width, self.point_step)
    }
}

/// Goes through the bytes of the records of a cloud.
#[derive(Debug, Clone)]
pub struct RecordBytes<'a> {
    row: ChunksExact<'a, u8>,
    rows: ChunksExact<'a, u8>,
    row_bytes: usize,
    point_step: usize,
    left: usize,
}

impl<'a> Iterator for RecordBytes<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.left = self.left.checked_sub(1)?;
        loop {
            if let Some(record) = self.row.next() {
                return Some(record);
            }
            self.row = self.rows.next()?[..self.row_bytes].chunks_exact(self.point_step);
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for RecordBytes<'_> {}

impl Field<'_> {
    /// Bytes of a value.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.datatype.bytes().saturating_mul(self.count)
    }

    pub(super) fn check_type(&self, expected: Datatype, expected_count: usize) -> Result<(), FieldError> {
        let (found, found_count) = (self.datatype, self.count);
        if (found, found_count) == (expected, expected_count) {
            return Ok(());
        }
        let name = shortened(&self.name.to_str_lossy());
        Err(FieldError::Type { name, found, found_count, expected, expected_count })
    }
}

impl<'a> Fields<'a> {
    fn iter(self) -> impl Iterator<Item = RawField<'a>> {
        let (owned, received) = match self {
            Self::Owned(fields) => (Some(fields), None),
            Self::Received(fields) => (None, Some(fields)),
        };
        let owned = owned.into_iter().flatten().map(|field| RawField {
            name: Text::from(field.name.as_str()),
            offset: field.offset,
            datatype: field.datatype,
            count: field.count,
        });
        let received = received.into_iter().flatten().map(|field| RawField {
            name: field.name(),
            offset: field.offset(),
            datatype: field.datatype(),
            count: field.count(),
        });
        owned.chain(received)
    }
}

/// A field as the message has it.
struct RawField<'a> {
    name: Text<'a>,
    offset: i32,
    datatype: u8,
    count: i32,
}

impl<'a> RawField<'a> {
    fn check(self, record_bytes: usize) -> Result<Field<'a>, FieldError> {
        let name = || shortened(&self.name.to_str_lossy());
        let size = |member, value: i32| {
            usize::try_from(value).map_err(|_| FieldError::Negative { name: name(), member, value })
        };
        let datatype = Datatype::try_from(self.datatype)
            .map_err(|datatype| FieldError::UnknownDatatype { name: name(), datatype })?;
        let (offset, count) = (size("offset", self.offset)?, size("count", self.count)?.max(1));
        let field = Field { name: self.name, offset, datatype, count };
        check_within(&field, record_bytes)?;
        Ok(field)
    }
}

/// Checks that a field ends within records of `record_bytes`.
pub(super) fn check_within(field: &Field<'_>, record_bytes: usize) -> Result<(), FieldError> {
    // Wide enough for what an address or an int32 can be.
    let end = field.offset as u128 + field.datatype.bytes() as u128 * field.count as u128;
    if end <= record_bytes as u128 {
        return Ok(());
    }
    let name = shortened(&field.name.to_str_lossy());
    Err(FieldError::OutsideRecord { name, end: u64::try_from(end).unwrap_or(u64::MAX), record_bytes })
}

/// Checks that no two fields have the same name or share bytes.
pub(super) fn check_disjoint(mut fields: Vec<Field<'_>>) -> Result<(), FieldError> {
    let name = |field: &Field<'_>| shortened(&field.name.to_str_lossy());
    fields.sort_by_key(|field| field.name);
    for (first, second) in fields.iter().zip(fields.iter().skip(1)) {
        if first.name == second.name {
            return Err(FieldError::Duplicate { name: name(first) });
        }
    }
    fields.sort_by_key(|field| field.offset);
    for (first, second) in fields.iter().zip(fields.iter().skip(1)) {
        if first.offset + first.bytes() > second.offset {
            return Err(FieldError::Overlap { first: name(first), second: name(second) });
        }
    }
    Ok(())
}
