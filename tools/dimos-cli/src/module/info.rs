//! `dimos module info`: all that is known of a module on the bus.

use clap::Args;
use dimos::contract::Direction;
use dimos::presence::Participant;
use dimos::{Contract, Description, RpcError};
use serde::Serialize;
use serde_json::Value;

use crate::context::Context;
use crate::failure::Failure;
use crate::output::{first_line, plain};
use crate::show_config::settings;
use crate::table::table;

/// Tells all that is known of a module on the bus: its process, what it is for, its ports and the channels they are connected to, its
/// methods and skills, whom it calls, its configuration.
///
/// MODULE is the name of a module, or of a class that has only one. It is waited for up to 2 s; with 4 it exits if there is none. A program that
/// does not describe itself, as those in other languages need not, is shown with what its claim says.
///
/// Examples:
///   dimos module info mapper
///   dimos module info robot0/mapper --json | jq .ports
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// The module, such as robot0/mapper.
    #[arg(value_name = "MODULE")]
    name: String,
}

#[derive(Debug, Serialize)]
struct Info {
    name: String,
    class: String,
    state: String,
    host: String,
    pid: i32,
    run_id: Option<String>,
    node: String,
    /// How long its handler has been running, if one is.
    handler_s: Option<f64>,
    /// Whether it says what it offers; if not, the rest is empty.
    is_described: bool,
    doc: String,
    ports: Vec<Port>,
    methods: Vec<Method>,
    references: Vec<Reference>,
    config: Value,
    config_sources: std::collections::BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
struct Port {
    port: String,
    direction: Direction,
    #[serde(rename = "type")]
    type_name: String,
    /// What it is connected to; null if that is not known.
    channel: Option<String>,
    is_latched: bool,
    doc: String,
}

#[derive(Debug, Serialize)]
struct Method {
    method: String,
    signature: String,
    is_skill: bool,
    is_stream: bool,
    doc: String,
}

#[derive(Debug, Serialize)]
struct Reference {
    reference: String,
    interface: String,
    /// The module that it means; null if there is none, or that is not known.
    module: Option<String>,
}

pub(super) fn run(options: &Options, context: &Context) -> Result<(), Failure> {
    let dimos = context.mesh()?;
    let module = dimos.module(&options.name)?;
    let described = dimos.description(module.name().as_str());
    context.interrupt.check()?;
    let description = match described {
        Ok(description) => Some(description),
        Err(dimos::DescribeError::Rpc {
            source: RpcError::UnknownMethod { .. } | RpcError::Malformed { .. }, ..
        }) => None,
        Err(dimos::DescribeError::Rpc { source, .. }) => return Err(Failure::from(source).within(module.name())),
        Err(error) => return Err(Failure::unexpected(error)),
    };
    let participant = dimos.participants().into_iter().find(|one| one.identity.node == module.node());
    let Some(participant) = participant else {
        return Err(Failure::not_found(format_args!("{} has just left", module.name())));
    };
    context.print(&info(participant, description), readable)
}

fn info(participant: Participant, description: Option<Description>) -> Info {
    let is_described = description.is_some();
    let Description { contract, connections, configured, .. } = description.unwrap_or_default();
    let Contract { doc, ports, methods, references, .. } = contract;
    let channel = |port: &str| {
        let connections = connections.as_ref()?;
        connections.inputs.get(port).or_else(|| connections.outputs.get(port)).cloned()
    };
    let ports = ports.into_iter().map(|(port, about)| Port {
        channel: channel(&port),
        direction: about.direction,
        type_name: about.type_name,
        is_latched: about.is_latched,
        doc: about.doc,
        port,
    });
    let methods = methods.into_iter().map(|(method, about)| Method {
        signature: about.signature(&method),
        is_skill: about.is_skill,
        is_stream: about.is_stream,
        doc: about.doc,
        method,
    });
    let module = |reference: &str| connections.as_ref()?.references.get(reference).cloned();
    let references = references.into_iter().map(|(reference, about)| Reference {
        module: module(&reference),
        interface: about.interface,
        reference,
    });
    let configured = configured.unwrap_or_default();
    let identity = participant.identity;
    Info {
        name: participant.name.map(|name| name.to_string()).unwrap_or_default(),
        class: identity.class_name,
        state: participant.state.to_string(),
        host: identity.host,
        pid: identity.pid,
        run_id: Some(identity.run_id).filter(|run_id| !run_id.is_empty()),
        node: identity.node.to_string(),
        handler_s: Some(participant.handler.as_secs_f64()).filter(|seconds| *seconds > 0.0),
        is_described,
        doc,
        ports: ports.collect(),
        methods: methods.collect(),
        references: references.collect(),
        config: configured.config,
        config_sources: configured.sources,
    }
}

fn readable(info: &Info) -> String {
    let of_run = info.run_id.as_ref().map(|run_id| format!(" of the run {run_id}")).unwrap_or_default();
    let handler = info.handler_s.map(|seconds| format!(", in a handler for {seconds:.1} s")).unwrap_or_default();
    let head = format!(
        "{}: {}, {} as process {} on {}{of_run}{handler}",
        info.name, info.class, info.state, info.pid, info.host
    );
    let mut parts = vec![plain(&head)];
    if !info.is_described {
        parts.push("It does not say what it offers.".to_owned());
        return parts.join("\n");
    }
    parts.extend(info.doc.lines().map(plain));
    let or_dash = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
    let direction = |direction| if direction == Direction::In { "in" } else { "out" }.to_owned();
    let sections = [
        table(
            ["PORT", "", "CHANNEL", "ABOUT"],
            info.ports.iter().map(|port| {
                [port.port.clone(), direction(port.direction), or_dash(&port.channel), first_line(&port.doc)]
            }),
        ),
        table(
            ["METHOD", "", "ABOUT"],
            info.methods.iter().map(|method| {
                let kind = if method.is_skill { "skill" } else { "" }.to_owned();
                [method.signature.clone(), kind, first_line(&method.doc)]
            }),
        ),
        table(
            ["CALLS", "MODULE", "INTERFACE"],
            info.references.iter().map(|one| [one.reference.clone(), or_dash(&one.module), one.interface.clone()]),
        ),
        settings(&info.config, &info.config_sources),
    ];
    for section in sections.into_iter().filter(|section| !section.is_empty()) {
        parts.push(String::new());
        parts.push(section);
    }
    parts.join("\n")
}
