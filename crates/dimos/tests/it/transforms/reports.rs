//! What is shown to people.

use dimos::transforms::{FrameStatus, Motion, TransformBuffer};

use super::{insert, ms, stamped, x};

fn robot() -> TransformBuffer {
    let mut transforms = TransformBuffer::new();
    for tenth in 0..=10 {
        insert(&mut transforms, tenth * 100, "odom", "base", tenth as f64);
    }
    for fifth in 0..=5 {
        insert(&mut transforms, fifth * 200, "base", "camera", 0.1);
    }
    insert(&mut transforms, 100, "map", "odom", 0.0);
    transforms.insert_static(&stamped(ms(0), "base", "arm", x(0.5))).unwrap();
    transforms
}

#[test]
fn frames_are_listed_with_parent_stamp_and_rate() {
    let transforms = robot();
    let frames = transforms.frames();
    let names: Vec<_> = frames.iter().map(|frame| (frame.child, frame.parent, frame.motion)).collect();
    let expected = [
        ("arm", Some("base"), Some(Motion::Static)),
        ("base", Some("odom"), Some(Motion::Moving)),
        ("camera", Some("base"), Some(Motion::AtRest)),
        ("map", None, None),
        ("odom", Some("map"), Some(Motion::SaidOnce)),
    ];
    assert_eq!(names, expected);
    let told = |frame: &FrameStatus<'_>| (frame.newest, frame.samples, frame.rate_hz);
    assert_eq!(told(&frames[0]), (None, 0, None));
    assert_eq!(told(&frames[1]), (Some(ms(1000)), 11, Some(10.0)));
    assert_eq!(told(&frames[2]), (Some(ms(1000)), 6, Some(5.0)));
    assert_eq!(told(&frames[3]), (None, 0, None));
    assert_eq!(told(&frames[4]), (Some(ms(100)), 1, None));
}

#[test]
fn trees_are_drawn() {
    let mut transforms = robot();
    insert(&mut transforms, 0, "another\u{1b}[2J\n", "tree", 1.0);
    let expected = r#""another\u{1b}[2J\n"
  "tree"  said once, at 1700000000.000000000 s
"map"
  "odom"  said once, at 1700000000.100000000 s
    "base"  moving, 10.0 Hz, 11 samples up to 1700000001.000000000 s
      "arm"  static
      "camera"  at rest, 5.0 Hz, 6 samples up to 1700000001.000000000 s
"#;
    assert_eq!(transforms.tree(), expected);
    assert_eq!(TransformBuffer::new().tree(), "");
}

#[test]
fn a_chain_of_thousands_of_frames_is_drawn_in_a_text_of_bounded_width() {
    let mut transforms = TransformBuffer::new();
    for frame in 1..4096 {
        insert(&mut transforms, 0, &(frame - 1).to_string(), &frame.to_string(), 1.0);
    }
    let tree = transforms.tree();
    assert_eq!(tree.lines().count(), 4096);
    assert!(tree.lines().all(|line| line.len() < 200));
}
