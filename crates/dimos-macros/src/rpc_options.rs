//! `#[rpc(...)]` and `#[skill(...)]`: under which name a method is called, and how.

use proc_macro2::Span;
use syn::{Attribute, Error, Ident, LitStr, Result};

use crate::{attributes, options, reserved};

/// What the attribute says.
pub(crate) struct RpcOptions {
    /// The name that callers use, and where it stands.
    pub(crate) name: LitStr,
    /// Where `binary` stands, if it does.
    pub(crate) binary: Option<Span>,
    /// Where `concurrent` stands, if it does.
    pub(crate) concurrent: Option<Span>,
    /// Whether it is made for agents.
    pub(crate) is_skill: bool,
}

impl RpcOptions {
    /// A method of this name without an attribute.
    pub(crate) fn plain(method: &Ident) -> Self {
        let name = LitStr::new(&reserved::plain(method), method.span());
        Self { name, binary: None, concurrent: None, is_skill: false }
    }

    /// Reads the attribute of this method, whose other attributes say what it does.
    pub(crate) fn of(attribute: &Attribute, method: &Ident, others: &[Attribute]) -> Result<Self> {
        let mut read = Self { is_skill: attribute.path().is_ident("skill"), ..Self::plain(method) };
        let known: &[&str] = if read.is_skill { &["name", "concurrent"] } else { &["name", "binary", "concurrent"] };
        for setting in options::parse(attribute)? {
            match setting.key().as_str() {
                "name" => read.name = setting.text()?,
                "concurrent" => read.concurrent = setting.flag()?.then_some(setting.span()),
                "binary" if read.is_skill => {
                    return Err(Error::new(setting.span(), "agents call in JSON: a skill is not `binary`"));
                }
                "binary" => read.binary = setting.flag()?.then_some(setting.span()),
                _ => return Err(setting.unknown(attribute, known)),
            }
        }
        if read.is_skill && attributes::doc(others).is_empty() {
            let message = "an agent chooses a skill by what is said of it: write a doc comment that tells what it does";
            return Err(Error::new(method.span(), message));
        }
        reserved::check_method(&read.name)?;
        Ok(read)
    }
}
