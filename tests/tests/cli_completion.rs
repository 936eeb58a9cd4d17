//! What a shell completes, and what `dimos help` and `dimos man` say.

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use dimos::Dimos;
use lcm_types::std_msgs::Int32;
use mesh_tests::cli::{dimos, run};
use mesh_tests::modules::ModuleProcess;
use mesh_tests::{isolated, site, test_module};

#[test]
fn modules_methods_arguments_and_topics_are_those_on_the_bus() {
    isolated!(MulticastOnLo);
    let (mesh, _worker) = worker("robot0/worker");
    assert!(complete("dimos rpc call rob").contains("robot0/worker.add"));
    assert_eq!(complete("dimos rpc call robot0/worker.div"), BTreeSet::from(["robot0/worker.divide".to_owned()]));
    let arguments = complete("dimos rpc call robot0/worker.add ");
    assert!(arguments.contains("a=") && arguments.contains("b=") && arguments.contains("--timeout"), "{arguments:?}");
    assert_eq!(complete("dimos --json restart rob"), BTreeSet::from(["robot0/worker".to_owned()]));
    assert_eq!(complete("dimos log --module r"), BTreeSet::from(["robot0/worker".to_owned()]));
    // What the contract says, and what is heard.
    assert_eq!(complete("dimos topic echo /rob"), BTreeSet::from(["/robot0/release".to_owned()]));
    assert_eq!(
        complete("dimos topic echo /robot0/release#"),
        BTreeSet::from(["/robot0/release#std_msgs.Int32".to_owned()])
    );
    // The calls of the mesh are no topics.
    assert_eq!(complete("dimos topic echo /rpc"), BTreeSet::new());
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                // What would be run by a shell that has it on its line is not offered.
                for channel in ["/number#std_msgs.Int32", "/num;ls#std_msgs.Int32", "/num$(ls)"] {
                    mesh.publisher().publish_message(channel, &Int32 { data: 1 }).expect("it is sent");
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let topics = complete("dimos topic echo /num");
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(topics, BTreeSet::from(["/number".to_owned()]));
    });
}

#[test]
fn what_needs_no_bus_is_completed_without_one_and_nothing_is_ever_complained_of() {
    isolated!(NoMulticastRoute);
    assert!(complete("dimos module map").contains("mapper"));
    assert!(complete("dimos topic pub /a --type std_msgs.Int").contains("std_msgs.Int32"));
    assert!(complete("dimos comp").contains("completions"));
    assert!(complete("dimos completions ").contains("zsh"));
    let site = site!();
    site.write("state/dimos/logs/20260314-150926-5f3a-sim/main.jsonl", "");
    let mut command = site.command(&[]);
    let runs = ask(&mut command, "dimos log --run 2026");
    assert_eq!(String::from_utf8_lossy(&runs.stdout), "20260314-150926-5f3a-sim");
    for line in [
        "dimos --bus nonsense:// rpc call a",
        "dimos --bus udpm://1.2.3.4:5 restart a",
        "dimos rpc call nobody.x ",
        "dimos nonsense ",
        "dimos",
    ] {
        let output = ask(&mut dimos(&[]), line);
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{line}: {output:?}");
    }
}

#[test]
fn bash_completes_what_is_on_the_bus() {
    isolated!(MulticastOnLo);
    let (_mesh, _worker) = worker("worker");
    let script = "source <(\"$0\" completions bash) && COMP_WORDS=(dimos rpc call worker.fo) COMP_CWORD=3 \
                  && _clap_complete_dimos dimos worker.fo call; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let output =
        Command::new("bash").args(["--norc", "-c", script]).arg(dimos(&[]).get_program()).output().expect("bash runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "worker.foresee\n", "{output:?}");
}

#[test]
fn there_is_a_script_for_each_shell() {
    isolated!(NoMulticastRoute);
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run(&["completions", shell]);
        assert_eq!((script.code, script.stderr.as_str()), (Some(0), ""));
        assert!(script.stdout.contains("DIMOS_COMPLETE") && script.stdout.contains(shell), "{script:?}");
        let as_json = run(&["completions", shell, "--json"]).json_lines().remove(0);
        assert_eq!(as_json["script"].as_str().map(str::trim_end), Some(script.stdout.trim_end()));
    }
    assert_eq!(run(&["completions", "csh"]).code, Some(2));
}

#[test]
fn help_knows_commands_and_exit_codes() {
    isolated!(NoMulticastRoute);
    assert_eq!(run(&["help", "rpc", "call"]).stdout.trim_end(), run(&["rpc", "call", "--help"]).stdout.trim_end());
    assert_eq!(run(&["help"]).stdout.trim_end(), run(&["--help"]).stdout.trim_end());
    let table = run(&["help", "exit-codes"]);
    assert_eq!(table.code, Some(0));
    assert!(table.stdout.contains("  4  a module, method or file is not there\n"), "{table:?}");
    assert!(run(&["--help"]).stdout.contains(&table.stdout), "it is the table of the help");
    let as_json = run(&["help", "exit-codes", "--json"]).json_lines().remove(0);
    assert_eq!(as_json["130"], "interrupted, as by Ctrl-C");
    assert_eq!(run(&["help", "topic", "--json"]).json_lines()[0]["command"], "dimos topic");
    let wrong = run(&["help", "tpoic"]);
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("did you mean topic?"), "{wrong:?}");
    assert_eq!(run(&["help", "list", "rpc"]).code, Some(2));
}

#[test]
fn man_pages_are_written_for_all_commands() {
    isolated!(NoMulticastRoute);
    let main = run(&["man"]);
    assert_eq!((main.code, main.stderr.as_str()), (Some(0), ""));
    assert!(main.stdout.contains(".TH dimos 1") && main.stdout.contains("Exit codes"), "{}", main.stdout);
    let site = site!();
    let directory = site.path("new/man1");
    let written = site.dimos(&["man", &directory.display().to_string(), "--json"]);
    let pages = written.json_lines()[0]["pages"].as_array().map(Vec::len);
    let files: Vec<_> = std::fs::read_dir(&directory).expect("a directory").flatten().collect();
    assert_eq!((written.code, pages), (Some(0), Some(files.len())));
    assert!(directory.join("dimos-rpc-serve-stdio.1").exists() && directory.join("dimos-shell.1").exists());
    let nowhere = site.dimos(&["man", "/proc/nowhere"]);
    assert_eq!(nowhere.code, Some(1), "{nowhere:?}");
}

/// What the last word of a line can be, as the function of bash asks for it.
fn complete(line: &str) -> BTreeSet<String> {
    let output = ask(&mut dimos(&[]), line);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{line}: {output:?}");
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

fn ask(command: &mut Command, line: &str) -> Output {
    let words: Vec<_> = line.split(' ').collect();
    command
        .env("DIMOS_COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .env("_CLAP_IFS", "\n");
    command.arg("--").args(words).output().expect("dimos starts")
}

/// A worker of this name, and a connection that watches it.
fn worker(name: &str) -> (Dimos, ModuleProcess) {
    let mesh = Dimos::join().expect("the bus is there");
    let (worker, _) = ModuleProcess::start_as(&mesh, name, test_module!("Worker"), &[]);
    (mesh, worker)
}
