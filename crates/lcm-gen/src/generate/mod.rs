//! From a schema to Rust: one module for each package, and in it three types for each message.
//!
//! What the types are for stands in the documentation of [`lcm::Message`]. The output depends on nothing but the schema.

mod enumeration;
mod layout;
mod message;
mod names;
mod owned;
mod shape;
mod view;

use std::collections::{BTreeMap, BTreeSet};

use lcm::schema::{Definition, Fingerprint, Schema};
use proc_macro2::TokenStream;
use quote::quote;

use names::{NO_PACKAGE, TypeNames};
use shape::{Element, Shape, Shapes};

pub(crate) use names::collisions;

/// A generated file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GeneratedFile {
    /// Where it belongs, relative to `mod.rs`.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// What code is generated from.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) schema: &'a Schema,
    /// The crates that have types already, by the types' full names.
    pub(crate) external: BTreeMap<String, String>,
    /// Of the types to generate.
    pub(crate) fingerprints: BTreeMap<String, Fingerprint>,
}

/// Writes the code of all types that are not external.
pub(crate) fn generate(input: &Input<'_>) -> Vec<GeneratedFile> {
    let shapes = Shapes::new(input.schema);
    let mut modules: BTreeMap<&str, Module> = BTreeMap::from([("", Module::default())]);
    for definition in input.schema.iter() {
        let name = definition.name();
        let Some(&fingerprint) = input.fingerprints.get(name) else { continue };
        let (mut package, _) = names::split(name);
        let scope = Scope { input, shapes: &shapes, package };
        modules.entry(package).or_default().items.push(scope.definition(definition, fingerprint));
        while !package.is_empty() {
            let (outer, inner) = names::split(package);
            modules.entry(outer).or_default().inner.insert(inner);
            package = outer;
        }
    }
    let files = modules.iter().filter(|(package, _)| !package.is_empty()).map(|(package, module)| module.file(package));
    modules[""].root_files().into_iter().chain(files).collect()
}

/// Where code is written: a package, among all types.
#[derive(Debug, Clone, Copy)]
struct Scope<'a> {
    input: &'a Input<'a>,
    shapes: &'a Shapes<'a>,
    package: &'a str,
}

#[derive(Debug, Default)]
struct Module<'a> {
    inner: BTreeSet<&'a str>,
    /// Of each type, its items.
    items: Vec<Vec<TokenStream>>,
}

impl<'a> Scope<'a> {
    fn definition(&self, definition: &'a Definition, fingerprint: Fingerprint) -> Vec<TokenStream> {
        match definition {
            Definition::Enum(definition) => enumeration::items(definition, fingerprint),
            Definition::Struct(structure) => {
                let members = self.shapes.members(structure);
                let mut items = owned::items(self, structure, &members);
                if let Some(bytes) = self.shapes.fixed_bytes(&structure.name) {
                    items.extend(layout::items(self, structure, &members, bytes));
                    items.push(message::fixed(&structure.name, fingerprint));
                } else {
                    items.extend(view::items(self, structure, &members));
                    items.push(message::of_variable_size(self, structure, &members, fingerprint));
                }
                items
            }
        }
    }

    /// The paths of the type `full_name` from here.
    fn path(&self, full_name: &str) -> TypePaths {
        let (package, _) = names::split(full_name);
        let external = self.input.external.get(full_name).map(String::as_str);
        let module = names::module_path(package, self.package, external);
        let TypeNames { owned, view, layout } = TypeNames::of(full_name);
        TypePaths { owned: quote!(#module #owned), view: quote!(#module #view), layout: quote!(#module #layout) }
    }

    /// The type of an element in owned messages.
    fn owned_element(&self, element: Element<'_>) -> TokenStream {
        match element {
            Element::Number(number) => native(number),
            Element::Int8 => quote!(i8),
            Element::Byte => quote!(u8),
            Element::Boolean => quote!(bool),
            Element::Text => quote!(::std::string::String),
            Element::Fixed(name) | Element::Variable(name) => self.path(name).owned,
        }
    }

    /// The type of an element of fixed size on the wire.
    fn wire_element(&self, element: Element<'_>) -> TokenStream {
        match element {
            Element::Number(number) => big_endian(number),
            Element::Int8 => quote!(i8),
            Element::Byte => quote!(u8),
            Element::Boolean => quote!(::lcm::codec::Bool),
            Element::Fixed(name) => self.path(name).layout,
            Element::Text | Element::Variable(_) => unreachable!("elements of variable size have no layout"),
        }
    }

    /// An element with its inner dimensions, on the wire.
    fn wire_cell(&self, shape: &Shape<'_>) -> TokenStream {
        in_arrays(self.wire_element(shape.element), &shape.cells)
    }
}

struct TypePaths {
    owned: TokenStream,
    view: TokenStream,
    layout: TokenStream,
}

impl Module<'_> {
    /// The file of a package, which contains the packages within it.
    fn file(&self, package: &str) -> GeneratedFile {
        let mut text = format!("{MARK}\n//! Messages of the package `{package}`.\n");
        self.add_modules(&mut text);
        self.add_items(&mut text);
        GeneratedFile { path: names::file(package), text }
    }

    /// The file that has all packages, and that of the types without a package. (A file that is included begins with neither
    /// documentation nor attributes, so they have another one.)
    fn root_files(&self) -> Vec<GeneratedFile> {
        let mut text = format!("{MARK}\n");
        self.add_modules(&mut text);
        if self.items.is_empty() {
            return vec![GeneratedFile { path: "mod.rs".to_owned(), text }];
        }
        text += &format!("\n{ALLOW}\nmod {NO_PACKAGE};\n{ALLOW_UNUSED}\npub use {NO_PACKAGE}::*;\n");
        let mut types = format!("{MARK}\n//! Messages without a package.\n");
        self.add_items(&mut types);
        let types = GeneratedFile { path: format!("{NO_PACKAGE}.rs"), text: types };
        vec![GeneratedFile { path: "mod.rs".to_owned(), text }, types]
    }

    fn add_modules(&self, text: &mut String) {
        for inner in &self.inner {
            *text += &format!("\n{ALLOW}\npub mod {};\n", names::ident(&names::module(inner)));
        }
    }

    fn add_items(&self, text: &mut String) {
        for item in self.items.iter().flatten() {
            *text += "\n";
            *text += &layout_text(item);
        }
    }
}

/// The first line of every generated file.
pub(crate) const MARK: &str = "// Generated by lcm-gen from .lcm files: change those, not this.";

/// Names and documentation are the IDL's, not Rust's.
const ALLOW: &str = r#"#[allow(
    missing_docs,
    nonstandard_style,
    unreachable_pub,
    unused,
    rustdoc::all,
    clippy::all,
    clippy::pedantic,
    clippy::nursery,
    reason = "generated: names and documentation are those of the IDL"
)]"#;

const ALLOW_UNUSED: &str = r#"#[allow(unused, unreachable_pub, reason = "generated: not every crate uses them")]"#;

/// Laid out as Rust usually is.
fn layout_text(item: &TokenStream) -> String {
    let Ok(file) = syn::parse2(item.clone()) else {
        // It would not compile either, and there the reader sees why.
        return item.to_string();
    };
    // A blank line after each function, too.
    prettyplease::unparse(&file).replace("\n    }\n    ", "\n    }\n\n    ")
}

/// Documentation, each line a paragraph's line as in the IDL.
fn doc(text: &str) -> TokenStream {
    let lines = text.lines().map(|line| {
        // A fence would begin a program that is compiled as a test.
        let line = line.replace("```", "'''").replace("~~~", "'''").replace(is_refused_in_comments, "\u{fffd}");
        if line.is_empty() { line } else { format!(" {line}") }
    });
    quote!(#(#[doc = #lines])*)
}

/// Control characters, and those that turn the direction of text, which Rust refuses.
fn is_refused_in_comments(c: char) -> bool {
    c.is_control() && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn native(number: lcm::schema::Primitive) -> TokenStream {
    use lcm::schema::Primitive;
    match number {
        Primitive::Int8 => quote!(i8),
        Primitive::Int16 => quote!(i16),
        Primitive::Int32 => quote!(i32),
        Primitive::Int64 => quote!(i64),
        Primitive::Byte => quote!(u8),
        Primitive::Float => quote!(f32),
        Primitive::Double => quote!(f64),
        Primitive::Boolean => quote!(bool),
        Primitive::String => quote!(::std::string::String),
    }
}

fn big_endian(number: lcm::schema::Primitive) -> TokenStream {
    use lcm::schema::Primitive;
    let name = match number {
        Primitive::Int16 => quote!(I16),
        Primitive::Int32 => quote!(I32),
        Primitive::Int64 => quote!(I64),
        Primitive::Float => quote!(F32),
        Primitive::Double => quote!(F64),
        Primitive::Int8 | Primitive::Byte | Primitive::Boolean | Primitive::String => {
            unreachable!("only numbers of several bytes have a byte order")
        }
    };
    quote!(::lcm::codec::zerocopy::big_endian::#name)
}

fn in_arrays(element: TokenStream, cells: &[u32]) -> TokenStream {
    cells.iter().rev().fold(element, |inner, &size| {
        let size = proc_macro2::Literal::u32_unsuffixed(size);
        quote!([#inner; #size])
    })
}
