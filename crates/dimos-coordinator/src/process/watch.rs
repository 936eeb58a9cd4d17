//! One thread that watches all processes: takes in what they say, line by line, and tells when they end.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::epoll;
use rustix::process::{Pid, Signal};

use super::exit::{peek, reap};
use super::family::group_runs;
use super::lines::{Line, Lines};
use super::spawn::Running;
use crate::supervisor::{Exit, Incarnation};

/// Watches processes.
#[derive(Debug, Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

/// Which stream of a process a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Its stdout.
    Stdout,
    /// Its stderr.
    Stderr,
}

/// The end of a process. It keeps its number, and that of its group, until it is reaped.
#[derive(Debug)]
pub struct Ended {
    /// Which.
    pub incarnation: Incarnation,
    /// How.
    pub exit: Exit,
    pid: Pid,
    pidfd: OwnedFd,
}

/// Takes in a line: who said it, by which stream, and how many bytes were left out of it.
type Heard = dyn FnMut(&str, Stream, &[u8], usize);

#[derive(Debug)]
struct Shared {
    epoll: OwnedFd,
    sources: Mutex<Sources>,
}

#[derive(Debug, Default)]
struct Sources {
    by_token: HashMap<u64, Source>,
    next_token: u64,
}

#[derive(Debug)]
struct Source {
    incarnation: Incarnation,
    /// Who speaks.
    name: Arc<str>,
    fd: OwnedFd,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Stream(Stream, Lines),
    Process(Pid),
}

impl Watch {
    /// Begins to watch. `heard` gets each line with who said it and how many bytes were left out of it, `ended` the end of each process,
    /// after all that it said itself. Both are called on the watching thread.
    ///
    /// # Errors
    /// If the system has no more files or threads.
    pub fn begin(
        mut heard: impl FnMut(&str, Stream, &[u8], usize) + Send + 'static,
        ended: impl Fn(Ended) + Send + 'static,
    ) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { epoll, sources: Mutex::default() });
        let watched = Arc::clone(&shared);
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || watched.watch(&mut heard, &ended))?;
        Ok(Self { shared })
    }

    /// Watches a process from now on.
    ///
    /// # Errors
    /// If the system has no room for it.
    pub fn add(&self, incarnation: Incarnation, name: &str, running: Running) -> io::Result<()> {
        let name: Arc<str> = name.into();
        for (fd, stream) in [(running.stdout, Stream::Stdout), (running.stderr, Stream::Stderr)] {
            rustix::io::ioctl_fionbio(&fd, true)?;
            let kind = Kind::Stream(stream, Lines::default());
            self.shared.add(Source { incarnation, name: Arc::clone(&name), fd, kind })?;
        }
        self.shared.add(Source { incarnation, name, fd: running.pidfd, kind: Kind::Process(running.pid) })
    }
}

impl Ended {
    /// Reaps it, and ends what is left of its group: what it started itself has no business any more.
    pub fn end_group(&self) {
        // It still has the number, so the group is its own. That there is nobody left is fine.
        let _ = rustix::process::kill_process_group(self.pid, Signal::KILL);
        self.reap();
    }

    /// Reaps it. What is left of its group goes on.
    pub fn reap(&self) {
        if let Err(error) = reap(self.pidfd.as_fd()) {
            tracing::warn!(%error, "a process that has ended cannot be reaped");
        }
    }

    /// Whether anything of its group still runs, once it is reaped.
    #[must_use]
    pub fn has_group(&self) -> bool {
        rustix::process::test_kill_process_group(self.pid).is_ok() && group_runs(self.pid)
    }
}

impl Shared {
    fn add(&self, source: Source) -> io::Result<()> {
        let mut sources = self.lock();
        let token = sources.next_token;
        sources.next_token += 1;
        epoll::add(&self.epoll, &source.fd, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
        sources.by_token.insert(token, source);
        Ok(())
    }

    fn watch(&self, heard: &mut Heard, ended: &dyn Fn(Ended)) {
        let mut events = Vec::with_capacity(64);
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            events.clear();
            match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    tracing::error!(%error, "cannot watch processes");
                    return;
                }
            }
            // Ends first: a flood of lines holds up no news.
            let mut tokens: Vec<_> = events.iter().map(|event| event.data.u64()).collect();
            {
                let sources = self.lock();
                let is_stream = |token: &u64| sources.by_token.get(token).is_some_and(Source::is_stream);
                tokens.sort_by_key(is_stream);
            }
            for token in tokens {
                // Out of the table while it is worked on, so that nobody waits for what is done with a line.
                let Some(source) = self.lock().by_token.remove(&token) else { continue };
                if let Some(source) = self.ready(source, &mut buffer, heard, ended) {
                    self.lock().by_token.insert(token, source);
                }
            }
        }
    }

    /// Reads what there is. Returns the source if more may come.
    fn ready(&self, mut source: Source, buffer: &mut [u8], heard: &mut Heard, ended: &dyn Fn(Ended)) -> Option<Source> {
        match &source.kind {
            Kind::Stream(..) => match source.read(buffer, heard) {
                Read::Some | Read::Nothing => Some(source),
                Read::End => None,
            },
            Kind::Process(pid) => {
                let pid = *pid;
                let exit = match peek(source.fd.as_fd()) {
                    Ok(None) => return Some(source),
                    Ok(Some(exit)) => exit,
                    Err(error) => Exit::NotStarted { reason: format!("nobody knows how it ended: {error}") },
                };
                // It would be told of again and again, until it is closed.
                if let Err(error) = epoll::delete(&self.epoll, &source.fd) {
                    tracing::warn!(%error, "a process that has ended is watched further");
                }
                self.drain(source.incarnation, buffer, heard);
                ended(Ended { incarnation: source.incarnation, exit, pid, pidfd: source.fd });
                None
            }
        }
    }

    /// Takes in what a process has said that has ended.
    fn drain(&self, incarnation: Incarnation, buffer: &mut [u8], heard: &mut Heard) {
        let tokens: Vec<_> = {
            let sources = self.lock();
            let of_it = sources.by_token.iter().filter(|(_, source)| source.incarnation == incarnation);
            of_it.map(|(token, _)| *token).collect()
        };
        for token in tokens {
            let Some(mut source) = self.lock().by_token.remove(&token) else { continue };
            // A pipe holds 64 KiB unless somebody made it larger; whoever else has it open may go on writing for ever.
            let mut last = Read::Some;
            for _ in 0..DRAIN_CHUNKS {
                last = source.read(buffer, heard);
                if last != Read::Some {
                    break;
                }
            }
            if last != Read::End {
                self.lock().by_token.insert(token, source);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Read {
    Some,
    Nothing,
    End,
}

impl Source {
    fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream(..))
    }

    fn read(&mut self, buffer: &mut [u8], heard: &mut Heard) -> Read {
        let Kind::Stream(stream, lines) = &mut self.kind else { return Read::Nothing };
        let (name, stream) = (&self.name, *stream);
        let mut tell = |line: Line| heard(name, stream, &line.bytes, line.left_out);
        match rustix::io::read(&self.fd, &mut *buffer) {
            Ok(0) => {
                lines.end().into_iter().for_each(tell);
                Read::End
            }
            Ok(bytes) => {
                lines.push(&buffer[..bytes], &mut tell);
                Read::Some
            }
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Read::Nothing,
            Err(_) => {
                lines.end().into_iter().for_each(tell);
                Read::End
            }
        }
    }
}

/// How much is read at once.
const CHUNK_BYTES: usize = 64 << 10;

/// How often a stream of a process that has ended is read at most.
const DRAIN_CHUNKS: usize = 32;
