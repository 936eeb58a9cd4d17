//! What a module hears: its ports, the clock, transforms, and the last messages of latched ports, each where it belongs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use lcm::{Message, Publisher, Sample};
use lcm_types::builtin_interfaces::Time;
use lcm_types::dimos_mesh::Latched;

use super::clock::Clock;
use super::input::InPort;
use super::latch::{Asker, Keeper, WANTED, answers};
use super::output::OutPort;
use super::runtime::SharedInbox;
use super::start::StartError;
use super::tf::Tf;
use crate::mesh::Mesh;
use crate::topic::spellings;

/// Subscribes for a module, for as long as its process lives.
pub(super) struct Wiring<'a> {
    mesh: &'a Mesh,
    inbox: &'a Arc<SharedInbox>,
    handled: Vec<Arc<InPort>>,
}

impl<'a> Wiring<'a> {
    pub(super) fn new(mesh: &'a Mesh, inbox: &'a Arc<SharedInbox>) -> Self {
        Self { mesh, inbox, handled: Vec::new() }
    }

    /// A port's messages go to the inbox, which keeps so many, or, without a handler, to the port.
    pub(super) fn port(&mut self, input: &Arc<InPort>, keep_last: Option<usize>) -> Result<(), StartError> {
        let number = keep_last.map(|keep_last| {
            self.handled.push(Arc::clone(input));
            self.inbox.lock().add_port(keep_last)
        });
        for channel in spellings(&input.channel) {
            let (port, inbox) = (Arc::clone(input), Arc::clone(self.inbox));
            self.subscribe(input.name, &channel, move |sample| {
                port.count_received();
                deliver(&port, number, &inbox, sample.clone());
            })?;
        }
        Ok(())
    }

    /// The time of a simulation.
    pub(super) fn clock(&self, clock: Clock, tf: Tf) -> Result<(), StartError> {
        self.subscribe("clock", CLOCK, move |sample| {
            if let Ok(time) = Time::decode(sample.payload())
                && clock.set(i64::from(time.sec) * 1_000_000_000 + i64::from(time.nanosec))
            {
                tf.forget_heard();
            }
        })
    }

    pub(super) fn transforms(&self, tf: &Tf) -> Result<(), StartError> {
        for channel in spellings(&tf.channel()) {
            self.subscribe("tf", &channel, tf.listener())?;
        }
        self.mesh.with(|cores, now| cores.add_chore(now, tf.static_chore()));
        Ok(())
    }

    /// Last messages: of this module for others, of others for it. They count as received only where nothing else has come yet.
    /// Returns the ports with handlers, by their numbers in the inbox.
    pub(super) fn latched<'b>(
        self,
        publisher: &Publisher,
        inputs: Vec<Arc<InPort>>,
        outputs: impl Iterator<Item = &'b Arc<OutPort>>,
    ) -> Result<Vec<Arc<InPort>>, StartError> {
        let node = self.mesh.with(|cores, _| cores.presence.node());
        if let Some(mut keeper) = Keeper::new(Instant::now(), node, publisher.clone(), outputs) {
            self.subscribe("latched", WANTED, move |sample| keeper.heard(Instant::now(), sample))?;
        }
        // Two ports may be on one channel.
        let mut by_channel = BTreeMap::<String, Vec<(Arc<InPort>, Option<usize>)>>::new();
        for input in &inputs {
            let number = self.handled.iter().position(|handled| handled.name == input.name);
            by_channel.entry(input.channel.to_string()).or_default().push((Arc::clone(input), number));
        }
        if inputs.is_empty() {
            return Ok(self.handled);
        }
        let inbox = Arc::clone(self.inbox);
        self.subscribe("latched", &answers(node), move |sample| {
            let Ok(latched) = Latched::view(sample.payload()) else { return };
            let ports = latched.channel().to_str().ok().and_then(|channel| by_channel.get(channel));
            for (input, number) in ports.into_iter().flatten().filter(|(input, _)| input.counts().received == 0) {
                input.count_received();
                deliver(input, *number, &inbox, sample.carried(input.channel, latched.message()));
            }
        })?;
        let mut asker = Asker::new(node, publisher.clone());
        self.mesh.with(|cores, now| cores.add_chore(now, Box::new(move |now| asker.ask(now, &inputs))));
        Ok(self.handled)
    }

    fn subscribe(
        &self,
        port: &'static str,
        channel: &str,
        handler: impl FnMut(&Sample) + Send + 'static,
    ) -> Result<(), StartError> {
        self.mesh.subscribe(channel, handler).map(drop).map_err(|source| StartError::Pattern { port, source })
    }
}

fn deliver(port: &InPort, number: Option<usize>, inbox: &SharedInbox, sample: Sample) {
    match number {
        Some(number) => port.count_overtaken(inbox.lock().push(number, sample)),
        None => port.set_latest(sample),
    }
}

/// Where a simulation tells the time.
pub(super) const CLOCK: &str = "/clock#builtin_interfaces.Time";
