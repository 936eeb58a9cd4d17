//! What a message is taken for: its type, what is doubtful about that, and, where somebody wants to see it, what it says.

use lcm::schema::{Catalog, Identity, MessageType, Suffix, Value};

use crate::traffic::units;

/// The types that a message may have, and that which it is read as. Nothing of it is decoded for that.
#[derive(Debug)]
pub(super) struct Identified<'a> {
    identity: Identity<'a>,
    /// The types to choose from: those with its fingerprint, or else those that the channel names.
    candidates: Vec<MessageType<'a>>,
    place: usize,
}

/// What came of reading a message.
#[derive(Debug)]
pub(super) enum Reading<'a> {
    Decoded {
        message_type: MessageType<'a>,
        value: Value<'a>,
    },
    /// With what is wrong, and where. It is a fault of the message if it has the fingerprint of its type.
    Undecodable {
        text: String,
        offset: Option<usize>,
        is_fault: bool,
    },
}

impl<'a> Identified<'a> {
    /// Takes a message for one of the type `chosen`, if it can be that, and else for one of the most likely type.
    pub(super) fn new(catalog: &'a Catalog, channel: &[u8], chosen: Option<&str>, message: &'a [u8]) -> Self {
        let identity = catalog.identify(channel, message);
        let candidates = match &identity.suffix {
            Suffix::Disagrees(named) if identity.candidates.is_empty() => named.clone(),
            _ => identity.candidates.clone(),
        };
        let place = candidates.iter().position(|candidate| Some(candidate.name()) == chosen).unwrap_or(0);
        Self { identity, candidates, place }
    }

    /// Decodes the message.
    pub(super) fn read(&self, message: &'a [u8]) -> Reading<'a> {
        match self.candidates.get(self.place) {
            Some(message_type) if message.len() > MAX_DECODED_BYTES => Reading::Undecodable {
                text: format!(
                    "{} bytes of {} are too many to be shown as a tree: {MAX_DECODED_BYTES} are at most",
                    message.len(),
                    message_type.name()
                ),
                offset: None,
                is_fault: false,
            },
            Some(message_type) => match message_type.decode(message) {
                Ok(value) => Reading::Decoded { message_type: *message_type, value },
                Err(error) => Reading::Undecodable {
                    text: format!("this is no {}: {error}", message_type.name()),
                    // Of a fingerprint its first byte is as wrong as any other.
                    offset: error.offset(),
                    is_fault: matches!(self.identity.suffix, Suffix::Agrees | Suffix::Missing),
                },
            },
            None => Reading::Undecodable { text: unknown(&self.identity, message), offset: None, is_fault: false },
        }
    }

    /// The type, and how many others it could be.
    pub(super) fn type_text(&self) -> String {
        match (self.candidates.get(self.place), self.candidates.len()) {
            (None, _) => "of unknown type".to_owned(),
            (Some(message_type), 1) => message_type.name().to_owned(),
            (Some(message_type), count) => format!("{} ({} of {count}, t)", message_type.name(), self.place + 1),
        }
    }

    /// What the name of the channel says, where it does not fit.
    pub(super) fn doubt(&self) -> Option<String> {
        match &self.identity.suffix {
            Suffix::Disagrees(named) if !self.identity.candidates.is_empty() => {
                let names: Vec<_> = named.iter().map(|message_type| message_type.name()).collect();
                Some(format!("the channel says {}, the message is of another type", names.join(" or ")))
            }
            Suffix::Unknown if !self.identity.candidates.is_empty() => {
                Some("the channel names a type that is not known: --idl DIR adds the definitions of more".to_owned())
            }
            _ => None,
        }
    }

    /// The type that comes after this one.
    pub(super) fn next_type(&self) -> Option<&'a str> {
        let next = (self.place + 1).checked_rem(self.candidates.len())?;
        (next != self.place).then(|| self.candidates[next].name())
    }
}

impl<'a> Reading<'a> {
    pub(super) fn value(&self) -> Option<&Value<'a>> {
        match self {
            Self::Decoded { value, .. } => Some(value),
            Self::Undecodable { .. } => None,
        }
    }

    /// Why it cannot be decoded as the type that it is of. That it is of another type than the channel names is no such fault.
    pub(super) fn fault(&self) -> Option<&str> {
        match self {
            Self::Undecodable { text, is_fault: true, .. } => Some(text),
            _ => None,
        }
    }

    /// Where in the message the fault is.
    pub(super) fn wrong_byte(&self) -> Option<usize> {
        match self {
            Self::Undecodable { offset, .. } => *offset,
            Self::Decoded { .. } => None,
        }
    }
}

fn unknown(identity: &Identity<'_>, message: &[u8]) -> String {
    match identity.fingerprint {
        None => {
            let bytes = units::count(message.len() as u64, "byte");
            format!("no LCM type in {bytes}: each begins with a fingerprint of 8")
        }
        Some(fingerprint) => {
            format!("no known type has the fingerprint {fingerprint}: --idl DIR adds the definitions of more")
        }
    }
}

/// Larger messages are bytes on the screen: an array of short strings takes many times as much of memory once it is decoded. Pictures do
/// without a tree.
pub(super) const MAX_DECODED_BYTES: usize = 8 << 20;
