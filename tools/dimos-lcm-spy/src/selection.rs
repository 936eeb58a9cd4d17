//! Which channels a word on the command line means: a topic, a channel or a glob.

use lcm::{Channel, Pattern};

/// Some of the channels.
#[derive(Debug, Clone)]
pub struct Selection {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// A topic, whatever the type.
    Topic(Pattern),
    /// A topic with a type: its channel, and that of programs which leave out the package.
    Channel { short: Option<String> },
    /// With `*` or `?`.
    Glob(Pattern),
}

impl Selection {
    /// What a word means.
    ///
    /// # Errors
    /// A word that no channel can be called.
    pub fn new(text: &str) -> Result<Self, String> {
        let kind = if text.contains(['*', '?']) {
            Kind::Glob(Pattern::glob(text))
        } else {
            let topic = Pattern::topic(text).map_err(|error| error.to_string())?;
            match text.split_once('#') {
                None if text.is_empty() => {
                    return Err("an empty topic: expected such as /scan, or * for all".to_owned());
                }
                None => Kind::Topic(topic),
                Some((topic, type_name)) => {
                    let short = type_name.rsplit_once('.').map(|(_, last)| format!("{topic}#{last}"));
                    Kind::Channel { short }
                }
            }
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// What to subscribe: of a channel all types of its topic, which is what a filter in the kernel understands, so that everything else of
    /// the bus is kept away from this process.
    #[must_use]
    pub fn pattern(&self) -> Pattern {
        match &self.kind {
            Kind::Channel { .. } => Pattern::glob(format!("{}#*", self.topic())),
            Kind::Topic(pattern) | Kind::Glob(pattern) => pattern.clone(),
        }
    }

    /// The pattern that takes what it means and nothing else.
    #[must_use]
    pub fn exact_pattern(&self) -> Pattern {
        match &self.kind {
            Kind::Channel { short } => {
                let names = std::iter::once(&self.text).chain(short);
                // Names that no channel can have were refused already.
                Pattern::any_of(names.filter_map(|name| Pattern::exact(name).ok()))
            }
            Kind::Topic(pattern) | Kind::Glob(pattern) => pattern.clone(),
        }
    }

    /// Whether it means this channel.
    #[must_use]
    pub fn takes(&self, channel: &Channel) -> bool {
        let name = channel.as_bytes();
        match &self.kind {
            Kind::Channel { short } => {
                name == self.text.as_bytes() || short.as_ref().is_some_and(|short| name == short.as_bytes())
            }
            Kind::Topic(pattern) | Kind::Glob(pattern) => pattern.matches(channel),
        }
    }

    /// As it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether many channels may be meant.
    #[must_use]
    pub fn is_glob(&self) -> bool {
        matches!(self.kind, Kind::Glob(_))
    }

    /// The type that it names.
    #[must_use]
    pub fn type_name(&self) -> Option<&str> {
        match self.kind {
            Kind::Channel { .. } => self.text.split_once('#').map(|(_, type_name)| type_name),
            Kind::Topic(_) | Kind::Glob(_) => None,
        }
    }

    /// Without a type.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.text.split('#').next().unwrap_or_default()
    }
}

/// Whether a channel is there for the mesh itself, or for nobody: claims, calls, and what C LCM sends to see whether it hears itself.
#[must_use]
pub fn is_internal(channel: &[u8]) -> bool {
    channel.starts_with(b"/mesh/") || channel.starts_with(b"/rpc/") || channel == Channel::SELF_TEST.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_takes_all_its_types_and_a_channel_only_its_own() {
        let takes = |text: &str, name: &str| {
            let (selection, channel) = (Selection::new(text).unwrap(), Channel::new(name).unwrap());
            let is_taken = selection.takes(&channel);
            assert!(!is_taken || selection.pattern().matches(&channel), "{text} is subscribed to {name}");
            assert_eq!(selection.exact_pattern().matches(&channel), is_taken, "{text} and {name}");
            is_taken
        };
        assert!(takes("/scan", "/scan") && takes("/scan", "/scan#sensor_msgs.LaserScan") && takes("/scan", "/scan#x"));
        assert!(!takes("/scan", "/scan2") && !takes("/scan", "/scan/left#x") && !takes("/scan", "/sca"));
        assert!(takes("/goal#geometry_msgs.PoseStamped", "/goal#geometry_msgs.PoseStamped"));
        assert!(takes("/goal#geometry_msgs.PoseStamped", "/goal#PoseStamped"));
        assert!(!takes("/goal#geometry_msgs.PoseStamped", "/goal"));
        assert!(!takes("/goal#geometry_msgs.PoseStamped", "/goal#nav_msgs.PoseStamped"));
        assert!(!takes("/goal#PoseStamped", "/goal#geometry_msgs.PoseStamped"));
        assert!(takes("/robot?/**", "/robot0/scan#sensor_msgs.LaserScan") && takes("*", ""));
        assert!(!takes("/robot?/*", "/robot10/scan"));
    }

    #[test]
    fn what_no_channel_can_be_called_is_refused() {
        assert!(Selection::new("").unwrap_err().contains("empty topic"));
        assert!(Selection::new(&"x".repeat(64)).unwrap_err().contains("63"));
    }
}
