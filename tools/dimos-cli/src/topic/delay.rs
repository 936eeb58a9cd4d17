//! `dimos topic delay`: how old messages are when they come.

use std::time::Duration;

use clap::{Args, ValueEnum};
use lcm::schema::{Catalog, MessageType, PathError, Value};
use lcm::{Message, Sample};
use lcm_types::builtin_interfaces::Time;
use serde::Serialize;

use super::heard::Heard;
use super::measuring::{Extent, Followed, Meter, OneChannel, one_topic};
use super::selection::Selection;
use super::statistics::{NS_PER_S, Spread, Window};
use super::units;
use crate::context::Context;
use crate::failure::Failure;
use crate::message_types::{Types, named};
use crate::output::{Output, plain};

/// Shows how old messages of a topic are when they come: the time at which the kernel received each, less its header.stamp.
///
/// A line a second, over the last --window messages; a negative age is that of a stamp in the future. With --json an object a line:
/// {"channel":..., "type":..., "clock":..., "age_s":{"mean":..., "min":..., "max":..., "std_dev":...}, "window":..., "received":...,
/// "without_stamp":..., "dropped":..., "is_end":...}.
///
/// The clock is that of this host, which says something of stamps of other hosts only as far as their clocks agree. If a simulation
/// tells the time on /clock, it is what /clock said last before the message came. Which of them it was is said as "clock".
///
/// Exits with 0 after --for or --count; with 130 after Ctrl-C, which prints the last line too; with 5 if nothing came in time; with
/// 3 if this command was too slow and dropped messages, or some had no stamp; with 2 if messages of this type have none, or the
/// topic has several channels, which it lists; with 4 if an event log has no such message.
///
/// Examples:
///   dimos topic delay /scan
///   dimos topic delay /tf --field transforms[0].header.stamp --for 10s
///   dimos topic delay /camera/image --clock system --count 100 --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// A topic, /scan, or a channel, /scan#sensor_msgs.LaserScan.
    #[arg(value_name = "TOPIC|CHANNEL", value_parser = one_topic)]
    topic: Selection,
    /// How many of the last messages count.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    window: u32,
    /// The stamp: a member with seconds and nanoseconds.
    #[arg(long, value_name = "PATH", default_value = "header.stamp")]
    field: String,
    /// The clock that stamps are compared with: this host's, the simulation's on /clock, or the latter if it is heard within a second.
    #[arg(long, value_enum, default_value_t, hide_possible_values = true, value_name = "auto|system|simulated")]
    clock: WhichClock,
    /// The type of the messages on channels that do not name one, as those of C++ and Python LCM programs.
    #[arg(long = "type", value_name = "PKG.TYPE")]
    type_name: Option<String>,
    #[command(flatten)]
    types: Types,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum WhichClock {
    #[default]
    Auto,
    System,
    Simulated,
}

/// What stamps are compared with.
#[derive(Debug, Clone, Copy)]
enum Clock {
    System,
    /// What it said last, in ns; none before it said anything.
    Simulated(Option<i64>),
}

/// What is said.
#[derive(Debug, Serialize)]
struct Line {
    channel: String,
    #[serde(rename = "type")]
    type_name: Option<String>,
    clock: &'static str,
    age_s: Option<Spread>,
    window: usize,
    received: u64,
    without_stamp: u64,
    dropped: u64,
    is_end: bool,
}

struct Delay<'a> {
    options: &'a Options,
    context: &'a Context,
    catalog: &'a Catalog,
    bare: Option<MessageType<'a>>,
    clock: Clock,
    one: OneChannel,
    type_name: Option<String>,
    ages_ns: Window,
    received: u64,
    without_stamp: u64,
    is_told: bool,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let catalog = options.types.catalog()?;
    let bare = options.type_name.as_deref().map(|name| named(&catalog, name)).transpose()?;
    let clock = (options.clock != WhichClock::System).then_some(CLOCK);
    let followed = Followed::new(context, &options.topic, &options.extent, clock)?;
    let clock = match options.clock {
        WhichClock::System => Clock::System,
        WhichClock::Simulated => Clock::Simulated(None),
        WhichClock::Auto if followed.is_heard_aside(CLOCK_PATIENCE)? => Clock::Simulated(None),
        WhichClock::Auto => Clock::System,
    };
    let mut delay = Delay {
        options,
        context,
        catalog: &catalog,
        bare,
        clock,
        one: OneChannel::default(),
        type_name: None,
        ages_ns: Window::new(usize::try_from(options.window).unwrap_or(usize::MAX)),
        received: 0,
        without_stamp: 0,
        is_told: false,
    };
    followed.measure(&mut delay)?;
    match delay.without_stamp {
        0 => Ok(()),
        without => Err(Failure::incomplete(format_args!("{without} messages without a stamp that can be compared"))),
    }
}

impl Meter for Delay<'_> {
    fn take(&mut self, sample: &Sample) -> Result<bool, Failure> {
        if !self.one.takes(&self.options.topic, sample, self.context)? {
            return Ok(false);
        }
        self.received += 1;
        match self.stamp_ns(sample)? {
            Ok(stamp_ns) => {
                let now_ns = match self.clock {
                    Clock::System => i64::try_from(sample.receive_time_ns()).ok(),
                    Clock::Simulated(now_ns) => now_ns,
                };
                match now_ns {
                    Some(now_ns) => self.ages_ns.push(now_ns.saturating_sub(stamp_ns)),
                    // The simulation has not told the time yet, and what came before that is not compared.
                    None => return Ok(false),
                }
            }
            Err(why) => self.pass_over(sample, &why),
        }
        Ok(true)
    }

    fn take_aside(&mut self, sample: &Sample) {
        let Ok(time) = Time::decode(sample.payload()) else { return };
        match &mut self.clock {
            Clock::Simulated(now_ns) => *now_ns = Some(time_ns(time.sec.into(), time.nanosec.into())),
            Clock::System => {
                if !std::mem::replace(&mut self.is_told, true) {
                    self.context.note("a simulation tells the time on /clock: --clock simulated compares with that");
                }
            }
        }
    }

    fn show(&mut self, followed: &Followed<'_>, output: &mut Output, is_end: bool) -> Result<(), Failure> {
        self.one.settle();
        let line = Line {
            channel: self.one.name(&self.options.topic),
            type_name: self.type_name.clone(),
            clock: match self.clock {
                Clock::System => "system",
                Clock::Simulated(_) => "simulated",
            },
            age_s: self.ages_ns.spread(NS_PER_S),
            window: self.ages_ns.len(),
            received: self.received,
            without_stamp: self.without_stamp,
            dropped: followed.dropped(),
            is_end,
        };
        if self.context.is_json { output.json(&line) } else { output.line(&readable(&line)) }
    }
}

impl Delay<'_> {
    /// The stamp of a message in ns, or why it has none. Fails if no message of its type can have one.
    fn stamp_ns(&mut self, sample: &Sample) -> Result<Result<i64, String>, Failure> {
        let path = &self.options.field;
        let (type_name, value) = match Heard::new(self.catalog, self.bare, sample) {
            Heard::Decoded { type_name, value } => (type_name, value),
            Heard::Untyped => {
                return Ok(Err("its type is not known, so it has no stamp; --type names one".to_owned()));
            }
            Heard::Undecodable(why) => return Ok(Err(why)),
        };
        if self.type_name.as_deref() != Some(type_name) {
            self.type_name = Some(type_name.to_owned());
        }
        let error = match value.at(path).map(|stamp| stamp_of(&stamp)) {
            Ok(Some(stamp_ns)) => return Ok(Ok(stamp_ns)),
            Err(error @ PathError::NoElement { .. }) => return Ok(Err(error.to_string())),
            Ok(None) => format!("{path} is no time: it has no sec and nsec"),
            Err(error) => error.to_string(),
        };
        let message = format!("messages of type {type_name} have no {path}: {error}; --field names another stamp");
        Err(Failure::usage(message))
    }

    fn pass_over(&mut self, sample: &Sample, why: &str) {
        self.without_stamp += 1;
        if self.without_stamp == 1 {
            let channel = super::heard::channel_name(sample);
            self.context.note(format_args!("a message on {channel}: {}", plain(why)));
        }
    }
}

/// A time as messages carry it, in ns.
fn stamp_of(value: &Value<'_>) -> Option<i64> {
    let integer = |name| match value.member(name) {
        Some(Value::Integer(number)) => Some(*number),
        _ => None,
    };
    Some(time_ns(integer("sec")?, integer("nsec").or_else(|| integer("nanosec"))?))
}

fn time_ns(sec: i64, nsec: i64) -> i64 {
    sec.saturating_mul(1_000_000_000).saturating_add(nsec)
}

fn readable(line: &Line) -> String {
    let start = if line.is_end { "in all: " } else { "" };
    let age = line.age_s.map_or_else(
        || "no age yet".to_owned(),
        |Spread { mean, min, max, std_dev }| {
            let [mean, min, max, std_dev] = [mean, min, max, std_dev].map(units::time);
            format!("age {mean} by the {} clock, {min} to {max}, std dev {std_dev}, window {}", line.clock, line.window)
        },
    );
    let mut text = format!("{start}{age}; {} received", line.received);
    for (count, what) in [(line.without_stamp, "without a stamp"), (line.dropped, "dropped here")] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

/// Where a simulation tells the time.
const CLOCK: &str = "/clock#builtin_interfaces.Time";

/// How long the time of a simulation is waited for.
const CLOCK_PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_times_of_messages_are_stamps_and_nothing_else_is() {
        let time = |nanoseconds: &'static str| Value::Struct(vec![("sec", 2.into()), (nanoseconds, 5.into())]);
        assert_eq!(stamp_of(&time("nsec")), Some(2_000_000_005));
        assert_eq!(stamp_of(&time("nanosec")), Some(2_000_000_005));
        assert_eq!((stamp_of(&time("ms")), stamp_of(&1.5.into())), (None, None));
        assert_eq!(time_ns(i64::MAX, 1), i64::MAX);
    }
}
