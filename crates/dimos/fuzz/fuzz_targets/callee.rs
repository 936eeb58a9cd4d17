//! Whatever requests arrive, and however handlers end: no call runs twice, one method at a time, no memory and no answers beyond what is
//! allowed, and nothing is left when all is over.

#![no_main]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dimos::NodeId;
use dimos::rpc::{
    Callee, CalleeLimits, CalleeOutput, ChunkError, IncomingCall, MAX_RESPONSES_PER_REQUEST, Method, RpcError,
    ServedCall,
};
use dimos_fuzz::Input;
use lcm::Message;
use lcm_types::dimos_mesh::{RpcRequest, RpcResponse};
use libfuzzer_sys::arbitrary::Result;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bench = Bench::new();
    let mut input = Input::new(bytes);
    while bench.step(&mut input).is_ok() {}
    bench.end();
});

struct Bench {
    core: Callee,
    now: Instant,
    start: Instant,
    running: Vec<IncomingCall>,
    /// When each call ended that ran; `None` while it runs.
    executed: BTreeMap<ServedCall, Option<Instant>>,
    /// How many messages may have been sent, and how many were.
    allowance: usize,
    responses: usize,
}

impl Bench {
    fn new() -> Self {
        let method = |is_stream, is_concurrent| Method { is_stream, is_concurrent, ..Method::default() };
        let methods = [
            ("echo", method(false, false)),
            ("beside", method(false, true)),
            ("count", method(true, true)),
            ("listen", method(true, false)),
            ("binary", Method { contract: Some("c".to_owned()), ..method(false, false) }),
        ];
        let methods = methods.map(|(name, method)| (name.to_owned(), method)).into();
        let node = NodeId::from_wire(ME).expect("it is not 0");
        let now = Instant::now();
        Self {
            core: Callee::with_limits(node, methods, 1, LIMITS),
            now,
            start: now,
            running: Vec::new(),
            executed: BTreeMap::new(),
            allowance: 0,
            responses: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<()> {
        match input.byte()? {
            0..30 => {
                let bytes = input.encoded::<RpcRequest>()?;
                self.hear(&bytes, Duration::ZERO);
            }
            30..160 => {
                let request = request(input)?;
                self.hear(&request.encode().expect("its texts have no NUL"), Duration::ZERO);
            }
            160..165 => {
                let (request, waited) = (request(input)?, input.pause()?);
                self.hear(&request.encode().expect("its texts have no NUL"), waited);
            }
            165..200 => {
                let outcome = outcome(input)?;
                let which = usize::from(input.byte()?);
                self.finish(which, outcome);
            }
            200..215 => self.chunk(input)?,
            215..245 => {
                let pause = input.pause()?;
                self.pass(pause);
            }
            245..253 => {
                let caller = input.one_of(CALLERS)?;
                if let Some(node) = NodeId::from_wire(caller) {
                    self.core.caller_lost(self.now, node);
                    self.poll();
                }
            }
            253 => {
                self.core.displaced(self.now);
                self.poll();
            }
            _ => {
                self.core.tick(self.now);
                self.poll();
            }
        }
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8], waited: Duration) {
        let Ok(view) = RpcRequest::view(bytes) else { return assert!(RpcRequest::decode(bytes).is_err()) };
        self.allowance += MAX_RESPONSES_PER_REQUEST;
        let received = self.now.checked_sub(waited).unwrap_or(self.now);
        self.core.heard(self.now, received, &view);
        self.poll();
    }

    fn finish(&mut self, which: usize, outcome: Result<Vec<u8>, RpcError>) {
        if self.running.is_empty() {
            return;
        }
        let call = self.running.swap_remove(which % self.running.len());
        self.executed.insert(call.id, Some(self.now));
        self.core.finish(self.now, call.id, outcome);
        assert_eq!(self.core.credit(call.id), 0, "a stream that has ended takes chunks");
        self.poll();
    }

    fn chunk(&mut self, input: &mut Input<'_>) -> Result<()> {
        let bytes = vec![1; usize::from(input.byte()?) * 40];
        let which = usize::from(input.byte()?);
        let Some(call) = self.running.get(which % self.running.len().max(1)) else { return Ok(()) };
        let (id, before) = (call.id, self.core.credit(call.id));
        let parts = bytes.len() / 1000 + 2;
        match self.core.chunk(self.now, id, bytes) {
            Ok(left) => {
                assert!(call.is_stream && before > 0 && left < LIMITS.stream_chunks);
                // Sent, and sent again until its caller is given up.
                self.allowance += parts * MAX_RESPONSES_PER_REQUEST;
            }
            Err(ChunkError::NotStreaming { .. }) => assert!(!call.is_stream),
            Err(ChunkError::Full { .. }) => assert_eq!(before, 0),
            Err(ChunkError::TooLarge { bytes, limit }) => assert!(bytes > limit),
            Err(_) => assert!(self.core.is_cancelled(id)),
        }
        self.poll();
        Ok(())
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.core.next_wakeup().filter(|&next| next <= end) {
            self.now = self.now.max(next);
            self.core.tick(self.now);
            self.poll();
            assert!(self.core.next_wakeup().is_none_or(|next| next > self.now), "it is never done");
        }
        self.now = end;
    }

    fn poll(&mut self) {
        while let Some(output) = self.core.poll_output(self.now) {
            match output {
                CalleeOutput::Send { channel, response } => self.check_response(&channel, &response),
                CalleeOutput::Run(call) => self.run(call),
                CalleeOutput::Cancel(id) => {
                    assert!(self.running.iter().any(|call| call.id == id) && self.core.is_cancelled(id));
                }
                CalleeOutput::Credit { call, chunks } => {
                    assert!(chunks > 0 && self.running.iter().any(|running| running.id == call && running.is_stream));
                }
                _ => {}
            }
        }
        let (callers, calls, bytes) = self.core.held();
        assert!(callers <= LIMITS.callers, "{callers} callers");
        // The ids that are remembered are counted twice, once for each list they stand in.
        let live = LIMITS.arriving + 2 * (LIMITS.waiting + 1) + LIMITS.concurrent + LIMITS.answers + 1;
        assert!(calls <= 2 * LIMITS.remembered + live, "{calls} calls");
        // A single answer is never too large to be kept.
        let answer_bytes = LIMITS.answer_bytes.max(LIMITS.result_bytes + MAX_ERROR_BYTES) + LIMITS.stream_bytes;
        assert!(bytes <= LIMITS.held_argument_bytes + answer_bytes, "{bytes} bytes");
        // A long call whose caller is silent is asked for ten times a second, for a while.
        let seconds = usize::try_from(self.now.duration_since(self.start).as_secs()).expect("it is not that long");
        let heartbeats = 10 * (seconds + 1) * self.executed.len().max(1);
        assert!(self.responses <= self.allowance + heartbeats, "{} responses", self.responses);
    }

    fn check_response(&mut self, channel: &str, response: &RpcResponse) {
        self.responses += 1;
        let bytes = response.encode().expect("it has no texts");
        let datagram_bytes = 8 + channel.len() + 1 + bytes.len();
        assert!(datagram_bytes < 1400, "a datagram of {datagram_bytes} bytes");
        let caller = NodeId::from_wire(response.caller).expect("nobody else is answered");
        assert!(response.callee == ME && response.call > 0 && channel == caller.response_channel());
        if response.kind == RpcResponse::ERROR.cast_unsigned()
            && i32::try_from(response.part.len()) == Ok(response.total_bytes)
        {
            let error = RpcError::from_json(&response.part);
            assert!(!matches!(error, RpcError::Malformed { .. }), "{error}");
        }
    }

    fn run(&mut self, call: IncomingCall) {
        let now = self.now;
        let is_first = match self.executed.get(&call.id) {
            None => true,
            // It is remembered so long after it ended.
            Some(ended) => ended.is_some_and(|ended| now >= ended + LIMITS.remember),
        };
        assert!(is_first, "{call:?} ran before");
        assert!(call.is_concurrent || !self.running.iter().any(|running| !running.is_concurrent), "two at a time");
        assert!(self.running.iter().filter(|running| running.is_concurrent).count() <= LIMITS.concurrent);
        assert!(call.deadline.is_none_or(|deadline| deadline > now), "its time is over");
        assert!(call.body.len() <= LIMITS.argument_bytes);
        assert_eq!(call.chain.last().map(|node| node.to_wire()), Some(ME));
        self.executed.insert(call.id, None);
        self.running.push(call);
    }

    /// All handlers end, and all callers are silent.
    fn end(&mut self) {
        while !self.running.is_empty() {
            self.finish(0, Ok(Vec::new()));
        }
        self.pass(Duration::from_secs(100));
        while !self.running.is_empty() {
            self.finish(0, Err(RpcError::Cancelled));
        }
        // A day is the longest that a request can ask for.
        self.now += Duration::from_secs(24 * 3600);
        self.pass(Duration::from_secs(200));
        assert!(self.running.is_empty());
        let (_, calls, bytes) = self.core.held();
        assert_eq!((calls, bytes), (0, 0), "{:?}", self.core);
    }
}

fn request(input: &mut Input<'_>) -> Result<RpcRequest> {
    let flags = input.byte()?;
    let has = |flag: u8| flags & flag != 0;
    let part = vec![7; usize::from(input.byte()?) % 4 * 500];
    let length = i32::try_from(part.len()).unwrap_or_default();
    let mut request = RpcRequest {
        version: 1,
        kind: input.byte()? % 7,
        codec: 1,
        is_stream: has(1),
        is_long: has(2),
        caller: input.one_of(CALLERS)?,
        call: i64::from(input.byte()? % 16),
        target: ME,
        time_left_us: if has(4) { 10_000_000 } else { 300_000 },
        method: input.one_of(["echo", "beside", "count", "listen", "binary", "none"])?.to_owned(),
        total_bytes: length,
        credit: 64,
        part,
        ..RpcRequest::default()
    };
    if has(8) {
        // One of several parts.
        request.sequence = i64::from(input.byte()? % 4);
        request.offset = i32::try_from(request.sequence).unwrap_or_default() * 500;
        request.part = vec![7; 500];
        request.total_bytes = i32::from(input.byte()? % 4 + 1) * 500;
    }
    if has(16) {
        request.done_before = input.number()?;
        request.received = input.number()?;
        request.credit = input.short_number()?;
        request.attempt = input.short_number()?;
        for _ in 0..input.byte()? % 8 {
            request.missing.push(input.number()?);
        }
    }
    if has(32) {
        request.call = input.number()?;
        request.time_left_us = input.number()?;
        request.chain = vec![input.number()?; usize::from(input.byte()?) % 80];
    }
    if has(64) {
        request.sequence = input.number()?;
        request.total_bytes = input.short_number()?;
        request.offset = input.short_number()?;
    }
    if has(128) {
        (request.codec, request.version) = (input.byte()? % 4, 1 + input.byte()? % 2);
        request.contract = input.one_of(["", "c", "d"])?.to_owned();
        request.target = input.one_of([ME, ME + 1])?;
    }
    Ok(request)
}

fn outcome(input: &mut Input<'_>) -> Result<Result<Vec<u8>, RpcError>> {
    let bytes = usize::from(input.byte()?) * 50;
    Ok(match input.byte()? % 4 {
        0 => Err(RpcError::Cancelled),
        1 => Err(RpcError::Handler { message: "x".repeat(bytes), data: None }),
        _ => Ok(vec![2; bytes]),
    })
}

const ME: i64 = 77;

/// More than are remembered, and nobody.
const CALLERS: [i64; 8] = [0, 1, 2, 3, -1, i64::MAX, i64::MIN, ME];

/// Small, so that short inputs reach them.
const LIMITS: CalleeLimits = CalleeLimits {
    waiting: 2,
    concurrent: 2,
    argument_bytes: 3000,
    result_bytes: 10_000,
    arriving: 3,
    held_argument_bytes: 6000,
    arriving_age: Duration::from_secs(3),
    answers: 3,
    answer_bytes: 12_000,
    stream_chunks: 4,
    stream_bytes: 5000,
    remember: Duration::from_secs(60),
    remembered: 8,
    callers: 4,
    caller_gone: Duration::from_secs(10),
    accept_after: Duration::from_millis(5),
};

/// The JSON of an error with a message of 16 KiB.
const MAX_ERROR_BYTES: usize = 17 << 10;
