//! The programs that come with LCM, on one bus with ours: source, sink, tester, logger and log player.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lcm::Pattern;
use mesh_tests::exchange;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::talk::Heard;
use mesh_tests::{isolated, logger, test_name};

#[test]
fn lcm_tester_passes_beside_our_listeners() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut listeners = Reading::BOTH.map(|reading| Bus::open_to_all(reading, BUS));
    let mut tester = Process::start(&mut wheel.program("lcm-tester"));
    let status = tester.wait(PATIENCE);
    let said = tester.remaining_lines();
    assert!(status.success() && said.iter().any(|line| line == "LCM: OK!"), "{status}: {said:?}");
    for listener in &mut listeners {
        let mut heard = Vec::new();
        while let Some(message) = listener.next(Duration::from_millis(100)) {
            heard.push(message.channel().to_string());
        }
        // It publishes on the two in turn.
        let expected: Vec<_> = ["TEST", "12345"].into_iter().cycle().take(30).collect();
        assert_eq!(heard[..30.min(heard.len())], expected, "{heard:?}");
    }
}

#[test]
fn we_hear_lcm_source_in_order_and_whole() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    for (reading, size) in
        [(Reading::Queued, 1000), (Reading::Inline, 1000), (Reading::Queued, 200_000), (Reading::Inline, 200_000)]
    {
        let mut bus = Bus::open(reading, BUS, Pattern::exact("SOURCE").expect("a name"));
        let arguments = ["-m", "SOURCE", "-p", "2000", "-s"];
        let _source = Process::start(wheel.program("lcm-source").args(arguments).arg(size.to_string()));
        for number in 0..100_u32 {
            let message = bus.next(PATIENCE).expect("lcm-source is heard");
            let mut expected = vec![0; size];
            expected[..4].copy_from_slice(&number.to_ne_bytes());
            assert!(**message.payload() == expected, "message {number} of {size} bytes");
        }
        assert_eq!(bus.statistics().total().lost, 0);
    }
}

#[test]
fn lcm_sink_shows_what_we_publish() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let mut sink = Process::start(&mut wheel.program_by_lines("lcm-sink"));
    let buses = Reading::BOTH.map(|reading| Bus::open_to_publish(reading, BUS));
    // It does not say when it listens.
    let starting = Instant::now();
    while sink.line(Duration::from_millis(50)).is_none() {
        assert!(starting.elapsed() < PATIENCE, "lcm-sink shows nothing: {}", sink.stderr());
        buses[0].publish(b"ANYTHING", b"\0");
    }
    for (bus, number) in buses.iter().zip(1..) {
        // It prints the content as a C string.
        bus.publish(b"SHOWN", format!("content {number}\0").as_bytes());
        let wanted = format!("received [SHOWN] (content: content {number})");
        sink.expect_line(&wanted, |line| line == wanted);
    }
}

#[test]
fn lcm_logger_records_us() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("recorded.lcmlog");
    logger::records_us(&mut wheel.program("lcm-logger"), &wheel, &log);
}

#[test]
fn we_hear_what_lcm_logplayer_plays() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("played.lcmlog");
    let sizes = [0, 1, 1000, 65485, 65486, 130_000];
    run(wheel.script("write_log.py").arg(&log).arg("/played#pkg.Type").args(sizes.map(|size: usize| size.to_string())));
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, BUS);
        let mut player = Process::start(wheel.program("lcm-logplayer").arg("--lcm-url").arg(BUS).arg(&log));
        for (seed, size) in (0..).zip(sizes) {
            let wanted = Heard::of_pattern(b"/played#pkg.Type", seed, size);
            assert_eq!(exchange::hear(&mut bus, PATIENCE), Some(wanted), "{}", player.stderr());
        }
        assert!(player.wait(PATIENCE).success(), "{}", player.stderr());
    }
}

/// A file of this test run. Process ids repeat between namespaces; the tests' own file names do not.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Where all programs of LCM meet by default; the tester knows no other.
const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
