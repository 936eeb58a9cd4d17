//! Whether messages are of the type that their channel names, which the first eight bytes of each tell. Nothing is decoded.

use std::sync::Arc;

use lcm::Channel;
use lcm::schema::{Catalog, Suffix};
use serde::Serialize;

/// The type of the messages of a channel, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Typing {
    /// As the channel names it, or else as the messages do, if they have one.
    pub name: Option<Arc<str>>,
    /// What channel and messages say of each other.
    pub agreement: Agreement,
    /// Messages that are not of the type that the channel names, nor of the version of it that is known here.
    pub mismatched: u64,
    /// What the last messages began with, and whether that is as it should be.
    last: Option<(Option<[u8; 8]>, bool)>,
}

/// Whether the type that a channel names is that of its messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// It is.
    Agrees,
    /// They are of another one, or of another version of it.
    Disagrees,
    /// The type that it names is not known here.
    UnknownType,
    /// It names none.
    NoType,
    /// There were no messages.
    #[default]
    NotHeard,
}

impl Typing {
    /// A message came that begins so.
    pub fn look(&mut self, catalog: &Catalog, channel: &Channel, beginning: &[u8]) {
        let first = beginning.first_chunk().copied();
        let fits = match self.last {
            Some((last, fits)) if last == first => fits,
            _ => self.identify(catalog, channel, beginning),
        };
        self.last = Some((first, fits));
        self.mismatched += u64::from(!fits);
    }

    /// Whether a message that begins so may be on this channel.
    fn identify(&mut self, catalog: &Catalog, channel: &Channel, beginning: &[u8]) -> bool {
        let identity = catalog.identify(channel.as_bytes(), beginning);
        let best = identity.best().map(lcm::schema::MessageType::name);
        let suffix = || {
            let name = channel.as_bytes();
            let start = name.iter().rposition(|&byte| byte == b'#')? + 1;
            Some(Arc::from(&*String::from_utf8_lossy(&name[start..])))
        };
        let agreement = Agreement::of(&identity.suffix);
        let name = match agreement {
            Agreement::Agrees => best.map(Arc::from),
            Agreement::NoType => several(best, identity.candidates.len()),
            _ => suffix(),
        };
        // One that agrees is better than the next that does not.
        if self.agreement != Agreement::Agrees {
            (self.agreement, self.name) = (agreement, name);
        }
        agreement != Agreement::Disagrees
    }
}

impl Agreement {
    /// What the name of a channel says of a message that came on it.
    #[must_use]
    pub fn of(suffix: &Suffix<'_>) -> Self {
        match suffix {
            Suffix::Agrees => Self::Agrees,
            Suffix::Disagrees(_) => Self::Disagrees,
            Suffix::Missing => Self::NoType,
            _ => Self::UnknownType,
        }
    }
}

/// The name of a type that others look like, too.
fn several(best: Option<&str>, count: usize) -> Option<Arc<str>> {
    match (best, count) {
        (Some(best), 2..) => Some(Arc::from(format!("{best} or {} more", count - 1))),
        (best, _) => best.map(Arc::from),
    }
}

#[cfg(test)]
mod tests {
    use lcm::Message;
    use lcm_types::geometry_msgs::{Point, PoseStamped, Twist};

    use super::*;

    fn typing(channel: &str, messages: &[&[u8]]) -> (Option<String>, Agreement, u64) {
        let mut typing = Typing::default();
        let channel = Channel::new(channel).unwrap();
        messages.iter().for_each(|message| typing.look(lcm_types::catalog(), &channel, message));
        (typing.name.map(|name| name.to_string()), typing.agreement, typing.mismatched)
    }

    #[test]
    fn messages_of_another_type_are_counted() {
        let (twist, pose) = (Twist::default().encode().unwrap(), PoseStamped::default().encode().unwrap());
        let named = |name: &str| Some(name.to_owned());
        let channel = "/cmd_vel#geometry_msgs.Twist";
        let expected = (named("geometry_msgs.Twist"), Agreement::Agrees, 0);
        assert_eq!(typing(channel, &[&twist, &twist]), expected);
        assert_eq!(typing("/cmd_vel#Twist", &[&twist]), expected);
        let mixed = [&pose[..], &twist, &pose, &pose, b"short", &twist];
        assert_eq!(typing(channel, &mixed), (named("geometry_msgs.Twist"), Agreement::Agrees, 4));
        assert_eq!(typing(channel, &[&pose]), (named("geometry_msgs.Twist"), Agreement::Disagrees, 1));
        assert_eq!(typing("/x#my.Thing", &[&pose]), (named("my.Thing"), Agreement::UnknownType, 0));
        let bare = typing("POSE", &[&pose]);
        assert_eq!(bare, (named("geometry_msgs.PoseStamped"), Agreement::NoType, 0));
        assert_eq!(typing("RAW", &[b"\x80\x04"]), (None, Agreement::NoType, 0));
        let point = Point::default().encode().unwrap();
        assert!(typing("POINT", &[&point]).0.unwrap().ends_with(" or 1 more"));
    }
}
