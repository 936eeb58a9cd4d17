//! The cores of presence and RPC on a real bus: what they say is published, what they are to hear is read, and their time
//! passes.
//!
//! One thread per process reads the bus. Whoever calls a method of [`Mesh`] works on the cores himself, under their lock, and
//! publishes from his own thread; the reading thread is woken only to learn of an earlier deadline.

mod cores;
mod reader;
mod this_process;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lcm::{Inline, Url};

use crate::name::Name;
use crate::presence::{Config, Farewell};
use crate::rpc::Method;
pub use cores::MeshCounts;
pub(crate) use cores::{Cores, Jobs, Reply};
use reader::Wake;

/// This process's part of the mesh. When it is dropped the process says farewell.
#[derive(Debug)]
pub(crate) struct Mesh {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    cores: Mutex<Cores>,
    wake: Wake,
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

impl Mesh {
    /// Takes part in the mesh on the bus of `url`, to call others; nothing is said yet.
    pub(crate) fn client(url: &Url) -> Result<Self, MeshError> {
        let (nobody, _) = crossbeam_channel::bounded(0);
        let jobs = Jobs { sequential: nobody.clone(), concurrent: nobody };
        Self::open(url, "", true, None, BTreeMap::new(), jobs)
    }

    /// Takes part in the mesh, to be called by the name, which is not claimed yet. Calls to execute go to `jobs`.
    pub(crate) fn service(
        url: &Url,
        class_name: &str,
        name: &Name,
        methods: BTreeMap<String, Method>,
        jobs: Jobs,
    ) -> Result<Self, MeshError> {
        Self::open(url, class_name, false, Some(name), methods, jobs)
    }

    fn open(
        url: &Url,
        class_name: &str,
        is_watching: bool,
        name: Option<&Name>,
        methods: BTreeMap<String, Method>,
        jobs: Jobs,
    ) -> Result<Self, MeshError> {
        let bus = Inline::open(&url.to_string())?;
        let mut config = Config::new(this_process::identity(class_name));
        config.watching = is_watching;
        let cores = Cores::new(Instant::now(), config, bus.publisher(), methods, jobs)?;
        let shared = Arc::new(Shared { cores: Mutex::new(cores), wake: Wake::new()? });
        let reader = reader::Reader::new(bus, Arc::clone(&shared), name)?;
        let thread = std::thread::Builder::new().name("dimos-mesh".to_owned()).spawn(move || reader.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Works on the cores, then does what follows from that.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Cores, Instant) -> T) -> T {
        let mut cores = self.shared.lock();
        let planned = cores.next_wakeup();
        let result = work(&mut cores, Instant::now());
        cores.act();
        let is_sooner = match (cores.next_wakeup(), planned) {
            (Some(next), Some(planned)) => next < planned,
            (next, None) => next.is_some(),
            (None, Some(_)) => false,
        };
        if is_sooner || cores.wants_beats_changed() {
            self.shared.wake.wake();
        }
        result
    }
}

impl Mesh {
    fn wait_until(&self, at_most: Duration, is_done: impl Fn(&Cores) -> bool) {
        let patience = Instant::now() + at_most;
        while !is_done(&self.shared.lock()) && Instant::now() < patience {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Cores> {
        // A panic of another thread within leaves nothing half done that the cores do not survive.
        self.cores.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        // Whoever hears the farewell waits for no answer any more.
        self.wait_until(DELIVERY, Cores::has_delivered);
        self.with(|cores, now| cores.presence.leave(now, Farewell::Gone));
        self.wait_until(FAREWELL, |cores| cores.presence.has_left());
        self.shared.lock().stop();
        self.shared.wake.wake();
        if let Some(thread) = self.thread.take() {
            // It ends by itself; what it panicked with is in the log.
            let _ = thread.join();
        }
    }
}

/// How long answers that are on their way may take to arrive.
const DELIVERY: Duration = Duration::from_secs(1);

/// How long the farewells may take.
const FAREWELL: Duration = Duration::from_millis(500);
