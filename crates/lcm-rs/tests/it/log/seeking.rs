//! Going to a time, compared with looking at every event.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use lcm::log::{Event, LogReader};

use super::{concat, event, events, read, record};

/// The event that a linear search finds.
fn first_since(events: &[Event], timestamp_us: i64) -> Option<&Event> {
    events.iter().find(|event| event.timestamp_us >= timestamp_us)
}

/// Seeks to each of the times in turn with one reader, and compares.
fn compare<R: Read + Seek>(log: R, events: &[Event], times: impl IntoIterator<Item = i64>) {
    let mut reader = LogReader::new(log);
    for time in times {
        let expected = first_since(events, time);
        assert_eq!(reader.seek_to(time).unwrap(), expected.is_some(), "to {time}");
        assert_eq!(reader.next_event().unwrap(), expected.map(Event::as_ref), "to {time}");
    }
}

fn hundred_thousand(timestamp: impl FnMut(i64) -> i64) -> Vec<Event> {
    let mut timestamp = timestamp;
    (0..100_000)
        .map(|number| event(number, timestamp(number), "A", &vec![1; usize::try_from(number % 90).unwrap()]))
        .collect()
}

#[test]
fn a_log_of_a_hundred_thousand_events_is_entered_anywhere() {
    let events = hundred_thousand(|number| 1_000_000 + 1000 * number);
    let mut random = fastrand::Rng::with_seed(1);
    let mut times: Vec<_> = (0..300).map(|_| random.i64(900_000..101_100_000)).collect();
    times.extend([i64::MIN, 0, 1_000_000, 1_000_001, 100_999_000, 100_999_001, i64::MAX]);
    compare(Cursor::new(concat(&events)), &events, times);
}

#[test]
fn timestamps_that_go_backwards_hide_nothing() {
    let mut random = fastrand::Rng::with_seed(2);
    // Jitter, and a clock that was set back twice.
    let events = hundred_thousand(|number| 100 * (number % 40_000) + random.i64(-3000..3000));
    let times: Vec<_> = (0..300).map(|_| random.i64(-5000..4_100_000)).collect();
    compare(Cursor::new(concat(&events)), &events, times);
}

#[test]
fn garbage_between_events_is_no_obstacle() {
    let events = hundred_thousand(|number| 1000 * number);
    let mut random = fastrand::Rng::with_seed(3);
    let mut log = Vec::new();
    for event in &events {
        if random.u8(..) == 0 {
            log.extend((0..random.usize(..300)).map(|_| random.u8(..)));
        }
        log.extend(record(event));
    }
    let times: Vec<_> = (0..300).map(|_| random.i64(-10..100_000_010)).collect();
    compare(Cursor::new(&log), &events, times);
    // Seeking counts nothing as skipped; reading does.
    let mut reader = LogReader::new(Cursor::new(&log));
    reader.seek_to(i64::MAX).unwrap();
    assert_eq!((reader.skipped().gaps, reader.position()), (0, log.len() as u64));
    reader.rewind().unwrap();
    assert_eq!(reader.events().count(), events.len());
    assert!(reader.skipped().gaps > 100);
}

/// Counts the bytes that are read.
struct Counting<'a, R>(R, &'a Cell<usize>);

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.set(self.1.get() + read);
        Ok(read)
    }
}

impl<R: Seek> Seek for Counting<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn large_data_is_not_read_to_find_a_time() {
    let events: Vec<_> = (0..40).map(|number| event(number, 1000 * number, "IMAGE", &vec![1; 3_000_000])).collect();
    let log = concat(&events);
    let bytes_read = Cell::new(0);
    let mut reader = LogReader::new(Counting(Cursor::new(&log), &bytes_read));
    assert!(reader.seek_to(38_500).unwrap());
    assert!(bytes_read.get() < log.len() / 5, "{} of {} bytes were read", bytes_read.get(), log.len());
    assert_eq!(reader.next_event().unwrap().map(|event| event.number), Some(39));
    // Later, only from a place nearby.
    bytes_read.set(0);
    assert!(reader.seek_to(20_000).unwrap());
    assert!(bytes_read.get() < 2_000_000, "{} bytes were read again", bytes_read.get());
    assert_eq!(reader.next_event().unwrap().map(|event| event.number), Some(20));
    let times = (0..100).map(|n| n * 7 % 43 * 1000 - 500);
    compare(Cursor::new(&log), &events, times);
}

#[test]
fn large_events_that_are_cut_off_or_not_numbered_on_are_found_all_the_same() {
    let good: Vec<_> = (0..10).map(|n| event(n * n, 1000 * n, "IMAGE", &vec![1; 1_000_000])).collect();
    let mut log = Vec::new();
    for event in &good {
        log.extend(record(event));
        log.extend(&record(&super::event(99, 500_000, "IMAGE", &vec![2; 2_000_000]))[..700_000]);
    }
    assert_eq!(read(&log[..]).0, good);
    compare(Cursor::new(&log), &good, (-1..12).map(|n| n * 1000 - 300));
    compare(Cursor::new(&log), &good, (-1..12).rev().map(|n| n * 1000 - 300));
}

#[test]
fn a_log_within_another_file_begins_where_the_source_stands() {
    let events = hundred_thousand(|number| 1000 * number);
    let mut source = Cursor::new([&vec![0; 5000][..], &concat(&events)].concat());
    source.seek(SeekFrom::Start(5000)).unwrap();
    let mut reader = LogReader::new(source);
    reader.next_event().unwrap();
    assert!(reader.seek_to(77_777_000).unwrap());
    assert_eq!(reader.next_event().unwrap(), Some(events[77_777].as_ref()));
    reader.rewind().unwrap();
    assert_eq!(reader.next_event().unwrap(), Some(events[0].as_ref()));
    assert_eq!(reader.skipped().bytes, 0);
}

#[test]
fn a_log_that_grew_is_searched_further() {
    let path = super::scratch("grown");
    let events = hundred_thousand(|number| 1000 * number);
    std::fs::write(&path, concat(&events[..1000])).unwrap();
    let mut reader = LogReader::open(&path).unwrap();
    assert!(!reader.seek_to(50_000_000).unwrap());
    std::fs::write(&path, concat(&events)).unwrap();
    assert!(reader.seek_to(50_000_000).unwrap());
    assert_eq!(reader.next_event().unwrap(), Some(events[50_000].as_ref()));
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_position_that_was_told_is_gone_back_to() {
    let events = events((0..100).map(|size| vec![1; 1000 * size]));
    let log = concat(&events);
    let mut reader = LogReader::new(Cursor::new(&log[..]));
    let mut positions = vec![0];
    while reader.next_event().unwrap().is_some() {
        positions.push(reader.position());
    }
    for place in [0, 99, 3, 50, 49] {
        reader.go_to(positions[place]).unwrap();
        assert_eq!(reader.next_event().unwrap().unwrap().to_event(), events[place]);
    }
    assert_eq!(reader.skipped().bytes, 0);
}
