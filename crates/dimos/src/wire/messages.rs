//! Shapes of the LCM messages: their names and fingerprints say all.

use lcm::Message;

use super::{Shape, Wire};

macro_rules! messages {
    ($($message:ty),* $(,)?) => {
        $(impl Wire for $message {
            // Messages without members are the only ones that take no bytes.
            const SHAPE: Shape = Shape::message(Self::NAME, Self::FINGERPRINT.0, size_of::<Self>() > 0);
        })*
    };
}

lcm_types::all_types!(messages);
