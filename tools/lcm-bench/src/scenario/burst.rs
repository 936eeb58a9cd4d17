//! 50 large messages as fast as the sender can, with default URLs, under the `rmem_max` of the aims and under Linux's own.

use anyhow::Result;

use super::{DEFAULT_RMEM_MAX, RECV_BUF_SIZE, one_way};
use crate::bench::Bench;
use crate::report::{Aim, Row};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (rmem_max, name) in [(RECV_BUF_SIZE, "4 MiB"), (DEFAULT_RMEM_MAX, "212992")] {
        let our_buffer = bench.allow_receive_buffer(rmem_max)?;
        let setting = if our_buffer.is_some() { "recv_buf_size of ours" } else { "rmem_max" };
        for (bytes, size) in [(1_000_000, "1 MB"), (4_000_000, "4 MB")] {
            let what = format!("{MESSAGES} of {size}, {setting} {name}");
            let job = Job { bytes, limit: MESSAGES, warm_up: 1, ..Job::new(Role::Send) };
            let aim = (rmem_max == RECV_BUF_SIZE).then_some(Aim::NoneLost);
            rows.extend(one_way::rows(bench, &what, &job, our_buffer, aim));
        }
    }
    bench.allow_receive_buffer(RECV_BUF_SIZE)?;
    Ok(rows)
}

const MESSAGES: u64 = 50;
