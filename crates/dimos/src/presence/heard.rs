//! What others sent, checked: nothing gets past here that is too long, malformed or impossible.

use lcm::MAX_CHANNEL_BYTES;
use lcm::codec::{Text, Texts};
use lcm_types::dimos_mesh::{AskView, BeatView, ChannelCountView, Claim, ClaimView};

use super::counts::Counts;
use super::limits::{
    MAX_CAPABILITIES, MAX_CAPABILITY_BYTES, MAX_CLASS_BYTES, MAX_CONTRACT_BYTES, MAX_HOST_BYTES, MAX_HOST_ID_BYTES,
    MAX_PUBLISHED, MAX_RUN_ID_BYTES,
};
use super::participant::State;
use crate::name::Name;
use crate::node::NodeId;

/// A claim.
#[derive(Debug)]
pub(super) struct HeardClaim<'a> {
    pub(super) node: NodeId,
    pub(super) serial: i32,
    pub(super) said: Said,
    pub(super) name: Option<Name>,
    /// 1 or more where the state is one of an owner and there is a name, otherwise 0 or more.
    pub(super) epoch: i64,
    pub(super) class_name: &'a str,
    pub(super) host: &'a str,
    pub(super) host_id: &'a str,
    pub(super) pid: i32,
    pub(super) run_id: &'a str,
    pub(super) contract: &'a str,
    pub(super) capabilities: Texts<'a>,
}

/// What a claim says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// It is there, and how.
    Here(State),
    /// It has left; whether because it failed.
    Farewell { failed: bool },
}

/// A question.
#[derive(Debug)]
pub(super) struct HeardAsk {
    pub(super) asker: i64,
    pub(super) target: Target,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Target {
    All,
    Node(NodeId),
    Owner(Name),
}

/// A beat.
#[derive(Debug)]
pub(super) struct HeardBeat<'a> {
    pub(super) node: NodeId,
    pub(super) state: State,
    pub(super) counter: i32,
    pub(super) handler_ms: u32,
    /// How many messages were published, by channel.
    pub(super) published: Vec<(&'a str, u64)>,
}

impl<'a> HeardClaim<'a> {
    pub(super) fn check(view: &ClaimView<'a>, counts: &mut Counts) -> Option<Self> {
        check_version(view.version(), counts)?;
        refuse_none(Self::parse(view), counts)
    }

    fn parse(view: &ClaimView<'a>) -> Option<Self> {
        let said = if view.state() == Claim::GONE.cast_unsigned() {
            Said::Farewell { failed: false }
        } else if view.state() == Claim::FAILED.cast_unsigned() {
            Said::Farewell { failed: true }
        } else {
            Said::Here(State::from_wire(view.state())?)
        };
        let name = name(view.name())?;
        let is_owner = name.is_some() && matches!(said, Said::Here(state) if state.is_owning());
        let epoch = view.epoch();
        if epoch < i64::from(is_owner) {
            return None;
        }
        let capabilities = view.capabilities();
        if capabilities.len() > MAX_CAPABILITIES {
            return None;
        }
        for capability in capabilities {
            text(capability, MAX_CAPABILITY_BYTES)?;
        }
        Some(Self {
            node: NodeId::from_wire(view.node())?,
            serial: view.serial(),
            said,
            name,
            epoch,
            class_name: text(view.class_name(), MAX_CLASS_BYTES)?,
            host: text(view.host(), MAX_HOST_BYTES)?,
            host_id: text(view.host_id(), MAX_HOST_ID_BYTES)?,
            pid: view.pid(),
            run_id: text(view.run_id(), MAX_RUN_ID_BYTES)?,
            contract: text(view.contract(), MAX_CONTRACT_BYTES)?,
            capabilities,
        })
    }

    /// The name, if it says that it owns one.
    pub(super) fn owned_name(&self) -> Option<&Name> {
        match self.said {
            Said::Here(state) if state.is_owning() => self.name.as_ref(),
            _ => None,
        }
    }
}

impl HeardAsk {
    pub(super) fn check(view: &AskView<'_>, counts: &mut Counts) -> Option<Self> {
        check_version(view.version(), counts)?;
        let target = match NodeId::from_wire(view.node()) {
            Some(node) => Some(Target::Node(node)),
            None => name(view.name()).map(|name| name.map_or(Target::All, Target::Owner)),
        };
        refuse_none(target, counts).map(|target| Self { asker: view.asker(), target })
    }
}

impl<'a> HeardBeat<'a> {
    pub(super) fn check(view: &BeatView<'a>, counts: &mut Counts) -> Option<Self> {
        check_version(view.version(), counts)?;
        let published = |count: ChannelCountView<'a>| {
            Some((text(count.channel(), MAX_CHANNEL_BYTES)?, u64::try_from(count.published()).ok()?))
        };
        let parse = || {
            Some(Self {
                node: NodeId::from_wire(view.node())?,
                state: State::from_wire(view.state())?,
                counter: view.counter(),
                handler_ms: u32::try_from(view.handler_ms()).ok()?,
                published: view.channels().iter().take(MAX_PUBLISHED).map(published).collect::<Option<_>>()?,
            })
        };
        refuse_none(parse(), counts)
    }
}

/// Whether a number that counts up and wraps is newer than another.
pub(super) const fn is_newer(number: i32, than: i32) -> bool {
    number.wrapping_sub(than) > 0
}

fn check_version(version: u8, counts: &mut Counts) -> Option<()> {
    if version == Claim::VERSION.cast_unsigned() {
        return Some(());
    }
    counts.other_version += 1;
    None
}

fn refuse_none<T>(parsed: Option<T>, counts: &mut Counts) -> Option<T> {
    if parsed.is_none() {
        counts.refused += 1;
    }
    parsed
}

/// The name, if it is one or empty.
fn name(text: Text<'_>) -> Option<Option<Name>> {
    match text.to_str().ok()? {
        "" => Some(None),
        name => name.parse().ok().map(Some),
    }
}

fn text(text: Text<'_>, max_bytes: usize) -> Option<&str> {
    if text.as_bytes().len() > max_bytes { None } else { text.to_str().ok() }
}
