//! A look around the bus for a while: what is heard, who publishes and who subscribes. For `list` and `info`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddrV4;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::select;
use dimos::NodeId;
use dimos::contract::Direction;
use lcm::schema::Catalog;
use lcm::{Channel, Pattern, Queue, Sample, Url};
use serde::Serialize;

use super::beats::Beat;
use super::channels::{Channels, Heard as HeardMessage};
use super::echo::subscribe_failure;
use super::parties::{KnownBy, Parties, Port};
use super::statistics::{NS_PER_S, Sizes, per_second};
use super::typing::Agreement;
use crate::context::Context;
use crate::failure::Failure;

/// What was seen.
#[derive(Debug)]
pub(super) struct Look {
    heard: Heard,
    parties: Parties,
    /// How long it took; of a log, how long the part of it is that was seen.
    span_s: f64,
    /// When it ended.
    end_ns: u64,
    dropped: u64,
}

/// What came.
#[derive(Debug, Default)]
struct Heard {
    channels: Channels,
    /// The last one of each process.
    beats: BTreeMap<NodeId, Beat>,
    /// When the first and the last message came.
    times_ns: Option<(u64, u64)>,
}

/// A channel, and all that is known of it.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    pub(super) channel: String,
    pub(super) topic: String,
    /// The type, as the channel names it, or else as the messages do, if they have one.
    #[serde(rename = "type")]
    pub(super) type_name: Option<String>,
    /// What the last message begins with, if that is a fingerprint of the type.
    pub(super) fingerprint: Option<String>,
    /// What the channel's name and the last message say of its type.
    pub(super) agreement: Agreement,
    /// The types that messages with this fingerprint may be of.
    pub(super) candidates: Vec<String>,
    pub(super) messages: u64,
    pub(super) rate_hz: Option<f64>,
    pub(super) bytes_per_s: f64,
    pub(super) size_bytes: Option<Sizes>,
    pub(super) last_size_bytes: Option<usize>,
    pub(super) last_age_s: Option<f64>,
    pub(super) publishers: Vec<Publisher>,
    pub(super) subscribers: Vec<Subscriber>,
}

/// Who publishes on a channel.
#[derive(Debug, Serialize)]
pub(super) struct Publisher {
    /// The name of the module, if it is one.
    pub(super) name: Option<String>,
    /// Where it sends from.
    pub(super) address: Option<String>,
    /// How many messages it published since it started, as it says.
    pub(super) published: Option<u64>,
}

/// Who subscribes to a channel.
#[derive(Debug, Serialize)]
pub(super) struct Subscriber {
    pub(super) name: String,
    pub(super) port: String,
    pub(super) known_by: KnownBy,
}

/// Looks around for so long, or to the end of an event log.
pub(super) fn look(context: &Context, duration: Duration) -> Result<Look, Failure> {
    let is_log = matches!(context.url()?, Url::File(_));
    let bus = context.bus()?;
    let everything = bus.subscribe(Pattern::any(), Queue::keep_all(QUEUE_BYTES)).map_err(subscribe_failure)?;
    let start = Instant::now();
    // Nobody answers in a log.
    let mesh = if is_log { None } else { Some(context.mesh()?) };
    let mut heard = Heard::default();
    let parties = thread::scope(|scope| {
        let asking = mesh.as_ref().map(|dimos| scope.spawn(|| Parties::ask(dimos)));
        let is_asked = || asking.as_ref().is_none_or(thread::ScopedJoinHandle::is_finished);
        let mut is_ended = false;
        while !is_asked() || !is_ended && start.elapsed() < duration {
            if is_ended {
                context.interrupt.wait_until(Instant::now() + LOOK_EVERY)?;
                continue;
            }
            select! {
                recv(everything.receiver()) -> sample => match sample {
                    Ok(sample) => heard.push(&sample),
                    Err(_) => is_ended = true,
                },
                recv(context.interrupt.receiver()) -> _ => return Err(Failure::interrupted()),
                default(LOOK_EVERY) => {},
            }
        }
        let Some(asking) = asking else { return Ok(Parties::default()) };
        asking.join().map_err(|_| Failure::unexpected("asking the modules panicked"))
    })?;
    let dropped = everything.dropped() + bus.statistics().kernel_drops;
    let (first_ns, last_ns) = heard.times_ns.unwrap_or_default();
    let (span_s, end_ns) = match is_log {
        true => (last_ns.saturating_sub(first_ns) as f64 / NS_PER_S, last_ns),
        false => (start.elapsed().as_secs_f64(), now_ns()),
    };
    Ok(Look { heard, parties, span_s, end_ns, dropped })
}

impl Look {
    /// The channels that were heard, or that modules have ports on, by name.
    pub(super) fn channels(&self) -> BTreeSet<Channel> {
        let published = self.heard.beats.values().flat_map(|beat| beat.published.keys());
        let ports = self.parties.ports.keys().filter_map(|name| Channel::new(name).ok());
        self.heard.channels.iter().map(|(name, _)| name).chain(published).copied().chain(ports).collect()
    }

    /// What is known of a channel.
    pub(super) fn seen(&self, catalog: &Catalog, channel: &Channel) -> Seen {
        let name = channel.to_string();
        let (topic, suffix) = name.split_once('#').map_or((&*name, None), |(topic, suffix)| (topic, Some(suffix)));
        let heard = self.heard.channels.get(channel);
        let identity = catalog.identify(channel.as_bytes(), heard.map_or(&[], |heard| heard.beginning()));
        let candidates: Vec<_> = identity.candidates.iter().map(|one| one.name().to_owned()).collect();
        let agreement = heard.map_or(Agreement::NotHeard, |_| Agreement::of(&identity.suffix));
        let type_name = match (suffix, agreement, &candidates[..]) {
            // With its package, which the channel may leave out.
            (_, Agreement::Agrees, [best, ..]) | (None, _, [best]) => Some(best.clone()),
            (suffix, ..) => suffix.map(str::to_owned),
        };
        let is_typed = suffix.is_some() || !candidates.is_empty();
        let full = type_name.as_ref().map_or_else(|| name.clone(), |type_name| format!("{topic}#{type_name}"));
        let traffic = heard.map(|heard| heard.traffic).unwrap_or_default();
        Seen {
            topic: topic.to_owned(),
            fingerprint: identity.fingerprint.filter(|_| is_typed).map(|fingerprint| fingerprint.to_string()),
            agreement,
            candidates,
            messages: traffic.messages,
            rate_hz: heard.and_then(|heard| heard.arrivals.mean_rate_hz()),
            bytes_per_s: per_second(traffic.bytes, self.span_s),
            size_bytes: traffic.sizes(),
            last_size_bytes: heard.map(|heard| heard.last_bytes),
            last_age_s: heard.and_then(|heard| heard.arrivals.age_s(self.end_ns)),
            publishers: self.publishers(channel, &full, &heard.map_or_else(Vec::new, |heard| heard.senders().0)),
            subscribers: self.subscribers(&name, &full),
            type_name,
            channel: name,
        }
    }

    /// How long it took.
    pub(super) fn span_s(&self) -> f64 {
        self.span_s
    }

    /// Messages that came faster than they could be taken in.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Messages of so many channels that they were not remembered.
    pub(super) fn forgotten(&self) -> u64 {
        self.heard.channels.forgotten()
    }

    /// Modules that do not say what ports they have.
    pub(super) fn silent(&self) -> &[String] {
        &self.parties.silent
    }

    /// By beats, by where messages came from, and, for modules that sent no beat, by what they say.
    fn publishers(&self, channel: &Channel, full: &str, senders: &[SocketAddrV4]) -> Vec<Publisher> {
        let beats = &self.heard.beats;
        let named = |node: &NodeId| self.parties.names.get(node).cloned();
        let mut strangers: Vec<_> = senders.to_vec();
        let mut publishers = Vec::new();
        // Programs may publish from another port than they send beats from.
        let mut elsewhere = Vec::new();
        for beat in beats.values() {
            let published = beat.published.get(channel).copied();
            let is_heard = senders.contains(&beat.address);
            if published.is_none() && !is_heard {
                continue;
            }
            strangers.retain(|address| *address != beat.address);
            if !is_heard && published.is_some_and(|count| count > 0) {
                elsewhere.push(publishers.len());
            }
            let address = Some(beat.address.to_string());
            publishers.push(Publisher { name: named(&beat.node), address, published });
        }
        match (&elsewhere[..], &strangers[..]) {
            ([one], [stranger]) => publishers[*one].address = Some(stranger.to_string()),
            (_, strangers) => publishers.extend(strangers.iter().map(|address| Publisher {
                name: None,
                address: Some(address.to_string()),
                published: None,
            })),
        }
        let unheard = self.parties.on(full, Direction::Out).filter(|port| !beats.contains_key(&port.node));
        publishers.extend(unheard.map(|port| Publisher {
            name: Some(port.module.clone()),
            address: None,
            published: None,
        }));
        publishers
    }

    fn subscribers(&self, name: &str, full: &str) -> Vec<Subscriber> {
        let short = (name != full).then_some(name).into_iter().flat_map(|name| self.parties.on(name, Direction::In));
        let ports = self.parties.on(full, Direction::In).chain(short);
        let subscriber =
            |port: &Port| Subscriber { name: port.module.clone(), port: port.name.clone(), known_by: port.known_by };
        ports.map(subscriber).collect()
    }
}

impl Publisher {
    /// For people: who it is, as far as is known.
    pub(super) fn text(&self) -> String {
        let address = self.address.clone().unwrap_or_default();
        self.name.clone().unwrap_or(address)
    }
}

impl Heard {
    fn push(&mut self, sample: &Sample) {
        let time_ns = sample.receive_time_ns();
        let first_ns = self.times_ns.map_or(time_ns, |(first_ns, _)| first_ns);
        self.times_ns = Some((first_ns, time_ns));
        self.channels.push(&HeardMessage::of(sample), None);
        if let Some(beat) = Beat::heard(sample)
            && (self.beats.len() < MAX_NODES || self.beats.contains_key(&beat.node))
        {
            self.beats.insert(beat.node, beat);
        }
    }
}

fn now_ns() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

/// What may wait to be taken in.
const QUEUE_BYTES: usize = 64 << 20;

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Whose beats are remembered.
const MAX_NODES: usize = 1024;
