//! The words of the line that says how far playing is. When it is shown, and where, is left to `status_line.rs`. No I/O.

use std::time::Duration;

use crate::status_line::bar;
use crate::table::seconds;
use crate::topic::units;

/// How far playing is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) is_paused: bool,
    /// None if it is played as fast as possible.
    pub(super) speed: Option<f64>,
    /// Since the first event of the log.
    pub(super) position_s: f64,
    pub(super) total_s: f64,
    pub(super) events: u64,
    /// Until the next event, if it is long in coming.
    pub(super) wait: Option<Duration>,
    /// By how much an event was late at most.
    pub(super) late: Duration,
    pub(super) has_keys: bool,
}

impl Progress {
    /// The line, made for so many columns.
    pub(super) fn in_columns(&self, columns: usize) -> String {
        let Self { is_paused, speed, position_s, total_s, events, wait, late, has_keys } = *self;
        let state = if is_paused { "paused" } else { "playing" };
        let begin = format!("{state} {} / {} ", clock(position_s), clock(total_s));
        let share = if total_s > 0.0 { position_s / total_s } else { 1.0 };
        let speed_text = speed.map_or_else(|| "fast".to_owned(), |speed| format!("{speed}x"));
        let mut parts = vec![speed_text, units::count(events, "event")];
        match wait {
            Some(wait) => parts.push(format!("next event in {}", seconds(wait.as_secs_f64()))),
            None if speed.is_some() => parts.push(format!("late {}", units::time(late.as_secs_f64()))),
            None => {}
        }
        fitted(&begin, share, &parts, if has_keys { KEYS } else { "" }, columns)
    }
}

/// Where it is, a bar, and more, with the keys at the end. In few columns the bar is left out, and then what stands first.
fn fitted(begin: &str, share: f64, parts: &[String], keys: &str, columns: usize) -> String {
    let mut parts = parts;
    loop {
        let text = parts.join("  ") + keys;
        let room = columns.saturating_sub(begin.len() + text.len() + 1);
        match parts.split_first() {
            _ if room >= NARROWEST_BAR => return format!("{begin}{} {text}", bar(share, room.min(WIDEST_BAR))),
            Some((_, rest)) if begin.len() + text.len() > columns => parts = rest,
            _ => return begin.to_owned() + &text,
        }
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

const NARROWEST_BAR: usize = 10;
const WIDEST_BAR: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_clock() {
        assert_eq!([0.0, 62.55, 3602.5, -1.0].map(clock), ["0:00.0", "1:02.5", "1:00:02.5", "0:00.0"]);
    }

    #[test]
    fn the_keys_are_seen_in_80_columns() {
        let progress = Progress {
            is_paused: true,
            speed: Some(0.5),
            position_s: 3700.0,
            total_s: 35_999.0,
            events: 1_234_567,
            wait: Some(Duration::from_secs(3600)),
            late: Duration::ZERO,
            has_keys: true,
        };
        let narrow = progress.in_columns(79);
        assert!(narrow.ends_with(KEYS) && narrow.len() <= 79 && narrow.contains("next event in 1:00:00"), "{narrow}");
        let wide = progress.in_columns(120);
        assert!(wide.starts_with("paused 1:01:40.0 / 9:59:59.0 [") && wide.ends_with(KEYS), "{wide}");
        assert!(wide.contains("0.5x  1234567 events"), "{wide}");
        let few = Progress { is_paused: false, position_s: 0.0, total_s: 1.0, ..progress };
        assert_eq!(few.in_columns(10), format!("playing 0:00.0 / 0:01.0 {KEYS}"));
    }

    #[test]
    fn lateness_is_told_where_events_are_due_at_their_times() {
        let progress = Progress {
            is_paused: false,
            speed: Some(1.0),
            position_s: 0.0,
            total_s: 0.0,
            events: 1,
            wait: None,
            late: Duration::from_millis(2),
            has_keys: false,
        };
        assert!(progress.in_columns(79).ends_with("] 1x  1 event  late 2.00 ms"), "{progress:?}");
        let fast = Progress { speed: None, ..progress };
        assert!(fast.in_columns(79).ends_with("] fast  1 event"), "{fast:?}");
    }
}
