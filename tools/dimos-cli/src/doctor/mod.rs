//! `dimos doctor`: whether the bus works, and if not, why not and what repairs it.
//!
//! Each area has a part that takes facts and gives findings, and thin probes that gather the facts; [`examination`] brings them
//! together. Nothing is changed on this host.

mod examination;
mod finding;

// What is judged.
mod buffers;
mod firewall;
mod mesh;
mod network;
mod round_trip;
mod rules;
mod runs;
mod traffic;

// What is asked.
mod command;
mod kernel;
mod netlink;

use clap::Args;
use dimos::exit;
use lcm::{FileMode, Url};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;
use finding::{Finding, Rights, Status};

/// Checks the bus: whether messages get through, whether any are lost, and if so why, with the command that repairs it.
///
/// Looks at the URL, the interface, the multicast route, the ttl, receive buffers, firewalls, IP fragments, the other programs on the
/// port, the traffic, names, versions, clocks of other hosts, and the runs of this host. To see whether messages come back it publishes
/// 20 small ones, and, at 20 MB a second and for this host only, 4 of 1 MB; it listens for two seconds and asks each module what it is.
/// It changes nothing, takes two to four seconds, and needs no privilege; what only root can see, such as the rules of a firewall, it
/// says.
///
/// Each check is PASS; WARN: nothing is lost now, but something will surprise somebody; FAIL: messages are lost, or do not get to where
/// they are meant to; or ?: it cannot be told. Commands behind > repair it. With --json an object {"bus":..., "is_usable":...,
/// "checks":[{"code":..., "status": "pass", "warn", "fail" or "unknown", "message":..., "remedy":[...], "breaks_bus":...}]}.
///
/// Exits with 0 if nothing is worse than WARN; with 3 if the bus can be used, but a check failed, so messages are lost; with 12 if the
/// bus cannot be used. A script that only needs a bus that works accepts 0 and 3.
///
/// Examples:
///   dimos doctor
///   dimos doctor --bus 'udpm://239.255.76.67:7667?ttl=1&iface=eth0'
///   sudo dimos doctor                     # with the rules of the firewall, and the programs of all users
///   dimos doctor --json | jq -r '.checks[] | select(.status != "pass") | .message, .remedy[]'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {}

/// What was found.
#[derive(Debug, Serialize)]
struct Report {
    /// None if there is no URL that makes sense.
    bus: Option<String>,
    is_usable: bool,
    checks: Vec<Finding>,
}

pub(crate) fn run(_: &Options, context: &Context) -> Result<(), Failure> {
    let report = examine(context)?;
    let mut output = Output::new();
    if context.is_json {
        output.json(&report)?;
    } else {
        let is_coloured = context.colour.shows_on(&std::io::stdout());
        output.line(&readable(&report, is_coloured))?;
    }
    output.flush()?;
    outcome(&report)
}

fn examine(context: &Context) -> Result<Report, Failure> {
    let url = match context.url() {
        Ok(url) => url,
        Err(failure) => {
            let default = Url::Udpm(lcm::UdpmUrl::default());
            let finding = Finding::fatal("url", failure.message())
                .repaired_by([format!("export {}='{default}'", lcm::DEFAULT_URL_VARIABLE)]);
            return Ok(Report::new(None, vec![finding]));
        }
    };
    let from = if context.given_url().is_some() { "as --bus says" } else { of_environment() };
    let checks = match &url {
        Url::Udpm(udpm) => {
            let mut checks = vec![Finding::pass("url", format!("{url}, {from}"))];
            checks.extend(examination::examine(udpm, context)?);
            checks
        }
        Url::File(file) => vec![event_log(file, from)],
        _ => vec![Finding::warn(
            "url",
            format!("{url}, {from}, is a queue of its own in each process: no two programs meet there, and there is nothing to check"),
        )
        .repaired_by([format!("export {}='{}'", lcm::DEFAULT_URL_VARIABLE, Url::Udpm(lcm::UdpmUrl::default()))])],
    };
    let is_given = context.given_url().is_some();
    let checks = checks.into_iter().map(|check| if is_given { check.beside_given_url() } else { check }).collect();
    Ok(Report::new(Some(url.to_string()), checks))
}

fn of_environment() -> &'static str {
    if std::env::var_os(lcm::DEFAULT_URL_VARIABLE).is_some_and(|value| !value.is_empty()) {
        "as LCM_DEFAULT_URL says"
    } else {
        "since neither --bus nor LCM_DEFAULT_URL says otherwise"
    }
}

/// An event log in place of a bus: whether it is there to be read, or can be written.
fn event_log(file: &lcm::FileUrl, from: &str) -> Finding {
    let path = &file.path;
    let shown = crate::output::plain(&path.display().to_string());
    match file.mode {
        // To open what is no file may wait for others.
        FileMode::Read => match std::fs::metadata(path).and_then(|found| match found.is_file() {
            true => std::fs::File::open(path)?.metadata(),
            false => Ok(found),
        }) {
            Ok(log) if log.is_file() => Finding::pass(
                "url",
                format!("{shown}, {from}, is an event log of {} bytes that is played in place of a bus", log.len()),
            ),
            Ok(_) => Finding::fatal("url", format!("{shown}, {from}, is no file that can be played")),
            Err(error) => Finding::fatal("url", format!("{shown}, {from}, cannot be played: {error}")),
        },
        _ => {
            // To open it would begin a new one.
            let directory =
                path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(std::path::Path::new("."));
            if directory.is_dir() {
                Finding::pass(
                    "url",
                    format!("{shown}, {from}, is an event log that is written: who publishes there is heard by nobody"),
                )
            } else {
                let directory = crate::output::plain(&directory.display().to_string());
                Finding::fatal("url", format!("{shown}, {from}, cannot be written: there is no directory {directory}"))
                    .repaired_by([format!("mkdir -p '{}'", directory.replace('\'', "?"))])
            }
        }
    }
}

impl Report {
    fn new(bus: Option<String>, checks: Vec<Finding>) -> Self {
        Self { bus, is_usable: !checks.iter().any(|check| check.is_fatal), checks }
    }

    fn failed(&self) -> Vec<&str> {
        self.checks.iter().filter(|check| check.status == Status::Fail).map(|check| check.code).collect()
    }
}

fn outcome(report: &Report) -> Result<(), Failure> {
    let failed = report.failed();
    if failed.is_empty() {
        return Ok(());
    }
    let named = failed.join(", ");
    Err(if report.is_usable {
        Failure::incomplete(format_args!(
            "the bus can be used, but messages are lost, do not reach all, or are not what they say: {named}"
        ))
    } else {
        Failure::new(exit::NO_BUS, format_args!("the bus cannot be used: {named}"))
    })
}

fn readable(report: &Report, is_coloured: bool) -> String {
    let width = report.checks.iter().map(|check| check.code.len()).max().unwrap_or_default();
    let mut lines = Vec::new();
    for Finding { code, status, message, remedy, .. } in &report.checks {
        let (word, colour) = match status {
            Status::Pass => ("PASS", "\x1b[32m"),
            Status::Unknown => ("?   ", "\x1b[2m"),
            Status::Warn => ("WARN", "\x1b[33m"),
            Status::Fail => ("FAIL", "\x1b[1;31m"),
        };
        let word = if is_coloured { format!("{colour}{word}\x1b[0m") } else { word.to_owned() };
        lines.push(format!("{word}  {code:width$}  {message}"));
        lines.extend(remedy.iter().map(|command| format!("      {:width$}  > {command}", "")));
    }
    lines.join("\n")
}

/// What this user may do.
fn rights() -> Rights {
    Rights { is_root: rustix::process::geteuid().is_root() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_can_tell_a_bus_that_works_from_one_that_loses_and_one_that_does_not() {
        let code =
            |checks: Vec<Finding>| outcome(&Report::new(None, checks)).map_err(|failure| failure.exit_code()).err();
        let (warn, fail, fatal) = (Finding::warn("a", ""), Finding::fail("b", ""), Finding::fatal("c", ""));
        assert_eq!(code(vec![Finding::pass("x", ""), Finding::unknown("y", ""), warn.clone()]), None);
        assert_eq!(code(vec![warn, fail.clone()]), Some(exit::INCOMPLETE));
        assert_eq!(code(vec![fail, fatal]), Some(exit::NO_BUS));
    }

    #[test]
    fn a_check_is_a_line_and_its_remedy_stands_below() {
        let checks = vec![
            Finding::pass("url", "all is well"),
            Finding::warn("interface", "it is down").repaired_by(["ip link set lo up".to_owned()]),
        ];
        let report = Report::new(None, checks);
        let expected =
            "PASS  url        all is well\nWARN  interface  it is down\n                 > ip link set lo up";
        assert_eq!(readable(&report, false), expected);
        assert!(readable(&report, true).contains("\x1b[33mWARN\x1b[0m"));
    }
}
