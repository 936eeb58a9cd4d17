//! What a message on the bus says: its type and its value, or why neither is known.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lcm::Sample;
use lcm::schema::{Catalog, Identity, MessageType, Suffix, Value};
use serde::{Serialize, Serializer};

use crate::output::plain;

/// A message, as far as it is understood.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// Of a known type.
    Decoded {
        /// Its full name.
        type_name: &'a str,
        /// What it says.
        value: Value<'a>,
    },
    /// Its channel does not say what it is, as those of pickled objects do.
    Untyped,
    /// It cannot be decoded, for this reason.
    Undecodable(String),
}

/// A message as `--json` prints it.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    channel: String,
    #[serde(rename = "type")]
    type_name: Option<&'a str>,
    recv_time_ns: u64,
    size_bytes: usize,
    data: Data<'a>,
}

#[derive(Debug)]
enum Data<'a> {
    Value(&'a Value<'a>),
    Raw(&'a [u8]),
}

impl<'a> Heard<'a> {
    /// Finds out. Channels without a type carry `bare`, if that is given.
    pub(crate) fn new(catalog: &'a Catalog, bare: Option<MessageType<'a>>, sample: &'a Sample) -> Self {
        let (channel, payload) = (sample.channel(), &sample.payload()[..]);
        let identity = catalog.identify(channel.as_bytes(), payload);
        let message_type = match (&identity.suffix, bare) {
            (Suffix::Agrees, _) => identity.best(),
            (Suffix::Missing, Some(bare)) => Some(bare),
            (Suffix::Missing, None) => return Self::Untyped,
            _ => None,
        };
        match message_type {
            Some(message_type) => match message_type.decode(payload) {
                Ok(value) => Self::Decoded { type_name: message_type.name(), value },
                Err(error) => Self::Undecodable(format!("it is no {}: {error}", message_type.name())),
            },
            None => Self::Undecodable(why_unknown(&identity, payload.len())),
        }
    }

    /// As `--json` prints it.
    pub(crate) fn line(&'a self, sample: &'a Sample) -> Line<'a> {
        let (type_name, data) = match self {
            Self::Decoded { type_name, value } => (Some(*type_name), Data::Value(value)),
            Self::Untyped | Self::Undecodable(_) => (None, Data::Raw(sample.payload())),
        };
        Line {
            channel: sample.channel().to_string(),
            type_name,
            recv_time_ns: sample.receive_time_ns(),
            size_bytes: sample.payload().len(),
            data,
        }
    }
}

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(value) => value.serialize(serializer),
            Self::Raw(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
        }
    }
}

fn why_unknown(identity: &Identity<'_>, bytes: usize) -> String {
    let Some(fingerprint) = identity.fingerprint else {
        return format!("{bytes} bytes are too few for any message");
    };
    let names = |types: &[MessageType<'_>]| types.iter().map(|one| one.name()).collect::<Vec<_>>().join(" or ");
    let found = match &identity.candidates[..] {
        [] => format!("its fingerprint {fingerprint} is that of no known type"),
        candidates => format!("its fingerprint is that of {}", names(candidates)),
    };
    match &identity.suffix {
        Suffix::Disagrees(named) => format!("it is no {}: {found}", names(named)),
        _ => format!("the type that the channel names is not known, and {found}; --idl DIR adds types"),
    }
}

/// The name of a channel, for people.
pub(crate) fn channel_name(sample: &Sample) -> String {
    plain(&sample.channel().to_string())
}
