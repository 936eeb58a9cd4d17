//! What holds for every generated type, whatever the message.

use lcm::Message;
use lcm::codec::DecodeErrorKind;
use lcm::schema::Catalog;
use serde::de::DeserializeSeed;

use super::Messages;

/// Owned messages, views and JSON of `rounds` random messages, and what becomes of damaged ones.
pub(crate) fn check<M: Message>(messages: &mut Messages<'_>, rounds: usize) {
    let schema_fingerprint = messages.schema.fingerprint(M::NAME).unwrap();
    assert_eq!(M::FINGERPRINT, schema_fingerprint, "{}", M::NAME);
    default_is_a_message::<M>();
    for _ in 0..rounds {
        messages.nan = true;
        let bytes = messages.message(M::NAME);
        is_read_and_written::<M>(&bytes);
        is_never_read_when_cut_short::<M>(&bytes, &mut messages.random);
        is_read_or_refused_when_damaged::<M>(&bytes, &mut messages.random);
        messages.nan = false;
        survives_json::<M>(&messages.message(M::NAME));
    }
}

/// The decoder that knows only the definitions gives the same bytes and the same JSON.
pub(crate) fn agrees_with_schema<M: Message>(messages: &mut Messages<'_>, catalog: &Catalog, rounds: usize) {
    let message_type = catalog.get(M::NAME).unwrap();
    for _ in 0..rounds {
        messages.nan = true;
        let bytes = messages.message(M::NAME);
        let value = message_type.decode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", M::NAME));
        assert_same(&message_type.encode(&value).unwrap(), &bytes, M::NAME);
        let owned = M::decode(&bytes).unwrap();
        assert_eq!(serde_json::to_string(&owned).unwrap(), serde_json::to_string(&value).unwrap());
        messages.nan = false;
        let bytes = messages.message(M::NAME);
        let text = serde_json::to_string(&M::decode(&bytes).unwrap()).unwrap();
        let read = message_type.deserialize(&mut serde_json::Deserializer::from_str(&text));
        let read = read.unwrap_or_else(|error| panic!("{}: {error}", M::NAME));
        assert_same(&message_type.encode(&read).unwrap(), &bytes, M::NAME);
    }
}

fn default_is_a_message<M: Message>() {
    let bytes = M::default().encode().unwrap();
    assert_eq!(M::decode(&bytes).unwrap(), M::default());
}

fn is_read_and_written<M: Message>(bytes: &[u8]) {
    let owned = M::decode(bytes).unwrap_or_else(|error| panic!("{}: {error}", M::NAME));
    assert_same(&owned.encode().unwrap(), bytes, M::NAME);
    assert_eq!(owned.encoded_len().unwrap(), bytes.len());
    let gathered = owned.gather().unwrap();
    let pieces: Vec<u8> = gathered.slices().iter().flat_map(|slice| slice.iter().copied()).collect();
    assert_same(&pieces, bytes, M::NAME);
    let viewed = M::from_view(M::view(bytes).unwrap()).unwrap();
    assert_same(&viewed.encode().unwrap(), bytes, M::NAME);
    // What follows a message is not part of it.
    let longer = [bytes, b"trailing"].concat();
    let mut buffer = vec![1; 3];
    M::decode(&longer).unwrap().encode_into(&mut buffer).unwrap();
    assert_same(&buffer, bytes, M::NAME);
}

fn is_never_read_when_cut_short<M: Message>(bytes: &[u8], random: &mut fastrand::Rng) {
    for _ in 0..20.min(bytes.len()) {
        let end = random.usize(..bytes.len());
        let error = M::view(&bytes[..end]).expect_err("a message that was cut short");
        assert!(matches!(error.kind(), DecodeErrorKind::Truncated { .. }), "{}: {error}", M::NAME);
        assert!(error.offset().is_some_and(|offset| offset <= end), "{}: {error}", M::NAME);
    }
}

fn is_read_or_refused_when_damaged<M: Message>(bytes: &[u8], random: &mut fastrand::Rng) {
    for _ in 0..20 {
        let mut damaged = bytes.to_vec();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..damaged.len());
            damaged[at] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff, 3]).unwrap();
        }
        // Debug walks all of the view.
        let viewed = M::view(&damaged).map(|view| format!("{view:?}"));
        match M::decode(&damaged) {
            Ok(owned) => {
                let again = owned.encode().unwrap();
                assert_same(&M::decode(&again).unwrap().encode().unwrap(), &again, M::NAME);
            }
            Err(error) => {
                let is_text = matches!(error.kind(), DecodeErrorKind::NotUtf8(_));
                assert!(is_text || viewed.is_err(), "{}: {error}", M::NAME);
                assert!(error.offset().is_some_and(|offset| offset <= damaged.len()), "{}: {error}", M::NAME);
            }
        }
    }
}

fn survives_json<M: Message>(bytes: &[u8]) {
    let owned = M::decode(bytes).unwrap();
    let text = serde_json::to_string(&owned).unwrap();
    let read: M = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", M::NAME));
    assert_same(&read.encode().unwrap(), bytes, M::NAME);
}

/// Says where bytes differ: whole messages would be pages.
fn assert_same(found: &[u8], expected: &[u8], name: &str) {
    let at = found.iter().zip(expected).position(|(found, expected)| found != expected);
    let at = at.unwrap_or(found.len().min(expected.len()));
    let shown = |bytes: &[u8]| bytes[at.saturating_sub(8)..].iter().take(32).copied().collect::<Vec<u8>>();
    assert!(found == expected, "{name}: from byte {at} on {:02x?}, not {:02x?}", shown(found), shown(expected));
}
