//! What the beats of processes say of topics: how many messages each has published on which channel. What else the mesh is about is
//! left to the crate `dimos`.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use dimos::NodeId;
use dimos::presence::limits::MAX_PUBLISHED;
use lcm::{Channel, Message, Sample};
use lcm_types::dimos_mesh::{self, Claim};

/// A beat.
#[derive(Debug)]
pub struct Beat {
    /// Whose it is.
    pub node: NodeId,
    /// Where it comes from.
    pub address: SocketAddrV4,
    /// How many messages were published since the process started.
    pub published: BTreeMap<Channel, u64>,
}

impl Beat {
    /// The one that a message is; none of others, and of what makes no sense.
    #[must_use]
    pub fn heard(sample: &Sample) -> Option<Self> {
        if *sample.channel() != *CHANNEL {
            return None;
        }
        let view = dimos_mesh::Beat::view(sample.payload()).ok()?;
        if view.version() != Claim::VERSION.cast_unsigned() {
            return None;
        }
        let (node, address) = (NodeId::from_wire(view.node())?, sample.sender()?);
        let counts = view.channels().iter().take(MAX_PUBLISHED).filter_map(|count| {
            let channel = Channel::new(count.channel().as_bytes()).ok()?;
            Some((channel, u64::try_from(count.published()).ok()?))
        });
        Some(Self { node, address, published: counts.collect() })
    }
}

/// Where they come.
pub const CHANNEL: &str = "/mesh/beat#dimos_mesh.Beat";
