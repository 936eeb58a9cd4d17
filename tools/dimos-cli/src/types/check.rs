//! `dimos type check`: for whoever writes an encoder or decoder of LCM messages elsewhere. What messages become stands in `lines`.

use std::io::{self, BufRead, Read};

use clap::Args;
use lcm::schema::Catalog;
use serde_json::json;

use super::lines::{Via, again};
use crate::context::Context;
use crate::failure::Failure;
use crate::message_types::{Types, named};
use crate::output::{Output, plain};

/// Reads lines pkg.Type HEX from stdin, decodes each message, encodes it again and prints pkg.Type HEX, in the same order.
///
/// What comes out can so be compared with what went in. A line may also be pkg.Type {JSON}. Bytes after the end of a message are
/// left out. With --json it prints {"type":..., "data":...} for each, with the message as JSON. Empty lines are passed over.
///
/// A line that is no message is told on stderr with its number; the others are still answered.
///
/// Exits with 0 if all lines were messages, with 3 if some were not.
///
/// Examples:
///   echo 'std_msgs.Bool 1ebef06a50950e3e02' | dimos type check
///   dimos type check --via schema --idl my/idl < messages.txt | diff messages.txt -
///   dimos type check std_msgs.String --json < messages.txt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The only types that are expected: a message of another one is as wrong as none.
    #[arg(value_name = "PKG.TYPE")]
    names: Vec<String>,
    /// The way through this library: generated types that own their data, views of the bytes, or the definitions alone.
    #[arg(long, value_enum, default_value_t = Via::Owned, hide_possible_values = true, value_name = "owned|view|schema")]
    via: Via,
    #[command(flatten)]
    types: Types,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    for name in &options.names {
        named(&catalog, name)?;
    }
    let mut input = io::stdin().lock();
    let mut output = Output::new();
    let (mut lines, mut wrong, mut first_wrong) = (0_u64, 0_u64, Vec::new());
    while let Some(line) = next_line(&mut input)? {
        lines += 1;
        context.interrupt.check()?;
        let answered = line.and_then(|line| answer(options, context, &catalog, &line));
        match answered {
            Ok(text) if text.is_empty() => {}
            Ok(text) => output.line(&text)?,
            Err(why) => {
                wrong += 1;
                if first_wrong.len() < NUMBERS_TOLD {
                    first_wrong.push(lines);
                }
                // What was answered before comes out before.
                output.flush()?;
                context.note(format_args!("line {lines}: {}", plain(&why)));
            }
        }
    }
    output.flush()?;
    if wrong > 0 {
        let failure = Failure::incomplete(format_args!("{wrong} of {lines} lines are no messages"));
        return Err(failure.with_data(json!({ "lines": first_wrong })));
    }
    Ok(())
}

/// The next line, or what is wrong with it; none at the end.
fn next_line(input: &mut impl BufRead) -> Result<Option<Result<String, String>>, Failure> {
    let mut line = Vec::new();
    let unread = |error| Failure::unexpected(format_args!("cannot read stdin: {error}"));
    if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line).map_err(unread)? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") && line.len() as u64 == MAX_LINE_BYTES {
        input.skip_until(b'\n').map_err(unread)?;
        return Ok(Some(Err("longer than the largest message".to_owned())));
    }
    Ok(Some(String::from_utf8(line).map_err(|_| "not UTF-8".to_owned())))
}

/// The line to print; nothing for an empty line.
fn answer(options: &Options, context: &Context, catalog: &Catalog, line: &str) -> Result<String, String> {
    let line = line.trim();
    if line.is_empty() {
        return Ok(String::new());
    }
    let (name, again) = again(line, options.via, context.is_json, catalog)?;
    if !options.names.is_empty() && !options.names.iter().any(|expected| expected == name) {
        return Err(format!("{name}: expected is {}", options.names.join(" or ")));
    }
    if !context.is_json {
        return Ok(format!("{name} {again}"));
    }
    // The text of JSON already, whose numbers stay as they are.
    Ok(format!("{{\"type\":{},\"data\":{again}}}", json!(name)))
}

/// Bytes of a message of the largest size that LCM allows, in hexadecimal, and its type.
const MAX_LINE_BYTES: u64 = (2 << 28) + 4096;

/// Of wrong lines, to programs.
const NUMBERS_TOLD: usize = 1000;
