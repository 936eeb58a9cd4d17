//! What goes to stdout: lines, one at a time, from whichever thread; and the answers, which a batch collects first.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded, select};
use serde_json::Value;

use super::protocol::{self, Refusal};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::Output;

/// The way to stdout. Whoever says something waits until there is room for it: who reads slowly makes others wait, and nothing piles
/// up.
#[derive(Debug, Clone)]
pub(super) struct Outbox(Sender<Said>);

#[derive(Debug)]
enum Said {
    Line(String),
    /// Nothing is said any more.
    End,
}

/// Where the answer to one request goes. Dropped without one, it tells that.
#[derive(Debug)]
pub(super) struct Answer {
    /// Without one nobody wants it.
    id: Option<Value>,
    outbox: Outbox,
    batch: Option<(Arc<Batch>, usize)>,
    is_given: bool,
}

/// The answers to the requests of one line.
#[derive(Debug)]
struct Batch {
    answers: Mutex<Answers>,
    /// Closed when they are on their way.
    sent: Receiver<Infallible>,
}

#[derive(Debug)]
struct Answers {
    /// In the order of the requests.
    given: Vec<Option<Value>>,
    missing: usize,
    sending: Option<Sender<Infallible>>,
}

impl Outbox {
    /// Begins to write. What comes back is why that ended, if it is not by [`Outbox::end`].
    pub(super) fn start() -> anyhow::Result<(Self, Receiver<Result<(), Failure>>)> {
        let (sender, said) = bounded(WAITING);
        let (ended, end) = bounded(1);
        let write = move || {
            // Nobody may wait for it any more.
            let _ = ended.send(write(&said));
        };
        std::thread::Builder::new().name("dimos-stdout".to_owned()).spawn(write)?;
        Ok((Self(sender), end))
    }

    /// Says a line. If nobody reads any more, it is lost.
    pub(super) fn say(&self, line: String) {
        let _ = self.0.send(Said::Line(line));
    }

    /// The same, unless the interrupt comes while there is no room.
    pub(super) fn say_unless(&self, line: String, interrupt: &Interrupt) {
        select! {
            send(self.0, Said::Line(line)) -> _ => {}
            recv(interrupt.receiver()) -> _ => {}
        }
    }

    /// Ends, after what was said before.
    pub(super) fn end(&self) {
        let _ = self.0.send(Said::End);
    }

    /// For the answer to the only request of a line.
    pub(super) fn answer(&self, id: Option<Value>) -> Answer {
        Answer { id, outbox: self.clone(), batch: None, is_given: false }
    }

    /// For the answers to the requests of a line.
    pub(super) fn answers(&self, ids: impl ExactSizeIterator<Item = Option<Value>>) -> Vec<Answer> {
        let (sending, sent) = bounded(0);
        let missing = ids.len();
        let answers = Answers { given: vec![None; missing], missing, sending: Some(sending) };
        let batch = Arc::new(Batch { answers: Mutex::new(answers), sent });
        let answer = |(place, id)| Answer {
            id,
            outbox: self.clone(),
            batch: Some((Arc::clone(&batch), place)),
            is_given: false,
        };
        ids.enumerate().map(answer).collect()
    }
}

impl Answer {
    /// Whether anybody wants it.
    pub(super) fn is_wanted(&self) -> bool {
        self.id.is_some()
    }

    /// Gives it.
    pub(super) fn give(mut self, outcome: Result<Value, Refusal>) {
        self.give_once(outcome);
    }

    /// Gives it, and waits until it is on its way, as it is in a batch when all others are given, too; unless the interrupt comes.
    pub(super) fn give_and_wait(mut self, outcome: Result<Value, Refusal>, interrupt: &Interrupt) {
        self.give_once(outcome);
        if let Some((batch, _)) = &self.batch {
            select! {
                recv(batch.sent) -> _ => {}
                recv(interrupt.receiver()) -> _ => {}
            }
        }
    }

    fn give_once(&mut self, outcome: Result<Value, Refusal>) {
        if std::mem::replace(&mut self.is_given, true) {
            return;
        }
        let answer = self.id.as_ref().map(|id| protocol::answer(id, outcome));
        match (&self.batch, answer) {
            (None, None) => {}
            (None, Some(answer)) => self.outbox.say(answer.to_string()),
            (Some((batch, place)), answer) => batch.take(*place, answer, &self.outbox),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.give_once(Err(Refusal::Internal("the request was given up")));
    }
}

impl Batch {
    fn take(&self, place: usize, answer: Option<Value>, outbox: &Outbox) {
        let complete = {
            let mut answers = self.answers();
            answers.given[place] = answer;
            answers.missing -= 1;
            if answers.missing > 0 {
                return;
            }
            std::mem::take(&mut answers.given)
        };
        let complete: Vec<_> = complete.into_iter().flatten().collect();
        if !complete.is_empty() {
            outbox.say(Value::Array(complete).to_string());
        }
        self.answers().sending = None;
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write(said: &Receiver<Said>) -> Result<(), Failure> {
    let mut output = Output::new();
    loop {
        if said.is_empty() {
            output.flush()?;
        }
        match said.recv() {
            Ok(Said::Line(line)) => output.line(&line)?,
            Ok(Said::End) | Err(_) => return output.flush(),
        }
    }
}

/// Lines, of whatever length, that wait to be written.
const WAITING: usize = 4;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outbox() -> (Outbox, Receiver<Said>) {
        let (sender, said) = bounded(10);
        (Outbox(sender), said)
    }

    fn next(said: &Receiver<Said>) -> Option<Value> {
        match said.try_recv() {
            Ok(Said::Line(line)) => Some(serde_json::from_str(&line).unwrap()),
            _ => None,
        }
    }

    #[test]
    fn a_batch_is_answered_in_its_order_when_all_is_done_and_without_those_that_nobody_wants() {
        let (outbox, said) = outbox();
        let ids = [Some(json!(1)), None, Some(json!(2))];
        let [first, unwanted, last] = <[Answer; 3]>::try_from(outbox.answers(ids.into_iter())).unwrap();
        last.give(Ok(json!("last")));
        unwanted.give(Ok(json!("unwanted")));
        assert_eq!(next(&said), None);
        first.give(Ok(json!("first")));
        let answers = next(&said).unwrap();
        assert_eq!(answers[0]["result"], "first");
        assert_eq!((&answers[1]["result"], answers.as_array().unwrap().len()), (&json!("last"), 2));
        outbox.answers([None].into_iter()).remove(0).give(Ok(json!(1)));
        assert_eq!(next(&said), None);
    }

    #[test]
    fn a_request_that_is_given_up_is_answered_with_an_error() {
        let (outbox, said) = outbox();
        drop(outbox.answer(Some(json!("a"))));
        assert_eq!(next(&said).unwrap()["error"]["code"], -32603);
        drop(outbox.answer(None));
        assert_eq!(next(&said), None);
    }
}
