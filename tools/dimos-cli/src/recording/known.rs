//! The type of an event's message, where it is known beyond doubt.

use lcm::log::EventRef;
use lcm::schema::{Catalog, MessageType, Suffix};

/// The type that the channel names and the message has; without such a name the only one that it can have.
pub(super) fn known_type<'c>(catalog: &'c Catalog, event: EventRef<'_>) -> Option<MessageType<'c>> {
    let identity = catalog.identify(event.channel, event.data);
    match (&identity.suffix, &identity.candidates[..]) {
        (Suffix::Agrees, [best, ..]) | (Suffix::Missing, [best]) => Some(*best),
        _ => None,
    }
}
