//! Playing: reads event after event, waits until each is due or until it is told otherwise, and publishes it.

use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};
use lcm::log::{EventRef, LogReader};
use lcm::{Channel, Publisher};
use serde_json::json;

use super::deck::Deck;
use super::keys::{Control, Keyboard};
use super::lateness::Lateness;
use super::routes::{Decision, Routes};
use crate::context::Context;
use crate::failure::Failure;
use crate::log_file::unreadable;
use crate::output::{Output, plain};
use crate::status_line::{StatusLine, bar};
use crate::table::seconds;
use crate::topic::units;

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
    pub(super) lateness: Lateness,
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

impl Player<'_> {
    /// Plays until the end of the log, or until it is told to end.
    pub(super) fn play(&mut self, log: &mut LogReader) -> Result<End, Failure> {
        loop {
            self.enter(log, None)?;
            let events_before = self.tally.events;
            if let Some(end) = self.round(log)? {
                return Ok(end);
            }
            self.tally.rounds += 1;
            if !self.extent.is_looping || self.tally.events == events_before {
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
                    Decision::Leave => {
                        self.tally.left_out += 1;
                        None
                    }
                    Decision::Refuse => {
                        self.tally.failed += 1;
                        None
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
                Some(Turn::Seek(to_us)) => self.enter(log, Some(to_us))?,
                Some(Turn::Play(_)) | None if is_over => return Ok(None),
                Some(Turn::Play(_)) | None => {}
            }
        }
    }

    /// Goes to a time, or to where playing begins.
    fn enter(&mut self, log: &mut LogReader, to_us: Option<i64>) -> Result<(), Failure> {
        let from_us = self.extent.from_us.unwrap_or(self.extent.first_us);
        let begin_us = to_us.unwrap_or(from_us).max(from_us);
        let outcome = if begin_us <= self.extent.first_us { log.rewind() } else { log.seek_to(begin_us).map(drop) };
        outcome.map_err(|error| unreadable(self.path, error))?;
        let at_us = match to_us {
            Some(_) => begin_us,
            // The first event is due at once.
            None => self.first_from(log)?.unwrap_or(begin_us),
        };
        self.deck.jump(at_us, Instant::now());
        Ok(())
    }

    /// The time of the next event that is played. The log stays where it is.
    fn first_from(&mut self, log: &mut LogReader) -> Result<Option<i64>, Failure> {
        let time = |log: &mut LogReader, routes: &mut Routes| {
            for _ in 0..LOOKED_AHEAD {
                match log.next_event()? {
                    Some(event) if !matches!(routes.decide(event.channel), Decision::Play(_)) => {}
                    event => return Ok(event.map(|event| event.timestamp_us)),
                }
            }
            Ok(None)
        };
        let begin = log.position();
        let found = time(log, &mut self.routes).and_then(|found| log.go_to(begin).map(|()| found));
        found.map_err(|error| unreadable(self.path, error))
    }

    /// Waits until an event is due, or until something else is to be done.
    fn wait(&mut self, event: EventRef<'_>) -> Result<Turn, Failure> {
        let event_us = event.timestamp_us;
        let mut is_told = false;
        loop {
            let control = match self.controls.try_recv() {
                Ok(control) => Some(control),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                    let now = Instant::now();
                    let due = self.deck.due(event_us, now);
                    if due.is_some_and(|due| due <= now) {
                        self.show(event_us, None, now);
                        return Ok(Turn::Play(due));
                    }
                    let wait = due.map(|due| due - now).filter(|wait| *wait >= LONG_WAIT);
                    if let Some(wait) = wait
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

    fn obey(&mut self, control: Control, next_us: i64) -> Option<Turn> {
        let now = Instant::now();
        let next_us = Some(next_us);
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
            Control::Faster => self.deck.set_speed((self.deck.speed() * 2.0).min(FASTEST), next_us, now),
            Control::Slower => self.deck.set_speed((self.deck.speed() / 2.0).max(SLOWEST), next_us, now),
            Control::Quit => return Some(Turn::End(End::Quit)),
            Control::Interrupted => return Some(Turn::End(End::Interrupted)),
            Control::Continued => {
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
            self.tally.lateness.note(now.saturating_duration_since(due));
        }
        self.deck.played(event.timestamp_us, due.unwrap_or(now));
        if let Some(each) = &mut self.each {
            let time_s = (i128::from(event.timestamp_us) - i128::from(self.extent.first_us)) as f64 / 1e6;
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
            let position_us = deck.position_us(Some(event_us), now);
            let since_first = |time_us: i64| (i128::from(time_us) - i128::from(extent.first_us)) as f64 / 1e6;
            let (position_s, total_s) = (since_first(position_us).max(0.0), since_first(extent.last_us));
            let state = if deck.is_paused() { "paused" } else { "playing" };
            let speed = if deck.is_unpaced() { "fast".to_owned() } else { format!("{}x", deck.speed()) };
            let mut text = format!("{speed}  {} events", tally.events);
            match due.map(|due| due.saturating_duration_since(now)).filter(|wait| *wait >= LONG_WAIT) {
                Some(wait) => text += &format!("  next event in {}", seconds(wait.as_secs_f64())),
                None if !deck.is_unpaced() => {
                    text += &format!("  late {}", units::time(tally.lateness.max().as_secs_f64()));
                }
                None => {}
            }
            if keyboard.is_some() {
                text += KEYS;
            }
            let begin = format!("{state} {} / {} ", clock(position_s), clock(total_s));
            let room = columns.saturating_sub(begin.len() + text.len() + 1).clamp(10, 40);
            let share = if total_s > 0.0 { position_s / total_s } else { 1.0 };
            format!("{begin}{} {text}", bar(share, room))
        });
    }
}

/// As `1:02.5` or `1:00:02.5`.
fn clock(seconds: f64) -> String {
    let whole = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    let (hours, minutes, rest) = (whole.as_secs() / 3600, whole.as_secs() / 60 % 60, whole.as_secs() % 60);
    let tenths = whole.subsec_millis() / 100;
    match hours {
        0 => format!("{minutes}:{rest:02}.{tenths}"),
        _ => format!("{hours}:{minutes:02}:{rest:02}.{tenths}"),
    }
}

const KEYS: &str = "  [space . arrows + - q]";

/// What is worth telling.
const LONG_WAIT: Duration = Duration::from_secs(5);

/// Without a terminal, while it is paused.
const LOOK_EVERY: Duration = Duration::from_secs(1);

const FASTEST: f64 = 1024.0;
const SLOWEST: f64 = 1.0 / 64.0;

/// So many are told of one by one.
const TOLD_PLACES: u64 = 10;
const TOLD_FAILURES: u64 = 10;

/// Events that are looked at for one that is played.
const LOOKED_AHEAD: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_clock() {
        assert_eq!([0.0, 62.55, 3602.5, -1.0].map(clock), ["0:00.0", "1:02.5", "1:00:02.5", "0:00.0"]);
    }
}
