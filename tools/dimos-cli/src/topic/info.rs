//! `dimos topic info`: what is known of one topic.

use std::fmt::Write;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::list::others;
use super::look::{Seen, look};
use super::measuring::one_topic;
use super::parties::KnownBy;
use super::selection::{Selection, is_internal};
use super::typing::Agreement;
use super::units;
use crate::context::Context;
use crate::duration::span;
use crate::failure::Failure;
use crate::message_types::Types;
use crate::output::plain;

/// Shows what is known of a topic: its type, who publishes and subscribes, how often messages come and how large they are.
///
/// Listens for two seconds, and asks the modules meanwhile. The type is what the name of the channel says, and it is told whether the
/// messages are of it. Publishers are known by the beats of modules and by the addresses that messages come from. Subscribers are the
/// modules that say so; other programs subscribe without anybody knowing.
///
/// With --json {"topic":..., "listened_s":..., "channels":[...], "silent_modules":[...]}, with the channels as in
/// `dimos topic list --json`. "agreement" is one of agrees, disagrees, unknown_type, no_type and not_heard.
///
/// Exits with 4 if nobody speaks of the topic; with 3 if messages were dropped because they came too fast.
///
/// Examples:
///   dimos topic info /scan
///   dimos topic info /robot0/odom --for 10s
///   dimos topic info /scan --json | jq -r '.channels[].publishers[].name'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A topic, /scan, of whatever type, or a channel, /scan#sensor_msgs.LaserScan.
    #[arg(value_name = "TOPIC|CHANNEL", value_parser = one_topic)]
    topic: Selection,
    /// How long to listen.
    #[arg(long = "for", value_name = "DURATION", value_parser = span, default_value = "2s")]
    duration: Duration,
    #[command(flatten)]
    types: Types,
}

#[derive(Debug, Serialize)]
struct Info {
    topic: String,
    listened_s: f64,
    channels: Vec<Seen>,
    silent_modules: Vec<String>,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let look = look(context, options.duration)?;
    let channels = look.channels();
    let of_topic: Vec<_> = channels.iter().filter(|channel| options.topic.takes(channel)).collect();
    if of_topic.is_empty() {
        let names: Vec<_> =
            channels.iter().filter(|one| !is_internal(one.as_bytes())).map(|one| plain(&one.to_string())).collect();
        let (topic, waited) = (plain(options.topic.text()), options.duration);
        let others = others(options.topic.topic(), &names);
        return Err(Failure::not_found(format_args!(
            "nothing is known of {topic} within {waited:?} (--for listens longer); {others}"
        )));
    }
    let info = Info {
        topic: options.topic.text().to_owned(),
        listened_s: look.span_s(),
        channels: of_topic.into_iter().map(|channel| look.seen(&catalog, channel)).collect(),
        silent_modules: look.silent().to_vec(),
    };
    context.print(&info, readable)?;
    match look.dropped() {
        0 => Ok(()),
        dropped => Err(Failure::incomplete(format_args!("{dropped} messages or more dropped: they came too fast"))),
    }
}

fn readable(info: &Info) -> String {
    let mut text = String::new();
    for seen in &info.channels {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", plain(&seen.channel));
        for (name, value) in lines(seen, info) {
            let _ = writeln!(text, "  {name:12}{}", plain(&value));
        }
    }
    text
}

fn lines(seen: &Seen, info: &Info) -> Vec<(&'static str, String)> {
    let mut lines = vec![("type", of_type(seen))];
    if seen.publishers.is_empty() {
        lines.push(("publishers", "none known".to_owned()));
    }
    for publisher in &seen.publishers {
        let address = publisher.address.as_ref().filter(|_| publisher.name.is_some());
        let address = address.map(|address| format!(" at {address}")).unwrap_or_default();
        let published = publisher.published.map(|count| format!(", {count} messages so far")).unwrap_or_default();
        lines.push(("publisher", format!("{}{address}{published}", publisher.text())));
    }
    for subscriber in &seen.subscribers {
        let unsure = match subscriber.known_by {
            KnownBy::Module => "",
            KnownBy::Contract => ", unless its launch says otherwise",
        };
        lines.push(("subscriber", format!("{}, port {}{unsure}", subscriber.name, subscriber.port)));
    }
    let unknown = match &info.silent_modules[..] {
        [] => "who else subscribes is not known to anybody".to_owned(),
        silent => format!("who else subscribes is not known to anybody; {} do not say", silent.join(", ")),
    };
    lines.push(("subscribers", unknown));
    let listened = units::time(info.listened_s);
    let rate = match (seen.messages, seen.rate_hz) {
        (0, _) => format!("no message in {listened}"),
        (1, _) | (_, None) => format!("{} in {listened}", seen.messages),
        (messages, Some(rate_hz)) => format!("{}, {messages} messages in {listened}", units::rate(rate_hz)),
    };
    lines.push(("rate", rate));
    if let (Some(sizes), Some(last), Some(age_s)) = (seen.size_bytes, seen.last_size_bytes, seen.last_age_s) {
        let spread = if sizes.min == sizes.max { String::new() } else { format!(", {} to {}", sizes.min, sizes.max) };
        lines.push(("size", format!("{last} bytes, {} ago{spread}", units::time(age_s))));
    }
    lines
}

fn of_type(seen: &Seen) -> String {
    let type_name = seen.type_name.as_deref().unwrap_or("unknown");
    let fingerprint = seen.fingerprint.as_deref().unwrap_or("too short for any");
    let candidates = match &seen.candidates[..] {
        [] => "of no known type".to_owned(),
        candidates => format!("of {}", candidates.join(", ")),
    };
    match seen.agreement {
        Agreement::NotHeard => type_name.to_owned(),
        Agreement::Agrees => format!("{type_name}, as its messages have it: fingerprint {fingerprint}"),
        Agreement::Disagrees => {
            format!("{type_name} by its name, but its messages are not: fingerprint {fingerprint}, {candidates}")
        }
        Agreement::UnknownType => {
            format!(
                "{type_name}, which is not known here: fingerprint {fingerprint}, {candidates}; --idl DIR adds types"
            )
        }
        Agreement::NoType if seen.candidates.is_empty() => "the channel names none".to_owned(),
        Agreement::NoType => {
            format!("the channel names none; its messages may be {candidates}, fingerprint {fingerprint}")
        }
    }
}
