//! The mesh for programs that use it: scripts, tools, tests.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use lcm::{Channel, FileMode, Lcm, OpenError, Publisher, Queue, Sample, SubscribeError, Subscription, Url};

use crate::coordinator::COORDINATOR;
use crate::listing::Contracts;
use crate::mesh::{Mesh, MeshCounts, MeshError, Published};
use crate::messages::ListenError;
use crate::name::{Name, NameError};
use crate::presence::limits::MAX_PUBLISHED;
use crate::presence::{Event, Identity, Participant, Presence};
use crate::remote::RemoteModule;
use crate::topic::any_type;

/// A connection to the mesh. Clones are the same connection; it ends with the last one that is dropped, or for all of them with
/// [`Dimos::stop`]. No other process ends because of that.
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
    url: Url,
    /// How many messages this connection published, by channel.
    published: Arc<Mutex<BTreeMap<Channel, Arc<AtomicU64>>>>,
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
    /// Nobody can be met there.
    #[error("there is no mesh on {url}: {why}; use a bus such as udpm://239.255.76.67:7667")]
    NoMesh {
        /// The URL.
        url: String,
        /// Why not.
        why: &'static str,
    },
    /// A coordinator was named where none is waited for.
    #[error("the coordinator {name} is named, but only `connect` waits for one: leave it out, or connect")]
    UnusedCoordinator {
        /// Its name.
        name: Name,
    },
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
    /// This process has left the mesh.
    #[error("this process has left the mesh and finds nobody any more")]
    Left,
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
    /// The bus, whatever `LCM_DEFAULT_URL` says: that counts only where no bus is given. The environment stays as it is, so
    /// processes that this one starts join the bus that it names.
    #[must_use]
    pub fn url(self, url: Url) -> Self {
        Self { url: Some(url), ..self }
    }

    /// The name of the coordinator to wait for, where several robots share the bus: `robot0/coordinator`. It is for
    /// [`Options::connect`] only.
    #[must_use]
    pub fn coordinator(self, name: Name) -> Self {
        Self { coordinator: Some(name), ..self }
    }

    /// Joins the mesh and waits up to 5 s for a coordinator.
    ///
    /// # Errors
    /// If the bus cannot be joined, or the coordinator is not there or not the only one.
    pub fn connect(self) -> Result<Dimos, ConnectError> {
        let wanted = self.coordinator.clone();
        let dimos = Self { coordinator: None, ..self }.join()?;
        let url = dimos.url.to_string();
        let start = Instant::now();
        loop {
            let (found, has_wanted, is_searching) = dimos.mesh.with(|cores, now| {
                let presence = &mut cores.presence;
                let has_wanted = wanted.as_ref().is_some_and(|name| presence.owner(name).is_some());
                if let Some(name) = wanted.as_ref().filter(|_| !has_wanted) {
                    presence.find(now, name);
                }
                (coordinators(presence), has_wanted, presence.is_surveying())
            });
            let waited = start.elapsed();
            match (&wanted, &found[..]) {
                (Some(_), _) if has_wanted => return Ok(dimos),
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
    /// If the bus cannot be joined, or a coordinator is named.
    pub fn join(self) -> Result<Dimos, ConnectError> {
        let url = self.bus_url()?;
        let bus = Lcm::open(&url.to_string())?;
        let mesh = Mesh::client(&url)?;
        mesh.with(|cores, now| {
            // It cannot have a name yet.
            let _ = cores.presence.join(now);
        });
        Ok(Dimos { mesh: Arc::new(mesh), bus, url, published: Arc::default(), contracts: Arc::default() })
    }

    /// The bus of a process that waits for no coordinator.
    pub(crate) fn bus_url(&self) -> Result<Url, ConnectError> {
        if let Some(name) = self.coordinator.clone() {
            return Err(ConnectError::UnusedCoordinator { name });
        }
        let url = match &self.url {
            Some(url) => url.clone(),
            None => Url::resolve("").map_err(OpenError::from)?,
        };
        let why = match &url {
            Url::Memq => "it is a queue of its own for whoever opens it",
            Url::File(file) if file.mode != FileMode::Read => "it records what is said, and nobody answers",
            _ => return Ok(url),
        };
        Err(ConnectError::NoMesh { url: url.to_string(), why })
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

    /// All other processes that are known, those that only call others included, by node.
    #[must_use]
    pub fn participants(&self) -> Vec<Participant> {
        self.mesh.with(|cores, _| cores.presence.participants().cloned().collect())
    }

    /// What this process says about itself. Processes with the same `host_id` are on this host.
    #[must_use]
    pub fn identity(&self) -> Identity {
        self.mesh.with(|cores, _| cores.presence.identity().clone())
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
        while self.mesh.with(|cores, _| cores.presence.is_surveying() && !cores.has_ended_calls()) {
            std::thread::sleep(POLL);
        }
        self
    }

    /// A module, by its name, or by its class if that has only one instance. A name is waited for up to 2 s; an instance of a
    /// class is known by then, about 1 s after joining at the latest.
    ///
    /// # Errors
    /// If there is none, or several.
    pub fn module(&self, name: &str) -> Result<RemoteModule, FindError> {
        let parsed: Name = name.parse()?;
        let mut is_asked = false;
        loop {
            let (owner, classes, is_searching, has_left) = self.mesh.with(|cores, now| {
                let has_left = cores.has_ended_calls();
                let presence = &mut cores.presence;
                let owner = presence.owner(&parsed);
                let classes: Vec<_> =
                    presence.of_class(name).filter_map(|one| Some((one.name.clone()?, one.identity.node))).collect();
                let is_surveying = presence.is_surveying();
                // Nobody need be asked for a name that is a class.
                let is_wanted = owner.is_none() && classes.is_empty();
                if is_wanted && !std::mem::replace(&mut is_asked, true) {
                    presence.find(now, &parsed);
                }
                (owner, classes, is_surveying || is_wanted && presence.is_finding(&parsed), has_left)
            });
            match (owner, &classes[..]) {
                _ if has_left => return Err(FindError::Left),
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

    /// What becomes of other processes from now on, until the connection ends. Whoever does not read them finds
    /// [`Event::Missed`] among them in the end.
    #[must_use]
    pub fn events(&self) -> Receiver<Event> {
        self.mesh.with(|cores, _| cores.events())
    }

    /// Publishes data. What is published so is not counted in beats, as it is by [`Dimos::publish`].
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

    /// The next message on a topic, if one comes in time: of any type, as in `/cmd_vel`, or of the one that is named, as in
    /// `/cmd_vel#geometry_msgs.Twist`.
    ///
    /// # Errors
    /// If the topic has no channel, or the bus cannot be read.
    pub fn peek_stream(&self, topic: &str, timeout: Duration) -> Result<Option<Sample>, ListenError> {
        let subscription = self.bus.subscribe(any_type(topic)?, Queue::keep_last(1)).map_err(ListenError::from)?;
        // It lives as long as this connection does, so it is not closed.
        Ok(subscription.recv_timeout(timeout).unwrap_or_default())
    }

    /// Leaves the mesh, whoever still holds this connection: calls under way end with [`RpcError::Left`](crate::RpcError::Left),
    /// and so do those that are made later; no events come any more. Publishers and subscriptions of data go on until they are
    /// dropped. No other process ends.
    pub fn stop(self) {
        self.mesh.stop();
    }

    /// Counts a message, to be told in beats; those on further channels than others remember are not counted.
    pub(crate) fn count_published(&self, channel: Channel) {
        let mut published = self.published.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = published.get(&channel) {
            count.fetch_add(1, Ordering::Relaxed);
        } else if published.len() < MAX_PUBLISHED {
            let count = Arc::new(AtomicU64::new(1));
            published.insert(channel, Arc::clone(&count));
            self.mesh.with(|cores, _| cores.add_published(Published { channel: channel.to_string(), count }));
        }
    }

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

/// How long a coordinator is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked whether what is waited for is there.
pub(crate) const POLL: Duration = Duration::from_millis(5);
