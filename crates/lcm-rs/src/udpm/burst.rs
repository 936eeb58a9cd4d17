//! Several datagrams received with one system call (`recvmmsg`), where many short ones come faster than they are taken.
//!
//! Each lies in a buffer of its own until its turn comes, so that a large message's fragments would have to be copied out of it,
//! where alone they land in their place: for a while after a fragment, and wherever one call brings one datagram, they are
//! received one by one.

use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::datagram::{self, MAX_TOGETHER, Mode, Received};
use crate::payload::SpareBuffers;

/// The datagrams of one call, and how many the next one asks for.
#[derive(Debug, Default)]
pub(super) struct Burst {
    /// Where they lie; made when so many are first asked for.
    buffers: Vec<Arc<Vec<u8>>>,
    /// What came into each.
    received: Vec<Received>,
    /// Which were not taken yet.
    waiting: Range<usize>,
    /// How many datagrams are worth asking for, by what the last calls brought.
    size: usize,
    /// How many datagrams are received alone before it is tried again whether more wait.
    alone: u32,
    /// How many datagrams were looked at since the last fragment.
    since_fragment: u32,
}

impl Burst {
    /// How many datagrams the next call had better ask for.
    pub(super) fn size(&self) -> usize {
        if self.since_fragment < FRAGMENTS_ARE_OVER { 1 } else { self.size.clamp(1, MAX_TOGETHER) }
    }

    /// A call that asked for so many brought so many: one that brought all might have brought more.
    pub(super) fn came(&mut self, asked: usize, came: usize) {
        match came {
            0 => {}
            // Who keeps up with what comes would ask in vain each time.
            1 if asked > 1 => (self.size, self.alone) = (1, ALONE),
            1 if self.alone > 0 => self.alone -= 1,
            _ if came == asked => self.size = (2 * asked).min(MAX_TOGETHER),
            _ => self.size = came,
        }
    }

    /// A datagram was looked at, and was a fragment of a large message or not.
    pub(super) fn note(&mut self, is_fragment: bool) {
        self.since_fragment = if is_fragment { 0 } else { self.since_fragment.saturating_add(1) };
    }

    /// One call for [`Burst::size`] datagrams, when none is waiting any more. Says how many the kernel had dropped before the last of
    /// them, where it says so.
    ///
    /// # Errors
    /// Those of [`datagram::receive_several`].
    pub(super) fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer_bytes: usize,
        spare: &mut SpareBuffers,
        mode: Mode,
    ) -> io::Result<Option<u32>> {
        let asked = self.size();
        if self.buffers.len() < asked {
            self.buffers.resize_with(asked, || Arc::new(vec![0; buffer_bytes]));
            self.received.resize_with(asked, Received::default);
        }
        let Self { buffers, received, .. } = self;
        let mut parts = std::array::from_fn::<_, MAX_TOGETHER, _>(|_| IoSliceMut::new(&mut []));
        for (part, buffer) in parts[..asked].iter_mut().zip(buffers) {
            *part = IoSliceMut::new(spare.writable(buffer));
        }
        let came = datagram::receive_several(socket, &mut parts[..asked], mode, |index, one| received[index] = one)?;
        self.waiting = 0..came;
        self.came(asked, came);
        Ok(came.checked_sub(1).and_then(|last| self.received[last].drops))
    }

    /// The next datagram, which then lies in `buffer`.
    pub(super) fn take(&mut self, buffer: &mut Arc<Vec<u8>>) -> Option<Received> {
        let index = self.waiting.next()?;
        std::mem::swap(&mut self.buffers[index], buffer);
        Some(std::mem::take(&mut self.received[index]))
    }
}

/// After so many datagrams that were none: an image now and then among many short messages is worth less than they are.
const FRAGMENTS_ARE_OVER: u32 = 64;

/// After a call that might have brought more.
const ALONE: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn after_short_datagrams() -> Burst {
        let mut burst = Burst::default();
        for _ in 0..FRAGMENTS_ARE_OVER {
            burst.note(false);
        }
        burst
    }

    #[test]
    fn calls_that_bring_all_that_they_ask_for_ask_for_more_and_others_for_what_there_was() {
        let mut burst = after_short_datagrams();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            sizes.push(burst.size());
            burst.came(burst.size(), burst.size());
        }
        assert_eq!(sizes, [1, 2, 4, 8, 8, 8]);
        burst.came(8, 3);
        assert_eq!(burst.size(), 3);
        burst.came(3, 0);
        assert_eq!(burst.size(), 3);
    }

    #[test]
    fn who_keeps_up_with_what_comes_seldom_asks_for_more() {
        let mut burst = after_short_datagrams();
        let mut asked = Vec::new();
        for _ in 0..100 {
            asked.push(burst.size());
            burst.came(burst.size(), 1);
        }
        assert_eq!(asked.iter().filter(|&&asked| asked > 1).count(), 6);
    }

    #[test]
    fn among_fragments_each_datagram_is_received_alone() {
        let mut burst = after_short_datagrams();
        burst.came(8, 8);
        burst.note(true);
        for _ in 0..FRAGMENTS_ARE_OVER {
            assert_eq!(burst.size(), 1);
            burst.came(1, 1);
            burst.note(false);
        }
        assert_eq!(burst.size(), 2);
    }
}
