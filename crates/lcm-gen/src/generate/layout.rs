//! Of types of fixed size: the struct that lies in a message just so.

use lcm::schema::Struct;
use proc_macro2::TokenStream;
use quote::quote;

use super::names::{TypeNames, ident};
use super::shape::{Element, Shape};
use super::{Scope, doc, native};

pub(super) fn items(scope: &Scope<'_>, structure: &Struct, members: &[Shape<'_>], bytes: u64) -> Vec<TokenStream> {
    let TypeNames { owned, layout, .. } = TypeNames::of(&structure.name);
    let docs = doc(&format!("[`{owned}`] as it lies in a message: {bytes} bytes."));
    let derives = derives();
    let fields = members.iter().map(|shape| {
        let name = ident(shape.name());
        let cell = scope.wire_cell(shape);
        quote!(#name: #cell)
    });
    let mut items = vec![quote! {
        #docs
        #derives
        pub struct #layout {
            #(#fields,)*
        }
    }];
    if !members.is_empty() {
        let accessors = members.iter().map(|shape| accessor(scope, shape));
        items.push(quote! {
            impl #layout {
                #(#accessors)*
            }
        });
    }
    let (owned_name, layout_name) =
        if members.is_empty() { (quote!(_), quote!(_)) } else { (quote!(message), quote!(layout)) };
    let to_wire = members.iter().map(|shape| {
        let name = ident(shape.name());
        let value = to_wire(scope, shape, &quote!(message.#name));
        quote!(#name: #value)
    });
    items.push(quote! {
        impl ::core::convert::From<&#owned> for #layout {
            #[inline]
            fn from(#owned_name: &#owned) -> Self {
                Self { #(#to_wire,)* }
            }
        }
    });
    let to_owned = members.iter().map(|shape| {
        let name = ident(shape.name());
        let value = cell_to_owned(scope, shape, &quote!(layout.#name));
        quote!(#name: #value)
    });
    items.push(quote! {
        impl ::core::convert::From<&#layout> for #owned {
            #[inline]
            fn from(#layout_name: &#layout) -> Self {
                Self { #(#to_owned,)* }
            }
        }
    });
    items
}

pub(super) fn derives() -> TokenStream {
    let zerocopy = quote!(::lcm::codec::zerocopy);
    quote! {
        #[derive(
            Debug,
            Clone,
            Copy,
            #zerocopy::FromBytes,
            #zerocopy::IntoBytes,
            #zerocopy::KnownLayout,
            #zerocopy::Immutable,
            #zerocopy::Unaligned,
        )]
        #[zerocopy(crate = "::lcm::codec::zerocopy")]
        #[repr(C)]
    }
}

fn accessor(scope: &Scope<'_>, shape: &Shape<'_>) -> TokenStream {
    let docs = doc(&shape.member.doc);
    let name = ident(shape.name());
    let (result, value) = if shape.cells.is_empty() {
        match shape.element {
            Element::Number(number) => (native(number), quote!(self.#name.get())),
            Element::Int8 => (quote!(i8), quote!(self.#name)),
            Element::Byte => (quote!(u8), quote!(self.#name)),
            Element::Boolean => (quote!(bool), quote!(self.#name.get())),
            Element::Text | Element::Fixed(_) | Element::Variable(_) => {
                let layout = scope.wire_element(shape.element);
                (quote!(&#layout), quote!(&self.#name))
            }
        }
    } else {
        let cell = scope.wire_cell(shape);
        (quote!(&#cell), quote!(&self.#name))
    };
    quote! {
        #docs
        #[inline]
        pub fn #name(&self) -> #result {
            #value
        }
    }
}

/// An owned element with its inner dimensions, as it goes into a message.
fn to_wire(scope: &Scope<'_>, shape: &Shape<'_>, value: &TokenStream) -> TokenStream {
    mapped(shape, value, &|element| match shape.element {
        Element::Fixed(name) => {
            let layout = scope.path(name).layout;
            quote!(<#layout as ::core::convert::From<_>>::from(&#element))
        }
        _ => quote!(#element.into()),
    })
}

/// An element with its inner dimensions as it lies in a message, as an owned one. `value` is a place, not a reference.
pub(super) fn cell_to_owned(scope: &Scope<'_>, shape: &Shape<'_>, value: &TokenStream) -> TokenStream {
    mapped(shape, value, &|element| match shape.element {
        Element::Fixed(name) => {
            let owned = scope.path(name).owned;
            quote!(<#owned as ::core::convert::From<_>>::from(&#element))
        }
        _ => quote!(#element.get()),
    })
}

/// `convert` on each element of `value` and its inner arrays; bytes stay as they are.
fn mapped(shape: &Shape<'_>, value: &TokenStream, convert: &dyn Fn(&TokenStream) -> TokenStream) -> TokenStream {
    match shape.element {
        Element::Int8 | Element::Byte => quote!(#value),
        _ => mapped_to_rank(value, shape.cells.len(), convert),
    }
}

/// `convert` on each element of an array of `rank` dimensions.
fn mapped_to_rank(value: &TokenStream, rank: usize, convert: &dyn Fn(&TokenStream) -> TokenStream) -> TokenStream {
    if rank == 0 {
        return convert(value);
    }
    let inner = mapped_to_rank(&quote!(cell), rank - 1, convert);
    quote!(#value.map(|cell| #inner))
}
