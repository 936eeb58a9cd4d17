//! Event logs go back and forth between ours and the programs of LCM.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use lcm::Lcm;
use lcm::log::{Event, LogReader, LogWriter};
use mesh_tests::event_log::{described, python_reads, read, read_so_far, write};
use mesh_tests::exchange;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::payload::pattern;
use mesh_tests::peers::Wheel;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::recordings;
use mesh_tests::talk::{Heard, Listener};
use mesh_tests::{isolated, test_name};

#[test]
fn python_reads_what_we_write() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let events = varied_events();
    let log = scratch("ours.lcmlog");
    write(&log, &events);
    assert_eq!(python_reads(&wheel, &log), described(&events));
}

#[test]
fn we_read_what_python_writes() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("python.lcmlog");
    run(wheel.script("write_log.py").arg(&log).arg("/a#pkg.Type").args(SIZES.map(|size| size.to_string())));
    let expected: Vec<_> = (0..)
        .zip(SIZES)
        .map(|(number, size)| event(number, 1_700_000_000_000_000 + 1000 * i64::from(number), "/a#pkg.Type", size))
        .collect();
    assert!(read(&log) == expected);
}

#[test]
fn both_read_the_log_of_a_real_robot_alike() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let Some(log) = recordings::intel_lab() else {
        let _ = writeln!(std::io::stderr(), "skipped: {}: the log is not there", test_name!());
        return;
    };
    let events = read(&log);
    assert!(events.len() > 5000);
    assert_eq!(python_reads(&wheel, &log), described(&events));
}

#[test]
fn what_we_save_of_a_damaged_log_python_reads_whole() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let events = varied_events();
    let log = scratch("damaged.lcmlog");
    write(&log, &events);
    let whole = std::fs::read(&log).unwrap();
    let mut reader = LogReader::new(&whole[..]);
    let mut damaged = Vec::new();
    let mut begin = 0;
    while reader.next_event().unwrap().is_some() {
        let end = usize::try_from(reader.position()).unwrap();
        damaged.extend_from_slice(&whole[begin..end]);
        damaged.extend_from_slice(b"garbage");
        begin = end;
    }
    std::fs::write(&log, &damaged).unwrap();
    // The programs of LCM stop at the first piece of garbage, and have lost the event before it too.
    assert_eq!(python_reads(&wheel, &log).len(), 0);
    let mut reader = LogReader::open(&log).unwrap();
    let saved: Vec<_> = reader.events().map(Result::unwrap).collect();
    assert!(saved == events);
    assert_eq!(reader.skipped().bytes, 7 * events.len() as u64);
    write(&log, &saved);
    assert_eq!(python_reads(&wheel, &log), described(&events));
}

#[test]
fn lcm_logfilter_takes_channels_out_of_our_log() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let (log, filtered) = (scratch("unfiltered.lcmlog"), scratch("filtered.lcmlog"));
    let events: Vec<_> = (0..300)
        .map(|number| event(number, i64::from(number), ["WANTED", "OTHER", "WANTED_TOO"][number as usize % 3], 100))
        .collect();
    write(&log, &events);
    run(wheel.program("lcm-logfilter").args(["-c", "WANTED.*"]).arg(&log).arg(&filtered));
    let mut wanted: Vec<_> = events.into_iter().filter(|event| event.channel.starts_with(b"WANTED")).collect();
    // It numbers anew.
    (0..).zip(&mut wanted).for_each(|(number, event)| event.number = number);
    assert!(read(&filtered) == wanted);
}

#[test]
fn we_hear_our_log_from_lcm_logplayer() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("ours-played.lcmlog");
    let events: Vec<_> =
        (0..).zip(SIZES).map(|(number, size)| event(number, 1000 * i64::from(number), "/p#pkg.Type", size)).collect();
    write(&log, &events);
    let mut listeners = Reading::BOTH.map(|reading| Bus::open_to_all(reading, BUS));
    let mut player = Process::start(wheel.program("lcm-logplayer").arg("--lcm-url").arg(BUS).arg(&log));
    assert!(player.wait(PATIENCE).success(), "{}", player.stderr());
    for listener in &mut listeners {
        for event in &events {
            assert_eq!(exchange::hear(listener, PATIENCE), Some(Heard::of(&event.channel, &event.data)));
        }
    }
}

#[test]
fn we_read_what_lcm_logger_recorded_of_us() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("recorded-of-us.lcmlog");
    let (published, begun_us) = record(&wheel, &["--force"], &log);
    let recorded: Vec<_> = read(&log).into_iter().filter(|event| event.channel == b"/logged#pkg.Type").collect();
    let heard: Vec<_> = recorded.iter().map(|event| Heard::of(&event.channel, &event.data)).collect();
    assert!(heard.len() >= published.len() / 2, "the log has only {} events", heard.len());
    assert_eq!(heard[..], published[published.len() - heard.len()..]);
    assert!(recorded.is_sorted_by_key(|event| event.number) && recorded.is_sorted_by_key(|event| event.timestamp_us));
    assert!(recorded.iter().all(|event| (begun_us..=now_us()).contains(&event.timestamp_us)));
}

#[test]
fn each_appends_to_the_log_of_the_other() {
    isolated!(MulticastOnLo);
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("appended.lcmlog");
    let ours = varied_events();
    write(&log, &ours);
    record(&wheel, &["--append"], &log);
    let theirs = read(&log)[ours.len()..].to_vec();
    assert!(theirs.len() > 10 && theirs[0].number == 0, "{} appended, the first {:?}", theirs.len(), theirs.first());
    let mut writer = LogWriter::append(&log).unwrap();
    for event in &ours {
        writer.write(event.timestamp_us, &event.channel, &event.data).unwrap();
    }
    writer.flush().unwrap();
    let all = [&ours[..], &theirs, &ours].concat();
    assert!(read(&log) == all);
    assert_eq!(python_reads(&wheel, &log), described(&all));
}

#[test]
fn a_log_in_place_of_a_bus_is_the_same_to_both() {
    let Some(wheel) = Wheel::find(test_name!()) else { return };
    let log = scratch("bus.lcmlog");
    let begun_us = now_us();
    let bus = Lcm::open(&format!("file://{}?mode=w", log.display())).unwrap();
    let published: Vec<_> =
        (0..).zip(SIZES).map(|(seed, size)| (format!("CHANNEL_{seed}"), pattern(seed, size))).collect();
    for (channel, payload) in &published {
        bus.publish(channel, payload).unwrap();
    }
    let recorded = read(&log);
    assert_eq!(python_reads(&wheel, &log), described(&recorded));
    assert!(recorded.iter().all(|event| (begun_us..=now_us()).contains(&event.timestamp_us)));
    let mut python = Listener::start(wheel.script("peer.py"), &format!("file://{}?speed=0", log.display()), ".*");
    let mut ours = Reading::BOTH.map(|reading| Bus::open_to_all(reading, &format!("file://{}?speed=0", log.display())));
    for (channel, payload) in &published {
        python.expect(channel.as_bytes(), payload);
        for bus in &mut ours {
            assert_eq!(exchange::hear(bus, PATIENCE), Some(Heard::of(channel.as_bytes(), payload)));
        }
    }
}

/// Publishes on the bus for some seconds while `lcm-logger` records; what was published, and when that began.
///
/// It does not say when it listens: the log shows from where on it did.
fn record(wheel: &Wheel, options: &[&str], log: &Path) -> (Vec<Heard>, i64) {
    let mut logger =
        Process::start(wheel.program("lcm-logger").args(["--quiet", "--lcm-url", LARGE_BUFFER]).args(options).arg(log));
    let bus = Bus::open_to_publish(Reading::Queued, BUS);
    let begun_us = now_us();
    let mut published = Vec::new();
    for seed in 0..200_u32 {
        let size = [0, 1, 1000, 65485, 65486, 100_000][seed as usize % 6];
        bus.publish(b"/logged#pkg.Type", &pattern(seed, size));
        published.push(Heard::of_pattern(b"/logged#pkg.Type", seed, size));
        std::thread::sleep(Duration::from_millis(10));
    }
    // It flushes only when it hears something.
    let waiting = Instant::now();
    while !read_so_far(log).iter().any(|event| event.channel == b"/end") {
        assert!(waiting.elapsed() < PATIENCE, "lcm-logger does not write: {}", logger.stderr());
        bus.publish(b"/end", b"");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(logger.terminate().success(), "{}", logger.stderr());
    (published, begun_us)
}

/// Events of every size up to a megabyte, on channels that LCM's programs can show.
fn varied_events() -> Vec<Event> {
    let longest = "x".repeat(999);
    let channels = ["A", "/scan#sensor_msgs.LaserScan", "/umläut#µ", &longest];
    (0..40)
        .map(|number| {
            let timestamp_us = [-5, 0, 1_700_000_000_000_000, i64::MAX][number as usize % 4] - i64::from(number);
            event(number, timestamp_us, channels[number as usize % 4], SIZES[number as usize % SIZES.len()])
        })
        .collect()
}

fn event(number: u32, timestamp_us: i64, channel: &str, size: usize) -> Event {
    Event { number: number.into(), timestamp_us, channel: channel.into(), data: pattern(number, size) }
}

fn now_us() -> i64 {
    let since_epoch = SystemTime::UNIX_EPOCH.elapsed().expect("the clock is set");
    i64::try_from(since_epoch.as_micros()).expect("the clock is set")
}

/// A file of this test run. Process ids repeat between namespaces; the tests' own file names do not.
fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

const SIZES: [usize; 9] = [0, 1, 27, 28, 1000, 65485, 65486, 100_000, 1_000_000];

/// Where the programs of LCM meet by default; large messages need a receive buffer there.
const BUS: &str = "udpm://239.255.76.67:7667?ttl=0";
const LARGE_BUFFER: &str = "udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304";
