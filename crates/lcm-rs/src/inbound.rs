//! From datagrams to messages: parsing, reassembly and counting, joined. Pure: time is passed in.
//!
//! Where datagrams come from is the business of the transports ([`crate::udpm`], [`crate::memory`]).

use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::Instant;

use crate::channel::Channel;
use crate::payload::Payload;
use crate::reassembly::{Beginning, GivenUp, Landing, Outcome, Reassembler};
use crate::statistics::{Counters, Senders};
use crate::subscriptions::Interest;
use crate::wire::{self, Datagram, FragmentHeader};

/// The receiving side of the protocol, for one bus.
#[derive(Debug)]
pub(crate) struct Inbound {
    reassembler: Reassembler,
    senders: Senders,
    counters: Arc<Counters>,
    /// Whether somebody is told of the messages that pass by.
    overheard: bool,
    /// Whether the advice on the receive buffer was given.
    warned: bool,
}

/// What one datagram brought.
#[derive(Debug)]
pub(crate) enum Arrived<'a> {
    /// A whole message within the datagram.
    Short { channel: Channel, payload: &'a [u8] },
    /// The last missing fragment of a message.
    Assembled { channel: Channel, payload: Payload },
    /// The last fragment of a large message that passed by and is told of.
    Passed { channel: Channel, message_bytes: usize, beginning: Beginning },
    /// A message, or the beginning of one, that nobody wants.
    Unwanted,
    /// Nothing to deliver.
    Nothing,
}

impl Inbound {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        let senders = Senders::new(Arc::clone(&counters));
        Self { reassembler: Reassembler::default(), senders, counters, overheard: false, warned: false }
    }

    /// Says whether a filter keeps unwanted messages away before they come here. Then nobody can tell them from lost ones.
    pub(crate) fn set_filtered(&mut self, filtered: bool) {
        self.senders.set_filtered(filtered);
        self.reassembler.set_unwanted_first_missing(filtered);
    }

    /// Says whether somebody is told of the messages that pass by.
    pub(crate) fn set_overheard(&mut self, overheard: bool) {
        self.overheard = overheard;
        self.reassembler.set_overheard(overheard);
    }

    /// Takes in a datagram that lies in one piece. `interest` tells what is wanted of a channel.
    pub(crate) fn accept<'a>(
        &mut self,
        from: SocketAddrV4,
        datagram: &'a [u8],
        now: Instant,
        mut interest: impl FnMut(&Channel) -> Interest,
    ) -> Arrived<'a> {
        match wire::parse(datagram) {
            Ok(Datagram::Short { seqno, channel, payload }) => {
                self.senders.observe(from, seqno, now).count_message(payload.len());
                if channel == Channel::SELF_TEST {
                    Arrived::Nothing
                } else if interest(&channel) != Interest::None {
                    Arrived::Short { channel, payload }
                } else {
                    Arrived::Unwanted
                }
            }
            Ok(Datagram::Fragment(fragment)) => {
                let wanted = fragment.channel.is_none_or(|channel| interest(&channel) == Interest::Whole);
                let (outcome, first) = self.reassembler.insert(from, &fragment, wanted, now);
                if first {
                    if fragment.number > 0 && !self.senders.knows(from) {
                        self.reassembler.note_under_way(from, fragment.seqno);
                    }
                    self.senders.observe(from, fragment.seqno, now);
                }
                match self.conclude(from, outcome) {
                    Arrived::Nothing if !wanted => Arrived::Unwanted,
                    arrived => arrived,
                }
            }
            Err(error) => {
                self.counters.malformed.add(1);
                tracing::debug!(%from, %error, "malformed datagram");
                Arrived::Nothing
            }
        }
    }

    /// Where the body of the next fragment is expected to belong; see [`Reassembler::landing`].
    pub(crate) fn landing(&mut self) -> Option<Landing<'_>> {
        self.reassembler.landing()
    }

    /// Takes in a fragment received into the landing; see [`Reassembler::landed`].
    pub(crate) fn landed(
        &mut self,
        from: SocketAddrV4,
        header: &FragmentHeader,
        body_bytes: usize,
        now: Instant,
    ) -> Option<Arrived<'static>> {
        let outcome = self.reassembler.landed(from, header, body_bytes, now)?;
        Some(self.conclude(from, outcome))
    }

    /// Gives up what waited too long; to be called now and then.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.reassembler.expire(now);
        self.count_given_up();
        self.counters.stalled.set(self.reassembler.stalled(now) as u64);
    }

    fn conclude(&mut self, from: SocketAddrV4, outcome: Outcome) -> Arrived<'static> {
        let arrived = match outcome {
            Outcome::Complete { channel, payload } => {
                self.senders.count_message(from, payload.len());
                Arrived::Assembled { channel, payload }
            }
            Outcome::PassedBy { channel, message_bytes, beginning } => {
                self.senders.count_message(from, message_bytes);
                if self.overheard { Arrived::Passed { channel, message_bytes, beginning } } else { Arrived::Nothing }
            }
            Outcome::Skipped => {
                self.senders.count_lost_or_unwanted(from);
                Arrived::Nothing
            }
            Outcome::Repeated => {
                self.counters.repeated_fragments.add(1);
                Arrived::Nothing
            }
            Outcome::Pending | Outcome::Contradiction => Arrived::Nothing,
        };
        self.count_given_up();
        arrived
    }

    fn count_given_up(&mut self) {
        for given_up in self.reassembler.take_given_up() {
            if given_up.was_under_way {
                self.senders.count_under_way(given_up.sender);
                continue;
            }
            if given_up.maybe_unwanted {
                self.senders.count_lost_or_unwanted(given_up.sender);
                continue;
            }
            self.senders.count_incomplete(given_up.sender);
            tracing::debug!(?given_up, "message incomplete");
            let buffer_bytes = self.counters.receive_buffer_bytes.load();
            // Not for a size that a single forged header announces.
            let mostly_arrived = given_up.received_bytes >= given_up.message_bytes / 8;
            if !self.warned && buffer_bytes > 0 && mostly_arrived && given_up.message_bytes as u64 > buffer_bytes / 2 {
                self.warned = true;
                warn_of_small_buffer(&given_up, buffer_bytes);
            }
        }
    }
}

fn warn_of_small_buffer(given_up: &GivenUp, buffer_bytes: u64) {
    let GivenUp { sender, message_bytes, channel, .. } = given_up;
    let channel = channel.map_or_else(|| "unknown".to_owned(), |channel| channel.to_string());
    // A buffer must hold the message and the kernel's own bookkeeping, about as much again.
    let wanted = (2 * message_bytes).next_power_of_two();
    tracing::warn!(
        %sender,
        "a message of {message_bytes} bytes on channel {channel} arrived only in part, and the kernel receive buffer of \
         {buffer_bytes} bytes cannot hold it whole: raise net.core.rmem_max if it is less than {wanted} (`sysctl -w \
         net.core.rmem_max={wanted}`), and recv_buf_size in the URL if it is set there"
    );
}
