//! Messages of types that are known only at run time, to values.
//!
//! Anything may come from the wire. Memory is bounded by the length of the message: what is claimed to be there is made only
//! after as many bytes were seen, and what takes no bytes is charged to an allowance.

use super::Primitive;
use super::catalog::MessageType;
use super::layout::{Field, Kind, Layout, Role, Size};
use super::numbers::{Numbers, scalar};
use super::value::Value;
use crate::codec::{DecodeError, DecodeErrorKind, Reader};

/// Levels of structs and array dimensions within each other, which bounds the stack. (Recursive types reach
/// [`crate::codec::MAX_DEPTH`] earlier.)
pub(super) const MAX_NESTING: usize = 256;

pub(super) fn decode<'a>(message_type: MessageType<'a>, message: &'a [u8]) -> Result<Value<'a>, DecodeError> {
    let layout = message_type.layout();
    let mut reader = Reader::new(message);
    reader.fingerprint(&layout.name, layout.fingerprint)?;
    let mut decoder = Decoder {
        layouts: message_type.layouts(),
        reader,
        message_bytes: message.len(),
        sizes: Vec::new(),
        nesting: 0,
        values_left: message.len().saturating_mul(VALUES_PER_BYTE).saturating_add(MORE_VALUES),
    };
    decoder.element(layout.kind)
}

/// Errors come without the member that they are of: whoever knows its name adds it.
struct Decoder<'a> {
    layouts: &'a [Layout],
    reader: Reader<'a>,
    message_bytes: usize,
    /// Of the arrays of the struct that is being read, after those of the structs around it.
    sizes: Vec<usize>,
    nesting: usize,
    /// How many values there may be yet. Without that limit, the message of a type made for it could become thousands of
    /// values for each of its bytes.
    values_left: usize,
}

impl<'a> Decoder<'a> {
    fn element(&mut self, kind: Kind) -> Result<Value<'a>, DecodeError> {
        match kind {
            Kind::Number { kind, bytes } => Ok(scalar(kind, self.reader.slice(bytes, "")?)),
            Kind::Text => Ok(self.reader.text("")?.into()),
            Kind::Struct(place) => self.structure(&self.layouts[place]),
        }
    }

    fn structure(&mut self, layout: &'a Layout) -> Result<Value<'a>, DecodeError> {
        self.nest(1)?;
        let first_size = self.sizes.len();
        let values = layout.fields.iter().filter(|field| !matches!(field.role, Role::Implied(_))).count();
        self.allow_values(values)?;
        let mut members = Vec::with_capacity(values);
        for field in &layout.fields {
            let value = self.member(field, first_size).map_err(|error| error.within(&field.name))?;
            if !matches!(field.role, Role::Implied(_)) {
                members.push((&*field.name, value));
            }
        }
        self.sizes.truncate(first_size);
        self.nesting -= 1;
        Ok(Value::Struct(members))
    }

    fn member(&mut self, field: &'a Field, first_size: usize) -> Result<Value<'a>, DecodeError> {
        if !field.sizes.is_empty() {
            return self.array(field, first_size);
        }
        if field.kind.least_bytes(self.layouts) == 0 {
            self.reader.allow_empty(1, "")?;
        }
        let offset = self.offset();
        let is_recursive = field.kind.is_recursive(self.layouts);
        if is_recursive {
            self.reader.descend("")?;
        }
        let value = self.element(field.kind)?;
        if is_recursive {
            self.reader.ascend();
        }
        if let (Role::Size | Role::Implied(_), Value::Integer(size)) = (field.role, &value) {
            let negative = |_| DecodeError::new(DecodeErrorKind::NegativeSize { size: *size }, "", offset);
            self.sizes.push(usize::try_from(*size).map_err(negative)?);
        }
        Ok(value)
    }

    fn array(&mut self, field: &'a Field, first_size: usize) -> Result<Value<'a>, DecodeError> {
        let sizes = field.sizes.iter().map(|size| match size {
            Size::Fixed { size, .. } => *size,
            Size::Variable { slot, .. } => self.sizes[first_size + slot],
        });
        let sizes: Vec<_> = sizes.collect();
        self.nest(sizes.len())?;
        let count = self.reader.count(&sizes, "")?;
        let value = match field.kind {
            Kind::Number { kind, bytes } => {
                let wire = self.reader.slice(count.saturating_mul(bytes), "")?;
                self.allow_values(values_in(&sizes[..sizes.len() - 1]))?;
                rows(kind, bytes, &sizes, wire)
            }
            kind => {
                self.expect(count, kind)?;
                self.allow_values(values_in(&sizes))?;
                let may_recur = kind.may_recur(self.layouts);
                if may_recur {
                    self.reader.descend("")?;
                }
                let elements = self.elements(kind, &sizes)?;
                if may_recur {
                    self.reader.ascend();
                }
                elements
            }
        };
        self.nesting -= sizes.len();
        Ok(value)
    }

    /// Elements that are no numbers, with the rows around them.
    fn elements(&mut self, kind: Kind, sizes: &[usize]) -> Result<Value<'a>, DecodeError> {
        let [size, inner @ ..] = sizes else { return self.element(kind) };
        let mut items = Vec::with_capacity((*size).min(FIRST_ITEMS));
        for index in 0..*size {
            items.push(self.elements(kind, inner).map_err(|error| error.within_element("", index))?);
        }
        Ok(Value::Array(items))
    }

    /// Checks that `count` elements may follow.
    fn expect(&mut self, count: usize, kind: Kind) -> Result<(), DecodeError> {
        match kind.least_bytes(self.layouts) {
            0 => self.reader.allow_empty(count, ""),
            bytes => {
                let (needed, left) = (count.saturating_mul(bytes), self.reader.rest().len());
                if needed > left {
                    let kind = DecodeErrorKind::Truncated { needed, left };
                    return Err(DecodeError::new(kind, "", self.offset()));
                }
                Ok(())
            }
        }
    }

    /// Checks that `count` values more may be made.
    fn allow_values(&mut self, count: usize) -> Result<(), DecodeError> {
        let left = self.values_left;
        let kind = DecodeErrorKind::TooManyValues { count, left };
        self.values_left = left.checked_sub(count).ok_or_else(|| DecodeError::new(kind, "", self.offset()))?;
        Ok(())
    }

    fn nest(&mut self, levels: usize) -> Result<(), DecodeError> {
        self.nesting += levels;
        if self.nesting > MAX_NESTING {
            return Err(DecodeError::new(DecodeErrorKind::TooDeep, "", self.offset()));
        }
        Ok(())
    }

    fn offset(&self) -> usize {
        self.message_bytes - self.reader.rest().len()
    }
}

/// Numbers with the rows around them.
fn rows<'a>(kind: Primitive, width: usize, sizes: &[usize], wire: &'a [u8]) -> Value<'a> {
    match sizes {
        [] | [_] => Numbers::of_width(kind, width, wire).into(),
        [size, inner @ ..] => {
            let row_bytes = wire.len().checked_div(*size).unwrap_or(0);
            let row = |index| rows(kind, width, inner, &wire[index * row_bytes..][..row_bytes]);
            Value::Array((0..*size).map(row).collect())
        }
    }
}

/// How many values make up an array of these sizes, rows included.
pub(super) fn values_in(sizes: &[usize]) -> usize {
    let mut count = 1_usize;
    sizes.iter().fold(0, |values: usize, size| {
        count = count.saturating_mul(*size);
        values.saturating_add(count)
    })
}

/// Real types have at most a few, such as arrays of structs of one byte.
pub(super) const VALUES_PER_BYTE: usize = 16;

/// Beyond those.
pub(super) const MORE_VALUES: usize = 131_072;

/// Of an array, before the elements are there: what comes from the wire is not trusted to tell how many there will be.
const FIRST_ITEMS: usize = 256;
