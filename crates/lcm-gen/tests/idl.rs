//! What is accepted, what it means, and what is said of what is not.

use lcm::schema::{ConstantValue, Definition, Dimension, Schema, Struct, Type};
use lcm_gen::Sources;

fn compile(text: &str) -> Schema {
    let mut sources = Sources::default();
    sources.add("test.lcm", text);
    sources.compile().unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(text: &str) -> Vec<String> {
    let mut sources = Sources::default();
    sources.add("test.lcm", text);
    let faults = sources.compile().expect_err("faults");
    faults.0.into_iter().map(|fault| format!("{}:{}: {}", fault.line, fault.column, fault.message)).collect()
}

fn structure<'a>(schema: &'a Schema, name: &str) -> &'a Struct {
    match schema.get(name) {
        Some(Definition::Struct(structure)) => structure,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn every_feature_of_the_language_is_read() {
    let schema = compile(
        "// Of this file.
        package demo.deep;

        /* A type
         * with everything. */
        struct everything{
            const int32_t N=0x10, M = 010; // sizes
            const double HALF = 5e-1;
            int16_t type; // a keyword
            // Numbers.
            int8_t a,b[3] [ N ];
            float rows[type][M][2];
            string names[type];
            other.kind away;
            everything children[type];
            state now;
        };
        enum state { OFF, ON = 5; BROKEN }
        package other;
        struct kind { boolean yes; }",
    );
    let everything = structure(&schema, "demo.deep.everything");
    assert_eq!(everything.doc, "A type\nwith everything.");
    let constants: Vec<_> = everything.constants.iter().map(|c| (&*c.name, c.value, &*c.doc)).collect();
    assert_eq!(
        constants,
        [
            ("N", ConstantValue::Integer(16), ""),
            ("M", ConstantValue::Integer(8), "sizes"),
            ("HALF", ConstantValue::Float(0.5), ""),
        ]
    );
    let members: Vec<_> =
        everything.members.iter().map(|m| (&*m.name, m.kind.to_string(), m.dimensions.len())).collect();
    let expected = [
        ("type", "int16_t", 0),
        ("a", "int8_t", 0),
        ("b", "int8_t", 2),
        ("rows", "float", 3),
        ("names", "string", 1),
        ("away", "other.kind", 0),
        ("children", "demo.deep.everything", 1),
        ("now", "demo.deep.state", 0),
    ];
    assert_eq!(members, expected.map(|(name, kind, rank)| (name, kind.to_owned(), rank)));
    assert_eq!((&*everything.members[0].doc, &*everything.members[2].doc), ("a keyword", "Numbers."));
    assert_eq!(everything.members[2].dimensions[1], Dimension::Fixed { size: 16, text: "0x10".to_owned() });
    assert_eq!(everything.members[3].dimensions[0], Dimension::Variable { member: "type".to_owned() });
    let Some(Definition::Enum(state)) = schema.get("demo.deep.state") else { panic!() };
    assert_eq!(state.values, [("OFF".to_owned(), 1), ("ON".to_owned(), 5), ("BROKEN".to_owned(), 6)]);
}

#[test]
fn a_package_ends_with_its_file() {
    let mut sources = Sources::default();
    sources.add("a.lcm", "package a; struct one { b.two other; }");
    sources.add("b.lcm", "package b; struct two { byte x; }");
    sources.add("c.lcm", "struct three { byte n; three again[n]; }");
    let schema = sources.compile().unwrap();
    let names: Vec<_> = schema.iter().map(Definition::name).collect();
    assert_eq!(names, ["a.one", "b.two", "three"]);
    assert_eq!(structure(&schema, "three").members[1].kind, Type::User("three".to_owned()));
}

#[test]
fn each_fault_is_pointed_at_and_the_next_one_found_too() {
    for (text, expected) in [
        ("struct a { int8_t x }", &["1:21: expected , or ; not }"][..]),
        ("struct a { int8_t x;", &["1:21: expected a member or } to end the struct, but the file ends"]),
        (
            "struct a {\n\tint8_t x;\n\tint8_t x;\n\tbogus y;\n}",
            &["3:9: x is there already", "4:2: there is no type bogus"],
        ),
        ("struct a { float n; int8_t b[n]; }", &["1:30: n is not a single integer, so it cannot be a size"]),
        (
            "struct a { int8_t b[n]; int32_t n; }",
            &["1:21: n is neither a number nor a constant or integer member that stands before"],
        ),
        ("struct a { int8_t b[0]; }", &["1:21: an array of 0: expected a size from 1 to 2147483647"]),
        ("struct a { const int8_t N = 128; }", &["1:29: 128 is not a value of int8_t"]),
        (
            "struct a { const string N = x; }",
            &[
                "1:18: string cannot be the type of a constant: expected int8_t, int16_t, int32_t, int64_t, float or double",
            ],
        ),
        ("strct a { }", &["1:1: expected package, struct or enum, not strct"]),
        ("struct int8_t { }", &["1:8: int8_t cannot be the name of a type"]),
        ("struct a { } /* open", &["1:14: expected package, struct or enum, not a comment that is not closed"]),
        (
            "struct a { § x; int8_t 1y; }",
            &[
                "1:12: expected the type of a member, not \"§\"",
                "1:24: 1y cannot be a name: expected letters, digits and _",
            ],
        ),
        (
            "package p; struct a { b x; } package q; struct b { byte y; }",
            &["1:23: there is no type p.b: did you mean q.b?"],
        ),
        ("struct a { byte x; } struct a { byte y; }", &["1:29: a is defined twice, differently"]),
        (
            "struct a { a again; } struct b { byte n; c next; } struct c { b back[2]; } struct d { byte n; d more[n]; }",
            &[
                "1:8: a contains itself: only through an array of variable size can it end",
                "1:30: b contains itself: only through an array of variable size can it end",
            ],
        ),
        ("struct a { int32 x; }", &["1:12: there is no type int32: did you mean int32_t?"]),
        ("enum e { A, A }", &["1:13: A is there already"]),
        ("enum e { A = 2147483647, B }", &["1:26: the value of B is not an integer of 32 bits"]),
    ] {
        assert_eq!(faults(text), expected, "{text}");
    }
}

#[test]
fn a_fault_is_shown_with_its_line_and_a_caret() {
    let mut sources = Sources::default();
    sources.add("msgs/pose.lcm", "package m;\nstruct pose {\n\tdouble x\n}\n");
    let shown = sources.compile().unwrap_err().to_string();
    assert_eq!(shown, "msgs/pose.lcm:4:1: expected , or ; not }\n    }\n    ^");
}

#[test]
fn no_text_makes_the_reader_panic_or_hang() {
    let pieces = [
        "struct", "enum", "package", "const", "int8_t", "a", "b.c", "{", "}", "[", "]", ";", ",", "=", "3", "0x", "-",
        "// c\n", "/* d */", "/*", "é", "\n", " ", "double", "1e9",
    ];
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..20_000 {
        let text: String = (0..random.usize(..40)).map(|_| random.choice(pieces).unwrap().to_owned() + " ").collect();
        let mut sources = Sources::default();
        sources.add("random.lcm", text);
        if let Err(faults) = sources.compile() {
            assert!(!faults.to_string().is_empty());
        }
    }
}

#[test]
fn types_that_multiply_without_end_are_refused_in_time() {
    // Each type refers to all before it, twice: 2^n ways.
    let mut text = String::new();
    for n in 0..60 {
        text += &format!("struct t{n} {{ ");
        for before in 0..n {
            text += &format!("t{before} a{before}, b{before}; ");
        }
        text += "}\n";
    }
    let schema = compile(&text);
    assert!(schema.fingerprint("t3").is_ok());
    assert!(schema.fingerprint("t59").is_err());
    let deep: String =
        (0..10_000).map(|n| format!("struct d{n} {{ byte n; d{} next[n]; }}\n", (n + 1) % 10_000)).collect();
    assert!(compile(&deep).fingerprint("d0").is_err());
}
