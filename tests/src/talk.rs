//! Programs that publish or listen on order, whatever they are written in.
//!
//! `tests/peers/peer.c`, `tests/peers/peer.py` and our own `bus-peer` take the same arguments and orders and give the same answers.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::payload::{checksum, pattern};
use crate::process::{PATIENCE, Process};

/// A running program that publishes what it is told.
#[derive(Debug)]
pub struct Talker(Process);

/// A running program that tells what it hears.
#[derive(Debug)]
pub struct Listener(Process);

/// One message as a listener tells of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Heard {
    /// The channel's bytes.
    pub channel: Vec<u8>,
    /// Bytes of payload.
    pub size: usize,
    /// The payload's [`checksum`].
    pub checksum: u32,
}

impl Talker {
    /// Starts a program that publishes on the bus of `url`.
    pub fn start(mut program: Command, url: &str) -> Self {
        let mut process = Process::start(program.args([url, "send"]));
        process.expect_line("ready", |line| line == "ready");
        Self(process)
    }

    /// Publishes one patterned payload and returns when that is done.
    pub fn publish(&mut self, channel: &[u8], seed: u32, size: usize) {
        self.begin(channel, seed, size, 1, Duration::ZERO);
        self.finish();
    }

    /// Begins to publish `count` payloads with `pause` after each, the first from `seed`, the next from `seed + 1`.
    pub fn begin(&mut self, channel: &[u8], seed: u32, size: usize, count: usize, pause: Duration) {
        self.0.write_line(&format!("{} {seed} {size} {count} {}", hex(channel), pause.as_micros()));
    }

    /// Waits until what was begun is published.
    pub fn finish(&mut self) {
        let answer = self.0.expect_line("sent", |line| line.starts_with("sent"));
        assert_eq!(answer, "sent 0", "a peer could not publish");
    }
}

impl Listener {
    /// Starts a program that listens on the bus of `url` to the channels that the regular expression matches.
    pub fn start(mut program: Command, url: &str, regex: &str) -> Self {
        let mut process = Process::start(program.args([url, "listen", regex]));
        process.expect_line("ready", |line| line == "ready");
        Self(process)
    }

    /// The next message, or `None` when `within` has passed. The self-test of starting C programs is passed over.
    pub fn next(&mut self, within: Duration) -> Option<Heard> {
        let deadline = Instant::now() + within;
        loop {
            let line = self.0.line(deadline.saturating_duration_since(Instant::now()))?;
            let heard = Heard::parse(&String::from_utf8_lossy(&line));
            if heard.channel != b"LCM_SELF_TEST" {
                return Some(heard);
            }
        }
    }

    /// The next message, which has to be this one.
    pub fn expect(&mut self, channel: &[u8], payload: &[u8]) {
        assert_eq!(self.next(PATIENCE), Some(Heard::of(channel, payload)), "{}", self.0.stderr());
    }

    /// The program itself.
    pub fn process(&mut self) -> &mut Process {
        &mut self.0
    }
}

impl Heard {
    /// What a listener has to tell of this message.
    #[must_use]
    pub fn of(channel: &[u8], payload: &[u8]) -> Self {
        Self { channel: channel.to_vec(), size: payload.len(), checksum: checksum(payload) }
    }

    /// What a listener has to tell of a patterned payload.
    #[must_use]
    pub fn of_pattern(channel: &[u8], seed: u32, size: usize) -> Self {
        Self::of(channel, &pattern(seed, size))
    }

    /// The line in which a listener tells of it.
    #[must_use]
    pub fn to_line(&self) -> String {
        format!("{} {} {:08x}", hex(&self.channel), self.size, self.checksum)
    }

    /// Reads such a line.
    pub fn parse(line: &str) -> Self {
        let mut words = line.split(' ');
        let mut word = || words.next().unwrap_or_else(|| panic!("{line:?} tells of no message"));
        let channel = unhex(word());
        let size = word().parse().expect("a size is a number");
        let checksum = u32::from_str_radix(word(), 16).expect("a checksum is hexadecimal");
        Self { channel, size, checksum }
    }
}

/// Hexadecimal digits, `-` for no bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() { "-".to_owned() } else { bytes.iter().map(|byte| format!("{byte:02x}")).collect() }
}

/// The bytes that [`hex`] wrote.
#[must_use]
pub fn unhex(digits: &str) -> Vec<u8> {
    let pairs = digits.trim_matches('-').as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(&String::from_utf8_lossy(pair), 16).expect("two hexadecimal digits")).collect()
}
