//! A camera's uncompressed images at their usual rate, with default URLs.

use anyhow::Result;

use super::{RECV_BUF_SIZE, one_way};
use crate::bench::Bench;
use crate::report::{Aim, Row};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let our_buffer = bench.allow_receive_buffer(RECV_BUF_SIZE)?;
    let seconds: f64 = bench.choose(5.0, 2.0);
    let what = format!("camera, 2.8 MB at 30 Hz for {seconds} s");
    let job = Job { bytes: 2_800_000, hz: 30.0, seconds, warm_up: 1, ..Job::new(Role::Send) };
    Ok(one_way::rows(bench, &what, &job, our_buffer, Some(Aim::NoneLost)))
}
