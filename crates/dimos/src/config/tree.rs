//! A value with the source of each of its parts.

use std::collections::BTreeMap;

use serde_json::Value;

use super::place::Place;
use super::source::Source;
use crate::json_schema::{Path, Step, Type};

/// A value with the source of each of its parts. Arrays are parts as a whole.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    /// What it is.
    pub(super) content: Content,
    /// Who had the last word on it; of an object, who had a word last.
    pub(super) source: Source,
}

/// What a tree is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Anything but an object.
    Leaf(Value),
    /// An object.
    Object(BTreeMap<String, Tree>),
}

impl Tree {
    /// A value all of whose parts have the same source.
    pub(super) fn new(value: Value, source: &Source) -> Self {
        let content = match value {
            Value::Object(members) => {
                Content::Object(members.into_iter().map(|(key, member)| (key, Self::new(member, source))).collect())
            }
            other => Content::Leaf(other),
        };
        Self { content, source: source.clone() }
    }

    /// A value at a key, and the objects around it.
    pub(super) fn at(key: &[String], value: Value, source: &Source) -> Self {
        key.iter().rev().fold(Self::new(value, source), |inner, key| Self {
            content: Content::Object(BTreeMap::from([(key.clone(), inner)])),
            source: source.clone(),
        })
    }

    /// Lays a stronger layer over this one.
    pub(super) fn lay_over(&mut self, stronger: Self, place: Option<&Place<'_>>) {
        let Content::Object(members) = &mut self.content else { return *self = stronger };
        match stronger.content {
            Content::Object(others) => {
                let is_complete = |place: &Place<'_>| place.is_one_of_several_kinds(|| object(&others));
                if place.is_some_and(is_complete) {
                    *members = others;
                } else {
                    for (key, other) in others {
                        let below = place.and_then(|place| place.member(&key));
                        match members.get_mut(&key) {
                            Some(member) => member.lay_over(other, below.as_ref()),
                            None => drop(members.insert(key, other)),
                        }
                    }
                }
                self.source = stronger.source;
            }
            leaf @ Content::Leaf(_) => *self = Self { content: leaf, source: stronger.source },
        }
    }

    /// The value without the sources.
    pub(super) fn value(&self) -> Value {
        match &self.content {
            Content::Leaf(value) => value.clone(),
            Content::Object(members) => object(members),
        }
    }

    /// Who had the last word on a part, or on what is around it if it is not there.
    pub(super) fn source_at(&self, path: &Path) -> &Source {
        let mut tree = self;
        for step in &path.0 {
            match (&tree.content, step) {
                (Content::Object(members), Step::Key(key)) if members.contains_key(key) => tree = &members[key],
                _ => break,
            }
        }
        &tree.source
    }

    /// Visits all leaves and all empty objects, in the order of their keys.
    pub(super) fn visit<'a>(&'a self, path: &Path, visitor: &mut impl FnMut(&Path, &'a Self)) {
        match &self.content {
            Content::Object(members) if !members.is_empty() => {
                members.iter().for_each(|(key, member)| member.visit(&path.key(key), visitor));
            }
            _ => visitor(path, self),
        }
    }
}

/// Removes keys that the configuration does not have, and names them.
pub(super) fn remove_unknown(value: &mut Value, place: &Place<'_>, path: &Path, note: &mut impl FnMut(&Path, String)) {
    match value {
        Value::Object(members) => members.retain(|key, member| match place.member(key) {
            Some(below) => {
                remove_unknown(member, &below, &path.key(key), note);
                true
            }
            // Where no object belongs, it is the object that is wrong.
            None if !place.takes(Type::Object) => true,
            None => {
                note(&path.key(key), place.no_such_key(key));
                false
            }
        }),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let mut path = path.clone();
                path.0.push(Step::Index(index));
                remove_unknown(item, &place.element(index), &path, note);
            }
        }
        _ => {}
    }
}

fn object(members: &BTreeMap<String, Tree>) -> Value {
    Value::Object(members.iter().map(|(key, member)| (key.clone(), member.value())).collect())
}
