//! `dimos rpc call`: calls a method and prints what it answers.

use std::time::{Duration, Instant};

use clap::Args;
use dimos::{Contract, Dimos, Name, PendingCall, RemoteModule, RpcError, TimeLimit};
use serde_json::Value;

use super::arguments;
use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::similar;

/// Calls a method of a module and prints its result as JSON.
///
/// Arguments are key=value, or one JSON object. A value is read as JSON if the method takes that; where it takes a text, the value
/// is that text: name=42 is "42" then. Of a method that answers with a stream each chunk is printed on a line of its own as it
/// comes; Ctrl-C cancels the call.
///
/// No coordinator is needed. The module is waited for up to 2 s. The call goes to that one process, which executes it at most once.
///
/// Exits with 4 if there is no such module or method, with 5 if there was no answer in time, with 2 if the arguments are not what
/// the method takes or the class has several modules, with 1 if the method failed. Errors have the code of the call: bad_arguments,
/// unknown_method, handler, panic, deadline, outcome_unknown and others.
///
/// Examples:
///   dimos rpc call robot0/cruise.halt is_halted=true
///   dimos rpc call planner.plan '{"goal": {"x": 2.0, "y": 1.0}}' --timeout 30s
///   dimos rpc call camera.frames --json | jq .
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The module and its method: robot0/camera.set_exposure. A class stands for its only module.
    #[arg(value_name = "NAME.METHOD")]
    target: String,
    /// key=value for each argument, or all of them as one JSON object.
    #[arg(value_name = "KEY=VALUE|JSON")]
    arguments: Vec<String>,
    /// How long the call may take; without it 10 s. Of a stream: how long nothing may be heard of it, without it 3 s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    // What can be wrong without asking anybody is told at once.
    target(&options.target)?;
    check_arguments(&options.arguments)?;
    call(&context.mesh()?, &options.target, &options.arguments, options.timeout, context)
}

/// Fails if the words cannot be arguments of any method.
pub(crate) fn check_arguments(words: &[String]) -> Result<(), Failure> {
    arguments::check_form(words)
}

/// Calls a method, `NAME.METHOD`, with arguments as on the command line, and prints what it answers.
pub(crate) fn call(
    dimos: &Dimos,
    called: &str,
    words: &[String],
    timeout: Option<Duration>,
    context: &Context,
) -> Result<(), Failure> {
    let (name, method) = target(called)?;
    let module = dimos.module(name.as_str())?;
    context.interrupt.check()?;
    let started = Instant::now();
    let limit = timeout.unwrap_or(USUAL_TIMEOUT);
    let contract = contract(&module, limit, context)?;
    let offered = contract.as_ref().and_then(|contract| contract.methods.get(&method));
    let arguments = arguments::read(words, offered.map_or(&Value::Null, |offered| &offered.arguments))?;
    if offered.is_some_and(|offered| offered.is_stream) {
        return stream(&module, &method, &arguments, timeout, context);
    }
    let left = limit.saturating_sub(started.elapsed());
    let call = module.limit(TimeLimit::Deadline(left)).start(&method, &arguments)?;
    match wait(call, &context.interrupt)? {
        Ok(result) => context.print(&result, |result| serde_json::to_string_pretty(result).unwrap_or_default()),
        // It did not run: a program that does not describe itself answers with a stream.
        Err(RpcError::NotUnary { .. }) => stream(&module, &method, &arguments, timeout, context),
        Err(error) => match (&error, &contract) {
            (RpcError::UnknownMethod { .. }, Some(contract)) => Err(unknown(&module, &method, contract)),
            _ => Err(failure(error, &module, &method)),
        },
    }
}

/// The name of the module and that of the method, which the last dot separates.
fn target(text: &str) -> Result<(Name, String), Failure> {
    let example = "expected NAME.METHOD, such as robot0/camera.set_exposure";
    match text.rsplit_once('.') {
        Some((name, method)) if !name.is_empty() && !method.is_empty() && !method.contains('/') => {
            let name = name.parse::<Name>().map_err(|error| Failure::usage(format_args!("{error}; {example}")))?;
            Ok((name, method.to_owned()))
        }
        _ => Err(Failure::usage(format_args!("{text:?} names no method: {example}"))),
    }
}

/// What the module says of itself; nothing if it says nothing, as programs in other languages need not.
fn contract(module: &RemoteModule, limit: Duration, context: &Context) -> Result<Option<Contract>, Failure> {
    let limited = module.limit(TimeLimit::Deadline(limit));
    match wait(limited.start_as::<Contract>("describe", &())?, &context.interrupt)? {
        Ok(contract) => Ok(Some(contract)),
        Err(RpcError::UnknownMethod { .. } | RpcError::Malformed { .. }) => Ok(None),
        Err(error) => Err(failure(error, module, "describe")),
    }
}

/// Waits for the outcome of a call, and cancels it on the interrupt.
pub(super) fn wait<R: serde::de::DeserializeOwned>(
    mut call: PendingCall<R>,
    interrupt: &Interrupt,
) -> Result<Result<R, RpcError>, Failure> {
    loop {
        match call.wait_for(LOOK_EVERY) {
            Ok(outcome) => return Ok(outcome),
            Err(pending) => call = pending,
        }
        interrupt.check()?;
    }
}

fn stream(
    module: &RemoteModule,
    method: &str,
    arguments: &Value,
    timeout: Option<Duration>,
    context: &Context,
) -> Result<(), Failure> {
    let limit = timeout.map_or(TimeLimit::IDLE, TimeLimit::Idle);
    let mut chunks = module.limit(limit).stream(method, arguments)?;
    let mut output = Output::new();
    while !chunks.is_over() {
        match chunks.next_within(LOOK_EVERY) {
            Some(chunk) => {
                output.json(&chunk.map_err(|error| failure(error, module, method))?)?;
                output.flush()?;
            }
            None => output.check_reader()?,
        }
        context.interrupt.check()?;
    }
    Ok(())
}

/// Why there is no such method, with those that there are.
pub(super) fn unknown(module: &RemoteModule, method: &str, contract: &Contract) -> Failure {
    let methods = || contract.methods.keys().map(String::as_str);
    let guess = similar::did_you_mean(method, methods());
    let known = match methods().collect::<Vec<_>>()[..] {
        [] => "it has none".to_owned(),
        ref methods => format!("it has {}", methods.join(", ")),
    };
    let error = RpcError::UnknownMethod { method: method.to_owned() };
    Failure::from(error).within(module.name()).and(format_args!("; {known}{guess}"))
}

/// Why a call has no result.
pub(super) fn failure(error: RpcError, module: &RemoteModule, method: &str) -> Failure {
    Failure::from(error).within(format_args!("{}.{method}", module.name()))
}

/// How long a call may take, the search for its module apart.
pub(super) const USUAL_TIMEOUT: Duration = Duration::from_secs(10);

/// How often it is looked whether Ctrl-C was pressed.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_dot_separates_the_method() {
        let read = |text| target(text).ok().map(|(name, method)| (name.to_string(), method));
        let pair = |name: &str, method: &str| Some((name.to_owned(), method.to_owned()));
        assert_eq!(read("planner.plan"), pair("planner", "plan"));
        assert_eq!(read("robot0/v1.2/camera.set"), pair("robot0/v1.2/camera", "set"));
        assert_eq!(["planner", ".plan", "planner.", "", "a.b/c", "a#.b", "a//b.c"].map(read), [const { None }; 7]);
    }
}
