//! Any bytes are a message of a type or an error, by generated code and by the definitions alike. The first byte chooses the
//! type.

#![no_main]
#![forbid(unsafe_code)]

use lcm::Message;
use lcm::codec::DecodeErrorKind;
use libfuzzer_sys::fuzz_target;

macro_rules! table {
    ($($message:path,)*) => {
        const CHECKS: &[fn(&[u8])] = &[$(check::<$message>,)*];
    };
}

lcm_types::all_types!(table);

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, data)) = bytes.split_first() else { return };
    CHECKS[usize::from(choice) % CHECKS.len()](data);
});

fn check<M: Message>(data: &[u8]) {
    // The fingerprint is not for the fuzzer to guess.
    let message = [&M::FINGERPRINT.0.to_be_bytes(), data].concat();
    let view = M::view(&message).map(|view| format!("{view:?}").len());
    let owned = M::decode(&message);
    let value = lcm_types::catalog().get(M::NAME).expect("every type is in the catalog").decode(&message);
    match (&owned, &value) {
        (Ok(owned), Ok(value)) => {
            let encoded = owned.encode().expect("what was read can be written");
            assert!(encoded.len() <= message.len());
            let message_type = lcm_types::catalog().get(M::NAME).expect("every type is in the catalog");
            assert_eq!(message_type.encode(value).as_ref(), Ok(&encoded));
            let gathered = owned.gather().expect("what can be encoded can be gathered");
            assert!(gathered.slices().iter().flat_map(|slice| slice.iter()).eq(&encoded));
        }
        (Err(owned), Ok(_)) => assert!(matches!(owned.kind(), DecodeErrorKind::NotUtf8(_)), "{}: {owned}", M::NAME),
        // Which member is named depends on how far each looks ahead.
        (Err(_), Err(_)) => {}
        (Ok(_), Err(value)) => panic!("{}: {value}", M::NAME),
    }
    assert_eq!(view.is_ok(), value.is_ok(), "{}", M::NAME);
    if let Ok(read) = serde_json::from_slice::<M>(data) {
        // Lengths may disagree, but nothing worse.
        let _ = read.encode();
    }
}
