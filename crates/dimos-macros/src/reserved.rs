//! Names that users give to what is seen outside: ports and methods, and which of them are taken.

use syn::{Error, Ident, LitStr, Result};

/// Refuses a port whose name is an option of every module: `./mapper --name front` could not be told from a port.
pub(crate) fn check_port(name: &Ident) -> Result<()> {
    let option = plain(name).replace('_', "-");
    if !OPTIONS.contains(&option.as_str()) {
        return Ok(());
    }
    let message =
        format!("`--{option}` is an option of every module, so no port can have this name; choose another one");
    Err(Error::new(name.span(), message))
}

/// Refuses a method that every module has already, and names that are none.
pub(crate) fn check_method(name: &LitStr) -> Result<()> {
    let text = name.value();
    if let Some((method, what)) = BUILT_IN.iter().find(|(method, _)| text == *method) {
        let message = format!("every module has a method `{method}`, which tells {what}; choose another name");
        return Err(Error::new(name.span(), message));
    }
    let is_good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.is_empty() || text.len() > MAX_METHOD_BYTES || !text.chars().all(is_good) {
        let message = format!(
            "a method's name is 1 to {MAX_METHOD_BYTES} letters, digits, `_`, `-` and `.`; give it one with \
             `#[rpc(name = \"...\")]`"
        );
        return Err(Error::new(name.span(), message));
    }
    Ok(())
}

/// A name as it is outside of Rust: `type` for `r#type`.
pub(crate) fn plain(name: &Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// The options of every module's command line.
const OPTIONS: &[&str] = &[
    "config",
    "config-file",
    "describe",
    "exit-on-panic",
    "help",
    "log",
    "name",
    "namespace",
    "reference",
    "remap",
    "show-config",
    "simulated-time",
    "stdin",
    "version",
];

/// The methods that every module has, and what they tell.
const BUILT_IN: [(&str, &str); 2] = [("describe", "its contract"), ("about", "its version and its clock")];

/// Longer ones are no use to anybody.
const MAX_METHOD_BYTES: usize = 100;
