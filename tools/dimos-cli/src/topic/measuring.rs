//! What `hz`, `bw` and `delay` have in common: they follow a topic, say once a second what they measured, and sum it up in the end.

use std::time::{Duration, Instant};

use clap::Args;
use crossbeam_channel::{Receiver, never, select};
use lcm::{Channel, Lcm, Queue, Sample, Statistics, Subscription};
use serde_json::json;

use super::echo::subscribe_failure;
use super::selection::Selection;
use super::silence::Silence;
use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{Output, plain};

/// How long it is measured.
#[derive(Debug, Clone, Args)]
pub(super) struct Extent {
    /// Ends after so long, such as 10s.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    duration: Option<Duration>,
    /// Ends after so many messages.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Gives up when no message came for so long; without it and --for it waits for ever.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

/// What is measured.
pub(super) trait Meter {
    /// Takes in a message of the topic. Returns whether it counts.
    fn take(&mut self, sample: &Sample) -> Result<bool, Failure>;

    /// Takes in a message of the other subscription.
    fn take_aside(&mut self, sample: &Sample);

    /// Says what was measured so far, or, at the end, in all.
    fn show(&mut self, followed: &Followed<'_>, output: &mut Output, is_end: bool) -> Result<(), Failure>;
}

/// A topic that is followed.
#[derive(Debug)]
pub(super) struct Followed<'a> {
    pub(super) context: &'a Context,
    pub(super) topic: &'a Selection,
    extent: &'a Extent,
    bus: Lcm,
    messages: Subscription,
    /// What else is heard, in order with the messages.
    aside: Option<Subscription>,
}

/// The one channel that a topic turns out to be.
#[derive(Debug, Default)]
pub(super) struct OneChannel {
    channel: Option<Channel>,
    /// Whether something was said of it already.
    is_settled: bool,
    is_told: bool,
}

impl<'a> Followed<'a> {
    /// Begins to hear a topic, and a channel beside it.
    pub(super) fn new(
        context: &'a Context,
        topic: &'a Selection,
        extent: &'a Extent,
        aside: Option<&str>,
    ) -> Result<Self, Failure> {
        let bus = context.bus()?;
        let aside = aside.map(|channel| bus.subscribe(channel, Queue::keep_all(ASIDE_BYTES)));
        let aside = aside.transpose().map_err(subscribe_failure)?;
        let messages = bus.subscribe(topic.pattern(), Queue::keep_all(QUEUE_BYTES)).map_err(subscribe_failure)?;
        Ok(Self { context, topic, extent, bus, messages, aside })
    }

    /// Waits for the channel beside the topic, and tells whether something came of it. Messages are kept meanwhile.
    pub(super) fn is_heard_aside(&self, within: Duration) -> Result<bool, Failure> {
        let deadline = Instant::now() + within;
        while self.aside.as_ref().is_some_and(|aside| aside.receiver().is_empty()) {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            self.context.interrupt.wait_until(Instant::now() + PAUSE)?;
        }
        Ok(self.aside.is_some())
    }

    /// What the bus counted.
    pub(super) fn statistics(&self) -> Statistics {
        self.bus.statistics()
    }

    /// Messages that came too fast for this command, or for the buffer that the kernel keeps for it.
    pub(super) fn dropped(&self) -> u64 {
        self.messages.dropped() + self.bus.statistics().kernel_drops
    }

    /// Measures until it is to end.
    pub(super) fn measure(self, meter: &mut impl Meter) -> Result<(), Failure> {
        let mut output = Output::new();
        let mut silence = Silence::new(self.extent.timeout.or(self.extent.duration));
        let (end, counted) = self.follow(meter, &mut output, &mut silence)?;
        if counted > 0 {
            meter.show(&self, &mut output, true)?;
            output.flush()?;
        }
        self.outcome(end, counted, &mut silence)
    }

    fn follow(
        &self,
        meter: &mut impl Meter,
        output: &mut Output,
        silence: &mut Silence,
    ) -> Result<(End, u64), Failure> {
        let start = Instant::now();
        let end = self.extent.duration.and_then(|duration| start.checked_add(duration));
        let timeout = self.extent.timeout.unwrap_or(Duration::MAX);
        let count = self.extent.count.unwrap_or(u64::MAX);
        let mut merged = Merged::new(&self.messages, self.aside.as_ref(), &self.context.interrupt);
        let (mut last_message, mut next_look, mut next_show, mut counted) = (start, start + LOOK_EVERY, None, 0);
        loop {
            let now = Instant::now();
            let wake = [Some(next_look), next_show, end].into_iter().flatten().min().unwrap_or(next_look);
            let patience = wake.saturating_duration_since(now).min(timeout.saturating_sub(now - last_message));
            match merged.next(patience) {
                Next::Message(sample) if self.topic.takes(sample.channel()) && meter.take(&sample)? => {
                    counted += 1;
                    last_message = Instant::now();
                    next_show = next_show.or(Some(last_message + SHOW_EVERY));
                    silence.end();
                    if counted >= count {
                        return Ok((End::Over, counted));
                    }
                }
                Next::Aside(sample) => meter.take_aside(&sample),
                Next::Closed => return Ok((End::OfLog, counted)),
                Next::Interrupted => return Ok((End::Interrupted, counted)),
                Next::Message(_) | Next::Nothing => {}
            }
            let now = Instant::now();
            if end.is_some_and(|end| now >= end) {
                return Ok((End::Over, counted));
            }
            if now - last_message >= timeout {
                return Ok((End::TimedOut, counted));
            }
            if next_show.is_some_and(|at| now >= at) {
                next_show = Some(now + SHOW_EVERY);
                meter.show(self, output, false)?;
                output.flush()?;
            }
            if now >= next_look {
                next_look = now + LOOK_EVERY;
                output.check_reader()?;
                silence.look(&self.bus, self.topic, self.context)?;
            }
        }
    }

    fn outcome(&self, end: End, counted: u64, silence: &mut Silence) -> Result<(), Failure> {
        let topic = plain(self.topic.text());
        let Extent { duration, count, timeout } = *self.extent;
        let waited = timeout.into_iter().chain(duration).min().unwrap_or_default();
        match end {
            End::Interrupted => return Err(Failure::interrupted()),
            End::OfLog if counted == 0 => {
                return Err(Failure::not_found(format_args!("no message on {topic} in {}", self.context.url()?)));
            }
            End::Over | End::TimedOut if counted == 0 => {
                let others = silence.others(self.topic);
                return Err(Failure::timed_out(format_args!("no message on {topic} within {waited:?}; {others}")));
            }
            End::OfLog if count.is_some_and(|count| counted < count) => {
                return Err(Failure::incomplete(format_args!("only {counted} messages on {topic}")));
            }
            End::Over | End::TimedOut if count.is_some_and(|count| counted < count) => {
                return Err(Failure::timed_out(format_args!("only {counted} messages on {topic} in time")));
            }
            End::Over | End::TimedOut | End::OfLog => {}
        }
        match self.dropped() {
            0 => Ok(()),
            dropped => Err(Failure::incomplete(format_args!(
                "{dropped} messages or more dropped: they came faster than they could be counted"
            ))),
        }
    }
}

impl OneChannel {
    /// Whether a message is of the channel. Fails if the topic has several, as long as nothing was said of one of them; after that
    /// the others do not count.
    pub(super) fn takes(&mut self, topic: &Selection, sample: &Sample, context: &Context) -> Result<bool, Failure> {
        let channel = *self.channel.get_or_insert(*sample.channel());
        // Whoever names a channel means both of its spellings.
        if channel == *sample.channel() || topic.type_name().is_some() {
            return Ok(true);
        }
        let candidates = [channel, *sample.channel()].map(|channel| plain(&channel.to_string()));
        if !self.is_settled {
            let [one, other] = &candidates;
            let message = format!("{} is several channels: name one of {one}, {other}", plain(topic.text()));
            return Err(Failure::usage(message).with_data(json!({ "candidates": candidates })));
        }
        if !std::mem::replace(&mut self.is_told, true) {
            context.note(format_args!("{} comes too, and does not count", candidates[1]));
        }
        Ok(false)
    }

    /// Something is said of the channel.
    pub(super) fn settle(&mut self) {
        self.is_settled = true;
    }

    /// Whether what is said of a channel is said of this one.
    pub(super) fn is(&self, topic: &Selection, channel: &Channel) -> bool {
        match self.channel {
            Some(own) if topic.type_name().is_none() => own == *channel,
            _ => topic.takes(channel),
        }
    }

    /// Its name; what the topic is called before anything came.
    pub(super) fn name(&self, topic: &Selection) -> String {
        self.channel.map_or_else(|| topic.text().to_owned(), |channel| channel.to_string())
    }
}

/// A topic that one channel is meant by.
pub(super) fn one_topic(text: &str) -> Result<Selection, String> {
    match Selection::new(text)? {
        topic if topic.is_glob() => Err("one topic is wanted here, such as /scan, and no glob".to_owned()),
        topic => Ok(topic),
    }
}

/// Why nothing more is measured.
enum End {
    Over,
    TimedOut,
    Interrupted,
    /// Of the event log.
    OfLog,
}

/// Messages of two subscriptions of a connection in the order in which they came. Whoever came first is in his queue when the other one
/// is seen.
struct Merged<'a> {
    messages: &'a Receiver<Sample>,
    aside: Receiver<Sample>,
    interrupt: &'a Interrupt,
    next_message: Option<Sample>,
    next_aside: Option<Sample>,
}

enum Next {
    Message(Sample),
    Aside(Sample),
    Nothing,
    Closed,
    Interrupted,
}

impl<'a> Merged<'a> {
    fn new(messages: &'a Subscription, aside: Option<&'a Subscription>, interrupt: &'a Interrupt) -> Self {
        let aside = aside.map_or_else(never, |aside| aside.receiver().clone());
        Self { messages: messages.receiver(), aside, interrupt, next_message: None, next_aside: None }
    }

    fn next(&mut self, patience: Duration) -> Next {
        self.look();
        if self.next_message.is_none() && self.next_aside.is_none() {
            select! {
                recv(self.messages) -> sample => match sample {
                    Ok(sample) => self.next_message = Some(sample),
                    Err(_) => return Next::Closed,
                },
                recv(self.aside) -> sample => match sample {
                    Ok(sample) => self.next_aside = Some(sample),
                    // Both are closed then, and messages may be left.
                    Err(_) => return self.messages.try_recv().map_or(Next::Closed, Next::Message),
                },
                recv(self.interrupt.receiver()) -> _ => return Next::Interrupted,
                default(patience) => return Next::Nothing,
            }
            self.look();
        } else if self.interrupt.is_pressed() {
            return Next::Interrupted;
        }
        let time = |sample: &Option<Sample>| sample.as_ref().map_or(u64::MAX, Sample::receive_time_ns);
        // In a log they may have the same time; then it is better to know what is aside.
        let next = if time(&self.next_aside) <= time(&self.next_message) {
            self.next_aside.take().map(Next::Aside)
        } else {
            self.next_message.take().map(Next::Message)
        };
        next.unwrap_or(Next::Nothing)
    }

    /// Finds what comes next of both. What is aside is looked for before and after: no matter which of them is found, what came before
    /// it is found, too.
    fn look(&mut self) {
        let look_aside = |next: &mut Option<Sample>| {
            if next.is_none() {
                *next = self.aside.try_recv().ok();
            }
        };
        look_aside(&mut self.next_aside);
        if self.next_message.is_none() {
            self.next_message = self.messages.try_recv().ok();
        }
        look_aside(&mut self.next_aside);
    }
}

/// What may wait to be measured.
const QUEUE_BYTES: usize = 64 << 20;

/// Beats, or the time of a simulation.
const ASIDE_BYTES: usize = 4 << 20;

/// How often something is said.
const SHOW_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether somebody still reads, and whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(100);

const PAUSE: Duration = Duration::from_millis(5);
