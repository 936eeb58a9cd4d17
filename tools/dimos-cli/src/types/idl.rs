//! A definition as its IDL says it, comments included. Reading IDL is left to the crate `lcm-gen`.

use std::fmt::Write;

use lcm::schema::{Constant, Definition, Dimension, Enum, Member, Struct};

/// The text of a file that defines this type.
pub(super) fn text(definition: &Definition) -> String {
    let mut text = String::new();
    if let Some((package, _)) = definition.name().rsplit_once('.') {
        text = format!("package {package};\n\n");
    }
    match definition {
        Definition::Struct(definition) => structure(definition, &mut text),
        Definition::Enum(definition) => enumeration(definition, &mut text),
    }
    text
}

/// The size of one dimension, as the IDL writes it.
pub(super) fn size_of(dimension: &Dimension) -> &str {
    match dimension {
        Dimension::Fixed { text, .. } => text,
        Dimension::Variable { member } => member,
    }
}

fn structure(definition: &Struct, text: &mut String) {
    doc("", &definition.doc, text);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "struct {}\n{{", last_name(&definition.name));
    for Constant { name, doc: about, kind, text: value, .. } in &definition.constants {
        doc(INDENT, about, text);
        let _ = writeln!(text, "{INDENT}const {} {name} = {value};", kind.name());
    }
    if !definition.constants.is_empty() && !definition.members.is_empty() {
        text.push('\n');
    }
    for member in &definition.members {
        doc(INDENT, &member.doc, text);
        let _ = writeln!(text, "{INDENT}{} {}{};", member.kind, member.name, dimensions(member));
    }
    text.push_str("}\n");
}

fn enumeration(definition: &Enum, text: &mut String) {
    doc("", &definition.doc, text);
    let _ = writeln!(text, "enum {}\n{{", last_name(&definition.name));
    for (name, value) in &definition.values {
        let _ = writeln!(text, "{INDENT}{name} = {value},");
    }
    text.push_str("}\n");
}

fn dimensions(member: &Member) -> String {
    member.dimensions.iter().map(|dimension| format!("[{}]", size_of(dimension))).collect()
}

/// A comment, without what a terminal would take as a command.
fn doc(indent: &str, doc: &str, text: &mut String) {
    for line in doc.lines() {
        let _ = writeln!(text, "{}", crate::output::plain(format!("{indent}// {line}").trim_end()));
    }
}

fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

const INDENT: &str = "    ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_dimos_is_the_same_when_its_text_is_read_again() {
        let schema = lcm_types::catalog().schema();
        let mut sources = lcm_gen::Sources::default();
        for definition in schema.iter() {
            sources.add(definition.name(), text(definition));
        }
        let again = sources.compile().unwrap();
        assert_eq!(again, *schema);
        assert!(schema.iter().count() > 200);
    }

    #[test]
    fn arrays_constants_enumerations_and_comments_are_written_as_they_were() {
        let file = "\
package demo;

// A grid.
//
// In two lines.
struct Grid
{
    // The most.
    const int16_t MOST = 0x10;

    int8_t n;
    demo.Kind kind[n];
    // Of the cells.
    double matrix[0x10][n];
}
";
        let kinds = "package demo;\n\nenum Kind\n{\n    A = 1,\n    B = -7,\n}\n";
        let mut sources = lcm_gen::Sources::default();
        sources.add("file", format!("{file}{kinds}"));
        let schema = sources.compile().unwrap();
        assert_eq!(text(schema.get("demo.Grid").unwrap()), file);
        assert_eq!(text(schema.get("demo.Kind").unwrap()), kinds);
    }
}
