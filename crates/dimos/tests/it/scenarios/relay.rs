//! A bad wire between two buses: what is said on one is heard on the other, but for what is lost; some of it twice, and not in order.
//!
//! Datagrams are relayed as they are, from a socket for each sender, since receivers tell senders apart by their addresses.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

/// It relays until it is dropped.
pub(super) struct Relay {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What it did to datagrams.
#[derive(Debug)]
#[expect(dead_code, reason = "it is printed")]
pub(super) struct Counts {
    relayed: usize,
    lost: usize,
    repeated: usize,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    relayed: AtomicUsize,
    lost: AtomicUsize,
    repeated: AtomicUsize,
    /// What comes from these ports has been relayed already.
    own_ports: Mutex<BTreeSet<u16>>,
}

/// One direction.
struct Way {
    shared: Arc<Shared>,
    from: UdpSocket,
    to: SocketAddrV4,
    loss: f64,
    random: fastrand::Rng,
    senders: BTreeMap<SocketAddrV4, Arc<UdpSocket>>,
    /// What is on its way, by the time it arrives.
    under_way: BinaryHeap<Reverse<(Instant, usize)>>,
    datagrams: BTreeMap<usize, (Arc<UdpSocket>, Vec<u8>)>,
    last: usize,
}

impl Relay {
    pub(super) fn between(one: SocketAddrV4, other: SocketAddrV4, loss: f64) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = [(one, other, 1), (other, one, 2)].map(|(from, to, seed)| {
            let mut way = Way {
                shared: Arc::clone(&shared),
                from: hearing(from),
                to,
                loss,
                random: fastrand::Rng::with_seed(seed),
                senders: BTreeMap::new(),
                under_way: BinaryHeap::new(),
                datagrams: BTreeMap::new(),
                last: 0,
            };
            std::thread::spawn(move || way.run())
        });
        Self { shared, threads: threads.into() }
    }

    pub(super) fn counts(&self) -> Counts {
        let [relayed, lost, repeated] = [&self.shared.relayed, &self.shared.lost, &self.shared.repeated];
        let [relayed, lost, repeated] = [relayed, lost, repeated].map(|count| count.load(Ordering::Relaxed));
        Counts { relayed, lost, repeated }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            assert!(thread.join().is_ok() || std::thread::panicking());
        }
    }
}

impl Way {
    fn run(&mut self) {
        let mut buffer = vec![0; 65_536];
        while !self.shared.is_over.load(Ordering::SeqCst) {
            let now = Instant::now();
            self.deliver(now);
            let next = self.under_way.peek().map_or(LONGEST_PAUSE, |Reverse((at, _))| at.duration_since(now));
            // No time at all would be for ever.
            self.from.set_read_timeout(Some(next.clamp(Duration::from_micros(50), LONGEST_PAUSE))).unwrap();
            match self.from.recv_from(&mut buffer) {
                Ok((bytes, SocketAddr::V4(sender))) => self.hear(sender, &buffer[..bytes]),
                Ok((_, other)) => panic!("{other} on IPv4"),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn hear(&mut self, sender: SocketAddrV4, datagram: &[u8]) {
        if self.shared.own_ports.lock().unwrap().contains(&sender.port()) {
            return;
        }
        if self.random.f64() < self.loss {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let socket = Arc::clone(self.senders.entry(sender).or_insert_with(|| Arc::new(sending(&self.shared))));
        let times = if self.random.f64() < REPEATED { 2 } else { 1 };
        self.shared.repeated.fetch_add(times - 1, Ordering::Relaxed);
        for _ in 0..times {
            let delay = if self.random.f64() < DELAYED { self.random.u64(..DELAY_US) } else { 0 };
            self.last += 1;
            self.under_way.push(Reverse((Instant::now() + Duration::from_micros(delay), self.last)));
            self.datagrams.insert(self.last, (Arc::clone(&socket), datagram.to_vec()));
        }
    }

    fn deliver(&mut self, now: Instant) {
        while self.under_way.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            let Some((socket, datagram)) = self.under_way.pop().and_then(|Reverse((_, id))| self.datagrams.remove(&id))
            else {
                return;
            };
            socket.send_to(&datagram, self.to).unwrap();
            self.shared.relayed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A socket that hears a bus.
fn hearing(bus: SocketAddrV4) -> UdpSocket {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_recv_buffer_size(4 << 20).unwrap();
    socket.bind(&bus.into()).unwrap();
    socket.join_multicast_v4(bus.ip(), &Ipv4Addr::LOCALHOST).unwrap();
    socket.into()
}

/// A socket for what one sender says.
fn sending(shared: &Shared) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let socket = Socket::from(socket);
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    socket.set_multicast_ttl_v4(0).unwrap();
    let socket = UdpSocket::from(socket);
    shared.own_ports.lock().unwrap().insert(socket.local_addr().unwrap().port());
    socket
}

/// Of all datagrams.
const REPEATED: f64 = 0.05;

/// Of all datagrams; these are overtaken by others.
const DELAYED: f64 = 0.2;

/// At most.
const DELAY_US: u64 = 3000;

/// How soon it notices that it is to end.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);
