//! The program `dimos-lcm-spy`: from the command line to the exit code. What it does is the library's.
#![forbid(unsafe_code)]

use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use dimos::exit;
use dimos_lcm_spy::{Options, Session, SpyError, run};
use lcm::Url;

#[derive(Debug, Parser)]
#[command(name = "dimos-lcm-spy", version)]
struct Spy {
    #[command(flatten)]
    options: Options,
    /// The bus, such as udpm://239.255.76.67:7667?ttl=1; without it the one that LCM_DEFAULT_URL names.
    #[arg(long, visible_alias = "url", value_name = "URL")]
    bus: Option<Url>,
    /// Prints JSON once, on stdout.
    #[arg(long = "json")]
    is_json: bool,
}

fn main() -> ExitCode {
    let Spy { options, bus, is_json } = Spy::parse();
    let outcome = resolve(bus).and_then(|url| {
        let is_coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        run(&options, &Session { url, is_json, is_coloured })
    });
    match outcome {
        Ok(()) => ExitCode::from(exit::OK),
        Err(error) => {
            if error.is_told() {
                // There is nobody left to tell if it fails.
                let _ = writeln!(stderr(), "error: {error}");
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
