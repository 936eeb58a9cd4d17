//! Timers, and what is done at start and stop.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use dimos::{Module, module};

#[derive(Module)]
struct Timers;

#[module]
impl Timers {
    #[every("fast")]
    fn fast(&mut self) {}

    #[every("0s")]
    fn at_once(&mut self) {}

    #[every("0.5ns")]
    fn faster_than_time(&mut self) {}

    #[every(100)]
    fn of_no_unit(&mut self) {}

    #[every(hz = 0)]
    fn never(&mut self) {}

    #[every(hz = self.rate)]
    fn computed(&mut self) {}

    #[every(ms = 100)]
    fn by_unit(&mut self) {}

    #[every]
    fn of_nothing(&mut self) {}

    #[every("1s")]
    fn with_more(&mut self, more: u8) {}

    #[start]
    fn begin(&mut self) {}

    #[start]
    fn begin_again(&mut self) {}

    #[stop(now)]
    fn end(&mut self) {}
}

fn main() {}
