//! Runs a test alone in its own network namespace, so that tests share neither ports nor routes with anything.
//!
//! The test function runs twice: outside it only starts this executable again, for that one test, in fresh user, network and
//! process namespaces, with a `/proc` of its own; inside it does its work. The first process of a process namespace takes all others with it when
//! it ends, so nothing that a test starts outlives it, even if it is killed.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use crate::peers::skip;
use crate::process::{PATIENCE, Process, run};

/// What a namespace starts with; `lo` is up in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Multicast goes out on `lo`, as C LCM needs it.
    MulticastOnLo,
    /// No multicast route at all.
    NoMulticastRoute,
}

/// The name of the test function this stands in, as the test harness knows it.
#[macro_export]
macro_rules! test_name {
    () => {{
        fn here() {}
        let path = ::std::any::type_name_of_val(&here).trim_end_matches("::here");
        path.split_once("::").map_or(path, |(_, name)| name)
    }};
}

/// Goes on only inside a network namespace of its own; outside, returns when the test in there is over.
#[macro_export]
macro_rules! isolated {
    ($network:ident) => {
        if !$crate::netns::enter($crate::test_name!(), $crate::netns::Network::$network) {
            return;
        }
    };
}

/// Whether this process is the isolated one, prepared. Otherwise runs `test` in one and panics if it fails there.
pub fn enter(test: &str, network: Network) -> bool {
    if std::env::var_os(MARKER).is_some_and(|inside| inside == test) {
        prepare(network);
        return true;
    }
    let Some(unshare) = unshare_arguments() else {
        skip(
            test,
            "network namespaces (`unshare --net` is refused here, to root and with --map-root-user)",
            "run as root",
        );
        return false;
    };
    let executable = std::env::current_exe().expect("a test knows its executable");
    // The signal on the parent's death, and --kill-child behind it, end the namespace with this process.
    let mut inside = Process::start(
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "unshare"])
            .args(unshare)
            .arg("--")
            .arg(executable)
            .args(["--exact", test, "--include-ignored", "--nocapture", "--test-threads=1"])
            .env(MARKER, test),
    );
    inside.close_stdin();
    let status = inside.wait(LIMIT + Duration::from_secs(30));
    let said = inside.remaining_lines();
    // An executable that knows no such test succeeds as well.
    let ran = said.iter().any(|line| line.starts_with("running 1 test"));
    for line in said.into_iter().chain(inside.stderr().lines().map(str::to_owned)) {
        if line.starts_with("skipped: ") {
            // Not captured by the harness, so that it is seen.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            relay(&line);
        }
    }
    assert!(status.success() && ran, "{test} failed in its namespace: {status}");
    false
}

/// Runs `ip` with these words, in this process's namespace.
pub fn ip(words: &str) {
    run(Command::new("ip").args(words.split_whitespace()));
}

/// Makes multicast leave by `link`, whatever the route was before.
pub fn route_multicast(link: &str) {
    ip(&format!("route replace 224.0.0.0/4 dev {link}"));
}

/// How much waits to be read in the receive buffer of each socket with this port, in this process's namespace.
#[must_use]
pub fn unread_bytes(port: u16) -> Vec<u64> {
    let sockets = std::fs::read_to_string("/proc/net/udp").expect("the kernel tells of its sockets");
    let local = format!(":{port:04X}");
    let unread = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        let (_sent, received) = words.get(4)?.split_once(':')?;
        words[1].ends_with(&local).then(|| u64::from_str_radix(received, 16).expect("hexadecimal digits"))
    };
    sockets.lines().filter_map(unread).collect()
}

/// Waits until everybody on the bus of a port has read what has come. A little that is sent then finds room in the smallest of
/// receive buffers, however busy this computer is.
pub fn wait_until_read(port: u16) {
    let deadline = Instant::now() + PATIENCE;
    while unread_bytes(port).iter().any(|bytes| *bytes > 0) {
        assert!(Instant::now() < deadline, "on port {port} somebody does not read");
        thread::sleep(Duration::from_micros(200));
    }
}

fn prepare(network: Network) {
    thread::spawn(|| {
        thread::sleep(LIMIT);
        let _ = writeln!(std::io::stderr(), "the watchdog ends this test after {LIMIT:?}");
        std::process::exit(101);
    });
    ip("link set lo up");
    ip("link set lo multicast on");
    match network {
        Network::MulticastOnLo => route_multicast("lo"),
        Network::NoMulticastRoute => {}
    }
}

/// How this system lets us have namespaces: an ordinary user as root of its own, or root as itself.
fn unshare_arguments() -> Option<&'static [&'static str]> {
    static ARGUMENTS: OnceLock<Option<&[&str]>> = OnceLock::new();
    *ARGUMENTS.get_or_init(|| {
        [
            &["--map-root-user", "--net", "--pid", "--mount-proc", "--fork", "--kill-child"][..],
            &["--net", "--pid", "--mount-proc", "--fork", "--kill-child"],
        ]
        .into_iter()
        .find(|arguments| {
            let mut probe = Command::new("unshare");
            probe.args(*arguments).args(["--", "ip", "link", "set", "lo", "up"]);
            probe.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
        })
    })
}

#[expect(clippy::print_stdout, reason = "the harness captures stdout and shows it when the test fails")]
fn relay(line: &str) {
    println!("{line}");
}

/// The environment variable that names the test to the process inside.
const MARKER: &str = "MESH_TESTS_NAMESPACE";

/// After this a test is taken to hang.
const LIMIT: Duration = Duration::from_secs(240);
