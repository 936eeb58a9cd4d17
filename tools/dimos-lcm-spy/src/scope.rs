//! Which channels are meant: by a filter that somebody types, by a namespace, or one alone.

use lcm::{Channel, Pattern};

/// What is typed to see only some of the channels.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    text: String,
    /// Of a text with `*` or `?`.
    glob: Option<Pattern>,
}

/// Some channels: those that a recording is of.
#[derive(Debug, Clone)]
pub enum Scope {
    /// One.
    Channel(Channel),
    /// Those of a namespace that a filter takes, as they are shown: not those of namespaces within it.
    Namespace {
        /// Its name.
        namespace: Vec<u8>,
        /// The filter.
        filter: Filter,
        /// Whether channels of the mesh itself are meant, too.
        with_internal: bool,
    },
    /// Those that a filter takes; with or without those of the mesh itself.
    Filter {
        /// The filter.
        filter: Filter,
        /// Whether channels of the mesh itself are meant, too.
        with_internal: bool,
    },
}

impl Filter {
    /// A glob if the text has `*` or `?`, for the whole name, with or without its type; otherwise a part of the name, in capitals or not.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let glob = text.contains(['*', '?']).then(|| Pattern::glob(text));
        Self { text: text.to_owned(), glob }
    }

    /// As it was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What kind of filter it is, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.glob.is_some() { "glob" } else { "substring" }
    }

    /// Whether it takes all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it takes a channel.
    #[must_use]
    pub fn takes(&self, channel: &Channel) -> bool {
        let name = channel.as_bytes();
        match &self.glob {
            Some(glob) => glob.matches(channel) || Channel::new(topic(name)).is_ok_and(|topic| glob.matches(&topic)),
            None => {
                let part = self.text.as_bytes();
                part.is_empty() || name.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
            }
        }
    }
}

impl Scope {
    /// Whether a channel is meant.
    #[must_use]
    pub fn takes(&self, channel: &Channel) -> bool {
        match self {
            Self::Channel(one) => one == channel,
            Self::Namespace { namespace: own, filter, with_internal } => {
                namespace(channel.as_bytes()) == own && is_shown(channel, filter, *with_internal)
            }
            Self::Filter { filter, with_internal } => is_shown(channel, filter, *with_internal),
        }
    }

    /// What is meant, in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Channel(channel) => crate::text::channel_name(channel),
            Self::Namespace { namespace, filter, .. } if filter.is_empty() => namespace_words(namespace),
            Self::Namespace { namespace, filter, .. } => {
                format!("all of {} that {} takes", namespace_words(namespace), crate::text::plain(filter.text()))
            }
            Self::Filter { filter, .. } if filter.is_empty() => "all channels".to_owned(),
            Self::Filter { filter, .. } => format!("all that {} takes", crate::text::plain(filter.text())),
        }
    }
}

fn is_shown(channel: &Channel, filter: &Filter, with_internal: bool) -> bool {
    (with_internal || !crate::selection::is_internal(channel.as_bytes())) && filter.takes(channel)
}

/// The name of a channel without its type.
#[must_use]
pub fn topic(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'#').next().unwrap_or_default()
}

/// The namespace of a channel: all of its topic before the last slash. Empty for those at the root, and without any slash.
#[must_use]
pub fn namespace(name: &[u8]) -> &[u8] {
    let topic = topic(name);
    topic.iter().rposition(|&byte| byte == b'/').map_or(&[], |slash| &topic[..slash])
}

/// How a namespace is shown.
#[must_use]
pub fn namespace_words(namespace: &[u8]) -> String {
    if namespace.is_empty() { "/".to_owned() } else { format!("{}/", crate::text::plain_bytes(namespace)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(name: &str) -> Channel {
        Channel::new(name).unwrap()
    }

    #[test]
    fn a_filter_is_a_part_of_the_name_or_a_glob_of_all_of_it() {
        let takes = |text: &str, name: &str| Filter::new(text).takes(&channel(name));
        assert!(takes("", "/scan") && takes("SCA", "/scan#sensor_msgs.LaserScan") && takes("laser", "/x#LaserScan"));
        assert!(!takes("scans", "/scan") && !takes("x", ""));
        assert!(takes("*/scan", "/robot0/scan#sensor_msgs.LaserScan") && takes("*LaserScan", "/s#x.LaserScan"));
        assert!(!takes("scan*", "/scan") && takes("/sca?", "/scan"));
        assert_eq!((Filter::new("a?").kind(), Filter::new("a").kind()), ("glob", "substring"));
    }

    #[test]
    fn a_namespace_is_all_before_the_last_slash_of_the_topic() {
        let of = |name: &str| String::from_utf8(namespace(name.as_bytes()).to_vec()).unwrap();
        assert_eq!(["/robot0/cam/image#a/b.C", "/scan", "POSE", "a/b", ""].map(of), ["/robot0/cam", "", "", "a", ""]);
        let scope = |namespace: &[u8], filter: &str, with_internal| Scope::Namespace {
            namespace: namespace.to_vec(),
            filter: Filter::new(filter),
            with_internal,
        };
        let taken = |scope: Scope| {
            ["/robot0/scan", "/robot0/cam/image", "/robot01/scan", "/scan", "/mesh/beat", "/rpc/x"]
                .map(|one| scope.takes(&channel(one)))
        };
        assert_eq!(taken(scope(b"/robot0", "", false)), [true, false, false, false, false, false]);
        assert_eq!(taken(scope(b"", "", true)), [false, false, false, true, false, false]);
        assert_eq!(taken(scope(b"/mesh", "", false)), [false; 6]);
        assert_eq!(taken(scope(b"/mesh", "", true)), [false, false, false, false, true, false]);
        assert_eq!(taken(scope(b"/robot0", "odom", false)), [false; 6]);
        assert_eq!(scope(b"/robot0", "odom", false).words(), "all of /robot0/ that odom takes");
    }
}
