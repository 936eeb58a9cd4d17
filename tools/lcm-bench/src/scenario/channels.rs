//! 32 processes, each wanting one of 32 channels: what it costs all of them that the bus brings everything to everyone.

use anyhow::Result;

use super::{NANOSECONDS_PER_MICROSECOND, RECV_BUF_SIZE, lost, sent};
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::report::{Aim, COLUMNS, Lost, Row, Unit};
use crate::worker::{Job, Role};

pub(super) fn run(bench: &mut Bench) -> Result<Vec<Row>> {
    let what = format!("{CHANNELS} processes, {CHANNELS} channels, 4000/s of 256 B");
    let rounds = bench.alternate(&what, &COLUMNS, Shared::measure);
    let row = |name: &str| Row::new(format!("{what}, {name}"), Placement::Free, Unit::Microseconds);
    Ok(vec![
        row("receive CPU of all per message")
            .fill(&rounds, |round| round.receive_us)
            .lost(&rounds, |round| round.lost)
            .aim([Aim::AtMostOfC(0.2)]),
        row("send CPU per message").fill(&rounds, |round| round.send_us).aim([Aim::AtMostOfC(0.3)]),
        row("CPU of the machine per message").fill(&rounds, |round| round.machine_us),
        row("time of a publish call, p50").fill(&rounds, |round| round.call_us),
    ])
}

/// What a message cost in one round.
#[derive(Debug)]
struct Shared {
    receive_us: f64,
    send_us: f64,
    machine_us: f64,
    call_us: f64,
    lost: Lost,
}

impl Shared {
    fn measure(bench: &Bench, contender: Contender) -> Result<Self> {
        let all = Job { bytes: 256, channel: "CHANNEL_".to_owned(), channels: CHANNELS, ..Job::new(Role::Send) };
        let all = Job { recv_buf_size: Some(RECV_BUF_SIZE), ..all };
        let one = |number| Job { channel: all.channel_of(number), channels: 0, role: Role::Count, ..all.clone() };
        let exchange = Exchange {
            placement: Placement::Free,
            receivers: (0..u64::from(CHANNELS)).map(one).collect(),
            sender: Job {
                hz: 4000.0,
                seconds: bench.choose(4.0, 1.5),
                warm_up: 40 * u64::from(CHANNELS),
                ..all.clone()
            },
        };
        let outcome = exchange.run(bench, contender)?;
        let sent = sent(&outcome.sender)?;
        let per_message = |nanoseconds: f64| nanoseconds / sent / NANOSECONDS_PER_MICROSECOND;
        Ok(Self {
            receive_us: per_message(outcome.received("cpu_ns")?),
            send_us: per_message(outcome.sender.of("cpu_ns")?),
            machine_us: per_message(outcome.machine_ns),
            call_us: outcome.sender.of("call_p50_ns")? / NANOSECONDS_PER_MICROSECOND,
            lost: lost(sent, outcome.received("received")?, outcome.received("odd")?)?,
        })
    }
}

const CHANNELS: u32 = 32;
