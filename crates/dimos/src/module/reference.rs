//! Other modules that a module calls: any that offers the methods of an interface.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::declaration::{Declaration, Part, PartOptions};
use super::parts::Parts;
use super::schema::schema_of;
use super::table::RpcSpec;
use crate::contract::{Contract, MethodContract};
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
    /// [`RpcError::NoSuchProcess`] if nobody owns the name; that is waited for up to 3 s.
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

/// What a module lacks to be called by an interface; `None` if it fits.
pub(super) fn misfit(needed: &[(&String, &MethodContract)], offered: &Contract) -> Option<String> {
    needed.iter().find_map(|(name, needed)| {
        let Some(offered) = offered.methods.get(*name) else { return Some(format!("it has no method {name}")) };
        if needed.is_stream != offered.is_stream {
            let kind = if offered.is_stream { "a stream" } else { "one answer" };
            return Some(format!("{name} has {kind}"));
        }
        if needed.binary.is_some() {
            let is_same = needed.binary == offered.binary;
            return (!is_same).then(|| format!("{name} has other types"));
        }
        if let Some(why) = arguments_misfit(&needed.arguments, &offered.arguments) {
            return Some(format!("{name}: {why}"));
        }
        (!may_agree(&needed.result, &offered.result)).then(|| format!("{name}: its result has another type"))
    })
}

/// Whether arguments that one schema describes can be taken by a method with the other, as far as names and plain types tell.
fn arguments_misfit(given: &Value, taken: &Value) -> Option<String> {
    if given.is_null() || taken.is_null() {
        return None;
    }
    let empty = serde_json::Map::new();
    let members = |schema: &Value| schema["properties"].as_object().unwrap_or(&empty).clone();
    let (given_members, taken_members) = (members(given), members(taken));
    for (name, schema) in &given_members {
        match taken_members.get(name) {
            None if taken["additionalProperties"] == false => return Some(format!("it takes no argument {name}")),
            Some(other) if !may_agree(schema, other) => return Some(format!("its argument {name} has another type")),
            _ => {}
        }
    }
    let mut required = taken["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    required.find(|name| !given_members.contains_key(*name)).map(|name| format!("it needs an argument {name}"))
}

/// Whether two schemas have a type in common, as far as they say.
fn may_agree(one: &Value, other: &Value) -> bool {
    let types = |schema: &Value| match &schema["type"] {
        Value::String(name) => vec![name.clone()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let (one, other) = (types(one), types(other));
    let is_number = |name: &str| name == "number" || name == "integer";
    let agree = |one: &String, other: &String| one == other || (is_number(one) && is_number(other));
    one.is_empty() || other.is_empty() || one.iter().any(|one| other.iter().any(|other| agree(one, other)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn method(arguments: Value) -> MethodContract {
        MethodContract { arguments, ..MethodContract::default() }
    }

    fn misfit_of(needed: &MethodContract, offered: &MethodContract) -> Option<String> {
        let mut contract = Contract::default();
        contract.methods.insert("plan".into(), offered.clone());
        misfit(&[(&"plan".to_owned(), needed)], &contract)
    }

    #[test]
    fn a_module_fits_if_it_takes_what_it_will_be_given() {
        let point =
            json!({ "properties": { "x": { "type": "number" } }, "required": ["x"], "additionalProperties": false });
        let more = json!({
            "properties": { "x": { "type": "integer" }, "speed": { "type": ["number", "null"] } },
            "required": ["x"],
            "additionalProperties": false,
        });
        let text = json!({ "properties": { "x": { "type": "string" } } });
        let needy = json!({ "properties": { "x": {}, "y": {} }, "required": ["x", "y"] });
        let fits = |given: &Value, taken: &Value| misfit_of(&method(given.clone()), &method(taken.clone()));
        assert_eq!(fits(&point, &point), None);
        assert_eq!(fits(&point, &more), None);
        assert_eq!(fits(&point, &Value::Null), None);
        assert_eq!(fits(&more, &point).unwrap(), "plan: it takes no argument speed");
        assert_eq!(fits(&point, &text).unwrap(), "plan: its argument x has another type");
        assert_eq!(fits(&point, &needy).unwrap(), "plan: it needs an argument y");
        let telling = |result| MethodContract { result, ..method(point.clone()) };
        let (number, nothing) = (telling(json!({ "type": "number" })), telling(json!({ "type": "null" })));
        assert_eq!(misfit_of(&number, &telling(json!({ "type": "integer" }))), None);
        assert_eq!(misfit_of(&number, &telling(Value::Null)), None);
        assert_eq!(misfit_of(&number, &nothing).unwrap(), "plan: its result has another type");
        let stream = MethodContract { is_stream: true, ..method(point.clone()) };
        assert_eq!(misfit_of(&method(point.clone()), &stream).unwrap(), "plan has a stream");
        let binary = MethodContract { binary: Some("1".into()), ..method(point.clone()) };
        assert_eq!(misfit_of(&binary, &method(point)).unwrap(), "plan has other types");
        assert_eq!(misfit(&[(&"fly".to_owned(), &binary)], &Contract::default()).unwrap(), "it has no method fly");
    }
}
