//! Damaged logs: every good event comes out, and what is passed over is what belongs to none.

use lcm::log::{Event, Gap};
use proptest::prelude::*;

use super::{SYNC, Trickle, any_events, concat, event, events, gap, read, record};

/// Bytes that look like parts of a log as far as possible without being an event.
fn garbage() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 1..200);
    let false_sync = (prop::collection::vec(any::<u8>(), 0..100), prop::collection::vec(any::<u8>(), 0..100))
        .prop_map(|(before, after)| [&before[..], &SYNC, &after].concat());
    // A whole header, that claims more than follows.
    let false_header =
        (any::<i64>(), any::<i64>(), 0_u32..1100, 0_u32..3000, prop::collection::vec(any::<u8>(), 0..100)).prop_map(
            |(number, timestamp, channel_bytes, data_bytes, more)| {
                let lengths = [channel_bytes.to_be_bytes(), (data_bytes + 200).to_be_bytes()].concat();
                [&SYNC[..], &number.to_be_bytes(), &timestamp.to_be_bytes(), &lengths, &more].concat()
            },
        );
    let ends_like_a_sync_word = prop::collection::vec(any::<u8>(), 0..50).prop_map(|mut bytes| {
        bytes.extend_from_slice(&SYNC[..3]);
        bytes
    });
    prop_oneof![noise, false_sync, false_header, ends_like_a_sync_word]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn garbage_between_events_is_passed_over_and_nothing_else(
        events in any_events(300),
        garbage in prop::collection::vec((0_usize..8, garbage()), 0..5),
        at_once in 1_usize..2000,
    ) {
        let (mut log, mut gaps) = (Vec::new(), Vec::new());
        for n in 0..=events.len() {
            // Never both before an event and behind it: then nothing would show that it is one.
            if let Some((_, garbage)) = garbage.iter().find(|(place, _)| place * 3 == n) {
                gaps.push(gap(log.len(), garbage.len()));
                log.extend_from_slice(garbage);
            }
            log.extend(events.get(n).map(record).unwrap_or_default());
        }
        // Garbage that claims to end with the log is an event for all one can know.
        prop_assume!(!claimed_ends(&log, &gaps).any(|end| end == log.len()));
        prop_assert_eq!(read(&log[..]), (events.clone(), gaps.clone()));
        prop_assert_eq!(read(Trickle(&log[..], at_once)), (events, gaps));
    }
}

/// Where the false headers in these gaps claim that their events end.
fn claimed_ends(log: &[u8], gaps: &[Gap]) -> impl Iterator<Item = usize> {
    let places =
        gaps.iter().flat_map(|gap| gap.offset..gap.offset + gap.bytes).map(|place| usize::try_from(place).unwrap());
    places.filter_map(|place| {
        let header = log[place..].first_chunk::<28>().filter(|header| header.starts_with(&SYNC))?;
        let length = |at: usize| u32::from_be_bytes(*header[at..].first_chunk().unwrap()) as usize;
        Some(place + 28 + length(20) + length(24))
    })
}

/// Small events of different sizes, so that their boundaries fall everywhere.
fn small_events() -> Vec<Event> {
    events([3_usize, 0, 40, 7, 1, 90, 2, 2, 33, 5].map(|size| vec![0x5a; size]))
}

#[test]
fn a_log_that_was_cut_off_anywhere_gives_what_is_whole_and_tells_the_rest() {
    let events = small_events();
    let log = concat(&events);
    for cut in 0..log.len() {
        let (mut whole, mut end) = (0, 0);
        while let Some(next) = events.get(whole)
            && end + record(next).len() <= cut
        {
            (whole, end) = (whole + 1, end + record(next).len());
        }
        let gaps = if cut > end { vec![gap(end, cut - end)] } else { vec![] };
        assert_eq!(read(&log[..cut]), (events[..whole].to_vec(), gaps), "cut at {cut}");
    }
}

#[test]
fn an_event_that_a_crash_cut_off_anywhere_costs_no_event_of_the_recording_after_it() {
    // Longer than the one after it, as by chance its numbers could count on otherwise.
    let before = events(vec![vec![1; 10]; 30]);
    let cut_off = record(&event(30, 30_000_000, "CHANNEL", &vec![0x5a; 600]));
    let after = [small_events(), small_events()].concat();
    let whole: Vec<_> = before.iter().chain(&after).cloned().collect();
    // Its length ends in every place of the recording after it, at the ends of events too.
    for cut in 1..cut_off.len() {
        // Unless it ends where yet another recording begins, or the log: then nothing contradicts it.
        let ends_at = cut_off.len() - cut;
        if [1, 2].map(|recordings| recordings * concat(&small_events()).len()).contains(&ends_at) {
            continue;
        }
        let log = [concat(&before), cut_off[..cut].to_vec(), concat(&after)].concat();
        assert_eq!(read(&log[..]), (whole.clone(), vec![gap(concat(&before).len(), cut)]), "cut at {cut}");
    }
}

#[test]
fn a_block_that_is_gone_from_the_middle_costs_only_the_events_it_touches() {
    let events = events((0..60).map(|n| vec![0x5a; n * 13 % 97]));
    let starts: Vec<_> = events
        .iter()
        .scan(0, |end, event| {
            let start = *end;
            *end += record(event).len();
            Some(start..*end)
        })
        .collect();
    let log = concat(&events);
    for from in 0..1500 {
        for bytes in [1, 2, 28, 100, 512] {
            let gone = from..from + bytes;
            let damaged = [&log[..gone.start], &log[gone.end..]].concat();
            let touched = |n: usize| starts[n].start < gone.end && gone.start < starts[n].end;
            let good: Vec<_> =
                events.iter().enumerate().filter(|(n, _)| !touched(*n)).map(|(_, event)| event.clone()).collect();
            let (read, _) = read(&damaged[..]);
            // What is left of two events may make a whole one by accident; no good one is lost to it.
            let read: Vec<_> = read.into_iter().filter(|event| good.contains(event)).collect();
            assert!(read == good, "{bytes} bytes gone at {from}");
        }
    }
}

#[test]
fn an_event_whose_data_looks_like_a_log_is_one_event_whatever_follows() {
    let inner = concat(&small_events());
    let sync_words = SYNC.repeat(100);
    for data in [inner.clone(), [&inner[..], b"more"].concat(), [b"about: ", &inner[..]].concat(), sync_words] {
        let events = [vec![1; 10], data, vec![2; 20]];
        let events = self::events(events);
        for garbage in [&b""[..], b"garbage", &SYNC, &[0; 5000]] {
            let (before, after) = (concat(&events[..2]), concat(&events[2..]));
            let log = [&before, garbage, &after].concat();
            let gaps = if garbage.is_empty() { vec![] } else { vec![gap(before.len(), garbage.len())] };
            assert_eq!(read(&log[..]), (events.clone(), gaps), "before {garbage:?}");
            // At the end of the log.
            let log = [&before, garbage].concat();
            let (read, _) = read(&log[..]);
            if garbage.is_empty() {
                assert_eq!(read, events[..2]);
            }
        }
    }
}

#[test]
fn a_header_that_covers_good_events_is_found_out_by_them() {
    let good = small_events();
    let log = concat(&good);
    for claimed in 0..log.len() + 50 {
        let mut header = record(&event(77, 5, "", b""));
        header[24..28].copy_from_slice(&u32::try_from(claimed).unwrap().to_be_bytes());
        for behind in [&b""[..], b"garbage"] {
            let damaged = [&header, &log[..], behind].concat();
            let (read, _) = read(&damaged[..]);
            // One that ends with the log, or before the first event, is an event for all one can know.
            if claimed != 0 && claimed != log.len() + behind.len() {
                assert_eq!(read, good, "{claimed} bytes claimed before {behind:?}");
            }
        }
    }
}

#[test]
fn garbage_before_the_first_and_after_the_last_event_is_told() {
    let events = small_events();
    let log = concat(&events);
    let damaged = [b"some head", &log[..], b"\xed\xa1\xda"].concat();
    assert_eq!(read(&damaged[..]), (events, vec![gap(0, 9), gap(9 + log.len(), 3)]));
    assert_eq!(read(&b"no log at all"[..]), (vec![], vec![gap(0, 13)]));
    assert_eq!(read(&SYNC.repeat(3)[..]), (vec![], vec![gap(0, 12)]));
}

#[test]
fn numbers_that_do_not_count_on_change_nothing() {
    // As programs write them that put logs together or take events out.
    for numbers in [[5, 5, 5, 5], [9, 7, 5, 3], [i64::MAX, i64::MIN, 0, -1], [0, 10, 20, 30]] {
        let events: Vec<_> = numbers
            .into_iter()
            .zip([0, 100, 28, 40_000])
            .map(|(number, size)| event(number, 0, "A", &vec![1; size]))
            .collect();
        assert_eq!(read(&concat(&events)[..]), (events, vec![]));
    }
}
