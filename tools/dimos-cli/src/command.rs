//! The tree of commands, and which code runs each of them. What a command takes stands beside its code.

use clap::{Args, Parser, Subcommand};
use lcm::Url;

use crate::context::Context;
use crate::exit_codes;
use crate::failure::Failure;
use crate::{list, module, rpc, topic};

/// Looks into a mesh of robot processes on an LCM bus, and steers it.
///
/// What a command finds out goes to stdout, everything else to stderr. Waits are bounded, or say what they wait for.
#[derive(Debug, Parser)]
#[command(name = "dimos", version, after_long_help = exit_codes::HELP, propagate_version = false)]
pub(crate) struct Dimos {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Common {
    /// The bus, such as udpm://239.255.76.67:7667?ttl=1; without it the one that LCM_DEFAULT_URL names.
    #[arg(long, visible_alias = "url", value_name = "URL", global = true)]
    pub(crate) bus: Option<Url>,
    /// Prints JSON: on stdout the result, on stderr errors as {"error":{"code":...,"message":...}}.
    #[arg(long = "json", global = true)]
    pub(crate) is_json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Module(module::Options),
    /// Calls methods of modules.
    #[command(subcommand, verbatim_doc_comment)]
    Rpc(Rpc),
    /// Shows and publishes messages.
    #[command(subcommand, verbatim_doc_comment)]
    Topic(Topic),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Rpc {
    Call(rpc::Options),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Topic {
    Echo(topic::echo::Options),
    Pub(topic::publish::Options),
}

impl Command {
    /// Whether it takes signals in hand itself. The others end when Ctrl-C is pressed.
    pub(crate) fn handles_signals(&self) -> bool {
        match self {
            Self::List(_) | Self::Module(_) | Self::Rpc(_) | Self::Topic(_) => false,
        }
    }

    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(options) => list::run(&options, context),
            Self::Module(_) => module::list(context),
            Self::Rpc(Rpc::Call(options)) => rpc::run(&options, context),
            Self::Topic(Topic::Echo(options)) => topic::echo::run(&options, context),
            Self::Topic(Topic::Pub(options)) => topic::publish::run(&options, context),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn leaves(command: &clap::Command, of: &mut Vec<clap::Command>) {
        match command.get_subcommands().filter(|sub| sub.get_name() != "help").collect::<Vec<_>>()[..] {
            [] => of.push(command.clone()),
            ref subcommands => subcommands.iter().for_each(|subcommand| leaves(subcommand, of)),
        }
    }

    #[test]
    fn every_command_is_sound_takes_json_and_shows_an_example() {
        let mut command = Dimos::command();
        command.build();
        command.clone().debug_assert();
        let mut found = Vec::new();
        leaves(&command, &mut found);
        assert!(found.len() > 3);
        for mut leaf in found {
            let name = leaf.get_bin_name().unwrap_or_default().to_owned();
            assert!(leaf.get_arguments().any(|argument| argument.get_long() == Some("json")), "{name}");
            let help = leaf.render_long_help().to_string();
            assert!(help.contains(&format!("  {name}")), "no example of {name}:\n{help}");
        }
    }
}
