//! Programs that are asked for something: they end soon or are ended, and what they say is bounded.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What a program says on stdout when it is run to its end. The error is why it does not: what it says on stderr, if anything.
pub(super) fn output_of(program: &str, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let read = |stream: Option<Box<dyn Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            if let Some(stream) = stream {
                // What was read before an error is as good as what comes without one.
                let _ = stream.take(MAX_BYTES).read_to_end(&mut bytes);
            }
            String::from_utf8_lossy(&bytes).into_owned()
        })
    };
    let stdout = read(child.stdout.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let stderr = read(child.stderr.take().map(|stream| Box::new(stream) as Box<dyn Read + Send>));
    let deadline = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                // It may have ended by itself meanwhile.
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("no answer within {PATIENCE:?}"));
            }
            Err(error) => return Err(error.to_string()),
        }
    };
    let said = |thread: std::thread::JoinHandle<String>| thread.join().unwrap_or_default();
    let (stdout, stderr) = (said(stdout), said(stderr));
    if status.success() {
        Ok(stdout)
    } else {
        let first = stderr.lines().next().unwrap_or_default().trim().to_owned();
        Err(if first.is_empty() { status.to_string() } else { first })
    }
}

/// The same for a program of the system administrator, whose directory may not be in the `PATH` of others.
pub(super) fn output_of_system(program: &str, arguments: &[&str]) -> Result<String, String> {
    let paths = [program.to_owned(), format!("/usr/sbin/{program}"), format!("/sbin/{program}")];
    let mut error = String::new();
    for path in paths {
        match output_of(&path, arguments) {
            Err(not_there) if not_there.contains("os error 2") => error = format!("{program} is not installed"),
            outcome => return outcome,
        }
    }
    Err(error)
}

const PATIENCE: Duration = Duration::from_millis(1500);

/// A ruleset of a thousand containers is smaller.
const MAX_BYTES: u64 = 32 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_something_or_why_it_does_not() {
        assert_eq!(output_of("echo", &["well"]), Ok("well\n".to_owned()));
        assert_eq!(output_of("sh", &["-c", "echo unwell >&2; exit 3"]), Err("unwell".to_owned()));
        assert!(output_of("sleep", &["60"]).unwrap_err().contains("no answer"));
        assert_eq!(output_of_system("no-such-program", &[]), Err("no-such-program is not installed".to_owned()));
    }
}
