//! What the kernel tells in `/proc`: its variables, its counters, who is in which group, and whose socket is whose.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;

/// What a variable of the kernel is set to, such as `net.core.rmem_max`; none if it is not to be seen.
pub(super) fn variable(name: &str) -> Option<u64> {
    // Names of interfaces may have a dot in them, and stand between the slashes of the path.
    let path = format!("/proc/sys/{}", if name.contains('/') { name.to_owned() } else { name.replace('.', "/") });
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Counters of the network namespace that only ever grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counters {
    /// Datagrams whose fragments did not all come, or for which there was no room.
    pub(super) not_reassembled: u64,
    /// Datagrams that came in where their sender would not be answered to.
    pub(super) reverse_path: u64,
    /// UDP datagrams that found the receive buffer of a socket full.
    pub(super) full_buffers: u64,
}

impl Counters {
    /// None if they are not to be seen.
    pub(super) fn now() -> Option<Self> {
        let (snmp, netstat) =
            (fs::read_to_string("/proc/net/snmp").ok()?, fs::read_to_string("/proc/net/netstat").ok()?);
        Some(Self {
            not_reassembled: counter(&snmp, "Ip:", "ReasmFails")?,
            reverse_path: counter(&netstat, "TcpExt:", "IPReversePathFilter")?,
            full_buffers: counter(&snmp, "Udp:", "RcvbufErrors")?,
        })
    }

    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            not_reassembled: self.not_reassembled.saturating_sub(earlier.not_reassembled),
            reverse_path: self.reverse_path.saturating_sub(earlier.reverse_path),
            full_buffers: self.full_buffers.saturating_sub(earlier.full_buffers),
        }
    }
}

/// The interfaces on which this host is in a group; none if that is not to be seen.
pub(super) fn joined_on(group: Ipv4Addr) -> Option<Vec<String>> {
    Some(members(&fs::read_to_string("/proc/net/igmp").ok()?, group))
}

/// The interfaces that are wireless.
pub(super) fn wireless() -> Vec<String> {
    let text = fs::read_to_string("/proc/net/wireless").unwrap_or_default();
    text.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim().to_owned())).collect()
}

/// What is this host's and no other's.
pub(super) fn host() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    [read("/etc/machine-id"), read("/proc/sys/kernel/hostname")].concat()
}

/// What a process is called; none if there is none with this number.
pub(super) fn name_of(pid: i32) -> Option<String> {
    Some(fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim().to_owned())
}

/// Whether a process of one of these names runs.
pub(super) fn runs_any(names: &[&str]) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.any(|pid| name_of(pid).is_some_and(|name| names.contains(&name.as_str())))
}

/// Who has which socket, by inode: the number of the process and its name. Those of other users are not to be seen without root.
pub(super) fn owners() -> BTreeMap<u32, (u32, String)> {
    let mut owners = BTreeMap::new();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for pid in processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()) {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        for link in files.filter_map(|file| fs::read_link(file.path()).ok()) {
            let inode = link.to_str().and_then(|link| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok());
            if let Some(inode) = inode {
                let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                owners.insert(inode, (pid, name.trim().to_owned()));
            }
        }
    }
    owners
}

/// A variable of the environment of a process, as it was when the process started; none if that is not to be seen.
pub(super) fn environment(pid: i32) -> Option<BTreeMap<String, String>> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let pairs = bytes.split(|byte| *byte == 0).filter_map(|pair| {
        let pair = String::from_utf8_lossy(pair).into_owned();
        pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
    });
    Some(pairs.collect())
}

/// A counter of `/proc/net/snmp` and its like: two lines for each protocol, names and numbers.
fn counter(text: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split(' ').next() == Some(protocol));
    let (names, numbers) = (lines.next()?, lines.next()?);
    names.split(' ').zip(numbers.split(' ')).find(|(found, _)| *found == name)?.1.parse().ok()
}

/// A line for each interface, which begins with a number, and lines for its groups, in the byte order of the machine.
fn members(text: &str, group: Ipv4Addr) -> Vec<String> {
    let wanted = format!("{:08X}", u32::from_ne_bytes(group.octets()));
    let mut interface = "";
    let mut found = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        if line.starts_with(char::is_whitespace) {
            if words.next() == Some(&wanted) {
                found.push(interface.to_owned());
            }
        } else {
            interface = words.nth(1).unwrap_or_default();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_and_groups_are_found_in_what_the_kernel_writes() {
        let snmp = "Ip: Forwarding ReasmTimeout ReasmFails\nIp: 2 5 7\nUdp: InDatagrams ReasmFails\nUdp: 1 99\n";
        assert_eq!(counter(snmp, "Ip:", "ReasmFails"), Some(7));
        assert_eq!(counter(snmp, "Ip:", "Nothing"), None);
        assert_eq!(counter("Ip: One\nIp: x\n", "Ip:", "One"), None);
        let group = Ipv4Addr::new(239, 255, 76, 67);
        let number = u32::from_ne_bytes(group.octets());
        let igmp = format!(
            "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n\
             1\tlo        :     2      V3\n\t\t\t\t{number:08X}     1 0:00000000\t\t0\n\t\t\t\t010000E0     1 0:00000000\t\t0\n\
             2\teth0      :     1      V3\n\t\t\t\t010000E0     1 0:00000000\t\t0\n"
        );
        assert_eq!(members(&igmp, group), ["lo"]);
        assert_eq!(members("", group), [""; 0]);
    }

    #[test]
    fn the_kernel_of_this_host_says_how_large_receive_buffers_are() {
        assert!(variable("net.ipv4.ip_default_ttl").is_some_and(|ttl| ttl > 0));
        assert_eq!(variable("net.core.no_such_variable"), None);
        let own = environment(std::process::id().try_into().unwrap()).unwrap();
        assert!(own.contains_key("PATH"), "{own:?}");
    }
}
