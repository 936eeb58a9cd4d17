//! What waits for the module's thread: messages by port, each with its own policy, and calls.

use std::collections::VecDeque;

use lcm::Sample;

use crate::rpc::IncomingCall;

/// All that waits, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    ports: Vec<Waiting>,
    calls: VecDeque<(u64, IncomingCall)>,
    /// Counts what came.
    next: u64,
}

/// The messages of a port that wait.
#[derive(Debug)]
struct Waiting {
    keep_last: usize,
    samples: VecDeque<(u64, Sample)>,
}

/// The next thing to do.
#[derive(Debug)]
pub(super) enum Work {
    /// A message for the handler of a port.
    Sample { port: usize, sample: Sample },
    /// A call.
    Call(IncomingCall),
}

impl Inbox {
    /// A further port, which keeps so many messages at most. Returns its number.
    pub(super) fn add_port(&mut self, keep_last: usize) -> usize {
        self.ports.push(Waiting { keep_last: keep_last.max(1), samples: VecDeque::new() });
        self.ports.len() - 1
    }

    /// Takes in a message. If there are too many of this port, the oldest goes; tells how many did.
    pub(super) fn push(&mut self, port: usize, sample: Sample) -> u64 {
        self.next += 1;
        let Some(waiting) = self.ports.get_mut(port) else { return 1 };
        waiting.samples.push_back((self.next, sample));
        let mut dropped = 0;
        while waiting.samples.len() > waiting.keep_last {
            waiting.samples.pop_front();
            dropped += 1;
        }
        dropped
    }

    /// Takes in a call. How many may wait is the callee's business.
    pub(super) fn push_call(&mut self, call: IncomingCall) {
        self.next += 1;
        self.calls.push_back((self.next, call));
    }

    /// What came first of all that waits.
    pub(super) fn pop(&mut self) -> Option<Work> {
        let ports = self.ports.iter().enumerate();
        let oldest = ports.filter_map(|(port, waiting)| Some((waiting.samples.front()?.0, port))).min();
        let call = self.calls.front().map(|(number, _)| *number);
        match (oldest, call) {
            (Some((number, port)), call) if call.is_none_or(|call| number < call) => {
                let (_, sample) = self.ports.get_mut(port)?.samples.pop_front()?;
                Some(Work::Sample { port, sample })
            }
            _ => self.calls.pop_front().map(|(_, call)| Work::Call(call)),
        }
    }
}

impl Inbox {
    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.ports.iter().all(|waiting| waiting.samples.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Which message of which port came when.
    fn numbered(number: usize) -> Sample {
        let bus = lcm::memory::MemoryBus::new(0);
        let mut member = bus.join();
        member.publisher().publish("N", &number.to_be_bytes()).unwrap();
        member.receive(None).unwrap().unwrap().clone()
    }

    fn number(sample: &Sample) -> usize {
        usize::from_be_bytes(sample.payload()[..].try_into().unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_port_keeps_its_newest_and_all_comes_in_order(pushes in proptest::collection::vec(0_usize..3, 0..60)) {
            let limits = [1, 4, 100];
            let mut inbox = Inbox::default();
            for limit in limits {
                inbox.add_port(limit);
            }
            let mut dropped = 0;
            for (count, &port) in pushes.iter().enumerate() {
                dropped += inbox.push(port, numbered(count));
            }
            let mut seen = Vec::new();
            while let Some(Work::Sample { port, sample }) = inbox.pop() {
                seen.push((number(&sample), port));
            }
            prop_assert!(inbox.pop().is_none());
            prop_assert!(seen.is_sorted());
            prop_assert_eq!(seen.len() as u64 + dropped, pushes.len() as u64);
            for (port, limit) in limits.into_iter().enumerate() {
                let of_port = pushes.iter().enumerate().filter(|(_, pushed)| **pushed == port).map(|(count, _)| count);
                let all: Vec<_> = of_port.collect();
                let kept: Vec<_> = seen.iter().filter(|(_, seen)| *seen == port).map(|(count, _)| *count).collect();
                prop_assert_eq!(&kept[..], &all[all.len().saturating_sub(limit)..]);
            }
        }
    }
}
