//! What was found: a check, how it turned out, and what repairs it.

use serde::Serialize;

/// How a check turned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Status {
    /// All is well.
    Pass,
    /// It cannot be told, and the message says why not.
    Unknown,
    /// Nothing is lost now, but something will surprise somebody.
    Warn,
    /// The bus cannot be used, or messages are lost or do not get to where they are meant to.
    Fail,
}

/// A check, and how it turned out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// What programs know the check by.
    pub(super) code: &'static str,
    pub(super) status: Status,
    /// What is so, and why.
    pub(super) message: String,
    /// Commands that repair it, in this order, for a shell.
    pub(super) remedy: Vec<String>,
    /// Whether the bus cannot be used because of it.
    #[serde(rename = "breaks_bus")]
    pub(super) is_fatal: bool,
}

/// What this user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) is_root: bool,
}

impl Finding {
    fn new(code: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), remedy: Vec::new(), is_fatal: false }
    }

    pub(super) fn pass(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Status::Pass, message)
    }

    pub(super) fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Status::Unknown, message)
    }

    pub(super) fn warn(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Status::Warn, message)
    }

    pub(super) fn fail(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, Status::Fail, message)
    }

    /// The bus cannot be used because of it.
    pub(super) fn fatal(code: &'static str, message: impl Into<String>) -> Self {
        Self { is_fatal: true, ..Self::fail(code, message) }
    }

    /// With commands that repair it.
    pub(super) fn repaired_by(self, commands: impl IntoIterator<Item = String>) -> Self {
        Self { remedy: commands.into_iter().collect(), ..self }
    }

    /// For one whose URL was given on the command line, where the environment is not asked.
    pub(super) fn beside_given_url(mut self) -> Self {
        for command in self.remedy.iter_mut().filter(|command| command.starts_with("export ")) {
            command.push_str("   # and no --bus");
        }
        self
    }
}

impl Rights {
    /// A command that only root may give.
    pub(super) fn root(self, command: &str) -> String {
        if self.is_root { command.to_owned() } else { format!("sudo {command}") }
    }

    /// Sets a variable of the kernel, until the next boot.
    pub(super) fn sysctl(self, name: &str, value: impl std::fmt::Display) -> String {
        self.root(&format!("sysctl -w {name}={value}"))
    }

    /// The same, for all boots to come.
    pub(super) fn sysctl_for_good(self, name: &str, value: impl std::fmt::Display) -> String {
        let tee = self.root("tee -a /etc/sysctl.d/60-lcm.conf");
        format!("echo '{name} = {value}' | {tee}")
    }
}
