//! What a receiver counts, and how it tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::{MESSAGES_PER_LOOK, WARM_UP, cpu_time, order, say};

/// What was received. One thread counts, another reads.
#[derive(Debug)]
pub(super) struct Tally {
    start: Instant,
    message_bytes: u64,
    received: AtomicU64,
    /// Messages that have no place in what was sent: of another size, twice, or late.
    odd: AtomicU64,
    next: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
    /// How many messages came between the first and the last look at the clock.
    spanned: AtomicU64,
}

impl Tally {
    pub(super) fn new(message_bytes: u32) -> Arc<Self> {
        let zero = AtomicU64::default;
        Arc::new(Self {
            start: Instant::now(),
            message_bytes: message_bytes.into(),
            received: zero(),
            odd: zero(),
            next: zero(),
            first_ns: zero(),
            last_ns: zero(),
            spanned: zero(),
        })
    }

    /// Counts a message. Plain loads and stores suffice, since no other thread does this.
    pub(super) fn count(&self, number: u64, bytes: usize) {
        if number & WARM_UP != 0 {
            return;
        }
        if bytes as u64 != self.message_bytes || number < self.next.load(Relaxed) {
            self.odd.store(self.odd.load(Relaxed) + 1, Relaxed);
            return;
        }
        let received = self.received.load(Relaxed) + 1;
        self.next.store(number + 1, Relaxed);
        self.received.store(received, Relaxed);
        if received == 1 {
            self.first_ns.store(self.now_ns(), Relaxed);
        }
        if received.is_multiple_of(MESSAGES_PER_LOOK) {
            self.last_ns.store(self.now_ns(), Relaxed);
            self.spanned.store(received - 1, Relaxed);
        }
    }

    fn now_ns(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Waits until nothing more comes in, which a queue may delay after the sender has ended.
    fn settle(&self) {
        let mut last = self.received.load(Relaxed);
        let mut quiet = 0;
        for _ in 0..SETTLE_LOOKS {
            std::thread::sleep(SETTLE_LOOK);
            let now = self.received.load(Relaxed);
            quiet = if now == last { quiet + 1 } else { 0 };
            last = now;
            if quiet == QUIET_LOOKS {
                return;
            }
        }
    }

    fn to_line(&self, cpu: Duration) -> String {
        let [received, odd, spanned] = [&self.received, &self.odd, &self.spanned].map(|value| value.load(Relaxed));
        let span_ns = if spanned == 0 { 0 } else { self.last_ns.load(Relaxed) - self.first_ns.load(Relaxed) };
        format!("received={received} odd={odd} spanned={spanned} span_ns={span_ns} cpu_ns={}", cpu.as_nanos())
    }
}

/// Says that this receiver is ready, and has a thread answer orders until one ends the process.
pub(super) fn obey(tally: &Arc<Tally>) -> Result<()> {
    let tally = Arc::clone(tally);
    let control = std::thread::Builder::new().name("control".to_owned());
    control.spawn(move || {
        let told = answer_orders(&tally);
        std::process::exit(i32::from(told.is_err()));
    })?;
    say("ready").context("the tool does not listen")
}

fn answer_orders(tally: &Tally) -> Result<()> {
    let mut cpu_before = Duration::ZERO;
    while order().as_deref() == Some("mark") {
        cpu_before = cpu_time();
        say("marked")?;
    }
    tally.settle();
    say(&tally.to_line(cpu_time() - cpu_before))
}

const SETTLE_LOOK: Duration = Duration::from_millis(100);
const SETTLE_LOOKS: u32 = 200;
const QUIET_LOOKS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warm_up_is_not_counted_and_repeated_or_short_messages_are_odd() {
        let tally = Tally::new(64);
        for (number, bytes) in [(WARM_UP, 64), (0, 64), (3, 64), (3, 64), (1, 64), (4, 63), (5, 64)] {
            tally.count(number, bytes);
        }
        let line = tally.to_line(Duration::from_nanos(7));
        assert_eq!(line, "received=3 odd=3 spanned=0 span_ns=0 cpu_ns=7");
    }

    #[test]
    fn the_span_ends_at_the_last_look_at_the_clock() {
        let tally = Tally::new(8);
        (0..200).for_each(|number| tally.count(number, 8));
        assert!(tally.to_line(Duration::ZERO).starts_with("received=200 odd=0 spanned=191 span_ns="));
    }
}
