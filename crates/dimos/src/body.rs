//! Arguments and results as bytes: JSON, or bincode between programs that agree on their types.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json_schema::Schema;
use crate::rpc::{Codec, RpcError};
use crate::wire;

/// Arguments as the caller sends them.
pub(crate) fn encode_arguments(codec: Codec, arguments: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, RpcError> {
    encode(codec, arguments).map_err(|message| RpcError::BadArguments { message, data: None })
}

/// Arguments as the method takes them, checked against its schema if they are JSON. No bytes stand for `null`.
///
/// # Errors
/// [`RpcError::BadArguments`] if they are not what the method takes.
pub fn decode_arguments<T: DeserializeOwned>(
    codec: Codec,
    bytes: &[u8],
    schema: Option<&Schema>,
) -> Result<T, RpcError> {
    let bad = |message: String| RpcError::BadArguments { message, data: None };
    match codec {
        Codec::Json => {
            let bytes = if bytes.is_empty() { b"null" } else { bytes };
            let Some(schema) = schema else {
                return serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()));
            };
            let mut value = serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
            // No arguments at all are an object without members.
            if let serde_json::Value::Null = value {
                value = serde_json::Value::Object(serde_json::Map::new());
            }
            schema.check(&value).map_err(|violations| {
                let texts: Vec<_> = violations.iter().map(ToString::to_string).collect();
                let data = serde_json::to_value(&texts).ok();
                RpcError::BadArguments { message: texts.join("; "), data }
            })?;
            serde_json::from_value(value).map_err(|error| bad(error.to_string()))
        }
        Codec::Bincode => wire::decode(bytes).map_err(bad),
    }
}

/// A result, or a chunk, as the method gives it.
pub(crate) fn encode_result(codec: Codec, result: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, RpcError> {
    let failed = |message| RpcError::Handler { message: format!("cannot encode the result: {message}"), data: None };
    encode(codec, result).map_err(failed)
}

/// A result, or a chunk, as the caller takes it.
pub(crate) fn decode_result<T: DeserializeOwned>(codec: Codec, bytes: &[u8]) -> Result<T, RpcError> {
    let decoded = match codec {
        Codec::Json => serde_json::from_slice(bytes).map_err(|error| error.to_string()),
        Codec::Bincode => wire::decode(bytes),
    };
    decoded.map_err(|message| RpcError::Malformed { message })
}

fn encode(codec: Codec, value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, String> {
    match codec {
        Codec::Json => serde_json::to_vec(value).map_err(|error| error.to_string()),
        Codec::Bincode => wire::encode(value),
    }
}
