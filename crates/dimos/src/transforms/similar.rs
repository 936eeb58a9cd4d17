//! Which known name somebody may have meant.

/// The name that is most like `meant`, if one is like it at all: the same but for the case of letters, for a namespace, or for
/// few letters. Of equals the first in the alphabet.
pub(super) fn most_similar<'a>(meant: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let rated = names.filter_map(|name| Some((difference(meant, name)?, name)));
    rated.min().map(|(_, name)| name)
}

/// How much two names differ; none if it is too much for a slip.
fn difference(a: &str, b: &str) -> Option<usize> {
    if a.eq_ignore_ascii_case(b) {
        return Some(0);
    }
    let last = |name: &str| name.rsplit('/').next().map(str::to_owned);
    if a.contains('/') != b.contains('/') && last(a) == last(b) {
        return Some(1);
    }
    let (a, b) = (a.to_ascii_lowercase(), b.to_ascii_lowercase());
    let limit = a.len().max(b.len()) / 3;
    if a.len().max(b.len()) > MAX_COMPARED_BYTES || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    Some(strsim::osa_distance(&a, &b)).filter(|&edits| edits <= limit).map(|edits| edits + 1)
}

/// Longer names are compared as a whole only: the work grows with the square.
const MAX_COMPARED_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through_and_other_names_are_not_offered() {
        let names = ["base_link", "camera_optical", "robot0/imu", "odom"];
        let found = |meant| most_similar(meant, names.into_iter());
        assert_eq!(found("base_lnik"), Some("base_link"));
        assert_eq!(found("baselink"), Some("base_link"));
        assert_eq!(found("Base_Link"), Some("base_link"));
        assert_eq!(found("imu"), Some("robot0/imu"));
        assert_eq!(found("robot1/odom"), Some("odom"));
        assert_eq!(found("gripper"), None);
        assert_eq!(found("map"), None);
    }
}
