//! Topics and the channels they stand for: `/cmd_vel` of type `geometry_msgs.Twist` is the channel `/cmd_vel#geometry_msgs.Twist`.

use lcm::{Channel, MAX_CHANNEL_BYTES, Message, Pattern, PatternError, SubscribeError};

use crate::messages::ListenError;

/// Why a topic has no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It names nothing.
    #[error("an empty topic")]
    Empty,
    /// LCM has no channel so long.
    #[error(
        "the channel {channel} has {bytes} bytes: at most {MAX_CHANNEL_BYTES}; choose a shorter topic or namespace"
    )]
    TooLong {
        /// What it would be.
        channel: String,
        /// How long that is.
        bytes: usize,
    },
    /// No channel contains that.
    #[error("the topic {topic:?} contains a NUL")]
    Nul {
        /// The topic.
        topic: String,
    },
    /// The channel says that it carries something else.
    #[error("the channel {channel} carries {found}, not {expected}")]
    OtherType {
        /// The channel.
        channel: String,
        /// What it says.
        found: String,
        /// What is wanted.
        expected: &'static str,
    },
}

/// The channel of messages of type `T` on a topic. What has a `#` already is taken as a channel, if its type is `T`.
///
/// ```
/// use lcm_types::geometry_msgs::Twist;
///
/// assert_eq!(dimos::channel_of::<Twist>("/cmd_vel")?.to_string(), "/cmd_vel#geometry_msgs.Twist");
/// # Ok::<(), dimos::TopicError>(())
/// ```
///
/// # Errors
/// If it would be too long, or is of another type.
pub fn channel_of<T: Message>(topic: &str) -> Result<Channel, TopicError> {
    check(&typed_as(topic, T::NAME)?)
}

/// Whether a topic is the same for all namespaces: there is one simulated time, and one tree of coordinate frames.
#[must_use]
pub fn is_global(topic: &str) -> bool {
    matches!(topic, "/clock" | "/tf")
}

/// The name of the channel of messages of a type on a topic, or on what is a channel already.
pub(crate) fn typed_as(topic: &str, type_name: &'static str) -> Result<String, TopicError> {
    match topic.split_once('#') {
        None => Ok(typed(topic, type_name)),
        Some((_, suffix)) if suffix == type_name || suffix == short(type_name) => Ok(topic.to_owned()),
        Some((_, suffix)) => {
            let (channel, found) = (topic.to_owned(), suffix.to_owned());
            Err(TopicError::OtherType { channel, found, expected: type_name })
        }
    }
}

/// The channel of this name.
pub(crate) fn check(channel: &str) -> Result<Channel, TopicError> {
    if channel.is_empty() || channel.starts_with('#') {
        return Err(TopicError::Empty);
    }
    if channel.contains('\0') {
        return Err(TopicError::Nul { topic: channel.to_owned() });
    }
    Channel::new(channel).map_err(|_| TopicError::TooLong { channel: channel.to_owned(), bytes: channel.len() })
}

/// A topic with the suffix of its type.
pub(crate) fn typed(topic: &str, type_name: &str) -> String {
    format!("{topic}#{type_name}")
}

/// The channels on which messages of a typed channel come: some programs leave out the package, as in `#PoseStamped`.
pub(crate) fn spellings(channel: &Channel) -> Vec<String> {
    let full = channel.to_string();
    let bare = full.split_once('#').filter(|(_, name)| short(name) != *name);
    let bare = bare.map(|(topic, name)| typed(topic, short(name)));
    std::iter::once(full).chain(bare).collect()
}

/// All of these in one pattern.
pub(crate) fn pattern_of(spellings: &[String]) -> Result<Pattern, PatternError> {
    Pattern::regex(&spellings.iter().map(|name| escaped(name)).collect::<Vec<_>>().join("|"))
}

/// The channels of a topic, whatever they carry; or the one channel, if a type is named.
pub(crate) fn any_type(topic: &str) -> Result<Pattern, ListenError> {
    let channel = check(topic)?;
    let pattern = match topic.split_once('#') {
        Some(_) => Ok(Pattern::from(channel)),
        None => Pattern::topic(topic),
    };
    Ok(pattern.map_err(SubscribeError::from)?)
}

/// A regular expression for nothing else than this name.
fn escaped(name: &str) -> String {
    name.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
}

/// The name of a type without its package.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use lcm_types::geometry_msgs::{PoseStamped, Twist};

    use super::*;

    #[test]
    fn a_topic_and_a_type_make_a_channel() {
        let channel = |topic| channel_of::<Twist>(topic).map(|channel| channel.to_string());
        assert_eq!(channel("/cmd_vel").unwrap(), "/cmd_vel#geometry_msgs.Twist");
        assert_eq!(channel("/cmd_vel#geometry_msgs.Twist").unwrap(), "/cmd_vel#geometry_msgs.Twist");
        let why = |topic| channel(topic).unwrap_err().to_string();
        assert_eq!(
            why("/pose#geometry_msgs.Pose"),
            "the channel /pose#geometry_msgs.Pose carries geometry_msgs.Pose, not geometry_msgs.Twist"
        );
        assert_eq!(why(""), "an empty topic");
        let long = "x".repeat(50);
        assert!(why(&long).contains("has 70 bytes: at most 63"), "{}", why(&long));
    }

    #[test]
    fn suffixes_without_a_package_are_heard_too() {
        let channel = channel_of::<PoseStamped>("/goal").unwrap();
        let pattern = pattern_of(&spellings(&channel)).unwrap();
        let heard = |name: &str| pattern.matches(&Channel::new(name).unwrap());
        assert!(heard("/goal#geometry_msgs.PoseStamped") && heard("/goal#PoseStamped"));
        assert!(!heard("/goal") && !heard("/goal#nav_msgs.PoseStamped"));
    }

    #[test]
    fn a_topic_without_a_type_stands_for_all_of_its_channels() {
        let heard = |topic: &str, name: &str| any_type(topic).unwrap().matches(&Channel::new(name).unwrap());
        for name in ["/goal", "/goal#PoseStamped", "/goal#geometry_msgs.PoseStamped"] {
            assert!(heard("/goal", name), "{name}");
        }
        assert!(!heard("/goal", "/goals") && !heard("/goal", "/goal/x#std_msgs.Bool") && !heard("/g.al", "/goal"));
        assert!(heard("/goal#PoseStamped", "/goal#PoseStamped") && !heard("/goal#PoseStamped", "/goal"));
        assert!(any_type("").is_err() && any_type("#x").is_err() && any_type(&"x".repeat(64)).is_err());
    }
}
