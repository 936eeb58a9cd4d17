//! Who calls: tasks over one connection, as gRPC is meant to be used.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};

use crate::messages::{Point, Text};
use crate::service::bench_client::BenchClient;
use crate::{Job, cpu_time, say, wait_for_go};

/// What all callers do.
#[derive(Debug, Clone, Copy)]
struct Plan {
    bytes: usize,
    limit: u64,
    time: Duration,
}

pub(crate) fn run(runtime: &Runtime, job: &Job) -> Result<()> {
    let channel = runtime.block_on(Endpoint::from_shared(format!("unix://{}", job.address))?.connect())?;
    let warm_up = Plan { bytes: job.bytes, limit: job.warm_up, time: Duration::MAX };
    measure(runtime, &channel, job.callers, warm_up)?;
    wait_for_go()?;
    let time = Duration::try_from_secs_f64(job.seconds).unwrap_or(Duration::MAX);
    let cpu_before = cpu_time();
    let start = Instant::now();
    let mut times = measure(runtime, &channel, job.callers, Plan { limit: job.limit, time, ..warm_up })?;
    let elapsed_ns = start.elapsed().as_nanos();
    let cpu_ns = (cpu_time() - cpu_before).as_nanos();
    times.sort_unstable();
    let at = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    };
    say(&format!("calls={} p50_ns={} p99_ns={} elapsed_ns={elapsed_ns} cpu_ns={cpu_ns}", times.len(), at(50), at(99),))
}

/// Has all callers call, and returns how long each call took. A single one is no task of its own.
fn measure(runtime: &Runtime, channel: &Channel, callers: usize, plan: Plan) -> Result<Vec<u64>> {
    let client = || BenchClient::new(channel.clone());
    if callers == 1 {
        return runtime.block_on(call(client(), plan));
    }
    runtime.block_on(async {
        let tasks: Vec<_> = (0..callers).map(|_| tokio::spawn(call(client(), plan))).collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await??);
        }
        Ok(times)
    })
}

async fn call(mut client: BenchClient<Channel>, plan: Plan) -> Result<Vec<u64>> {
    let text = "x".repeat(plan.bytes);
    let mut times = Vec::new();
    let start = Instant::now();
    for number in 0..plan.limit {
        if start.elapsed() >= plan.time {
            break;
        }
        let before = Instant::now();
        if plan.bytes == 0 {
            let point = Point { x: number as f64 + 0.5, y: -2.5 };
            let answer = client.echo_point(point).await?.into_inner();
            ensure!(answer == point, "{answer:?} is not {point:?}");
        } else {
            let answer = client.echo_text(Text { text: text.clone() }).await?.into_inner();
            ensure!(answer.text.len() == text.len(), "{} bytes are not {}", answer.text.len(), text.len());
        }
        times.push(u64::try_from(before.elapsed().as_nanos())?);
    }
    Ok(times)
}
