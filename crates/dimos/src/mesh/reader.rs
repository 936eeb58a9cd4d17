//! The thread that reads the bus and lets time pass for the cores.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lcm::{Handle, Inline, Pattern, Sample};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

use super::Shared;
use super::cores::Cores;
use crate::name::Name;

/// Wakes the reading thread.
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

pub(super) struct Reader {
    bus: Inline,
    shared: Arc<Shared>,
    always: Vec<Handle>,
    beats: Option<Handle>,
}

impl Reader {
    pub(super) fn new(bus: Inline, shared: Arc<Shared>, name: Option<&Name>) -> io::Result<Self> {
        let mut reader = Self { bus, shared, always: Vec::new(), beats: None };
        let responses = reader.shared.lock().presence.node().response_channel();
        reader.always = vec![
            reader.subscribe(CLAIMS, Cores::heard_claim)?,
            reader.subscribe(ASKS, Cores::heard_ask)?,
            reader.subscribe(&responses, Cores::heard_response)?,
        ];
        if let Some(name) = name {
            reader.always.push(reader.subscribe(&name.request_channel(), Cores::heard_request)?);
        }
        Ok(reader)
    }

    /// Until the process has left.
    pub(super) fn run(mut self) {
        loop {
            let (next, wants_beats) = {
                let mut cores = self.shared.lock();
                cores.tick(Instant::now());
                cores.act();
                if cores.is_stopped() {
                    return;
                }
                (cores.next_wakeup(), cores.note_beats())
            };
            if let Err(error) = self.follow_beats(wants_beats).and_then(|()| self.wait(next)).and_then(|()| self.read())
            {
                tracing::warn!(%error, "cannot read the bus");
                std::thread::sleep(AFTER_ERROR);
            }
        }
    }

    fn read(&mut self) -> io::Result<()> {
        while self.bus.handle(Some(Duration::ZERO))? {}
        Ok(())
    }

    fn wait(&self, until: Option<Instant>) -> io::Result<()> {
        let timeout = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout =
            timeout.map(|timeout| Timespec::try_from(timeout).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 }));
        let wake = PollFd::from_borrowed_fd(self.shared.wake.0.as_fd(), PollFlags::IN);
        let polled = match self.bus.poll_fd() {
            Some(bus) => poll(&mut [wake, PollFd::from_borrowed_fd(bus, PollFlags::IN)], timeout.as_ref()),
            None => poll(&mut [wake], timeout.as_ref()),
        };
        match polled {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        // Empty already, if it was not what woke this thread.
        let _ = rustix::io::read(&self.shared.wake.0, &mut [0; 8]);
        Ok(())
    }

    fn follow_beats(&mut self, wants_beats: bool) -> io::Result<()> {
        if wants_beats && self.beats.is_none() {
            self.beats = Some(self.subscribe(BEATS, Cores::heard_beat)?);
        } else if !wants_beats {
            self.beats = None;
        }
        Ok(())
    }

    fn subscribe(&self, channel: &str, hear: fn(&mut Cores, Instant, &Sample)) -> io::Result<Handle> {
        let shared = Arc::clone(&self.shared);
        let handler = move |sample: &Sample| {
            let mut cores = shared.lock();
            hear(&mut cores, Instant::now(), sample);
            cores.act();
        };
        let channel = Pattern::exact(channel).map_err(io::Error::other)?;
        self.bus.subscribe(channel, handler).map_err(io::Error::other)
    }
}

/// Where every process says who it is.
pub(super) const CLAIMS: &str = "/mesh/claim#dimos_mesh.Claim";

/// Where processes are asked who they are.
pub(super) const ASKS: &str = "/mesh/ask#dimos_mesh.Ask";

/// Where processes give signs of life.
pub(super) const BEATS: &str = "/mesh/beat#dimos_mesh.Beat";

/// A pause, so that an error that stays costs no processor.
const AFTER_ERROR: Duration = Duration::from_millis(100);
