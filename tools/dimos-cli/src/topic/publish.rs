//! `dimos topic pub`: publishes messages that are written as JSON.

use std::io::{self, BufRead, Read};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use lcm::schema::{Catalog, MessageType};
use lcm::{Channel, PublishError};
use serde::Serialize;
use serde::de::DeserializeSeed;

use crate::context::Context;
use crate::duration::period;
use crate::failure::Failure;
use crate::message_types::{Types, named};
use crate::output::plain;

/// Publishes a message, once, or again and again at a rate.
///
/// The message is a JSON object. Members that are left out are zero, empty strings and empty arrays; unknown ones are an error.
/// Blobs are base64; "NaN" and "Infinity" are numbers where one is expected. With - the messages are read from stdin, one a line.
///
/// When the command ends, the kernel has sent everything. Who subscribes later hears nothing of it. With --json it prints
/// {"channel":..., "type":..., "messages":..., "bytes":...} at the end.
///
/// Examples:
///   dimos topic pub /cmd_vel --type geometry_msgs.Twist '{"linear": {"x": 0.3}}' --rate 10hz
///   dimos topic pub '/goal#geometry_msgs.PoseStamped' '{"pose": {"position": {"x": 2}}}'
///   dimos topic pub /text --type std_msgs.String - < lines.jsonl
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The topic, /cmd_vel, or the channel, /cmd_vel#geometry_msgs.Twist.
    topic: String,
    /// The message as JSON; - reads one from each line of stdin.
    #[arg(value_name = "JSON", required_unless_present = "base64")]
    message: Option<String>,
    /// The type, such as geometry_msgs.Twist; the channel is TOPIC#TYPE.
    #[arg(long = "type", value_name = "PKG.TYPE")]
    type_name: Option<String>,
    /// Publishes these bytes, in base64, in place of a message, on a channel that is called as TOPIC says.
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["message", "type_name"])]
    base64: Option<String>,
    /// Publishes so many times a second, such as 10hz; without a --count until Ctrl-C is pressed.
    #[arg(long, value_name = "RATE", value_parser = period)]
    rate: Option<Duration>,
    /// Publishes so many times; without a --rate at once, one after the other.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    #[command(flatten)]
    types: Types,
}

impl Options {
    /// Whether the messages come from stdin.
    pub(super) fn reads_stdin(&self) -> bool {
        self.message.as_deref() == Some("-")
    }
}

/// What was done.
#[derive(Debug, Serialize)]
struct Report {
    channel: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    messages: u64,
    bytes: u64,
}

/// Where messages come from.
enum Messages<'a> {
    /// The same one each time.
    One(Vec<u8>),
    Lines {
        number: u64,
        message_type: MessageType<'a>,
    },
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let (channel, message_type) = destination(options, &catalog)?;
    let mut messages = match (&options.base64, &options.message, message_type) {
        (Some(text), ..) => {
            let bytes = STANDARD.decode(text.trim());
            Messages::One(bytes.map_err(|error| Failure::usage(error).within("--base64"))?)
        }
        (None, Some(text), Some(message_type)) if text == "-" => Messages::Lines { number: 0, message_type },
        (None, Some(text), Some(message_type)) => Messages::One(encoded(message_type, text)?),
        _ => return Err(Failure::usage("no message: give it as JSON")),
    };
    let type_name = message_type.map(|message_type| message_type.name().to_owned());
    let mut report = Report { channel: channel.to_string(), type_name, messages: 0, bytes: 0 };
    let published = publish(options, context, channel, &mut messages, &mut report);
    if published.is_err() && report.messages == 0 {
        return published;
    }
    // What was sent was sent, whatever ended it.
    let printed = context.print(&report, |_| String::new());
    if !context.is_json {
        let Report { channel, messages, bytes, .. } = &report;
        let (channel, plural) = (plain(channel), if *messages == 1 { "" } else { "s" });
        context.note(format_args!("published {messages} message{plural} on {channel}, {bytes} bytes in all"));
    }
    published.and(printed)
}

fn publish(
    options: &Options,
    context: &Context,
    channel: Channel,
    messages: &mut Messages<'_>,
    report: &mut Report,
) -> Result<(), Failure> {
    let bus = context.bus()?;
    // Lines are published to their end, one message once or for ever.
    let usual = if options.rate.is_some() || matches!(messages, Messages::Lines { .. }) { u64::MAX } else { 1 };
    let count = options.count.unwrap_or(usual);
    let mut due = Instant::now();
    while report.messages < count {
        context.interrupt.check()?;
        let Some(message) = messages.next()? else { return Ok(()) };
        if let Some(period) = options.rate {
            context.interrupt.wait_until(due)?;
            // Whoever was held up does not catch up in a burst.
            due = (due + period).max(Instant::now());
        }
        bus.publish(channel.as_bytes(), message.as_slice()).map_err(publish_failure)?;
        report.messages += 1;
        report.bytes += message.as_slice().len() as u64;
    }
    Ok(())
}

/// The channel, and the type of what goes there; none for mere bytes.
fn destination<'c>(options: &Options, catalog: &'c Catalog) -> Result<(Channel, Option<MessageType<'c>>), Failure> {
    let topic = &options.topic;
    if options.base64.is_some() {
        return Ok((channel(topic)?, None));
    }
    typed_destination(topic, options.type_name.as_deref(), catalog).map(|(channel, of_type)| (channel, Some(of_type)))
}

/// The channel of a topic, and the type of what goes there: the one that the topic names, or else the one that is given.
pub(crate) fn typed_destination<'c>(
    topic: &str,
    given: Option<&str>,
    catalog: &'c Catalog,
) -> Result<(Channel, MessageType<'c>), Failure> {
    match (topic.split_once('#'), given) {
        (Some((_, of_channel)), Some(given)) if of_channel != given => {
            Err(Failure::usage(format_args!("the channel {topic} carries {of_channel}, --type says {given}")))
        }
        (Some((_, type_name)), _) => Ok((channel(topic)?, named(catalog, type_name)?)),
        (None, Some(given)) => {
            let message_type = named(catalog, given)?;
            Ok((channel(&format!("{topic}#{}", message_type.name()))?, message_type))
        }
        (None, None) => {
            Err(Failure::usage("of which type is the message? Give --type PKG.TYPE, or TOPIC#PKG.TYPE as the topic"))
        }
    }
}

fn channel(name: &str) -> Result<Channel, Failure> {
    if name.is_empty() || name.starts_with('#') {
        return Err(Failure::usage("an empty topic: expected such as /cmd_vel"));
    }
    Channel::new(name).map_err(Failure::usage)
}

impl Messages<'_> {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        match self {
            Self::One(message) => Ok(Some(message.clone())),
            Self::Lines { number, message_type } => loop {
                *number += 1;
                let Some(line) = line(*number)? else { return Ok(None) };
                if !line.trim().is_empty() {
                    let message = encoded(*message_type, &line);
                    return message.map(Some).map_err(|failure| failure.within(format_args!("line {number}")));
                }
            },
        }
    }
}

/// A line of stdin; none at its end.
fn line(number: u64) -> Result<Option<String>, Failure> {
    let mut line = Vec::new();
    let read = io::stdin().lock().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
    match read.map_err(|error| Failure::unexpected(format_args!("cannot read stdin: {error}")))? {
        0 => Ok(None),
        bytes if bytes as u64 == MAX_LINE_BYTES => {
            Err(Failure::usage(format_args!("line {number} is longer than the largest message")))
        }
        _ => String::from_utf8(line).map(Some).map_err(|_| Failure::usage(format_args!("line {number} is not UTF-8"))),
    }
}

/// The message that JSON describes.
fn encoded(message_type: MessageType<'_>, text: &str) -> Result<Vec<u8>, Failure> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = message_type.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    let value = value.map_err(|error| Failure::usage(error).within("the message"))?;
    message_type.encode(&value).map_err(Failure::usage)
}

/// Why a message was not published.
pub(crate) fn publish_failure(error: PublishError) -> Failure {
    match error {
        PublishError::Send { .. } => Failure::new(dimos::exit::NO_BUS, error),
        PublishError::Log { .. } => Failure::unexpected(error),
        error => Failure::usage(error),
    }
}

/// Of a message of the largest size, as JSON.
const MAX_LINE_BYTES: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_leaves_out_is_zero_and_what_it_has_too_much_is_an_error() {
        let twist = lcm_types::catalog().get("geometry_msgs.Twist").unwrap();
        let message = encoded(twist, r#"{"linear": {"x": 0.5}}"#).unwrap();
        let value = twist.decode(&message).unwrap();
        assert_eq!(*value.at("linear.x").unwrap(), 0.5.into());
        assert_eq!(*value.at("angular.z").unwrap(), 0.0.into());
        let why = |text| format!("{:?}", encoded(twist, text).unwrap_err());
        assert!(why(r#"{"liner": {}}"#).contains("only `linear`, `angular`"), "{}", why(r#"{"liner": {}}"#));
        assert!(why("{} {}").contains("trailing"));
        assert!(why("[]").contains("an object"));
    }
}
