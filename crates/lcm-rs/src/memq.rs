//! `memq://`: a queue inside one process, in place of a bus. What an instance publishes, it alone receives.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

use crate::channel::Channel;
use crate::fragment::MessageTooLarge;
use crate::publisher::PublishError;
use crate::sample::Sample;
use crate::statistics::Counters;
use crate::subscriptions::Dispatcher;
use crate::wire::MAX_MESSAGE_BYTES;

/// The publishing end.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    shared: Arc<Shared>,
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Receiver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Readable while something is queued, or the queue closed.
    ready: OwnedFd,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<Sample>,
    bytes: usize,
    /// Until someone receives, nothing is kept.
    receiving: bool,
    closed: bool,
}

impl Sender {
    pub(crate) fn open(counters: Arc<Counters>) -> io::Result<Self> {
        let ready = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { shared: Arc::new(Shared { state: Mutex::default(), ready, counters }) })
    }

    /// The receiving end, which from now on keeps what is published.
    pub(crate) fn receiver(&self) -> Receiver {
        self.shared.lock().receiving = true;
        Receiver { shared: Arc::clone(&self.shared) }
    }

    pub(crate) fn publish(&self, channel: Channel, payload: &[IoSlice<'_>]) -> Result<usize, PublishError> {
        let length = payload.iter().map(|slice| slice.len()).sum();
        if length > MAX_MESSAGE_BYTES {
            let limit = MAX_MESSAGE_BYTES;
            return Err(MessageTooLarge { length, limit, datagram_bytes: limit }.into());
        }
        let mut bytes = Vec::with_capacity(length);
        payload.iter().for_each(|slice| bytes.extend_from_slice(slice));
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let receive_time_ns = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
        let message = Sample { channel, payload: bytes.into(), receive_time_ns, sender: None };
        let mut state = self.shared.lock();
        if state.receiving {
            while state.bytes + length > MAX_QUEUED_BYTES
                && let Some(oldest) = state.messages.pop_front()
            {
                state.bytes -= cost(&oldest);
                self.shared.counters.queue_drops.add_shared(1);
            }
            state.bytes += cost(&message);
            state.messages.push_back(message);
            self.shared.signal();
        }
        Ok(length)
    }
}

impl Receiver {
    pub(crate) fn poll_fd(&self) -> BorrowedFd<'_> {
        self.shared.ready.as_fd()
    }

    /// Ends a wait in progress and all later ones, from any thread.
    pub(crate) fn closer(&self) -> impl Fn() + Send + Sync + 'static {
        let shared = Arc::clone(&self.shared);
        move || {
            shared.lock().closed = true;
            shared.signal();
        }
    }

    /// Waits for the next message that is wanted, at most `timeout`. False when that is over, or when the queue was closed.
    pub(crate) fn receive(
        &self,
        timeout: Option<Duration>,
        dispatcher: &mut Dispatcher,
        message: &mut Sample,
    ) -> io::Result<bool> {
        let start = Instant::now();
        loop {
            {
                let mut state = self.shared.lock();
                while let Some(next) = state.messages.pop_front() {
                    state.bytes -= cost(&next);
                    if state.messages.is_empty() && !state.closed {
                        self.shared.unsignal();
                    }
                    if dispatcher.wants(&next.channel) {
                        *message = next;
                        return Ok(true);
                    }
                }
                if state.closed {
                    return Ok(false);
                }
            }
            let remaining = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()));
            if remaining.is_some_and(|remaining| remaining.is_zero()) {
                return Ok(false);
            }
            // A wait too long to express waits in turns.
            let turn = remaining.and_then(|remaining| Timespec::try_from(remaining).ok());
            match rustix::event::poll(&mut [PollFd::new(&self.shared.ready, PollFlags::IN)], turn.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn signal(&self) {
        // Fails only where the counter is full, and then it is readable already.
        let _ = rustix::io::write(&self.ready, &1_u64.to_ne_bytes());
    }

    fn unsignal(&self) {
        // Fails only where it is not signalled, which is what is wanted.
        let _ = rustix::io::read(&self.ready, &mut [0; 8]);
    }
}

fn cost(message: &Sample) -> usize {
    size_of::<Sample>() + message.payload.len()
}

/// What waits for a receiver that is too slow; beyond it the oldest messages are dropped and counted.
const MAX_QUEUED_BYTES: usize = 2 * MAX_MESSAGE_BYTES;
