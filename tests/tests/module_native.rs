//! Modules of ours as native modules of Python DimOS, which starts them, connects them and stops them.

use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use dimos::Dimos;
use mesh_tests::modules::eventually;
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::{example, isolated, test_name};
use serde_json::json;

#[test]
fn python_dimos_starts_a_module_by_arguments() {
    let Some(python) = python(test_name!()) else { return };
    let program = example::built("dimos", "cruise");
    isolated!(MulticastOnLo);
    started_by(&python, &program, "arguments");
}

#[test]
fn python_dimos_starts_a_module_by_a_line_on_stdin() {
    let Some(python) = python(test_name!()) else { return };
    let program = example::built("dimos", "cruise");
    isolated!(MulticastOnLo);
    started_by(&python, &program, "line");
}

fn started_by(python: &Path, program: &Path, how: &str) {
    let dimos = Dimos::join().expect("the bus is there");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/native_module.py");
    let mut command = Command::new(python);
    command.arg("-u").arg(script).arg(program).arg(how);
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("DIMOS_TRANSPORT", "lcm");
    command.env("XDG_STATE_HOME", env!("CARGO_TARGET_TMPDIR"));
    let mut python = Process::start(&mut command);
    // Python's own log is among it.
    let said = RefCell::new(String::new());
    let heard = |wanted: &'static str| {
        let said = &said;
        move |line: &str| {
            said.borrow_mut().push_str(&format!("{line}\n"));
            line == wanted
        }
    };
    python.expect_line("started", heard("started"));
    let module = eventually(|| format!("cruise runs: {}", python.stderr()), || dimos.module("cruise").ok());
    assert_eq!(module.call("halt", &json!({ "is_halted": false })), Ok(json!(false)));
    // Far, with the speed that Python configured; then near, for its `near_m` of 0.5 as well as for the default; then between them.
    for (range, command) in [("3.0", "heard 0.25 0.0"), ("0.4", "heard 0.0 0.5"), ("0.7", "heard 0.25 0.0")] {
        python.write_line(range);
        python.expect_line("a command", heard(command));
    }
    python.close_stdin();
    python.expect_line("stopped", heard("stopped"));
    assert!(python.wait(PATIENCE).success(), "{}", python.stderr());
    // The module's log was understood, line by line, and it ended in time.
    let said = said.into_inner();
    assert!(said.contains("joined the mesh") && !said.contains("\"fields\""), "{said}");
    assert!(said.contains("returncode=0"), "{said}");
}

/// The interpreter, of an environment or by itself; none after saying that `test` is skipped.
fn python(test: &str) -> Option<PathBuf> {
    let Some(python) = std::env::var_os(PYTHON).filter(|python| !python.is_empty()).map(PathBuf::from) else {
        // Not captured by the harness, so that it is seen. Unlike other peers it is not required in CI, for its size.
        let remedy = "set it to a Python, or a virtual environment, that has `dimos`";
        let _ = writeln!(std::io::stderr(), "skipped: {test}: {PYTHON} is not set; {remedy}");
        return None;
    };
    Some(if python.is_dir() { python.join("bin/python") } else { python })
}

/// The variable that names a Python with Python DimOS.
const PYTHON: &str = "DIMOS_BENCH_PYTHON";
