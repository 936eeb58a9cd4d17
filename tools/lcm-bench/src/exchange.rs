//! One measurement: receivers are started, then a sender; it warms up, the figures of all begin, it sends, all tell.

use std::time::Duration;

use anyhow::Result;

use crate::bench::{Bench, Placement};
use crate::busy::busy_time;
use crate::contender::Contender;
use crate::process::Figures;
use crate::worker::Job;

/// Who does what.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) placement: Placement,
    /// What each receiver does: it counts or answers.
    pub(crate) receivers: Vec<Job>,
    /// What the sender does: it publishes or makes trips.
    pub(crate) sender: Job,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sender: Figures,
    /// In the order of the receivers' jobs.
    pub(crate) receivers: Vec<Figures>,
    /// CPU time of the whole machine while the sender was at it.
    pub(crate) machine_ns: f64,
}

impl Exchange {
    /// Runs it between the parties of `contender`.
    pub(crate) fn run(&self, bench: &Bench, contender: Contender) -> Result<Outcome> {
        let start = |party, job| bench.worker(party, self.placement, &contender.equip(job));
        let mut receivers =
            self.receivers.iter().map(|job| start(contender.receiver, job)).collect::<Result<Vec<_>>>()?;
        for receiver in &receivers {
            receiver.expect("ready", PATIENCE)?;
        }
        let mut sender = start(contender.sender, &self.sender)?;
        // After its warm-up.
        sender.expect("ready", PATIENCE)?;
        std::thread::sleep(PAUSE);
        for receiver in &mut receivers {
            receiver.order("mark")?;
            receiver.expect("marked", PATIENCE)?;
        }
        let busy_before = busy_time()?;
        sender.order("go")?;
        let figures = sender.figures(Duration::from_secs_f64(self.sender.seconds.min(MAX_SECONDS)) + PATIENCE)?;
        let machine_ns = busy_time()?.saturating_sub(busy_before).as_secs_f64() * 1e9;
        for receiver in &mut receivers {
            receiver.order("stop")?;
        }
        let receivers = receivers.iter().map(|receiver| receiver.figures(PATIENCE)).collect::<Result<_>>()?;
        Ok(Outcome { sender: figures, receivers, machine_ns })
    }
}

impl Outcome {
    /// The sum of a figure over the receivers.
    pub(crate) fn received(&self, figure: &str) -> Result<f64> {
        self.receivers.iter().map(|receiver| receiver.of(figure)).sum()
    }
}

/// How long a worker may take for what it does at once, a queue to be emptied included.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long no job lasts.
const MAX_SECONDS: f64 = 60.0;

/// Lets receivers finish with what the warm-up sent.
const PAUSE: Duration = Duration::from_millis(100);
