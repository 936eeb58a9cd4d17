//! The first pass of encoding: how long a message will be, and whether it can be one at all.

use super::error::{EncodeError, EncodeErrorKind};
use super::message::Message;
use super::reader::{EMPTY_ELEMENTS, MAX_DEPTH, Size};

/// Adds up the encoded length of a message, and checks everything that could keep it from being written. Its methods take
/// the name of the member for their errors.
#[derive(Debug)]
pub struct Measure {
    bytes: usize,
    depth: usize,
    empty_elements: usize,
    /// The array that had too many of them, unless the message gets long enough.
    with_too_many: Option<String>,
}

impl Measure {
    pub(crate) const fn new() -> Self {
        Self { bytes: 0, depth: 0, empty_elements: 0, with_too_many: None }
    }

    /// The length of the message.
    ///
    /// # Errors
    /// If it has more elements that take no bytes than readers allow in a message of that length.
    #[inline]
    pub fn finish(&self) -> Result<usize, EncodeError> {
        let limit = EMPTY_ELEMENTS.saturating_add(self.bytes);
        if self.empty_elements <= limit {
            return Ok(self.bytes);
        }
        let field = self.with_too_many.as_deref().unwrap_or_default();
        Err(EncodeError::new(EncodeErrorKind::EmptyElements { limit }, field))
    }

    /// Adds members of fixed size.
    #[inline]
    pub const fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Adds the member `field` that holds the size of arrays.
    ///
    /// # Errors
    /// If it cannot hold that size.
    #[inline]
    pub fn size<T: Size>(&mut self, length: usize, field: &str) -> Result<(), EncodeError> {
        self.add(size_of::<T::Wire>());
        if i64::try_from(length).is_ok_and(|length| length <= T::LIMIT) {
            return Ok(());
        }
        let (size, limit) = (field.to_owned(), T::LIMIT);
        Err(EncodeError::new(EncodeErrorKind::TooManyElements { length, size, limit }, field))
    }

    /// The size of arrays that the member `field` holds, which is a member like others because an empty array would not tell
    /// it.
    ///
    /// # Errors
    /// If it is negative.
    pub fn given_size(&mut self, size: impl Into<i64>, field: &str) -> Result<usize, EncodeError> {
        let size = size.into();
        usize::try_from(size).map_err(|_| EncodeError::new(EncodeErrorKind::NegativeSize { size }, field))
    }

    /// Checks that the array `field`, or one of its rows, has as many elements as `size` says.
    ///
    /// # Errors
    /// If it has not.
    #[inline]
    pub fn agree(&self, found: usize, expected: usize, size: &str, field: &str) -> Result<(), EncodeError> {
        if found == expected {
            return Ok(());
        }
        let size = size.to_owned();
        Err(EncodeError::new(EncodeErrorKind::Length { found, expected, size }, field))
    }

    /// Counts the rows of the array `field`, of these sizes, that have no elements, as [`super::Reader::count`] does.
    pub fn rows(&mut self, sizes: &[usize], field: &str) {
        if let Some(at @ 1..) = sizes.iter().position(|&size| size == 0) {
            let rows = sizes[..at].iter().fold(1, |product: usize, &size| product.saturating_mul(size));
            self.empty_elements(rows, field);
        }
    }

    /// Counts elements of the array `field` that take no bytes.
    pub fn empty_elements(&mut self, count: usize, field: &str) {
        self.empty_elements = self.empty_elements.saturating_add(count);
        if self.empty_elements > EMPTY_ELEMENTS && self.with_too_many.is_none() {
            self.with_too_many = Some(field.to_owned());
        }
    }

    /// Adds a string.
    ///
    /// # Errors
    /// If it is longer than LCM can say.
    #[inline]
    pub fn text(&mut self, text: &str, field: &str) -> Result<(), EncodeError> {
        let bytes = text.len();
        if bytes >= i32::MAX as usize {
            return Err(EncodeError::new(EncodeErrorKind::StringTooLong { bytes }, field));
        }
        self.add(size_of::<i32>() + bytes + 1);
        Ok(())
    }

    /// Adds strings.
    ///
    /// # Errors
    /// As [`Measure::text`].
    pub fn texts(&mut self, texts: &[String], field: &str) -> Result<(), EncodeError> {
        for (index, text) in texts.iter().enumerate() {
            self.text(text, "").map_err(|error| error.within_element(field, index))?;
        }
        Ok(())
    }

    /// Adds the messages of an array.
    ///
    /// # Errors
    /// If one of them cannot be encoded, or if messages of a recursive type contain each other more than
    /// [`super::MAX_DEPTH`] deep.
    #[inline]
    pub fn messages<M: Message>(&mut self, messages: &[M], field: &str) -> Result<(), EncodeError> {
        self.descend(field)?;
        for (index, message) in messages.iter().enumerate() {
            message.measure(self).map_err(|error| error.within_element(field, index))?;
        }
        self.ascend();
        Ok(())
    }

    /// Adds a message of a type that may contain itself.
    ///
    /// # Errors
    /// As [`Measure::messages`].
    pub fn nested<M: Message>(&mut self, message: &M, field: &str) -> Result<(), EncodeError> {
        self.descend(field)?;
        message.measure(self).map_err(|error| error.within(field))?;
        self.ascend();
        Ok(())
    }

    /// Goes into a message that may contain the type around it.
    ///
    /// # Errors
    /// If that would be more than [`super::MAX_DEPTH`] deep.
    #[inline]
    pub(crate) fn descend(&mut self, field: &str) -> Result<(), EncodeError> {
        if self.depth == MAX_DEPTH {
            return Err(EncodeError::new(EncodeErrorKind::TooDeep, field));
        }
        self.depth += 1;
        Ok(())
    }

    /// Undoes [`Measure::descend`].
    #[inline]
    pub(crate) fn ascend(&mut self) {
        self.depth -= 1;
    }
}
