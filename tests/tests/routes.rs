//! Which way messages leave and come in: without a multicast route, over loopback and another interface at once, and while
//! interfaces and routes change.

use std::process::Command;
use std::time::{Duration, Instant};

use mesh_tests::exchange::{self, peer_hears, we_hear};
use mesh_tests::hosts::FarHost;
use mesh_tests::listening::{Bus, Reading};
use mesh_tests::netns::{ip, route_multicast};
use mesh_tests::payload::pattern;
use mesh_tests::peers::{Wheel, same};
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::talk::{Listener, Talker};
use mesh_tests::{isolated, test_name};

#[test]
fn ours_hear_each_other_where_no_multicast_route_exists() {
    isolated!(NoMulticastRoute);
    let url = format!("{LOCAL}&pace=100000000");
    for reading in Reading::BOTH {
        let mut listener = Listener::start(ours(), &url, ".*");
        peer_hears(&mut listener, &Bus::open_to_publish(reading, &url), "SIZES", &[0, 1000, 100_000, 1_000_000]);
        drop(listener);
        let mut talker = Talker::start(ours(), &url);
        we_hear(&mut Bus::open_to_all(reading, &url), &mut talker, "SIZES", &[0, 1000, 100_000, 1_000_000]);
    }
}

/// The reason for falling back to loopback: the day this fails, C LCM has learnt it too.
#[test]
fn c_refuses_to_start_where_no_multicast_route_exists() {
    isolated!(NoMulticastRoute);
    let Some(mut program) = c_program(test_name!()) else { return };
    let mut refused = Process::start(program.args([LOCAL, "listen", ".*"]));
    assert!(!refused.wait(PATIENCE).success());
    assert!(refused.stderr().contains("multicast route"), "{}", refused.stderr());
}

#[test]
fn joiners_on_loopback_and_on_the_default_interface_hear_each_other() {
    isolated!(NoMulticastRoute);
    let Some(program) = c_program(test_name!()) else { return };
    let far = FarHost::join();
    let on_loopback = format!("{LOCAL}&iface=lo");
    for reading in Reading::BOTH {
        let mut here = Bus::open_to_all(reading, &on_loopback);
        let mut there = Bus::open_to_all(reading, LOCAL);
        let mut c_listener = Listener::start(same(&program), LOCAL, ".*");
        let mut c_talker = Talker::start(same(&program), LOCAL);

        here.publish(b"FROM_LOOPBACK", b"1");
        assert!(there.next_on("FROM_LOOPBACK", PATIENCE).is_some());
        c_listener.expect(b"FROM_LOOPBACK", b"1");

        there.publish(b"FROM_DEFAULT", b"2");
        assert!(here.next_on("FROM_DEFAULT", PATIENCE).is_some());
        c_listener.expect(b"FROM_DEFAULT", b"2");

        c_talker.publish(b"FROM_C", 3, 100);
        assert!(here.next_on("FROM_C", PATIENCE).is_some());
        assert!(there.next_on("FROM_C", PATIENCE).is_some());
        // Each once: the host is in the group on two interfaces, and a datagram passes only one.
        for bus in [&mut here, &mut there] {
            let rest: Vec<_> = std::iter::from_fn(|| exchange::hear(bus, Duration::from_millis(100))).collect();
            assert!(rest.iter().all(|message| !message.channel.starts_with(b"FROM_C")), "{rest:?}");
        }
    }
    drop(far);
}

/// The usual advice for LCM on one host, which has an address for other things as well.
#[test]
fn a_route_on_loopback_is_followed_beside_another_interface() {
    isolated!(MulticastOnLo);
    let far = FarHost::join_by("wire", 1);
    let program = c_program(test_name!());
    let mut beyond = Listener::start(far.command(&ours()), ACROSS, ".*");
    for url in [LOCAL, ACROSS] {
        for reading in Reading::BOTH {
            let mut bus = Bus::open_to_all(reading, url);
            let mut listener = Listener::start(ours(), url, ".*");
            let mut talker = Talker::start(ours(), url);
            heard_soon(&mut bus, &mut listener, "HERE");
            hear_soon(&mut bus, &mut talker, "BACK");
            if let Some(program) = &program {
                heard_soon(&mut bus, &mut Listener::start(same(program), url, ".*"), "TO_C");
                hear_soon(&mut bus, &mut Talker::start(same(program), url), "FROM_C");
            }
        }
    }
    assert_eq!(beyond.next(Duration::from_millis(100)), None, "something left this host");
}

#[test]
fn the_address_that_a_route_names_is_sent_from() {
    isolated!(NoMulticastRoute);
    let far = FarHost::join_by("wire", 1);
    let link = far.link();
    ip(&format!("addr add 10.1.1.77/24 dev {link}"));
    ip(&format!("route replace 224.0.0.0/4 dev {link} src 10.1.1.77"));
    for reading in Reading::BOTH {
        let mut bus = Bus::open_to_all(reading, ACROSS);
        bus.publish(b"MINE", b"1");
        let heard = bus.next_on("MINE", PATIENCE).unwrap();
        assert_eq!(heard.sender().map(|sender| *sender.ip()), Some([10, 1, 1, 77].into()));
    }
}

#[test]
fn a_link_that_goes_down_leaves_loopback_and_one_that_comes_up_is_used_again() {
    isolated!(NoMulticastRoute);
    let Some(program) = c_program(test_name!()) else { return };
    let far = FarHost::join();
    let mut buses = Reading::BOTH.map(|reading| Bus::open_to_all(reading, ACROSS));
    let mut near = [Listener::start(ours(), ACROSS, ".*"), Listener::start(inline_ours(), ACROSS, ".*")];
    let mut near_c = Listener::start(same(&program), ACROSS, ".*");
    let mut talker = Talker::start(ours(), ACROSS);
    let mut beyond = Listener::start(far.command(&ours()), ACROSS, ".*");
    let mut from_beyond = Talker::start(far.command(&ours()), ACROSS);

    for (phase, up) in [("UP", true), ("DOWN", false), ("UP_AGAIN", true), ("DOWN_AGAIN", false), ("UP_AT_LAST", true)]
    {
        if !up {
            ip(&format!("link set {} down", far.link()));
        } else if phase != "UP" {
            ip(&format!("link set {} up", far.link()));
            route_multicast(far.link());
        }
        for (number, bus) in buses.iter_mut().enumerate() {
            let channel = format!("{phase}_{number}");
            for listener in near.iter_mut().chain([&mut near_c]) {
                heard_soon(bus, listener, &channel);
            }
            if up {
                heard_soon(bus, &mut beyond, &format!("{channel}_BEYOND"));
            }
            hear_soon(bus, &mut talker, &format!("{channel}_BACK"));
            if up {
                hear_soon(bus, &mut from_beyond, &format!("{channel}_FROM_BEYOND"));
            }
        }
    }
}

#[test]
fn a_route_that_moves_to_another_link_is_followed() {
    isolated!(NoMulticastRoute);
    let Some(program) = c_program(test_name!()) else { return };
    let hosts = [FarHost::join_by("wifi", 1), FarHost::join_by("cable", 2)];
    route_multicast(hosts[0].link());
    let mut buses = Reading::BOTH.map(|reading| Bus::open_to_all(reading, ACROSS));
    let mut near = [Listener::start(ours(), ACROSS, ".*"), Listener::start(same(&program), ACROSS, ".*")];
    let mut beyond = hosts.each_ref().map(|host| Listener::start(host.command(&ours()), ACROSS, ".*"));
    let mut beyond_c = hosts.each_ref().map(|host| Listener::start(host.command(&program), ACROSS, ".*"));
    let mut from_beyond = hosts.each_ref().map(|host| Talker::start(host.command(&program), ACROSS));

    for (round, link) in [0, 1, 0, 1].into_iter().enumerate() {
        route_multicast(hosts[link].link());
        for (number, bus) in buses.iter_mut().enumerate() {
            let channel = format!("ROUND_{round}_{number}");
            heard_soon(bus, &mut beyond[link], &channel);
            heard_soon(bus, &mut beyond_c[link], &channel);
            near.iter_mut().for_each(|listener| heard_soon(bus, listener, &channel));
            hear_soon(bus, &mut from_beyond[link], &format!("{channel}_FROM_BEYOND"));
        }
    }
}

#[test]
fn a_host_that_gets_its_network_late_is_heard_on_it() {
    isolated!(NoMulticastRoute);
    let mut buses = Reading::BOTH.map(|reading| Bus::open_to_all(reading, ACROSS));
    let mut listener = Listener::start(ours(), ACROSS, ".*");
    buses.iter_mut().for_each(|bus| heard_soon(bus, &mut listener, "ALONE"));
    let far = FarHost::join();
    let mut beyond = Listener::start(far.command(&ours()), ACROSS, ".*");
    let mut from_beyond = Talker::start(far.command(&ours()), ACROSS);
    for bus in &mut buses {
        heard_soon(bus, &mut beyond, "JOINED");
        heard_soon(bus, &mut listener, "JOINED");
        hear_soon(bus, &mut from_beyond, "FROM_BEYOND");
    }
}

/// Publishes until the listener hears it. Every attempt to publish has to succeed.
fn heard_soon(bus: &mut Bus, listener: &mut Listener, channel: &str) {
    let deadline = Instant::now() + SOON;
    for seed in 0.. {
        bus.publish(channel.as_bytes(), &pattern(seed, 100));
        while let Some(message) = listener.next(Duration::from_millis(20)) {
            if message.channel == channel.as_bytes() {
                return;
            }
        }
        // An inline connection follows changes without being read, but its own messages should not pile up.
        while bus.next(Duration::ZERO).is_some() {}
        assert!(Instant::now() < deadline, "{channel} is not heard");
    }
}

/// Has the talker publish until we hear it.
fn hear_soon(bus: &mut Bus, talker: &mut Talker, channel: &str) {
    let deadline = Instant::now() + SOON;
    for seed in 0.. {
        talker.publish(channel.as_bytes(), seed, 100);
        if bus.next_on(channel, Duration::from_millis(20)).is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "we do not hear {channel}");
    }
}

fn ours() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
    program.arg("queued");
    program
}

fn inline_ours() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bus-peer"));
    program.arg("inline");
    program
}

fn c_program(test: &str) -> Option<Command> {
    Wheel::find(test)?.compiled(test, "peer.c")
}

const LOCAL: &str = "udpm://239.255.76.67:7667?ttl=0";
const ACROSS: &str = "udpm://239.255.76.67:7667?ttl=1";

/// What a change of routes may cost; the kernel announces it at once.
const SOON: Duration = Duration::from_secs(5);
