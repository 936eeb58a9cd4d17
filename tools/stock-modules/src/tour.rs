//! Tests of what is no I/O, together: a robot drives along the script through its floor plan, and its scans become a map.

use crate::mapper::{Grid, LogOdds, Ray};
use crate::plane::Place;
use crate::robot_sim::{FloorPlan, Settings, Simulation, Speeds};
use crate::teleop_script::{Position, position, through_the_flat};

const CELL_M: f64 = 0.05;

/// Drives the whole script, with a command each tenth of a second, and draws each scan.
fn tour(settings: &Settings) -> (Simulation, Grid) {
    let (mut simulation, steps) = (Simulation::new(settings), through_the_flat());
    let mut grid = Grid::new(CELL_M, 100.0, LogOdds::default());
    for step in 0_u32.. {
        if step % 5 == 0 {
            let Position::At(index) = position(&steps, false, simulation.now().as_secs_f64()) else { break };
            let (forward_mps, turn_radps) = (steps[index].linear_mps, steps[index].angular_radps);
            simulation.command(Speeds { forward_mps, turn_radps }).unwrap();
        }
        simulation.step();
        if simulation.is_scan_due() {
            let (first_rad, between_rad) = (simulation.first_beam_rad(), simulation.between_beams_rad());
            let ray = |(beam, range_m): (usize, f32)| Ray {
                angle_rad: first_rad + beam as f64 * between_rad,
                length_m: f64::from(range_m).min(8.0),
                is_hit: range_m.is_finite(),
            };
            let rays: Vec<Ray> = simulation.scan().into_iter().enumerate().map(ray).collect();
            grid.draw(simulation.odometry(), &rays);
        }
    }
    (simulation, grid)
}

#[test]
fn the_script_leads_through_all_rooms_and_back_without_a_bump() {
    let (simulation, _) = tour(&Settings::default());
    let (end, start) = (simulation.place(), Settings::default().start);
    assert_eq!(simulation.collisions(), 0);
    assert!((end.x_m - start.x_m).hypot(end.y_m - start.y_m) < 0.05, "{end:?}");
    assert!(end.yaw_rad.abs() < 0.02, "{end:?}");
}

#[test]
fn the_map_shows_walls_as_occupied_and_rooms_as_free() {
    let settings = Settings::default();
    let (_, grid) = tour(&settings);
    let (plan, start) = (FloorPlan::default(), settings.start);
    let ((left, width), (bottom, _)) = (grid.columns(), grid.rows());
    let (mut free, mut walls, mut wrong) = (0, 0, 0);
    for (index, percent) in grid.occupancy().into_iter().enumerate() {
        let index = i64::try_from(index).unwrap();
        let centre = Place::new(
            ((left + index % width) as f64 + 0.5) * CELL_M,
            ((bottom + index / width) as f64 + 0.5) * CELL_M,
            0.0,
        );
        let there = start.compose(centre);
        // Cells of the map are 5 to a cell of the plan. Those along a wall may be either, by the noise.
        let is_near_wall = !plan.fits(there.x_m / 0.25, there.y_m / 0.25, 0.3);
        let is_in_wall = !plan.fits(there.x_m / 0.25, there.y_m / 0.25, 1e-9);
        match percent {
            65.. if is_near_wall => walls += 1,
            0..=25 if !is_in_wall => free += 1,
            0..=25 | 65.. => wrong += 1,
            _ => {}
        }
    }
    // The free area is some 80 m², 400 cells each, and the walls that are seen some 70 m long, 20 cells each.
    assert!(free > 25_000 && walls > 1_000, "{free} free, {walls} walls, {wrong} wrong");
    assert!(wrong * 200 < free, "{free} free, {walls} walls, {wrong} wrong");
}

#[test]
fn the_same_seed_gives_the_same_map() {
    let maps = [1, 1, 2].map(|seed| tour(&Settings { seed, ..Settings::default() }).1.occupancy());
    assert!(maps[0] == maps[1] && maps[0] != maps[2]);
}
