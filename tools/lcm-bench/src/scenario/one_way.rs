//! Large messages one way, with default URLs, between ours and C LCM in every direction: how many arrive.

use anyhow::Result;

use super::{lost, sent};
use crate::bench::{Bench, Placement};
use crate::contender::Contender;
use crate::exchange::Exchange;
use crate::report::{Aim, Lost, Row, Unit};
use crate::worker::{Job, Role};

/// How many messages arrived in one round.
#[derive(Debug, Clone, Copy)]
struct Arrived {
    received: f64,
    lost: Lost,
}

/// Runs a sender's job in every direction. `our_buffer` is what our receivers ask for, if not their default; only messages
/// from ours to ours have an aim.
pub(super) fn rows(bench: &mut Bench, what: &str, sender: &Job, our_buffer: Option<u32>, aim: Option<Aim>) -> Vec<Row> {
    let contenders = [Contender::OURS, Contender::C, Contender::BARE, Contender::OURS_TO_C, Contender::C_TO_OURS];
    let arrived = bench.alternate(what, &contenders, |bench, contender| measure(bench, contender, sender, our_buffer));
    let row = |name: &str, columns: &[Vec<Arrived>]| {
        let row = Row::new(format!("{what}{name}"), Placement::Free, Unit::Messages);
        row.fill(columns, |arrived| arrived.received).lost(columns, |arrived| arrived.lost)
    };
    vec![
        row("", &arrived[..3]).aim(aim),
        row(", ours to C", &[arrived[3].clone(), arrived[1].clone()]),
        row(", C to ours", &[arrived[4].clone(), arrived[1].clone()]),
    ]
}

fn measure(bench: &Bench, contender: Contender, sender: &Job, our_buffer: Option<u32>) -> Result<Arrived> {
    let ours = contender.receiver == crate::contender::Party::Ours;
    let count = Job { bytes: sender.bytes, recv_buf_size: our_buffer.filter(|_| ours), ..Job::new(Role::Count) };
    let exchange = Exchange { placement: Placement::Free, receivers: vec![count], sender: sender.clone() };
    let outcome = exchange.run(bench, contender)?;
    let received = outcome.received("received")?;
    Ok(Arrived { received, lost: lost(sent(&outcome.sender)?, received, outcome.received("odd")?)? })
}
