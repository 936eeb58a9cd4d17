//! The messages of LCM's own client/server test: every one follows from a number, so that both sides know what has to come.
//!
//! Encoded by hand, and fingerprinted by the formula of the LCM type language, as a second opinion beside `lcm-gen`. The
//! same types for `lcm-gen` stand in `tests/peers/lcmtest`. The order of the conversation is the business of its test.

/// One message type of the conversation.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// Its name in `lcm-gen`'s C, which its channel carries too.
    pub name: &'static str,
    /// How many rounds the conversation has for it.
    pub rounds: i32,
    schema: &'static Schema,
    body: fn(&mut Encoder, i32),
}

/// The types in the order in which a client goes through them. The first message of all tells a server to count anew.
pub const KINDS: [Kind; 5] = [
    Kind { name: "lcmtest_primitives_t", rounds: 1000, schema: &PRIMITIVES, body: primitives },
    Kind { name: "lcmtest_primitives_list_t", rounds: 100, schema: &PRIMITIVES_LIST, body: primitives_list },
    Kind { name: "lcmtest_node_t", rounds: 7, schema: &NODE, body: node },
    Kind { name: "lcmtest_multidim_array_t", rounds: 5, schema: &MULTIDIM_ARRAY, body: multidim_array },
    Kind { name: "lcmtest2_cross_package_t", rounds: 100, schema: &CROSS_PACKAGE, body: cross_package },
];

/// The channel of the bytes that come back as they are.
pub const ECHO: &str = "TEST_ECHO";

/// The channel they come back on.
pub const ECHO_REPLY: &str = "TEST_ECHO_REPLY";

/// The channel that ends a server.
pub const QUIT: &str = "TEST_QUIT";

impl Kind {
    /// The channel of requests.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("test_{}", self.name)
    }

    /// The channel of replies.
    #[must_use]
    pub fn reply_channel(&self) -> String {
        format!("test_{}_reply", self.name)
    }

    /// The encoded message that stands for `number`.
    #[must_use]
    pub fn encode(&self, number: i32) -> Vec<u8> {
        let mut encoder = Encoder(self.fingerprint().to_be_bytes().to_vec());
        (self.body)(&mut encoder, number);
        encoder.0
    }

    /// The type's fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.schema.fingerprint(&[])
    }
}

#[derive(Debug)]
struct Schema {
    name: &'static str,
    members: &'static [Member],
}

#[derive(Debug)]
struct Member {
    name: &'static str,
    kind: Of,
    dimensions: &'static [Dimension],
}

#[derive(Debug)]
enum Of {
    Primitive(&'static str),
    Struct(&'static Schema),
}

#[derive(Debug)]
enum Dimension {
    Constant(&'static str),
    Member(&'static str),
}

impl Schema {
    fn fingerprint(&self, parents: &[&str]) -> u64 {
        if parents.contains(&self.name) {
            return 0;
        }
        let within = [parents, &[self.name]].concat();
        let nested = self.members.iter().filter_map(|member| match member.kind {
            Of::Struct(schema) => Some(schema.fingerprint(&within)),
            Of::Primitive(_) => None,
        });
        nested.fold(self.own_hash().cast_unsigned(), u64::wrapping_add).rotate_left(1)
    }

    fn own_hash(&self) -> i64 {
        let mut hash = 0x1234_5678;
        for member in self.members {
            hash = hash_text(hash, member.name);
            if let Of::Primitive(name) = member.kind {
                hash = hash_text(hash, name);
            }
            hash = hash_byte(hash, length_byte(member.dimensions.len()));
            for dimension in member.dimensions {
                let (mode, size) = match dimension {
                    Dimension::Constant(size) => (0, size),
                    Dimension::Member(size) => (1, size),
                };
                hash = hash_text(hash_byte(hash, mode), size);
            }
        }
        hash
    }
}

fn hash_byte(hash: i64, byte: u8) -> i64 {
    ((hash << 8) ^ (hash >> 55)).wrapping_add(byte.cast_signed().into())
}

fn hash_text(hash: i64, text: &str) -> i64 {
    text.bytes().fold(hash_byte(hash, length_byte(text.len())), hash_byte)
}

fn length_byte(length: usize) -> u8 {
    u8::try_from(length).expect("names here are short")
}

#[derive(Debug)]
struct Encoder(Vec<u8>);

impl Encoder {
    fn i8(&mut self, value: i32) {
        self.0.push(i8::try_from(value).expect("an int8_t").cast_unsigned());
    }

    fn i16(&mut self, value: i32) {
        self.0.extend(i16::try_from(value).expect("an int16_t").to_be_bytes());
    }

    fn i32(&mut self, value: i32) {
        self.0.extend(value.to_be_bytes());
    }

    fn i64(&mut self, value: i32) {
        self.0.extend(i64::from(value).to_be_bytes());
    }

    fn floats(&mut self, value: i32, count: usize) {
        let value = f32::from(i16::try_from(value).expect("a small number"));
        (0..count).for_each(|_| self.0.extend(value.to_be_bytes()));
    }

    fn doubles(&mut self, value: i32, count: usize) {
        (0..count).for_each(|_| self.0.extend(f64::from(value).to_be_bytes()));
    }

    fn string(&mut self, value: i32) {
        let text = format!("{value}\0");
        self.i32(i32::try_from(text.len()).expect("a short string"));
        self.0.extend(text.bytes());
    }
}

fn primitives(encoder: &mut Encoder, n: i32) {
    encoder.i8(n % 100);
    encoder.i16(n * 10);
    encoder.i32(n);
    encoder.i64(n * 10_000);
    (0..n).for_each(|range| encoder.i16(range));
    encoder.floats(n, 3);
    encoder.doubles(n, 4);
    encoder.string(n);
    encoder.i8(n % 2);
}

fn primitives_list(encoder: &mut Encoder, count: i32) {
    encoder.i32(count);
    for n in 0..count {
        encoder.i8(-(n % 100));
        encoder.i16(-n * 10);
        encoder.i32(n);
        encoder.i64(-n * 10_000);
        (0..n).for_each(|range| encoder.i16(-range));
        encoder.floats(-n, 3);
        encoder.doubles(-n, 4);
        encoder.string(-n);
        encoder.i8((n + 1) % 2);
    }
}

fn node(encoder: &mut Encoder, children: i32) {
    encoder.i32(children);
    (0..children).for_each(|_| node(encoder, children - 1));
}

fn multidim_array(encoder: &mut Encoder, size: i32) {
    (0..3).for_each(|_| encoder.i32(size));
    (0..size * size * size).for_each(|n| encoder.i32(n));
    (0..2 * size).for_each(|n| encoder.string(n));
}

fn cross_package(encoder: &mut Encoder, n: i32) {
    primitives(encoder, n);
    encoder.i32(n);
}

const fn scalar(name: &'static str, primitive: &'static str) -> Member {
    Member { name, kind: Of::Primitive(primitive), dimensions: &[] }
}

static PRIMITIVES: Schema = Schema {
    name: "lcmtest.primitives_t",
    members: &[
        scalar("i8", "int8_t"),
        scalar("i16", "int16_t"),
        scalar("num_ranges", "int32_t"),
        scalar("i64", "int64_t"),
        Member { name: "ranges", kind: Of::Primitive("int16_t"), dimensions: &[Dimension::Member("num_ranges")] },
        Member { name: "position", kind: Of::Primitive("float"), dimensions: &[Dimension::Constant("3")] },
        Member { name: "orientation", kind: Of::Primitive("double"), dimensions: &[Dimension::Constant("4")] },
        scalar("name", "string"),
        scalar("enabled", "boolean"),
    ],
};

static PRIMITIVES_LIST: Schema = Schema {
    name: "lcmtest.primitives_list_t",
    members: &[
        scalar("num_items", "int32_t"),
        Member { name: "items", kind: Of::Struct(&PRIMITIVES), dimensions: &[Dimension::Member("num_items")] },
    ],
};

static NODE: Schema = Schema {
    name: "lcmtest.node_t",
    members: &[
        scalar("num_children", "int32_t"),
        Member { name: "children", kind: Of::Struct(&NODE), dimensions: &[Dimension::Member("num_children")] },
    ],
};

static MULTIDIM_ARRAY: Schema = Schema {
    name: "lcmtest.multidim_array_t",
    members: &[
        scalar("size_a", "int32_t"),
        scalar("size_b", "int32_t"),
        scalar("size_c", "int32_t"),
        Member {
            name: "data",
            kind: Of::Primitive("int32_t"),
            dimensions: &[Dimension::Member("size_a"), Dimension::Member("size_b"), Dimension::Member("size_c")],
        },
        Member {
            name: "strarray",
            kind: Of::Primitive("string"),
            dimensions: &[Dimension::Constant("2"), Dimension::Member("size_c")],
        },
    ],
};

static ANOTHER_TYPE: Schema = Schema { name: "lcmtest2.another_type_t", members: &[scalar("val", "int32_t")] };

static CROSS_PACKAGE: Schema = Schema {
    name: "lcmtest2.cross_package_t",
    members: &[
        Member { name: "primitives", kind: Of::Struct(&PRIMITIVES), dimensions: &[] },
        Member { name: "another", kind: Of::Struct(&ANOTHER_TYPE), dimensions: &[] },
    ],
};
