//! The cheapest way from one place to another: A*, as of Hart, Nilsson and Raphael, A Formal Basis for the Heuristic Determination of
//! Minimum Cost Paths (1968), from cell to cell in eight directions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::costs::{Cell, Costs, PLAIN, Point};

/// A way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Path {
    /// From where the robot is, through the middles of cells, to the goal.
    pub(super) points: Vec<Point>,
    /// What it costs.
    pub(super) cost: u64,
}

/// Why there is no way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("the goal is too near to an obstacle")]
    GoalTaken,
    #[error("obstacles lie between the robot and the goal")]
    NoWay,
}

/// The cheapest way. If the robot does not fit at the goal, it ends up to `tolerance_m` from there. `looked_at` counts the cells from
/// which ways were looked for, which is what planning takes its time for.
pub(super) fn plan(
    costs: &Costs,
    from: Point,
    to: Point,
    tolerance_m: f64,
    looked_at: &mut usize,
) -> Result<Path, PlanError> {
    let start = costs.cell(from).ok_or(PlanError::NoWay)?;
    let (goal, end) = free_goal(costs, to, tolerance_m).ok_or(PlanError::GoalTaken)?;
    let mut best = vec![u64::MAX; costs.len()];
    let mut came_from = vec![u32::MAX; costs.len()];
    let mut open = BinaryHeap::new();
    best[costs.index(start)] = 0;
    open.push(Reverse((estimate(start, goal), costs.index(start))));
    while let Some(Reverse((at_least, index))) = open.pop() {
        let cell = costs.cell_of(index);
        if cell == goal {
            return Ok(Path { points: points(costs, &came_from, start, goal, from, end), cost: best[index] });
        }
        let so_far = best[index];
        // One that was found again, more cheaply, is in the queue twice.
        if at_least > so_far + estimate(cell, goal) {
            continue;
        }
        *looked_at += 1;
        for (next, is_diagonal) in costs.neighbours(cell) {
            let Some(step) = step_cost(costs, cell, next, is_diagonal) else { continue };
            let (next_index, total) = (costs.index(next), so_far + step);
            if total < best[next_index] {
                best[next_index] = total;
                // There are fewer cells than that.
                came_from[next_index] = u32::try_from(index).unwrap_or(u32::MAX);
                open.push(Reverse((total + estimate(next, goal), next_index)));
            }
        }
    }
    Err(PlanError::NoWay)
}

/// What a step from a cell to one beside it costs, if it can be made.
fn step_cost(costs: &Costs, from: Cell, to: Cell, is_diagonal: bool) -> Option<u64> {
    let cost = costs.can_step(from, to).then(|| costs.cost(to).unwrap_or(ESCAPE))?;
    Some(u64::from(cost) * if is_diagonal { DIAGONAL } else { STRAIGHT })
}

/// What the way costs at least.
fn estimate(from: Cell, to: Cell) -> u64 {
    let (across, along) = (from.0.abs_diff(to.0) as u64, from.1.abs_diff(to.1) as u64);
    let (short, long) = (across.min(along), across.max(along));
    u64::from(PLAIN) * (DIAGONAL * short + STRAIGHT * (long - short))
}

/// The goal, or else the nearest cell within the tolerance where the robot fits.
fn free_goal(costs: &Costs, to: Point, tolerance_m: f64) -> Option<(Cell, Point)> {
    let cell = costs.cell(to)?;
    if costs.cost(cell).is_some() {
        return Some((cell, to));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let reach = ((tolerance_m / costs.cell_m()).max(0.0) as usize).min(MAX_REACH);
    let columns = cell.0.saturating_sub(reach)..=cell.0 + reach;
    let cells =
        columns.flat_map(|column| (cell.1.saturating_sub(reach)..=cell.1 + reach).map(move |row| (column, row)));
    let free = cells.filter_map(|cell| {
        let centre = costs.centre(cell);
        let way_m = (centre.0 - to.0).hypot(centre.1 - to.1);
        // Not all are cells.
        let is_free = way_m <= tolerance_m && costs.cell(centre).is_some_and(|cell| costs.cost(cell).is_some());
        is_free.then_some((way_m, cell, centre))
    });
    let (_, cell, centre) = free.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((cell, centre))
}

fn points(costs: &Costs, came_from: &[u32], start: Cell, goal: Cell, from: Point, end: Point) -> Vec<Point> {
    let mut points = vec![end];
    let mut cell = goal;
    while cell != start {
        let before = usize::try_from(came_from[costs.index(cell)]).unwrap_or(usize::MAX);
        if before >= costs.len() {
            break;
        }
        cell = costs.cell_of(before);
        points.push(costs.centre(cell));
    }
    // The robot is not in the middle of a cell.
    if points.len() > 1 {
        points.pop();
    }
    points.push(from);
    points.reverse();
    points
}

/// A cell in which the robot is too near to something: it leaves such cells by the shortest way.
const ESCAPE: u32 = 50 * PLAIN;

/// How long the steps are, in tenths of a cell.
const STRAIGHT: u64 = 10;
const DIAGONAL: u64 = 14;

/// The goal is looked for in so many cells around, at most.
const MAX_REACH: usize = 200;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::map::{Knowledge, Map};
    use super::super::settings::Clearance;
    use super::*;

    const CELL_M: f64 = 0.1;

    fn clearance() -> Clearance {
        Clearance { radius_m: 0.1, margin_m: 0.05, comfort_m: 0.4, ..Clearance::default() }
    }

    fn maps() -> impl Strategy<Value = Map> {
        (4_usize..24, 4_usize..24).prop_flat_map(|(width, height)| {
            let cell =
                prop_oneof![1 => Just(Knowledge::Occupied), 16 => Just(Knowledge::Free), 4 => Just(Knowledge::Unknown)];
            proptest::collection::vec(cell, width * height).prop_map(move |cells| Map {
                cell_m: CELL_M,
                origin: (-0.7, 0.3),
                width,
                height,
                cells,
            })
        })
    }

    /// What the cheapest way costs, by going over all steps again and again until nothing gets cheaper.
    fn brute_force(costs: &Costs, from: Cell, to: Cell) -> Option<u64> {
        let mut best = vec![u64::MAX; costs.len()];
        best[costs.index(from)] = 0;
        let mut has_changed = true;
        while std::mem::take(&mut has_changed) {
            for index in 0..costs.len() {
                let cell = costs.cell_of(index);
                for (next, is_diagonal) in costs.neighbours(cell) {
                    let step = step_cost(costs, cell, next, is_diagonal).filter(|_| best[index] < u64::MAX);
                    let total = step.map_or(u64::MAX, |step| best[index] + step);
                    if total < best[costs.index(next)] {
                        best[costs.index(next)] = total;
                        has_changed = true;
                    }
                }
            }
        }
        Some(best[costs.index(to)]).filter(|cost| *cost < u64::MAX)
    }

    /// How far a point is from the nearest occupied cell's middle, by looking at all of them.
    fn to_obstacle_m(map: &Map, point: Point) -> f64 {
        let occupied = map.cells.iter().enumerate().filter(|(_, cell)| **cell == Knowledge::Occupied);
        let centre = |index: usize| {
            let (column, row) = (index % map.width, index / map.width);
            (map.origin.0 + (column as f64 + 0.5) * CELL_M, map.origin.1 + (row as f64 + 0.5) * CELL_M)
        };
        let ways = occupied.map(|(index, _)| centre(index)).map(|(x, y)| (x - point.0).hypot(y - point.1));
        ways.fold(f64::INFINITY, f64::min)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_way_costs_what_brute_force_says_and_keeps_the_robots_radius_from_everything(
            map in maps(), from in (0.0..1.0, 0.0..1.0), to in (0.0..1.0, 0.0..1.0),
        ) {
            let (width_m, height_m) = (map.width as f64 * CELL_M, map.height as f64 * CELL_M);
            let place = |part: (f64, f64)| (map.origin.0 + part.0 * width_m, map.origin.1 + part.1 * height_m);
            let (from, to) = (place(from), place(to));
            let costs = Costs::new(&map, &[], &[from, to], clearance()).unwrap();
            let (start, goal) = (costs.cell(from).unwrap(), costs.cell(to).unwrap());
            match plan(&costs, from, to, 0.0, &mut 0) {
                Err(PlanError::GoalTaken) => prop_assert!(to_obstacle_m(&map, costs.centre(goal)) < 0.15 + 1e-6),
                Err(_) => prop_assert_eq!(brute_force(&costs, start, goal), None),
                Ok(path) => {
                    prop_assert_eq!(Some(path.cost), brute_force(&costs, start, goal));
                    prop_assert_eq!((path.points[0], *path.points.last().unwrap()), (from, to));
                    // Once it is away from what it began too near to.
                    let middles = path.points[1..].iter().map(|point| costs.centre(costs.cell(*point).unwrap()));
                    let mut outside = middles.skip_while(|middle| to_obstacle_m(&map, *middle) < 0.15 - 1e-6);
                    prop_assert!(outside.all(|middle| to_obstacle_m(&map, middle) >= 0.15 - 1e-6));
                    prop_assert!(path.points.windows(2).all(|two| (two[0].0 - two[1].0).abs().max((two[0].1 - two[1].1).abs()) < 2.0 * CELL_M));
                }
            }
        }

        #[test]
        fn whatever_is_asked_there_is_an_answer(map in maps(), from: (f64, f64), to: (f64, f64), tolerance_m: f64) {
            if let Ok(costs) = Costs::new(&map, &[], &[], clearance()) {
                let _ = plan(&costs, from, to, tolerance_m, &mut 0);
            }
        }
    }

    fn room(occupied: impl Fn(usize, usize) -> bool) -> Map {
        let knowledge =
            |index: usize| if occupied(index % 40, index / 40) { Knowledge::Occupied } else { Knowledge::Free };
        Map { cell_m: CELL_M, origin: (0.0, 0.0), width: 40, height: 40, cells: (0..1600).map(knowledge).collect() }
    }

    fn planned(map: &Map, from: Point, to: Point) -> Result<Path, PlanError> {
        plan(&Costs::new(map, &[], &[from, to], clearance()).unwrap(), from, to, 0.3, &mut 0)
    }

    #[test]
    fn a_way_through_a_door_keeps_to_its_middle() {
        // A wall with a door from 1.5 m to 2.5 m.
        let map = room(|column, row| column == 20 && !(15..25).contains(&row));
        let path = planned(&map, (0.5, 0.5), (3.5, 0.5)).unwrap();
        let through = path.points.iter().find(|point| point.0 > 2.0).unwrap();
        assert!((1.7..2.3).contains(&through.1), "{through:?}");
    }

    #[test]
    fn a_goal_beside_a_wall_is_approached_as_near_as_the_robot_fits() {
        let map = room(|column, _| column == 20);
        let path = planned(&map, (0.5, 0.5), (2.0, 0.5)).unwrap();
        let end = path.points.last().unwrap();
        assert!((end.0 - 2.0).hypot(end.1 - 0.5) <= 0.3 && to_obstacle_m(&map, *end) >= 0.15, "{end:?}");
    }

    #[test]
    fn why_there_is_no_way_is_told() {
        let ring = |column: usize, row: usize| column.abs_diff(30).max(row.abs_diff(30)) == 7;
        assert_eq!(planned(&room(ring), (0.5, 0.5), (3.05, 3.05)), Err(PlanError::NoWay));
        assert_eq!(planned(&room(ring), (3.05, 3.05), (0.5, 0.5)), Err(PlanError::NoWay));
        assert_eq!(planned(&room(|column, _| column > 20), (0.5, 0.5), (3.5, 0.5)), Err(PlanError::GoalTaken));
    }
}
