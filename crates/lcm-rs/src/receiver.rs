//! Receiving, whatever carries the messages.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::sample::Sample;
use crate::subscriptions::Dispatcher;
use crate::{log, memory, memq, udpm};

/// The receiving end of a connection. One thread reads at a time.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one a connection, and it stays where it is")]
pub(crate) enum Receiver {
    Udpm(udpm::Receiver),
    Memq(memq::Receiver),
    Log(Box<log::Receiver>),
    Memory(memory::Receiver),
}

/// What a wait for messages brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipt {
    /// No message.
    Nothing,
    /// A message.
    Message,
    /// Of a message of this size what it begins with.
    Beginning { message_bytes: usize },
}

impl Receipt {
    fn message(received: bool) -> Self {
        if received { Self::Message } else { Self::Nothing }
    }
}

/// Ends a wait in progress and all later ones, from any thread.
pub(crate) type Closer = Box<dyn Fn() + Send + Sync>;

impl Receiver {
    /// Waits for the next message that the dispatcher wants, at most `timeout`, and puts it into `message`. Nothing when that
    /// is over, at the end of an event log, or when closed.
    pub(crate) fn receive(
        &mut self,
        timeout: Option<Duration>,
        dispatcher: &mut Dispatcher,
        message: &mut Sample,
    ) -> io::Result<Receipt> {
        match self {
            Self::Udpm(receiver) => receiver.receive(timeout, dispatcher, message),
            Self::Memq(receiver) => receiver.receive(timeout, dispatcher, message).map(Receipt::message),
            Self::Log(receiver) => receiver.receive(timeout, dispatcher, message).map(Receipt::message),
            Self::Memory(receiver) => Ok(receiver.receive(dispatcher, message)),
        }
    }

    /// Looks for a datagram without sleeping, as long as an answer to what was just published is likely to come at once. True if
    /// there is something.
    pub(crate) fn anticipate(&mut self) -> io::Result<bool> {
        match self {
            Self::Udpm(receiver) => receiver.anticipate_only(),
            Self::Memq(_) | Self::Log(_) | Self::Memory(_) => Ok(false),
        }
    }

    /// Whether no message will come any more, as at the end of an event log.
    pub(crate) fn ended(&self) -> bool {
        matches!(self, Self::Log(receiver) if receiver.ended())
    }

    /// Whether messages come as fast as they are taken, so that a full queue is waited for and drops nothing. Not after it was
    /// closed.
    pub(crate) fn waits_for_subscribers(&self) -> bool {
        matches!(self, Self::Log(receiver) if receiver.waits_for_subscribers())
    }

    pub(crate) fn poll_fd(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Udpm(receiver) => Some(receiver.poll_fd()),
            Self::Memq(receiver) => Some(receiver.poll_fd()),
            Self::Log(receiver) => Some(receiver.poll_fd()),
            Self::Memory(_) => None,
        }
    }

    pub(crate) fn closer(&self) -> Closer {
        match self {
            Self::Udpm(receiver) => Box::new(receiver.closer()),
            Self::Memq(receiver) => Box::new(receiver.closer()),
            Self::Log(receiver) => Box::new(receiver.closer()),
            Self::Memory(_) => Box::new(|| {}),
        }
    }
}
