//! What is told while nothing comes: what is waited for, and which channels are heard in its place.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use lcm::{Channel, Lcm, Pattern, Queue, Subscription};

use super::selection::{Selection, is_internal};
use crate::context::Context;
use crate::failure::Failure;
use crate::output::plain;
use crate::similar;

/// A look around the bus, as long as nothing has come.
#[derive(Debug)]
pub(crate) struct Silence {
    since: Instant,
    /// When to begin to hear everything.
    look_after: Duration,
    /// Of every channel; only while it is needed, because it costs.
    everything: Option<Subscription>,
    heard: BTreeSet<Channel>,
    is_told: bool,
}

impl Silence {
    /// Nothing has come yet. Who waits for less than usual looks around at once.
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        let look_after = timeout.map_or(LOOK_AFTER, |timeout| LOOK_AFTER.min(timeout / 3));
        Self { since: Instant::now(), look_after, everything: None, heard: BTreeSet::new(), is_told: false }
    }

    /// Something has come: there is nothing to look for any more.
    pub(crate) fn end(&mut self) {
        self.everything = None;
        self.is_told = true;
    }

    /// Goes on looking, and tells after a while.
    pub(crate) fn look(&mut self, bus: &Lcm, wanted: &Selection, context: &Context) -> Result<(), Failure> {
        if self.everything.is_none() && !self.is_told && self.since.elapsed() >= self.look_after {
            let queue = Queue::keep_last(QUEUED);
            let subscribed = bus.subscribe(Pattern::any(), queue).map_err(super::echo::subscribe_failure)?;
            self.everything = Some(subscribed);
        }
        self.take_in();
        if !self.is_told && self.since.elapsed() >= TELL_AFTER {
            self.is_told = true;
            let others = self.others(wanted);
            context.note(format_args!("waiting for {} on {}; {others}", plain(wanted.text()), context.url()?));
            self.everything = None;
        }
        Ok(())
    }

    /// What else is on the bus, in words.
    pub(crate) fn others(&mut self, wanted: &Selection) -> String {
        self.take_in();
        let names: Vec<_> = self.heard.iter().map(|channel| plain(&channel.to_string())).collect();
        let topics = names.iter().map(|name| name.split('#').next().unwrap_or_default());
        let guess = similar::did_you_mean(wanted.topic(), topics);
        match &names[..] {
            [] => "nothing else is heard".to_owned(),
            few if few.len() <= SHOWN => format!("heard are {}{guess}", few.join(", ")),
            many => format!("heard are {} and {} more{guess}", many[..SHOWN].join(", "), many.len() - SHOWN),
        }
    }

    fn take_in(&mut self) {
        let Some(everything) = &self.everything else { return };
        for sample in everything.receiver().try_iter().take(QUEUED) {
            if self.heard.len() < REMEMBERED && !is_internal(sample.channel().as_bytes()) {
                self.heard.insert(*sample.channel());
            }
        }
    }
}

const LOOK_AFTER: Duration = Duration::from_secs(1);

const TELL_AFTER: Duration = Duration::from_secs(3);

/// Messages of any size, so not many.
const QUEUED: usize = 64;

/// Channels; more are not of interest to anybody.
const REMEMBERED: usize = 1000;

const SHOWN: usize = 8;
