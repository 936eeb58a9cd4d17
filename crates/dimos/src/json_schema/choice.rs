//! Alternatives: which one holds, and if none does, which one was meant.

use serde_json::Value;

use super::MAX_VIOLATIONS;
use super::check::{At, Fault, FaultKind, Walk};
use super::closest::closest;
use super::node::{Node, NodeId};
use super::path::Step;
use super::words::{expectation, quoted, shown};

impl<'a> Walk<'a> {
    /// `anyOf`: at least one holds.
    pub(super) fn check_any_of(&mut self, node: &'a Node, value: &'a Value) -> bool {
        node.any_of.iter().any(|&id| self.accepts(id, value)) || self.explain(node, &node.any_of, value)
    }

    /// `oneOf`: exactly one holds.
    pub(super) fn check_one_of(&mut self, node: &'a Node, value: &'a Value) -> bool {
        let mut holding = node.one_of.iter().filter(|&&id| self.accepts(id, value));
        match (holding.next().copied(), holding.next().copied()) {
            (None, _) => self.explain(node, &node.one_of, value),
            (Some(_), None) => true,
            (Some(one), Some(other)) => {
                let in_words = |id: NodeId| expectation(self.nodes, id.of(self.nodes));
                let (one, other) = (in_words(one), in_words(other));
                self.fail(FaultKind::Other, || format!("is ambiguous: both {one} and {other}"))
            }
        }
    }

    /// Says why no alternative holds: the faults of the one that was meant if that can be told, what all expect otherwise.
    fn explain(&mut self, node: &'a Node, alternatives: &'a [NodeId], value: &'a Value) -> bool {
        if self.quiet {
            return false;
        }
        let noted = std::mem::take(&mut self.faults);
        let mut akin = Vec::new();
        for &id in alternatives {
            self.check(id, value);
            let faults = std::mem::take(&mut self.faults);
            if !faults.is_empty() && !faults.iter().any(|fault| self.is_of_another_kind(fault)) {
                akin.push((id, faults));
            }
        }
        self.faults = noted;
        // A wrong choice in a key, or a key that is missing, may tell that another alternative was meant, or be a mistake in this one.
        let telling: [&[FaultKind]; 3] = [&[FaultKind::Choice, FaultKind::Missing], &[FaultKind::Choice], &[]];
        let meant = telling.iter().find_map(|kinds| self.only_one_without(kinds, &akin)).cloned();
        match meant {
            Some(faults) => self.faults.extend(faults),
            None if self.fail_tag(&akin, value) => {}
            None => self.fail_alternatives(node, value),
        }
        self.faults.truncate(MAX_VIOLATIONS);
        false
    }

    /// Whether a fault shows that the value is nothing like this alternative.
    fn is_of_another_kind(&self, fault: &Fault) -> bool {
        fault.path.0.len() == self.path.len() && matches!(fault.kind, FaultKind::Type | FaultKind::Choice)
    }

    /// The faults of an alternative, if it is the only one without faults of such kinds in its keys.
    fn only_one_without<'b>(&self, kinds: &[FaultKind], akin: &'b [(NodeId, Vec<Fault>)]) -> Option<&'b Vec<Fault>> {
        let is_in_a_key = |fault: &Fault| fault.path.0.len() == self.path.len() + 1 && kinds.contains(&fault.kind);
        let mut without = akin.iter().filter(|(_, faults)| !faults.iter().any(is_in_a_key));
        let (_, faults) = without.next()?;
        without.next().is_none().then_some(faults)
    }

    /// If all alternatives know a key whose value none of them has: the tag by which they are told apart.
    fn fail_tag(&mut self, akin: &[(NodeId, Vec<Fault>)], value: &'a Value) -> bool {
        let [(_, faults), _, ..] = akin else { return false };
        let wrong = |fault: &&Fault| fault.path.0.len() == self.path.len() + 1 && fault.kind == FaultKind::Choice;
        let Some(Step::Key(tag)) = faults.iter().find(wrong).and_then(|fault| fault.path.0.last()) else {
            return false;
        };
        let Some((tag, found)) = value.as_object().and_then(|members| members.get_key_value(tag)) else { return false };
        let mut choices = Vec::new();
        for &(id, _) in akin {
            let Some(its_choices) = choices_of(self.nodes, id.of(self.nodes), tag, 0) else { return false };
            choices.extend_from_slice(its_choices);
        }
        self.path.push(At::Key(tag));
        self.fail_choice(&choices, found);
        self.path.pop();
        true
    }

    fn fail_alternatives(&mut self, node: &'a Node, value: &'a Value) {
        let nodes = self.nodes;
        self.fail(FaultKind::Type, || {
            let mut names = Vec::new();
            texts(nodes, node, 0, &mut names);
            let meant = value.as_str().and_then(|text| closest(text, names));
            let hint = meant.map(|meant| format!(": did you mean {}?", quoted(meant))).unwrap_or_default();
            format!("expected {}, found {}{hint}", expectation(nodes, node), shown(value))
        });
    }
}

/// What a key of an object may be, if it is one of a few.
fn choices_of<'a>(nodes: &'a [Node], node: &'a Node, key: &str, depth: usize) -> Option<&'a [Value]> {
    let own = node.object.as_ref().and_then(|rules| rules.properties.get(key)?.of(nodes).choices.as_deref());
    let deeper = || node.all_of.iter().find_map(|id| choices_of(nodes, id.of(nodes), key, depth + 1));
    own.or_else(|| if depth < 8 { deeper() } else { None })
}

/// The strings among the choices of all alternatives.
fn texts<'a>(nodes: &'a [Node], node: &'a Node, depth: usize, names: &mut Vec<&'a str>) {
    names.extend(node.choices.iter().flatten().filter_map(Value::as_str));
    if depth < 8 {
        for id in node.in_place() {
            texts(nodes, id.of(nodes), depth + 1, names);
        }
    }
}
