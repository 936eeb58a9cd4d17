//! The module's name: claimed when it starts, its own a little later.

use crossbeam_channel::{Receiver, TryRecvError};

use super::launch::Launch;
use super::start::StartError;
use crate::mesh::Mesh;
use crate::name::Name;
use crate::presence::{ClaimError, JoinError, Policy};

/// The claim of a name, until it is owned.
#[derive(Debug)]
pub(super) struct Claim(Option<Claimed>);

/// Receives once: the name and the epoch in which it is owned, or why it is not to be had.
type Claimed = Receiver<Result<(Name, i64), ClaimError>>;

impl Claim {
    /// Begins to take the name: who takes it over gets it in any case, and need not wait for that. A module that was not given one
    /// gives way to whoever has it, and takes another; it waits, to know its name.
    pub(super) fn begin(mesh: &Mesh, name: Name, launch: &Launch) -> Result<(Name, Self), StartError> {
        if !launch.is_anonymous {
            let claimed = begin(mesh, &name, Policy::TakeOver, launch.epoch)?;
            return Ok((name, Self(Some(claimed))));
        }
        match wait(mesh, &name) {
            Err(StartError::Claim(ClaimError::Held { .. })) => {
                let other: Name = format!("{name}-{}", std::process::id()).parse()?;
                mesh.hear_requests(&other).map_err(|source| StartError::Pattern { port: "requests", source })?;
                Ok((wait(mesh, &other)?, Self(None)))
            }
            owned => Ok((owned?, Self(None))),
        }
    }

    /// Whether there is news for [`Claim::is_owned`].
    pub(super) fn is_told(&self) -> bool {
        self.0.as_ref().is_none_or(|claimed| !claimed.is_empty())
    }

    /// Whether the name is owned by now.
    pub(super) fn is_owned(&mut self) -> Result<bool, StartError> {
        let Some(claimed) = &self.0 else { return Ok(true) };
        match claimed.try_recv() {
            Err(TryRecvError::Empty) => return Ok(false),
            Err(TryRecvError::Disconnected) => return Err(JoinError::Left.into()),
            Ok(owned) => tell(&owned?),
        }
        self.0 = None;
        Ok(true)
    }
}

fn begin(mesh: &Mesh, name: &Name, policy: Policy, after: i64) -> Result<Claimed, JoinError> {
    mesh.with(|cores, now| {
        let claimed = cores.expect_name();
        cores.presence.claim(now, name.clone(), policy, after).map(|()| claimed)
    })
}

fn wait(mesh: &Mesh, name: &Name) -> Result<Name, StartError> {
    let claimed = begin(mesh, name, Policy::FirstHolder, 0)?;
    let owned = mesh.wait_for(&claimed, None).ok_or(JoinError::Left)??;
    tell(&owned);
    Ok(owned.0)
}

fn tell((name, epoch): &(Name, i64)) {
    tracing::info!(%name, epoch, "joined the mesh");
}
