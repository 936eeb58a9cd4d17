//! What becomes of modules, told to the log and to the bus.

use dimos::Name;
use dimos::coordinator::RUN_EVENTS;
use lcm::Publisher;
use lcm_types::dimos_mesh::{Claim, RunEvent};
use serde_json::Value;

use crate::log::{Level, Log};
use crate::supervisor::Notice;

/// Tells what becomes of modules.
#[derive(Debug)]
pub(super) struct Notices {
    log: Log,
    publisher: Publisher,
    template: RunEvent,
}

impl Notices {
    pub(super) fn new(log: Log, publisher: Publisher, node: i64, coordinator: &Name, run_id: &str) -> Self {
        let template = RunEvent {
            version: Claim::VERSION.cast_unsigned(),
            node,
            coordinator: coordinator.to_string(),
            run_id: run_id.to_owned(),
            ..RunEvent::default()
        };
        Self { log, publisher, template }
    }

    pub(super) fn tell(&mut self, notice: &Notice) {
        let (level, kind, module, text) = in_words(notice);
        let name = module.map(Name::to_string).unwrap_or_default();
        let event = if name.is_empty() { text.clone() } else { format!("{name} {text}") };
        self.log.say(level, &event, [("kind", Value::from(kind)), ("module", Value::from(name.as_str()))]);
        self.template.serial = self.template.serial.wrapping_add(1);
        let event = RunEvent { module: name, kind: kind.to_owned(), text, ..self.template.clone() };
        if let Err(error) = self.publisher.publish_message(RUN_EVENTS, &event) {
            tracing::warn!(%error, "cannot publish an event of the run");
        }
    }
}

/// How grave it is, what it is called, whom it is about, and what is said of them.
fn in_words(notice: &Notice) -> (Level, &'static str, Option<&Name>, String) {
    match notice {
        Notice::Up { module, after } => {
            (Level::Info, "up", Some(module), format!("is up, after {} ms", after.as_millis()))
        }
        Notice::Exited { module, exit, was_told } => {
            let level = if *was_told || exit.is_success() { Level::Info } else { Level::Error };
            (level, "exited", Some(module), exit.to_string())
        }
        Notice::Restarting { module, rest, attempt } => {
            let when = if rest.is_zero() { "at once".to_owned() } else { format!("in {rest:?}") };
            (Level::Warning, "restarting", Some(module), format!("is started again {when}, attempt {attempt}"))
        }
        Notice::GivenUp { module, reason } => {
            (Level::Error, "given_up", Some(module), format!("has failed and is not started again: it {reason}"))
        }
        Notice::Stuck { module } => {
            (Level::Warning, "stuck", Some(module), "is stuck: a handler does not return".to_owned())
        }
        Notice::Unstuck { module } => (Level::Info, "unstuck", Some(module), "is no longer stuck".to_owned()),
        Notice::Lost { module, is_killed: true } => {
            (Level::Error, "lost", Some(module), "does not answer; its process is ended".to_owned())
        }
        Notice::Lost { module, is_killed: false } => (Level::Error, "lost", Some(module), "does not answer".to_owned()),
        Notice::Found { module } => (Level::Info, "found", Some(module), "answers again".to_owned()),
        Notice::Displaced { module } => {
            (Level::Error, "displaced", Some(module), "has lost its name to another process".to_owned())
        }
        Notice::Killed { module } => {
            (Level::Warning, "killed", Some(module), "did not end in time and is ended by force".to_owned())
        }
        Notice::Stopping => (Level::Info, "stopping", None, "the run is stopped".to_owned()),
    }
}
