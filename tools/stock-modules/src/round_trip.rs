//! Tests of what is no I/O, together: a robot patrols a flat that it does not know, on the map that it makes of it on the way.

use std::time::Duration;

use lcm_types::nav_msgs::OccupancyGrid;

use crate::mapper::{Grid, LogOdds, Ray};
use crate::navigator::{self, GoError, Goal, Map, Pilot, State};
use crate::patrol::{self, Counts, Rounds, Stage};
use crate::plane::Place;
use crate::robot_sim::{self, Simulation};

const CELL_M: f64 = 0.05;

/// The graph of `launch/patrol.toml` without its processes.
struct Graph {
    simulation: Simulation,
    grid: Grid,
    pilot: Pilot,
    rounds: Rounds,
    /// Commands come to the robot so many steps after they were given.
    latency_steps: u64,
    is_mapper_away: bool,
    errors: Vec<GoError>,
    path_m: f64,
}

impl Graph {
    fn new(robot: &robot_sim::Settings, patrol: &patrol::Settings) -> Self {
        Self {
            simulation: Simulation::new(robot),
            grid: empty(),
            pilot: Pilot::new(&navigator::Settings::default()),
            rounds: Rounds::new(patrol),
            latency_steps: 0,
            is_mapper_away: false,
            errors: Vec::new(),
            path_m: 0.0,
        }
    }

    /// Lets it all run until the rounds are made. `at` is called each tenth of a second, with how many there were.
    fn run(&mut self, mut at: impl FnMut(&mut Self, u64)) {
        let mut under_way = std::collections::VecDeque::new();
        for step in 0_u64..MAX_STEPS {
            if under_way.front().is_some_and(|(due, _)| *due <= step) {
                let (_, speeds) = under_way.pop_front().unwrap();
                self.simulation.command(speeds).unwrap();
            }
            let from = self.simulation.place();
            self.simulation.step();
            let (now, place) = (self.simulation.now(), self.simulation.place());
            self.path_m += (place.x_m - from.x_m).hypot(place.y_m - from.y_m);
            self.pilot.add_odometry(now, stamp(now), self.simulation.odometry());
            if self.simulation.is_scan_due() {
                let rays = self.scan();
                if !self.is_mapper_away {
                    self.grid.draw(self.simulation.odometry(), &rays);
                }
                self.pilot.add_scan(now, stamp(now), rays);
            }
            if step % 50 == 49 && !self.is_mapper_away && self.grid.columns().1 > 0 {
                self.pilot.add_map(now, self.map());
            }
            if step % 5 == 0 {
                at(self, step / 5);
                self.patrol(now);
                if let Some(speeds) = self.steer(now) {
                    under_way.push_back((step + self.latency_steps + 1, speeds));
                }
                if self.rounds.stage() == Stage::Over {
                    return;
                }
            }
        }
        panic!("it does not end: {:?} {:?}, {:?}", self.rounds, self.pilot.progress(), self.errors);
    }

    fn patrol(&mut self, now: Duration) {
        if let Some(place) = self.rounds.next(now) {
            let goal = Goal { x_m: place.x_m, y_m: place.y_m, yaw_rad: place.yaw_rad };
            assert_eq!(self.pilot.go(goal), Ok(None));
        }
    }

    fn steer(&mut self, now: Duration) -> Option<robot_sim::Speeds> {
        let step = self.pilot.step(now);
        match step.outcome {
            Some(Ok(())) => self.rounds.arrived(now),
            Some(Err(error)) => {
                self.rounds.failed(now, error.to_string());
                self.errors.push(error);
            }
            None => {}
        }
        step.command
    }

    fn scan(&mut self) -> Vec<Ray> {
        let (first_rad, between_rad) = (self.simulation.first_beam_rad(), self.simulation.between_beams_rad());
        let ray = |(beam, range_m): (usize, f32)| Ray {
            angle_rad: first_rad + beam as f64 * between_rad,
            length_m: f64::from(range_m).min(8.0),
            is_hit: range_m.is_finite(),
        };
        self.simulation.scan().into_iter().enumerate().map(ray).collect()
    }

    fn map(&self) -> Map {
        let ((left, width), (bottom, height)) = (self.grid.columns(), self.grid.rows());
        let mut message = OccupancyGrid { data: self.grid.occupancy(), ..OccupancyGrid::default() };
        message.info.resolution = 0.05;
        (message.info.width, message.info.height) = (i32::try_from(width).unwrap(), i32::try_from(height).unwrap());
        message.info.origin = Place::new(left as f64 * CELL_M, bottom as f64 * CELL_M, 0.0).into();
        Map::try_from(&message).unwrap()
    }

    /// How far the robot is from where it started.
    fn homeward_m(&self) -> f64 {
        let (place, start) = (self.simulation.place(), robot_sim::Settings::default().start);
        (place.x_m - start.x_m).hypot(place.y_m - start.y_m)
    }
}

fn empty() -> Grid {
    Grid::new(CELL_M, 100.0, LogOdds::default())
}

fn stamp(now: Duration) -> i64 {
    i64::try_from(now.as_nanos()).unwrap()
}

fn one_round() -> patrol::Settings {
    patrol::Settings { rounds: 1, ..patrol::Settings::default() }
}

/// The last two rooms only.
fn one_short_round() -> patrol::Settings {
    let mut settings = one_round();
    settings.waypoints.drain(..3);
    settings
}

fn all_of(settings: &patrol::Settings) -> Counts {
    Counts { rounds: 1, visited: settings.waypoints.len() as u64, homecomings: 1, ..Counts::default() }
}

/// A quarter of an hour.
const MAX_STEPS: u64 = 45_000;

fn robot(seed: u64) -> robot_sim::Settings {
    robot_sim::Settings { seed, ..robot_sim::Settings::default() }
}

/// Makes a round with each of these seeds, and bumps into nothing.
fn make_rounds(
    seeds: std::ops::Range<u64>,
    patrol: &patrol::Settings,
    settings: impl Fn(u64) -> robot_sim::Settings,
    latency_steps: u64,
) {
    for seed in seeds {
        let mut graph = Graph { latency_steps, ..Graph::new(&settings(seed), patrol) };
        graph.run(|_, _| {});
        assert_eq!(graph.simulation.collisions(), 0, "seed {seed}");
        assert_eq!((graph.rounds.counts(), &graph.errors), (all_of(patrol), &Vec::new()), "seed {seed}");
        // Home is where the odometry says it is.
        assert!(graph.homeward_m() < 0.3 && graph.simulation.odometry().x_m.abs() < 0.15, "seed {seed}");
        // To the other end and back are 10 m at least, and 4 m more by each room; nor is it twice that.
        let least_m = 10.0 + 4.0 * patrol.waypoints.len() as f64;
        assert!((least_m..2.0 * least_m).contains(&graph.path_m), "seed {seed}: {} m", graph.path_m);
    }
}

#[test]
fn a_patrol_visits_every_room_and_comes_home_without_a_bump() {
    make_rounds(1..11, &one_round(), robot, 0);
}

#[test]
fn so_it_does_with_ten_more_seeds_in_a_short_round() {
    make_rounds(11..21, &one_short_round(), robot, 0);
}

#[test]
fn so_it_does_where_the_wheels_slip_and_the_laser_is_worse() {
    let slipping = |seed| {
        let mut settings = robot_sim::Settings { odometry_noise: 0.005, ..robot(seed) };
        settings.laser.noise_m = 0.02;
        settings
    };
    make_rounds(21..25, &one_round(), slipping, 0);
}

#[test]
fn so_it_does_where_commands_come_late() {
    // By half a second, as on a machine that has no time for them.
    make_rounds(25..28, &one_round(), robot, 25);
}

#[test]
fn the_same_seed_gives_the_same_round() {
    let end = |seed| {
        let mut graph = Graph::new(&robot(seed), &one_short_round());
        graph.run(|_, _| {});
        (graph.simulation.place(), graph.simulation.now(), graph.path_m)
    };
    assert_eq!(end(1), end(1));
    assert_ne!(end(1), end(2));
}

#[test]
fn with_the_mapper_lost_on_the_way_the_robot_waits_and_finds_its_way_on_an_empty_map() {
    let mut graph = Graph::new(&robot(1), &one_round());
    let mut waited = 0;
    graph.run(|graph, tenths| {
        // It is away for eight seconds, time and again, and has forgotten everything when it is back.
        let is_away = tenths % 300 >= 220;
        if std::mem::replace(&mut graph.is_mapper_away, is_away) && !is_away {
            graph.grid = empty();
        }
        waited += u64::from(graph.pilot.progress().state == State::Waiting);
    });
    assert_eq!((graph.simulation.collisions(), graph.rounds.counts()), (0, all_of(&one_round())));
    // Its map may be 5 s old.
    assert!(waited > 20, "{waited}");
}

#[test]
fn a_place_that_no_way_leads_to_is_skipped_and_the_others_are_visited() {
    let mut settings = one_round();
    settings.waypoints.truncate(2);
    // Behind the walls of the flat, which the robot has to find first.
    (settings.waypoints[0].x_m, settings.waypoints[0].y_m, settings.tries) = (-1.5, 6.0, 1);
    let mut graph = Graph::new(&robot(1), &settings);
    graph.run(|_, _| {});
    let expected = Counts { rounds: 1, visited: 1, homecomings: 1, failures: 1, skipped: 1, interruptions: 0 };
    assert_eq!((graph.simulation.collisions(), graph.rounds.counts()), (0, expected), "{:?}", graph.errors);
}
