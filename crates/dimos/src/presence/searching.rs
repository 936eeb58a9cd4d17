//! Questions for those who are not known yet, repeated until somebody answers or it is plain that nobody will.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::agenda::Agenda;
use super::heard::Target;
use super::limits::{MAX_SEARCHES, MAX_UNKNOWN_ASKS, UNKNOWN_ASKS_PER_SECOND};
use super::timing::{
    NAME_SEARCH_CALLS, NAME_SEARCH_GAP_MAX, SEARCH_CALLS, SEARCH_GAP, SURVEY_CALLS, SURVEY_GAP, SURVEY_MANY,
    SURVEY_WINDOWS,
};
use crate::name::Name;
use crate::node::NodeId;

/// The questions that are open.
#[derive(Debug)]
pub(super) struct Searching {
    agenda: Agenda<Target>,
    calls: BTreeMap<Target, u32>,
    survey: Option<Survey>,
    /// How many unknown processes may be asked for at once.
    allowance: u32,
    allowed: Instant,
}

/// A question to all, whose answers come for a while.
#[derive(Debug)]
struct Survey {
    calls: u32,
    windows: u32,
    /// Whether anybody answered in this window, and whether anybody new did.
    was_answered: bool,
    has_learned: bool,
    /// Whether anybody answered at all.
    has_answers: bool,
}

impl Searching {
    pub(super) const fn new(now: Instant) -> Self {
        Self { agenda: Agenda::new(), calls: BTreeMap::new(), survey: None, allowance: MAX_UNKNOWN_ASKS, allowed: now }
    }

    /// Begins to ask. For a name or a process that is being asked for already it does nothing.
    pub(super) fn start(&mut self, now: Instant, target: Target) {
        if target == Target::All {
            let (calls, windows) = (0, 0);
            let (was_answered, has_learned, has_answers) = (false, false, false);
            self.survey = Some(Survey { calls, windows, was_answered, has_learned, has_answers });
            self.agenda.set(target, now);
        } else if !self.calls.contains_key(&target) {
            self.calls.insert(target.clone(), 0);
            self.agenda.set(target, now);
        }
    }

    /// Begins to ask for a process of which a beat was heard, unless there are too many. Anybody can forge beats.
    pub(super) fn start_unknown(&mut self, now: Instant, node: NodeId) -> bool {
        let gap = Duration::from_secs(1) / UNKNOWN_ASKS_PER_SECOND;
        while self.allowance < MAX_UNKNOWN_ASKS && now.saturating_duration_since(self.allowed) >= gap {
            self.allowance += 1;
            self.allowed += gap;
        }
        let target = Target::Node(node);
        // During a survey it may answer yet. If not, its next beat will be heard.
        if self.survey.is_some() || self.calls.contains_key(&target) {
            return true;
        }
        if self.allowance == 0 || self.calls.len() >= MAX_SEARCHES {
            return false;
        }
        if self.allowance == MAX_UNKNOWN_ASKS {
            self.allowed = now;
        }
        self.allowance -= 1;
        self.start(now, target);
        true
    }

    /// A process said who it is: one that was not known before, or that was.
    pub(super) fn heard(&mut self, node: NodeId, owned: Option<&Name>, is_new: bool) {
        if let Some(survey) = &mut self.survey {
            (survey.was_answered, survey.has_answers) = (true, true);
            survey.has_learned |= is_new;
        }
        if !self.calls.is_empty() {
            self.end(&Target::Node(node));
            if let Some(name) = owned {
                self.end(&Target::Owner(name.clone()));
            }
        }
    }

    pub(super) const fn is_surveying(&self) -> bool {
        self.survey.is_some()
    }

    pub(super) fn is_finding(&self, name: &Name) -> bool {
        self.calls.contains_key(&Target::Owner(name.clone()))
    }

    /// Whether there is a survey, or a search for a name. Searches for processes that beat do not count: anybody can forge those.
    pub(super) fn is_open(&self) -> bool {
        self.survey.is_some() || self.calls.keys().any(|target| matches!(target, Target::Owner(_)))
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.agenda.next()
    }

    /// The next question that is due. `is_sparing` tells that those who are missed will be heard anyway, so that many need not
    /// all be asked twice.
    pub(super) fn take_due(&mut self, now: Instant, known: usize, is_sparing: bool) -> Option<Target> {
        loop {
            let target = self.agenda.take_due(now)?;
            if target == Target::All {
                if self.survey_goes_on(now, is_sparing && known > SURVEY_MANY) {
                    return Some(target);
                }
                continue;
            }
            let Some(calls) = self.calls.get_mut(&target) else { continue };
            let (most_calls, longest_gap) = match target {
                Target::Owner(_) => (NAME_SEARCH_CALLS, NAME_SEARCH_GAP_MAX),
                Target::All | Target::Node(_) => (SEARCH_CALLS, Duration::MAX),
            };
            if *calls == most_calls {
                self.calls.remove(&target);
                continue;
            }
            let gap = (SEARCH_GAP * (1 << (*calls).min(8))).min(longest_gap);
            *calls += 1;
            self.agenda.set(target.clone(), now + gap);
            return Some(target);
        }
    }

    /// At the end of each window of a survey: whether to ask once more. While answers come it waits. It ends when a question has
    /// brought nobody new.
    fn survey_goes_on(&mut self, now: Instant, is_sparing: bool) -> bool {
        let Some(survey) = &mut self.survey else { return false };
        survey.windows += 1;
        let was_answered = std::mem::take(&mut survey.was_answered);
        let is_first = survey.calls == 0;
        if !is_first && was_answered && survey.windows < SURVEY_WINDOWS {
            self.agenda.set(Target::All, now + SURVEY_GAP);
            return false;
        }
        let has_learned = std::mem::take(&mut survey.has_learned);
        let is_over = survey.calls >= SURVEY_CALLS
            || survey.windows >= SURVEY_WINDOWS
            || survey.has_answers && (is_sparing || !has_learned);
        if !is_first && is_over {
            self.survey = None;
            return false;
        }
        survey.calls += 1;
        self.agenda.set(Target::All, now + SURVEY_GAP);
        true
    }

    fn end(&mut self, target: &Target) {
        if self.calls.remove(target).is_some() {
            self.agenda.remove(target);
        }
    }
}
