//! What somebody meant who mistyped a name.

/// `; did you mean X?`, or nothing.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    closest(name, candidates).map(|meant| format!("; did you mean {meant}?")).unwrap_or_default()
}

/// The candidate that was probably meant: the one that ends as the name does, behind a namespace, or else the one with the fewest
/// differences, if those are few for its length.
pub(crate) fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_NAME_BYTES)
        .filter_map(|candidate| Some((differences(&lower, &candidate.to_lowercase())?, candidate)))
        .min_by_key(|&(differences, _)| differences)
        .map(|(_, candidate)| candidate)
}

/// How many there are, if they are few.
fn differences(name: &str, candidate: &str) -> Option<usize> {
    let bare = name.trim_start_matches('/');
    if !bare.is_empty() && candidate.strip_suffix(bare).is_some_and(|namespace| namespace.ends_with('/')) {
        return Some(0);
    }
    let longer = name.chars().count().max(candidate.chars().count());
    let tolerated = (longer / 3).max(1).min(longer.saturating_sub(1));
    Some(strsim::damerau_levenshtein(name, candidate)).filter(|&differences| differences <= tolerated)
}

/// Longer names are not compared: the comparison takes the product of both lengths.
const MAX_NAME_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_or_a_namespace_left_out_is_recognised_and_a_different_word_is_not() {
        let names = ["planner", "robot0/camera", "/scan"];
        assert_eq!(closest("plannar", names), Some("planner"));
        assert_eq!(closest("camera", names), Some("robot0/camera"));
        assert_eq!(closest("scan", names), Some("/scan"));
        assert_eq!(closest("velocity", names), None);
        assert_eq!(closest("", names), None);
        assert_eq!(closest(&"x".repeat(100_000), names), None);
    }
}
