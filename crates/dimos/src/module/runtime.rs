//! The module's thread: it reads the bus itself, and runs handlers, timers and methods one at a time.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use lcm::Sample;

use super::beside::{BesideMethod, Running, run_beside};
use super::claim::Claim;
use super::clock::Clock;
use super::complaints::Complaints;
use super::ending::{End, Ending};
use super::inbox::{Inbox, Work};
use super::input::InPort;
use super::outcome::HandlerError;
use super::table::{Hook, RpcMethod, Run, Table};
use super::timers::Timers;
use crate::call::Call;
use crate::chain;
use crate::json_schema::Schema;
use crate::mesh::{Mesh, stopping};
use crate::presence::Stage;
use crate::rpc::{IncomingCall, RpcError};
use crate::service::panic_message;

/// A module that runs.
pub(super) struct Runtime<M> {
    pub(super) module: M,
    pub(super) table: Table<M>,
    pub(super) mesh: Arc<Mesh>,
    pub(super) inbox: Arc<SharedInbox>,
    /// By their numbers in the inbox.
    pub(super) handled: Vec<Arc<InPort>>,
    pub(super) schemas: BTreeMap<String, Arc<Schema>>,
    pub(super) timers: Timers,
    pub(super) clock: Clock,
    pub(super) ending: Arc<Ending>,
    pub(super) complaints: Arc<Complaints>,
    /// The methods that run beside this thread.
    pub(super) beside: Running,
    pub(super) claim: Claim,
    /// Whether others were told that it runs.
    pub(super) is_running: bool,
}

/// What waits for the module's thread, where those who read put it.
#[derive(Debug, Default)]
pub(super) struct SharedInbox(Mutex<Inbox>);

impl<M: 'static> Runtime<M> {
    /// Runs until the process is to end. Returns why.
    pub(super) fn run(mut self) -> End {
        // Whoever a handler calls is not to call back into this module, which waits.
        let node = self.mesh.with(|cores, _| cores.presence.node());
        let _entered = chain::enter(vec![node], None);
        let end = match self.begin() {
            Err(end) => end,
            Ok(()) => self.work(),
        };
        // So that it ends in time, whatever the reason.
        self.ending.ask(end.clone());
        self.mesh.with(|cores, now| cores.presence.set_stage(now, Stage::Stopping));
        self.refuse_waiting();
        let patience = if end == End::Displaced { FINISHING_DISPLACED } else { FINISHING };
        self.beside.wait(&self.mesh, Instant::now() + patience);
        self.mesh.allow_waiting();
        if let Some(stop) = self.table.stop.take() {
            self.run_hook("stop", &stop);
        }
        if !self.beside.wait(&self.mesh, Instant::now() + FINISHING) {
            tracing::warn!("a concurrent method still runs: ending without it, and its caller gets no answer");
        }
        self.complaints.finish();
        let periods = self.timers.missed().load(Ordering::Relaxed);
        if periods > 0 {
            tracing::warn!(periods, "timers were not run in time: handlers took too long");
        }
        end
    }

    fn begin(&mut self) -> Result<(), End> {
        for timer in &self.table.timers {
            let period = catch_unwind(AssertUnwindSafe(|| (timer.period)(&self.module)));
            let failed = |panic: Box<dyn Any + Send>| {
                End::Failed(format!("the period of the timer {}: {}", timer.name, panic_message(&*panic)))
            };
            let period = period.map_err(failed)?;
            let period_ns = i64::try_from(period.as_nanos()).unwrap_or(i64::MAX);
            if period_ns == 0 {
                return Err(End::Failed(format!("the period of the timer {} is zero", timer.name)));
            }
            self.timers.add(period_ns);
        }
        if let Some(start) = self.table.start.take()
            && let Some(error) = self.run_hook("start", &start)
        {
            // One that was told to end may fail for that.
            return Err(self.end().unwrap_or_else(|| End::Failed(format!("the start hook failed: {error}"))));
        }
        Ok(())
    }

    /// The module works while it listens whether another process has its name, and runs in the eyes of others once it owns it.
    fn await_name(&mut self) -> Result<(), End> {
        if !self.is_running && self.claim.is_owned().map_err(|error| End::Failed(error.to_string()))? {
            self.is_running = true;
            self.mesh.with(|cores, now| cores.presence.set_stage(now, Stage::Running));
        }
        Ok(())
    }

    fn work(&mut self) -> End {
        let mut was_timer = false;
        loop {
            if let Err(end) = self.await_name() {
                return end;
            }
            if let Some(end) = self.end() {
                return end;
            }
            // In turns with what waits: a timer that takes longer than its period is always due.
            if !std::mem::take(&mut was_timer)
                && let Some(timer) = self.clock.for_timers().and_then(|now| self.timers.pop_due(now))
            {
                self.run_timer(timer);
                was_timer = true;
                continue;
            }
            // Not held while the handler runs: others put in meanwhile.
            let work = self.inbox.lock().pop();
            match work {
                Some(Work::Sample { port, sample }) => self.run_handler(port, sample),
                Some(Work::Call(call)) => self.run_method(call),
                None => self.read(),
            }
        }
    }

    /// Waits for something to do.
    fn read(&mut self) {
        let timer = self.timers.next().and_then(|next| self.clock.instant_of(next));
        // Another thread may have read the simulation's time since this one looked, or that the name is owned.
        let is_due = || self.clock.is_simulated() && self.clock.for_timers().is_some_and(|now| self.timers.is_due(now));
        let is_told = || !self.is_running && self.claim.is_told();
        let has_work = || self.ending.is_asked() || !self.inbox.lock().is_empty() || is_due() || is_told();
        self.mesh.read(timer, &has_work);
    }

    fn end(&self) -> Option<End> {
        self.ending.is_asked().then(|| self.ending.reason().unwrap_or(End::Stopped))
    }

    /// Calls that have not begun are told that they will not.
    fn refuse_waiting(&self) {
        self.mesh.close();
        loop {
            let work = self.inbox.lock().pop();
            match work {
                Some(Work::Call(call)) => Call::new(Arc::clone(&self.mesh), call).finish(Err(stopping())),
                Some(Work::Sample { .. }) => {}
                None => return,
            }
        }
    }

    fn run_handler(&mut self, port: usize, sample: Sample) {
        let Some(input) = self.handled.get(port).map(Arc::clone) else { return };
        let Some(handler) = self.table.handlers.get(input.name) else { return };
        self.mesh.busy().begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| handler(&mut self.module, &sample)));
        self.mesh.busy().end();
        if let Ok(Err(HandlerError::Undecodable(_))) = &outcome {
            input.count_undecodable();
        } else {
            input.set_latest(sample);
        }
        self.complaints.judge(input.name, outcome);
    }

    fn run_timer(&mut self, index: usize) {
        let Some(timer) = self.table.timers.get(index) else { return };
        self.mesh.busy().begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| (timer.run)(&mut self.module)));
        self.mesh.busy().end();
        let name = timer.name;
        self.complaints.judge(name, outcome);
    }

    /// Tells what went wrong.
    fn run_hook(&mut self, name: &'static str, hook: &Hook<M>) -> Option<String> {
        self.mesh.busy().begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| hook(&mut self.module)));
        self.mesh.busy().end();
        let error = match &outcome {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(panic) => Some(panic_message(&**panic)),
        };
        self.complaints.judge(name, outcome);
        error
    }

    fn run_method(&mut self, call: IncomingCall) {
        if let Some((name, RpcMethod { run: Run::Beside(prepare), .. })) =
            self.table.methods.get_key_value(call.method.as_str())
            && let Some(schema) = self.schemas.get(*name)
        {
            // It came before there was a module to prepare it.
            let (beside, running): (BesideMethod, _) = ((prepare(&self.module), Arc::clone(schema)), self.beside.one());
            let id = call.id;
            if let Err(error) = run_beside(Arc::clone(&self.mesh), call, name, &beside, &self.complaints, running) {
                self.mesh.with(|cores, now| cores.finish(now, id, Err(error)));
            }
            return;
        }
        let call = Arc::new(Call::new(Arc::clone(&self.mesh), call));
        if let Some(why) = call.unwanted() {
            return call.finish(Err(why));
        }
        let method = self.table.methods.get_key_value(call.method());
        let Some(((name, RpcMethod { run, .. }), schema)) = method.zip(self.schemas.get(call.method())) else {
            return call.finish(Err(RpcError::UnknownMethod { method: call.method().to_owned() }));
        };
        let entered = call.enter();
        self.mesh.busy().begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| match run {
            Run::Now(run) => {
                call.finish(run(&mut self.module, &call, schema));
                Ok(())
            }
            Run::Later(run) => match run(&mut self.module, &call, schema) {
                Ok(outcome) => outcome,
                Err(error) => {
                    call.finish(Err(error));
                    Ok(())
                }
            },
            // Those run on a thread of their own, see above.
            Run::Beside(_) => Ok(()),
        }));
        self.mesh.busy().end();
        drop(entered);
        // That nobody wants it any more is no fault of the module.
        let is_unwanted = call.is_cancelled() && matches!(outcome, Ok(Err(_)));
        match &outcome {
            Ok(Ok(())) => call.settle(),
            Ok(Err(error)) => call.finish(Err(RpcError::Handler { message: error.to_string(), data: None })),
            Err(panic) => call.finish(Err(RpcError::Panic { message: panic_message(&**panic) })),
        }
        let name = *name;
        if !is_unwanted {
            self.complaints.judge(name, outcome);
        }
    }
}

impl SharedInbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, Inbox> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long methods that run beside the module's thread may take to finish before the stop hook runs, and again after it.
const FINISHING: Duration = Duration::from_millis(400);

/// How long they may take in a process that was displaced: a call may take so long, unless told.
const FINISHING_DISPLACED: Duration = Duration::from_secs(9);
