//! Single fields of all points.

use std::fmt;
use std::marker::PhantomData;

use super::datatype::{Datatype, FieldValue, read};
use super::points::{Points, RecordBytes};

/// The values of one field, which lie a record apart.
#[derive(Clone, Copy)]
pub struct Column<'a, T> {
    points: Points<'a>,
    offset: usize,
    value: PhantomData<fn() -> T>,
}

/// Goes through a [`Column`].
#[derive(Debug, Clone)]
pub struct ColumnIter<'a, T> {
    records: RecordBytes<'a>,
    offset: usize,
    big_endian: bool,
    value: PhantomData<fn() -> T>,
}

/// The values of one field of any type, as doubles.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    points: Points<'a>,
    place: Place,
}

/// Goes through [`Numbers`].
#[derive(Debug, Clone)]
pub struct NumbersIter<'a> {
    records: RecordBytes<'a>,
    place: Place,
}

/// Goes through the positions `[x, y, z]` of points, in m.
#[derive(Debug, Clone)]
pub struct Xyz<'a> {
    records: RecordBytes<'a>,
    places: [Place; 3],
}

/// Where a number lies in a record.
#[derive(Debug, Clone, Copy)]
struct Place {
    offset: usize,
    datatype: Datatype,
    big_endian: bool,
}

impl Place {
    #[inline]
    fn read(self, record: &[u8]) -> Option<f64> {
        self.datatype.read_f64(record.get(self.offset..)?, self.big_endian)
    }
}

impl<'a, T: FieldValue> Column<'a, T> {
    /// The values of type `T` at `offset`, where it was found that there are such.
    pub(super) const fn new(points: Points<'a>, offset: usize) -> Self {
        Self { points, offset, value: PhantomData }
    }

    /// How many there are: one for each point.
    #[must_use]
    pub const fn len(self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.points.is_empty()
    }

    /// The value of the point at `index`.
    #[must_use]
    pub fn get(self, index: usize) -> Option<T> {
        let record = self.points.record(index)?;
        read(record.get(self.offset..)?, self.points.is_big_endian())
    }

    /// The values, row after row.
    #[must_use]
    pub fn iter(self) -> ColumnIter<'a, T> {
        let (records, big_endian) = (self.points.records(), self.points.is_big_endian());
        ColumnIter { records, offset: self.offset, big_endian, value: PhantomData }
    }
}

impl<'a, T: FieldValue> IntoIterator for Column<'a, T> {
    type Item = T;
    type IntoIter = ColumnIter<'a, T>;

    fn into_iter(self) -> ColumnIter<'a, T> {
        self.iter()
    }
}

impl<T> fmt::Debug for Column<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Column").field("points", &self.points).field("offset", &self.offset).finish()
    }
}

// That the field lies within the records was checked, so that no read below ends an iterator early.

impl<T: FieldValue> Iterator for ColumnIter<'_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        read(self.records.next()?.get(self.offset..)?, self.big_endian)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl<T: FieldValue> ExactSizeIterator for ColumnIter<'_, T> {}

impl<'a> Numbers<'a> {
    /// The numbers of type `datatype` at `offset`, where it was found that there are such.
    pub(super) const fn new(points: Points<'a>, offset: usize, datatype: Datatype) -> Self {
        Self { points, place: Place { offset, datatype, big_endian: points.is_big_endian() } }
    }

    /// The type they have in the message.
    #[must_use]
    pub const fn datatype(self) -> Datatype {
        self.place.datatype
    }

    /// How many there are: one for each point.
    #[must_use]
    pub const fn len(self) -> usize {
        self.points.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.points.is_empty()
    }

    /// The number of the point at `index`.
    #[must_use]
    pub fn get(self, index: usize) -> Option<f64> {
        self.place.read(self.points.record(index)?)
    }

    /// The numbers, row after row.
    #[must_use]
    pub fn iter(self) -> NumbersIter<'a> {
        NumbersIter { records: self.points.records(), place: self.place }
    }
}

impl<'a> IntoIterator for Numbers<'a> {
    type Item = f64;
    type IntoIter = NumbersIter<'a>;

    fn into_iter(self) -> NumbersIter<'a> {
        self.iter()
    }
}

impl Iterator for NumbersIter<'_> {
    type Item = f64;

    #[inline]
    fn next(&mut self) -> Option<f64> {
        self.place.read(self.records.next()?)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for NumbersIter<'_> {}

impl<'a> Xyz<'a> {
    pub(super) fn new(numbers: [Numbers<'a>; 3], records: RecordBytes<'a>) -> Self {
        Self { records, places: numbers.map(|numbers| numbers.place) }
    }
}

impl Iterator for Xyz<'_> {
    type Item = [f64; 3];

    #[inline]
    fn next(&mut self) -> Option<[f64; 3]> {
        let record = self.records.next()?;
        let [x, y, z] = self.places;
        Some([x.read(record)?, y.read(record)?, z.read(record)?])
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.records.size_hint()
    }
}

impl ExactSizeIterator for Xyz<'_> {}
