//! Modules that call others.

use std::time::Duration;

use dimos::{In, Module, Out, Ref, RpcError, TimeLimit, interface, module};
use lcm_types::std_msgs::{Int32, String as Text};

/// What somebody who adds offers.
#[interface]
trait Adder {
    /// Adds.
    fn add(&self, a: i64, b: i64) -> Result<i64, RpcError>;
}

/// What only some offer.
#[interface]
trait Prophet {
    /// Tells what will be.
    fn foresee(&self) -> Result<String, RpcError>;
}

/// What a caller offers to whom it calls.
#[interface]
trait Bouncer {
    /// Calls back.
    fn bounce(&self, to: String) -> Result<i64, RpcError>;
}

/// Calls somebody who adds.
#[derive(Module)]
pub(crate) struct Caller {
    adder: Ref<dyn Adder>,
    prophet: Option<Ref<dyn Prophet>>,
    /// Has the number doubled by the adder.
    doubled: In<Int32>,
    said: Out<Text>,
}

#[module]
impl Caller {
    fn on_doubled(&mut self, number: Int32) -> Result<(), RpcError> {
        let sum = self.adder.add(number.data.into(), number.data.into());
        let said = Text { data: format!("{sum:?}") };
        self.said.publish(&said).map_err(|error| RpcError::Handler { message: error.to_string(), data: None })
    }

    #[rpc]
    fn sum(&self, a: i64, b: i64) -> Result<i64, RpcError> {
        self.adder.add(a, b)
    }

    /// Calls without patience.
    #[rpc]
    fn sum_within(&self, a: i64, b: i64, ms: u64) -> Result<i64, RpcError> {
        self.adder.limit(TimeLimit::Deadline(Duration::from_millis(ms))).add(a, b)
    }

    #[rpc]
    fn adder(&self) -> String {
        self.adder.name().to_string()
    }

    /// What the prophet tells, if there is one.
    #[rpc]
    fn prophecy(&self) -> Result<Option<String>, RpcError> {
        self.prophet.as_ref().map(|prophet| prophet.foresee()).transpose()
    }

    #[rpc(concurrent)]
    fn is_there() -> bool {
        true
    }
}

/// Is called, and calls back whoever it is told to.
#[derive(Module)]
pub(crate) struct Patient {
    context: dimos::Context,
    /// Calls a partner, which calls back.
    go: In<Int32>,
    said: Out<Text>,
    partner: Option<Ref<dyn Bouncer>>,
}

#[module]
impl Patient {
    fn on_go(&mut self, number: Int32) {
        self.call_partner(&format!("handler {}", number.data));
    }

    #[every("300ms")]
    fn tick(&mut self) {
        self.call_partner("timer");
    }

    /// Calls `add` of a module, which may wait for this one.
    #[rpc]
    fn bounce(&self, to: String) -> Result<i64, RpcError> {
        let name = to.parse().map_err(|error| RpcError::Handler { message: format!("{error}"), data: None })?;
        self.context.module(&name)?.call_as("add", &serde_json::json!({ "a": 1, "b": 2 }))
    }

    #[rpc]
    fn add(&self, a: i64, b: i64) -> i64 {
        a + b
    }
}

impl Patient {
    fn call_partner(&mut self, from: &str) {
        let Some(partner) = &self.partner else { return };
        let outcome = partner.bounce(self.context.name().to_string());
        let code = outcome.map_or_else(|error| error.to_string(), |sum| sum.to_string());
        // The test waits for it.
        let _: Result<(), _> = self.said.publish(&Text { data: format!("{from}: {code}") });
    }
}
