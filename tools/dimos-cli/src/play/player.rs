//! Playing: reads event after event, waits until each is due or until it is told otherwise, and publishes it.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use lcm::log::{EventRef, LogReader};
use lcm::{Channel, Publisher};
use serde_json::json;

use super::deck::Deck;
use super::keys::{CONTROLS, Control, Keyboard};
use super::progress_line::Progress;
use super::routes::{Decision, Routes};
use crate::context::Context;
use crate::failure::Failure;
use crate::histogram::Histogram;
use crate::log_file::unreadable;
use crate::output::{Output, plain};
use crate::status_line::StatusLine;
use crate::table::seconds;

/// Which part of the log is played; microseconds since the epoch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// When the log begins and ends, as far as its first and its last event tell.
    pub(super) first_us: i64,
    pub(super) last_us: i64,
    /// What is asked for.
    pub(super) from_us: Option<i64>,
    pub(super) to_us: Option<i64>,
    pub(super) is_looping: bool,
}

/// What was played.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) bytes: u64,
    pub(super) rounds: u64,
    /// Events that were not wanted.
    pub(super) left_out: u64,
    /// Events that the bus cannot carry, or did not take.
    pub(super) failed: u64,
    pub(super) damaged_places: u64,
    pub(super) damaged_bytes: u64,
    /// Up to where damage was counted, so that it is not again after a jump back.
    damage_seen_to: u64,
    /// How often somebody went elsewhere.
    pub(super) jumps: u64,
    /// Events of the mesh itself, which were left out as such.
    pub(super) left_out_mesh: u64,
    /// Whether a stop is thought of before anything late is published.
    is_late: bool,
    /// How late events were.
    pub(super) lateness: Histogram,
}

/// Why playing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// The log has.
    Log,
    Quit,
    Interrupted,
}

/// Plays a log.
#[derive(Debug)]
pub(super) struct Player<'a> {
    pub(super) context: &'a Context,
    pub(super) path: &'a Path,
    pub(super) extent: Extent,
    pub(super) routes: Routes,
    pub(super) out: Publisher,
    pub(super) controls: Receiver<Control>,
    /// What came while it was going elsewhere; heeded before what `controls` has.
    pub(super) waiting: VecDeque<Control>,
    pub(super) keyboard: Option<Keyboard>,
    pub(super) deck: Deck,
    pub(super) line: StatusLine,
    /// Where each event is told, if that is wanted.
    pub(super) each: Option<Output>,
    /// Whether nothing is said of long waits.
    pub(super) is_quiet: bool,
    pub(super) tally: Tally,
}

/// What is done next.
enum Turn {
    /// The event is published. It was due then, if it was.
    Play(Option<Instant>),
    Seek(i64),
    End(End),
}

impl Extent {
    pub(super) fn seconds_since_first(&self, time_us: i64) -> f64 {
        (i128::from(time_us) - i128::from(self.first_us)) as f64 / 1e6
    }
}

impl Player<'_> {
    /// Plays until the end of the log, or until it is told to end.
    pub(super) fn play(&mut self, log: &mut LogReader) -> Result<End, Failure> {
        loop {
            if let Some(end) = self.enter(log, None)? {
                return Ok(end);
            }
            let before = (self.tally.events, self.tally.jumps);
            if let Some(end) = self.round(log)? {
                return Ok(end);
            }
            self.tally.rounds += 1;
            if !self.extent.is_looping || (self.tally.events, self.tally.jumps) == before {
                return Ok(End::Log);
            }
        }
    }

    /// Plays the log from where it stands. None at its end.
    fn round(&mut self, log: &mut LogReader) -> Result<Option<End>, Failure> {
        loop {
            let skipped = log.skipped();
            let event = log.next_event().map_err(|error| unreadable(self.path, error))?;
            let event = event.filter(|event| self.extent.to_us.is_none_or(|to_us| event.timestamp_us <= to_us));
            let turn = match event {
                None => None,
                Some(event) => match self.routes.decide(event.channel) {
                    Decision::Play(channel) => match self.wait(event)? {
                        Turn::Play(due) => {
                            self.publish(channel, event, due)?;
                            None
                        }
                        turn => Some(turn),
                    },
                    decision => {
                        self.pass(decision, event);
                        // Whatever is not played, keys and signals are heeded.
                        let control = self.try_control();
                        let turn = control.and_then(|control| self.obey(control, event.timestamp_us));
                        self.show(event.timestamp_us, None, Instant::now());
                        turn
                    }
                },
            };
            let is_over = event.is_none();
            let (position, now_skipped) = (log.position(), log.skipped());
            if position > self.tally.damage_seen_to {
                self.tally.damage_seen_to = position;
                let places = now_skipped.gaps - skipped.gaps;
                self.tally.damaged_places += places;
                self.tally.damaged_bytes += now_skipped.bytes - skipped.bytes;
                if places > 0 && self.tally.damaged_places <= TOLD_PLACES {
                    let bytes = now_skipped.bytes - skipped.bytes;
                    self.note(format_args!("the log is damaged: passed over {bytes} bytes before byte {position}"));
                }
            }
            match turn {
                Some(Turn::End(end)) => return Ok(Some(end)),
                Some(Turn::Seek(to_us)) => {
                    if let Some(end) = self.enter(log, Some(to_us))? {
                        return Ok(Some(end));
                    }
                }
                Some(Turn::Play(_)) | None if is_over => match self.wait_at_end() {
                    Some(Turn::End(end)) => return Ok(Some(end)),
                    Some(Turn::Seek(to_us)) => {
                        if let Some(end) = self.enter(log, Some(to_us))? {
                            return Ok(Some(end));
                        }
                    }
                    Some(Turn::Play(_)) | None => return Ok(None),
                },
                Some(Turn::Play(_)) | None => {}
            }
        }
    }

    /// Goes to a time, or to where playing begins. Some if it is told to end on the way.
    fn enter(&mut self, log: &mut LogReader, to_us: Option<i64>) -> Result<Option<End>, Failure> {
        let Extent { first_us, last_us, from_us, to_us: end_us, .. } = self.extent;
        let from_us = from_us.unwrap_or(first_us);
        // Whoever goes past the end is at the last event.
        let last_us = end_us.map_or(last_us, |end_us| last_us.min(end_us));
        let begin_us = to_us.map_or(from_us, |to_us| to_us.min(last_us)).max(from_us);
        let mut told = None;
        let Self { controls, waiting, .. } = self;
        let outcome = if begin_us <= first_us {
            log.rewind()
        } else {
            let is_given_up = || {
                for control in controls.try_iter() {
                    match control.end() {
                        Some(end) => told = Some(end),
                        // For when it is there.
                        None => waiting.push_back(control),
                    }
                }
                waiting.truncate(CONTROLS);
                told.is_some()
            };
            log.seek_to_unless(begin_us, is_given_up).map(drop)
        };
        outcome.map_err(|error| unreadable(self.path, error))?;
        self.tally.jumps += u64::from(to_us.is_some());
        match to_us {
            Some(_) => self.deck.jump(begin_us, Instant::now()),
            None => self.deck.jump_to_next(begin_us, Instant::now()),
        }
        self.line.refresh();
        Ok(told)
    }

    /// An event that is not played.
    fn pass(&mut self, decision: Decision, event: EventRef<'_>) {
        if decision == Decision::Refuse {
            self.tally.failed += 1;
            if self.tally.failed <= TOLD_FAILURES {
                let name = plain(&event.channel_name()).chars().take(200).collect::<String>();
                self.note(format_args!("not published: no bus carries the channel {name}"));
            }
            return;
        }
        self.tally.left_out += 1;
        self.tally.left_out_mesh += u64::from(decision == Decision::LeaveMesh);
    }

    /// Behind the last event, while it is paused and somebody has keys to go elsewhere. None if the end is the end.
    fn wait_at_end(&mut self) -> Option<Turn> {
        let last_us = self.extent.last_us;
        while self.deck.is_paused() && self.keyboard.is_some() {
            self.show(last_us, None, Instant::now());
            let until = self.line.next().unwrap_or_else(|| Instant::now() + LOOK_EVERY);
            let control = self.try_control().map_or_else(|| self.controls.recv_deadline(until), Ok);
            match control {
                Ok(control) => match self.obey(control, last_us) {
                    Some(Turn::Play(_)) if self.extent.is_looping => return None,
                    Some(Turn::Play(_)) | None => {}
                    turn => return turn,
                },
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Some(Turn::End(End::Interrupted)),
            }
        }
        None
    }

    /// Waits until an event is due, or until something else is to be done.
    fn wait(&mut self, event: EventRef<'_>) -> Result<Turn, Failure> {
        let event_us = event.timestamp_us;
        let mut is_told = false;
        loop {
            let control = match self.try_control() {
                Some(control) => Some(control),
                None => {
                    let now = Instant::now();
                    let due = self.deck.due(event_us, now);
                    if let Some(control) = self.stop_behind(due, now) {
                        if let Some(turn) = self.obey(control, event_us) {
                            return Ok(turn);
                        }
                        continue;
                    }
                    if due.is_some_and(|due| due <= now) {
                        self.show(event_us, None, now);
                        return Ok(Turn::Play(due));
                    }
                    if let Some(wait) = long_wait(due, now)
                        && !std::mem::replace(&mut is_told, true)
                        && !self.line.is_shown()
                    {
                        self.note(format_args!("next event in {}", seconds(wait.as_secs_f64())));
                    }
                    self.show(event_us, due, now);
                    let until = [due, self.line.next()].into_iter().flatten().min().unwrap_or(now + LOOK_EVERY);
                    match self.controls.recv_deadline(until) {
                        Ok(control) => Some(control),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => return Ok(Turn::End(End::Interrupted)),
                    }
                }
            };
            if let Some(turn) = control.and_then(|control| self.obey(control, event_us)) {
                return Ok(turn);
            }
        }
    }

    /// What is suddenly late may be so because this was stopped. The signal that says so comes in a moment, before everything that was
    /// missed is published at once.
    fn stop_behind(&mut self, due: Option<Instant>, now: Instant) -> Option<Control> {
        let is_late = due.is_some_and(|due| now.saturating_duration_since(due) > SUDDENLY) && !self.deck.is_unpaced();
        let was_late = std::mem::replace(&mut self.tally.is_late, is_late);
        if is_late && !was_late { self.controls.recv_timeout(MOMENT).ok() } else { None }
    }

    fn try_control(&mut self) -> Option<Control> {
        self.waiting.pop_front().or_else(|| self.controls.try_recv().ok())
    }

    fn obey(&mut self, control: Control, event_us: i64) -> Option<Turn> {
        let now = Instant::now();
        let next_us = Some(event_us);
        match control {
            Control::Pause => self.deck.set_paused(!self.deck.is_paused(), next_us, now),
            Control::Step => {
                self.deck.set_paused(true, next_us, now);
                return Some(Turn::Play(None));
            }
            Control::Seek(seconds) => {
                let position_us = self.deck.position_us(next_us, now);
                return Some(Turn::Seek(position_us.saturating_add(seconds * 1_000_000)));
            }
            Control::Faster => self.deck.faster(next_us, now),
            Control::Slower => self.deck.slower(next_us, now),
            Control::Quit | Control::Interrupted => return control.end().map(Turn::End),
            Control::Continued => {
                self.deck.resume(event_us, now);
                // If it is in the background it may not.
                let _ = self.keyboard.as_ref().map(Keyboard::take);
            }
        }
        self.line.refresh();
        None
    }

    fn publish(&mut self, channel: Channel, event: EventRef<'_>, due: Option<Instant>) -> Result<(), Failure> {
        let now = Instant::now();
        match self.out.publish(channel, event.data) {
            Ok(()) => {
                self.tally.events += 1;
                self.tally.bytes += event.data.len() as u64;
            }
            Err(error) => {
                self.tally.failed += 1;
                if self.tally.failed <= TOLD_FAILURES {
                    self.note(format_args!("not published: {error}"));
                }
            }
        }
        if let Some(due) = due.filter(|_| !self.deck.is_unpaced()) {
            self.tally.lateness.push(now.saturating_duration_since(due));
        }
        self.deck.played(event.timestamp_us, due.unwrap_or(now));
        if let Some(each) = &mut self.each {
            let time_s = self.extent.seconds_since_first(event.timestamp_us);
            let (name, size) = (event.channel_name(), event.data.len());
            if self.context.is_json {
                each.json(&json!({ "time_us": event.timestamp_us, "channel": name, "bytes": size }))?;
            } else {
                each.line(&format!("{time_s:.3} {} {size}", plain(&name)))?;
            }
            each.flush()?;
        }
        Ok(())
    }

    fn note(&mut self, text: impl std::fmt::Display) {
        if !self.is_quiet {
            self.line.clear();
            self.context.note(text);
        }
    }

    /// Shows where it is.
    fn show(&mut self, event_us: i64, due: Option<Instant>, now: Instant) {
        let Self { line, deck, extent, tally, keyboard, .. } = self;
        line.update(|columns| {
            let progress = Progress {
                is_paused: deck.is_paused(),
                speed: (!deck.is_unpaced()).then(|| deck.speed()),
                position_s: extent.seconds_since_first(deck.position_us(Some(event_us), now)).max(0.0),
                total_s: extent.seconds_since_first(extent.last_us),
                events: tally.events,
                wait: long_wait(due, now),
                late: tally.lateness.max(),
                has_keys: keyboard.is_some(),
            };
            progress.in_columns(columns)
        });
    }
}

/// How long an event is still in coming, if that is worth telling.
fn long_wait(due: Option<Instant>, now: Instant) -> Option<Duration> {
    due.map(|due| due.saturating_duration_since(now)).filter(|wait| *wait >= LONG_WAIT)
}

/// What is worth telling.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// Without a terminal, while it is paused.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// More than a computer is late by that plays all the time.
const SUDDENLY: Duration = Duration::from_millis(100);

/// How long a signal takes to get here, with much to spare.
const MOMENT: Duration = Duration::from_millis(5);

/// So many are told of one by one.
const TOLD_PLACES: u64 = 10;
const TOLD_FAILURES: u64 = 10;
