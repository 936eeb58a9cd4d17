//! Reading a log of many gigabytes in the memory of a few of its events.

use std::io::{self, Read};
use std::process::Command;

use lcm::log::LogReader;

use super::{event, record};

/// A log that is made while it is read: events of a few hundred bytes up to 4 MB, and sometimes garbage.
struct Endless {
    number: i64,
    piece: Vec<u8>,
    given: usize,
    until: i64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.piece.len() && self.number < self.until {
            let size = if self.number % 2 == 0 { 4_000_000 } else { 300 };
            self.piece.clear();
            self.piece.extend_from_slice(&record(&event(self.number, 1000 * self.number, "IMAGE", b"")));
            self.piece[24..28].copy_from_slice(&u32::to_be_bytes(size));
            self.piece.resize(self.piece.len() + size as usize, 0x5a);
            if self.number % GARBAGE_EVERY == 0 {
                self.piece.extend_from_slice(b"garbage");
            }
            (self.number, self.given) = (self.number + 1, 0);
        }
        let read = (&self.piece[self.given..]).read(buffer)?;
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
    let mut reader = LogReader::new(Endless { number: 0, piece: Vec::new(), given: 0, until: 2000 });
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
