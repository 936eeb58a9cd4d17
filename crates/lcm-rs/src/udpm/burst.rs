//! Several datagrams received with one system call (`recvmmsg`), where many short ones come faster than they are taken.
//!
//! Each lies in a buffer of its own until its turn comes. A fragment of a large message has to be copied out of there, where
//! alone it lands in its place, and long datagrams gain nothing: for a while after either, and wherever one call brings one
//! datagram, they are received one by one.

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
    received: [Received; MAX_TOGETHER],
    /// Which were not taken yet.
    waiting: Range<usize>,
    /// How many datagrams are there to be had, by what the last calls brought.
    likely: usize,
    /// How many datagrams are received alone before it is tried again whether more wait.
    alone: u32,
    /// How many short datagrams in a row were looked at.
    short: u32,
}

impl Burst {
    /// How many datagrams the next call had better ask for.
    pub(super) fn worth_asking(&self) -> usize {
        if self.short < SHORT_ONES_RULE { 1 } else { self.likely.clamp(1, MAX_TOGETHER) }
    }

    /// Learns from a call that asked for so many and brought so many: one that brought all might have brought more.
    pub(super) fn adapt(&mut self, asked: usize, brought: usize) {
        match brought {
            0 => {}
            // Who keeps up with what comes would ask in vain each time.
            1 if asked > 1 => (self.likely, self.alone) = (1, ALONE),
            1 if self.alone > 0 => self.alone -= 1,
            _ if brought == asked => self.likely = (2 * asked).min(MAX_TOGETHER),
            _ => self.likely = brought,
        }
    }

    /// A datagram of so many bytes was looked at, and was a fragment of a large message or not.
    pub(super) fn looked_at(&mut self, bytes: usize, is_fragment: bool) {
        self.short = if is_fragment || bytes > SHORT_BYTES { 0 } else { self.short.saturating_add(1) };
    }

    /// One call for as many as are worth asking for, when none is waiting any more. Says how many the kernel had dropped before
    /// the last of them, where it says so.
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
        debug_assert!(self.waiting.is_empty(), "those that wait would be written over");
        let asked = self.worth_asking();
        if self.buffers.len() < asked {
            self.buffers.resize_with(asked, || Arc::new(vec![0; buffer_bytes]));
        }
        let Self { buffers, received, .. } = self;
        let mut writable = std::array::from_fn::<_, MAX_TOGETHER, _>(|_| IoSliceMut::new(&mut []));
        for (writable, buffer) in writable[..asked].iter_mut().zip(buffers) {
            *writable = IoSliceMut::new(spare.writable(buffer));
        }
        let each = |index: usize, one| received[index] = one;
        let brought = datagram::receive_several(socket, &mut writable[..asked], mode, each)?;
        self.waiting = 0..brought;
        self.adapt(asked, brought);
        Ok(brought.checked_sub(1).and_then(|last| self.received[last].drops))
    }

    /// The next datagram, which then lies in `buffer`.
    pub(super) fn take(&mut self, buffer: &mut Arc<Vec<u8>>) -> Option<Received> {
        let index = self.waiting.next()?;
        std::mem::swap(&mut self.buffers[index], buffer);
        Some(std::mem::take(&mut self.received[index]))
    }
}

/// From twice this on, several at once save nothing measurable: copying them out of the kernel costs more than the call.
const SHORT_BYTES: usize = 8 << 10;

/// After so many short datagrams in a row: an image now and then among many short messages is worth less than they are.
const SHORT_ONES_RULE: u32 = 256;

/// How many datagrams are received one by one after a call that asked for several and brought one.
const ALONE: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn after_short_datagrams() -> Burst {
        let mut burst = Burst::default();
        for _ in 0..SHORT_ONES_RULE {
            burst.looked_at(100, false);
        }
        burst
    }

    #[test]
    fn calls_that_bring_all_that_they_ask_for_ask_for_more_and_others_for_what_there_was() {
        let mut burst = after_short_datagrams();
        let mut sizes = Vec::new();
        for _ in 0..6 {
            sizes.push(burst.worth_asking());
            burst.adapt(burst.worth_asking(), burst.worth_asking());
        }
        assert_eq!(sizes, [1, 2, 4, 8, 8, 8]);
        burst.adapt(8, 3);
        assert_eq!(burst.worth_asking(), 3);
        burst.adapt(3, 0);
        assert_eq!(burst.worth_asking(), 3);
    }

    #[test]
    fn who_keeps_up_with_what_comes_seldom_asks_for_more() {
        let mut burst = after_short_datagrams();
        let mut asked = Vec::new();
        for _ in 0..100 {
            asked.push(burst.worth_asking());
            burst.adapt(burst.worth_asking(), 1);
        }
        assert_eq!(asked.iter().filter(|&&asked| asked > 1).count(), 6);
    }

    #[test]
    fn among_fragments_and_long_ones_each_datagram_is_received_alone() {
        for (bytes, is_fragment) in [(100, true), (SHORT_BYTES + 1, false)] {
            let mut burst = after_short_datagrams();
            burst.adapt(8, 8);
            burst.looked_at(bytes, is_fragment);
            for _ in 0..SHORT_ONES_RULE {
                assert_eq!(burst.worth_asking(), 1);
                burst.adapt(1, 1);
                burst.looked_at(100, false);
            }
            assert_eq!(burst.worth_asking(), 2);
        }
    }
}
