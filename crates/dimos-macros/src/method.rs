//! A method in the block of `#[module]`: what calls it, by its attribute or its name, and what all such methods have in common.

use syn::punctuated::Punctuated;
use syn::{Attribute, Error, FnArg, GenericParam, Ident, ImplItemFn, Result, ReturnType, Signature, Token, Type};

use crate::period::Period;
use crate::rpc_options::RpcOptions;
use crate::{attributes, reserved, types};

/// What calls a method.
pub(crate) enum Role {
    /// Messages of these ports.
    Handler(Vec<Ident>),
    /// A timer.
    Timer(Period),
    /// The start of the module.
    Start,
    /// Its end.
    Stop,
    /// Callers on the bus.
    Rpc(RpcOptions),
}

impl Role {
    /// The role of a method, whose attribute for it is taken away; none if only its own module calls it.
    pub(crate) fn take(method: &mut ImplItemFn) -> Result<Option<Self>> {
        let taken = attributes::take(&mut method.attrs, ROLES);
        let Some(attribute) = taken.first() else {
            return Ok(port_of(&method.sig.ident).map(|port| Self::Handler(vec![port])));
        };
        if let Some(second) = taken.get(1) {
            let message = "a method has one role; for two, call it from another method that has the second";
            return Err(Error::new_spanned(second, message));
        }
        Ok(Some(match attributes::name(attribute).as_str() {
            "on" => Self::Handler(ports(attribute)?),
            "every" => Self::Timer(Period::of(attribute)?),
            "start" => attributes::bare(attribute).map(|()| Self::Start)?,
            "stop" => attributes::bare(attribute).map(|()| Self::Stop)?,
            _ => Self::Rpc(RpcOptions::of(attribute, &method.sig.ident, &method.attrs)?),
        }))
    }
}

/// What a method gives back.
pub(crate) enum Returned {
    /// A value, or nothing.
    Value,
    /// A value or an error.
    Result,
}

impl Returned {
    pub(crate) fn of(signature: &Signature) -> Self {
        match &signature.output {
            ReturnType::Type(_, ty) if types::is_named(ty, "Result") => Self::Result,
            _ => Self::Value,
        }
    }
}

/// Refuses what the runtime could not call.
pub(crate) fn check(signature: &Signature) -> Result<()> {
    let told = |at: &dyn quote::ToTokens, message: &str| Err(Error::new_spanned(at, message));
    if let Some(keyword) = &signature.asyncness {
        return told(keyword, "modules run on threads, without an executor: a method of theirs is not `async`");
    }
    if let Some(keyword) = &signature.unsafety {
        return told(keyword, "the runtime calls it knowing nothing of its conditions: it is a safe method");
    }
    match signature.generics.params.iter().find(|one| !matches!(one, GenericParam::Lifetime(_))) {
        Some(parameter) => told(parameter, "the runtime calls it, and chooses no types: it is not generic"),
        None => Ok(()),
    }
}

/// Refuses a method that does not borrow its module.
pub(crate) fn check_receiver(signature: &Signature) -> Result<()> {
    let message = "the module stays where it is: take `&mut self` or `&self`";
    match signature.inputs.first() {
        Some(FnArg::Receiver(receiver)) if matches!(*receiver.ty, Type::Reference(_)) => Ok(()),
        Some(FnArg::Receiver(receiver)) => Err(Error::new_spanned(receiver, message)),
        _ => Err(Error::new(signature.ident.span(), message)),
    }
}

/// Refuses parameters after `self`.
pub(crate) fn check_no_parameters(signature: &Signature, what: &str) -> Result<()> {
    match signature.inputs.iter().nth(1) {
        Some(parameter) => Err(Error::new_spanned(parameter, format!("{what} takes nothing but `self`"))),
        None => Ok(()),
    }
}

/// The ports between the parentheses of `#[on(scan, front_scan)]`.
fn ports(attribute: &Attribute) -> Result<Vec<Ident>> {
    let message = "handles the messages of a port: `#[on(scan)]`";
    let ports = match &attribute.meta {
        syn::Meta::List(_) => attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?,
        meta => return Err(Error::new_spanned(meta, message)),
    };
    if ports.is_empty() { Err(Error::new_spanned(attribute, message)) } else { Ok(ports.into_iter().collect()) }
}

/// The port that `on_<port>` handles, as a name where the method's name stands.
fn port_of(name: &Ident) -> Option<Ident> {
    let plain = reserved::plain(name);
    let port = plain.strip_prefix("on_")?;
    // A field that is called like a keyword is a raw identifier.
    let ident = syn::parse_str::<Ident>(port).or_else(|_| syn::parse_str::<Ident>(&format!("r#{port}")));
    ident.ok().map(|mut ident| {
        // Not the user's, or the compiler would propose to call the method like a port.
        ident.set_span(attributes::ours_at(name));
        ident
    })
}

/// The attributes that give a method its role.
pub(crate) const ROLES: &[&str] = &["on", "every", "start", "stop", "rpc", "skill"];
