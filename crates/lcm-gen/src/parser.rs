//! One IDL file: from its tokens to its definitions, going on after each fault to the next.
//!
//! What can be told only with all files at hand, such as whether a type exists, is left to [`crate::check`].

use lcm::schema::{Constant, ConstantValue, Definition, Dimension, Enum, Member, Primitive, Struct, Type};

use crate::diagnostic::{Diagnostic, Place};
use crate::lexer::{self, Kind, Token};
use crate::sources::Source;

/// Names of types that a definition refers to, each with its place.
pub(crate) type References = Vec<(String, Place)>;

/// A definition, and what it refers to.
type Body = (Definition, References);

/// A definition, and where what it says of other types stands.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) definition: Definition,
    /// Where its name stands.
    pub(crate) place: Place,
    /// What it refers to.
    pub(crate) references: References,
}

/// Reads a file. What is faulty is left out of the definitions.
pub(crate) fn parse(source: &Source) -> (Vec<Parsed>, Vec<Diagnostic>) {
    let mut parser = Parser::new(source);
    parser.file();
    (parser.definitions, parser.faults)
}

struct Parser<'a> {
    source: &'a Source,
    tokens: Vec<Token<'a>>,
    next: usize,
    package: String,
    definitions: Vec<Parsed>,
    faults: Vec<Diagnostic>,
}

/// A fault was noted; whoever gets this skips to where reading can go on.
struct Fault;

impl<'a> Parser<'a> {
    fn new(source: &'a Source) -> Self {
        let tokens = lexer::tokens(&source.text).collect();
        Self { source, tokens, next: 0, package: String::new(), definitions: Vec::new(), faults: Vec::new() }
    }

    fn file(&mut self) {
        while let Some(token) = self.peek() {
            let read = match token.text {
                "package" => self.package(),
                "struct" => self.definition(Self::structure),
                "enum" => self.definition(Self::enumeration),
                // After the brace that closes a definition.
                ";" => {
                    self.advance();
                    Ok(())
                }
                _ => self.fault(token.place, format!("expected package, struct or enum, not {}", shown(token))),
            };
            if read.is_err() {
                self.skip_definition();
            }
            if self.faults.len() >= MAX_FAULTS {
                return;
            }
        }
    }

    fn package(&mut self) -> Result<(), Fault> {
        self.advance();
        let (package, place) = self.word("the name of the package")?;
        if !package.split('.').all(is_name) {
            return self.fault(place, format!("{package} is not the name of a package"));
        }
        self.sign(";")?;
        self.package = package.to_owned();
        Ok(())
    }

    fn definition(&mut self, body: fn(&mut Self, String, String) -> Result<Body, Fault>) -> Result<(), Fault> {
        let doc = self.doc_before();
        self.advance();
        let (name, place) = self.word("the name of the type")?;
        if !is_name(name) || Primitive::from_name(name).is_some() {
            return self.fault(place, format!("{name} cannot be the name of a type"));
        }
        self.sign("{")?;
        let full_name = self.qualify(name);
        let (definition, references) = body(self, full_name, doc)?;
        self.definitions.push(Parsed { definition, place, references });
        Ok(())
    }

    fn structure(&mut self, name: String, doc: String) -> Result<Body, Fault> {
        let mut structure = Struct { name, doc, members: Vec::new(), constants: Vec::new() };
        let mut references = Vec::new();
        loop {
            match self.peek() {
                Some(token) if token.text == "}" => {
                    self.advance();
                    return Ok((Definition::Struct(structure), references));
                }
                None => return self.fault_here("expected a member or } to end the struct"),
                Some(token) => {
                    let read = if token.text == "const" {
                        self.constants(&mut structure)
                    } else {
                        self.members(&mut structure, &mut references)
                    };
                    if read.is_err() {
                        self.skip_statement();
                    }
                }
            }
            if self.faults.len() >= MAX_FAULTS {
                return Err(Fault);
            }
        }
    }

    fn constants(&mut self, structure: &mut Struct) -> Result<(), Fault> {
        let doc = self.doc_before();
        self.advance();
        let (kind_name, place) = self.word("the type of the constant")?;
        let kind = Primitive::from_name(kind_name);
        let Some(kind) = kind.filter(|kind| is_constant_type(*kind)) else {
            return self
                .fault(place, format!("{kind_name} cannot be the type of a constant: expected {CONSTANT_TYPES}"));
        };
        loop {
            let (name, _) = self.new_name(structure)?;
            self.sign("=")?;
            let (text, value_place) = self.word("the value of the constant")?;
            let Some(value) = constant_value(kind, text) else {
                return self.fault(value_place, format!("{text} is not a value of {}", kind.name()));
            };
            let doc = doc.clone();
            structure.constants.push(Constant { name: name.to_owned(), doc, kind, value, text: text.to_owned() });
            if self.comma_or_semicolon()? {
                let doc = self.doc_on_same_line();
                fill(structure.constants.last_mut().map(|constant| &mut constant.doc), doc);
                return Ok(());
            }
        }
    }

    fn members(&mut self, structure: &mut Struct, references: &mut References) -> Result<(), Fault> {
        let doc = self.doc_before();
        let (type_name, place) = self.word("the type of a member")?;
        let kind = match Primitive::from_name(type_name) {
            Some(primitive) => Type::Primitive(primitive),
            None if !type_name.split('.').all(is_name) => {
                return self.fault(place, format!("{type_name} cannot be the name of a type"));
            }
            None => {
                let name = if type_name.contains('.') { type_name.to_owned() } else { self.qualify(type_name) };
                references.push((name.clone(), place));
                Type::User(name)
            }
        };
        loop {
            let (name, _) = self.new_name(structure)?;
            let mut dimensions = Vec::new();
            while self.peek().is_some_and(|token| token.text == "[") {
                self.advance();
                dimensions.push(self.dimension(structure)?);
                self.sign("]")?;
            }
            structure.members.push(Member { name: name.to_owned(), doc: doc.clone(), kind: kind.clone(), dimensions });
            if self.comma_or_semicolon()? {
                let doc = self.doc_on_same_line();
                fill(structure.members.last_mut().map(|member| &mut member.doc), doc);
                return Ok(());
            }
        }
    }

    fn dimension(&mut self, structure: &Struct) -> Result<Dimension, Fault> {
        let (text, place) = self.word("the size of the array")?;
        if let Some(size) = integer(text) {
            return self.fixed(size, text, place);
        }
        if let Some(constant) = structure.constants.iter().find(|constant| constant.name == text) {
            return match constant.value {
                ConstantValue::Integer(size) => self.fixed(size, &constant.text, place),
                ConstantValue::Float(_) => self.fault(place, format!("{text} is no integer, so it cannot be a size")),
            };
        }
        match structure.members.iter().find(|member| member.name == text) {
            Some(Member { kind: Type::Primitive(kind), dimensions, .. })
                if kind.is_integer() && dimensions.is_empty() =>
            {
                Ok(Dimension::Variable { member: text.to_owned() })
            }
            Some(_) => self.fault(place, format!("{text} is not a single integer, so it cannot be a size")),
            None => {
                let message = format!("{text} is neither a number nor a constant or integer member that stands before");
                self.fault(place, message)
            }
        }
    }

    fn fixed(&mut self, size: i64, text: &str, place: Place) -> Result<Dimension, Fault> {
        match u32::try_from(size) {
            Ok(size @ 1..=MAX_ARRAY_SIZE) => Ok(Dimension::Fixed { size, text: text.to_owned() }),
            _ => self.fault(place, format!("an array of {size}: expected a size from 1 to {MAX_ARRAY_SIZE}")),
        }
    }

    fn enumeration(&mut self, name: String, doc: String) -> Result<Body, Fault> {
        let mut values: Vec<(String, i32)> = Vec::new();
        loop {
            if self.peek().is_some_and(|token| token.text == "}") {
                self.advance();
                return Ok((Definition::Enum(Enum { name, doc, values }), Vec::new()));
            }
            let (value_name, place) = self.word("a value of the enum or } to end it")?;
            if !is_name(value_name) {
                return self.fault(place, format!("{value_name} cannot be the name of a value"));
            }
            if values.iter().any(|(other, _)| other == value_name) {
                return self.fault(place, format!("{value_name} is there already"));
            }
            // As in lcm-gen: the first is 1, the others follow.
            let mut value = values.last().map_or(Some(1), |(_, last)| last.checked_add(1));
            if self.peek().is_some_and(|token| token.text == "=") {
                self.advance();
                let (text, _) = self.word("the value")?;
                value = integer(text).and_then(|value| i32::try_from(value).ok());
            }
            let Some(value) = value else {
                return self.fault(place, format!("the value of {value_name} is not an integer of 32 bits"));
            };
            values.push((value_name.to_owned(), value));
            if self.peek().is_some_and(|token| token.text == "," || token.text == ";") {
                self.advance();
            }
        }
    }

    /// The name of a member or constant, which must be new in its struct.
    fn new_name(&mut self, structure: &Struct) -> Result<(&'a str, Place), Fault> {
        let (name, place) = self.word("a name")?;
        if !is_name(name) {
            return self.fault(place, format!("{name} cannot be a name: expected letters, digits and _"));
        }
        let taken = structure.members.iter().any(|member| member.name == name)
            || structure.constants.iter().any(|constant| constant.name == name);
        if taken {
            return self.fault(place, format!("{name} is there already"));
        }
        Ok((name, place))
    }

    /// True for the semicolon that ends a statement.
    fn comma_or_semicolon(&mut self) -> Result<bool, Fault> {
        match self.peek() {
            Some(Token { text: ",", .. }) => {
                self.advance();
                Ok(false)
            }
            Some(Token { text: ";", .. }) => {
                self.advance();
                Ok(true)
            }
            Some(token) => self.fault(token.place, format!("expected , or ; not {}", shown(token))),
            None => self.fault_here("expected , or ;"),
        }
    }

    fn word(&mut self, what: &str) -> Result<(&'a str, Place), Fault> {
        match self.peek() {
            Some(token) if token.kind == Kind::Word => {
                self.advance();
                Ok((token.text, token.place))
            }
            Some(token) => self.fault(token.place, format!("expected {what}, not {}", shown(token))),
            None => self.fault_here(&format!("expected {what}")),
        }
    }

    fn sign(&mut self, sign: &str) -> Result<(), Fault> {
        match self.peek() {
            Some(token) if token.text == sign => {
                self.advance();
                Ok(())
            }
            Some(token) => self.fault(token.place, format!("expected {sign} not {}", shown(token))),
            None => self.fault_here(&format!("expected {sign}")),
        }
    }

    /// The next token that is no comment.
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens[self.next..].iter().copied().find(|token| token.kind != Kind::Comment)
    }

    /// Goes behind the next token that is no comment.
    fn advance(&mut self) {
        while let Some(token) = self.tokens.get(self.next) {
            self.next += 1;
            if token.kind != Kind::Comment {
                return;
            }
        }
    }

    /// The comments before the next token.
    fn doc_before(&self) -> String {
        let comments = self.tokens[self.next..].iter().take_while(|token| token.kind == Kind::Comment);
        comments.map(|token| comment_text(token.text)).collect::<Vec<_>>().join("\n")
    }

    /// The comment that follows on the line of the last token, which then documents nothing else.
    fn doc_on_same_line(&mut self) -> String {
        let Some(last) = self.next.checked_sub(1).and_then(|last| self.tokens.get(last)) else { return String::new() };
        match self.tokens.get(self.next) {
            Some(token)
                if token.kind == Kind::Comment && !self.source.text[last.place.0..token.place.0].contains('\n') =>
            {
                self.next += 1;
                comment_text(token.text)
            }
            _ => String::new(),
        }
    }

    fn fault<T>(&mut self, place: Place, message: String) -> Result<T, Fault> {
        self.faults.push(Diagnostic::new(&self.source.name, &self.source.text, place, message));
        Err(Fault)
    }

    /// A fault at the end of the file.
    fn fault_here<T>(&mut self, expected: &str) -> Result<T, Fault> {
        let end = self.source.text.trim_end().len();
        self.fault(Place(end), format!("{expected}, but the file ends"))
    }

    /// Goes behind the next semicolon, or before the brace that closes the definition.
    fn skip_statement(&mut self) {
        while let Some(token) = self.peek() {
            if token.text == "}" {
                return;
            }
            self.advance();
            if token.text == ";" {
                return;
            }
        }
    }

    /// Goes to where the next definition seems to begin.
    fn skip_definition(&mut self) {
        self.advance();
        while let Some(token) = self.peek() {
            if matches!(token.text, "package" | "struct" | "enum") {
                return;
            }
            self.advance();
        }
    }

    fn qualify(&self, name: &str) -> String {
        if self.package.is_empty() { name.to_owned() } else { format!("{}.{name}", self.package) }
    }
}

fn shown(token: Token<'_>) -> String {
    match token.kind {
        Kind::OpenComment => "a comment that is not closed".to_owned(),
        Kind::Stray => format!("{:?}", token.text),
        _ => token.text.to_owned(),
    }
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_constant_type(kind: Primitive) -> bool {
    kind.is_integer() && kind != Primitive::Byte || matches!(kind, Primitive::Float | Primitive::Double)
}

fn constant_value(kind: Primitive, text: &str) -> Option<ConstantValue> {
    let range = match kind {
        Primitive::Int8 => i64::from(i8::MIN)..=i64::from(i8::MAX),
        Primitive::Int16 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        Primitive::Int32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        Primitive::Int64 => i64::MIN..=i64::MAX,
        _ => return text.parse().ok().map(ConstantValue::Float),
    };
    integer(text).filter(|value| range.contains(value)).map(ConstantValue::Integer)
}

/// A number as C reads it with base 0: decimal, `0x` for hexadecimal, a leading `0` for octal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, base) = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if digits.len() > 1 && digits.starts_with('0') => (&digits[1..], 8),
        None => (digits, 10),
    };
    // No second sign.
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let magnitude = i128::from_str_radix(digits, base).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// What a comment says, without its marks.
fn comment_text(comment: &str) -> String {
    let inner = match comment.strip_prefix("/*") {
        Some(block) => block.strip_suffix("*/").unwrap_or(block).trim_start_matches('*'),
        None => comment.trim_start_matches('/'),
    };
    let lines = inner.lines().map(|line| line.trim().trim_start_matches('*').trim());
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

fn fill(doc: Option<&mut String>, found: String) {
    if let Some(doc) = doc.filter(|doc| doc.is_empty()) {
        *doc = found;
    }
}

const CONSTANT_TYPES: &str = "int8_t, int16_t, int32_t, int64_t, float or double";

/// What a size in an int32 can be.
const MAX_ARRAY_SIZE: u32 = i32::MAX.cast_unsigned();

/// More would only be the consequences of the first.
const MAX_FAULTS: usize = 100;
