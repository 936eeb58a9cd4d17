//! Messages that no honest process sends: no panic, bounded memory, bounded answers.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dimos::NodeId;
use dimos::rpc::{
    CallSpec, Callee, CalleeLimits, CalleeOutput, Caller, CallerOutput, MAX_RESPONSES_PER_REQUEST, Method, ServedCall,
    TimeLimit,
};
use lcm::Message;
use lcm_types::dimos_mesh::{RpcRequest, RpcResponse};
use proptest::prelude::*;

use super::sim::pattern;

/// A callee alone, and what it says.
struct Bench {
    core: Callee,
    node: NodeId,
    now: Instant,
    requests: usize,
    responses: usize,
    response_bytes: usize,
    running: Vec<(ServedCall, String)>,
}

impl Bench {
    fn new(limits: CalleeLimits) -> Self {
        let methods = [
            ("echo", Method::default()),
            ("bytes", Method { is_concurrent: true, ..Method::default() }),
            ("count", Method { is_stream: true, is_concurrent: true, ..Method::default() }),
        ];
        let methods: BTreeMap<String, Method> = methods.map(|(name, method)| (name.to_owned(), method)).into();
        let node = NodeId::from_wire(77).unwrap();
        Self {
            core: Callee::with_limits(node, methods, 1, limits),
            node,
            now: Instant::now(),
            requests: 0,
            responses: 0,
            response_bytes: 0,
            running: Vec::new(),
        }
    }

    fn hear(&mut self, request: &RpcRequest) {
        self.hear_bytes(&request.encode().unwrap());
    }

    fn hear_bytes(&mut self, bytes: &[u8]) {
        self.requests += 1;
        self.core.heard(self.now, self.now, &RpcRequest::view(bytes).unwrap());
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(output) = self.core.poll_output(self.now) {
            match output {
                CalleeOutput::Send { channel, response } => {
                    self.responses += 1;
                    let bytes = 8 + channel.len() + 1 + response.encoded_len().unwrap();
                    assert!(bytes < 1400, "a datagram of {bytes} bytes");
                    self.response_bytes += bytes;
                }
                CalleeOutput::Run(call) => self.running.push((call.id, call.method)),
                _ => {}
            }
        }
    }

    fn finish_all(&mut self) {
        while let Some((call, method)) = self.running.pop() {
            let body = if method == "bytes" { pattern(1 << 20) } else { Vec::new() };
            self.core.finish(self.now, call, Ok(body));
            self.poll();
        }
    }

    fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(at) = self.core.next_wakeup().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.core.tick(self.now);
            self.poll();
            assert!(self.core.next_wakeup().is_none_or(|at| at > self.now));
        }
        self.now = end;
    }

    fn request(&self, kind: i8, caller: i64, call: i64) -> RpcRequest {
        RpcRequest {
            version: 1,
            kind: kind.cast_unsigned(),
            codec: 1,
            caller,
            call,
            target: self.node.to_wire(),
            time_left_us: 10_000_000,
            method: "echo".to_owned(),
            credit: 64,
            ..RpcRequest::default()
        }
    }
}

#[test]
fn hundreds_of_thousands_of_call_ids_cost_bounded_memory() {
    let mut bench = Bench::new(CalleeLimits::default());
    let mut bytes = bench.request(RpcRequest::CALL, 5, 0).encode().unwrap();
    for call in 1..=CALL_IDS {
        // Behind the fingerprint, five bytes and the caller.
        bytes[21..29].copy_from_slice(&call.to_be_bytes());
        bench.hear_bytes(&bytes);
        if call % 50_000 == 0 {
            let (callers, calls, _) = bench.core.held();
            assert!(callers == 1 && calls <= 2 * (1 << 16) + 200, "{calls} calls");
        }
    }
    assert_eq!(bench.core.counts().executed, 1, "one at a time");
    assert!(i64::try_from(bench.responses).unwrap() <= CALL_IDS + 100, "{} responses", bench.responses);
    bench.finish_all();
    bench.pass(Duration::from_secs(200));
    assert_eq!(bench.core.held().1, 0);
}

#[test]
fn a_hundred_thousand_forged_callers_do_not_displace_a_good_one() {
    let mut bench = Bench::new(CalleeLimits::default());
    let good = bench.request(RpcRequest::CALL, 5, 1);
    bench.hear(&good);
    bench.finish_all();
    bench.hear(&bench.request(RpcRequest::DONE, 5, 1));
    for caller in 1000..101_000 {
        let mut request = bench.request(RpcRequest::CALL, caller, 1);
        request.method = if caller % 2 == 0 { "echo".to_owned() } else { "nothing".to_owned() };
        bench.hear(&request);
        if caller % 3 == 0 {
            bench.hear(&bench.request(RpcRequest::CANCEL, caller + 1_000_000, 9));
        }
    }
    let (callers, calls, _) = bench.core.held();
    assert!(callers <= 1024 && calls <= 2 * (1 << 16), "{callers} callers, {calls} calls");
    // A late duplicate is still known, though the process is free to run it.
    bench.finish_all();
    assert!(bench.running.is_empty());
    let executed = bench.core.counts().executed;
    assert!(executed > 1);
    bench.hear(&good);
    assert_eq!(bench.core.counts().executed, executed);
}

#[test]
fn announced_sizes_cost_nothing() {
    let mut bench = Bench::new(CalleeLimits::default());
    for call in 1..=1000 {
        let mut request = bench.request(RpcRequest::PART, 5, call);
        request.total_bytes = if call % 2 == 0 { i32::MAX } else { 60 << 20 };
        request.sequence = 100;
        request.offset = 50 << 20;
        request.part = vec![1; 1000];
        bench.hear(&request);
    }
    let (_, _, bytes) = bench.core.held();
    assert!(bytes <= 64 * 2000, "{bytes} bytes");
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.core.held().2, 0);
    assert_eq!(bench.core.counts().executed, 0);
}

#[test]
fn parts_that_overlap_or_contradict_each_other_do_not_run() {
    let mut bench = Bench::new(CalleeLimits::default());
    let good = RpcRequest { total_bytes: 2000, part: vec![1; 1000], ..bench.request(RpcRequest::CALL, 5, 1) };
    let bad = [
        RpcRequest { sequence: 1, offset: 500, ..good.clone() },
        RpcRequest { sequence: 1, offset: 1500, ..good.clone() },
        RpcRequest { sequence: 1, offset: 1000, total_bytes: 2001, ..good.clone() },
        RpcRequest { sequence: 1, offset: -1, ..good.clone() },
        RpcRequest { sequence: -1, offset: 1000, ..good.clone() },
        RpcRequest { sequence: i64::MAX, offset: 1000, ..good.clone() },
        RpcRequest { sequence: i64::MIN, offset: 1000, ..good.clone() },
        RpcRequest { sequence: 1, offset: 1000, part: Vec::new(), ..good.clone() },
        RpcRequest { sequence: 1, offset: i32::MAX, ..good.clone() },
    ];
    for early in [false, true] {
        for bad in &bad {
            let call = bench.requests as i64 + 1;
            let numbered = |request: &RpcRequest| RpcRequest { call, ..request.clone() };
            if early {
                bench.hear(&numbered(bad));
                bench.hear(&numbered(&good));
            } else {
                bench.hear(&numbered(&good));
                bench.hear(&numbered(bad));
            }
            assert!(bench.running.is_empty(), "{bad:?} ran");
            // The true one comes after all, unless the forged one spoiled the call.
            bench.hear(&numbered(&RpcRequest { sequence: 1, offset: 1000, ..good.clone() }));
            bench.finish_all();
        }
    }
    assert!(bench.core.counts().executed >= 16, "{:?}", bench.core.counts());
}

#[test]
fn asking_for_everything_again_and_again_is_not_answered_as_often() {
    let mut bench = Bench::new(CalleeLimits::default());
    let call = RpcRequest { method: "bytes".to_owned(), ..bench.request(RpcRequest::CALL, 5, 1) };
    bench.hear(&call);
    bench.finish_all();
    let first = bench.responses;
    assert!(first <= 20, "{first}");
    // 100,000 times in 5 s, 20,000 times a second.
    for _ in 0..100_000 {
        let all = RpcRequest {
            missing: (0..256).collect(),
            attempt: 1,
            credit: i32::MAX,
            ..bench.request(RpcRequest::RECEIVED, 5, 1)
        };
        bench.hear(&all);
        bench.pass(Duration::from_micros(50));
    }
    eprintln!("{} requests, {} responses", bench.requests, bench.responses);
    assert!(bench.responses < 2000, "{} responses", bench.responses);
    // One that acknowledges as fast as it can gets what there is, once.
    let before = bench.responses;
    for received in 0..900 {
        bench.hear(&RpcRequest { received, credit: i32::MAX, ..bench.request(RpcRequest::RECEIVED, 5, 1) });
    }
    assert!(bench.responses - before < 2 * 900, "{} responses", bench.responses - before);
}

#[test]
fn one_request_is_answered_a_bounded_number_of_times() {
    for method in ["echo", "bytes", "count", "nothing"] {
        for is_long in [false, true] {
            let mut bench = Bench::new(CalleeLimits::default());
            let mut request = bench.request(RpcRequest::CALL, 5, 1);
            request.method = method.to_owned();
            request.is_stream = method == "count";
            request.is_long = is_long;
            request.time_left_us = i64::MAX;
            request.credit = i32::MAX;
            bench.hear(&request);
            bench.finish_all();
            bench.pass(Duration::from_secs(3600));
            eprintln!("{method}, long {is_long}: {} responses", bench.responses);
            assert!(bench.responses <= MAX_RESPONSES_PER_REQUEST, "{} responses", bench.responses);
            let (_, calls, bytes) = bench.core.held();
            assert_eq!((calls, bytes), (0, 0));
        }
    }
}

#[test]
fn requests_of_other_versions_kinds_and_targets_are_counted() {
    let mut bench = Bench::new(CalleeLimits::default());
    bench.hear(&RpcRequest { version: 2, ..bench.request(RpcRequest::CALL, 5, 1) });
    assert_eq!(bench.responses, 1, "an error");
    bench.hear(&RpcRequest { version: 2, ..bench.request(RpcRequest::DONE, 5, 1) });
    bench.hear(&bench.request(99, 5, 1));
    bench.hear(&RpcRequest { target: 78, ..bench.request(RpcRequest::CALL, 5, 1) });
    bench.hear(&bench.request(RpcRequest::CALL, 0, 1));
    bench.hear(&bench.request(RpcRequest::CALL, 5, -1));
    bench.hear(&RpcRequest { done_before: 9, ..bench.request(RpcRequest::CALL, 5, 1) });
    let counts = bench.core.counts();
    assert_eq!((counts.unknown_versions, counts.unknown_kinds, counts.strays, counts.malformed), (2, 1, 1, 3));
    assert_eq!((bench.responses, counts.executed), (1, 0));
}

/// More than are remembered, several times.
const CALL_IDS: i64 = 300_000;

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![-2..5_i64, Just(i64::MAX), Just(i64::MIN), any::<i64>(), 60..130_i64]
}

fn small() -> impl Strategy<Value = i32> {
    prop_oneof![-2..5_i32, Just(1000), Just(2000), Just(i32::MAX), Just(i32::MIN), any::<i32>()]
}

prop_compose! {
    fn request()(
        version in prop_oneof![20 => Just(1_u8), 1 => any::<u8>()], kind in 0..7_u8, codec in 0..4_u8,
        flags in any::<(bool, bool)>(), caller in 1..4_i64, call in prop_oneof![5 => 1..6_i64, 1 => any::<i64>()],
        floor in prop_oneof![4 => Just(0_i64), 1 => number()], time_left_us in prop_oneof![3 => Just(1_000_000_i64), 1 => any::<i64>()],
        method in prop_oneof![Just("echo"), Just("bytes"), Just("count"), Just("x")], sequence in number(),
        sizes in (small(), small(), 0..3_usize), receipt in (number(), small()), missing in proptest::collection::vec(number(), 0..5),
        chain in proptest::collection::vec(prop_oneof![Just(77_i64), any::<i64>()], 0..2),
    ) -> RpcRequest {
        RpcRequest {
            version, kind, codec, is_stream: flags.0, is_long: flags.1, caller, call, done_before: floor, target: 77,
            attempt: sizes.0, time_left_us, method: method.to_owned(), contract: String::new(), chain, sequence,
            total_bytes: sizes.0, offset: sizes.1, part: vec![7; 1000 * sizes.2], received: receipt.0, credit: receipt.1, missing,
            extension: Vec::new(),
        }
    }
}

prop_compose! {
    fn response()(
        version in prop_oneof![20 => Just(1_u8), 1 => any::<u8>()], kind in 0..7_u8, call in prop_oneof![5 => 1..6_i64, 1 => any::<i64>()],
        sequence in number(), sizes in (small(), small(), 0..3_usize), receipt in (number(), small()),
        missing in proptest::collection::vec(number(), 0..5),
    ) -> RpcResponse {
        RpcResponse {
            version, kind, codec: 1, callee: 77, caller: 5, call, sequence, total_bytes: sizes.0, offset: sizes.1,
            part: vec![b'{'; 1000 * sizes.2], received: receipt.0, credit: receipt.1, missing, extension: Vec::new(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_callee_survives_any_requests(requests in proptest::collection::vec((request(), 0..400_u64), 1..60)) {
        let mut bench = Bench::new(CalleeLimits { arriving: 3, waiting: 2, remembered: 4, callers: 2, answers: 2, ..CalleeLimits::default() });
        for (number, (request, pause)) in requests.iter().enumerate() {
            bench.hear(request);
            bench.pass(Duration::from_millis(*pause));
            if number % 3 == 0 {
                bench.finish_all();
            }
        }
        bench.finish_all();
        bench.pass(Duration::from_secs(200_000));
        prop_assert_eq!((bench.core.held().1, bench.core.held().2), (0, 0));
        prop_assert!(bench.responses <= MAX_RESPONSES_PER_REQUEST * bench.requests + 1000);
    }

    #[test]
    fn a_caller_survives_any_responses_and_ends_each_call_once(responses in proptest::collection::vec((response(), 0..300_u64), 1..60)) {
        let mut now = Instant::now();
        let node = NodeId::from_wire(5).unwrap();
        let target = NodeId::from_wire(77).unwrap();
        let mut core = Caller::new(node, 1);
        for number in 0..5_usize {
            let spec = CallSpec::new(target, "server".parse().unwrap(), "echo", pattern(3000 * number));
            let is_stream = number % 2 == 0;
            let limit = if number % 3 == 0 { TimeLimit::IDLE } else { TimeLimit::default() };
            core.call(now, CallSpec { is_stream, limit, ..spec });
        }
        let mut outcomes = 0;
        let mut requests = 0;
        let mut poll = |core: &mut Caller| while let Some(output) = core.poll_output() {
            match output {
                CallerOutput::Outcome { .. } => outcomes += 1,
                CallerOutput::Send { .. } => requests += 1,
                _ => {}
            }
        };
        for (response, pause) in &responses {
            let bytes = response.encode().unwrap();
            core.heard(now, &RpcResponse::view(&bytes).unwrap());
            poll(&mut core);
            let end = now + Duration::from_millis(*pause);
            while let Some(at) = core.next_wakeup().filter(|&at| at <= end) {
                now = now.max(at);
                core.tick(now);
                poll(&mut core);
            }
            now = end;
        }
        while let Some(at) = core.next_wakeup() {
            now = now.max(at);
            core.tick(now);
            poll(&mut core);
        }
        prop_assert_eq!((outcomes, core.active()), (5, 0));
        prop_assert!(requests < 5000, "{} requests", requests);
    }
}
