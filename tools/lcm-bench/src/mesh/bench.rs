//! A run of the mesh's benchmark: what it has to work with, the order of measurements, and one measurement of calls.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};

use crate::bench::{Bench as Bus, Placement};
use crate::launch;
use crate::peers::{scratch, source};
use crate::process::{Figures, Worker};
use crate::report::{Bound, Cell, Comparison, Unit};
use crate::scenario::Trips;
use crate::worker;

use super::job::{Job, Role};
use super::party::Party;
use super::peers::Python;

/// What all scenarios share.
#[derive(Debug)]
pub(super) struct Bench {
    /// What the benchmark of the bus works with.
    pub(super) bus: Bus,
    grpc: Result<PathBuf, String>,
    python: Result<Python, String>,
    /// For paths of sockets, and what Python DimOS logs.
    scratch: PathBuf,
    /// Servers so far: each has a name of its own, so that none takes over from one that was killed.
    servers: u32,
}

/// What calls cost in one round. What does not apply is NaN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calls {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) per_second: f64,
    /// CPU time of the server.
    pub(super) server_us_per_call: f64,
    /// CPU time of all callers.
    pub(super) callers_us_per_call: f64,
}

/// The rounds of each party.
pub(super) type Rounds = BTreeMap<Party, Vec<Calls>>;

/// Calls to measure.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) placement: Placement,
    pub(super) processes: usize,
    /// What each of these processes does, but for whom it calls.
    pub(super) caller: Job,
}

impl Bench {
    pub(super) fn new(bus: Bus, grpc: Result<PathBuf, String>, python: Result<Python, String>) -> Result<Self> {
        let scratch = scratch("lcm-bench-mesh")?;
        std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
        Ok(Self { bus, grpc, python, scratch, servers: 0 })
    }

    /// Measurements that came to nothing.
    pub(super) fn failures(&self) -> usize {
        self.bus.failures
    }

    /// Measures every party once a round, one after the other, so that whatever disturbs the machine meanwhile disturbs all of
    /// them.
    pub(super) fn alternate(&mut self, what: &str, parties: &[Party], load: &Load) -> Rounds {
        let parties: Vec<Party> = parties.iter().copied().filter(|party| self.missing(*party).is_none()).collect();
        let mut values = Rounds::new();
        for round in 1..=self.bus.rounds {
            for &party in &parties {
                eprintln!("lcm-bench: {what}, round {round} of {}: {}", self.bus.rounds, party.name());
                match self.measure(party, load) {
                    Ok(value) => values.entry(party).or_default().push(value),
                    Err(error) => self.fail(&format!("{what}, {}", party.name()), &error),
                }
            }
        }
        values
    }

    /// Tells of a measurement that came to nothing, and counts it.
    pub(super) fn fail(&mut self, what: &str, error: &anyhow::Error) {
        eprintln!("lcm-bench: {what}: {error:#}");
        self.bus.failures += 1;
    }

    /// A row: a figure of `ours`, and that of another party.
    pub(super) fn row(
        &self,
        (what, unit): (String, Unit),
        rounds: &Rounds,
        [ours, beside]: [Party; 2],
        figure: impl Fn(&Calls) -> f64,
        bounds: &[Bound],
    ) -> Comparison {
        let cell = |party| Cell::of(rounds.get(&party)?.iter().map(&figure));
        let special = if ours == Party::Ours { String::new() } else { format!(", {}", ours.name()) };
        let reason = self.missing(beside).map(|reason| format!(" (not measured: {reason})"));
        Comparison {
            what: format!("{what}{special}, {}", unit.name()),
            unit,
            ours: cell(ours),
            beside: format!("{}{}", beside.name(), reason.unwrap_or_default()),
            it: cell(beside),
            bounds: bounds.to_vec(),
        }
    }

    /// Starts a process that does `job`.
    pub(super) fn worker(&self, party: Party, placement: Placement, job: &Job) -> Result<Worker> {
        let [core, other_core] = self.bus.cores;
        let core = match (placement, job.role) {
            (Placement::Free, _) => None,
            (Placement::TwoCores, Role::Serve) => Some(other_core),
            (Placement::OneCore | Placement::TwoCores, _) => Some(core),
        };
        let missing = |reason: &String| anyhow!("{}: {reason}", party.name());
        let mut command = match party {
            Party::Grpc | Party::GrpcOneThread => launch::command(self.grpc.as_ref().map_err(missing)?, core),
            Party::Python => {
                let mut command = launch::command(&self.python.as_ref().map_err(missing)?.executable, core);
                command.arg(source("rpc.py"));
                // It would log to where users look for their own logs.
                command.env("DIMOS_TRANSPORT", "lcm").env("XDG_STATE_HOME", &self.scratch);
                command
            }
            Party::Ours | Party::OursSleeping | Party::Bus | Party::BusSleeping => {
                let mut command = launch::command(launch::OWN_EXECUTABLE, core);
                command.arg("mesh-worker");
                command
            }
        };
        Worker::start(&format!("{} {:?}", party.name(), job.role), command.args(job.to_arguments()))
    }

    /// Why a party cannot be measured here, if so.
    fn missing(&self, party: Party) -> Option<&str> {
        match party {
            Party::Grpc | Party::GrpcOneThread => self.grpc.as_ref().err().map(String::as_str),
            Party::Python => self.python.as_ref().err().map(String::as_str),
            Party::Ours | Party::OursSleeping | Party::Bus | Party::BusSleeping => None,
        }
    }

    fn measure(&mut self, party: Party, load: &Load) -> Result<Calls> {
        if let Some(contender) = party.on_the_bus() {
            let Job { limit, seconds, warm_up, .. } = load.caller;
            let ping = worker::Job { limit, seconds, warm_up, ..worker::Job::new(worker::Role::Ping) };
            let trips = Trips::measure(&self.bus, contender, load.placement, &ping)?;
            let (per_second, server_us_per_call, callers_us_per_call) = (f64::NAN, f64::NAN, f64::NAN);
            let Trips { p50_us, p99_us, .. } = trips;
            return Ok(Calls { p50_us, p99_us, per_second, server_us_per_call, callers_us_per_call });
        }
        self.servers += 1;
        let address = match party {
            Party::Grpc | Party::GrpcOneThread => self.scratch.join("socket").display().to_string(),
            _ => format!("bench{}", self.servers),
        };
        let equip = |job: Job| Job {
            address: address.clone(),
            spin: (party == Party::OursSleeping).then_some(0),
            threads: (party == Party::GrpcOneThread).then_some(1),
            ..job
        };
        let mut server = self.worker(party, load.placement, &equip(Job::new(Role::Serve, "")))?;
        server.expect("ready", PATIENCE)?;
        let caller = equip(load.caller.clone());
        let mut callers = Vec::new();
        for _ in 0..load.processes {
            callers.push(self.worker(party, load.placement, &caller)?);
        }
        for caller in &callers {
            // After its warm-up.
            caller.expect("ready", PATIENCE)?;
        }
        server.order("mark")?;
        server.expect("marked", PATIENCE)?;
        for caller in &mut callers {
            caller.order("go")?;
        }
        let patience = Duration::from_secs_f64(load.caller.seconds) + PATIENCE;
        let figures = callers.iter().map(|caller| caller.figures(patience)).collect::<Result<Vec<_>>>()?;
        server.order("stop")?;
        Calls::of(&server.figures(PATIENCE)?, &figures)
    }
}

impl Calls {
    fn of(server: &Figures, callers: &[Figures]) -> Result<Self> {
        let all = |name| callers.iter().map(|caller| caller.of(name)).collect::<Result<Vec<_>>>();
        let sum = |name| Ok::<_, anyhow::Error>(all(name)?.iter().sum::<f64>());
        let longest = |name| Ok::<_, anyhow::Error>(all(name)?.into_iter().fold(0.0, f64::max));
        let (calls, served) = (sum("calls")?, server.of("calls")?);
        ensure!(calls > 0.0, "not a single call within the time");
        ensure!(calls == served, "{calls} calls were answered, {served} executed");
        let first = callers.first().context("nobody called")?;
        let alone = |name| if callers.len() == 1 { first.of(name) } else { Ok(f64::NAN) };
        Ok(Self {
            p50_us: alone("p50_ns")? / 1e3,
            p99_us: alone("p99_ns")? / 1e3,
            per_second: calls / (longest("elapsed_ns")? / 1e9),
            server_us_per_call: server.of("cpu_ns")? / 1e3 / calls,
            callers_us_per_call: sum("cpu_ns")? / 1e3 / calls,
        })
    }
}

/// How long a worker may take for what it does at once, the start of Python included.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rmem_max::RmemMax;

    fn bench() -> Bench {
        let (notes, rmem_max) = (Vec::new(), RmemMax::new(true).unwrap());
        let bus = Bus { rounds: 1, quick: true, c_worker: None, rmem_max, cores: [1, 0], notes, failures: 0 };
        let (grpc, python) = (Err("not built".to_owned()), Err("not installed".to_owned()));
        Bench { bus, grpc, python, scratch: PathBuf::new(), servers: 0 }
    }

    fn calls(server: &str, callers: &[&str]) -> Result<Calls> {
        let callers: Vec<Figures> = callers.iter().map(|line| Figures::parse(line).unwrap()).collect();
        Calls::of(&Figures::parse(server).unwrap(), &callers)
    }

    #[test]
    fn a_row_beside_what_is_not_here_says_why_and_has_no_verdict() {
        let ours =
            calls("calls=10 cpu_ns=50000", &["calls=10 p50_ns=30000 p99_ns=60000 elapsed_ns=1000000000 cpu_ns=100000"]);
        let rounds = Rounds::from([(Party::Ours, vec![ours.unwrap()])]);
        let row = |pair| {
            let quantity = ("call".to_owned(), Unit::Microseconds);
            bench().row(quantity, &rounds, pair, |calls| calls.p50_us, &[Bound::AtMostOfIt(1.0)]).to_line()
        };
        let line = row([Party::Ours, Party::Grpc]);
        assert_eq!(line[..7], ["call, µs", "30.0", "gRPC (not measured: not built)", "", "", "≤ 1 of it", "?"]);
        assert_eq!(row([Party::Ours, Party::Python])[2], "Python DimOS (not measured: not installed)");
        assert_eq!(row([Party::OursSleeping, Party::Bus])[0], "call, ours, spin=0, µs");
    }

    #[test]
    fn several_callers_add_up_to_the_end_of_the_last() {
        let caller = ["calls=10 elapsed_ns=1000000000 cpu_ns=60000", "calls=30 elapsed_ns=2000000000 cpu_ns=20000"];
        let calls = calls("calls=40 cpu_ns=400000", &caller).unwrap();
        assert_eq!((calls.per_second, calls.server_us_per_call, calls.callers_us_per_call), (20.0, 10.0, 2.0));
        assert!(calls.p50_us.is_nan());
    }

    #[test]
    fn a_call_that_was_executed_twice_is_no_measurement() {
        let caller = "calls=10 p50_ns=1 p99_ns=1 elapsed_ns=1 cpu_ns=1";
        assert!(calls("calls=11 cpu_ns=1", &[caller]).is_err());
        assert!(calls("calls=0 cpu_ns=1", &["calls=0 p50_ns=0 p99_ns=0 elapsed_ns=1 cpu_ns=1"]).is_err());
    }
}
