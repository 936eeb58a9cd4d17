//! The definitions at run time, with those of a user.

use std::fs;
use std::path::{Path, PathBuf};

use lcm_types::{IdlError, catalog, catalog_with};

#[test]
fn a_copy_of_a_type_may_have_other_comments() {
    let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("idl/std_msgs/Header.lcm");
    let text = fs::read_to_string(idl).unwrap();
    let copy = text.replace("// ", "// My own: ").replace("int32_t seq;", "int32_t seq; /* counts */");
    let user = scratch("copy", &format!("{copy}\nstruct Marked {{ Header header; }}"));
    let with_copy = catalog_with([&user]).unwrap();
    assert_eq!(with_copy.iter().count(), catalog().iter().count() + 1);
    let header = |catalog: &lcm::schema::Catalog| catalog.get("std_msgs.Header").unwrap().definition().cloned();
    assert_eq!(header(&with_copy), header(catalog()));
    assert!(with_copy.get("std_msgs.Marked").is_ok());
}

#[test]
fn a_contradiction_names_both_places_once() {
    let user = scratch("contradiction", "package std_msgs;\n\nstruct Header { string frame_id; }");
    let error = catalog_with([&user]).unwrap_err();
    assert!(matches!(error, IdlError::Faults(_)), "{error}");
    let text = format!("{:#}", anyhow::Error::new(error));
    let expected = format!(
        "{}:3:8: std_msgs.Header is defined twice, differently: the other is at idl/std_msgs/Header.lcm:4",
        user.join("user.lcm").display()
    );
    assert_eq!(text.matches(&expected).count(), 1, "{text}");
    assert_eq!(text.matches("differently").count(), 1, "{text}");
}

fn scratch(test: &str, text: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("catalog-{test}"));
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("user.lcm"), text).unwrap();
    directory
}
