//! `log-player`: plays an event log into the graph.
//!
//! What is played is decided in the file `selection.rs`, when in the thread of `player.rs`; the module itself stays free to answer.

mod player;
mod selection;
mod settings;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dimos::{Context, Module, Name, NameError, Out, module};
use lcm::log::LogReader;
use lcm_types::builtin_interfaces::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use player::{Player, Progress, Stage};
use selection::Selection;
use settings::Settings;

/// Plays an event log: what was recorded is published again, on the channels that it was recorded on.
///
/// It runs on the system's clock itself, also where others run on simulated time.
#[derive(Module)]
pub(crate) struct LogPlayer {
    /// The time of the log, if the configuration says so.
    #[port(topic = "/clock#builtin_interfaces.Time")]
    clock: Out<Time>,
    context: Context,
    config: Settings,
    progress: Arc<Progress>,
}

/// How far playing is.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PlayStatus {
    file: String,
    /// Where in the log it is, in s from its beginning.
    position_s: f64,
    /// How often it was played to the end.
    rounds: u64,
    /// Events that were published.
    played: u64,
    /// Events that were not wanted.
    left_out: u64,
    /// Events that the bus cannot carry, or did not take.
    failed: u64,
    /// Places of the log that are damaged, as far as it was played.
    damaged_places: u64,
    damaged_bytes: u64,
    is_over: bool,
}

/// Why nothing is played.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("no log is given: set `file`")]
    NoFile,
    #[error("cannot open {file}: {source}")]
    Open { file: String, source: std::io::Error },
    #[error("wait_for: {0}")]
    Name(#[from] NameError),
    #[error("cannot start the thread that plays: {0}")]
    Thread(std::io::Error),
}

#[module]
impl LogPlayer {
    #[start]
    fn play(&mut self) -> Result<(), StartError> {
        let settings = self.config.clone();
        let file = settings.file.clone();
        if file.is_empty() {
            return Err(StartError::NoFile);
        }
        let log = LogReader::open(&file).map_err(|source| StartError::Open { file: file.clone(), source })?;
        let stage = Stage {
            selection: Selection::new(&settings.include, &settings.remap, settings.has_clock),
            out: self.context.raw_out().clone(),
            clock: settings.has_clock.then(|| self.clock.clone()),
            told_us: None,
        };
        let wait_for = settings.wait_for.iter().map(|name| self.named(name)).collect::<Result<_, _>>()?;
        let player = Player { context: self.context.clone(), settings, wait_for, log, stage };
        let (context, stay, progress) = (self.context.clone(), self.config.stay, Arc::clone(&self.progress));
        let work = move || {
            let outcome = player.play(&progress);
            progress.is_over.store(true, Ordering::Relaxed);
            tell_end(&file, &progress);
            match outcome {
                Err(error) => context.fail(format!("{file}: {error}")),
                Ok(()) if stay => {}
                Ok(()) => context.stop(),
            }
        };
        std::thread::Builder::new().name("log-player".to_owned()).spawn(work).map_err(StartError::Thread)?;
        Ok(())
    }

    /// How far playing is, and what could not be played.
    #[skill]
    fn status(&self) -> PlayStatus {
        let progress = &self.progress;
        let passed_us =
            progress.now_us.load(Ordering::Relaxed).saturating_sub(progress.start_us.load(Ordering::Relaxed));
        PlayStatus {
            file: self.config.file.clone(),
            position_s: passed_us.max(0) as f64 / 1e6,
            rounds: progress.rounds.load(Ordering::Relaxed),
            played: progress.played.load(Ordering::Relaxed),
            left_out: progress.left_out.load(Ordering::Relaxed),
            failed: progress.failed.load(Ordering::Relaxed),
            damaged_places: progress.damaged_places.load(Ordering::Relaxed),
            damaged_bytes: progress.damaged_bytes.load(Ordering::Relaxed),
            is_over: progress.is_over.load(Ordering::Relaxed),
        }
    }
}

impl LogPlayer {
    /// A module by its name: one with a namespace is meant as it stands, any other is beside this one.
    fn named(&self, name: &str) -> Result<Name, NameError> {
        if name.contains('/') { name.parse() } else { self.context.beside(name) }
    }
}

/// Logs what was played, and what was not.
fn tell_end(file: &str, progress: &Progress) {
    let (played, failed) = (progress.played.load(Ordering::Relaxed), progress.failed.load(Ordering::Relaxed));
    let places = progress.damaged_places.load(Ordering::Relaxed);
    let bytes = progress.damaged_bytes.load(Ordering::Relaxed);
    tracing::info!(file, played, "played");
    if failed > 0 {
        tracing::warn!(file, failed, "the bus did not take all events");
    }
    if places > 0 {
        tracing::warn!(file, places, bytes, "the log is damaged: what belongs to no event was passed over");
    }
}
