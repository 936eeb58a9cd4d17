//! `dimos skill`: what modules offer to agents, found by its name alone.

use std::time::Duration;

use clap::{Args, Subcommand};
use dimos::Rpc;
use serde_json::json;

use crate::context::Context;
use crate::duration::duration;
use crate::failure::Failure;
use crate::rpc::{call, list};
use crate::similar;

/// Lists and calls skills: methods that say in words what they do.
#[derive(Debug, Subcommand)]
pub(crate) enum Skill {
    List(ListOptions),
    Call(CallOptions),
}

/// Lists the skills of all modules, or of one, with their arguments.
///
/// Modules are asked side by side, which takes about a second. With --json the schemas of arguments and results are there, too.
///
/// Examples:
///   dimos skill list
///   dimos skill list robot0/navigator --json
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct ListOptions {
    /// Only of this module, or of the only module of this class.
    #[arg(value_name = "MODULE")]
    module: Option<String>,
}

/// Calls a skill by its name, if only one module has it, and prints its result as JSON.
///
/// Arguments, streams, Ctrl-C, errors and exit codes are those of dimos rpc call. If several modules have the skill, it exits with 2 and
/// lists them: say MODULE.SKILL then. If none has, it exits with 4.
///
/// Examples:
///   dimos skill call go_to x_m=1.5 y_m=0
///   dimos skill call robot0/navigator.halt
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CallOptions {
    /// The skill, or the module and its skill.
    #[arg(value_name = "[MODULE.]SKILL")]
    skill: String,
    /// key=value for each argument, or all of them as one JSON object.
    #[arg(value_name = "KEY=VALUE|JSON")]
    arguments: Vec<String>,
    /// How long the call may take; without it 10 s. Of a stream: how long nothing may be heard of it, without it 3 s.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    timeout: Option<Duration>,
}

impl Skill {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(options) => {
                let dimos = context.mesh()?;
                list::print(list::listing(&dimos, options.module.as_deref(), is_skill)?, context)
            }
            Self::Call(options) => call_skill(options, context),
        }
    }
}

fn call_skill(options: CallOptions, context: &Context) -> Result<(), Failure> {
    let CallOptions { skill, arguments, timeout } = options;
    call::check_arguments(&arguments)?;
    let dimos = context.mesh()?;
    let target =
        if skill.contains('.') { skill } else { owner(list::listing(&dimos, None, is_skill)?.methods, &skill)? };
    context.interrupt.check()?;
    call::call(&dimos, &target, &arguments, timeout, context)
}

/// The only module that has the skill, and the skill: `navigator.go_to`.
fn owner(skills: Vec<Rpc>, skill: &str) -> Result<String, Failure> {
    let owners: Vec<_> = skills.iter().filter(|one| one.method == skill).map(|one| one.module.as_str()).collect();
    match owners[..] {
        [owner] => Ok(format!("{owner}.{skill}")),
        [] => {
            let names = || skills.iter().map(|one| one.method.as_str());
            let guess = similar::did_you_mean(skill, names());
            let known =
                if skills.is_empty() { "there is none".to_owned() } else { format!("there is {}", sorted(names())) };
            Err(Failure::not_found(format_args!("no skill {skill}; {known}{guess}")))
        }
        ref several => {
            let targets: Vec<_> = several.iter().map(|owner| format!("{owner}.{skill}")).collect();
            let message = format!("several modules have the skill {skill}: say which, one of {}", targets.join(", "));
            Err(Failure::usage(message).with_data(json!({ "candidates": targets })))
        }
    }
}

fn is_skill(method: &Rpc) -> bool {
    method.contract.is_skill
}

/// Each once.
fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: std::collections::BTreeSet<_> = names.collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}
