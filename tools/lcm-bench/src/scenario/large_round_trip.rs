//! A message there and back that takes several datagrams. A trip of which a fragment is lost is counted, and not waited for.
//!
//! Ours sends as fast as it can, as C LCM does; its default pace is shown beside.

use anyhow::Result;

use super::RECV_BUF_SIZE;
use super::round_trip::Trips;
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::report::{Aim, Row, Unit};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (bytes, size, aim, trips) in
        [(64 << 10, "64 KiB", 0.6, 4000), (1 << 20, "1 MiB", 0.75, 500), (6 << 20, "6 MiB", 0.85, 100)]
    {
        for placement in [Placement::OneCore, Placement::Free] {
            let what = format!("round trip {size}");
            let job = Job {
                bytes,
                limit: bench.choose(trips, trips / 5),
                warm_up: bench.choose(trips / 10, 3),
                seconds: bench.choose(4.0, 2.0),
                timeout_ms: 200,
                recv_buf_size: Some(RECV_BUF_SIZE),
                ..Job::new(Role::Ping)
            };
            let contenders = [Contender::OURS_UNPACED, Contender::C, Contender::BARE, Contender::OURS];
            let trips = bench.alternate(&format!("{what}, {}", placement.name()), &contenders, |bench, contender| {
                Trips::measure(bench, contender, placement, &job)
            });
            let row = |name: &str| Row::new(format!("{what}, {name}"), placement, Unit::Microseconds);
            let columns = &trips[..3];
            let p50 = row("pace=0, p50").fill(columns, |trips| trips.p50_us).lost(columns, |trips| trips.lost);
            rows.push(p50.aim([Aim::AtMostOfC(aim)]));
            rows.push(row("pace=0, p99").fill(columns, |trips| trips.p99_us));
            let paced = &[trips[3].clone(), trips[1].clone()];
            rows.push(row("default pace, p50").fill(paced, |trips| trips.p50_us).lost(paced, |trips| trips.lost));
        }
    }
    Ok(rows)
}
