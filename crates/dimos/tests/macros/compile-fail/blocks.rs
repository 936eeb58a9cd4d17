//! Blocks that `#[module]` and `#[interface]` do not take.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{interface, module};

struct Plain;
struct Generic<T>(T);
trait Greeting {
    fn greet(&self);
}

#[module]
impl Greeting for Plain {
    fn greet(&self) {}
}

#[module]
impl<T> Generic<T> {
    #[rpc]
    fn say(
        &self,
        /** What. */
        what: T,
    ) {
    }
}

#[module]
struct Other;

#[module(fast)]
impl Plain {}

#[module]
#[module]
impl Generic<u8> {}

#[interface]
impl Plain {}

fn main() {}
