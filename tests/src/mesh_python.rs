//! The program `tests/peers/mesh.py`: a process of the mesh with nothing but LCM and generated classes.

use std::path::{Path, PathBuf};
use std::process::Command;

use dimos::rpc::RpcError;
use serde_json::Value;

use crate::peers::Wheel;
use crate::process::{PATIENCE, Process, run};

/// The program, with the classes it needs.
#[derive(Debug)]
pub struct MeshPython {
    wheel: Wheel,
    classes: PathBuf,
}

impl MeshPython {
    /// None after saying that `test` is skipped. `scratch` is a directory for the classes, made anew.
    #[must_use]
    pub fn find(test: &str, scratch: &Path) -> Option<Self> {
        let wheel = Wheel::find(test)?;
        let classes = scratch.join(format!("{test}-classes"));
        if classes.exists() {
            std::fs::remove_dir_all(&classes).expect("scratch can be removed");
        }
        std::fs::create_dir_all(&classes).expect("scratch can be written");
        let idl = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lcm-types/idl/dimos_mesh");
        let files = std::fs::read_dir(idl).expect("the messages of the mesh are there");
        let files: Vec<_> = files.map(|file| file.expect("the directory is readable").path()).collect();
        run(wheel.program("lcm-gen").args(["-p", "--ppath"]).arg(&classes).args(files));
        Some(Self { wheel, classes })
    }

    /// Its command, with the classes and the default bus.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = self.wheel.script("mesh.py");
        command.arg(&self.classes).arg("");
        command
    }

    /// The processes that it sees, one object each.
    #[must_use]
    pub fn list(&self) -> Vec<Value> {
        let listed = run(self.command().arg("list"));
        listed.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
    }

    /// Serves a name, which it owns when this returns, until it is dropped.
    #[must_use]
    pub fn serve(&self, name: &str) -> Process {
        let mut process = Process::start(self.command().args(["serve", name]));
        process.expect_line("the name", |line| line.starts_with("owns "));
        process
    }

    /// Calls a method, with arguments in JSON.
    ///
    /// # Errors
    /// The error as it goes over the wire.
    pub fn call(&self, name: &str, method: &str, arguments: &str) -> Result<Value, RpcError> {
        let mut process = Process::start(self.command().args(["call", name, method, arguments]));
        let lines = process.remaining_lines();
        let status = process.wait(PATIENCE);
        let [line] = &lines[..] else { panic!("{lines:?}\n{}", process.stderr()) };
        match status.code() {
            Some(0) => Ok(serde_json::from_str(line).expect("a result is JSON")),
            Some(1) => Err(RpcError::from_json(line.as_bytes())),
            _ => panic!("{status}: {}", process.stderr()),
        }
    }
}
