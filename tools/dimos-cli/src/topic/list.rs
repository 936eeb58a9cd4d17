//! `dimos topic list`: which topics there are.

use std::time::Duration;

use clap::Args;

use super::look::{Publisher, Seen, look};
use super::selection::{Selection, is_internal};
use super::units;
use crate::context::Context;
use crate::duration::span;
use crate::failure::Failure;
use crate::message_types::Types;
use crate::output::plain;
use crate::similar;
use crate::table::table;

/// Lists the topics of the bus: those that are heard, and those that modules have ports on, though nobody spoke.
///
/// Listens for two seconds, and asks the modules meanwhile. Publishers are known by the beats of modules and by the addresses that
/// messages come from. Subscribers are the modules that say so; other programs subscribe without anybody knowing. Decodes nothing.
/// Topics of the mesh itself are left out without --all.
///
/// With --json a list of {"channel":..., "topic":..., "type":..., "fingerprint":..., "agreement":..., "candidates":[...],
/// "messages":..., "rate_hz":..., "bytes_per_s":..., "size_bytes":{"min":..., "mean":..., "max":...}, "last_size_bytes":...,
/// "last_age_s":..., "publishers":[{"name":..., "address":..., "published":...}], "subscribers":[{"name":..., "port":...,
/// "known_by": "module", or "contract" where the launch may say otherwise}]}. Of a flood of channels 10000 are remembered, those first
/// that are spoken on again.
///
/// Exits with 3 if messages were dropped because they came too fast; with 4 if there is a GLOB and no such topic.
///
/// Examples:
///   dimos topic list
///   dimos topic list '/robot0/*' --for 5s
///   dimos topic list --json | jq -r '.[] | select(.messages == 0) | .channel'
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Only these: a glob, in which * stands for any characters and ? for one; a topic, or a channel.
    #[arg(value_name = "GLOB", value_parser = Selection::new)]
    glob: Option<Selection>,
    /// How long to listen.
    #[arg(long = "for", value_name = "DURATION", value_parser = span, default_value = "2s")]
    duration: Duration,
    /// With the topics of the mesh itself, /mesh/* and /rpc/*.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    types: Types,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let look = look(context, options.duration)?;
    let channels: Vec<_> =
        look.channels().into_iter().filter(|channel| options.all || !is_internal(channel.as_bytes())).collect();
    let is_wanted = |channel: &&lcm::Channel| options.glob.as_ref().is_none_or(|glob| glob.takes(channel));
    let seen: Vec<_> = channels.iter().filter(is_wanted).map(|channel| look.seen(&catalog, channel)).collect();
    match (&options.glob, &seen[..]) {
        (Some(glob), []) => {
            let names: Vec<_> = channels.iter().map(|channel| plain(&channel.to_string())).collect();
            let waited = options.duration;
            let text = format!(
                "no topic {} within {waited:?} (--for listens longer); {}",
                plain(glob.text()),
                others(glob.topic(), &names)
            );
            return Err(Failure::not_found(text));
        }
        (None, []) => context.note(format_args!("no topics on {} within {:?}", context.url()?, options.duration)),
        _ => {}
    }
    context.print(&seen, |seen| {
        let head = ["TOPIC", "TYPE", "RATE", "SIZE", "BANDWIDTH", "PUBLISHERS", "SUBSCRIBERS"];
        table(head, seen.iter().map(columns))
    })?;
    if !look.silent().is_empty() {
        context.note(format_args!("these do not say what ports they have: {}", listed(look.silent().iter().cloned())));
    }
    if look.forgotten() > 0 {
        context.note(format_args!("{} messages of further channels left out", look.forgotten()));
    }
    match look.dropped() {
        0 => Ok(()),
        dropped => Err(Failure::incomplete(format_args!("{dropped} messages or more dropped: they came too fast"))),
    }
}

/// What there is in place of a topic, and what may be meant.
pub(super) fn others(topic: &str, names: &[String]) -> String {
    let topics = names.iter().map(|name| name.split('#').next().unwrap_or_default());
    let guess = similar::did_you_mean(topic, topics);
    match names {
        [] => "there is none".to_owned(),
        few if few.len() <= SHOWN => format!("there is {}{guess}", few.join(", ")),
        many => format!("there is {} and {} more{guess}", many[..SHOWN].join(", "), many.len() - SHOWN),
    }
}

fn columns(seen: &Seen) -> [String; 7] {
    let none = || "-".to_owned();
    let rate = match (seen.messages, seen.rate_hz) {
        (0, _) => none(),
        (1, _) | (_, None) => "once".to_owned(),
        (_, Some(rate_hz)) => units::rate(rate_hz),
    };
    let size = seen.size_bytes.map_or_else(none, |sizes| units::bytes(sizes.mean));
    let bandwidth = if seen.messages > 0 { format!("{}/s", units::bytes(seen.bytes_per_s)) } else { none() };
    let publishers = listed(seen.publishers.iter().map(Publisher::text));
    let subscribers = listed(seen.subscribers.iter().map(|subscriber| subscriber.name.clone()));
    let type_name = seen.type_name.clone().unwrap_or_else(none);
    [seen.topic.clone(), type_name, rate, size, bandwidth, publishers, subscribers]
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let names: Vec<_> = names.collect();
    match &names[..] {
        [] => "-".to_owned(),
        few if few.len() <= SHOWN => few.join(", "),
        many => format!("{} and {} more", many[..SHOWN].join(", "), many.len() - SHOWN),
    }
}

const SHOWN: usize = 8;
