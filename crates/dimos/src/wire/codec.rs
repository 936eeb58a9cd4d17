//! The encoding: bincode 1, fixed integers, little-endian. The only file that names bincode.
//!
//! Lengths that a peer claims cost nothing: collections grow as their elements are read, and an element takes bytes
//! ([`Shape::sequence`](super::Shape::sequence) sees to that), of which there are no more than arrived.

use bincode::{DefaultOptions, Options};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of arguments or of a result, or why there are none.
pub(crate) fn encode(value: &(impl Serialize + ?Sized)) -> Result<Vec<u8>, String> {
    options(u64::MAX).serialize(value).map_err(|error| error.to_string())
}

/// The value of these bytes, all of them, or what is wrong with them.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    options(bytes.len() as u64).deserialize(bytes).map_err(|error| error.to_string())
}

fn options(limit: u64) -> impl Options {
    DefaultOptions::new().with_fixint_encoding().with_little_endian().with_limit(limit).reject_trailing_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::Wire;

    type Floats = (Vec<(u8, String)>, BTreeMap<String, Option<[f32; 3]>>, bool);
    type Everything = (Vec<(u8, String)>, BTreeMap<String, Option<[f64; 3]>>, Result<bool, char>);

    /// That it is one is the test.
    const fn travels<T: Wire>() {}

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(value in any::<Floats>()) {
            travels::<Everything>();
            let bytes = encode(&value).unwrap();
            let back: Floats = decode(&bytes).unwrap();
            // NaNs are not equal to themselves.
            prop_assert_eq!(encode(&back).unwrap(), bytes);
        }

        #[test]
        fn any_bytes_are_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = decode::<Everything>(&bytes) {
                prop_assert_eq!(encode(&value).unwrap().len(), bytes.len());
            }
        }
    }

    #[test]
    fn claimed_lengths_cost_nothing() {
        let forged = u64::MAX.to_le_bytes();
        assert!(decode::<Vec<[f64; 32]>>(&forged).is_err());
        assert!(decode::<String>(&(1_u64 << 40).to_le_bytes()).is_err());
        assert!(decode::<BTreeMap<String, String>>(&forged).is_err());
        assert!(decode::<u8>(&[1, 2]).unwrap_err().contains("bytes remaining"), "bytes behind the value are no value");
    }
}
