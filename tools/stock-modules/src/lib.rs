//! Modules that ship inside the `dimos` binary. Each runs as a process of its own: `dimos module NAME`.
#![forbid(unsafe_code)]
