//! How to drive: along a path, and into nothing.

use super::costs::{Costs, Point};
use super::settings::{Clearance, Driving};
use crate::plane::{Place, normalized};
use crate::robot_sim::Speeds;

/// A path, and how far along it the robot is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Track {
    points: Vec<Point>,
    /// The point that the robot was nearest to.
    nearest: usize,
}

/// What is to be kept away from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Obstacles<'a> {
    /// What the map shows.
    pub(super) costs: &'a Costs,
    /// What the laser sees.
    pub(super) seen: &'a [Point],
    pub(super) clearance: Clearance,
}

impl Track {
    pub(super) fn new(points: Vec<Point>) -> Self {
        Self { points, nearest: 0 }
    }

    /// The robot has come to a place. Returns how far it is to the end of the path, along it.
    pub(super) fn advance(&mut self, place: Place, driving: &Driving) -> f64 {
        let here = (place.x_m, place.y_m);
        // Only so far ahead as it can have come, so that nothing is left out where a path comes near to itself.
        let reach_m = AHEAD_M + 2.0 * driving.max_speed_mps / driving.rate_hz;
        let (mut nearest_m, mut way_m) = (f64::INFINITY, 0.0);
        let first = self.nearest;
        for index in first..self.points.len() {
            if index > first {
                way_m += distance(self.points[index - 1], self.points[index]);
            }
            // The next point may be a large cell away.
            if index > first + 1 && way_m > reach_m {
                break;
            }
            let point_m = distance(here, self.points[index]);
            if point_m < nearest_m {
                (self.nearest, nearest_m) = (index, point_m);
            }
        }
        let left = self.points.get(self.nearest..).unwrap_or_default();
        let to_path = left.first().map_or(0.0, |first| distance(here, *first));
        to_path + left.windows(2).map(|two| distance(two[0], two[1])).sum::<f64>()
    }

    /// Where the path ends.
    pub(super) fn end(&self) -> Option<Point> {
        self.points.last().copied()
    }

    /// The point to drive to next: the furthest that is near enough and straight ahead of the robot.
    fn target(&self, place: Place, look_ahead_m: f64, costs: &Costs) -> Option<Point> {
        let here = (place.x_m, place.y_m);
        let ahead = self.points.get(self.nearest + 1..).unwrap_or_default();
        let mut target = ahead.first().or(self.points.last()).copied()?;
        let mut way_m = 0.0;
        for two in ahead.windows(2) {
            way_m += distance(two[0], two[1]);
            if way_m > look_ahead_m || !costs.is_line_clear(here, two[1]) {
                break;
            }
            target = two[1];
        }
        Some(target)
    }
}

/// The speeds by which the robot follows a track. `before_mps` is how fast it drives.
pub(super) fn follow(
    track: &Track,
    place: Place,
    before_mps: f64,
    driving: &Driving,
    obstacles: &Obstacles<'_>,
) -> Speeds {
    let target = track.target(place, driving.look_ahead_m, obstacles.costs);
    let (Some(target), Some(end)) = (target, track.end()) else { return Speeds::default() };
    let turn_radps = turning(place, heading(place, target), driving);
    let aside_rad = normalized(heading(place, target) - place.yaw_rad).abs();
    // It turns on the spot first if it looks elsewhere.
    let ahead = (1.0 - aside_rad / TURN_FIRST_RAD).max(0.0);
    let to_end_m = distance((place.x_m, place.y_m), end);
    let wanted_mps = (driving.max_speed_mps * ahead)
        .min(before_mps.max(0.0) + driving.acceleration_mps2 / driving.rate_hz)
        .min(APPROACH_PER_S * to_end_m)
        .min(SEEN_M / driving.stopping_s);
    let is_free = |part: &f64| {
        obstacles.is_free(place, Speeds { forward_mps: wanted_mps * part, turn_radps }, driving.stopping_s)
    };
    let part = PARTS.into_iter().find(is_free).unwrap_or(0.0);
    Speeds { forward_mps: wanted_mps * part, turn_radps }
}

/// How fast to turn to look somewhere.
pub(super) fn turning(place: Place, to_rad: f64, driving: &Driving) -> f64 {
    (TURN_PER_S * normalized(to_rad - place.yaw_rad)).clamp(-driving.max_turn_radps, driving.max_turn_radps)
}

impl Obstacles<'_> {
    /// Whether the robot can drive like this for so long. Where it is too near to something already, it may drive away from it.
    fn is_free(&self, from: Place, speeds: Speeds, time_s: f64) -> bool {
        if speeds.forward_mps == 0.0 {
            return true;
        }
        let way_m = speeds.forward_mps.abs() * time_s;
        // Neither a cell nor the robot's own size is passed over.
        let part_m = PART_M.min(self.costs.cell_m()).min(self.clearance.least_m());
        let parts = (way_m / part_m).ceil().max(1.0);
        let reach_m = way_m + self.clearance.needed_m();
        let near: Vec<Point> =
            self.seen.iter().filter(|point| distance(**point, (from.x_m, from.y_m)) < reach_m).copied().collect();
        let mut before = self.room(from, &near);
        let (piece_m, piece_rad) = (speeds.forward_mps * time_s / parts, speeds.turn_radps * time_s / parts);
        let mut place = from;
        let mut part = 0.0;
        while part < parts {
            place = place.compose(Place::new(piece_m, 0.0, piece_rad));
            let room = self.room(place, &near);
            if room < 0.0 && room < before {
                return false;
            }
            before = room;
            part += 1.0;
        }
        true
    }

    /// How much further obstacles are than they have to be; negative if one is too near.
    fn room(&self, place: Place, near: &[Point]) -> f64 {
        let here = (place.x_m, place.y_m);
        let seen_m = near.iter().map(|point| distance(*point, here)).fold(f64::INFINITY, f64::min);
        // A cell's edge is nearer than its middle.
        let mapped_m = self.costs.clearance_at(here) - self.costs.cell_m() / 2.0;
        seen_m.min(mapped_m) - self.clearance.least_m()
    }
}

/// The direction from a place to a point.
fn heading(place: Place, to: Point) -> f64 {
    (to.1 - place.y_m).atan2(to.0 - place.x_m)
}

pub(super) fn distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// How much slower it drives where it cannot drive as fast as it wants.
const PARTS: [f64; 6] = [1.0, 0.75, 0.5, 0.3, 0.15, 0.05];

/// Looking further aside than this it turns on the spot.
const TURN_FIRST_RAD: f64 = 0.8;

/// So much of what it looks aside it turns in a second, at most.
const TURN_PER_S: f64 = 2.0;

/// So much of the way to the end it drives in a second, at most.
const APPROACH_PER_S: f64 = 1.0;

/// So far the robot looks, in m: what the laser sees beyond is no obstacle for what it does, and no command leads further.
pub(super) const SEEN_M: f64 = 4.0;

/// Obstacles are looked for each time the robot has driven so far, at least, in m.
const PART_M: f64 = 0.04;

/// So much further along the path than it drives between two commands the robot may come, in m.
const AHEAD_M: f64 = 2.0;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::map::{Knowledge, Map};
    use super::super::plan::plan;
    use super::*;

    const CELL_M: f64 = 0.05;

    fn map(is_occupied: impl Fn(f64, f64) -> bool) -> Map {
        let knowledge = |index: usize| {
            let (x_m, y_m) = (((index % 100) as f64 + 0.5) * CELL_M, ((index / 100) as f64 + 0.5) * CELL_M);
            if is_occupied(x_m, y_m) { Knowledge::Occupied } else { Knowledge::Free }
        };
        let cells = (0..10_000).map(knowledge).collect();
        Map { cell_m: CELL_M, origin: (0.0, 0.0), width: 100, height: 100, cells }
    }

    /// Drives a track to its end with a command each tenth of a second; all the places on the way.
    fn driven(mut place: Place, points: Vec<Point>, costs: &Costs) -> Vec<Place> {
        let (driving, clearance) = (Driving::default(), Clearance::default());
        let (mut track, mut speeds, mut places) = (Track::new(points), Speeds::default(), vec![place]);
        while track.advance(place, &driving) > 0.1 && places.len() < 20_000 {
            let obstacles = Obstacles { costs, seen: &[], clearance };
            speeds = follow(&track, place, speeds.forward_mps, &driving, &obstacles);
            for _ in 0..10 {
                place = place.compose(Place::new(speeds.forward_mps / 100.0, 0.0, speeds.turn_radps / 100.0));
                places.push(place);
            }
        }
        places
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn the_robot_comes_to_the_end_of_a_path_and_touches_nothing(
            pillars in proptest::collection::vec((0.5..4.5, 0.5..4.5), 0..8), yaw_rad in -3.0..3.0,
        ) {
            let is_occupied = |x_m: f64, y_m: f64| {
                pillars.iter().any(|(x, y)| (x - x_m).abs().max((y - y_m).abs()) < 0.15)
            };
            let (map, from, to) = (map(is_occupied), Place::new(0.1, 0.1, yaw_rad), (4.9, 4.9));
            let costs = Costs::new(&map, &[], &[], Clearance::default()).unwrap();
            if let Ok(path) = plan(&costs, (from.x_m, from.y_m), to, 0.0, &mut 0) {
                let places = driven(from, path.points, &costs);
                let end = places.last().unwrap();
                prop_assert!(distance((end.x_m, end.y_m), to) < 0.2, "{end:?}");
                for place in places {
                    // Half a cell's diagonal is between a cell's middle and its corner.
                    let room_m = costs.clearance_at((place.x_m, place.y_m));
                    prop_assert!(room_m > 0.2 + 0.036, "{room_m} m at {place:?}");
                }
            }
        }
    }

    #[test]
    fn what_the_laser_sees_ahead_stops_the_robot_and_what_is_behind_does_not() {
        let costs = Costs::new(&map(|_, _| false), &[], &[], Clearance::default()).unwrap();
        let (track, driving) = (Track::new(vec![(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)]), Driving::default());
        let speed = |seen: &[Point]| {
            let obstacles = Obstacles { costs: &costs, seen, clearance: Clearance::default() };
            follow(&track, Place::new(1.0, 1.0, 0.0), 0.5, &driving, &obstacles).forward_mps
        };
        assert!(speed(&[]) > 0.5);
        assert!(speed(&[(1.5, 1.0)]) < 0.4 && speed(&[(1.5, 1.0)]) > 0.1);
        // Nearer than it may be, ahead and behind.
        assert_eq!(speed(&[(1.22, 1.0)]), 0.0);
        assert!(speed(&[(0.78, 1.0)]) > 0.5);
    }

    #[test]
    fn nothing_lies_between_where_a_fast_robot_looks() {
        let driving = Driving { max_speed_mps: 10.0, acceleration_mps2: 100.0, stopping_s: 60.0, ..Driving::default() };
        let clearance = Clearance { radius_m: 0.01, margin_m: 0.0, ..Clearance::default() };
        let costs = Costs::new(&map(|_, _| false), &[], &[], clearance).unwrap();
        let track = Track::new((0..100).map(|point| (f64::from(point) * CELL_M, 1.0)).collect());
        let speed = |seen: &[Point]| {
            let obstacles = Obstacles { costs: &costs, seen, clearance };
            follow(&track, Place::new(0.5, 1.0, 0.0), 10.0, &driving, &obstacles).forward_mps
        };
        // As fast as leads as far as it sees.
        assert_eq!(speed(&[]) * 60.0, SEEN_M);
        for centimetres in 5_u32..200 {
            let ahead_m = f64::from(centimetres) / 100.0;
            assert!(speed(&[(0.5 + ahead_m, 1.0)]) * 60.0 < ahead_m, "{ahead_m}");
        }
    }

    #[test]
    fn a_track_is_come_on_by_metres_whatever_the_cells_are() {
        let driving = Driving::default();
        for cell_m in [0.005, 0.05, 10.0] {
            let mut track = Track::new((0..2000).map(|point| (f64::from(point) * cell_m, 0.0)).collect());
            let end_m = 1999.0 * cell_m;
            assert!((track.advance(Place::new(1.9, 0.0, 0.0), &driving) - (end_m - 1.9)).abs() < 4.0, "{cell_m}");
            // What lies further along than it can have come is not taken for where it is.
            let ahead_m = 1.9 + 100.0_f64.max(cell_m * 2.0);
            let left_m = track.advance(Place::new(ahead_m, 0.0, 0.0), &driving);
            assert!(left_m > end_m - 1.9 - 2.5 - cell_m, "{cell_m}: {left_m}");
        }
        let mut fast = Track::new((0..2000).map(|point| (f64::from(point) * 0.05, 0.0)).collect());
        let driving = Driving { max_speed_mps: 10.0, rate_hz: 1.0, ..driving };
        assert!((fast.advance(Place::new(10.0, 0.0, 0.0), &driving) - 89.95).abs() < 0.1);
    }

    #[test]
    fn a_robot_that_looks_elsewhere_turns_first() {
        let costs = Costs::new(&map(|_, _| false), &[], &[], Clearance::default()).unwrap();
        let obstacles = Obstacles { costs: &costs, seen: &[], clearance: Clearance::default() };
        let track = Track::new(vec![(2.0, 1.0), (1.5, 1.0), (1.0, 1.0)]);
        let speeds = follow(&track, Place::new(2.0, 1.0, 1.0), 0.0, &Driving::default(), &obstacles);
        assert!(speeds.forward_mps == 0.0 && speeds.turn_radps > 1.0, "{speeds:?}");
        let nowhere = follow(&Track::new(Vec::new()), Place::default(), 0.0, &Driving::default(), &obstacles);
        assert_eq!(nowhere, Speeds::default());
    }
}
