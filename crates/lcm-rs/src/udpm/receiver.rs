//! Receiving from UDP multicast: one socket bound to the group, and datagrams put where they belong.
//!
//! User-space copies of a payload between the kernel and a handler: none for a message of one datagram, and for a larger one
//! only its first fragment; the others are received into their final place, which is predicted. Where the prediction fails
//! (fragments of several senders between each other) a fragment is copied once.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::Socket;
use zerocopy::FromBytes;

use super::datagram::{self, Received, Wait};
use super::path::udp_socket;
use crate::inbound::{Arrived, Inbound};
use crate::message::Message;
use crate::payload::{Payload, SpareBuffers};
use crate::statistics::Counters;
use crate::url::UdpmUrl;
use crate::wire::{FRAGMENT_HEADER_BYTES, FRAGMENT_MAGIC, FragmentHeader};

/// The receiving side of one connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Arc<Socket>,
    closed: Arc<AtomicBool>,
    inbound: Inbound,
    counters: Arc<Counters>,
    /// Where the next datagram goes. `None` while the last message lies in it.
    buffer: Option<Arc<Vec<u8>>>,
    spare: SpareBuffers,
    /// What the socket's receive timeout is set to.
    socket_timeout: Duration,
    /// The kernel's count of dropped datagrams, as last heard.
    kernel_drops: u32,
    next_tick: Instant,
}

impl Receiver {
    pub(crate) fn open(url: &UdpmUrl, counters: Arc<Counters>) -> io::Result<Self> {
        let socket = udp_socket()?;
        // Shared with every other process of this host that is on the bus.
        socket.set_reuse_address(true)?;
        socket.set_recv_buffer_size(url.recv_buf_size.unwrap_or(RECEIVE_BUFFER_BYTES))?;
        counters.receive_buffer_bytes.set(socket.recv_buffer_size()? as u64);
        datagram::report_times_and_drops(socket.as_fd())?;
        socket.set_read_timeout(Some(TICK))?;
        socket.bind(&SocketAddr::V4(url.group).into())?;
        let now = Instant::now();
        Ok(Self {
            socket: Arc::new(socket),
            closed: Arc::default(),
            inbound: Inbound::new(Arc::clone(&counters)),
            counters,
            buffer: None,
            spare: SpareBuffers::default(),
            socket_timeout: TICK,
            kernel_drops: 0,
            next_tick: now + TICK,
        })
    }

    /// What becomes readable when there is something to receive.
    pub(crate) fn poll_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Ends a wait in progress and all later ones, from any thread.
    pub(crate) fn closer(&self) -> impl Fn() + Send + Sync + 'static {
        let (socket, closed) = (Arc::clone(&self.socket), Arc::clone(&self.closed));
        move || {
            closed.store(true, Relaxed);
            // An unconnected socket answers `ENOTCONN` and wakes its readers all the same.
            let _ = socket.shutdown(std::net::Shutdown::Read);
        }
    }

    /// Waits for the next message, at most `timeout`, and puts it into `message`. False when the time is over; true at once
    /// if a message was waiting, also with no time at all.
    pub(crate) fn receive(&mut self, timeout: Option<Duration>, message: &mut Message) -> io::Result<bool> {
        self.take_back_buffer(message);
        let start = timeout.map(|_| Instant::now());
        let mut remaining = timeout;
        for datagrams in 1.. {
            let received = self.receive_datagram(remaining)?;
            let now = Instant::now();
            if now >= self.next_tick {
                self.inbound.expire(now);
                self.next_tick = now + TICK;
            }
            let nothing_came = received.is_none();
            if let Some((received, landing_bytes)) = received
                && self.accept(&received, landing_bytes, now, message)
            {
                return Ok(true);
            }
            if self.closed.load(Relaxed) {
                return Ok(false);
            }
            if let (Some(timeout), Some(start)) = (timeout, start) {
                let left = timeout.saturating_sub(now.saturating_duration_since(start));
                let over = if timeout.is_zero() { nothing_came || datagrams >= MAX_AT_ONCE } else { left.is_zero() };
                if over {
                    return Ok(false);
                }
                remaining = Some(left);
            }
        }
        Ok(false)
    }

    /// Receives one datagram, the body of an expected fragment into its place; says also how long that place was.
    fn receive_datagram(&mut self, timeout: Option<Duration>) -> io::Result<Option<(Received, usize)>> {
        match timeout {
            Some(timeout) if timeout < SHORT_WAIT => {
                if let Some(received) = self.receive_now(Wait::No)? {
                    return Ok(Some(received));
                }
                if timeout.is_zero() || !self.poll(timeout)? {
                    return Ok(None);
                }
                self.receive_now(Wait::No)
            }
            _ => {
                let timeout = timeout.unwrap_or(TICK).min(TICK);
                if timeout != self.socket_timeout {
                    self.socket.set_read_timeout(Some(timeout))?;
                    self.socket_timeout = timeout;
                }
                self.receive_now(Wait::Yes)
            }
        }
    }

    fn receive_now(&mut self, wait: Wait) -> io::Result<Option<(Received, usize)>> {
        let buffer = ready_buffer(&mut self.buffer, &mut self.spare);
        let (received, landing_bytes) = match self.inbound.landing() {
            None => (datagram::receive(self.socket.as_fd(), &mut [IoSliceMut::new(buffer)], wait), 0),
            Some(landing) => {
                let (header, rest) = buffer.split_at_mut(FRAGMENT_HEADER_BYTES);
                let landing_bytes = landing.len();
                // What does not fit the landing goes where it would stand if there were none.
                let rest = &mut rest[landing_bytes..];
                let parts = &mut [IoSliceMut::new(header), IoSliceMut::new(landing), IoSliceMut::new(rest)];
                (datagram::receive(self.socket.as_fd(), parts, wait), landing_bytes)
            }
        };
        match received {
            Ok(received) => Ok(Some((received, landing_bytes))),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Waits until there is something to receive. The socket's own timeout is too coarse for short waits: it counts the
    /// kernel's ticks of up to 10 ms.
    fn poll(&self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        match rustix::event::poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes in a received datagram. True if it completed a message, which is then in `message`.
    fn accept(&mut self, received: &Received, landing_bytes: usize, now: Instant, message: &mut Message) -> bool {
        if let Some(drops) = received.drops {
            self.counters.kernel_drops.add(drops.wrapping_sub(self.kernel_drops).into());
            self.kernel_drops = drops;
        }
        // No sender: the socket was shut down.
        let Some(from) = received.from else { return false };
        let buffer = ready_buffer(&mut self.buffer, &mut self.spare);
        let body_bytes = received.bytes.saturating_sub(FRAGMENT_HEADER_BYTES);
        let mut arrived = None;
        if landing_bytes > 0 && body_bytes > 0 {
            if let Ok((header, _)) = FragmentHeader::read_from_prefix(buffer)
                && header.magic == FRAGMENT_MAGIC
            {
                arrived = self.inbound.landed(from, &header, body_bytes, now);
            }
            if arrived.is_none()
                && let Some(landing) = self.inbound.landing()
            {
                let misplaced = body_bytes.min(landing_bytes);
                buffer[FRAGMENT_HEADER_BYTES..][..misplaced].copy_from_slice(&landing[..misplaced]);
            }
        }
        match arrived.unwrap_or_else(|| self.inbound.accept(from, &buffer[..received.bytes], now)) {
            Arrived::Nothing => return false,
            Arrived::Assembled { channel, payload } => {
                message.channel = channel;
                message.payload = payload;
            }
            Arrived::Short { channel, payload } => {
                message.channel = channel;
                let start = received.bytes - payload.len();
                let Some(buffer) = self.buffer.take() else { return false };
                message.payload = Payload::new(buffer, start..received.bytes);
            }
        }
        message.sender = Some(from);
        message.receive_time_ns = received.receive_time_ns.unwrap_or_else(wall_clock_ns);
        true
    }

    /// The last message of one datagram lies in the receive buffer: back with it, or another if someone shares it.
    fn take_back_buffer(&mut self, message: &mut Message) {
        let payload = std::mem::take(&mut message.payload);
        if self.buffer.is_none()
            && let Some(mut buffer) = payload.into_buffer()
        {
            if Arc::get_mut(&mut buffer).is_some() {
                self.buffer = Some(buffer);
            } else {
                self.spare.remember(buffer);
            }
        }
    }
}

/// A buffer of [`BUFFER_BYTES`] that nobody shares.
fn ready_buffer<'a>(slot: &'a mut Option<Arc<Vec<u8>>>, spare: &mut SpareBuffers) -> &'a mut [u8] {
    let mut buffer = slot.take().unwrap_or_default();
    if Arc::get_mut(&mut buffer).is_none_or(|bytes| bytes.len() != BUFFER_BYTES) {
        let mut bytes = spare.take(BUFFER_BYTES);
        bytes.resize(BUFFER_BYTES, 0);
        buffer = Arc::new(bytes);
    }
    Arc::<Vec<u8>>::make_mut(slot.insert(buffer))
}

fn wall_clock_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Room for the largest datagram.
const BUFFER_BYTES: usize = 1 << 16;

/// What is asked of the kernel for its receive buffer, which it cuts down to `net.core.rmem_max`. More would only let a stuck
/// process lag further behind.
const RECEIVE_BUFFER_BYTES: usize = 16 << 20;

/// How often there is housekeeping while nothing comes.
const TICK: Duration = Duration::from_millis(500);

/// A caller that does not wait gets back after this many datagrams, even if none was the last of a message.
const MAX_AT_ONCE: u32 = 1024;

/// Shorter waits take a system call more.
const SHORT_WAIT: Duration = Duration::from_millis(50);
