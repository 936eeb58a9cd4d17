//! The loops of those who send: trips one after the other, and messages at a rate or as fast as it goes.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Job, MESSAGES_PER_LOOK, WARM_UP, cpu_time, payload, say, stamp, wait_for_go};
use crate::statistics::percentile;

/// Makes trips. `trip` publishes the payload, which begins with the number, and waits for the answer; it returns whether the
/// answer came in time.
pub(super) fn ping(job: &Job, mut trip: impl FnMut(u64, &mut [u8]) -> Result<bool>) -> Result<()> {
    let mut payload = payload(job);
    let mut timed_trip = |number| -> Result<Option<u64>> {
        stamp(&mut payload, number);
        let start = Instant::now();
        let returned = trip(number, &mut payload)?;
        Ok(returned.then(|| nanoseconds(start.elapsed())))
    };
    for number in 0..job.warm_up {
        timed_trip(number | WARM_UP)?;
    }
    let mut times = Vec::with_capacity(usize::try_from(job.limit)?);
    let mut lost = 0;
    wait_for_go()?;
    let start = Instant::now();
    for number in 0..job.limit {
        if start.elapsed().as_secs_f64() >= job.seconds {
            break;
        }
        match timed_trip(number)? {
            Some(time) => times.push(time),
            None => lost += 1,
        }
    }
    times.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&times, percent));
    say(&format!("trips={} lost={lost} p50_ns={p50} p99_ns={p99}", times.len()))
}

/// Publishes messages. `publish` is told the number, the channel and the payload, and returns whether it was sent.
pub(super) fn send(job: &Job, mut publish: impl FnMut(u64, &str, &mut [u8]) -> bool) -> Result<()> {
    let mut payload = payload(job);
    let channels: Vec<String> = (0..u64::from(job.channels.max(1))).map(|number| job.channel_of(number)).collect();
    let mut publish_next = |number: u64| {
        stamp(&mut payload, number);
        let turn = (number & !WARM_UP) % channels.len() as u64;
        publish(number, &channels[usize::try_from(turn).unwrap_or_default()], &mut payload)
    };
    for number in 0..job.warm_up {
        publish_next(number | WARM_UP);
    }
    wait_for_go()?;
    let mut calls = Vec::new();
    let (mut sent, mut errors) = (0, 0);
    let cpu_before = cpu_time();
    let start = Instant::now();
    for number in 0..job.limit {
        let published = if job.hz > 0.0 {
            let due_seconds = number as f64 / job.hz;
            if due_seconds >= job.seconds {
                break;
            }
            std::thread::sleep(Duration::from_secs_f64(due_seconds).saturating_sub(start.elapsed()));
            let before = Instant::now();
            let published = publish_next(number);
            calls.push(nanoseconds(before.elapsed()));
            published
        } else {
            if number.is_multiple_of(MESSAGES_PER_LOOK) && start.elapsed().as_secs_f64() >= job.seconds {
                break;
            }
            publish_next(number)
        };
        sent += 1;
        errors += u64::from(!published);
    }
    let elapsed = start.elapsed();
    let cpu = cpu_time() - cpu_before;
    calls.sort_unstable();
    say(&format!(
        "sent={sent} errors={errors} elapsed_ns={} cpu_ns={} call_p50_ns={}",
        elapsed.as_nanos(),
        cpu.as_nanos(),
        percentile(&calls, 50),
    ))
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
