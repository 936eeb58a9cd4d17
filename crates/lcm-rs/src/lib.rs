//! LCM in pure Rust: publish and subscribe on UDP multicast, on the wire with C, C++, Python and Java LCM.
#![deny(unsafe_code)]

mod channel;
mod fragment;
mod inbound;
mod inline;
mod lcm;
pub mod memory;
mod memq;
mod message;
mod pace;
mod pattern;
mod payload;
mod publisher;
mod queue;
pub mod reassembly;
mod receiver;
pub mod sequence;
mod statistics;
mod subscriptions;
mod udpm;
mod url;
pub mod wire;

pub use channel::{Channel, ChannelError, MAX_CHANNEL_BYTES};
pub use fragment::{MessageTooLarge, Part, Parts};
pub use inline::{Handle, Inline};
pub use lcm::{Lcm, OpenError, SubscribeError};
pub use message::Message;
pub use pattern::{Pattern, PatternError};
pub use payload::Payload;
pub use publisher::{PublishError, Publisher};
pub use queue::{Closed, Queue, Subscription};
pub use statistics::{SenderCounts, SenderStatistics, Statistics};
pub use udpm::PathError;
pub use url::{DEFAULT_URL_VARIABLE, FileMode, FileUrl, Interface, UdpmUrl, Url, UrlError};
