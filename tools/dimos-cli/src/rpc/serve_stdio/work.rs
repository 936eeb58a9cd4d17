//! What the requests do.

use dimos::{Listing, RemoteModule, RpcError, TimeLimit};
use lcm::{Queue, Sample, Subscription};
use serde::Serialize;
use serde::de::DeserializeSeed;
use serde_json::{Value, json};

use super::outbox::Answer;
use super::protocol::{self, Call, Publish, Refusal, Request, Subscribe};
use super::session::{Place, Session};
use crate::failure::Failure;
use crate::list;
use crate::rpc::call::{self, LOOK_EVERY, USUAL_TIMEOUT};
use crate::topic::echo::subscribe_failure;
use crate::topic::heard::{Heard, Line};
use crate::topic::publish::{publish_failure, typed_destination};
use crate::topic::selection::Selection;

/// A subscription of a program.
#[derive(Debug)]
pub(super) struct Listening {
    subscription: Subscription,
    /// Which of what comes is meant.
    selection: Selection,
}

/// Carries out a request, to its end.
pub(super) fn carry_out(session: &Session, request: Request, answer: Answer, place: &Place) {
    let mesh = &session.mesh;
    let outcome = match request {
        Request::Stream(params) => return stream(session, &params, answer, place),
        Request::Call(params) => call(session, &params, place),
        Request::Modules => as_json(&list::rows(mesh)),
        Request::Rpcs => Ok(listing(&mesh.rpcs())),
        Request::Skills => Ok(listing(&mesh.skills())),
        Request::Describe(params) => {
            mesh.describe(&params.module).map_err(describe_failure).and_then(|contract| as_json(&*contract))
        }
        // They take no time, and are done or begun.
        Request::Publish(_) | Request::Cancel(_) | Request::Subscribe(_) => return,
    };
    // However it failed after that, it is of no interest.
    let outcome = if outcome.is_err() && place.interrupt.is_pressed() {
        Err(Failure::from(RpcError::Cancelled))
    } else {
        outcome
    };
    answer.give(outcome.map_err(Refusal::from));
}

/// Publishes a message, and says where.
pub(super) fn publish(session: &Session, params: &Publish) -> Result<Value, Failure> {
    let (channel, message_type) = typed_destination(&params.topic, params.type_name.as_deref(), &session.catalog)?;
    let value = message_type.deserialize(&params.data).map_err(|error| Failure::usage(error).within("the message"))?;
    let message = message_type.encode(&value).map_err(Failure::usage)?;
    session.bus.publish(channel.as_bytes(), &message).map_err(publish_failure)?;
    Ok(json!({ "channel": channel.to_string(), "bytes": message.len() }))
}

/// Begins to hear what a program subscribes to.
pub(super) fn listen(session: &Session, params: &Subscribe) -> Result<Listening, Failure> {
    let selection = Selection::new(&params.topic).map_err(Failure::usage)?;
    let queue = Queue::keep_last(params.keep_last);
    let subscription = session.bus.subscribe(selection.pattern(), queue).map_err(subscribe_failure)?;
    Ok(Listening { subscription, selection })
}

/// Tells what comes, until that is to end.
pub(super) fn follow(session: &Session, listening: &Listening, answer: Answer, place: &Place) {
    let Listening { subscription, selection } = listening;
    let id = place.number;
    answer.give_and_wait(Ok(json!({ "id": id })), &place.interrupt);
    loop {
        crossbeam_channel::select! {
            recv(subscription.receiver()) -> sample => {
                // The event log is over.
                let Ok(sample) = sample else { break };
                if selection.takes(sample.channel()) {
                    message(session, id, &sample, subscription.dropped(), place);
                }
            }
            recv(place.interrupt.receiver()) -> _ => break,
        }
    }
    end(session, id, None);
}

fn call(session: &Session, params: &Call, place: &Place) -> Result<Value, Failure> {
    let module = session.mesh.module(&params.module)?;
    place.interrupt.check()?;
    let limit = TimeLimit::Deadline(params.timeout.unwrap_or(USUAL_TIMEOUT));
    let called = module.limit(limit).start(&params.method, &params.arguments)?;
    call::wait(called, &place.interrupt)?.map_err(|error| failure(session, error, &module, &params.method))
}

fn stream(session: &Session, params: &Call, answer: Answer, place: &Place) {
    let limit = params.timeout.map_or(TimeLimit::IDLE, TimeLimit::Idle);
    let begun = session.mesh.module(&params.module).map_err(Failure::from).and_then(|module| {
        let chunks = module.limit(limit).stream(&params.method, &params.arguments)?;
        Ok((module, chunks))
    });
    let (module, mut chunks) = match begun {
        Ok(begun) => begun,
        Err(failure) => return answer.give(Err(failure.into())),
    };
    let id = place.number;
    answer.give_and_wait(Ok(json!({ "id": id })), &place.interrupt);
    let mut error = None;
    while !chunks.is_over() && error.is_none() {
        match chunks.next_within(LOOK_EVERY) {
            Some(Ok(value)) => notify(session, "chunk", &json!({ "id": id, "value": value }), place),
            Some(Err(failed)) => error = Some(failure(session, failed, &module, &params.method)),
            None => {}
        }
        if place.interrupt.is_pressed() && !chunks.is_over() {
            chunks.cancel();
            error = Some(call::failure(RpcError::Cancelled, &module, &params.method));
        }
    }
    end(session, id, error);
}

fn message(session: &Session, id: u64, sample: &Sample, dropped: u64, place: &Place) {
    #[derive(Serialize)]
    struct Message<'a> {
        id: u64,
        #[serde(flatten)]
        line: Line<'a>,
        /// All in all.
        dropped: u64,
    }
    let heard = Heard::new(&session.catalog, None, sample);
    notify(session, "message", &Message { id, line: heard.line(sample), dropped }, place);
}

/// Tells something, unless it is to end while nobody reads.
fn notify(session: &Session, method: &str, params: &impl Serialize, place: &Place) {
    // All that is told can be JSON.
    if let Ok(line) = protocol::notification(method, params) {
        session.outbox.say_unless(line, &place.interrupt);
    }
}

fn end(session: &Session, id: u64, error: Option<Failure>) {
    let params = match error {
        None => json!({ "id": id }),
        Some(failure) => json!({ "id": id, "error": Refusal::from(failure).to_json() }),
    };
    if let Ok(line) = protocol::notification("end", &params) {
        session.outbox.say(line);
    }
}

/// Why a call has no result, with what the module has in place of a method that it has not.
fn failure(session: &Session, error: RpcError, module: &RemoteModule, method: &str) -> Failure {
    if matches!(error, RpcError::UnknownMethod { .. })
        && let Ok(contract) = session.mesh.describe(module.name().as_str())
    {
        return call::unknown(module, method, &contract);
    }
    call::failure(error, module, method)
}

fn describe_failure(error: dimos::DescribeError) -> Failure {
    match error {
        dimos::DescribeError::Find(error) => error.into(),
        dimos::DescribeError::Rpc { module, source } => Failure::from(source).within(format_args!("{module}.describe")),
        error => Failure::unexpected(error),
    }
}

fn listing(listing: &Listing) -> Value {
    let methods = listing.methods.iter().map(|rpc| {
        json!({
            "module": rpc.module.as_str(),
            "method": rpc.method,
            "signature": rpc.signature(),
            "doc": rpc.contract.doc,
            "is_stream": rpc.contract.is_stream,
            "is_skill": rpc.contract.is_skill,
            "arguments": rpc.contract.arguments,
            "result": rpc.contract.result,
        })
    });
    let silent = listing.silent.iter().map(
        |(module, error)| json!({ "module": module.as_str(), "code": error.code(), "message": error.to_string() }),
    );
    json!({ "methods": methods.collect::<Vec<_>>(), "silent": silent.collect::<Vec<_>>() })
}

fn as_json(value: &impl Serialize) -> Result<Value, Failure> {
    serde_json::to_value(value).map_err(|error| Failure::unexpected(format_args!("as JSON: {error}")))
}
