//! Receiving from UDP multicast: one socket bound to the group, and datagrams put where they belong.
//!
//! User-space copies of a payload between the kernel and a handler: none for a message of one datagram, and for a larger one
//! only its first fragment; the others are received into their final place, which is predicted. Where the prediction fails
//! (fragments of several senders between each other) a fragment is copied once. Of a large message that nobody wants the
//! fragments after the first are not even copied out of the kernel.

use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::Socket;
use zerocopy::FromBytes;

use super::burst::Burst;
use super::datagram::{self, Mode, Received};
use super::filter::FilteredSocket;
use super::path::udp_socket;
use crate::channel::Channel;
use crate::inbound::{Arrived, Inbound};
use crate::payload::{Payload, SpareBuffers};
use crate::reassembly::Landing;
use crate::receiver::Receipt;
use crate::sample::Sample;
use crate::statistics::Counters;
use crate::subscriptions::{Dispatcher, Reads};
use crate::url::UdpmUrl;
use crate::wire::{self, FRAGMENT_HEADER_BYTES, FragmentHeader};

/// The receiving side of one connection.
#[derive(Debug)]
pub(crate) struct Receiver {
    socket: Arc<Socket>,
    closed: Arc<AtomicBool>,
    inbound: Inbound,
    counters: Arc<Counters>,
    /// Where datagrams go. Shared with the last message, and with whoever kept a large one.
    buffer: Arc<Vec<u8>>,
    spare: SpareBuffers,
    /// What lies in the buffer and was not looked at yet.
    pending: Pending,
    /// What came behind it.
    burst: Burst,
    anticipation: Anticipation,
    /// What the socket's receive timeout is set to.
    socket_timeout: Duration,
    /// The kernel's count of dropped datagrams, as last heard.
    kernel_drops: u32,
    /// Whether the kernel keeps unwanted messages away, as last heard.
    filtered: bool,
    /// While datagrams are taken that came before it stopped doing so: when it did, in nanoseconds since the epoch.
    filter_gone_ns: Option<u64>,
    /// While batches are received that came before they were turned off: how many more at most.
    draining: u32,
    /// Whether they have all been received.
    drained: bool,
    usefulness: Usefulness,
    now: Instant,
    next_tick: Instant,
}

/// What was received and not yet handed on.
#[derive(Debug)]
enum Pending {
    Nothing,
    /// Datagrams of one sender that lie in the buffer one after the other. More than one where the kernel handed them over
    /// together (`UDP_GRO`).
    Datagrams {
        from: SocketAddrV4,
        receive_time_ns: u64,
        start: usize,
        end: usize,
        /// The length of each but the last.
        datagram_bytes: usize,
    },
    /// A message whose last fragment landed in its place.
    Message(Sample),
    /// What a message begins with whose last fragment passed by, and the size of that message.
    Beginning(Sample, usize),
}

/// How many of the last datagrams were of any use.
#[derive(Debug, Default)]
struct Usefulness {
    datagrams: u32,
    unwanted: u32,
}

impl Usefulness {
    fn count(&mut self, wanted: bool) {
        self.datagrams += 1;
        self.unwanted += u32::from(!wanted);
    }

    /// The verdict on the last [`JUDGED_TOGETHER`] datagrams; false while there are fewer.
    fn is_mostly_unwanted(&mut self) -> bool {
        if self.datagrams < JUDGED_TOGETHER {
            return false;
        }
        let judged = std::mem::take(self);
        2 * judged.unwanted >= judged.datagrams
    }
}

/// Whether it pays to look for the next message before sleeping: for one that has just published and whose answers come at
/// once. Being woken on another core takes several times as long as a message takes to get there.
#[derive(Debug)]
struct Anticipation {
    longest: Duration,
    /// How many messages this connection had published when it waited last.
    published: u64,
    /// Whether the last answer came soon.
    comes_soon: bool,
    /// Since when an answer is waited for elsewhere.
    asked: Option<Instant>,
}

impl Anticipation {
    fn new(longest: Duration) -> Self {
        Self { longest, published: 0, comes_soon: false, asked: None }
    }

    /// Whether this wait is the first one after something was published.
    fn answer_is_due(&mut self, published: u64) -> bool {
        !self.longest.is_zero() && std::mem::replace(&mut self.published, published) != published
    }

    /// How long to look: not at all where answers take their time.
    fn spin(&self) -> Duration {
        if self.comes_soon { self.longest } else { Duration::ZERO }
    }

    fn answered_after(&mut self, wait: Duration) {
        // Being woken takes a while itself, so that a wait that slept may be longer than one that would not have.
        self.comes_soon = wait < 2 * self.longest;
    }

    /// Something came, to one who may have waited elsewhere.
    fn answered(&mut self) {
        if let Some(asked) = self.asked.take() {
            self.answered_after(asked.elapsed());
        }
    }
}

impl Receiver {
    pub(crate) fn open(url: &UdpmUrl, counters: Arc<Counters>) -> io::Result<Self> {
        let socket = udp_socket()?;
        // Shared with every other process of this host that is on the bus.
        socket.set_reuse_address(true)?;
        socket.set_recv_buffer_size(url.recv_buf_size.unwrap_or(RECEIVE_BUFFER_BYTES))?;
        counters.receive_buffer_bytes.set(socket.recv_buffer_size()? as u64);
        datagram::report_times_and_drops(socket.as_fd())?;
        datagram::set_batches(socket.as_fd(), true);
        socket.set_read_timeout(Some(TICK))?;
        socket.bind(&SocketAddr::V4(url.group).into())?;
        let now = Instant::now();
        Ok(Self {
            socket: Arc::new(socket),
            closed: Arc::default(),
            inbound: Inbound::new(Arc::clone(&counters)),
            counters,
            buffer: Arc::new(vec![0; BUFFER_BYTES]),
            spare: SpareBuffers::default(),
            pending: Pending::Nothing,
            burst: Burst::default(),
            anticipation: Anticipation::new(url.spin),
            socket_timeout: TICK,
            kernel_drops: 0,
            filtered: false,
            filter_gone_ns: None,
            draining: 0,
            drained: false,
            usefulness: Usefulness::default(),
            now,
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

    /// Waits for the next message that anyone wants, at most `timeout`, and puts it into `message`. Nothing when the time is
    /// over; the message at once if one was waiting, also with no time at all.
    pub(crate) fn receive(
        &mut self,
        timeout: Option<Duration>,
        dispatcher: &mut Dispatcher,
        message: &mut Sample,
    ) -> io::Result<Receipt> {
        self.inbound.set_overheard(dispatcher.reads() == Reads::Overhears);
        // The last message lies in the buffer: let go of it.
        message.payload = Payload::default();
        // Who does not wait needs no clock.
        let start = timeout.filter(|timeout| !timeout.is_zero()).map(|_| Instant::now());
        let mut remaining = timeout;
        let mut datagrams = 0_u32;
        loop {
            datagrams = datagrams.saturating_add(1);
            if self.filtered != dispatcher.filtered() {
                self.follow_filter(dispatcher.filtered());
            }
            let something_came = if self.has_more() { Ok(true) } else { self.receive_datagrams(remaining) };
            // Whatever a closed socket says.
            let something_came =
                something_came.or_else(|error| if self.closed.load(Relaxed) { Ok(false) } else { Err(error) })?;
            self.housekeeping();
            let receipt = self.take_next(dispatcher, message);
            self.consider_filter(dispatcher);
            if receipt != Receipt::Nothing {
                return Ok(receipt);
            }
            if self.closed.load(Relaxed) {
                return Ok(Receipt::Nothing);
            }
            match (timeout, start) {
                (Some(timeout), Some(start)) => {
                    let left = timeout.saturating_sub(self.now.saturating_duration_since(start));
                    if left.is_zero() && !self.has_more() {
                        return Ok(Receipt::Nothing);
                    }
                    remaining = Some(left);
                }
                // What was taken from the kernel already would not wake anyone.
                (Some(_), None) if !something_came || datagrams >= MAX_AT_ONCE && !self.has_more() => {
                    return Ok(Receipt::Nothing);
                }
                _ => {}
            }
        }
    }

    /// Waits for datagrams, at most `timeout`.
    fn receive_datagrams(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        match timeout {
            Some(timeout) if timeout < SHORT_WAIT => {
                let received = self.receive_now(Mode::NoWait)?;
                if received {
                    self.anticipation.answered();
                }
                if received || timeout.is_zero() {
                    return Ok(received);
                }
                self.anticipate(timeout, |receiver| Ok(receiver.poll(timeout)? && receiver.receive_now(Mode::NoWait)?))
            }
            _ => {
                let timeout = round_down(timeout.unwrap_or(TICK).min(TICK));
                if timeout != self.socket_timeout {
                    self.socket.set_read_timeout(Some(timeout))?;
                    self.socket_timeout = timeout;
                }
                self.anticipate(timeout, |receiver| receiver.receive_now(Mode::Wait))
            }
        }
    }

    /// Looks for a datagram again and again before it sleeps, where one is likely to come at once. Others run in between.
    fn anticipate(&mut self, timeout: Duration, sleep: impl FnOnce(&mut Self) -> io::Result<bool>) -> io::Result<bool> {
        if !self.anticipation.answer_is_due(self.counters.published_messages.load()) {
            return sleep(self);
        }
        let start = Instant::now();
        if self.look(start, timeout)? {
            return Ok(true);
        }
        let received = sleep(self)?;
        self.anticipation.answered_after(start.elapsed());
        Ok(received)
    }

    /// What [`Receiver::anticipate`] does before it sleeps, for those who sleep elsewhere.
    pub(crate) fn anticipate_only(&mut self) -> io::Result<bool> {
        // What lies here would not wake anyone who sleeps on the socket.
        if self.has_more() {
            return Ok(true);
        }
        if !self.anticipation.answer_is_due(self.counters.published_messages.load()) {
            return Ok(false);
        }
        let start = Instant::now();
        self.anticipation.asked = Some(start);
        self.look(start, Duration::MAX)
    }

    fn look(&mut self, start: Instant, timeout: Duration) -> io::Result<bool> {
        let spin = self.anticipation.spin().min(timeout);
        while start.elapsed() < spin {
            if self.receive_now(Mode::NoWait)? {
                self.anticipation.asked = None;
                self.anticipation.answered_after(start.elapsed());
                return Ok(true);
            }
            std::thread::yield_now();
        }
        Ok(false)
    }

    /// One receive call. Afterwards something is pending, or a fragment was taken in, or nothing came, which is false.
    fn receive_now(&mut self, mode: Mode) -> io::Result<bool> {
        if self.draining > 0 {
            return self.receive_last_batches();
        }
        if self.burst.worth_asking() > 1 {
            return self.receive_burst(mode);
        }
        let something_came = match self.inbound.landing() {
            None => self.receive_anything(mode)?,
            Some(Landing::Nowhere) => self.receive_passing(mode)?,
            Some(Landing::Place(_)) => self.receive_into_place(mode)?,
        };
        self.burst.adapt(1, something_came.into());
        Ok(something_came)
    }

    /// Receives what came while batches were still handed over together. Only with `UDP_GRO` on does the kernel say where the
    /// datagrams of a batch end, so it goes on again for each. When nothing is left, all that comes is single datagrams, and
    /// the filter may go on.
    fn receive_last_batches(&mut self) -> io::Result<bool> {
        let mut header = [0; FRAGMENT_HEADER_BYTES];
        let waiting = datagram::receive(self.socket.as_fd(), &mut [IoSliceMut::new(&mut header)], Mode::NoWaitPeek);
        if self.came(waiting)?.is_none() {
            self.draining = 0;
            self.drained = true;
            return Ok(false);
        }
        self.draining -= 1;
        datagram::set_batches(self.socket.as_fd(), true);
        let received = self.receive_anything(Mode::NoWait);
        if self.draining > 0 {
            datagram::set_batches(self.socket.as_fd(), false);
        }
        received
    }

    /// Whether something lies here that was not looked at yet.
    fn has_more(&mut self) -> bool {
        while matches!(self.pending, Pending::Nothing) {
            let Some(received) = self.burst.take(&mut self.buffer) else { return false };
            // Without a sender the socket was shut down.
            if let Some(from) = received.from {
                self.leave_pending(&received, from);
            }
        }
        true
    }

    fn receive_burst(&mut self, mode: Mode) -> io::Result<bool> {
        let drops = self.burst.receive(self.socket.as_fd(), BUFFER_BYTES, &mut self.spare, mode);
        self.now = Instant::now();
        let Some(drops) = unless_nothing_came(drops)? else {
            self.all_was_taken();
            return Ok(false);
        };
        self.count_drops(drops);
        Ok(self.has_more())
    }

    fn receive_anything(&mut self, mode: Mode) -> io::Result<bool> {
        let buffer = self.spare.writable(&mut self.buffer);
        let received = datagram::receive(self.socket.as_fd(), &mut [IoSliceMut::new(buffer)], mode);
        let Some((received, from)) = self.came(received)? else { return Ok(false) };
        self.leave_pending(&received, from);
        Ok(true)
    }

    /// Receives with the body of the expected fragment going into its place. Whether it was that fragment only its header
    /// tells, afterwards.
    fn receive_into_place(&mut self, mode: Mode) -> io::Result<bool> {
        let Some(Landing::Place(landing)) = self.inbound.landing() else { return Ok(false) };
        let landing_bytes = landing.len();
        let buffer = self.spare.writable(&mut self.buffer);
        let (header, rest) = buffer.split_at_mut(FRAGMENT_HEADER_BYTES);
        // What is longer than the landing ends where it would if it lay in the buffer.
        let rest = &mut rest[landing_bytes..];
        let parts = &mut [IoSliceMut::new(header), IoSliceMut::new(landing), IoSliceMut::new(rest)];
        let received = datagram::receive(self.socket.as_fd(), parts, mode);
        let Some((received, from)) = self.came(received)? else { return Ok(false) };
        if self.take_expected(&received, from) {
            self.usefulness.count(true);
            return Ok(true);
        }
        // Something else: back from the landing to the buffer.
        if let Some(Landing::Place(landing)) = self.inbound.landing() {
            let misplaced = received.bytes.saturating_sub(FRAGMENT_HEADER_BYTES).min(landing_bytes);
            let buffer = self.spare.writable(&mut self.buffer);
            buffer[FRAGMENT_HEADER_BYTES..][..misplaced].copy_from_slice(&landing[..misplaced]);
        }
        self.leave_pending(&received, from);
        Ok(true)
    }

    /// Receives while the expected fragment is one that nobody wants: looks at the header of what is there, and leaves the
    /// body to the kernel if it is that fragment.
    fn receive_passing(&mut self, mode: Mode) -> io::Result<bool> {
        let buffer = self.spare.writable(&mut self.buffer);
        let header = &mut buffer[..FRAGMENT_HEADER_BYTES];
        let peeked = datagram::receive(self.socket.as_fd(), &mut [IoSliceMut::new(header)], mode.peek());
        let Some((peeked, from)) = self.came(peeked)? else { return Ok(false) };
        if !self.take_expected(&peeked, from) {
            return self.receive_anything(Mode::NoWait);
        }
        self.usefulness.count(false);
        // Only this thread reads, so this is the datagram that was looked at.
        let nothing = datagram::receive(self.socket.as_fd(), &mut [], Mode::NoWait);
        self.came(nothing)?;
        Ok(true)
    }

    /// Takes in the fragment that was expected, whose header lies in the buffer. False if it is something else.
    fn take_expected(&mut self, received: &Received, from: SocketAddrV4) -> bool {
        let Some(body_bytes) = received.bytes.checked_sub(FRAGMENT_HEADER_BYTES) else { return false };
        if received.datagram_bytes.is_some_and(|bytes| bytes < received.bytes) {
            return false;
        }
        let Ok((header, _)) = FragmentHeader::read_from_prefix(&self.buffer[..FRAGMENT_HEADER_BYTES]) else {
            return false;
        };
        let Some(arrived) = self.inbound.landed(from, &header, body_bytes, self.now) else { return false };
        self.burst.looked_at(received.bytes, true);
        let sample = |channel, payload| {
            let receive_time_ns = received.receive_time_ns.unwrap_or_else(wall_clock_ns);
            Sample { channel, payload, receive_time_ns, sender: Some(from) }
        };
        match arrived {
            Arrived::Assembled { channel, payload } => self.pending = Pending::Message(sample(channel, payload)),
            Arrived::Passed { channel, message_bytes, beginning } => {
                let beginning = beginning.as_bytes().to_vec().into();
                self.pending = Pending::Beginning(sample(channel, beginning), message_bytes);
            }
            _ => {}
        }
        true
    }

    /// Notes what a receive call brought; `None` for nothing.
    fn came(&mut self, received: io::Result<Received>) -> io::Result<Option<(Received, SocketAddrV4)>> {
        self.now = Instant::now();
        let Some(received) = unless_nothing_came(received)? else {
            self.all_was_taken();
            return Ok(None);
        };
        self.count_drops(received.drops);
        // Without a sender the socket was shut down.
        Ok(received.from.map(|from| (received, from)))
    }

    /// The kernel has nothing more: whatever comes next came after the filter was gone, whatever the clock says.
    fn all_was_taken(&mut self) {
        self.filter_gone_ns = self.filter_gone_ns.map(|_| 0);
    }

    /// Takes in the kernel's count of dropped datagrams.
    fn count_drops(&mut self, drops: Option<u32>) {
        let Some(drops) = drops else { return };
        let dropped = drops.wrapping_sub(self.kernel_drops);
        self.kernel_drops = drops;
        let counter = if self.filtered || self.filter_gone_ns.is_some() {
            &self.counters.filtered
        } else {
            &self.counters.kernel_drops
        };
        counter.add(dropped.into());
    }

    fn leave_pending(&mut self, received: &Received, from: SocketAddrV4) {
        let receive_time_ns = received.receive_time_ns.unwrap_or_else(wall_clock_ns);
        // The last whose count of drops reaches back to the filter.
        if self.filter_gone_ns.is_some_and(|gone_ns| receive_time_ns >= gone_ns) {
            self.filter_gone_ns = None;
            self.inbound.set_filtered(false);
        }
        self.pending = Pending::Datagrams {
            from,
            receive_time_ns,
            start: 0,
            end: received.bytes,
            datagram_bytes: received.datagram_bytes.unwrap_or(received.bytes).max(1),
        };
    }

    /// Looks at what is pending. If that gave a message that is wanted, it is then in `message`.
    fn take_next(&mut self, dispatcher: &mut Dispatcher, message: &mut Sample) -> Receipt {
        let (from, receive_time_ns, datagram) = match &mut self.pending {
            Pending::Nothing => return Receipt::Nothing,
            Pending::Message(assembled) => {
                *message = std::mem::take(assembled);
                self.pending = Pending::Nothing;
                self.usefulness.count(true);
                return Receipt::Message;
            }
            Pending::Beginning(beginning, message_bytes) => {
                let message_bytes = *message_bytes;
                *message = std::mem::take(beginning);
                self.pending = Pending::Nothing;
                // Whoever reads meanwhile may take whole messages only.
                let overhears = dispatcher.reads() == Reads::Overhears;
                return if overhears { Receipt::Beginning { message_bytes } } else { Receipt::Nothing };
            }
            Pending::Datagrams { from, receive_time_ns, start, end, datagram_bytes } => {
                let datagram = *start..(*start + *datagram_bytes).min(*end);
                let (from, receive_time_ns) = (*from, *receive_time_ns);
                *start = datagram.end;
                if start == end {
                    self.pending = Pending::Nothing;
                }
                (from, receive_time_ns, datagram)
            }
        };
        let is_fragment = wire::is_fragment(&self.buffer[datagram.clone()]);
        self.burst.looked_at(datagram.len(), is_fragment);
        if is_fragment {
            // It may have waited here while messages before it were handled.
            self.now = Instant::now();
        }
        let interest = |channel: &Channel| dispatcher.interest(channel);
        let arrived = self.inbound.accept(from, &self.buffer[datagram.clone()], self.now, interest);
        let (channel, payload, receipt) = match arrived {
            Arrived::Nothing => return Receipt::Nothing,
            Arrived::Passed { channel, message_bytes, beginning } => {
                (channel, beginning.as_bytes().to_vec().into(), Receipt::Beginning { message_bytes })
            }
            Arrived::Unwanted => {
                self.usefulness.count(false);
                return Receipt::Nothing;
            }
            Arrived::Assembled { channel, payload } => (channel, payload, Receipt::Message),
            Arrived::Short { channel, payload } => {
                let payload_bytes = payload.len();
                let range = datagram.end - payload_bytes..datagram.end;
                (channel, Payload::new(Arc::clone(&self.buffer), range), Receipt::Message)
            }
        };
        self.usefulness.count(true);
        *message = Sample { channel, payload, receive_time_ns, sender: Some(from) };
        receipt
    }

    /// Has the kernel keep unwanted messages away once most of what comes is unwanted.
    fn consider_filter(&mut self, dispatcher: &mut Dispatcher) {
        if std::mem::take(&mut self.drained) {
            if dispatcher.can_filter() {
                dispatcher.filter(FilteredSocket(Arc::clone(&self.socket)));
            }
            self.follow_filter(dispatcher.filtered());
        } else if self.usefulness.is_mostly_unwanted()
            && !self.filtered
            && self.draining == 0
            && dispatcher.can_filter()
        {
            // Of datagrams handed over together a filter sees only the first, so none may come any more.
            datagram::set_batches(self.socket.as_fd(), false);
            self.draining = MAX_DRAINED;
        }
    }

    /// After the kernel filter came on or off.
    fn follow_filter(&mut self, filtered: bool) {
        if filtered {
            self.filter_gone_ns = None;
            self.inbound.set_filtered(true);
        } else if self.filtered {
            self.filter_gone_ns = Some(wall_clock_ns());
        }
        self.filtered = filtered;
        datagram::set_batches(self.socket.as_fd(), !filtered);
    }

    fn housekeeping(&mut self) {
        if self.now >= self.next_tick {
            self.inbound.expire(self.now);
            self.next_tick = self.now + TICK;
        }
    }

    /// Waits until there is something to receive. The socket's own timeout is too coarse for short waits: it counts the
    /// kernel's ticks of up to 10 ms.
    fn poll(&mut self, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(|_| io::ErrorKind::InvalidInput)?;
        let polled = rustix::event::poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&timeout));
        // Nothing is received when the time is over, and whoever waits must learn that it is.
        self.now = Instant::now();
        match polled {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// The largest power of two in milliseconds within a time of at least one: then a wait that goes on after each datagram with
/// what is left of its time does not set the socket's timeout anew for each.
fn round_down(timeout: Duration) -> Duration {
    let milliseconds = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(1 << milliseconds.ilog2())
}

/// What a receive call brought; `None` where it only did not wait any longer.
fn unless_nothing_came<T>(received: io::Result<T>) -> io::Result<Option<T>> {
    match received {
        Ok(received) => Ok(Some(received)),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(None),
        Err(error) => Err(error),
    }
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
const TICK: Duration = Duration::from_millis(512);

/// A caller that does not wait gets back after this many datagrams, even if none was the last of a message.
const MAX_AT_ONCE: u32 = 256;

/// Shorter waits take a system call more.
const SHORT_WAIT: Duration = Duration::from_millis(50);

/// A bus that is busier than this process is not filtered: its socket is never empty.
const MAX_DRAINED: u32 = 1000;

/// How many datagrams are looked at before judging whether a filter pays.
const JUDGED_TOGETHER: u32 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_looked_for_after_publishing_and_only_while_answers_come_soon() {
        let longest = Duration::from_micros(50);
        let mut anticipation = Anticipation::new(longest);
        // Who only listens never looks.
        assert!(!anticipation.answer_is_due(0));
        // The first time it cannot know.
        assert!(anticipation.answer_is_due(1));
        assert_eq!(anticipation.spin(), Duration::ZERO);
        anticipation.answered_after(Duration::from_micros(80));
        assert!(!anticipation.answer_is_due(1));
        assert!(anticipation.answer_is_due(2));
        assert_eq!(anticipation.spin(), longest);
        anticipation.answered_after(Duration::from_millis(1));
        assert!(anticipation.answer_is_due(3));
        assert_eq!(anticipation.spin(), Duration::ZERO);
        assert!(!Anticipation::new(Duration::ZERO).answer_is_due(1));
    }

    #[test]
    fn timeouts_are_rounded_down_to_powers_of_two() {
        for (given, rounded) in [(50, 32), (64, 64), (200, 128), (511, 256), (512, 512)] {
            assert_eq!(round_down(Duration::from_millis(given)), Duration::from_millis(rounded));
        }
    }
}
