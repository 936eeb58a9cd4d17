//! The processes of ours that are measured: who serves, who calls, who only has a name, who watches.
//!
//! They speak with the tool as all workers do (see [`crate::worker`]). `grpc-peer` and `peers/rpc.py` are the counterparts of
//! the first two.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use dimos::{Dimos, Options, Service};
use serde_json::json;

use super::job::{Job, Role};
use crate::statistics::percentile;
use crate::worker::{cpu_time, order, say, wait_for_go};

/// Does a job to its end.
pub(crate) fn work(job: &Job) -> Result<()> {
    match job.role {
        Role::Serve => serve(job),
        Role::Call => call(job),
        Role::Idle => idle(job),
        Role::Watch => watch(job),
    }
}

fn serve(job: &Job) -> Result<()> {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let service = Service::new(job.address.parse()?).unary(METHOD, move |arguments, _| {
        counted.fetch_add(1, Relaxed);
        Ok(arguments)
    });
    let _served = service.start(options(job)?)?;
    let mut calls_before = 0;
    let (_, cpu) = answer_orders(|| calls_before = calls.load(Relaxed))?;
    say(&format!("calls={} cpu_ns={}", calls.load(Relaxed) - calls_before, cpu.as_nanos()))
}

fn call(job: &Job) -> Result<()> {
    let dimos = options(job)?.join()?;
    measure(&dimos, job, job.warm_up, Duration::MAX)?;
    wait_for_go()?;
    let cpu_before = cpu_time();
    let start = Instant::now();
    let mut times = measure(&dimos, job, job.limit, Duration::try_from_secs_f64(job.seconds).unwrap_or(Duration::MAX))?;
    let (elapsed, cpu) = (start.elapsed(), cpu_time() - cpu_before);
    times.sort_unstable();
    let [p50, p99] = [50, 99].map(|percent| percentile(&times, percent));
    say(&format!(
        "calls={} p50_ns={p50} p99_ns={p99} elapsed_ns={} cpu_ns={}",
        times.len(),
        elapsed.as_nanos(),
        cpu.as_nanos()
    ))
}

/// Has all callers call, each on a thread of its own, over the one connection of this process. Returns how long each call took.
fn measure(dimos: &Dimos, job: &Job, limit: u64, time: Duration) -> Result<Vec<u64>> {
    if job.callers == 1 {
        return call_in_turn(dimos, job, limit, time);
    }
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..job.callers).map(|_| scope.spawn(|| call_in_turn(dimos, job, limit, time))).collect();
        let mut times = Vec::new();
        for caller in callers {
            times.extend(caller.join().map_err(|_| anyhow::anyhow!("a caller panicked"))??);
        }
        Ok(times)
    })
}

fn call_in_turn(dimos: &Dimos, job: &Job, limit: u64, time: Duration) -> Result<Vec<u64>> {
    let module = dimos.module(&job.address)?;
    let text = "x".repeat(job.bytes);
    let mut times = Vec::new();
    let start = Instant::now();
    for number in 0..limit {
        if start.elapsed() >= time {
            break;
        }
        let before = Instant::now();
        if job.bytes == 0 {
            let point = json!({ "x": number as f64 + 0.5, "y": -2.5 });
            let answer = module.call(METHOD, &point)?;
            ensure!(answer == point, "{answer} is not {point}");
        } else {
            let answer = module.call(METHOD, &text)?;
            let length = answer.as_str().map(str::len);
            ensure!(length == Some(text.len()), "{length:?} bytes are not {}", text.len());
        }
        times.push(u64::try_from(before.elapsed().as_nanos())?);
    }
    Ok(times)
}

fn idle(job: &Job) -> Result<()> {
    let _served = Service::new(job.address.parse()?).start(options(job)?)?;
    let (elapsed, cpu) = answer_orders(|| {})?;
    say(&format!("elapsed_ns={} cpu_ns={} pss_kib={}", elapsed.as_nanos(), cpu.as_nanos(), pss_kib()?))?;
    stay();
    Ok(())
}

fn watch(job: &Job) -> Result<()> {
    let dimos = options(job)?.join()?;
    let mut seen_before = dimos.settled().modules().len();
    let (elapsed, cpu) = answer_orders(|| seen_before = dimos.modules().len())?;
    let seen = dimos.modules().len();
    say(&format!(
        "seen_before={seen_before} seen={seen} elapsed_ns={} cpu_ns={} pss_kib={}",
        elapsed.as_nanos(),
        cpu.as_nanos(),
        pss_kib()?
    ))?;
    stay();
    Ok(())
}

/// Says that this process is ready, and waits until it is told to stop. Returns the time since `mark`, of the clock and of the
/// processor. `mark` is what else to do then.
fn answer_orders(mut mark: impl FnMut()) -> Result<(Duration, Duration)> {
    say("ready")?;
    let (mut start, mut cpu_before) = (Instant::now(), cpu_time());
    loop {
        match order().as_deref() {
            Some("mark") => {
                mark();
                // Saying so is not yet the measurement.
                say("marked")?;
                (start, cpu_before) = (Instant::now(), cpu_time());
            }
            Some("stop") => return Ok((start.elapsed(), cpu_time() - cpu_before)),
            other => bail!("expected the order `mark` or `stop`, not {other:?}"),
        }
    }
}

/// Waits until the tool ends this process: one that leaves gives the others something to do, who are still measured.
fn stay() {
    while order().is_some() {}
}

fn options(job: &Job) -> Result<Options> {
    let spin = job.spin.map(|spin| format!("&spin={spin}")).unwrap_or_default();
    let url = format!("udpm://239.255.76.67:7667?ttl=0{spin}");
    Ok(Options::default().url(url.parse().with_context(|| format!("{url} is no address of a bus"))?))
}

/// Memory of this process, shared pages as its part of them.
fn pss_kib() -> Result<u64> {
    let text = std::fs::read_to_string(SMAPS).with_context(|| format!("cannot read {SMAPS}"))?;
    pss_in(&text).with_context(|| format!("no `Pss` in {SMAPS}"))
}

fn pss_in(smaps: &str) -> Option<u64> {
    smaps.lines().find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix(" kB")?.parse().ok())
}

const METHOD: &str = "echo";

const SMAPS: &str = "/proc/self/smaps_rollup";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_memory_is_not_one_of_its_parts() {
        let smaps = "55d0-7ffe ---p 00000000 00:00 0 [rollup]\nRss:  5120 kB\nPss_Anon:  300 kB\nPss:  1234 kB\n";
        assert_eq!(pss_in(smaps), Some(1234));
        assert_eq!(pss_in("Rss: 5120 kB"), None);
    }
}
