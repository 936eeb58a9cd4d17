//! Whose a message is: the scans and the odometry of each robot that draws the map, and how much of all that may wait.
//!
//! Anybody on the bus may invent robots: what they send takes no more room than there is for all, and keeps no other one out.

use std::collections::BTreeMap;

use super::grid::Ray;
use super::pairing::{Dropped, Pairing, Stamp};
use crate::plane::Place;

/// The robots that draw a map.
#[derive(Debug)]
pub(super) struct Robots {
    /// Whether there are several. One has all scans and all odometry, whatever its frames are called.
    are_several: bool,
    max_gap_s: f64,
    robots: BTreeMap<String, Robot>,
    /// Messages so far.
    messages: u64,
    /// Scans that were left out of robots that are forgotten.
    dropped: Dropped,
}

/// A frame that makes no robot.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame with a name of {bytes} bytes: {MAX_NAME_BYTES} at most tell whose it is")]
pub(crate) struct LongName {
    bytes: usize,
}

#[derive(Debug)]
struct Robot {
    pairing: Pairing<Vec<Ray>>,
    /// The number of its last message.
    last_message: u64,
}

impl Robots {
    pub(super) fn new(are_several: bool, max_gap_s: f64) -> Self {
        Self { are_several, max_gap_s, robots: BTreeMap::new(), messages: 0, dropped: Dropped::default() }
    }

    /// Takes in where the robot was that has this frame.
    pub(super) fn add_odometry(&mut self, frame: &[u8], stamp: Stamp, place: Place) -> Result<(), LongName> {
        self.pairing(frame)?.add_odometry(stamp, place);
        Ok(())
    }

    /// Takes in a scan of the robot that has this frame.
    pub(super) fn add_scan(&mut self, frame: &[u8], stamp: Stamp, rays: Vec<Ray>) -> Result<(), LongName> {
        self.pairing(frame)?.add_scan(stamp, rays);
        while self.robots.values().map(Robot::waiting_rays).sum::<usize>() > MAX_WAITING_RAYS {
            // Who has the most gives way: one that works has next to none.
            if let Some(robot) = self.robots.values_mut().max_by_key(|robot| robot.waiting_rays()) {
                robot.pairing.drop_oldest();
            }
        }
        Ok(())
    }

    /// The next scan of one of them, and where it was taken.
    pub(super) fn pop(&mut self) -> Option<(Stamp, Place, Vec<Ray>)> {
        self.robots.values_mut().find_map(|robot| robot.pairing.pop())
    }

    /// How many scans wait.
    pub(super) fn waiting(&self) -> usize {
        self.robots.values().map(|robot| robot.pairing.waiting()).sum()
    }

    /// The robots whose odometry does not come, or not in time.
    pub(super) fn without_odometry(&self) -> Vec<&str> {
        let lacks = self.robots.iter().filter(|(_, robot)| robot.pairing.waiting() >= LACKING_SCANS);
        lacks.map(|(name, _)| name.as_str()).collect()
    }

    /// Scans that were left out so far.
    pub(super) fn dropped(&self) -> Dropped {
        self.robots.values().map(|robot| robot.pairing.dropped()).fold(self.dropped, Dropped::plus)
    }

    /// The scans and the odometry of the robot that has this frame. For a further one the one that was silent for longest is forgotten.
    fn pairing(&mut self, frame: &[u8]) -> Result<&mut Pairing<Vec<Ray>>, LongName> {
        let name = if self.are_several { robot(frame)? } else { String::new() };
        self.messages += 1;
        if self.robots.len() >= MAX_ROBOTS && !self.robots.contains_key(&name) {
            let silent = self.robots.iter().min_by_key(|(_, robot)| robot.last_message);
            if let Some(robot) = silent.map(|(name, _)| name.clone()).and_then(|name| self.robots.remove(&name)) {
                let overflowed = robot.pairing.waiting() as u64;
                let left_out = Dropped { overflowed, ..Dropped::default() };
                self.dropped = self.dropped.plus(robot.pairing.dropped()).plus(left_out);
            }
        }
        let new = || Robot { pairing: Pairing::new(self.max_gap_s), last_message: 0 };
        let robot = self.robots.entry(name).or_insert_with(new);
        robot.last_message = self.messages;
        Ok(&mut robot.pairing)
    }
}

impl Robot {
    fn waiting_rays(&self) -> usize {
        self.pairing.scans().map(Vec::len).sum()
    }
}

/// Whose frame that is: what is before the last slash of its name, if there is one.
fn robot(frame: &[u8]) -> Result<String, LongName> {
    if frame.len() > MAX_NAME_BYTES {
        return Err(LongName { bytes: frame.len() });
    }
    let frame = String::from_utf8_lossy(frame);
    Ok(frame.rsplit_once('/').map(|(robot, _)| robot.to_owned()).unwrap_or_default())
}

/// So many robots draw one map, at most.
const MAX_ROBOTS: usize = 64;

/// So many rays wait for odometry, at most: some 50 MB.
const MAX_WAITING_RAYS: usize = 1 << 21;

/// Odometry comes as often as scans: if so many wait, it does not.
const LACKING_SCANS: usize = 10;

const MAX_NAME_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(time_ms: i64) -> Stamp {
        Stamp { time_ns: time_ms * 1_000_000, seq: 0 }
    }

    fn rays(count: usize) -> Vec<Ray> {
        vec![Ray { angle_rad: 0.0, length_m: 1.0, is_hit: true }; count]
    }

    /// A scan between two places, each in a frame of the robot's.
    fn scan(robots: &mut Robots, odometry: &str, laser: &str, time_ms: i64) -> bool {
        robots.add_odometry(odometry.as_bytes(), stamp(time_ms), Place::default()).unwrap();
        robots.add_scan(laser.as_bytes(), stamp(time_ms + 5), rays(3)).unwrap();
        robots.add_odometry(odometry.as_bytes(), stamp(time_ms + 10), Place::default()).unwrap();
        robots.pop().is_some()
    }

    #[test]
    fn what_is_before_the_last_slash_of_a_frame_is_its_robot() {
        let robots = ["laser", "robot0/laser", "fleet/robot0/base_link", "/laser", ""]
            .map(|name| robot(name.as_bytes()).unwrap());
        assert_eq!(robots, ["", "robot0", "fleet/robot0", "", ""]);
        assert_eq!(robot(b"\xff/laser").unwrap(), "\u{fffd}");
        assert_eq!(robot(&[b'/'; 1000]), Err(LongName { bytes: 1000 }));
    }

    #[test]
    fn one_robot_has_all_scans_whatever_its_frames_are_called() {
        let (mut one, mut several) = (Robots::new(false, 1.0), Robots::new(true, 1.0));
        for (time_ms, laser) in (0..).step_by(20).zip(["laser", "front/laser", "robot/laser"]) {
            assert!(scan(&mut one, "base_link", laser, time_ms));
            assert_eq!(scan(&mut several, "base_link", laser, time_ms), laser == "laser");
        }
        assert!(scan(&mut several, "robot/base_link", "robot/laser", 100));
    }

    #[test]
    fn whose_odometry_does_not_come_is_told() {
        let mut robots = Robots::new(true, 1.0);
        for time_ms in (0..400).step_by(20) {
            let _ = scan(&mut robots, "robot0/base_link", "robot0/laser", time_ms);
            let _ = scan(&mut robots, "base_link", "front/laser", time_ms);
        }
        assert_eq!(robots.without_odometry(), ["front"]);
        robots.add_odometry(b"front/base_link", stamp(0), Place::default()).unwrap();
        robots.add_odometry(b"front/base_link", stamp(400), Place::default()).unwrap();
        while robots.pop().is_some() {}
        assert!(robots.without_odometry().is_empty() && robots.waiting() == 0);
    }

    #[test]
    fn invented_robots_keep_no_other_one_out() {
        let mut robots = Robots::new(true, 1.0);
        for count in 0..500 {
            robots.add_scan(format!("invented{count}/laser").as_bytes(), stamp(count), rays(1)).unwrap();
            assert!(scan(&mut robots, "robot0/base_link", "robot0/laser", count * 20), "{count}");
        }
        assert_eq!((robots.robots.len(), robots.waiting()), (MAX_ROBOTS, MAX_ROBOTS - 1));
        assert_eq!(robots.dropped().overflowed, 500 - (MAX_ROBOTS as u64 - 1));
    }

    #[test]
    fn what_waits_of_all_is_bounded_and_costs_no_other_one_a_scan() {
        let mut robots = Robots::new(true, 1.0);
        robots.add_scan(b"robot0/laser", stamp(5), rays(360)).unwrap();
        for count in 0..200 {
            robots.add_scan(format!("greedy{}/laser", count % 40).as_bytes(), stamp(count), rays(16_384)).unwrap();
        }
        let waiting: usize = robots.robots.values().map(Robot::waiting_rays).sum();
        assert!((MAX_WAITING_RAYS - 16_384..=MAX_WAITING_RAYS).contains(&waiting), "{waiting}");
        assert!(scan(&mut robots, "robot0/base_link", "robot0/laser", 0));
        assert!(robots.dropped().overflowed > 0);
    }
}
