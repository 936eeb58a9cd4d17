//! Which channels of the bus, or of an event log, a command is about.

use clap::Args;
use lcm::Pattern;

use crate::failure::Failure;
use crate::topic::selection::Selection;

/// Which channels are meant: all if nothing is said.
#[derive(Debug, Clone, Args)]
pub(crate) struct Channels {
    /// Only these: a topic, /scan, of whatever type; a channel, /scan#sensor_msgs.LaserScan; or a glob, in which * stands for any
    /// characters and ? for one. May be given again.
    #[arg(short = 'c', long = "channel", value_name = "TOPIC|CHANNEL|GLOB", value_parser = Selection::new)]
    selections: Vec<Selection>,
    /// Only those whose whole name this regular expression matches, such as 'POSE|IMU[0-9]'. May be given again.
    #[arg(short = 'e', long = "regex", visible_alias = "regexp", value_name = "EXPR", value_parser = expression)]
    expressions: Vec<Pattern>,
    /// Everything but these.
    #[arg(long, visible_alias = "invert-channels")]
    invert: bool,
}

impl Channels {
    /// Those that are meant.
    pub(crate) fn pattern(&self) -> Result<Pattern, Failure> {
        let selections = self.selections.iter().map(Selection::exact_pattern);
        let patterns: Vec<_> = selections.chain(self.expressions.iter().cloned()).collect();
        match (patterns.is_empty(), self.invert) {
            (true, true) => {
                Err(Failure::usage("--invert says nothing without -c or -e: everything but which channels?"))
            }
            (true, false) => Ok(Pattern::any()),
            (false, false) => Ok(Pattern::any_of(patterns)),
            (false, true) => Ok(Pattern::none_of(patterns)),
        }
    }
}

fn expression(text: &str) -> Result<Pattern, String> {
    Pattern::regex(text).map_err(|error| error.to_string())
}
