//! What the kernel tells of a process: `/proc/PID/stat`.

use std::fs;

/// What the kernel tells of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Whether it has ended, and nobody has waited for it yet.
    pub is_dead: bool,
    /// The process that started it, or has taken it over.
    pub parent: i32,
    /// Its process group.
    pub group: i32,
    /// How many threads it has.
    pub threads: u32,
    /// How much of processors it has taken, in ticks.
    pub processor_ticks: u64,
    /// When it was started, in ticks since the system was.
    pub started_ticks: u64,
}

impl Stat {
    /// Of a process; none if there is none of that number.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        Self::read(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        // The name before it may contain anything. Numbers of fields as in proc(5), where what follows the name is the third.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<i64>().ok();
        let ticks = |field| number(field).and_then(|ticks| u64::try_from(ticks).ok());
        Some(Self {
            is_dead: matches!(*fields.first()?, "Z" | "X"),
            parent: i32::try_from(number(4)?).ok()?,
            group: i32::try_from(number(5)?).ok()?,
            threads: u32::try_from(number(20)?).ok()?,
            processor_ticks: ticks(14)?.saturating_add(ticks(15)?),
            started_ticks: ticks(22)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_contain_anything() {
        let text = "17 (a) Z (b) 9) S 1 17 17 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 1 0 4242 1 2 3";
        let expected =
            Stat { is_dead: false, parent: 1, group: 17, threads: 1, processor_ticks: 12, started_ticks: 4242 };
        assert_eq!(Stat::read(text), Some(expected));
        assert_eq!(Stat::read("17 (a"), None);
        assert_eq!(Stat::read("17 (a) S 1"), None);
    }

    #[test]
    fn this_process_is_found() {
        let own = Stat::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(!own.is_dead && own.started_ticks > 0);
        assert_eq!(Stat::of(i32::MAX), None);
    }
}
