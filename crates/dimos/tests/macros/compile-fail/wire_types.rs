//! Types that binary calls do not carry.

use dimos::Wire;
use serde::{Deserialize, Serialize};

#[derive(Wire)]
union Either {
    a: u8,
    b: i8,
}

#[derive(Serialize, Deserialize, Wire)]
enum Never {}

fn main() {}
