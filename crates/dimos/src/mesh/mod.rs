//! The cores of presence and RPC on a real bus: what they say is published, what they are to hear is read, and their time
//! passes.
//!
//! Whoever calls a method of [`Mesh`] works on the cores himself, under their lock, and publishes from his own thread. One thread at
//! a time reads the bus: one that waits for something, or else one that stands by.

mod age;
mod busy;
mod cores;
mod interruption;
mod reader;
mod reading;
mod this_process;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use lcm::{Handle, Inline, Sample, Url};

use crate::contract::Contract;
use crate::name::Name;
use crate::presence::limits::{MAX_CAPABILITIES, MAX_CAPABILITY_BYTES};
use crate::presence::{Config, Farewell};
use crate::rpc::{IncomingCall, Method, RpcError};
pub(crate) use busy::Busy;
pub use cores::MeshCounts;
pub(crate) use cores::{Answer, BUILT_IN, Cores, DESCRIBE, HandOut, Published, RunChore};
use interruption::Interruption;
use reader::{Reader, Wake};
use reading::Reading;

/// This process's part of the mesh. When it is dropped the process says farewell.
#[derive(Debug)]
pub(crate) struct Mesh {
    shared: Arc<Shared>,
    reading: Arc<Reading>,
    busy: Arc<Busy>,
    interruption: Interruption,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    cores: Mutex<Cores>,
    wake: Wake,
    /// Whether a thread waits for the bus, or is about to, and must be woken to learn of news.
    is_waiting: AtomicBool,
}

/// Why this process cannot take part in a mesh.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// The bus cannot be joined.
    #[error("cannot join the bus")]
    Bus(#[from] lcm::OpenError),
    /// What this process says about itself is not for others.
    #[error(transparent)]
    Identity(#[from] crate::presence::ConfigError),
    /// The system refuses what the reading thread needs.
    #[error("cannot start the thread that reads the bus")]
    System(#[from] std::io::Error),
}

/// What a process serves under its name.
pub(crate) struct Serving<'a> {
    pub(crate) name: &'a Name,
    /// The answer of `describe`.
    pub(crate) contract: &'a Contract,
    pub(crate) methods: BTreeMap<String, Method>,
    /// Where calls to be executed go.
    pub(crate) hand_out: HandOut,
    /// For beats.
    pub(crate) published: Vec<Published>,
    /// The run of a coordinator that it belongs to.
    pub(crate) run_id: Option<&'a str>,
}

impl Mesh {
    /// Takes part in the mesh, to call others; nothing is said yet.
    pub(crate) fn client(url: &Url) -> Result<Self, MeshError> {
        let mut config = Config::new(this_process::identity());
        config.watching = true;
        let nobody: HandOut = Box::new(|_: IncomingCall| Err(stopping()));
        let bus = Inline::open(&url.to_string())?;
        let cores = Cores::new(Instant::now(), config, bus.publisher(), BTreeMap::new(), None, nobody, Vec::new())?;
        Self::open(bus, cores, None)
    }

    /// Takes part in the mesh, to be called by the name, which is not claimed yet.
    pub(crate) fn serve(bus: Inline, serving: Serving<'_>) -> Result<Self, MeshError> {
        let Serving { name, contract, methods, hand_out, published, run_id } = serving;
        let mut config = Config::new(this_process::identity());
        config.identity.class_name.clone_from(&contract.class_name);
        config.identity.contract = contract.hash();
        config.identity.capabilities = capabilities(contract);
        if let Some(run_id) = run_id {
            run_id.clone_into(&mut config.identity.run_id);
        }
        let now = Instant::now();
        let cores = Cores::new(now, config, bus.publisher(), methods, Some(contract), hand_out, published)?;
        Self::open(bus, cores, Some(name))
    }

    fn open(bus: Inline, cores: Cores, name: Option<&Name>) -> Result<Self, MeshError> {
        let busy = cores.busy();
        let shared = Shared { cores: Mutex::new(cores), wake: Wake::new()?, is_waiting: AtomicBool::new(false) };
        let shared = Arc::new(shared);
        let reading = Arc::new(Reading::new(Reader::new(bus, Arc::clone(&shared), name)?)?);
        let thread = std::thread::Builder::new().name("dimos-standby".to_owned());
        let standing_by = (Arc::clone(&shared), Arc::clone(&reading));
        let thread = thread.spawn(move || {
            let (shared, reading) = standing_by;
            reading.stand_by(&shared);
        });
        let interruption = Interruption::new();
        let mesh = Self { shared, reading, busy, interruption, thread: Some(thread?) };
        mesh.reading.ring();
        Ok(mesh)
    }

    /// Works on the cores, then does what follows from that.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Cores, Instant) -> T) -> T {
        let mut cores = self.shared.lock();
        let planned = cores.next_wakeup();
        let result = work(&mut cores, Instant::now());
        cores.act();
        if self.shared.is_waiting.load(Ordering::SeqCst) {
            let is_sooner = match (cores.next_wakeup(), planned) {
                (Some(next), Some(planned)) => next < planned,
                (next, None) => next.is_some(),
                (None, Some(_)) => false,
            };
            if is_sooner || cores.take_news() || cores.wants_beats_changed() {
                self.shared.wake.wake();
            }
        }
        result
    }

    /// Wakes the thread that waits for the bus.
    pub(crate) fn wake(&self) {
        self.shared.wake.wake();
    }

    /// Reads once, until something has happened, or `until`, unless there is work for this thread already.
    pub(crate) fn read(&self, until: Option<Instant>, has_work: &dyn Fn() -> bool) {
        self.reading.turn(&self.shared, until, has_work);
    }

    /// Waits for what another thread sends, or what comes of reading the bus, which this thread does if no other one waits. `None`
    /// when the time is over, or nobody can send any more.
    pub(crate) fn wait_for<T>(&self, receiver: &Receiver<T>, until: Option<Instant>) -> Option<T> {
        self.reading.wait_for(&self.shared, receiver, until, None)
    }

    /// [`Mesh::wait_for`] for what a handler waits for: it ends early, without anything, when the process is to end.
    pub(crate) fn wait_in_handler<T>(&self, receiver: &Receiver<T>, until: Option<Instant>) -> Option<T> {
        self.reading.wait_for(&self.shared, receiver, until, Some(&self.interruption.signal()))
    }

    /// Handlers are not to wait any more: the process is to end.
    pub(crate) fn interrupt(&self) {
        self.interruption.begin();
        self.shared.wake.wake();
    }

    /// What waits from now on may: the module's last work.
    pub(crate) fn allow_waiting(&self) {
        self.interruption.end();
    }

    /// Whether handlers are not to wait any more.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interruption.has_begun()
    }

    /// Has `handler` called for the messages of a channel, by whichever thread reads.
    pub(crate) fn subscribe(
        &self,
        channel: &str,
        handler: impl FnMut(&Sample) + Send + 'static,
    ) -> Result<Handle, lcm::PatternError> {
        self.reading.with_reader(&self.shared, |reader| reader.subscribe(channel, handler))
    }

    /// Hears the calls to a further name.
    pub(crate) fn hear_requests(&self, name: &Name) -> Result<(), lcm::PatternError> {
        self.reading.with_reader(&self.shared, |reader| reader.hear_requests(name))
    }

    /// Lets so much time pass. Reads meanwhile if nobody else does.
    pub(crate) fn pass(&self, time: Duration) {
        let (_nobody, never) = crossbeam_channel::bounded::<()>(1);
        self.wait_for(&never, Some(Instant::now() + time));
    }

    /// Whether a handler runs that no other one runs beside, and for how long.
    pub(crate) fn busy(&self) -> &Busy {
        &self.busy
    }

    fn pass_until(&self, at_most: Duration, is_done: impl Fn(&Cores) -> bool) {
        let patience = Instant::now() + at_most;
        while !is_done(&self.shared.lock()) && Instant::now() < patience {
            self.pass(Duration::from_millis(2));
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Cores> {
        // A panic of another thread within leaves nothing half done that the cores do not survive.
        self.cores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mesh {
    /// Hands out no calls any more: whoever takes them learns that there will be none.
    pub(crate) fn close(&self) {
        self.with(|cores, _| cores.close());
        self.shared.wake.wake();
    }

    /// Ends all calls of this process and leaves, whoever still holds this.
    pub(crate) fn stop(&self) {
        self.with(|cores, now| cores.end_calls(now));
        self.leave(Farewell::Gone);
        self.stop_reading();
    }

    /// Says farewell, after the answers that are on their way have arrived. Nothing follows.
    pub(crate) fn leave(&self, farewell: Farewell) {
        if self.shared.lock().presence.has_left() {
            return;
        }
        // Whoever hears the farewell waits for no answer any more.
        self.pass_until(DELIVERY, Cores::has_delivered);
        self.with(|cores, now| cores.presence.leave(now, farewell));
        self.pass_until(FAREWELL, |cores| cores.presence.has_left());
    }

    /// Ends the thread that stands by.
    fn stop_reading(&self) {
        self.shared.lock().stop();
        self.reading.ring();
        self.shared.wake.wake();
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        self.leave(Farewell::Gone);
        self.stop_reading();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; what it panicked with is in the log.
            let _ = thread.join();
        }
    }
}

/// The skills, as far as claims have room for their names; whoever needs all of them asks for the contract.
fn capabilities(contract: &Contract) -> Vec<String> {
    let skills = contract.methods.iter().filter(|(name, method)| method.is_skill && name.len() <= MAX_CAPABILITY_BYTES);
    skills.map(|(name, _)| name.clone()).take(MAX_CAPABILITIES).collect()
}

/// What calls are told that come when nothing is executed any more.
pub(crate) fn stopping() -> RpcError {
    RpcError::Handler { message: "the process is stopping; the method did not run".to_owned(), data: None }
}

/// How long answers that are on their way may take to arrive.
const DELIVERY: Duration = Duration::from_secs(1);

/// How long the farewells may take.
const FAREWELL: Duration = Duration::from_millis(500);
