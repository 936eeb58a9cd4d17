//! The workers with a socket and nothing else: what the kernel takes, below which no LCM can be.
//!
//! The sockets are those of LCM: one bound to the group's port, which hears everything that is sent on this host, one's own
//! messages included, and one connected to the group. A message is as many datagrams as it needs, each beginning with
//! a [`Stamp`] inside the payload. Receiving puts a message together by putting datagrams one behind the other; a missing one
//! loses the message.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::Result;
use socket2::{Domain, Protocol, Socket, Type};

use super::receiving::{Tally, obey};
use super::{Job, Role, sending};

pub(super) fn run(job: &Job) -> Result<()> {
    match job.role {
        Role::Echo => echo(job),
        Role::Ping => ping(job),
        Role::Count => count(job),
        Role::Send => send(job),
    }
}

fn echo(job: &Job) -> Result<()> {
    let sender = sender()?;
    let mut receiver = Receiver::open(job)?;
    let tally = Tally::new(job.bytes);
    obey(&tally)?;
    loop {
        if let Some((stamp, message)) = receiver.receive()?
            && stamp.channel == hash("PING")
        {
            // A pinger counts the answers that do not come.
            let _ = send_message(&sender, stamp.number, "PONG", message);
            tally.count(stamp.number, message.len());
        }
    }
}

fn count(job: &Job) -> Result<()> {
    let mut receiver = Receiver::open(job)?;
    let tally = Tally::new(job.bytes);
    let channel = hash(&job.channel);
    obey(&tally)?;
    loop {
        if let Some((stamp, message)) = receiver.receive()?
            && stamp.channel == channel
        {
            tally.count(stamp.number, message.len());
        }
    }
}

fn ping(job: &Job) -> Result<()> {
    let sender = sender()?;
    let mut receiver = Receiver::open(job)?;
    let timeout = (job.timeout_ms > 0).then(|| Duration::from_millis(job.timeout_ms.into()));
    receiver.socket.set_read_timeout(timeout)?;
    let pong = hash("PONG");
    sending::ping(job, |number, payload| {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        send_message(&sender, number, "PING", payload)?;
        loop {
            if let Some((stamp, _)) = receiver.receive()?
                && stamp.channel == pong
                && stamp.number == number
            {
                return Ok(true);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(false);
            }
        }
    })
}

fn send(job: &Job) -> Result<()> {
    let sender = sender()?;
    sending::send(job, |number, channel, payload| send_message(&sender, number, channel, payload).is_ok())
}

/// What every datagram begins with. It lies in the payload, so that a message has the size it would have with LCM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    number: u64,
    channel: u32,
    message_bytes: u32,
}

impl Stamp {
    const BYTES: usize = 16;

    fn write(self, datagram: &mut [u8]) {
        if let Some(start) = datagram.first_chunk_mut::<{ Self::BYTES }>() {
            start[..8].copy_from_slice(&self.number.to_le_bytes());
            start[8..12].copy_from_slice(&self.channel.to_le_bytes());
            start[12..].copy_from_slice(&self.message_bytes.to_le_bytes());
        }
    }

    fn read(datagram: &[u8]) -> Option<Self> {
        let (number, rest) = datagram.split_first_chunk()?;
        let (channel, rest) = rest.split_first_chunk()?;
        let message_bytes = rest.first_chunk()?;
        Some(Self {
            number: u64::from_le_bytes(*number),
            channel: u32::from_le_bytes(*channel),
            message_bytes: u32::from_le_bytes(*message_bytes),
        })
    }
}

fn sender() -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_multicast_ttl_v4(0)?;
    socket.connect(GROUP)?;
    Ok(socket)
}

fn send_message(socket: &UdpSocket, number: u64, channel: &str, message: &mut [u8]) -> Result<()> {
    let stamp = Stamp { number, channel: hash(channel), message_bytes: u32::try_from(message.len())? };
    // Of equal size, so that none is too short for its stamp.
    let datagrams = message.len().div_ceil(MAX_DATAGRAM_BYTES).max(1);
    for datagram in message.chunks_mut(message.len().div_ceil(datagrams).max(1)) {
        stamp.write(datagram);
        socket.send(datagram)?;
    }
    Ok(())
}

struct Receiver {
    socket: UdpSocket,
    buffer: Vec<u8>,
    /// The message of which the beginning is in the buffer, and how long that is.
    partial: Option<(Stamp, usize)>,
}

impl Receiver {
    fn open(job: &Job) -> io::Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_reuse_address(true)?;
        if let Some(bytes) = job.recv_buf_size {
            socket.set_recv_buffer_size(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        }
        socket.bind(&GROUP.into())?;
        socket.join_multicast_v4(GROUP.ip(), &Ipv4Addr::UNSPECIFIED)?;
        let message_bytes = usize::try_from(job.bytes).unwrap_or(usize::MAX);
        Ok(Self { socket: socket.into(), buffer: vec![0; message_bytes + (1 << 16)], partial: None })
    }

    /// Receives one datagram; returns a message when that completes it.
    fn receive(&mut self) -> io::Result<Option<(Stamp, &mut [u8])>> {
        let filled = self.partial.map_or(0, |(_, filled)| filled);
        let bytes = match self.socket.recv(&mut self.buffer[filled..]) {
            Ok(bytes) => bytes,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(stamp) = Stamp::read(&self.buffer[filled..filled + bytes]) else { return Ok(None) };
        let filled = match self.partial {
            Some((partial, filled)) if partial == stamp => filled + bytes,
            _ => {
                // What was begun is lost; the datagram begins something else.
                self.buffer.copy_within(filled..filled + bytes, 0);
                bytes
            }
        };
        let message_bytes = usize::try_from(stamp.message_bytes).unwrap_or(usize::MAX);
        if filled < message_bytes && filled + MAX_DATAGRAM_BYTES <= self.buffer.len() {
            self.partial = Some((stamp, filled));
            return Ok(None);
        }
        self.partial = None;
        Ok(Some((stamp, &mut self.buffer[..filled])))
    }
}

/// Tells channels apart, by FNV-1a.
fn hash(channel: &str) -> u32 {
    channel.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(239, 255, 76, 67), 7667);

const MAX_DATAGRAM_BYTES: usize = 65507;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_as_it_was_written() {
        let stamp = Stamp { number: 7, channel: hash("PING"), message_bytes: 64 };
        let mut datagram = [0; 64];
        stamp.write(&mut datagram);
        assert_eq!(Stamp::read(&datagram), Some(stamp));
        assert_eq!(Stamp::read(&datagram[..15]), None);
    }
}
