//! Tests of the pilot, whose robot does what it is told, mostly.

use lcm_types::nav_msgs::OccupancyGrid;
use proptest::prelude::*;

use super::super::map::Knowledge;
use super::super::settings::Driving;
use super::*;

/// What may come, whoever sends it.
#[derive(Debug, Clone)]
enum Event {
    Map(OccupancyGrid),
    Odometry(i64, Place),
    Scan(i64, Vec<Ray>),
    Goal(Goal),
    Time(Duration),
}

/// Numbers of which few make sense. What is far away is too far to be planned on, which would take its time.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![8 => -5.0..5.0, 1 => Just(-FAR_M), 1 => Just(FAR_M), 2 => any::<f64>()]
}

fn events() -> impl Strategy<Value = Event> {
    let percent = prop_oneof![4 => Just(0_i8), 1 => Just(100), 1 => Just(-1)];
    let cells = (1_i32..40, 1_i32..40).prop_flat_map(move |(width, height)| {
        let count = usize::try_from(width * height).unwrap();
        (Just(width), Just(height), proptest::collection::vec(percent.clone(), count))
    });
    let map = (cells, number(), number(), 0.05..0.5_f32).prop_map(|((width, height, data), x_m, y_m, cell_m)| {
        let mut map = OccupancyGrid { data, ..OccupancyGrid::default() };
        (map.info.width, map.info.height, map.info.resolution) = (width, height, cell_m);
        map.info.origin = Place::new(x_m, y_m, 0.0).into();
        Event::Map(map)
    });
    // The module lets nothing by that is no place.
    let place = (number(), number(), -4.0..4.0).prop_map(|(x_m, y_m, yaw_rad)| Place::new(x_m, y_m, yaw_rad));
    let place = place.prop_filter("a place", |place| place.x_m.abs() <= FAR_M && place.y_m.abs() <= FAR_M);
    let ray = (number(), 0.0..30.0, any::<bool>());
    let ray = ray.prop_map(|(angle_rad, length_m, is_hit)| Ray { angle_rad, length_m, is_hit });
    let goal = (number(), number(), proptest::option::of(number()));
    let seconds = prop_oneof![8 => 0.0..100.0, 1 => 0.0..1e18];
    prop_oneof![
        map,
        (any::<i64>(), place).prop_map(|(stamp_ns, place)| Event::Odometry(stamp_ns, place)),
        (any::<i64>(), proptest::collection::vec(ray, 0..50)).prop_map(|(stamp_ns, rays)| Event::Scan(stamp_ns, rays)),
        goal.prop_map(|(x_m, y_m, yaw_rad)| Event::Goal(Goal { x_m, y_m, yaw_rad })),
        seconds.prop_map(|seconds| Event::Time(Duration::from_secs_f64(seconds))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_comes_the_robot_is_told_nothing_that_it_cannot_do(
        events in proptest::collection::vec(events(), 0..60),
    ) {
        let mut settings = Settings::default();
        // So that it sometimes drives.
        (settings.patience.odometry_s, settings.patience.scan_s, settings.patience.map_s) = (1000.0, 0.0, 0.0);
        let (mut pilot, mut now) = (Pilot::new(&settings), Duration::ZERO);
        for event in events {
            match event {
                Event::Map(map) => if let Ok(map) = Map::try_from(&map) { pilot.add_map(now, map) },
                Event::Odometry(stamp_ns, place) => pilot.add_odometry(now, stamp_ns, place),
                Event::Scan(stamp_ns, rays) => pilot.add_scan(now, stamp_ns, rays),
                Event::Goal(goal) => drop(pilot.go(goal)),
                Event::Time(time) => now = time,
            }
            if let Some(Speeds { forward_mps, turn_radps }) = pilot.step(now).command {
                let Driving { max_speed_mps, max_turn_radps, .. } = settings.driving;
                prop_assert!((0.0..=max_speed_mps).contains(&forward_mps) && turn_radps.abs() <= max_turn_radps);
            }
        }
    }
}

/// A pilot in a hall of 6 m by 6 m of which all is known, and the robot, which does what it is told.
struct Hall {
    pilot: Pilot,
    place: Place,
    time_ms: u64,
    map: Map,
    /// What does not come.
    silent: Option<Missing>,
    is_stuck: bool,
    /// What the laser sees, from the robot.
    rays: Vec<Ray>,
    commands: Vec<Speeds>,
}

impl Hall {
    fn new(is_occupied: impl Fn(f64, f64) -> bool) -> Self {
        let knowledge = |index: usize| {
            let (x_m, y_m) = ((index % 60) as f64 / 10.0 - 1.0, (index / 60) as f64 / 10.0 - 3.0);
            if is_occupied(x_m + 0.05, y_m + 0.05) { Knowledge::Occupied } else { Knowledge::Free }
        };
        let cells = (0..3600).map(knowledge).collect();
        Self {
            pilot: Pilot::new(&Settings::default()),
            place: Place::default(),
            time_ms: 1000,
            map: Map { cell_m: 0.1, origin: (-1.0, -3.0), width: 60, height: 60, cells },
            silent: None,
            is_stuck: false,
            rays: Vec::new(),
            commands: Vec::new(),
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.time_ms)
    }

    /// A tenth of a second.
    fn step(&mut self) -> Step {
        self.time_ms += 100;
        let now = self.now();
        let stamp_ns = i64::try_from(now.as_nanos()).unwrap();
        if self.silent != Some(Missing::Odometry) {
            self.pilot.add_odometry(now, stamp_ns, self.place);
        }
        if self.silent != Some(Missing::Scan) {
            self.pilot.add_scan(now, stamp_ns, self.rays.clone());
        }
        if self.silent != Some(Missing::Map) && self.time_ms.is_multiple_of(1000) {
            self.pilot.add_map(now, self.map.clone());
        }
        let step = self.pilot.step(now);
        if let Some(speeds) = step.command {
            self.commands.push(speeds);
            if !self.is_stuck {
                let motion = Place::new(speeds.forward_mps / 10.0, 0.0, speeds.turn_radps / 10.0);
                self.place = self.place.compose(motion);
            }
        }
        step
    }

    fn steps(&mut self, count: u32) -> Vec<Step> {
        (0..count).map(|_| self.step()).collect()
    }

    /// Up to the end of the errand, for two minutes at most.
    fn outcome(&mut self) -> Result<(), GoError> {
        (0..1200).find_map(|_| self.step().outcome).expect("it ends")
    }

    fn go(&mut self, x_m: f64, y_m: f64) {
        assert_eq!(self.pilot.go(Goal { x_m, y_m, yaw_rad: None }), Ok(None));
    }

    fn stands_still(&self) -> bool {
        self.commands.last() == Some(&Speeds::default())
    }
}

#[test]
fn the_robot_comes_to_its_goal_and_looks_where_it_shall() {
    let mut hall = Hall::new(|_, _| false);
    assert_eq!(hall.pilot.go(Goal { x_m: 3.0, y_m: 1.0, yaw_rad: Some(-2.0) }), Ok(None));
    assert_eq!(hall.outcome(), Ok(()));
    assert!((hall.place.x_m - 3.0).hypot(hall.place.y_m - 1.0) < 0.15 && (hall.place.yaw_rad + 2.0).abs() < 0.1);
    assert!(hall.stands_still());
    // And then leaves the wheel to others.
    assert!(hall.step().command.is_none());
    assert_eq!(hall.pilot.progress().state, State::Idle);
}

#[test]
fn without_what_it_needs_the_robot_stands_still_and_goes_on_when_that_is_back() {
    for missing in [Missing::Odometry, Missing::Scan, Missing::Map] {
        let mut hall = Hall::new(|_, _| false);
        hall.go(4.0, 0.0);
        hall.steps(25);
        assert!(hall.pilot.progress().state == State::Driving && !hall.stands_still());
        hall.silent = Some(missing);
        hall.steps(70);
        assert_eq!(hall.pilot.progress().waits_for, Some(missing.to_string()));
        assert!(hall.pilot.progress().state == State::Waiting && hall.stands_still());
        hall.silent = None;
        assert_eq!(hall.outcome(), Ok(()));
    }
}

#[test]
fn what_never_comes_is_waited_for_so_long_and_named() {
    for (missing, code) in [(Missing::Odometry, "no_odometry"), (Missing::Scan, "no_scan"), (Missing::Map, "no_map")] {
        let mut hall = Hall::new(|_, _| false);
        hall.silent = Some(missing);
        hall.go(4.0, 0.0);
        let error = hall.outcome().unwrap_err();
        assert!(matches!(error, GoError::Missing { missing: of, waited_s } if of == missing && waited_s > 29.0));
        assert_eq!(error.code(), code);
        assert!(hall.stands_still());
    }
}

#[test]
fn where_no_way_leads_is_told() {
    let mut hall = Hall::new(|x_m, _| (2.0..2.1).contains(&x_m));
    // Beyond the map it could be gone around.
    hall.map.cells.iter_mut().enumerate().for_each(|(index, cell)| {
        if index % 60 % 59 == 0 || index / 60 % 59 == 0 {
            *cell = Knowledge::Occupied;
        }
    });
    hall.go(4.0, 0.0);
    let error = hall.outcome().unwrap_err();
    assert!(matches!(error, GoError::NoPath { source: PlanError::NoWay, .. }), "{error}");
    // Beside the wall it goes as near as it fits.
    hall.go(1.9, 0.0);
    assert_eq!(hall.outcome(), Ok(()));
    let mut hall = Hall::new(|x_m, _| x_m > 2.0);
    hall.go(3.0, 0.0);
    assert!(matches!(hall.outcome(), Err(GoError::NoPath { source: PlanError::GoalTaken, .. })));
}

#[test]
fn who_does_not_come_on_is_stuck_or_blocked() {
    let mut hall = Hall::new(|_, _| false);
    hall.is_stuck = true;
    hall.go(4.0, 0.0);
    assert!(matches!(hall.outcome(), Err(GoError::Stuck { .. })));
    // Whatever it does, the laser sees something just ahead; too near to be in the way of another path.
    let ray = |angle_rad| Ray { angle_rad, length_m: 0.21, is_hit: true };
    let mut hall = Hall::new(|_, _| false);
    hall.rays = (-30..=30).map(|beam| ray(f64::from(beam) / 10.0)).collect();
    hall.go(4.0, 0.0);
    let error = hall.outcome().unwrap_err();
    assert!(matches!(error, GoError::Blocked { .. } | GoError::NoPath { .. }), "{error}");
    assert!(hall.place.x_m.hypot(hall.place.y_m) < 0.05, "{:?}", hall.place);
}

#[test]
fn what_is_only_seen_is_driven_around() {
    // A box that is not in the map, of 0.4 m, around (2, 0).
    let mut hall = Hall::new(|_, _| false);
    hall.go(4.0, 0.0);
    let mut nearest_m = f64::INFINITY;
    let outcome = (0..1200).find_map(|_| {
        let edge = (-20..=20).flat_map(|part| {
            let along = f64::from(part) / 100.0;
            [(1.8, along), (2.2, along), (2.0 + along, -0.2), (2.0 + along, 0.2)]
        });
        let (x_m, y_m, yaw_rad) = (hall.place.x_m, hall.place.y_m, hall.place.yaw_rad);
        let ray = |(x, y): (f64, f64)| Ray {
            angle_rad: (y - y_m).atan2(x - x_m) - yaw_rad,
            length_m: (x - x_m).hypot(y - y_m),
            is_hit: true,
        };
        hall.rays = edge.map(ray).collect();
        nearest_m = hall.rays.iter().map(|ray| ray.length_m).fold(nearest_m, f64::min);
        hall.step().outcome
    });
    assert_eq!(outcome, Some(Ok(())));
    assert!(nearest_m > 0.22, "{nearest_m}");
}

#[test]
fn another_goal_takes_the_place_of_the_one_before() {
    let mut hall = Hall::new(|_, _| false);
    hall.go(4.0, 0.0);
    hall.steps(20);
    let displaced = hall.pilot.go(Goal { x_m: 0.0, y_m: 2.0, yaw_rad: None }).unwrap().unwrap();
    assert_eq!(displaced.to_string(), "displaced by another goal, (0, 2)");
    assert_eq!(hall.outcome(), Ok(()));
    assert!(hall.place.x_m.hypot(hall.place.y_m - 2.0) < 0.15);
    assert!(!hall.pilot.halt());
    hall.go(4.0, 0.0);
    assert!(hall.pilot.halt() && hall.step().command.is_none());
}

#[test]
fn goals_that_are_no_places_are_refused_and_change_nothing() {
    let mut hall = Hall::new(|_, _| false);
    hall.go(1.0, 0.0);
    for (x_m, yaw_rad) in [(f64::NAN, None), (f64::INFINITY, None), (1e9, None), (0.0, Some(f64::NAN))] {
        let refused = hall.pilot.go(Goal { x_m, y_m: 0.0, yaw_rad });
        assert!(matches!(refused, Err(GoError::Nowhere { .. })));
    }
    assert_eq!(hall.pilot.goal(), Some(Goal { x_m: 1.0, y_m: 0.0, yaw_rad: None }));
    // A place, but the map cannot be so large.
    hall.pilot.halt();
    hall.go(900_000.0, 0.0);
    let error = hall.outcome().unwrap_err();
    assert!(matches!(error, GoError::TooLarge { .. }) && error.code() == "too_large");
    assert!(
        error.to_string().contains("to (900000, 0): the map, the robot and the goal together take 900001 m"),
        "{error}"
    );
}

#[test]
fn a_clock_that_goes_back_begins_anew_and_the_goal_stays() {
    let mut hall = Hall::new(|_, _| false);
    hall.time_ms = 5_000_000;
    hall.go(4.0, 0.0);
    hall.steps(20);
    (hall.time_ms, hall.place) = (0, Place::default());
    hall.silent = Some(Missing::Map);
    hall.steps(3);
    assert_eq!(hall.pilot.progress().state, State::Waiting);
    hall.silent = None;
    assert_eq!(hall.outcome(), Ok(()));
    assert!((hall.place.x_m - 4.0).abs() < 0.15);
}

#[test]
fn a_map_that_does_not_change_outlives_a_clock_that_goes_back() {
    let mut hall = Hall::new(|_, _| false);
    hall.pilot.settings.patience.map_s = 0.0;
    hall.time_ms = 5_000_000;
    hall.go(4.0, 0.0);
    hall.steps(20);
    (hall.time_ms, hall.place, hall.silent) = (0, Place::default(), Some(Missing::Map));
    assert_eq!(hall.outcome(), Ok(()));
}

#[test]
fn a_path_that_is_not_found_is_looked_for_now_and_then() {
    let mut hall = Hall::new(|x_m, _| x_m > 2.0);
    hall.go(4.0, 0.0);
    let tries = (0..50).filter_map(|_| {
        hall.step();
        hall.pilot.errand.as_ref().and_then(|errand| errand.tried_at)
    });
    let mut tries: Vec<_> = tries.collect();
    tries.dedup();
    assert!((5..=17).contains(&tries.len()), "{tries:?}");
}

#[test]
fn the_longer_planning_takes_the_longer_it_rests_also_for_another_goal() {
    // A goal in a ring of walls, amid much that is unknown.
    let mut hall = Hall::new(|_, _| false);
    hall.map =
        Map { cell_m: 0.1, origin: (-1.0, -1.0), width: 400, height: 400, cells: vec![Knowledge::Unknown; 160_000] };
    for (index, cell) in hall.map.cells.iter_mut().enumerate() {
        if (index % 400).abs_diff(300).max((index / 400).abs_diff(300)) == 10 {
            *cell = Knowledge::Occupied;
        }
    }
    hall.pilot.add_map(hall.now(), hall.map.clone());
    hall.go(29.0, 29.0);
    hall.step();
    let rest = hall.pilot.rests_until.checked_sub(hall.now()).expect("it rests");
    assert!((0.3..0.5).contains(&rest.as_secs_f64()), "{rest:?}");
    assert!(hall.pilot.go(Goal { x_m: 1.0, y_m: 0.0, yaw_rad: None }).unwrap().is_some());
    hall.step();
    assert_eq!(hall.pilot.progress().state, State::Planning);
    assert_eq!(hall.outcome(), Ok(()));
}

#[test]
fn who_looks_for_a_path_is_not_stuck_for_that() {
    let mut hall = Hall::new(|_, _| false);
    hall.pilot.settings.patience.no_path_s = 100.0;
    hall.go(4.0, 0.0);
    hall.steps(20);
    let map = std::mem::replace(&mut hall.map, Hall::new(|x_m, _| x_m > 2.0).map);
    let steps = hall.steps(300);
    assert!(steps.iter().all(|step| step.outcome.is_none()) && hall.pilot.progress().state == State::Planning);
    hall.map = map;
    assert_eq!(hall.outcome(), Ok(()));
}

#[test]
fn who_waits_looks_for_no_path() {
    let mut hall = Hall::new(|x_m, _| x_m > 2.0);
    hall.go(4.0, 0.0);
    hall.steps(30);
    hall.silent = Some(Missing::Scan);
    hall.steps(40);
    assert_eq!(hall.pilot.progress().state, State::Waiting);
    hall.silent = None;
    // The patience begins anew.
    let ended = (1..100).find(|_| hall.step().outcome.is_some());
    assert!(ended > Some(45), "{ended:?}");
}

#[test]
fn odometry_that_is_old_does_not_tell_where_the_robot_is() {
    let mut hall = Hall::new(|_, _| false);
    assert_eq!(hall.pilot.here(hall.now()), Err(GoError::Unplaced));
    hall.step();
    assert_eq!(hall.pilot.here(hall.now()), Ok(hall.place));
    let error = hall.pilot.here(hall.now() + Duration::from_secs(2)).unwrap_err();
    assert_eq!((error.code(), error), ("no_odometry", GoError::Unplaced));
}
