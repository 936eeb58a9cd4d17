//! Calls between processes that are killed, replaced and suspended in the middle of them, or have a bad wire between them.
//!
//! The callees are the example `mesh_calls`, which tells what it executes; the caller is the test itself. What a test measures
//! and does not assert, it prints.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use dimos::presence::Event;
use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Dimos, NodeId, Options, PendingCall, RemoteModule};
use mesh_tests::example;
use mesh_tests::hosts::{FarHost, lose_percent};
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process, run};
use mesh_tests::{isolated, test_name};
use serde_json::{Value, json};

#[test]
fn who_calls_a_process_that_is_killed_learns_it_before_the_deadline() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut worker = Worker::start(&program);
    let dimos = client(LOCAL);
    let events = dimos.events();
    let module = dimos.module(NAME).expect("it is there");
    let default = worker.sleeping(&module, "default", 60_000, TimeLimit::default());
    // These wait behind the first one.
    let long = begin(&module, "sleep", &json!({ "key": "long", "ms": 1 }), TimeLimit::Deadline(LONG));
    let idle = begin(&module, "sleep", &json!({ "key": "idle", "ms": 1 }), TimeLimit::IDLE);
    // Both are acknowledged by then.
    std::thread::sleep(Duration::from_millis(500));
    worker.signal("KILL");
    let killed = Instant::now();
    // An idle limit of 3 s may be over before the process is known to be lost.
    let error = idle.wait().expect_err("it is dead");
    eprintln!("measured: killed, idle limit: {error:?} after {:?}", killed.elapsed());
    assert!(matches!(error, RpcError::Idle { .. } | RpcError::OutcomeUnknown), "{error:?}");
    // With the default deadline, the error alone tells that it came before that.
    assert_eq!(default.wait(), Err(RpcError::OutcomeUnknown));
    eprintln!("measured: killed, default deadline: outcome_unknown after {:?}", killed.elapsed());
    assert_eq!(long.wait(), Err(RpcError::OutcomeUnknown));
    // Three missed beats and a probe of 1 s are about 4.3 s; five times that.
    assert!(killed.elapsed() < Duration::from_secs(22), "after {:?}", killed.elapsed());
    let lost = events.iter().find_map(|event| match event {
        Event::Lost { node, .. } => Some(node),
        _ => None,
    });
    assert_eq!(lost, Some(worker.node()));
    // From now on it is known at once.
    let asked = Instant::now();
    let error = module.call("echo", &Value::Null).expect_err("it is dead");
    eprintln!("measured: called when known to be lost: {error:?} after {:?}", asked.elapsed());
    assert!(matches!(error, RpcError::NotSent | RpcError::NoSuchProcess { .. }), "{error:?}");
    assert_eq!(dimos.modules(), []);
}

#[test]
fn a_stream_of_a_process_that_is_killed_ends_with_an_error() {
    let program = program();
    isolated!(MulticastOnLo);
    let worker = Worker::start(&program);
    let module = client(LOCAL).module(NAME).expect("it is there");
    let mut stream = module.stream("stream", &json!({ "to": u64::MAX })).expect("JSON");
    let before: Vec<_> = stream.by_ref().take(1000).map(|chunk| chunk.expect("a chunk")).collect();
    assert_eq!(before, (0..1000).map(|number| json!(number)).collect::<Vec<_>>());
    worker.signal("KILL");
    let killed = Instant::now();
    let rest: Vec<_> = stream.collect();
    let (last, chunks) = rest.split_last().expect("an error");
    eprintln!("measured: killed, stream: {last:?} after {:?}, {} chunks more", killed.elapsed(), chunks.len());
    for (chunk, number) in chunks.iter().zip(1000..) {
        assert_eq!(*chunk, Ok(json!(number)));
    }
    assert!(matches!(last, Err(RpcError::Idle { .. } | RpcError::OutcomeUnknown)), "{last:?}");
}

#[test]
fn who_is_displaced_finishes_what_runs_and_refuses_what_comes() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut old = Worker::start(&program);
    let dimos = client(LOCAL);
    let to_old = dimos.module(NAME).expect("it is there");
    let running = old.sleeping(&to_old, "running", 2500, TimeLimit::default());
    let waiting = begin(&to_old, "echo", &json!({ "key": "waiting" }), TimeLimit::default());
    let mut new = Worker::start(&program);
    let by = old.process.expect_line("displaced", |line| line.starts_with("displaced "));
    assert_eq!(by, format!("displaced {}", new.node()));
    assert_eq!(to_old.call("echo", &json!({ "key": "refused" })), Err(RpcError::Displaced));
    assert_eq!(waiting.wait(), Err(RpcError::Displaced));
    let to_new = dimos.module(NAME).expect("it is there");
    assert_eq!(to_new.node(), new.node());
    assert_eq!(to_new.call("echo", &json!({ "key": "new" })), Ok(json!({ "key": "new" })));
    assert_eq!(running.wait(), Ok(json!({ "key": "running", "ms": 2500 })));
    assert_eq!(old.process.wait(PATIENCE).code(), Some(13));
    assert_eq!(old.process.remaining_lines(), NOTHING, "it ran more than what it had begun");
    assert_eq!(executions(&to_new), counts(&["new"]));
    new.process.terminate();
    assert_eq!(new.process.remaining_lines(), ["executed echo new"]);
}

#[test]
fn who_is_displaced_delivers_a_large_result_before_it_ends() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut old = Worker::start(&program);
    let to_old = client(LOCAL).module(NAME).expect("it is there");
    let bytes = 8 << 20;
    let arguments = json!({ "key": "running", "ms": 1500, "bytes": bytes });
    let running = begin(&to_old, "sleep", &arguments, TimeLimit::Deadline(LONG));
    old.process.expect_line("an execution", |line| line == "executed sleep running");
    let _new = Worker::start(&program);
    old.process.expect_line("displaced", |line| line.starts_with("displaced "));
    let result = running.wait().map(|result| result == blob(bytes));
    assert_eq!(old.process.wait(PATIENCE).code(), Some(13));
    assert_eq!(result, Ok(true));
}

#[test]
fn a_call_is_not_executed_by_the_successor_of_the_process_that_was_called() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut old = Worker::start(&program);
    let dimos = client(LOCAL);
    let to_old = dimos.module(NAME).expect("it is there");
    let running = old.sleeping(&to_old, "running", 60_000, TimeLimit::Deadline(LONG));
    let waiting = begin(&to_old, "echo", &json!({ "key": "waiting" }), TimeLimit::Deadline(LONG));
    std::thread::sleep(Duration::from_millis(200));
    old.signal("KILL");
    let killed = Instant::now();
    // Sent to nobody: it is not acknowledged.
    let unheard = begin(&to_old, "echo", &json!({ "key": "unheard" }), TimeLimit::Deadline(LONG));
    let new = Worker::start(&program);
    let error = unheard.wait().expect_err("it is dead");
    eprintln!("measured: restarted, call that was never heard: {error:?} after {:?}", killed.elapsed());
    assert!(matches!(error, RpcError::NoSuchProcess { .. } | RpcError::OutcomeUnknown), "{error:?}");
    assert_eq!(running.wait(), Err(RpcError::OutcomeUnknown));
    eprintln!("measured: restarted, call that ran: outcome_unknown after {:?}", killed.elapsed());
    assert_eq!(waiting.wait(), Err(RpcError::OutcomeUnknown));
    let to_new = dimos.module(NAME).expect("it is there");
    assert_eq!(to_new.node(), new.node());
    assert_eq!(to_new.call("echo", &json!({ "key": "new" })), Ok(json!({ "key": "new" })));
    assert_eq!(executions(&to_new), counts(&["new"]));
}

#[test]
fn a_process_that_was_suspended_runs_no_stale_command() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut worker = Worker::start(&program);
    let dimos = client(LOCAL);
    let module = dimos.module(NAME).expect("it is there");
    let deadline = |seconds| TimeLimit::Deadline(Duration::from_secs(seconds));
    let running = worker.sleeping(&module, "running", 500, deadline(3));
    let queued = begin(&module, "echo", &json!({ "key": "queued" }), deadline(3));
    std::thread::sleep(Duration::from_millis(100));
    worker.signal("STOP");
    let stopped = Instant::now();
    let arriving = begin(&module, "echo", &json!({ "key": "arriving" }), deadline(1));
    assert_eq!(arriving.wait(), Err(RpcError::Deadline { acknowledged: false }));
    eprintln!("measured: suspended, deadline of 1 s: after {:?}", stopped.elapsed());
    assert_eq!(running.wait(), Err(RpcError::Deadline { acknowledged: true }));
    assert_eq!(queued.wait(), Err(RpcError::Deadline { acknowledged: true }));
    eprintln!("measured: suspended, deadline of 3 s: after {:?}", stopped.elapsed());
    std::thread::sleep(Duration::from_millis(500));
    worker.signal("CONT");
    // It is the same process, and what it does now it does once.
    let module = find(&dimos, worker.node());
    assert_eq!(module.call("echo", &json!({ "key": "fresh" })), Ok(json!({ "key": "fresh" })));
    assert_eq!(executions(&module), counts(&["fresh", "running"]));
}

#[test]
fn a_process_that_was_suspended_does_not_run_what_its_caller_has_given_up() {
    let program = program();
    isolated!(MulticastOnLo);
    let worker = Worker::start(&program);
    let dimos = client(LOCAL);
    let module = dimos.module(NAME).expect("it is there");
    worker.signal("STOP");
    // Nobody acknowledges it, so the caller gives it up long before its deadline.
    let given_up = begin(&module, "echo", &json!({ "key": "given up" }), TimeLimit::Deadline(LONG));
    let error = given_up.wait().expect_err("it is stopped");
    assert!(matches!(error, RpcError::NoSuchProcess { .. }), "{error:?}");
    worker.signal("CONT");
    let module = find(&dimos, worker.node());
    assert_eq!(module.call("echo", &json!({ "key": "fresh" })), Ok(json!({ "key": "fresh" })));
    assert_eq!(executions(&module), counts(&["fresh"]));
}

#[test]
fn a_process_that_was_displaced_while_suspended_ends_and_its_calls_are_not_its_successors() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut old = Worker::start(&program);
    let dimos = client(LOCAL);
    let to_old = dimos.module(NAME).expect("it is there");
    old.signal("STOP");
    let (new, stopped) = (Worker::start(&program), Instant::now());
    let to_new = find(&dimos, new.node());
    eprintln!(
        "measured: replaced while suspended: found {:?} after it was ready; epoch {}, node {}, before {}, {}",
        stopped.elapsed(),
        new.epoch,
        new.node,
        old.epoch,
        old.node
    );
    let late = begin(&to_old, "echo", &json!({ "key": "late" }), TimeLimit::Deadline(LONG));
    std::thread::sleep(Duration::from_secs(1));
    old.signal("CONT");
    let resumed = Instant::now();
    let answer = late.wait();
    assert_eq!(old.process.wait(PATIENCE).code(), Some(13));
    eprintln!("measured: replaced while suspended: {answer:?}; ended {:?} after it went on", resumed.elapsed());
    let said = old.process.remaining_lines();
    assert!(said.contains(&format!("displaced {}", new.node)), "{said:?}");
    // Who has a larger epoch or node is believed at once, and the older one learns it before it hears of the call. Otherwise the older
    // one still has the name when it goes on, unless it was taken for lost before the call, which then was not even sent.
    let ran = said.iter().filter(|line| *line == "executed echo late").count();
    match answer {
        Err(RpcError::Displaced | RpcError::NotSent) => assert_eq!(ran, 0, "{said:?}"),
        Err(RpcError::OutcomeUnknown) => assert!(ran <= 1, "{said:?}"),
        answer => assert_eq!((answer, ran), (Ok(json!({ "key": "late" })), 1), "{said:?}"),
    }
    assert_eq!(to_new.call("echo", &json!({ "key": "new" })), Ok(json!({ "key": "new" })));
    assert_eq!(executions(&to_new), counts(&["new"]));
}

#[test]
fn who_takes_the_place_of_a_process_that_was_killed_is_found() {
    let program = program();
    isolated!(MulticastOnLo);
    let mut worker = Worker::start(&program);
    let dimos = client(LOCAL);
    assert_eq!(find(&dimos, worker.node()).name().as_str(), NAME);
    for _ in 0..4 {
        worker.signal("KILL");
        let new = Worker::start(&program);
        let ready = Instant::now();
        let module = find(&dimos, new.node());
        eprintln!(
            "measured: killed and replaced: found {:?} after it was ready; epoch {}, node {}, before {}, {}",
            ready.elapsed(),
            new.epoch,
            new.node,
            worker.epoch,
            worker.node
        );
        assert_eq!(module.call("echo", &json!({ "key": "new" })), Ok(json!({ "key": "new" })));
        worker = new;
    }
}

#[test]
fn every_call_across_a_wire_that_loses_a_tenth_is_answered_and_none_runs_twice() {
    let program = program();
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    if !lose_percent(test_name!(), 10) {
        return;
    }
    far.lose_percent(10);
    let worker = Worker::start_by(far.command(&serve(&program, ACROSS)));
    let start = Instant::now();
    let dimos = client(ACROSS);
    let module = dimos.module(NAME).expect("it is there");
    eprintln!("measured: 10 % loss: found after {:?}", start.elapsed());
    assert_eq!(module.node(), worker.node());
    let mut took: Vec<_> = (0..CALLS).map(|number| timed(|| assert!(echo(&module, number).wait().is_ok()))).collect();
    took.sort();
    let [median, p99, most] = [took[CALLS / 2], took[CALLS * 99 / 100], took[CALLS - 1]];
    eprintln!(
        "measured: 10 % loss: {CALLS} calls in turn, median {median:?}, 99 of 100 within {p99:?}, all within {most:?}"
    );
    let together = timed(|| {
        // As many as may wait for a process.
        for numbers in (CALLS..2 * CALLS).collect::<Vec<_>>().chunks(50) {
            let calls: Vec<_> = numbers.iter().map(|number| echo(&module, *number)).collect();
            for (call, number) in calls.into_iter().zip(numbers) {
                assert_eq!(call.wait(), Ok(json!({ "key": number.to_string() })));
            }
        }
    });
    eprintln!("measured: 10 % loss: {CALLS} calls, 50 at a time, in {together:?}");
    let streamed = timed(|| {
        let stream = module.stream("stream", &json!({ "key": "stream", "to": 500 })).expect("JSON");
        let chunks: Vec<_> = stream.map(|chunk| chunk.expect("a chunk")).collect();
        assert_eq!(chunks, (0..500).map(|number| json!(number)).collect::<Vec<_>>());
    });
    eprintln!("measured: 10 % loss: a stream of 500 chunks in {streamed:?}");
    tell_lost(&far);
    let mut expected: BTreeMap<_, _> = (0..2 * CALLS).map(|number| (number.to_string(), 1)).collect();
    expected.insert("stream".to_owned(), 1);
    assert_eq!(executions(&module), expected);
}

#[test]
fn large_results_cross_a_wire_that_loses_a_hundredth() {
    let program = program();
    isolated!(NoMulticastRoute);
    let far = FarHost::join();
    if !lose_percent(test_name!(), 1) {
        return;
    }
    far.lose_percent(1);
    let _worker = Worker::start_by(far.command(&serve(&program, ACROSS)));
    let dimos = client(ACROSS);
    let module = dimos.module(NAME).expect("it is there");
    for bytes in [2 << 20, 8 << 20] {
        let (key, expected) = (bytes.to_string(), blob(bytes));
        let took = timed(|| {
            let arguments = json!({ "key": key, "bytes": bytes });
            let result = begin(&module, "blob", &arguments, TimeLimit::Deadline(LONG)).wait().expect("a result");
            assert!(result == expected, "{bytes} bytes came otherwise");
        });
        eprintln!("measured: 1 % loss: {bytes} bytes in {took:?}");
        assert_eq!(executions(&module)[&key], 1);
    }
    tell_lost(&far);
}

#[test]
fn a_hundred_processes_know_each_other_and_who_of_them_is_lost() {
    let program = program();
    isolated!(MulticastOnLo);
    let dimos = client(LOCAL);
    let events = dimos.events();
    let mut commands: Vec<_> = (0..100).map(|number| serve_as(&program, &format!("worker{number}"), LOCAL)).collect();
    // All at once, as a launch does.
    let processes: Vec<_> = commands.iter_mut().map(Process::start).collect();
    let mut workers: Vec<_> = processes.into_iter().map(Worker::ready).collect();
    let nodes = |workers: &[Worker]| workers.iter().map(Worker::node).collect::<BTreeSet<_>>();
    eventually(
        || format!("all 100 are seen; {} are", dimos.modules().len()),
        || (dimos.modules().len() == 100).then_some(()),
    );
    let seen: BTreeSet<_> = dimos.modules().iter().map(|module| module.identity.node).collect();
    assert_eq!(seen, nodes(&workers));
    // Those who come later see them all, too.
    assert_eq!(client(LOCAL).settled().modules().len(), 100);

    let told = workers.split_off(95);
    let killed = workers.split_off(90);
    for worker in &killed {
        worker.signal("KILL");
    }
    let start = Instant::now();
    for worker in &told {
        worker.signal("TERM");
    }
    let (mut lost, mut left, mut took) = (BTreeSet::new(), BTreeSet::new(), Duration::ZERO);
    // So long that anybody else would be missed as well.
    while let Ok(event) = events.recv_deadline(start + Duration::from_secs(15)) {
        match event {
            Event::Lost { node, .. } => {
                took = start.elapsed();
                assert!(lost.insert(node), "{node} is lost twice");
            }
            // The client of before has no name.
            Event::Left { node, name: Some(_), failed } => assert!(left.insert(node) && !failed, "{node}"),
            Event::Stuck { .. } | Event::Displaced { .. } | Event::Missed { .. } => panic!("{event:?}"),
            _ => {}
        }
    }
    eprintln!("measured: 100 processes: 5 of them lost within {took:?}");
    assert_eq!((lost, left), (nodes(&killed), nodes(&told)));
    let seen: BTreeSet<_> = dimos.modules().iter().map(|module| module.identity.node).collect();
    assert_eq!(seen, nodes(&workers));
}

#[test]
fn cost_of_10_processes_that_do_nothing() {
    let program = program();
    isolated!(MulticastOnLo);
    tell_cost(&program, 10);
}

#[test]
fn cost_of_50_processes_that_do_nothing() {
    let program = program();
    isolated!(MulticastOnLo);
    tell_cost(&program, 50);
}

/// Prints what the bus carries and what one process takes of a processor, without and with somebody who watches.
fn tell_cost(program: &PathBuf, processes: usize) {
    let workers: Vec<_> = (0..processes)
        .map(|number| {
            // The shell tells the process id as `/proc` knows it.
            let mut command = Command::new("sh");
            command.args(["-c", "read id rest < /proc/self/stat; echo $id; exec \"$@\"", "sh"]).arg(program);
            command.args(["serve", &format!("worker{number}")]).env("LCM_DEFAULT_URL", LOCAL);
            Process::start(&mut command)
        })
        .collect();
    let mut ids = Vec::new();
    let workers: Vec<_> = workers
        .into_iter()
        .map(|mut process| {
            ids.push(process.expect_line("a process id", |line| !line.is_empty()));
            process.expect_line("ready", |line| line.starts_with("ready "));
            process
        })
        .collect();
    // What is said on joining is not what is measured.
    std::thread::sleep(Duration::from_secs(3));
    let measure = |what: &str| {
        let (cpu, network, start) = (ids.iter().map(|id| cpu_ns(id)).collect::<Vec<_>>(), on_lo(), Instant::now());
        let own = cpu_ns("self");
        std::thread::sleep(Duration::from_secs(6));
        let (seconds, after) = (start.elapsed().as_secs_f64(), on_lo());
        let mut shares: Vec<_> =
            ids.iter().zip(&cpu).map(|(id, before)| (cpu_ns(id) - before) as f64 / 1e7 / seconds).collect();
        shares.sort_by(f64::total_cmp);
        eprintln!(
            "measured: {processes} processes, {what}: {:.0} bytes/s in {:.1} packets/s on the bus, IP and Ethernet headers \
             included; {:.3} % of a processor for the median process, {:.3} % for the busiest, {:.3} % for this one",
            (after.0 - network.0) as f64 / seconds,
            (after.1 - network.1) as f64 / seconds,
            shares[processes / 2],
            shares[processes - 1],
            (cpu_ns("self") - own) as f64 / 1e7 / seconds,
        );
    };
    measure("nobody watches");
    let dimos = client(LOCAL);
    assert_eq!(dimos.settled().modules().len(), processes);
    std::thread::sleep(Duration::from_secs(1));
    measure("this one watches");
    assert_eq!(dimos.modules().len(), processes);
    drop(workers);
}

/// How long a process ran, all threads together.
fn cpu_ns(id: &str) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{id}/task")).expect("the process runs");
    let mine = |path: PathBuf| {
        // Nothing of a thread that has ended meanwhile.
        let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0_u64)
    };
    tasks.map(|task| mine(task.expect("a task").path())).sum()
}

/// Bytes and packets that went over `lo`.
fn on_lo() -> (u64, u64) {
    let devices = fs::read_to_string("/proc/self/net/dev").expect("/proc is there");
    let lo = devices.lines().find_map(|line| line.trim().strip_prefix("lo:")).expect("lo is there");
    let mut numbers = lo.split_whitespace().map(|number| number.parse().expect("a number"));
    (numbers.next().expect("bytes"), numbers.next().expect("packets"))
}

/// A process that serves [`NAME`].
struct Worker {
    process: Process,
    node: String,
    epoch: String,
}

impl Worker {
    fn start(program: &PathBuf) -> Self {
        Self::start_by(serve(program, LOCAL))
    }

    fn start_by(mut command: Command) -> Self {
        Self::ready(Process::start(&mut command))
    }

    fn ready(mut process: Process) -> Self {
        let ready = process.expect_line("ready", |line| line.starts_with("ready "));
        let words: Vec<_> = ready.split(' ').map(str::to_owned).collect();
        let [_, node, epoch] = words.try_into().expect("a node and an epoch");
        Self { process, node, epoch }
    }

    /// Who it is.
    fn node(&self) -> NodeId {
        let bits = u64::from_str_radix(&self.node, 16).expect("a node");
        NodeId::from_wire(bits.cast_signed()).expect("a node")
    }

    /// Calls `sleep`, and returns when it runs.
    fn sleeping(&mut self, module: &RemoteModule, key: &str, ms: u64, limit: TimeLimit) -> PendingCall {
        let call = begin(module, "sleep", &json!({ "key": key, "ms": ms }), limit);
        self.process.expect_line("an execution", |line| line == format!("executed sleep {key}"));
        call
    }

    fn signal(&self, signal: &str) {
        run(Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.process.id())));
    }
}

fn serve(program: &PathBuf, url: &str) -> Command {
    serve_as(program, NAME, url)
}

fn serve_as(program: &PathBuf, name: &str, url: &str) -> Command {
    let mut command = Command::new(program);
    command.args(["serve", name]).env("LCM_DEFAULT_URL", url);
    command
}

fn client(url: &str) -> Dimos {
    Options::default().url(url.parse().expect("a URL")).join().expect("the bus is there")
}

/// The module, as soon as this process owns it.
fn find(dimos: &Dimos, node: NodeId) -> RemoteModule {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = dimos.module(NAME);
        match found {
            Ok(module) if module.node() == node => return module,
            other => assert!(Instant::now() < deadline, "{NAME} is {other:?}, not {node}"),
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn begin(module: &RemoteModule, method: &str, arguments: &Value, limit: TimeLimit) -> PendingCall {
    module.limit(limit).start(method, arguments).expect("JSON")
}

fn echo(module: &RemoteModule, number: usize) -> PendingCall {
    begin(module, "echo", &json!({ "key": number.to_string() }), TimeLimit::default())
}

/// How often the process has executed what.
fn executions(module: &RemoteModule) -> BTreeMap<String, u64> {
    let counts = module.call("count_executions", &Value::Null).expect("it answers");
    counts.as_object().expect("an object").iter().map(|(key, n)| (key.clone(), n.as_u64().expect("a number"))).collect()
}

/// Each of these once.
fn counts(keys: &[&str]) -> BTreeMap<String, u64> {
    keys.iter().map(|key| ((*key).to_owned(), 1)).collect()
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// What `blob` returns.
fn blob(bytes: usize) -> String {
    // Two bytes a number at least.
    let mut text: String = (0..bytes.div_ceil(2)).map(|number| format!("{number},")).collect();
    text.truncate(bytes);
    text
}

/// Prints how many packets were lost at either end, which have to be some.
fn tell_lost(far: &FarHost) {
    let mut list = Command::new("nft");
    list.args(["list", "table", "ip", "loss"]);
    let [here, there] = [run(&mut list), run(&mut far.command(&list))].map(|rules| {
        let mut words = rules.split_whitespace().skip_while(|word| *word != "packets");
        words.nth(1).and_then(|packets| packets.parse::<u64>().ok()).expect("a counter")
    });
    eprintln!("measured: {here} packets were lost here, {there} on the other host");
    assert!(here > 0 && there > 0, "the wire was whole");
}

/// The program under test.
fn program() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example::built("dimos", "mesh_calls")).clone()
}

const NAME: &str = "robot0/worker";
const LOCAL: &str = "udpm://239.255.76.67:7667?ttl=0";
const ACROSS: &str = "udpm://239.255.76.67:7667?ttl=1";

/// A deadline that is not what ends a call.
const LONG: Duration = Duration::from_secs(60);
const CALLS: usize = 300;
const NOTHING: [&str; 0] = [];
