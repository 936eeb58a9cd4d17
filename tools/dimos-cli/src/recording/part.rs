//! A part of a log: what is between two times, on some of the channels.

use std::path::Path;

use clap::Args;
use lcm::Pattern;
use lcm::log::EventRef;

use crate::channels::Channels;
use crate::failure::Failure;
use crate::log_file::{LogTime, check_order};
use crate::topic::units;

/// Which part is meant: all if nothing is said.
#[derive(Debug, Clone, Args)]
pub(crate) struct Part {
    /// Begins there: so long after the first event, as 90s or 1:30, or at a date, 2026-11-27T06:50:00Z.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    start: Option<LogTime>,
    /// Ends there.
    #[arg(long, value_name = "TIME", value_parser = LogTime::new)]
    end: Option<LogTime>,
    #[command(flatten)]
    channels: Channels,
}

/// Finds the events of a part.
#[derive(Debug)]
pub(super) struct Within<'a> {
    part: &'a Part,
    wanted: Pattern,
    /// From when to when, once the first event is known.
    times_us: Option<(i64, i64)>,
    /// Events that were not.
    pub(super) left_out: u64,
}

impl Part {
    pub(super) fn within(&self) -> Result<Within<'_>, Failure> {
        check_order(self.start, self.end)?;
        Ok(Within { part: self, wanted: self.channels.pattern()?, times_us: None, left_out: 0 })
    }
}

impl Within<'_> {
    /// Whether the next event of the log is within.
    pub(super) fn takes(&mut self, event: EventRef<'_>) -> bool {
        let time = |time: Option<LogTime>, otherwise| time.map_or(otherwise, |time| time.in_log(event.timestamp_us));
        let part = self.part;
        let (from_us, to_us) =
            *self.times_us.get_or_insert_with(|| (time(part.start, i64::MIN), time(part.end, i64::MAX)));
        let is_taken = (from_us..=to_us).contains(&event.timestamp_us) && self.wanted.matches_name(event.channel);
        self.left_out += u64::from(!is_taken);
        is_taken
    }

    /// Fails where so few were found that nobody can want what would be made of them.
    pub(super) fn check_found(&self, events: u64, log: &Path) -> Result<(), Failure> {
        if events > 0 || self.left_out == 0 {
            return Ok(());
        }
        let (all, log) = (units::count(self.left_out, "event"), log.display());
        Err(Failure::not_found(format_args!(
            "{log} has {all}, none of them within the times and on the channels that are asked for"
        )))
    }
}
