//! Calls to a method of a module: by a client, and by another module's handler.

use std::time::Duration;

use anyhow::Result;

use crate::bench::Placement;
use crate::contender::Contender;
use crate::launch;
use crate::mesh;
use crate::process::{Figures, Worker};
use crate::report::{Bound, Comparison, Unit};
use crate::scenario::Trips;
use crate::worker;

use super::bench::{Bench, PATIENCE, Quantity, Side, row};

/// Who calls whom.
#[derive(Debug, Clone, Copy)]
enum Party {
    /// A client a module.
    ClientToModule,
    /// A module's handler another module.
    ModuleToModule,
    /// A client a `dimos::Service`, which is a process without ports.
    ClientToService,
    /// Nobody: a message of the bus and its answer.
    Bus,
}

/// What calls took in one round.
#[derive(Debug, Clone, Copy)]
struct Calls {
    p50_us: f64,
    p99_us: f64,
}

pub(super) fn run(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for placement in [Placement::Free, Placement::OneCore] {
        let what = format!("call, {}", placement.name());
        let parties = [
            (Party::ClientToModule, "client to module"),
            (Party::ModuleToModule, "module to module"),
            (Party::ClientToService, "client to service"),
            (Party::Bus, "bus"),
        ];
        let [to_module, between, to_service, bus] =
            bench.alternate(&what, parties, |bench, party| measure(bench, party, placement));
        for (who, ours) in [("client to module", &to_module), ("handler to module", &between)] {
            let what = format!("{what}, {who}");
            for quantity in &QUANTITIES {
                let on_the_bus = Side { name: "bus, round trip of 64 B", rounds: &bus };
                rows.push(row(&what, quantity, ours, Some(on_the_bus)));
                let service = Side { name: "client to `Service`", rounds: &to_service };
                rows.push(row(&what, &Quantity { bounds: &[], ..*quantity }, ours, Some(service)));
            }
        }
    }
    rows
}

fn measure(bench: &mut Bench, party: Party, placement: Placement) -> Result<Calls> {
    let (limit, warm_up) = (bench.bus.choose(20_000, 2_000), bench.bus.choose(2_000, 200));
    let seconds = bench.bus.choose(4.0, 1.0);
    let echo = bench.new_name("echo");
    let call = mesh::Job { limit, warm_up, seconds, ..mesh::Job::new(mesh::Role::Call, &echo) };
    let patience = Duration::from_secs_f64(seconds) + PATIENCE;
    match party {
        Party::Bus => {
            let ping = worker::Job { limit, warm_up, seconds, ..worker::Job::new(worker::Role::Ping) };
            let trips = Trips::measure(&bench.bus, Contender::OURS, placement, &ping)?;
            Ok(Calls { p50_us: trips.p50_us, p99_us: trips.p99_us })
        }
        Party::ClientToService => {
            let service = on_the_mesh(bench, placement, &mesh::Job::new(mesh::Role::Serve, &echo))?;
            service.expect("ready", PATIENCE)?;
            Calls::of(&client(bench, placement, &call, patience)?)
        }
        Party::ClientToModule => {
            let _module = bench.ready("echo", &mut bench.module("Echo", &echo, placement))?;
            Calls::of(&client(bench, placement, &call, patience)?)
        }
        Party::ModuleToModule => {
            let _module = bench.ready("echo", &mut bench.module("Echo", &echo, placement))?;
            let name = bench.new_name("caller");
            let mut command = bench.module("EchoCaller", &name, placement);
            command.args(["--reference".to_owned(), format!("echo={echo}")]);
            command.args([format!("--limit={limit}"), format!("--warm_up={warm_up}"), format!("--seconds={seconds}")]);
            Calls::of(&Worker::start(&name, &mut command)?.figures(patience)?)
        }
    }
}

fn client(bench: &Bench, placement: Placement, call: &mesh::Job, patience: Duration) -> Result<Figures> {
    let mut client = on_the_mesh(bench, placement, call)?;
    // After its warm-up.
    client.expect("ready", PATIENCE)?;
    client.order("go")?;
    client.figures(patience)
}

/// Starts a process of the benchmark of the mesh.
fn on_the_mesh(bench: &Bench, placement: Placement, job: &mesh::Job) -> Result<Worker> {
    let core = (placement == Placement::OneCore).then_some(bench.bus.cores[0]);
    let mut command = launch::command(launch::OWN_EXECUTABLE, core);
    Worker::start(&format!("{:?}", job.role), command.arg("mesh-worker").args(job.to_arguments()))
}

impl Calls {
    fn of(figures: &Figures) -> Result<Self> {
        Ok(Self { p50_us: figures.of("p50_ns")? / 1e3, p99_us: figures.of("p99_ns")? / 1e3 })
    }
}

const QUANTITIES: [Quantity<Calls>; 2] = [
    Quantity { name: "p50", unit: Unit::Microseconds, figure: |calls| calls.p50_us, bounds: &[Bound::AtMostOfIt(2.0)] },
    Quantity { name: "p99", unit: Unit::Microseconds, figure: |calls| calls.p99_us, bounds: &[] },
];
