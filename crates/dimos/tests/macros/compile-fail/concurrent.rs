//! Methods beside the module's thread.
#![allow(unused_variables, reason = "of interest is what is wrong")]

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use dimos::{Chunks, Module, Reply, module};

#[derive(Module)]
struct Concurrent {
    progress: Arc<AtomicU64>,
}

#[module]
impl Concurrent {
    #[rpc(concurrent)]
    fn with_module(&mut self) {}

    #[rpc(concurrent, binary)]
    fn binary() {}

    #[rpc(concurrent)]
    fn stream(chunks: Chunks<u8>) {}

    #[rpc(binary)]
    fn later(&self, reply: Reply<u8>) {}

    #[rpc(concurrent)]
    fn owned(#[shared] progress: Arc<AtomicU64>) {}

    #[rpc(concurrent)]
    fn alone(#[shared] progress: &mut AtomicU64) {}

    #[rpc(concurrent)]
    fn borrowed(progress: &AtomicU64) {}

    #[rpc]
    fn beside(&self, #[shared] progress: &AtomicU64) {}

    #[rpc(concurrent)]
    fn more(#[shared(all)] progress: &AtomicU64) {}
}

fn main() {}
