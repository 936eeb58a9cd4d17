//! Noticing that interfaces, addresses or routes of this host changed, from the kernel's own announcements.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType};

/// A thread that calls back after each change, until this is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Calls `changed` soon after each change; several at once are one.
    pub(crate) fn start(changed: impl Fn() + Send + 'static) -> io::Result<Self> {
        let announcements = subscribe()?;
        let stop = Arc::new(rustix::event::eventfd(0, EventfdFlags::CLOEXEC)?);
        let thread = std::thread::Builder::new().name("lcm-routes".to_owned()).spawn({
            let stop = Arc::clone(&stop);
            move || {
                while let Wake::Change = wait(&announcements, &stop) {
                    changed();
                }
            }
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // An eventfd takes a write of 1 unless its counter is full, and then it is readable already.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // It ends by itself; a panic in it was reported when it happened.
            let _ = thread.join();
        }
    }
}

enum Wake {
    Change,
    Stop,
}

/// Waits for an announcement and for the quiet after it.
fn wait(announcements: &OwnedFd, stop: &OwnedFd) -> Wake {
    let mut timeout = None;
    let mut first: Option<Instant> = None;
    loop {
        let mut fds = [PollFd::new(announcements, PollFlags::IN), PollFd::new(stop, PollFlags::IN)];
        let ready = match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return Wake::Stop,
            Ok(ready) => ready,
        };
        if !fds[1].revents().is_empty() {
            return Wake::Stop;
        }
        if ready == 0 || first.is_some_and(|first| first.elapsed() >= PATIENCE) {
            return Wake::Change;
        }
        first.get_or_insert_with(Instant::now);
        // What changed is found out by looking, so the announcements are only emptied out. `NOBUFS` says that some were
        // lost, which is a change as well.
        let mut buffer = [0_u8; 4096];
        while matches!(
            rustix::net::recv(announcements, &mut buffer, RecvFlags::DONTWAIT),
            Ok(_) | Err(rustix::io::Errno::NOBUFS)
        ) {}
        timeout = Timespec::try_from(QUIET).ok();
    }
}

fn subscribe() -> io::Result<OwnedFd> {
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let groups = (libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV4_ROUTE).cast_unsigned();
    rustix::net::bind(&socket, &SocketAddrNetlink::new(0, groups))?;
    Ok(socket)
}

/// A link that comes up announces itself several times within a few milliseconds.
const QUIET: Duration = Duration::from_millis(20);

/// How long quiet is waited for.
const PATIENCE: Duration = Duration::from_millis(200);
