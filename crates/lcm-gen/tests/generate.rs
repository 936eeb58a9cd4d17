//! What is generated: pairs of input and expected files, which compile; and what is said of names that collide.
//!
//! `UPDATE_EXPECTED=1 cargo test -p lcm-gen` writes the expected files anew: look at the difference before it is committed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[rustfmt::skip]
#[path = "generated/everything/mod.rs"]
mod everything;
#[rustfmt::skip]
#[path = "generated/no_package/mod.rs"]
mod no_package;
mod random;

use std::path::Path;

use lcm::schema::Catalog;
use lcm_gen::{Sources, directory};

#[test]
fn the_output_is_what_was_expected() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated");
    for case in ["everything", "no_package"] {
        let mut sources = Sources::default();
        sources.add(format!("{case}.lcm"), std::fs::read_to_string(cases.join(case).with_extension("lcm")).unwrap());
        let files = sources.generate().unwrap_or_else(|faults| panic!("{faults}"));
        let expected = cases.join(case);
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            directory::write(&expected, &files).unwrap();
        }
        assert_eq!(directory::compare(&expected, &files).unwrap(), []);
    }
}

#[test]
fn generated_types_read_and_write_every_message() {
    use everything::{demo, other};
    use random::checks::{agrees_with_schema, check};

    let mut sources = Sources::default();
    sources.add_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/everything.lcm")).unwrap();
    sources.add_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/no_package.lcm")).unwrap();
    let schema = sources.compile().unwrap();
    let mut messages = random::Messages { schema: &schema, random: fastrand::Rng::with_seed(3), nan: true };
    agrees_with_schema::<demo::Everything>(&mut messages, &Catalog::new(schema.clone()), 12);
    check::<demo::Everything>(&mut messages, 12);
    check::<demo::Color>(&mut messages, 10);
    check::<demo::Crowd>(&mut messages, 10);
    check::<demo::Empty>(&mut messages, 10);
    check::<demo::String>(&mut messages, 10);
    check::<demo::Option>(&mut messages, 50);
    check::<demo::f64_>(&mut messages, 10);
    check::<demo::r#match>(&mut messages, 10);
    check::<other::deep::Leaf>(&mut messages, 50);
    check::<demo::Route>(&mut messages, 10);
    check::<demo::Names>(&mut messages, 10);
    check::<demo::r#gen>(&mut messages, 10);
    check::<demo::Deep>(&mut messages, 5);
    check::<everything::self_::a>(&mut messages, 10);
    check::<everything::self_::b::c>(&mut messages, 10);
    agrees_with_schema::<demo::Deep>(&mut messages, &Catalog::new(schema.clone()), 5);
    check::<no_package::path>(&mut messages, 50);
}

#[test]
fn a_view_says_what_the_owned_message_says() {
    use everything::demo::{Everything, Names, Point, PointLayout};
    use lcm::Message;
    use lcm::codec::{Bool, to_native};

    let mut sources = Sources::default();
    sources.add_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generated/everything.lcm")).unwrap();
    let schema = sources.compile().unwrap();
    let mut messages = random::Messages { schema: &schema, random: fastrand::Rng::with_seed(5), nan: false };
    let owned_point = |point: &PointLayout| Point { x: point.x(), y: point.y() };
    for _ in 0..20 {
        let bytes = messages.message(Everything::NAME);
        let (view, owned) = (Everything::view(&bytes).unwrap(), Everything::decode(&bytes).unwrap());
        assert_eq!((view.large(), view.f(), view.d(), view.yes()), (owned.large, owned.f, owned.d, owned.yes));
        assert_eq!((view.self_(), view.color().value()), (owned.self_, owned.color.0));
        assert!(view.text() == *owned.text && view.names().iter().eq(owned.names.iter().map(|name| &**name)));
        assert!(view.two().iter().eq(owned.two.iter().map(|text| &**text)));
        assert!(view.colors().iter().map(|color| color.value()).eq(owned.colors.iter().map(|color| color.0)));
        assert_eq!((view.signed_list(), view.blob(), view.uuid()), (&*owned.signed_list, &*owned.blob, &owned.uuid));
        assert!(view.flags().iter().map(|flag| flag.get()).eq(owned.flags.iter().copied()));
        assert_eq!(view.switches().map(Bool::get), owned.switches);
        assert_eq!(to_native::<f32>(view.numbers()), owned.numbers);
        assert_eq!((to_native::<f64>(view.fixed()), to_native::<f64>(view.huge())), (owned.fixed.to_vec(), owned.huge));
        assert!(view.points().iter().map(owned_point).eq(owned.points.iter().copied()));
        assert_eq!(view.corners().each_ref().map(owned_point), owned.corners);
        assert!(view.grid().iter().map(|row| row.map(|cell| cell.get())).eq(owned.grid.iter().copied()));
        assert!(view.rows().iter().map(|row| row.map(|cell| cell.get())).eq(owned.rows.iter().copied()));
        // Matrices lie flat in views.
        assert_eq!(to_native::<i32>(view.matrix()), owned.matrix.concat());
        assert_eq!(view.pictures(), owned.pictures.concat());
        let flat = view.cube().iter().map(|cell| cell.each_ref().map(owned_point));
        assert!(flat.eq(owned.cube.concat()));
        assert!(view.table().iter().eq(owned.table.iter().flatten().map(|text| &**text)));
        assert_eq!((usize::from(view.raw()), view.r#type() as usize), (owned.table.len(), owned.rows.len()));
        let children = view.children().iter().map(|child| Everything::from_view(child).unwrap());
        assert!(children.eq(owned.children.iter().cloned()));
        let family = view.family().iter().map(|child| Everything::from_view(child).unwrap());
        assert!(family.eq(owned.family.iter().flatten().cloned()));
        assert_eq!(view.leaves().len(), owned.leaves.len());
        assert_eq!((view.leaf().at().x(), view.leaf().__x()), (owned.leaf.at.x, owned.leaf.__x));

        let bytes = messages.message(Names::NAME);
        let (view, owned) = (Names::view(&bytes).unwrap(), Names::decode(&bytes).unwrap());
        assert_eq!(
            (view.state().value(), view.read_state(), view.reader()),
            (owned.state.0, owned.read_state, owned.reader)
        );
        assert!(view.Some() == *owned.Some && view.None() == *owned.None && *view.Err() == *owned.Err);
        let (route, expected) = (view.from(), owned.from);
        assert_eq!((route.from(), route.into(), route.r#gen()), (expected.from, expected.into, expected.r#gen));
        assert_eq!((route.origin().x(), route.state().value()), (expected.origin.x, expected.state.0));
    }
}

#[test]
fn names_that_would_collide_in_rust_are_refused_where_they_stand() {
    for (text, expected) in [
        ("struct a { } struct aView { }", "1:21: aView and a would both be aView in Rust"),
        ("struct a { byte self, self_; }", "1:8: self and self_ would both be self_ in Rust"),
        ("struct b { } package b; struct c { }", "1:8: b and package b would both be b in Rust"),
        ("enum e { self, self_ }", "1:6: self and self_ would both be self_ in Rust"),
        (
            "package self; struct a { } package self_; struct b { }",
            "1:50: package self_ and package self would both be self_ in Rust",
        ),
    ] {
        let mut sources = Sources::default();
        sources.add("test.lcm", text);
        let faults = sources.generate().expect_err("faults").0;
        let shown: Vec<_> = faults.iter().map(|f| format!("{}:{}: {}", f.line, f.column, f.message)).collect();
        assert_eq!(shown, [expected], "{text}");
        assert!(sources.compile().is_ok(), "only Rust minds: {text}");
    }
}

#[test]
fn generated_files_are_kept_in_step_and_others_left_alone() {
    let directory = std::env::temp_dir().join(format!("lcm-gen-{}", std::process::id()));
    let generate = |text: &str| {
        let mut sources = Sources::default();
        sources.add("test.lcm", text);
        sources.generate().unwrap()
    };
    let two = generate("package a; struct x { byte n; } package b; struct y { byte n; }");
    directory::write(&directory, &two).unwrap();
    std::fs::write(directory.join("own.rs"), "// Somebody's own.").unwrap();
    assert_eq!(directory::compare(&directory, &two).unwrap(), []);
    let one = generate("package a; struct x { byte m; }");
    let path = |name| directory.join(name);
    let differences = directory::compare(&directory, &one).unwrap();
    let expected = [
        directory::Difference::Changed(path("mod.rs")),
        directory::Difference::Changed(path("a.rs")),
        directory::Difference::LeftOver(path("b.rs")),
    ];
    assert_eq!(differences, expected);
    let written_before = std::fs::metadata(path("own.rs")).unwrap().modified().unwrap();
    directory::write(&directory, &one).unwrap();
    assert_eq!(directory::compare(&directory, &one).unwrap(), []);
    assert!(!path("b.rs").exists());
    assert_eq!(std::fs::metadata(path("own.rs")).unwrap().modified().unwrap(), written_before);
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn a_length_does_not_make_a_string_valid() {
    use everything::demo::Option;
    use lcm::Message;
    use lcm::codec::DecodeErrorKind;

    // The length 195 and the byte 0xa9 together are an é.
    let mut bytes = Option::FINGERPRINT.0.to_be_bytes().to_vec();
    bytes.extend(1_i64.to_be_bytes());
    bytes.extend(195_i32.to_be_bytes());
    bytes.push(0xa9);
    bytes.extend([b'x'; 193]);
    bytes.push(0);
    let error = Option::decode(&bytes).unwrap_err();
    assert!(matches!(error.kind(), DecodeErrorKind::NotUtf8(_)), "{error}");
    assert_eq!((error.field(), error.offset()), ("Vec[0].String", Some(20)));
    assert_eq!(Option::view(&bytes).unwrap().Vec().get(0).unwrap().String().as_bytes().len(), 194);
}

#[test]
fn lengths_that_disagree_are_refused_with_the_member() {
    use everything::demo::{Everything, Point};
    use lcm::Message;

    let mut everything = Everything { blob: vec![1; 3], ..Everything::default() };
    everything.colors = vec![Default::default(); 2];
    let error = everything.encode().unwrap_err();
    assert_eq!(error.to_string(), "signed_list: the length of the array is 0, by `type` it should be 2");
    everything.colors.clear();
    everything.flags = vec![true; 200];
    let error = everything.encode().unwrap_err();
    assert_eq!(error.to_string(), "small: 200 elements are more than `small`, which ends at 127, can say");
    everything.flags.clear();
    everything.two.pop();
    assert_eq!(
        everything.encode().unwrap_err().to_string(),
        "two: the length of the array is 1, by `2` it should be 2"
    );
    everything.two.push("b".to_owned());
    everything.large = -1;
    assert_eq!(everything.encode().unwrap_err().to_string(), "large: the array size -1 is negative");
    everything.large = 1;
    everything.cube = vec![vec![[Point::default(); 2]; 2]];
    // The first array of a size says what it is; the others agree or not.
    assert_eq!(
        everything.encode().unwrap_err().to_string(),
        "cube: the length of the array is 2, by `large` it should be 1"
    );
}

#[test]
fn messages_within_each_other_fit_on_a_stack() {
    use everything::demo::Deep;
    use lcm::Message;
    use lcm::codec::EncodeErrorKind;

    // Three levels each, and a thread of a test has 2 MiB.
    let deep = |levels: usize| {
        (0..levels).fold(Deep::default(), |inner, _| {
            let mut outer = Deep::default();
            outer.inside.inside.more = vec![inner];
            outer
        })
    };
    let bytes = deep(19).encode().unwrap();
    let read = Deep::decode(&bytes).unwrap();
    assert_eq!(read, deep(19));
    let json = serde_json::to_string(&read).unwrap();
    assert_eq!(serde_json::from_str::<Deep>(&json).unwrap(), read);
    assert!(matches!(deep(25).encode().unwrap_err().kind(), EncodeErrorKind::TooDeep));
}

#[test]
fn recursion_is_bounded_on_both_sides() {
    use everything::demo::Everything;
    use lcm::Message;
    use lcm::codec::{DecodeErrorKind, EncodeErrorKind};

    let deep = |levels: usize| (0..levels).fold(Everything::default(), |inner, _| wrap(inner));
    // The innermost message has arrays of messages, too.
    let deepest = deep(61).encode().unwrap();
    assert_eq!(Everything::decode(&deepest).unwrap(), deep(61));
    assert!(matches!(deep(62).encode().unwrap_err().kind(), EncodeErrorKind::TooDeep));

    // One level more, made of bytes.
    let inner = deep(0).encode().unwrap();
    let outer = deep(1).encode().unwrap();
    let at = outer.windows(inner.len() - 8).position(|part| part == &inner[8..]).unwrap();
    let (before, after) = (&outer[8..at], &outer[at + inner.len() - 8..]);
    let too_deep = [&outer[..8], &before.repeat(62), &inner[8..], &after.repeat(62)].concat();
    assert!(matches!(Everything::decode(&too_deep).unwrap_err().kind(), DecodeErrorKind::TooDeep));
    assert!(matches!(Everything::view(&too_deep).unwrap_err().kind(), DecodeErrorKind::TooDeep));

    fn wrap(inner: Everything) -> Everything {
        Everything {
            children: vec![inner],
            colors: vec![Default::default()],
            signed_list: vec![0],
            numbers: vec![0.0],
            names: vec![String::new()],
            points: vec![Default::default()],
            rows: vec![[0.0; 3]],
            matrix: vec![vec![]],
            pictures: vec![vec![]],
            ..Everything::default()
        }
    }
}
