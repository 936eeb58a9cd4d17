//! Channel names: what LCM allows in one, kept inline so that a message needs no allocation for it.
//!
//! Which channels a subscriber wants is the business of [`crate::Pattern`].

use std::fmt;

/// The longest channel name, in bytes, not counting the NUL that ends it on the wire.
pub const MAX_CHANNEL_BYTES: usize = 63;

/// A channel name: at most 63 bytes, none of them NUL.
///
/// Names are UTF-8 by custom only: C LCM carries any bytes, so a received name may not be text. [`Channel::as_str`] answers
/// for text, `Display` replaces what is not, and comparing with a `&str` compares the bytes.
///
/// ```
/// let channel = lcm::Channel::new("/cmd_vel#geometry_msgs.Twist")?;
/// assert_eq!(channel, "/cmd_vel#geometry_msgs.Twist");
/// assert!(lcm::Channel::new("x".repeat(64)).is_err());
/// # Ok::<(), lcm::ChannelError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Channel {
    // Bytes past `length` stay zero, so the derived comparisons hold.
    bytes: [u8; MAX_CHANNEL_BYTES],
    length: u8,
}

/// Why a name cannot be a channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelError {
    /// The name is longer than [`MAX_CHANNEL_BYTES`].
    #[error("channel name of {length} bytes, the limit of LCM is {MAX_CHANNEL_BYTES}: {name:?}")]
    TooLong {
        /// The name, with anything that is not UTF-8 replaced.
        name: String,
        /// Its length in bytes.
        length: usize,
    },
    /// The name contains a NUL byte, which ends a name on the wire.
    #[error("channel name with a NUL byte at {position}, where the wire would cut it off: {name:?}")]
    ContainsNul {
        /// The name, with anything that is not UTF-8 replaced.
        name: String,
        /// Where the NUL stands.
        position: usize,
    },
}

impl Channel {
    /// Where every instance of C LCM publishes when it starts, to see whether it hears itself. Nobody else wants that: what comes here
    /// over UDP is not delivered.
    pub const SELF_TEST: &str = "LCM_SELF_TEST";

    pub(crate) const EMPTY: Self = Self { bytes: [0; MAX_CHANNEL_BYTES], length: 0 };

    /// Checks a name. The empty name is valid, as in C LCM.
    ///
    /// # Errors
    /// A name over 63 bytes or with a NUL byte.
    pub fn new(name: impl AsRef<[u8]>) -> Result<Self, ChannelError> {
        let name = name.as_ref();
        if let Some(position) = name.iter().position(|&byte| byte == 0).filter(|_| name.len() <= MAX_CHANNEL_BYTES) {
            return Err(ChannelError::ContainsNul { name: String::from_utf8_lossy(name).into_owned(), position });
        }
        Self::without_nul(name).ok_or_else(|| {
            let shown = name.get(..80).unwrap_or(name);
            ChannelError::TooLong { name: String::from_utf8_lossy(shown).into_owned(), length: name.len() }
        })
    }

    /// The channel of a name that is known to have no NUL; none if it is too long.
    pub(crate) fn without_nul(name: &[u8]) -> Option<Self> {
        let length = u8::try_from(name.len()).ok()?;
        let mut bytes = [0; MAX_CHANNEL_BYTES];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self { bytes, length })
    }

    /// The name as bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    /// The name as text, or `None` where it is not UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }
}

impl std::hash::Hash for Channel {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        // Only the name, and its length goes without saying: all 63 bytes, or a second write, would show on the receive path.
        state.write(self.as_bytes());
    }
}

impl AsRef<[u8]> for Channel {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(self.as_bytes()))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(self.as_bytes()), f)
    }
}

impl PartialEq<str> for Channel {
    fn eq(&self, other: &str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl PartialEq<&str> for Channel {
    fn eq(&self, other: &&str) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}
