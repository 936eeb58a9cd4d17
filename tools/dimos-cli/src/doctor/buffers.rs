//! How much the kernel keeps for receivers that are busy: the receive buffer of a socket of ours, those of the other programs on the
//! bus, and the room for datagrams that come in fragments. No I/O.

use lcm::UdpmUrl;

use super::finding::{Finding, Rights};
use super::kernel::Counters;
use super::network::{ETHERNET_PAYLOAD, export};
use crate::output::plain;
use crate::topic::units;

/// What is known of buffers.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) url: UdpmUrl,
    pub(super) rights: Rights,
    /// What the kernel gave, as it counts itself; none if the bus could not be joined.
    pub(super) obtained: Option<u64>,
    /// What a program may ask for, and what one gets that does not ask.
    pub(super) rmem_max: Option<u64>,
    pub(super) rmem_default: Option<u64>,
    /// The other programs that are bound to the port of the bus; none if that is not to be seen.
    pub(super) receivers: Option<Vec<Receiver>>,
    /// Room for fragments.
    pub(super) ipfrag_high_thresh: Option<u64>,
    /// The interface that is used.
    pub(super) interface: Option<String>,
    pub(super) mtu: Option<u32>,
    /// Whether datagrams can leave this host.
    pub(super) leaves_host: bool,
    /// How the reverse path filter is set for that interface; none if that is not to be seen.
    pub(super) rp_filter: Option<u64>,
    /// Whether it looks at other interfaces, too.
    pub(super) filters_elsewhere: bool,
    /// What the kernel counted for the whole host while it was listened; none if it was not, or that is not to be seen.
    pub(super) counted: Option<Counters>,
    /// Whether other hosts were heard meanwhile, and whether messages of theirs were lost.
    pub(super) hears_hosts: bool,
    pub(super) loses_of_hosts: bool,
    pub(super) listened_s: f64,
}

/// Another program that is bound to the port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Receiver {
    /// The number of the process and its name, if they are to be seen.
    pub(super) process: Option<(u32, String)>,
    pub(super) buffer: Option<u32>,
    /// Whether the buffer was found half full or more.
    pub(super) is_full: bool,
    /// Datagrams that did not get into it while it was listened: because it was full, or because the program wants none of them and
    /// has a filter in the kernel that says so, as those of this mesh do.
    pub(super) dropped: u32,
}

pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings: Vec<_> = receive_buffer(facts).into_iter().collect();
    findings.extend([receivers(facts), fragments(facts), reverse_path(facts)]);
    findings
}

fn receive_buffer(facts: &Facts) -> Option<Finding> {
    const CODE: &str = "receive_buffer";
    let obtained = facts.obtained?;
    let asked = facts.url.recv_buf_size.map(|bytes| u64::try_from(bytes).unwrap_or(u64::MAX));
    // The kernel doubles what it is asked for, for its own use, and counts that.
    let rmem_max =
        facts.rmem_max.map_or_else(|| "what net.core.rmem_max allows".to_owned(), |max| units::bytes(float(max)));
    let of = match asked {
        Some(asked) => format!("recv_buf_size={asked} in the URL, of at most {rmem_max}"),
        None => format!("as much as net.core.rmem_max allows, {rmem_max}"),
    };
    let holds = obtained / 2;
    let text = format!(
        "{} for each socket ({of}): holds bursts of about {} while a program is busy",
        units::bytes(float(obtained)),
        units::bytes(float(holds)),
    );
    let is_small = obtained < GOOD_BYTES;
    if !is_small {
        return Some(Finding::pass(CODE, text));
    }
    // What the URL asks for is the limit, or else the kernel.
    let is_url = asked.is_some_and(|asked| facts.rmem_max.is_none_or(|max| asked < max.min(GOOD_BYTES / 2)));
    let mut remedy = Vec::new();
    if facts.rmem_max.is_some_and(|max| max < GOOD_BYTES / 2) || facts.rmem_max.is_none() && !is_url {
        // In a container it is the host's, and not even to be seen.
        let place = if facts.rmem_max.is_none() { "    # on the host of this container" } else { "" };
        remedy.push(facts.rights.sysctl("net.core.rmem_max", ADVISED_RMEM_MAX) + place);
        remedy.push(facts.rights.sysctl_for_good("net.core.rmem_max", ADVISED_RMEM_MAX));
    }
    if is_url {
        remedy.push(export(&facts.url, |url| url.recv_buf_size = None));
    }
    Some(if obtained < LEAST_BYTES {
        let text = format!(
            "{text}, which is less than a datagram of LCM may have: what comes before the last one was read is lost, such as most of a \
             larger message, unless its sender paces it (pace= in its URL)"
        );
        Finding::fail(CODE, text).repaired_by(remedy)
    } else {
        Finding::warn(CODE, format!("{text}; images and point clouds may be larger")).repaired_by(remedy)
    })
}

fn receivers(facts: &Facts) -> Finding {
    const CODE: &str = "receivers";
    let port = facts.url.group.port();
    let default = facts.rmem_default.unwrap_or_default();
    let Some(receivers) = &facts.receivers else {
        return Finding::unknown(CODE, format!("the kernel does not tell who else listens on port {port}"));
    };
    if receivers.is_empty() {
        return Finding::pass(CODE, format!("no other program of this host listens on port {port}"));
    }
    let mut named: Vec<_> = receivers.iter().map(Receiver::name).collect();
    named.dedup();
    let count = receivers.len();
    let is_small = |receiver: &&Receiver| receiver.buffer.is_some_and(|bytes| u64::from(bytes) <= 2 * default);
    let small = match receivers.iter().filter(is_small).count() {
        0 => String::new(),
        small => format!(
            "; {small} of them with the usual receive buffer of {} or less, as C LCM has it without recv_buf_size= in its URL",
            units::bytes(float(default)),
        ),
    };
    let full_buffers = facts.counted.map_or(0, |counted| counted.full_buffers);
    // The kernel counts for all sockets of the host, and for one what a filter of its own refuses, too: only who is behind loses.
    let slow: Vec<_> = receivers.iter().filter(|receiver| receiver.dropped > 0 && receiver.is_full).collect();
    if full_buffers > 0 && !slow.is_empty() {
        let named: Vec<_> = slow.iter().take(MAX_LISTED).map(|receiver| receiver.name()).collect();
        let lost = slow.iter().map(|receiver| u64::from(receiver.dropped)).sum::<u64>().min(full_buffers);
        let text = format!(
            "within {:.1} s {lost} datagrams were lost in full receive buffers, because programs read too slowly: {}{small}; with a \
             larger buffer, start them again",
            facts.listened_s,
            named.join(", ")
        );
        let limit = facts.rmem_max.filter(|max| *max < ASKED_BYTES as u64);
        let limit = limit.map(|_| facts.rights.sysctl("net.core.rmem_max", ADVISED_RMEM_MAX));
        let buffer = export(&facts.url, |url| url.recv_buf_size = Some(ASKED_BYTES));
        return Finding::fail(CODE, text).repaired_by(limit.into_iter().chain([buffer]));
    }
    let elsewhere = match full_buffers {
        0 => String::new(),
        dropped => {
            format!("; elsewhere on this host {dropped} datagrams found a full one within {:.1} s", facts.listened_s)
        }
    };
    let names = named.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join(", ");
    Finding::pass(
        CODE,
        format!(
            "{count} sockets of other programs listen on port {port}, and none was seen full: {names}{small}{elsewhere}"
        ),
    )
}

fn fragments(facts: &Facts) -> Finding {
    const CODE: &str = "fragments";
    let lost = facts.counted.map_or(0, |counted| counted.not_reassembled);
    let small = facts.ipfrag_high_thresh.filter(|room| *room < LEAST_FRAGMENT_BYTES);
    // The kernel counts those of all protocols and interfaces.
    let is_of_bus = lost > 0 && facts.loses_of_hosts;
    let within = format!("within {:.1} s {lost} datagrams did not become whole", facts.listened_s);
    if let Some(room) = small {
        let room = units::bytes(float(room));
        let text = format!(
            "the kernel keeps at most {room} of fragments (net.ipv4.ipfrag_high_thresh): large messages of other hosts have no room beside \
             each other"
        );
        let remedy = facts.rights.sysctl("net.ipv4.ipfrag_high_thresh", ADVISED_FRAGMENT_BYTES);
        let finding = match lost {
            0 => Finding::warn(CODE, text),
            _ if is_of_bus => Finding::fail(CODE, format!("{text}; {within}, and messages of other hosts were lost")),
            _ => Finding::warn(CODE, format!("{text}; {within}; {}", whose(facts))),
        };
        return finding.repaired_by([remedy]);
    }
    if is_of_bus {
        let text = format!(
            "{within} because IP fragments of them were lost on the way, and messages of other hosts were lost: let those who send \
             large messages send them in datagrams that need no fragments, which each of them is told by its URL"
        );
        return Finding::fail(CODE, text).repaired_by([export(&facts.url, |url| url.frag = ETHERNET_PAYLOAD)]);
    }
    if lost > 0 {
        let text = format!("{within}; {}", whose(facts));
        return if facts.takes_all_whole() { Finding::pass(CODE, text) } else { Finding::unknown(CODE, text) };
    }
    // What stays on this host is given back whole, but by the loopback interface itself, which cuts like any other.
    let Some(mtu) = facts.mtu.filter(|_| facts.leaves_host || facts.is_on_loopback()) else {
        return Finding::pass(CODE, "nothing leaves this host, so nothing is cut into fragments");
    };
    let lost = if facts.counted.is_some() { "none was lost now" } else { "whether any was lost is not to be seen" };
    let payload = usize::try_from(mtu).unwrap_or(usize::MAX).saturating_sub(IP_AND_UDP);
    match facts.url.frag {
        frag if frag <= payload => {
            Finding::pass(CODE, format!("datagrams of at most {frag} bytes fit into packets of {mtu}"))
        }
        frag => {
            let pieces = (frag + 8).div_ceil(payload.max(1));
            Finding::pass(
                CODE,
                format!(
                    "a datagram of {frag} bytes is {pieces} fragments of {mtu}, and lost if one of them is; {lost}, \
                     and with frag={payload} in the URL there are none"
                ),
            )
        }
    }
}

/// Whether datagrams that did not become whole were of the bus, where messages that were are not known to be lost.
fn whose(facts: &Facts) -> &'static str {
    if facts.takes_all_whole() {
        "they were not of the bus, which is on the loopback interface"
    } else if facts.hears_hosts {
        "no message of the hosts that were heard was lost, so they may have been of other programs, or have come up to 30 s before"
    } else {
        "whether they were of the bus cannot be told, since no other host was heard"
    }
}

fn reverse_path(facts: &Facts) -> Finding {
    const CODE: &str = "reverse_path";
    let Some(counted) = facts.counted else {
        return Finding::unknown(CODE, "the counters of the kernel were not looked at, or are not to be seen");
    };
    // The kernel counts for all interfaces.
    let looks_at_bus = facts.leaves_host && facts.rp_filter.is_none_or(|filter| filter > 0);
    match counted.reverse_path {
        0 => Finding::pass(CODE, format!("the reverse path filter dropped nothing within {:.1} s", facts.listened_s)),
        dropped if !looks_at_bus => Finding::pass(
            CODE,
            format!(
                "within {:.1} s the reverse path filter (rp_filter) dropped {dropped} packets, none of them of the bus, which it does \
                 not look at",
                facts.listened_s
            ),
        ),
        dropped => {
            let text = format!(
                "within {:.1} s the reverse path filter (rp_filter) dropped {dropped} packets: they came in on an interface by \
                 which this host would not answer their senders",
                facts.listened_s
            );
            // The larger of both counts. With 2 it would still drop those to whom there is no way at all.
            let interfaces = ["all"].into_iter().chain(facts.interface.as_deref());
            let remedy = interfaces.map(|name| facts.rights.sysctl(&format!("net/ipv4/conf/{name}/rp_filter"), 0));
            let finding = if facts.hears_hosts || facts.filters_elsewhere {
                Finding::warn(CODE, format!("{text}; whether they were of the bus cannot be told"))
            } else {
                Finding::fail(CODE, format!("{text}, and no other host was heard"))
            };
            finding.repaired_by(remedy)
        }
    }
}

impl Facts {
    fn is_on_loopback(&self) -> bool {
        self.interface.as_deref() == Some("lo")
    }

    /// Whether no datagram of the bus is cut: the packets of the loopback interface usually have room for the largest.
    fn takes_all_whole(&self) -> bool {
        self.is_on_loopback() && self.mtu.is_none_or(|mtu| usize::try_from(mtu).is_ok_and(|mtu| mtu >= LARGEST_PACKET))
    }
}

impl Receiver {
    fn name(&self) -> String {
        match &self.process {
            Some((pid, name)) => format!("{} (process {pid})", plain(name)),
            None => "a program of another user".to_owned(),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

/// With less, a datagram of the largest size gets in only if no other waits.
const LEAST_BYTES: u64 = 160 << 10;

/// With so much, a message of a megabyte fits whatever its packets.
const GOOD_BYTES: u64 = 4 << 20;

/// What the README advises.
const ADVISED_RMEM_MAX: u64 = 16 << 20;

/// For programs of C LCM, which ask for nothing by themselves.
const ASKED_BYTES: usize = 4 << 20;

const LEAST_FRAGMENT_BYTES: u64 = 1 << 20;

/// The kernel's own default.
const ADVISED_FRAGMENT_BYTES: u64 = 4 << 20;

/// An IP packet cannot be longer.
const LARGEST_PACKET: usize = 65_535;

/// Headers of a packet before the payload.
const IP_AND_UDP: usize = 28;

const MAX_LISTED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn facts(url: &str) -> Facts {
        let lcm::Url::Udpm(url) = url.parse().unwrap() else { panic!("no multicast: {url}") };
        Facts {
            url,
            rights: Rights { is_root: false },
            obtained: Some(8 << 20),
            rmem_max: Some(4 << 20),
            rmem_default: Some(212_992),
            receivers: Some(Vec::new()),
            ipfrag_high_thresh: Some(4 << 20),
            interface: Some("eth0.7".to_owned()),
            mtu: Some(1500),
            leaves_host: true,
            rp_filter: Some(1),
            filters_elsewhere: false,
            counted: Some(Counters::default()),
            hears_hosts: false,
            loses_of_hosts: false,
            listened_s: 2.0,
        }
    }

    fn of(facts: &Facts, code: &str) -> (Status, String, Vec<String>) {
        let finding = findings(facts).into_iter().find(|finding| finding.code == code).unwrap();
        (finding.status, finding.message, finding.remedy)
    }

    #[test]
    fn all_is_well_with_a_large_buffer_and_nothing_lost() {
        let found = findings(&facts("udpm://?ttl=1"));
        assert!(found.iter().all(|finding| finding.status == Status::Pass), "{found:?}");
        assert!(found[2].message.contains("45 fragments of 1500"), "{found:?}");
    }

    #[test]
    fn a_small_buffer_is_repaired_where_it_is_small() {
        let mut facts = facts("udpm://");
        (facts.obtained, facts.rmem_max) = (Some(425_984), Some(212_992));
        let (status, message, remedy) = of(&facts, "receive_buffer");
        assert_eq!(status, Status::Warn, "{message}");
        assert_eq!(
            remedy,
            [
                "sudo sysctl -w net.core.rmem_max=16777216",
                "echo 'net.core.rmem_max = 16777216' | sudo tee -a /etc/sysctl.d/60-lcm.conf",
            ]
        );
        (facts.obtained, facts.rmem_max, facts.url.recv_buf_size) = (Some(8192), Some(4 << 20), Some(4096));
        let (status, message, remedy) = of(&facts, "receive_buffer");
        assert_eq!((status, message.contains("recv_buf_size=4096 in the URL")), (Status::Fail, true), "{message}");
        assert_eq!(remedy, ["export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=0'"]);
        // Both are in the way.
        facts.rmem_max = Some(212_992);
        assert_eq!(of(&facts, "receive_buffer").2.len(), 3);
        facts.obtained = None;
        assert!(findings(&facts).iter().all(|finding| finding.code != "receive_buffer"));
    }

    #[test]
    fn programs_that_lose_are_named() {
        let mut facts = facts("udpm://");
        let receiver = |pid: u32, is_full, dropped| Receiver {
            process: Some((pid, format!("logger{pid}"))),
            buffer: Some(212_992),
            is_full,
            dropped,
        };
        let mut receivers = vec![receiver(1, false, 0), Receiver { process: None, ..receiver(2, false, 0) }];
        facts.receivers = Some(receivers.clone());
        let (status, message, _) = of(&facts, "receivers");
        assert_eq!(
            (status, message.contains("2 of them with the usual receive buffer")),
            (Status::Pass, true),
            "{message}"
        );
        assert!(message.contains("logger1 (process 1), a program of another user"), "{message}");
        // What a filter refuses is not lost, whatever other sockets of the host lose.
        receivers.push(receiver(3, false, 7));
        facts.receivers = Some(receivers.clone());
        assert_eq!(of(&facts, "receivers").0, Status::Pass);
        facts.counted = Some(Counters { full_buffers: 5, ..Counters::default() });
        let (status, message, _) = of(&facts, "receivers");
        assert_eq!((status, message.contains("elsewhere on this host 5 datagrams")), (Status::Pass, true), "{message}");
        receivers.push(receiver(4, true, 2));
        facts.receivers = Some(receivers);
        let (status, message, remedy) = of(&facts, "receivers");
        assert_eq!((status, message.contains("2 datagrams")), (Status::Fail, true), "{message}");
        assert!(message.contains("slowly: logger4 (process 4);"), "{message}");
        assert_eq!(remedy, ["export LCM_DEFAULT_URL='udpm://239.255.76.67:7667?ttl=0&recv_buf_size=4194304'"]);
        facts.rmem_max = Some(212_992);
        assert_eq!(of(&facts, "receivers").2.len(), 2);
        facts.receivers = None;
        assert_eq!(of(&facts, "receivers").0, Status::Unknown);
    }

    #[test]
    fn lost_fragments_and_filtered_packets_are_evidence_and_little_room_is_a_warning() {
        let mut facts = facts("udpm://?ttl=1");
        facts.ipfrag_high_thresh = Some(100_000);
        let (status, message, remedy) = of(&facts, "fragments");
        assert_eq!(
            (status, &remedy[0][..]),
            (Status::Warn, "sudo sysctl -w net.ipv4.ipfrag_high_thresh=4194304"),
            "{message}"
        );
        facts.counted = Some(Counters { not_reassembled: 3, reverse_path: 5, ..Counters::default() });
        assert_eq!(of(&facts, "fragments").0, Status::Warn);
        facts.loses_of_hosts = true;
        let (status, message, remedy) = of(&facts, "fragments");
        assert_eq!(
            (status, &remedy[0][..]),
            (Status::Fail, "sudo sysctl -w net.ipv4.ipfrag_high_thresh=4194304"),
            "{message}"
        );
        facts.ipfrag_high_thresh = Some(4 << 20);
        let (status, message, remedy) = of(&facts, "fragments");
        assert_eq!((status, remedy[0].contains("frag=1472")), (Status::Fail, true), "{message}");
        // They may be those of another protocol.
        facts.loses_of_hosts = false;
        assert_eq!(of(&facts, "fragments").0, Status::Unknown);
        (facts.interface, facts.mtu) = (Some("lo".to_owned()), Some(65_536));
        assert_eq!(of(&facts, "fragments").0, Status::Pass);
        (facts.counted, facts.leaves_host) = (Some(Counters::default()), false);
        for (mtu, expected) in [(1500, "45 fragments of 1500"), (65_536, "fit into packets of 65536")] {
            facts.mtu = Some(mtu);
            let (status, message, _) = of(&facts, "fragments");
            assert_eq!((status, message.contains(expected)), (Status::Pass, true), "{message}");
        }
        facts.counted = Some(Counters { not_reassembled: 3, reverse_path: 5, ..Counters::default() });
        (facts.mtu, facts.leaves_host) = (Some(1500), true);
        facts.interface = Some("eth0.7".to_owned());
        let (status, message, remedy) = of(&facts, "reverse_path");
        assert_eq!(
            (status, &remedy[0][..]),
            (Status::Fail, "sudo sysctl -w net/ipv4/conf/all/rp_filter=0"),
            "{message}"
        );
        // It may be that of another interface, or is.
        facts.filters_elsewhere = true;
        assert_eq!(of(&facts, "reverse_path").0, Status::Warn);
        (facts.filters_elsewhere, facts.hears_hosts) = (false, true);
        assert_eq!(of(&facts, "reverse_path").0, Status::Warn);
        facts.rp_filter = Some(0);
        assert_eq!(of(&facts, "reverse_path").0, Status::Pass);
        (facts.rp_filter, facts.leaves_host) = (Some(1), false);
        assert_eq!(of(&facts, "reverse_path").0, Status::Pass);
        facts.counted = None;
        assert_eq!(of(&facts, "reverse_path").0, Status::Unknown);
    }
}
