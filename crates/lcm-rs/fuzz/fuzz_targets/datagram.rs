//! Any bytes are a datagram or an error, and a datagram is no more than its bytes.
//!
//! What becomes of fragments is left to the target `reassembly`.

#![no_main]
#![forbid(unsafe_code)]

use lcm::wire::{self, Datagram, FRAGMENT_HEADER_BYTES, MAX_MESSAGE_BYTES, SHORT_HEADER_BYTES};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match wire::parse(bytes) {
        Ok(Datagram::Short { channel, payload, .. }) => {
            assert_eq!(SHORT_HEADER_BYTES + channel.as_bytes().len() + 1 + payload.len(), bytes.len());
            assert!(bytes.ends_with(payload));
        }
        Ok(Datagram::Fragment(fragment)) => {
            assert!(fragment.number < fragment.count);
            assert!(fragment.message_bytes <= MAX_MESSAGE_BYTES);
            assert!(fragment.offset + fragment.body.len() <= fragment.message_bytes);
            assert_eq!(fragment.channel.is_some(), fragment.number == 0);
            let name_bytes = fragment.channel.map_or(0, |channel| channel.as_bytes().len() + 1);
            assert_eq!(FRAGMENT_HEADER_BYTES + name_bytes + fragment.body.len(), bytes.len());
            assert!(bytes.ends_with(fragment.body));
        }
        // An error has something to say, whatever the bytes.
        Err(malformed) => assert!(!malformed.to_string().is_empty()),
    }
});
