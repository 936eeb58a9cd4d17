//! Event logs of a test: written and read whole, by us and by Python's `EventLog`.

use std::path::Path;

use lcm::log::{Event, LogReader, LogWriter};

use crate::payload::checksum;
use crate::peers::Wheel;
use crate::process::run;
use crate::talk::hex;

/// An event.
#[must_use]
pub fn event(number: i64, timestamp_us: i64, channel: &str, data: Vec<u8>) -> Event {
    Event { number, timestamp_us, channel: channel.into(), data }
}

/// Writes a log of these events, with their numbers.
pub fn write(log: &Path, events: &[Event]) {
    let mut writer = LogWriter::create(log).expect("the log can be made");
    for event in events {
        writer.set_next_number(event.number);
        writer.write(event.timestamp_us, &event.channel, &event.data).expect("the log can be written");
    }
    writer.flush().expect("the log can be written");
}

/// The events of a log that is not damaged.
#[must_use]
pub fn read(log: &Path) -> Vec<Event> {
    let mut reader = LogReader::open(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
    let events = reader.events().map(|event| event.expect("the log can be read")).collect();
    assert_eq!(reader.skipped().bytes, 0, "in {}", log.display());
    events
}

/// What a log has that is being written, perhaps without the end of its last event.
#[must_use]
pub fn read_so_far(log: &Path) -> Vec<Event> {
    let read = |mut reader: LogReader| reader.events().map_while(Result::ok).collect();
    LogReader::open(log).map(read).unwrap_or_default()
}

/// Channel and data of each event, which is what a bus carries.
#[must_use]
pub fn messages(events: &[Event]) -> Vec<(String, Vec<u8>)> {
    let message = |event: &Event| (String::from_utf8_lossy(&event.channel).into_owned(), event.data.clone());
    events.iter().map(message).collect()
}

/// What Python's `EventLog` finds, a line an event.
#[must_use]
pub fn python_reads(wheel: &Wheel, log: &Path) -> Vec<String> {
    run(wheel.script("dump_log.py").arg(log)).lines().map(str::to_owned).collect()
}

/// What Python has to find.
#[must_use]
pub fn described(events: &[Event]) -> Vec<String> {
    let line = |event: &Event| {
        let Event { number, timestamp_us, channel, data } = event;
        format!("{number} {timestamp_us} {} {} {:08x}", hex(channel), data.len(), checksum(data))
    };
    events.iter().map(line).collect()
}
