//! The graph of launch files.

use dimos_coordinator::coordinator::check;

use super::model::{Builder, Graph, Module};
use crate::context::Context;
use crate::failure::Failure;
use crate::run::{LaunchOptions, own_executable, wrong_launch};

/// The graph that these launch files would start.
pub(super) fn graph(options: &LaunchOptions, context: &Context) -> Result<Graph, Failure> {
    let launch = options.read(context.colour)?;
    let checked = check(&launch, &own_executable()?).map_err(|wrong| wrong_launch(&wrong, context.colour))?;
    let mut builder = Builder::default();
    for (name, module) in &launch.plan.modules {
        let contract = checked.contracts.get(name);
        let class = contract.map(|contract| contract.class_name.clone()).unwrap_or_default();
        builder.module(Module { name: name.to_string(), class, state: None });
        if let Some(wiring) = checked.wiring.modules.get(name) {
            builder.connect(name.as_str(), &wiring.connections(module, contract));
        }
    }
    Ok(builder.build(launch.plan.name))
}
