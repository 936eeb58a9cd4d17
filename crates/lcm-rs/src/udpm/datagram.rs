//! The system calls of the message path, and the only unsafe code of this crate.
//!
//! The standard library can neither scatter a datagram nor read its control messages, which carry the kernel's receive time
//! and its count of dropped datagrams.
#![expect(
    unsafe_code,
    reason = "recvmsg, recvmmsg and sendmsg have no safe equal that also reads control messages at this cost"
)]

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, BorrowedFd};

/// A datagram that was received.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// Its length.
    pub(crate) bytes: usize,
    /// Who sent it; `None` where the socket was shut down instead.
    pub(crate) from: Option<SocketAddrV4>,
    /// When the kernel received it, in nanoseconds since the epoch.
    pub(crate) receive_time_ns: Option<u64>,
    /// How many datagrams the kernel dropped on this socket so far, where it says so; wraps.
    pub(crate) drops: Option<u32>,
    /// Where the kernel handed several datagrams over together: the length of each but the last.
    pub(crate) datagram_bytes: Option<usize>,
}

/// How a receive call waits, and whether it takes what it receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Waits for as long as the socket's receive timeout.
    Wait,
    /// Does not wait.
    NoWait,
    /// Waits, and leaves the datagram in the socket. The length is the whole datagram's, however little is asked for.
    WaitPeek,
    /// The same without waiting.
    NoWaitPeek,
}

impl Mode {
    /// The same, but leaving the datagram in the socket.
    pub(crate) fn peek(self) -> Self {
        match self {
            Self::Wait | Self::WaitPeek => Self::WaitPeek,
            Self::NoWait | Self::NoWaitPeek => Self::NoWaitPeek,
        }
    }

    fn flags(self) -> libc::c_int {
        match self {
            Self::Wait => 0,
            Self::NoWait => libc::MSG_DONTWAIT,
            Self::WaitPeek => libc::MSG_PEEK | libc::MSG_TRUNC,
            Self::NoWaitPeek => libc::MSG_PEEK | libc::MSG_TRUNC | libc::MSG_DONTWAIT,
        }
    }
}

/// Where the kernel writes who sent a datagram and what else it knows of it.
struct Envelope {
    from: MaybeUninit<libc::sockaddr_in>,
    /// Read up to where the kernel says that it has written.
    control: MaybeUninit<ControlBuffer>,
}

impl Envelope {
    const fn empty() -> Self {
        Self { from: MaybeUninit::zeroed(), control: MaybeUninit::uninit() }
    }

    /// What a receive call is given to fill in this envelope and `parts`: it points to both, for as long as they stay where they are.
    fn header(&mut self, parts: &mut [IoSliceMut<'_>]) -> libc::msghdr {
        // SAFETY: all of msghdr is integers and pointers, for which zero is a value. It is zeroed rather than written as a
        // literal because some targets have padding members that cannot be named.
        let mut header: libc::msghdr = unsafe { mem::zeroed() };
        header.msg_name = self.from.as_mut_ptr().cast();
        header.msg_namelen = SOCKADDR_BYTES;
        // The standard library documents `IoSliceMut` to have the layout of `iovec` on Unix.
        header.msg_iov = parts.as_mut_ptr().cast();
        header.msg_iovlen = parts.len() as _;
        header.msg_control = self.control.as_mut_ptr().cast();
        header.msg_controllen = CONTROL_BYTES as _;
        header
    }
}

/// Receives one datagram, filling `parts` one after the other; what does not fit them is dropped.
///
/// # Errors
/// Those of recvmsg(2); `WouldBlock` where none came in time.
pub(crate) fn receive(socket: BorrowedFd<'_>, parts: &mut [IoSliceMut<'_>], mode: Mode) -> io::Result<Received> {
    let mut envelope = Envelope::empty();
    let header = &mut envelope.header(parts);
    // SAFETY: recvmsg(2) writes at most `msg_namelen` bytes to `msg_name`, `iov_len` bytes to each of `msg_iovlen` buffers,
    // and `msg_controllen` bytes to `msg_control`. `Envelope::header` points them to itself and to `parts`, with their
    // lengths; both outlive the call, and nobody else uses them meanwhile.
    let bytes = unsafe { libc::recvmsg(socket.as_raw_fd(), header, mode.flags()) };
    let Ok(bytes) = usize::try_from(bytes) else {
        return Err(io::Error::last_os_error());
    };
    // SAFETY: the header is of `envelope`, which is still there, and was filled in just now.
    Ok(unsafe { understood(header, bytes) })
}

/// Receives as many datagrams as are there, one into each of `buffers`, of which [`MAX_TOGETHER`] are used at most; what does not
/// fit is dropped. Waits for the first one only, if at all. Says how many came, and what of each. Not for looking only: a peek
/// finds the same datagram again and again.
///
/// # Errors
/// Those of recvmmsg(2); `WouldBlock` where none came in time.
pub(crate) fn receive_several(
    socket: BorrowedFd<'_>,
    buffers: &mut [IoSliceMut<'_>],
    mode: Mode,
    mut each: impl FnMut(usize, Received),
) -> io::Result<usize> {
    let mut envelopes = [const { Envelope::empty() }; MAX_TOGETHER];
    // SAFETY: all of mmsghdr is integers and pointers, for which zero is a value.
    let mut headers: [libc::mmsghdr; MAX_TOGETHER] = unsafe { mem::zeroed() };
    let mut asked = 0;
    for ((header, envelope), buffer) in headers.iter_mut().zip(&mut envelopes).zip(buffers.chunks_mut(1)) {
        header.msg_hdr = envelope.header(buffer);
        asked += 1;
    }
    // Unsigned with musl.
    let flags = (mode.flags() | libc::MSG_WAITFORONE) as _;
    // SAFETY: as for recvmsg in `receive`, for each of the first `asked` headers, of which there are MAX_TOGETHER at most.
    let came = unsafe { libc::recvmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), asked, flags, std::ptr::null_mut()) };
    let Ok(came) = usize::try_from(came) else {
        return Err(io::Error::last_os_error());
    };
    for (index, header) in headers.iter().take(came).enumerate() {
        let bytes = usize::try_from(header.msg_len).unwrap_or_default();
        // SAFETY: the header is of one of `envelopes`, which are still there, and was filled in just now.
        each(index, unsafe { understood(&header.msg_hdr, bytes) });
    }
    Ok(came)
}

/// What a datagram that was received says of itself.
///
/// # Safety
/// The header is one that [`Envelope::header`] made and the kernel filled in, and its envelope is still where it was.
unsafe fn understood(header: &libc::msghdr, bytes: usize) -> Received {
    // SAFETY: `msg_name` points to the envelope's sockaddr_in, which was zeroed, and every byte pattern is a valid one.
    let from = unsafe { header.msg_name.cast::<libc::sockaddr_in>().read() };
    let mut received = Received {
        bytes,
        from: (header.msg_namelen == SOCKADDR_BYTES && libc::c_int::from(from.sin_family) == libc::AF_INET).then(
            || SocketAddrV4::new(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr)), u16::from_be(from.sin_port)),
        ),
        receive_time_ns: None,
        drops: None,
        datagram_bytes: None,
    };
    // SAFETY: `header` describes the control buffer as the kernel left it: `msg_control` points to it and `msg_controllen`
    // is what was written. CMSG_FIRSTHDR and CMSG_NXTHDR of cmsg(3) return null or a pointer to a whole cmsghdr within it;
    // the buffer is aligned for one. They derive from the pointer to the whole buffer and stay raw, so reading behind a
    // header is within what they may reach. CMSG_DATA may be unaligned for its content, hence the unaligned reads, each of a
    // type whose size `cmsg_len` was checked to hold.
    unsafe {
        let mut message = libc::CMSG_FIRSTHDR(header);
        while !message.is_null() {
            let control = message.read();
            let data = libc::CMSG_DATA(message);
            let holds = |bytes: u32| control.cmsg_len >= libc::CMSG_LEN(bytes) as _;
            if control.cmsg_level == libc::SOL_SOCKET {
                if control.cmsg_type == libc::SCM_TIMESTAMPNS && holds(TIMESPEC_BYTES) {
                    let time = data.cast::<libc::timespec>().read_unaligned();
                    received.receive_time_ns = nanoseconds(time);
                } else if control.cmsg_type == libc::SO_RXQ_OVFL && holds(U32_BYTES) {
                    received.drops = Some(data.cast::<u32>().read_unaligned());
                }
            } else if control.cmsg_level == libc::SOL_UDP && control.cmsg_type == libc::UDP_GRO && holds(INT_BYTES) {
                received.datagram_bytes = usize::try_from(data.cast::<libc::c_int>().read_unaligned()).ok();
            }
            message = libc::CMSG_NXTHDR(header, message);
        }
    }
    received
}

/// Sends `parts`, one after the other, as one datagram on a connected socket.
///
/// # Errors
/// Those of sendmsg(2).
pub(crate) fn send(socket: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> io::Result<()> {
    // SAFETY: as in `receive`, zero is a value of msghdr; null for name and control means there are none.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    // sendmsg only reads through the pointer; `IoSlice` has the layout of `iovec` on Unix, as the standard library documents.
    header.msg_iov = parts.as_ptr().cast_mut().cast();
    header.msg_iovlen = parts.len() as _;
    send_message(socket, &header)
}

/// One sendmsg, again where a signal interrupts it. `header` describes buffers that its maker borrows until this returns.
fn send_message(socket: BorrowedFd<'_>, header: &libc::msghdr) -> io::Result<()> {
    loop {
        // SAFETY: sendmsg(2) reads `iov_len` bytes from each of `msg_iovlen` buffers and `msg_controllen` bytes of control.
        // Both callers are in this file: they point at slices they borrow and at a control buffer they own, with their
        // lengths, or leave it null, and both outlive the call.
        let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), header, libc::MSG_NOSIGNAL) };
        if sent >= 0 {
            // A datagram is sent whole or not at all.
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Sends `datagrams`, which lie one after the other and are `datagram_bytes` long each, on a connected socket. The kernel cuts
/// them apart (`UDP_SEGMENT`).
///
/// # Errors
/// Those of sendmsg(2); also where the kernel or the interface cannot do this.
pub(crate) fn send_batch(socket: BorrowedFd<'_>, datagrams: &[u8], datagram_bytes: u16) -> io::Result<()> {
    let mut control = ControlBuffer([0; CONTROL_BYTES]);
    let part = IoSlice::new(datagrams);
    // SAFETY: as in `receive`, zero is a value of msghdr.
    let mut header: libc::msghdr = unsafe { mem::zeroed() };
    header.msg_iov = (&raw const part).cast_mut().cast();
    header.msg_iovlen = 1;
    header.msg_control = control.0.as_mut_ptr().cast();
    // SAFETY: CMSG_SPACE of cmsg(3) only computes.
    header.msg_controllen = unsafe { libc::CMSG_SPACE(U16_BYTES) } as _;
    // SAFETY: the control buffer has room for CMSG_SPACE(2), which is 24, and is aligned for a cmsghdr, so CMSG_FIRSTHDR
    // gives a pointer into it that may be written through; CMSG_DATA behind it has room for two bytes, written unaligned.
    unsafe {
        let message = libc::CMSG_FIRSTHDR(&raw const header);
        if !message.is_null() {
            (*message).cmsg_level = libc::SOL_UDP;
            (*message).cmsg_type = libc::UDP_SEGMENT;
            (*message).cmsg_len = libc::CMSG_LEN(U16_BYTES) as _;
            libc::CMSG_DATA(message).cast::<u16>().write_unaligned(datagram_bytes);
        }
    }
    send_message(socket, &header)
}

/// Asks the kernel to report with each datagram when it came and how many were dropped before it.
///
/// # Errors
/// Those of setsockopt(2).
pub(crate) fn report_times_and_drops(socket: BorrowedFd<'_>) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, 1)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, 1)
}

/// Lets the kernel hand over datagrams of equal length together, or no more. A kernel that cannot hands them over one by one,
/// which is as good but slower.
pub(crate) fn set_batches(socket: BorrowedFd<'_>, on: bool) {
    if let Err(error) = set_option(socket, libc::SOL_UDP, libc::UDP_GRO, on.into()) {
        tracing::debug!(%error, "no UDP_GRO");
    }
}

fn set_option(socket: BorrowedFd<'_>, level: libc::c_int, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    // SAFETY: setsockopt(2) reads `INT_BYTES` bytes from the pointer, which is to an integer of that size.
    let result = unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), INT_BYTES) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn nanoseconds(time: libc::timespec) -> Option<u64> {
    let seconds = u64::try_from(time.tv_sec).ok()?;
    let nanoseconds = u64::try_from(time.tv_nsec).ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

/// Aligned as cmsghdr demands.
#[repr(C, align(8))]
struct ControlBuffer([u8; CONTROL_BYTES]);

/// How many datagrams are received at once: more would save little, and touch more memory than the nearest cache has.
pub(crate) const MAX_TOGETHER: usize = 8;

/// Room for a timestamp, a drop count and a length, each with its header: 32, 24 and 24 bytes on 64-bit Linux.
const CONTROL_BYTES: usize = 96;
const SOCKADDR_BYTES: libc::socklen_t = small(size_of::<libc::sockaddr_in>());
const INT_BYTES: libc::socklen_t = small(size_of::<libc::c_int>());
const TIMESPEC_BYTES: u32 = small(size_of::<libc::timespec>());
const U32_BYTES: u32 = small(size_of::<u32>());
const U16_BYTES: u32 = small(size_of::<u16>());

/// A size as the system calls want it.
const fn small(bytes: usize) -> u32 {
    assert!(bytes < 1024);
    #[expect(clippy::cast_possible_truncation, reason = "checked just above")]
    {
        bytes as u32
    }
}
