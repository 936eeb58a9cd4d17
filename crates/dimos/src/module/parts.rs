//! Where the fields of a module come from.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::clock::Clock;
use super::context::Context;
use super::declaration::{Declaration, Part, PartOptions};
use super::input::InPort;
use super::output::OutPort;
use super::reference::Ref;
use super::tf::Tf;
use crate::mesh::Mesh;
use crate::name::Name;

/// What the fields of a module are made of.
#[derive(Debug)]
pub struct Parts {
    pub(super) mesh: Arc<Mesh>,
    pub(super) context: Context,
    pub(super) inputs: BTreeMap<&'static str, Arc<InPort>>,
    pub(super) outputs: BTreeMap<&'static str, Arc<OutPort>>,
    pub(super) references: BTreeMap<&'static str, Name>,
    pub(super) tf: Tf,
}

impl Parts {
    pub(super) fn input(&mut self, name: &'static str) -> Arc<InPort> {
        // All that is declared is there.
        Arc::clone(&self.inputs[name])
    }

    pub(super) fn output(&mut self, name: &'static str) -> Arc<OutPort> {
        Arc::clone(&self.outputs[name])
    }

    pub(super) fn reference<I: ?Sized>(&mut self, name: &'static str) -> Ref<I> {
        Ref::new(Arc::clone(&self.mesh), self.references[name].clone())
    }

    pub(super) fn optional_reference<I: ?Sized>(&mut self, name: &'static str) -> Option<Ref<I>> {
        let target = self.references.get(name)?;
        Some(Ref::new(Arc::clone(&self.mesh), target.clone()))
    }
}

impl Part for Context {
    fn declare(_: &mut Declaration, _: &'static str, _: PartOptions) {}

    fn assemble(parts: &mut Parts, _: &'static str) -> Self {
        parts.context.clone()
    }
}

impl Part for Clock {
    fn declare(_: &mut Declaration, _: &'static str, _: PartOptions) {}

    fn assemble(parts: &mut Parts, _: &'static str) -> Self {
        parts.context.clock().clone()
    }
}

impl Part for Tf {
    fn declare(declaration: &mut Declaration, _: &'static str, _: PartOptions) {
        declaration.has_transforms = true;
    }

    fn assemble(parts: &mut Parts, _: &'static str) -> Self {
        parts.tf.clone()
    }
}
