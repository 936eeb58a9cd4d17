//! `dimos events`: what becomes of modules, as it happens.

use std::collections::HashMap;
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use clap::builder::PossibleValuesParser;
use crossbeam_channel::{after, never, select};
use dimos::coordinator::RUN_EVENTS;
use dimos::presence::{Event, Participant};
use dimos::{Name, NodeId};
use lcm::{Message, Queue, Sample};
use lcm_types::dimos_mesh::RunEvent;
use serde::Serialize;

use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::output::{Output, plain};

/// Tells what becomes of modules, as it happens: those that join, change, leave, hang, are lost or displaced, as every process on the bus sees
/// it; and those that exit, are restarted or given up, as their coordinators say.
///
/// What is there already is not told; dimos list does. With --json one object a line: {"time":..., "from":..., "kind":..., "module":...,
/// "text":...}. "from" is "bus", or the name of a coordinator. Kinds: joined, changed, left, failed, stuck, unstuck, lost, displaced of the
/// bus, and up, exited, restarting, given_up, stuck, unstuck, lost, found, displaced, killed, stopping of coordinators.
///
/// Exits with 0 after --count events or after --for; with 5 if there were fewer than --count by then; with 3 if it missed some.
///
/// Examples:
///   dimos events
///   dimos events --module robot0/mapper --json
///   dimos events --count 1 --for 10s
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Only of this module.
    #[arg(long, value_name = "NAME")]
    module: Option<Name>,
    /// Those of processes without a name, too: commands like this one, and scripts.
    #[arg(long)]
    all: bool,
    /// Only of this kind, such as exited; again for more, or separated by commas.
    #[arg(long = "kind", value_name = "KIND", value_delimiter = ',', value_parser = PossibleValuesParser::new(KINDS), hide_possible_values = true)]
    kinds: Vec<String>,
    /// Ends after so many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Ends after this time, such as 30s; without it, it goes on.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
}

/// Something that happened.
#[derive(Debug, Serialize)]
struct Line {
    /// ISO 8601, UTC.
    time: String,
    from: String,
    kind: String,
    /// Null of processes without a name.
    module: Option<String>,
    text: String,
}

/// What the coordinators told last, to see what was missed.
#[derive(Debug, Default)]
struct Serials {
    last: HashMap<i64, i32>,
    missed: u64,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    let of_runs = dimos.subscribe(RUN_EVENTS, Queue::keep_last(QUEUED));
    let of_runs = of_runs.map_err(|error| Failure::unexpected(format_args!("{RUN_EVENTS}: {error}")))?;
    // What is there has to be known, to tell what is new.
    let _ = dimos.settled();
    let events = dimos.events();
    let mut output = Output::new();
    let (mut printed, mut serials, mut missed, mut told) = (0, Serials::default(), 0, 0);
    let end = options.duration.map_or_else(never, after);
    let mut last_look = Instant::now();
    loop {
        let line = select! {
            recv(events) -> event => match event {
                Ok(Event::Missed { count }) => {
                    missed += count;
                    None
                }
                Ok(event) => of_bus(event),
                Err(_) => return Err(Failure::unexpected("the connection to the bus has ended")),
            },
            recv(of_runs.receiver()) -> sample => match sample {
                Ok(sample) => of_run(&sample, &mut serials),
                Err(_) => return Err(Failure::unexpected("the connection to the bus has ended")),
            },
            recv(end) -> _ => break,
            recv(context.interrupt.receiver()) -> _ => return Err(Failure::interrupted()),
            default(LOOK_EVERY) => None,
        };
        if let Some(line) = line.filter(|line| options.takes(line)) {
            if context.is_json {
                output.json(&line)?
            } else {
                output.line(&readable(&line))?
            };
            output.flush()?;
            printed += 1;
            if options.count == Some(printed) {
                break;
            }
        }
        if last_look.elapsed() >= LOOK_EVERY {
            last_look = Instant::now();
            output.check_reader()?;
            let all = missed + serials.missed + of_runs.dropped();
            if all > std::mem::replace(&mut told, all) {
                context.note(format_args!("{all} events were missed so far"));
            }
        }
    }
    if let Some(count) = options.count.filter(|count| printed < *count) {
        let within = options.duration.unwrap_or_default();
        return Err(Failure::timed_out(format_args!("{printed} of {count} events within {within:?}")));
    }
    match missed + serials.missed + of_runs.dropped() {
        0 => Ok(()),
        missed => Err(Failure::incomplete(format_args!("{missed} events were missed"))),
    }
}

impl Options {
    fn takes(&self, line: &Line) -> bool {
        let is_of_module = self.module.as_ref().is_none_or(|module| line.module.as_deref() == Some(module.as_str()));
        let is_of_interest = self.all || line.module.is_some() || line.from != "bus";
        is_of_module && is_of_interest && (self.kinds.is_empty() || self.kinds.contains(&line.kind))
    }
}

/// As every process sees it.
fn of_bus(event: Event) -> Option<Line> {
    let (kind, module, text) = match event {
        Event::Joined(participant) => {
            let text = who(&participant);
            ("joined", participant.name, text)
        }
        Event::Changed(participant) => {
            let text = format!("is {}", participant.state);
            ("changed", participant.name, text)
        }
        Event::Left { name, failed: false, node } => ("left", name, format!("has left; it was {}", process(node))),
        Event::Left { name, failed: true, node } => ("failed", name, format!("has failed; it was {}", process(node))),
        Event::Stuck { name, handler, .. } => {
            ("stuck", name, format!("is in a handler for {:.1} s", handler.as_secs_f64()))
        }
        Event::Unstuck { name, .. } => ("unstuck", name, "has left the handler".to_owned()),
        Event::Lost { name, node } => ("lost", name, format!("does not answer any more; it was {}", process(node))),
        Event::Displaced { node, name, by } => {
            let by = by.map_or_else(String::new, |by| format!(" to {}", process(by)));
            ("displaced", Some(name), format!("is lost by {}{by}", process(node)))
        }
        _ => return None,
    };
    let time = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
    Some(Line {
        time,
        from: "bus".to_owned(),
        kind: kind.to_owned(),
        module: module.map(|name| name.to_string()),
        text,
    })
}

/// As the coordinator says that started it.
fn of_run(sample: &Sample, serials: &mut Serials) -> Option<Line> {
    let Ok(event) = RunEvent::decode(sample.payload()) else {
        // Somebody speaks another language there, and something of it was missed.
        serials.missed += 1;
        return None;
    };
    serials.heard(event.node, event.serial);
    Some(Line {
        time: humantime::format_rfc3339_millis(sample.receive_time()).to_string(),
        from: event.coordinator,
        kind: event.kind,
        module: Some(event.module).filter(|module| !module.is_empty()),
        text: event.text,
    })
}

impl Serials {
    fn heard(&mut self, node: i64, serial: i32) {
        // Nobody has so many coordinators; who forges them gains nothing.
        if self.last.len() >= MAX_COORDINATORS && !self.last.contains_key(&node) {
            return;
        }
        if let Some(before) = self.last.insert(node, serial) {
            let skipped = serial.wrapping_sub(before).wrapping_sub(1);
            self.missed += u64::try_from(skipped).unwrap_or(0);
        }
    }
}

fn who(participant: &Participant) -> String {
    let identity = &participant.identity;
    let class = if identity.class_name.is_empty() { "a program" } else { &identity.class_name };
    format!("is there: {class}, process {} on {}", identity.pid, identity.host)
}

fn process(node: NodeId) -> String {
    format!("node {node}")
}

fn readable(line: &Line) -> String {
    let time = line.time.get(11..23).unwrap_or(&line.time);
    let from = if line.from == "bus" { String::new() } else { format!(" ({})", line.from) };
    let module = line.module.as_deref().unwrap_or("-");
    plain(&format!("{time}  {module} {}{from}", line.text))
}

/// What an event can be: as every process sees it, then as coordinators say.
const KINDS: [&str; 15] = [
    "joined",
    "changed",
    "left",
    "failed",
    "stuck",
    "unstuck",
    "lost",
    "displaced", // of the bus
    "up",
    "exited",
    "restarting",
    "given_up",
    "found",
    "killed",
    "stopping",
];

/// Events that wait to be printed.
const QUEUED: usize = 10_000;

const MAX_COORDINATORS: usize = 1000;

/// How often it is looked whether somebody still reads.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_coordinator_told_in_between_was_missed_and_what_comes_twice_was_not() {
        let mut serials = Serials::default();
        for serial in [5, 6, 6, 9, 8] {
            serials.heard(1, serial);
        }
        serials.heard(2, 100);
        assert_eq!(serials.missed, 2);
        serials.heard(2, i32::MIN);
        assert_eq!(serials.missed, 2 + 0x7fff_ff9b);
    }
}
