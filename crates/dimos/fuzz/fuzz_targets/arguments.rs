//! Any bytes are arguments of a method or an error that says what is wrong with them: JSON beside the method's schema, whatever that is,
//! and bincode into types that nest all that can travel so. What gets past a schema fits it.

#![no_main]
#![forbid(unsafe_code)]

use std::collections::BTreeMap;

use dimos::json_schema::Schema;
use dimos::rpc::{Codec, RpcError};
use dimos::{Wire, decode_arguments};
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, rest)) = bytes.split_first() else { return };
    match kind {
        b'b' => {
            decoded::<Plan>(Codec::Bincode, rest, None);
            decoded::<Vec<Plan>>(Codec::Bincode, rest, None);
            decoded::<Everything>(Codec::Bincode, rest, None);
        }
        b'j' => {
            decoded::<Plan>(Codec::Json, rest, None);
            decoded::<Value>(Codec::Json, rest, None);
        }
        // A schema, a NUL, arguments.
        _ => {
            let mut parts = rest.splitn(2, |byte| *byte == 0);
            let (schema, arguments) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let Ok(schema) = serde_json::from_slice::<Value>(schema) else { return };
            match Schema::compile(&schema) {
                Ok(schema) => checked(&schema, arguments),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
});

fn checked(schema: &Schema, arguments: &[u8]) {
    let taken = decoded::<Value>(Codec::Json, arguments, Some(schema));
    decoded::<Plan>(Codec::Json, arguments, Some(schema));
    let Ok(mut value) = serde_json::from_slice(if arguments.is_empty() { b"null" } else { arguments }) else {
        return assert_eq!(taken, None);
    };
    if let Value::Null = value {
        value = Value::Object(Map::new());
    }
    match schema.check(&value) {
        Ok(()) => assert_eq!(taken, Some(value)),
        Err(violations) => assert!(!violations.is_empty() && taken.is_none()),
    }
}

fn decoded<T: DeserializeOwned>(codec: Codec, bytes: &[u8], schema: Option<&Schema>) -> Option<T> {
    match decode_arguments(codec, bytes, schema) {
        Ok(arguments) => Some(arguments),
        Err(RpcError::BadArguments { message, .. }) => {
            assert!(!message.is_empty());
            None
        }
        Err(error) => panic!("{error:?} is not about arguments"),
    }
}

type Everything = (Vec<(u8, String)>, BTreeMap<String, Option<[f64; 3]>>, Result<bool, char>);

#[derive(Serialize, Deserialize, Wire)]
struct Plan {
    way: Vec<[f64; 3]>,
    labels: BTreeMap<String, Option<Vec<u16>>>,
    kind: Kind,
    inner: Option<Box<Inner>>,
}

#[derive(Serialize, Deserialize, Wire)]
enum Kind {
    Direct,
    Around { clearance_m: f32, names: Vec<String> },
    Through(u8, bool, char),
}

#[derive(Serialize, Deserialize, Wire)]
struct Inner {
    kinds: Vec<Kind>,
    both: Result<i64, String>,
}
