//! `patrol`: has a robot visit places, by a navigator.
//!
//! Which place is next is decided in the file `rounds.rs`; here the navigator is called, and its answers are heard.

mod rounds;
mod settings;

use std::thread::JoinHandle;
use std::time::Duration;

use dimos::{Clock, Module, Ref, RpcError, Stream, interface, module};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::navigator::Progress;
pub(crate) use rounds::{Counts, Rounds, Stage};
pub(crate) use settings::Settings;
use settings::Waypoint;

/// Brings a robot to places.
#[interface]
trait GoTo {
    /// Drives to a place, and tells how far it is until it has arrived. Cancelling the call makes the robot stand still.
    ///
    /// # Errors
    /// If the robot does not come there.
    fn go_to(&self, x_m: f64, y_m: f64, yaw_rad: Option<f64>) -> Result<Stream<Progress>, RpcError>;
}

/// Has a robot visit places by a navigator, round after round, and come home at the end of each.
///
/// A place that the navigator gives up is tried again, and then skipped. While there is no navigator, it is waited for. When somebody
/// else gives the navigator a goal, or halts it, the patrol pauses.
#[derive(Module)]
pub(crate) struct Patrol {
    /// Who brings the robot to places.
    navigator: Ref<dyn GoTo>,
    clock: Clock,
    config: Settings,
    #[init(Rounds::new(&config))]
    rounds: Rounds,
    /// Calls the navigator, and may have to look for it first: nobody else waits for that.
    calling: Option<JoinHandle<Result<Stream<Progress>, RpcError>>>,
    trip: Option<Stream<Progress>>,
    progress: Option<Progress>,
}

/// How a patrol fares.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PatrolStatus {
    stage: Stage,
    /// The place that is next, or that the robot is on its way to.
    next: Waypoint,
    /// What the navigator says of the way there.
    progress: Option<Progress>,
    /// How many places a round has, without home.
    waypoints: u64,
    #[serde(flatten)]
    counts: Counts,
    /// What the last failure or interruption was, or why the patrol has paused by itself.
    last_error: Option<String>,
}

#[module]
impl Patrol {
    #[every(hz = 10)]
    fn walk(&mut self) {
        let now = self.now();
        if let Some(calling) = self.calling.take() {
            self.answered(now, calling);
        } else if self.trip.is_some() {
            self.listen(now);
        } else if let Some(place) = self.rounds.next(now).cloned() {
            tracing::info!(to = place.name, x_m = place.x_m, y_m = place.y_m, "setting out");
            let navigator = self.navigator.clone();
            let call = move || navigator.go_to(place.x_m, place.y_m, place.yaw_rad);
            match std::thread::Builder::new().name("patrol-call".to_owned()).spawn(call) {
                Ok(calling) => self.calling = Some(calling),
                Err(error) => self.rounds.interrupted(now, format!("no thread to call the navigator: {error}")),
            }
        }
    }

    /// Which place is next, what was visited, and what could not be reached.
    #[skill]
    fn status(&self) -> PatrolStatus {
        PatrolStatus {
            stage: self.rounds.stage(),
            next: self.rounds.stop().clone(),
            progress: self.progress.clone(),
            waypoints: self.config.waypoints.len() as u64,
            counts: self.rounds.counts(),
            last_error: self.rounds.last_error().map(str::to_owned),
        }
    }

    /// Makes the robot stand still, until the patrol is told to resume.
    #[skill]
    fn pause(&mut self) {
        self.rounds.pause();
        // That cancels the call.
        (self.trip, self.progress) = (None, None);
    }

    /// Goes on to the place that was next; after the last round, begins anew.
    #[skill]
    fn resume(&mut self) {
        self.rounds.resume();
    }
}

impl Patrol {
    fn now(&self) -> Duration {
        self.clock.now().unwrap_or_default()
    }

    /// The navigator is called, or was not found.
    fn answered(&mut self, now: Duration, calling: JoinHandle<Result<Stream<Progress>, RpcError>>) {
        if !calling.is_finished() {
            self.calling = Some(calling);
            return;
        }
        let Ok(called) = calling.join() else {
            return self.rounds.interrupted(now, "the call of the navigator panicked".to_owned());
        };
        // If the patrol was paused meanwhile, dropping the call cancels it.
        if self.rounds.stage() == Stage::Travelling {
            match called {
                Ok(trip) => self.trip = Some(trip),
                Err(error) => self.fail(now, &error),
            }
        }
    }

    /// Hears what the navigator says of the way.
    fn listen(&mut self, now: Duration) {
        let Some(trip) = &mut self.trip else { return };
        let mut outcome = Ok(());
        while let Some(said) = trip.next_within(Duration::ZERO) {
            match said {
                Ok(progress) => self.progress = Some(progress),
                Err(error) => outcome = Err(error),
            }
        }
        if trip.is_over() {
            (self.trip, self.progress) = (None, None);
            match outcome {
                Err(error) => self.fail(now, &error),
                Ok(()) => {
                    tracing::info!(at = self.rounds.stop().name, "arrived");
                    self.rounds.arrived(now);
                }
            }
        }
    }

    fn fail(&mut self, now: Duration, error: &RpcError) {
        let place = self.rounds.stop().name.clone();
        let why = format!("{place}: {error}");
        if is_absence(error) {
            tracing::warn!(place, %error, "the navigator is away");
            return self.rounds.interrupted(now, why);
        }
        if is_displacement(error) {
            tracing::warn!(place, %error, "somebody else steers: the patrol pauses until it is told to resume");
            return self.rounds.displaced(why);
        }
        if self.rounds.failed(now, why) {
            tracing::warn!(place, %error, "the place is skipped");
        } else {
            tracing::warn!(place, %error, "the place is tried again");
        }
    }
}

/// Whether the navigator is not there, or was lost on the way. Whatever else is wrong does not pass by itself.
fn is_absence(error: &RpcError) -> bool {
    matches!(
        error,
        RpcError::NoSuchProcess { .. }
            | RpcError::NotSent
            | RpcError::OutcomeUnknown
            | RpcError::Left { .. }
            | RpcError::Displaced
            | RpcError::Stopping
            | RpcError::Deadline { .. }
            | RpcError::Idle { .. }
    )
}

/// Whether somebody else has given the navigator a goal, or has halted it.
fn is_displacement(error: &RpcError) -> bool {
    let RpcError::Handler { data: Some(data), .. } = error else { return false };
    matches!(data["code"].as_str(), Some("displaced" | "halted"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(code: &str) -> RpcError {
        RpcError::Handler { message: code.to_owned(), data: Some(json!({ "code": code })) }
    }

    #[test]
    fn only_who_is_gone_is_away() {
        let gone = [
            RpcError::NoSuchProcess { waited: Duration::from_secs(2) },
            RpcError::NotSent,
            RpcError::OutcomeUnknown,
            RpcError::Left { sent: true },
            RpcError::Displaced,
            RpcError::Stopping,
            RpcError::Deadline { acknowledged: true },
            RpcError::Idle { limit: Duration::from_secs(3) },
        ];
        assert!(gone.iter().all(|error| is_absence(error) && !is_displacement(error)));
        let there = [
            RpcError::Panic { message: "index out of bounds".to_owned() },
            RpcError::BadArguments { message: "x_m is missing".to_owned(), data: None },
            RpcError::UnknownMethod { method: "go_to".to_owned() },
            RpcError::ContractMismatch { caller: "a".to_owned(), callee: "b".to_owned() },
            RpcError::Handler { message: "no".to_owned(), data: None },
            told("no_path"),
        ];
        assert!(there.iter().all(|error| !is_absence(error) && !is_displacement(error)));
        assert!(["displaced", "halted"].into_iter().map(told).all(|error| is_displacement(&error)));
    }
}
