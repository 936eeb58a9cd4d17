//! Members that binary calls do not carry, and a type without serde's traits.

use dimos::Wire;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Wire)]
struct Dynamic {
    value: serde_json::Value,
}

#[derive(Wire)]
struct Silent {
    value: u8,
}

fn main() {}
