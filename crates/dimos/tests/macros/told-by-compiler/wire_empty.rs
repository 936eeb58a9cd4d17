//! Of what takes no bytes, a forged length could claim any number.

use dimos::Wire;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Wire)]
struct Nothings {
    nothings: Vec<()>,
}

fn main() {}
