//! Event logs on the command line: which file, and which part of its time.

use std::fs::FileType;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lcm::Url;
use lcm::log::LogReader;

use crate::duration::duration;
use crate::failure::Failure;

/// A time of an event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogTime {
    /// So long after its first event.
    Offset(Duration),
    /// Microseconds since the epoch.
    At(i64),
}

/// A file, which a URL may name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    /// What a URL says, if it does: how fast it is played, and from where on.
    pub(crate) speed: Option<f64>,
    pub(crate) start: Option<LogTime>,
}

impl LogTime {
    /// Reads `90s`, `1:30`, `1:02:03.5`, `90`, `2026-11-27T06:50:00Z` or `@1700000000.5`.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if let Some(since_epoch) = text.strip_prefix('@') {
            let seconds: f64 = since_epoch.parse().ok().filter(|seconds: &f64| seconds.is_finite()).ok_or(EXPECTED)?;
            #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
            return Ok(Self::At((seconds * 1e6).round() as i64));
        }
        if text.contains('-') {
            let time = humantime::parse_rfc3339_weak(text).map_err(|_| EXPECTED.to_owned())?;
            return Ok(Self::At(microseconds(time)));
        }
        if text.contains(':') {
            return clock(text).map(Self::Offset).ok_or_else(|| EXPECTED.to_owned());
        }
        let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        seconds.map_or_else(|| duration(text).map_err(|_| EXPECTED.to_owned()), Ok).map(Self::Offset)
    }

    /// In microseconds since the epoch, in a log that begins then.
    pub(crate) fn in_log(self, first_us: i64) -> i64 {
        match self {
            Self::Offset(offset) => first_us.saturating_add(i64::try_from(offset.as_micros()).unwrap_or(i64::MAX)),
            Self::At(time_us) => time_us,
        }
    }
}

/// Whether one may begin there and end here.
pub(crate) fn check_order(start: Option<LogTime>, end: Option<LogTime>) -> Result<(), Failure> {
    let is_turned = match (start, end) {
        (Some(LogTime::Offset(start)), Some(LogTime::Offset(end))) => end < start,
        (Some(LogTime::At(start_us)), Some(LogTime::At(end_us))) => end_us < start_us,
        // Only the log can tell.
        _ => false,
    };
    if is_turned { Err(Failure::usage("--end is before --start")) } else { Ok(()) }
}

impl LogFile {
    /// Reads `run.lcmlog` or `file:///tmp/run.lcmlog?speed=2`.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        if !text.starts_with("file://") {
            return Ok(Self { path: text.into(), speed: None, start: None });
        }
        match text.parse::<Url>() {
            Ok(Url::File(file)) => Ok(Self {
                path: file.path,
                speed: text.contains("speed=").then_some(file.speed),
                start: (file.start_timestamp > 0).then_some(LogTime::At(file.start_timestamp)),
            }),
            Ok(_) => Err("expected a file".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Opens it at its beginning, to go back and forth in it.
    pub(crate) fn open(&self) -> Result<LogReader, Failure> {
        if self.kind()?.is_fifo() {
            let shown = self.path.display();
            return Err(Failure::usage(format_args!(
                "{shown} is a pipe, which can be read once only, in order: to play it, or to begin at a time, save it as a file first"
            )));
        }
        self.opened()
    }

    /// Opens it where a URL says, if one does, to be read on from there. Pipes are read as they come.
    pub(crate) fn open_at_start(&self) -> Result<LogReader, Failure> {
        let Some(LogTime::At(start_us)) = self.start else {
            self.kind()?;
            return self.opened();
        };
        let mut log = self.open()?;
        log.seek_to(start_us).map_err(|error| unreadable(&self.path, error))?;
        Ok(log)
    }

    /// What it is, if that can be an event log. Nothing is opened: a device may do something then, and a pipe waits for others.
    fn kind(&self) -> Result<FileType, Failure> {
        let kind = self.path.metadata().map_err(|error| self.unopened(&error))?.file_type();
        let unfit = match kind {
            kind if kind.is_dir() => "a directory",
            // It may have no end.
            kind if kind.is_char_device() => "a character device",
            kind if kind.is_socket() => "a socket",
            kind => return Ok(kind),
        };
        let shown = self.path.display();
        Err(Failure::usage(format_args!("{shown} is {unfit}, and an event log is expected")))
    }

    fn opened(&self) -> Result<LogReader, Failure> {
        LogReader::open(&self.path).map_err(|error| self.unopened(&error))
    }

    fn unopened(&self, error: &io::Error) -> Failure {
        let shown = self.path.display();
        match error.kind() {
            io::ErrorKind::NotFound => Failure::not_found(format_args!("no event log {shown}")),
            _ => Failure::unexpected(format_args!("cannot open {shown}: {error}")),
        }
    }
}

/// Whether two paths lead to the same file, if both are there.
pub(crate) fn is_same_file(one: &Path, other: &Path) -> bool {
    let place = |path: &Path| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
    place(one).is_some_and(|place_of_one| Some(place_of_one) == place(other))
}

/// What went wrong in reading a log.
pub(crate) fn unreadable(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::unexpected(format_args!("{}: {error}", path.display()))
}

/// The time of an event, as people read it.
pub(crate) fn time_text(time_us: i64) -> String {
    let time = u64::try_from(time_us).ok().map(|time_us| SystemTime::UNIX_EPOCH + Duration::from_micros(time_us));
    match time {
        // What is later than that has no such form.
        Some(time) if time_us < LAST_DATED_US => humantime::format_rfc3339_millis(time).to_string(),
        _ => format!("{time_us} us"),
    }
}

/// Microseconds since the epoch.
pub(crate) fn microseconds(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |before| -before),
    }
}

/// `1:30` or `1:02:03.5`.
fn clock(text: &str) -> Option<Duration> {
    let parts: Vec<_> = text.split(':').collect();
    let (seconds, larger) = parts.split_last()?;
    let mut whole: u64 = 0;
    for part in larger {
        whole = whole.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let seconds: f64 = seconds.parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    let total = Duration::from_secs(whole.checked_mul(60)?) + Duration::from_secs_f64(seconds);
    (parts.len() <= 3).then_some(total)
}

const EXPECTED: &str = "expected a time in the log, such as 90s or 1:30, or a date, 2026-11-27T06:50:00Z";

/// The year 9999.
const LAST_DATED_US: i64 = 253_370_764_800_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_offsets_or_dates() {
        let offset = |ms| Ok(LogTime::Offset(Duration::from_millis(ms)));
        for (text, expected) in [
            ("90s", offset(90_000)),
            ("1.5", offset(1500)),
            ("1:30", offset(90_000)),
            ("1:02:03.5", offset(3_723_500)),
            ("2m", offset(120_000)),
            ("@1700000000.5", Ok(LogTime::At(1_700_000_000_500_000))),
            ("2023-11-14T22:13:20Z", Ok(LogTime::At(1_700_000_000_000_000))),
            ("2023-11-14 22:13:20", Ok(LogTime::At(1_700_000_000_000_000))),
        ] {
            assert_eq!(LogTime::new(text), expected, "{text}");
        }
        for wrong in [
            "",
            "x",
            "1:60",
            "1:2:3:4",
            "-5s",
            "@",
            "@nan",
            "@inf",
            ":",
            "1:",
            "99999999999999999999:00",
            "2023-13-01",
            "inf",
        ] {
            assert!(LogTime::new(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_log_is_a_path_or_a_url() {
        let plain = LogFile::new("a b.lcmlog").unwrap();
        assert_eq!((plain.path, plain.speed), ("a b.lcmlog".into(), None));
        let url = LogFile::new("file:///tmp/x.lcmlog?speed=2&start_timestamp=5").unwrap();
        assert_eq!((url.path, url.speed, url.start), ("/tmp/x.lcmlog".into(), Some(2.0), Some(LogTime::At(5))));
        assert!(LogFile::new("file://").is_err());
    }

    #[test]
    fn what_has_no_end_or_no_events_is_no_log() {
        for (path, is) in
            [("/dev/zero", "a character device"), ("/dev/null", "a character device"), ("/", "a directory")]
        {
            let log = LogFile::new(path).unwrap();
            for opened in [log.open(), log.open_at_start()] {
                let failure = opened.unwrap_err();
                assert_eq!(failure.exit_code(), dimos::exit::USAGE);
                assert_eq!(failure.message(), format!("{path} is {is}, and an event log is expected"));
            }
        }
        let nowhere = LogFile::new("/nowhere/run.lcmlog").unwrap();
        let failure = nowhere.open_at_start().unwrap_err();
        assert_eq!(
            (failure.exit_code(), failure.message()),
            (dimos::exit::NOT_FOUND, "no event log /nowhere/run.lcmlog")
        );
    }

    #[test]
    fn any_time_has_a_text() {
        assert_eq!(time_text(1_700_000_000_123_456), "2023-11-14T22:13:20.123Z");
        for time_us in [i64::MIN, -1, i64::MAX, LAST_DATED_US - 1] {
            assert!(!time_text(time_us).is_empty());
        }
    }
}
