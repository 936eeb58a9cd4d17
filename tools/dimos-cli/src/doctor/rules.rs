//! Rules of nftables, as `nft -j list ruleset` prints them, and which of them drop a datagram of the bus. No I/O.
//!
//! What a rule looks at may not be known here (marks, random numbers, what modules of iptables do): then it may drop the datagram or
//! not, and that is what is said.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde_json::Value;

/// All tables.
#[derive(Debug, Clone, Default)]
pub(super) struct Ruleset {
    chains: Vec<Chain>,
    rules: BTreeMap<Place, Vec<Rule>>,
    /// Elements of sets and maps.
    sets: BTreeMap<Place, Vec<Value>>,
    /// The rules as people write them, by table, chain and handle.
    texts: BTreeMap<(Place, u64), String>,
}

/// A datagram of the bus, as it passes through this host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// The interface by which it came in, and the one by which it goes out.
    pub(super) input: Option<&'a str>,
    pub(super) output: Option<&'a str>,
    /// Unknown if another host sent it.
    pub(super) source: Option<Ipv4Addr>,
    pub(super) group: Ipv4Addr,
    pub(super) port: u16,
}

/// What drops a datagram.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drop {
    pub(super) family: String,
    pub(super) table: String,
    pub(super) chain: String,
    /// None: the policy of the chain.
    pub(super) rule: Option<u64>,
    /// As people write it.
    pub(super) text: String,
    /// Whether nothing unknown had a say.
    pub(super) is_certain: bool,
    /// Whether it is on the way out of this host, not in.
    pub(super) is_outward: bool,
}

/// Family, table and name of a chain or set.
type Place = (String, String, String);

#[derive(Debug, Clone)]
struct Chain {
    place: Place,
    hook: String,
    priority: i64,
    drops: bool,
    /// Of the families that have one for each device.
    devices: Option<Vec<String>>,
}

#[derive(Debug, Clone)]
struct Rule {
    handle: u64,
    statements: Vec<Value>,
}

/// Whether something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Yes,
    No,
    Unknown,
}

/// What a rule compares.
#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Address(Ipv4Addr),
    Number(u64),
    /// A word, and the number that it stands for.
    Word(String, Option<u64>),
    Several(Vec<Self>),
    /// The datagram does not have it, so no rule about it matches.
    Absent,
    Unknown,
}

/// Where a datagram goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Accepted,
    Dropped,
    /// Back to whoever called the chain.
    Back,
}

/// What was found so far on the way of a datagram.
struct Walk<'a> {
    rules: &'a Ruleset,
    packet: Packet<'a>,
    drops: Vec<Drop>,
    /// Whether all that had a say so far is known.
    is_certain: bool,
}

impl Ruleset {
    /// Reads what `nft -j list ruleset` and `nft -a list ruleset` print.
    pub(super) fn parse(json: &str, listing: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(json).ok()?;
        let mut ruleset = Self { texts: texts(listing), ..Self::default() };
        for object in value["nftables"].as_array()?.iter().filter_map(Value::as_object) {
            for (kind, object) in object {
                ruleset.enter(kind, object);
            }
        }
        ruleset.chains.sort_by_key(|chain| chain.priority);
        Some(ruleset)
    }

    /// Everything that drops a datagram at one of these hooks, the first of each chain.
    pub(super) fn drops(&self, packet: Packet<'_>, hooks: &[&str]) -> Vec<Drop> {
        let mut drops = Vec::new();
        for hook in hooks {
            for chain in self.chains.iter().filter(|chain| chain.hook == *hook && chain.is_about(packet)) {
                let mut walk = Walk { rules: self, packet, drops: Vec::new(), is_certain: true };
                if walk.through(&chain.place, 0) == Flow::Back && chain.drops {
                    walk.drop(&chain.place, None);
                }
                drops.append(&mut walk.drops);
            }
        }
        drops
    }

    fn enter(&mut self, kind: &str, object: &Value) {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let (family, table, name) = (text("family"), text("table"), text("name"));
        if !matches!(family.as_str(), "ip" | "inet" | "netdev") {
            return;
        }
        match kind {
            "chain" if object["hook"].is_string() => {
                let devices = match &object["dev"] {
                    Value::String(device) => Some(vec![device.clone()]),
                    Value::Array(devices) => {
                        Some(devices.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                    }
                    _ => None,
                };
                self.chains.push(Chain {
                    place: (family, table, name),
                    hook: text("hook"),
                    priority: object["prio"].as_i64().unwrap_or_default(),
                    drops: object["policy"] == "drop",
                    devices,
                });
            }
            "rule" => {
                let rule = Rule {
                    handle: object["handle"].as_u64().unwrap_or_default(),
                    statements: object["expr"].as_array().cloned().unwrap_or_default(),
                };
                self.rules.entry((family, table, text("chain"))).or_default().push(rule);
            }
            "set" | "map" => {
                let elements = object["elem"].as_array().cloned().unwrap_or_default();
                self.sets.insert((family, table, name), elements);
            }
            _ => {}
        }
    }
}

impl Drop {
    /// As a sentence begins.
    pub(super) fn to_text(&self) -> String {
        let Self { family, table, chain, text, .. } = self;
        let verb = if self.is_certain { "drops" } else { "may drop" };
        match self.rule {
            Some(_) => format!("the rule `{text}` in {family} {table} {chain} {verb} them"),
            None => format!("the policy of {family} {table} {chain} {verb} them, since no rule accepts them"),
        }
    }
}

impl Chain {
    fn is_about(&self, packet: Packet<'_>) -> bool {
        let device = if self.hook == "egress" { packet.output } else { packet.input };
        self.devices.as_ref().is_none_or(|devices| device.is_some_and(|device| devices.iter().any(|of| of == device)))
    }
}

impl Walk<'_> {
    fn through(&mut self, place: &Place, depth: usize) -> Flow {
        if depth > MAX_DEPTH {
            self.is_certain = false;
            return Flow::Back;
        }
        for rule in self.rules.rules.get(place).into_iter().flatten() {
            let mut matches = Truth::Yes;
            for statement in &rule.statements {
                let Some((kind, body)) = statement.as_object().and_then(|statement| statement.iter().next()) else {
                    matches = matches.and(Truth::Unknown);
                    continue;
                };
                match kind.as_str() {
                    "match" => matches = matches.and(self.matches(place, body)),
                    "xt" if body["type"] == "target" => {
                        if matches != Truth::No && !is_harmless(body["name"].as_str().unwrap_or_default()) {
                            let before = std::mem::replace(&mut self.is_certain, false);
                            self.drop(place, Some(rule.handle));
                            self.is_certain = before;
                        }
                    }
                    "limit" | "quota" | "xt" | "ct count" | "meter" | "synproxy" => {
                        matches = matches.and(Truth::Unknown)
                    }
                    "vmap" => {
                        if let Some(flow) = self.by_map(place, rule.handle, matches, body, depth) {
                            return flow;
                        }
                    }
                    verdict => {
                        if let Some(flow) = self.verdict(place, rule.handle, matches, verdict, body, depth) {
                            return flow;
                        }
                    }
                }
                if matches == Truth::No {
                    break;
                }
            }
        }
        Flow::Back
    }

    /// Where the datagram goes after a verdict that it gets, or may get; none if it goes on in this chain.
    fn verdict(
        &mut self,
        place: &Place,
        handle: u64,
        matches: Truth,
        verdict: &str,
        body: &Value,
        depth: usize,
    ) -> Option<Flow> {
        let flow = match verdict {
            "accept" => Flow::Accepted,
            "return" => Flow::Back,
            "drop" | "reject" => {
                let before = self.is_certain;
                self.is_certain &= matches == Truth::Yes;
                self.drop(place, Some(handle));
                self.is_certain = before;
                Flow::Dropped
            }
            "queue" => {
                self.is_certain = false;
                return None;
            }
            "jump" | "goto" => {
                let (family, table, _) = place.clone();
                let target = (family, table, body["target"].as_str().unwrap_or_default().to_owned());
                let before = self.is_certain;
                self.is_certain &= matches == Truth::Yes;
                let flow = self.through(&target, depth + 1);
                match (matches, flow, verdict) {
                    (Truth::Yes, Flow::Back, "jump") => return None,
                    (Truth::Yes, flow, _) => return Some(flow),
                    // What it does there was entered; here it may not have been.
                    (_, Flow::Back, "jump") => self.is_certain = before,
                    _ => {}
                }
                return None;
            }
            _ => return None,
        };
        match matches {
            Truth::Yes => return Some(flow),
            // It may be over for it here.
            Truth::Unknown if flow != Flow::Dropped => self.is_certain = false,
            _ => {}
        }
        None
    }

    /// The verdict that a map has for the datagram.
    fn by_map(&mut self, place: &Place, handle: u64, matches: Truth, body: &Value, depth: usize) -> Option<Flow> {
        let key = self.operand(&body["key"]);
        let elements = match &body["data"] {
            Value::String(name) => self.rules.set(place, name)?,
            data => data["set"].as_array()?,
        };
        for element in elements.iter().filter_map(Value::as_array) {
            let [wanted, verdict] = &element[..] else { continue };
            let is_it = self.equals(place, &key, wanted);
            let verdict = verdict.as_object().and_then(|verdict| verdict.iter().next());
            if let Some((verdict, body)) = verdict.filter(|_| is_it != Truth::No) {
                let flow = self.verdict(place, handle, matches.and(is_it), verdict, body, depth);
                if flow.is_some() || is_it == Truth::Yes {
                    return flow;
                }
            }
        }
        None
    }

    fn drop(&mut self, (family, table, chain): &Place, rule: Option<u64>) {
        let place = (family.clone(), table.clone(), chain.clone());
        let text = rule.and_then(|handle| self.rules.texts.get(&(place, handle)).cloned());
        self.drops.push(Drop {
            family: family.clone(),
            table: table.clone(),
            chain: chain.clone(),
            rule,
            text: text.unwrap_or_else(|| rule.map_or_else(String::new, |handle| format!("handle {handle}"))),
            is_certain: self.is_certain,
            is_outward: self.packet.output.is_some(),
        });
    }

    fn matches(&self, place: &Place, body: &Value) -> Truth {
        let left = self.operand(&body["left"]);
        if left == Operand::Absent {
            return Truth::No;
        }
        let right = &body["right"];
        match body["op"].as_str().unwrap_or("==") {
            "==" | "in" => self.equals(place, &left, right),
            "!=" => self.equals(place, &left, right).not(),
            operator => match (&left, right.as_u64()) {
                (Operand::Number(number), Some(limit)) => Truth::from(match operator {
                    "<" => *number < limit,
                    ">" => *number > limit,
                    "<=" => *number <= limit,
                    ">=" => *number >= limit,
                    _ => return Truth::Unknown,
                }),
                _ => Truth::Unknown,
            },
        }
    }

    /// What the left side of a comparison is for this datagram.
    fn operand(&self, left: &Value) -> Operand {
        let Some((kind, body)) = left.as_object().and_then(|left| left.iter().next()) else { return Operand::Unknown };
        let packet = &self.packet;
        let word = |word: &str, number| Operand::Word(word.to_owned(), number);
        // Where there is none, its name is empty.
        let device = |device: Option<&str>| word(device.unwrap_or_default(), None);
        match kind.as_str() {
            "payload" => {
                match (body["protocol"].as_str().unwrap_or_default(), body["field"].as_str().unwrap_or_default()) {
                    ("ip", "daddr") => Operand::Address(packet.group),
                    ("ip", "saddr") => packet.source.map_or(Operand::Unknown, Operand::Address),
                    ("ip", "protocol") => word("udp", Some(17)),
                    ("ip", "version") => Operand::Number(4),
                    ("udp" | "th", "dport") => Operand::Number(packet.port.into()),
                    ("ip" | "udp" | "th" | "ether" | "", _) => Operand::Unknown,
                    // Of another protocol.
                    _ => Operand::Absent,
                }
            }
            "meta" => match body["key"].as_str().unwrap_or_default() {
                "iifname" | "iif" => device(packet.input),
                "oifname" | "oif" => device(packet.output),
                "l4proto" => word("udp", Some(17)),
                "protocol" => word("ip", Some(0x0800)),
                "nfproto" => word("ipv4", Some(2)),
                "pkttype" if packet.input.is_some() => word("multicast", Some(2)),
                _ => Operand::Unknown,
            },
            // Nobody ever answers a group, so nothing is established with it.
            "ct" if body["key"] == "state" => word("new", Some(8)),
            "fib"
                if body["result"] == "type"
                    && body["flags"].as_array().is_some_and(|flags| flags.iter().any(|flag| flag == "daddr")) =>
            {
                word("multicast", None)
            }
            "concat" => body.as_array().map_or(Operand::Unknown, |parts| {
                Operand::Several(parts.iter().map(|part| self.operand(part)).collect())
            }),
            // Whole datagrams are judged: the offset of a fragment is zero.
            "&" if body[0]["payload"]["field"] == "frag-off" && body[1].as_u64().is_some_and(|mask| mask <= 0x3fff) => {
                Operand::Number(0)
            }
            _ => Operand::Unknown,
        }
    }

    fn equals(&self, place: &Place, left: &Operand, right: &Value) -> Truth {
        let any = |of: &[Value]| of.iter().fold(Truth::No, |any, right| any.or(self.equals(place, left, right)));
        match (left, right) {
            (Operand::Absent, _) => Truth::No,
            (_, Value::String(name)) if name.starts_with('@') => {
                self.rules.set(place, name).map_or(Truth::Unknown, |of| any(of))
            }
            (_, Value::Array(of)) => any(of),
            (Operand::Several(left), Value::Object(right)) if right.contains_key("concat") => {
                let right = right["concat"].as_array().map(Vec::as_slice).unwrap_or_default();
                if left.len() != right.len() {
                    return Truth::Unknown;
                }
                let pairs = left.iter().zip(right);
                pairs.fold(Truth::Yes, |all, (left, right)| all.and(self.equals(place, left, right)))
            }
            (_, Value::Object(object)) => match object.iter().next() {
                Some((kind, Value::Array(of))) if kind == "set" => any(of),
                Some((kind, body)) if kind == "elem" => self.equals(place, left, &body["val"]),
                Some((kind, body)) if kind == "prefix" => within_prefix(left, body),
                Some((kind, body)) if kind == "range" => within_range(left, body),
                _ => Truth::Unknown,
            },
            (Operand::Unknown | Operand::Several(_), _) => Truth::Unknown,
            // An element of a map, or what is the default of one.
            (_, Value::String(text)) if text == "*" => Truth::Yes,
            (Operand::Address(address), Value::String(text)) => {
                text.parse::<Ipv4Addr>().map_or(Truth::Unknown, |other| Truth::from(*address == other))
            }
            (Operand::Word(word, _), Value::String(text)) => match text.strip_suffix('*') {
                Some(start) => Truth::from(word.starts_with(start)),
                None => Truth::from(word == text),
            },
            (Operand::Number(number) | Operand::Word(_, Some(number)), Value::Number(other)) => {
                other.as_u64().map_or(Truth::Unknown, |other| Truth::from(*number == other))
            }
            _ => Truth::Unknown,
        }
    }
}

impl Ruleset {
    /// Whether a table is as iptables makes it, which does not want it changed by others.
    pub(super) fn is_of_iptables(&self, family: &str, table: &str) -> bool {
        let mut chains =
            self.chains.iter().map(|chain| &chain.place).filter(|place| place.0 == family && place.1 == table);
        family == "ip"
            && matches!(table, "filter" | "raw" | "mangle")
            && chains.all(|(_, _, name)| !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase()))
    }

    fn set(&self, (family, table, _): &Place, name: &str) -> Option<&Vec<Value>> {
        self.sets.get(&(family.clone(), table.clone(), name.trim_start_matches('@').to_owned()))
    }
}

/// Whether a target of iptables lets go on what it gets.
fn is_harmless(target: &str) -> bool {
    matches!(
        target,
        "AUDIT"
            | "CHECKSUM"
            | "CLASSIFY"
            | "CONNMARK"
            | "CONNSECMARK"
            | "CT"
            | "DNAT"
            | "DSCP"
            | "ECN"
            | "HL"
            | "LOG"
            | "MARK"
            | "MASQUERADE"
            | "NETMAP"
            | "NFLOG"
            | "NOTRACK"
            | "RATEEST"
            | "REDIRECT"
            | "SECMARK"
            | "SET"
            | "SNAT"
            | "TCPMSS"
            | "TEE"
            | "TOS"
            | "TRACE"
            | "TTL"
    )
}

fn within_prefix(left: &Operand, body: &Value) -> Truth {
    let (Operand::Address(address), Some(network), Some(bits)) =
        (left, body["addr"].as_str().and_then(|text| text.parse::<Ipv4Addr>().ok()), body["len"].as_u64())
    else {
        return Truth::Unknown;
    };
    let shift = 32 - u32::try_from(bits.min(32)).unwrap_or(32);
    let mask = u32::MAX.checked_shl(shift).unwrap_or_default();
    Truth::from(u32::from(*address) & mask == u32::from(network) & mask)
}

fn within_range(left: &Operand, body: &Value) -> Truth {
    let number = |value: &Value| match left {
        Operand::Address(_) => value.as_str()?.parse::<Ipv4Addr>().ok().map(|address| u64::from(u32::from(address))),
        _ => value.as_u64(),
    };
    let found = match left {
        Operand::Address(address) => u64::from(u32::from(*address)),
        Operand::Number(number) => *number,
        _ => return Truth::Unknown,
    };
    match (number(&body[0]), number(&body[1])) {
        (Some(first), Some(last)) => Truth::from((first..=last).contains(&found)),
        _ => Truth::Unknown,
    }
}

/// The rules of a listing for people, with their handles.
fn texts(listing: &str) -> BTreeMap<(Place, u64), String> {
    let mut texts = BTreeMap::new();
    let (mut family, mut table, mut chain) = (String::new(), String::new(), String::new());
    for line in listing.lines().map(str::trim) {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["table", of, name, "{", ..] => (family, table) = (of.to_owned(), name.to_owned()),
            ["chain", name, "{", ..] => name.clone_into(&mut chain),
            _ => {
                if let Some((text, handle)) = line.rsplit_once(" # handle ")
                    && let Ok(handle) = handle.parse()
                {
                    texts.insert(((family.clone(), table.clone(), chain.clone()), handle), text.to_owned());
                }
            }
        }
    }
    texts
}

impl Truth {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            _ => Self::Unknown,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl From<bool> for Truth {
    fn from(is_so: bool) -> Self {
        if is_so { Self::Yes } else { Self::No }
    }
}

/// The kernel allows 16 jumps.
const MAX_DEPTH: usize = 16;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn group() -> Ipv4Addr {
        Ipv4Addr::new(239, 255, 76, 67)
    }

    fn incoming() -> Packet<'static> {
        Packet { input: Some("eth0"), output: None, source: Some([10, 1, 1, 1].into()), group: group(), port: 7667 }
    }

    /// What drops a datagram in a chain at the input hook with these rules.
    fn dropped(policy: &str, rules: &[Value], packet: Packet<'_>) -> Vec<(Option<u64>, bool)> {
        let mut objects = vec![
            json!({ "chain": { "family": "inet", "table": "t", "name": "in", "hook": "input", "prio": 0, "policy": policy } }),
        ];
        objects.push(json!({ "set": { "family": "inet", "table": "t", "name": "ports", "elem": [22, { "range": [7000, 8000] }] } }));
        for (number, rule) in rules.iter().enumerate() {
            let chain = if rule["chain"].is_string() { rule["chain"].clone() } else { json!("in") };
            let expr = if rule["expr"].is_array() { rule["expr"].clone() } else { rule.clone() };
            objects.push(
                json!({ "rule": { "family": "inet", "table": "t", "chain": chain, "handle": number, "expr": expr } }),
            );
        }
        let ruleset = Ruleset::parse(&json!({ "nftables": objects }).to_string(), "").unwrap();
        ruleset.drops(packet, &["input"]).into_iter().map(|drop| (drop.rule, drop.is_certain)).collect()
    }

    fn matching(left: Value, op: &str, right: Value) -> Value {
        json!({ "match": { "op": op, "left": left, "right": right } })
    }

    fn payload(protocol: &str, field: &str) -> Value {
        json!({ "payload": { "protocol": protocol, "field": field } })
    }

    fn meta(key: &str) -> Value {
        json!({ "meta": { "key": key } })
    }

    #[test]
    fn a_rule_about_the_group_or_the_port_drops_and_one_about_others_does_not() {
        let drop = json!({ "drop": null });
        for (left, op, right, drops) in [
            (payload("ip", "daddr"), "==", json!("239.255.76.67"), true),
            (payload("ip", "daddr"), "!=", json!("239.255.76.67"), false),
            (payload("ip", "daddr"), "==", json!({ "prefix": { "addr": "224.0.0.0", "len": 4 } }), true),
            (payload("ip", "daddr"), "==", json!({ "prefix": { "addr": "224.0.0.0", "len": 24 } }), false),
            (payload("ip", "daddr"), "==", json!({ "range": ["239.0.0.0", "239.255.255.255"] }), true),
            (payload("ip", "saddr"), "!=", json!({ "prefix": { "addr": "10.0.0.0", "len": 8 } }), false),
            (payload("udp", "dport"), "==", json!(7667), true),
            (payload("udp", "dport"), "==", json!("@ports"), true),
            (payload("udp", "dport"), "==", json!({ "set": [53, 5353] }), false),
            (payload("udp", "dport"), ">=", json!(1024), true),
            (payload("th", "dport"), "<", json!(1024), false),
            (payload("tcp", "dport"), "!=", json!(22), false),
            (payload("icmp", "type"), "==", json!("echo-request"), false),
            (payload("ip", "protocol"), "==", json!("udp"), true),
            (meta("l4proto"), "==", json!({ "set": ["tcp", "udp"] }), true),
            (meta("l4proto"), "==", json!(17), true),
            (meta("nfproto"), "==", json!("ipv6"), false),
            (meta("pkttype"), "==", json!("multicast"), true),
            (meta("iifname"), "==", json!("eth*"), true),
            (meta("iifname"), "==", json!("lo"), false),
            (meta("oifname"), "!=", json!("eth1"), true),
            (meta("oifname"), "==", json!("eth*"), false),
            (json!({ "ct": { "key": "state" } }), "in", json!(["established", "related"]), false),
            (json!({ "ct": { "key": "state" } }), "==", json!("new"), true),
            (json!({ "fib": { "result": "type", "flags": ["daddr"] } }), "==", json!("multicast"), true),
            (json!({ "&": [payload("ip", "frag-off"), 8191] }), "!=", json!(0), false),
            (
                json!({ "concat": [payload("ip", "daddr"), payload("udp", "dport")] }),
                "==",
                json!({ "set": [{ "concat": ["224.0.0.251", 5353] }, { "concat": ["239.255.76.67", 7667] }] }),
                true,
            ),
        ] {
            let rule = json!([matching(left.clone(), op, right.clone()), { "counter": { "packets": 1 } }, drop]);
            let expected: &[_] = if drops { &[(Some(0), true)] } else { &[] };
            assert_eq!(dropped("accept", &[rule], incoming()), expected, "{left} {op} {right}");
        }
    }

    #[test]
    fn what_is_accepted_before_is_not_dropped() {
        let accept = json!([matching(payload("udp", "dport"), "==", json!(7667)), { "accept": null }]);
        let drop = json!([{ "drop": null }]);
        assert_eq!(dropped("drop", &[accept.clone(), drop.clone()], incoming()), []);
        assert_eq!(dropped("drop", &[drop, accept], incoming()), [(Some(0), true)]);
        assert_eq!(dropped("drop", &[], incoming()), [(None, true)]);
        let states = json!([{ "vmap": { "key": { "ct": { "key": "state" } },
            "data": { "set": [["established", { "accept": null }], ["invalid", { "drop": null }]] } } }]);
        assert_eq!(dropped("drop", &[states], incoming()), [(None, true)]);
        let new = json!([{ "vmap": { "key": { "ct": { "key": "state" } }, "data": { "set": [["new", { "drop": null }]] } } }]);
        assert_eq!(dropped("accept", &[new], incoming()), [(Some(0), true)]);
    }

    #[test]
    fn chains_are_followed_and_returned_from() {
        let jump = json!([matching(payload("udp", "dport"), "==", json!(7667)), { "jump": { "target": "sub" } }]);
        let sub = |verdict: Value| json!({ "chain": "sub", "expr": [verdict] });
        assert_eq!(dropped("accept", &[jump.clone(), sub(json!({ "reject": null }))], incoming()), [(Some(1), true)]);
        assert_eq!(dropped("drop", &[jump.clone(), sub(json!({ "accept": null }))], incoming()), []);
        assert_eq!(dropped("drop", &[jump.clone(), sub(json!({ "return": null }))], incoming()), [(None, true)]);
        // One that jumps into itself is refused by the kernel, and harmless here.
        assert_eq!(dropped("drop", &[jump, sub(json!({ "jump": { "target": "sub" } }))], incoming()), [(None, false)]);
    }

    #[test]
    fn what_cannot_be_known_is_not_taken_as_certain() {
        let random = matching(json!({ "numgen": { "mode": "random", "mod": 100 } }), "<", json!(5));
        let drop_some = json!([random, { "drop": null }]);
        let limited = json!([{ "limit": { "rate": 10, "per": "second" } }, { "accept": null }]);
        assert_eq!(dropped("accept", std::slice::from_ref(&drop_some), incoming()), [(Some(0), false)]);
        assert_eq!(dropped("drop", &[limited], incoming()), [(None, false)]);
        assert_eq!(dropped("drop", &[drop_some], incoming()), [(Some(0), false), (None, true)]);
        let foreign = Packet { source: None, ..incoming() };
        let from = json!([matching(payload("ip", "saddr"), "==", json!("10.9.9.9")), { "accept": null }]);
        assert_eq!(dropped("drop", &[from], foreign), [(None, false)]);
    }

    #[test]
    fn targets_of_iptables_may_drop_unless_they_are_known_not_to() {
        let target = |name: &str| json!([{ "xt": { "type": "target", "name": name } }]);
        assert_eq!(dropped("accept", &[target("REJECT")], incoming()), [(Some(0), false)]);
        assert_eq!(dropped("accept", &[target("LOG")], incoming()), []);
        let other = json!([matching(payload("udp", "dport"), "==", json!(5353)), { "xt": { "type": "target", "name": "REJECT" } }]);
        assert_eq!(dropped("accept", &[other], incoming()), []);
    }

    #[test]
    fn rules_are_told_as_people_write_them() {
        let listing = "table inet filter { # handle 1\n\tchain input { # handle 2\n\t\ttype filter hook input priority 0; policy drop;\n\
                       \t\tudp dport 7667 drop comment \"x\" # handle 23\n\t}\n}\n";
        let json = json!({ "nftables": [
            { "metainfo": { "version": "1.0.6" } },
            { "chain": { "family": "inet", "table": "filter", "name": "input", "hook": "input", "prio": 0, "policy": "drop" } },
            { "chain": { "family": "netdev", "table": "n", "name": "in", "hook": "ingress", "dev": "lo", "policy": "drop" } },
            { "rule": { "family": "inet", "table": "filter", "chain": "input", "handle": 23,
                        "expr": [matching(payload("udp", "dport"), "==", json!(7667)), { "drop": null }] } },
        ] });
        let drops = Ruleset::parse(&json.to_string(), listing).unwrap().drops(incoming(), &["ingress", "input"]);
        assert_eq!(drops.len(), 1, "{drops:?}");
        assert_eq!(drops[0].to_text(), "the rule `udp dport 7667 drop comment \"x\"` in inet filter input drops them");
    }

    #[test]
    fn nothing_that_nft_may_print_is_a_danger() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"nftables":[{"rule":{"family":"ip","expr":[null,3,{"vmap":{}}]}}]}"#,
            r#"{"nftables":{}}"#,
        ] {
            if let Some(ruleset) = Ruleset::parse(text, "}\ntable\nchain { # handle\n # handle 18446744073709551616") {
                assert_eq!(ruleset.drops(incoming(), &["input", "prerouting"]), []);
            }
        }
    }
}
