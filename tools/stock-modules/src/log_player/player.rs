//! The thread that plays: reads event after event, waits until each is due, and publishes it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dimos::module::RawOut;
use dimos::{Context, Name, Out};
use lcm::log::{EventRef, LogReader, Pacing, ReadError, Skipped};
use lcm_types::builtin_interfaces::Time;

use super::selection::{Decision, Selection};
use super::settings::Settings;

/// How far playing is. The thread writes, everybody reads.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pub(super) is_over: AtomicBool,
    /// When the log begins; microseconds since the epoch.
    pub(super) start_us: AtomicI64,
    /// When the last event was recorded that was played or left out.
    pub(super) now_us: AtomicI64,
    pub(super) rounds: AtomicU64,
    pub(super) played: AtomicU64,
    /// Events that were not wanted.
    pub(super) left_out: AtomicU64,
    /// Events that the bus cannot carry or did not take.
    pub(super) failed: AtomicU64,
    pub(super) damaged_places: AtomicU64,
    pub(super) damaged_bytes: AtomicU64,
}

/// Plays a log.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) context: Context,
    pub(super) settings: Settings,
    pub(super) wait_for: Vec<Name>,
    pub(super) log: LogReader,
    pub(super) stage: Stage,
}

/// Where events are published.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) selection: Selection,
    pub(super) out: RawOut,
    /// Where the time of the log is told, if it is.
    pub(super) clock: Option<Out<Time>>,
    /// The time that was told last.
    pub(super) told_us: Option<i64>,
}

/// Why playing ended before the end of the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlayError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the log has no event within the time that is to be played")]
    Nothing,
}

impl Player {
    /// Plays until the end of the log, or until the process ends.
    pub(super) fn play(mut self, progress: &Progress) -> Result<(), PlayError> {
        self.wait_for_modules();
        loop {
            let played = self.round(progress)?;
            if self.context.is_stopping() {
                return Ok(());
            }
            if played == 0 {
                return Err(PlayError::Nothing);
            }
            progress.rounds.fetch_add(1, Ordering::Relaxed);
            if !self.settings.is_looping {
                return Ok(());
            }
            self.log.rewind()?;
        }
    }

    /// Whoever is to hear it all has to be there.
    fn wait_for_modules(&self) {
        for name in &self.wait_for {
            while !self.context.is_stopping() {
                match self.context.module(name) {
                    Ok(module) if module.is_running() => break,
                    Ok(_) => std::thread::sleep(STARTING),
                    Err(error) => tracing::info!(%name, %error, "waiting for a module"),
                }
            }
        }
    }

    /// Plays the log once. Tells how many events were within the time to be played.
    fn round(&mut self, progress: &Progress) -> Result<u64, PlayError> {
        let Some(first_us) = self.log.next_event()?.map(|event| event.timestamp_us) else { return Ok(0) };
        progress.start_us.store(first_us, Ordering::Relaxed);
        let from_us = first_us.saturating_add(microseconds(self.settings.start_s));
        let end_us = self.settings.end_s.map(|end_s| first_us.saturating_add(microseconds(end_s)));
        if from_us > first_us {
            self.log.seek_to(from_us)?;
        } else {
            self.log.rewind()?;
        }
        // What was skipped on the way here is skipped again, or not played at all.
        let before = self.log.skipped();
        let mut pacing = Pacing::new(self.settings.speed);
        let mut events = 0;
        while let Some(event) = self.log.next_event()? {
            let due = pacing.due(event.timestamp_us, Instant::now());
            if end_us.is_some_and(|end_us| event.timestamp_us > end_us) || !wait_until(due, &self.context) {
                break;
            }
            self.stage.play(event, progress);
            events += 1;
            note_damage(&self.log, before, progress);
        }
        note_damage(&self.log, before, progress);
        Ok(events)
    }
}

impl Stage {
    fn play(&mut self, event: EventRef<'_>, progress: &Progress) {
        let is_untold = |told_us: i64| event.timestamp_us.abs_diff(told_us) >= CLOCK_US;
        if let Some(clock) = &self.clock
            && self.told_us.is_none_or(is_untold)
        {
            self.told_us = Some(event.timestamp_us);
            // Counted by the port.
            let _ = clock.publish(&time_of(event.timestamp_us));
        }
        let counter = match self.selection.decide(event.channel) {
            Decision::Play(channel) if self.out.publish(channel, event.data).is_ok() => &progress.played,
            Decision::Play(_) | Decision::Refuse => &progress.failed,
            Decision::Leave => &progress.left_out,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        progress.now_us.store(event.timestamp_us, Ordering::Relaxed);
    }
}

/// Counts what of this round belongs to no event, and tells of the first places.
fn note_damage(log: &LogReader, before: Skipped, progress: &Progress) {
    let skipped = log.skipped();
    let places = skipped.gaps.saturating_sub(before.gaps);
    let known = progress.damaged_places.swap(places, Ordering::Relaxed);
    progress.damaged_bytes.store(skipped.bytes.saturating_sub(before.bytes), Ordering::Relaxed);
    if places > known
        && places <= TOLD_PLACES
        && let Some(gap) = log.gaps().last()
    {
        tracing::warn!(offset = gap.offset, bytes = gap.bytes, "the log is damaged: passed over what is no event");
    }
}

/// Whether it was waited that long: not if the process is about to end.
fn wait_until(due: Instant, context: &Context) -> bool {
    loop {
        if context.is_stopping() {
            return false;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(NAP));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
fn microseconds(seconds: f64) -> i64 {
    (seconds * 1e6) as i64
}

fn time_of(timestamp_us: i64) -> Time {
    timestamp_us.checked_mul(1000).and_then(|ns| Time::from_nanos(ns).ok()).unwrap_or(Time::MAX)
}

/// So many damaged places are told of one by one.
const TOLD_PLACES: u64 = 10;

/// The time of the log is told when so much of it has passed.
const CLOCK_US: u64 = 5_000;

/// How often the thread looks whether a module has started.
const STARTING: Duration = Duration::from_millis(10);

/// How long the thread sleeps without looking whether the process is about to end.
const NAP: Duration = Duration::from_millis(100);
