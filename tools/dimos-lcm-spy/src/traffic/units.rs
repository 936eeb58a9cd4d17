//! Numbers for people: three digits that count, and a unit.

/// A time, as in `19.1 ms`.
#[must_use]
pub fn time(seconds: f64) -> String {
    match seconds.abs() {
        size if size >= 1.0 || size == 0.0 => format!("{} s", digits(seconds)),
        size if size >= 1e-3 => format!("{} ms", digits(seconds * 1e3)),
        _ => format!("{} us", digits(seconds * 1e6)),
    }
}

/// A rate, as in `50.1 Hz`.
#[must_use]
pub fn rate(hz: f64) -> String {
    format!("{} Hz", digits(hz))
}

/// Bytes, as in `1.20 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    match bytes {
        bytes if bytes >= 1e9 => format!("{} GB", digits(bytes / 1e9)),
        bytes if bytes >= 1e6 => format!("{} MB", digits(bytes / 1e6)),
        bytes if bytes >= 1e3 => format!("{} kB", digits(bytes / 1e3)),
        bytes => format!("{bytes:.0} B"),
    }
}

/// A number of things, as in `1 event` and `2 events`.
#[must_use]
pub fn count(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn digits(number: f64) -> String {
    match number.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_are_shown() {
        assert_eq!([0.0, 12.345, 0.0191, -0.0005, 1234.5].map(time), ["0 s", "12.3 s", "19.1 ms", "-500 us", "1234 s"]);
        assert_eq!([0.5, 50.0, 1000.0].map(rate), ["0.50 Hz", "50.0 Hz", "1000 Hz"]);
        assert_eq!([0.0, 999.0, 1500.0, 2e7, 3.21e9].map(bytes), ["0 B", "999 B", "1.50 kB", "20.0 MB", "3.21 GB"]);
        assert_eq!([0, 1, 2].map(|number| count(number, "event")), ["0 events", "1 event", "2 events"]);
    }
}
