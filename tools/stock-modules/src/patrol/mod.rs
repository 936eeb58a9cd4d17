//! `patrol`: has a robot visit places, by a navigator.
//!
//! Which place is next is decided in the file `rounds.rs`; here the navigator is called, and its answers are heard.

mod rounds;
mod settings;

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
    /// What the last failure or interruption was.
    last_error: Option<String>,
}

#[module]
impl Patrol {
    #[every(hz = 10)]
    fn walk(&mut self) {
        let now = self.now();
        if self.trip.is_some() {
            self.listen(now);
        } else if let Some(place) = self.rounds.next(now).cloned() {
            tracing::info!(to = place.name, x_m = place.x_m, y_m = place.y_m, "setting out");
            match self.navigator.go_to(place.x_m, place.y_m, place.yaw_rad) {
                Ok(trip) => self.trip = Some(trip),
                Err(error) => self.fail(now, &error),
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
        let RpcError::Handler { data, .. } = error else {
            tracing::warn!(place, %error, "the navigator is away");
            return self.rounds.interrupted(now, why);
        };
        let code = data.as_ref().and_then(|data| data["code"].as_str());
        if matches!(code, Some("displaced" | "halted")) {
            tracing::warn!(place, %error, "somebody else steers: the patrol pauses until it is told to resume");
            return self.rounds.pause();
        }
        if self.rounds.failed(now, why) {
            tracing::warn!(place, %error, "the place is skipped");
        } else {
            tracing::warn!(place, %error, "the place is tried again");
        }
    }
}
