//! Reading a log of many gigabytes in the memory of a few of its events.

use std::io::{self, Read};
use std::process::Command;

use lcm::log::LogReader;

use super::{event, record};

/// A log that is made while it is read: events of 300 bytes and of 4 MB in turn, and sometimes garbage behind them.
struct Endless {
    number: i64,
    until: i64,
    pieces: [Vec<u8>; 3],
    /// Which piece is given, and how much of it was.
    piece: usize,
    given: usize,
}

impl Endless {
    fn new(until: i64) -> Self {
        let [small, large] = [300, 4_000_000].map(|size: usize| record(&event(0, 0, "IMAGE", &vec![0x5a; size])));
        let damaged = [&small[..], b"garbage"].concat();
        Self { number: 0, until, pieces: [small, large, damaged], piece: 0, given: usize::MAX }
    }
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.pieces[self.piece].len() && self.number < self.until {
            self.piece = match self.number {
                number if number % GARBAGE_EVERY == 0 => 2,
                number if number % 2 == 0 => 0,
                _ => 1,
            };
            self.given = 0;
            self.pieces[self.piece][4..12].copy_from_slice(&self.number.to_be_bytes());
            self.number += 1;
        }
        let read = (&self.pieces[self.piece][self.given..]).read(buffer)?;
        self.given += read;
        Ok(read)
    }
}

#[test]
fn gigabytes_are_read_in_a_few_megabytes() {
    if std::env::var_os(CHILD).is_none() {
        // In a process of its own, so that its memory is not that of other tests.
        let test = "log::endless::gigabytes_are_read_in_a_few_megabytes";
        let output = Command::new(std::env::current_exe().unwrap()).args(["--exact", test]).env(CHILD, "1").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let mut reader = LogReader::new(Endless::new(2000));
    let (mut events, mut bytes) = (0, 0);
    while let Some(event) = reader.next_event().unwrap() {
        assert_eq!(event.number, events);
        events += 1;
        bytes += event.data.len();
    }
    assert_eq!((events, bytes), (2000, 1000 * 4_000_300));
    assert_eq!(reader.skipped().gaps, 2000 / u64::try_from(GARBAGE_EVERY).unwrap());
    let peak_kib = peak_memory_kib();
    assert!(peak_kib < 64 << 10, "{peak_kib} KiB");
}

fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

const GARBAGE_EVERY: i64 = 100;

/// The environment variable that tells the process of its own what it is.
const CHILD: &str = "LCM_TEST_READS_GIGABYTES";
