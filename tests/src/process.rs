//! Child processes of a test: started with pipes, read line by line, and ended with the test however it ends.
//!
//! Every wait is bounded. What the programs mean is left to the modules that start them.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a test waits for what should happen at once; wide, because it only ends what hangs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A running program, killed and reaped when dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    stderr: Arc<Mutex<Vec<u8>>>,
    stderr_reader: JoinHandle<()>,
}

impl Process {
    /// Starts the program with all three streams piped.
    pub fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let (sender, lines) = channel();
        let stdout = child.stdout.take().expect("stdout is piped");
        thread::spawn(move || {
            let mut reader = BufReader::new(stdout);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line).is_ok_and(|bytes| bytes > 0) {
                if line.last() == Some(&b'\n') {
                    line.pop();
                }
                if sender.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
        });
        let stderr = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&stderr);
        let mut stream = child.stderr.take().expect("stderr is piped");
        let stderr_reader = thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(bytes @ 1..) = stream.read(&mut chunk) {
                kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..bytes]);
            }
        });
        let stdin = child.stdin.take();
        Self { name, child, stdin, lines, stderr, stderr_reader }
    }

    /// The next line of stdout, without its end, or `None` when `within` has passed or the program closed it.
    pub fn line(&mut self, within: Duration) -> Option<Vec<u8>> {
        self.lines.recv_timeout(within).ok()
    }

    /// The next line of stdout for which `wanted` holds; panics with everything the program said when it does not come.
    pub fn expect_line(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    if wanted(&line) {
                        return line;
                    }
                    passed.push(line);
                }
                Err(reason) => {
                    let ended = match reason {
                        RecvTimeoutError::Timeout => "is silent",
                        RecvTimeoutError::Disconnected => "has closed its stdout",
                    };
                    panic!(
                        "{} {ended}, expected {what}; it said {passed:?}, and on stderr:\n{}",
                        self.name,
                        self.stderr()
                    );
                }
            }
        }
    }

    /// Every line that stdout has to say until the program closes it.
    pub fn remaining_lines(&mut self) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
        lines
    }

    /// Writes a line to stdin.
    pub fn write_line(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("stdin is open");
        if let Err(error) = writeln!(stdin, "{line}").and_then(|()| stdin.flush()) {
            panic!("{} does not take {line:?}: {error}; on stderr:\n{}", self.name, self.stderr());
        }
    }

    /// Closes stdin.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Everything on stderr so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for the program's own end; panics when `within` passes.
    pub fn wait(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => {
                    self.read_last_words();
                    return status;
                }
                Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
                Ok(None) => panic!("{} still runs after {within:?}; on stderr:\n{}", self.name, self.stderr()),
                Err(error) => panic!("{} cannot be waited for: {error}", self.name),
            }
        }
    }

    /// Waits until stderr is read to its end, but not for long: a child of the child may hold it open.
    fn read_last_words(&self) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while !self.stderr_reader.is_finished() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        run(Command::new("sh").arg("-c").arg(format!("kill {}", self.child.id())));
        self.wait(PATIENCE)
    }

    /// The process id, as this test's process namespace sees it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only where the child has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `HUP`, `INT` or `TERM` to a program that has a handler for it, as soon as it has: sooner, it would be killed by it.
pub fn signal_when_handled(pid: u32, name: &str) {
    let number = match name {
        "HUP" => 1,
        "INT" => 2,
        "TERM" => 15,
        _ => panic!("SIG{name} is not waited for"),
    };
    let deadline = Instant::now() + PATIENCE;
    while !has_handler(pid, number) {
        assert!(Instant::now() < deadline, "process {pid} has no handler for SIG{name}");
        thread::sleep(Duration::from_millis(5));
    }
    run(Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()));
}

/// Runs a command to its end and returns its stdout; panics when it fails, with what it said.
pub fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Whether a process handles a signal; panics when there is none any more.
fn has_handler(pid: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    assert!(!["", "Z (zombie)"].contains(&of("State:")), "process {pid} has ended");
    u64::from_str_radix(of("SigCgt:"), 16).expect("signals are hexadecimal digits") >> (signal - 1) & 1 == 1
}
