//! Rounds: which place is next, what was visited, and what could not be reached.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{Settings, Waypoint};

/// Where a patrol is. All times are of one clock.
#[derive(Debug)]
pub(crate) struct Rounds {
    settings: Settings,
    /// The stop that is next, or that the robot is on its way to: a waypoint, or behind the last one home.
    stop: usize,
    stage: Stage,
    /// How often the stop was tried in vain.
    tries: u64,
    /// When it goes on, and when that was decided.
    wait: Option<Wait>,
    counts: Counts,
    last_error: Option<String>,
}

/// What a patrol does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    /// It stays where it is for a while.
    Resting,
    /// It is on its way.
    Travelling,
    /// It goes on when it is told to.
    Paused,
    /// All rounds are made.
    Over,
}

/// What has come of a patrol so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Counts {
    /// Rounds that are made.
    pub(crate) rounds: u64,
    /// Places that were visited, home not among them.
    pub(crate) visited: u64,
    /// How often it has come home.
    pub(crate) homecomings: u64,
    /// Tries that came to nothing: the navigator gave up, or could not be asked.
    pub(crate) failures: u64,
    /// Places that were skipped, as they could not be reached.
    pub(crate) skipped: u64,
    /// How often the navigator was away.
    pub(crate) interruptions: u64,
}

#[derive(Debug, Clone, Copy)]
struct Wait {
    since: Duration,
    until: Duration,
}

impl Rounds {
    pub(crate) fn new(settings: &Settings) -> Self {
        let stage = if settings.begins_paused { Stage::Paused } else { Stage::Resting };
        let (settings, counts) = (settings.clone(), Counts::default());
        Self { settings, stop: 0, stage, tries: 0, wait: None, counts, last_error: None }
    }

    /// Where to set out for, if it is time.
    pub(crate) fn next(&mut self, now: Duration) -> Option<&Waypoint> {
        // A clock that went back, as a simulation's does that was started again, has nothing to wait for.
        let waits = self.wait.is_some_and(|wait| wait.since <= now && now < wait.until);
        if self.stage != Stage::Resting || waits {
            return None;
        }
        (self.stage, self.wait) = (Stage::Travelling, None);
        Some(self.stop())
    }

    /// The robot has come to where it was to go.
    pub(crate) fn arrived(&mut self, now: Duration) {
        if self.stage == Stage::Travelling {
            if self.is_home() {
                self.counts.homecomings += 1;
            } else {
                self.counts.visited += 1;
            }
            self.advance(now);
        }
    }

    /// The navigator says that it did not come there. Whether the place is skipped.
    pub(crate) fn failed(&mut self, now: Duration, why: String) -> bool {
        if self.stage != Stage::Travelling {
            return false;
        }
        self.counts.failures += 1;
        self.tries += 1;
        self.last_error = Some(why);
        let is_skipped = self.tries >= self.settings.tries;
        if is_skipped {
            self.counts.skipped += 1;
            self.advance(now);
        } else {
            self.rest(now, self.settings.between_tries_s);
        }
        is_skipped
    }

    /// The navigator is away: the place is tried again, however often that happens.
    pub(crate) fn interrupted(&mut self, now: Duration, why: String) {
        if self.stage == Stage::Travelling {
            self.counts.interruptions += 1;
            self.last_error = Some(why);
            self.rest(now, self.settings.between_tries_s);
        }
    }

    /// Somebody else steers: pauses, and keeps why.
    pub(crate) fn displaced(&mut self, why: String) {
        if self.stage == Stage::Travelling {
            self.last_error = Some(why);
            self.pause();
        }
    }

    /// Stays where it is, until [`Rounds::resume`].
    pub(crate) fn pause(&mut self) {
        if self.stage != Stage::Over {
            self.stage = Stage::Paused;
        }
    }

    /// Goes on; if all rounds were made, begins anew.
    pub(crate) fn resume(&mut self) {
        match self.stage {
            Stage::Paused => (self.stage, self.wait) = (Stage::Resting, None),
            Stage::Over => *self = Self::new(&Settings { begins_paused: false, ..self.settings.clone() }),
            Stage::Resting | Stage::Travelling => {}
        }
    }

    pub(crate) fn stage(&self) -> Stage {
        self.stage
    }

    /// The place that is next, or that the robot is on its way to.
    pub(crate) fn stop(&self) -> &Waypoint {
        self.settings.waypoints.get(self.stop).unwrap_or(&self.settings.home)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    pub(crate) fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }

    fn is_home(&self) -> bool {
        self.stop >= self.settings.waypoints.len()
    }

    fn advance(&mut self, now: Duration) {
        self.tries = 0;
        if self.is_home() {
            self.stop = 0;
            self.counts.rounds += 1;
            if self.counts.rounds == self.settings.rounds {
                self.stage = Stage::Over;
                return;
            }
        } else {
            self.stop += 1;
        }
        self.rest(now, self.settings.pause_s);
    }

    fn rest(&mut self, now: Duration, time_s: f64) {
        let time = Duration::try_from_secs_f64(time_s).unwrap_or(Duration::MAX);
        (self.stage, self.wait) = (Stage::Resting, Some(Wait { since: now, until: now.saturating_add(time) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(rounds: u64) -> Settings {
        let place = |name: &str| Waypoint { name: name.to_owned(), x_m: 1.0, y_m: 2.0, yaw_rad: None };
        Settings { waypoints: vec![place("a"), place("b")], home: place("home"), rounds, ..Settings::default() }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn next(rounds: &mut Rounds, now_s: u64) -> Option<String> {
        rounds.next(seconds(now_s)).map(|place| place.name.clone())
    }

    #[test]
    fn each_round_visits_all_places_and_ends_at_home() {
        let mut rounds = Rounds::new(&settings(2));
        let mut visited = Vec::new();
        for now_s in 0..20 {
            if let Some(name) = next(&mut rounds, now_s) {
                visited.push(name);
                assert_eq!(next(&mut rounds, now_s), None);
                rounds.arrived(seconds(now_s));
            }
        }
        assert_eq!(visited, ["a", "b", "home", "a", "b", "home"]);
        assert_eq!(rounds.stage(), Stage::Over);
        assert_eq!(rounds.counts(), Counts { rounds: 2, visited: 4, homecomings: 2, ..Counts::default() });
        rounds.resume();
        assert_eq!(next(&mut rounds, 20).as_deref(), Some("a"));
    }

    #[test]
    fn a_place_that_cannot_be_reached_is_tried_again_and_then_skipped() {
        let mut rounds = Rounds::new(&settings(0));
        let mut tries = Vec::new();
        for now_s in 0..9 {
            if let Some(name) = next(&mut rounds, now_s) {
                tries.push((now_s, name));
                rounds.failed(seconds(now_s), "no path".to_owned());
            }
        }
        let tried: Vec<_> = tries.iter().map(|(now_s, name)| (*now_s, name.as_str())).collect();
        assert_eq!(tried, [(0, "a"), (2, "a"), (4, "a"), (5, "b"), (7, "b")]);
        assert_eq!(rounds.counts(), Counts { failures: 5, skipped: 1, ..Counts::default() });
        assert_eq!(rounds.last_error(), Some("no path"));
    }

    #[test]
    fn a_navigator_that_is_away_is_waited_for_however_long() {
        let mut rounds = Rounds::new(&settings(1));
        for now_s in 0..100 {
            if let Some(name) = next(&mut rounds, now_s) {
                assert_eq!(name, "a");
                rounds.interrupted(seconds(now_s), "gone".to_owned());
            }
        }
        assert_eq!(rounds.counts(), Counts { interruptions: 50, ..Counts::default() });
    }

    #[test]
    fn who_pauses_goes_on_to_the_same_place() {
        let mut rounds = Rounds::new(&Settings { begins_paused: true, ..settings(1) });
        assert_eq!(next(&mut rounds, 0), None);
        rounds.resume();
        assert_eq!(next(&mut rounds, 1).as_deref(), Some("a"));
        rounds.pause();
        // What becomes of the way that was given up makes no difference.
        rounds.arrived(seconds(2));
        assert!(!rounds.failed(seconds(2), "cancelled".to_owned()));
        assert_eq!((next(&mut rounds, 3), rounds.stage()), (None, Stage::Paused));
        rounds.resume();
        assert_eq!(next(&mut rounds, 4).as_deref(), Some("a"));
        assert_eq!(rounds.counts(), Counts::default());
    }

    #[test]
    fn who_is_displaced_pauses_and_says_why() {
        let mut rounds = Rounds::new(&settings(1));
        rounds.displaced("what becomes of another way".to_owned());
        assert_eq!((rounds.stage(), rounds.last_error()), (Stage::Resting, None));
        let _ = next(&mut rounds, 0);
        rounds.displaced("a: halted".to_owned());
        assert_eq!((rounds.stage(), rounds.last_error()), (Stage::Paused, Some("a: halted")));
        assert_eq!(rounds.counts(), Counts::default());
    }

    #[test]
    fn a_clock_that_goes_back_keeps_nobody_waiting() {
        let mut rounds = Rounds::new(&settings(1));
        let _ = next(&mut rounds, 1000);
        rounds.arrived(seconds(1000));
        assert_eq!(next(&mut rounds, 1000), None);
        assert_eq!(next(&mut rounds, 3).as_deref(), Some("b"));
    }
}
