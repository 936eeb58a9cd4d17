//! Images to one process: what they cost 31 others that do not want them. Non-first fragments carry no channel, so that a
//! filter on channels does not stop them.

use anyhow::Result;

use super::{NANOSECONDS_PER_MILLISECOND, NANOSECONDS_PER_SECOND, RECV_BUF_SIZE, lost, sent};
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::report::{COLUMNS, Lost, Row, Unit};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let what = format!("30 MB/s of 1 MB to one beside {BYSTANDERS}");
    let rounds = bench.alternate(&what, &COLUMNS, Load::measure);
    let row = |name: &str| Row::new(format!("{what}, {name}"), Placement::Free, Unit::CpuMillisecondsPerSecond);
    Ok(vec![
        row(&format!("the {BYSTANDERS}")).fill(&rounds, |round| round.bystanders_ms),
        row("the one").fill(&rounds, |round| round.receiver_ms).lost(&rounds, |round| round.lost),
        row("the sender").fill(&rounds, |round| round.sender_ms),
        row("the machine").fill(&rounds, |round| round.machine_ms),
    ])
}

/// CPU time per second in one round.
#[derive(Debug)]
struct Load {
    bystanders_ms: f64,
    receiver_ms: f64,
    sender_ms: f64,
    machine_ms: f64,
    lost: Lost,
}

impl Load {
    fn measure(bench: &Bench, contender: Contender) -> Result<Self> {
        let images = Job { bytes: 1_000_000, recv_buf_size: Some(RECV_BUF_SIZE), ..Job::new(Role::Count) };
        let bystander = Job { channel: "OTHER".to_owned(), ..images.clone() };
        let mut receivers = vec![images.clone()];
        receivers.resize(1 + BYSTANDERS, bystander);
        let sender = Job { role: Role::Send, hz: 30.0, seconds: bench.choose(4.0, 1.5), warm_up: 1, ..images };
        let outcome = Exchange { placement: Placement::Free, receivers, sender }.run(bench, contender)?;
        let seconds = outcome.sender.of("elapsed_ns")? / NANOSECONDS_PER_SECOND;
        let per_second = |nanoseconds: f64| nanoseconds / NANOSECONDS_PER_MILLISECOND / seconds;
        let receiver_ns = outcome.receivers[0].of("cpu_ns")?;
        Ok(Self {
            bystanders_ms: per_second(outcome.received("cpu_ns")? - receiver_ns),
            receiver_ms: per_second(receiver_ns),
            sender_ms: per_second(outcome.sender.of("cpu_ns")?),
            machine_ms: per_second(outcome.machine_ns),
            lost: lost(sent(&outcome.sender)?, outcome.received("received")?, outcome.received("odd")?)?,
        })
    }
}

const BYSTANDERS: usize = 31;
