//! Calls side by side, whose results come in their order, and a stream that is cancelled.
//!
//! What it calls it serves itself, under a name on the bus of `LCM_DEFAULT_URL`, so that it needs nothing but that.
//! ```text
//! cargo run --example parallel_calls
//! ```
#![expect(clippy::print_stdout, reason = "what it is answered is its output")]

use std::time::{Duration, Instant};

use dimos::{Dimos, Options, PendingCall, RpcError, Service};
use serde_json::{Value, json};

fn main() -> anyhow::Result<()> {
    // Served until it is dropped.
    let _served = Service::new("squares".parse()?)
        .concurrent("square", |arguments, _| square(&arguments))
        .stream("count", |_, numbers| (0..).try_for_each(|number: u64| numbers.send(&number)))
        .start(Options::default())?;

    let squares = Dimos::join()?.module("squares")?;

    // Each takes 0.2 s, all together little more.
    let begin = Instant::now();
    let calls = (1..=5).map(|number| squares.start("square", &json!({ "number": number })));
    for result in PendingCall::wait_all(calls.collect::<Result<Vec<_>, _>>()?) {
        println!("{}", result?);
    }
    eprintln!("after {:?}", begin.elapsed());

    // Without an end: it is cancelled, and says so when all that had come is read.
    let mut numbers = squares.stream("count", &json!({}))?;
    for number in numbers.by_ref().take(3) {
        println!("{}", number?);
    }
    numbers.cancel();
    match numbers.find_map(Result::err) {
        Some(RpcError::Cancelled) => println!("cancelled"),
        other => anyhow::bail!("the stream ended otherwise: {other:?}"),
    }
    Ok(())
}

fn square(arguments: &Value) -> Result<Value, RpcError> {
    let wrong = || RpcError::BadArguments { message: "number is missing, or too large".to_owned(), data: None };
    let number = arguments["number"].as_u64().and_then(|number| number.checked_mul(number)).ok_or_else(wrong)?;
    std::thread::sleep(Duration::from_millis(200));
    Ok(json!(number))
}
