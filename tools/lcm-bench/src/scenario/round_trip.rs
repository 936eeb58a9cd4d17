//! A message there and back, small enough for one datagram. Nothing waits with a timeout, since nothing is lost.

use anyhow::Result;

use super::{NANOSECONDS_PER_MICROSECOND, RECV_BUF_SIZE};
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::report::{Aim, COLUMNS, Lost, Row, Unit};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (bytes, size) in [(64, "64 B"), (1024, "1 KiB")] {
        for placement in [Placement::OneCore, Placement::Free, Placement::TwoCores] {
            let aims = match placement {
                Placement::OneCore => vec![Aim::AtMostOfC(0.35), Aim::AtMostOfBare(1.3)],
                Placement::Free => vec![Aim::AtMostOfC(0.25)],
                Placement::TwoCores => Vec::new(),
            };
            let what = format!("round trip {size}");
            let job = Job {
                bytes,
                limit: bench.choose(20_000, 2_000),
                warm_up: bench.choose(2_000, 200),
                seconds: bench.choose(5.0, 1.0),
                recv_buf_size: Some(RECV_BUF_SIZE),
                ..Job::new(Role::Ping)
            };
            let [ours, c, bare] = COLUMNS;
            let contenders = [ours, c, bare, Contender::OURS_SLEEPING];
            let trips = bench.alternate(&format!("{what}, {}", placement.name()), &contenders, |bench, contender| {
                Trips::measure(bench, contender, placement, &job)
            });
            let sleeping = [trips[3].clone(), trips[1].clone(), trips[2].clone()];
            let trips = &trips[..3];
            let p50 = Row::new(format!("{what}, p50"), placement, Unit::Microseconds).fill(trips, |trips| trips.p50_us);
            let p99 = Row::new(format!("{what}, p99"), placement, Unit::Microseconds).fill(trips, |trips| trips.p99_us);
            rows.push(p50.lost(trips, |trips| trips.lost).aim(aims));
            rows.push(p99);
            let p50 = Row::new(format!("{what}, ours with spin=0, p50"), placement, Unit::Microseconds);
            rows.push(p50.fill(&sleeping, |trips| trips.p50_us).lost(&sleeping, |trips| trips.lost));
        }
    }
    Ok(rows)
}

/// What the trips of one round took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trips {
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    pub(crate) lost: Lost,
}

impl Trips {
    /// Runs a pinger's job against one who answers.
    pub(crate) fn measure(bench: &Bench, contender: Contender, placement: Placement, ping: &Job) -> Result<Self> {
        let echo = Job { bytes: ping.bytes, recv_buf_size: ping.recv_buf_size, ..Job::new(Role::Echo) };
        let outcome = Exchange { placement, receivers: vec![echo], sender: ping.clone() }.run(bench, contender)?;
        let figure = |name| outcome.sender.of(name);
        let (trips, lost) = (figure("trips")?, figure("lost")?);
        // Where every trip is lost there is no time to tell.
        let ns_per_us = if trips > 0.0 { NANOSECONDS_PER_MICROSECOND } else { f64::NAN };
        Ok(Self {
            p50_us: figure("p50_ns")? / ns_per_us,
            p99_us: figure("p99_ns")? / ns_per_us,
            lost: Lost { lost, of: trips + lost },
        })
    }
}
