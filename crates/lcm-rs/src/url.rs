//! LCM URLs, `provider://network?key=value&key=value`: parsing, defaults and the errors a user sees.
//!
//! Nothing here opens anything; an interface name is kept as written and resolved when the bus is joined.

use std::collections::HashSet;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::wire::MAX_DATAGRAM_BYTES;

/// The environment variable that names the bus where no URL is given.
pub const DEFAULT_URL_VARIABLE: &str = "LCM_DEFAULT_URL";

/// A parsed LCM URL.
///
/// | provider | network | options |
/// |---|---|---|
/// | `udpm` | `group:port`, empty for `239.255.76.67:7667` | `ttl`, `recv_buf_size`, `iface`, `pace`, `frag`, `spin` |
/// | `memq` | none | none |
/// | `file` | a path | `mode`, `speed`, `start_timestamp` |
///
/// ```
/// let url: lcm::Url = "udpm://239.255.76.67:7667?ttl=1&iface=eth0".parse()?;
/// assert_eq!(url.to_string(), "udpm://239.255.76.67:7667?ttl=1&iface=eth0");
///
/// let error = "udpm://10.0.0.1:7667".parse::<lcm::Url>().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "10.0.0.1 is not a multicast address: the group of a udpm URL lies in 224.0.0.0 to 239.255.255.255",
/// );
/// # Ok::<(), lcm::UrlError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Url {
    /// UDP multicast, the usual bus.
    Udpm(UdpmUrl),
    /// A queue inside this process: what an instance publishes, it alone receives.
    Memq,
    /// An event log, read or written in place of a bus.
    File(FileUrl),
}

/// What a `udpm` URL says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpmUrl {
    /// The multicast group and port.
    pub group: SocketAddrV4,
    /// How many routers a datagram may pass: 0 (the default) keeps it on this host, 1 on this network.
    pub ttl: u8,
    /// Bytes of kernel receive buffer to ask for; without it the largest that needs no privilege, up to 16 MiB.
    pub recv_buf_size: Option<usize>,
    /// The interface to use; without it the kernel's multicast route decides, as in C LCM.
    pub iface: Option<Interface>,
    /// Bytes per second that bursts beyond 128 KiB are slowed to; 0 sends as fast as it can.
    pub pace: u64,
    /// The largest datagram to send, in bytes of UDP payload.
    pub frag: usize,
    /// How long a reader that has just published looks for the answer before it sleeps, while answers come that soon.
    pub spin: Duration,
}

/// A network interface, by name or by one of its addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interface {
    /// Such as `eth0` or `lo`.
    Name(String),
    /// Such as `192.168.1.7`.
    Address(Ipv4Addr),
}

/// What a `file` URL says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FileUrl {
    /// The event log.
    pub path: PathBuf,
    /// Whether it is read, written anew or appended to.
    pub mode: FileMode,
    /// How fast a log is read, as a multiple of the time it was recorded in; 0 or less is as fast as possible.
    pub speed: f64,
    /// Events before this time are passed over; microseconds since the epoch.
    pub start_timestamp: i64,
}

/// How an event log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileMode {
    /// `mode=r`, the default.
    Read,
    /// `mode=w`: an existing file is replaced.
    Write,
    /// `mode=a`.
    Append,
}

/// Why a text is not an LCM URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// There is no `://`.
    #[error(
        "{url:?} is not an LCM URL: expected provider://network?key=value, such as udpm://239.255.76.67:7667?ttl=1"
    )]
    NoProvider {
        /// The text.
        url: String,
    },
    /// The provider is none of ours.
    #[error("provider {provider:?} is not supported: expected udpm, memq or file")]
    UnknownProvider {
        /// What stands before `://`.
        provider: String,
    },
    /// A `udpm` network without `:port`.
    #[error("{network:?} has no port: expected group:port, such as 239.255.76.67:7667")]
    MissingPort {
        /// What stands for the network.
        network: String,
    },
    /// A port that is no number from 1 to 65535.
    #[error("port {port:?} is not a number from 1 to 65535")]
    BadPort {
        /// What stands for the port.
        port: String,
    },
    /// A group that is no IPv4 address.
    #[error("group {group:?} is not an IPv4 address: expected one in 224.0.0.0 to 239.255.255.255")]
    BadGroup {
        /// What stands for the group.
        group: String,
    },
    /// A group that is not multicast.
    #[error("{group} is not a multicast address: the group of a udpm URL lies in 224.0.0.0 to 239.255.255.255")]
    NotMulticast {
        /// The address.
        group: Ipv4Addr,
    },
    /// A `memq` URL that names a network.
    #[error("memq has no network, but the URL names {network:?}: expected memq://")]
    UnexpectedNetwork {
        /// What stands for the network.
        network: String,
    },
    /// A `file` URL without a path.
    #[error("a file URL names an event log: expected file://path, such as file:///tmp/run.lcmlog")]
    MissingPath,
    /// An option without `=`.
    #[error("option {option:?} has no value: expected key=value")]
    NoValue {
        /// The option.
        option: String,
    },
    /// An option this provider does not have.
    #[error("{provider} has no option {key:?}: expected {expected}")]
    UnknownKey {
        /// The provider.
        provider: &'static str,
        /// The key.
        key: String,
        /// The keys it has.
        expected: &'static str,
    },
    /// An option given twice.
    #[error("option {key:?} is given twice")]
    DuplicateKey {
        /// The key.
        key: String,
    },
    /// A value outside what the option accepts.
    #[error("{key}={value} is not valid: expected {expected}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// What it accepts.
        expected: &'static str,
    },
}

impl Url {
    /// The URL that `text` stands for: itself, or for an empty text that of `LCM_DEFAULT_URL`, or
    /// `udpm://239.255.76.67:7667?ttl=0` where the variable is unset or empty too.
    ///
    /// # Errors
    /// As parsing.
    pub fn resolve(text: &str) -> Result<Self, UrlError> {
        if !text.is_empty() {
            return text.parse();
        }
        match std::env::var(DEFAULT_URL_VARIABLE) {
            Ok(default) if !default.is_empty() => default.parse(),
            Err(std::env::VarError::NotUnicode(default)) => {
                Err(UrlError::NoProvider { url: default.to_string_lossy().into_owned() })
            }
            _ => Ok(Self::Udpm(UdpmUrl::default())),
        }
    }
}

impl Default for UdpmUrl {
    fn default() -> Self {
        Self {
            group: DEFAULT_GROUP,
            ttl: 0,
            recv_buf_size: None,
            iface: None,
            pace: DEFAULT_PACE,
            frag: MAX_DATAGRAM_BYTES,
            spin: DEFAULT_SPIN,
        }
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let Some((provider, rest)) = url.split_once("://") else {
            return Err(UrlError::NoProvider { url: url.to_owned() });
        };
        let (network, query) = rest.split_once('?').unwrap_or((rest, ""));
        match provider {
            "udpm" => UdpmUrl::parse(network, query).map(Self::Udpm),
            "memq" => parse_memq(network, query),
            "file" => FileUrl::parse(network, query).map(Self::File),
            _ => Err(UrlError::UnknownProvider { provider: provider.to_owned() }),
        }
    }
}

impl UdpmUrl {
    fn parse(network: &str, query: &str) -> Result<Self, UrlError> {
        let mut url = Self::default();
        if !network.is_empty() {
            url.group = parse_group(network)?;
        }
        for option in options(query) {
            let (key, value) = option?;
            match key {
                "ttl" => url.ttl = number("ttl", value, "a number from 0 to 255")?,
                "recv_buf_size" => {
                    url.recv_buf_size =
                        Some(bounded("recv_buf_size", value, 1..=MAX_RECV_BUF_SIZE, "bytes, from 1 to 1073741824")?);
                }
                "iface" => url.iface = Some(parse_interface(value)?),
                "pace" => url.pace = number("pace", value, "bytes per second, 0 to send without pacing")?,
                "frag" => {
                    url.frag = bounded("frag", value, MIN_FRAG..=MAX_DATAGRAM_BYTES, "bytes, from 128 to 65507")?;
                }
                "spin" => {
                    url.spin =
                        Duration::from_micros(number::<u16>("spin", value, "microseconds, from 0 to 65535")?.into());
                }
                _ => return Err(unknown_key("udpm", key, "ttl, recv_buf_size, iface, pace, frag or spin")),
            }
        }
        Ok(url)
    }
}

impl FileUrl {
    fn parse(path: &str, query: &str) -> Result<Self, UrlError> {
        if path.is_empty() {
            return Err(UrlError::MissingPath);
        }
        let mut url = Self { path: PathBuf::from(path), mode: FileMode::Read, speed: 1.0, start_timestamp: 0 };
        for option in options(query) {
            let (key, value) = option?;
            match key {
                "mode" => {
                    url.mode = match value {
                        "r" => FileMode::Read,
                        "w" => FileMode::Write,
                        "a" => FileMode::Append,
                        _ => return Err(bad_value("mode", value, "r, w or a")),
                    };
                }
                "speed" => {
                    let expected = "a finite number, 0 for as fast as possible";
                    let speed: f64 = number("speed", value, expected)?;
                    if !speed.is_finite() {
                        return Err(bad_value("speed", value, expected));
                    }
                    url.speed = speed;
                }
                "start_timestamp" => {
                    url.start_timestamp = number("start_timestamp", value, "microseconds since the epoch")?;
                }
                _ => return Err(unknown_key("file", key, "mode, speed or start_timestamp")),
            }
        }
        Ok(url)
    }
}

fn parse_memq(network: &str, query: &str) -> Result<Url, UrlError> {
    if !network.is_empty() {
        return Err(UrlError::UnexpectedNetwork { network: network.to_owned() });
    }
    match options(query).next() {
        None => Ok(Url::Memq),
        Some(Ok((key, _))) => Err(unknown_key("memq", key, "none at all")),
        Some(Err(error)) => Err(error),
    }
}

fn parse_group(network: &str) -> Result<SocketAddrV4, UrlError> {
    let Some((group, port)) = network.split_once(':') else {
        return Err(UrlError::MissingPort { network: network.to_owned() });
    };
    let group: Ipv4Addr = group.parse().map_err(|_| UrlError::BadGroup { group: group.to_owned() })?;
    if !group.is_multicast() {
        return Err(UrlError::NotMulticast { group });
    }
    match port.parse() {
        Ok(port @ 1..) => Ok(SocketAddrV4::new(group, port)),
        _ => Err(UrlError::BadPort { port: port.to_owned() }),
    }
}

fn parse_interface(value: &str) -> Result<Interface, UrlError> {
    if let Ok(address) = value.parse() {
        return Ok(Interface::Address(address));
    }
    // The kernel's own limits: a name has 1 to 15 bytes, no slash and no white space.
    let plausible = (1..=15).contains(&value.len()) && !value.contains(|c: char| c == '/' || c.is_whitespace());
    if !plausible {
        return Err(bad_value("iface", value, "an interface name such as eth0 or an IPv4 address of one"));
    }
    Ok(Interface::Name(value.to_owned()))
}

/// The `key=value` pairs of a query, each key once; empty pairs (`a=1&&b=2`) are passed over as C LCM does.
fn options(query: &str) -> impl Iterator<Item = Result<(&str, &str), UrlError>> {
    let mut seen = HashSet::new();
    query.split('&').filter(|option| !option.is_empty()).map(move |option| {
        let Some((key, value)) = option.split_once('=') else {
            return Err(UrlError::NoValue { option: option.to_owned() });
        };
        if !seen.insert(key) {
            return Err(UrlError::DuplicateKey { key: key.to_owned() });
        }
        Ok((key, value))
    })
}

fn number<T: FromStr>(key: &'static str, value: &str, expected: &'static str) -> Result<T, UrlError> {
    value.parse().map_err(|_| bad_value(key, value, expected))
}

fn bounded(
    key: &'static str,
    value: &str,
    range: std::ops::RangeInclusive<usize>,
    expected: &'static str,
) -> Result<usize, UrlError> {
    let parsed = number(key, value, expected)?;
    if range.contains(&parsed) { Ok(parsed) } else { Err(bad_value(key, value, expected)) }
}

fn bad_value(key: &'static str, value: &str, expected: &'static str) -> UrlError {
    UrlError::BadValue { key, value: value.to_owned(), expected }
}

fn unknown_key(provider: &'static str, key: &str, expected: &'static str) -> UrlError {
    UrlError::UnknownKey { provider, key: key.to_owned(), expected }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Udpm(url) => url.fmt(f),
            Self::Memq => f.write_str("memq://"),
            Self::File(url) => url.fmt(f),
        }
    }
}

impl fmt::Display for UdpmUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "udpm://{}?ttl={}", self.group, self.ttl)?;
        if let Some(bytes) = self.recv_buf_size {
            write!(f, "&recv_buf_size={bytes}")?;
        }
        if let Some(iface) = &self.iface {
            write!(f, "&iface={iface}")?;
        }
        if self.pace != DEFAULT_PACE {
            write!(f, "&pace={}", self.pace)?;
        }
        if self.frag != MAX_DATAGRAM_BYTES {
            write!(f, "&frag={}", self.frag)?;
        }
        if self.spin != DEFAULT_SPIN {
            write!(f, "&spin={}", self.spin.as_micros())?;
        }
        Ok(())
    }
}

impl fmt::Display for FileUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = match self.mode {
            FileMode::Read => "r",
            FileMode::Write => "w",
            FileMode::Append => "a",
        };
        let Self { path, speed, start_timestamp, .. } = self;
        write!(f, "file://{}?mode={mode}&speed={speed}&start_timestamp={start_timestamp}", path.display())
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

const DEFAULT_GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 76, 67), 7667);

/// Near 1 GB/s, at which unmodified C receivers keep up on loopback.
const DEFAULT_PACE: u64 = 1_000_000_000;

/// Longer than an answer takes between two cores, and too short to matter where none comes.
const DEFAULT_SPIN: Duration = Duration::from_micros(50);

/// Leaves room for the longest fragment header and channel and still carries payload.
const MIN_FRAG: usize = 128;

/// What `SO_RCVBUF` can hold, halved: the kernel doubles the figure.
const MAX_RECV_BUF_SIZE: usize = 1 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn udpm(url: &str) -> UdpmUrl {
        match url.parse() {
            Ok(Url::Udpm(url)) => url,
            other => panic!("{url}: {other:?}"),
        }
    }

    #[test]
    fn an_empty_network_is_the_default_group() {
        assert_eq!(udpm("udpm://"), UdpmUrl::default());
        assert_eq!(udpm("udpm://?ttl=2").ttl, 2);
    }

    #[test]
    fn every_option_is_read_and_shown_again() {
        let text = "udpm://239.1.2.3:4567?ttl=255&recv_buf_size=4194304&iface=10.0.0.1&pace=0&frag=1400&spin=20";
        assert_eq!(udpm(text).to_string(), text);
        let text = "file:///tmp/a.log?mode=a&speed=2.5&start_timestamp=12";
        assert_eq!(text.parse::<Url>().map(|url| url.to_string()), Ok(text.to_owned()));
        assert_eq!("memq://".parse(), Ok(Url::Memq));
    }

    #[test]
    fn each_fault_names_the_part_and_the_accepted_form() {
        for (url, message) in [
            (
                "239.255.76.67:7667",
                "\"239.255.76.67:7667\" is not an LCM URL: expected provider://network?key=value, such as \
                 udpm://239.255.76.67:7667?ttl=1",
            ),
            ("tcpq://localhost:7700", "provider \"tcpq\" is not supported: expected udpm, memq or file"),
            ("udpm://239.255.76.67", "\"239.255.76.67\" has no port: expected group:port, such as 239.255.76.67:7667"),
            ("udpm://239.255.76.67:0", "port \"0\" is not a number from 1 to 65535"),
            ("udpm://239.255.76.67:76670", "port \"76670\" is not a number from 1 to 65535"),
            ("udpm://bus:7667", "group \"bus\" is not an IPv4 address: expected one in 224.0.0.0 to 239.255.255.255"),
            (
                "udpm://192.168.0.1:7667",
                "192.168.0.1 is not a multicast address: the group of a udpm URL lies in 224.0.0.0 to 239.255.255.255",
            ),
            ("udpm://?ttl=256", "ttl=256 is not valid: expected a number from 0 to 255"),
            ("udpm://?ttl=-1", "ttl=-1 is not valid: expected a number from 0 to 255"),
            ("udpm://?ttl", "option \"ttl\" has no value: expected key=value"),
            ("udpm://?ttl=1&ttl=2", "option \"ttl\" is given twice"),
            ("udpm://?frag=65508", "frag=65508 is not valid: expected bytes, from 128 to 65507"),
            ("udpm://?spin=50us", "spin=50us is not valid: expected microseconds, from 0 to 65535"),
            ("udpm://?recv_buf_size=0", "recv_buf_size=0 is not valid: expected bytes, from 1 to 1073741824"),
            (
                "udpm://?recieve=1",
                "udpm has no option \"recieve\": expected ttl, recv_buf_size, iface, pace, frag or spin",
            ),
            (
                "udpm://?iface=a name that is far too long",
                "iface=a name that is far too long is not valid: expected an interface name such as eth0 or an IPv4 \
                 address of one",
            ),
            ("memq://bus", "memq has no network, but the URL names \"bus\": expected memq://"),
            ("file://", "a file URL names an event log: expected file://path, such as file:///tmp/run.lcmlog"),
            ("file:///a?speed=inf", "speed=inf is not valid: expected a finite number, 0 for as fast as possible"),
        ] {
            assert_eq!(url.parse::<Url>().unwrap_err().to_string(), message);
        }
    }
}
