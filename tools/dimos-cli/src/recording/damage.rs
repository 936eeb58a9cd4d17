//! What of a log belongs to no event, told in words and as JSON.

use std::io::Read;

use lcm::log::{Gap, LogReader, Skipped};
use serde::Serialize;

use crate::failure::Failure;
use crate::topic::units;

/// The damaged places of a log.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Damage {
    places: u64,
    bytes: u64,
    /// The first of them.
    list: Vec<Place>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Place {
    offset: u64,
    bytes: u64,
}

impl Damage {
    /// What a reader that has read all of a log passed over.
    pub(super) fn of<R: Read>(log: &LogReader<R>) -> Self {
        let Skipped { gaps, bytes } = log.skipped();
        let place = |gap: &Gap| Place { offset: gap.offset, bytes: gap.bytes };
        Self { places: gaps, bytes, list: log.gaps().iter().take(LISTED).map(place).collect() }
    }

    pub(super) fn is_none(&self) -> bool {
        self.places == 0
    }

    /// In a line, and a line for each of the first places.
    pub(super) fn text(&self) -> String {
        if self.is_none() {
            return "no damage".to_owned();
        }
        let places = units::count(self.places, "place");
        let mut text = format!("{places} damaged, {} that belong to no event", units::bytes(self.bytes as f64));
        for place in self.list.iter().take(SHOWN) {
            text += &format!("\n  at byte {}: {} bytes", place.offset, place.bytes);
        }
        match self.places.saturating_sub(SHOWN as u64) {
            0 => {}
            more => text += &format!("\n  and {more} more"),
        }
        text
    }

    /// The failure of a command that has passed them over.
    pub(super) fn outcome(&self) -> Result<(), Failure> {
        if self.is_none() {
            return Ok(());
        }
        let first = self.text();
        let first = first.lines().next().unwrap_or_default();
        Err(Failure::incomplete(format_args!("the log is damaged: {first}; every good event was read")))
    }
}

/// In JSON.
const LISTED: usize = 1000;

/// For people.
const SHOWN: usize = 10;
