//! What a process is built of, and what its clock says: the answer of the method `about`, which every process with a name has.
//!
//! What it offers to others is the business of `describe`. That two hosts have different clocks is for whoever asks both to find out.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lcm_types::dimos_mesh::{Claim, RpcRequest};
use serde::{Deserialize, Serialize};

use crate::client::Dimos;
use crate::presence::Participant;
use crate::remote::{PendingCall, RemoteModule};
use crate::rpc::{RpcError, TimeLimit};

/// What a process is built of, and what its clock says at the moment at which it answers.
///
/// ```no_run
/// use dimos::{About, Dimos};
///
/// let dimos = Dimos::join()?;
/// let about: About = dimos.module("robot0/camera")?.call_as(About::METHOD, &())?;
/// println!("{} at {} ns", about.version, about.time_ns);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Programs that do not have the method answer [`RpcError::UnknownMethod`](crate::RpcError::UnknownMethod).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// The version of the crate `dimos`.
    pub version: String,
    /// The version of claims and beats.
    pub mesh_protocol: i8,
    /// The version of calls.
    pub rpc_protocol: i8,
    /// The wall clock: nanoseconds since the epoch.
    pub time_ns: u64,
}

impl About {
    /// The method.
    pub const METHOD: &'static str = "about";

    /// What this process says.
    #[must_use]
    pub fn this_process() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            mesh_protocol: Claim::VERSION,
            rpc_protocol: RpcRequest::VERSION,
            time_ns: u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX),
        }
    }
}

impl Dimos {
    /// What each module is built of and what its clock says, by name. They are asked side by side, and may take a second.
    #[must_use]
    pub fn abouts(&self) -> Vec<(Participant, Result<About, RpcError>)> {
        let ask = |participant: Participant| {
            let module = RemoteModule::new(self.mesh(), participant.name.clone()?, participant.identity.node);
            let call = module.limit(TimeLimit::Deadline(ANSWERED_WITHIN)).start_as(About::METHOD, &());
            Some((participant, call))
        };
        let asked: Vec<_> = self.settled().modules().into_iter().filter_map(ask).collect();
        asked.into_iter().map(|(participant, call)| (participant, call.and_then(PendingCall::wait))).collect()
    }
}

/// The answer is made by whoever reads the bus in the other process, whatever its module does.
const ANSWERED_WITHIN: Duration = Duration::from_secs(1);
