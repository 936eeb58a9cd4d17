//! What somebody meant who mistyped a name.

/// The candidate that was probably meant: the one with the fewest differences, if those are few for its length.
#[must_use]
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let lower = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= MAX_NAME_BYTES)
        .map(|candidate| (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|&(differences, candidate)| differences <= tolerated(&lower, candidate))
        .min_by_key(|&(differences, _)| differences)
        .map(|(_, candidate)| candidate)
}

/// A third of the longer one, and at least one; with nothing in common there is no guess.
fn tolerated(name: &str, candidate: &str) -> usize {
    let longer = name.chars().count().max(candidate.chars().count());
    (longer / 3).max(1).min(longer.saturating_sub(1))
}

/// Longer names are not compared: the comparison takes the product of both lengths.
const MAX_NAME_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::closest;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let keys = ["cell_m", "rate_hz", "frame"];
        assert_eq!(closest("cel_m", keys), Some("cell_m"));
        assert_eq!(closest("RATE_HZ", keys), Some("rate_hz"));
        assert_eq!(closest("farme", keys), Some("frame"));
        assert_eq!(closest("velocity", keys), None);
        assert_eq!(closest("", keys), None);
        assert_eq!(closest("x", ["y"]), None);
        assert_eq!(closest(&"x".repeat(1_000_000), keys), None);
    }
}
