//! The macros of the `dimos` crate, which exports them; what they write refers to `dimos` only.

mod wire;

use proc_macro::TokenStream;

/// Lets a type travel in the bodies of binary calls; see `dimos::Wire`.
#[proc_macro_derive(Wire)]
pub fn derive_wire(input: TokenStream) -> TokenStream {
    expand(input, wire::expand)
}

fn expand<T: syn::parse::Parse>(
    input: TokenStream,
    work: impl FnOnce(T) -> syn::Result<proc_macro2::TokenStream>,
) -> TokenStream {
    syn::parse(input).and_then(work).unwrap_or_else(|error| error.to_compile_error()).into()
}
