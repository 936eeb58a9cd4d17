//! Whatever responses arrive: each call has exactly one outcome, chunks come before it and only where they are wanted, memory follows the
//! bytes that arrived, and what is sent is few and well-formed.

#![no_main]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dimos::NodeId;
use dimos::rpc::{CallId, CallSpec, Caller, CallerLimits, CallerOutput, Codec, TimeLimit};
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
    core: Caller,
    now: Instant,
    start: Instant,
    calls: Vec<Made>,
    numbers: BTreeMap<CallId, usize>,
    responses: usize,
    /// All bytes of all parts that arrived.
    arrived_bytes: usize,
    /// All bytes that were handed out.
    delivered_bytes: usize,
    /// All bytes that were given to it to send.
    body_parts: usize,
    requests: usize,
}

/// A call that was made.
struct Made {
    id: CallId,
    is_stream: bool,
    is_cancelled: bool,
    is_over: bool,
    unconsumed: usize,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            core: Caller::with_limits(node(ME), 1, LIMITS),
            now,
            start: now,
            calls: Vec::new(),
            numbers: BTreeMap::new(),
            responses: 0,
            arrived_bytes: 0,
            delivered_bytes: 0,
            body_parts: 0,
            requests: 0,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) -> Result<()> {
        match input.byte()? {
            0..30 => {
                let bytes = input.encoded::<RpcResponse>()?;
                self.hear(&bytes);
            }
            30..150 => {
                let response = response(input)?;
                self.hear(&response.encode().expect("it has no texts"));
            }
            150..180 => self.call(input)?,
            180..190 => {
                let which = usize::from(input.byte()?);
                if let Some(made) = which.checked_rem(self.calls.len()).map(|which| &mut self.calls[which]) {
                    made.is_cancelled = true;
                    self.core.cancel(self.now, made.id);
                }
            }
            190..210 => {
                let which = usize::from(input.byte()?);
                if let Some(made) = which.checked_rem(self.calls.len()).map(|which| &mut self.calls[which]) {
                    made.unconsumed = made.unconsumed.saturating_sub(1);
                    self.core.consumed(self.now, made.id);
                }
            }
            210..215 => {
                let target = input.one_of(TARGETS)?;
                self.core.target_lost(self.now, node(target));
            }
            215..245 => {
                let pause = input.pause()?;
                self.pass(pause);
                return Ok(());
            }
            _ => self.core.tick(self.now),
        }
        self.poll();
        Ok(())
    }

    fn call(&mut self, input: &mut Input<'_>) -> Result<()> {
        let flags = input.byte()?;
        let body = vec![b' '; usize::from(input.byte()?) * 40];
        self.body_parts += body.len() / 500 + 1;
        let limit = match flags & 3 {
            0 => TimeLimit::Idle(Duration::from_millis(u64::from(input.byte()?) * 20)),
            1 => TimeLimit::Deadline(Duration::from_millis(u64::from(input.byte()?) * 20)),
            2 => TimeLimit::IDLE,
            _ => TimeLimit::default(),
        };
        let target = node(input.one_of(TARGETS)?);
        let is_stream = flags & 4 != 0;
        let spec = CallSpec {
            codec: if flags & 8 != 0 { Codec::Bincode } else { Codec::Json },
            contract: "c".repeat(usize::from(flags & 8)),
            limit,
            is_stream,
            credit_chunks: usize::from(input.byte()?),
            chain: vec![node(ME); usize::from(flags >> 4)],
            ..CallSpec::new(target, "robot0/planner".parse().expect("it is a name"), "plan", body)
        };
        // A method so long that no room is left for arguments.
        let spec = if flags == 255 { CallSpec { method: "x".repeat(1300), ..spec } } else { spec };
        let id = self.core.call(self.now, spec);
        assert!(self.numbers.insert(id, self.calls.len()).is_none(), "a number is used again");
        self.calls.push(Made { id, is_stream, is_cancelled: false, is_over: false, unconsumed: 0 });
        Ok(())
    }

    fn hear(&mut self, bytes: &[u8]) {
        let Ok(view) = RpcResponse::view(bytes) else { return assert!(RpcResponse::decode(bytes).is_err()) };
        self.responses += 1;
        self.arrived_bytes += view.part().len();
        self.core.heard(self.now, &view);
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
        self.core.tick(end);
        self.poll();
    }

    fn poll(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                CallerOutput::Send { channel, request } => self.check_request(&channel, &request),
                CallerOutput::Chunk { call, bytes } => {
                    let made = &mut self.calls[self.numbers[&call]];
                    assert!(!made.is_over, "a chunk after the outcome");
                    assert!(made.is_stream, "a chunk of a call that is no stream");
                    made.unconsumed += 1;
                    self.delivered_bytes += bytes.len();
                }
                CallerOutput::Outcome { call, result } => {
                    let made = &mut self.calls[self.numbers[&call]];
                    assert!(!std::mem::replace(&mut made.is_over, true), "a second outcome");
                    let bytes = result.map_or(0, |bytes| bytes.len());
                    assert!(bytes <= LIMITS.result_bytes);
                    self.delivered_bytes += bytes;
                }
                _ => {}
            }
        }
        assert!(self.delivered_bytes <= self.arrived_bytes, "bytes from nowhere");
        let open = self.calls.iter().filter(|made| !made.is_over).count();
        assert_eq!(self.core.active(), open);
        // What is not acknowledged goes again ten times a second, and so do questions and cancels; each response may be
        // answered, and bring what is missing.
        let tenths =
            usize::try_from(self.now.duration_since(self.start).as_millis() / 40).expect("it is not that long");
        let most =
            64 * (self.responses + self.calls.len()) + self.body_parts + (tenths + 4) * (2 * self.calls.len() + 1);
        assert!(self.requests <= most, "{} requests", self.requests);
    }

    fn check_request(&mut self, channel: &str, request: &RpcRequest) {
        self.requests += 1;
        let bytes = request.encode().expect("its texts have no NUL");
        let datagram_bytes = 8 + channel.len() + 1 + bytes.len();
        assert!(datagram_bytes < 1400, "a datagram of {datagram_bytes} bytes");
        assert!(request.caller == ME && TARGETS.contains(&request.target) && request.call > 0);
        assert!(request.kind == RpcRequest::DONE.cast_unsigned() || request.done_before <= request.call);
        assert!(request.credit >= 0 && request.received >= 0 && request.attempt >= 0 && request.time_left_us >= 0);
        assert!(request.missing.is_sorted() || request.kind == RpcRequest::DONE.cast_unsigned());
    }

    /// Nothing more arrives.
    fn end(&mut self) {
        // Those without a deadline are over after their idle limit.
        self.pass(Duration::from_secs(20));
        assert_eq!(self.core.active(), 0);
        assert!(self.calls.iter().all(|made| made.is_over), "a call without an outcome");
        assert_eq!(self.core.next_wakeup(), None, "it is never done");
    }
}

fn response(input: &mut Input<'_>) -> Result<RpcResponse> {
    let flags = input.byte()?;
    let has = |flag: u8| flags & flag != 0;
    let part = vec![b'1'; usize::from(input.byte()?) % 4 * 300];
    let mut response = RpcResponse {
        version: 1,
        kind: input.byte()? % 7,
        codec: 1,
        callee: input.one_of(TARGETS)?,
        caller: ME,
        call: i64::from(input.byte()? % 8),
        sequence: i64::from(input.byte()? % 8),
        total_bytes: i32::try_from(part.len()).unwrap_or_default(),
        part,
        credit: 64,
        ..RpcResponse::default()
    };
    if has(1) {
        // One of several parts.
        response.offset = i32::from(input.byte()? % 4) * 300;
        response.part = vec![b'1'; 300];
        response.total_bytes = i32::from(input.byte()? % 4 + 1) * 300;
    }
    if has(2) {
        response.received = input.number()?;
        response.credit = input.short_number()?;
        for _ in 0..input.byte()? % 8 {
            response.missing.push(input.number()?);
        }
    }
    if has(4) {
        response.sequence = input.number()?;
        response.total_bytes = input.short_number()?;
        response.offset = input.short_number()?;
    }
    if has(8) {
        (response.call, response.callee) = (input.number()?, input.number()?);
        response.version = 1 + input.byte()? % 2;
    }
    Ok(response)
}

fn node(number: i64) -> NodeId {
    NodeId::from_wire(number).expect("it is not 0")
}

const ME: i64 = 5;
const TARGETS: [i64; 3] = [77, -1, ME];

/// Small, so that short inputs reach them.
const LIMITS: CallerLimits =
    CallerLimits { acknowledge: Duration::from_secs(2), cancel: Duration::from_secs(1), result_bytes: 900 };
