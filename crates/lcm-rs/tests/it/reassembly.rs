//! Any order, loss and duplication of fragments gives exactly the messages that are whole.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use lcm::reassembly::{Landing, Limits, Outcome, Reassembler};
use lcm::wire::{self, Datagram, Fragment, FragmentHeader};
use lcm::{Channel, Parts};
use proptest::prelude::*;
use zerocopy::{FromBytes, IntoBytes};

use crate::loopback::pattern;

fn sender(port: u16) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), port)
}

fn channel(number: usize) -> Channel {
    Channel::new(format!("CHANNEL_{number}")).unwrap()
}

/// The datagrams of a fragmented message.
fn datagrams(channel: Channel, seqno: u32, payload: &[u8]) -> Vec<Vec<u8>> {
    let parts = Parts::new(channel, seqno, payload.len(), 128).unwrap();
    assert!(parts.len() > 1, "a message of {} bytes is not fragmented", payload.len());
    parts.map(|part| [part.header(), &payload[part.payload.clone()]].concat()).collect()
}

fn fragment(datagram: &[u8]) -> Fragment<'_> {
    match wire::parse(datagram) {
        Ok(Datagram::Fragment(fragment)) => fragment,
        other => panic!("{other:?}"),
    }
}

/// Everyone wants every channel but this one.
fn wanted(datagram: &[u8]) -> bool {
    fragment(datagram).channel.is_none_or(|channel| channel != "UNWANTED")
}

/// Gives a datagram in as a socket would: into the landing if there is one, and copied out of it where it does not belong.
fn receive(reassembler: &mut Reassembler, from: SocketAddrV4, datagram: &[u8], now: Instant) -> Outcome {
    if let Some(landing) = reassembler.landing() {
        let body = &datagram[20..];
        if let Landing::Place(place) = landing {
            let fits = body.len().min(place.len());
            place[..fits].copy_from_slice(&body[..fits]);
        }
        let (header, _) = FragmentHeader::read_from_prefix(datagram).unwrap();
        if let Some(outcome) = reassembler.landed(from, &header, body.len(), now) {
            return outcome;
        }
    }
    reassembler.insert(from, &fragment(datagram), wanted(datagram), now).0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_complete_messages_come_out(
        sizes in prop::collection::vec(120_usize..3000, 1..8),
        senders in 1_u16..4,
        loss in 0.0..0.15_f64,
        duplication in 0.0..0.3_f64,
        disorder in 0_usize..200,
        seed: u64,
    ) {
        let mut random = fastrand::Rng::with_seed(seed);
        let messages: Vec<_> = sizes.iter().enumerate().map(|(n, &size)| pattern(size, n as u64)).collect();
        let mut flights = Vec::new();
        let mut broken = HashSet::new();
        for (n, message) in messages.iter().enumerate() {
            for datagram in datagrams(channel(n), u32::try_from(n).unwrap(), message) {
                let from = sender(u16::try_from(n).unwrap() % senders);
                let at = flights.len() + random.usize(..=disorder);
                if random.f64() < loss {
                    broken.insert(n);
                } else {
                    if random.f64() < duplication {
                        flights.push((at + random.usize(..=disorder), from, datagram.clone()));
                    }
                    flights.push((at, from, datagram));
                }
            }
        }
        flights.sort_by_key(|(at, ..)| *at);
        let mut reassembler = Reassembler::default();
        let now = Instant::now();
        let mut complete = HashMap::new();
        for (_, from, datagram) in &flights {
            if let Outcome::Complete { channel, payload } = receive(&mut reassembler, *from, datagram, now) {
                prop_assert!(complete.insert(channel, payload).is_none(), "a message came out twice");
            }
        }
        for (n, message) in messages.iter().enumerate() {
            match complete.get(&channel(n)) {
                Some(payload) => prop_assert_eq!(&**payload, &message[..]),
                None => prop_assert!(broken.contains(&n), "message {} is missing", n),
            }
        }
        prop_assert_eq!(complete.len() + broken.len(), messages.len());
        reassembler.expire(now + Duration::from_secs(3));
        prop_assert_eq!(reassembler.held_bytes(), 0);
    }

    #[test]
    fn forged_fragments_neither_panic_nor_hold_more_than_they_bring(
        forged in prop::collection::vec(
            (0_u16..3, 0_u32..4, prop_oneof![0_u32..500, 0..=1_u32 << 28], 0_u32..500, 0_u16..6, 0_u16..6,
             prop::collection::vec(any::<u8>(), 0..80)),
            0..200,
        ),
    ) {
        let mut reassembler = Reassembler::default();
        let now = Instant::now();
        let mut brought = 0;
        for (port, seqno, message_bytes, offset, number, count, body) in forged {
            let header = [
                wire::FRAGMENT_MAGIC.to_be_bytes(), seqno.to_be_bytes(), message_bytes.to_be_bytes(),
                offset.to_be_bytes(), (u32::from(number) << 16 | u32::from(count)).to_be_bytes(),
            ].concat();
            let datagram = [&header[..], b"C\0", &body].concat();
            let Ok(Datagram::Fragment(_)) = wire::parse(&datagram) else { continue };
            brought += datagram.len();
            if let Outcome::Complete { payload, .. } = receive(&mut reassembler, sender(port), &datagram, now) {
                prop_assert_eq!(payload.len(), message_bytes as usize);
            }
            // Buffers grow by a factor of four; 400 and 128 are what a message and a fragment cost beside their bytes.
            prop_assert!(reassembler.held_bytes() <= 5 * brought + 48 * 400 + 200 * 128);
        }
    }
}

#[test]
fn two_senders_with_the_same_sequence_number_are_not_mixed() {
    let (a, b) = (pattern(5000, 1), pattern(5000, 2));
    let mut reassembler = Reassembler::default();
    let now = Instant::now();
    let mut out = Vec::new();
    for (from_a, from_b) in datagrams(channel(0), 9, &a).iter().zip(&datagrams(channel(0), 9, &b)) {
        for (port, datagram) in [(1, from_a), (2, from_b)] {
            if let Outcome::Complete { payload, .. } = receive(&mut reassembler, sender(port), datagram, now) {
                out.push((port, payload.to_vec()));
            }
        }
    }
    assert!(out == [(1, a), (2, b)]);
}

#[test]
fn a_message_without_progress_is_given_up_and_its_late_fragments_open_nothing() {
    let message = datagrams(channel(0), 1, &pattern(1000, 0));
    let mut reassembler = Reassembler::default();
    let start = Instant::now();
    assert_eq!(receive(&mut reassembler, sender(1), &message[0], start), Outcome::Pending);
    reassembler.expire(start + Duration::from_secs(1));
    assert_eq!(reassembler.take_given_up().count(), 0);
    let late = start + Duration::from_secs(3);
    reassembler.expire(late);
    let given_up: Vec<_> = reassembler.take_given_up().collect();
    assert_eq!((given_up.len(), given_up[0].message_bytes, given_up[0].channel), (1, 1000, Some(channel(0))));
    assert_eq!(reassembler.held_bytes(), 0);
    for datagram in &message[1..] {
        assert_eq!(receive(&mut reassembler, sender(1), datagram, late), Outcome::Repeated);
    }
}

#[test]
fn a_sender_that_starts_anew_with_the_same_number_is_heard() {
    let (old, new) = (datagrams(channel(0), 0, &pattern(1000, 0)), pattern(2000, 1));
    let mut reassembler = Reassembler::default();
    let now = Instant::now();
    receive(&mut reassembler, sender(1), &old[0], now);
    let outcomes: Vec<_> = datagrams(channel(1), 0, &new)
        .iter()
        .map(|datagram| receive(&mut reassembler, sender(1), datagram, now))
        .collect();
    let Some(Outcome::Complete { channel: heard, payload }) = outcomes.last() else { panic!("{outcomes:?}") };
    assert!(*heard == channel(1) && **payload == new[..]);
    assert_eq!(reassembler.take_given_up().count(), 1);
}

#[test]
fn one_sender_cannot_starve_another() {
    let limits = Limits { sender_bytes: 64 << 10, total_bytes: 160 << 10, ..Limits::default() };
    let mut reassembler = Reassembler::new(limits);
    let now = Instant::now();
    let good = pattern(20_000, 0);
    let good_datagrams = datagrams(channel(0), 0, &good);
    let flood: Vec<_> = (0..20).map(|n| datagrams(channel(1), n, &pattern(60_000, 1))).collect();
    let mut heard = Vec::new();
    for (n, datagram) in good_datagrams.iter().enumerate() {
        if let Outcome::Complete { payload, .. } = receive(&mut reassembler, sender(1), datagram, now) {
            heard.push(payload);
        }
        // Meanwhile four others send large messages without their ends.
        for message in &flood {
            for port in 2..6 {
                receive(&mut reassembler, sender(port), &message[n], now);
            }
        }
        assert!(reassembler.held_bytes() <= limits.total_bytes);
    }
    assert!(heard.len() == 1 && *heard[0] == good[..]);
    assert!(reassembler.take_given_up().count() > 0);
}

#[test]
fn a_flood_of_senders_does_not_displace_one_that_is_known() {
    let mut reassembler = Reassembler::default();
    let now = Instant::now();
    for datagram in datagrams(channel(0), 0, &pattern(500, 0)) {
        receive(&mut reassembler, sender(1), &datagram, now);
    }
    let message = datagrams(channel(0), 1, &pattern(5000, 0));
    let stray = datagrams(channel(1), 0, &pattern(5000, 0));
    let mut last = Outcome::Repeated;
    for (n, datagram) in message.iter().enumerate() {
        last = receive(&mut reassembler, sender(1), datagram, now);
        for port in 0..300 {
            receive(&mut reassembler, sender(1000 + u16::try_from(n).unwrap() * 300 + port), &stray[0], now);
        }
    }
    assert!(matches!(last, Outcome::Complete { .. }), "{last:?}");
}

#[test]
fn a_fragment_that_lands_on_what_an_early_one_claims_harms_nothing() {
    let forge = |offset: u32, number: u16, body: &[u8]| {
        let header = FragmentHeader {
            magic: wire::FRAGMENT_MAGIC.into(),
            seqno: 1.into(),
            message_bytes: 1000.into(),
            offset: offset.into(),
            number: number.into(),
            count: 5.into(),
        };
        [header.as_bytes(), body].concat()
    };
    let mut reassembler = Reassembler::default();
    let now = Instant::now();
    let first = [&b"C\0"[..], &[1; 100]].concat();
    for datagram in [forge(0, 0, &first), forge(100, 3, &[1; 890]), forge(100, 1, &[1; 500]), forge(0, 2, &[1])] {
        let outcome = receive(&mut reassembler, sender(1), &datagram, now);
        assert!(!matches!(outcome, Outcome::Complete { .. }));
    }
    reassembler.expire(now + Duration::from_secs(3));
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn a_fragment_that_does_not_follow_the_one_before_spoils_its_message() {
    let mut message = datagrams(channel(0), 1, &pattern(1000, 0));
    // The third begins one byte early: it would overlap the second.
    let offset = u32::from_be_bytes(*message[2][12..].first_chunk().unwrap());
    message[2][12..16].copy_from_slice(&(offset - 1).to_be_bytes());
    let mut reassembler = Reassembler::default();
    let now = Instant::now();
    let outcomes: Vec<_> = message.iter().map(|datagram| receive(&mut reassembler, sender(1), datagram, now)).collect();
    assert_eq!(outcomes[2], Outcome::Contradiction);
    assert!(outcomes[3..].iter().all(|outcome| *outcome == Outcome::Repeated));
    assert_eq!(reassembler.take_given_up().count(), 1);
}

#[test]
fn a_message_that_nobody_wants_passes_by_without_being_held() {
    let unwanted = Channel::new("UNWANTED").unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..100 {
        let mut message = datagrams(unwanted, 1, &pattern(20_000, round));
        let last = message.len() - 1;
        if round > 0 {
            random.shuffle(&mut message[1..]);
        }
        let mut reassembler = Reassembler::default();
        let now = Instant::now();
        for (n, datagram) in message.iter().enumerate() {
            let outcome = receive(&mut reassembler, sender(1), datagram, now);
            match outcome {
                Outcome::Pending if n < last => {}
                Outcome::PassedBy { channel, message_bytes, beginning } if n == last => {
                    assert_eq!((channel, message_bytes), (unwanted, 20_000));
                    assert_eq!(beginning.as_bytes(), &pattern(20_000, round)[..16]);
                }
                outcome => panic!("{outcome:?} at {n}"),
            }
            assert!(round > 0 || reassembler.held_bytes() < 1000);
        }
        assert_eq!(reassembler.held_bytes(), 0);
    }
}

#[test]
fn a_second_beginning_decides_nothing() {
    let unwanted = Channel::new("UNWANTED").unwrap();
    let now = Instant::now();
    for (first, forged) in [(channel(0), unwanted), (unwanted, channel(0)), (unwanted, unwanted)] {
        let mut reassembler = Reassembler::default();
        let message = datagrams(first, 1, &pattern(20_000, 0));
        let other = &datagrams(forged, 1, &pattern(20_000, 1))[0];
        receive(&mut reassembler, sender(1), &message[0], now);
        assert_eq!(receive(&mut reassembler, sender(1), other, now), Outcome::Repeated);
        let outcomes = message[1..].iter().map(|datagram| receive(&mut reassembler, sender(1), datagram, now));
        match outcomes.last().unwrap() {
            Outcome::Complete { channel, payload } if first == self::channel(0) => {
                assert_eq!(channel, first);
                assert!(*payload == pattern(20_000, 0)[..]);
            }
            Outcome::PassedBy { channel, message_bytes, beginning } if first == unwanted => {
                assert_eq!((channel, message_bytes), (first, 20_000));
                assert_eq!(beginning.as_bytes(), &pattern(20_000, 0)[..16]);
            }
            outcome => panic!("{outcome:?} of {first}"),
        }
        assert_eq!(reassembler.held_bytes(), 0);
    }
}

#[test]
fn behind_a_filter_a_message_without_its_first_fragment_passes_by_and_one_in_disorder_is_kept() {
    let mut reassembler = Reassembler::default();
    reassembler.set_unwanted_first_missing(true);
    let now = Instant::now();
    let unwanted = datagrams(channel(0), 1, &pattern(20_000, 0));
    let outcomes: Vec<_> =
        unwanted[1..].iter().map(|datagram| receive(&mut reassembler, sender(1), datagram, now)).collect();
    assert_eq!(outcomes.last(), Some(&Outcome::Skipped));
    // Two fragments may overtake the first.
    let mut wanted = datagrams(channel(0), 2, &pattern(20_000, 1));
    wanted[..3].rotate_left(1);
    let outcomes: Vec<_> = wanted.iter().map(|datagram| receive(&mut reassembler, sender(1), datagram, now)).collect();
    let Some(Outcome::Complete { payload, .. }) = outcomes.last() else { panic!("{outcomes:?}") };
    assert!(**payload == pattern(20_000, 1)[..]);
    // One of so few fragments that it cannot be told from disorder is given up, wanted or not.
    receive(&mut reassembler, sender(1), &datagrams(channel(0), 3, &pattern(200, 0))[1], now);
    reassembler.expire(now + Duration::from_secs(3));
    let given_up: Vec<_> = reassembler.take_given_up().collect();
    assert!(given_up.len() == 1 && given_up[0].maybe_unwanted && reassembler.held_bytes() == 0, "{given_up:?}");
    // One whose beginning comes after all, too late, is known to be lost.
    let mut late = datagrams(channel(0), 4, &pattern(20_000, 2));
    late[..6].rotate_left(1);
    for datagram in &late {
        receive(&mut reassembler, sender(1), datagram, now);
    }
    let given_up: Vec<_> = reassembler.take_given_up().collect();
    assert!(given_up.len() == 1 && !given_up[0].maybe_unwanted, "{given_up:?}");
}
