//! The bus as UDP multicast: sockets, interfaces, pacing, and waiting for datagrams.
//!
//! What the datagrams mean is the business of [`crate::wire`], [`crate::fragment`] and [`crate::inbound`].

mod burst;
mod datagram;
mod filter;
mod path;
mod receiver;
mod route;
mod sender;
mod watch;

pub(crate) use filter::{Beginning, FilteredSocket};
pub use path::PathError;
pub(crate) use receiver::Receiver;
pub(crate) use sender::Sender;
