//! How long an answer takes, and so how long to wait before sending again.

use std::time::Duration;

/// What was measured of one peer, as RFC 6298 does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RoundTrip {
    smoothed: Option<Duration>,
    deviation: Duration,
}

impl RoundTrip {
    /// Takes in how long an answer took to a message that was sent once only (Karn's rule).
    pub(crate) fn measured(&mut self, sample: Duration) {
        match self.smoothed {
            None => {
                self.smoothed = Some(sample);
                self.deviation = sample / 2;
            }
            Some(smoothed) => {
                self.deviation = (self.deviation * 3 + smoothed.abs_diff(sample)) / 4;
                self.smoothed = Some((smoothed * 7 + sample) / 8);
            }
        }
    }

    /// How long to wait for an acknowledgement at first.
    pub(crate) fn resend_after(&self) -> Duration {
        self.smoothed.map_or(FIRST_RESEND, |smoothed| (smoothed + 4 * self.deviation).clamp(MIN_RESEND, MAX_RESEND))
    }

    /// How old a part must be before a report that it is missing can mean this sending of it.
    pub(crate) fn believable(&self) -> Duration {
        let usual = self.smoothed.map_or(FIRST_RESEND / 2, |smoothed| smoothed + 3 * self.deviation);
        usual.clamp(MIN_BELIEVABLE, MAX_RESEND)
    }
}

/// `base` doubled `times` times, at most `cap`, a fifth more or less by chance: callers that lost a message together shall not
/// send again together.
pub(crate) fn backed_off(base: Duration, times: u32, cap: Duration, rng: &mut fastrand::Rng) -> Duration {
    let doubled = base.saturating_mul(1 << times.min(16)).min(cap);
    doubled.mul_f64(0.8 + 0.4 * rng.f64())
}

/// Before anything was measured.
const FIRST_RESEND: Duration = Duration::from_millis(20);

/// Longer than an acknowledgement may be held back, and than a busy process needs to be scheduled.
const MIN_RESEND: Duration = Duration::from_millis(12);

const MAX_RESEND: Duration = Duration::from_millis(200);

const MIN_BELIEVABLE: Duration = Duration::from_millis(1);
