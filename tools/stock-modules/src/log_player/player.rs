//! The thread that plays: reads event after event, waits until each is due, and publishes it.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use dimos::module::RawOut;
use dimos::{Context, Name, Out};
use lcm::log::{LogReader, Pacing, ReadError};
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
    pub(super) out: RawOut,
    pub(super) clock: Out<Time>,
    pub(super) settings: Settings,
    pub(super) selection: Selection,
    pub(super) wait_for: Vec<Name>,
    pub(super) log: LogReader,
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
            progress.rounds.fetch_add(1, Ordering::Relaxed);
            if !self.settings.is_looping || self.context.is_stopping() {
                return Ok(());
            }
            if played == 0 {
                // It would loop for ever, and as fast as it can.
                return Err(PlayError::Nothing);
            }
            self.log.rewind()?;
        }
    }

    /// Whoever is to hear it all has to be there.
    fn wait_for_modules(&self) {
        for name in &self.wait_for {
            while !self.context.is_stopping() {
                match self.context.module(name).and_then(|module| module.call("describe", &serde_json::json!({}))) {
                    Ok(_) => break,
                    Err(error) => tracing::info!(%name, %error, "waiting for a module"),
                }
            }
        }
    }

    /// Plays the log once. Tells how many events were within the time to be played.
    fn round(&mut self, progress: &Progress) -> Result<u64, PlayError> {
        let Some(first) = self.log.next_event()?.map(|event| event.timestamp_us) else { return Ok(0) };
        progress.start_us.store(first, Ordering::Relaxed);
        let from_us = first.saturating_add(microseconds(self.settings.start_s));
        let end_us = self.settings.end_s.map(|end_s| first.saturating_add(microseconds(end_s)));
        if from_us > first {
            self.log.seek_to(from_us)?;
        } else {
            self.log.rewind()?;
        }
        let mut pacing = Pacing::new(self.settings.speed);
        let mut told_us = None::<i64>;
        let mut events = 0;
        let skipped_before = self.log.skipped();
        while let Some(event) = self.log.next_event()? {
            if end_us.is_some_and(|end_us| event.timestamp_us > end_us) {
                break;
            }
            events += 1;
            let now = Instant::now();
            if !wait_until(pacing.due(event.timestamp_us, now), &self.context) {
                break;
            }
            if self.settings.has_clock && told_us.is_none_or(|told_us| event.timestamp_us.abs_diff(told_us) >= CLOCK_US)
            {
                told_us = Some(event.timestamp_us);
                // Counted by the port.
                let _ = self.clock.publish(&time_of(event.timestamp_us));
            }
            let counter = match self.selection.decide(event.channel) {
                Decision::Play(channel) if self.out.publish(channel, event.data).is_ok() => &progress.played,
                Decision::Play(_) | Decision::Refuse => &progress.failed,
                Decision::Leave => &progress.left_out,
            };
            counter.fetch_add(1, Ordering::Relaxed);
            progress.now_us.store(event.timestamp_us, Ordering::Relaxed);
        }
        let skipped = self.log.skipped();
        progress.damaged_places.fetch_add(skipped.gaps.saturating_sub(skipped_before.gaps), Ordering::Relaxed);
        progress.damaged_bytes.fetch_add(skipped.bytes.saturating_sub(skipped_before.bytes), Ordering::Relaxed);
        Ok(events)
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

/// The time of the log is told when so much of it has passed.
const CLOCK_US: u64 = 5_000;

/// How long the thread sleeps without looking whether the process is about to end.
const NAP: Duration = Duration::from_millis(100);
