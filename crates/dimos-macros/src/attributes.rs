//! Attributes as every macro here reads them: documentation, `cfg`, and those that are ours and have to be taken away.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, ExprLit, Lit, Meta, Result};

/// The documentation as text: a line for each `#[doc]`, without the space after `///`, and nothing empty around it.
pub(crate) fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else { return None };
        let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &meta.value else { return None };
        Some(text.value())
    });
    // A comment between `/**` and `*/` is one attribute of many lines.
    let text = lines.collect::<Vec<_>>().join("\n");
    let lines = text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// The conditions under which what bears these attributes is compiled. What we write for it stands under the same.
pub(crate) fn conditions(attributes: &[Attribute]) -> Vec<Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("cfg")).cloned().collect()
}

/// Takes the attributes of these names away.
pub(crate) fn take(attributes: &mut Vec<Attribute>, names: &[&str]) -> Vec<Attribute> {
    attributes.extract_if(.., |attribute| names.iter().any(|name| attribute.path().is_ident(name))).collect()
}

/// Refuses anything after the attribute's name.
pub(crate) fn bare(attribute: &Attribute) -> Result<()> {
    match &attribute.meta {
        Meta::Path(_) => Ok(()),
        meta => Err(Error::new_spanned(meta, format!("`#[{}]` takes nothing", name(attribute)))),
    }
}

/// The name of an attribute, as it is written.
pub(crate) fn name(attribute: &Attribute) -> String {
    attribute.path().to_token_stream().to_string()
}

/// The place of these tokens, for tokens of ours: what is wrong with them is told there, while names in them are not
/// mistaken for the user's and lints that look for what people write leave them alone.
pub(crate) fn ours_at(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}
