//! Real processes: started, heard, ended.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::Duration;

use dimos_coordinator::process::{Command, DescribeError, Stream, Watch, describe_all, start};
use dimos_coordinator::supervisor::{Exit, Incarnation};

/// Longer than anything here should take.
const PATIENCE: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Command {
    Command { program: "/bin/sh".into(), arguments: ["-c", script].map(Into::into).to_vec(), ..Command::default() }
}

/// Runs a script to its end: what it said, and how it ended.
fn run(command: &Command) -> (Vec<(Stream, String)>, Exit) {
    let (said, lines) = channel();
    let (told, ended) = channel();
    let heard =
        move |_: &str, stream, bytes: &[u8], _| drop(said.send((stream, String::from_utf8_lossy(bytes).into_owned())));
    let watch = Watch::begin(heard, move |end| drop(told.send(end))).expect("processes can be watched");
    let running = start(command).expect("it starts");
    watch.add(Incarnation(7), "it", running).expect("it can be watched");
    let end = ended.recv_timeout(PATIENCE).expect("it ends");
    assert_eq!(end.incarnation, Incarnation(7));
    end.end_group();
    (lines.try_iter().collect(), end.exit)
}

#[test]
fn all_that_a_process_says_is_heard_before_its_end_is_told() {
    for _ in 0..20 {
        let (lines, exit) = run(&shell("seq 3; echo oops >&2; printf rest; exit 3"));
        let of = |stream| lines.iter().filter(move |(from, _)| *from == stream).map(|(_, line)| line.as_str());
        assert_eq!(of(Stream::Stdout).collect::<Vec<_>>(), ["1", "2", "3", "rest"]);
        assert_eq!(of(Stream::Stderr).collect::<Vec<_>>(), ["oops"]);
        assert_eq!(exit, Exit::Code(3));
    }
    assert_eq!(run(&shell("kill -SEGV $$")).1, Exit::Signal(11));
}

#[test]
fn a_process_gets_its_surroundings() {
    let mut command = shell(
        "pwd; echo $GREETING; nice; taskset -p $$ | sed 's/.*: //'; wc -c; ps -o pgid= -p $$ | tr -d ' '; echo $$",
    );
    command.directory = Some("/tmp".into());
    command.environment = vec![("GREETING".to_owned(), "hello".into())];
    command.nice = Some(7);
    command.cpus = vec![0];
    // More than a pipe holds.
    command.input = vec![b'x'; 1 << 20];
    let (lines, _) = run(&command);
    let lines: Vec<_> = lines.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines[..5], ["/tmp", "hello", "7", "1", "1048576"]);
    assert_eq!(lines[5], lines[6], "it leads a group of its own");
}

#[test]
fn what_it_leaves_in_its_group_ends_with_it() {
    let (lines, exit) = run(&shell("sleep 1000 & echo $!; exit 0"));
    assert_eq!(exit, Exit::Code(0));
    let gone =
        || std::fs::read_to_string(format!("/proc/{}/stat", lines[0].1)).map_or(true, |stat| stat.contains(") Z "));
    let until = std::time::Instant::now() + PATIENCE;
    while !gone() {
        assert!(std::time::Instant::now() < until, "{} is left behind", lines[0].1);
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_does_not_exist_is_told() {
    let command = Command { program: "/no/such/program".into(), ..Command::default() };
    assert_eq!(start(&command).unwrap_err().kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn an_executable_that_does_not_know_describe_says_why() {
    let scripts = [
        ("good", r#"echo '{"class_name": "Good"}'"#),
        ("refuses", "echo usage: no >&2; exit 2"),
        ("junk", "echo hello"),
        ("nameless", "echo '{}'"),
        ("endless", "yes"),
        ("lingers", r#"echo '{"class_name": "Lingers"}'; exec >&-; sleep 1000"#),
    ];
    let commands: BTreeMap<_, _> = scripts.iter().map(|(name, script)| (*name, shell(script))).collect();
    let found = describe_all(&commands);
    assert_eq!(found["good"].as_ref().unwrap().class_name, "Good");
    assert_eq!(found["lingers"].as_ref().unwrap().class_name, "Lingers");
    let expected = DescribeError::Refused {
        question: "--describe",
        exit: Exit::Code(2),
        last_words: Some("usage: no".to_owned()),
    };
    assert_eq!(found["refuses"].as_ref().unwrap_err(), &expected);
    for name in ["junk", "nameless"] {
        assert!(matches!(found[name], Err(DescribeError::NoAnswer { .. })), "{name}: {:?}", found[name]);
    }
    assert!(matches!(found["endless"], Err(DescribeError::Start { .. })), "{:?}", found["endless"]);
}
