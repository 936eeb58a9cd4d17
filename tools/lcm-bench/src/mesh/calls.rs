//! Calls: small ones, those of eight callers at once, large ones.

use crate::bench::Placement;
use crate::report::{Bound, Comparison, Unit};

use super::bench::{Bench, Calls, Load, Rounds};
use super::job::{Job, Role};
use super::party::Party;

/// What a row shows: the end of its name, the unit, and which figure.
type Quantity = (&'static str, Unit, fn(&Calls) -> f64);

/// One caller, two numbers each way.
pub(super) fn small(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for placement in [Placement::Free, Placement::TwoCores, Placement::OneCore] {
        let caller = Job {
            limit: bench.bus.choose(20_000, 2_000),
            warm_up: bench.bus.choose(2_000, 200),
            seconds: bench.bus.choose(4.0, 1.0),
            ..Job::new(Role::Call, "")
        };
        let what = format!("small call, {}", placement.name());
        let rounds = bench.alternate(&what, &ALL, &Load { placement, processes: 1, caller });
        for (pair, bound) in BESIDE_SMALL {
            let quantity = (format!("{what}, p50"), Unit::Microseconds);
            rows.push(bench.row(quantity, &rounds, pair, |calls| calls.p50_us, &[Bound::AtMostOfIt(bound)]));
        }
        // Those who sleep at once are there for their usual case.
        for (pair, _) in BESIDE_SMALL.into_iter().filter(|(pair, _)| !pair.contains(&Party::BusSleeping)) {
            let quantity = (format!("{what}, p99"), Unit::Microseconds);
            rows.push(bench.row(quantity, &rounds, pair, |calls| calls.p99_us, &[]));
        }
    }
    rows
}

/// Eight callers at once, in one process over one connection, and in a process each.
pub(super) fn eight_callers(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for (what, processes) in [("8 callers in a process", 1), ("8 callers, a process each", CALLERS)] {
        let caller = Job {
            callers: CALLERS / processes,
            seconds: bench.bus.choose(4.0, 1.0),
            warm_up: bench.bus.choose(500, 50),
            ..Job::new(Role::Call, "")
        };
        let load = Load { placement: Placement::Free, processes, caller };
        let rounds = bench.alternate(what, &OURS_AND_GRPC, &load);
        let quantities: [Quantity; 3] = [
            ("", Unit::CallsPerSecond, |calls| calls.per_second),
            (", CPU of the server per call", Unit::Microseconds, |calls| calls.server_us_per_call),
            (", CPU of the callers per call", Unit::Microseconds, |calls| calls.callers_us_per_call),
        ];
        rows.extend(beside_grpc(bench, what, &rounds, &quantities));
    }
    rows
}

/// One caller, 1 MB each way.
pub(super) fn large(bench: &mut Bench) -> Vec<Comparison> {
    let caller = Job {
        bytes: 1_000_000,
        limit: bench.bus.choose(500, 50),
        warm_up: bench.bus.choose(20, 5),
        seconds: bench.bus.choose(4.0, 1.0),
        ..Job::new(Role::Call, "")
    };
    let what = "call with 1 MB each way, free";
    let load = Load { placement: Placement::Free, processes: 1, caller };
    let rounds = bench.alternate(what, &OURS_AND_GRPC, &load);
    let quantities: [Quantity; 3] = [
        (", p50", Unit::Microseconds, |calls| calls.p50_us),
        (", p99", Unit::Microseconds, |calls| calls.p99_us),
        (", CPU of the server per call", Unit::Microseconds, |calls| calls.server_us_per_call),
    ];
    beside_grpc(bench, what, &rounds, &quantities)
}

/// Each quantity beside both kinds of gRPC.
fn beside_grpc(bench: &Bench, what: &str, rounds: &Rounds, quantities: &[Quantity]) -> Vec<Comparison> {
    let row = |&(quantity, unit, figure): &Quantity, beside| {
        bench.row((format!("{what}{quantity}"), unit), rounds, [Party::Ours, beside], figure, &[])
    };
    let besides = [Party::Grpc, Party::GrpcOneThread];
    quantities.iter().flat_map(|quantity| besides.map(|beside| row(quantity, beside))).collect()
}

const CALLERS: usize = 8;

const ALL: [Party; 7] = [
    Party::Ours,
    Party::OursSleeping,
    Party::Bus,
    Party::BusSleeping,
    Party::Grpc,
    Party::GrpcOneThread,
    Party::Python,
];

const OURS_AND_GRPC: [Party; 3] = [Party::Ours, Party::Grpc, Party::GrpcOneThread];

/// What a small call stands beside, and how much of that it may take.
const BESIDE_SMALL: [([Party; 2], f64); 6] = [
    ([Party::Ours, Party::Bus], 2.0),
    ([Party::Ours, Party::BusSleeping], 2.0),
    ([Party::OursSleeping, Party::BusSleeping], 2.0),
    ([Party::Ours, Party::Grpc], 1.0),
    ([Party::Ours, Party::GrpcOneThread], 1.0),
    ([Party::Ours, Party::Python], 0.2),
];
