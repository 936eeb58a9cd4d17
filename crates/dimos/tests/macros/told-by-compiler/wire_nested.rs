//! A type that contains itself could nest without end.

use dimos::Wire;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Wire)]
struct List {
    next: Option<Box<List>>,
}

fn main() {}
