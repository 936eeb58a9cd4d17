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
    let (a, b) = (a.to_ascii_lowercase().into_bytes(), b.to_ascii_lowercase().into_bytes());
    let limit = a.len().max(b.len()) / 3;
    if a.len().max(b.len()) > MAX_COMPARED_BYTES || a.len().abs_diff(b.len()) > limit {
        return None;
    }
    Some(edits(&a, &b)).filter(|&edits| edits <= limit).map(|edits| edits + 1)
}

/// How many bytes have to be inserted, deleted, changed or swapped with the next to make one of the other: the distance of
/// Damerau and Levenshtein, with no byte touched twice.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let change = last[j] + usize::from(a[i] != b[j]);
            let mut fewest = change.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                fewest = fewest.min(before_last[j - 1] + 1);
            }
            row.push(fewest);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
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

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits(b"kitten", b"sitting"), 3);
        assert_eq!(edits(b"", b"abc"), 3);
        assert_eq!(edits(b"abc", b""), 3);
        assert_eq!(edits(b"abc", b"abc"), 0);
        assert_eq!(edits(b"lidra", b"lidar"), 1);
        assert_eq!(edits(b"abcd", b"badc"), 2);
    }
}
