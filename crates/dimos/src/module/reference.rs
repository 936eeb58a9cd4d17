//! Other modules that a module calls: any that offers the methods of an interface.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::declaration::{Declaration, Part, PartOptions};
use super::parts::Parts;
use super::schema::schema_of;
use super::table::RpcSpec;
use crate::contract::MethodContract;
use crate::mesh::Mesh;
use crate::name::Name;
use crate::remote::{RemoteModule, Stream};
use crate::rpc::{RpcError, TimeLimit};
use crate::wire::{Shape, Wire};

/// What a module needs of another one. `#[interface]` makes it of a trait.
#[diagnostic::on_unimplemented(message = "`{Self}` is no interface", note = "put `#[interface]` before the trait")]
pub trait Interface {
    /// The trait's name.
    const NAME: &'static str;

    /// Its methods.
    fn methods() -> Vec<InterfaceMethod>;
}

/// A method of an interface.
#[derive(Debug, Clone)]
pub struct InterfaceMethod {
    pub(super) name: String,
    pub(super) contract: MethodContract,
}

/// Another module, by the interface that it offers: `Ref<dyn Planner>`. The trait's methods can be called on it.
///
/// Which module that is, the launch says, and that one is taken as it is. Otherwise there is only one that fits: in the module's
/// own namespace, or else in the one around it, and so on outwards; it is looked up when the module starts, and is waited for. Each
/// call goes to the process that owns the name then, so a module that is started again is found again. An
/// `Option<Ref<dyn Planner>>` is empty if none is there when the module starts.
pub struct Ref<I: ?Sized> {
    mesh: Arc<Mesh>,
    name: Name,
    limit: Option<TimeLimit>,
    interface: PhantomData<fn(&I)>,
}

impl InterfaceMethod {
    /// A method with one answer.
    #[must_use]
    pub fn new<A: JsonSchema, R: JsonSchema>(spec: RpcSpec) -> Self {
        let (arguments, result) = (schema_of::<A>(), schema_of::<R>());
        Self { name: spec.name.to_owned(), contract: MethodContract { arguments, result, ..spec.contract() } }
    }

    /// A method with a stream of answers.
    #[must_use]
    pub fn stream<A: JsonSchema, R: JsonSchema>(spec: RpcSpec) -> Self {
        let mut method = Self::new::<A, R>(spec);
        method.contract.is_stream = true;
        method
    }

    /// A method that is called in binary.
    #[must_use]
    pub fn binary<A: Wire + JsonSchema, R: Wire + JsonSchema>(spec: RpcSpec) -> Self {
        let mut method = Self::new::<A, R>(spec);
        method.contract.binary = Some(Shape::method(A::SHAPE, R::SHAPE, false).contract());
        method
    }
}

impl<I: ?Sized> Ref<I> {
    pub(super) fn new(mesh: Arc<Mesh>, name: Name) -> Self {
        Self { mesh, name, limit: None, interface: PhantomData }
    }

    /// The module's name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The same module, where calls may take so long: `self.planner.limit(TimeLimit::IDLE).plan(goal)`. Unless told, a call may take
    /// 10 s in all, and a stream 3 s without a sign of life.
    #[must_use]
    pub fn limit(&self, limit: TimeLimit) -> Self {
        Self { limit: Some(limit), ..self.clone() }
    }

    /// The module, for calls beyond the interface.
    ///
    /// # Errors
    /// [`RpcError::NoSuchProcess`] if nobody owns the name; that is waited for up to 2 s.
    pub fn module(&self) -> Result<RemoteModule, RpcError> {
        let module = RemoteModule::find(&self.mesh, &self.name)?;
        Ok(self.limit.map_or_else(|| module.clone(), |limit| module.limit(limit)))
    }

    /// Calls a method. For the macros.
    #[doc(hidden)]
    pub fn call<R: DeserializeOwned>(&self, method: &str, arguments: &impl Serialize) -> Result<R, RpcError> {
        self.module()?.call_as(method, arguments)
    }

    /// Calls a binary method. For the macros.
    #[doc(hidden)]
    pub fn call_binary<A: Wire, R: Wire>(&self, method: &str, arguments: &A) -> Result<R, RpcError> {
        self.module()?.call_binary(method, arguments)
    }

    /// Calls a method with a stream of answers. For the macros.
    #[doc(hidden)]
    pub fn stream<R: DeserializeOwned>(&self, method: &str, arguments: &impl Serialize) -> Result<Stream<R>, RpcError> {
        self.module()?.stream_as(method, arguments)
    }
}

impl<I: Interface + ?Sized> Part for Ref<I> {
    fn declare(declaration: &mut Declaration, name: &'static str, _: PartOptions) {
        declaration.reference::<I>(name, false);
    }

    fn assemble(parts: &mut Parts, name: &'static str) -> Self {
        parts.reference(name)
    }
}

impl<I: Interface + ?Sized> Part for Option<Ref<I>> {
    fn declare(declaration: &mut Declaration, name: &'static str, _: PartOptions) {
        declaration.reference::<I>(name, true);
    }

    fn assemble(parts: &mut Parts, name: &'static str) -> Self {
        parts.optional_reference(name)
    }
}

impl<I: ?Sized> Clone for Ref<I> {
    fn clone(&self) -> Self {
        Self { limit: self.limit, ..Self::new(Arc::clone(&self.mesh), self.name.clone()) }
    }
}

impl<I: ?Sized> fmt::Debug for Ref<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ref").field("name", &self.name).finish_non_exhaustive()
    }
}
