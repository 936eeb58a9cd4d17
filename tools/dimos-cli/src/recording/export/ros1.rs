//! LCM messages as messages of ROS 1, which the viewers of MCAP know by name: definitions as text, and the bytes.
//!
//! Pure. The [format of definitions](https://wiki.ros.org/msg) and that of the [bytes](https://wiki.ros.org/ROS/Technical%20Overview) are
//! those of ROS: little-endian, strings and arrays of variable size behind their length. What has no counterpart there: sizes of arrays
//! that are members in LCM are left out where the array tells them; of arrays with several dimensions the rows stand one behind the
//! other; points in time and durations are ROS's own; enumerations are int32; bytes are uint8.

use std::collections::BTreeMap;
use std::fmt::Write;

use lcm::schema::{ConstantValue, Definition, Dimension, Member, Numbers, Primitive, Schema, Struct, Type, Value};

/// A message type as ROS 1 has it.
#[derive(Debug)]
pub(super) struct Ros1Type {
    /// Such as `sensor_msgs/LaserScan`.
    pub(super) name: String,
    /// Its definition, and those of all types that it refers to.
    pub(super) definition: String,
    plans: Vec<Plan>,
    root: usize,
}

/// Why a type has no counterpart, or a value is not of its type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ros1Error {
    #[error("{0} contains itself")]
    Recursive(String),
    #[error("{0:?} is no name in ROS")]
    Name(String),
    #[error("{0} is not known")]
    Unknown(String),
    #[error("types are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    #[error("{0} is not what its type says")]
    Value(String),
}

/// The members of a type in order, without those that are left out.
#[derive(Debug)]
struct Plan {
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    element: Element,
    array: Array,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Primitive(Primitive),
    /// A plan.
    Struct(usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Array {
    Single,
    Fixed,
    Variable,
}

impl Ros1Type {
    /// The type of a full name in a set of types.
    pub(super) fn new(schema: &Schema, name: &str) -> Result<Self, Ros1Error> {
        let mut builder =
            Builder { schema, plans: Vec::new(), places: BTreeMap::new(), open: Vec::new(), texts: Vec::new() };
        let root = builder.add(name)?;
        // A time by itself is a message with a time in it.
        if let Some(time) = time_of(builder.structure(name)?) {
            let definition = format!("{time} data\n");
            return Ok(Self { name: ros_name(name)?, definition, plans: builder.plans, root });
        }
        let mut definition = String::new();
        // What a type refers to was added before it.
        for (name, text) in builder.texts.iter().rev() {
            if !definition.is_empty() {
                let _ = writeln!(definition, "{SEPARATOR}\nMSG: {name}");
            }
            definition += text;
        }
        Ok(Self { name: ros_name(name)?, definition, plans: builder.plans, root })
    }

    /// Appends the bytes of a message.
    pub(super) fn encode(&self, value: &Value<'_>, bytes: &mut Vec<u8>) -> Result<(), Ros1Error> {
        self.write_struct(self.root, value, bytes)
    }

    fn write_struct(&self, plan: usize, value: &Value<'_>, bytes: &mut Vec<u8>) -> Result<(), Ros1Error> {
        let Value::Struct(members) = value else { return Err(Ros1Error::Value(self.name.clone())) };
        let fields = &self.plans[plan].fields;
        if fields.len() != members.len() {
            return Err(Ros1Error::Value(self.name.clone()));
        }
        for (field, (name, value)) in fields.iter().zip(members) {
            if field.name != *name {
                return Err(Ros1Error::Value((*name).to_owned()));
            }
            match field.array {
                Array::Single => self.write_one(field, value, bytes)?,
                Array::Fixed => {
                    self.write_elements(field, value, bytes)?;
                }
                Array::Variable => {
                    let at = bytes.len();
                    bytes.extend_from_slice(&[0; 4]);
                    let count = self.write_elements(field, value, bytes)?;
                    let count = u32::try_from(count).map_err(|_| Ros1Error::Value(field.name.clone()))?;
                    bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
                }
            }
        }
        Ok(())
    }

    /// Writes what is in an array, row behind row. Returns how many elements there were.
    fn write_elements(&self, field: &Field, value: &Value<'_>, bytes: &mut Vec<u8>) -> Result<usize, Ros1Error> {
        match value {
            Value::Numbers(numbers) => {
                write_numbers(numbers, bytes);
                Ok(numbers.len())
            }
            Value::Array(items) => {
                let mut count = 0;
                for item in items {
                    if matches!(item, Value::Numbers(_) | Value::Array(_)) {
                        count += self.write_elements(field, item, bytes)?;
                    } else {
                        self.write_one(field, item, bytes)?;
                        count += 1;
                    }
                }
                Ok(count)
            }
            _ => Err(Ros1Error::Value(field.name.clone())),
        }
    }

    fn write_one(&self, field: &Field, value: &Value<'_>, bytes: &mut Vec<u8>) -> Result<(), Ros1Error> {
        match (field.element, value) {
            (Element::Struct(plan), value) => self.write_struct(plan, value, bytes)?,
            (Element::Primitive(Primitive::Boolean), Value::Boolean(value)) => bytes.push((*value).into()),
            (Element::Primitive(Primitive::Float), Value::Float(value)) => bytes.extend(value.to_le_bytes()),
            (Element::Primitive(Primitive::Double), Value::Double(value)) => bytes.extend(value.to_le_bytes()),
            (Element::Primitive(Primitive::String), Value::Text(text)) => {
                let length = u32::try_from(text.len()).map_err(|_| Ros1Error::Value(field.name.clone()))?;
                bytes.extend(length.to_le_bytes());
                bytes.extend_from_slice(text);
            }
            (Element::Primitive(kind), Value::Integer(value)) if kind.is_integer() => {
                let width = kind.wire_bytes().unwrap_or_default();
                bytes.extend_from_slice(&value.to_le_bytes()[..width]);
            }
            _ => return Err(Ros1Error::Value(field.name.clone())),
        }
        Ok(())
    }
}

fn write_numbers(numbers: &Numbers<'_>, bytes: &mut Vec<u8>) {
    let wire = numbers.as_wire();
    match numbers.kind() {
        Primitive::Boolean => bytes.extend(wire.iter().map(|&byte| u8::from(byte != 0))),
        kind => match kind.wire_bytes().unwrap_or(1) {
            1 => bytes.extend_from_slice(wire),
            2 => swap::<2>(wire, bytes),
            4 => swap::<4>(wire, bytes),
            _ => swap::<8>(wire, bytes),
        },
    }
}

fn swap<const N: usize>(wire: &[u8], bytes: &mut Vec<u8>) {
    bytes.reserve(wire.len());
    for number in wire.as_chunks::<N>().0 {
        let mut number = *number;
        number.reverse();
        bytes.extend_from_slice(&number);
    }
}

/// Collects the types that a type refers to, each before those that refer to it.
struct Builder<'s> {
    schema: &'s Schema,
    plans: Vec<Plan>,
    /// By the name in ROS: its name in LCM, and its plan.
    places: BTreeMap<String, (&'s str, usize)>,
    /// Types that are being looked at, each within the one before.
    open: Vec<&'s str>,
    texts: Vec<(String, String)>,
}

impl<'s> Builder<'s> {
    fn structure(&self, name: &str) -> Result<&'s Struct, Ros1Error> {
        match self.schema.get(name) {
            Some(Definition::Struct(structure)) => Ok(structure),
            _ => Err(Ros1Error::Unknown(name.to_owned())),
        }
    }

    fn add(&mut self, name: &str) -> Result<usize, Ros1Error> {
        let structure = self.structure(name)?;
        let ros = ros_name(name)?;
        match self.places.get(&ros) {
            Some((same, place)) if *same == name => return Ok(*place),
            Some(_) => return Err(Ros1Error::Name(name.to_owned())),
            None => {}
        }
        if self.open.contains(&name) {
            return Err(Ros1Error::Recursive(name.to_owned()));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(Ros1Error::TooDeep);
        }
        self.open.push(&structure.name);
        let mut text = constants(structure)?;
        let mut fields = Vec::new();
        for member in structure.members.iter().filter(|member| !structure.is_implied(&member.name)) {
            let (element, type_text) = self.element(member)?;
            let (array, array_text) = array(member);
            let _ = writeln!(text, "{type_text}{array_text} {}", word(&member.name)?);
            fields.push(Field { name: member.name.clone(), element, array });
        }
        self.open.pop();
        let place = self.plans.len();
        self.plans.push(Plan { fields });
        self.places.insert(ros.clone(), (&structure.name, place));
        if time_of(structure).is_none() {
            self.texts.push((ros, text));
        }
        Ok(place)
    }

    fn element(&mut self, member: &Member) -> Result<(Element, String), Ros1Error> {
        let name = match &member.kind {
            Type::Primitive(kind) => return Ok((Element::Primitive(*kind), primitive(*kind).to_owned())),
            Type::User(name) => name,
        };
        match self.schema.get(name) {
            Some(Definition::Enum(_)) => Ok((Element::Primitive(Primitive::Int32), "int32".to_owned())),
            Some(Definition::Struct(structure)) => {
                let place = self.add(name)?;
                let text = time_of(structure).map_or_else(|| ros_name(name), |time| Ok(time.to_owned()))?;
                Ok((Element::Struct(place), text))
            }
            None => Err(Ros1Error::Unknown(name.clone())),
        }
    }
}

/// What ROS calls a point in time or a duration, if it is one: two int32, as there.
fn time_of(structure: &Struct) -> Option<&'static str> {
    let is_int32 = |member: &Member| member.kind == Type::Primitive(Primitive::Int32) && member.dimensions.is_empty();
    let has_its_members = matches!(&structure.members[..], [sec, nsec] if is_int32(sec) && is_int32(nsec));
    match structure.name.as_str() {
        "std_msgs.Time" | "builtin_interfaces.Time" if has_its_members => Some("time"),
        "std_msgs.Duration" | "builtin_interfaces.Duration" if has_its_members => Some("duration"),
        _ => None,
    }
}

fn constants(structure: &Struct) -> Result<String, Ros1Error> {
    let mut text = String::new();
    for constant in &structure.constants {
        let (kind, name) = (primitive(constant.kind), word(&constant.name)?);
        let _ = match constant.value {
            ConstantValue::Integer(value) => writeln!(text, "{kind} {name}={value}"),
            ConstantValue::Float(value) => writeln!(text, "{kind} {name}={value:?}"),
        };
    }
    Ok(text)
}

/// `[]`, `[9]` for all dimensions together, or nothing.
fn array(member: &Member) -> (Array, String) {
    if member.dimensions.is_empty() {
        return (Array::Single, String::new());
    }
    let product = member.dimensions.iter().try_fold(1_u64, |product, dimension| match dimension {
        Dimension::Fixed { size, .. } => product.checked_mul(u64::from(*size)),
        Dimension::Variable { .. } => None,
    });
    match product {
        Some(size @ 1..) => (Array::Fixed, format!("[{size}]")),
        _ => (Array::Variable, "[]".to_owned()),
    }
}

fn primitive(kind: Primitive) -> &'static str {
    match kind {
        Primitive::Int8 => "int8",
        Primitive::Int16 => "int16",
        Primitive::Int32 => "int32",
        Primitive::Int64 => "int64",
        Primitive::Byte => "uint8",
        Primitive::Float => "float32",
        Primitive::Double => "float64",
        Primitive::String => "string",
        Primitive::Boolean => "bool",
    }
}

/// `sensor_msgs/LaserScan`. What has no package is put into `lcm`; of a package with dots they become underscores.
fn ros_name(name: &str) -> Result<String, Ros1Error> {
    let (package, last) = name.rsplit_once('.').unwrap_or(("lcm", name));
    let package = package.replace('.', "_");
    Ok(format!("{}/{}", word(&package)?, word(last)?))
}

/// A name that ROS allows.
fn word(name: &str) -> Result<&str, Ros1Error> {
    let is_allowed = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_allowed { Ok(name) } else { Err(Ros1Error::Name(name.to_owned())) }
}

const SEPARATOR: &str = "================================================================================";

const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use lcm::schema::Catalog;

    use super::*;

    fn catalog(text: &str) -> Catalog {
        let mut sources = lcm_gen::Sources::default();
        sources.add("test", text.to_owned());
        Catalog::new(sources.compile().unwrap())
    }

    #[test]
    fn every_type_of_dimos_but_recursive_ones_has_a_definition() {
        let catalog = lcm_types::catalog();
        let without: Vec<_> = catalog
            .iter()
            .filter(|one| Ros1Type::new(catalog.schema(), one.name()).is_err())
            .map(|one| one.name())
            .collect();
        assert_eq!(without, Vec::<&str>::new());
    }

    #[test]
    fn a_laser_scan_is_that_of_ros() {
        let scan = Ros1Type::new(lcm_types::catalog().schema(), "sensor_msgs.LaserScan").unwrap();
        let expected = format!(
            "std_msgs/Header header\nfloat32 angle_min\nfloat32 angle_max\nfloat32 angle_increment\nfloat32 time_increment\n\
             float32 scan_time\nfloat32 range_min\nfloat32 range_max\nfloat32[] ranges\nfloat32[] intensities\n\
             {SEPARATOR}\nMSG: std_msgs/Header\nint32 seq\ntime stamp\nstring frame_id\n"
        );
        assert_eq!((scan.name.as_str(), scan.definition), ("sensor_msgs/LaserScan", expected));
    }

    #[test]
    fn a_time_by_itself_is_a_message() {
        let time = Ros1Type::new(lcm_types::catalog().schema(), "std_msgs.Time").unwrap();
        assert_eq!((time.name.as_str(), time.definition.as_str()), ("std_msgs/Time", "time data\n"));
    }

    #[test]
    fn the_bytes_are_little_endian_and_sizes_stand_before_variable_arrays() {
        let catalog = catalog(
            "struct Odd { const int16_t SIX = 0x6; const double HALF = 0.5; int8_t n; int16_t m; byte b; boolean ok; \
             string s; int16_t a[n]; double grid[2][m]; int32_t fixed[2][1]; Part parts[n]; boolean flags[2]; string names[n]; }\
             struct Part { int64_t big; float f; }",
        );
        let odd = Ros1Type::new(catalog.schema(), "Odd").unwrap();
        let expected = format!(
            "int16 SIX=6\nfloat64 HALF=0.5\nint16 m\nuint8 b\nbool ok\nstring s\nint16[] a\nfloat64[] grid\nint32[2] fixed\n\
             lcm/Part[] parts\nbool[2] flags\nstring[] names\n{SEPARATOR}\nMSG: lcm/Part\nint64 big\nfloat32 f\n"
        );
        assert_eq!(odd.definition, expected);
        let odd_type = catalog.get("Odd").unwrap();
        let json = r#"{"m": 1, "b": 200, "ok": true, "s": "hé", "a": [-2], "grid": [[0.5], [1.0]], "fixed": [[7], [-1]],
                      "parts": [{"big": 258, "f": 1.0}], "flags": [false, true], "names": ["x"]}"#;
        let value =
            serde::de::DeserializeSeed::deserialize(odd_type, &mut serde_json::Deserializer::from_str(json)).unwrap();
        let message = odd_type.encode(&value).unwrap();
        let mut bytes = Vec::new();
        odd.encode(&odd_type.decode(&message).unwrap(), &mut bytes).unwrap();
        let mut wanted = Vec::new();
        wanted.extend([1, 0, 200, 1, 3, 0, 0, 0]);
        wanted.extend("hé".as_bytes());
        wanted.extend([1, 0, 0, 0, 0xfe, 0xff, 2, 0, 0, 0]);
        wanted.extend([0.5_f64.to_le_bytes(), 1.0_f64.to_le_bytes()].concat());
        wanted.extend([7, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        wanted.extend([1, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3f]);
        wanted.extend([0, 1, 1, 0, 0, 0, 1, 0, 0, 0, b'x']);
        assert_eq!(bytes, wanted);
    }

    #[test]
    fn what_contains_itself_or_has_names_that_ros_does_not_allow_is_refused() {
        let tree = catalog("struct Tree { int8_t n; Tree children[n]; } struct Holder { Tree tree; }");
        let error = |catalog: &Catalog, name| Ros1Type::new(catalog.schema(), name).unwrap_err();
        assert_eq!(error(&tree, "Tree"), Ros1Error::Recursive("Tree".to_owned()));
        assert_eq!(error(&tree, "Holder"), Ros1Error::Recursive("Tree".to_owned()));
        let names = catalog("struct Names { int8_t _hidden; }");
        assert_eq!(error(&names, "Names"), Ros1Error::Name("_hidden".to_owned()));
    }
}
