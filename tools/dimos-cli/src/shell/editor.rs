//! The line that is typed: its completion, and the signature of the method that it calls.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use clap::CommandFactory;
use clap_complete::engine::{CompletionCandidate, complete};
use dimos::Dimos;
use rustyline::completion::{Completer, Pair};
use rustyline::highlight::Highlighter;
use rustyline::hint::{Hint, Hinter};
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::line::{called, typed};
use crate::command;
use crate::completions::with_live_values;
use crate::live::Live;

/// Knows what can be typed next.
pub(super) struct Words {
    mesh: Dimos,
    live: Arc<Live>,
    commands: Vec<String>,
    is_coloured: bool,
    /// The signatures of the methods of the modules that this line has named so far.
    signatures: RefCell<BTreeMap<String, BTreeMap<String, String>>>,
}

/// A signature behind the line, which is not taken over.
pub(super) struct Signature(String);

impl Words {
    pub(super) fn new(mesh: Dimos, live: Live, commands: Vec<String>, is_coloured: bool) -> Self {
        Self { mesh, live: Arc::new(live), commands, is_coloured, signatures: RefCell::default() }
    }

    /// A new line: modules may have changed.
    pub(super) fn forget(&self) {
        self.signatures.borrow_mut().clear();
    }

    fn candidates(&self, text: &str) -> Option<(usize, Vec<Pair>)> {
        let typed = typed(text, &self.commands)?;
        let mut words: Vec<_> = std::iter::once("dimos").map(OsString::from).collect();
        words.extend(typed.words.into_iter().map(OsString::from));
        words.push(typed.current.into());
        let mut tree = with_live_values(command::Dimos::command(), &self.live, &words);
        let (last, directory) = (words.len() - 1, std::env::current_dir().ok());
        let candidates = complete(&mut tree, words, last, directory.as_deref()).unwrap_or_default();
        let mut texts: Vec<_> = candidates.iter().map(text_of).collect();
        // Who wants options begins them.
        texts.retain(|text| !text.starts_with('-') || typed.current.starts_with('-'));
        if typed.is_first {
            texts.extend(self.live.methods(typed.current).into_iter().map(|found| found.text));
            texts.extend(["exit".to_owned()].into_iter().filter(|word| word.starts_with(typed.current)));
        }
        let pair = |text: String| {
            // More of the word is to come there.
            let end = if text.ends_with(['=', '/', '.']) { "" } else { " " };
            Pair { replacement: format!("{text}{end}"), display: text }
        };
        Some((typed.start, texts.into_iter().map(pair).collect()))
    }

    fn signature(&self, text: &str) -> Option<String> {
        let (module, method) = called(text)?;
        let mut signatures = self.signatures.borrow_mut();
        if !signatures.contains_key(module) {
            // Only what is known to be there is asked, so that it is there at once.
            let is_there = |name: &dimos::Name| name.as_str() == module;
            if !self.mesh.modules().iter().any(|one| one.name.as_ref().is_some_and(is_there)) {
                return None;
            }
            let methods = self.live.methods(&format!("{module}.")).into_iter();
            let known = methods.filter_map(|found| Some((found.text.rsplit_once('.')?.1.to_owned(), found.about?)));
            signatures.insert(module.to_owned(), known.collect());
        }
        signatures.get(module)?.get(method).cloned()
    }
}

impl Completer for Words {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _context: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        Ok(line.get(..pos).and_then(|text| self.candidates(text)).unwrap_or((pos, Vec::new())))
    }
}

impl Hinter for Words {
    type Hint = Signature;

    fn hint(&self, line: &str, pos: usize, _context: &Context<'_>) -> Option<Signature> {
        if pos < line.len() {
            return None;
        }
        self.signature(line).map(|signature| Signature(format!("   {signature}")))
    }
}

impl Hint for Signature {
    fn display(&self) -> &str {
        &self.0
    }

    fn completion(&self) -> Option<&str> {
        None
    }
}

impl Highlighter for Words {
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        match self.is_coloured {
            true => Cow::Owned(format!("\x1b[2m{hint}\x1b[0m")),
            false => Cow::Borrowed(hint),
        }
    }
}

impl Validator for Words {}

impl Helper for Words {}

fn text_of(candidate: &CompletionCandidate) -> String {
    candidate.get_value().to_string_lossy().into_owned()
}
