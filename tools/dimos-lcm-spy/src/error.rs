//! Why the spy ended otherwise than well, and what its process exits with.

use dimos::exit;
use lcm::OpenError;

use crate::traffic::units;

/// Why the spy ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpyError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// The bus cannot be joined.
    #[error("{}", with_causes(.0))]
    Bus(#[from] OpenError),
    /// It was reported, but something was lost.
    #[error(
        "{} dropped by the kernel, so that counts are too small: `sysctl -w net.core.rmem_max=16777216` allows a larger receive buffer",
        units::count(*kernel_drops, "datagram")
    )]
    Incomplete {
        /// Datagrams that the kernel dropped.
        kernel_drops: u64,
    },
    /// Somebody pressed Ctrl-C, or sent SIGTERM, and knows that.
    #[error("interrupted")]
    Interrupted,
    /// Whoever read stdout has had enough, which is how the spy is meant to end then.
    #[error("nobody reads stdout")]
    NobodyReads,
    /// The terminal, or stdout, does not take what is written, or the system refuses something else.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A recording has not all that was to be in it.
    #[error("{0}")]
    Recording(String),
    /// A thread, such as that which reads the bus, has ended by a fault of its own.
    #[error("a part of the program has ended by a fault of its own")]
    ReaderGone,
}

impl SpyError {
    /// What the process exits with; see [`dimos::exit`].
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Bus(OpenError::Url(_)) => exit::USAGE,
            Self::Bus(_) => exit::NO_BUS,
            Self::Incomplete { .. } | Self::Recording(_) => exit::INCOMPLETE,
            Self::Interrupted => exit::INTERRUPTED,
            Self::NobodyReads => exit::OK,
            Self::System { .. } | Self::ReaderGone => exit::ERROR,
        }
    }

    /// What a program goes by, as with every error of `dimos`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.exit_code() {
            exit::OK => "ok",
            exit::USAGE => "usage",
            exit::INCOMPLETE => "incomplete",
            exit::NO_BUS => "no_bus",
            exit::INTERRUPTED => "interrupted",
            _ => "error",
        }
    }

    /// Whether it is to be told; the others are known to whoever caused them.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !matches!(self, Self::Interrupted | Self::NobodyReads)
    }

    /// What became of writing to stdout.
    pub(crate) fn writing(source: std::io::Error) -> Self {
        match source.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::System { what: "cannot write to stdout", source },
        }
    }

    /// What became of the terminal.
    pub(crate) fn terminal(source: std::io::Error) -> Self {
        Self::System { what: "the terminal cannot be used", source }
    }
}

/// An error and what caused it, unless it says that itself.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
