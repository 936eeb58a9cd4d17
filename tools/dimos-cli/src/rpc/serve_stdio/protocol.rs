//! The line protocol, JSON-RPC 2.0: what a line asks for, and the lines that answer. Nothing here reads, writes or waits.

use std::time::Duration;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::similar;

/// What a line asks for.
#[derive(Debug)]
pub(super) enum Line {
    /// It is blank.
    Nothing,
    One(Item),
    /// To be answered by one line, in this order.
    Batch(Vec<Item>),
}

/// A request, or why it is none.
#[derive(Debug)]
pub(super) struct Item {
    /// What its answer is known by; without one nobody wants an answer.
    pub(super) id: Option<Value>,
    pub(super) request: Result<Request, Refusal>,
}

#[derive(Debug)]
pub(super) enum Request {
    Call(Call),
    Stream(Call),
    Subscribe(Subscribe),
    Publish(Publish),
    Cancel(Cancel),
    Modules,
    Rpcs,
    Skills,
    Describe(Describe),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    /// Its name, or its class if that has one instance.
    pub(super) module: String,
    pub(super) method: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
    /// How long the call may take; of a stream, how long nothing may be heard of it.
    #[serde(default, rename = "timeout_s", deserialize_with = "seconds")]
    pub(super) timeout: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    /// A topic, a channel or a glob.
    pub(super) topic: String,
    /// How many messages wait for whoever reads slowly.
    #[serde(default = "usual_keep_last", deserialize_with = "keep_last")]
    pub(super) keep_last: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publish {
    pub(super) topic: String,
    /// Needed where the topic does not say it.
    #[serde(default, rename = "type")]
    pub(super) type_name: Option<String>,
    pub(super) data: Value,
}

/// What is to end.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cancel {
    /// A stream or a subscription.
    Id(u64),
    /// A request under way, by the id that the program gave it.
    Request(Value),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Describe {
    pub(super) module: String,
}

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The line is no JSON.
    NoJson(String),
    /// It is JSON, but no request.
    NoRequest(String),
    UnknownMethod(String),
    WrongParams(String),
    /// It was carried out, and failed.
    Failed(Failure),
    /// Our own fault.
    Internal(&'static str),
}

/// What a line asks for.
pub(super) fn read(line: &[u8]) -> Line {
    if line.trim_ascii().is_empty() {
        return Line::Nothing;
    }
    match serde_json::from_slice(line) {
        Ok(Value::Array(items)) if items.is_empty() => Line::One(refused("an empty batch".to_owned())),
        Ok(Value::Array(items)) if items.len() > MAX_BATCH => {
            Line::One(refused(format!("a batch of {} requests: at most {MAX_BATCH} are taken", items.len())))
        }
        Ok(Value::Array(items)) => Line::Batch(items.into_iter().map(item).collect()),
        Ok(value) => Line::One(item(value)),
        Err(error) => {
            Line::One(Item { id: Some(Value::Null), request: Err(Refusal::NoJson(format!("no JSON: {error}"))) })
        }
    }
}

/// The answer to a line that is longer than is taken.
pub(super) fn too_long(limit: usize) -> Item {
    refused(format!("a line of more than {limit} bytes: it was skipped"))
}

/// The answer to a request.
pub(super) fn answer(id: &Value, outcome: Result<Value, Refusal>) -> Value {
    match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(refusal) => json!({ "jsonrpc": "2.0", "id": id, "error": refusal.to_json() }),
    }
}

/// What is told without having been asked for.
pub(super) fn notification(method: &str, params: &impl Serialize) -> serde_json::Result<String> {
    #[derive(Serialize)]
    struct Notification<'a, P> {
        jsonrpc: &'static str,
        method: &'a str,
        params: &'a P,
    }
    serde_json::to_string(&Notification { jsonrpc: "2.0", method, params })
}

impl Refusal {
    /// As the member `error` of an answer.
    pub(super) fn to_json(&self) -> Value {
        let error = |code: i32, message: &str| json!({ "code": code, "message": message });
        match self {
            Self::NoJson(message) => error(-32700, message),
            Self::NoRequest(message) => error(-32600, message),
            Self::UnknownMethod(message) => error(-32601, message),
            Self::WrongParams(message) => error(-32602, message),
            Self::Internal(message) => error(-32603, message),
            Self::Failed(failure) => {
                let mut said = failure.to_json()["error"].take();
                let message = said["message"].take();
                // The rest is what a program goes by.
                if let Some(said) = said.as_object_mut() {
                    said.remove("message");
                }
                json!({ "code": FAILED, "message": message, "data": said })
            }
        }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

fn refused(why: String) -> Item {
    Item { id: Some(Value::Null), request: Err(Refusal::NoRequest(why)) }
}

fn item(value: Value) -> Item {
    let Value::Object(mut members) = value else {
        return refused(r#"expected an object such as {"jsonrpc": "2.0", "id": 1, "method": "modules"}"#.to_owned());
    };
    let id @ (None | Some(Value::Null | Value::String(_) | Value::Number(_))) = members.remove("id") else {
        return refused("the id is neither a number nor a string".to_owned());
    };
    let wrong = |why: &str| Item { id: Some(id.clone().unwrap_or_default()), ..refused(why.to_owned()) };
    if members.remove("jsonrpc") != Some(Value::String("2.0".to_owned())) {
        return wrong(r#"expected "jsonrpc": "2.0""#);
    }
    let Some(Value::String(method)) = members.remove("method") else {
        return wrong(r#"expected "method": the name of one, such as "call""#);
    };
    let request = request(&method, members.remove("params"));
    Item { id, request }
}

fn request(method: &str, params: Option<Value>) -> Result<Request, Refusal> {
    let params = match params {
        None => Value::Object(Map::new()),
        Some(params @ Value::Object(_)) => params,
        Some(_) => return Err(Refusal::WrongParams(format!("{method}: expected an object with a member for each"))),
    };
    Ok(match method {
        "call" => Request::Call(read_params(method, params)?),
        "stream" => Request::Stream(read_params(method, params)?),
        "subscribe" => Request::Subscribe(read_params(method, params)?),
        "publish" => Request::Publish(read_params(method, params)?),
        "cancel" | "unsubscribe" => Request::Cancel(read_params(method, params)?),
        "describe" => Request::Describe(read_params(method, params)?),
        "modules" => read_params::<Nothing>(method, params).map(|_| Request::Modules)?,
        "rpcs" => read_params::<Nothing>(method, params).map(|_| Request::Rpcs)?,
        "skills" => read_params::<Nothing>(method, params).map(|_| Request::Skills)?,
        _ => {
            let guess = similar::did_you_mean(method, METHODS);
            let known = METHODS.join(", ");
            return Err(Refusal::UnknownMethod(format!(
                "no method {method:?}; there is {known}{guess}; methods of modules are called by \"call\""
            )));
        }
    })
}

/// Of methods that take nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

fn read_params<P: DeserializeOwned>(method: &str, params: Value) -> Result<P, Refusal> {
    serde_json::from_value(params).map_err(|error| Refusal::WrongParams(format!("{method}: {error}")))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
    if seconds > 0.0 && seconds <= MAX_TIMEOUT_S {
        return Ok(Some(Duration::from_secs_f64(seconds)));
    }
    Err(D::Error::custom(format_args!("timeout_s of {seconds}: expected more than 0 and at most {MAX_TIMEOUT_S}")))
}

fn keep_last<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let messages = usize::deserialize(deserializer)?;
    if (1..=MAX_KEEP_LAST).contains(&messages) {
        return Ok(messages);
    }
    Err(D::Error::custom(format_args!("keep_last of {messages}: expected from 1 to {MAX_KEEP_LAST}")))
}

fn usual_keep_last() -> usize {
    USUAL_KEEP_LAST
}

/// What can be asked for.
const METHODS: [&str; 10] =
    ["call", "stream", "subscribe", "publish", "cancel", "unsubscribe", "modules", "rpcs", "skills", "describe"];

/// The code of what was carried out and failed; its data says how.
const FAILED: i32 = -32000;

/// Requests in one line.
const MAX_BATCH: usize = 1000;

/// A day.
const MAX_TIMEOUT_S: f64 = 86400.0;

/// Messages, of whatever size.
const USUAL_KEEP_LAST: usize = 10;

const MAX_KEEP_LAST: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Item {
        match read(line.as_bytes()) {
            Line::One(item) => item,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn code(line: &str) -> (Option<Value>, i64) {
        let item = one(line);
        let refusal = item.request.expect_err(line);
        (item.id, refusal.to_json()["code"].as_i64().unwrap_or_default())
    }

    #[test]
    fn a_line_is_a_typed_request() {
        let item = one(
            r#"{"jsonrpc":"2.0","id":"a","method":"call","params":{"module":"m","method":"f","arguments":{"x":1},"timeout_s":0.5}}"#,
        );
        let Ok(Request::Call(call)) = item.request else { panic!("{item:?}") };
        assert_eq!((call.module.as_str(), call.method.as_str()), ("m", "f"));
        assert_eq!((&call.arguments["x"], call.timeout), (&json!(1), Some(Duration::from_millis(500))));
        let item = one(r#"{"jsonrpc":"2.0","method":"subscribe","params":{"topic":"/scan"}}"#);
        assert!(item.id.is_none());
        assert!(matches!(item.request, Ok(Request::Subscribe(Subscribe { keep_last: 10, .. }))), "{item:?}");
        let cancel =
            |params: &str| one(&format!(r#"{{"jsonrpc":"2.0","id":1,"method":"cancel","params":{params}}}"#)).request;
        assert!(matches!(cancel(r#"{"id":3}"#), Ok(Request::Cancel(Cancel::Id(3)))));
        assert!(matches!(cancel(r#"{"request":"a"}"#), Ok(Request::Cancel(Cancel::Request(_)))));
        assert!(cancel(r#"{"id":3,"request":"a"}"#).is_err() && cancel("{}").is_err());
        assert!(matches!(read(b" \t"), Line::Nothing));
    }

    #[test]
    fn what_is_wrong_has_the_code_of_the_specification_and_the_id_if_there_is_one() {
        let null = Some(Value::Null);
        assert_eq!(code("{"), (null.clone(), -32700));
        assert_eq!(code("[]"), (null.clone(), -32600));
        assert_eq!(code("1"), (null.clone(), -32600));
        assert_eq!(code(r#"{"id":7,"method":"modules"}"#), (Some(json!(7)), -32600));
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":7}"#), (Some(json!(7)), -32600));
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":[7],"method":"modules"}"#), (null, -32600));
        assert_eq!(code(r#"{"jsonrpc":"2.0","id":7,"method":"modulse"}"#), (Some(json!(7)), -32601));
        for params in ["[]", r#"{"a":1}"#] {
            let line = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"modules","params":{params}}}"#);
            assert_eq!(code(&line), (Some(json!(7)), -32602));
        }
        for wrong in [r#""timeout_s":0"#, r#""timeout_s":1e300"#, r#""arguments":[]"#, r#""other":1"#] {
            let params = format!(r#"{{"module":"m","method":"f",{wrong}}}"#);
            let line = format!(r#"{{"jsonrpc":"2.0","id":7,"method":"call","params":{params}}}"#);
            assert_eq!(code(&line), (Some(json!(7)), -32602), "{line}");
        }
    }

    #[test]
    fn an_error_of_the_mesh_says_what_the_command_line_would() {
        let failure = Failure::from(dimos::RpcError::UnknownMethod { method: "plam".to_owned() });
        let expected = json!({
            "jsonrpc": "2.0", "id": 1,
            "error": {
                "code": -32000, "message": "unknown method \"plam\"",
                "data": { "code": "unknown_method", "exit_code": 4 },
            },
        });
        assert_eq!(answer(&json!(1), Err(failure.into())), expected);
        let told = notification("chunk", &json!({ "id": 1, "value": 2 })).unwrap();
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told, json!({ "jsonrpc": "2.0", "method": "chunk", "params": { "id": 1, "value": 2 } }));
    }

    #[test]
    fn a_batch_is_read_item_by_item() {
        let line = br#"[{"jsonrpc":"2.0","id":1,"method":"modules"},1,{"jsonrpc":"2.0","method":"rpcs"}]"#;
        let Line::Batch(items) = read(line) else { panic!("a batch") };
        let seen: Vec<_> = items.iter().map(|item| (item.id.clone(), item.request.is_ok())).collect();
        assert_eq!(seen, [(Some(json!(1)), true), (Some(Value::Null), false), (None, true)]);
        let many = format!("[{}0]", "0,".repeat(MAX_BATCH));
        assert_eq!(code(&many), (Some(Value::Null), -32600));
    }

    #[test]
    fn whatever_bytes_come_there_is_an_answer() {
        let mut random = fastrand::Rng::with_seed(8);
        let valid = br#"[{"jsonrpc":"2.0","id":1,"method":"call","params":{"module":"m","method":"f","timeout_s":1}}]"#;
        for _ in 0..20_000 {
            let mut line = valid.to_vec();
            for _ in 0..random.usize(..6) {
                let place = random.usize(..line.len());
                match random.u8(..3) {
                    0 => line[place] = random.u8(..),
                    1 => line.truncate(place.max(1)),
                    _ => line.insert(place, b"{}[]\":,0-e"[random.usize(..10)]),
                }
            }
            let items = match read(&line) {
                Line::Nothing => Vec::new(),
                Line::One(item) => vec![item],
                Line::Batch(items) => items,
            };
            for item in items {
                let answer = answer(&item.id.unwrap_or_default(), item.request.map(|_| Value::Null));
                assert!(answer["error"]["code"].as_i64().is_none_or(|code| (-32700..=-32600).contains(&code)));
            }
        }
    }
}
