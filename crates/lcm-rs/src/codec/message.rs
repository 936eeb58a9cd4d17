//! What all message types have in common.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{DecodeError, EncodeError};
use super::gathered::Gathered;
use super::measure::Measure;
use super::reader::Reader;
use super::sink::Sink;
use crate::schema::Fingerprint;

/// A message type, generated from its IDL.
///
/// A value of the type owns its data. [`Message::view`] looks at a received message without copying it; [`Message::decode`]
/// copies it out. Bytes after the end of the message are ignored, as every LCM does.
///
/// As JSON, or in any other format that people read, byte arrays are base64 and `NaN`, `Infinity` and `-Infinity` are
/// strings of those names; members that are left out have their default, and unknown ones are errors.
pub trait Message: Debug + Clone + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The full name, such as `sensor_msgs.Image`.
    const NAME: &'static str;

    /// The hash over members and types that each message begins with.
    const FINGERPRINT: Fingerprint;

    /// A message where it lies in received bytes. Of types of fixed size it is a reference to them.
    type View<'a>: Debug + Copy;

    /// Looks at a message without copying it. All bounds are checked here, once. That takes as long as there are strings and
    /// messages of variable size in it; blobs and arrays of numbers cost nothing.
    ///
    /// # Errors
    /// If the bytes are not a message of this type.
    #[inline]
    fn view(bytes: &[u8]) -> Result<Self::View<'_>, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.fingerprint(Self::NAME, Self::FINGERPRINT)?;
        Self::read(&mut reader)
    }

    /// A message of its own.
    ///
    /// # Errors
    /// If the bytes are not a message of this type, or one of its strings is not UTF-8, which a view does not ask for.
    #[inline]
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.fingerprint(Self::NAME, Self::FINGERPRINT)?;
        Self::read_owned(&mut reader).map_err(|error| error.in_message(bytes))
    }

    /// The length of the encoded message in bytes.
    ///
    /// # Errors
    /// If the lengths of its arrays do not agree, or it cannot be represented for another reason.
    #[inline]
    fn encoded_len(&self) -> Result<usize, EncodeError> {
        let mut measure = Measure::new();
        measure.add(size_of::<Fingerprint>());
        self.measure(&mut measure)?;
        measure.finish()
    }

    /// The encoded message.
    ///
    /// # Errors
    /// As [`Message::encoded_len`].
    #[inline]
    fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut buffer = Vec::new();
        self.encode_into(&mut buffer)?;
        Ok(buffer)
    }

    /// Puts the encoded message in `buffer`, in place of what was there; the buffer's memory is used again.
    ///
    /// # Errors
    /// As [`Message::encoded_len`]. The buffer is unchanged then.
    #[inline]
    fn encode_into(&self, buffer: &mut Vec<u8>) -> Result<(), EncodeError> {
        let bytes = self.encoded_len()?;
        buffer.clear();
        buffer.reserve(bytes);
        buffer.number(Self::FINGERPRINT.0.cast_signed());
        self.write(buffer);
        debug_assert_eq!(buffer.len(), bytes, "{} was measured wrongly", Self::NAME);
        Ok(())
    }

    /// The encoded message in pieces, so that blobs and long strings are not copied.
    ///
    /// # Errors
    /// As [`Message::encoded_len`].
    #[inline]
    fn gather(&self) -> Result<Gathered<'_>, EncodeError> {
        let mut gathered = Gathered::with_capacity(self.encoded_len()?);
        gathered.number(Self::FINGERPRINT.0.cast_signed());
        self.write(&mut gathered);
        Ok(gathered)
    }

    /// Copies a view out.
    ///
    /// # Errors
    /// If a string is not UTF-8.
    fn from_view(view: Self::View<'_>) -> Result<Self, DecodeError>;

    /// Reads the members. For generated code, as are the next ones; users call [`Message::view`].
    ///
    /// # Errors
    /// If the bytes are not a message of this type.
    fn read<'a>(reader: &mut Reader<'a>) -> Result<Self::View<'a>, DecodeError>;

    /// Reads the members and copies them out.
    ///
    /// # Errors
    /// As [`Message::decode`].
    #[inline]
    fn read_owned(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_view(Self::read(reader)?)
    }

    /// Checks the members and adds up their length.
    ///
    /// # Errors
    /// If they cannot be represented.
    fn measure(&self, measure: &mut Measure) -> Result<(), EncodeError>;

    /// Writes the members, after [`Message::measure`] found nothing wrong.
    fn write<'a>(&'a self, sink: &mut impl Sink<'a>);
}
