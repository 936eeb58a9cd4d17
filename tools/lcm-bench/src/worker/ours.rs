//! The workers with `lcm-rs`: receivers read the bus in the calling thread, senders have no receiving side.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::Result;
use lcm::{Inline, Lcm, Publisher};

use super::receiving::{Tally, obey};
use super::{Job, MESSAGES_PER_LOOK, Role, number_of, sending};

pub(super) fn run(job: &Job) -> Result<()> {
    match job.role {
        Role::Echo => echo(job),
        Role::Ping => ping(job),
        Role::Count => count(job),
        Role::Send => send(job),
    }
}

fn echo(job: &Job) -> Result<()> {
    let bus = Inline::open(&url(job))?;
    let publisher = bus.publisher();
    let tally = Tally::new(job.bytes);
    let counted = Arc::clone(&tally);
    bus.subscribe("PING", move |message| {
        // A pinger counts the answers that do not come.
        let _ = publisher.publish("PONG", message.payload());
        counted.count(number_of(message.payload()), message.payload().len());
    })?;
    handle_for_ever(bus, &tally)
}

fn count(job: &Job) -> Result<()> {
    let bus = Inline::open(&url(job))?;
    let tally = Tally::new(job.bytes);
    let counted = Arc::clone(&tally);
    bus.subscribe(job.channel.as_str(), move |message| {
        counted.count(number_of(message.payload()), message.payload().len());
    })?;
    handle_for_ever(bus, &tally)
}

fn handle_for_ever(mut bus: Inline, tally: &Arc<Tally>) -> Result<()> {
    obey(tally)?;
    loop {
        bus.handle(None)?;
    }
}

fn ping(job: &Job) -> Result<()> {
    let mut bus = Inline::open(&url(job))?;
    let publisher = bus.publisher();
    let ponged = Arc::new(AtomicU64::new(u64::MAX));
    let heard = Arc::clone(&ponged);
    bus.subscribe("PONG", move |message| heard.store(number_of(message.payload()), Relaxed))?;
    let timeout = (job.timeout_ms > 0).then(|| Duration::from_millis(job.timeout_ms.into()));
    sending::ping(job, |number, payload| {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        publisher.publish("PING", payload)?;
        while ponged.load(Relaxed) != number {
            bus.handle(timeout)?;
            if ponged.load(Relaxed) != number && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

fn send(job: &Job) -> Result<()> {
    let publisher = Lcm::open(&url(job))?.publisher();
    if let Some(batch) = job.batch {
        return send_batches(job, &publisher, usize::try_from(batch)?);
    }
    sending::send(job, |_, channel, payload| publisher.publish(channel, payload).is_ok())
}

/// The same loop, but a message goes out only when its batch is full. The numbers of messages, warm-up included, are multiples
/// of the batch, so that none stays behind.
fn send_batches(job: &Job, publisher: &Publisher, batch: usize) -> Result<()> {
    anyhow::ensure!((job.warm_up + MESSAGES_PER_LOOK).is_multiple_of(batch as u64), "a batch would stay behind");
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    sending::send(job, |_, channel, payload| {
        payloads.push(payload.to_vec());
        if payloads.len() < batch {
            return true;
        }
        let slices: Vec<&[u8]> = payloads.iter().map(Vec::as_slice).collect();
        let published = publisher.publish_batch(channel, &slices).is_ok();
        payloads.clear();
        published
    })
}

fn url(job: &Job) -> String {
    let mut url = "udpm://239.255.76.67:7667?ttl=0".to_owned();
    if let Some(bytes) = job.recv_buf_size {
        url += &format!("&recv_buf_size={bytes}");
    }
    if let Some(pace) = job.pace {
        url += &format!("&pace={pace}");
    }
    if let Some(spin) = job.spin {
        url += &format!("&spin={spin}");
    }
    url
}
