//! A schema made ready for messages: types by name and by fingerprint, each computed once.

use std::collections::HashMap;
use std::fmt;

use super::decode::decode;
use super::encode::encode;
use super::layout::{Layout, TypeError, layouts};
use super::value::Value;
use super::{Definition, Fingerprint, Schema};
use crate::codec::{DecodeError, EncodeError};

/// All types of a schema, to read and write their messages without generated code.
///
/// Making one checks every type and computes its fingerprint, so make it once.
///
/// # Example
///
/// A message of `struct Mark { string label; int16_t count; double at[count]; }`, from values and back.
///
/// ```
/// # use lcm::schema::{Definition, Dimension, Member, Primitive, Struct, Type};
/// # let single = |name: &str, kind| {
/// #     let (name, kind) = (name.to_owned(), Type::Primitive(kind));
/// #     Member { name, doc: String::new(), kind, dimensions: Vec::new() }
/// # };
/// # let at = Member {
/// #     dimensions: vec![Dimension::Variable { member: "count".to_owned() }],
/// #     ..single("at", Primitive::Double)
/// # };
/// # let mut schema = lcm::schema::Schema::default();
/// # schema.insert(Definition::Struct(Struct {
/// #     name: "demo.Mark".to_owned(),
/// #     doc: String::new(),
/// #     members: vec![single("label", Primitive::String), single("count", Primitive::Int16), at],
/// #     constants: Vec::new(),
/// # }))?;
/// use lcm::schema::{Catalog, Numbers, Value};
/// use serde::de::DeserializeSeed;
///
/// let catalog = Catalog::new(schema);
/// let mark_type = catalog.get("demo.Mark")?;
/// let at = Numbers::from(&[0.5, 1.5][..]);
/// let message = mark_type.encode(&Value::Struct(vec![("label", "dock".into()), ("at", at.into())]))?;
/// let mark = mark_type.decode(&message)?;
/// assert_eq!(*mark.at("at[1]")?, Value::Double(1.5));
///
/// // As JSON, and from JSON.
/// let json = serde_json::to_string(&mark)?;
/// assert_eq!(json, r#"{"label":"dock","at":[0.5,1.5]}"#);
/// let same = mark_type.deserialize(&mut serde_json::Deserializer::from_str(&json))?;
/// assert_eq!(mark_type.encode(&same)?, message);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Catalog {
    schema: Schema,
    /// In the order of names.
    layouts: Vec<Layout>,
    /// The types of a fingerprint, or of a name without its package, by their place; only those without a fault.
    by_fingerprint: HashMap<Fingerprint, Vec<usize>>,
    by_last_name: HashMap<String, Vec<usize>>,
}

/// A type of a [`Catalog`] whose messages can be read and written.
///
/// It is also how a value is made from JSON, or whatever else serde reads: as [`serde::de::DeserializeSeed`]. What is left out
/// there is left out in the value; the encoder puts zeros, empty strings and empty arrays in its place. Unknown members are
/// errors. Errors begin with the path of the member.
#[derive(Clone, Copy)]
pub struct MessageType<'a> {
    catalog: &'a Catalog,
    place: usize,
}

impl Catalog {
    /// Makes the types of `schema` ready. Those of which there can be no message are in [`Catalog::faults`].
    #[must_use]
    pub fn new(schema: Schema) -> Self {
        let layouts = layouts(&schema);
        let mut by_fingerprint: HashMap<_, Vec<_>> = HashMap::new();
        let mut by_last_name: HashMap<_, Vec<_>> = HashMap::new();
        for (place, layout) in layouts.iter().enumerate().filter(|(_, layout)| layout.fault.is_none()) {
            by_fingerprint.entry(layout.fingerprint).or_default().push(place);
            by_last_name.entry(last_name(&layout.name).to_owned()).or_default().push(place);
        }
        Self { schema, layouts, by_fingerprint, by_last_name }
    }

    /// What the types were made from.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The type of a full name, such as `sensor_msgs.Image`.
    ///
    /// # Errors
    /// If there is none, or there can be no message of it.
    pub fn get(&self, name: &str) -> Result<MessageType<'_>, TypeError> {
        let place = self.layouts.binary_search_by(|layout| layout.name.as_str().cmp(name));
        let Ok(place) = place else {
            return Err(TypeError::Unknown { name: name.to_owned(), similar: self.similar(name) });
        };
        match &self.layouts[place].fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(self.at(place)),
        }
    }

    /// The types of which there can be messages, by full name.
    pub fn iter(&self) -> impl Iterator<Item = MessageType<'_>> {
        let places = 0..self.layouts.len();
        places.filter(|&place| self.layouts[place].fault.is_none()).map(|place| self.at(place))
    }

    /// The names of the other types, and what is wrong with them: they contain themselves, for example, or an unknown type.
    pub fn faults(&self) -> impl Iterator<Item = (&str, &TypeError)> {
        self.layouts.iter().filter_map(|layout| Some((&*layout.name, layout.fault.as_ref()?)))
    }

    /// The types of a fingerprint, by full name. Those that differ only in names have the same.
    pub fn of_fingerprint(&self, fingerprint: Fingerprint) -> impl Iterator<Item = MessageType<'_>> {
        self.by_fingerprint.get(&fingerprint).into_iter().flatten().map(|&place| self.at(place))
    }

    /// The type of this full name, or those of this name in any package.
    pub(super) fn named(&self, name: &str) -> Vec<MessageType<'_>> {
        match self.get(name) {
            Ok(message_type) => vec![message_type],
            Err(_) => self.by_last_name.get(name).into_iter().flatten().map(|&place| self.at(place)).collect(),
        }
    }

    fn at(&self, place: usize) -> MessageType<'_> {
        MessageType { catalog: self, place }
    }

    /// Types whose name is the same but for the package, or for capital letters.
    fn similar(&self, name: &str) -> Vec<String> {
        let last = last_name(name);
        let names = self.layouts.iter().map(|layout| &layout.name);
        names.filter(|known| last_name(known).eq_ignore_ascii_case(last)).take(3).cloned().collect()
    }
}

impl<'a> MessageType<'a> {
    /// The full name.
    #[must_use]
    pub fn name(self) -> &'a str {
        &self.layout().name
    }

    /// What each message begins with.
    #[must_use]
    pub fn fingerprint(self) -> Fingerprint {
        self.layout().fingerprint
    }

    /// What the IDL says of it.
    #[must_use]
    pub fn definition(self) -> Option<&'a Definition> {
        self.catalog.schema.get(self.name())
    }

    /// What a message says. Strings and arrays of numbers stay where they lie in it; bytes after its end are ignored, as every
    /// LCM does.
    ///
    /// # Errors
    /// If it is not a message of this type.
    pub fn decode(self, message: &'a [u8]) -> Result<Value<'a>, DecodeError> {
        decode(self, message)
    }

    /// The message that says `value`. Members that are left out are zero, empty strings and empty arrays; arrays of fixed size
    /// are full of those.
    ///
    /// # Errors
    /// If the value is not one of this type: a member is unknown or has another type, a number does not fit, lengths do not
    /// agree.
    pub fn encode(self, value: &Value<'_>) -> Result<Vec<u8>, EncodeError> {
        encode(self, value)
    }

    pub(super) fn layout(self) -> &'a Layout {
        &self.catalog.layouts[self.place]
    }

    /// Of all types.
    pub(super) fn layouts(self) -> &'a [Layout] {
        &self.catalog.layouts
    }
}

/// The same type of the same catalog.
impl PartialEq for MessageType<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.catalog, other.catalog) && self.place == other.place
    }
}

impl Eq for MessageType<'_> {}

impl fmt::Debug for MessageType<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MessageType").field(&self.name()).finish()
    }
}

fn last_name(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
