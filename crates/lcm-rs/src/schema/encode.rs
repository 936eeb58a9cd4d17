//! Values, checked against a type, to messages.

use super::catalog::MessageType;
use super::decode::{MAX_NESTING, MORE_VALUES, VALUES_PER_BYTE, values_in};
use super::layout::{Field, Kind, Layout, Role, Size};
use super::value::Value;
use super::{Numbers, Primitive};
use crate::codec::{EncodeError, EncodeErrorKind, Measure};
use crate::wire::MAX_MESSAGE_BYTES;

pub(super) fn encode(message_type: MessageType<'_>, value: &Value<'_>) -> Result<Vec<u8>, EncodeError> {
    let layout = message_type.layout();
    let buffer = layout.fingerprint.0.to_be_bytes().to_vec();
    let layouts = message_type.layouts();
    let mut encoder = Encoder { layouts, buffer, limits: Measure::new(), sizes: Vec::new(), nesting: 0, values: 0 };
    encoder.element(layout.kind, &layout.name, value).map_err(|error| {
        // Only an error of the whole has no member.
        if error.field().is_empty() { error.within(&layout.name) } else { error }
    })?;
    encoder.limits.add(encoder.buffer.len());
    encoder.limits.finish()?;
    let limit = encoder.buffer.len().saturating_mul(VALUES_PER_BYTE).saturating_add(MORE_VALUES);
    if encoder.values > limit {
        return Err(EncodeError::new(EncodeErrorKind::TooManyValues { count: encoder.values, limit }, &layout.name));
    }
    Ok(encoder.buffer)
}

/// Errors come without the member that they are of: whoever knows its name adds it.
struct Encoder<'t> {
    layouts: &'t [Layout],
    buffer: Vec<u8>,
    limits: Measure,
    /// Of the arrays of the struct that is being written, after those of the structs around it.
    sizes: Vec<usize>,
    nesting: usize,
    /// How many the decoder will make of it, which it limits.
    values: usize,
}

impl<'t> Encoder<'t> {
    fn element(&mut self, kind: Kind, type_name: &str, value: &Value<'_>) -> Result<(), EncodeError> {
        match (kind, value) {
            (Kind::Number { kind, .. }, value) => self.number(kind, value).ok_or_else(|| mismatch(value, type_name)),
            (Kind::Text, Value::Text(text)) => self.text(text),
            (Kind::Struct(place), Value::Struct(members)) => self.structure(&self.layouts[place], members),
            _ => Err(mismatch(value, type_name)),
        }
    }

    /// What a member has that is left out.
    fn default_element(&mut self, kind: Kind) -> Result<(), EncodeError> {
        match kind {
            Kind::Number { bytes, .. } => {
                self.buffer.resize(self.buffer.len() + bytes, 0);
                Ok(())
            }
            Kind::Text => self.text(b""),
            Kind::Struct(place) if self.layouts[place].least_bytes == 0 => {
                self.count_values(self.layouts[place].empty_parts.saturating_add(1));
                Ok(())
            }
            Kind::Struct(place) => self.structure(&self.layouts[place], &[]),
        }
    }

    /// Counts `count` structs that take no bytes. Those within them are counted where they are; a default has all of them.
    fn count_empty(&mut self, field: &Field, count: usize, is_default: bool) {
        if let Kind::Struct(place) = field.kind
            && self.layouts[place].least_bytes == 0
        {
            let each = if is_default { self.layouts[place].empty_parts.saturating_add(1) } else { 1 };
            self.limits.empty_elements(count.saturating_mul(each), &field.name);
        }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), EncodeError> {
        // The length counts the NUL.
        let too_long = |_| EncodeError::new(EncodeErrorKind::StringTooLong { bytes: text.len() }, "");
        let length = i32::try_from(text.len() + 1).map_err(too_long)?;
        self.buffer.extend_from_slice(&length.to_be_bytes());
        self.buffer.extend_from_slice(text);
        self.buffer.push(0);
        Ok(())
    }

    fn structure(&mut self, layout: &'t Layout, members: &[(&str, Value<'_>)]) -> Result<(), EncodeError> {
        self.nest(1)?;
        let values = in_order(layout, members)?;
        self.count_values(layout.fields.iter().filter(|field| !matches!(field.role, Role::Implied(_))).count());
        let first_size = self.sizes.len();
        for (field, value) in layout.fields.iter().zip(&values) {
            let written = match field.role {
                Role::Implied(array) => self.implied_size(field, values[array]),
                Role::Size => self.given_size(field, *value),
                Role::Value => self.member(field, first_size, *value),
            };
            written.map_err(|error| error.within(&field.name))?;
        }
        self.sizes.truncate(first_size);
        self.nesting -= 1;
        Ok(())
    }

    /// A size that is left out of values, because `array` tells it.
    fn implied_size(&mut self, field: &Field, array: Option<&Value<'_>>) -> Result<(), EncodeError> {
        let length = match array {
            Some(Value::Numbers(numbers)) => numbers.len(),
            Some(Value::Array(items)) => items.len(),
            // Anything else is found to be wrong where the array is written.
            _ => 0,
        };
        let Kind::Number { kind, .. } = field.kind else { return Ok(()) };
        let size = i64::try_from(length).ok().and_then(|size| self.number(kind, &Value::Integer(size)));
        self.sizes.push(length);
        size.ok_or_else(|| {
            let (size, limit) = (field.name.clone(), range(kind).1);
            EncodeError::new(EncodeErrorKind::TooManyElements { length, size, limit }, "")
        })
    }

    /// A size that is a member like others.
    fn given_size(&mut self, field: &Field, value: Option<&Value<'_>>) -> Result<(), EncodeError> {
        let value = value.unwrap_or(&Value::Integer(0));
        self.element(field.kind, &field.type_name, value)?;
        let Value::Integer(size) = *value else { return Err(mismatch(value, &field.type_name)) };
        let negative = |_| EncodeError::new(EncodeErrorKind::NegativeSize { size }, "");
        self.sizes.push(usize::try_from(size).map_err(negative)?);
        Ok(())
    }

    fn member(&mut self, field: &Field, first_size: usize, value: Option<&Value<'_>>) -> Result<(), EncodeError> {
        if !field.sizes.is_empty() {
            return self.array(field, first_size, value);
        }
        self.count_empty(field, 1, value.is_none());
        let is_recursive = field.kind.is_recursive(self.layouts);
        if is_recursive {
            self.limits.descend("")?;
        }
        match value {
            Some(value) => self.element(field.kind, &field.type_name, value)?,
            None => self.default_element(field.kind)?,
        }
        if is_recursive {
            self.limits.ascend();
        }
        Ok(())
    }

    fn count_values(&mut self, count: usize) {
        self.values = self.values.saturating_add(count);
    }

    fn array(&mut self, field: &Field, first_size: usize, value: Option<&Value<'_>>) -> Result<(), EncodeError> {
        let sizes = field.sizes.iter().map(|size| match size {
            Size::Fixed { size, .. } => *size,
            Size::Variable { slot, .. } => self.sizes[first_size + slot],
        });
        let sizes: Vec<_> = sizes.collect();
        self.nest(sizes.len())?;
        self.limits.rows(&sizes, &field.name);
        let count = sizes.iter().fold(1, |count: usize, size| count.saturating_mul(*size));
        self.count_empty(field, count, value.is_none());
        let rows = if matches!(field.kind, Kind::Number { .. }) { &sizes[..sizes.len() - 1] } else { &sizes[..] };
        self.count_values(values_in(rows));
        let may_recur = field.kind.may_recur(self.layouts);
        if may_recur {
            self.limits.descend("")?;
        }
        match value {
            Some(value) => self.rows(field, &sizes, 0, value)?,
            None => self.default_rows(field, &sizes)?,
        }
        if may_recur {
            self.limits.ascend();
        }
        self.nesting -= sizes.len();
        Ok(())
    }

    /// An array, or one of its rows `depth` dimensions deep.
    fn rows(&mut self, field: &Field, sizes: &[usize], depth: usize, value: &Value<'_>) -> Result<(), EncodeError> {
        let is_innermost = depth + 1 == sizes.len();
        let agree = |limits: &Measure, length| limits.agree(length, sizes[depth], field.sizes[depth].text(), "");
        match (value, field.kind) {
            (Value::Numbers(numbers), Kind::Number { kind, .. }) if is_innermost && kind == numbers.kind() => {
                agree(&self.limits, numbers.len())?;
                self.numbers(numbers);
                Ok(())
            }
            (Value::Array(items), kind) if !is_innermost || !matches!(kind, Kind::Number { .. }) => {
                agree(&self.limits, items.len())?;
                for (index, item) in items.iter().enumerate() {
                    let written = if is_innermost {
                        self.element(kind, &field.element_name, item)
                    } else {
                        self.rows(field, sizes, depth + 1, item)
                    };
                    written.map_err(|error| error.within_element("", index))?;
                }
                Ok(())
            }
            _ => Err(mismatch(value, &field.type_name)),
        }
    }

    /// An array that is left out: without elements, but for those that the type has in every message.
    fn default_rows(&mut self, field: &Field, sizes: &[usize]) -> Result<(), EncodeError> {
        let mut count = 1_usize;
        for (given, size) in sizes.iter().zip(&field.sizes) {
            if let Size::Variable { member, .. } = size {
                return self.limits.agree(0, *given, member, "");
            }
            count = count.saturating_mul(*given);
        }
        // Each may be small in the file that defines the type, and all together larger than memory.
        let bytes = count.saturating_mul(field.kind.least_bytes(self.layouts));
        if self.buffer.len().saturating_add(bytes) > MAX_MESSAGE_BYTES {
            let value = format!("a message of over {MAX_MESSAGE_BYTES} bytes");
            return Err(EncodeError::new(EncodeErrorKind::Type { value, expected: field.type_name.clone() }, ""));
        }
        if let Kind::Number { .. } = field.kind {
            self.buffer.resize(self.buffer.len() + bytes, 0);
            return Ok(());
        }
        for index in (0..count).take_while(|_| bytes > 0) {
            self.default_element(field.kind).map_err(|error| error.within_element("", index))?;
        }
        Ok(())
    }

    fn numbers(&mut self, numbers: &Numbers<'_>) {
        if numbers.kind() == Primitive::Boolean {
            // Whatever byte stood for true.
            self.buffer.extend(numbers.as_wire().iter().map(|&byte| u8::from(byte != 0)));
        } else {
            self.buffer.extend_from_slice(numbers.as_wire());
        }
    }

    /// `None` if the value is none of this kind.
    fn number(&mut self, kind: Primitive, value: &Value<'_>) -> Option<()> {
        match (kind, value) {
            (Primitive::Boolean, Value::Boolean(value)) => self.buffer.push((*value).into()),
            (Primitive::Float, Value::Float(value)) => self.buffer.extend_from_slice(&value.to_be_bytes()),
            (Primitive::Double, Value::Double(value)) => self.buffer.extend_from_slice(&value.to_be_bytes()),
            (kind, Value::Integer(value)) if kind.is_integer() => {
                let (least, most) = range(kind);
                if !(least..=most).contains(value) {
                    return None;
                }
                // The lowest bytes of a number in its range are the number.
                let bytes = value.to_be_bytes();
                self.buffer.extend_from_slice(&bytes[bytes.len() - kind.wire_bytes()?..]);
            }
            _ => return None,
        }
        Some(())
    }

    fn nest(&mut self, levels: usize) -> Result<(), EncodeError> {
        self.nesting += levels;
        if self.nesting > MAX_NESTING {
            return Err(EncodeError::new(EncodeErrorKind::TooDeep, ""));
        }
        Ok(())
    }
}

/// The value of each member of a type, if it is given.
fn in_order<'v, 'a>(
    layout: &Layout,
    members: &'v [(&str, Value<'a>)],
) -> Result<Vec<Option<&'v Value<'a>>>, EncodeError> {
    let mut values = vec![None; layout.fields.len()];
    let mut likely = 0;
    for (name, value) in members {
        let Some(place) = layout.position(name, likely) else {
            let kind = EncodeErrorKind::UnknownMember { name: layout.name.clone() };
            return Err(EncodeError::new(kind, name));
        };
        if values[place].replace(value).is_some() {
            let (value, expected) = ("a second value".to_owned(), layout.fields[place].type_name.clone());
            return Err(EncodeError::new(EncodeErrorKind::Type { value, expected }, name));
        }
        likely = place + 1;
    }
    Ok(values)
}

fn mismatch(value: &Value<'_>, type_name: &str) -> EncodeError {
    EncodeError::new(EncodeErrorKind::Type { value: value.describe(), expected: type_name.to_owned() }, "")
}

/// The smallest and the largest integer of a kind.
fn range(kind: Primitive) -> (i64, i64) {
    match kind {
        Primitive::Int8 => (i8::MIN.into(), i8::MAX.into()),
        Primitive::Byte => (0, u8::MAX.into()),
        Primitive::Int16 => (i16::MIN.into(), i16::MAX.into()),
        Primitive::Int32 => (i32::MIN.into(), i32::MAX.into()),
        _ => (i64::MIN, i64::MAX),
    }
}
