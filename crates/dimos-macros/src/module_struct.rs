//! `#[derive(Module)]`: a struct's fields become a module's ports, references, configuration and state.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Data, DeriveInput, Error, Fields, GenericParam, Result, parse_quote};

use crate::errors::Errors;
use crate::part::Part;
use crate::{attributes, reserved};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(lifetime) = input.generics.params.iter().find(|one| matches!(one, GenericParam::Lifetime(_))) {
        let message = "a module outlives what it could borrow: own it, or share it in an `Arc`";
        return Err(Error::new_spanned(lifetime, message));
    }
    let mut errors = Errors::default();
    let parts: Vec<_> = fields(input)?
        .into_iter()
        .flatten()
        .filter_map(|field| Some(Part::new(field, field.ident.as_ref()?, &mut errors)))
        .collect();

    // Not the user's names, so that expressions in `#[init(...)]` see of ours the configuration only.
    let (declaration, assembled) =
        (format_ident!("declaration", span = Span::mixed_site()), format_ident!("parts", span = Span::mixed_site()));
    let declarations: Vec<_> = parts.iter().filter_map(|part| part.declaration(&declaration)).collect();
    // The configuration moves last: expressions may read it.
    let (config, others): (Vec<_>, Vec<_>) = parts.iter().partition(|part| part.is_config());
    let fields = others.iter().chain(&config).map(|part| {
        let (field, value) = (&part.name, part.value(&assembled));
        quote!(#field: #value)
    });
    let fields: Vec<_> = fields.collect();
    let config_type = config.first().map(|part| {
        let ty = &part.ty;
        quote!(#ty)
    });
    let config_name = if config_type.is_some() { quote!(config) } else { quote!(_) };
    let config_type = config_type.unwrap_or_else(|| quote!(::dimos::module::NoConfig));
    let declaration = if declarations.is_empty() { quote!(_) } else { quote!(#declaration) };
    let assembled = if declarations.is_empty() { quote!(_) } else { quote!(#assembled) };

    let (name, class_name, doc) = (&input.ident, reserved::plain(&input.ident), attributes::doc(&input.attrs));
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        // The block of `#[module]` knows the types, so not every choice of them is a module.
        generics.make_where_clause().predicates.push(parse_quote!(Self: ::dimos::module::Methods));
    }
    let (generics, arguments, bounds) = generics.split_for_impl();
    let errors = errors.into_tokens();
    Ok(quote! {
        #errors
        #[automatically_derived]
        impl #generics ::dimos::Module for #name #arguments #bounds {
            type Config = #config_type;
            const CLASS_NAME: &'static str = #class_name;
            const DOC: &'static str = #doc;
            const VERSION: ::core::option::Option<&'static str> = ::core::option_env!("CARGO_PKG_VERSION");
            fn declare(#declaration: &mut ::dimos::module::Declaration) {
                #(#declarations)*
            }
            fn assemble(#assembled: &mut ::dimos::module::Parts, #config_name: Self::Config) -> Self {
                Self { #(#fields),* }
            }
        }
    })
}

/// The fields, if there are any.
fn fields(input: &DeriveInput) -> Result<Option<&syn::punctuated::Punctuated<syn::Field, syn::Token![,]>>> {
    let message = "a module is a struct with named fields, or without any";
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(Some(&fields.named)),
            Fields::Unit => Ok(None),
            Fields::Unnamed(fields) => Err(Error::new_spanned(fields, message)),
        },
        Data::Enum(data) => Err(Error::new(data.enum_token.span, message)),
        Data::Union(data) => Err(Error::new(data.union_token.span, message)),
    }
}
