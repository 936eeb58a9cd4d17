//! What the macros write names nothing but `dimos` and the standard library, so that a module needs no crate for their sake.

use std::fs;
use std::path::Path;

#[test]
fn the_paths_that_macros_write_begin_with_dimos_or_the_standard_library() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = 0;
    for file in fs::read_dir(sources).expect("the sources are there") {
        let file = file.expect("a file").path();
        let source = fs::read_to_string(&file).expect("it is text");
        for (at, _) in source.match_indices("::") {
            // The paths of the macros' own code begin with a name.
            let is_inner = |c: char| c.is_alphanumeric() || matches!(c, '_' | '>' | ':' | ')');
            if source[..at].ends_with(is_inner) {
                continue;
            }
            let path = &source[at..];
            let is_good = ["::dimos", "::core::", "::std::"].iter().any(|root| path.starts_with(root));
            assert!(is_good, "{}: {:?}", file.display(), path.lines().next());
            paths += 1;
        }
    }
    assert!(paths > 40, "{paths} paths were found");
}
