//! What goes over the bus while a tool looks at it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};

/// How much of what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traffic {
    pub(super) channels: u32,
    /// Of each message.
    pub(super) bytes: usize,
    /// Messages, of all channels together.
    pub(super) per_second: u32,
}

/// Somebody who publishes until he is stopped.
#[derive(Debug)]
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<u64>>,
}

impl Load {
    pub(super) fn start(traffic: Traffic) -> Result<Self> {
        let publisher = lcm::Inline::open(BUS)?.publisher();
        let stop = Arc::<AtomicBool>::default();
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().spawn(move || {
            let channels: Vec<String> = (0..traffic.channels).map(|number| format!("CHANNEL_{number}")).collect();
            let payload = vec![b'x'; traffic.bytes];
            let (start, mut sent) = (Instant::now(), 0_u64);
            // A millisecond's worth at a time.
            while !stopped.load(Ordering::Relaxed) {
                let due = u64::try_from(start.elapsed().as_micros() * u128::from(traffic.per_second) / 1_000_000)?;
                while sent < due {
                    let channel = &channels[usize::try_from(sent % u64::from(traffic.channels))?];
                    publisher.publish(channel, &payload)?;
                    sent += 1;
                }
                thread::sleep(Duration::from_millis(1));
            }
            Ok(sent)
        });
        Ok(Self { stop, thread: thread.context("cannot start a thread")? })
    }

    /// Stops him: how many messages he sent.
    pub(super) fn stop(self) -> Result<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| anyhow!("publishing panicked"))?
    }
}

/// Everything in the namespace is on it.
pub(super) const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
