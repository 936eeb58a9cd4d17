//! With any message types, any bytes are a message or an error, and a message that was read is written again as it was; so it
//! is with JSON. The input is an IDL file, a NUL, and the bytes.

#![no_main]
#![forbid(unsafe_code)]

use lcm::schema::Catalog;
use lcm_gen::Sources;
use libfuzzer_sys::fuzz_target;
use serde::de::DeserializeSeed;

fuzz_target!(|bytes: &[u8]| {
    let (text, data) = match bytes.iter().position(|&byte| byte == 0) {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[][..]),
    };
    let mut sources = Sources::default();
    sources.add("fuzz.lcm", String::from_utf8_lossy(text));
    let Ok(schema) = sources.compile() else { return };
    let catalog = Catalog::new(schema);
    for message_type in catalog.iter() {
        // The fingerprint is not for the fuzzer to guess.
        let message = [&message_type.fingerprint().0.to_be_bytes(), data].concat();
        if let Ok(value) = message_type.decode(&message) {
            let again = message_type.encode(&value).expect("what was read can be written");
            assert!(again.len() <= message.len());
            let reread = message_type.decode(&again).expect("what was written can be read");
            assert_eq!(message_type.encode(&reread).as_ref(), Ok(&again));
            serde_json::to_string(&value).expect("every value is JSON");
        }
        let json = message_type.deserialize(&mut serde_json::Deserializer::from_slice(data));
        if let Ok(encoded) = json.map_err(drop).and_then(|value| message_type.encode(&value).map_err(drop)) {
            message_type.decode(&encoded).expect("what was written can be read");
        }
    }
});
