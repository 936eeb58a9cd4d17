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
        ("struct int8_t { }", &["1:8: int8_t cannot be the name of a type: LCM has one of this name"]),
        ("struct a { const float F = 1e40; }", &["1:28: 1e40 is out of the range of float"]),
        ("struct a { const double D = -1e400; }", &["1:29: -1e400 is out of the range of double"]),
        ("struct a { const float F = 0x1p200; }", &["1:28: 0x1p200 is out of the range of float"]),
        ("struct a { const double D = 0x; }", &["1:29: 0x is not a value of double"]),
        ("struct a { } /* open", &["1:14: expected package, struct or enum, not a comment that is not closed"]),
        (
            "struct a { § x; int8_t 1y; }",
            &[
                "1:12: expected the type of a member, not \"§\"",
                "1:24: 1y cannot be a name: expected ASCII letters, digits and _, and no digit first",
            ],
        ),
        (
            "struct a { byte größe; }",
            &["1:17: größe cannot be a name: expected ASCII letters, digits and _, and no digit first"],
        ),
        (
            "package p; struct a { b x; } package q; struct b { byte y; }",
            &["1:23: there is no type p.b: did you mean q.b?"],
        ),
        (
            "struct a { byte x; } struct a { byte y; }",
            &["1:29: a is defined twice, differently: the other is at test.lcm:1"],
        ),
        (
            "struct a { a again; } struct b { byte n; c next; } struct c { b back[2]; } struct d { byte n; d more[n]; }",
            &[
                "1:8: a contains itself: only through an array of variable size can it end",
                "1:30: b contains itself: only through an array of variable size can it end",
            ],
        ),
        ("struct a { a x, y; a z; }", &["1:8: a contains itself: only through an array of variable size can it end"]),
        ("struct a { int32 x; }", &["1:12: there is no type int32: did you mean int32_t?"]),
        ("package p; struct a { bool x; }", &["1:23: there is no type p.bool: did you mean boolean?"]),
        ("struct a { uint8_t x; }", &["1:12: there is no type uint8_t: did you mean byte?"]),
        (
            "struct a { uint32_t x; }",
            &["1:12: there is no type uint32_t: LCM has no unsigned integers, int32_t has as many bits"],
        ),
        (
            "struct a { float32 x; int y; }",
            &[
                "1:12: there is no type float32: did you mean float?",
                "1:23: there is no type int: did you mean int32_t?",
            ],
        ),
        (
            "struct small { double x[100]; }\nstruct big { small parts[1000][1000]; }\nstruct bigger { big one; }",
            &["2:8: no message of big has less than 800000008 bytes: LCM carries at most 268435456"],
        ),
        (
            "struct a { byte x[2147483647]; }",
            &["1:8: no message of a has less than 2147483655 bytes: LCM carries at most 268435456"],
        ),
        (
            "struct a { byte x[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]; }",
            &["1:66: an array has at most 16 sizes"],
        ),
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
fn the_largest_message_is_no_fault() {
    compile("struct a { byte x[268435448]; } struct b { byte n; double x[n][100000000]; }");
    assert_eq!(faults("struct a { byte x[268435449]; }").len(), 1);
}

#[test]
fn what_lcm_gen_accepts_is_accepted() {
    // A byte order mark, line ends of Windows, and names with a package of their own.
    let schema = compile(
        "\u{feff}package p;\r\n// About a.\r\nstruct q.r.a {\r\n  b one;\r\n}\r\nstruct b { byte x; }\r\nenum q.e { A=5, B=2, C, D=-3, E }",
    );
    let a = structure(&schema, "q.r.a");
    assert_eq!((&*a.doc, &a.members[0].kind), ("About a.", &Type::User("p.b".to_owned())));
    let Some(Definition::Enum(e)) = schema.get("q.e") else { panic!() };
    assert_eq!(e.values.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [5, 2, 6, -3, 7]);
    let schema =
        compile("struct a { const double A = 0x10, B = -0X1.8p3, C = inf, D = 1e308; const float E = 3.4e38; }");
    let values: Vec<_> = structure(&schema, "a").constants.iter().map(|constant| constant.value).collect();
    assert_eq!(values, [16.0, -12.0, f64::INFINITY, 1e308, 3.4e38].map(ConstantValue::Float));
}

#[test]
fn an_equal_definition_may_come_again_with_other_comments() {
    let mut sources = Sources::default();
    sources.add("a.lcm", "// First.\nstruct a { const double N = nan; byte x; // of x\n} /* E. */ enum e { A }");
    sources.add("b.lcm", "// Second.\nstruct a { const double N = nan; byte x; } enum e { A }");
    let schema = sources.compile().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(structure(&schema, "a").doc, "First.");
    for other in ["struct a { byte x; }", "struct a { const double N = 0; byte x; }", "enum a { A }"] {
        let mut sources = sources.clone();
        sources.add("c.lcm", other);
        let fault = sources.compile().unwrap_err().0.remove(0);
        assert_eq!(fault.message, "a is defined twice, differently: the other is at a.lcm:2");
    }
}

#[test]
fn faults_are_in_the_order_of_files_and_places() {
    let mut sources = Sources::default();
    sources.add("b.lcm", "struct b { nothing x;\n byte y y; }");
    sources.add("a.lcm", "struct a { nothing x; }");
    let faults = sources.compile().unwrap_err().0;
    let places: Vec<_> = faults.iter().map(|fault| format!("{}:{}", fault.file, fault.line)).collect();
    assert_eq!(places, ["a.lcm:1", "b.lcm:1", "b.lcm:2"]);
}

#[test]
fn of_a_long_line_what_stands_around_the_place_is_shown() {
    let fault = |text: &str| {
        let mut sources = Sources::default();
        sources.add("test.lcm", text);
        sources.compile().unwrap_err().0.remove(0)
    };
    let text = format!("struct a {{ byte x1; {}nothing x; {}}}", " ".repeat(500), " ".repeat(500));
    let fault = fault(&text);
    assert_eq!(fault.column, 521);
    assert_eq!(fault.text.chars().count(), 162, "{}", fault.text);
    assert_eq!(fault.text.chars().skip(fault.caret).take(7).collect::<String>(), "nothing");
    let shown = fault.to_string();
    let lines: Vec<_> = shown.lines().collect();
    assert_eq!(lines[1].find("nothing").map(|at| lines[1][..at].chars().count()), lines[2].find('^'));
}

#[test]
fn a_bad_file_makes_few_faults_and_little_text() {
    let mut text = "struct a { ".to_owned();
    for n in 0..20_000 {
        text += &format!("nothing{n} x{n}; ");
    }
    text += "}";
    let mut sources = Sources::default();
    sources.add("test.lcm", text);
    let faults = sources.compile().unwrap_err();
    assert_eq!(faults.0.len(), 100);
    assert!(faults.to_string().len() < 100_000);
    let long = "x".repeat(100_000);
    assert_eq!(self::faults(&format!("struct {long} {{ }}")), ["1:8: a word of 100000 bytes: at most 255"]);
}

#[test]
fn a_comment_is_not_copied_to_ever_so_many_members() {
    let names: Vec<_> = (0..20_000).map(|n| format!("x{n}")).collect();
    let long = format!("// {}\nbyte {};", "long ".repeat(10_000), names.join(", "));
    let text = format!("struct a {{\n{long}\n// short\nbyte y, z;\n}}");
    let schema = compile(&text);
    let members = &structure(&schema, "a").members;
    assert_eq!((members[0].doc.len(), &*members[20_000].doc, &*members[20_001].doc), (49_999, "short", "short"));
    let bytes: usize = members.iter().map(|member| member.doc.len()).sum();
    assert!(bytes < text.len(), "{bytes}");
}

#[test]
fn many_members_and_entangled_types_are_read_in_time() {
    let members: String = (0..100_000).map(|n| format!("byte n{n}; byte x{n}[n{n}]; ")).collect();
    let values: String = (0..100_000).map(|n| format!("V{n}, ")).collect();
    let schema = compile(&format!("struct many {{ {members} }} enum values {{ {values} }}"));
    assert_eq!(structure(&schema, "many").members.len(), 200_000);
    // Each of these types refers to each.
    let clique: String = (0..60)
        .map(|n| {
            let members: String = (0..60).map(|to| format!("t{to} x{n}_{to}[n]; ")).collect();
            format!("struct t{n} {{ byte n; {members} }}\n")
        })
        .collect();
    let mut sources = Sources::default();
    sources.add("test.lcm", clique);
    assert_eq!(sources.warnings().unwrap(), []);
    assert_eq!(sources.fingerprints().unwrap_err().0.len(), 60);
}

#[test]
fn a_warning_names_a_few_of_many_types() {
    let mut sources = Sources::default();
    sources.add("test.lcm", (0..1000).map(|n| format!("struct t{n} {{ byte x; }}\n")).collect::<String>());
    let warnings = sources.warnings().unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].message.starts_with("t0, t1, t10, t100 and 996 more types have"), "{}", warnings[0].message);
}

#[test]
fn types_of_missing_packages_of_lcm_types_are_told_to_be_there() {
    let idl = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lcm-types/idl");
    for package in idl.read_dir().unwrap() {
        let package = package.unwrap().file_name().into_string().unwrap();
        let faults = faults(&format!("struct a {{ {package}.Some x; }}"));
        assert!(faults[0].contains("the crate lcm-types has this package"), "{faults:?}");
    }
    let here = "package std_msgs; struct Bool { byte x; } struct a { Some x; }";
    assert_eq!(faults(here), ["1:54: there is no type std_msgs.Some"]);
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
