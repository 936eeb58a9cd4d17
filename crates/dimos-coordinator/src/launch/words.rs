//! What single texts of a launch file mean: times, topics, types, executables.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A time, such as `500ms`, `1.5s`, `2min`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is no time: expected a number and a unit, such as 500ms, 1.5s or 2min");
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = text.split_at(at);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit.trim_start() {
        "ms" => number / 1000.0,
        "s" => number,
        "min" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    let limit = LONGEST.as_secs() / 3600;
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= LONGEST);
    time.ok_or_else(|| format!("{text:?} is too long: at most {limit}h"))
}

/// Checks a topic.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_topic(topic: &str) -> Result<(), String> {
    if let Some((bare, _)) = topic.split_once('#') {
        return Err(format!("{topic:?} has a type: write the topic alone, {bare:?}"));
    }
    let Some(parts) = topic.strip_prefix('/') else {
        return Err(format!("{topic:?} is no topic: it has to begin with /"));
    };
    if parts.split('/').any(str::is_empty) {
        return Err(format!("{topic:?} is no topic: it ends with /, or has two in a row"));
    }
    match topic.chars().find(|c| c.is_whitespace() || c.is_control()) {
        Some(character) => Err(format!("{topic:?} is no topic: it contains {character:?}")),
        None => Ok(()),
    }
}

/// Checks the name of a message type.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_type(name: &str) -> Result<(), String> {
    let is_word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let parts: Vec<_> = name.split('.').collect();
    if parts.len() == 2 && parts.into_iter().all(is_word) {
        return Ok(());
    }
    Err(format!("{name:?} is no message type: expected one like geometry_msgs.Twist"))
}

/// The executable that a text names: beside the file, relative to it, or on `PATH`.
///
/// # Errors
/// What is wrong with it.
pub(super) fn executable(text: &str, directory: &Path) -> Result<PathBuf, String> {
    let beside = directory.join(text);
    if beside.is_file() {
        return if is_executable(&beside) { Ok(plain(&beside)) } else { Err(format!("{text:?} is not executable")) };
    }
    if text.contains('/') {
        return Err(format!("there is no file {}", plain(&beside).display()));
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|directory| directory.join(text)).find(|file| is_executable(file));
    found.map(|file| plain(&file)).ok_or_else(|| format!("there is no executable {text:?} beside the file or on PATH"))
}

/// A path without `.` and `..`. The file itself may be a link, which is often meant to be called by its own name.
pub(super) fn plain(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let directory = absolute.parent().map(|parent| fs::canonicalize(parent).unwrap_or_else(|_| parent.to_owned()));
    match (directory, absolute.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => fs::canonicalize(&absolute).unwrap_or(absolute),
    }
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// Longer times are mistakes.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5 s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2min"), Ok(Duration::from_secs(120)));
        for text in ["", "5", "s", "-1s", "1e3s", "1..2s", "5 days", "1m", "NaNs"] {
            assert!(duration(text).unwrap_err().contains("expected a number and a unit"), "{text}");
        }
        assert_eq!(duration("25h").unwrap_err(), "\"25h\" is too long: at most 24h");
        assert!(duration(&format!("{}h", "9".repeat(400))).is_err());
    }

    #[test]
    fn topics_begin_with_a_slash() {
        assert_eq!(check_topic("/a/b"), Ok(()));
        assert!(check_topic("a").is_err() && check_topic("/a/").is_err() && check_topic("/").is_err());
        assert_eq!(check_topic("/a#b.C").unwrap_err(), "\"/a#b.C\" has a type: write the topic alone, \"/a\"");
    }
}
