//! What calls promise, on whatever lies between caller and callee: each is told once, and happens on the simulated bus under a fake
//! clock as well as on real multicast, with a relay in between that loses, duplicates, delays and reorders.

mod multicast;
mod relay;
mod simulated;

use std::collections::BTreeMap;

use dimos::rpc::RpcError;

use crate::rpc::sim::{chunk, pattern};

/// A caller and a callee with a bus between them.
trait Pair {
    /// Calls `echo` with each of these numbers, so many calls under way at a time. The results are in the order of the numbers.
    fn echo(&mut self, numbers: std::ops::Range<u64>, at_a_time: usize) -> Vec<Result<u64, RpcError>>;

    /// Calls a method whose result is [`pattern`], of so many bytes.
    fn bytes(&mut self, bytes: usize) -> Result<Vec<u8>, RpcError>;

    /// Calls a method that streams so many [`chunk`]s, of so many bytes each.
    fn stream(&mut self, count: usize, bytes: usize) -> (Vec<Vec<u8>>, Result<(), RpcError>);

    /// How often the callee executed `echo`, by number.
    fn executions(&self) -> BTreeMap<u64, u32>;
}

/// 10,000 calls: every one is answered, and none is executed twice.
fn every_call_is_answered_and_none_is_executed_twice(pair: &mut impl Pair) {
    let results = pair.echo(0..CALLS, 60);
    for (number, result) in (0..CALLS).zip(&results) {
        assert_eq!(*result, Ok(number));
    }
    let executions = pair.executions();
    assert!(executions.keys().copied().eq(0..CALLS));
    let repeated: Vec<_> = executions.iter().filter(|(_, times)| **times != 1).collect();
    assert!(repeated.is_empty(), "executed more than once: {repeated:?}");
}

fn streams_are_complete_and_in_order(pair: &mut impl Pair) {
    for (count, bytes) in [(0, 0), (1, 10), (1000, 10), (100, 5000), (3, 100_000)] {
        let (chunks, end) = pair.stream(count, bytes);
        assert_eq!(end, Ok(()), "{count} chunks of {bytes} bytes");
        assert_eq!(chunks.len(), count);
        for (number, got) in chunks.iter().enumerate() {
            assert!(*got == chunk(number, bytes), "chunk {number} of {bytes} bytes");
        }
    }
}

fn results_of_these_sizes_arrive(pair: &mut impl Pair, sizes: &[usize]) {
    for &bytes in sizes {
        let result = pair.bytes(bytes).unwrap_or_else(|error| panic!("{bytes} bytes: {error}"));
        assert!(result == pattern(bytes), "{bytes} bytes came otherwise");
    }
}

/// All of it, at a rate of loss.
fn everything(pair: &mut impl Pair, loss: f64) {
    results_of_these_sizes_arrive(pair, &[0, 1, 1000, 1400, 5000, 100_000]);
    if loss <= 0.01 {
        results_of_these_sizes_arrive(pair, &[8 << 20]);
    }
    streams_are_complete_and_in_order(pair);
    every_call_is_answered_and_none_is_executed_twice(pair);
}

const CALLS: u64 = 10_000;

macro_rules! on_both {
    ($($scenario:ident at $loss:literal;)*) => {
        mod on_the_simulated_bus {
            $(#[test]
            fn $scenario() {
                super::everything(&mut super::simulated::Simulated::new($loss), $loss);
            })*
        }

        mod on_multicast {
            $(#[test]
            fn $scenario() {
                super::everything(&mut super::multicast::Multicast::new($loss), $loss);
            })*
        }
    };
}

on_both! {
    calls_keep_their_promises_without_loss at 0.0;
    calls_keep_their_promises_at_1_percent_loss at 0.01;
    calls_keep_their_promises_at_10_percent_loss at 0.1;
    calls_keep_their_promises_at_30_percent_loss at 0.3;
}
