//! `launch/replay.toml`: recorded runs become maps, whoever plays them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lcm::log::LogReader;
use lcm::{Lcm, Message, Queue};
use lcm_types::nav_msgs::OccupancyGrid;
use mesh_tests::modules::eventually;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::run::Site;
use mesh_tests::{isolated, recordings, site, test_name};
use serde_json::{Value, json};

#[test]
fn a_recorded_run_is_mapped() {
    isolated!(MulticastOnLo);
    let site = site!();
    let log = simulated(&site);
    let map = map(&site, &log, &[], || player_ends(&site));
    let cells = cells(&map);
    assert!(cells[1] > 50 && cells[2] > 10, "{cells:?} in {} x {}", map.info.width, map.info.height);
}

#[test]
fn lcm_logplayer_and_our_player_give_the_same_map_and_python_decodes_it() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let site = site!();
    for log in [Some(simulated(&site)), recordings::intel_lab()].into_iter().flatten() {
        let ours = map(&site, &log, &[], || player_ends(&site));
        let of_c = map(&site, &log, &["--only", "mapper"], || {
            let mut player = Process::start(wheel.program("lcm-logplayer").arg(format!("--speed={SPEED}")).arg(&log));
            assert!(player.wait(PATIENCE).success(), "{}", player.stderr());
        });
        assert!(ours == of_c, "{:?} and {:?} of {}", cells(&ours), cells(&of_c), log.display());
        let file = site.path("map");
        std::fs::write(&file, ours.encode().expect("a map can be encoded")).expect("scratch can be written");
        let read: Value = serde_json::from_str(&run(wheel.script("occupancy_grid.py").arg(&file))).expect("JSON");
        let expected = json!({
            "frame": "map", "width": ours.info.width, "height": ours.info.height, "resolution": ours.info.resolution,
            "origin": [ours.info.origin.position.x, ours.info.origin.position.y], "cells": cells(&ours),
        });
        assert_eq!(read, expected);
    }
}

/// The log of a simulated run.
fn simulated(site: &Site) -> PathBuf {
    let log = site.path("simulated.lcmlog");
    said(site, &["run", "-d", &launch("sim.toml"), "--set", "robot.speed=10"]);
    recordings::record(BUS, &log, 100);
    said(site, &["stop"]);
    log
}

fn player_ends(site: &Site) {
    let player = || said(site, &["status"])["modules"][1].clone();
    eventually(
        || format!("the player ends: {}", player()),
        || {
            let player = player();
            assert_eq!(player["name"], "player");
            (player["state"] == "ended").then_some(())
        },
    );
}

/// The map that the whole of a log becomes. `play` has played it when it returns.
fn map(site: &Site, log: &Path, options: &[&str], play: impl FnOnce()) -> OccupancyGrid {
    let mut reader = LogReader::open(log).expect("a log");
    let scans = reader.events().map(|event| event.expect("an event"));
    let scans = scans.filter(|event| event.channel.starts_with(b"/scan")).count();
    let bus = Lcm::open(BUS).expect("the bus can be joined");
    let maps = bus.subscribe("/map#nav_msgs.OccupancyGrid", Queue::keep_last(1)).expect("a channel");
    let (file, log) = (launch("replay.toml"), format!("log={}", log.display()));
    let (speed, cell) = (format!("speed={SPEED}"), format!("mapper.cell_m={CELL_M}"));
    said(site, &[&["run", "-d", &file, &log, &speed, "--set", &cell], options].concat());
    play();
    let status = || said(site, &["rpc", "call", "mapper.status"]);
    let mapped = eventually(
        || format!("all of {scans} scans have come: {}", status()),
        || {
            let status = status();
            let count = |name: &str| status[name].as_u64().expect("a number");
            let all = count("scans") + count("scans_waiting") + count("scans_late") + count("scans_in_gaps");
            (all == scans as u64).then_some(status)
        },
    );
    assert_eq!(mapped["overtaken"], 0);
    // At its end the mapper publishes what is new in its map.
    said(site, &["stop"]);
    let last = std::iter::from_fn(|| maps.recv_timeout(Duration::from_millis(500)).expect("the bus is open")).last();
    OccupancyGrid::decode(last.expect("a map").payload()).expect("a map")
}

/// What a command says, which succeeds.
fn said(site: &Site, arguments: &[&str]) -> Value {
    let ended = site.dimos(&[&["--json"], arguments].concat());
    assert_eq!(ended.code, Some(0), "dimos {arguments:?}: {ended:?}");
    ended.json_lines().remove(0)
}

/// How many cells are unknown, free and occupied.
fn cells(map: &OccupancyGrid) -> [usize; 3] {
    let count = |is_it: fn(i8) -> bool| map.data.iter().filter(|cell| is_it(**cell)).count();
    [count(|cell| cell == -1), count(|cell| (0..50).contains(&cell)), count(|cell| cell >= 50)]
}

fn launch(file: &str) -> String {
    format!("{}/../launch/{file}", env!("CARGO_MANIFEST_DIR"))
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";

const SPEED: &str = "20";

/// So coarse that the map of a whole building is one datagram: no map is lost where receive buffers are small.
const CELL_M: f64 = 0.5;
