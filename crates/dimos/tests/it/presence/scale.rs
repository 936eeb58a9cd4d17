//! What five hundred processes cost, in messages: a bus carries what each sends to all others, so that anything quadratic would show
//! in what is sent.

use std::time::Duration;

use dimos::presence::{Policy, Presence, timing};

use super::net::{Net, Sent, Weather};
use super::{ms, name, secs};

/// Processes with names that begin at the same instant.
fn crowd(seed: u64, weather: Weather, count: usize) -> Net {
    let mut net = Net::new(seed, weather);
    for _ in 0..count {
        net.add(|_| {});
    }
    for index in 0..count {
        let own = name(&format!("robot/module{index}"));
        net.with(index, |core, now| core.claim(now, own, Policy::TakeOver, 0)).unwrap();
    }
    net
}

/// Messages that one process sent since, at most, and all on average.
fn sent_each(net: &Net, before: &[u64]) -> (u64, f64) {
    let each: Vec<u64> = net.peers.iter().zip(before).map(|(peer, before)| peer.sent - before).collect();
    (each.iter().copied().max().unwrap(), each.iter().sum::<u64>() as f64 / each.len() as f64)
}

fn sent(net: &Net) -> Vec<u64> {
    net.peers.iter().map(|peer| peer.sent).collect()
}

/// How long it takes until something holds, looked at now and then.
fn eventually(net: &mut Net, holds: impl Fn(&Net) -> bool) -> Duration {
    let begin = net.now;
    while !holds(net) {
        assert!(net.now < begin + secs(20), "it does not come to that");
        net.run_for(ms(5));
    }
    net.now - begin
}

#[test]
fn five_hundred_processes_know_each_other_at_a_bounded_cost() {
    let count = 500;
    let mut net = crowd(9, Weather::fair(), count);
    let took = eventually(&mut net, |net| (0..count).all(|index| net.core(index).owners().count() == count - 1));
    println!("500 joined at the same instant: {:?} until all knew all after {took:?}", net.sent);
    assert!(took <= timing::LISTEN + ms(10), "{took:?}");
    net.run_for(secs(5) - took);
    println!("and {:?} until all was quiet", net.sent);
    let (most, average) = sent_each(&net, &vec![0; count]);
    println!("each sent {average:.1} messages, at most {most}");
    assert!(most <= JOINING && net.sent.asks == 0, "{most}");

    // A watcher that comes late costs one answer each.
    let before = net.sent;
    let watcher = net.add(|config| config.watching = true);
    net.with(watcher, Presence::join).unwrap();
    let end = net.now + secs(2);
    let took = net.run_until(end, |net| net.core(watcher).participants().count() == count).unwrap();
    net.run_for(secs(1));
    let claims = net.sent.claims - before.claims;
    println!("a watcher knew them after {took:?}, {claims} claims, {} questions", net.sent.asks - before.asks);
    assert!(claims <= 600 && net.sent.asks - before.asks <= 2);

    // So does a client that only asks, but it asks until it learns nothing new.
    let before = net.sent;
    let client = net.add(|_| {});
    net.with(client, Presence::join).unwrap();
    net.with(client, Presence::survey);
    let end = net.now + secs(4);
    let took = net.run_until(end, |net| !net.core(client).is_surveying()).unwrap();
    assert_eq!(net.core(client).owners().count(), count);
    println!("a client surveyed them in {took:?}, {} claims", net.sent.claims - before.claims);
    net.run_for(secs(1));
    assert!(net.sent.claims - before.claims <= 1100);

    let (before, received, each_before) = (net.sent, net.received, sent(&net));
    net.run_for(secs(60));
    let after = net.sent;
    let each = |kind: fn(&Sent) -> u64| (kind(&after) - kind(&before)) / 60;
    let (claims, asks, beats) = (each(|sent| sent.claims), each(|sent| sent.asks), each(|sent| sent.beats));
    println!(
        "steady state of 502: {claims} claims/s, {asks} questions/s, {beats} beats/s, {} bytes/s; {} received/s by all",
        each(|sent| sent.bytes),
        (net.received - received) / 60
    );
    assert!(claims <= 12 && asks == 0 && (480..530).contains(&beats));
    // A beat a second, a tenth early at most, and a claim in 48 to 60 s.
    let (most, average) = sent_each(&net, &each_before);
    println!("each sent {average:.1} messages in 60 s, at most {most}");
    assert!(average < 63.0 && most <= 60 * 10 / 9 + 2, "{average}, {most}");
    // The watcher reads the beats, and all read the claims.
    assert!((net.received - received) / 60 <= 12 * 502 + 530);
}

#[test]
fn joining_asking_and_dying_at_once_costs_each_the_same_however_many_they_are() {
    let mut averages = Vec::new();
    for count in [20, 60, 180] {
        let mut net = crowd(1, Weather::fair(), count);
        let took = eventually(&mut net, |net| (0..count).all(|index| net.core(index).owners().count() == count - 1));
        assert!(took <= timing::LISTEN + ms(10), "{took:?}");
        net.run_for(secs(5) - took);
        let (most, average) = sent_each(&net, &vec![0; count]);
        println!(
            "{count} joined at the same instant: all knew all after {took:?}; {average:.1} messages each, at most {most}, in 5 s"
        );
        assert!(most <= JOINING && net.sent.asks == 0, "{most}");
        averages.push(average);

        survey_at_once(&mut net, count);
        die_at_once(&mut net, count / 2);
    }
    assert!(averages[2] < averages[0] * 1.1, "{averages:?}");
}

/// All ask all.
fn survey_at_once(net: &mut Net, count: usize) {
    net.weather = Weather::foul(0.1);
    let (before, total) = (sent(net), net.sent);
    for index in 0..count {
        net.with(index, Presence::survey);
    }
    let took = eventually(net, |net| net.peers.iter().all(|peer| !peer.core.is_surveying()));
    let (most, average) = sent_each(net, &before);
    let (asks, claims) = (net.sent.asks - total.asks, net.sent.claims - total.claims);
    println!(
        "{count} surveys at once: over after {took:.2?}; {asks} questions, {claims} claims; {average:.1} each, at most {most}"
    );
    // All know all already, so one question each is enough. It is answered once, not once for each who asks.
    assert!(asks <= 2 * count as u64 && claims <= 2 * count as u64 && most <= 10);
    assert!(took <= timing::SURVEY_GAP * (timing::SURVEY_WINDOWS + 1) + ms(5), "{took:?}");
}

/// All but some die, five of which watch.
fn die_at_once(net: &mut Net, survivors: usize) {
    net.weather = Weather::fair();
    for index in 0..5 {
        net.with(index, |core, now| core.set_watching(now, true));
    }
    net.run_for(secs(3));
    let (asks, dying) = (net.sent.asks, net.peers.len() - survivors);
    for index in survivors..net.peers.len() {
        net.kill(index);
    }
    let took = eventually(net, |net| (0..5).all(|index| net.core(index).owners().count() == survivors - 1));
    net.run_for(secs(5));
    let asks = net.sent.asks - asks;
    println!("{dying} died at once: lost after {took:.2?}, {asks} questions of 5 watchers");
    assert!(asks < dying as u64 * 8 * 3 / 2, "{asks}");
}

/// Messages of a process that joins, in 5 s: four calls, six claims as owner, six beats, and one more for jitter.
const JOINING: u64 = 17;
