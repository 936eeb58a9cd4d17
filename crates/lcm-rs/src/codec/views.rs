//! Arrays of messages of variable size, as they lie in the message around them.

use std::fmt;
use std::marker::PhantomData;

use super::error::DecodeError;
use super::message::Message;
use super::reader::Reader;

/// An array of messages within a received message. Nothing is stored of it: reading element `n` walks the ones before it.
pub struct Views<'a, M> {
    reader: Reader<'a>,
    len: usize,
    element: PhantomData<fn() -> M>,
}

impl<'a, M: Message> Views<'a, M> {
    /// `len` encoded messages whose bounds were checked, at the start of what `reader` reads.
    pub(super) const fn new(reader: Reader<'a>, len: usize) -> Self {
        Self { reader, len, element: PhantomData }
    }

    /// How many there are.
    #[must_use]
    pub const fn len(self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The message at `index`.
    #[must_use]
    pub fn get(self, index: usize) -> Option<M::View<'a>> {
        self.iter().nth(index)
    }

    /// Copies, for the member `field` of an owned message.
    ///
    /// # Errors
    /// If a string in one of them is not UTF-8.
    #[inline]
    pub fn copy_out(self, field: &str) -> Result<Vec<M>, DecodeError> {
        let mut copies = Vec::with_capacity(self.len);
        for (index, view) in self.iter().enumerate() {
            copies.push(M::from_view(view).map_err(|error| error.within_element(field, index))?);
        }
        Ok(copies)
    }

    /// The messages in order.
    #[must_use]
    pub fn iter(self) -> ViewsIter<'a, M> {
        ViewsIter { reader: self.reader, left: self.len, element: PhantomData }
    }
}

impl<M> Clone for Views<'_, M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Views<'_, M> {}

impl<'a, M: Message> IntoIterator for Views<'a, M> {
    type Item = M::View<'a>;
    type IntoIter = ViewsIter<'a, M>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<M: Message> fmt::Debug for Views<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}

/// Walks over [`Views`].
pub struct ViewsIter<'a, M> {
    reader: Reader<'a>,
    left: usize,
    element: PhantomData<fn() -> M>,
}

impl<'a, M: Message> Iterator for ViewsIter<'a, M> {
    type Item = M::View<'a>;

    #[inline]
    fn next(&mut self) -> Option<M::View<'a>> {
        self.left = self.left.checked_sub(1)?;
        // The bounds were checked when the array was read.
        M::read(&mut self.reader).ok()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<M: Message> ExactSizeIterator for ViewsIter<'_, M> {}

impl<M> fmt::Debug for ViewsIter<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewsIter").field("left", &self.left).finish_non_exhaustive()
    }
}
