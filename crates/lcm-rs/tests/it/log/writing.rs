//! Writing logs: the bytes, the limits, and disks that are full.

use std::io::{self, ErrorKind, IoSlice, Write};

use lcm::log::{HandedOn, LogReader, LogWriter, WriteError};
use proptest::prelude::*;

use super::{any_events, event, events, read, scratch};

#[test]
fn the_bytes_are_those_of_c_lcm() {
    let mut log = Vec::new();
    let mut writer = LogWriter::new(&mut log);
    writer.write(123, "A", b"zz").unwrap();
    writer.write_gathered(-2, "", &[IoSlice::new(b"y"), IoSlice::new(b""), IoSlice::new(b"z")]).unwrap();
    writer.flush().unwrap();
    drop(writer);
    let expected = b"\xed\xa1\xda\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x7b\0\0\0\x01\0\0\0\x02Azz\
                     \xed\xa1\xda\x01\0\0\0\0\0\0\0\x01\xff\xff\xff\xff\xff\xff\xff\xfe\0\0\0\0\0\0\0\x02yz";
    assert_eq!(log, expected);
}

#[test]
fn what_no_program_could_read_is_refused() {
    let mut writer = LogWriter::new(io::sink());
    let megabyte = vec![0; 1 << 20];
    let slices = |megabytes| vec![IoSlice::new(&megabyte); megabytes];
    writer.write(0, "x".repeat(999), b"").unwrap();
    assert_eq!(writer.write_gathered(0, "A", &slices(256)).unwrap(), 1);
    let error = writer.write(0, "x".repeat(1000), b"").unwrap_err();
    assert_eq!(error.to_string(), "channel name of 1000 bytes, the limit of event logs is 999");
    let error = writer.write_gathered(0, "A", &[slices(256), vec![IoSlice::new(b"x")]].concat()).unwrap_err();
    assert_eq!(error.to_string(), "event with 268435457 bytes of data, the limit is 268435456");
    assert_eq!(writer.write(0, "A", b"").unwrap(), 2);
}

#[test]
fn appending_keeps_what_is_there_and_numbers_from_0_again() {
    let path = scratch("appended");
    LogWriter::create(&path).unwrap().write(1, "A", b"replaced").unwrap();
    for mut writer in [LogWriter::create(&path), LogWriter::append(&path)].map(Result::unwrap) {
        writer.write(10, "A", b"first").unwrap();
        writer.write(20, "B", b"second").unwrap();
    }
    let expected = [event(0, 10, "A", b"first"), event(1, 20, "B", b"second")];
    assert_eq!(read(&std::fs::read(&path).unwrap()[..]), ([expected.clone(), expected].concat(), vec![]));
    std::fs::remove_file(&path).unwrap();
    drop(LogWriter::append(&path).unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn what_is_flushed_can_be_read_while_the_log_is_still_written() {
    let path = scratch("growing");
    let mut writer = LogWriter::create(&path).unwrap();
    for event in events((0..50).map(|size| vec![3; 100 * size])) {
        writer.write(event.timestamp_us, &event.channel, &event.data).unwrap();
        writer.flush().unwrap();
        assert_eq!(LogReader::open(&path).unwrap().events().last().unwrap().unwrap(), event);
    }
}

#[test]
fn a_full_disk_is_told() {
    for size in [10, 1_000_000] {
        let mut writer = LogWriter::new(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let written = writer.write(0, "A", &vec![0; size]).map(|_| ());
        let told = written.and_then(|()| Ok(writer.flush()?));
        let Err(WriteError::Io(error)) = told else { panic!("{told:?}") };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}

#[test]
fn what_the_sink_has_is_told_in_whole_events() {
    // The header is 28 bytes, so an event is 29 and its data.
    let mut writer = LogWriter::new(Moody { log: Vec::new(), moods: vec![100] });
    for number in 0..3 {
        writer.write(number, "A", &[0; 20]).unwrap();
    }
    assert_eq!((writer.handed_on(), writer.written_bytes()), (HandedOn { events: 0, bytes: 0 }, 147));
    writer.flush().unwrap_err();
    assert_eq!((writer.handed_on(), writer.sink().log.len()), (HandedOn { events: 2, bytes: 98 }, 100));
    writer.flush().unwrap();
    assert_eq!(writer.handed_on(), HandedOn { events: 3, bytes: 147 });
    writer.set_next_number(7);
    assert_eq!(writer.write(0, "A", &vec![0; 100_000]).unwrap(), 7);
    assert_eq!((writer.next_number(), writer.handed_on().bytes), (8, 147 + 100_029));
}

/// Takes so many bytes at a time, refuses once when those are over, and then goes on.
struct Moody {
    log: Vec<u8>,
    moods: Vec<usize>,
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(room) = self.moods.last_mut() else { return self.log.write(bytes) };
        if *room == 0 {
            self.moods.pop();
            return Err(ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(*room);
        *room -= taken;
        self.log.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_on_a_disk_that_is_full_at_times_has_exactly_what_was_not_refused(
        events in any_events(3000),
        moods in prop::collection::vec(0_usize..5000, 0..20),
        large in prop::collection::vec(any::<bool>(), 20),
    ) {
        let mut writer = LogWriter::new(Moody { log: Vec::new(), moods });
        let mut accepted = Vec::new();
        for (event, large) in events.iter().zip(large) {
            let data = event.data.repeat(if large { 100 } else { 1 });
            let flushed = writer.flush().is_ok();
            match writer.write(event.timestamp_us, &event.channel, &data) {
                Ok(number) => accepted.push((number, event.timestamp_us, event.channel.clone(), data)),
                Err(WriteError::Io(_)) => prop_assert!(data.len() > 60_000 || !flushed),
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
        while writer.flush().is_err() {}
        let (read, _) = read(&writer.sink().log[..]);
        let read: Vec<_> =
            read.into_iter().map(|event| (event.number, event.timestamp_us, event.channel, event.data)).collect();
        prop_assert_eq!(read, accepted);
    }
}
