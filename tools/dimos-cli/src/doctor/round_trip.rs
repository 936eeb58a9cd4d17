//! Whether what this host publishes comes back to it: a few small messages as they are sent always, and large ones with a ttl of 0, so
//! that no network carries them. Where it does not come back, why not.

use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use lcm::{Inline, Lcm, OpenError, PathError, PublishError, UdpmUrl, Url};

use super::buffers::Receiver;
use super::finding::{Finding, Rights};
use super::kernel;
use super::network::{export, larger_buffer};
use crate::topic::units;

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// Why the bus cannot be joined.
    pub(super) refused: Option<Refused>,
    /// Why nothing can be sent, and whether it is forbidden.
    pub(super) unsent: Option<(String, bool)>,
    pub(super) small: Trips,
    pub(super) large: Trips,
    /// Datagrams that the kernel dropped meanwhile because the receive buffer was full.
    pub(super) kernel_drops: u64,
    pub(super) receive_buffer_bytes: Option<u64>,
    /// Who sends here.
    pub(super) source: Option<SocketAddrV4>,
    /// The interfaces on which this host is in the group; none if that is not to be seen.
    pub(super) joined_on: Option<Vec<String>>,
}

/// Why a bus cannot be joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) text: String,
    pub(super) why: Why,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// Another program has the port for itself.
    PortTaken,
    /// No more groups may be joined.
    TooManyGroups,
    Other,
}

/// Messages that were sent and came back.
#[derive(Debug, Clone, Default)]
pub(super) struct Trips {
    pub(super) sent: u32,
    pub(super) times: Vec<Duration>,
}

/// A bus that was joined.
#[derive(Debug)]
pub(super) struct Joined {
    pub(super) bus: Inline,
    /// What is sent by this stays on this host. Held as long as the bus: the senders that are this command itself are told by their
    /// open sockets.
    here: Option<Lcm>,
    /// The channel of what this command sends.
    channel: String,
}

impl Joined {
    /// With each datagram the kernel tells how many it dropped before: this sees to it that another comes.
    pub(super) fn catch_up(&mut self) {
        let Some(here) = &self.here else { return };
        for _ in 0..MARKS {
            if here.publish(&self.channel, &[]).is_err() {
                return;
            }
            let deadline = Instant::now() + PATIENCE;
            while let left = deadline.saturating_duration_since(Instant::now())
                && !left.is_zero()
            {
                match self.bus.receive(Some(left)) {
                    Ok(Some(sample)) if sample.channel().as_bytes() == self.channel.as_bytes() => return,
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        }
    }
}

/// Joins the bus and tries. The connection goes on to be used.
pub(super) fn try_it(url: &UdpmUrl) -> (Facts, Option<Joined>) {
    let mut facts = Facts::default();
    let mut bus = match Inline::open(&Url::Udpm(url.clone()).to_string()) {
        Ok(bus) => bus,
        Err(error) => {
            facts.refused = Some(Refused::from(&error));
            return (facts, None);
        }
    };
    facts.joined_on = kernel::joined_on(*url.group.ip());
    let channel = format!("/mesh/doctor/{}", dimos::NodeId::random());
    let publisher = bus.publisher();
    let publish = |payload: &[u8]| publisher.publish(&channel, payload);
    facts.try_trips(&mut bus, &channel, Size::Small, publish);
    let mut here = None;
    if facts.small.has_come() {
        let pace = if url.pace == 0 { FASTEST_PACE } else { url.pace.clamp(SLOWEST_PACE, FASTEST_PACE) };
        let mut on_host = url.clone();
        (on_host.ttl, on_host.pace) = (0, pace);
        // It has been opened with another ttl already, so there is a way.
        if let Ok(opened) = Lcm::open(&Url::Udpm(on_host).to_string()) {
            facts.try_trips(&mut bus, &channel, Size::Large, |payload| opened.publish(&channel, payload));
            here = Some(opened);
        }
    }
    let mut joined = Joined { bus, here, channel };
    joined.catch_up();
    let statistics = joined.bus.statistics();
    facts.kernel_drops = statistics.kernel_drops;
    facts.receive_buffer_bytes = Some(statistics.receive_buffer_bytes);
    (facts, Some(joined))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Small,
    Large,
}

impl Facts {
    fn try_trips(
        &mut self,
        bus: &mut Inline,
        channel: &str,
        size: Size,
        publish: impl Fn(&[u8]) -> Result<(), PublishError> + Sync,
    ) {
        let (count, bytes) = match size {
            Size::Small => (SMALL_COUNT, SMALL_BYTES),
            Size::Large => (LARGE_COUNT, LARGE_BYTES),
        };
        let mut payload = vec![0; bytes];
        let mut trips = Trips::default();
        let end = Instant::now() + LONGEST;
        // If none has come back, the others need not be tried all.
        while trips.sent < count && (trips.sent < FEW || trips.has_come()) && Instant::now() < end {
            payload[..4].copy_from_slice(&trips.sent.to_be_bytes());
            let start = Instant::now();
            // None while it is still being sent.
            let sent = OnceLock::new();
            let publish = || {
                let published = publish(&payload);
                sent.get_or_init(Instant::now);
                published
            };
            let (published, came) = match size {
                Size::Small => (publish(), self.comes(bus, channel, &payload, start, &sent)),
                // It is read while it is sent, as it is by all others.
                Size::Large => std::thread::scope(|scope| {
                    let publishing = scope.spawn(publish);
                    let came = self.comes(bus, channel, &payload, start, &sent);
                    (publishing.join().unwrap_or(Ok(())), came)
                }),
            };
            if let Err(error) = published {
                let is_forbidden =
                    matches!(&error, PublishError::Send { source, .. } if source.kind() == ErrorKind::PermissionDenied);
                self.unsent = Some((with_cause(&error), is_forbidden));
                break;
            }
            trips.sent += 1;
            trips.times.extend(came);
        }
        match size {
            Size::Small => self.small = trips,
            Size::Large => self.large = trips,
        }
    }

    /// When a message came, if it did soon after all of it was sent.
    fn comes(
        &mut self,
        bus: &mut Inline,
        channel: &str,
        payload: &[u8],
        start: Instant,
        sent: &OnceLock<Instant>,
    ) -> Option<Duration> {
        loop {
            let is_over = sent.get().is_some_and(|sent| sent.elapsed() >= PATIENCE);
            match bus.receive(Some(LOOK_EVERY)) {
                Ok(Some(sample))
                    if sample.channel().as_bytes() == channel.as_bytes() && **sample.payload() == *payload =>
                {
                    self.source = sample.sender();
                    return Some(start.elapsed());
                }
                Ok(_) if !is_over => {}
                _ => return None,
            }
        }
    }

    /// Whether what was sent came back; none if nothing could be tried.
    pub(super) fn comes_back(&self) -> Option<bool> {
        self.refused.is_none().then(|| self.small.has_come())
    }

    /// Whether some of it did not.
    pub(super) fn loses(&self) -> bool {
        self.small.lost() > 0 || self.large.lost() > 0 && self.kernel_drops == 0
    }
}

impl Trips {
    fn has_come(&self) -> bool {
        !self.times.is_empty()
    }

    fn back(&self) -> usize {
        self.times.len()
    }

    fn lost(&self) -> usize {
        usize::try_from(self.sent).unwrap_or(usize::MAX).saturating_sub(self.back())
    }

    /// As in `20 of 20, in 25.1 us, at most 80.2 us`.
    fn to_text(&self) -> String {
        let mut times = self.times.clone();
        times.sort_unstable();
        let time = |at: usize| units::time(times.get(at).copied().unwrap_or_default().as_secs_f64());
        let (median, most) = (time(times.len() / 2), time(times.len().saturating_sub(1)));
        format!("{} of {}, the median after {median}, the last to come after {most}", self.back(), self.sent)
    }
}

impl From<&OpenError> for Refused {
    fn from(error: &OpenError) -> Self {
        let source = match error {
            OpenError::Path(
                PathError::Interface { source, .. }
                | PathError::Loopback { source, .. }
                | PathError::Socket { source, .. },
            )
            | OpenError::Receive { source, .. } => source.raw_os_error(),
            _ => None,
        };
        let errno = source.map(rustix::io::Errno::from_raw_os_error);
        let why = match errno {
            Some(rustix::io::Errno::ADDRINUSE) => Why::PortTaken,
            Some(rustix::io::Errno::NOBUFS) => Why::TooManyGroups,
            _ => Why::Other,
        };
        Self { text: with_cause(error), why }
    }
}

/// What is said of the attempt. `repaired` are the commands that repair what keeps the bus from being joined, if that was found
/// already; `others` have the port, too.
pub(super) fn findings(
    facts: &Facts,
    url: &UdpmUrl,
    rights: Rights,
    others: &[Receiver],
    repaired: &[String],
) -> Vec<Finding> {
    let group = url.group.ip();
    if let Some(Refused { text, why }) = &facts.refused {
        let (text, remedy) = match why {
            Why::PortTaken => {
                let taken = others.iter().find_map(|other| other.process.as_ref());
                let by = taken.map_or_else(
                    || "a program of another user".to_owned(),
                    |(pid, name)| format!("{} (process {pid})", crate::output::plain(name)),
                );
                let free = export(url, |url| url.group.set_port(url.group.port().checked_add(1).unwrap_or(7667)));
                let end = taken.map(|(pid, _)| format!("kill {pid}"));
                (format!("{text}: {by} has port {} for itself", url.group.port()), vec![end.unwrap_or(free)])
            }
            Why::TooManyGroups => (
                format!("{text}: net.ipv4.igmp_max_memberships allows no more groups"),
                vec![rights.sysctl("net.ipv4.igmp_max_memberships", 20)],
            ),
            Why::Other => (text.clone(), repaired.to_vec()),
        };
        return vec![Finding::fatal("membership", text).repaired_by(remedy)];
    }
    let mut findings = vec![match &facts.joined_on {
        Some(on) if on.is_empty() => {
            Finding::fatal("membership", format!("this host is not in the group {group}, though it joined it"))
        }
        Some(on) => {
            let twice =
                if on.len() > 1 { "; where several lead to one network, a message comes once by each" } else { "" };
            Finding::pass("membership", format!("this host is in the group {group} on {}{twice}", on.join(", ")))
        }
        None => Finding::unknown("membership", "the kernel does not tell who is in which group"),
    }];
    findings.push(match (&facts.unsent, facts.small.back()) {
        (Some((text, _)), 0) => Finding::fatal("round_trip", format!("nothing can be sent: {text}")),
        (None, 0) => {
            Finding::fatal("round_trip", format!("{} small messages were sent, and none came back", facts.small.sent))
        }
        _ if facts.small.lost() > 0 || facts.unsent.is_some() => {
            let buffer = (facts.kernel_drops > 0).then(|| larger_buffer(url, rights));
            Finding::fail("round_trip", format!("small messages do not all come back: {}", facts.small.to_text()))
                .repaired_by(buffer)
        }
        _ => Finding::pass("round_trip", format!("small messages come back: {}", facts.small.to_text())),
    });
    if facts.small.has_come() && facts.large.sent > 0 {
        findings.push(large(facts, url, rights));
    }
    findings
}

fn large(facts: &Facts, url: &UdpmUrl, rights: Rights) -> Finding {
    const CODE: &str = "large_messages";
    let size = "messages of 1 MB";
    if facts.large.lost() == 0 {
        return Finding::pass(CODE, format!("{size}, paced, come back: {}", facts.large.to_text()));
    }
    let text = format!("{size} do not all come back: {} of {}", facts.large.back(), facts.large.sent);
    if facts.kernel_drops == 0 && facts.small.lost() > 0 {
        return Finding::fail(
            CODE,
            format!("{text}, for the same reason as small ones: each consists of many datagrams"),
        );
    }
    if facts.kernel_drops == 0 {
        let text =
            format!("{text}; the receive buffer was never full, so something on the way drops datagrams of 64 kB");
        return Finding::fail(CODE, text).repaired_by([export(url, |url| url.frag = super::network::ETHERNET_PAYLOAD)]);
    }
    let text = format!("{text}, because the receive buffer was full and {} datagrams were dropped", facts.kernel_drops);
    Finding::fail(CODE, text).repaired_by([larger_buffer(url, rights)])
}

/// An error and what caused it, unless it says that itself.
fn with_cause(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    match error.source().map(ToString::to_string) {
        Some(cause) if !text.contains(&cause) => format!("{text}: {cause}"),
        _ => text,
    }
}

/// However many are lost.
const LONGEST: Duration = Duration::from_secs(2);

const SMALL_COUNT: u32 = 20;
const SMALL_BYTES: usize = 64;
const LARGE_COUNT: u32 = 4;
const LARGE_BYTES: usize = 1_000_000;

/// If none of so many comes back, none will.
const FEW: u32 = 8;

/// On one host it takes some microseconds.
const PATIENCE: Duration = Duration::from_millis(200);

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bytes a second: what all programs of a host bear, and what does not take long.
const FASTEST_PACE: u64 = 20_000_000;
const SLOWEST_PACE: u64 = 4_000_000;

/// Some of them may be lost.
const MARKS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn url(text: &str) -> UdpmUrl {
        let Ok(Url::Udpm(url)) = text.parse() else { panic!("no multicast: {text}") };
        url
    }

    fn trips(sent: u32, back: u64) -> Trips {
        Trips { sent, times: (1..=back).map(Duration::from_micros).collect() }
    }

    fn found(facts: &Facts, text: &str, code: &str) -> (Status, String, Vec<String>) {
        let others = [Receiver { process: Some((7, "hog".to_owned())), buffer: None, is_full: false, dropped: 0 }];
        let findings = findings(facts, &url(text), Rights { is_root: true }, &others, &["repair".to_owned()]);
        let finding = findings.into_iter().find(|finding| finding.code == code).unwrap();
        (finding.status, finding.message, finding.remedy)
    }

    #[test]
    fn what_comes_back_is_told_with_its_times() {
        let facts = Facts {
            small: trips(20, 20),
            large: trips(4, 4),
            joined_on: Some(vec!["lo".to_owned()]),
            ..Facts::default()
        };
        for code in ["membership", "round_trip", "large_messages"] {
            assert_eq!(found(&facts, "udpm://", code).0, Status::Pass);
        }
        assert!(found(&facts, "udpm://", "round_trip").1.contains("20 of 20, the median after 11.0 us"));
        assert_eq!(facts.comes_back(), Some(true));
    }

    #[test]
    fn large_messages_are_lost_in_the_buffer_or_on_the_way() {
        let facts = Facts { small: trips(20, 20), large: trips(4, 1), kernel_drops: 9, ..Facts::default() };
        let (status, message, remedy) = found(&facts, "udpm://?recv_buf_size=4096", "large_messages");
        assert_eq!((status, message.contains("9 datagrams were dropped")), (Status::Fail, true), "{message}");
        assert_eq!(remedy, ["export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=0'"]);
        assert_eq!(found(&facts, "udpm://", "large_messages").2, ["sysctl -w net.core.rmem_max=16777216"]);
        let facts = Facts { kernel_drops: 0, ..facts };
        assert!(found(&facts, "udpm://", "large_messages").2[0].contains("frag=1472"));
        // That is no matter of their size.
        let (_, message, remedy) = found(&Facts { small: trips(20, 12), ..facts }, "udpm://", "large_messages");
        assert_eq!((message.contains("the same reason as small ones"), remedy.len()), (true, 0), "{message}");
    }

    #[test]
    fn a_bus_that_cannot_be_joined_is_told_with_its_cause() {
        let refused = |why| Facts { refused: Some(Refused { text: "no".to_owned(), why }), ..Facts::default() };
        let (status, message, remedy) = found(&refused(Why::PortTaken), "udpm://", "membership");
        assert_eq!((status, &remedy[..]), (Status::Fail, &["kill 7".to_owned()][..]), "{message}");
        assert!(message.contains("hog (process 7) has port 7667 for itself"), "{message}");
        assert_eq!(
            found(&refused(Why::TooManyGroups), "udpm://", "membership").2,
            ["sysctl -w net.ipv4.igmp_max_memberships=20"]
        );
        assert_eq!(found(&refused(Why::Other), "udpm://", "membership").2, ["repair"]);
        assert_eq!(refused(Why::Other).comes_back(), None);
        let blocked = Facts { small: trips(3, 0), ..Facts::default() };
        assert_eq!(found(&blocked, "udpm://", "round_trip").0, Status::Fail);
        assert_eq!(blocked.comes_back(), Some(false));
        let forbidden = Facts { unsent: Some(("not permitted".to_owned(), true)), ..Facts::default() };
        assert_eq!(found(&forbidden, "udpm://", "round_trip").1, "nothing can be sent: not permitted");
        assert_eq!(forbidden.comes_back(), Some(false));
    }
}
