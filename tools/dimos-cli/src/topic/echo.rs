//! `dimos topic echo`: prints messages as they come.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::select;
use lcm::schema::{Catalog, MessageType, PathError, Value};
use lcm::{Channel, Lcm, Queue, Sample, Statistics, SubscribeError, Subscription};

use super::heard::{Heard, channel_name};
use super::readable;
use super::selection::Selection;
use super::silence::Silence;
use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::message_types::{Types, named};
use crate::output::Output;
use crate::similar;

/// Prints the messages of a topic, a channel, or all channels of a glob.
///
/// For people as a tree, in which blobs and long arrays are cut short. With --json one object a line, with everything:
/// {"channel":..., "type":..., "recv_time_ns":..., "size_bytes":..., "data":...}. Messages of channels without a type, of an
/// unknown type or that cannot be decoded have "type": null and their bytes in base64 as "data". Within data, blobs are base64, and
/// NaN and infinite numbers are the strings "NaN", "Infinity" and "-Infinity".
///
/// Exits with 0 after --count messages, or after --timeout if there were some and no --count; with 5 if nothing came in time, or
/// too little; with 3 if messages that had arrived were dropped because this command was too slow, or did not have the --field.
/// Losses on the way are told on stderr: which channel they were of cannot be known. From an event log (--bus file:///run.lcmlog)
/// it exits with 4 if it has no such message.
///
/// Examples:
///   dimos topic echo /scan
///   dimos topic echo /odom --field pose.pose.position.x --count 1 --timeout 5s
///   dimos topic echo '/robot0/*' --json | jq .channel
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A topic, /scan, of whatever type; a channel, /scan#sensor_msgs.LaserScan; or a glob, in which * stands for any characters
    /// and ? for one.
    #[arg(value_name = "TOPIC|CHANNEL|GLOB", value_parser = Selection::new)]
    topic: Selection,
    /// Ends after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Gives up when no message came for so long, such as 5s; otherwise it waits for ever.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
    /// Prints this part of the messages only, such as pose.position.x or ranges[0].
    #[arg(long, value_name = "PATH")]
    field: Option<String>,
    /// The type of the messages on channels that do not name one, as those of C++ and Python LCM programs.
    #[arg(long = "type", value_name = "PKG.TYPE")]
    type_name: Option<String>,
    #[command(flatten)]
    types: Types,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let bare = options.type_name.as_deref().map(|name| named(&catalog, name)).transpose()?;
    check_field(options, &catalog, bare)?;
    let bus = context.bus()?;
    let queue = Queue::keep_all(QUEUE_BYTES);
    let subscription = bus.subscribe(options.topic.pattern(), queue).map_err(subscribe_failure)?;
    let mut echo = Echo {
        options,
        context,
        catalog: &catalog,
        bare,
        output: Output::new(),
        printed: 0,
        undecodable: 0,
        fieldless: 0,
        complained_of: BTreeSet::new(),
    };
    let mut silence = Silence::new(options.timeout);
    let end = echo.follow(&bus, &subscription, &mut silence)?;
    echo.output.flush()?;
    echo.tell_losses(&bus.statistics());
    echo.outcome(end, subscription.dropped(), &mut silence)
}

/// Why there is no subscription.
pub(crate) fn subscribe_failure(error: SubscribeError) -> Failure {
    match error {
        SubscribeError::Open(error) => error.into(),
        error => Failure::usage(error),
    }
}

struct Echo<'a> {
    options: &'a Options,
    context: &'a Context,
    catalog: &'a Catalog,
    /// Of channels without a type.
    bare: Option<MessageType<'a>>,
    output: Output,
    printed: u64,
    undecodable: u64,
    /// Messages without the part that was asked for.
    fieldless: u64,
    /// The channels that somebody was told about.
    complained_of: BTreeSet<Channel>,
}

/// Why no more messages are printed.
enum End {
    Counted,
    TimedOut,
    Interrupted,
    /// Of the event log.
    OfLog,
}

impl Echo<'_> {
    fn follow(&mut self, bus: &Lcm, subscription: &Subscription, silence: &mut Silence) -> Result<End, Failure> {
        let timeout = self.options.timeout.unwrap_or(Duration::MAX);
        let (mut last_message, mut last_look) = (Instant::now(), Instant::now());
        loop {
            let patience = LOOK_EVERY.min(timeout.saturating_sub(last_message.elapsed()));
            select! {
                recv(subscription.receiver()) -> sample => {
                    let Ok(sample) = sample else { return Ok(End::OfLog) };
                    if self.options.topic.takes(sample.channel()) {
                        silence.end();
                        let printed = self.printed;
                        self.print(&sample)?;
                        if self.printed > printed {
                            last_message = Instant::now();
                        }
                        if self.options.count.is_some_and(|count| self.printed >= count) {
                            return Ok(End::Counted);
                        }
                    }
                    if subscription.receiver().is_empty() {
                        self.output.flush()?;
                    }
                }
                recv(self.context.interrupt.receiver()) -> _ => return Ok(End::Interrupted),
                default(patience) => {}
            }
            if last_message.elapsed() >= timeout {
                return Ok(End::TimedOut);
            }
            if last_look.elapsed() >= LOOK_EVERY {
                last_look = Instant::now();
                self.output.check_reader()?;
                silence.look(bus, &self.options.topic, self.context)?;
            }
        }
    }

    fn print(&mut self, sample: &Sample) -> Result<(), Failure> {
        let heard = Heard::new(self.catalog, self.bare, sample);
        if let Heard::Undecodable(reason) = &heard {
            self.undecodable += 1;
            self.complain(sample, reason);
        }
        match (&self.options.field, &heard) {
            (Some(path), Heard::Decoded { type_name, value }) => match value.at(path) {
                Ok(part) if self.context.is_json => self.output.json(&*part)?,
                Ok(part) => self.output.line(&readable::field(&part))?,
                // An array may be shorter in some messages, and a glob may mean many types.
                Err(error)
                    if self.printed == 0
                        && !matches!(error, PathError::NoElement { .. })
                        && !self.options.topic.is_glob() =>
                {
                    return Err(no_field(type_name, &error));
                }
                Err(error) => {
                    self.fieldless += 1;
                    self.complain(sample, &error.to_string());
                    return Ok(());
                }
            },
            (Some(_), _) => {
                self.fieldless += 1;
                self.complain(sample, "its type is not known, so it has no fields; --type names one");
                return Ok(());
            }
            (None, heard) if self.context.is_json => self.output.json(&heard.line(sample))?,
            (None, heard) => {
                let body = match heard {
                    Heard::Decoded { value, .. } => readable::tree(value),
                    Heard::Untyped | Heard::Undecodable(_) => readable::bytes(sample.payload()),
                };
                let (channel, size) = (channel_name(sample), sample.payload().len());
                let time = time_of_day(sample.receive_time_ns());
                self.output.line(&format!("# {channel}, {size} bytes, {time}\n{body}\n---"))?;
            }
        }
        self.printed += 1;
        Ok(())
    }

    /// Says what is wrong with a message, once for each channel.
    fn complain(&mut self, sample: &Sample, reason: &str) {
        if self.complained_of.len() < MAX_COMPLAINTS && self.complained_of.insert(*sample.channel()) {
            self.context.note(format_args!("a message on {}: {reason}", channel_name(sample)));
        }
    }

    fn tell_losses(&self, statistics: &Statistics) {
        let total = statistics.total();
        let losses = [
            (total.lost, "messages lost on the way, of whatever channel"),
            (total.incomplete, "large messages incomplete"),
            (statistics.kernel_drops, "datagrams dropped by the kernel: net.core.rmem_max allows larger buffers"),
            (self.undecodable, "messages not decoded"),
        ];
        for (count, what) in losses.into_iter().filter(|(count, _)| *count > 0) {
            self.context.note(format_args!("{count} {what}"));
        }
    }

    fn outcome(&self, end: End, dropped: u64, silence: &mut Silence) -> Result<(), Failure> {
        let (topic, printed) = (crate::output::plain(self.options.topic.text()), self.printed);
        let wanted = self.options.count.unwrap_or(1);
        match end {
            End::Interrupted => return Err(Failure::interrupted()),
            End::TimedOut if printed < wanted => {
                let timeout = self.options.timeout.unwrap_or_default();
                return Err(Failure::timed_out(match printed {
                    0 => format!("no message on {topic} within {timeout:?}; {}", silence.others(&self.options.topic)),
                    _ => format!("only {printed} messages on {topic}, and none more within {timeout:?}"),
                }));
            }
            End::OfLog if printed == 0 => {
                return Err(Failure::not_found(format_args!("no message on {topic} in {}", self.context.url()?)));
            }
            End::OfLog if printed < wanted => {
                return Err(Failure::incomplete(format_args!("only {printed} messages on {topic}")));
            }
            End::Counted | End::TimedOut | End::OfLog => {}
        }
        if dropped > 0 {
            return Err(Failure::incomplete(format_args!(
                "{dropped} messages dropped: they came faster than they could be printed"
            )));
        }
        if self.fieldless > 0 {
            return Err(Failure::incomplete(format_args!("{} messages without the field", self.fieldless)));
        }
        Ok(())
    }
}

/// Fails if no message of a type that is known beforehand can have the field.
fn check_field(options: &Options, catalog: &Catalog, bare: Option<MessageType<'_>>) -> Result<(), Failure> {
    let Some(path) = &options.field else { return Ok(()) };
    let of_channel = options.topic.type_name().and_then(|name| catalog.get(name).ok());
    let Some(message_type) = of_channel.or(bare) else { return Ok(()) };
    let Ok(empty) = message_type.encode(&Value::Struct(Vec::new())) else { return Ok(()) };
    let Ok(empty) = message_type.decode(&empty) else { return Ok(()) };
    match empty.at(path).map(|_| ()) {
        Ok(()) | Err(PathError::NoElement { .. }) => Ok(()),
        Err(error) => Err(no_field(message_type.name(), &error)),
    }
}

fn no_field(type_name: &str, error: &PathError) -> Failure {
    let guess = match error {
        PathError::NoMember { member, known, .. } => similar::did_you_mean(member, known.iter().map(String::as_str)),
        _ => String::new(),
    };
    Failure::usage(format_args!("--field of a {type_name}: {error}{guess}"))
}

/// `12:34:56.789 UTC`.
fn time_of_day(time_ns: u64) -> String {
    let (seconds, ms) = (time_ns / 1_000_000_000, time_ns / 1_000_000 % 1000);
    let (hours, minutes) = (seconds / 3600 % 24, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}.{ms:03} UTC", seconds % 60)
}

/// What may wait to be printed.
const QUEUE_BYTES: usize = 64 << 20;

/// How often it is looked whether somebody still reads, and whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Channels whose messages are complained of.
const MAX_COMPLAINTS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_day_is_that_of_greenwich() {
        assert_eq!(time_of_day(1_700_000_000_123_456_789), "22:13:20.123 UTC");
    }
}
