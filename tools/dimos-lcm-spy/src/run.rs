//! The whole program: reads the bus, and shows it on the terminal, or prints what it is asked for.

use std::io::{Write, stderr, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lcm::{FileMode, FileUrl, Url};

use crate::error::SpyError;
use crate::options::Options;
use crate::reading::Reading;
use crate::{headless, screen};

/// What a run is about beside its own options.
#[derive(Debug, Clone)]
pub struct Session {
    /// The bus.
    pub url: Url,
    /// Whether JSON is printed.
    pub is_json: bool,
    /// Whether colours are shown on the terminal.
    pub is_coloured: bool,
}

/// Runs the spy to its end. It takes the signals of [`dimos::exit::signals`] in hand.
///
/// # Errors
/// Why it did not end well; see [`SpyError::exit_code`].
pub fn run(options: &Options, session: &Session) -> Result<(), SpyError> {
    if session.is_json && options.is_csv {
        return Err(SpyError::Usage("--json and --csv exclude each other: choose one".to_owned()));
    }
    refuse_to_write(&session.url)?;
    let catalog = lcm_types::catalog_with(&options.idl).map_err(|error| SpyError::Usage(error.to_string()))?;
    let catalog = Arc::new(catalog);
    let interrupt = Arc::new(AtomicBool::new(false));
    for signal in dimos::exit::signals() {
        // The second one ends the process at once. This is looked at before the flag is set.
        let registered = signal_hook::flag::register_conditional_default(signal, Arc::clone(&interrupt))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&interrupt)));
        registered.map_err(|source| SpyError::System { what: "cannot watch signals", source })?;
    }
    let is_interrupted = || interrupt.load(Ordering::Relaxed);
    let reading = Reading::start(&session.url, Arc::clone(&catalog), options.channels.clone())?;
    if !options.takes_the_screen(session.is_json) {
        let mut output = std::io::BufWriter::new(stdout().lock());
        let outcome = headless::run(&reading, options, session, &mut output, &is_interrupted);
        let flushed = output.flush().map_err(SpyError::writing);
        return outcome.and(flushed);
    }
    let outcome = screen::run(&reading, options, session, &catalog, &is_interrupted);
    // What is recorded is written to its end; who does not want to wait for that sends a signal.
    interrupt.store(true, Ordering::Relaxed);
    let Some(recording) = reading.finish() else { return outcome };
    match (outcome, recording.is_whole()) {
        (Ok(()), false) => Err(SpyError::Recording(recording.summary())),
        (outcome, _) => {
            // The terminal may be gone.
            let _ = writeln!(stderr(), "{}", recording.summary());
            outcome
        }
    }
}

/// Opening such a log makes the file, or empties it.
fn refuse_to_write(url: &Url) -> Result<(), SpyError> {
    let Url::File(FileUrl { path, mode: mode @ (FileMode::Write | FileMode::Append), .. }) = url else { return Ok(()) };
    let letter = if *mode == FileMode::Write { 'w' } else { 'a' };
    Err(SpyError::Usage(format!(
        "nothing can be read from an event log that is being written: without mode={letter} {} is read",
        path.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_to_be_written_is_refused_before_it_is_made() {
        let path = std::env::temp_dir().join(format!("spy-run-{}.lcmlog", std::process::id()));
        let options = Options {
            channels: Vec::new(),
            duration: None,
            is_csv: false,
            every: std::time::Duration::from_secs(1),
            all: false,
            idl: Vec::new(),
        };
        for mode in ['w', 'a'] {
            let url = format!("file://{}?mode={mode}", path.display()).parse().unwrap();
            let error = run(&options, &Session { url, is_json: true, is_coloured: false }).unwrap_err();
            assert_eq!(error.exit_code(), dimos::exit::USAGE);
            let expected = format!("that is being written: without mode={mode} {} is read", path.display());
            assert!(error.to_string().ends_with(&expected), "{error}");
            assert!(!path.exists());
        }
    }
}
