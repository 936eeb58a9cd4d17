//! Event logs: what is written is read, whatever happens to the file in between.
//!
//! Logs of other programs, and ours in their hands, are the business of the `mesh-tests` package.

mod damage;
mod endless;
mod file_url;
mod hostile;
mod reading;
mod recording;
mod seeking;
mod writing;

use std::io::{self, Read};
use std::path::PathBuf;

use lcm::log::{Event, Gap, LogReader, LogWriter};
use proptest::prelude::*;

/// An event as it lies in a log, put together by hand.
pub(crate) fn record(event: &Event) -> Vec<u8> {
    let lengths = [event.channel.len(), event.data.len()].map(|length| u32::try_from(length).unwrap().to_be_bytes());
    let times = [event.number.to_be_bytes(), event.timestamp_us.to_be_bytes()].concat();
    [&SYNC[..], &times, &lengths.concat(), &event.channel, &event.data].concat()
}

pub(crate) fn event(number: i64, timestamp_us: i64, channel: &str, data: &[u8]) -> Event {
    Event { number, timestamp_us, channel: channel.into(), data: data.to_vec() }
}

/// Events with these data, numbered from 0, a second apart.
pub(crate) fn events(data: impl IntoIterator<Item = Vec<u8>>) -> Vec<Event> {
    (0..).zip(data).map(|(number, data)| event(number, 1_000_000 * number, "CHANNEL", &data)).collect()
}

pub(crate) fn concat(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(record).collect()
}

/// Everything in a log, and where something else was passed over.
pub(crate) fn read(log: impl Read) -> (Vec<Event>, Vec<Gap>) {
    let mut reader = LogReader::new(log);
    let events = reader.events().map(Result::unwrap).collect();
    let total: u64 = reader.gaps().iter().map(|gap| gap.bytes).sum();
    assert_eq!((reader.skipped().gaps, reader.skipped().bytes), (reader.gaps().len() as u64, total));
    (events, reader.gaps().to_vec())
}

pub(crate) fn gap(offset: usize, bytes: usize) -> Gap {
    Gap { offset: offset as u64, bytes: bytes as u64 }
}

/// A log of these events as [`LogWriter`] writes it, for events numbered from 0.
pub(crate) fn written(events: &[Event]) -> Vec<u8> {
    let mut log = Vec::new();
    let mut writer = LogWriter::new(&mut log);
    for event in events {
        assert_eq!(writer.write(event.timestamp_us, &event.channel, &event.data).unwrap(), event.number);
    }
    drop(writer);
    log
}

/// Any events that a log can hold, numbered from 0, with data up to this size.
pub(crate) fn any_events(max_data_bytes: usize) -> impl Strategy<Value = Vec<Event>> {
    let channel =
        prop_oneof![4 => prop::collection::vec(any::<u8>(), 0..64), 1 => prop::collection::vec(any::<u8>(), 0..=999)];
    let data = prop::collection::vec(any::<u8>(), 0..=max_data_bytes);
    prop::collection::vec((any::<i64>(), channel, data), 0..20).prop_map(|events| {
        let numbered = (0..).zip(events);
        numbered.map(|(number, (timestamp_us, channel, data))| Event { number, timestamp_us, channel, data }).collect()
    })
}

/// Hands out a few bytes at a time, as a pipe may.
pub(crate) struct Trickle<R>(pub(crate) R, pub(crate) usize);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let few = buffer.len().min(self.1);
        self.0.read(&mut buffer[..few])
    }
}

/// A file of this name, which only one test uses.
pub(crate) fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.lcmlog"))
}

pub(crate) const SYNC: [u8; 4] = [0xed, 0xa1, 0xda, 0x01];
