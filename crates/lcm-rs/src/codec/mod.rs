//! Message types on the wire: what generated code stands on.
//!
//! [`Message`] is the trait of all of them. Its methods for users are `view`, `decode`, `encode` and
//! `gather`; those that generated code provides work on the pieces in this module: a [`Reader`] that checks every bound, a
//! [`Measure`] that checks every length before anything is written, and a [`Sink`] to write to. The encoding itself is
//! LCM's: big-endian, without padding, the fingerprint first.
//!
//! Nothing here does I/O. Decoding types that are known only at run time is the business of [`crate::schema`].

mod error;
mod gathered;
mod measure;
mod message;
mod numbers;
mod readable;
mod reader;
mod sink;
mod text;
mod views;

pub use error::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind};
pub use gathered::Gathered;
pub use measure::Measure;
pub use message::Message;
pub use numbers::{Number, append_big_endian, copy_to_native, to_native};
pub use readable::{Readable, as_readable};
pub use reader::{MAX_DEPTH, Reader, Size};
pub use sink::Sink;
pub use text::{Text, Texts};
pub use views::Views;

// Generated code names its dependencies through this crate, so that a user's own messages need only this one.
pub use serde;
pub use zerocopy;

/// A `boolean` on the wire: one byte, true unless it is zero.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    zerocopy::FromBytes,
    zerocopy::IntoBytes,
    zerocopy::KnownLayout,
    zerocopy::Immutable,
    zerocopy::Unaligned,
)]
#[repr(transparent)]
pub struct Bool(u8);

impl Bool {
    /// Its value.
    #[must_use]
    pub const fn get(self) -> bool {
        self.0 != 0
    }
}

impl From<bool> for Bool {
    fn from(value: bool) -> Self {
        Self(value.into())
    }
}

/// As values: whatever byte stands for true.
impl PartialEq for Bool {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Bool {}
