//! `#[interface]`: a trait whose methods are calls to another module.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Ident, Item, ItemTrait, LitStr, Result, ReturnType, Signature, TraitItem, TraitItemFn,
    Type,
};

use crate::arguments::{self, Argument, Direction};
use crate::attributes::{self, ours_at};
use crate::errors::Errors;
use crate::handler::local;
use crate::rpc_options::RpcOptions;
use crate::{method, reserved, types};

pub(crate) fn expand(item: Item) -> Result<TokenStream> {
    let mut interface = match item {
        Item::Trait(interface) => interface,
        item => return Err(Error::new_spanned(item, "`#[interface]` goes before a trait")),
    };
    let mut errors = Errors::default();
    if !interface.generics.params.is_empty() {
        errors.tell(&interface.generics.params, "an interface is known by its name alone: it is not generic");
    }
    let mut methods = Vec::new();
    let mut names = Vec::new();
    for item in &mut interface.items {
        let TraitItem::Fn(item) = item else {
            errors.tell(item, "an interface has methods only");
            continue;
        };
        let Some(method) = errors.keep(Method::take(item, methods.len())) else { continue };
        if names.contains(&method.name.value()) {
            errors.tell(&method.name, format!("there is a method `{}` already", method.name.value()));
        }
        names.push(method.name.value());
        methods.push(method);
    }
    // Where something is wrong with it, what is written for it would be wrong as well.
    let errors = errors.into_tokens();
    let written = errors.is_empty().then(|| written(&interface, &methods));
    Ok(quote!(#errors #interface #written))
}

/// What is written for a trait without errors.
fn written(interface: &ItemTrait, methods: &[Method]) -> TokenStream {
    let (ident, name) = (&interface.ident, reserved::plain(&interface.ident));
    let conditions = attributes::conditions(&interface.attrs);
    let definitions = methods.iter().map(Method::definition);
    let bodies = methods.iter().map(Method::body);
    let descriptions = methods.iter().map(Method::description);
    quote! {
        #(#conditions)*
        const _: () = {
            #(#definitions)*

            #[automatically_derived]
            impl #ident for ::dimos::Ref<dyn #ident> {
                #(#bodies)*
            }

            #[automatically_derived]
            impl ::dimos::module::Interface for dyn #ident {
                const NAME: &'static str = #name;

                fn methods() -> ::std::vec::Vec<::dimos::module::InterfaceMethod> {
                    ::std::vec![#(#descriptions),*]
                }
            }
        };
    }
}

/// A method, read from its signature.
struct Method {
    conditions: Vec<Attribute>,
    signature: Signature,
    name: LitStr,
    doc: String,
    arguments: Vec<Argument>,
    type_name: Ident,
    answer: Answer,
}

/// What comes back.
enum Answer {
    Json(Type),
    Binary(Type),
    Stream(Type),
}

impl Method {
    /// Reads a method, and takes our attributes away from it, also when there is an error.
    fn take(method: &mut TraitItemFn, number: usize) -> Result<Self> {
        let taken = attributes::take(&mut method.attrs, &["binary", "rpc"]);
        let mut arguments = Vec::new();
        let mut errors: Option<Error> = None;
        for parameter in &mut method.sig.inputs {
            let FnArg::Typed(parameter) = parameter else { continue };
            match Argument::take(parameter) {
                Ok(argument) => arguments.push(argument),
                Err(error) => match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                },
            }
            attributes::take(&mut parameter.attrs, &["doc", "serde", "schemars"]);
        }
        if let Some(errors) = errors {
            return Err(errors);
        }
        let options = options(&taken, method)?;
        check(method)?;
        let answer = answer(&method.sig, options.binary.is_some())?;
        Ok(Self {
            conditions: attributes::conditions(&method.attrs),
            signature: method.sig.clone(),
            name: options.name,
            doc: attributes::doc(&method.attrs),
            arguments,
            type_name: arguments::type_name(number),
            answer,
        })
    }

    fn definition(&self) -> TokenStream {
        let is_binary = matches!(self.answer, Answer::Binary(_));
        let definition = arguments::definition(&self.type_name, &self.arguments, Direction::Called, is_binary);
        let conditions = &self.conditions;
        quote!(#(#conditions)* #definition)
    }

    /// The method on a reference.
    fn body(&self) -> TokenStream {
        let Self { conditions, signature, name, type_name, .. } = self;
        let (ty, call) = match &self.answer {
            Answer::Json(ty) => (ty, "call"),
            Answer::Binary(ty) => (ty, "call_binary"),
            Answer::Stream(ty) => (ty, "stream"),
        };
        let (call, at) = (local(call), ours_at(ty));
        // The user's own: another `self` would be another variable.
        let receiver = signature.receiver().map(|receiver| receiver.self_token);
        let fields = self.arguments.iter().map(|argument| &argument.name);
        let call = quote_spanned!(at=> ::dimos::Ref::#call(#receiver, #name, &#type_name { #(#fields),* }));
        // What a caller may write `mut` for is nothing to us.
        let mut signature = signature.clone();
        for parameter in &mut signature.inputs {
            if let FnArg::Typed(parameter) = parameter
                && let syn::Pat::Ident(pattern) = &mut *parameter.pat
            {
                pattern.mutability = None;
            }
        }
        quote!(#(#conditions)* #signature { #call })
    }

    /// The method as data.
    fn description(&self) -> TokenStream {
        let (ty, new) = match &self.answer {
            Answer::Json(ty) => (ty, "new"),
            Answer::Binary(ty) => (ty, "binary"),
            Answer::Stream(ty) => (ty, "stream"),
        };
        let (conditions, type_name, new) = (&self.conditions, &self.type_name, local(new));
        let spec = arguments::spec(&self.name.value(), &self.doc, false, &self.arguments);
        let described = quote_spanned! {ours_at(ty)=>
            ::dimos::module::InterfaceMethod::#new::<#type_name, #ty>(#spec)
        };
        quote!(#(#conditions)* #described)
    }
}

/// The options in `#[binary]` or `#[rpc(...)]`.
fn options(taken: &[Attribute], method: &TraitItemFn) -> Result<RpcOptions> {
    if let Some(second) = taken.get(1) {
        return Err(Error::new_spanned(second, "`#[binary]` is short for `#[rpc(binary)]`: write one of them"));
    }
    let name = &method.sig.ident;
    let options = match taken.first() {
        Some(attribute) if attribute.path().is_ident("binary") => {
            attributes::bare(attribute)?;
            RpcOptions { binary: Some(name.span()), ..RpcOptions::plain(name) }
        }
        Some(attribute) => RpcOptions::of(attribute, name, &[])?,
        None => RpcOptions::plain(name),
    };
    if let Some(at) = options.concurrent {
        return Err(Error::new(at, "whether it runs beside others is the concern of the module that is called"));
    }
    reserved::check_method(&options.name)?;
    Ok(options)
}

fn check(method: &TraitItemFn) -> Result<()> {
    method::check(&method.sig)?;
    if let Some(body) = &method.default {
        return Err(Error::new_spanned(body, "another module does it: leave out the body, and write `;`"));
    }
    match method.sig.inputs.first() {
        Some(FnArg::Receiver(receiver)) => match types::plain(&receiver.ty) {
            Type::Reference(reference) if reference.mutability.is_none() => Ok(()),
            _ => Err(Error::new_spanned(receiver, "a call changes nothing on this side: take `&self`")),
        },
        _ => Err(Error::new(method.sig.ident.span(), "a call goes to a module: take `&self`")),
    }
}

fn answer(signature: &Signature, is_binary: bool) -> Result<Answer> {
    let message = "any call can fail: return a `Result<_, RpcError>`";
    let returned = match &signature.output {
        ReturnType::Type(_, ty) if types::is_named(ty, "Result") => ty,
        ReturnType::Type(_, ty) => return Err(Error::new_spanned(ty, message)),
        ReturnType::Default => return Err(Error::new(signature.ident.span(), message)),
    };
    let Some(value) = types::first_argument(returned) else {
        return Err(Error::new_spanned(returned, "say of what: `Result<f64, RpcError>`, or `Result<(), RpcError>`"));
    };
    if types::mentions(value, "impl")
        || types::mentions(value, "Self")
        || matches!(types::plain(value), Type::Reference(_))
    {
        return Err(Error::new_spanned(value, "a result comes off the wire: name a type that is owned"));
    }
    if !types::is_named(value, "Stream") {
        return Ok(if is_binary { Answer::Binary(value.clone()) } else { Answer::Json(value.clone()) });
    }
    if is_binary {
        return Err(Error::new_spanned(value, "a stream is not `binary`"));
    }
    match types::first_argument(value) {
        Some(of) => Ok(Answer::Stream(of.clone())),
        None => Err(Error::new_spanned(value, "say of what: `Stream<f64>`")),
    }
}
