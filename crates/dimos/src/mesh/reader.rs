//! Reading the bus and letting time pass for the cores: one turn at a time, by whichever thread has nothing else to do.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use lcm::{Handle, Inline, Pattern, Sample};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::Shared;
use super::age::Clocks;
use super::cores::Cores;
use crate::name::Name;

/// Wakes the thread that waits for the bus.
#[derive(Debug)]
pub(super) struct Wake(OwnedFd);

impl Wake {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    pub(super) fn wake(&self) {
        // It fails only when it is set already.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

#[derive(Debug)]
pub(super) struct Reader {
    bus: Inline,
    shared: Arc<Shared>,
    beats: Option<Handle>,
    /// When the bus was last found empty, if that was in the last turn.
    emptied: Option<Clocks>,
}

impl Reader {
    pub(super) fn new(bus: Inline, shared: Arc<Shared>, name: Option<&Name>) -> io::Result<Self> {
        let reader = Self { bus, shared, beats: None, emptied: None };
        let responses = reader.shared.lock().presence.node().response_channel();
        reader.subscribe_core(CLAIMS, Cores::heard_claim).map_err(io::Error::other)?;
        reader.subscribe_core(ASKS, Cores::heard_ask).map_err(io::Error::other)?;
        reader.subscribe_core(&responses, Cores::heard_response).map_err(io::Error::other)?;
        if let Some(name) = name {
            reader.hear_requests(name).map_err(io::Error::other)?;
        }
        Ok(reader)
    }

    /// Waits for something to happen, so long at most, and does all that follows from it for the cores. What else is subscribed is
    /// handed to its handlers. It does not wait if `has_work` already.
    pub(super) fn turn(&mut self, until: Option<Instant>, has_work: &dyn Fn() -> bool) {
        // What other threads bring about from here on is noticed before this one waits.
        self.shared.lock().take_news();
        if has_work() {
            return;
        }
        if let Err(error) = self.try_turn(until) {
            tracing::warn!(%error, "cannot read the bus");
            std::thread::sleep(AFTER_ERROR);
        }
    }

    /// Has `handler` called for the messages of a channel, by whichever thread reads.
    pub(super) fn subscribe(
        &self,
        channel: &str,
        handler: impl FnMut(&Sample) + Send + 'static,
    ) -> Result<Handle, lcm::PatternError> {
        self.bus.subscribe(Pattern::exact(channel)?, handler)
    }

    pub(super) fn hear_requests(&self, name: &Name) -> Result<(), lcm::PatternError> {
        self.subscribe_core(&name.request_channel(), Cores::heard_request).map(drop)
    }

    fn try_turn(&mut self, until: Option<Instant>) -> io::Result<()> {
        // From here on, whoever moves a deadline forward wakes this thread.
        self.shared.is_waiting.store(true, Ordering::SeqCst);
        let (next, wants_beats, has_news) = {
            let mut cores = self.shared.lock();
            if let Some(emptied) = self.emptied.take() {
                cores.note_emptied(emptied);
            }
            cores.tick(Instant::now());
            cores.act();
            (cores.next_wakeup(), cores.note_beats(), cores.take_news())
        };
        if has_news {
            self.shared.is_waiting.store(false, Ordering::SeqCst);
            return Ok(());
        }
        let before = Clocks::now();
        let waited = self
            .follow_beats(wants_beats)
            .and_then(|()| Ok(self.bus.anticipate()? || self.wait(next.into_iter().chain(until).min())?));
        self.shared.is_waiting.store(false, Ordering::SeqCst);
        if !waited? {
            self.emptied = Some(before);
            return Ok(());
        }
        // A bus that is never empty shall not keep this thread from everything else.
        for _ in 0..AT_A_TURN {
            let before = Clocks::now();
            if !self.bus.handle(Some(Duration::ZERO))? {
                self.emptied = Some(before);
                break;
            }
        }
        Ok(())
    }

    /// Tells whether there may be something to read.
    fn wait(&self, until: Option<Instant>) -> io::Result<bool> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout =
            timeout.map(|timeout| Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 }));
        let wake = PollFd::from_borrowed_fd(self.shared.wake.0.as_fd(), PollFlags::IN);
        // At the end of an event log the bus is readable for ever.
        let bus = self.bus.poll_fd().filter(|_| !self.bus.ended());
        let (polled, is_woken, is_readable) = match bus {
            Some(bus) => {
                let mut both = [wake, PollFd::from_borrowed_fd(bus, PollFlags::IN)];
                let polled = poll(&mut both, timeout.as_ref());
                (polled, !both[0].revents().is_empty(), !both[1].revents().is_empty())
            }
            None => {
                let mut one = [wake];
                let polled = poll(&mut one, timeout.as_ref());
                (polled, !one[0].revents().is_empty(), true)
            }
        };
        match polled {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if is_woken {
            // It is set, so there is something to take.
            let _ = rustix::io::read(&self.shared.wake.0, &mut [0; 8]);
        }
        Ok(is_readable)
    }

    fn follow_beats(&mut self, wants_beats: bool) -> io::Result<()> {
        if wants_beats && self.beats.is_none() {
            self.beats = Some(self.subscribe_core(BEATS, Cores::heard_beat).map_err(io::Error::other)?);
        } else if !wants_beats {
            // Its handle alone keeps nothing subscribed.
            if let Some(beats) = self.beats.take() {
                beats.unsubscribe();
            }
        }
        Ok(())
    }

    fn subscribe_core(
        &self,
        channel: &str,
        hear: fn(&mut Cores, Instant, &Sample),
    ) -> Result<Handle, lcm::PatternError> {
        let shared = Arc::clone(&self.shared);
        let handler = move |sample: &Sample| {
            let mut cores = shared.lock();
            hear(&mut cores, Instant::now(), sample);
            cores.act();
        };
        self.subscribe(channel, handler)
    }
}

/// Where every process says who it is.
pub(super) const CLAIMS: &str = "/mesh/claim#dimos_mesh.Claim";

/// Where processes are asked who they are.
pub(super) const ASKS: &str = "/mesh/ask#dimos_mesh.Ask";

/// Where processes give signs of life.
pub(super) const BEATS: &str = "/mesh/beat#dimos_mesh.Beat";

/// How many messages are read before the time is looked at again.
const AT_A_TURN: usize = 256;

/// A pause, so that an error that stays costs no processor.
const AFTER_ERROR: Duration = Duration::from_millis(100);
