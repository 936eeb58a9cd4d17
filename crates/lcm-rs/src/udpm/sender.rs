//! Publishing on UDP multicast: one sending instance with its own port, sequence numbers, pace and way onto the bus.
//!
//! It keeps the rules that every deployed receiver needs: fragment 0 first, in order, a whole message before anything else
//! from this port. Hence the lock that a publisher holds for one message.

use std::io::IoSlice;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::datagram;
use super::path::{self, Path, PathError};
use super::watch::Watch;
use crate::channel::Channel;
use crate::fragment::Parts;
use crate::pace::Pacer;
use crate::publisher::PublishError;
use crate::url::UdpmUrl;

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
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    path: Path,
    seqno: u32,
    pacer: Pacer,
}

impl Sender {
    pub(crate) fn open(url: &UdpmUrl) -> Result<Self, PathError> {
        let path = Path::find(url)?;
        path.report(url);
        let state = State { path, seqno: 0, pacer: Pacer::new(url.pace, Instant::now()) };
        let shared = Arc::new(Shared { url: url.clone(), state: Mutex::new(state) });
        let watched = Arc::clone(&shared);
        let watch = Watch::start(move || watched.follow_change())
            .inspect_err(|error| tracing::warn!(%error, "changes of interfaces and routes will go unnoticed"))
            .ok();
        Ok(Self { shared, _watch: watch })
    }

    /// Sends one message and returns its size.
    pub(crate) fn publish(&self, channel: Channel, payload: &[IoSlice<'_>]) -> Result<usize, PublishError> {
        let message_bytes = payload.iter().map(|slice| slice.len()).sum();
        let mut state = self.shared.lock();
        let parts = Parts::new(channel, state.seqno, message_bytes, self.shared.url.frag)?;
        if payload.len() >= MAX_SLICES {
            drop(state);
            let copy: Vec<u8> = payload.iter().flat_map(|slice| slice.iter().copied()).collect();
            return self.publish(channel, &[IoSlice::new(&copy)]);
        }
        state.seqno = state.seqno.wrapping_add(1);
        let count = parts.len();
        let mut cursor = Cursor::new(payload);
        for (number, part) in parts.enumerate() {
            let wait = state.pacer.admit(part.header().len() + part.payload.len(), Instant::now);
            if wait > Duration::ZERO {
                std::thread::sleep(wait);
            }
            let sent = cursor.gather(part.header(), part.payload.len(), |slices| {
                let sent = datagram::send(state.path.socket.as_fd(), slices);
                match sent {
                    Err(error) if number == 0 && path::is_lost_route(&error) => {
                        self.shared.replace_path(&mut state).map_err(|_| error)?;
                        datagram::send(state.path.socket.as_fd(), slices)
                    }
                    sent => sent,
                }
            });
            sent.map_err(|source| PublishError::Send { channel, fragment: number, fragments: count, source })?;
        }
        Ok(message_bytes)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// After a change of interfaces or routes: joins anew in any case, since a membership may have gone with its interface,
    /// and keeps the port where datagrams leave as before.
    fn follow_change(&self) {
        let mut state = self.lock();
        match Path::find(&self.url) {
            Ok(path) if path.route == state.path.route => state.path.membership = path.membership,
            Ok(path) => {
                path.report(&self.url);
                state.path = path;
            }
            Err(error) => tracing::warn!(%error, "the way onto the bus is lost"),
        }
    }

    /// After a send that failed for want of a route.
    fn replace_path(&self, state: &mut State) -> Result<(), PathError> {
        state.path = Path::find(&self.url)?;
        state.path.report(&self.url);
        Ok(())
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
