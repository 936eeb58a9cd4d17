//! Any bytes are a log: each is part of one event or skipped, however they arrive, and a seek finds what a search finds.
//!
//! The other way round, events with garbage between them all come out, as far as the garbage is none itself; that the input
//! decides. How damage of a certain kind is told is left to the tests of the crate.

#![no_main]
#![forbid(unsafe_code)]

use std::io::{self, Cursor, Read};

use lcm::log::{Event, LogReader, LogWriter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&choice, bytes)) = input.split_first() else { return };
    let at_once = usize::from(choice >> 1) + 1;
    if choice & 1 == 0 {
        read_any(bytes, at_once);
    } else {
        read_between_zeros(bytes, at_once);
    }
});

/// The bytes are a log.
fn read_any(log: &[u8], at_once: usize) {
    let mut reader = LogReader::new(Cursor::new(log));
    let mut events = Vec::new();
    let mut event_bytes = 0;
    let mut position = 0;
    while let Some(event) = reader.next_event().expect("a slice can be read") {
        event_bytes += HEADER_BYTES + event.channel.len() + event.data.len();
        let event = event.to_event();
        let end = usize::try_from(reader.position()).expect("it is within the slice");
        assert!(log[..end].ends_with(&event.data), "data from elsewhere");
        assert!(position < end && end <= log.len());
        position = end;
        events.push(event);
    }
    let skipped = reader.skipped();
    assert_eq!(event_bytes as u64 + skipped.bytes, log.len() as u64);
    assert_eq!(skipped.gaps, reader.gaps().len() as u64);

    let mut trickling = LogReader::new(Trickle(log, at_once));
    let same: Vec<Event> = trickling.events().map(|event| event.expect("a slice can be read")).collect();
    assert!(same == events && trickling.skipped() == skipped, "it matters how the bytes arrive");

    for wanted in [events.len() / 3, events.len() / 2, events.len()] {
        let timestamp_us = events.get(wanted).map_or(i64::MAX, |event| event.timestamp_us);
        let first = events.iter().find(|event| event.timestamp_us >= timestamp_us);
        assert_eq!(reader.seek_to(timestamp_us).expect("a slice can be sought"), first.is_some());
        assert_eq!(reader.next_event().expect("a slice can be read"), first.map(Event::as_ref));
    }
}

/// The bytes are data of events, with zeros between some of them.
fn read_between_zeros(bytes: &[u8], at_once: usize) {
    let (mut log, mut zeros) = (Vec::new(), 0);
    let mut writer = LogWriter::new(&mut log);
    let pieces: Vec<&[u8]> = bytes.chunks(PIECE_BYTES).collect();
    for piece in &pieces {
        writer.write(0, "CHANNEL", piece).expect("a vector takes it");
    }
    // So that the last of them, too, has one with the next number behind it.
    writer.write(0, "END", b"").expect("a vector takes it");
    drop(writer);
    let mut damaged = Vec::new();
    let mut rest = &log[..];
    for piece in &pieces {
        let (event, behind) = rest.split_at(HEADER_BYTES + "CHANNEL".len() + piece.len());
        damaged.extend_from_slice(event);
        rest = behind;
        // Data may say what it likes as long as the next number follows. With something else behind it, it may be believed.
        if piece[0] % 4 == 0 && !contains_header(piece) {
            damaged.extend_from_slice(&[0; 40]);
            zeros += 40;
        }
    }
    damaged.extend_from_slice(rest);
    let mut reader = LogReader::new(Trickle(&damaged[..], at_once));
    for piece in &pieces {
        let event = reader.next_event().expect("a slice can be read").expect("an event is missing");
        assert_eq!(event.data, *piece);
    }
    let end = reader.next_event().expect("a slice can be read").expect("the last event is missing");
    assert_eq!(end.channel, b"END");
    assert_eq!(reader.next_event().expect("a slice can be read"), None);
    assert_eq!(reader.skipped().bytes, zeros);
}

/// Whether the data contains what may be the beginning of an event.
fn contains_header(data: &[u8]) -> bool {
    data.windows(SYNC.len()).any(|word| word == SYNC) || (1..SYNC.len()).any(|some| data.ends_with(&SYNC[..some]))
}

/// Hands out a few bytes at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let few = buffer.len().min(self.1);
        self.0.read(&mut buffer[..few])
    }
}

const SYNC: [u8; 4] = [0xed, 0xa1, 0xda, 0x01];
const HEADER_BYTES: usize = 28;
const PIECE_BYTES: usize = 90;
