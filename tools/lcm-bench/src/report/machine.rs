//! The conditions of a run: machine, kernel, settings, versions and date.

use std::process::{Command, Stdio};

use crate::peers::CWorker;

/// What a reader has to know before comparing two tables.
#[derive(Debug)]
pub(crate) struct Machine {
    facts: Vec<(&'static str, String)>,
}

impl Machine {
    /// Looks around. `particular` is what this kind of benchmark depends on besides.
    pub(crate) fn look(
        rounds: usize,
        quick: bool,
        particular: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Self {
        let rounds = format!("{rounds}{}", if quick { ", each short (`--quick`)" } else { "" });
        let mut facts = vec![
            ("date", or_unknown(output("date", &["--utc", "+%Y-%m-%d %H:%M UTC"]))),
            ("revision", or_unknown(revision())),
            ("processor", format!("{}, {} cores", or_unknown(processor()), or_unknown(output("nproc", &[])))),
            ("kernel", or_unknown(read("/proc/sys/kernel/osrelease"))),
        ];
        facts.extend(particular);
        facts.extend([("load when it began", or_unknown(read("/proc/loadavg"))), ("rounds", rounds)]);
        Self { facts }
    }

    pub(crate) fn to_markdown(&self) -> String {
        self.facts.iter().map(|(name, fact)| format!("- {name}: {fact}\n")).collect()
    }
}

/// The C LCM that is measured.
pub(crate) fn c_lcm(c_worker: Option<&CWorker>) -> (&'static str, String) {
    ("C LCM", c_worker.map_or("not installed".to_owned(), |c_worker| c_worker.version.clone()))
}

/// What the kernel gives sockets.
pub(crate) fn socket_settings() -> [(&'static str, String); 2] {
    let setting = |name: &str| or_unknown(read(&format!("/proc/sys/net/core/{name}")));
    [
        ("net.core.rmem_max", format!("{}, unless a row says otherwise", setting("rmem_max"))),
        ("net.core.rmem_default", setting("rmem_default")),
    ]
}

/// What makes programs here.
pub(crate) fn compilers() -> [(&'static str, String); 2] {
    let version =
        |program| or_unknown(output(program, &["--version"]).and_then(|text| text.lines().next().map(str::to_owned)));
    [("Rust", version("rustc")), ("C compiler", version("cc"))]
}

/// What cannot be found out is said to be unknown.
fn or_unknown(fact: Option<String>) -> String {
    fact.unwrap_or_else(|| "unknown".to_owned())
}

fn processor() -> Option<String> {
    let text = read("/proc/cpuinfo")?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// The commit that was built, and whether it was changed since.
fn revision() -> Option<String> {
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain"]).is_none_or(|changes| !changes.is_empty());
    Some(commit + if changed { " with changes" } else { "" })
}

fn git(arguments: &[&str]) -> Option<String> {
    output("git", &[&["-C", env!("CARGO_MANIFEST_DIR")], arguments].concat())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}
