//! The simulated bus, under a fake clock.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use dimos::rpc::{CallId, CallSpec, RpcError, TimeLimit};

use super::Pair;
use crate::rpc::sim::{Link, Sim};

pub(super) struct Simulated(Sim);

impl Simulated {
    pub(super) fn new(loss: f64) -> Self {
        Self(Sim::pair(2, Link::lossy(loss)))
    }

    fn call(&mut self, method: &str, body: &[u8], is_stream: bool) -> CallId {
        let spec = self.0.spec(0, method, body);
        self.0.call(0, CallSpec { limit: TimeLimit::IDLE, is_stream, ..spec })
    }

    fn outcome(&mut self, call: CallId) -> Result<Vec<u8>, RpcError> {
        self.0.run_until_answered(call);
        self.0.outcome(call).unwrap().clone()
    }
}

impl Pair for Simulated {
    fn echo(&mut self, numbers: Range<u64>, at_a_time: usize) -> Vec<Result<u64, RpcError>> {
        let mut calls = Vec::new();
        for number in numbers {
            let end = self.0.now + Duration::from_secs(60);
            self.0.run_while(end, |sim| sim.callers[0].core.active() >= at_a_time);
            calls.push(self.call("echo", &number.to_le_bytes(), false));
        }
        let number = |bytes: Vec<u8>| u64::from_le_bytes(bytes.try_into().unwrap());
        calls.into_iter().map(|call| self.outcome(call).map(number)).collect()
    }

    fn bytes(&mut self, bytes: usize) -> Result<Vec<u8>, RpcError> {
        let call = self.call("bytes", bytes.to_string().as_bytes(), false);
        self.outcome(call)
    }

    fn stream(&mut self, count: usize, bytes: usize) -> (Vec<Vec<u8>>, Result<(), RpcError>) {
        let call = self.call("count", format!("{count} {bytes}").as_bytes(), true);
        let end = self.outcome(call).map(drop);
        (self.0.callers[0].chunks.remove(&call).unwrap_or_default(), end)
    }

    fn executions(&self) -> BTreeMap<u64, u32> {
        let callee = &self.0.callees[0];
        let echoes = callee.begun.iter().filter(|call| call.method == "echo");
        echoes.map(|call| (u64::from_le_bytes(call.body[..].try_into().unwrap()), callee.executed[&call.id])).collect()
    }
}
