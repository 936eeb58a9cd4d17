//! The fingerprints of the message types that come with the project.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use lcm::schema::Definition;
use lcm_gen::Sources;

#[test]
fn the_types_of_the_project_have_the_fingerprints_of_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut sources = Sources::default();
    for package in root.join("lcm-types/idl").read_dir().unwrap() {
        for file in package.unwrap().path().read_dir().unwrap() {
            let path = file.unwrap().path();
            sources.add(path.display().to_string(), std::fs::read_to_string(&path).unwrap());
        }
    }
    let schema = sources.compile().unwrap_or_else(|faults| panic!("{faults}"));
    // Those of the mesh are the project's own.
    let of_dimos: Vec<_> =
        schema.iter().map(Definition::name).filter(|name| !name.starts_with("dimos_mesh.")).collect();
    assert_eq!(of_dimos.len(), 213);
    for definition in schema.iter() {
        let Definition::Struct(structure) = definition else { panic!("{} is no struct", definition.name()) };
        assert!(!structure.doc.is_empty(), "{} is not documented", structure.name);
    }
    let Ok(table) = std::fs::read_to_string(root.join("../shared/data/types.tsv")) else {
        // Not through the macros, which the test harness swallows.
        let _ = writeln!(std::io::stderr(), "skipped: fingerprints are not compared, the table of types is not here");
        return;
    };
    let rows = table.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let expected: BTreeMap<_, _> =
        rows.filter(|row| row[1] == "fingerprint").map(|row| (row[0].to_owned(), row[2].to_owned())).collect();
    let fingerprint = |name: &str| (name.to_owned(), schema.fingerprint(name).unwrap().to_string());
    let computed: BTreeMap<_, _> = of_dimos.into_iter().map(fingerprint).collect();
    assert_eq!(computed, expected);
}
