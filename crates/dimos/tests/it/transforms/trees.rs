//! Frames and their parents: names, paths, rearranged trees, cycles, and frames that nobody knows.

use dimos::transforms::{FrameIdError, InsertError, Inserted, LookupError, TransformBuffer, When};

use super::{at, edge, insert, look, ms, stamped, why, x};

/// map -> odom -> base -> (lidar, arm -> hand), and another robot.
fn robots() -> TransformBuffer {
    let mut transforms = TransformBuffer::new();
    let edges =
        [("base", "lidar"), ("base", "arm"), ("arm", "hand"), ("map", "odom"), ("odom", "base"), ("earth", "other")];
    for (parent, child) in edges {
        insert(&mut transforms, 0, parent, child, 1.0);
        insert(&mut transforms, 100, parent, child, 2.0);
    }
    transforms
}

#[test]
fn a_path_goes_up_to_the_first_frame_above_both_and_down_again() {
    let transforms = robots();
    assert_eq!(transforms.path("lidar", "hand").unwrap(), ["lidar", "base", "arm", "hand"]);
    assert_eq!(transforms.path("hand", "map").unwrap(), ["hand", "arm", "base", "odom", "map"]);
    assert_eq!(transforms.path("map", "hand").unwrap(), ["map", "odom", "base", "arm", "hand"]);
    assert_eq!(transforms.path("base", "base").unwrap(), ["base"]);
}

#[test]
fn edges_that_are_not_on_the_path_do_not_matter() {
    let mut transforms = robots();
    insert(&mut transforms, 200, "base", "lidar", 3.0);
    insert(&mut transforms, 200, "base", "arm", 3.0);
    // odom -> base and arm -> hand end at 100.
    assert_eq!(look(&transforms, "lidar", "arm", When::Latest), (0.0, 200));
    assert_eq!(look(&transforms, "lidar", "arm", at(200, 0)), (0.0, 200));
}

#[test]
fn a_leading_slash_does_not_matter() {
    let mut transforms = TransformBuffer::new();
    insert(&mut transforms, 0, "/map", "//odom", 1.0);
    insert(&mut transforms, 100, "map", "odom", 2.0);
    let found = transforms.lookup("/map", "/odom", When::Latest).unwrap();
    assert_eq!((found.header.frame_id.as_str(), found.child_frame_id.as_str()), ("map", "odom"));
    assert_eq!((transforms.frames().len(), transforms.samples()), (2, 2));
    // Others are part of the name.
    insert(&mut transforms, 0, "map", "robot0/odom", 1.0);
    assert!(transforms.lookup("map", "robot0/odom", When::Latest).is_ok());
}

#[test]
fn names_that_are_none_are_refused() {
    let mut transforms = TransformBuffer::new();
    let long = "x".repeat(256);
    let refused = [
        (("", "a"), InsertError::Parent { error: FrameIdError::Empty }),
        (("///", "a"), InsertError::Parent { error: FrameIdError::Empty }),
        (("a", ""), InsertError::Child { error: FrameIdError::Empty }),
        ((long.as_str(), "a"), InsertError::Parent { error: FrameIdError::TooLong { bytes: 256 } }),
        (("a", long.as_str()), InsertError::Child { error: FrameIdError::TooLong { bytes: 256 } }),
        (("a", "a"), InsertError::Cycle { edge: edge("a", "a") }),
        (("a", "/a"), InsertError::Cycle { edge: edge("a", "a") }),
    ];
    for ((parent, child), expected) in &refused {
        assert_eq!(transforms.insert(&stamped(ms(0), parent, child, x(1.0))).as_ref(), Err(expected));
        assert_eq!(transforms.insert_static(&stamped(ms(0), parent, child, x(1.0))).as_ref(), Err(expected));
    }
    assert_eq!((transforms.counts().refused, transforms.counts().cycles), (14, 4));
    assert!(transforms.frames().is_empty());
    insert(&mut transforms, 0, &long[..255], "a", 1.0);
    assert_eq!(why(&transforms, "a", "", When::Latest), "the name of a frame is empty");
    assert_eq!(why(&transforms, &long, "a", When::Latest), "the name of a frame has 256 bytes, expected at most 255");
    assert_eq!(
        refused[3].1.to_string(),
        "the parent frame (header.frame_id) of a transform: the name of a frame has 256 bytes, expected at most 255"
    );
}

#[test]
fn a_frame_that_nobody_knows_is_named_with_one_that_was_meant() {
    let transforms = robots();
    assert_eq!(
        why(&transforms, "map", "lidra", When::Latest),
        "there is no frame \"lidra\" among the 8 known ones; did you mean \"lidar\"?"
    );
    assert_eq!(
        why(&transforms, "gripper", "lidar", When::Latest),
        "there is no frame \"gripper\" among the 8 known ones"
    );
    assert!(matches!(transforms.path("map", "lidra"), Err(LookupError::UnknownFrame { .. })));
}

#[test]
fn frames_of_different_trees_are_named_with_their_roots() {
    let transforms = robots();
    assert_eq!(
        why(&transforms, "lidar", "other", When::Latest),
        "\"lidar\" and \"other\" are not connected: the root of the one is \"map\", that of the other \"earth\"; somebody has to \
         publish a transform between these trees"
    );
    assert!(why(&transforms, "map", "earth", When::Newest).contains("is \"map\", that of the other \"earth\""));
}

#[test]
fn a_new_parent_replaces_the_history() {
    let mut transforms = robots();
    let result = transforms.insert(&stamped(ms(150), "other", "hand", x(5.0)));
    assert_eq!(result, Ok(Inserted::Reparented));
    assert_eq!(transforms.counts().reparented, 1);
    assert_eq!(look(&transforms, "other", "hand", When::Latest), (5.0, 150));
    assert!(why(&transforms, "arm", "hand", When::Latest).contains("not connected"));
    assert!(why(&transforms, "other", "hand", at(100, 0)).contains("its oldest sample is 0.05 s later"));
    assert_eq!(transforms.samples(), 11);
    // Below the hand everything comes along.
    insert(&mut transforms, 150, "hand", "tool", 1.0);
    transforms.insert(&stamped(ms(150), "lidar", "hand", x(7.0))).unwrap();
    assert_eq!(look(&transforms, "lidar", "tool", When::Latest), (8.0, 150));
}

#[test]
fn frames_that_nothing_is_tied_to_any_more_are_forgotten() {
    let mut transforms = TransformBuffer::new();
    insert(&mut transforms, 0, "old", "base", 1.0);
    insert(&mut transforms, 0, "new", "base", 1.0);
    let names: Vec<&str> = transforms.frames().iter().map(|frame| frame.child).collect();
    assert_eq!(names, ["base", "new"]);
    assert!(why(&transforms, "old", "base", When::Latest).contains("there is no frame \"old\""));
}

#[test]
fn no_frame_becomes_its_own_ancestor() {
    let mut transforms = robots();
    for child in ["map", "odom", "base", "arm"] {
        let error = transforms.insert(&stamped(ms(150), "hand", child, x(1.0))).unwrap_err();
        assert_eq!(error, InsertError::Cycle { edge: edge("hand", child) });
        assert!(transforms.insert_static(&stamped(ms(150), "hand", child, x(1.0))).is_err());
    }
    assert_eq!(
        transforms.insert(&stamped(ms(150), "hand", "map", x(1.0))).unwrap_err().to_string(),
        "\"hand\" -> \"map\" would close a cycle: \"map\" is already above \"hand\"; publish one of both directions only"
    );
    assert_eq!(transforms.counts().cycles, 9);
    assert_eq!(look(&transforms, "map", "hand", When::Latest), (8.0, 100));
}

#[test]
fn a_tree_can_be_turned_around_once_its_old_edges_are_silent() {
    let mut transforms = robots();
    let turned = |time_ms| stamped(ms(time_ms), "base", "odom", x(-1.0));
    assert!(transforms.insert(&turned(10_100)).is_err());
    assert_eq!(transforms.insert(&turned(10_101)), Ok(Inserted::Reparented));
    assert_eq!((transforms.counts().cycles_broken, transforms.counts().reparented), (1, 1));
    assert_eq!(look(&transforms, "base", "odom", When::Latest), (-1.0, 10_101));
    assert_eq!(transforms.path("odom", "hand").unwrap(), ["odom", "base", "arm", "hand"]);
    // What was said once only is no silent edge, but a static one.
    let mut transforms = TransformBuffer::new();
    insert(&mut transforms, 0, "odom", "base", 1.0);
    assert!(transforms.insert(&turned(60_000)).is_err());
}

#[test]
fn everything_can_be_forgotten() {
    let mut transforms = robots();
    let (generation, counts) = (transforms.generation(), transforms.counts());
    transforms.clear();
    assert_ne!(transforms.generation(), generation);
    assert_eq!((transforms.counts(), transforms.samples(), transforms.frames().len()), (counts, 0, 0));
    insert(&mut transforms, 0, "odom", "map", 1.0);
    assert_eq!(look(&transforms, "odom", "map", When::Latest), (1.0, 0));
}
