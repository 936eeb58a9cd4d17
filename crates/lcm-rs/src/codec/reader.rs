//! Reads the members of a message one after another, and checks every bound.

use zerocopy::big_endian::{I16, I32, I64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::error::{DecodeError, DecodeErrorKind};
use super::message::Message;
use super::numbers::Number;
use super::text::{Text, Texts};
use super::views::Views;
use crate::schema::Fingerprint;

/// How deep messages of a recursive type may contain each other, which bounds the stack. JSON readers stop at about twice as
/// many brackets.
pub const MAX_DEPTH: usize = 62;

/// How many elements that take no bytes a message may have beyond one for each of its bytes. Without that limit, a few bytes
/// could stand for two thousand million rows of a matrix without columns.
pub(super) const EMPTY_ELEMENTS: usize = 65_536;

/// The part of a message that is still to be read. Its methods take the name of the member for their errors, and hand out
/// what lies in the message without copying it.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// Of the whole message, from which offsets follow.
    message_bytes: usize,
    depth: usize,
    empty_elements_left: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `message`.
    #[inline]
    #[must_use]
    pub const fn new(message: &'a [u8]) -> Self {
        Self {
            rest: message,
            message_bytes: message.len(),
            depth: 0,
            empty_elements_left: EMPTY_ELEMENTS.saturating_add(message.len()),
        }
    }

    /// What was not read yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the fingerprint, which must be that of the type `name`.
    ///
    /// # Errors
    /// If it is another one, or the message is too short for one.
    #[inline]
    pub fn fingerprint(&mut self, name: &str, expected: Fingerprint) -> Result<(), DecodeError> {
        let found = Fingerprint(self.fixed::<I64>("fingerprint")?.get().cast_unsigned());
        if found != expected {
            return Err(self.wrong_fingerprint(name, expected, found));
        }
        Ok(())
    }

    /// A value of fixed size, where it lies.
    ///
    /// # Errors
    /// If the message ends before it does.
    #[inline]
    pub fn fixed<T: FromBytes + KnownLayout + Immutable + Unaligned>(
        &mut self,
        field: &str,
    ) -> Result<&'a T, DecodeError> {
        let Ok((value, rest)) = T::ref_from_prefix(self.rest) else {
            return Err(self.truncated(field, size_of::<T>()));
        };
        self.rest = rest;
        Ok(value)
    }

    /// A number.
    ///
    /// # Errors
    /// If the message ends before it does.
    #[inline]
    pub fn number<T: Number>(&mut self, field: &str) -> Result<T, DecodeError> {
        Ok(T::from_big_endian(*self.fixed(field)?))
    }

    /// The size of arrays that come later.
    ///
    /// # Errors
    /// If it is negative, or the message ends before it does.
    #[inline]
    pub fn size<T: Size>(&mut self, field: &str) -> Result<usize, DecodeError> {
        let size = T::from_wire(*self.fixed(field)?);
        match usize::try_from(size) {
            Ok(size) => Ok(size),
            Err(_) => Err(self.fault(DecodeErrorKind::NegativeSize { size }, field, size_of::<T::Wire>())),
        }
    }

    /// The number of elements of an array of several dimensions.
    ///
    /// # Errors
    /// If it has more rows, or planes, than elements, and they are too many.
    pub fn count(&mut self, sizes: &[usize], field: &str) -> Result<usize, DecodeError> {
        let mut count = 1_usize;
        for (index, &size) in sizes.iter().enumerate() {
            if size == 0 {
                if index > 0 {
                    self.allow_empty(count, field)?;
                }
                return Ok(0);
            }
            let Some(product) = count.checked_mul(size) else {
                return Err(self.fault(DecodeErrorKind::TooLarge, field, 0));
            };
            count = product;
        }
        Ok(count)
    }

    /// An array of values of fixed size, where they lie.
    ///
    /// # Errors
    /// If the message ends before it does.
    #[inline]
    pub fn slice<T: FromBytes + KnownLayout<PointerMetadata = ()> + Immutable + Unaligned>(
        &mut self,
        count: usize,
        field: &str,
    ) -> Result<&'a [T], DecodeError> {
        if size_of::<T>() == 0 {
            self.allow_empty(count, field)?;
        }
        let Ok((values, rest)) = <[T]>::ref_from_prefix_with_elems(self.rest, count) else {
            return Err(self.truncated(field, count.saturating_mul(size_of::<T>())));
        };
        self.rest = rest;
        Ok(values)
    }

    /// A string.
    ///
    /// # Errors
    /// If its length is not at least 1, if its last byte is not NUL, or if the message ends before it does.
    #[inline]
    pub fn text(&mut self, field: &str) -> Result<Text<'a>, DecodeError> {
        let length = self.fixed::<I32>(field)?.get();
        // The length counts the NUL.
        let Some((text_bytes, rest)) =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length))
        else {
            return Err(self.bad_text_length(field, length));
        };
        match text_bytes {
            [text @ .., 0] => {
                self.rest = rest;
                Ok(Text::new(text))
            }
            _ => Err(self.unterminated(field, text_bytes)),
        }
    }

    /// An array of strings, which is walked once.
    ///
    /// # Errors
    /// As [`Reader::text`].
    pub fn texts(&mut self, count: usize, field: &str) -> Result<Texts<'a>, DecodeError> {
        let mut reader = *self;
        for index in 0..count {
            reader.text("").map_err(|error| error.within_element(field, index))?;
        }
        let texts = Texts::new(&self.rest[..self.rest.len() - reader.rest.len()], count);
        *self = reader;
        Ok(texts)
    }

    /// An array of messages of variable size, which is walked once.
    ///
    /// # Errors
    /// If one of them is malformed, or if messages of a recursive type contain each other more than [`MAX_DEPTH`] deep.
    #[inline]
    pub fn views<M: Message>(&mut self, count: usize, field: &str) -> Result<Views<'a, M>, DecodeError> {
        self.descend(field)?;
        let start = *self;
        for index in 0..count {
            M::read(self).map_err(|error| error.within_element(field, index))?;
        }
        self.ascend();
        Ok(Views::new(start, count))
    }

    /// Copies of the strings of an array.
    ///
    /// # Errors
    /// As [`Reader::text`], or if one is not UTF-8.
    pub fn owned_texts(&mut self, count: usize, field: &str) -> Result<Vec<String>, DecodeError> {
        let start = self.rest;
        let texts = self.texts(count, field)?;
        // Most strings are short, and then one check of all of them, with their lengths, costs less than one for each. It
        // says nothing of them only where a length has a byte over 127.
        let Ok(mut rest) = str::from_utf8(&start[..start.len() - self.rest.len()]) else {
            return texts.copy_out(field);
        };
        let mut copies = Vec::with_capacity(count);
        while let Some(length) = rest.as_bytes().first_chunk() {
            let length = usize::try_from(i32::from_be_bytes(*length)).unwrap_or_default();
            let end = size_of::<I32>() + length;
            // Nothing, where the first byte of the string goes on with a character that the length seems to begin.
            let Some(text) = rest.get(size_of::<I32>()..end - 1) else { return texts.copy_out(field) };
            copies.push(text.to_owned());
            rest = &rest[end..];
        }
        Ok(copies)
    }

    /// Copies of the messages of an array.
    ///
    /// # Errors
    /// As [`Reader::views`], or if a string is not UTF-8.
    #[inline]
    pub fn owned_messages<M: Message>(&mut self, count: usize, field: &str) -> Result<Vec<M>, DecodeError> {
        self.descend(field)?;
        // They usually take about as many bytes here as there. More room only when as many were seen.
        let first_bytes = (2 * self.rest.len()).min(FIRST_BYTES);
        let mut copies = Vec::with_capacity(count.min(first_bytes / size_of::<M>().max(1) + 1));
        for index in 0..count {
            copies.push(M::read_owned(self).map_err(|error| error.within_element(field, index))?);
        }
        self.ascend();
        Ok(copies)
    }

    /// A message of a type that may contain itself.
    ///
    /// # Errors
    /// As [`Reader::views`].
    pub fn nested<M: Message>(&mut self, field: &str) -> Result<M::View<'a>, DecodeError> {
        self.descend(field)?;
        let view = M::read(self).map_err(|error| error.within(field))?;
        self.ascend();
        Ok(view)
    }

    /// Goes into a message that may contain the type around it.
    ///
    /// # Errors
    /// If that would be more than [`MAX_DEPTH`] deep.
    #[inline]
    pub(crate) fn descend(&mut self, field: &str) -> Result<(), DecodeError> {
        if self.depth == MAX_DEPTH {
            return Err(self.fault(DecodeErrorKind::TooDeep, field, 0));
        }
        self.depth += 1;
        Ok(())
    }

    /// Undoes [`Reader::descend`].
    #[inline]
    pub(crate) fn ascend(&mut self) {
        self.depth -= 1;
    }

    /// Charges for `count` elements without bytes.
    pub(crate) fn allow_empty(&mut self, count: usize, field: &str) -> Result<(), DecodeError> {
        let left = self.empty_elements_left;
        match left.checked_sub(count) {
            Some(left) => {
                self.empty_elements_left = left;
                Ok(())
            }
            None => Err(self.fault(DecodeErrorKind::EmptyElements { count, left }, field, 0)),
        }
    }

    /// An error of the `back` bytes that were just read.
    #[cold]
    fn fault(&self, kind: DecodeErrorKind, field: &str, back: usize) -> DecodeError {
        DecodeError::new(kind, field, self.message_bytes - self.rest.len() - back)
    }

    #[cold]
    pub(crate) fn truncated(&self, field: &str, needed: usize) -> DecodeError {
        self.fault(DecodeErrorKind::Truncated { needed, left: self.rest.len() }, field, 0)
    }

    #[cold]
    fn wrong_fingerprint(&self, name: &str, expected: Fingerprint, found: Fingerprint) -> DecodeError {
        self.fault(DecodeErrorKind::Fingerprint { name: name.to_owned(), expected, found }, "", size_of::<I64>())
    }

    #[cold]
    fn bad_text_length(&self, field: &str, length: i32) -> DecodeError {
        match usize::try_from(length) {
            Ok(needed) if needed > 0 => self.truncated(field, needed),
            _ => self.fault(DecodeErrorKind::StringLength { length }, field, size_of::<I32>()),
        }
    }

    #[cold]
    fn unterminated(&self, field: &str, text_bytes: &[u8]) -> DecodeError {
        match text_bytes.last() {
            Some(&last) => self.fault(DecodeErrorKind::Unterminated { last }, field, 0),
            None => self.bad_text_length(field, 0),
        }
    }
}

/// How much room is made for the messages of an array before they were seen. Arrays within each other add up, and each can
/// claim any length.
const FIRST_BYTES: usize = 1 << 20;

/// The integers that may be the size of an array.
pub trait Size: Copy + 'static {
    /// On the wire.
    type Wire: FromBytes + zerocopy::IntoBytes + KnownLayout + Immutable + Unaligned + Copy;
    /// The largest value.
    const LIMIT: i64;

    /// The value of what was read.
    fn from_wire(wire: Self::Wire) -> i64;

    /// What to write for `size`, of which [`crate::codec::Measure`] has checked that it is within the limit.
    fn to_wire(size: usize) -> Self::Wire;
}

macro_rules! size {
    ($native:ty, $wire:ty, $value:expr, $wrap:expr) => {
        impl Size for $native {
            type Wire = $wire;
            const LIMIT: i64 = <$native>::MAX as i64;

            #[inline]
            fn from_wire(wire: Self::Wire) -> i64 {
                i64::from($value(wire))
            }

            #[inline]
            fn to_wire(size: usize) -> Self::Wire {
                $wrap(<$native>::try_from(size).unwrap_or(<$native>::MAX))
            }
        }
    };
}

size!(i8, i8, std::convert::identity::<i8>, std::convert::identity::<i8>);
size!(u8, u8, std::convert::identity::<u8>, std::convert::identity::<u8>);
size!(i16, I16, I16::get, I16::new);
size!(i32, I32, I32::get, I32::new);
size!(i64, I64, I64::get, I64::new);
