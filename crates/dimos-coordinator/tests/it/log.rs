//! The log of a run, on a disk.

use std::collections::BTreeSet;
use std::path::PathBuf;

use dimos::coordinator::LogQuery;
use dimos_coordinator::log::{Level, Log, last_lines};
use dimos_coordinator::process::Stream;

/// A directory of a test's own, gone when it is dropped.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dimos-log-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn lines_of_many_at_once_are_whole_numbered_and_rotated() {
    let directory = Directory::new("many");
    let log = Log::begin(&directory.0).unwrap();
    let text = "x".repeat(2000);
    std::thread::scope(|scope| {
        for module in 0..4 {
            let (log, text) = (log.clone(), &text);
            scope.spawn(move || {
                for number in 0..4000 {
                    log.heard(&format!("m{module}"), Stream::Stdout, format!("{number} {text}").as_bytes(), 0);
                }
            });
        }
    });
    // More than two parts: nothing is missing among those that are kept.
    assert!(directory.0.join("main.1.jsonl").exists());
    let lines = last_lines(&directory.0, &LogQuery::last(100_000)).unwrap();
    let numbers: Vec<_> = lines.iter().map(|line| line.fields["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..16_000).collect::<Vec<_>>());
    let of_one = LogQuery { module: Some("m2".to_owned()), ..LogQuery::last(3) };
    let last: Vec<_> =
        last_lines(&directory.0, &of_one).unwrap().into_iter().map(|line| line.event[..4].to_owned()).collect();
    assert_eq!(last, ["3997", "3998", "3999"]);
    assert_eq!(log.lost(), 0);
}

#[test]
fn whoever_follows_gets_every_line_or_is_told() {
    let directory = Directory::new("follow");
    let log = Log::begin(&directory.0).unwrap();
    let (quick, slow) = (log.follow(), log.follow());
    for number in 0..3000 {
        log.say(Level::Info, &number.to_string(), []);
        assert_eq!(quick.try_recv().unwrap().event, number.to_string());
    }
    let heard: Vec<_> = slow.try_iter().map(|line| line.event.clone()).collect();
    log.say(Level::Info, "and on", []);
    let told: Vec<_> = slow.try_iter().map(|line| line.event.clone()).collect();
    assert_eq!((heard.len(), &told[1..]), (1024, &["and on".to_owned()][..]));
    assert_eq!(told[0], format!("{} lines came too fast and are not shown", 3000 - 1024));
}

#[test]
fn what_is_damaged_is_left_out_and_the_rest_is_read() {
    let directory = Directory::new("damaged");
    let log = Log::begin(&directory.0).unwrap();
    log.say(Level::Warning, "before", []);
    let file = directory.0.join("main.jsonl");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend(b"\xff\xfe{\"event\":\n{}\n[]\n\n");
    std::fs::write(&file, bytes).unwrap();
    log.say(Level::Error, "behind", []);
    let events: BTreeSet<_> =
        last_lines(&directory.0, &LogQuery::last(9)).unwrap().into_iter().map(|line| line.event).collect();
    assert_eq!(events, ["before", "behind"].map(str::to_owned).into());
    let grave = LogQuery { level: Some("error".to_owned()), ..LogQuery::last(9) };
    assert_eq!(last_lines(&directory.0, &grave).unwrap().len(), 1);
}
