//! The program `dimos-lcm-spy`: from the command line to the exit code. What it does is the library's; errors look as those of `dimos` do.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use clap::{ColorChoice, Parser};
use dimos::exit;
use dimos_lcm_spy::{Options, Session, SpyError, run};
use lcm::Url;
use serde_json::json;

#[derive(Debug, Parser)]
#[command(name = "dimos-lcm-spy", version)]
struct Spy {
    #[command(flatten)]
    options: Options,
    /// The bus, such as udpm://239.255.76.67:7667?ttl=1; without it the one that LCM_DEFAULT_URL names.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    bus: Option<Url>,
    /// Prints JSON once, on stdout; errors are JSON on stderr.
    #[arg(long = "json")]
    is_json: bool,
    /// Whether what people read is coloured: auto, always or never; auto: on terminals, unless NO_COLOR is set.
    #[arg(long = "color", value_name = "WHEN", value_enum, default_value_t, hide_possible_values = true)]
    colour: ColorChoice,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let (is_json, colour, outcome) = match Spy::try_parse_from(&arguments) {
        Ok(Spy { options, bus, is_json, colour }) => {
            let is_coloured = shows_on(colour, &stdout());
            let outcome = resolve(bus).and_then(|url| run(&options, &Session { url, is_json, is_coloured }));
            (is_json, colour, outcome)
        }
        // Help and version are what was asked for, and go to stdout.
        Err(error) if !error.use_stderr() => {
            // Whoever reads stdout may have had enough.
            let _ = error.print();
            return ExitCode::from(exit::OK);
        }
        Err(error) => (asks_for_json(&arguments), ColorChoice::Auto, Err(wrong_usage(&error))),
    };
    match outcome {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            if error.is_told() {
                let text = if is_json { as_json(&error) } else { as_text(&error, shows_on(colour, &stderr())) };
                // There is nobody left to tell if it fails.
                let _ = writeln!(stderr(), "{text}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn resolve(bus: Option<Url>) -> Result<Url, SpyError> {
    match bus {
        Some(url) => Ok(url),
        None => Url::resolve("").map_err(|error| SpyError::Usage(format!("{}: {error}", lcm::DEFAULT_URL_VARIABLE))),
    }
}

/// What clap says has its own layout.
fn wrong_usage(error: &clap::Error) -> SpyError {
    let text = error.render().to_string();
    SpyError::Usage(text.trim_start_matches("error: ").trim_end().to_owned())
}

/// Of a command line that is wrong: whoever reads the error expects it as he would have any other.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

fn as_json(error: &SpyError) -> String {
    let (code, message, exit_code) = (error.code(), error.to_string(), error.exit_code());
    json!({ "error": { "code": code, "message": message, "exit_code": exit_code } }).to_string()
}

fn as_text(error: &SpyError, is_coloured: bool) -> String {
    let code = match error.code() {
        "error" => String::new(),
        code => format!("[{code}]"),
    };
    let (red, end) = if is_coloured { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    format!("{red}error{code}{end}: {error}")
}

fn shows_on(colour: ColorChoice, stream: &impl IsTerminal) -> bool {
    match colour {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_wrong_command_line_is_an_object_where_json_was_asked_for_and_a_line_with_its_code_elsewhere() {
        let arguments = ["dimos-lcm-spy", "--foo", "--json"].map(OsString::from);
        let error = wrong_usage(&Spy::try_parse_from(&arguments).unwrap_err());
        assert!(asks_for_json(&arguments) && !asks_for_json(&arguments[..2]));
        let object: Value = serde_json::from_str(&as_json(&error)).unwrap();
        assert_eq!((&object["error"]["code"], &object["error"]["exit_code"]), (&json!("usage"), &json!(2)));
        let message = object["error"]["message"].as_str().unwrap();
        assert!(message.starts_with("unexpected argument '--foo' found"), "{message}");
        assert_eq!(as_text(&error, false), format!("error[usage]: {message}"));
        assert!(as_text(&error, true).starts_with("\x1b[1;31merror[usage]\x1b[0m: "));
        assert!(as_text(&SpyError::ReaderGone, false).starts_with("error: a part of the program"));
    }

    #[test]
    fn colours_are_chosen_as_with_dimos() {
        let colour = |word: &str| Spy::try_parse_from(["dimos-lcm-spy", "--color", word]).map(|spy| spy.colour);
        assert!(shows_on(colour("always").unwrap(), &stdout()) && !shows_on(colour("never").unwrap(), &stdout()));
        assert!(colour("purple").is_err());
        assert_eq!(Spy::try_parse_from(["dimos-lcm-spy"]).unwrap().colour, ColorChoice::Auto);
    }
}
