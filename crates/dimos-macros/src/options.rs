//! Options in an attribute, `#[port(latest, topic = "/scan")]`: a key, or a key and a value, each at most once.

use proc_macro2::Span;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Expr, Ident, Lit, LitInt, LitStr, Meta, Result, Token};

use crate::{attributes, types};

/// One of the options.
pub(crate) struct Setting {
    key: Ident,
    value: Option<Expr>,
}

/// The options of an attribute; none if it is only its name.
pub(crate) fn parse(attribute: &Attribute) -> Result<Vec<Setting>> {
    if let Meta::Path(_) = attribute.meta {
        return Ok(Vec::new());
    }
    let settings: Vec<_> =
        attribute.parse_args_with(Punctuated::<Setting, Token![,]>::parse_terminated)?.into_iter().collect();
    for (index, setting) in settings.iter().enumerate() {
        if settings[..index].iter().any(|other| other.key == setting.key) {
            let message = format!("`{}` is there twice", setting.key);
            return Err(Error::new(setting.span(), message));
        }
    }
    Ok(settings)
}

impl Setting {
    pub(crate) fn key(&self) -> String {
        self.key.to_string()
    }

    pub(crate) fn span(&self) -> Span {
        self.key.span()
    }

    /// Nothing but the key.
    pub(crate) fn flag(&self) -> Result<bool> {
        match &self.value {
            None => Ok(true),
            Some(value) => {
                Err(Error::new_spanned(value, format!("`{0}` takes no value: write `{0}`, or leave it out", self.key)))
            }
        }
    }

    /// A text between quotes.
    pub(crate) fn text(&self) -> Result<LitStr> {
        match self.value.as_ref().and_then(types::literal) {
            Some(Lit::Str(text)) => Ok(text.clone()),
            _ => Err(self.wrong("a text", "\"...\"")),
        }
    }

    /// A whole number.
    pub(crate) fn count(&self) -> Result<LitInt> {
        match self.value.as_ref().and_then(types::literal) {
            Some(Lit::Int(number)) => Ok(number.clone()),
            _ => Err(self.wrong("a whole number", "8")),
        }
    }

    /// That the attribute has no such option, and which it has.
    pub(crate) fn unknown(&self, attribute: &Attribute, known: &[&str]) -> Error {
        let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
        let message =
            format!("`#[{}]` has no option `{}`; it has {}", attributes::name(attribute), self.key, known.join(", "));
        Error::new(self.span(), message)
    }

    fn wrong(&self, wanted: &str, example: &str) -> Error {
        let message = format!("`{0}` takes {wanted}: `{0} = {example}`", self.key);
        match &self.value {
            Some(value) => Error::new_spanned(value, message),
            None => Error::new(self.span(), message),
        }
    }
}

impl Parse for Setting {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.parse()?;
        let has_value = input.parse::<Option<Token![=]>>()?.is_some();
        Ok(Self { key, value: if has_value { Some(input.parse()?) } else { None } })
    }
}
