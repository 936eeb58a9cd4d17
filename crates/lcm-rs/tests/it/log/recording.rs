//! The files of recordings: names, splitting, rotation, and disks that are full.

use std::fs;
use std::path::PathBuf;

use lcm::log::{Event, Existing, Naming, Recording, RecordingError, RecordingPlan};

use super::{events, read};

#[test]
fn a_recording_that_splits_has_every_event_once_and_counts_on_over_its_files() {
    let directory = scratch("increment");
    fs::write(directory.join("run.01"), "another one").unwrap();
    let events = events((0..40).map(|size| vec![1; 50 * size]));
    let mut recording = begin(&directory, Naming::Increment, Some(3000)).unwrap();
    write(&mut recording, &events);
    let written = recording.end().unwrap();
    assert_eq!((written.events, fs::read(directory.join("run.01")).unwrap()), (40, b"another one".to_vec()));
    let names = names(&directory);
    assert_eq!(written.files + 1, names.len() as u64);
    let recorded: Vec<_> =
        names.iter().filter(|name| *name != "run.01").flat_map(|name| of(&directory, name)).collect();
    assert_eq!(recorded, events);
    let bytes = |name: &String| fs::metadata(directory.join(name)).unwrap().len();
    assert!(names.iter().all(|name| bytes(name) <= 3000) && written.bytes == names.iter().map(bytes).sum::<u64>() - 11);
}

#[test]
fn of_files_that_rotate_the_newest_are_kept_in_order() {
    let directory = scratch("rotate");
    let events = events((0..10).map(|number| vec![number; 1000]));
    let mut recording = begin(&directory, Naming::Rotate { files: 3 }, Some(2100)).unwrap();
    write(&mut recording, &events);
    assert_eq!((recording.written().files, recording.file().ends_with("run.0")), (5, true));
    recording.end().unwrap();
    assert_eq!(names(&directory), ["run.0", "run.1", "run.2"]);
    let kept: Vec<_> = ["run.2", "run.1", "run.0"].iter().flat_map(|name| of(&directory, name)).collect();
    assert_eq!(kept, events[4..]);
    // Those of the next recording make way for it, too.
    begin(&directory, Naming::Rotate { files: 3 }, None).unwrap().end().unwrap();
    assert_eq!(of(&directory, "run.1"), events[8..]);
}

#[test]
fn a_file_that_is_there_is_kept_replaced_or_written_on_as_told() {
    let directory = scratch("existing");
    let first = events([b"first".to_vec()]);
    for (existing, expected) in [(Existing::Refuse, 1), (Existing::Append, 2), (Existing::Replace, 1)] {
        let plan = RecordingPlan { existing, ..plan(&directory, Naming::Single, Some(10)) };
        let mut recording = Recording::begin(plan).unwrap();
        write(&mut recording, &first);
        recording.end().unwrap();
        assert_eq!(of(&directory, "run").len(), expected);
    }
    let refused = begin(&directory, Naming::Single, None);
    assert!(matches!(refused, Err(RecordingError::Exists { path }) if path.ends_with("run")));
    let nowhere = plan(&directory.join("nowhere"), Naming::Single, None);
    assert!(matches!(Recording::begin(nowhere), Err(RecordingError::Create { .. })));
}

#[test]
fn numbers_that_are_left_out_say_what_is_missing() {
    let directory = scratch("left-out");
    let mut recording = begin(&directory, Naming::Increment, None).unwrap();
    recording.write(0, b"A", b"").unwrap();
    recording.leave_out(5);
    recording.next_file().unwrap();
    recording.write(1, b"A", b"").unwrap();
    recording.end().unwrap();
    assert_eq!([of(&directory, "run.00")[0].number, of(&directory, "run.01")[0].number], [0, 6]);
}

#[test]
fn a_file_that_takes_no_more_is_told() {
    let path = PathBuf::from("/dev/full");
    let plan = RecordingPlan { path, naming: Naming::Single, existing: Existing::Replace, split_bytes: None };
    let mut recording = Recording::begin(plan).unwrap();
    recording.write(0, b"A", b"small").unwrap();
    let error = recording.flush().unwrap_err();
    assert_eq!(error.to_string(), "cannot write to /dev/full: No space left on device (os error 28)");
    assert_eq!(recording.written().events, 0);
    // It is told once.
    recording.end().unwrap();
}

fn begin(directory: &std::path::Path, naming: Naming, split_bytes: Option<u64>) -> Result<Recording, RecordingError> {
    Recording::begin(plan(directory, naming, split_bytes))
}

fn plan(directory: &std::path::Path, naming: Naming, split_bytes: Option<u64>) -> RecordingPlan {
    RecordingPlan { path: directory.join("run"), naming, existing: Existing::Refuse, split_bytes }
}

fn write(recording: &mut Recording, events: &[Event]) {
    for event in events {
        recording.write(event.timestamp_us, &event.channel, &event.data).unwrap();
    }
}

fn of(directory: &std::path::Path, name: &str) -> Vec<Event> {
    let (events, gaps) = read(&fs::read(directory.join(name)).unwrap()[..]);
    assert_eq!(gaps, []);
    events
}

fn names(directory: &std::path::Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An empty directory of this name, which only one test uses.
fn scratch(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("recording-{name}"));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}
