//! The tree of commands, and which code runs each of them. What a command takes stands beside its code.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use lcm::Url;

use crate::colour::Colour;
use crate::context::Context;
use crate::exit_codes;
use crate::failure::Failure;
use crate::interrupt::{GRACE, GRACE_TO_CLEAN_UP};
use crate::recording::RecordingCommand;
use crate::rpc::Rpc;
use crate::skill::Skill;
use crate::topic::Topic;
use crate::types::Type;
use crate::{
    bench, check, completions, doctor, events, graph, help, list, log, man, module, play, record, run, shell,
    show_config, spy, steer, top,
};

/// Looks into a mesh of robot processes on an LCM bus, and steers it.
///
/// What a command finds out goes to stdout, everything else to stderr. Waits are bounded, or say what they wait for.
#[derive(Debug, Parser)]
#[command(name = "dimos", version, after_long_help = exit_codes::help(), propagate_version = false, disable_help_subcommand = true)]
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
    /// Whether what people read is coloured; auto: on terminals, unless NO_COLOR is set.
    #[arg(
        long = "color",
        value_name = "WHEN",
        global = true,
        value_enum,
        default_value_t,
        hide_possible_values = true
    )]
    pub(crate) colour: Colour,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(Box<run::Options>),
    Check(check::Options),
    #[command(visible_alias = "ps")]
    Status(steer::StatusOptions),
    Stop(steer::StopOptions),
    Restart(steer::RestartOptions),
    Load(steer::LoadOptions),
    Unload(steer::UnloadOptions),
    Log(log::Options),
    List(list::Options),
    Top(top::Options),
    Events(events::Options),
    Graph(graph::Options),
    ShowConfig(show_config::Options),
    Doctor(doctor::Options),
    Bench(bench::Options),
    Module(module::Options),
    #[command(subcommand, verbatim_doc_comment)]
    Rpc(Rpc),
    #[command(subcommand, verbatim_doc_comment)]
    Skill(Skill),
    #[command(subcommand, verbatim_doc_comment)]
    Topic(Topic),
    #[command(subcommand, verbatim_doc_comment)]
    Type(Type),
    Spy(Box<dimos_lcm_spy::Options>),
    Record(record::Options),
    Play(play::Options),
    #[command(subcommand, visible_alias = "log-file", verbatim_doc_comment)]
    Recording(RecordingCommand),
    Shell(shell::Options),
    Completions(completions::Options),
    Man(man::Options),
    Help(help::Options),
}

impl Command {
    /// Whether it takes signals in hand itself. The others end when Ctrl-C is pressed.
    pub(crate) fn handles_signals(&self) -> bool {
        match self {
            // Its signals are the run's.
            Self::Run(_) => true,
            // In it Ctrl-C ends what runs.
            Self::Shell(_) => true,
            // It gives the terminal back first.
            Self::Spy(_) => true,
            // What came is written, or the terminal is restored, however it ends.
            Self::Record(_) | Self::Play(_) => true,
            _ => false,
        }
    }

    /// How long it may take to end in order when Ctrl-C was pressed.
    pub(crate) fn grace(&self) -> Duration {
        match self {
            // Of files that it has begun nothing is left.
            Self::Recording(_) => GRACE_TO_CLEAN_UP,
            _ => GRACE,
        }
    }

    /// Whether it may take the whole screen, on which nothing else is to be written then.
    pub(crate) fn takes_the_screen(&self, is_json: bool) -> bool {
        matches!(self, Self::Spy(options) if options.takes_the_screen(is_json))
    }

    /// Whether it takes more of its process than a shell can give it: signals, stdin, or all of it.
    pub(crate) fn takes_its_process(&self) -> bool {
        match self {
            Self::Run(_) | Self::Record(_) | Self::Play(_) | Self::Spy(_) => true,
            Self::Module(options) => options.is_stock(),
            Self::Rpc(rpc) => rpc.takes_its_process(),
            _ => false,
        }
    }

    /// Whether it reads stdin.
    pub(crate) fn reads_stdin(&self) -> bool {
        match self {
            Self::Topic(topic) => topic.reads_stdin(),
            Self::Type(of_type) => of_type.reads_stdin(),
            Self::Bench(options) => options.reads_stdin(),
            _ => false,
        }
    }

    /// Runs it.
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Run(options) => run::run(&options, context),
            Self::Check(options) => check::run(&options, context),
            Self::Status(options) => steer::status(&options, context),
            Self::Stop(options) => steer::stop(&options, context),
            Self::Restart(options) => steer::restart(&options, context),
            Self::Load(options) => steer::load(&options, context),
            Self::Unload(options) => steer::unload(&options, context),
            Self::Log(options) => log::run(&options, context),
            Self::List(options) => list::run(&options, context),
            Self::Top(options) => top::run(&options, context),
            Self::Events(options) => events::run(&options, context),
            Self::Graph(options) => graph::run(&options, context),
            Self::ShowConfig(options) => show_config::run(&options, context),
            Self::Bench(options) => bench::run(&options, context),
            Self::Doctor(options) => doctor::run(&options, context),
            Self::Module(options) => options.run(context),
            Self::Rpc(rpc) => rpc.run(context),
            Self::Skill(skill) => skill.run(context),
            Self::Topic(topic) => topic.run(context),
            Self::Type(of_type) => of_type.run(context),
            Self::Spy(options) => spy::run(&options, context),
            Self::Record(options) => record::run(&options, context),
            Self::Play(options) => play::run(&options, context),
            Self::Recording(recording) => recording.run(context),
            Self::Shell(options) => shell::run(&options, context),
            Self::Completions(options) => completions::run(&options, context),
            Self::Man(options) => man::run(&options, context),
            Self::Help(options) => help::run(&options, context),
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
    fn what_follows_a_stock_module_is_its_own() {
        let parsed = |line: &str| Dimos::try_parse_from(line.split(' ')).map(|dimos| dimos.command);
        for line in
            ["dimos module mapper --help", "dimos module mapper info --json", "dimos module --json mapper --describe"]
        {
            assert!(matches!(parsed(line), Ok(Command::Module(options)) if options.is_stock()), "{line}");
        }
        for line in ["dimos module", "dimos module info mapper --json", "dimos module --json"] {
            assert!(matches!(parsed(line), Ok(Command::Module(options)) if !options.is_stock()), "{line}");
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
