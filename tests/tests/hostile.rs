//! A flood of random and forged datagrams beside good traffic: nothing wrong is delivered, the good is heard, memory is bounded.

use std::collections::HashSet;
use std::process::Command;
use std::time::{Duration, Instant};

use lcm::Pattern;
use mesh_tests::isolated;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::talk::{Heard, Talker};

#[test]
fn a_flood_of_forged_datagrams_costs_counters_and_little_memory() {
    isolated!(MulticastOnLo);
    let mut talkers = ["small", "large"].map(|_| Talker::start(ours(), BUS));
    let wanted: HashSet<Heard> = (0..SMALL)
        .map(|seed| Heard::of_pattern(b"GOOD_SMALL", seed, 200))
        .chain((0..LARGE).map(|seed| Heard::of_pattern(b"GOOD_LARGE", seed, LARGE_BYTES)))
        .collect();
    for reading in Reading::BOTH {
        // A pattern may keep the flood away before it is looked at; every channel is the harder case.
        for pattern in [Pattern::any(), Pattern::glob("GOOD_*")] {
            let mut bus = Bus::open(reading, BUS, pattern);
            // So that the memory of usual traffic is there before the flood.
            let deadline = Instant::now() + PATIENCE;
            loop {
                assert!(Instant::now() < deadline, "not heard without a flood");
                talkers[1].begin(b"GOOD_LARGE", 0, LARGE_BYTES, 1, Duration::ZERO);
                let heard = bus.next_on("GOOD_LARGE", Duration::from_secs(1));
                talkers[1].finish();
                if heard.is_some() {
                    break;
                }
            }
            withstand_flood(&mut bus, &mut talkers, &wanted);
        }
    }
}

fn withstand_flood(bus: &mut Bus, talkers: &mut [Talker; 2], wanted: &HashSet<Heard>) {
    let before = bus.statistics();
    let resident_before = resident_bytes();
    let mut peak = resident_before;
    let arguments = ["239.255.76.67", "7667", "200000", "2000"];
    let mut flood = Process::start(Command::new(env!("CARGO_BIN_EXE_bus-flood")).args(arguments));
    talkers[0].begin(b"GOOD_SMALL", 0, 200, SMALL as usize, Duration::from_millis(5));
    talkers[1].begin(b"GOOD_LARGE", 0, LARGE_BYTES, LARGE as usize, Duration::from_millis(100));
    let mut heard = HashSet::new();
    let deadline = Instant::now() + PATIENCE;
    let mut quiet_since = Instant::now();
    while quiet_since.elapsed() < Duration::from_secs(1) || flood.is_running() {
        assert!(Instant::now() < deadline, "the flood does not end");
        let message = bus.next(Duration::from_millis(100));
        // The flood holds whole messages too, but none on these channels.
        if let Some(message) = message.filter(|message| message.channel().as_bytes().starts_with(b"GOOD_")) {
            let message = Heard::of(message.channel().as_bytes(), message.payload());
            assert!(wanted.contains(&message), "nobody sent {message:?}");
            assert!(heard.insert(message), "a message came twice");
            quiet_since = Instant::now();
        }
        peak = peak.max(resident_bytes());
    }
    talkers.iter_mut().for_each(Talker::finish);

    let said = flood.remaining_lines();
    let counts: Vec<u64> = said[0].split(' ').map(|word| word.parse().expect("a number")).collect();
    let [datagrams, bytes, senseless] = counts[..] else { panic!("{said:?}") };
    let after = bus.statistics();
    let malformed = after.malformed - before.malformed;
    let kept_away = after.kernel_drops - before.kernel_drops + after.filtered - before.filtered;
    let count = |channel: &[u8]| heard.iter().filter(|message| message.channel == channel).count();
    let (small, large) = (count(b"GOOD_SMALL"), count(b"GOOD_LARGE"));
    let grown = peak.saturating_sub(resident_before);
    eprintln!(
        "{datagrams} datagrams of {bytes} bytes, {senseless} of them senseless: {malformed} malformed, {kept_away} kept away by the \
         kernel; {small} small and {large} large messages heard; {grown} bytes grown"
    );
    assert!(datagrams > 1000, "that was no flood");
    assert!(malformed > 0 && malformed <= senseless, "{malformed} of {senseless} malformed");
    // The kernel tells what it keeps away with the next datagram, so the last may be missing.
    assert!(malformed + kept_away >= senseless / 10 * 9, "{malformed} and {kept_away} of {senseless}");
    assert!(grown < MEMORY_BOUND, "{grown} bytes more than before the flood");
    assert!(small >= SMALL as usize / 2, "only {small} of {SMALL} small messages heard");
    assert!(large >= 1, "none of {LARGE} large messages heard");
}

/// How much memory this process holds.
fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("the kernel tells the resident size");
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number of kB");
    kilobytes * 1024
}

fn ours() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
    program.arg("queued");
    program
}

const BUS: &str = "udpm://239.255.76.67:7667?ttl=0&pace=100000000";
const SMALL: u32 = 300;
const LARGE: u32 = 15;
const LARGE_BYTES: usize = 1_000_000;

/// The flood announces some 20,000 messages of 256 MiB, of which it sends a fragment each.
const MEMORY_BOUND: usize = 64 << 20;
