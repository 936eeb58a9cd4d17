//! `dimos graph`: who speaks to whom, drawn.
//!
//! [`model`] is the graph itself; [`launched`] makes it of launch files, [`live`] of what runs. How it is drawn stands in a file for each form.

mod model;

mod launched;
mod live;

mod dot;
mod html;
mod mermaid;
mod svg;
mod text;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use dimos::Name;

use crate::context::Context;
use crate::duration::span;
use crate::failure::Failure;
use crate::output::Output;
use crate::run::LaunchOptions;
use model::Graph;

/// Draws the graph of modules: who publishes what, who subscribes to it, who calls whom.
///
/// Of launch files, which starts nothing and needs no bus; or, without any, of what is on the bus, with the rates measured meanwhile. Streams that
/// nobody publishes, no module subscribes to, or on which nothing came are marked as dead: they are what one looks for when a robot stands still.
/// Programs that do not say what they do, such as those in other languages, are shown by their addresses if they publish, and as their launch file
/// declares; whether they subscribe to something nobody can know.
///
/// Forms: text; dot for Graphviz; mermaid for Markdown; svg and html, which need nothing else; json. Without --format that of the ending of --output,
/// or text.
///
/// Examples:
///   dimos graph launch/sim.toml
///   dimos graph --for 5s --output graph.html
///   dimos graph launch/sim.toml --format dot | dot -Tpdf > graph.pdf
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Launch files, and values for their arguments; without them, what is on the bus.
    #[arg(value_name = "FILE|ARGUMENT=VALUE")]
    what: Vec<String>,
    /// Goes before all names and topics of launch files, such as robot0.
    #[arg(long, value_name = "NAMESPACE", requires = "what")]
    namespace: Option<Name>,
    /// How long rates are measured on the bus.
    #[arg(long = "for", value_name = "DURATION", value_parser = span, default_value = "2s", conflicts_with = "what")]
    duration: Duration,
    /// Shows the channels of the mesh itself, too: claims, beats, calls.
    #[arg(long, conflicts_with = "what")]
    all: bool,
    /// How it is drawn.
    #[arg(long, value_name = "FORM", value_enum)]
    format: Option<Format>,
    /// Writes it to this file.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Dot,
    Mermaid,
    Svg,
    Html,
    Json,
}

pub(crate) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let format = format(options, context)?;
    let graph = if options.what.is_empty() {
        live::graph(options.duration, options.all, context)?
    } else {
        let launch = LaunchOptions::of(options.what.clone(), Vec::new(), options.namespace.clone());
        launched::graph(&launch, context)?
    };
    let drawn = draw(&graph, format)?;
    match &options.output {
        Some(path) => {
            let written = std::fs::write(path, format!("{drawn}\n"));
            written.map_err(|error| Failure::unexpected(format_args!("cannot write {}: {error}", path.display())))
        }
        None => {
            let mut output = Output::new();
            output.line(&drawn)?;
            output.flush()
        }
    }
}

fn format(options: &Options, context: &Context) -> Result<Format, Failure> {
    let of_ending = options.output.as_deref().and_then(format_of_ending);
    match (options.format, context.is_json) {
        (None, true) if of_ending.is_some_and(|format| format != Format::Json) => {
            Err(Failure::usage("--json, and the ending of --output says otherwise: give one of them"))
        }
        (Some(Format::Json) | None, true) => Ok(Format::Json),
        (Some(_), true) => Err(Failure::usage("--json is --format json: give one of them")),
        (Some(format), false) => Ok(format),
        (None, false) => match (&options.output, of_ending) {
            (_, Some(format)) => Ok(format),
            (None, None) => Ok(Format::Text),
            (Some(path), None) => {
                let message = "its ending says no form: expected .txt, .dot, .mmd, .svg, .html or .json, or --format";
                Err(Failure::usage(message).within(path.display()))
            }
        },
    }
}

fn format_of_ending(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "txt" => Some(Format::Text),
        "dot" | "gv" => Some(Format::Dot),
        "mmd" | "mermaid" => Some(Format::Mermaid),
        "svg" => Some(Format::Svg),
        "html" => Some(Format::Html),
        "json" => Some(Format::Json),
        _ => None,
    }
}

/// The graph in a form, without an end of line.
fn draw(graph: &Graph, format: Format) -> Result<String, Failure> {
    Ok(match format {
        Format::Text => text::draw(graph),
        Format::Dot => dot::draw(graph),
        Format::Mermaid => mermaid::draw(graph),
        Format::Svg => svg::draw(graph).map_err(Failure::unexpected)?,
        Format::Html => html::draw(graph),
        Format::Json => {
            serde_json::to_string(graph).map_err(|error| Failure::unexpected(format_args!("as JSON: {error}")))?
        }
    }
    .trim_end()
    .to_owned())
}
