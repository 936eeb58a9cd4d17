//! Reading logs that nothing happened to.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::path::Path;

use lcm::log::LogReader;
use proptest::prelude::*;

use super::{Trickle, any_events, concat, events, read, written};

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(events in any_events(3000), at_once in 1_usize..5000) {
        let log = written(&events);
        prop_assert_eq!(&log, &concat(&events));
        prop_assert_eq!(read(&log[..]), (events.clone(), vec![]));
        prop_assert_eq!(read(Trickle(&log[..], at_once)), (events, vec![]));
    }
}

#[test]
fn events_larger_than_any_buffer_are_read() {
    let sizes = [10, 5 << 20, 0, 300_000, 40 << 20, 1];
    let events = events(sizes.map(|size: usize| vec![7; size]));
    assert!(read(&concat(&events)[..]) == (events, vec![]));
}

#[test]
fn an_empty_log_has_no_events() {
    let mut reader = LogReader::new(io::empty());
    for _ in 0..3 {
        assert_eq!(reader.next_event().unwrap(), None);
    }
    assert_eq!(reader.skipped().bytes, 0);
}

/// Fails before each byte at these places, once.
struct Failing<'a> {
    log: &'a [u8],
    position: usize,
    fail_at: Vec<usize>,
}

impl Read for Failing<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.fail_at.last() == Some(&self.position) {
            self.fail_at.pop();
            return Err(io::Error::other("a bad sector"));
        }
        let end = self.fail_at.last().copied().unwrap_or(self.log.len());
        let read = (&self.log[self.position..end]).read(buffer)?;
        self.position += read;
        Ok(read)
    }
}

#[test]
fn after_an_error_reading_goes_on_where_it_was() {
    let events = events((0..20).map(|size| vec![1; size]));
    let log = concat(&events);
    let fail_at = vec![log.len() - 3, 500, 300, 299, 0];
    let mut reader = LogReader::new(Failing { log: &log, position: 0, fail_at });
    let (mut read, mut errors) = (Vec::new(), Vec::new());
    for result in reader.events() {
        match result {
            Ok(event) => read.push(event),
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert_eq!(read, events);
    assert_eq!(errors.len(), 5);
    assert_eq!(errors[0], "cannot read the event log at byte 0: a bad sector");
    assert_eq!(reader.position(), log.len() as u64);
}

#[test]
fn the_log_of_the_intel_lab_is_read_whole() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/intel_lab.lcmlog");
    let Ok(mut reader) = LogReader::open(&path) else {
        let _ = writeln!(io::stderr(), "skipped: the log of the intel lab: there is no {}", path.display());
        return;
    };
    let mut channels = BTreeMap::<_, usize>::new();
    let mut times = Vec::new();
    for (number, event) in reader.events().map(Result::unwrap).enumerate() {
        assert_eq!(event.number, i64::try_from(number).unwrap());
        *channels.entry(String::from_utf8(event.channel).unwrap()).or_default() += 1;
        times.push(event.timestamp_us);
    }
    assert_eq!(channels["/scan#sensor_msgs.LaserScan"], 2726);
    assert!(channels["/odom#nav_msgs.Odometry"] > 0);
    assert_eq!(channels.len(), 2, "{channels:?}");
    assert_eq!((times[times.len() - 1] - times[0]) / 1_000_000, 194);
    assert_eq!(reader.skipped().bytes, 0);
    assert_eq!(reader.position(), std::fs::metadata(&path).unwrap().len());
}
