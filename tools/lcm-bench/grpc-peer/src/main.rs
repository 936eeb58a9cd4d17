//! gRPC over a Unix socket, as the mesh's calls are measured: a server that echoes, and callers.
//!
//! It does what the mesh worker of lcm-bench does, and speaks with the tool as that does: lines on stdin and stdout. Owns the
//! command line; the server is in [`server`], the callers in [`callers`]. Everything of tonic and tokio is at its default, but
//! that `--threads=1` takes tokio's runtime of a single thread in place of the one with a thread for each core.

#![forbid(unsafe_code)]

mod callers;
mod messages;
mod server;

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Parser, ValueEnum};
use tokio::runtime::{Builder, Runtime};

/// The generated client and server.
mod service {
    tonic::include_proto!("lcm_bench.Bench");
}

#[derive(Debug, Parser)]
struct Job {
    role: Role,
    /// The path of the socket.
    #[arg(long)]
    address: String,
    /// Size of argument and result, which are a text then; with 0 they are two numbers.
    #[arg(long, default_value_t = 0)]
    bytes: usize,
    /// Who call at the same time.
    #[arg(long, default_value_t = 1)]
    callers: usize,
    /// Calls of each at most.
    #[arg(long, default_value_t = u64::MAX)]
    limit: u64,
    /// Seconds at most.
    #[arg(long, default_value_t = 1e9)]
    seconds: f64,
    /// Calls of each before the measured ones.
    #[arg(long, default_value_t = 0)]
    warm_up: u64,
    /// Threads of the runtime; by default as many as cores.
    #[arg(long)]
    threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Role {
    Serve,
    Call,
}

fn main() -> ExitCode {
    let job = Job::parse();
    let done = runtime(job.threads).and_then(|runtime| match job.role {
        Role::Serve => server::run(&runtime, &job),
        Role::Call => callers::run(&runtime, &job),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("grpc-peer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn runtime(threads: Option<usize>) -> Result<Runtime> {
    let mut builder = match threads {
        Some(1) => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if let Some(threads @ 2..) = threads {
        builder.worker_threads(threads);
    }
    builder.enable_all().build().context("cannot start the runtime")
}

fn say(line: &str) -> Result<()> {
    println!("{line}");
    std::io::stdout().flush()?;
    Ok(())
}

/// The next order, `None` when nobody is there to give any.
fn order() -> Option<String> {
    let mut line = String::new();
    let bytes = std::io::stdin().lock().read_line(&mut line).ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}

fn wait_for_go() -> Result<()> {
    say("ready")?;
    match order().as_deref() {
        Some("go") => Ok(()),
        other => bail!("expected the order `go`, not {other:?}"),
    }
}

/// CPU time of this process, all threads, as the kernel accounts it.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
