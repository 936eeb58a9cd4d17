//! What a reader passed over: how much in all, and where the first gaps are.

/// A part of a log that belongs to no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// Where it begins, counted from the beginning of the log.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// How much of a log belongs to no event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skipped {
    /// In how many places.
    pub gaps: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

/// Counts gaps and remembers the first.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    skipped: Skipped,
    first: Vec<Gap>,
    /// Where the last gap ends: what begins there continues it.
    end: Option<u64>,
}

impl Gaps {
    pub(super) fn add(&mut self, offset: u64, bytes: usize) {
        let bytes = bytes as u64;
        let continues = self.end == Some(offset);
        if !continues {
            self.skipped.gaps += 1;
            if self.first.len() < MAX_LISTED {
                self.first.push(Gap { offset, bytes });
            }
        } else if let Some(last) = self.first.last_mut()
            && last.offset + last.bytes == offset
        {
            last.bytes += bytes;
        }
        self.skipped.bytes += bytes;
        self.end = Some(offset + bytes);
    }

    pub(super) fn skipped(&self) -> Skipped {
        self.skipped
    }

    pub(super) fn first(&self) -> &[Gap] {
        &self.first
    }
}

const MAX_LISTED: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_that_touch_are_one_gap() {
        let mut gaps = Gaps::default();
        for (offset, bytes) in [(10, 5), (15, 1), (20, 4)] {
            gaps.add(offset, bytes);
        }
        assert_eq!(gaps.skipped(), Skipped { gaps: 2, bytes: 10 });
        assert_eq!(gaps.first(), [Gap { offset: 10, bytes: 6 }, Gap { offset: 20, bytes: 4 }]);
    }

    #[test]
    fn the_list_of_gaps_is_bounded_and_the_count_goes_on() {
        let mut gaps = Gaps::default();
        for offset in 0..5000 {
            gaps.add(2 * offset, 1);
        }
        assert_eq!((gaps.first().len(), gaps.skipped().gaps), (MAX_LISTED, 5000));
    }
}
