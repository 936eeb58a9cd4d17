//! What runs are called.

use std::time::SystemTime;

use crate::time::iso;

/// A new id: `YYYYmmdd-HHMMSS-<4 hex>-<name>`, in UTC. Of the name, what is not good for a file's name becomes `-`.
#[must_use]
pub fn new_run_id(name: &str, now: SystemTime) -> String {
    let digits: String = iso(now).chars().filter(char::is_ascii_digit).take(14).collect();
    let (date, time) = digits.split_at(8.min(digits.len()));
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    let name: String = name.chars().map(|c| if is_good(c) { c } else { '-' }).take(MAX_NAME).collect();
    let mut random = [0; 2];
    // Where there is no entropy, the process number tells runs apart.
    if rustix::rand::getrandom(&mut random[..], rustix::rand::GetRandomFlags::NONBLOCK).is_err() {
        let [low, high, ..] = std::process::id().to_le_bytes();
        random = [low, high];
    }
    format!("{date}-{time}-{:04x}-{name}", u16::from_le_bytes(random))
}

/// So that claims, which carry the id, have room for it.
const MAX_NAME: usize = 32;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_id_tells_when_and_what() {
        let id = new_run_id("two robots/sim", SystemTime::UNIX_EPOCH + Duration::from_secs(1_773_500_966));
        assert!(id.starts_with("20260314-150926-") && id.ends_with("-two-robots-sim"), "{id}");
        assert_eq!(id.len(), "20260314-150926-5f3a-two-robots-sim".len());
    }
}
