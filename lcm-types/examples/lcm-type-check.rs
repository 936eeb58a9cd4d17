//! For whoever writes an encoder or decoder of LCM messages elsewhere: reads messages and writes them again, so that what
//! comes out can be compared with what went in.
#![forbid(unsafe_code)]

use std::io::{self, BufRead, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail, ensure};
use clap::{Parser, ValueEnum};
use lcm::Message;
use lcm::schema::{Catalog, Definition};
use serde::de::DeserializeSeed;

/// Reads lines `pkg.Type HEX` or `pkg.Type {JSON}` from standard input, decodes each message and encodes it again, and writes
/// lines `pkg.Type HEX`, in the same order. Bytes after the end of a message are left out.
///
/// A line that is no message is an error on standard error; the others are still answered.
///
/// Exit codes: 0 all lines were good, 1 unexpected error, 2 wrong usage, 3 some lines were bad.
#[derive(Parser)]
#[command(version)]
struct Options {
    /// The way through this library.
    #[arg(long, value_enum, default_value_t = Via::Owned)]
    via: Via,
    /// A directory of .lcm files with types of your own, for --via schema; DIMOS_IDL_PATH names more. May be given again.
    #[arg(long, value_name = "DIR")]
    idl: Vec<PathBuf>,
    /// Writes lines `pkg.Type JSON` instead.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Via {
    /// Generated types that own their data.
    Owned,
    /// Views of the received bytes, copied out.
    View,
    /// The definitions alone, without generated code.
    Schema,
}

/// Bytes of a message of the largest size that LCM allows, in hexadecimal, and its type.
const MAX_LINE_BYTES: u64 = (2 << 28) + 4096;

/// Digits of a message that is an enumeration: fingerprint and number.
const ENUM_DIGITS: usize = 24;

const EXIT_INCOMPLETE: u8 = 3;

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lcm-type-check: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let catalog = lcm_types::catalog_with(&options.idl)?;
    let mut input = io::stdin().lock();
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut all_good = true;
    for number in 1_u64.. {
        let mut line = Vec::new();
        if input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let is_whole = line.ends_with(b"\n") || u64::try_from(line.len())? < MAX_LINE_BYTES;
        let answered = if is_whole {
            answer(options, &catalog, line.trim_ascii())
        } else {
            input.skip_until(b'\n')?;
            Err(anyhow!("longer than the largest message"))
        };
        let written = match answered {
            Ok(text) if text.is_empty() => Ok(()),
            Ok(text) => writeln!(output, "{text}"),
            Err(error) => {
                all_good = false;
                // What was answered before comes out before.
                let flushed = output.flush();
                eprintln!("line {number}: {error:#}");
                flushed
            }
        };
        match written {
            // Whoever reads this has enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
            written => written?,
        }
    }
    output.flush()?;
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::from(EXIT_INCOMPLETE) })
}

/// The line to write; nothing for an empty line.
fn answer(options: &Options, catalog: &Catalog, line: &[u8]) -> anyhow::Result<String> {
    let line = str::from_utf8(line).context("not UTF-8")?;
    if line.is_empty() {
        return Ok(String::new());
    }
    let (name, data) = line.split_once([' ', '\t']).context("expected `pkg.Type HEX`")?;
    let data = data.trim();
    // Of an enumeration JSON is a number, and shorter than any message.
    let is_enum = matches!(catalog.schema().get(name), Some(Definition::Enum(_)));
    let is_json = data.starts_with('{') || is_enum && data.len() < ENUM_DIGITS;
    let input = if is_json { Input::Json(data) } else { Input::Bytes(hex(data)?) };
    let output = match options.via {
        Via::Schema => through_schema(options, catalog, name, &input),
        via => through_generated(via, options.json, catalog, name, &input),
    };
    Ok(format!("{name} {}", output.with_context(|| name.to_owned())?))
}

enum Input<'a> {
    Json(&'a str),
    Bytes(Vec<u8>),
}

fn through_schema(options: &Options, catalog: &Catalog, name: &str, input: &Input<'_>) -> anyhow::Result<String> {
    let message_type = catalog.get(name)?;
    let value = match input {
        Input::Bytes(bytes) => message_type.decode(bytes)?,
        Input::Json(text) => {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let value = message_type.deserialize(&mut deserializer)?;
            deserializer.end()?;
            value
        }
    };
    if options.json { Ok(serde_json::to_string(&value)?) } else { Ok(to_hex(&message_type.encode(&value)?)) }
}

fn through_generated(via: Via, json: bool, catalog: &Catalog, name: &str, input: &Input<'_>) -> anyhow::Result<String> {
    let Some((_, through)) = GENERATED.iter().find(|(known, _)| *known == name) else {
        catalog.get(name)?;
        bail!("the type is not built in: try --via schema");
    };
    through(via, json, input)
}

type Through = fn(Via, bool, &Input<'_>) -> anyhow::Result<String>;

fn through<M: Message>(via: Via, json: bool, input: &Input<'_>) -> anyhow::Result<String> {
    let message = match input {
        Input::Json(text) => serde_json::from_str(text)?,
        Input::Bytes(bytes) if via == Via::View => M::from_view(M::view(bytes)?)?,
        Input::Bytes(bytes) => M::decode(bytes)?,
    };
    if json { Ok(serde_json::to_string(&message)?) } else { Ok(to_hex(&message.encode()?)) }
}

macro_rules! table {
    ($($message:path,)*) => {
        const GENERATED: &[(&str, Through)] = &[$((<$message>::NAME, through::<$message>),)*];
    };
}

lcm_types::all_types!(table);

fn hex(text: &str) -> anyhow::Result<Vec<u8>> {
    let digits = text.as_bytes();
    ensure!(digits.len().is_multiple_of(2), "an odd number of hexadecimal digits");
    let digit = |at: usize| {
        let value = char::from(digits[at]).to_digit(16);
        value.with_context(|| format!("the character at {} of the message is no hexadecimal digit", at + 1))
    };
    (0..digits.len()).step_by(2).map(|at| Ok(u8::try_from(digit(at)? * 16 + digit(at + 1)?)?)).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = |byte: &u8| [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    bytes.iter().flat_map(digits).collect()
}
