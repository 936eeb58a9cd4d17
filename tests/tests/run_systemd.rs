//! A run as a service of systemd: what it tells, and that its modules do not.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::{nothing_is_left, others, signal};
use mesh_tests::{isolated, site};

#[test]
fn systemd_is_told_when_a_run_is_up_that_it_lives_and_that_it_stops() {
    isolated!(MulticastOnLo);
    let site = site!();
    // The path of a socket has at most 107 bytes, so this one is named from its directory. In an isolated process that is nobody
    // else's.
    std::env::set_current_dir(site.path("")).expect("it is there");
    let socket = UnixDatagram::bind("notify").expect("a socket can be bound");
    socket.set_read_timeout(Some(Duration::from_secs(1))).expect("a time limit");
    site.script("tool", "exec sleep 1000");
    let text =
        "[modules]\nbase.run = \"static-tf\"\ntool = { run = \"tool\", foreign = true, ready_after = \"600ms\" }";
    let launch = site.write("base.toml", text);
    let mut command = site.command(&["run", &launch]);
    command.env("NOTIFY_SOCKET", "notify").env("WATCHDOG_USEC", "1000000").env("WATCHDOG_PID", "1");
    let mut process = Process::start(&mut command);
    let next = |wanted: &str| {
        let deadline = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while Instant::now() < deadline {
            let mut buffer = [0; 4096];
            let Ok(bytes) = socket.recv(&mut buffer) else { continue };
            let said = String::from_utf8_lossy(&buffer[..bytes]).into_owned();
            if said.lines().any(|line| line == wanted) {
                return (said, heard);
            }
            heard.push(said);
        }
        panic!("no {wanted} but {heard:?}");
    };
    let (ready, _) = next("READY=1");
    assert!(ready.lines().any(|line| line.starts_with("STATUS=") && line.contains("2 modules")), "{ready}");
    let mut beats = Vec::new();
    for _ in 0..4 {
        next("WATCHDOG=1");
        beats.push(Instant::now());
    }
    // Twice in the time that it waits; the machine may be slow.
    assert!(beats[3] - beats[0] < Duration::from_secs(5), "{beats:?}");
    let modules: Vec<_> = others().into_iter().filter(|found| found.environment.contains("DIMOS_MODULE=")).collect();
    assert_eq!(modules.len(), 2);
    for module in modules {
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            assert!(!module.environment.contains(variable), "{module:?}");
        }
    }
    signal(process.id(), "TERM");
    next("STOPPING=1");
    assert_eq!(process.wait(PATIENCE).code(), Some(0), "{}", process.stderr());
    nothing_is_left();
}

#[test]
fn the_unit_file_is_one() {
    let unit =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/dimos-cli/systemd/dimos@.service"))
            .expect("it is there");
    for line in ["Type=notify", "NotifyAccess=all", "KillMode=mixed", "Restart=on-failure"] {
        assert!(unit.lines().any(|one| one == line), "no {line}");
    }
    for line in unit.lines().filter(|line| !line.is_empty()) {
        assert!(line.starts_with(['#', '[']) || line.contains('='), "{line:?}");
    }
}
