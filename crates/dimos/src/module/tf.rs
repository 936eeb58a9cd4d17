//! The transforms between coordinate frames, as a module uses them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use lcm::{Channel, Message, Publisher, Sample};
use lcm_types::geometry_msgs::TransformStamped;
use lcm_types::tf2_msgs::TFMessage;

use super::clock::Clock;
use super::output::OutError;
use crate::mesh::{Mesh, RunChore};
use crate::transforms::{InsertError, LookupError, TransformBuffer, When};

/// The transforms between coordinate frames: those that others publish on `/tf`, and the module's own. Clones are the same, and any
/// thread may have one. The [module of the buffer](crate::transforms) says what the lookups mean.
#[derive(Debug, Clone)]
pub struct Tf {
    shared: Arc<Shared>,
    mesh: Arc<Mesh>,
}

#[derive(Debug)]
struct Shared {
    channel: Channel,
    publisher: Publisher,
    clock: Clock,
    /// Whether this process has lost its name.
    is_silenced: Arc<AtomicBool>,
    /// Messages that the kernel took.
    published: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    buffer: TransformBuffer,
    fixed: Vec<TransformStamped>,
    /// Who waits for news.
    waiting: Vec<(u64, Sender<()>)>,
    /// Numbers those who wait.
    waits: u64,
}

/// Why transforms were not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TfError {
    /// One of them makes no sense.
    #[error(transparent)]
    Insert(#[from] InsertError),
    /// The bus did not take them.
    #[error(transparent)]
    Publish(#[from] OutError),
}

/// Why a wait for a transform has no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// The time is over, or waiting does not help: what [`Tf::lookup`] says.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The process is about to end, and waits for nothing any more.
    #[error("this process is about to end and waits no longer; last, {lookup}")]
    Stopping {
        /// What [`Tf::lookup`] says.
        lookup: LookupError,
    },
}

impl Tf {
    pub(super) fn new(
        mesh: Arc<Mesh>,
        channel: Channel,
        publisher: Publisher,
        clock: Clock,
        is_silenced: Arc<AtomicBool>,
        published: Arc<AtomicU64>,
    ) -> Self {
        let state = State { buffer: TransformBuffer::new(), fixed: Vec::new(), waiting: Vec::new(), waits: 0 };
        let state = Mutex::new(state);
        Self { shared: Arc::new(Shared { channel, publisher, clock, is_silenced, published, state }), mesh }
    }

    /// What maps coordinates of `source_frame` into `target_frame`, with the time it holds for.
    ///
    /// # Errors
    /// Which frame or which time is not known.
    pub fn lookup(&self, target_frame: &str, source_frame: &str, when: When) -> Result<TransformStamped, LookupError> {
        self.lock().buffer.lookup(target_frame, source_frame, when)
    }

    /// [`Tf::lookup`], which waits until there is an answer, so long at most. The module's other handlers wait too.
    ///
    /// # Errors
    /// As [`Tf::lookup`], when the time is over; [`WaitError::Stopping`] as soon as the process is to end.
    pub fn wait(
        &self,
        target_frame: &str,
        source_frame: &str,
        when: When,
        at_most: Duration,
    ) -> Result<TransformStamped, WaitError> {
        let until = Instant::now() + at_most;
        loop {
            let (news, number): (Receiver<()>, u64);
            {
                let mut state = self.lock();
                match state.buffer.lookup(target_frame, source_frame, when) {
                    Err(lookup) if lookup.is_waitable() && self.mesh.is_interrupted() => {
                        return Err(WaitError::Stopping { lookup });
                    }
                    Err(error) if error.is_waitable() && Instant::now() < until => {}
                    found => return Ok(found?),
                }
                let (sender, receiver) = bounded(1);
                state.waits += 1;
                number = state.waits;
                state.waiting.push((number, sender));
                news = receiver;
            }
            let _: Option<()> = self.mesh.wait_in_handler(&news, Some(until));
            self.lock().waiting.retain(|(waiting, _)| *waiting != number);
        }
    }

    /// Publishes where a frame is now: `child_frame_id` within `header.frame_id`.
    ///
    /// # Errors
    /// If it makes no sense, or the bus does not take it.
    pub fn publish(&self, transform: &TransformStamped) -> Result<(), TfError> {
        self.publish_all(std::slice::from_ref(transform))
    }

    /// Publishes where several frames are, in one message. Those that make no sense are left out.
    ///
    /// # Errors
    /// The first that makes no sense, or that the bus does not take them.
    pub fn publish_all(&self, transforms: &[TransformStamped]) -> Result<(), TfError> {
        let (mut good, mut refused) = (Vec::with_capacity(transforms.len()), None);
        {
            let mut state = self.lock();
            for transform in transforms {
                match state.buffer.insert(transform) {
                    Ok(_) => good.push(transform.clone()),
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
        }
        if !good.is_empty() || refused.is_none() {
            self.shared.send(good)?;
        }
        refused.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Publishes where a frame always is: now, and five times a second from now on, as DimOS does.
    ///
    /// # Errors
    /// If it makes no sense, or the bus does not take it.
    pub fn publish_static(&self, transform: &TransformStamped) -> Result<(), TfError> {
        {
            let mut state = self.lock();
            state.buffer.insert_static(transform)?;
            state.fixed.retain(|fixed| fixed.child_frame_id != transform.child_frame_id);
            state.fixed.push(transform.clone());
        }
        self.shared.send(vec![transform.clone()])
    }

    /// All that is known, for people: each frame below its parent.
    #[must_use]
    pub fn tree(&self) -> String {
        self.lock().buffer.tree()
    }

    pub(super) fn channel(&self) -> Channel {
        self.shared.channel
    }

    /// Takes in what others publish.
    pub(super) fn listener(&self) -> impl FnMut(&Sample) + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move |sample| shared.heard(sample)
    }

    /// What was heard is of another run: the clock has gone back.
    pub(super) fn forget_heard(&self) {
        self.lock().buffer.forget_heard();
    }

    /// Publishes what always holds, again and again.
    pub(super) fn static_chore(&self) -> Box<RunChore> {
        let shared = Arc::clone(&self.shared);
        Box::new(move |now| {
            shared.repeat_static();
            Some(now + STATIC_PERIOD)
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

impl Shared {
    fn heard(&self, sample: &Sample) {
        let mut state = self.lock();
        match TFMessage::view(sample.payload()) {
            Ok(message) => {
                state.buffer.insert_message_view(message);
                for (_, waiting) in state.waiting.drain(..) {
                    // It has room for one, and one is enough.
                    let _ = waiting.try_send(());
                }
            }
            Err(error) => tracing::debug!(%error, "not a TFMessage"),
        }
    }

    /// Publishes what always holds once more, with the time it is now.
    fn repeat_static(&self) {
        let mut fixed = self.lock().fixed.clone();
        if fixed.is_empty() || self.is_silenced.load(Ordering::Relaxed) {
            return;
        }
        let stamp = self.clock.header("").stamp;
        for transform in &mut fixed {
            transform.header.stamp = stamp;
        }
        if let Err(error) = self.send(fixed) {
            tracing::warn!(%error, "cannot publish static transforms");
        }
    }

    fn send(&self, transforms: Vec<TransformStamped>) -> Result<(), TfError> {
        if self.is_silenced.load(Ordering::Relaxed) {
            return Err(OutError::Displaced { channel: self.channel }.into());
        }
        let message = TFMessage { transforms };
        self.publisher.publish_message(self.channel, &message).map_err(OutError::from)?;
        self.published.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where transforms are published.
pub(super) const TOPIC: &str = "/tf";

/// How often static transforms are published.
const STATIC_PERIOD: Duration = Duration::from_millis(200);
