//! Names in Rust: those of the IDL wherever they can be, and which of them collide.

use std::collections::BTreeMap;

use lcm::schema::{Definition, Schema};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};

/// An identifier for a name of the IDL: a raw one for a keyword, and one with `_` behind where Rust allows not even that.
pub(super) fn ident(name: &str) -> Ident {
    if NEVER_RAW.contains(&name) {
        format_ident!("{name}_")
    } else if syn::parse_str::<Ident>(name).is_ok() && !KEYWORDS_OF_2024.contains(&name) {
        Ident::new(name, Span::call_site())
    } else {
        Ident::new_raw(name, Span::call_site())
    }
}

/// The name of a local variable for a member, which is no name of anything else.
pub(super) fn local(member: &str) -> Ident {
    format_ident!("read_{member}")
}

/// The name of the module of a part of a package, and of its file.
pub(super) fn module(part: &str) -> String {
    // A file mod.rs is another thing.
    if NEVER_RAW.contains(&part) || part == "mod" { format!("{part}_") } else { part.to_owned() }
}

/// The file of a package.
pub(super) fn file(package: &str) -> String {
    format!("{}.rs", package.split('.').map(module).collect::<Vec<_>>().join("/"))
}

/// Whether the identifier of `member` is another than serde would take for it.
pub(super) fn is_renamed(member: &str) -> bool {
    NEVER_RAW.contains(&member)
}

/// A type's three names.
#[derive(Debug, Clone)]
pub(super) struct TypeNames {
    pub(super) owned: Ident,
    pub(super) view: Ident,
    pub(super) layout: Ident,
}

impl TypeNames {
    /// Of the type `full_name`, within its module.
    pub(super) fn of(full_name: &str) -> Self {
        let (_, name) = split(full_name);
        let is_reserved = RESERVED_TYPES.contains(&name) || name.starts_with("__");
        let owned = if is_reserved { format_ident!("{name}_") } else { ident(name) };
        Self { view: format_ident!("{name}View"), layout: format_ident!("{name}Layout"), owned }
    }
}

/// The package, and the name within.
pub(super) fn split(full_name: &str) -> (&str, &str) {
    full_name.rsplit_once('.').unwrap_or(("", full_name))
}

/// The path to the module of `package` from within the module of `from`, or from the root of a crate that has it.
pub(super) fn module_path(package: &str, from: &str, external: Option<&str>) -> TokenStream {
    let modules = package.split('.').filter(|part| !part.is_empty()).map(|part| ident(&module(part)));
    if let Some(crate_name) = external {
        let crate_name = ident(crate_name);
        return quote!(::#crate_name #(::#modules)*::);
    }
    if package == from {
        return quote!();
    }
    // Types without a package are in a module of their own, too.
    let up = from.split('.').map(|_| quote!(super::));
    quote!(#(#up)* #(#modules::)*)
}

/// Names of generated items that two types, or a type and a package, would both have: with the full names of both.
pub(crate) fn collisions(schema: &Schema) -> Vec<(String, String)> {
    let mut owners: BTreeMap<(String, String), String> = BTreeMap::new();
    let without_package = ((String::new(), NO_PACKAGE.to_owned()), "the module of types without a package".to_owned());
    owners.extend([without_package]);
    let mut collisions = Vec::new();
    // Packages are modules, each within the one before the dot.
    for definition in schema.iter() {
        let (mut package, _) = split(definition.name());
        while !package.is_empty() {
            let (outer, name) = split(package);
            let owner = format!("package {package}");
            let taken = owners.insert((outer.to_owned(), ident(&module(name)).to_string()), owner.clone());
            if let Some(taken) = taken.filter(|taken| *taken != owner) {
                let message = format!("{owner} and {taken} would both be {} in Rust", module(name));
                collisions.push((definition.name().to_owned(), message));
            }
            package = outer;
        }
    }
    for definition in schema.iter() {
        let full_name = definition.name();
        let (package, _) = split(full_name);
        let TypeNames { owned, view, layout } = TypeNames::of(full_name);
        let mut names = vec![owned, view, layout];
        names.dedup();
        for name in names {
            if let Some(owner) = owners.insert((package.to_owned(), name.to_string()), full_name.to_owned()) {
                collisions
                    .push((full_name.to_owned(), format!("{full_name} and {owner} would both be {name} in Rust")));
            }
        }
    }
    for definition in schema.iter() {
        let groups: [Vec<&str>; 2] = match definition {
            Definition::Struct(structure) => [
                structure.members.iter().map(|member| &*member.name).collect(),
                structure.constants.iter().map(|constant| &*constant.name).collect(),
            ],
            Definition::Enum(definition) => [definition.values.iter().map(|(name, _)| &**name).collect(), Vec::new()],
        };
        for names in groups {
            for name in names.iter().filter(|name| is_renamed(name)) {
                let changed = ident(name).to_string();
                if names.contains(&&*changed) {
                    let message = format!("{name} and {changed} would both be {changed} in Rust");
                    collisions.push((definition.name().to_owned(), message));
                }
            }
        }
    }
    collisions
}

/// The module of types without a package, which are visible outside of it, too.
pub(super) const NO_PACKAGE: &str = "no_package";

/// Keywords that cannot be raw identifiers.
const NEVER_RAW: [&str; 5] = ["self", "Self", "super", "crate", "_"];

/// Keywords since Rust 2024, which the parser of Rust does not know as such.
const KEYWORDS_OF_2024: [&str; 1] = ["gen"];

/// Names that generated code, and what serde derives from it, needs to mean what they mean in Rust.
const RESERVED_TYPES: [&str; 23] = [
    "Err", "None", "Ok", "Some", "_serde", "bool", "char", "f32", "f64", "i128", "i16", "i32", "i64", "i8", "isize",
    "never", "str", "u128", "u16", "u32", "u64", "u8", "usize",
];
