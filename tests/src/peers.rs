//! The programs to test against: where `cargo xtask peers` puts them, and what happens where they are missing.
//!
//! In CI a missing peer fails the test; on a user's machine the test says so and is skipped.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::run;

/// C and Python LCM 1.5.3 of the Python wheel.
#[derive(Debug, Clone)]
pub struct Wheel {
    python: PathBuf,
    packages: PathBuf,
}

/// C LCM 1.3.1 of Debian, unpacked.
#[derive(Debug, Clone)]
pub struct OldLcm {
    usr: PathBuf,
    library: PathBuf,
}

impl Wheel {
    /// The wheel, or `None` after saying that `test` is skipped.
    #[must_use]
    pub fn find(test: &str) -> Option<Self> {
        let venv = peers().join("venv");
        let packages = child_that(&venv.join("lib"), |packages| packages.join("site-packages/bin/lcm-sink").is_file());
        match packages {
            Some(packages) => Some(Self { python: venv.join("bin/python"), packages: packages.join("site-packages") }),
            None => {
                skip(test, &format!("no LCM 1.5.3 in {}", venv.display()), REMEDY);
                None
            }
        }
    }

    /// One of its programs, such as `lcm-sink`.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.packages.join("bin").join(name))
    }

    /// One of its programs, with stdout flushed at each line, for those that never end by themselves.
    #[must_use]
    pub fn program_by_lines(&self, name: &str) -> Command {
        let mut command = Command::new("stdbuf");
        command.arg("-oL").arg(self.packages.join("bin").join(name));
        command
    }

    /// A script of `tests/peers`, in its Python.
    #[must_use]
    pub fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.python);
        command.arg("-u").arg(sources().join(name)).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// A C program of `tests/peers`, compiled against its library; `None` after saying that `test` is skipped.
    #[must_use]
    pub fn compiled(&self, test: &str, source: &str) -> Option<Command> {
        let sources = [sources().join(source)];
        compile(test, &sources, &self.packages.join("include"), &self.packages.join("lib")).map(Command::new)
    }

    /// A C program of `tests/peers` with the C code that `lcm-gen` makes of the `.lcm` files beside it.
    #[must_use]
    pub fn compiled_with_types(&self, test: &str, source: &str, types: &str) -> Option<Command> {
        let generated = self.generated(types, "c", &["-c", "--c-cpath", "@", "--c-hpath", "@"]);
        let mut files = with_extension(&generated, "c");
        files.insert(0, sources().join(source));
        let library = self.packages.join("lib");
        compile(test, &files, &self.packages.join("include"), &library).map(Command::new)
    }

    /// The directory of the Python classes that `lcm-gen` makes of the `.lcm` files in a directory of `tests/peers`.
    #[must_use]
    pub fn python_types(&self, types: &str) -> PathBuf {
        self.generated(types, "python", &["-p", "--ppath", "@"])
    }

    /// Runs `lcm-gen` into a directory of its own (`@` in the arguments) unless the same input was generated before.
    fn generated(&self, types: &str, language: &str, arguments: &[&str]) -> PathBuf {
        let files = with_extension(&sources().join(types), "lcm");
        let directory =
            peers().join("built").join(format!("{types}-{language}-{:016x}", digest(&files, &self.packages)));
        into_place(&directory, |fresh| {
            std::fs::create_dir_all(fresh).expect("target/peers is writable");
            let fresh = fresh.to_string_lossy();
            run(self.program("lcm-gen").args(arguments.iter().map(|word| word.replace('@', &fresh))).args(&files));
        });
        directory
    }
}

impl OldLcm {
    /// LCM 1.3.1, or `None` after saying that `test` is skipped.
    #[must_use]
    pub fn find(test: &str) -> Option<Self> {
        let usr = peers().join("lcm-1.3.1/usr");
        match child_that(&usr.join("lib"), |library| library.join("liblcm.so.1").exists()) {
            Some(library) => Some(Self { usr, library }),
            None => {
                skip(test, &format!("no LCM 1.3.1 in {}", usr.display()), REMEDY);
                None
            }
        }
    }

    /// One of its programs, such as `lcm-logger`.
    #[must_use]
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.usr.join("bin").join(name));
        command.env("LD_LIBRARY_PATH", &self.library);
        command
    }

    /// A C program of `tests/peers`, compiled against its library; `None` after saying that `test` is skipped.
    #[must_use]
    pub fn compiled(&self, test: &str, source: &str) -> Option<Command> {
        compile(test, &[sources().join(source)], &self.usr.join("include"), &self.library).map(Command::new)
    }
}

/// The same program, with its fragments a millisecond apart; `None` after saying that `test` is skipped.
#[must_use]
pub fn slowed(test: &str, program: &Command) -> Option<Command> {
    let mut cc = c_compiler(test)?;
    let source = sources().join("slow_sendmsg.c");
    let library = peers().join("built").join(format!("slow_sendmsg-{:016x}.so", digest(&[&source], Path::new(""))));
    into_place(&library, |fresh| {
        run(cc.args(["-shared", "-fPIC", "-o"]).arg(fresh).arg(&source));
    });
    let mut slowed = same(program);
    slowed.env("LD_PRELOAD", library);
    Some(slowed)
}

/// A second command to start the same program with the same arguments and environment.
#[must_use]
pub fn same(program: &Command) -> Command {
    let mut command = Command::new(program.get_program());
    command.args(program.get_args());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Says on the real stderr, past the harness, that `test` does not run for want of something; in CI fails it instead.
pub fn skip(test: &str, missing: &str, remedy: &str) {
    assert!(std::env::var_os("CI").is_none(), "{test} cannot run in CI: {missing}; {remedy}");
    let _ = writeln!(std::io::stderr(), "skipped: {test}: {missing}; {remedy}");
}

fn compile(test: &str, files: &[PathBuf], include: &Path, library: &Path) -> Option<PathBuf> {
    let mut cc = c_compiler(test)?;
    let name = files[0].file_stem().expect("a source file has a name").to_string_lossy().into_owned();
    let program = peers().join("built").join(format!("{name}-{:016x}", digest(files, library)));
    into_place(&program, |fresh| {
        cc.arg("-o").arg(fresh).args(files);
        for file in files {
            cc.arg("-I").arg(file.parent().expect("a source file lies in a directory"));
        }
        cc.arg("-I").arg(include).arg("-L").arg(library).arg("-llcm");
        cc.arg(format!("-Wl,-rpath,{}", library.display()));
        run(&mut cc);
    });
    Some(program)
}

fn c_compiler(test: &str) -> Option<Command> {
    if !Command::new("cc").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip(test, "no C compiler `cc`", "install one");
        return None;
    }
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter"]);
    Some(cc)
}

/// Makes `path` once: under another name first, so that tests which run at the same time do not see half of it.
fn into_place(path: &Path, make: impl FnOnce(&Path)) {
    if path.exists() {
        return;
    }
    std::fs::create_dir_all(path.parent().expect("built things lie in a directory")).expect("target/peers is writable");
    // Process ids do not tell tests apart: each has a process namespace.
    let fresh = path.with_extension(format!("{:016x}", RandomState::new().hash_one(path)));
    make(&fresh);
    if let Err(error) = std::fs::rename(&fresh, path) {
        assert!(path.exists(), "{}: {error}", path.display());
    }
}

/// Changes with the content of the files and with the library they are built against.
fn digest(files: &[impl AsRef<Path>], library: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    library.hash(&mut hasher);
    for file in files {
        let file = file.as_ref();
        let content = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        (file, content).hash(&mut hasher);
    }
    hasher.finish()
}

fn child_that(directory: &Path, holds: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?;
    entries.filter_map(Result::ok).map(|entry| entry.path()).find(|path| holds(path))
}

fn with_extension(directory: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect();
    files.sort();
    files
}

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("target/peers")
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

const REMEDY: &str = "run `cargo xtask peers`";
