//! Which comment says something of what.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use lcm::schema::{Definition, Struct};
use lcm_gen::Sources;

/// The structs of a file.
fn structs(text: &str) -> Vec<Struct> {
    let mut sources = Sources::default();
    sources.add("test.lcm", text);
    let schema = sources.compile().unwrap();
    let structure = |definition: &Definition| match definition {
        Definition::Struct(structure) => structure.clone(),
        Definition::Enum(_) => panic!("only structs here"),
    };
    schema.iter().map(structure).collect()
}

/// What is said of the members of the only struct.
fn members(text: &str) -> Vec<String> {
    let structs = structs(&format!("struct a\n{{\n{text}\n}}"));
    structs[0].members.iter().map(|member| member.doc.clone()).collect()
}

#[test]
fn stars_are_stripped_only_where_they_are_no_text() {
    for (comment, expected) in [
        ("// **Note:** x", "**Note:** x"),
        ("// * one\n// * two", "* one\n* two"),
        ("/** **Note:** x */", "**Note:** x"),
        ("/* x **/", "x"),
        ("/*\n * First.\n *\n * * one\n * * two\n */", "First.\n\n* one\n* two"),
        ("/*\n  **Note:** x\n  y\n*/", "**Note:** x\ny"),
        ("/*******\n * x\n *******/", "x"),
        ("/*\n *****\n * x\n *****\n */", "x"),
        ("///////\n// x\n///////", "x"),
    ] {
        assert_eq!(members(&format!("{comment}\nbyte x;")), [expected], "{comment}");
    }
}

#[test]
fn a_comment_behind_is_added_to_one_above() {
    assert_eq!(members("// Distance.\ndouble x; // metres"), ["Distance.\nmetres"]);
    assert_eq!(
        members("double x; /* metres */ // along the wall\n// Angle.\ndouble y;"),
        ["metres\nalong the wall", "Angle."]
    );
    assert_eq!(members("// Distance.\ndouble x /* metres */;"), ["Distance.\nmetres"]);
}

#[test]
fn each_of_a_list_has_its_own_comment() {
    assert_eq!(members("// Both.\ndouble x, // first\n  y; // second"), ["Both.\nfirst", "Both.\nsecond"]);
    assert_eq!(members("double x,\n  // second\n  y;"), ["", "second"]);
    assert_eq!(members("double x, /* second */ y;"), ["", "second"]);
    assert_eq!(members("double x // first\n  , y // second\n  ;"), ["first", "second"]);
    assert_eq!(members("double y, // first\n x;"), ["first", ""]);
    let constants = structs("struct a {\n  const int8_t A = 1, // one\n    B = 2;\n}");
    let docs: Vec<_> = constants[0].constants.iter().map(|constant| &*constant.doc).collect();
    assert_eq!(docs, ["one", ""]);
}

#[test]
fn a_comment_before_a_word_on_its_line_is_about_that() {
    assert_eq!(members("/* first */ double x; /* second */ double y; /* of y, too */"), ["first", "second\nof y, too"]);
}

#[test]
fn a_blank_line_separates_a_licence_from_what_follows() {
    let structs = structs(
        "// Copyright.\r\n// All rights.\r\n\r\n// About a.\r\n// More.\r\nstruct a { byte x; }\n\n// A section.\n\nstruct b { byte y; }\n\
         // Of c.\nstruct c {\n  // Lengths.\n\n  // Of z.\n  byte z;\n}",
    );
    let docs: Vec<_> = structs.iter().map(|structure| &*structure.doc).collect();
    assert_eq!(docs, ["About a.\nMore.", "", "Of c."]);
    assert_eq!(structs[2].members[0].doc, "Of z.");
    assert_eq!(self::structs("// Copyright.\npackage p; // of this file\nstruct a { byte x; }")[0].doc, "");
}

#[test]
fn a_comment_behind_a_brace_is_of_that_struct() {
    let structs = structs(
        "struct a { // A point.\n  byte x;\n} // end of a\nstruct b // Of b.\n{\n  byte x;\n}; // end of b\n\
         struct c { } // Nothing to say.\nstruct d { byte y; }",
    );
    let docs: Vec<_> = structs.iter().map(|structure| &*structure.doc).collect();
    assert_eq!(docs, ["A point.", "Of b.", "Nothing to say.", ""]);
    assert_eq!(structs[0].members[0].doc, "");
}
