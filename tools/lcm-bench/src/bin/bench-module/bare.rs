//! Processes that do what the modules here do with the bus alone: `lcm::Inline`, which the process's one thread reads.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use lcm::{Inline, Publisher};
use lcm_types::geometry_msgs::Twist;
use lcm_types::sensor_msgs::Image;
use rustix::event::{PollFd, PollFlags, Timespec};

use crate::early::cpu_time;
use crate::settings::Settings;
use crate::trips::{Next, Numbered, Trips};
use crate::{announce, say};

#[derive(Debug, Parser)]
struct Line {
    role: Role,
    /// The channel that it hears.
    #[arg(long, default_value = "")]
    input: String,
    /// The channel that it publishes on.
    #[arg(long)]
    output: String,
    #[command(flatten)]
    settings: Settings,
}

/// What a process does.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Sends velocities around.
    TwistSource,
    /// Sends images around.
    ImageSource,
    /// Passes on what comes.
    Relay,
    /// Publishes at once.
    Early,
}

/// A source and its message.
struct Source<T> {
    trips: Trips,
    message: T,
    publisher: Publisher,
    output: String,
    /// Once it is over: whether all messages could be published.
    outcome: Option<Result<()>>,
}

/// Does what the command line says.
pub(crate) fn run() -> ExitCode {
    let line = Line::parse();
    let outcome = match line.role {
        Role::TwistSource => source::<Twist>(&line),
        Role::ImageSource => source::<Image>(&line),
        Role::Relay => relay(line),
        Role::Early => early(&line),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-module: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn relay(line: Line) -> Result<()> {
    let mut bus = Inline::from_env()?;
    let publisher = bus.publisher();
    let output = line.output;
    bus.subscribe(line.input.as_str(), move |sample| {
        // A source counts what does not come round.
        let _ = publisher.publish(&output, sample.payload());
    })?;
    announce()?;
    loop {
        bus.handle(None)?;
    }
}

fn early(line: &Line) -> Result<()> {
    let mut bus = Inline::from_env()?;
    let cpu = cpu_time();
    bus.publisher().publish_message(&line.output, &Twist::default())?;
    say(&format!("cpu_ns={}", cpu.as_nanos()));
    loop {
        bus.handle(None)?;
    }
}

fn source<T: Numbered + Send + 'static>(line: &Line) -> Result<()> {
    let settings = line.settings;
    let mut bus = Inline::from_env()?;
    let (trips, message) = (Trips::new(settings), T::sized(&settings));
    let (publisher, output) = (bus.publisher(), line.output.clone());
    let source = Arc::new(Mutex::new(Source { trips, message, publisher, output, outcome: None }));
    let heard = Arc::clone(&source);
    bus.subscribe(line.input.as_str(), move |sample| {
        let mut source = heard.lock().unwrap_or_else(PoisonError::into_inner);
        let next = source.trips.returned(Instant::now(), T::number(sample.payload()));
        source.follow(next);
    })?;
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        if now >= due {
            // Times that were missed are not made up for.
            due = (due + settings.period()).max(now);
            let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
            let next = source.trips.tick(now);
            source.follow(next);
        }
        if let Some(outcome) = source.lock().unwrap_or_else(PoisonError::into_inner).outcome.take() {
            return outcome;
        }
        if settings.is_paced() {
            wait_until(&bus, due)?;
            while bus.handle(Some(Duration::ZERO))? {}
        } else {
            bus.handle(Some(settings.period()))?;
        }
    }
}

/// Waits for something to read.
fn wait_until(bus: &Inline, due: Instant) -> Result<()> {
    let timeout = Timespec::try_from(due.saturating_duration_since(Instant::now()))?;
    let bus = bus.poll_fd().context("a bus of the network can be waited for")?;
    rustix::event::poll(&mut [PollFd::from_borrowed_fd(bus, PollFlags::IN)], Some(&timeout))?;
    Ok(())
}

impl<T: Numbered> Source<T> {
    fn follow(&mut self, next: Next) {
        match next {
            Next::Wait => {}
            Next::Send(number) => {
                self.message.set_number(number);
                if let Err(error) = self.publisher.publish_message(&self.output, &self.message) {
                    self.outcome = Some(Err(error.into()));
                }
            }
            Next::Over => {
                say(&self.trips.figures());
                self.outcome = Some(Ok(()));
            }
        }
    }
}
