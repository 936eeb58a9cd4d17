//! Any text is a URL or an error, and a URL that is shown again reads as itself.
//!
//! What each option accepts is left to the tests beside the parser.

#![no_main]
#![forbid(unsafe_code)]

use lcm::Url;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    match text.parse::<Url>() {
        Ok(url) => assert_eq!(url.to_string().parse().as_ref(), Ok(&url), "{text:?} is shown as {url}"),
        // An error has something to say, whatever the text.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
