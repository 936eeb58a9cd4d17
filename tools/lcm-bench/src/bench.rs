//! A run of the benchmark: what it has to work with, and the order of measurements.

use std::process::Command;

use anyhow::Result;

use crate::contender::{Contender, Party};
use crate::launch;
use crate::peers::CWorker;
use crate::process::Worker;
use crate::rmem_max::RmemMax;
use crate::worker::{Job, Role};

/// Where the processes of an exchange run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placement {
    /// All on the same core.
    OneCore,
    /// Who sends on one core, who receives on another.
    TwoCores,
    /// Where the kernel puts them.
    Free,
}

impl Placement {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::OneCore => "one core",
            Self::TwoCores => "two cores",
            Self::Free => "free",
        }
    }
}

/// What all scenarios share.
#[derive(Debug)]
pub(crate) struct Bench {
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// Whether each measurement is short.
    pub(crate) quick: bool,
    /// Absent where C LCM is not installed.
    pub(crate) c_worker: Option<CWorker>,
    pub(crate) rmem_max: RmemMax,
    /// The core of [`Placement::OneCore`], and the other one of [`Placement::TwoCores`].
    pub(crate) cores: [usize; 2],
    /// What a reader of the table has to know about this run.
    pub(crate) notes: Vec<String>,
    /// Measurements that came to nothing.
    pub(crate) failures: usize,
}

impl Bench {
    /// One number for a thorough run, a smaller one for a quick one.
    pub(crate) fn choose<T>(&self, thorough: T, quick: T) -> T {
        if self.quick { quick } else { thorough }
    }

    /// Measures every contender once a round, one after the other, so that whatever disturbs the machine meanwhile disturbs
    /// all of them. Returns the values of each contender, in their order; none for those who cannot run here.
    pub(crate) fn alternate<T>(
        &mut self,
        what: &str,
        contenders: &[Contender],
        mut measure: impl FnMut(&Self, Contender) -> Result<T>,
    ) -> Vec<Vec<T>> {
        let mut values: Vec<Vec<T>> = contenders.iter().map(|_| Vec::new()).collect();
        for round in 1..=self.rounds {
            for (contender, values) in contenders.iter().zip(&mut values) {
                if contender.needs_c() && self.c_worker.is_none() {
                    continue;
                }
                eprintln!("lcm-bench: {what}, round {round} of {}: {}", self.rounds, contender.name);
                match measure(self, *contender) {
                    Ok(value) => values.push(value),
                    Err(error) => {
                        eprintln!("lcm-bench: {what}, {}: {error:#}", contender.name);
                        self.failures += 1;
                    }
                }
            }
        }
        values
    }

    /// Has the kernel allow receive buffers of `bytes`, no more. Where it cannot be told to, returns what our receivers have
    /// to ask for instead, and notes what that leaves different.
    pub(crate) fn allow_receive_buffer(&mut self, bytes: u32) -> Result<Option<u32>> {
        let allowed = self.rmem_max.set(bytes.into())?;
        if allowed == u64::from(bytes) {
            return Ok(None);
        }
        self.note(if allowed > bytes.into() {
            format!("rmem_max is {allowed}; rows for {bytes} stand for it by `recv_buf_size={bytes}` of our receivers.")
        } else {
            format!(
                "rmem_max is {allowed} and could not be raised to {bytes}: all receive buffers are smaller than meant."
            )
        });
        Ok(Some(bytes))
    }

    /// Adds a note unless it is there.
    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Starts a worker of `party`.
    pub(crate) fn worker(&self, party: Party, placement: Placement, job: &Job) -> Result<Worker> {
        let [core, other_core] = self.cores;
        let core = match (placement, job.role) {
            (Placement::Free, _) => None,
            (Placement::OneCore, _) | (Placement::TwoCores, Role::Ping | Role::Send) => Some(core),
            (Placement::TwoCores, Role::Echo | Role::Count) => Some(other_core),
        };
        let mut command = match (party, &self.c_worker) {
            (Party::C, Some(c_worker)) => launch::command(&c_worker.program, core),
            (Party::C, None) => anyhow::bail!("C LCM is not installed"),
            (Party::Ours, _) => own_worker("ours", core),
            (Party::Bare, _) => own_worker("bare", core),
        };
        let name = format!("{party:?} {:?}", job.role);
        Worker::start(&name, command.args(job.to_arguments()))
    }
}

fn own_worker(kind: &str, core: Option<usize>) -> Command {
    let mut command = launch::command(launch::OWN_EXECUTABLE, core);
    command.args(["worker", kind]);
    command
}
