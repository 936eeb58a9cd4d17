//! The hash over a type's members.

/// What a type looks like in bytes: a hash over names and types of its members, in order, and the fewest bytes it takes.
///
/// It is computed by the compiler, so a type that contains itself, which could nest without end, is an error there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    hash: u64,
    min_bytes: usize,
}

impl Shape {
    /// A blob of `serde_bytes`.
    pub const BYTES: Self = Self::primitive("bytes", 8);

    /// A type that the encoding knows by itself.
    #[must_use]
    pub const fn primitive(name: &str, min_bytes: usize) -> Self {
        Self { hash: text(text(SEED, "primitive"), name), min_bytes }
    }

    /// A struct, or the members of one variant of an enum.
    #[must_use]
    pub const fn members(members: &[(&str, Self)]) -> Self {
        let mut shape = Self { hash: number(text(SEED, "members"), members.len() as u64), min_bytes: 0 };
        let mut index = 0;
        while index < members.len() {
            let (name, member) = members[index];
            shape.hash = number(text(shape.hash, name), member.hash);
            shape.min_bytes = shape.min_bytes.saturating_add(member.min_bytes);
            index += 1;
        }
        shape
    }

    /// An enum, by its variants and their members.
    #[must_use]
    pub const fn variants(variants: &[(&str, Self)]) -> Self {
        let Self { hash, .. } = Self::members(variants);
        // The number of the variant.
        Self { hash: number(text(SEED, "variants"), hash), min_bytes: 4 }
    }

    /// Any number of what takes some bytes.
    ///
    /// # Panics
    /// If it may take none: a forged length could claim any number of them. That is told when the type is compiled.
    #[must_use]
    pub const fn sequence(of: Self) -> Self {
        assert!(
            of.min_bytes > 0,
            "a collection of what takes no bytes: a forged length could claim any number of them"
        );
        Self { hash: number(text(SEED, "sequence"), of.hash), min_bytes: 8 }
    }

    /// One or none.
    #[must_use]
    pub const fn option(of: Self) -> Self {
        Self { hash: number(text(SEED, "option"), of.hash), min_bytes: 1 }
    }

    /// So many in a row.
    #[must_use]
    pub const fn array(of: Self, length: usize) -> Self {
        let hash = number(number(text(SEED, "array"), of.hash), length as u64);
        Self { hash, min_bytes: of.min_bytes.saturating_mul(length) }
    }

    /// An LCM message.
    #[must_use]
    pub(super) const fn message(name: &str, fingerprint: u64, has_members: bool) -> Self {
        Self { hash: number(text(text(SEED, "message"), name), fingerprint), min_bytes: has_members as usize }
    }

    /// The shapes of the arguments by name, and of the result: of a whole method.
    #[must_use]
    pub const fn method(arguments: Self, result: Self, is_stream: bool) -> Self {
        let hash = number(number(text(SEED, "method"), arguments.hash), result.hash);
        Self { hash: number(hash, is_stream as u64), min_bytes: 0 }
    }

    /// The hash as calls carry it: 16 hexadecimal digits.
    #[must_use]
    pub fn contract(self) -> String {
        format!("{:016x}", self.hash)
    }
}

/// FNV-1a over a text and its length.
const fn text(mut hash: u64, text: &str) -> u64 {
    let bytes = text.as_bytes();
    hash = number(hash, bytes.len() as u64);
    let mut index = 0;
    while index < bytes.len() {
        hash = byte(hash, bytes[index]);
        index += 1;
    }
    hash
}

const fn number(mut hash: u64, number: u64) -> u64 {
    let bytes = number.to_le_bytes();
    let mut index = 0;
    while index < bytes.len() {
        hash = byte(hash, bytes[index]);
        index += 1;
    }
    hash
}

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(PRIME)
}

/// FNV's 64-bit offset basis and prime, <http://www.isthe.com/chongo/tech/comp/fnv/>.
const SEED: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;
