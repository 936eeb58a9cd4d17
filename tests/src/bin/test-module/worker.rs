//! A module with a method of every kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dimos::{Call, Chunks, Context, In, Module, Reply, RpcError, Wire, module};
use lcm_types::std_msgs::Int32;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Works for others.
#[derive(Module)]
pub(crate) struct Worker {
    context: Context,
    /// Answers what was deferred with this, or panics at 0.
    release: In<Int32>,
    progress: Arc<AtomicU64>,
    deferred: Vec<Reply<i32>>,
    watchers: Vec<Chunks<i32>>,
    cancelled: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema, Wire)]
struct Point {
    x_m: f64,
    y_m: f64,
}

#[module]
impl Worker {
    fn on_release(&mut self, number: Int32) {
        let replies = std::mem::take(&mut self.deferred);
        assert!(number.data != 0, "nothing to release");
        for reply in replies {
            reply.send(Ok(number.data));
        }
        for watcher in std::mem::take(&mut self.watchers) {
            let sent = watcher.send(&number.data);
            watcher.end(sent);
        }
    }

    #[rpc]
    fn add(&self, a: i64, #[serde(default)] b: i64) -> i64 {
        a + b
    }

    #[rpc(name = "foresee")]
    fn guess(&self) -> String {
        "sunshine".to_owned()
    }

    #[rpc]
    fn divide(&self, a: i64, b: i64) -> Result<i64, String> {
        a.checked_div(b).ok_or_else(|| format!("{a} cannot be divided by {b}"))
    }

    #[rpc]
    fn explode(&self) -> u8 {
        panic!("it exploded")
    }

    /// Sleeps, a step at a time, until it is told to stop.
    #[rpc]
    fn sleep(&mut self, call: &Call, ms: u64) -> String {
        let until = Instant::now() + Duration::from_millis(ms);
        while Instant::now() < until {
            self.progress.fetch_add(1, Ordering::SeqCst);
            sleep(Duration::from_millis(5));
            if call.is_cancelled() {
                self.cancelled += 1;
                return "cancelled".to_owned();
            }
        }
        "slept".to_owned()
    }

    /// How often each handler or method went wrong.
    #[rpc]
    fn faults(&self) -> BTreeMap<String, u64> {
        self.context.counts().faults.into_iter().map(|(name, count)| (name.to_owned(), count)).collect()
    }

    #[rpc]
    fn cancelled(&self) -> u64 {
        self.cancelled
    }

    #[rpc(concurrent)]
    fn progress(#[shared] progress: &AtomicU64) -> u64 {
        progress.load(Ordering::SeqCst)
    }

    #[rpc(concurrent)]
    fn explode_beside() -> u64 {
        panic!("it exploded beside")
    }

    #[rpc]
    fn count(&self, to: i32, fails: bool, numbers: Chunks<i32>) -> Result<(), RpcError> {
        for number in 0..to {
            numbers.send(&number)?;
        }
        if fails { Err(RpcError::Handler { message: "cannot count further".to_owned(), data: None }) } else { Ok(()) }
    }

    #[rpc]
    fn watch(&mut self, numbers: Chunks<i32>) {
        self.watchers.push(numbers);
    }

    #[rpc]
    fn later(&mut self, reply: Reply<i32>) {
        self.deferred.push(reply);
    }

    #[rpc]
    fn never(&mut self, reply: Reply<i32>) {
        drop(reply);
    }

    #[rpc(binary)]
    fn mirror(&self, point: Point) -> Point {
        Point { x_m: -point.x_m, ..point }
    }

    /// Moves the arm to a place within reach.
    #[skill]
    fn reach(
        &self,
        /// How far, in m.
        #[schemars(range(min = 0.0, max = 1.5))]
        distance_m: f64,
    ) -> f64 {
        distance_m
    }
}
