//! Questions for last messages and the answers to them: any bytes are one or none, and what is looked at in place is what is read.

#![no_main]
#![forbid(unsafe_code)]

use dimos::NodeId;
use dimos_fuzz::Input;
use lcm::Message;
use lcm_types::dimos_mesh::{Latched, Wanted};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    if let Ok(question) = input.encoded::<Wanted>() {
        wanted(&question);
    }
    if let Ok(answer) = Input::new(bytes).encoded::<Latched>() {
        latched(&answer);
    }
});

fn wanted(bytes: &[u8]) {
    let Ok(view) = Wanted::view(bytes) else { return assert!(Wanted::decode(bytes).is_err()) };
    assert!(view.channels().len() <= bytes.len(), "channels from nowhere");
    let channels: Option<Vec<_>> = view.channels().iter().map(|channel| channel.to_str().ok()).collect();
    match (channels, Wanted::decode(bytes)) {
        (Some(channels), Ok(wanted)) => {
            assert!(channels == wanted.channels && view.node() == wanted.node && view.version() == wanted.version);
            assert_eq!(Wanted::decode(&wanted.encode().expect("it was read")), Ok(wanted));
        }
        (None, Ok(_)) => panic!("text that is not UTF-8"),
        (_, Err(error)) => assert!(!error.to_string().is_empty()),
    }
}

fn latched(bytes: &[u8]) {
    let Ok(view) = Latched::view(bytes) else { return assert!(Latched::decode(bytes).is_err()) };
    assert!(view.message().len() <= bytes.len(), "bytes from nowhere");
    if let Some(node) = NodeId::from_wire(view.node()) {
        assert_eq!(node.to_wire(), view.node());
    }
    if let Ok(latched) = Latched::decode(bytes) {
        assert!(view.message() == &latched.message[..] && view.channel().to_str() == Ok(&latched.channel));
        assert_eq!(Latched::decode(&latched.encode().expect("it was read")), Ok(latched));
    }
}
