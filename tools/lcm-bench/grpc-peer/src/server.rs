//! Who is called.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::{Request, Response, Status};

use crate::messages::{Point, Text};
use crate::service::bench_server::{Bench, BenchServer};
use crate::{Job, cpu_time, order, say};

/// Returns what it is given, and counts.
#[derive(Debug, Default)]
struct Echo {
    calls: Arc<AtomicU64>,
}

#[tonic::async_trait]
impl Bench for Echo {
    async fn echo_point(&self, request: Request<Point>) -> Result<Response<Point>, Status> {
        self.calls.fetch_add(1, Relaxed);
        Ok(Response::new(request.into_inner()))
    }

    async fn echo_text(&self, request: Request<Text>) -> Result<Response<Text>, Status> {
        self.calls.fetch_add(1, Relaxed);
        Ok(Response::new(request.into_inner()))
    }
}

pub(crate) fn run(runtime: &Runtime, job: &Job) -> Result<()> {
    let path = Path::new(&job.address);
    if path.exists() {
        std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    let echo = Echo::default();
    let calls = Arc::clone(&echo.calls);
    runtime.block_on(async {
        let listener = UnixListener::bind(path).with_context(|| format!("cannot listen on {}", path.display()))?;
        // Its end is the end of the process.
        std::thread::spawn(move || {
            let told = answer_orders(&calls);
            std::process::exit(i32::from(told.is_err()));
        });
        let incoming = UnixListenerStream::new(listener);
        Server::builder().add_service(BenchServer::new(echo)).serve_with_incoming(incoming).await?;
        Ok(())
    })
}

fn answer_orders(calls: &AtomicU64) -> Result<()> {
    say("ready")?;
    let (mut cpu_before, mut calls_before) = (Duration::ZERO, 0);
    while order().as_deref() == Some("mark") {
        (cpu_before, calls_before) = (cpu_time(), calls.load(Relaxed));
        say("marked")?;
    }
    let cpu_ns = (cpu_time() - cpu_before).as_nanos();
    say(&format!("calls={} cpu_ns={cpu_ns}", calls.load(Relaxed) - calls_before))
}
