//! What a recording says of itself: in a line while it goes on, and in the end.

use std::time::Duration;

use lcm::Statistics;
use lcm::log::RecordingError;
use serde::Serialize;

use super::writer::{Ended, State};
use crate::failure::Failure;
use crate::table::seconds;
use crate::topic::units;

/// What was counted at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts {
    state: State,
    /// Datagrams for which the kernel had no room.
    dropped_datagrams: u64,
    /// Messages of which nothing came.
    lost: u64,
    /// Messages of which only parts came.
    incomplete: u64,
    receive_buffer_bytes: u64,
    at: Duration,
}

/// Why a recording ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Interrupted,
    Duration,
    /// The disk has little left.
    Quota,
    /// The event log that was recorded from has ended.
    Bus,
    /// The file takes no more.
    Failed,
}

/// The sum.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    file: String,
    files: u64,
    events: u64,
    bytes: u64,
    duration_s: f64,
    dropped: u64,
    dropped_datagrams: u64,
    lost: u64,
    incomplete: u64,
    unwritten: u64,
    unnamed: u64,
    receive_buffer_bytes: u64,
    end: End,
    #[serde(skip)]
    error: Option<RecordingError>,
}

impl Counts {
    pub(super) fn new(state: State, statistics: &Statistics) -> Self {
        let total = statistics.total();
        Self {
            state,
            dropped_datagrams: statistics.kernel_drops,
            lost: total.lost,
            incomplete: total.incomplete + statistics.stalled,
            receive_buffer_bytes: statistics.receive_buffer_bytes,
            at: Duration::ZERO,
        }
    }

    /// The same, counted so long after the beginning.
    pub(super) fn at(self, at: Duration) -> Self {
        Self { at, ..self }
    }

    /// How it goes, with the rates since earlier counts, in so many columns: what is lost stands before what may be cut off.
    pub(super) fn line(&self, elapsed: Duration, before: &Self, columns: usize) -> String {
        let State { file, events, bytes, dropped, .. } = &self.state;
        let span_s = elapsed.saturating_sub(before.at).as_secs_f64().max(1e-3);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / span_s;
        let text = [
            seconds(elapsed.as_secs_f64()),
            format!("dropped {}", dropped + self.dropped_datagrams),
            format!("lost {}", self.lost + self.incomplete),
            units::bytes(*bytes as f64),
            format!("{}/s", units::bytes(rate(*bytes, before.state.bytes))),
            format!("{events} events"),
            units::rate(rate(*events, before.state.events)),
        ];
        let text = text.join("  ");
        let room = columns.saturating_sub(text.chars().count() + 2);
        match shortened(&file.display().to_string(), room) {
            Some(file) => format!("{text}  {file}"),
            None => text,
        }
    }
}

impl Report {
    pub(super) fn new(counts: Counts, ended: Ended, duration: Duration, end: End) -> Self {
        let Counts { state, dropped_datagrams, lost, incomplete, receive_buffer_bytes, .. } = counts;
        Self {
            file: state.file.display().to_string(),
            files: ended.written.files,
            events: ended.written.events,
            bytes: ended.written.bytes,
            duration_s: duration.as_secs_f64(),
            dropped: state.dropped,
            dropped_datagrams,
            lost,
            incomplete,
            unwritten: ended.unwritten,
            unnamed: state.unnamed,
            receive_buffer_bytes,
            end,
            error: ended.error,
        }
    }

    pub(super) fn text(&self) -> String {
        let files = match self.files {
            0 | 1 => self.file.clone(),
            files => format!("{files} files, the last {}", self.file),
        };
        let (bytes, time) = (units::bytes(self.bytes as f64), seconds(self.duration_s));
        let mut text =
            format!("{}, {bytes}, in {time} to {files}; {}", units::count(self.events, "event"), self.losses());
        if self.unnamed > 0 {
            text += &format!(
                "\n{} messages on the channel without a name are not recorded: programs of LCM stop reading a log there",
                self.unnamed
            );
        }
        text
    }

    /// Whether all is well.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        if let Some(error) = &self.error {
            let more = match self.unwritten {
                0 => "the log is good up to there".to_owned(),
                unwritten => format!("the log is good up to there; {unwritten} messages that had come are not in it"),
            };
            return Err(Failure::incomplete(format_args!("{error}; {more}")));
        }
        if self.end == End::Quota {
            return Err(Failure::incomplete("less than --quota is left on the disk, so the recording has ended"));
        }
        if self.dropped + self.dropped_datagrams + self.lost + self.incomplete == 0 {
            return Ok(());
        }
        let mut advice = String::new();
        if self.dropped_datagrams + self.incomplete > 0 {
            let buffer = units::bytes(self.receive_buffer_bytes as f64);
            advice = format!(
                "; the kernel's receive buffer is {buffer}, sysctl -w net.core.rmem_max=67108864 allows a larger one"
            );
        } else if self.dropped > 0 {
            advice = "; the disk is too slow for what came: --max-unwritten lets more of it wait".to_owned();
        }
        Err(Failure::incomplete(format_args!("not everything is in the log: {}{advice}", self.losses())))
    }

    /// The numbers of the line while it goes on, and what they are made of.
    fn losses(&self) -> String {
        let part = |count: u64, what: &str| if count == 0 { String::new() } else { format!(" ({count} {what})") };
        let dropped = self.dropped + self.dropped_datagrams;
        let by_kernel = part(self.dropped_datagrams, "datagrams by the kernel");
        let in_part = part(self.incomplete, "came in part");
        format!("{dropped} dropped{by_kernel}, {} lost{in_part}", self.lost + self.incomplete)
    }
}

/// A name in so many columns: its end, which has the number of a file. None where too little would be left of it.
fn shortened(name: &str, columns: usize) -> Option<String> {
    let length = name.chars().count();
    if length <= columns {
        return Some(name.to_owned());
    }
    let kept = columns.checked_sub(3).filter(|kept| *kept >= 5)?;
    Some(format!("...{}", name.chars().skip(length - kept).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_seen_in_80_columns_however_long_the_name_is() {
        let file = format!("/data/{}/run.lcmlog.07", "x".repeat(200)).into();
        let state = State { file, files: 8, events: 123_456_789, bytes: 987_654_321_000, dropped: 7, unnamed: 0 };
        let counts = Counts { state, lost: 5, dropped_datagrams: 1, ..Counts::default() };
        let line = counts.line(Duration::from_secs(86_399), &Counts::default(), 79);
        assert!(line.contains("dropped 8  lost 5") && line.chars().count() <= 79, "{line}");
        let short = Counts { state: State { events: 10, bytes: 1000, ..counts.state.clone() }, ..counts };
        let line = short.line(Duration::from_secs(9), &Counts::default(), 79);
        assert!(line.ends_with(".07") && line.contains("lost 5") && line.chars().count() <= 79, "{line}");
        assert!(short.line(Duration::from_secs(9), &Counts::default(), usize::MAX).contains("/data/xxx"));
    }
}
