//! The other side of a bench: a second process of this program, which answers pings and counts floods. It is told what to do line by line
//! on stdin, tells what came of it on stdout, and ends when stdin does, which is when whoever started it has ended.

use std::io::{BufRead, BufReader, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use lcm::{Lcm, Queue, Statistics, Subscription, UdpmUrl, Url};
use serde::{Deserialize, Serialize};

use super::channels::{Channels, Sequence};
use crate::failure::Failure;
use crate::topic::echo::subscribe_failure;

/// What the other side is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// What comes is a new measure.
    Begin,
    /// Nothing more comes of it: tell what did.
    Tell,
}

/// What the other side tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counted {
    /// Messages of the flood, and bytes of their payloads.
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// From the first to the last of them.
    pub(super) span_ns: u64,
    /// Messages that its queue dropped, because it read too slowly.
    pub(super) queue_drops: u64,
    /// Datagrams that the kernel dropped, because its receive buffer was full.
    pub(super) kernel_drops: u64,
}

/// A process that answers, as whoever started it sees it. It ends with this.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    orders: Option<ChildStdin>,
    told: Receiver<String>,
}

impl Peer {
    /// Starts it, and waits until it hears. `before` are the words that stand before its command, such as `ssh robot0`.
    pub(super) fn start(url: &UdpmUrl, channels: &Channels, before: &[String]) -> Result<Self, Failure> {
        let mut command = match before {
            [] => {
                let own = std::env::current_exe();
                Command::new(own.map_err(|error| Failure::unexpected(format_args!("where is this program? {error}")))?)
            }
            [program, words @ ..] => {
                let mut command = Command::new(program);
                command.args(words).arg("dimos");
                command
            }
        };
        // Words that a shell on the way does not take for anything else.
        command.args(["bench", "--answer", channels.id()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let unstarted =
            |error: std::io::Error| Failure::unexpected(format_args!("cannot start the other side: {error}"));
        let mut child = command.spawn().map_err(unstarted)?;
        let (tell, told) = bounded(16);
        let (orders, answers) = (child.stdin.take(), child.stdout.take());
        let mut peer = Self { child, orders, told };
        let thread = std::thread::Builder::new().name("dimos-bench-peer".to_owned());
        thread.spawn(move || relay(answers, |line| tell.send(line).is_ok())).map_err(unstarted)?;
        let there = if before.is_empty() { url.clone() } else { elsewhere(url) };
        peer.say(&Url::Udpm(there).to_string())?;
        match peer.told.recv_timeout(START_PATIENCE) {
            Ok(line) if line == READY => Ok(peer),
            Ok(line) => Err(Failure::unexpected(format_args!("the other side says {:?}", crate::output::plain(&line)))),
            Err(_) => Err(peer.is_gone("it did not start")),
        }
    }

    /// What comes from now on is a new measure.
    pub(super) fn begin(&mut self) -> Result<(), Failure> {
        self.order(Order::Begin)?;
        self.answer().map(drop)
    }

    /// What came of the measure.
    pub(super) fn counted(&mut self) -> Result<Counted, Failure> {
        self.order(Order::Tell)?;
        self.answer()
    }

    /// Fails if it has ended.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(self.is_gone("it has ended")),
        }
    }

    fn order(&mut self, order: Order) -> Result<(), Failure> {
        self.say(&serde_json::to_string(&order).unwrap_or_default())
    }

    fn say(&mut self, line: &str) -> Result<(), Failure> {
        let written =
            self.orders.as_mut().is_some_and(|orders| writeln!(orders, "{line}").and_then(|()| orders.flush()).is_ok());
        if written { Ok(()) } else { Err(self.is_gone("it takes no orders")) }
    }

    fn answer(&mut self) -> Result<Counted, Failure> {
        let Ok(line) = self.told.recv_timeout(ANSWER_PATIENCE) else { return Err(self.is_gone("it does not tell")) };
        serde_json::from_str(&line).map_err(|_| self.is_gone("it tells nonsense"))
    }

    fn is_gone(&mut self, what: &str) -> Failure {
        // What it wrote ends a little before it does.
        let deadline = Instant::now() + QUIET;
        let status = loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(5)),
                status => break status.ok().flatten(),
            }
        };
        let status = status.map_or_else(String::new, |status| format!(" ({status})"));
        Failure::unexpected(format_args!("the other side is of no use: {what}{status}"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends by itself, on another host too, when nobody can give it orders any more.
        self.orders = None;
        let deadline = Instant::now() + END_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other side itself. The first line on stdin is the URL of the bus, and orders follow.
pub(super) fn answer(id: &str) -> Result<(), Failure> {
    let channels = Channels::of(id);
    let mut orders = BufReader::new(stdin()).lines();
    // Whoever started it has ended if there is none.
    let Some(Ok(url)) = orders.next() else { return Ok(()) };
    let bus = Lcm::open(&url)?;
    // The thread that reads the bus does nothing else than to fill queues; two others empty them.
    send_back(&bus, &channels)?;
    let mut counter = Counter::start(bus, &channels)?;
    let say = |line: &str| writeln!(stdout(), "{line}").and_then(|()| stdout().flush());
    say(READY).map_err(|_| Failure::nobody_reads())?;
    for line in orders {
        let Some(order) = line.ok().and_then(|line| serde_json::from_str(&line).ok()) else { break };
        let line = serde_json::to_string(&counter.obey(order)).unwrap_or_default();
        say(&line).map_err(|_| Failure::nobody_reads())?;
    }
    Ok(())
}

/// Has each ping sent back, on a thread of its own.
fn send_back(bus: &Lcm, channels: &Channels) -> Result<(), Failure> {
    let (publisher, pong) = (bus.publisher(), channels.pong());
    let pings = queue(bus, &channels.ping())?;
    std::thread::spawn(move || {
        for message in &pings {
            // Whoever waits for it counts it as lost.
            let _ = publisher.publish(&pong, message.payload());
        }
    });
    Ok(())
}

fn queue(bus: &Lcm, channel: &str) -> Result<Subscription, Failure> {
    bus.subscribe(channel, Queue::keep_all(QUEUE_BYTES)).map_err(subscribe_failure)
}

/// Who counts floods, on a thread of its own, and what was dropped of them.
struct Counter {
    bus: Lcm,
    flood: Subscription,
    count: Arc<Count>,
    mark: String,
    marks: Subscription,
    /// What was counted before this measure, there and in the queue.
    before: (Statistics, u64),
}

impl Counter {
    fn start(bus: Lcm, channels: &Channels) -> Result<Self, Failure> {
        let mark = channels.mark();
        let marks = queue(&bus, &mark)?;
        let flood = queue(&bus, &channels.flood())?;
        let count = Arc::new(Count::default());
        let (messages, counting) = (flood.receiver().clone(), Arc::clone(&count));
        std::thread::spawn(move || {
            for message in messages {
                counting.push(message.payload().len(), message.receive_time_ns());
            }
        });
        let before = (bus.statistics(), flood.dropped());
        Ok(Self { bus, flood, count, mark, marks, before })
    }

    /// Does as it is told, and tells what was counted since the measure began.
    fn obey(&mut self, order: Order) -> Counted {
        if order == Order::Tell {
            self.count.settle();
        }
        self.catch_up();
        if order == Order::Begin {
            self.count.reset();
            self.before = (self.bus.statistics(), self.flood.dropped());
        }
        let (statistics, dropped) = &self.before;
        self.count.counted(&self.bus, statistics, self.flood.dropped() - dropped)
    }

    /// With each datagram the kernel tells how many it dropped before: for those it dropped last, another has to come.
    fn catch_up(&self) {
        for _ in 0..MARKS {
            if self.bus.publish(&self.mark, &[]).is_ok() && self.marks.receiver().recv_timeout(QUIET).is_ok() {
                break;
            }
        }
    }
}

/// What has come of a flood.
#[derive(Debug, Default)]
struct Count {
    messages: AtomicU64,
    bytes: AtomicU64,
    first_ns: AtomicU64,
    last_ns: AtomicU64,
}

impl Count {
    fn reset(&self) {
        for counter in [&self.messages, &self.bytes, &self.first_ns, &self.last_ns] {
            counter.store(0, Relaxed);
        }
    }

    fn push(&self, bytes: usize, time_ns: u64) {
        if self.messages.fetch_add(1, Relaxed) == 0 {
            self.first_ns.store(time_ns, Relaxed);
        }
        self.bytes.fetch_add(bytes as u64, Relaxed);
        self.last_ns.store(time_ns, Relaxed);
    }

    /// Waits until nothing more has come for a while.
    fn settle(&self) {
        let deadline = Instant::now() + SETTLE_PATIENCE;
        let mut before = u64::MAX;
        while before != self.messages.load(Relaxed) && Instant::now() < deadline {
            before = self.messages.load(Relaxed);
            std::thread::sleep(QUIET);
        }
    }

    fn counted(&self, bus: &Lcm, before: &Statistics, queue_drops: u64) -> Counted {
        let after = bus.statistics();
        Counted {
            messages: self.messages.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            span_ns: self.last_ns.load(Relaxed).saturating_sub(self.first_ns.load(Relaxed)),
            queue_drops,
            kernel_drops: after.kernel_drops.saturating_sub(before.kernel_drops),
        }
    }
}

/// The bus as another host is to join it: by an interface and with a buffer of its own.
fn elsewhere(url: &UdpmUrl) -> UdpmUrl {
    let mut url = url.clone();
    (url.iface, url.recv_buf_size) = (None, None);
    url
}

fn relay(answers: Option<ChildStdout>, mut tell: impl FnMut(String) -> bool) {
    for line in answers.into_iter().flat_map(|answers| BufReader::new(answers).lines()) {
        if !line.is_ok_and(&mut tell) {
            return;
        }
    }
}

/// The bytes of a message, so that each is another one.
pub(super) fn fill(payload: &mut [u8], number: Sequence) {
    let bytes = number.to_be_bytes();
    let length = bytes.len().min(payload.len());
    payload[..length].copy_from_slice(&bytes[..length]);
}

/// What it says first.
const READY: &str = "ready";

/// Another host may be slow to let somebody in.
const START_PATIENCE: Duration = Duration::from_secs(20);

/// It waits itself until nothing more comes.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);

const SETTLE_PATIENCE: Duration = Duration::from_secs(5);

const END_PATIENCE: Duration = Duration::from_secs(1);

const QUIET: Duration = Duration::from_millis(100);

/// Some of them may be lost.
const MARKS: usize = 5;

/// What may wait to be counted, or to be answered.
const QUEUE_BYTES: usize = 64 << 20;
