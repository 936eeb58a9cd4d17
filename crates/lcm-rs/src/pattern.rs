//! Which channels a subscriber wants: an exact name, a glob or a regular expression.

use crate::channel::{Channel, ChannelError};
use crate::udpm::Beginning;

/// A choice of channels.
///
/// A plain `&str` is an exact name. This differs from C LCM, whose subscriptions are all regular expressions: there `.` in a
/// plain name matches any character, and `A|B` is anchored only halfway, so that it also takes `Ax` and `xB`. Here
/// [`Pattern::regex`] always stands for the whole name.
///
/// ```
/// use lcm::{Channel, Pattern};
///
/// let takes = |pattern: &Pattern, name: &str| pattern.matches(&Channel::new(name).unwrap());
///
/// let exact = Pattern::exact("/odom#nav_msgs.Odometry")?;
/// assert!(takes(&exact, "/odom#nav_msgs.Odometry"));
/// assert!(!takes(&exact, "/odom#nav_msgsXOdometry"));
///
/// let glob = Pattern::glob("/camera/*#sensor_msgs.Image");
/// assert!(takes(&glob, "/camera/left/raw#sensor_msgs.Image"));
///
/// let regex = Pattern::regex("POSE|IMU[0-9]")?;
/// assert!(takes(&regex, "IMU3") && !takes(&regex, "POSE_OLD"));
/// # Ok::<(), lcm::PatternError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Exact(Channel),
    Glob(Box<[u8]>),
    /// A name, alone or with `#` and anything behind it.
    Topic(Channel),
    Regex(regex::bytes::Regex),
    AnyOf(Box<[Pattern]>),
    NoneOf(Box<[Pattern]>),
}

/// Why a text is not a pattern.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// An exact name that no channel can have.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Not a regular expression, or one that compiles to too much.
    #[error("channel pattern {pattern:?}: {reason}")]
    Regex {
        /// The pattern.
        pattern: String,
        /// What the compiler of expressions says.
        reason: String,
    },
}

impl Pattern {
    /// The channel of this name.
    ///
    /// # Errors
    /// A name that no channel can have.
    pub fn exact(name: impl AsRef<[u8]>) -> Result<Self, PatternError> {
        Ok(Self { kind: Kind::Exact(Channel::new(name)?) })
    }

    /// Every channel.
    #[must_use]
    pub fn any() -> Self {
        Self::glob("*")
    }

    /// The channels that a glob describes: `*` stands for any bytes, slashes and none included, `?` for one byte.
    #[must_use]
    pub fn glob(glob: impl AsRef<[u8]>) -> Self {
        Self { kind: Kind::Glob(glob.as_ref().into()) }
    }

    /// The channels of a topic, whatever the type that their names end with by the convention of DimOS: `/scan` and
    /// `/scan#sensor_msgs.LaserScan`, but not `/scanner`.
    ///
    /// # Errors
    /// A name that no channel can have.
    pub fn topic(name: impl AsRef<[u8]>) -> Result<Self, PatternError> {
        Ok(Self { kind: Kind::Topic(Channel::new(name)?) })
    }

    /// The channels whose whole name a regular expression matches.
    ///
    /// The syntax is that of the `regex` crate, on bytes: `.` is any byte, classes such as `\d` are ASCII. Matching takes
    /// linear time whatever the expression.
    ///
    /// # Errors
    /// A text that is no such expression.
    pub fn regex(expression: &str) -> Result<Self, PatternError> {
        let compile = |expression: &str| {
            regex::bytes::RegexBuilder::new(expression).unicode(false).dot_matches_new_line(true).build()
        };
        // Alone first: `a)|(b` is no expression, but would become one within the group below.
        let anchored = compile(expression)
            .and_then(|_| compile(&format!("^(?:{expression})$")))
            // In the `(?x)` mode a comment at the end would swallow the group's end.
            .or_else(|_| compile(expression).and_then(|_| compile(&format!("^(?:{expression}\n)$"))))
            .map_err(|error| PatternError::Regex { pattern: expression.to_owned(), reason: error.to_string() })?;
        Ok(Self { kind: Kind::Regex(anchored) })
    }

    /// The channels that any of these takes; none if there are none.
    ///
    /// A message that several of them take comes once, which it would not with a subscription for each. The kernel filters
    /// nothing out for them, so that what is lost is counted exactly.
    pub fn any_of(patterns: impl IntoIterator<Item = Self>) -> Self {
        Self { kind: Kind::AnyOf(patterns.into_iter().collect()) }
    }

    /// The channels that none of these takes.
    pub fn none_of(patterns: impl IntoIterator<Item = Self>) -> Self {
        Self { kind: Kind::NoneOf(patterns.into_iter().collect()) }
    }

    /// What the names it takes, followed by their NUL, begin with, maybe among others; `None` where that is of no use.
    pub(crate) fn beginning(&self) -> Option<Beginning> {
        match &self.kind {
            Kind::Exact(name) => Some(Beginning::exact(name.as_bytes())),
            Kind::Glob(glob) => match &**glob {
                // Who wants everything has no use for a filter.
                [b'*'] => None,
                [prefix @ .., b'*'] if !prefix.contains(&b'*') && !prefix.contains(&b'?') => {
                    Some(Beginning::prefix(prefix))
                }
                _ => None,
            },
            Kind::Topic(name) => Some(Beginning::prefix(name.as_bytes())),
            Kind::Regex(_) | Kind::AnyOf(_) | Kind::NoneOf(_) => None,
        }
    }

    /// Whether it takes this channel.
    #[must_use]
    pub fn matches(&self, channel: &Channel) -> bool {
        self.matches_name(channel.as_bytes())
    }

    /// Whether it takes a channel of this name, which may be one that only event logs have: longer than a bus carries.
    #[must_use]
    pub fn matches_name(&self, channel: &[u8]) -> bool {
        match &self.kind {
            Kind::Exact(name) => name.as_bytes() == channel,
            Kind::Glob(glob) => glob_matches(glob, channel),
            Kind::Topic(name) => {
                let rest = channel.strip_prefix(name.as_bytes());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"#"))
            }
            Kind::Regex(regex) => regex.is_match(channel),
            Kind::AnyOf(patterns) => patterns.iter().any(|pattern| pattern.matches_name(channel)),
            Kind::NoneOf(patterns) => !patterns.iter().any(|pattern| pattern.matches_name(channel)),
        }
    }
}

impl TryFrom<&str> for Pattern {
    type Error = PatternError;

    fn try_from(name: &str) -> Result<Self, PatternError> {
        Self::exact(name)
    }
}

impl TryFrom<&String> for Pattern {
    type Error = PatternError;

    fn try_from(name: &String) -> Result<Self, PatternError> {
        Self::exact(name)
    }
}

impl TryFrom<String> for Pattern {
    type Error = PatternError;

    fn try_from(name: String) -> Result<Self, PatternError> {
        Self::exact(name)
    }
}

impl From<Channel> for Pattern {
    fn from(channel: Channel) -> Self {
        Self { kind: Kind::Exact(channel) }
    }
}

impl From<std::convert::Infallible> for PatternError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

/// Matches greedily and goes back to the last `*` only, which is enough, and takes at most `glob * name` steps.
fn glob_matches(glob: &[u8], name: &[u8]) -> bool {
    let (mut at_glob, mut at_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at_name < name.len() {
        match glob.get(at_glob) {
            Some(b'*') => {
                star = Some((at_glob, at_name));
                at_glob += 1;
            }
            Some(&byte) if byte == b'?' || byte == name[at_name] => {
                at_glob += 1;
                at_name += 1;
            }
            _ => {
                let Some((star_glob, star_name)) = star else { return false };
                star = Some((star_glob, star_name + 1));
                at_glob = star_glob + 1;
                at_name = star_name + 1;
            }
        }
    }
    glob[at_glob..].iter().all(|&byte| byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_takes_all_its_types_and_no_longer_names() {
        let scan = Pattern::topic("/scan").unwrap();
        assert!(["/scan", "/scan#", "/scan#sensor_msgs.LaserScan"].iter().all(|name| takes(&scan, name)));
        assert!(!["/scanner", "/sca", "/scan/left", "", "/scan/left#x"].iter().any(|name| takes(&scan, name)));
        assert!(Pattern::topic("x".repeat(64)).is_err());
    }

    fn takes(pattern: &Pattern, name: &str) -> bool {
        pattern.matches(&Channel::new(name).unwrap())
    }

    #[test]
    fn a_glob_matches_like_the_regular_expression_it_stands_for() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..2_000 {
            let glob: String = (0..random.usize(..8)).map(|_| random.choice(['a', 'b', '*', '?']).unwrap()).collect();
            let name: String = (0..random.usize(..9)).map(|_| random.choice(['a', 'b']).unwrap()).collect();
            let regex = Pattern::regex(&glob.replace('*', ".*").replace('?', ".")).unwrap();
            assert_eq!(takes(&Pattern::glob(&glob), &name), takes(&regex, &name), "{glob} on {name}");
        }
    }

    #[test]
    fn a_regular_expression_stands_for_the_whole_name() {
        for (expression, yes, no) in [
            ("A|B", "B", "AB"),
            ("a|ab", "ab", "abc"),
            ("POSE.*", "POSE_1", "MY_POSE"),
            ("(?x) pose # the pose", "pose", "pose # the pose"),
            ("(?i)imu", "IMU", "IMU2"),
        ] {
            let pattern = Pattern::regex(expression).unwrap();
            assert!(takes(&pattern, yes) && !takes(&pattern, no), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in ["(", "a)|(b", "[", "*", "(?x) ( # )", "a{1000}{1000}{1000}"] {
            assert!(Pattern::regex(expression).is_err(), "{expression}");
        }
        assert!(Pattern::exact("x".repeat(64)).is_err());
    }

    #[test]
    fn patterns_together_take_what_any_or_none_of_them_takes() {
        let some = || [Pattern::topic("/scan").unwrap(), Pattern::regex("IMU[0-9]").unwrap()];
        for (name, is_taken) in [("/scan#x.Y", true), ("IMU3", true), ("IMU", false), ("", false)] {
            assert_eq!(takes(&Pattern::any_of(some()), name), is_taken, "{name}");
            assert_eq!(takes(&Pattern::none_of(some()), name), !is_taken, "{name}");
        }
        assert!(!takes(&Pattern::any_of([]), "A") && takes(&Pattern::none_of([]), "A"));
        assert!(Pattern::glob("/long*").matches_name(&b"/long".repeat(100)));
    }

    #[test]
    fn names_that_are_not_text_are_matched_as_bytes() {
        let channel = Channel::new(b"\xff\xfe\n").unwrap();
        assert!(Pattern::any().matches(&channel));
        assert!(Pattern::regex(".*").unwrap().matches(&channel));
        assert!(Pattern::exact(b"\xff\xfe\n").unwrap().matches(&channel));
    }
}
