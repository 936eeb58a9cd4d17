//! `#[derive(Wire)]`: the shape of a type, member by member, and a refusal of what bincode cannot carry.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Data, DeriveInput, Error, Fields, Result, parse_quote};

use crate::attributes::ours_at;
use crate::{reserved, types};

pub(crate) fn expand(mut input: DeriveInput) -> Result<TokenStream> {
    check(&input.attrs)?;
    let shape = match &input.data {
        Data::Struct(data) => members(&data.fields)?,
        Data::Enum(data) => {
            if data.variants.is_empty() {
                return Err(Error::new(input.ident.span(), "an enum without variants has no values to send"));
            }
            let variants = data.variants.iter().map(|variant| {
                check(&variant.attrs)?;
                let (name, members) = (reserved::plain(&variant.ident), members(&variant.fields)?);
                Ok(quote!((#name, #members)))
            });
            let variants = variants.collect::<Result<Vec<_>>>()?;
            quote!(::dimos::wire::Shape::variants(&[#(#variants),*]))
        }
        Data::Union(_) => return Err(Error::new(input.ident.span(), "a union cannot travel in binary calls")),
    };
    let parameters: Vec<_> = input.generics.type_params().map(|parameter| parameter.ident.clone()).collect();
    if !parameters.is_empty() {
        let clause = input.generics.make_where_clause();
        for parameter in parameters {
            clause.predicates.push(parse_quote!(#parameter: ::dimos::Wire));
        }
    }
    // Asked for at once, so that what cannot travel is told where it is defined, called or not.
    let name = &input.ident;
    let asked = input
        .generics
        .params
        .is_empty()
        .then(|| quote!(const _: ::dimos::wire::Shape = <#name as ::dimos::Wire>::SHAPE;));
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::dimos::Wire for #name #arguments #bounds {
            const SHAPE: ::dimos::wire::Shape = #shape;
        }
        #asked
    })
}

fn members(fields: &Fields) -> Result<TokenStream> {
    let mut shapes = Vec::new();
    let mut errors: Option<Error> = None;
    for (index, field) in fields.iter().enumerate() {
        let is_bytes = match check(&field.attrs) {
            Ok(is_bytes) => is_bytes,
            Err(error) => {
                match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                }
                continue;
            }
        };
        let name = field.ident.as_ref().map_or_else(|| index.to_string(), reserved::plain);
        let ty = &field.ty;
        let shape = match is_bytes {
            true if types::is_named(ty, "Option") => quote!(::dimos::wire::Shape::option(::dimos::wire::Shape::BYTES)),
            true => quote!(::dimos::wire::Shape::BYTES),
            // What cannot travel is told at the member.
            false => quote_spanned!(ours_at(ty)=> <#ty as ::dimos::Wire>::SHAPE),
        };
        shapes.push(quote!((#name, #shape)));
    }
    match errors {
        None => Ok(quote!(::dimos::wire::Shape::members(&[#(#shapes),*]))),
        Some(errors) => Err(errors),
    }
}

/// Refuses serde's attributes but those that leave the encoding alone. Tells whether the field is a blob of `serde_bytes`.
fn check(attributes: &[Attribute]) -> Result<bool> {
    let mut is_bytes = false;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
        attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let value = if meta.input.peek(syn::Token![=]) {
                Some(meta.value()?.parse::<syn::Expr>()?)
            } else {
                if meta.input.peek(syn::token::Paren) {
                    let _: proc_macro2::Group = meta.input.parse()?;
                }
                None
            };
            if name == "with" && value.as_ref().is_some_and(is_serde_bytes) {
                is_bytes = true;
                return Ok(());
            }
            if HARMLESS.contains(&name.as_str()) {
                return Ok(());
            }
            Err(Error::new(
                meta.path.span(),
                format!("binary calls cannot carry `#[serde({name})]`: {}", reason(&name)),
            ))
        })?;
    }
    Ok(is_bytes)
}

fn is_serde_bytes(value: &syn::Expr) -> bool {
    matches!(value, syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) if text.value() == "serde_bytes")
}

fn reason(name: &str) -> &'static str {
    match name {
        "tag" | "content" | "untagged" | "other" => {
            "an enum is its variant's number there; use serde's default form, or a method in JSON"
        }
        "flatten" => "members have no names there; write them out, or use a method in JSON",
        "skip" | "skip_serializing" | "skip_deserializing" | "skip_serializing_if" => {
            "every member has its place there; use an `Option`, or a method in JSON"
        }
        _ => "the members do not tell how the value is encoded then; use a method in JSON",
    }
}

/// What leaves the bytes as they are.
const HARMLESS: &[&str] = &[
    "alias",
    "borrow",
    "bound",
    "crate",
    "default",
    "deny_unknown_fields",
    "expecting",
    "rename",
    "rename_all",
    "rename_all_fields",
    "transparent",
];
