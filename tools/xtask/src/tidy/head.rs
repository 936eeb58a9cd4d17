//! Every Rust file says first what it owns.

use super::Finding;

pub(super) fn check(path: &str, text: &str) -> Option<Finding> {
    let missing = !text.starts_with("//! ");
    missing.then(|| {
        Finding::new(
            path,
            1,
            "no head: begin with `//! ` and a sentence on what the file owns and what it leaves to others",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_head_is_found() {
        assert!(check("a.rs", "use std::fmt;\n").is_some());
        assert!(check("a.rs", "\n//! Late.\n").is_some());
        assert!(check("a.rs", "//!\n").is_some());
        assert!(check("a.rs", "").is_some());
    }

    #[test]
    fn a_file_with_a_head_passes() {
        assert_eq!(check("a.rs", "//! Owns nothing.\n"), None);
    }
}
