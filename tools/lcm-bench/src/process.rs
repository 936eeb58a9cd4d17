//! Worker processes as the tool sees them: started, told what to do, read, and gone when dropped.
//!
//! Every wait is bounded. A worker that is left behind dies with the tool (see [`crate::launch`]).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

/// A running worker.
#[derive(Debug)]
pub(crate) struct Worker {
    name: String,
    child: Child,
    orders: ChildStdin,
    lines: Receiver<String>,
    /// What it says on stderr, shown only if it fails: C LCM warns of the small buffers that some rows are about.
    complaints: Arc<Mutex<Vec<u8>>>,
}

/// What a worker measured: numbers by name.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Figures(BTreeMap<String, f64>);

impl Worker {
    pub(crate) fn start(name: &str, command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let (Some(orders), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            bail!("{name} was started without pipes");
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let complaints = collect(stderr);
        Ok(Self { name: name.to_owned(), child, orders, lines, complaints })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn order(&mut self, word: &str) -> Result<()> {
        writeln!(self.orders, "{word}").with_context(|| format!("{} is gone and takes no `{word}`", self.name))
    }

    pub(crate) fn expect(&self, word: &str, within: Duration) -> Result<()> {
        let line = self.line(word, within)?;
        if line != word { Err(anyhow!("{} said `{line}`, not `{word}`", self.name)) } else { Ok(()) }
    }

    /// The next figures that a worker tells; most end with them.
    pub(crate) fn figures(&self, within: Duration) -> Result<Figures> {
        let line = self.line("figures", within)?;
        Figures::parse(&line).with_context(|| format!("{} said `{line}`, which are no figures", self.name))
    }

    fn line(&self, what: &str, within: Duration) -> Result<String> {
        self.lines.recv_timeout(within).map_err(|_| {
            let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            let complaints = String::from_utf8_lossy(&complaints);
            anyhow!("{} ended or hangs: no {what} within {within:?}\n{}", self.name, complaints.trim())
        })
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let collected = Arc::<Mutex<Vec<u8>>>::default();
    let kept = Arc::clone(&collected);
    std::thread::spawn(move || {
        let mut chunk = [0; 4096];
        while let Ok(bytes @ 1..) = stream.read(&mut chunk) {
            kept.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..bytes]);
        }
    });
    collected
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Either fails only where the worker has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Figures {
    /// Reads a line of `name=number` words.
    pub(crate) fn parse(line: &str) -> Result<Self> {
        let word = |word: &str| {
            let (name, value) = word.split_once('=').with_context(|| format!("`{word}` is not name=number"))?;
            Ok((name.to_owned(), value.parse()?))
        };
        Ok(Self(line.split(' ').map(word).collect::<Result<_>>()?))
    }

    /// A figure by its name.
    pub(crate) fn of(&self, name: &str) -> Result<f64> {
        self.0.get(name).copied().with_context(|| format!("no figure `{name}` in {self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_by_name() {
        let figures = Figures::parse("sent=1000000 elapsed_ns=2000000000").unwrap();
        assert_eq!(figures.of("sent").unwrap(), 1e6);
        assert!(figures.of("lost").is_err());
        assert!(Figures::parse("ready").is_err());
        assert!(Figures::parse("sent=many").is_err());
    }
}
