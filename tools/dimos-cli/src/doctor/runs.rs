//! The runs of this host, and programs on other buses: whether they are where this command looks.

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use dimos_coordinator::run::{self, Directories, RunRecord};
use lcm::{UdpmUrl, Url};

use super::finding::Finding;
use super::kernel;
use super::netlink::UdpSocket;
use crate::output::plain;

/// What is known of runs.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) url: UdpmUrl,
    /// None if it is not to be seen where they are registered.
    pub(super) runs: Option<Vec<Run>>,
    /// Other groups that programs of this host are bound to at a port that LCM may use, and how many sockets are.
    pub(super) other_groups: BTreeMap<SocketAddrV4, usize>,
}

/// A run of this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) run_id: String,
    /// Whether `dimos` started it, rather than Python DimOS.
    pub(super) is_ours: bool,
    /// The bus, if it says.
    pub(super) bus: Option<String>,
    /// What its environment says; none if that is not to be seen.
    pub(super) environment: Option<(Option<String>, Option<String>)>,
}

/// What the register and the processes of the runs say.
pub(super) fn look(url: &UdpmUrl, sockets: &[UdpSocket]) -> Facts {
    let of = |record: RunRecord| {
        let environment = kernel::environment(record.pid).map(|variables| {
            let of = |name: &str| variables.get(name).filter(|value| !value.is_empty()).cloned();
            (of(TRANSPORT), of(lcm::DEFAULT_URL_VARIABLE))
        });
        Run { run_id: record.run_id, is_ours: record.coordinator.is_some(), bus: record.bus, environment }
    };
    let runs = Directories::of_user().ok();
    let runs = runs.map(|directories| run::alive(&directories).into_iter().take(MAX_RUNS).map(of).collect());
    let mut other_groups = BTreeMap::new();
    for socket in sockets
        .iter()
        .filter(|socket| socket.address.is_multicast() && !socket.address.octets().starts_with(&[224, 0, 0]))
    {
        let group = SocketAddrV4::new(socket.address, socket.port);
        if group != url.group {
            *other_groups.entry(group).or_default() += 1;
        }
    }
    Facts { url: url.clone(), runs, other_groups }
}

pub(super) fn finding(facts: &Facts) -> Finding {
    const CODE: &str = "runs";
    let Some(runs) = &facts.runs else {
        return Finding::unknown(
            CODE,
            "where runs are registered is not to be seen: neither HOME nor XDG_STATE_HOME says",
        );
    };
    let mut elsewhere = Vec::new();
    let mut remedy = Vec::new();
    for run in runs {
        let id = plain(&run.run_id);
        match is_on(run, &facts.url) {
            Place::Here => {}
            Place::Bus(bus) => {
                elsewhere.push(format!("{id} is on {}", plain(&bus)));
                remedy.push(format!("export {}='{}'", lcm::DEFAULT_URL_VARIABLE, plain(&bus).replace('\'', "")));
            }
            Place::Transport(transport) => {
                elsewhere.push(format!(
                    "{id} uses {}, not LCM: Python DimOS must be started with {TRANSPORT}=lcm",
                    plain(&transport)
                ));
                remedy.push(format!("export {TRANSPORT}=lcm"));
            }
        }
    }
    remedy.dedup();
    let groups = facts.other_groups.iter().take(MAX_LISTED).map(|(group, count)| format!("{group} ({count})"));
    let groups = groups.collect::<Vec<_>>().join(", ");
    let groups = match facts.other_groups.len() {
        0 => String::new(),
        _ => format!("; programs of this host are bound to other groups, which may be buses: {groups}"),
    };
    if elsewhere.is_empty() {
        let count = runs.len();
        return Finding::pass(CODE, format!("{count} runs of this host, none of them on another bus{groups}"));
    }
    let shown = elsewhere.iter().take(MAX_LISTED).cloned().collect::<Vec<_>>().join("; ");
    let text = format!(
        "runs of this host are on another bus than {}, and not seen here: {shown}{groups}",
        Url::Udpm(facts.url.clone())
    );
    Finding::warn(CODE, text).repaired_by(remedy)
}

/// Where a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// On this bus, as far as is known.
    Here,
    Bus(String),
    /// On none at all.
    Transport(String),
}

fn is_on(run: &Run, url: &UdpmUrl) -> Place {
    let (transport, from_environment) = run.environment.clone().unwrap_or_default();
    if !run.is_ours {
        // It has another transport unless it is told.
        match transport {
            Some(transport) if transport.eq_ignore_ascii_case("lcm") => {}
            Some(transport) => return Place::Transport(transport),
            None if run.environment.is_some() => return Place::Transport("zenoh".to_owned()),
            None => return Place::Here,
        }
    }
    let bus = run.bus.clone().or(from_environment).unwrap_or_default();
    let parsed = if bus.is_empty() { Ok(Url::Udpm(UdpmUrl::default())) } else { bus.parse() };
    match parsed {
        // The ttl of others is theirs: on this host they are heard.
        Ok(Url::Udpm(other)) if other.group == url.group => Place::Here,
        Ok(other) => Place::Bus(other.to_string()),
        Err(_) => Place::Bus(bus),
    }
}

/// What Python DimOS takes its transport from.
const TRANSPORT: &str = "DIMOS_TRANSPORT";

const MAX_RUNS: usize = 256;

const MAX_LISTED: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Status;

    fn run(bus: Option<&str>, environment: Option<(Option<&str>, Option<&str>)>) -> Run {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let environment = environment.map(|(transport, url)| (owned(transport), owned(url)));
        Run { run_id: "20260314-150926-5f3a-sim".to_owned(), is_ours: true, bus: owned(bus), environment }
    }

    #[test]
    fn a_run_is_here_or_on_another_bus_or_on_none() {
        let url = UdpmUrl::default();
        let bus = "udpm://239.255.76.67:7667?ttl=1";
        let python = |environment| Run { is_ours: false, ..run(None, environment) };
        for here in [
            run(Some(bus), None),
            run(Some(bus), Some((Some("zenoh"), None))),
            run(None, Some((None, None))),
            python(None),
            python(Some((Some("lcm"), None))),
            python(Some((Some("LCM"), Some("udpm://")))),
        ] {
            assert_eq!(is_on(&here, &url), Place::Here, "{here:?}");
        }
        let other = "udpm://239.255.76.68:7667?ttl=0";
        assert_eq!(is_on(&run(Some(other), None), &url), Place::Bus(other.to_owned()));
        assert_eq!(is_on(&python(Some((Some("lcm"), Some(other)))), &url), Place::Bus(other.to_owned()));
        assert_eq!(is_on(&python(Some((None, None))), &url), Place::Transport("zenoh".to_owned()));
        assert_eq!(is_on(&run(Some("nonsense"), None), &url), Place::Bus("nonsense".to_owned()));
    }

    #[test]
    fn who_is_elsewhere_is_told_with_how_to_get_there() {
        let other = "udpm://239.255.76.68:7667?ttl=0";
        let python = Run { is_ours: false, ..run(None, Some((None, None))) };
        let runs = Some(vec![run(Some(other), None), python]);
        let facts =
            Facts { url: UdpmUrl::default(), runs, other_groups: [("239.255.76.68:7667".parse().unwrap(), 2)].into() };
        let found = finding(&facts);
        assert_eq!((found.status, found.remedy.len()), (Status::Warn, 2));
        assert_eq!(found.remedy[0], format!("export LCM_DEFAULT_URL='{other}'"));
        assert!(found.message.contains("239.255.76.68:7667 (2)"), "{found:?}");
        assert_eq!(finding(&Facts { runs: Some(Vec::new()), ..facts.clone() }).status, Status::Pass);
        assert_eq!(finding(&Facts { runs: None, ..facts }).status, Status::Unknown);
    }
}
