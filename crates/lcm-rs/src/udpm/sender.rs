//! Publishing on UDP multicast: one sending instance with its own port, sequence numbers, pace and way onto the bus.
//!
//! It keeps the rules that every deployed receiver needs: fragment 0 first, in order, a whole message before anything else
//! from this port. Hence the lock that a publisher holds for one message.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::datagram;
use super::path::{self, Path, PathError, Route};
use super::watch::Watch;
use crate::channel::Channel;
use crate::fragment::Parts;
use crate::pace::Pacer;
use crate::publisher::PublishError;
use crate::subscriptions::Subscriptions;
use crate::url::UdpmUrl;
use crate::wire::{MAX_DATAGRAM_BYTES, SHORT_HEADER_BYTES};

/// A sending instance.
#[derive(Debug)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
    /// `None` where the kernel announces no changes to us; sending still finds a new way when the old one fails.
    _watch: Option<Watch>,
}

#[derive(Debug)]
struct Shared {
    url: UdpmUrl,
    /// Those of the same connection, which hears what it sends. Weak, since a handler may own a publisher.
    subscriptions: Weak<Subscriptions>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    path: Path,
    seqno: u32,
    pacer: Pacer,
    /// Where batches are put together.
    batch: Vec<u8>,
    /// Whether the kernel and the interface cut batches into datagrams, as far as is known.
    segments: bool,
    /// A new way onto the bus that was not logged yet.
    unreported: Option<Route>,
}

impl Sender {
    pub(crate) fn open(url: &UdpmUrl, subscriptions: &Arc<Subscriptions>) -> Result<Self, PathError> {
        let path = Path::find(url)?;
        path.route.report(url);
        subscriptions.set_own_address(path.local);
        let subscriptions = Arc::downgrade(subscriptions);
        let pacer = Pacer::new(url.pace, Instant::now());
        let state = State { path, seqno: 0, pacer, batch: Vec::new(), segments: true, unreported: None };
        let shared = Arc::new(Shared { url: url.clone(), subscriptions, state: Mutex::new(state) });
        let watched = Arc::clone(&shared);
        let watch = Watch::start(move || watched.follow_change())
            .inspect_err(|error| tracing::warn!(%error, "changes of interfaces and routes will go unnoticed"))
            .ok();
        Ok(Self { shared, _watch: watch })
    }

    /// Sends one message and returns its size.
    pub(crate) fn publish(&self, channel: Channel, payload: &[IoSlice<'_>]) -> Result<usize, PublishError> {
        if payload.len() >= MAX_SLICES {
            let copy: Vec<u8> = payload.iter().flat_map(|slice| slice.iter().copied()).collect();
            return self.publish(channel, &[IoSlice::new(&copy)]);
        }
        self.shared.with_state(|state| self.publish_with(state, channel, payload))
    }

    fn publish_with(
        &self,
        state: &mut State,
        channel: Channel,
        payload: &[IoSlice<'_>],
    ) -> Result<usize, PublishError> {
        let message_bytes = payload.iter().map(|slice| slice.len()).sum();
        let parts = Parts::new(channel, state.seqno, message_bytes, self.shared.url.frag)?;
        state.seqno = state.seqno.wrapping_add(1);
        let count = parts.len();
        if count > 1
            && let Some(subscriptions) = self.shared.subscriptions.upgrade()
        {
            subscriptions.before_own_fragments(&channel);
        }
        let mut cursor = Cursor::new(payload);
        for (number, part) in parts.enumerate() {
            state.pace(part.header().len() + part.payload.len());
            let sent = cursor.gather(part.header(), part.payload.len(), |slices| match number {
                0 => self.shared.send_first(state, slices),
                _ => datagram::send(state.path.socket.as_fd(), slices),
            });
            sent.map_err(|source| PublishError::Send { channel, fragment: number, fragments: count, source })?;
        }
        Ok(message_bytes)
    }

    /// Sends messages one after the other, runs of small ones of equal size in one system call each. Calls `sent` with the
    /// number of messages and bytes that have gone.
    pub(crate) fn publish_batch(
        &self,
        channel: Channel,
        payloads: &[&[u8]],
        mut sent: impl FnMut(usize, usize),
    ) -> Result<(), PublishError> {
        for run in payloads.chunk_by(|one, next| one.len() == next.len()) {
            let payload_bytes = run.first().map_or(0, |payload| payload.len());
            let datagram_bytes = SHORT_HEADER_BYTES + channel.as_bytes().len() + 1 + payload_bytes;
            let together = MAX_SEGMENTS.min(MAX_DATAGRAM_BYTES / datagram_bytes);
            if datagram_bytes > self.shared.url.frag.min(MAX_SEGMENT_BYTES) {
                for payload in run {
                    sent(1, self.publish(channel, &[IoSlice::new(payload)])?);
                }
                continue;
            }
            for run in run.chunks(together) {
                let (messages, result) =
                    self.shared.with_state(|state| self.shared.send_run(state, channel, run, datagram_bytes));
                sent(messages, messages * payload_bytes);
                result?;
            }
        }
        Ok(())
    }
}

impl State {
    fn pace(&mut self, bytes: usize) {
        let wait = self.pacer.admit(bytes, Instant::now);
        if wait > Duration::ZERO {
            std::thread::sleep(wait);
        }
    }
}

impl Shared {
    /// Sends the first datagram of a message, on another way onto the bus if the one there was is lost.
    fn send_first(&self, state: &mut State, slices: &[IoSlice<'_>]) -> io::Result<()> {
        match datagram::send(state.path.socket.as_fd(), slices) {
            Err(error) if path::is_lost_route(&error) => {
                self.replace_path(state).map_err(|_| error)?;
                datagram::send(state.path.socket.as_fd(), slices)
            }
            sent => sent,
        }
    }

    /// Sends messages of one datagram each, all of `datagram_bytes`, in one system call where the kernel can.
    /// Returns how many went.
    fn send_run(
        &self,
        state: &mut State,
        channel: Channel,
        payloads: &[&[u8]],
        datagram_bytes: usize,
    ) -> (usize, Result<(), PublishError>) {
        let mut batch = std::mem::take(&mut state.batch);
        batch.clear();
        for payload in payloads {
            match Parts::new(channel, state.seqno, payload.len(), self.url.frag) {
                Ok(parts) => parts.for_each(|part| batch.extend_from_slice(part.header())),
                Err(error) => return (0, Err(error.into())),
            }
            batch.extend_from_slice(payload);
            state.seqno = state.seqno.wrapping_add(1);
        }
        state.pace(batch.len());
        let together = u16::try_from(datagram_bytes).ok().filter(|_| state.segments && payloads.len() > 1);
        let mut result = match together {
            Some(datagram_bytes) => datagram::send_batch(state.path.socket.as_fd(), &batch, datagram_bytes),
            None => Err(io::ErrorKind::Unsupported.into()),
        };
        let mut sent = payloads.len();
        if result.is_err() {
            sent = 0;
            // One by one, which tells a lost route from a kernel or an interface that cannot cut batches.
            result = batch.chunks(datagram_bytes).try_for_each(|datagram| {
                self.send_first(state, &[IoSlice::new(datagram)])?;
                sent += 1;
                Ok(())
            });
            state.segments &= together.is_none() || result.is_err();
        }
        state.batch = batch;
        (sent, result.map_err(|source| PublishError::Send { channel, fragment: 0, fragments: 1, source }))
    }

    /// Works with the state under its lock. What there is to log is logged after that: whoever takes log lines may publish
    /// them.
    fn with_state<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let result = work(&mut state);
        let unreported = state.unreported.take();
        drop(state);
        if let Some(route) = unreported {
            route.report(&self.url);
        }
        result
    }

    /// After a change of interfaces or routes: joins anew in any case, since a membership may have gone with its interface,
    /// and keeps the port where datagrams leave as before.
    fn follow_change(&self) {
        match Path::find(&self.url) {
            Ok(path) => self.with_state(|state| {
                if path.route == state.path.route {
                    state.path.membership = path.membership;
                } else {
                    self.use_path(state, path);
                }
            }),
            Err(error) => tracing::warn!(%error, "the way onto the bus is lost"),
        }
    }

    /// After a send that failed for want of a route.
    fn replace_path(&self, state: &mut State) -> Result<(), PathError> {
        self.use_path(state, Path::find(&self.url)?);
        Ok(())
    }

    fn use_path(&self, state: &mut State, path: Path) {
        if let Some(subscriptions) = self.subscriptions.upgrade() {
            subscriptions.set_own_address(path.local);
        }
        state.unreported = Some(path.route);
        state.segments = true;
        state.path = path;
    }
}

/// Walks over a gathered payload, datagram by datagram.
struct Cursor<'a> {
    payload: &'a [IoSlice<'a>],
    /// How much of the first slice is behind.
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn new(payload: &'a [IoSlice<'a>]) -> Self {
        Self { payload, offset: 0 }
    }

    /// Calls `send` with the slices of one datagram: `header` and the next `bytes` of the payload.
    fn gather<R>(&mut self, header: &[u8], mut bytes: usize, send: impl FnOnce(&[IoSlice<'_>]) -> R) -> R {
        let mut few = [IoSlice::new(&[]); FEW_SLICES];
        let mut many = Vec::new();
        let slices = if self.payload.len() < FEW_SLICES {
            &mut few[..]
        } else {
            many.resize(self.payload.len() + 1, IoSlice::new(&[]));
            &mut many[..]
        };
        slices[0] = IoSlice::new(header);
        let mut filled = 1;
        while bytes > 0 {
            let Some((first, rest)) = self.payload.split_first() else { break };
            let piece = &first[self.offset..first.len().min(self.offset + bytes)];
            bytes -= piece.len();
            self.offset += piece.len();
            if self.offset == first.len() {
                self.payload = rest;
                self.offset = 0;
            }
            slices[filled] = IoSlice::new(piece);
            filled += 1;
        }
        send(&slices[..filled])
    }
}

/// Up to here the slices of a datagram are listed on the stack.
const FEW_SLICES: usize = 8;

/// What one system call takes on Linux (`IOV_MAX`). A payload in more pieces, one for the header included, is copied together
/// first.
const MAX_SLICES: usize = 1024;

/// What the kernel cuts at most (`UDP_MAX_SEGMENTS` of older kernels).
const MAX_SEGMENTS: usize = 64;

/// Segments must fit the interface without IP fragments, so larger datagrams are sent one by one.
const MAX_SEGMENT_BYTES: usize = 1400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gathered_payload_is_walked_whole_whatever_its_pieces_and_the_datagrams() {
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..2000 {
            let pieces: Vec<Vec<u8>> =
                (0..random.usize(..20)).map(|_| (0..random.usize(..40)).map(|_| random.u8(..)).collect()).collect();
            let whole = pieces.concat();
            let slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            let mut cursor = Cursor::new(&slices);
            let mut walked = Vec::new();
            while walked.len() < whole.len() {
                let bytes = random.usize(1..=50).min(whole.len() - walked.len());
                cursor.gather(b"head", bytes, |datagram| {
                    let datagram: Vec<u8> = datagram.iter().flat_map(|slice| slice.iter().copied()).collect();
                    assert_eq!((&datagram[..4], datagram.len()), (&b"head"[..], 4 + bytes));
                    walked.extend_from_slice(&datagram[4..]);
                });
            }
            assert_eq!(walked, whole);
        }
    }
}
