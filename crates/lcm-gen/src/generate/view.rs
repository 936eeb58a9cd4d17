//! Of types of variable size: the view of a received message.

use lcm::schema::Struct;
use proc_macro2::TokenStream;
use quote::quote;

use super::names::{TypeNames, ident};
use super::shape::{Element, Shape, is_shown_in_views};
use super::{Scope, doc, native};

pub(super) fn items(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>]) -> Vec<TokenStream> {
    let TypeNames { owned, view, .. } = TypeNames::of(&structure.name);
    let docs = doc(&format!("A received [`{owned}`], where it lies."));
    let shown: Vec<_> = members.iter().filter(|shape| is_shown_in_views(structure, shape.name())).collect();
    let fields = shown.iter().map(|shape| {
        let name = ident(shape.name());
        let field_type = field_type(scope, shape);
        quote!(#name: #field_type)
    });
    let accessors = shown.iter().map(|shape| {
        let mut docs = doc(&shape.member.doc);
        if shape.rows.len() > 1 {
            let flat = doc("Row after row, as one slice.");
            let gap = if shape.member.doc.is_empty() { quote!() } else { quote!(#[doc = ""]) };
            docs = quote!(#docs #gap #flat);
        }
        let name = ident(shape.name());
        let field_type = field_type(scope, shape);
        quote! {
            #docs
            #[inline]
            pub fn #name(&self) -> #field_type {
                self.#name
            }
        }
    });
    vec![
        quote! {
            #docs
            #[derive(Debug, Clone, Copy)]
            pub struct #view<'a> {
                #(#fields,)*
            }
        },
        quote! {
            impl<'a> #view<'a> {
                #(#accessors)*
            }
        },
    ]
}

fn field_type(scope: &Scope<'_>, shape: &Shape<'_>) -> TokenStream {
    let flat = !shape.rows.is_empty();
    match shape.element {
        Element::Text if flat => quote!(::lcm::codec::Texts<'a>),
        Element::Text => quote!(::lcm::codec::Text<'a>),
        Element::Variable(name) if flat => {
            let owned = scope.path(name).owned;
            quote!(::lcm::codec::Views<'a, #owned>)
        }
        Element::Variable(name) => {
            let view = scope.path(name).view;
            quote!(#view<'a>)
        }
        _ if flat => {
            let cell = scope.wire_cell(shape);
            quote!(&'a [#cell])
        }
        Element::Number(number) if shape.cells.is_empty() => native(number),
        Element::Boolean if shape.cells.is_empty() => quote!(bool),
        Element::Int8 | Element::Byte if shape.cells.is_empty() => scope.wire_element(shape.element),
        _ => {
            let cell = scope.wire_cell(shape);
            quote!(&'a #cell)
        }
    }
}
