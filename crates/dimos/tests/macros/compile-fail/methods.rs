//! Methods that cannot be called over the bus.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{Call, Chunks, Module, Reply, module};

#[derive(Module)]
struct Methods {
    text: String,
}

#[module]
impl Methods {
    #[skill]
    fn unsaid(&mut self) {}

    #[rpc]
    fn describe(&self) {}

    #[rpc(name = "two words")]
    fn named(&self) {}

    #[rpc(name = 5)]
    fn numbered(&self) {}

    #[rpc(fast)]
    fn unknown(&self) {}

    /// Is fast.
    #[skill(binary)]
    fn agent(&self) {}

    #[rpc(name = "same")]
    fn one(&self) {}

    #[rpc(name = "same")]
    fn other(&self) {}

    #[rpc]
    fn text(&self, text: &str) {}

    #[rpc]
    fn list(&self, list: &[u8]) {}

    #[rpc]
    fn reference(&self, number: &u8) {}

    #[rpc]
    fn pattern(&self, (x, y): (f64, f64), _: u8) {}

    #[rpc]
    fn any(&self, any: impl Into<String>) {}

    #[rpc]
    fn own(&self, own: Option<Self>) {}

    #[rpc]
    fn generic<T>(&self, any: T) {}

    #[rpc]
    async fn waiting(&self) {}

    #[rpc]
    fn consuming(self) {}

    #[rpc]
    fn of_no_module(x: f64) {}

    #[rpc]
    fn both(&self, chunks: Chunks<u8>, reply: Reply<u8>) {}

    #[rpc]
    fn of_what(&self, chunks: Chunks) {}

    #[rpc]
    fn lends(&self) -> &str {
        &self.text
    }

    #[rpc]
    fn opaque(&self) -> impl Clone {}

    #[rpc]
    fn conditional(&self, #[cfg(test)] x: f64) {}

    #[rpc]
    fn renamed(&self, #[serde(rename = "y")] x: f64) {}

    #[rpc]
    fn told(&self, call: &mut Call) {}

    #[rpc]
    #[skill]
    fn two(&self) {}
}

fn main() {}
