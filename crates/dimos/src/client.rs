//! The mesh for programs that use it: scripts, tools, tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use lcm::{Lcm, OpenError, Publisher, Queue, Sample, SubscribeError, Subscription, Url};

use crate::listing::Contracts;
use crate::mesh::{Mesh, MeshCounts, MeshError};
use crate::name::{Name, NameError};
use crate::presence::{Event, Participant, Presence};
use crate::remote::RemoteModule;

/// A connection to the mesh. Clones are the same connection; the last one that is dropped says farewell. No other process ends
/// because of that.
///
/// ```no_run
/// let dimos = dimos::Dimos::connect()?;
/// for module in dimos.modules() {
///     println!("{:?} on {}", module.name, module.identity.host);
/// }
/// let answer = dimos.module("robot0/camera")?.call("set_exposure", &serde_json::json!({ "ms": 8 }))?;
/// println!("{answer}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Dimos {
    mesh: Arc<Mesh>,
    /// For data, beside the messages of the mesh.
    bus: Lcm,
    contracts: Arc<Mutex<Contracts>>,
}

/// How to join a mesh.
#[derive(Debug, Clone, Default)]
pub struct Options {
    url: Option<Url>,
    coordinator: Option<Name>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The bus cannot be joined.
    #[error(transparent)]
    Bus(#[from] OpenError),
    /// This process cannot take part.
    #[error(transparent)]
    Mesh(#[from] MeshError),
    /// Nobody coordinates the mesh.
    #[error(
        "no coordinator on {url} within {waited:?}: start one, look whether LCM_DEFAULT_URL is the same there, or join without one"
    )]
    NoCoordinator {
        /// The bus.
        url: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The coordinator that was named is not there.
    #[error("no coordinator {name} on {url} within {waited:?}; there is {}", list(.candidates))]
    NotThatCoordinator {
        /// Its name.
        name: Name,
        /// The bus.
        url: String,
        /// How long it was waited for.
        waited: Duration,
        /// Those that are there.
        candidates: Vec<Name>,
    },
    /// There are several, and none was named.
    #[error("several coordinators on {url}: name one of {}", list(.candidates))]
    SeveralCoordinators {
        /// The bus.
        url: String,
        /// Their names.
        candidates: Vec<Name>,
    },
}

/// Why a module was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FindError {
    /// What was asked for is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Nobody has this name, and no class is called so.
    #[error("no module {name}; there is {}", list(.others))]
    None {
        /// What was asked for.
        name: Name,
        /// Those that are there.
        others: Vec<Name>,
    },
    /// It is the name of a class with several instances.
    #[error("{class} is the class of several modules: name one of {}", list(.candidates))]
    Several {
        /// The class.
        class: String,
        /// Its instances.
        candidates: Vec<Name>,
    },
}

impl Options {
    /// The bus; if it is not given, the one that `LCM_DEFAULT_URL` names.
    #[must_use]
    pub fn url(self, url: Url) -> Self {
        Self { url: Some(url), ..self }
    }

    /// The name of the coordinator to wait for, where several robots share the bus: `robot0/coordinator`.
    #[must_use]
    pub fn coordinator(self, name: Name) -> Self {
        Self { coordinator: Some(name), ..self }
    }

    /// Joins the mesh and waits up to 5 s for a coordinator.
    ///
    /// # Errors
    /// If the bus cannot be joined, or the coordinator is not there or not the only one.
    pub fn connect(self) -> Result<Dimos, ConnectError> {
        let url = self.resolved_url()?.to_string();
        let wanted = self.coordinator.clone();
        let dimos = self.join()?;
        let start = Instant::now();
        loop {
            let (found, is_searching) =
                dimos.mesh.with(|cores, _| (coordinators(&cores.presence), cores.presence.is_surveying()));
            let waited = start.elapsed();
            match (&wanted, &found[..]) {
                (Some(name), names) if names.contains(name) => return Ok(dimos),
                // More may answer yet.
                (None, [_]) if !is_searching => return Ok(dimos),
                (None, [_, _, ..]) if !is_searching => {
                    return Err(ConnectError::SeveralCoordinators { url, candidates: found });
                }
                (Some(name), _) if waited > PATIENCE => {
                    let name = name.clone();
                    return Err(ConnectError::NotThatCoordinator { name, url, waited, candidates: found });
                }
                (None, []) if waited > PATIENCE => return Err(ConnectError::NoCoordinator { url, waited }),
                _ => std::thread::sleep(POLL),
            }
        }
    }

    /// Joins the mesh, with or without a coordinator on it.
    ///
    /// # Errors
    /// If the bus cannot be joined.
    pub fn join(self) -> Result<Dimos, ConnectError> {
        let url = self.resolved_url()?;
        let bus = Lcm::open(&url.to_string())?;
        let mesh = Mesh::client(&url)?;
        mesh.with(|cores, now| {
            // It cannot have a name yet.
            let _ = cores.presence.join(now);
        });
        Ok(Dimos { mesh: Arc::new(mesh), bus, contracts: Arc::default() })
    }

    pub(crate) fn resolved_url(&self) -> Result<Url, OpenError> {
        match &self.url {
            Some(url) => Ok(url.clone()),
            None => Ok(Url::resolve("")?),
        }
    }
}

impl Dimos {
    /// Joins the bus that `LCM_DEFAULT_URL` names and waits up to 5 s for a coordinator; see [`Options::connect`].
    ///
    /// # Errors
    /// As there.
    pub fn connect() -> Result<Self, ConnectError> {
        Options::default().connect()
    }

    /// Joins the bus that `LCM_DEFAULT_URL` names; see [`Options::join`].
    ///
    /// # Errors
    /// As there.
    pub fn join() -> Result<Self, ConnectError> {
        Options::default().join()
    }

    /// The modules that own a name, by name. After joining, wait up to 1 s for all to have said that they are there:
    /// [`Dimos::settled`] does.
    #[must_use]
    pub fn modules(&self) -> Vec<Participant> {
        let mut modules: Vec<_> = self.mesh.with(|cores, _| cores.presence.owners().cloned().collect());
        modules.sort_by(|one: &Participant, other: &Participant| one.name.cmp(&other.name));
        modules
    }

    /// The modules of a class.
    #[must_use]
    pub fn of_class(&self, class_name: &str) -> Vec<Participant> {
        self.mesh.with(|cores, _| cores.presence.of_class(class_name).cloned().collect())
    }

    /// The modules that offer a skill, as their claims say: nobody is asked.
    #[must_use]
    pub fn with_capability(&self, capability: &str) -> Vec<Participant> {
        self.mesh.with(|cores, _| cores.presence.with_capability(capability).cloned().collect())
    }

    /// Waits until all that are there have had time to say so, about 1 s after joining.
    #[must_use]
    pub fn settled(&self) -> &Self {
        while self.mesh.with(|cores, _| cores.presence.is_surveying()) {
            std::thread::sleep(POLL);
        }
        self
    }

    /// A module, by its name, or by its class if that has only one instance. It is waited for up to 3 s.
    ///
    /// # Errors
    /// If there is none, or several.
    pub fn module(&self, name: &str) -> Result<RemoteModule, FindError> {
        let parsed: Name = name.parse()?;
        self.mesh.with(|cores, now| cores.presence.find(now, &parsed));
        loop {
            let (owner, classes, is_searching) = self.mesh.with(|cores, _| {
                let presence = &cores.presence;
                let classes: Vec<_> =
                    presence.of_class(name).filter_map(|one| Some((one.name.clone()?, one.identity.node))).collect();
                (presence.owner(&parsed), classes, presence.is_finding(&parsed) || presence.is_surveying())
            });
            match (owner, &classes[..]) {
                (Some((node, _)), _) => return Ok(RemoteModule::new(Arc::clone(&self.mesh), parsed, node)),
                (None, _) if is_searching => std::thread::sleep(POLL),
                (None, [(name, node)]) => return Ok(RemoteModule::new(Arc::clone(&self.mesh), name.clone(), *node)),
                (None, []) => {
                    let others = self.modules().into_iter().filter_map(|module| module.name).collect();
                    return Err(FindError::None { name: parsed, others });
                }
                (None, several) => {
                    let mut candidates: Vec<_> = several.iter().map(|(name, _)| name.clone()).collect();
                    candidates.sort();
                    return Err(FindError::Several { class: name.to_owned(), candidates });
                }
            }
        }
    }

    /// What was heard, said, ignored and refused of the mesh so far. What the bus lost is in [`lcm::Lcm::statistics`].
    #[must_use]
    pub fn counts(&self) -> MeshCounts {
        self.mesh.with(|cores, _| cores.counts())
    }

    /// What becomes of other processes from now on.
    #[must_use]
    pub fn events(&self) -> Receiver<Event> {
        self.mesh.with(|cores, _| cores.events())
    }

    /// Publishes data.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.bus.publisher()
    }

    /// Subscribes to data: a channel, or a pattern of channels; see [`lcm::Pattern`].
    ///
    /// # Errors
    /// If the pattern is none, or the bus cannot be read.
    pub fn subscribe(&self, channel: &str, queue: Queue) -> Result<Subscription, SubscribeError> {
        self.bus.subscribe(channel, queue)
    }

    /// The next message on a channel, if one comes in time.
    ///
    /// # Errors
    /// As [`Dimos::subscribe`].
    pub fn peek_stream(&self, channel: &str, timeout: Duration) -> Result<Option<Sample>, SubscribeError> {
        // The subscription lives as long as this connection does, so it is not closed.
        Ok(self.subscribe(channel, Queue::keep_last(1))?.recv_timeout(timeout).unwrap_or_default())
    }

    /// Closes this connection, as dropping it does, unless a clone or a module found with it lives on. Nothing else ends.
    pub fn stop(self) {}

    pub(crate) fn bus(&self) -> &Lcm {
        &self.bus
    }

    pub(crate) fn mesh(&self) -> Arc<Mesh> {
        Arc::clone(&self.mesh)
    }

    pub(crate) fn contracts(&self) -> MutexGuard<'_, Contracts> {
        self.contracts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn coordinators(presence: &Presence) -> Vec<Name> {
    let mut names: Vec<_> = presence.with_last_part(COORDINATOR, None).filter_map(|one| one.name.clone()).collect();
    names.sort();
    names
}

pub(crate) fn list(names: &[Name]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.iter().map(Name::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The last part of the names of coordinators.
const COORDINATOR: &str = "coordinator";

/// How long a coordinator is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether what is waited for is there.
pub(crate) const POLL: Duration = Duration::from_millis(5);
