//! Runs a stock module, as `dimos module NAME` does: `cargo run -p stock-modules --example stock -- robot-sim --help`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments: Vec<_> = std::env::args_os().collect();
    let name = if arguments.len() > 1 { arguments.remove(1) } else { std::ffi::OsString::new() };
    stock_modules::run(&name.to_string_lossy(), arguments).unwrap_or_else(|| {
        let mut stderr = std::io::stderr();
        // It may be a pipe that nobody reads.
        let _ = writeln!(stderr, "usage: stock NAME [OPTION]...");
        for module in stock_modules::STOCK_MODULES {
            let _ = writeln!(stderr, "  {:<14} {}", module.name, module.doc);
        }
        ExitCode::from(dimos::exit::USAGE)
    })
}
