//! Which key a variable of the environment means.

use super::place::Place;
use crate::json_schema::{closest, quoted};

/// The prefix of the variables of a module: `DIMOS_CONFIG__ROBOT0_CAMERA` for `robot0/camera`.
#[must_use]
pub fn environment_prefix(name: &str) -> String {
    format!("DIMOS_CONFIG__{}", spelled(name))
}

/// The key that a variable means, given what stands behind the prefix and its `__`.
///
/// # Errors
/// If it means none, or more than one: what to do.
pub(super) fn key(root: &Place<'_>, prefix: &str, rest: &str) -> Result<Vec<String>, String> {
    let mut found = Vec::new();
    find(root, rest, &mut Vec::new(), &mut found);
    match found.as_slice() {
        [_] => Ok(found.swap_remove(0)),
        [one, other, ..] => {
            Err(format!("means {} as well as {}: set it otherwise", quoted(&one.join(".")), quoted(&other.join("."))))
        }
        [] => {
            let mut known = Vec::new();
            list(root, String::new(), 0, &mut known);
            Err(match closest(rest, known.iter().map(String::as_str)) {
                Some(meant) => format!("no key is called so: did you mean {prefix}__{meant}?"),
                None => match known.iter().map(|name| format!("{prefix}__{name}")).collect::<Vec<_>>().as_slice() {
                    [] => "no key is called so: there are none".to_owned(),
                    names if names.len() <= MAX_LISTED => format!("no key is called so: there is {}", names.join(", ")),
                    names => format!(
                        "no key is called so: there is {} and {} more",
                        names[..MAX_LISTED].join(", "),
                        names.len() - MAX_LISTED
                    ),
                },
            })
        }
    }
}

/// Finds all keys that are spelled so.
fn find(place: &Place<'_>, rest: &str, above: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    if above.len() >= MAX_PARTS || found.len() > 1 {
        return;
    }
    let mut is_named = false;
    for key in place.keys() {
        let Some(behind) = rest.strip_prefix(&spelled(key)) else { continue };
        let Some(below) = place.member(key) else { continue };
        above.push(key.to_owned());
        if behind.is_empty() {
            is_named = true;
            found.push(above.clone());
        } else if let Some(deeper) = behind.strip_prefix(SEPARATOR) {
            is_named = true;
            find(&below, deeper, above, found);
        }
        above.pop();
    }
    // The keys of a map are known to nobody; lower case is the best guess.
    if !is_named && place.takes_other_keys() {
        let (key, deeper) = rest.split_once(SEPARATOR).unwrap_or((rest, ""));
        let key = key.to_lowercase();
        let Some(below) = place.member(&key).filter(|_| !key.is_empty()) else { return };
        above.push(key);
        if deeper.is_empty() {
            found.push(above.clone());
        } else {
            find(&below, deeper, above, found);
        }
        above.pop();
    }
}

/// Lists how all keys are spelled whose values are not just objects, as far as there is an end.
fn list(place: &Place<'_>, above: String, depth: usize, known: &mut Vec<String>) {
    for key in place.keys() {
        let name = format!("{above}{}", spelled(key));
        let Some(below) = place.member(key).filter(|_| known.len() < MAX_KNOWN) else { continue };
        if depth < 8 && !below.keys().is_empty() {
            list(&below, format!("{name}{SEPARATOR}"), depth + 1, known);
        } else {
            known.push(name);
        }
    }
}

fn spelled(key: &str) -> String {
    key.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

/// Between the parts of a key.
pub(super) const SEPARATOR: &str = "__";

/// How deep a key may be.
const MAX_PARTS: usize = 64;

/// How many keys a name is compared with.
const MAX_KNOWN: usize = 1000;

/// How many variables are listed.
const MAX_LISTED: usize = 8;
