//! What the targets share: how an input becomes steps, numbers and messages.

#![forbid(unsafe_code)]

use std::time::Duration;

use lcm::Message;
use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// An input, taken apart from its beginning on. Whatever its bytes, they mean something, until they are used up.
#[derive(Debug)]
pub struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    /// The input of these bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    /// The next byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.0.bytes(1)?[0])
    }

    /// One of these, by the next byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N]) -> Result<T> {
        Ok(all[usize::from(self.byte()?) % N])
    }

    /// A number: mostly a small one, sometimes one at the ends of what an `i64` holds, sometimes any.
    ///
    /// # Errors
    /// If the input is used up.
    pub fn number(&mut self) -> Result<i64> {
        Ok(match self.byte()? {
            small @ 0..200 => i64::from(small) - 20,
            low @ 200..220 => i64::MIN + i64::from(low - 200),
            high @ 220..240 => i64::MAX - i64::from(high - 220),
            _ => self.0.arbitrary()?,
        })
    }

    /// A number as [`Input::number`], cut to 32 bits.
    ///
    /// # Errors
    /// If the input is used up.
    pub fn short_number(&mut self) -> Result<i32> {
        Ok(match self.byte()? {
            small @ 0..200 => i32::from(small) - 20,
            low @ 200..210 => i32::MIN + i32::from(low - 200),
            high @ 210..220 => i32::MAX - i32::from(high - 210),
            _ => self.0.arbitrary()?,
        })
    }

    /// A duration: less than a millisecond, a second, ten seconds, or sometimes five minutes.
    ///
    /// # Errors
    /// If the input is used up.
    pub fn pause(&mut self) -> Result<Duration> {
        Ok(match self.byte()? {
            us @ 0..40 => Duration::from_micros(u64::from(us) * 25),
            ms @ 40..140 => Duration::from_millis(u64::from(ms - 40) * 3),
            tenths @ 140..240 => Duration::from_millis(u64::from(tenths - 140) * 100),
            long => Duration::from_secs(u64::from(long - 240) * 20),
        })
    }

    /// The encoding of a message of this type, with whatever bytes behind the fingerprint, which is not for the fuzzer to guess.
    /// Their number comes first, in two bytes.
    ///
    /// # Errors
    /// If the input is used up.
    pub fn encoded<M: Message>(&mut self) -> Result<Vec<u8>> {
        let length = usize::from(self.byte()?) << 8 | usize::from(self.byte()?);
        let length = length.min(self.0.len());
        Ok([&M::FINGERPRINT.0.to_be_bytes(), self.0.bytes(length)?].concat())
    }
}
