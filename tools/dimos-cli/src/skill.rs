//! `dimos skill`: what modules offer to agents, found by its name alone.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::{Args, Subcommand};
use dimos::{Dimos, Listing, Name, Rpc};
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
                let listing = list::listing(&dimos, options.module.as_deref(), is_skill)?;
                list::print(listing, options.module.as_deref(), "skills", context)
            }
            Self::Call(options) => call_skill(options, context),
        }
    }
}

fn call_skill(options: CallOptions, context: &Context) -> Result<(), Failure> {
    let CallOptions { skill, arguments, timeout } = options;
    call::check_arguments(&arguments)?;
    let dimos = context.mesh()?;
    let target = match skill.rsplit_once('.') {
        Some((module, method)) => {
            check_is_skill(&dimos, module, method)?;
            skill
        }
        None => owner(&dimos, &skill)?,
    };
    context.interrupt.check()?;
    call::call(&dimos, &target, &arguments, timeout, context)
}

/// Fails if the module says that this is a method, but no skill. Whatever else is wrong the call itself tells.
fn check_is_skill(dimos: &Dimos, module: &str, method: &str) -> Result<(), Failure> {
    let described = dimos.describe(module).ok();
    match described.as_ref().and_then(|contract| contract.methods.get(method)) {
        Some(offered) if !offered.is_skill => {
            Err(Failure::usage(format_args!("{module}.{method} is no skill: call it with dimos rpc call")))
        }
        _ => Ok(()),
    }
}

/// The only module that has the skill, and the skill: `navigator.go_to`.
fn owner(dimos: &Dimos, skill: &str) -> Result<String, Failure> {
    let Listing { methods, silent, .. } = list::listing(dimos, None, is_skill)?;
    let mut owners: BTreeSet<Name> =
        methods.iter().filter(|one| one.method == skill).map(|one| one.module.clone()).collect();
    // One that does not answer may still claim to have it.
    let claiming = dimos.with_capability(skill).into_iter().filter_map(|module| module.name);
    owners.extend(claiming.filter(|name| silent.iter().any(|(silent, _)| silent == name)));
    let targets: Vec<_> = owners.iter().map(|owner| format!("{owner}.{skill}")).collect();
    match &targets[..] {
        [target] => Ok(target.clone()),
        [] => {
            let names: BTreeSet<_> = methods.iter().map(|one| one.method.as_str()).collect();
            let guess = similar::did_you_mean(skill, names.iter().copied());
            let known = match names.into_iter().collect::<Vec<_>>()[..] {
                [] => "there is none".to_owned(),
                ref names => format!("there is {}", names.join(", ")),
            };
            Err(Failure::not_found(format_args!("no skill {skill}; {known}{guess}")))
        }
        several => {
            let message = format!("several modules have the skill {skill}: say which, one of {}", several.join(", "));
            Err(Failure::usage(message).with_data(json!({ "candidates": several })))
        }
    }
}

fn is_skill(method: &Rpc) -> bool {
    method.contract.is_skill
}
