//! Random types, and random values of them: what the encoder and the decoder must agree on.

use lcm::schema::{Catalog, Definition, Dimension, Member, Numbers, Primitive, Schema, Struct, Type, Value};
use proptest::prelude::*;
use proptest::sample::Index;

use super::enumeration;

/// Types of which the last one may contain all others.
#[derive(Debug, Clone)]
pub(super) struct Types {
    structs: Vec<Vec<MemberPlan>>,
}

#[derive(Debug, Clone)]
struct MemberPlan {
    kind: KindPlan,
    sizes: Vec<SizePlan>,
}

#[derive(Debug, Clone)]
enum KindPlan {
    Primitive(Primitive),
    Enum,
    /// Any other if the array may be empty, so that types contain themselves; else an earlier one.
    Struct(Index),
}

#[derive(Debug, Clone)]
enum SizePlan {
    Fixed(u32),
    /// A member of this type, which comes just before.
    New(Primitive),
    /// One that is there already.
    Shared(Index),
}

pub(super) fn types() -> impl Strategy<Value = Types> {
    let primitive = prop::sample::select(Primitive::ALL.to_vec());
    let integers: Vec<_> = Primitive::ALL.into_iter().filter(|kind| kind.is_integer()).collect();
    let kind = prop_oneof![
        4 => primitive.prop_map(KindPlan::Primitive),
        1 => Just(KindPlan::Enum),
        3 => any::<Index>().prop_map(KindPlan::Struct),
    ];
    let size = prop_oneof![
        (1_u32..3).prop_map(SizePlan::Fixed),
        prop::sample::select(integers).prop_map(SizePlan::New),
        any::<Index>().prop_map(SizePlan::Shared),
    ];
    let member = (kind, prop::collection::vec(size, 0..4)).prop_map(|(kind, sizes)| MemberPlan { kind, sizes });
    prop::collection::vec(prop::collection::vec(member, 0..6), 1..5).prop_map(|structs| Types { structs })
}

impl Types {
    pub(super) fn schema(&self) -> Schema {
        let mut schema = Schema::default();
        schema.insert(enumeration("demo.Color")).unwrap();
        for (place, members) in self.structs.iter().enumerate() {
            schema.insert(self.structure(place, members)).unwrap();
        }
        schema
    }

    pub(super) fn catalog(&self) -> Catalog {
        let catalog = Catalog::new(self.schema());
        assert_eq!(catalog.faults().next(), None);
        catalog
    }

    pub(super) fn names(&self) -> Vec<String> {
        (0..self.structs.len()).map(type_name).collect()
    }

    fn structure(&self, place: usize, plans: &[MemberPlan]) -> Definition {
        let mut members: Vec<Member> = Vec::new();
        let mut sizes: Vec<String> = Vec::new();
        for (number, plan) in plans.iter().enumerate() {
            let mut dimensions = Vec::new();
            for (depth, size) in plan.sizes.iter().enumerate() {
                dimensions.push(match size {
                    SizePlan::Shared(index) if !sizes.is_empty() => {
                        Dimension::Variable { member: index.get(&sizes).clone() }
                    }
                    SizePlan::Fixed(size) => Dimension::Fixed { size: *size, text: size.to_string() },
                    SizePlan::New(_) | SizePlan::Shared(_) => {
                        let kind = if let SizePlan::New(kind) = size { *kind } else { Primitive::Int32 };
                        let name = format!("size_{number}_{depth}");
                        members.push(member(&name, Type::Primitive(kind), Vec::new()));
                        sizes.push(name.clone());
                        Dimension::Variable { member: name }
                    }
                });
            }
            let may_be_empty = dimensions.iter().any(|size| matches!(size, Dimension::Variable { .. }));
            let kind = match &plan.kind {
                KindPlan::Primitive(primitive) => Type::Primitive(*primitive),
                KindPlan::Struct(index) if may_be_empty => Type::User(type_name(index.index(self.structs.len()))),
                KindPlan::Struct(index) if place > 0 => Type::User(type_name(index.index(place))),
                KindPlan::Enum | KindPlan::Struct(_) => Type::User("demo.Color".to_owned()),
            };
            members.push(member(&format!("member_{number}"), kind, dimensions));
        }
        Definition::Struct(Struct { name: type_name(place), doc: String::new(), members, constants: Vec::new() })
    }
}

fn member(name: &str, kind: Type, dimensions: Vec<Dimension>) -> Member {
    Member { name: name.to_owned(), doc: String::new(), kind, dimensions }
}

fn type_name(place: usize) -> String {
    format!("demo.T{place}")
}

/// Makes values of a type.
pub(super) struct Values<'s> {
    pub(super) schema: &'s Schema,
    pub(super) random: fastrand::Rng,
    /// Without what JSON does not give back as it was: NaN, and strings that are not UTF-8.
    pub(super) is_plain: bool,
}

impl<'s> Values<'s> {
    pub(super) fn value(&mut self, name: &str, depth: usize) -> Value<'s> {
        let structure = match self.schema.get(name).unwrap() {
            Definition::Struct(structure) => structure,
            Definition::Enum(_) => return self.random.i32(..).into(),
        };
        let mut sizes: Vec<(&str, usize)> = Vec::new();
        let mut members = Vec::new();
        for Member { name, kind, dimensions, .. } in &structure.members {
            let is_size = |size: &Dimension| matches!(size, Dimension::Variable { member } if member == name);
            let value = if structure.members.iter().any(|array| array.dimensions.iter().any(is_size)) {
                // Deep down, arrays are empty.
                let size = if depth > 1 { 0 } else { self.random.u8(..3) };
                sizes.push((name, size.into()));
                size.into()
            } else {
                let lengths: Vec<_> = dimensions
                    .iter()
                    .map(|dimension| match dimension {
                        Dimension::Fixed { size, .. } => *size as usize,
                        Dimension::Variable { member } => sizes.iter().find(|(name, _)| name == member).unwrap().1,
                    })
                    .collect();
                self.array(kind, &lengths, depth)
            };
            if !structure.is_implied(name) {
                members.push((&**name, value));
            }
        }
        Value::Struct(members)
    }

    fn array(&mut self, kind: &Type, lengths: &[usize], depth: usize) -> Value<'s> {
        match (lengths, kind) {
            ([], Type::Primitive(kind)) => self.scalar(*kind),
            ([], Type::User(name)) => self.value(name, depth + 1),
            ([length], Type::Primitive(kind)) if *kind != Primitive::String => self.numbers(*kind, *length).into(),
            ([length], Type::User(name)) if matches!(self.schema.get(name), Some(Definition::Enum(_))) => {
                self.numbers(Primitive::Int32, *length).into()
            }
            ([length, inner @ ..], _) => Value::Array((0..*length).map(|_| self.array(kind, inner, depth)).collect()),
        }
    }

    fn numbers(&mut self, kind: Primitive, length: usize) -> Numbers<'s> {
        let wire: Vec<u8> = (0..length).flat_map(|_| self.wire(kind)).collect();
        Numbers::new(kind, wire).unwrap()
    }

    fn scalar(&mut self, kind: Primitive) -> Value<'s> {
        match kind {
            Primitive::String => self.text(),
            _ => Numbers::new(kind, self.wire(kind)).unwrap().get(0).unwrap(),
        }
    }

    fn wire(&mut self, kind: Primitive) -> Vec<u8> {
        let edge = (self.random.u8(..4) == 0).then(|| *self.random.choice(&[0x00, 0x7f, 0x80, 0xff]).unwrap());
        let mut byte = || edge.unwrap_or_else(|| self.random.u8(..));
        match kind {
            Primitive::Boolean => vec![byte() & 1],
            Primitive::Float | Primitive::Double if self.is_plain => {
                let number = f32::from_bits(u32::from_be_bytes([byte(), byte(), byte(), byte()]));
                let number = if number.is_nan() { f32::INFINITY } else { number };
                if kind == Primitive::Float {
                    number.to_be_bytes().to_vec()
                } else {
                    (f64::from(number) / 3.0).to_be_bytes().to_vec()
                }
            }
            _ => (0..kind.wire_bytes().unwrap()).map(|_| byte()).collect(),
        }
    }

    fn text(&mut self) -> Value<'s> {
        let length = self.random.usize(..6);
        if self.is_plain {
            return (0..length).map(|_| self.random.char('\0'..='\u{2ff}')).collect::<String>().into();
        }
        Value::Text((0..length).map(|_| self.random.u8(..)).collect::<Vec<_>>().into())
    }
}
