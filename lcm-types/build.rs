//! Tells dependents' build scripts where the `.lcm` files are, and puts those files into the crate.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let idl = root.join("idl");
    println!("cargo::rerun-if-changed={}", idl.display());
    println!("cargo::metadata=IDL={}", idl.display());
    let mut files = Vec::new();
    find(&idl, &mut files)?;
    files.sort();

    let mut table = String::from("&[\n");
    let mut types = String::new();
    for file in &files {
        let name = file.strip_prefix(&root).unwrap_or(file).display().to_string();
        let _ = writeln!(table, "    ({name:?}, include_str!({:?})),", file.display().to_string());
        let path: Vec<_> = file.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if let [.., package, name] = &path[..] {
            let _ = writeln!(types, "            $crate::{package}::{name},");
        }
    }
    table += "]\n";
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("idl.rs"), table)?;
    fs::write(out.join("all_types.rs"), MACRO.replace("TYPES", types.trim()))
}

fn find(directory: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "lcm") {
            files.push(path);
        }
    }
    Ok(())
}

const MACRO: &str = "/// Calls the macro `$with` with the paths of all message types, separated by commas.
#[macro_export]
macro_rules! all_types {
    ($with:ident) => {
        $with! {
            TYPES
        }
    };
}
";
