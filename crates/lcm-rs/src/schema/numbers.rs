//! Arrays of numbers as they lie in a message, so that images, scans and maps are neither copied nor blown up.

use std::borrow::Cow;
use std::fmt;

use serde::ser::{Serialize, Serializer};

use super::Primitive;
use super::value::Value;
use crate::codec::{Readable, append_big_endian};

/// Numbers of one kind in the order of bytes of the wire, big-endian. Booleans count as numbers here.
#[derive(Clone)]
pub struct Numbers<'a> {
    kind: Primitive,
    /// Of one number.
    width: usize,
    wire: Cow<'a, [u8]>,
}

impl<'a> Numbers<'a> {
    /// Numbers of the kind `kind`, which lie in `wire`. `None` for strings, or if the bytes are not a whole number of them.
    #[must_use]
    pub fn new(kind: Primitive, wire: impl Into<Cow<'a, [u8]>>) -> Option<Self> {
        let (width, wire) = (kind.wire_bytes()?, wire.into());
        wire.len().is_multiple_of(width).then_some(Self { kind, width, wire })
    }

    /// Numbers whose kind is known to have `width` bytes, of which `wire` has a multiple.
    pub(super) const fn of_width(kind: Primitive, width: usize, wire: &'a [u8]) -> Self {
        Self { kind, width, wire: Cow::Borrowed(wire) }
    }

    /// What they are; never strings.
    #[must_use]
    pub const fn kind(&self) -> Primitive {
        self.kind
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wire.len() / self.width
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wire.is_empty()
    }

    /// Their bytes, big-endian. Those of a `byte` array are its values.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The number at `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Value<'static>> {
        let start = index.checked_mul(self.width)?;
        self.wire.get(start..)?.get(..self.width).map(|wire| scalar(self.kind, wire))
    }

    /// The numbers in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Value<'static>> {
        self.wire.chunks_exact(self.width).map(|wire| scalar(self.kind, wire))
    }
}

/// As values: whatever byte stands for true, and `NaN` is not equal to itself.
impl PartialEq for Numbers<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.kind != other.kind || self.wire.len() != other.wire.len() {
            return false;
        }
        match self.kind {
            Primitive::Boolean | Primitive::Float | Primitive::Double => self.iter().eq(other.iter()),
            _ => self.wire == other.wire,
        }
    }
}

impl fmt::Debug for Numbers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.kind {
            Primitive::Byte => u8::serialize_array(&self.wire, serializer),
            _ => serializer.collect_seq(self.iter()),
        }
    }
}

/// A number of the kind `kind` from its bytes, of which there are as many as such a number has.
pub(super) fn scalar(kind: Primitive, wire: &[u8]) -> Value<'static> {
    match kind {
        Primitive::Int8 => i8::from_be_bytes(array(wire)).into(),
        Primitive::Int16 => i16::from_be_bytes(array(wire)).into(),
        Primitive::Int32 => i32::from_be_bytes(array(wire)).into(),
        Primitive::Int64 => i64::from_be_bytes(array(wire)).into(),
        Primitive::Float => f32::from_be_bytes(array(wire)).into(),
        Primitive::Double => f64::from_be_bytes(array(wire)).into(),
        Primitive::Boolean => (wire != [0]).into(),
        Primitive::Byte | Primitive::String => u8::from_be_bytes(array(wire)).into(),
    }
}

fn array<const N: usize>(wire: &[u8]) -> [u8; N] {
    wire.first_chunk().copied().unwrap_or([0; N])
}

/// Borrows the values of a `byte` array.
impl<'a> From<&'a [u8]> for Numbers<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { kind: Primitive::Byte, width: 1, wire: bytes.into() }
    }
}

/// The values of a `byte` array.
impl From<Vec<u8>> for Numbers<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self { kind: Primitive::Byte, width: 1, wire: bytes.into() }
    }
}

impl From<&[i8]> for Numbers<'_> {
    fn from(numbers: &[i8]) -> Self {
        let wire: Vec<_> = numbers.iter().map(|number| number.cast_unsigned()).collect();
        Self { kind: Primitive::Int8, width: 1, wire: wire.into() }
    }
}

impl From<&[bool]> for Numbers<'_> {
    fn from(booleans: &[bool]) -> Self {
        let wire: Vec<_> = booleans.iter().map(|&boolean| boolean.into()).collect();
        Self { kind: Primitive::Boolean, width: 1, wire: wire.into() }
    }
}

macro_rules! from {
    ($($native:ty => $kind:ident),*) => {$(
        impl From<&[$native]> for Numbers<'_> {
            fn from(numbers: &[$native]) -> Self {
                let width = size_of::<$native>();
                let mut wire = Vec::with_capacity(numbers.len() * width);
                append_big_endian(numbers, &mut wire);
                Self { kind: Primitive::$kind, width, wire: wire.into() }
            }
        }
    )*};
}

from!(i16 => Int16, i32 => Int32, i64 => Int64, f32 => Float, f64 => Double);
