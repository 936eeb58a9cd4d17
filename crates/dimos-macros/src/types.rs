//! Types as macros see them: by their names only, whatever was imported under those.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, GenericArgument, Lit, PathArguments, PathSegment, Type};

/// The last segment of a path: `In<Scan>` of `dimos::In<Scan>`. None for other types.
pub(crate) fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match plain(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

/// Whether the last segment is this name.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == name)
}

/// What is borrowed, if it is a shared borrow.
pub(crate) fn shared(ty: &Type) -> Option<&Type> {
    match plain(ty) {
        Type::Reference(reference) if reference.mutability.is_none() => Some(&reference.elem),
        _ => None,
    }
}

/// Whether it is `&Name`.
pub(crate) fn is_reference_to(ty: &Type, name: &str) -> bool {
    shared(ty).is_some_and(|ty| is_named(ty, name))
}

/// The first type between the angle brackets of the last segment.
pub(crate) fn first_argument(ty: &Type) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &last_segment(ty)?.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Whether a word, such as `Self` or `impl`, stands anywhere in it.
pub(crate) fn mentions(tokens: &impl ToTokens, word: &str) -> bool {
    fn has(tokens: TokenStream, word: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == word,
            TokenTree::Group(group) => has(group.stream(), word),
            _ => false,
        })
    }
    has(tokens.to_token_stream(), word)
}

/// The literal that an expression is, also one that another macro passed on.
pub(crate) fn literal(mut expression: &Expr) -> Option<&Lit> {
    loop {
        expression = match expression {
            Expr::Group(group) => &group.expr,
            Expr::Lit(literal) => return Some(&literal.lit),
            _ => return None,
        };
    }
}

/// Without the parentheses and invisible groups around it.
pub(crate) fn plain(mut ty: &Type) -> &Type {
    loop {
        ty = match ty {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return ty,
        };
    }
}
