//! Who is on the mesh, and who publishes and subscribes what: asked by a thread of its own, again and again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use dimos::contract::Direction;
use dimos::presence::{Participant, State};
use dimos::{Dimos, NodeId};
use lcm::Url;

use crate::traffic::parties::{KnownBy, Parties};

/// All processes of the mesh, at a moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Nodes {
    /// Those with a name first, by name.
    pub(crate) nodes: Vec<Node>,
    /// Why there are none.
    pub(crate) error: Option<String>,
}

/// A process.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    /// Which.
    pub(crate) node: NodeId,
    /// The name that it owns; none if it only calls others.
    pub(crate) name: Option<String>,
    /// What kind of module it is.
    pub(crate) class_name: String,
    /// How it is.
    pub(crate) state: State,
    /// Its host.
    pub(crate) host: String,
    /// Its process number there.
    pub(crate) pid: i32,
    /// The run that it belongs to; empty if no coordinator started it.
    pub(crate) run_id: String,
    /// How long its handler had been running at its last beat.
    pub(crate) handler: Duration,
    /// What it publishes: the channel, its port, and how many messages it says it has published.
    pub(crate) publishes: Vec<Published>,
    /// What it subscribes to: the channel, and its port.
    pub(crate) subscribes: Vec<Subscribed>,
}

/// A channel that a process publishes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    /// The channel.
    pub(crate) channel: String,
    /// The port, if the process says that it has one.
    pub(crate) port: Option<String>,
    /// How many messages, as it says.
    pub(crate) messages: Option<u64>,
}

/// A channel that a process subscribes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subscribed {
    /// The channel.
    pub(crate) channel: String,
    /// The port.
    pub(crate) port: String,
    /// Whether the process said so; its launch may say otherwise if it did not.
    pub(crate) is_sure: bool,
}

/// Asks who is there, until it is dropped.
#[derive(Debug)]
pub(crate) struct Asking {
    told: Receiver<Nodes>,
    /// Whether it is of interest what they publish and subscribe.
    is_looked_at: Arc<AtomicBool>,
    stop: Option<Sender<()>>,
    done: Receiver<()>,
}

impl Asking {
    /// Begins to ask on a bus. None where nobody can answer, as in an event log, and where no thread can be had.
    #[must_use]
    pub(crate) fn start(url: &Url) -> Option<Self> {
        if !matches!(url, Url::Udpm(_)) {
            return None;
        }
        let (tell, told) = bounded(1);
        let (stop, stopped) = bounded(0);
        let (ended, done) = bounded(1);
        let is_looked_at = Arc::new(AtomicBool::new(false));
        let (url, looked_at) = (url.clone(), Arc::clone(&is_looked_at));
        let thread = std::thread::Builder::new().name("spy-nodes".to_owned()).spawn(move || {
            ask(&url, &looked_at, &tell, &stopped);
            // Nobody waits for it any more if it fails.
            let _ = ended.send(());
        });
        thread.ok().map(|_| Self { told, is_looked_at, stop: Some(stop), done })
    }

    /// What is new.
    #[must_use]
    pub(crate) fn news(&self) -> Option<Nodes> {
        self.told.try_recv().ok()
    }

    /// Says whether it is of interest what they publish and subscribe.
    pub(crate) fn look(&self, is_looked_at: bool) {
        self.is_looked_at.store(is_looked_at, Ordering::Relaxed);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.stop = None;
        // So that it says farewell; not if it waits for an answer.
        let _ = self.done.recv_timeout(GRACE);
    }
}

fn ask(url: &Url, is_looked_at: &AtomicBool, tell: &Sender<Nodes>, stopped: &Receiver<()>) {
    let is_over = |wait| matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Disconnected));
    let dimos = loop {
        match dimos::Options::default().url(url.clone()).join() {
            Ok(dimos) => break dimos,
            Err(error) => {
                let _ = tell.try_send(Nodes { nodes: Vec::new(), error: Some(error.to_string()) });
                if is_over(RETRY_AFTER) {
                    return;
                }
            }
        }
    };
    let mut parties = Parties::default();
    let mut asked: Option<Instant> = None;
    loop {
        let is_due = asked.is_none_or(|asked| asked.elapsed() > ASK_EVERY);
        if is_looked_at.load(Ordering::Relaxed) && is_due {
            parties = Parties::ask(&dimos);
            asked = Some(Instant::now());
        }
        // Whoever has not taken the last ones gets these later.
        let _ = tell.try_send(nodes(&dimos, &parties));
        if is_over(LOOK_EVERY) {
            return;
        }
    }
}

fn nodes(dimos: &Dimos, parties: &Parties) -> Nodes {
    let mut nodes: Vec<_> = dimos.participants().into_iter().map(|one| node(one, parties)).collect();
    nodes.sort_by(|one, other| key(one).cmp(&key(other)));
    Nodes { nodes, error: None }
}

fn key(node: &Node) -> (bool, Option<&str>, i32) {
    (node.name.is_none(), node.name.as_deref(), node.pid)
}

fn node(participant: Participant, parties: &Parties) -> Node {
    let node = participant.identity.node;
    let ports = parties.ports.iter().flat_map(|(channel, ports)| ports.iter().map(move |port| (channel, port)));
    let mut publishes: BTreeMap<String, Published> = participant
        .published
        .iter()
        .map(|(channel, messages)| {
            let published = Published { channel: channel.clone(), port: None, messages: Some(*messages) };
            (channel.clone(), published)
        })
        .collect();
    let mut subscribes = Vec::new();
    for (channel, port) in ports.filter(|(_, port)| port.node == node) {
        if port.direction == Direction::In {
            let is_sure = port.known_by == KnownBy::Module;
            subscribes.push(Subscribed { channel: channel.clone(), port: port.name.clone(), is_sure });
        } else {
            let unheard = Published { channel: channel.clone(), port: None, messages: None };
            publishes.entry(channel.clone()).or_insert(unheard).port = Some(port.name.clone());
        }
    }
    Node {
        node,
        name: participant.name.map(|name| name.to_string()),
        class_name: participant.identity.class_name,
        state: participant.state,
        host: participant.identity.host,
        pid: participant.identity.pid,
        run_id: participant.identity.run_id,
        handler: participant.handler,
        publishes: publishes.into_values().collect(),
        subscribes,
    }
}

/// How often it is told who is there.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often they are asked what they publish and subscribe.
const ASK_EVERY: Duration = Duration::from_secs(5);

const RETRY_AFTER: Duration = Duration::from_secs(5);

const GRACE: Duration = Duration::from_millis(200);
