//! Modules that ship inside the `dimos` binary. Each runs as a process of its own: `dimos module NAME`.
//!
//! They are examples for module authors, too. Each is split in two: a pure part, which is given its input, the time and a seed, and
//! does no I/O; and the module, which puts that on the bus.
//!
//! | name | what it does |
//! |---|---|
//! | `robot-sim` | simulates a robot with a laser in a floor plan, and tells the simulation's time |
//! | `mapper` | draws an occupancy grid of laser scans and odometry |
//! | `navigator` | drives the robot to where it shall be: plans a path on the map, and follows it |
//! | `patrol` | has the robot visit places, by the navigator, round after round |
//! | `teleop-script` | drives along a script |
//! | `log-player` | plays an event log |
//! | `static-tf` | says where frames are that never move |
#![forbid(unsafe_code)]

mod plane;

mod log_player;
mod mapper;
mod navigator;
mod patrol;
mod robot_sim;
mod static_tf;
mod teleop_script;

#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod tour;

use std::ffi::OsString;
use std::process::ExitCode;

use dimos::module::run_with;

/// A module that ships with the binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StockModule {
    /// What `dimos module` calls it.
    pub name: &'static str,
    /// What it does, in a line.
    pub doc: &'static str,
}

/// All of them.
pub const STOCK_MODULES: &[StockModule] = &[
    StockModule { name: "robot-sim", doc: "Simulates a robot with a laser in a floor plan, and tells the time." },
    StockModule { name: "mapper", doc: "Draws an occupancy grid of laser scans and odometry." },
    StockModule { name: "navigator", doc: "Drives the robot to where it shall be." },
    StockModule { name: "patrol", doc: "Has the robot visit places, round after round." },
    StockModule { name: "teleop-script", doc: "Drives along a script." },
    StockModule { name: "log-player", doc: "Plays an event log." },
    StockModule { name: "static-tf", doc: "Says where frames are that never move." },
];

/// Runs a module as this process, with a command line whose first item is the program's name. `None` if there is no module of that
/// name.
pub fn run(name: &str, arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    Some(match name {
        "robot-sim" => run_with::<robot_sim::RobotSim>(arguments),
        "mapper" => run_with::<mapper::GridMapper>(arguments),
        "navigator" => run_with::<navigator::Navigator>(arguments),
        "patrol" => run_with::<patrol::Patrol>(arguments),
        "teleop-script" => run_with::<teleop_script::TeleopScript>(arguments),
        "log-player" => run_with::<log_player::LogPlayer>(arguments),
        "static-tf" => run_with::<static_tf::StaticTf>(arguments),
        _ => return None,
    })
}
