//! `dimos rpc serve-stdio`: the mesh for programs in any language, as lines of JSON on stdin and stdout.
//!
//! [`protocol`] knows what lines mean, [`crate::lines`] reads them, [`outbox`] writes them, [`session`] keeps what is under way and
//! [`work`] does it. Here they are put together.

mod outbox;
mod protocol;
mod session;
mod work;

use std::io;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use crossbeam_channel::{Receiver, bounded, select};

use crate::context::Context;
use crate::failure::Failure;
use crate::lines::{self, Line};
use crate::message_types::Types;
use crate::output::Output;
use outbox::Outbox;
use session::Session;

/// Calls, streams, subscribes and publishes for another program: JSON-RPC 2.0 on stdin and stdout, one object a line.
///
/// Requests, which run side by side; the answers come as they are there and have the id of the request:
///   call        {"module", "method", "arguments"?, "timeout_s"?}   the result; without timeout_s in 10 s
///   stream      {"module", "method", "arguments"?, "timeout_s"?}   {"id"}, then chunks; fails if silent for 3 s
///   subscribe   {"topic", "keep_last"?}   {"id"}, then messages; a topic, channel or glob; the last 10 wait
///   publish     {"topic", "type"?, "data"}   {"channel", "bytes"}; without type the topic is TOPIC#PKG.TYPE
///   cancel      {"id"} or {"request"}     {"cancelled"}; a stream or subscription, or a request by its own id
///   modules     what `dimos list --json` prints
///   rpcs        {"methods", "silent"}: all methods, and the modules that do not describe themselves
///   skills      the same of the skills alone
///   describe    {"module"}   its contract
///
/// Notifications, which come unasked:
///   chunk    {"id", "value"}
///   message  {"id", "channel", "type", "recv_time_ns", "size_bytes", "data", "dropped"}, as `dimos topic echo --json`
///   end      {"id", "error"?}
///
/// Errors of the mesh are {"code": -32000, "message", "data": {"code", "exit_code", "data"?}} with the words and codes of the command
/// line; those of the protocol have the codes of JSON-RPC. Batches are answered in one line and in their order. At most 64 requests
/// are under way at a time, and 64 streams and subscriptions. A line has at most 16 MiB. Who reads slowly loses the oldest messages
/// of a subscription, and "dropped" counts them; streams wait.
///
/// At the end of stdin streams and subscriptions end, calls under way are answered, up to 60 s, and the exit code is 0.
///
/// Examples:
///   dimos rpc serve-stdio
///   echo '{"jsonrpc":"2.0","id":1,"method":"modules"}' | dimos rpc serve-stdio | jq .result
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    #[command(flatten)]
    types: Types,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let (outbox, written) = Outbox::start()?;
    let session = Session::new(context.mesh()?, context.bus()?, catalog, outbox);
    let input = read()?;
    let stdout = Output::new();
    loop {
        select! {
            recv(input) -> line => match line {
                Ok(Ok(Line::Whole(line))) => session.take(protocol::read(&line)),
                Ok(Ok(Line::TooLong)) => session.take(protocol::Line::One(protocol::too_long(MAX_LINE_BYTES))),
                Ok(Err(error)) => return Err(Failure::unexpected(format_args!("cannot read stdin: {error}"))),
                Err(_) => break,
            },
            recv(written) -> outcome => return outcome.unwrap_or_else(|_| Err(Failure::nobody_reads())),
            recv(context.interrupt.receiver()) -> _ => return Err(Failure::interrupted()),
            default(LOOK_EVERY) => stdout.check_reader()?,
        }
    }
    session.end_flows();
    session::wait_until_idle(&session, Instant::now() + PATIENCE, &context.interrupt)?;
    session.end_all();
    session::wait_until_idle(&session, Instant::now() + LOOK_EVERY * 2, &context.interrupt)?;
    session.outbox.end();
    written.recv().unwrap_or_else(|_| Err(Failure::nobody_reads()))
}

/// The lines of stdin, read on a thread of their own, one ahead.
fn read() -> anyhow::Result<Receiver<io::Result<Line>>> {
    let (sender, receiver) = bounded(1);
    let read = move || {
        let mut stdin = io::stdin().lock();
        while let Some(line) = lines::next(&mut stdin, MAX_LINE_BYTES).transpose() {
            let is_last = line.is_err();
            if sender.send(line).is_err() || is_last {
                return;
            }
        }
    };
    std::thread::Builder::new().name("dimos-stdin".to_owned()).spawn(read).context("cannot start a thread")?;
    Ok(receiver)
}

/// Of a request.
const MAX_LINE_BYTES: usize = 16 << 20;

/// How long calls under way may take after the end of stdin.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether somebody still reads.
const LOOK_EVERY: Duration = Duration::from_millis(100);
