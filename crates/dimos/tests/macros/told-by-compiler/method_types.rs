//! Arguments and results that cannot travel, and fields that are not shared: the compiler tells, at the user's words.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{Chunks, Module, module};
use serde::{Deserialize, Serialize};

struct Opaque;

#[derive(schemars::JsonSchema, Serialize, Deserialize)]
struct Shapeless;

#[derive(Module)]
struct Types {
    count: u64,
}

#[module]
impl Types {
    #[rpc]
    fn argument(&self, opaque: Opaque) {}

    #[rpc]
    fn result(&self) -> Opaque {
        Opaque
    }

    #[rpc]
    fn error(&self) -> Result<u8, Opaque> {
        Err(Opaque)
    }

    #[rpc]
    fn stream(&self, chunks: Chunks<Opaque>) {}

    #[rpc(binary)]
    fn binary(&self, value: Shapeless) -> u8 {
        0
    }

    #[rpc(binary)]
    fn binary_result(&self) -> Shapeless {
        Shapeless
    }

    #[rpc(concurrent)]
    fn unshared(#[shared] count: &u64) {}

    #[rpc(concurrent)]
    fn missing(#[shared] progress: &u64) {}
}

fn main() {}
