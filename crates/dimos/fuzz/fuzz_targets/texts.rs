//! Any bytes are an error of a call, any text is a name or none; both come back as they were.

#![no_main]
#![forbid(unsafe_code)]

use dimos::rpc::RpcError;
use dimos::{Name, NodeId};
use lcm::MAX_CHANNEL_BYTES;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    error(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        name(text);
    }
    if let Some(node) = bytes.first_chunk().and_then(|bytes| NodeId::from_wire(i64::from_be_bytes(*bytes))) {
        assert_eq!(NodeId::from_wire(node.to_wire()), Some(node));
        assert!(node.response_channel().len() <= MAX_CHANNEL_BYTES);
    }
});

fn error(bytes: &[u8]) {
    let error = RpcError::from_json(bytes);
    let once = RpcError::from_json(&error.to_json());
    assert_eq!(once.code(), error.code());
    // Where the text was not what the error says by itself, it is from here on.
    let json = once.to_json();
    assert_eq!(RpcError::from_json(&json), once);
    assert_eq!(RpcError::from_json(&json).to_json(), json);
}

fn name(text: &str) {
    match text.parse::<Name>() {
        Ok(name) => {
            assert_eq!(name.as_str(), text);
            assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
            let parts = [name.namespace(), Some(name.last())];
            assert_eq!(parts.into_iter().flatten().collect::<Vec<_>>().join("/"), text);
            assert!(name.namespace().is_none_or(|namespace| namespace.parse::<Name>().is_ok()));
            check_channel(&name.request_channel(), text);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Where the name does not fit a channel, 18 letters and digits stand for it.
fn check_channel(channel: &str, name: &str) {
    assert!(channel.len() <= MAX_CHANNEL_BYTES, "{channel}");
    let between = channel.strip_prefix("/rpc/").and_then(|rest| rest.strip_suffix("/req#dimos_mesh.RpcRequest"));
    let between = between.expect("every request channel is of this form");
    let is_short_id = between.len() == 18 && between.chars().all(|c| c.is_ascii_alphanumeric());
    assert!(between == name || (is_short_id && channel.len() - 18 + name.len() > MAX_CHANNEL_BYTES), "{channel}");
}
