//! What a module is made of, before it is made: its contract.

use super::reference::Interface;
use crate::contract::{Contract, Direction, PortContract, ReferenceContract};

/// What the fields of a module say of themselves: the beginning of its contract.
#[derive(Debug, Default)]
pub struct Declaration {
    pub(super) contract: Contract,
    /// In the order of the fields.
    pub(super) ports: Vec<DeclaredPort>,
    pub(super) references: Vec<&'static str>,
    pub(super) has_transforms: bool,
}

/// A port as its field declares it.
#[derive(Debug, Clone)]
pub(super) struct DeclaredPort {
    pub(super) name: &'static str,
    pub(super) direction: Direction,
    pub(super) type_name: &'static str,
    pub(super) options: PartOptions,
}

/// What stands beside a field.
#[derive(Debug, Clone, Copy, Default)]
pub struct PartOptions {
    /// Its documentation.
    pub doc: &'static str,
    /// The topic of a port, if it is not its name.
    pub topic: Option<&'static str>,
    /// How many messages wait for the handler of a port. Without a handler the newest one is kept, whatever this is.
    pub keep_last: Option<usize>,
    /// Whether who subscribes late gets the last message of a port.
    pub is_latched: bool,
}

/// A field that the module gets from the mesh: a port, a reference, a clock.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no part of a module",
    note = "ports are `In<T>` and `Out<T>` of messages, references `Ref<dyn Interface>`; state may not be called so"
)]
pub trait Part: Sized {
    /// Says what it is, before there is a module.
    fn declare(declaration: &mut Declaration, name: &'static str, options: PartOptions);

    /// Makes it.
    fn assemble(parts: &mut super::parts::Parts, name: &'static str) -> Self;
}

impl Declaration {
    pub(super) fn port(
        &mut self,
        direction: Direction,
        name: &'static str,
        type_name: &'static str,
        options: PartOptions,
    ) {
        let topic = options.topic.map_or_else(|| format!("/{name}"), str::to_owned);
        let port = PortContract {
            direction,
            type_name: type_name.to_owned(),
            topic,
            doc: options.doc.to_owned(),
            is_latched: options.is_latched,
        };
        self.contract.ports.insert(name.to_owned(), port);
        self.ports.push(DeclaredPort { name, direction, type_name, options });
    }

    pub(super) fn reference<I: Interface + ?Sized>(&mut self, name: &'static str, is_optional: bool) {
        let methods = I::methods().into_iter().map(|method| (method.name, method.contract)).collect();
        let reference = ReferenceContract { interface: I::NAME.to_owned(), is_optional, methods };
        self.contract.references.insert(name.to_owned(), reference);
        self.references.push(name);
    }
}

/// How many messages wait for a handler unless the port says otherwise.
pub(super) const KEEP_LAST: usize = 32;
