//! Telling systemd how the run is, where systemd started it.

use std::time::Duration;

use sd_notify::NotifyState;

/// Everything is up.
pub(crate) fn ready(text: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(text)]);
}

/// Everything is being ended.
pub(crate) fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// The coordinator lives.
pub(crate) fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// How often systemd wants to hear that the coordinator lives; none if it does not.
pub(crate) fn watchdog_period() -> Option<Duration> {
    // Twice in the time that it waits. The process that it watches is the keeper, so its number is not compared.
    let wait_us: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    std::env::var_os("NOTIFY_SOCKET")?;
    Some(Duration::from_micros(wait_us / 2)).filter(|period| !period.is_zero())
}

fn notify(states: &[NotifyState<'_>]) {
    // Without systemd there is nobody to tell, and that is the usual case.
    let _ = sd_notify::notify(states);
}
