//! Receiving, whatever carries the messages.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::message::Message;
use crate::{memory, memq, udpm};

/// The receiving end of a connection. One thread reads at a time.
#[derive(Debug)]
pub(crate) enum Receiver {
    Udpm(udpm::Receiver),
    Memq(memq::Receiver),
    Memory(memory::Receiver),
}

/// Ends a wait in progress and all later ones, from any thread.
pub(crate) type Closer = Box<dyn Fn() + Send + Sync>;

impl Receiver {
    /// Waits for the next message, at most `timeout`, and puts it into `message`. False when that is over, or when closed.
    pub(crate) fn receive(&mut self, timeout: Option<Duration>, message: &mut Message) -> io::Result<bool> {
        match self {
            Self::Udpm(receiver) => receiver.receive(timeout, message),
            Self::Memq(receiver) => receiver.receive(timeout, message),
            Self::Memory(receiver) => Ok(receiver.receive(message)),
        }
    }

    pub(crate) fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Udpm(receiver) => Some(receiver.poll_fd()),
            Self::Memq(receiver) => Some(receiver.poll_fd()),
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn closer(&self) -> Closer {
        match self {
            Self::Udpm(receiver) => Box::new(receiver.closer()),
            Self::Memq(receiver) => Box::new(receiver.closer()),
            Self::Memory(_) => Box::new(|| {}),
        }
    }
}
