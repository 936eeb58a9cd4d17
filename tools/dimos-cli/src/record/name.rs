//! What the file of a recording is called, where the time plays a part in that.

use std::path::PathBuf;
use std::time::SystemTime;

/// The name of a file if none is given: `20261127-065023.lcmlog`, in UTC.
pub(super) fn default_name(now: SystemTime) -> PathBuf {
    // The pattern has nothing that is not known.
    strftime("%Y%m%d-%H%M%S.lcmlog", now).unwrap_or_default().into()
}

/// A name with the time in it, as `strftime` of C writes it, in UTC.
pub(super) fn strftime(name: &str, now: SystemTime) -> Result<String, String> {
    // 2026-11-27T06:50:23Z
    let time = humantime::format_rfc3339_seconds(now).to_string();
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let mut text = String::new();
    let mut rest = name.chars();
    while let Some(letter) = rest.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        match rest.next() {
            Some('Y') => text.push_str(&time[..4]),
            Some('y') => text.push_str(&time[2..4]),
            Some('m') => text.push_str(&time[5..7]),
            Some('d') => text.push_str(&time[8..10]),
            Some('H') => text.push_str(&time[11..13]),
            Some('M') => text.push_str(&time[14..16]),
            Some('S') => text.push_str(&time[17..19]),
            Some('F') => text.push_str(&time[..10]),
            Some('T') => text.push_str(&time[11..19]),
            Some('s') => text.push_str(&since_epoch.as_secs().to_string()),
            Some('%') => text.push('%'),
            Some(other) => return Err(format!("%{other} in {name:?}: known are {KNOWN}")),
            None => return Err(format!("{name:?} ends with %: known are {KNOWN}")),
        }
    }
    Ok(text)
}

const KNOWN: &str = "%Y %y %m %d %H %M %S %F %T %s %%";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn names_have_the_time_in_utc() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        assert_eq!(default_name(now), PathBuf::from("20231114-221320.lcmlog"));
        let all = strftime("%Y %y %m %d %H %M %S %F %T %s %% ü", now).unwrap();
        assert_eq!(all, "2023 23 11 14 22 13 20 2023-11-14 22:13:20 1700000000 % ü");
        assert!(strftime("%Q", now).is_err() && strftime("x%", now).is_err());
    }
}
