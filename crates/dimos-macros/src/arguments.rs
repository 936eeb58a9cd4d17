//! The arguments of a call as a struct of their own: what a method takes, and what an interface sends.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Attribute, Error, Ident, Pat, PatType, Result, Type};

use crate::{attributes, reserved, types};

/// An argument that travels.
pub(crate) struct Argument {
    pub(crate) name: Ident,
    ty: Type,
    doc: String,
    /// Of serde and schemars, as the user wrote them: defaults, limits.
    attributes: Vec<Attribute>,
}

/// Which way the struct goes.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Direction {
    /// A module reads it.
    Served,
    /// An interface writes it.
    Called,
}

impl Argument {
    /// Reads a parameter, and takes away the attributes that functions do not have there.
    pub(crate) fn take(parameter: &mut PatType) -> Result<Self> {
        let name = name(parameter)?;
        let doc = attributes::doc(&parameter.attrs);
        attributes::take(&mut parameter.attrs, &["doc"]);
        let attributes = attributes::take(&mut parameter.attrs, &["serde", "schemars"]);
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            check(attribute)?;
        }
        if let Some(condition) = parameter.attrs.iter().find(|attribute| attribute.path().is_ident("cfg")) {
            let message = "the arguments of a call are the same in every build; put `#[cfg]` on the method";
            return Err(Error::new_spanned(condition, message));
        }
        check_type(&parameter.ty)?;
        Ok(Self { name, ty: (*parameter.ty).clone(), doc, attributes })
    }
}

/// The name of a parameter that is one.
pub(crate) fn name(parameter: &PatType) -> Result<Ident> {
    match &*parameter.pat {
        Pat::Ident(pattern) if pattern.by_ref.is_none() && pattern.subpat.is_none() => Ok(pattern.ident.clone()),
        pattern => Err(Error::new_spanned(pattern, "callers give arguments by name: take it by a plain name")),
    }
}

/// The struct of this name.
pub(crate) fn definition(name: &Ident, arguments: &[Argument], direction: Direction, is_binary: bool) -> TokenStream {
    let serialize = (direction == Direction::Called || is_binary)
        .then(|| quote!(#[derive(::dimos::module::export::serde::Serialize)]));
    let deserialize = (direction == Direction::Served || is_binary)
        .then(|| quote!(#[derive(::dimos::module::export::serde::Deserialize)]));
    let wire = is_binary.then(|| quote!(#[derive(::dimos::Wire)]));
    let fields = arguments.iter().map(|Argument { name, ty, doc, attributes }| {
        // Not a doc comment, which rustdoc and clippy would read a second time.
        let description = (!doc.is_empty()).then(|| quote!(#[schemars(description = #doc)]));
        quote!(#description #(#attributes)* #name: #ty)
    });
    quote! {
        #serialize
        #deserialize
        #[derive(::dimos::module::export::schemars::JsonSchema)]
        #wire
        #[serde(crate = "::dimos::module::export::serde", deny_unknown_fields)]
        #[schemars(crate = "::dimos::module::export::schemars", rename = "Arguments")]
        struct #name {
            #(#fields),*
        }
    }
}

/// The struct's name. Users have no types of such names, which signatures could mean.
pub(crate) fn type_name(number: usize) -> Ident {
    format_ident!("__Arguments{number}", span = Span::mixed_site())
}

/// A call's `RpcSpec`.
pub(crate) fn spec(name: &str, doc: &str, is_skill: bool, arguments: &[Argument]) -> TokenStream {
    let order = arguments.iter().map(|argument| reserved::plain(&argument.name));
    quote! {
        ::dimos::module::RpcSpec { name: #name, doc: #doc, is_skill: #is_skill, order: &[#(#order),*] }
    }
}

/// Refuses what cannot come off the wire, or cannot be a member of a struct.
fn check_type(ty: &Type) -> Result<()> {
    let told = |message: &str| Err(Error::new_spanned(ty, message));
    match types::plain(ty) {
        Type::Reference(reference) if types::is_named(&reference.elem, "str") => {
            told("an argument comes off the wire, so it is owned: take a `String`")
        }
        Type::Reference(reference) => match types::plain(&reference.elem) {
            Type::Slice(_) => told("an argument comes off the wire, so it is owned: take a `Vec`"),
            _ => told(
                "an argument comes off the wire, so it is owned: take it by value. What is shared with the module's \
                 fields is for concurrent methods: `#[shared]`",
            ),
        },
        _ if types::mentions(ty, "impl") => told("both sides have to know the type of an argument: name one"),
        _ if types::mentions(ty, "Self") => told("what is `Self` here is something else to callers: name the type"),
        _ => Ok(()),
    }
}

/// Refuses attributes of serde under which names or number of the arguments would not be those of the method.
fn check(attribute: &Attribute) -> Result<()> {
    attribute.parse_nested_meta(|meta| {
        if !["alias", "default", "deserialize_with", "serialize_with", "with"]
            .iter()
            .any(|name| meta.path.is_ident(name))
        {
            let message = "arguments have the names and the number that the method gives them; there is `alias`, \
                           `default`, `deserialize_with`, `serialize_with`, `with`";
            return Err(meta.error(message));
        }
        if meta.input.peek(syn::Token![=]) {
            let _: syn::Expr = meta.value()?.parse()?;
        }
        Ok(())
    })
}
