//! Starting a process: what it inherits, its group, its streams, and that it does not outlive who started it.
//!
//! The only file of this crate with unsafe code: what is done between `fork` and `exec`.
#![expect(unsafe_code, reason = "what a process does between fork and exec has no safe form")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal};
use rustix::thread::CpuSet;

/// What is started, and how.
#[derive(Debug, Clone, Default)]
pub struct Command {
    /// The executable.
    pub program: PathBuf,
    /// What stands behind it on the command line.
    pub arguments: Vec<OsString>,
    /// Where it works; where this process does if there is none.
    pub directory: Option<PathBuf>,
    /// Variables that are added to the environment.
    pub environment: Vec<(String, OsString)>,
    /// What it reads on stdin, to the end.
    pub input: Vec<u8>,
    /// How nice it is to other processes, from -20 to 19.
    pub nice: Option<i32>,
    /// The processors that it may run on; empty for all.
    pub cpus: Vec<usize>,
}

/// A process that was started. It leads a process group of its own.
#[derive(Debug)]
pub struct Running {
    /// Its process number, which is also that of its group.
    pub pid: Pid,
    /// Tells when it ends.
    pub pidfd: OwnedFd,
    /// What it says.
    pub stdout: OwnedFd,
    /// What it complains of.
    pub stderr: OwnedFd,
}

/// Starts a process. It gets SIGTERM when the thread that calls this ends, so that has to be one that lives as long as the process is
/// wanted.
///
/// # Errors
/// What the system says: there is no such executable, it may not be executed, there are too many processes.
pub fn start(command: &Command) -> io::Result<Running> {
    let mut prepared = std::process::Command::new(&command.program);
    prepared.args(&command.arguments).envs(command.environment.iter().map(|(name, value)| (name, value)));
    // What systemd wants to hear, it wants to hear of the coordinator.
    for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
        prepared.env_remove(variable);
    }
    if let Some(directory) = &command.directory {
        prepared.current_dir(directory);
    }
    prepared.stdin(input(&command.input)?).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let cpus = (!command.cpus.is_empty()).then(|| {
        let mut set = CpuSet::new();
        command.cpus.iter().filter(|&&cpu| cpu < CpuSet::MAX_CPU).for_each(|&cpu| set.set(cpu));
        set
    });
    before_exec(&mut prepared, command.nice, cpus, false);
    let mut child = prepared.spawn()?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let pid = Pid::from_child(&child);
    // Nobody else waits for it, so the number is still its own.
    let pidfd = match rustix::process::pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(error) => {
            // Nobody would notice its end.
            drop((child.kill(), child.wait()));
            return Err(error.into());
        }
    };
    Ok(Running { pid, pidfd, stdout: stdout.into(), stderr: stderr.into() })
}

/// Has a command get SIGTERM when the thread that starts it ends, and lead a session of its own: the terminal of who starts it is not
/// its own, so that neither Ctrl-C reaches it from there, nor does a terminal stop it that lets only its foreground write.
pub fn stand_apart(command: &mut std::process::Command) {
    before_exec(command, None, None, true);
}

/// Closes whatever this process was left by who started it, but for the standard streams: a daemon holds nothing of others.
///
/// To be called first of all, before this process has opened anything itself.
///
/// # Errors
/// If the system does not tell what is open.
pub fn close_inherited_files() -> io::Result<()> {
    let listed = std::fs::read_dir("/proc/self/fd")?;
    let numbers: Vec<RawFd> = listed.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|&number| number > 2) {
        // The list itself is among them, and closed by now.
        if std::fs::symlink_metadata(format!("/proc/self/fd/{number}")).is_ok() {
            // SAFETY: `from_raw_fd` demands an open file that nobody else owns. It is open, as was just seen, and there is one thread.
            // Nothing in this process has opened it: that is the caller's promise, and what was open before `main` belongs to nobody.
            drop(unsafe { OwnedFd::from_raw_fd(number) });
        }
    }
    Ok(())
}

fn before_exec(command: &mut std::process::Command, nice: Option<i32>, cpus: Option<CpuSet>, leads_session: bool) {
    let parent = rustix::process::getpid();
    let work = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::TERM))?;
        // If the parent died before that, nobody would tell.
        if rustix::process::getppid() != Some(parent) {
            return Err(rustix::io::Errno::SRCH.into());
        }
        if leads_session {
            rustix::process::setsid()?;
        }
        if let Some(nice) = nice {
            rustix::process::setpriority_process(None, nice)?;
        }
        if let Some(cpus) = &cpus {
            rustix::thread::sched_setaffinity(None, cpus)?;
        }
        Ok(())
    };
    // SAFETY: fork(2) demands that a child of a process with several threads calls only async-signal-safe functions until it
    // executes another program. The closure makes system calls alone (prctl, getppid, setsid, setpriority, sched_setaffinity, by rustix
    // directly, without libc's wrappers); it takes no lock, allocates nothing, and what it captured was made before the fork. Its
    // errors are numbers of the system, which need no allocation either.
    unsafe { command.pre_exec(work) };
}

/// A file in memory with these bytes: unlike a pipe it takes any number of them without anybody reading along.
fn input(bytes: &[u8]) -> io::Result<Stdio> {
    if bytes.is_empty() {
        return Ok(Stdio::null());
    }
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    io::Seek::rewind(&mut file)?;
    Ok(file.into())
}
