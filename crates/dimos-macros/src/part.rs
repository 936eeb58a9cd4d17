//! A field of a module's struct: what it is, by the name of its type, and what it begins as.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{Attribute, Error, Expr, Field, Ident, Result, Type};

use crate::attributes::{self, ours_at};
use crate::errors::Errors;
use crate::{options, reserved, types};

/// A field.
pub(crate) struct Part {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    kind: Kind,
}

enum Kind {
    /// What joins the module to the rest: ports, references, the context.
    Joined { doc: String, options: Box<PortOptions> },
    /// The configuration.
    Config,
    /// State, and what it begins as, if that is not its default.
    State { init: Option<Box<Expr>> },
    /// Something that is wrong, as was told.
    Wrong,
}

/// What `#[port(...)]` says.
#[derive(Default)]
struct PortOptions {
    topic: Option<String>,
    keep_last: Option<usize>,
    is_latched: bool,
}

impl Part {
    /// Reads a field; what is wrong with it is told, and left out.
    pub(crate) fn new(field: &Field, name: &Ident, errors: &mut Errors) -> Self {
        let with =
            |word: &str| field.attrs.iter().filter(|attribute| attribute.path().is_ident(word)).collect::<Vec<_>>();
        let (ports, inits) = (with("port"), with("init"));
        for attribute in ports.iter().skip(1).chain(inits.iter().skip(1)) {
            errors.tell(attribute, format!("`#[{}]` is there twice", attributes::name(attribute)));
        }
        let Some(joined) = errors.keep(Joined::of(&field.ty)) else {
            return Self { name: name.clone(), ty: field.ty.clone(), kind: Kind::Wrong };
        };
        if let Some(port) = ports.first().filter(|_| !matches!(joined, Some(Joined::In | Joined::Out))) {
            errors.tell(port, format!("`{name}` is no port: `#[port]` is for fields of type `In` or `Out`"));
        }
        let Some(joined) = joined else {
            if name == "config" {
                if let Some(init) = inits.first() {
                    errors.tell(init, "the configuration comes from outside; its defaults are those of its type");
                }
                return Self { name: name.clone(), ty: field.ty.clone(), kind: Kind::Config };
            }
            let init = inits.first().and_then(|init| errors.keep(init.parse_args())).map(Box::new);
            return Self { name: name.clone(), ty: field.ty.clone(), kind: Kind::State { init } };
        };
        if let Some(init) = inits.first() {
            errors.tell(init, format!("`{name}` is made by the runtime; `#[init]` is for the module's own state"));
        }
        if joined.has_name() {
            errors.keep(reserved::check_port(name));
        }
        let options = match ports.first() {
            Some(port) => errors.keep(PortOptions::of(port, joined)).unwrap_or_default(),
            None => PortOptions::default(),
        };
        let kind = Kind::Joined { doc: attributes::doc(&field.attrs), options: Box::new(options) };
        Self { name: name.clone(), ty: field.ty.clone(), kind }
    }

    pub(crate) fn is_config(&self) -> bool {
        matches!(self.kind, Kind::Config)
    }

    /// The statement that declares it, if it is to be declared.
    pub(crate) fn declaration(&self, declaration: &Ident) -> Option<TokenStream> {
        let Kind::Joined { doc, options } = &self.kind else { return None };
        let PortOptions { topic, keep_last, is_latched } = &**options;
        let optional = |value: Option<TokenStream>| match value {
            Some(value) => quote!(::core::option::Option::Some(#value)),
            None => quote!(::core::option::Option::None),
        };
        let topic = optional(topic.as_ref().map(|topic| quote!(#topic)));
        let keep_last = optional(keep_last.map(|count| quote!(#count)));
        let (ty, name) = (&self.ty, reserved::plain(&self.name));
        Some(quote_spanned! {ours_at(ty)=>
            <#ty as ::dimos::module::Part>::declare(
                #declaration,
                #name,
                ::dimos::module::PartOptions {
                    doc: #doc,
                    topic: #topic,
                    keep_last: #keep_last,
                    is_latched: #is_latched,
                },
            );
        })
    }

    /// What the field begins as. The configuration is at hand already.
    pub(crate) fn value(&self, parts: &Ident) -> TokenStream {
        let (ty, name) = (&self.ty, reserved::plain(&self.name));
        match &self.kind {
            Kind::Joined { .. } => {
                quote_spanned!(ours_at(ty)=> <#ty as ::dimos::module::Part>::assemble(#parts, #name))
            }
            Kind::Config => quote!(config),
            Kind::State { init: Some(expression) } => quote!(#expression),
            // Of any type, so that there is nothing more to complain of.
            Kind::Wrong => quote!(::core::option::Option::unwrap(::core::option::Option::None)),
            Kind::State { init: None } => quote_spanned!(ours_at(ty)=> <#ty as ::core::default::Default>::default()),
        }
    }
}

/// What joins a module to the rest, by the name of its type.
#[derive(Clone, Copy, PartialEq)]
enum Joined {
    In,
    Out,
    Reference,
    Surroundings,
}

impl Joined {
    fn of(ty: &Type) -> Result<Option<Self>> {
        let Some(segment) = types::last_segment(ty) else { return Ok(None) };
        Ok(Some(match segment.ident.to_string().as_str() {
            "In" => Self::In,
            "Out" => Self::Out,
            "Ref" => {
                check_reference(ty)?;
                Self::Reference
            }
            "Context" | "Tf" | "Clock" => Self::Surroundings,
            "Option" => match types::first_argument(ty) {
                Some(of) if types::is_named(of, "Ref") => {
                    check_reference(of)?;
                    Self::Reference
                }
                Some(of) if ["In", "Out"].iter().any(|port| types::is_named(of, port)) => {
                    return Err(Error::new_spanned(ty, "a port is always there, used or not: leave out the `Option`"));
                }
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }))
    }

    /// Whether the field's name is seen from outside.
    fn has_name(self) -> bool {
        self != Self::Surroundings
    }
}

fn check_reference(ty: &Type) -> Result<()> {
    match types::first_argument(ty).map(types::plain) {
        Some(Type::TraitObject(object)) if object.dyn_token.is_some() => Ok(()),
        of => {
            let message =
                "a reference is to an interface: `Ref<dyn Planner>`, where `Planner` is a trait with `#[interface]`";
            Err(match of {
                Some(of) => Error::new_spanned(of, message),
                None => Error::new_spanned(ty, message),
            })
        }
    }
}

impl PortOptions {
    fn of(attribute: &Attribute, joined: Joined) -> Result<Self> {
        let known: &[&str] = match joined {
            Joined::In => &["topic", "latest", "keep_last"],
            Joined::Out => &["topic", "latched"],
            Joined::Reference | Joined::Surroundings => return Ok(Self::default()),
        };
        let mut read = Self::default();
        for setting in options::parse(attribute)? {
            match (setting.key().as_str(), joined) {
                ("topic", _) => {
                    let topic = setting.text()?;
                    let text = topic.value();
                    // With a type it is a whole channel.
                    let (name, channel_type) = text.split_once('#').unwrap_or((&text, "type"));
                    let is_good = name.len() > 1 && name.starts_with('/') && !text.contains('\0');
                    let is_typed = !channel_type.is_empty() && !channel_type.contains('#');
                    if !is_good || !is_typed || text.len() > MAX_TOPIC_BYTES {
                        let message = format!(
                            "a topic begins with `/`, as in \"/front/scan\", or is a whole channel, as in \
                             \"/clock#builtin_interfaces.Time\"; it has at most {MAX_TOPIC_BYTES} bytes"
                        );
                        return Err(Error::new(topic.span(), message));
                    }
                    read.topic = Some(text);
                }
                ("latest" | "keep_last", Joined::In) if read.keep_last.is_some() => {
                    return Err(Error::new(setting.span(), "`latest` is `keep_last = 1`: choose one of the two"));
                }
                ("latest", Joined::In) => read.keep_last = setting.flag()?.then_some(1),
                ("keep_last", Joined::In) => {
                    let count = setting.count()?;
                    match count.base10_parse()? {
                        0 => return Err(Error::new(count.span(), "keeps nothing; the least is `latest`, one message")),
                        count => read.keep_last = Some(count),
                    }
                }
                ("latched", Joined::Out) => read.is_latched = setting.flag()?,
                ("latched", Joined::In) => {
                    let message = "who publishes decides whether a topic is latched: `latched` is for `Out`";
                    return Err(Error::new(setting.span(), message));
                }
                ("latest" | "keep_last", Joined::Out) => {
                    let message = "who subscribes decides what to keep: `latest` and `keep_last` are for `In`";
                    return Err(Error::new(setting.span(), message));
                }
                _ => return Err(setting.unknown(attribute, known)),
            }
        }
        Ok(read)
    }
}

/// The channel has the type's name behind the topic, and at most so many bytes itself.
const MAX_TOPIC_BYTES: usize = 63;
