//! Messages through a pipeline of modules, beside the same number of hops of the bus alone.

use crate::bench::Placement;
use crate::report::{Bound, Comparison, Unit};

use super::bench::{Bench, Quantity, Side, row};
use super::ring::{Hops, Message, Ring, Trips};

/// A velocity, as fast as it goes round and at rates that leave readers time to fall asleep.
pub(super) fn twist(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    for placement in [Placement::Free, Placement::OneCore] {
        for (hz, rate) in [(0.0, "one after the other"), (1000.0, "1000/s"), (100.0, "100/s")] {
            let what = format!("Twist, 3 hops, {}, {rate}", placement.name());
            let ring = Ring {
                message: Message::Twist,
                placement,
                limit: bench.bus.choose(20_000, 2_000),
                warm_up: if hz > 0.0 { 50 } else { bench.bus.choose(2_000, 200) },
                seconds: bench.bus.choose(5.0, 1.5),
                hz,
                is_unpaced: false,
            };
            let parties = [(Hops::Modules, "modules"), (Hops::Bare, "bare")];
            let [modules, bare] = bench.alternate(&what, parties, |bench, hops| ring.measure(bench, hops));
            let beside = || Some(Side { name: "bus alone", rounds: &bare });
            rows.extend(QUANTITIES.iter().map(|quantity| row(&what, quantity, &modules, beside())));
        }
    }
    rows
}

/// An image, decoded by each relay, and passed on as it came.
pub(super) fn image(bench: &mut Bench) -> Vec<Comparison> {
    let mut rows = Vec::new();
    let ways =
        [(Placement::Free, false), (Placement::Free, true), (Placement::OneCore, false), (Placement::OneCore, true)];
    for (placement, is_unpaced) in ways {
        let pace = if is_unpaced { ", pace=0" } else { "" };
        let what = format!("image of 6 MB, 3 hops, {}{pace}", placement.name());
        let ring = Ring {
            message: Message::Image { bytes: 6_000_000 },
            placement,
            limit: bench.bus.choose(500, 50),
            warm_up: bench.bus.choose(20, 5),
            seconds: bench.bus.choose(5.0, 2.0),
            hz: 0.0,
            is_unpaced,
        };
        let parties = [(Hops::ViewingModules, "views"), (Hops::Modules, "decoded"), (Hops::Bare, "bare")];
        let [views, decoded, bare] = bench.alternate(&what, parties, |bench, hops| ring.measure(bench, hops));
        let beside = || Some(Side { name: "bus alone", rounds: &bare });
        let seen = format!("{what}, seen where it lies");
        rows.extend(QUANTITIES.iter().map(|quantity| row(&seen, quantity, &views, beside())));
        let what = format!("{what}, decoded");
        // There is no aim for it: it copies what the others do not.
        let free = QUANTITIES.iter().map(|quantity| Quantity { bounds: &[], ..*quantity });
        rows.extend(free.map(|quantity| row(&what, &quantity, &decoded, beside())));
    }
    rows
}

const QUANTITIES: [Quantity<Trips>; 3] = [
    Quantity { name: "p50", unit: Unit::Microseconds, figure: |trips| trips.p50_us, bounds: &[Bound::AtMostOfIt(1.3)] },
    Quantity { name: "p99", unit: Unit::Microseconds, figure: |trips| trips.p99_us, bounds: &[] },
    Quantity {
        name: "CPU of a relay for a message",
        unit: Unit::Microseconds,
        figure: |trips| trips.relay_us,
        bounds: &[],
    },
];
