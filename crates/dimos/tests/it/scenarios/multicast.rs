//! Real sockets: a service and a client on two buses, and a relay between them.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddrV4;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dimos::rpc::{RpcError, TimeLimit};
use dimos::{Options, RemoteModule, Served, Service, Wire};
use lcm::{UdpmUrl, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Pair;
use super::relay::Relay;
use crate::bus::{client, name, url};
use crate::rpc::sim::{chunk, pattern};

pub(super) struct Multicast {
    module: RemoteModule,
    executions: Arc<Mutex<BTreeMap<u64, u32>>>,
    _served: Served,
    relay: Relay,
    start: Instant,
}

#[derive(Serialize, Deserialize, Wire)]
struct Blob {
    #[serde(with = "serde_bytes")]
    bytes: Vec<u8>,
}

struct Bus {
    options: Options,
    group: SocketAddrV4,
}

impl Multicast {
    pub(super) fn new(loss: f64) -> Self {
        let (near, far) = (bus(), bus());
        let relay = Relay::between(near.group, far.group, loss);
        let executions = Arc::new(Mutex::new(BTreeMap::new()));
        let counted = Arc::clone(&executions);
        let served = Service::new(name("server"))
            .unary("echo", move |number, _| {
                *counted.lock().unwrap().entry(number.as_u64().unwrap()).or_default() += 1;
                Ok(number)
            })
            .binary("bytes", |bytes: u64, _| Ok(Blob { bytes: pattern(usize::try_from(bytes).unwrap()) }))
            .stream("count", |arguments: Value, chunks| {
                let [count, bytes] =
                    ["count", "bytes"].map(|of| usize::try_from(arguments[of].as_u64().unwrap()).unwrap());
                (0..count).try_for_each(|number| chunks.send(&chunk(number, bytes)))
            })
            .start(far.options.clone())
            .unwrap();
        let dimos = client(&near.options);
        // With a third lost, it may take a second search.
        let found = (0..5).find_map(|_| dimos.module("server").ok());
        let module = found.unwrap().limit(TimeLimit::Deadline(Duration::from_secs(60)));
        assert_eq!(module.node(), served.node());
        Self { module, executions, _served: served, relay, start: Instant::now() }
    }
}

impl Pair for Multicast {
    fn echo(&mut self, numbers: Range<u64>, at_a_time: usize) -> Vec<Result<u64, RpcError>> {
        let mut under_way = VecDeque::new();
        let mut results = Vec::new();
        for number in numbers {
            if under_way.len() == at_a_time {
                results.extend(under_way.pop_front().map(dimos::PendingCall::wait));
            }
            under_way.push_back(self.module.start_as::<u64>("echo", &number).unwrap());
        }
        results.extend(under_way.into_iter().map(dimos::PendingCall::wait));
        results
    }

    fn bytes(&mut self, bytes: usize) -> Result<Vec<u8>, RpcError> {
        self.module.call_binary("bytes", &(bytes as u64)).map(|blob: Blob| blob.bytes)
    }

    fn stream(&mut self, count: usize, bytes: usize) -> (Vec<Vec<u8>>, Result<(), RpcError>) {
        let stream = self.module.limit(TimeLimit::IDLE).stream_as("count", &json!({ "count": count, "bytes": bytes }));
        let mut chunks = Vec::new();
        for chunk in stream.unwrap() {
            match chunk {
                Ok(chunk) => chunks.push(chunk),
                Err(error) => return (chunks, Err(error)),
            }
        }
        (chunks, Ok(()))
    }

    fn executions(&self) -> BTreeMap<u64, u32> {
        self.executions.lock().unwrap().clone()
    }
}

impl Drop for Multicast {
    fn drop(&mut self) {
        eprintln!("{:?} after {:?}", self.relay.counts(), self.start.elapsed());
    }
}

fn bus() -> Bus {
    let url: Url = url().parse().unwrap();
    let Url::Udpm(UdpmUrl { group, .. }) = &url else { panic!("{url}") };
    Bus { group: *group, options: Options::default().url(url) }
}
