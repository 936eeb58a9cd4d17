//! Small messages one by one, as fast as the sender can: how many arrive, and what receiving them costs.

use anyhow::Result;

use super::{
    NANOSECONDS_PER_MICROSECOND, NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, RECV_BUF_SIZE, lost, sent,
};
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::report::{Aim, Lost, Row, Unit};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (bytes, size) in [(64, "64 B"), (1024, "1 KiB")] {
        let what = format!("flood of {size}");
        let contenders =
            [Contender::OURS, Contender::C, Contender::BARE, Contender::C_UNLIMITED, Contender::OURS_IN_BATCHES];
        let floods = bench.alternate(&what, &contenders, |bench, contender| Flood::measure(bench, contender, bytes));
        let row = |name: &str, unit| Row::new(format!("{what}, {name}"), Placement::Free, unit);
        let columns = &floods[..3];
        let received = row("received", Unit::MessagesPerSecond).fill(columns, |flood| flood.received_per_second);
        rows.push(received.lost(columns, |flood| flood.lost).aim([Aim::AtLeastOfC(1.3), Aim::NoneLost]));
        rows.push(row("sent", Unit::MessagesPerSecond).fill(columns, |flood| flood.sent_per_second));
        let cpu = row("receive CPU per message", Unit::Microseconds).fill(columns, |flood| flood.cpu_us_per_message);
        rows.push(cpu.aim([Aim::AtMostOfC(0.4)]));
        rows.push(row("receive CPU", Unit::CpuMilliseconds).fill(columns, |flood| flood.cpu_ms));
        let batches = &[floods[4].clone(), floods[1].clone(), floods[2].clone()];
        let received = row("ours in batches of 64, received", Unit::MessagesPerSecond);
        let received = received.fill(batches, |flood| flood.received_per_second).lost(batches, |flood| flood.lost);
        rows.push(if bytes == 64 { received.aim([Aim::AtLeastOfC(5.0)]) } else { received });
        let cpu = row("ours in batches of 64, receive CPU per message", Unit::Microseconds);
        rows.push(cpu.fill(batches, |flood| flood.cpu_us_per_message));
        // What C LCM does where its own queue loses nothing.
        let unlimited = &[floods[0].clone(), floods[3].clone()];
        let received = row("received, C with unlimited queue", Unit::MessagesPerSecond);
        let received = received.fill(unlimited, |flood| flood.received_per_second);
        rows.push(received.lost(unlimited, |flood| flood.lost));
        let cpu = row("receive CPU per message, C with unlimited queue", Unit::Microseconds);
        rows.push(cpu.fill(unlimited, |flood| flood.cpu_us_per_message));
    }
    Ok(rows)
}

/// What one round brought.
#[derive(Debug, Clone, Copy)]
struct Flood {
    received_per_second: f64,
    sent_per_second: f64,
    cpu_us_per_message: f64,
    cpu_ms: f64,
    lost: Lost,
}

impl Flood {
    fn measure(bench: &Bench, contender: Contender, bytes: u32) -> Result<Self> {
        let count = Job { bytes, recv_buf_size: Some(RECV_BUF_SIZE), ..Job::new(Role::Count) };
        let sender = Job {
            bytes,
            seconds: bench.choose(2.0, 0.5),
            warm_up: bench.choose(51_200, 10_240),
            recv_buf_size: Some(RECV_BUF_SIZE),
            ..Job::new(Role::Send)
        };
        let exchange = Exchange { placement: Placement::Free, receivers: vec![count], sender };
        let outcome = exchange.run(bench, contender)?;
        let sent = sent(&outcome.sender)?;
        let [received, odd, spanned, span_ns, cpu_ns] =
            ["received", "odd", "spanned", "span_ns", "cpu_ns"].map(|name| outcome.received(name));
        let (received, cpu_ns, span_ns) = (received?, cpu_ns?, span_ns?);
        anyhow::ensure!(span_ns > 0.0, "only {received} messages came of {sent}");
        Ok(Self {
            received_per_second: spanned? / span_ns * NANOSECONDS_PER_SECOND,
            sent_per_second: sent / outcome.sender.of("elapsed_ns")? * NANOSECONDS_PER_SECOND,
            cpu_us_per_message: cpu_ns / received / NANOSECONDS_PER_MICROSECOND,
            cpu_ms: cpu_ns / NANOSECONDS_PER_MILLISECOND,
            lost: lost(sent, received, odd?)?,
        })
    }
}
