//! The second pass of encoding: what a message is written to.

use zerocopy::{Immutable, IntoBytes};

use super::Bool;
use super::message::Message;
use super::numbers::{Number, append_big_endian};
use super::reader::Size;

/// Takes the bytes of a message, which a [`super::Measure`] has checked: a buffer, or a [`super::Gathered`] that refers to
/// what need not be copied.
pub trait Sink<'a> {
    /// Where bytes are copied to.
    fn buffer(&mut self) -> &mut Vec<u8>;

    /// Appends bytes that live as long as the message does.
    fn lend(&mut self, bytes: &'a [u8]);

    /// Appends a value of fixed size.
    #[inline]
    fn fixed<T: IntoBytes + Immutable>(&mut self, value: &T) {
        self.buffer().extend_from_slice(value.as_bytes());
    }

    /// Appends a number.
    #[inline]
    fn number<T: Number>(&mut self, value: T) {
        self.fixed(&value.to_big_endian());
    }

    /// Appends an array of numbers.
    #[inline]
    fn numbers<T: Number>(&mut self, values: &[T]) {
        append_big_endian(values, self.buffer());
    }

    /// Appends booleans.
    fn booleans(&mut self, values: &[bool]) {
        self.buffer().extend(values.iter().map(|&value| u8::from(value)));
    }

    /// Appends a boolean.
    #[inline]
    fn boolean(&mut self, value: bool) {
        self.fixed(&Bool::from(value));
    }

    /// Appends the size of an array.
    #[inline]
    fn size<T: Size>(&mut self, size: usize) {
        self.fixed(&T::to_wire(size));
    }

    /// Appends a string.
    #[inline]
    fn text(&mut self, text: &'a str) {
        // The length counts the NUL.
        self.size::<i32>(text.len() + 1);
        self.lend(text.as_bytes());
        self.fixed(&0_u8);
    }

    /// Appends strings.
    fn texts(&mut self, texts: &'a [String]) {
        for text in texts {
            self.text(text);
        }
    }

    /// Appends the messages of an array.
    #[inline]
    fn messages<M: Message>(&mut self, messages: &'a [M])
    where
        Self: Sized,
    {
        for message in messages {
            message.write(self);
        }
    }
}

impl<'a> Sink<'a> for Vec<u8> {
    #[inline]
    fn buffer(&mut self) -> &mut Self {
        self
    }

    #[inline]
    fn lend(&mut self, bytes: &'a [u8]) {
        self.extend_from_slice(bytes);
    }
}
