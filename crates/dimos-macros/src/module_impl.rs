//! `#[module]`: the methods of a module become its handlers, timers, hooks and methods on the bus.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Error, FnArg, ImplItem, ImplItemFn, Item, ItemImpl, Result};

use crate::attributes;
use crate::errors::Errors;
use crate::handler::{handler, hook, timer};
use crate::method::{ROLES, Role};
use crate::reserved;
use crate::rpc::Rpc;

pub(crate) fn expand(item: Item) -> Result<TokenStream> {
    let mut block = match item {
        Item::Impl(block) => block,
        item => return Err(Error::new_spanned(item, "`#[module]` goes before an `impl` block of a module's struct")),
    };
    if let Err(error) = check(&block) {
        // The block as it would be without us, so that this is all there is to complain of.
        for item in &mut block.items {
            if let ImplItem::Fn(method) = item {
                attributes::take(&mut method.attrs, ROLES);
                strip_parameters(method);
            }
        }
        let error = error.into_compile_error();
        return Ok(quote!(#error #block));
    }
    let mut entered = Entered::default();
    let mut registrations = TokenStream::new();
    let mut beside = TokenStream::new();
    for item in &mut block.items {
        let ImplItem::Fn(method) = item else { continue };
        let registered = Role::take(method).and_then(|role| match role {
            Some(role) => entered.register(method, &role),
            None => Ok((TokenStream::new(), TokenStream::new())),
        });
        let Some((registration, computed)) = entered.errors.keep(registered) else {
            // The compiler would complain of them in addition.
            strip_parameters(method);
            continue;
        };
        let conditions = attributes::conditions(&method.attrs);
        if !registration.is_empty() {
            registrations.extend(quote!(#(#conditions)* { #registration }));
        }
        if !computed.is_empty() {
            beside.extend(quote!(#(#conditions)* #computed));
        }
    }

    let table = if registrations.is_empty() { quote!(_) } else { quote!(table) };
    let (name, conditions) = (&block.self_ty, attributes::conditions(&block.attrs));
    let beside = (!beside.is_empty()).then(|| {
        quote! {
            #(#conditions)*
            #[automatically_derived]
            impl #name { #beside }
        }
    });
    let errors = entered.errors.into_tokens();
    Ok(quote! {
        #errors
        #block
        #beside
        #(#conditions)*
        #[automatically_derived]
        impl ::dimos::module::Methods for #name {
            fn methods(#table: &mut ::dimos::module::Table<Self>) {
                #registrations
            }
        }
    })
}

/// What was entered so far, each at most once unless a condition may choose between two.
#[derive(Default)]
struct Entered {
    errors: Errors,
    ports: Vec<String>,
    methods: Vec<String>,
    hooks: Vec<String>,
}

impl Entered {
    /// The statements that enter a method, and what has to stand in a block beside.
    fn register(&mut self, method: &mut ImplItemFn, role: &Role) -> Result<(TokenStream, TokenStream)> {
        let is_conditional = !attributes::conditions(&method.attrs).is_empty();
        let registration = match role {
            Role::Handler(ports) => {
                let mut registrations = TokenStream::new();
                for port in ports {
                    let told = format!(
                        "the port `{}` has a handler already: there is one for each port",
                        reserved::plain(port)
                    );
                    once(&mut self.ports, reserved::plain(port), is_conditional, port, &told)?;
                    registrations.extend(handler(&method.sig, port)?);
                }
                registrations
            }
            Role::Timer(period) => return timer(&method.sig, period),
            Role::Start | Role::Stop => {
                let name = if matches!(role, Role::Start) { "start" } else { "stop" };
                let told = format!("there is a `#[{name}]` already: a module has one, which may call others");
                once(&mut self.hooks, name.to_owned(), is_conditional, &method.sig.ident, &told)?;
                hook(&method.sig, name)?
            }
            Role::Rpc(options) => {
                let told =
                    format!("there is a method `{}` already; callers choose by the name alone", options.name.value());
                once(&mut self.methods, options.name.value(), is_conditional, &options.name, &told)?;
                let doc = attributes::doc(&method.attrs);
                let rpc = Rpc::take(&mut method.sig, options, &doc)?;
                rpc.registration(&method.sig)
            }
        };
        Ok((registration, TokenStream::new()))
    }
}

fn once(seen: &mut Vec<String>, name: String, is_conditional: bool, at: impl ToTokens, told: &str) -> Result<()> {
    if seen.contains(&name) {
        return Err(Error::new_spanned(at, told));
    }
    if !is_conditional {
        seen.push(name);
    }
    Ok(())
}

/// Refuses blocks that are not the one block of a struct's own methods.
fn check(block: &ItemImpl) -> Result<()> {
    if let Some((_, of, _)) = &block.trait_ {
        let message = "`#[module]` goes before the struct's own methods: `impl Cruise { ... }`";
        return Err(Error::new_spanned(of, message));
    }
    if !block.generics.params.is_empty() {
        let message = "a module is one program, and knows its types: `#[module] impl Cruise<LaserScan> { ... }`";
        return Err(Error::new_spanned(&block.generics.params, message));
    }
    match block.attrs.iter().find(|attribute| is_second(attribute)) {
        Some(attribute) => Err(Error::new_spanned(attribute, "`#[module]` is there twice")),
        None => Ok(()),
    }
}

fn is_second(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|segment| segment.ident == "module")
}

fn strip_parameters(method: &mut ImplItemFn) {
    for parameter in &mut method.sig.inputs {
        if let FnArg::Typed(parameter) = parameter {
            attributes::take(&mut parameter.attrs, &["doc", "shared", "serde", "schemars"]);
        }
    }
}
