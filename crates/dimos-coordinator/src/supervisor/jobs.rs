//! What people wait for.

use std::collections::BTreeMap;

use dimos::Name;

use super::action::JobError;
use super::event::JobId;
use super::module::{Phase, View};

/// What somebody waits for.
#[derive(Debug)]
pub(super) enum Job {
    /// That these modules are up, or gone again if one of them has failed.
    Load { modules: Vec<Name>, failure: Option<JobError> },
    /// That these modules are gone.
    Unload { modules: Vec<Name> },
    /// That this module is up again.
    Restart { module: Name, failure: Option<JobError> },
}

/// All that somebody waits for.
#[derive(Debug, Default)]
pub(super) struct Jobs(BTreeMap<JobId, Job>);

impl Jobs {
    pub(super) fn add(&mut self, id: JobId, job: Job) {
        self.0.insert(id, job);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A module has failed.
    pub(super) fn failed(&mut self, name: &Name, reason: &str) {
        for job in self.0.values_mut() {
            let failure = match job {
                Job::Load { modules, failure } if modules.contains(name) => failure,
                Job::Restart { module, failure } if module == name => failure,
                _ => continue,
            };
            failure.get_or_insert_with(|| JobError::Failed { module: name.clone(), reason: reason.to_owned() });
        }
    }

    /// The modules of loads that have failed.
    pub(super) fn modules_to_undo(&self) -> Vec<Name> {
        let undone = self.0.values().filter_map(|job| match job {
            Job::Load { modules, failure: Some(_) } => Some(modules.iter().cloned()),
            _ => None,
        });
        undone.flatten().collect()
    }

    /// Everything, which is not waited for any more.
    pub(super) fn take_all(&mut self) -> Vec<JobId> {
        std::mem::take(&mut self.0).into_keys().collect()
    }

    /// What has come to an end, and how.
    pub(super) fn take_finished<'a>(
        &mut self,
        view: impl Fn(&Name) -> Option<View<'a>>,
    ) -> Vec<(JobId, Job, Result<(), JobError>)> {
        let is_there = |name: &Name| view(name).is_some();
        let is_up =
            |name: &Name| view(name).is_some_and(|module| matches!(module.phase, Phase::Running | Phase::Ended));
        let gone = |modules: &[Name]| modules.iter().find(|name| !is_there(name)).cloned();
        let mut finished = Vec::new();
        for (&id, job) in &self.0 {
            let result = match job {
                Job::Load { modules, failure: Some(error) } if !modules.iter().any(is_there) => Err(error.clone()),
                Job::Load { modules, failure: None } if modules.iter().all(is_up) => Ok(()),
                // Somebody has unloaded it meanwhile.
                Job::Load { modules, failure: None } => match gone(modules) {
                    Some(module) => Err(JobError::Unknown { module }),
                    None => continue,
                },
                Job::Unload { modules } if !modules.iter().any(is_there) => Ok(()),
                Job::Restart { failure: Some(error), .. } => Err(error.clone()),
                Job::Restart { module, failure: None } => match view(module) {
                    None => Err(JobError::Unknown { module: module.clone() }),
                    Some(_) if is_up(module) => Ok(()),
                    Some(_) => continue,
                },
                _ => continue,
            };
            finished.push((id, result));
        }
        let take = |(id, result)| Some((id, self.0.remove(&id)?, result));
        finished.into_iter().filter_map(take).collect()
    }
}
