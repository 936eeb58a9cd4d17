//! Enumerations: a number that is one of the named ones, or another one that a newer program sent.

use lcm::schema::{Enum, Fingerprint};
use proc_macro2::TokenStream;
use quote::quote;

use super::message;
use super::names::{TypeNames, ident};
use super::{doc, layout};

pub(super) fn items(definition: &Enum, fingerprint: Fingerprint) -> Vec<TokenStream> {
    let TypeNames { owned, layout, .. } = TypeNames::of(&definition.name);
    let docs = doc(&definition.doc);
    let lcm_type = doc(&format!("LCM enumeration `{}`.", definition.name));
    let serde = quote!(::lcm::codec::serde);
    let type_item = quote! {
        #docs
        #[doc = ""]
        #lcm_type
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, #serde::Serialize, #serde::Deserialize)]
        #[serde(crate = "::lcm::codec::serde", transparent)]
        pub struct #owned(pub i32);
    };
    let values = definition.values.iter().map(|(name, value)| {
        let name = ident(name);
        let value = super::owned::integer((*value).into());
        quote!(pub const #name: Self = Self(#value);)
    });
    let values_item = quote! {
        impl #owned {
            #(#values)*
        }
    };
    let layout_doc = doc(&format!("[`{owned}`] as it lies in a message: 4 bytes."));
    let derives = layout::derives();
    let layout_item = quote! {
        #layout_doc
        #derives
        pub struct #layout {
            value: ::lcm::codec::zerocopy::big_endian::I32,
        }
    };
    let accessor_item = quote! {
        impl #layout {
            #[doc = " The number."]
            #[inline]
            pub fn value(&self) -> i32 {
                self.value.get()
            }
        }
    };
    let from_owned = quote! {
        impl ::core::convert::From<&#owned> for #layout {
            #[inline]
            fn from(value: &#owned) -> Self {
                Self { value: value.0.into() }
            }
        }
    };
    let to_owned = quote! {
        impl ::core::convert::From<&#layout> for #owned {
            #[inline]
            fn from(layout: &#layout) -> Self {
                Self(layout.value.get())
            }
        }
    };
    let message = message::fixed(&definition.name, fingerprint);
    vec![type_item, values_item, layout_item, accessor_item, from_owned, to_owned, message]
}
