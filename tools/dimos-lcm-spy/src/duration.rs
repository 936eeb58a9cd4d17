//! Durations and rates on the command line: `500ms`, `2s`, `10hz`.

use std::time::Duration;

/// A duration: a number and its unit.
///
/// # Errors
/// A text that is none, in words for whoever wrote it.
pub fn duration(text: &str) -> Result<Duration, String> {
    let number_length = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_length);
    let seconds_each = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err("expected a number and a unit, us, ms, s, m or h, such as 500ms or 2s".to_owned()),
    };
    let number: f64 =
        number.parse().map_err(|_| format!("{number:?} is not a number: expected such as 500ms or 2s"))?;
    let duration = Duration::try_from_secs_f64(number * seconds_each);
    duration.ok().filter(|duration| *duration <= LONGEST).ok_or_else(|| "at most 10000h".to_owned())
}

/// A duration in which something can happen: 10 ms at least.
///
/// # Errors
/// A text that is none, in words for whoever wrote it.
pub fn span(text: &str) -> Result<Duration, String> {
    duration(text).and_then(|span| if span >= SHORTEST { Ok(span) } else { Err("at least 10ms".to_owned()) })
}

/// A rate in times per second, as the time between two.
///
/// # Errors
/// A text that is none, in words for whoever wrote it.
pub fn period(text: &str) -> Result<Duration, String> {
    let lower = text.to_ascii_lowercase();
    let number = lower.strip_suffix("hz").unwrap_or(&lower).trim_end();
    let rate_hz: f64 = number.parse().map_err(|_| "expected a number per second, such as 10hz or 0.5hz".to_owned())?;
    if !(SLOWEST_HZ..=FASTEST_HZ).contains(&rate_hz) {
        return Err("expected from 0.0001hz to 1000000hz".to_owned());
    }
    Ok(Duration::from_secs_f64(1.0 / rate_hz))
}

const SHORTEST: Duration = Duration::from_millis(10);

const LONGEST: Duration = Duration::from_secs(10_000 * 3600);

const SLOWEST_HZ: f64 = 1e-4;

const FASTEST_HZ: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        let read = |text| duration(text).ok().map(|duration| duration.as_micros());
        assert_eq!(
            ["500ms", "2s", "1.5s", "2m", "1h", "30us", "0s"].map(read),
            [500_000, 2_000_000, 1_500_000, 120_000_000, 3_600_000_000, 30, 0].map(Some)
        );
        assert_eq!(["", "5", "s", "-1s", "1.2.3s", "5 s", "1e3s", "99999999h", "5S"].map(read), [None; 9]);
    }

    #[test]
    fn rates_may_have_theirs() {
        let read = |text| period(text).ok().map(|period| period.as_micros());
        assert_eq!(["10hz", "10", "0.5Hz", "1000 hz"].map(read), [100_000, 100_000, 2_000_000, 1_000].map(Some));
        assert_eq!(["", "hz", "0", "-1hz", "nan", "inf", "10khz"].map(read), [None; 7]);
    }
}
