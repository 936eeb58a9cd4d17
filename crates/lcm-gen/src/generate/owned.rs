//! The type whose values own their data.

use lcm::schema::{Constant, ConstantValue, Dimension, Primitive, Struct};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::names::{TypeNames, ident, is_renamed};
use super::shape::Shape;
use super::{Scope, doc, in_arrays, native};

pub(super) fn items(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> Vec<TokenStream> {
    let TypeNames { owned, .. } = TypeNames::of(&structure.name);
    let docs = doc(&structure.doc);
    let gap = if structure.doc.is_empty() { quote!() } else { quote!(#[doc = ""]) };
    let lcm_type = doc(&format!("LCM type `{}`.", structure.name));
    let shown: Vec<_> = members.iter().filter(|shape| !structure.is_implied(shape.name())).collect();
    let fields = shown.iter().map(|shape| {
        let docs = doc(&shape.member.doc);
        let name = ident(shape.name());
        let field_type = field_type(scope, shape);
        let serde = serde_attribute(shape);
        quote! {
            #docs
            #serde
            pub #name: #field_type
        }
    });
    let derives_default = shown.iter().all(|shape| {
        shape.cells.iter().all(|&size| size <= MAX_DEFAULT_ARRAY)
            && !shape.rows.iter().any(|size| matches!(size, Dimension::Fixed { .. }))
    });
    let default = if derives_default { quote!(Default,) } else { quote!() };
    let copy = if scope.shapes.fixed_bytes(&structure.name).is_some() { quote!(Copy,) } else { quote!() };
    let serde = quote!(::lcm::codec::serde);
    let mut items = vec![quote! {
        #docs
        #gap
        #lcm_type
        #[derive(Debug, Clone, #copy #default PartialEq, #serde::Serialize, #serde::Deserialize)]
        #[serde(crate = "::lcm::codec::serde", default, deny_unknown_fields)]
        pub struct #owned {
            #(#fields,)*
        }
    }];
    if !derives_default {
        items.push(default_item(&owned, &shown));
    }
    if !structure.constants.is_empty() {
        let constants = structure.constants.iter().map(constant);
        items.push(quote! {
            impl #owned {
                #(#constants)*
            }
        });
    }
    items
}

fn field_type(scope: &Scope<'_>, shape: &Shape<'_>) -> TokenStream {
    let cell = in_arrays(scope.owned_element(shape.element), &shape.cells);
    shape.rows.iter().fold(cell, |inner, _| quote!(::std::vec::Vec<#inner>))
}

fn serde_attribute(shape: &Shape<'_>) -> TokenStream {
    let name = shape.name();
    let rename = is_renamed(name).then(|| quote!(#[serde(rename = #name)]));
    let readable = shape.needs_readable().then(|| quote!(#[serde(with = "::lcm::codec::as_readable")]));
    quote!(#rename #readable)
}

fn default_item(owned: &proc_macro2::Ident, shown: &[&Shape<'_>]) -> TokenStream {
    let fields = shown.iter().map(|shape| {
        let name = ident(shape.name());
        let cell = shape.cells.iter().rev().fold(quote!(::core::default::Default::default()), |inner, &size| {
            let size = Literal::u32_unsuffixed(size);
            quote!([#inner; #size])
        });
        let value = shape.rows.iter().rev().fold(cell, |inner, size| match size {
            Dimension::Fixed { size, .. } => {
                let size = Literal::u32_unsuffixed(*size);
                quote!(::std::vec![#inner; #size])
            }
            Dimension::Variable { .. } => quote!(::std::vec::Vec::new()),
        });
        quote!(#name: #value)
    });
    quote! {
        impl ::core::default::Default for #owned {
            fn default() -> Self {
                Self { #(#fields,)* }
            }
        }
    }
}

fn constant(constant: &Constant) -> TokenStream {
    let docs = doc(&constant.doc);
    let name = ident(&constant.name);
    let constant_type = native(constant.kind);
    let value = match constant.value {
        ConstantValue::Integer(value) => integer(value),
        ConstantValue::Float(value) => float(constant.kind, value),
    };
    quote! {
        #docs
        pub const #name: #constant_type = #value;
    }
}

pub(super) fn integer(value: i64) -> TokenStream {
    let magnitude = Literal::u64_unsuffixed(value.unsigned_abs());
    if value < 0 { quote!(-#magnitude) } else { quote!(#magnitude) }
}

#[expect(clippy::cast_possible_truncation, reason = "the nearest float is what C takes too")]
fn float(kind: Primitive, value: f64) -> TokenStream {
    let constant_type = native(kind);
    if value.is_nan() {
        return quote!(#constant_type::NAN);
    }
    let sign = value.is_sign_negative().then(|| quote!(-));
    if value.is_infinite() {
        return quote!(#sign #constant_type::INFINITY);
    }
    // As short as it can be read back.
    let magnitude = match kind {
        Primitive::Float => format!("{:?}", (value as f32).abs().min(f32::MAX)),
        _ => format!("{:?}", value.abs()),
    };
    let magnitude: TokenStream = magnitude.parse().unwrap_or_default();
    quote!(#sign #magnitude)
}

/// The longest array that the standard library has a default for.
const MAX_DEFAULT_ARRAY: u32 = 32;
