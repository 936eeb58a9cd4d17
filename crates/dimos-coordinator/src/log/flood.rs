//! Modules that say too much: some of it is left out, and counted.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What each module may still say.
#[derive(Debug, Default)]
pub(super) struct Floods(HashMap<String, Allowance>);

#[derive(Debug)]
struct Allowance {
    lines: u32,
    renewed: Instant,
    left_out: u64,
}

/// What becomes of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is taken in, and so many before it were not.
    Taken { left_out: u64 },
    /// It is left out.
    LeftOut,
}

impl Floods {
    /// Whether a line of a module is taken in.
    pub(super) fn judge(&mut self, module: &str, now: Instant) -> Verdict {
        if !self.0.contains_key(module) {
            self.0.insert(module.to_owned(), Allowance { lines: BURST_LINES, renewed: now, left_out: 0 });
        }
        let Some(allowance) = self.0.get_mut(module) else { return Verdict::LeftOut };
        let periods = now.saturating_duration_since(allowance.renewed).as_millis() / PERIOD.as_millis();
        if let Ok(periods @ 1..) = u32::try_from(periods) {
            let more = periods.saturating_mul(LINES_PER_PERIOD);
            allowance.lines = allowance.lines.saturating_add(more).min(BURST_LINES);
            allowance.renewed = now;
        }
        match allowance.lines.checked_sub(1) {
            Some(left) => {
                allowance.lines = left;
                Verdict::Taken { left_out: std::mem::take(&mut allowance.left_out) }
            }
            None => {
                allowance.left_out += 1;
                Verdict::LeftOut
            }
        }
    }

    /// Forgets modules that are gone for good.
    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.0.retain(|module, _| is_there(module));
    }
}

/// So many lines a module may say at once.
const BURST_LINES: u32 = 20_000;

/// And so many more in each period: 2000 a second.
const LINES_PER_PERIOD: u32 = 200;
const PERIOD: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_and_counted_and_harms_nobody_else() {
        let (mut floods, start) = (Floods::default(), Instant::now());
        let taken =
            |floods: &mut Floods, at| (0..30_000).filter(|_| floods.judge("loud", at) != Verdict::LeftOut).count();
        assert_eq!(taken(&mut floods, start), 20_000);
        assert_eq!(floods.judge("quiet", start), Verdict::Taken { left_out: 0 });
        let later = start + Duration::from_secs(1);
        assert_eq!(floods.judge("loud", later), Verdict::Taken { left_out: 10_000 });
        assert_eq!(taken(&mut floods, later), 1999);
        assert_eq!(taken(&mut floods, start + Duration::from_secs(3600)), 20_000);
    }
}
