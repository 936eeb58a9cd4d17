//! Random messages of any type, made from its schema alone: what the codecs are tested with.

pub(crate) mod checks;

use lcm::schema::{Definition, Dimension, Primitive, Schema, Struct, Type};

/// Makes messages. What they contain is within what every LCM program can read: booleans are 0 or 1, strings are UTF-8.
pub(crate) struct Messages<'a> {
    pub(crate) schema: &'a Schema,
    pub(crate) random: fastrand::Rng,
    /// Whether numbers may be NaN, whose bits JSON does not keep.
    pub(crate) nan: bool,
}

impl Messages<'_> {
    /// A message of the type `name`.
    pub(crate) fn message(&mut self, name: &str) -> Vec<u8> {
        let mut bytes = self.schema.fingerprint(name).unwrap().0.to_be_bytes().to_vec();
        self.user_type(name, 0, &mut bytes);
        bytes
    }

    fn user_type(&mut self, name: &str, depth: usize, bytes: &mut Vec<u8>) {
        let schema = self.schema;
        match schema.get(name).unwrap() {
            Definition::Enum(_) => bytes.extend(self.random.i32(..).to_be_bytes()),
            Definition::Struct(structure) => self.structure(structure, depth, bytes),
        }
    }

    fn structure(&mut self, structure: &Struct, depth: usize, bytes: &mut Vec<u8>) {
        let mut sizes: Vec<(&str, usize)> = Vec::new();
        for member in &structure.members {
            let is_size = structure
                .members
                .iter()
                .flat_map(|array| &array.dimensions)
                .any(|dimension| matches!(dimension, Dimension::Variable { member: size } if *size == member.name));
            if let (true, Type::Primitive(primitive)) = (is_size, &member.kind) {
                let size = self.size(structure, &member.name, depth);
                sizes.push((&member.name, size));
                let wide = (size as i64).to_be_bytes();
                bytes.extend_from_slice(&wide[wide.len() - width(*primitive)..]);
                continue;
            }
            let count: usize = member
                .dimensions
                .iter()
                .map(|dimension| match dimension {
                    Dimension::Fixed { size, .. } => *size as usize,
                    Dimension::Variable { member } => sizes.iter().find(|(name, _)| name == member).unwrap().1,
                })
                .product();
            for _ in 0..count {
                match &member.kind {
                    Type::Primitive(primitive) => self.primitive(*primitive, bytes),
                    Type::User(name) => self.user_type(name, depth + 1, bytes),
                }
            }
        }
    }

    fn size(&mut self, structure: &Struct, name: &str, depth: usize) -> usize {
        let is_size = |dimension: &Dimension| matches!(dimension, Dimension::Variable { member } if member == name);
        let arrays = structure.members.iter().filter(|member| member.dimensions.iter().any(is_size));
        let plain = arrays.clone().all(|array| matches!(array.kind, Type::Primitive(_)) && array.dimensions.len() == 1);
        match depth {
            3.. if !plain => 0,
            _ if plain && self.random.u8(..8) == 0 => self.random.usize(..100),
            _ => self.random.usize(..3),
        }
    }

    fn primitive(&mut self, primitive: Primitive, bytes: &mut Vec<u8>) {
        let extreme = self.random.u8(..4) == 0;
        match primitive {
            Primitive::Boolean => bytes.push(self.random.bool().into()),
            Primitive::String => {
                let length = if extreme { 0 } else { self.random.usize(..12) };
                let text: String = (0..length).map(|_| self.character()).collect();
                bytes.extend(i32::try_from(text.len() + 1).unwrap().to_be_bytes());
                bytes.extend(text.bytes());
                bytes.push(0);
            }
            Primitive::Float => {
                let special = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN_POSITIVE, 1e-45];
                let any = f32::from_bits(self.random.u32(..));
                let value = if extreme { self.random.choice(special).unwrap() } else { any };
                bytes.extend(if value.is_nan() && !self.nan { 0.1 } else { value }.to_be_bytes());
            }
            Primitive::Double => {
                let special = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324];
                let any = f64::from_bits(self.random.u64(..));
                let value = if extreme { self.random.choice(special).unwrap() } else { any };
                bytes.extend(if value.is_nan() && !self.nan { 0.1 } else { value }.to_be_bytes());
            }
            _ => {
                let value = match (extreme, self.random.bool()) {
                    (false, _) => self.random.u64(..),
                    (true, true) => u64::MAX >> 1,
                    (true, false) => 1 << 63,
                };
                bytes.extend_from_slice(&value.to_be_bytes()[..width(primitive)]);
            }
        }
    }

    fn character(&mut self) -> char {
        let ranges = [' '..='~', '\u{a0}'..='\u{7ff}', '\u{800}'..='\u{ffff}', '\u{10000}'..='\u{10ffff}'];
        let range = self.random.choice(ranges).unwrap();
        self.random.char(range)
    }
}

fn width(primitive: Primitive) -> usize {
    match primitive {
        Primitive::Int64 | Primitive::Double => 8,
        Primitive::Int32 | Primitive::Float => 4,
        Primitive::Int16 => 2,
        _ => 1,
    }
}
