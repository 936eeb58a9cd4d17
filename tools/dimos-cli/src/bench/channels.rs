//! The channels that a bench has for itself, so that nobody else on the bus takes its messages for his.

/// The number of a message.
pub(super) type Sequence = u64;

/// The channels of one bench.
#[derive(Debug, Clone)]
pub(super) struct Channels {
    id: String,
}

impl Channels {
    /// Those of a new one.
    pub(super) fn new() -> Self {
        Self { id: dimos::NodeId::random().to_string() }
    }

    /// Those of one that was begun elsewhere.
    pub(super) fn of(id: &str) -> Self {
        Self { id: id.to_owned() }
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn ping(&self) -> String {
        format!("/mesh/bench/{}/ping", self.id)
    }

    pub(super) fn pong(&self) -> String {
        format!("/mesh/bench/{}/pong", self.id)
    }

    /// For what the other side sends to itself.
    pub(super) fn mark(&self) -> String {
        format!("/mesh/bench/{}/mark", self.id)
    }

    pub(super) fn flood(&self) -> String {
        format!("/mesh/bench/{}/flood", self.id)
    }
}

/// What the other side is told of them by.
pub(super) fn id(text: &str) -> Result<String, String> {
    let is_id = text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit());
    if is_id { Ok(text.to_owned()) } else { Err("expected 16 hexadecimal digits".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_side_has_the_same_channels_and_they_are_channels() {
        let channels = Channels::new();
        let id = id(channels.id()).unwrap();
        let others = Channels::of(&id);
        assert_eq!(
            (channels.ping(), channels.pong(), channels.flood()),
            (others.ping(), others.pong(), others.flood())
        );
        assert!(lcm::Channel::new(channels.flood()).is_ok());
        assert!(super::id("../../x").is_err());
    }
}
