//! A process of the mesh to try calls with: it serves a few methods under a name, or calls one.
//!
//! The process-level tests kill, stop and displace it, and ask it what it has executed. The bus is that of `LCM_DEFAULT_URL`.
//! ```text
//! mesh_calls serve robot0/worker
//! mesh_calls call robot0/worker echo '{"key": "first"}'
//! mesh_calls call robot0/worker stream '{"to": 5}' --stream
//! mesh_calls call robot0/worker count_executions
//! ```
#![expect(clippy::print_stdout, reason = "what it serves, executes and is answered is its output")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Parser, Subcommand};
use crossbeam_channel::{Receiver, bounded, select};
use dimos::presence::Policy;
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, FindError, Name, Options, Service};
use serde_json::{Value, json};
use signal_hook::consts::SIGTERM;
use signal_hook::iterator::Signals;

/// Serves methods to try calls with, or calls a method of a module.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Takes a name and serves until another process takes it, or until it is told to end (SIGTERM). Prints `ready NODE EPOCH`,
    /// `executed METHOD KEY` for each call that runs, and `displaced NODE` where that is the end.
    ///
    /// All methods take an object; its member `key`, if any, is counted. `echo` returns its arguments, `sleep` waits for `ms`
    /// milliseconds before it does so or, given `bytes`, what `blob` does, `stream` sends the numbers below `to`, `blob` returns a text of `bytes` bytes, `count_executions` returns how
    /// often each key was executed, even while another method runs.
    Serve {
        /// The name, such as robot0/worker.
        name: Name,
        /// What kind of module it says it is.
        #[arg(long, default_value = "Worker")]
        class: String,
        /// Gives way to a process that has the name, in place of taking it over.
        #[arg(long)]
        first_holder: bool,
    },
    /// Calls a method and prints its result, or the chunks of its stream, one a line.
    Call {
        /// The module's name, or its class where that has one instance.
        module: String,
        /// The method.
        method: String,
        /// The arguments, in JSON.
        #[arg(default_value = "{}")]
        arguments: String,
        /// Seconds that the call may take; 10 if neither this nor --idle is given.
        #[arg(long, conflicts_with_all = ["idle", "stream"])]
        deadline: Option<f64>,
        /// Lets the call take for ever, as long as signs of life come.
        #[arg(long, conflicts_with = "stream")]
        idle: bool,
        /// The method answers with a stream.
        #[arg(long)]
        stream: bool,
    },
}

/// How often each key was executed.
type Executions = Arc<Mutex<BTreeMap<String, u64>>>;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let done = match Arguments::parse().command {
        Command::Serve { name, class, first_holder } => serve(name, &class, first_holder),
        Command::Call { module, method, arguments, deadline, idle, stream } => {
            limit(deadline, idle).and_then(|limit| call(&module, &method, &arguments, limit, stream))
        }
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        ExitCode::from(exit_code(&error))
    })
}

fn serve(name: Name, class: &str, first_holder: bool) -> anyhow::Result<ExitCode> {
    let executions = Executions::default();
    let counted = Arc::clone(&executions);
    let count = move |method: &str, arguments: &Value| {
        let key = arguments["key"].as_str().unwrap_or("-");
        *counted.lock().unwrap_or_else(PoisonError::into_inner).entry(key.to_owned()).or_default() += 1;
        println!("executed {method} {key}");
    };
    let [echo, sleep, stream, blob] = [count.clone(), count.clone(), count.clone(), count];
    let served = Service::new(name)
        .class_name(class)
        .policy(if first_holder { Policy::FirstHolder } else { Policy::TakeOver })
        .unary("echo", move |arguments, _| {
            echo("echo", &arguments);
            Ok(arguments)
        })
        .unary("sleep", move |arguments, call| {
            sleep("sleep", &arguments);
            let until = Instant::now() + Duration::from_millis(number(&arguments, "ms")?);
            while Instant::now() < until && !call.is_cancelled() {
                std::thread::sleep(Duration::from_millis(5));
            }
            match arguments.get("bytes") {
                Some(_) => blob_of(&arguments),
                None => Ok(arguments),
            }
        })
        .stream("stream", move |arguments, chunks| {
            stream("stream", &arguments);
            (0..number(&arguments, "to")?).try_for_each(|number| chunks.send(&number))
        })
        .unary("blob", move |arguments, _| {
            blob("blob", &arguments);
            blob_of(&arguments)
        })
        .concurrent("count_executions", move |_, _| {
            Ok(json!(*executions.lock().unwrap_or_else(PoisonError::into_inner)))
        })
        .start(Options::default())?;
    let told_to_end = terminations()?;
    println!("ready {} {}", served.node(), served.epoch());
    select! {
        recv(told_to_end) -> _ => return Ok(ExitCode::SUCCESS),
        recv(served.displaced()) -> by => println!("displaced {}", by.context("the mesh has ended")?),
    }
    // Calls in flight finish first.
    drop(served);
    Ok(ExitCode::from(DISPLACED))
}

/// Receives when this process is told to end.
fn terminations() -> anyhow::Result<Receiver<()>> {
    let mut signals = Signals::new([SIGTERM])?;
    let (sender, receiver) = bounded(1);
    std::thread::spawn(move || signals.forever().try_for_each(|_| sender.send(())));
    Ok(receiver)
}

fn call(module: &str, method: &str, arguments: &str, limit: TimeLimit, is_stream: bool) -> anyhow::Result<ExitCode> {
    let arguments: Value = serde_json::from_str(arguments).context("the arguments are not JSON")?;
    let dimos = Dimos::join()?;
    let module = dimos.module(module)?;
    if is_stream {
        for chunk in module.stream(method, &arguments)? {
            println!("{}", chunk?);
        }
    } else {
        println!("{}", module.limit(limit).call(method, &arguments)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn limit(deadline: Option<f64>, idle: bool) -> anyhow::Result<TimeLimit> {
    Ok(match deadline {
        Some(seconds) => TimeLimit::Deadline(Duration::try_from_secs_f64(seconds).context("--deadline")?),
        None if idle => TimeLimit::IDLE,
        None => TimeLimit::default(),
    })
}

fn number(arguments: &Value, member: &str) -> Result<u64, RpcError> {
    let missing = || RpcError::BadArguments { message: format!("{member:?} is not a number"), data: None };
    arguments[member].as_u64().ok_or_else(missing)
}

fn blob_of(arguments: &Value) -> Result<Value, RpcError> {
    Ok(json!(text(usize::try_from(number(arguments, "bytes")?).unwrap_or(usize::MAX))))
}

/// `0,1,2,...`, cut after so many bytes: parts of it in the wrong place are seen.
fn text(bytes: usize) -> String {
    let mut text = String::with_capacity(bytes.saturating_add(20));
    for number in 0_u64.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&number.to_string());
        text.push(',');
    }
    text.truncate(bytes);
    text
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if error.is::<FindError>() {
        return NOT_FOUND;
    }
    match error.downcast_ref() {
        Some(RpcError::UnknownMethod { .. } | RpcError::NoSuchProcess { .. }) => NOT_FOUND,
        Some(RpcError::Deadline { .. } | RpcError::Idle { .. }) => TIMED_OUT,
        _ => 1,
    }
}

const NOT_FOUND: u8 = 4;
const TIMED_OUT: u8 = 5;
const DISPLACED: u8 = 13;
