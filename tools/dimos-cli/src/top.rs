//! `dimos top`: what each process takes of its machine, again and again.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use dimos::coordinator::{COORDINATOR, ModuleStatus, RunStatus};
use dimos::presence::Participant;
use dimos::{Dimos, PendingCall, TimeLimit};
use serde::Serialize;

use crate::context::Context;
use crate::duration::span;
use crate::failure::Failure;
use crate::output::Output;
use crate::table::{mebibytes, seconds, table};

/// Shows what each module's process takes of its machine, again and again: processor, memory, threads, restarts, and for how long its handler
/// has been running.
///
/// Of modules that a coordinator has started it tells all, on whatever host they are; of others what they say themselves. On a terminal each
/// round replaces the one before; elsewhere they follow one another, and with --json each is one line: an array of objects. The shares of a
/// processor are means since the coordinator was asked last, by this command in the round before or by another one since.
///
/// Examples:
///   dimos top
///   dimos top --sort memory
///   dimos top --count 1 --json | jq '.[] | {name, cpu_percent}'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// How long a round lasts.
    #[arg(long, value_name = "DURATION", value_parser = span, default_value = "1s")]
    interval: Duration,
    /// Ends after so many rounds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// What comes first: the largest of cpu, memory, threads, restarts or handler, or the names in order.
    #[arg(long, value_name = "COLUMN", value_enum, default_value_t)]
    sort: Column,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Column {
    #[default]
    Cpu,
    Memory,
    Threads,
    Restarts,
    Handler,
    Name,
}

/// What is known of a module. What is not known is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Row {
    name: String,
    state: String,
    host: String,
    pid: Option<u32>,
    cpu_percent: Option<f64>,
    memory_bytes: Option<u64>,
    threads: Option<u32>,
    /// How long its handler has been running; 0 if none is.
    handler_s: Option<f64>,
    restarts: Option<u32>,
    uptime_s: Option<f64>,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    let _ = dimos.settled();
    let mut output = Output::new();
    let is_screen = stdout().is_terminal() && !context.is_json;
    // The first shares of a processor are means since the processes began; the second ones are of a moment.
    let _ = rows(&dimos, options.sort);
    let mut next = Instant::now();
    for round in 1_u64.. {
        next = (next + options.interval.min(if round == 1 { FIRST } else { Duration::MAX })).max(Instant::now());
        context.interrupt.wait_until(next)?;
        let rows = rows(&dimos, options.sort);
        if context.is_json {
            output.json(&rows)?;
        } else {
            let text = if rows.is_empty() { format!("no modules on {}", context.url()?) } else { readable(&rows) };
            // Home, and what was there before is gone.
            output.line(&if is_screen { format!("\x1b[H\x1b[J{text}") } else { text })?;
        }
        output.flush()?;
        output.check_reader()?;
        if options.count.is_some_and(|count| round >= count) {
            break;
        }
    }
    Ok(())
}

/// What is known by now. Coordinators that do not answer soon are left out of a round.
fn rows(dimos: &Dimos, sort: Column) -> Vec<Row> {
    let modules = dimos.modules();
    let coordinators =
        modules.iter().filter_map(|module| module.name.as_ref()).filter(|name| name.last() == COORDINATOR);
    let ask = |name: &dimos::Name| {
        let module = dimos.module(name.as_str()).ok()?;
        module.limit(TimeLimit::Deadline(PATIENCE)).start_as::<RunStatus>("status", &()).ok()
    };
    let asked: Vec<_> = coordinators.filter_map(ask).collect();
    let runs: Vec<_> = asked.into_iter().filter_map(|call| PendingCall::wait(call).ok()).collect();
    merged(modules, runs, sort)
}

/// What modules say of themselves, and what coordinators say of them.
fn merged(modules: Vec<Participant>, runs: Vec<RunStatus>, sort: Column) -> Vec<Row> {
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for module in modules {
        let Some(name) = module.name.map(|name| name.to_string()) else { continue };
        let row = Row {
            state: module.state.to_string(),
            host: module.identity.host,
            pid: u32::try_from(module.identity.pid).ok(),
            cpu_percent: None,
            memory_bytes: None,
            threads: None,
            handler_s: Some(module.handler.as_secs_f64()),
            restarts: None,
            uptime_s: None,
            name: name.clone(),
        };
        rows.insert(name, row);
    }
    for run in runs {
        if let Some(row) = rows.get_mut(&run.coordinator) {
            (row.memory_bytes, row.uptime_s) = (run.memory_bytes, Some(run.uptime_s));
        }
        for module in run.modules {
            let handler_s = rows.get(&module.name).and_then(|row| row.handler_s);
            rows.insert(module.name.clone(), started(module, handler_s, &run.host));
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    let key = |row: &Row| match sort {
        Column::Cpu => row.cpu_percent.unwrap_or(-1.0),
        Column::Memory => row.memory_bytes.map_or(-1.0, |bytes| bytes as f64),
        Column::Threads => row.threads.map_or(-1.0, f64::from),
        Column::Restarts => row.restarts.map_or(-1.0, f64::from),
        Column::Handler => row.handler_s.unwrap_or(-1.0),
        Column::Name => 0.0,
    };
    // Stable, so that what is equal stays in the order of names.
    rows.sort_by(|one, other| key(other).total_cmp(&key(one)));
    rows
}

fn started(module: ModuleStatus, handler_s: Option<f64>, host: &str) -> Row {
    let state = serde_json::to_value(module.state).ok().and_then(|state| state.as_str().map(str::to_owned));
    Row {
        name: module.name,
        state: state.unwrap_or_default(),
        host: host.to_owned(),
        pid: module.pid,
        cpu_percent: module.cpu_percent,
        memory_bytes: module.memory_bytes,
        threads: module.threads,
        handler_s,
        restarts: Some(module.restarts),
        uptime_s: module.uptime_s,
    }
}

fn readable(rows: &[Row]) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let columns = |row: &Row| {
        [
            row.name.clone(),
            row.state.clone(),
            row.host.clone(),
            or_dash(row.pid.map(|pid| pid.to_string())),
            or_dash(row.cpu_percent.map(|percent| format!("{percent:.1} %"))),
            or_dash(row.memory_bytes.map(mebibytes)),
            or_dash(row.threads.map(|threads| threads.to_string())),
            or_dash(
                row.handler_s
                    .map(|handler_s| if handler_s > 0.0 { format!("{handler_s:.1} s") } else { "-".to_owned() }),
            ),
            or_dash(row.restarts.map(|restarts| restarts.to_string())),
            or_dash(row.uptime_s.map(seconds)),
        ]
    };
    let head = ["MODULE", "STATE", "HOST", "PID", "CPU", "MEMORY", "THREADS", "HANDLER", "RESTARTS", "UP"];
    table(head, rows.iter().map(columns))
}

/// The first round comes soon, but not so soon that shares of a processor tell nothing.
const FIRST: Duration = Duration::from_millis(500);

/// How long a coordinator may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
