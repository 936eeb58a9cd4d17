//! Dependencies point one way, and the bus stays small.
//!
//! Development dependencies are free: they ship nowhere, and tests may well look down from above.

use std::collections::BTreeSet;

use anyhow::{Context, Result};

use super::Finding;
use crate::process;

/// What each package of this workspace may be built on, among the others of this workspace.
const LAYERS: &[(&str, &[&str])] = &[
    ("lcm-rs", &[]),
    ("lcm-gen", &["lcm-rs"]),
    ("lcm-types", &["lcm-rs", "lcm-gen"]),
    ("dimos-macros", &[]),
    ("dimos", &["lcm-rs", "lcm-gen", "lcm-types", "dimos-macros"]),
    ("dimos-coordinator", &["lcm-rs", "lcm-gen", "lcm-types", "dimos"]),
    ("stock-modules", &["lcm-rs", "lcm-gen", "lcm-types", "dimos"]),
    ("dimos-lcm-spy", &["lcm-rs", "lcm-gen", "lcm-types", "dimos"]),
    ("dimos-cli", &["lcm-rs", "lcm-gen", "lcm-types", "dimos", "dimos-coordinator", "dimos-lcm-spy", "stock-modules"]),
];

/// Packages that look at everything and that nothing is built on.
const ON_TOP: &[&str] = &["lcm-bench", "mesh-tests", "xtask"];

/// The package whose dependencies every module of every robot carries.
const BUS: &str = "lcm-rs";

/// Packages that a bus needs neither directly nor through others: runtimes, and serialization that belongs to higher layers.
const NOT_IN_BUS: &[&str] = &["async-std", "bincode", "serde_json", "tokio"];

/// Asks cargo for the dependencies of this workspace and checks them.
pub(super) fn check_workspace() -> Result<Vec<Finding>> {
    let tree = |arguments: &[&str]| {
        let all = ["tree", "--locked", "--all-features", "--target", "all", "--no-dedupe", "--format", "{p}"];
        process::capture(process::cargo().args(all).args(arguments)).context("tidy reads the dependencies from cargo")
    };
    let workspace = tree(&["--workspace", "--edges", "normal,build", "--depth", "1", "--prefix", "depth"])?;
    let bus = tree(&["--package", BUS, "--edges", "normal,build", "--prefix", "none"])?;
    let mut findings = check_layers(&workspace);
    findings.extend(check_bus(&bus));
    Ok(findings)
}

/// Reads `cargo tree --depth 1 --prefix depth` of all packages: each at depth 0, what it is built on at depth 1.
fn check_layers(tree: &str) -> Vec<Finding> {
    let packages: BTreeSet<&str> = tree.lines().filter_map(|line| line.strip_prefix('0')).map(name).collect();
    let mut findings = Vec::new();
    let mut package = "";
    for line in tree.lines() {
        if let Some(line) = line.strip_prefix('0') {
            package = name(line);
            if !has_layer(package) {
                findings.push(finding(format!("package `{package}` has no layer: add it to LAYERS in {}", file!())));
            }
        } else if let Some(dependency) = line.strip_prefix('1').map(name)
            && packages.contains(dependency)
            && !is_below(dependency, package)
        {
            findings.push(finding(format!(
                "`{package}` is built on `{dependency}`, which is not below it: move the code down"
            )));
        }
    }
    findings
}

fn check_bus(tree: &str) -> Vec<Finding> {
    let found: BTreeSet<&str> = tree.lines().map(name).filter(|name| NOT_IN_BUS.contains(name)).collect();
    let message =
        |name| format!("`{BUS}` pulls in `{name}`: see who wants it with `cargo tree -p {BUS} -i {name}`, drop it");
    found.into_iter().map(|name| finding(message(name))).collect()
}

fn has_layer(package: &str) -> bool {
    ON_TOP.contains(&package) || LAYERS.iter().any(|(name, _)| *name == package)
}

fn is_below(dependency: &str, package: &str) -> bool {
    if ON_TOP.contains(&package) {
        return !ON_TOP.contains(&dependency);
    }
    LAYERS.iter().any(|(name, below)| *name == package && below.contains(&dependency))
}

/// The name in a line such as `libc v0.2.1` or `lcm-rs v0.1.0 (/path)`.
fn name(line: &str) -> &str {
    line.split(' ').next().unwrap_or_default()
}

fn finding(message: String) -> Finding {
    Finding::new("Cargo.toml", 1, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(findings: &[Finding]) -> String {
        findings.iter().map(|finding| finding.message.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn building_upwards_is_found() {
        let found = check_layers(
            "0lcm-rs v0.1.0 (/r/crates/lcm-rs)\n1lcm-types v0.1.0 (/r/t)\n1libc v1.0.0\n\n0lcm-types v0.1.0 (/r/t)\n",
        );
        assert_eq!(messages(&found), "`lcm-rs` is built on `lcm-types`, which is not below it: move the code down");
    }

    #[test]
    fn building_on_the_tests_is_found() {
        assert_eq!(check_layers("0dimos v1 (/r)\n1mesh-tests v1 (/t)\n\n0mesh-tests v1 (/t)\n").len(), 1);
        assert_eq!(check_layers("0xtask v1 (/r)\n1mesh-tests v1 (/t)\n\n0mesh-tests v1 (/t)\n").len(), 1);
    }

    #[test]
    fn building_downwards_passes() {
        assert_eq!(
            check_layers(
                "0dimos v1 (/r)\n1lcm-rs v1 (/r)\n1serde v1\n\n0lcm-rs v1 (/r)\n\n0xtask v1 (/x)\n1dimos v1 (/r)\n"
            ),
            []
        );
    }

    #[test]
    fn a_package_without_a_layer_is_found() {
        assert!(messages(&check_layers("0newcomer v1 (/r)\n")).contains("newcomer"));
    }

    #[test]
    fn a_runtime_below_the_bus_is_found_once() {
        assert_eq!(check_bus("lcm-rs v1 (/r)\nlibc v1\ntokio v1.0.0\ntokio v1.0.0 (*)\n").len(), 1);
        assert_eq!(check_bus("lcm-rs v1 (/r)\nlibc v1\nserde_json_path v1\n"), []);
    }
}
