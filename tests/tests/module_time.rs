//! Timers and clocks of modules: the system's, and that of a simulation.

use std::time::{Duration, Instant};

use dimos::{Dimos, RemoteModule};
use lcm::Queue;
use lcm_types::builtin_interfaces::Time;
use lcm_types::std_msgs::Int32;
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::PATIENCE;
use mesh_tests::{isolated, test_module};

#[test]
fn timers_of_the_system_s_clock_come_about_as_often_as_they_should() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ticker, ticker) = start(&dimos, &["--config", "period_ms=20"]);
    let (before, start) = (ticks(&ticker), Instant::now());
    eventually(|| "it ticks".to_owned(), || (ticks(&ticker) >= before + 50).then_some(()));
    let elapsed = start.elapsed();
    // Fifty periods are 1 s. A tick that was under way may count, too.
    assert!(elapsed >= Duration::from_millis(900) && elapsed < Duration::from_secs(5), "{elapsed:?}");
    let stamps = dimos.listen::<Time>("/ticks", Queue::keep_last(10)).expect("the bus is there");
    let stamp = stamps.next(PATIENCE).expect("it is a time").expect("it ticks");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("it is after 1970");
    assert!(now.as_secs().abs_diff(stamp.sec.unsigned_abs().into()) < 60, "{stamp:?}");
}

#[test]
fn periods_that_a_handler_slept_through_are_not_made_up_for() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ticker, ticker) = start(&dimos, &["--config", "period_ms=50"]);
    let before = ticks(&ticker);
    let slept = Instant::now();
    dimos.publish("/nap", &Int32 { data: 2000 }).expect("the bus takes it");
    eventually(|| "it was heard".to_owned(), || (counts(&ticker)[1] == 1).then_some(()));
    let after = ticks(&ticker);
    let awake = slept.elapsed().saturating_sub(Duration::from_millis(2000));
    // Those outside of the nap, one for the nap, and two for the edges.
    let most = before + u64::try_from(awake.as_millis() / 50).expect("it is not that long") + 3;
    assert!(after <= most, "{before} ticks, then {after} after {:?}", slept.elapsed());
}

#[test]
fn in_a_simulation_timers_follow_its_clock_whatever_it_does() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let (_ticker, ticker) = start(&dimos, &["--simulated-time", "--config", "period_ms=100"]);
    let stamps = dimos.listen::<Time>("/ticks", Queue::keep_last(1000)).expect("the bus is there");
    let tell = |ms: i32| {
        let time = Time { sec: ms / 1000, nanosec: ms % 1000 * 1_000_000 };
        dimos.publish("/clock", &time).expect("the bus takes it");
        // A call that comes later is answered later.
        ticks(&ticker)
    };
    let tick = || {
        let stamp = stamps.next(PATIENCE).expect("it is a time").expect("it ticks");
        i64::from(stamp.sec) * 1000 + i64::from(stamp.nanosec) / 1_000_000
    };
    // Before the simulation has told the time there is none.
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(ticks(&ticker), 0);
    tell(5000);
    for (ms, expected) in [(5099, 0), (5100, 1), (5150, 1), (5200, 2), (5300, 3)] {
        tell(ms);
        eventually(|| format!("{expected} ticks at {ms}"), || (ticks(&ticker) == expected).then_some(()));
    }
    // It stands still, whatever the system's clock does.
    std::thread::sleep(Duration::from_millis(350));
    assert_eq!(ticks(&ticker), 3);
    // It jumps, and nothing is made up for.
    tell(9000);
    eventually(|| "a tick".to_owned(), || (ticks(&ticker) == 4).then_some(()));
    assert_eq!([tick(), tick(), tick(), tick()], [5100, 5200, 5300, 9000]);
    // It begins anew.
    tell(50);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(ticks(&ticker), 4);
    tell(149);
    tell(150);
    eventually(|| "a tick".to_owned(), || (ticks(&ticker) == 5).then_some(()));
    assert_eq!(tick(), 150);
    // Nonsense changes nothing.
    dimos.publisher().publish("/clock#builtin_interfaces.Time", b"nonsense").expect("the bus takes it");
    tell(250);
    eventually(|| "a tick".to_owned(), || (ticks(&ticker) == 6).then_some(()));
    assert_eq!(tick(), 250);
}

#[test]
fn modules_can_be_told_of_the_simulation_by_the_launch_line() {
    isolated!(MulticastOnLo);
    let dimos = Dimos::join().expect("the bus is there");
    let line = r#"{"simulated_time": true, "config": {"period_ms": 10}}"#;
    let process = ModuleProcess::start_with_line(test_module!("Ticker"), &["--stdin"], line);
    let ticker = process.running(&dimos, "ticker");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(ticks(&ticker), 0);
}

fn start(dimos: &Dimos, arguments: &[&str]) -> (ModuleProcess, RemoteModule) {
    ModuleProcess::start_as(dimos, "ticker", test_module!("Ticker"), arguments)
}

fn counts(ticker: &RemoteModule) -> [u64; 2] {
    ticker.call_as("counts", &()).expect("it answers")
}

fn ticks(ticker: &RemoteModule) -> u64 {
    counts(ticker)[0]
}
