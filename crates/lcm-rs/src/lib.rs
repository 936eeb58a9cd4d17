//! LCM in pure Rust: messages published and subscribed on UDP multicast, on the wire with C, C++, Python and Java LCM.
//!
//! # A first program
//!
//! ```no_run
//! use lcm::{Lcm, Queue};
//!
//! // The bus that LCM_DEFAULT_URL names, or the usual one of this host.
//! let bus = Lcm::from_env()?;
//! let poses = bus.subscribe("POSE", Queue::keep_last(10))?;
//! bus.publish("POSE", b"1.0 2.0")?;
//! let message = poses.recv()?;
//! println!("{} bytes on {}", message.payload().len(), message.channel());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Two ways to receive
//!
//! [`Lcm`] reads the bus with a thread of its own and feeds a [`Queue`] for each subscription. That thread never waits for a
//! subscriber: who is too slow loses messages of its own queue, and [`Subscription::dropped`] counts them.
//!
//! [`Inline`] is read by the thread that calls it, which runs the handlers on the message where it lies. That is the way with
//! the lowest latency, and [`Inline::poll_fd`] fits it into any event loop.
//!
//! Either way a process hears its own messages once, as in LCM, and a [`Publisher`] may be cloned into any thread.
//!
//! # Message types
//!
//! Payloads are bytes. What they mean says a type generated from its IDL by the crate `lcm-gen`, such as those of the crate
//! `lcm-types`: [`Message`] tells how to look at a message where it lies, how to decode and how to encode it, and
//! [`Lcm::publish_message`] publishes it without copying its blobs. [`schema`] does the same for types that are known only at
//! run time.
//!
//! # Which bus
//!
//! A [`Url`] such as `udpm://239.255.76.67:7667?ttl=1` names a bus. With `ttl=0`, the default, messages stay on this host.
//!
//! | option of `udpm` | default | meaning |
//! |---|---|---|
//! | `ttl` | 0 | routers a message may pass: 0 this host, 1 this network |
//! | `recv_buf_size` | as much as allowed, up to 16 MiB | bytes of kernel receive buffer to ask for |
//! | `iface` | the kernel's multicast route, else loopback | interface by name or address |
//! | `pace` | 1000000000 | bytes per second beyond bursts of 128 KiB; 0 sends as fast as it can |
//! | `frag` | 65507 | largest datagram in bytes; 1472 avoids IP fragments on Ethernet |
//! | `spin` | 50 | microseconds that a reader which has just published looks for the answer before it sleeps; 0 never |
//!
//! `file://` plays an event log in place of a bus, or records one: see [`log`]. `memq://` is a queue inside the process, and
//! [`memory::MemoryBus`] a bus for tests that loses, delays, reorders and duplicates as told, under a fake clock.
//!
//! # What is lost is counted
//!
//! Multicast loses messages when a receiver or the network is too slow. [`Lcm::statistics`] and [`Inline::statistics`] tell
//! how many, from whom and where: in the network ([`SenderCounts::lost`], [`SenderCounts::incomplete`]), in the kernel's
//! receive buffer ([`Statistics::kernel_drops`]), or in a queue ([`Statistics::queue_drops`]).
//!
//! # Differences to C LCM
//!
//! - A plain name subscribes to exactly that channel; regular expressions are asked for with [`Pattern::regex`] and are
//!   anchored as a whole.
//! - A full queue drops its oldest message, not its newest.
//! - The largest receive buffer that needs no privilege is asked for; C LCM takes the default, which three datagrams fill.
//! - Without a multicast route it works on the loopback interface, and follows routes as they come and go.
//! - Errors of sending reach the caller for every fragment.
//!
//! This crate works on Linux.
#![deny(unsafe_code)]

// Messages and names.
mod channel;
mod pattern;
mod payload;
mod sample;
mod url;

// The protocol, without I/O.
pub mod codec;
mod fragment;
mod inbound;
mod pace;
pub mod reassembly;
pub mod schema;
pub mod sequence;
pub mod wire;

// What carries datagrams and messages.
pub mod log;
pub mod memory;
mod memq;
mod udpm;

// Connections.
mod inline;
mod lcm;
mod publisher;
mod queue;
mod receiver;
mod statistics;
mod subscriptions;

pub use channel::{Channel, ChannelError, MAX_CHANNEL_BYTES};
pub use codec::Message;
pub use fragment::{MessageTooLarge, Part, Parts};
pub use inline::{Handle, Inline, Overheard};
pub use lcm::{Lcm, OpenError, SubscribeError};
pub use pattern::{Pattern, PatternError};
pub use payload::Payload;
pub use publisher::{PublishError, Publisher};
pub use queue::{Closed, Queue, Subscription};
pub use sample::Sample;
pub use statistics::{SenderCounts, SenderStatistics, Statistics};
pub use udpm::PathError;
pub use url::{DEFAULT_URL_VARIABLE, FileMode, FileUrl, Interface, UdpmUrl, Url, UrlError};
