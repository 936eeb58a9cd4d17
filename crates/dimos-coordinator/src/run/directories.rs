//! Where runs leave what they leave: the same places as those of Python DimOS.

use std::path::{Path, PathBuf};

/// The state directory of DimOS: `$XDG_STATE_HOME/dimos`, or `~/.local/state/dimos`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    state: PathBuf,
}

/// There is nowhere to leave anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither XDG_STATE_HOME nor HOME says where to keep logs: set one of them to a directory that can be written")]
pub struct NoHome;

impl Directories {
    /// As the environment says.
    ///
    /// # Errors
    /// If it does not.
    pub fn of_user() -> Result<Self, NoHome> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        Ok(Self::new(&state.ok_or(NoHome)?))
    }

    /// Within this directory, as `XDG_STATE_HOME` would say.
    #[must_use]
    pub fn new(state_home: &Path) -> Self {
        Self { state: state_home.join("dimos") }
    }

    /// Where the runs that are alive are registered.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// Where a run keeps its log.
    #[must_use]
    pub fn log(&self, run_id: &str) -> PathBuf {
        self.state.join("logs").join(run_id)
    }

    /// Where all of them keep their logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }
}
