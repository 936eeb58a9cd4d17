//! Logs made to hurt: memory follows what is there, and work its length.

use std::io::{self, Read};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use lcm::log::LogReader;

use super::{SYNC, event, record};

/// Notes the largest piece that was asked for.
struct Noting<'a, R>(R, &'a AtomicUsize);

impl<R: Read> Read for Noting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.fetch_max(buffer.len(), Relaxed);
        self.0.read(buffer)
    }
}

fn header(number: i64, channel_bytes: u32, data_bytes: u32) -> Vec<u8> {
    let mut header = record(&event(number, 0, "", b""));
    header[20..24].copy_from_slice(&channel_bytes.to_be_bytes());
    header[24..28].copy_from_slice(&data_bytes.to_be_bytes());
    header
}

#[test]
fn forged_lengths_allocate_nothing() {
    let good = event(3, 4, "A", b"good");
    for lengths in [i32::MAX.cast_unsigned(), u32::MAX, 1 << 31, 1 << 28, (1 << 28) + 1] {
        for (channel_bytes, data_bytes) in [(1, lengths), (lengths, 1), (lengths, lengths)] {
            let log = [header(0, channel_bytes, data_bytes), b"x".to_vec(), record(&good)].concat();
            let largest = AtomicUsize::new(0);
            let mut reader = LogReader::new(Noting(&log[..], &largest));
            assert_eq!(reader.events().map(Result::unwrap).collect::<Vec<_>>(), std::slice::from_ref(&good));
            assert_eq!(reader.skipped().bytes, 29);
            assert!(largest.load(Relaxed) <= 256 << 10, "room for {} bytes", largest.load(Relaxed));
        }
    }
}

#[test]
fn room_grows_only_as_bytes_arrive() {
    // Ten megabytes follow a header that claims 256.
    let log = [header(0, 0, 1 << 28), vec![0; 10 << 20]].concat();
    let largest = AtomicUsize::new(0);
    assert_eq!(LogReader::new(Noting(&log[..], &largest)).next_event().unwrap(), None);
    assert!(largest.load(Relaxed) <= 16 << 20, "room for {} bytes", largest.load(Relaxed));
}

#[test]
fn a_log_of_nothing_but_headers_ends() {
    // Each claims to reach far over the following, and so has to be looked into.
    for (claims, step) in [(1 << 20, 0_i64), (1 << 20, 1), (3, 1), (27, 0), (28, 7), (56, -1)] {
        let log: Vec<u8> = (0..200_000).flat_map(|n| header(n * step, 0, claims)).collect();
        let mut reader = LogReader::new(&log[..]);
        let mut read = 0;
        while let Some(event) = reader.next_event().unwrap() {
            read += 28 + event.channel.len() + event.data.len();
        }
        assert_eq!(read as u64 + reader.skipped().bytes, log.len() as u64);
    }
}

#[test]
fn sync_words_without_end_are_passed_over() {
    let log = SYNC.repeat(2 << 20);
    let mut reader = LogReader::new(&log[..]);
    assert_eq!(reader.next_event().unwrap(), None);
    assert_eq!((reader.skipped().gaps, reader.skipped().bytes), (1, log.len() as u64));
}

#[test]
fn every_byte_of_any_input_is_an_event_or_skipped() {
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..300 {
        // Made of the bytes that matter, so that headers occur.
        let log: Vec<u8> = (0..random.usize(..3000))
            .flat_map(|_| match random.u8(..4) {
                0 => SYNC.to_vec(),
                1 => vec![0; random.usize(..24)],
                2 => vec![random.u8(..40)],
                _ => header(random.i64(0..3), random.u32(..4), random.u32(..60)),
            })
            .collect();
        let mut reader = LogReader::new(&log[..]);
        let mut read = 0;
        while let Some(event) = reader.next_event().unwrap() {
            read += 28 + event.channel.len() + event.data.len();
        }
        assert_eq!(read as u64 + reader.skipped().bytes, log.len() as u64);
    }
}
