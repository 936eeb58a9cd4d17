//! `dimos shell`: on a terminal, as a person uses it, and with a script on stdin.

use std::io::Write;
use std::process::{Command, Stdio};

use dimos::Dimos;
use mesh_tests::cli::{Ended, press_ctrl_c};
use mesh_tests::modules::{ModuleProcess, eventually};
use mesh_tests::process::{PATIENCE, Process};
use mesh_tests::run::Site;
use mesh_tests::terminal::{Key, Terminal};
use mesh_tests::{isolated, site, test_module};
use serde_json::{Value, json};

#[test]
fn a_call_is_completed_shown_and_found_again() {
    isolated!(MulticastOnLo);
    let (site, (_mesh, _worker)) = (site!(), worker("robot0/worker"));
    let mut terminal = shell(&site);
    terminal.type_text("rob");
    terminal.press(Key::Tab);
    terminal.wait_for("dimos> robot0/worker.");
    terminal.type_text("ad");
    terminal.press(Key::Tab);
    terminal.wait_for("dimos> robot0/worker.add ");
    // What it takes is shown behind it.
    terminal.wait_for("add(a: integer, b?: integer) -> integer");
    terminal.press(Key::Tab);
    terminal.press(Key::Tab);
    terminal.wait_until("both arguments", |screen| screen.contains("a=") && screen.contains("b="));
    terminal.type_text("a=40 b=2");
    terminal.press(Key::Enter);
    terminal.wait_until("the result", |screen| screen.lines().any(|line| line == "42"));
    // The line before.
    terminal.press(Key::Up);
    terminal.wait_until("the line again", |screen| last(screen).starts_with("dimos> robot0/worker.add a=40 b=2"));
    terminal.type_text("0");
    terminal.press(Key::Enter);
    terminal.wait_until("the other result", |screen| screen.lines().any(|line| line == "60"));
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.wait().code(), Some(0));
    // Another shell remembers.
    let mut terminal = shell(&site);
    terminal.press(Key::Up);
    terminal.wait_for("dimos> robot0/worker.add a=40 b=20");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_until("an empty prompt", |screen| last(screen) == "dimos>");
    terminal.type_text("exit\r");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn ctrl_c_ends_what_runs_and_not_the_shell() {
    isolated!(MulticastOnLo);
    let (site, (mesh, _worker)) = (site!(), worker("worker"));
    let module = mesh.module("worker").expect("it is there");
    let mut terminal = shell(&site);
    terminal.type_text("topic echo /nothing\r");
    // It waits, and says so.
    terminal.wait_for("waiting for /nothing");
    terminal.press(Key::Ctrl('c'));
    terminal.wait_until("a prompt", |screen| last(screen) == "dimos>");
    terminal.type_text("worker.sleep ms=20000\r");
    eventually(|| "it sleeps".to_owned(), || (module.call("progress", &()).ok()?.as_u64()? > 0).then_some(()));
    terminal.press(Key::Ctrl('c'));
    terminal.wait_until("a prompt", |screen| last(screen) == "dimos>");
    assert_eq!(module.call("cancelled", &()), Ok(json!(1)));
    // Nothing runs.
    for _ in 0..2 {
        let seen = prompts(&terminal.screen());
        terminal.press(Key::Ctrl('c'));
        terminal.wait_until("another prompt", |screen| prompts(screen) > seen);
    }
    terminal.type_text("worker.add a=40\r");
    terminal.wait_until("the result", |screen| screen.lines().any(|line| line == "40"));
    terminal.press(Key::Ctrl('d'));
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn what_fails_is_told_and_the_shell_goes_on() {
    isolated!(MulticastOnLo);
    let (site, (_mesh, _worker)) = (site!(), worker("worker"));
    let mut terminal = shell(&site);
    let mut fails = |line: &str, told: &str| {
        terminal.type_text(&format!("{line}\r"));
        terminal.wait_for(told);
    };
    fails("worker.divide a=1 b=0", "error[handler]: worker.divide: 1 cannot be divided by 0");
    fails("lisst", "did you mean list?");
    fails("worker.add 'a=1", "a quote is not closed");
    fails("list --wrong", "unexpected argument '--wrong'");
    fails("shell", "this is the shell already");
    // A command that needs a process of its own.
    fails("module robot-sim --nonsense", "--nonsense");
    fails("help exit-codes", "130  interrupted");
    fails("list", "worker  Worker  running");
    fails("worker.add a=77", "\n77");
    // It is told to end while somebody types.
    terminal.type_text("wor");
    mesh_tests::process::run(Command::new("sh").arg("-c").arg(format!("kill {}", terminal.id())));
    assert_eq!(terminal.wait().code(), Some(130));
}

#[test]
fn a_script_is_run_to_the_first_line_that_fails() {
    isolated!(MulticastOnLo);
    let (site, (_mesh, _worker)) = (site!(), worker("robot0/worker"));
    let good = script(&site, &[], "# what runs\nrobot0/worker.add a=40 b=2\n\nrpc call robot0/worker.foresee");
    assert_eq!(good, Ended { code: Some(0), stdout: "42\n\"sunshine\"\n".to_owned(), stderr: String::new() });
    let failing = script(&site, &[], "robot0/worker.add a=1\nrobot0/worker.divide a=1 b=0\nrobot0/worker.add a=2\n");
    assert_eq!((failing.code, failing.stdout.as_str()), (Some(1), "1\n"));
    assert!(failing.stderr.contains("line 2: robot0/worker.divide: "), "{failing:?}");
    let as_json =
        script(&site, &["--json"], "list\nrobot0/worker.mirror 'point={\"x_m\": 1, \"y_m\": 2}'\nnobody.add a=1\n");
    assert_eq!((as_json.code, as_json.json_error()["code"].as_str()), (Some(4), Some("not_found")));
    let lines = as_json.json_lines();
    assert_eq!((&lines[0][0]["name"], &lines[1]), (&json!("robot0/worker"), &json!({ "x_m": -1.0, "y_m": 2.0 })));
    let left = script(&site, &[], "exit\nrobot0/worker.add a=1\n");
    assert_eq!(left, Ended { code: Some(0), stdout: String::new(), stderr: String::new() });
    let wrong = script(&site, &[], "lisst\n");
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    let long = script(&site, &[], &format!("{}\n", "x".repeat(2 << 20)));
    assert_eq!(long.code, Some(2));
    // While it waits for a line.
    let mut idle = Process::start(&mut site.command(&["shell"]));
    idle.write_line("robot0/worker.add a=1");
    idle.expect_line("the result", |line| line == "1");
    press_ctrl_c(&idle);
    assert_eq!(idle.wait(PATIENCE).code(), Some(130));
    assert_eq!(idle.stderr(), "");
}

#[test]
fn a_command_may_read_the_rest_of_a_script() {
    isolated!(MulticastOnLo);
    let site = site!();
    let lines = "topic pub /number#std_msgs.Int32 -\n{\"data\": 1}\n{\"data\": 2}\n";
    let published = script(&site, &["--json"], lines);
    let report: Value = serde_json::from_str(&published.stdout).expect("a report");
    assert_eq!((published.code, &report["messages"]), (Some(0), &json!(2)), "{published:?}");
}

/// A shell on a terminal that waits for a line.
fn shell(site: &Site) -> Terminal {
    let mut terminal = Terminal::start(&site.command(&["shell"]), 30, 120);
    terminal.wait_for("dimos>");
    terminal
}

/// Runs a shell with these lines on stdin.
fn script(site: &Site, arguments: &[&str], lines: &str) -> Ended {
    let mut command = site.command(&[&["shell"], arguments].concat());
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("dimos starts");
    // It may end before it has read all.
    let _ = child.stdin.take().expect("stdin is piped").write_all(lines.as_bytes());
    Ended::from(child.wait_with_output().expect("it ends"))
}

/// How many are shown.
fn prompts(screen: &str) -> usize {
    screen.lines().filter(|line| line.starts_with("dimos>")).count()
}

/// The line at the bottom of what is shown.
fn last(screen: &str) -> &str {
    screen.trim_end().lines().last().unwrap_or_default().trim_end()
}

/// A worker of this name, and a connection that watches it.
fn worker(name: &str) -> (Dimos, ModuleProcess) {
    let mesh = Dimos::join().expect("the bus is there");
    let (worker, _) = ModuleProcess::start_as(&mesh, name, test_module!("Worker"), &[]);
    (mesh, worker)
}
