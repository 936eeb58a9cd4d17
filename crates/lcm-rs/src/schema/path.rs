//! Parts of a value by path: `pose.position.x`, `poses[3].header.frame_id`, `K[4]`.

use std::borrow::Cow;

use super::value::Value;

/// Why a value has no part at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A struct has no such member.
    #[error("{} has no member `{member}`, only {}", shown(at), listed(known))]
    NoMember {
        /// The path of the struct; empty for the whole.
        at: String,
        /// The member that was asked for.
        member: String,
        /// The members that there are.
        known: Vec<String>,
    },
    /// An array has no such element.
    #[error("{at} has {length} elements, [{index}] is not one of them")]
    NoElement {
        /// The path of the array.
        at: String,
        /// The index that was asked for.
        index: usize,
        /// The length of the array.
        length: usize,
    },
    /// A member was asked for of what is no struct.
    #[error("{} is {found}: it has no member `{member}`", shown(at))]
    NoStruct {
        /// The path of the value.
        at: String,
        /// What it is.
        found: String,
        /// The member that was asked for.
        member: String,
    },
    /// An element was asked for of what is no array.
    #[error("{} is {found}, not an array", shown(at))]
    NoArray {
        /// The path of the value.
        at: String,
        /// What it is.
        found: String,
    },
    /// The path is not written as one.
    #[error("`{path}` is not a path such as poses[3].position.x: see its byte {offset}")]
    Syntax {
        /// The path.
        path: String,
        /// Where reading it failed.
        offset: usize,
    },
}

enum Step<'p> {
    Member(&'p str),
    Element(usize),
}

impl<'a> Value<'a> {
    /// The part at `path`: names of members with dots between them, and indices in brackets, which count from 0. The empty path
    /// is the whole. Elements of [`Value::Numbers`] are single numbers.
    ///
    /// # Errors
    /// If the path is malformed, or leads to nothing: then the error says how far it leads, and what there is.
    pub fn at(&self, path: &str) -> Result<Cow<'_, Self>, PathError> {
        let mut value = Cow::Borrowed(self);
        let mut offset = 0;
        while offset < path.len() {
            let at = &path[..offset];
            let (step, length) = next_step(&path[offset..], offset == 0)
                .map_err(|wrong| PathError::Syntax { path: path.to_owned(), offset: offset + wrong })?;
            value = match value {
                Cow::Borrowed(value) => value.step(step, at)?,
                // A single number of an array.
                Cow::Owned(value) => Cow::Owned(value.step(step, at)?.into_owned()),
            };
            offset += length;
        }
        Ok(value)
    }

    fn step(&self, step: Step<'_>, at: &str) -> Result<Cow<'_, Self>, PathError> {
        let at = || at.to_owned();
        let found = || self.describe();
        match (step, self) {
            (Step::Member(member), Self::Struct(members)) => match self.member(member) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => {
                    let known = members.iter().map(|(name, _)| (*name).to_owned()).collect();
                    Err(PathError::NoMember { at: at(), member: member.to_owned(), known })
                }
            },
            (Step::Member(member), _) => {
                Err(PathError::NoStruct { at: at(), found: found(), member: member.to_owned() })
            }
            (Step::Element(index), Self::Array(items)) => match items.get(index) {
                Some(item) => Ok(Cow::Borrowed(item)),
                None => Err(PathError::NoElement { at: at(), index, length: items.len() }),
            },
            (Step::Element(index), Self::Numbers(numbers)) => match numbers.get(index) {
                Some(number) => Ok(Cow::Owned(number)),
                None => Err(PathError::NoElement { at: at(), index, length: numbers.len() }),
            },
            (Step::Element(_), _) => Err(PathError::NoArray { at: at(), found: found() }),
        }
    }
}

/// The first step of `path` and its length in bytes, or where it is wrong.
fn next_step(path: &str, is_first: bool) -> Result<(Step<'_>, usize), usize> {
    if let Some(inside) = path.strip_prefix('[') {
        let digits = inside.find(']').ok_or(path.len())?;
        let index = &inside[..digits];
        let is_number = index.bytes().all(|byte| byte.is_ascii_digit());
        return match index.parse() {
            Ok(index) if is_number => Ok((Step::Element(index), digits + 2)),
            _ => Err(1),
        };
    }
    let dot = usize::from(!is_first);
    let name = if is_first { path } else { path.strip_prefix('.').ok_or(0_usize)? };
    let length = name.find(['.', '[', ']']).unwrap_or(name.len());
    if length == 0 {
        return Err(dot);
    }
    Ok((Step::Member(&name[..length]), dot + length))
}

fn shown(at: &str) -> &str {
    if at.is_empty() { "the message" } else { at }
}

fn listed(known: &[String]) -> String {
    if known.is_empty() {
        return "nothing".to_owned();
    }
    known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
