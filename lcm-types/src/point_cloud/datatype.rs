//! The types of fields: as numbers in the message, and as types of Rust.

use std::fmt;

/// The type of the elements of a field. Its numbers are those of `PointField::datatype`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Datatype {
    /// `i8`.
    Int8 = 1,
    /// `u8`.
    Uint8 = 2,
    /// `i16`.
    Int16 = 3,
    /// `u16`.
    Uint16 = 4,
    /// `i32`.
    Int32 = 5,
    /// `u32`.
    Uint32 = 6,
    /// `f32`.
    Float32 = 7,
    /// `f64`.
    Float64 = 8,
}

/// A number that a field may consist of: `i8`, `u8`, `i16`, `u16`, `i32`, `u32`, `f32` or `f64`.
pub trait Scalar: FieldValue + Default {}

/// The value of a field: a [`Scalar`], or an array of them for fields with a count.
pub trait FieldValue: Copy + sealed::Read + 'static {
    /// The type of its elements.
    const DATATYPE: Datatype;
    /// How many elements it has.
    const COUNT: usize;
}

impl Datatype {
    const ALL: [Self; 8] =
        [Self::Int8, Self::Uint8, Self::Int16, Self::Uint16, Self::Int32, Self::Uint32, Self::Float32, Self::Float64];

    /// How many bytes an element takes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Int8 | Self::Uint8 => 1,
            Self::Int16 | Self::Uint16 => 2,
            Self::Int32 | Self::Uint32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The first element in `bytes`, which every type has a double for; `None` if they are too few.
    #[inline]
    pub(super) fn read_f64(self, bytes: &[u8], big_endian: bool) -> Option<f64> {
        match self {
            Self::Float32 => read::<f32>(bytes, big_endian).map(f64::from),
            Self::Float64 => read::<f64>(bytes, big_endian),
            Self::Int8 => read::<i8>(bytes, big_endian).map(f64::from),
            Self::Uint8 => read::<u8>(bytes, big_endian).map(f64::from),
            Self::Int16 => read::<i16>(bytes, big_endian).map(f64::from),
            Self::Uint16 => read::<u16>(bytes, big_endian).map(f64::from),
            Self::Int32 => read::<i32>(bytes, big_endian).map(f64::from),
            Self::Uint32 => read::<u32>(bytes, big_endian).map(f64::from),
        }
    }
}

impl TryFrom<u8> for Datatype {
    type Error = u8;

    /// The type of a number of `PointField::datatype`, or the number if it stands for none.
    fn try_from(number: u8) -> Result<Self, u8> {
        Self::ALL.into_iter().find(|datatype| u8::from(*datatype) == number).ok_or(number)
    }
}

impl From<Datatype> for u8 {
    fn from(datatype: Datatype) -> Self {
        datatype as Self
    }
}

impl fmt::Display for Datatype {
    /// As the constants of `PointField` are named.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Int8 => "INT8",
            Self::Uint8 => "UINT8",
            Self::Int16 => "INT16",
            Self::Uint16 => "UINT16",
            Self::Int32 => "INT32",
            Self::Uint32 => "UINT32",
            Self::Float32 => "FLOAT32",
            Self::Float64 => "FLOAT64",
        })
    }
}

/// The value at the start of `bytes`; `None` if they are too few.
#[inline]
pub(super) fn read<T: FieldValue>(bytes: &[u8], big_endian: bool) -> Option<T> {
    T::read(bytes, big_endian)
}

macro_rules! scalars {
    ($($number:ty => $datatype:ident),*) => {$(
        impl sealed::Read for $number {
            #[inline]
            fn read(bytes: &[u8], big_endian: bool) -> Option<Self> {
                let bytes = *bytes.first_chunk()?;
                Some(if big_endian { Self::from_be_bytes(bytes) } else { Self::from_le_bytes(bytes) })
            }
        }

        impl FieldValue for $number {
            const DATATYPE: Datatype = Datatype::$datatype;
            const COUNT: usize = 1;
        }

        impl Scalar for $number {}
    )*};
}

scalars!(
    i8 => Int8, u8 => Uint8, i16 => Int16, u16 => Uint16, i32 => Int32, u32 => Uint32, f32 => Float32, f64 => Float64
);

impl<T: Scalar, const N: usize> sealed::Read for [T; N] {
    #[inline]
    fn read(bytes: &[u8], big_endian: bool) -> Option<Self> {
        let mut values = [T::default(); N];
        for (index, value) in values.iter_mut().enumerate() {
            *value = T::read(bytes.get(index * size_of::<T>()..)?, big_endian)?;
        }
        Some(values)
    }
}

impl<T: Scalar, const N: usize> FieldValue for [T; N] {
    const DATATYPE: Datatype = T::DATATYPE;
    const COUNT: usize = {
        assert!(N > 0, "a field has one element at least");
        N
    };
}

/// Other crates cannot add types: those of fields are known.
mod sealed {
    /// What [`super::FieldValue`] asks for and only this file can give.
    pub trait Read: Sized {
        /// The value at the start of `bytes`; `None` if they are too few.
        fn read(bytes: &[u8], big_endian: bool) -> Option<Self>;
    }
}
