//! One IDL file: from its tokens to its definitions, going on after each fault to the next.
//!
//! What can be told only with all files at hand, such as whether a type exists, is left to [`crate::check`].

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use lcm::schema::{Constant, ConstantValue, Definition, Dimension, Enum, Member, Primitive, Struct, Type};

use crate::diagnostic::{Diagnostic, MAX_FAULTS, Place};
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

/// Whether it can be a name: of a type, a member or a constant, or a part of that of a package.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

struct Parser<'a> {
    source: &'a Source,
    tokens: Vec<Token<'a>>,
    next: usize,
    package: String,
    definitions: Vec<Parsed>,
    faults: Vec<Diagnostic>,
}

/// A struct as far as it was read.
struct Unfinished<'a> {
    structure: Struct,
    references: References,
    names: HashMap<&'a str, Named>,
}

/// What a name in a struct means, by its place there.
#[derive(Clone, Copy)]
enum Named {
    Member(usize),
    Constant(usize),
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
                "struct" => self.definition(token.place, Self::structure),
                "enum" => self.definition(token.place, Self::enumeration),
                // After the brace that closes a definition.
                ";" => {
                    self.advance();
                    Ok(())
                }
                _ => self.fault(token.place, format!("expected package, struct or enum, not {}", shown(token))),
            };
            match read {
                // What follows on the line says nothing of the next one.
                Ok(()) => drop(self.doc_on_same_line()),
                Err(Fault) => self.skip_definition(),
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
            return self.fault(place, format!("{package} cannot be the name of a package: {NAMES}"));
        }
        self.sign(";")?;
        self.package = package.to_owned();
        Ok(())
    }

    fn definition(
        &mut self,
        start: Place,
        body: fn(&mut Self, String, String) -> Result<Body, Fault>,
    ) -> Result<(), Fault> {
        let mut doc = self.doc_before();
        self.advance();
        let (name, place) = self.word("the name of the type")?;
        if name.rsplit('.').next().is_some_and(|last| Primitive::from_name(last).is_some()) {
            return self.fault(place, format!("{name} cannot be the name of a type: LCM has one of this name"));
        }
        if !name.split('.').all(is_name) {
            return self.fault(place, format!("{name} cannot be the name of a type: {NAMES}"));
        }
        append(&mut doc, &self.doc_before());
        self.sign("{")?;
        append(&mut doc, &self.doc_on_same_line());
        // A dotted name tells the package of this type; within it, that of the file stays.
        let full_name = self.qualify(name);
        let (mut definition, references) = body(self, full_name, doc)?;
        let is_one_line = !self.source.text[start.0..self.end()].contains('\n');
        let after = self.doc_on_same_line();
        // After a longer one it tells what the brace closes.
        if is_one_line {
            append(doc_of(&mut definition), &after);
        }
        self.definitions.push(Parsed { definition, place, references });
        Ok(())
    }

    fn structure(&mut self, name: String, doc: String) -> Result<Body, Fault> {
        let structure = Struct { name, doc, members: Vec::new(), constants: Vec::new() };
        let mut so_far = Unfinished { structure, references: Vec::new(), names: HashMap::new() };
        loop {
            match self.peek() {
                Some(token) if token.text == "}" => {
                    self.advance();
                    return Ok((Definition::Struct(so_far.structure), so_far.references));
                }
                None => return self.fault_here("expected a member or } to end the struct"),
                Some(token) => {
                    let read =
                        if token.text == "const" { self.constants(&mut so_far) } else { self.members(&mut so_far) };
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

    fn constants(&mut self, so_far: &mut Unfinished<'a>) -> Result<(), Fault> {
        let mut of_all = SharedDoc::new(self.doc_before());
        self.advance();
        let (kind_name, place) = self.word("the type of the constant")?;
        let kind = Primitive::from_name(kind_name);
        let Some(kind) = kind.filter(|kind| is_constant_type(*kind)) else {
            return self
                .fault(place, format!("{kind_name} cannot be the type of a constant: expected {CONSTANT_TYPES}"));
        };
        loop {
            let mut doc = of_all.copy();
            append(&mut doc, &self.doc_before());
            let name = self.new_name(so_far)?;
            self.sign("=")?;
            let (text, value_place) = self.word("the value of the constant")?;
            let value = match constant_value(kind, text) {
                Ok(value) => value,
                Err(message) => return self.fault(value_place, message),
            };
            so_far.names.insert(name, Named::Constant(so_far.structure.constants.len()));
            let constant = Constant { name: name.to_owned(), doc, kind, value, text: text.to_owned() };
            so_far.structure.constants.push(constant);
            let (after, is_last) = self.comma_or_semicolon()?;
            if let Some(last) = so_far.structure.constants.last_mut() {
                append(&mut last.doc, &after);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn members(&mut self, so_far: &mut Unfinished<'a>) -> Result<(), Fault> {
        let mut of_all = SharedDoc::new(self.doc_before());
        let (type_name, place) = self.word("the type of a member")?;
        let kind = match Primitive::from_name(type_name) {
            Some(primitive) => Type::Primitive(primitive),
            None if !type_name.split('.').all(is_name) => {
                return self.fault(place, format!("{type_name} cannot be the name of a type: {NAMES}"));
            }
            None => {
                let name = self.qualify(type_name);
                so_far.references.push((name.clone(), place));
                Type::User(name)
            }
        };
        loop {
            let mut doc = of_all.copy();
            append(&mut doc, &self.doc_before());
            let name = self.new_name(so_far)?;
            let mut dimensions = Vec::new();
            while let Some(Token { text: "[", place, .. }) = self.peek() {
                if dimensions.len() == MAX_RANK {
                    return self.fault(place, format!("an array has at most {MAX_RANK} sizes"));
                }
                self.advance();
                dimensions.push(self.dimension(so_far)?);
                self.sign("]")?;
            }
            so_far.names.insert(name, Named::Member(so_far.structure.members.len()));
            so_far.structure.members.push(Member { name: name.to_owned(), doc, kind: kind.clone(), dimensions });
            let (after, is_last) = self.comma_or_semicolon()?;
            if let Some(last) = so_far.structure.members.last_mut() {
                append(&mut last.doc, &after);
            }
            if is_last {
                return Ok(());
            }
        }
    }

    fn dimension(&mut self, so_far: &Unfinished<'a>) -> Result<Dimension, Fault> {
        let (text, place) = self.word("the size of the array")?;
        if let Some(size) = integer(text) {
            return self.fixed(size, text, place);
        }
        match so_far.names.get(text) {
            Some(&Named::Constant(at)) => {
                let constant = &so_far.structure.constants[at];
                match constant.value {
                    ConstantValue::Integer(size) => self.fixed(size, &constant.text, place),
                    ConstantValue::Float(_) => {
                        self.fault(place, format!("{text} is no integer, so it cannot be a size"))
                    }
                }
            }
            Some(&Named::Member(at)) => match &so_far.structure.members[at] {
                Member { kind: Type::Primitive(kind), dimensions, .. }
                    if kind.is_integer() && dimensions.is_empty() =>
                {
                    Ok(Dimension::Variable { member: text.to_owned() })
                }
                _ => self.fault(place, format!("{text} is not a single integer, so it cannot be a size")),
            },
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
        let mut names = HashSet::new();
        let mut largest: i32 = 0;
        loop {
            if self.peek().is_some_and(|token| token.text == "}") {
                self.advance();
                return Ok((Definition::Enum(Enum { name, doc, values }), Vec::new()));
            }
            let (value_name, place) = self.word("a value of the enum or } to end it")?;
            if !is_name(value_name) {
                return self.fault(place, format!("{value_name} cannot be the name of a value: {NAMES}"));
            }
            if !names.insert(value_name) {
                return self.fault(place, format!("{value_name} is there already"));
            }
            // As in lcm-gen: one more than the largest before, and than 0.
            let mut value = largest.checked_add(1);
            if self.peek().is_some_and(|token| token.text == "=") {
                self.advance();
                let (text, _) = self.word("the value")?;
                value = integer(text).and_then(|value| i32::try_from(value).ok());
            }
            let Some(value) = value else {
                return self.fault(place, format!("the value of {value_name} is not an integer of 32 bits"));
            };
            largest = largest.max(value);
            values.push((value_name.to_owned(), value));
            if self.peek().is_some_and(|token| token.text == "," || token.text == ";") {
                self.advance();
            }
        }
    }

    /// The name of a member or constant, which must be new in its struct.
    fn new_name(&mut self, so_far: &Unfinished<'a>) -> Result<&'a str, Fault> {
        let (name, place) = self.word("a name")?;
        if !is_name(name) {
            return self.fault(place, format!("{name} cannot be a name: {NAMES}"));
        }
        if so_far.names.contains_key(name) {
            return self.fault(place, format!("{name} is there already"));
        }
        Ok(name)
    }

    /// What the comments there say of what stands before; and true for the semicolon that ends a statement.
    fn comma_or_semicolon(&mut self) -> Result<(String, bool), Fault> {
        let mut doc = self.doc_before();
        let is_last = match self.peek() {
            Some(token) if token.text == "," || token.text == ";" => token.text == ";",
            Some(token) => return self.fault(token.place, format!("expected , or ; not {}", shown(token))),
            None => return self.fault_here("expected , or ;"),
        };
        self.advance();
        append(&mut doc, &self.doc_on_same_line());
        Ok((doc, is_last))
    }

    fn word(&mut self, what: &str) -> Result<(&'a str, Place), Fault> {
        match self.peek() {
            Some(token) if token.kind == Kind::Word && token.text.len() > MAX_WORD_BYTES => {
                self.fault(token.place, format!("a word of {} bytes: at most {MAX_WORD_BYTES}", token.text.len()))
            }
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

    /// Behind the last token.
    fn end(&self) -> usize {
        self.next.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(0, Token::end)
    }

    /// The comments before the next token, as far as no blank line is in between: what is above one, such as a licence, is
    /// not about this token.
    fn doc_before(&self) -> String {
        let comments = self.tokens[self.next..].iter().take_while(|token| token.kind == Kind::Comment).count();
        let end = self.next + comments;
        let mut first = end;
        let mut below = self.tokens.get(end).map_or(self.source.text.len(), |token| token.place.0);
        while first > self.next {
            let comment = self.tokens[first - 1];
            if self.source.text[comment.end()..below].matches('\n').count() > 1 {
                break;
            }
            below = comment.place.0;
            first -= 1;
        }
        self.doc(first..end)
    }

    /// The comments that follow on the line of the last token, which then document nothing else.
    fn doc_on_same_line(&mut self) -> String {
        let first = self.next;
        while let Some(comment) = self.tokens.get(self.next).filter(|token| token.kind == Kind::Comment) {
            if self.source.text[self.end()..comment.place.0].contains('\n') {
                break;
            }
            // If something follows it on its line, it is about that.
            let is_about = |next: &Token<'_>| {
                next.kind == Kind::Word && !self.source.text[comment.end()..next.place.0].contains('\n')
            };
            if self.tokens.get(self.next + 1).is_some_and(is_about) {
                break;
            }
            self.next += 1;
        }
        self.doc(first..self.next)
    }

    fn doc(&self, comments: Range<usize>) -> String {
        let texts: Vec<_> = self.tokens[comments].iter().map(|token| comment_text(token.text)).collect();
        texts.join("\n").trim().to_owned()
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
        if self.package.is_empty() || name.contains('.') { name.to_owned() } else { format!("{}.{name}", self.package) }
    }
}

/// What is said of a whole list, such as `double x, y, z;`.
struct SharedDoc {
    doc: String,
    copied_bytes: usize,
}

impl SharedDoc {
    fn new(doc: String) -> Self {
        Self { doc, copied_bytes: 0 }
    }

    /// For the next of the list. A file made to do harm has a long text for many of them, of whom most get nothing.
    fn copy(&mut self) -> String {
        let is_first = self.copied_bytes == 0;
        self.copied_bytes = self.copied_bytes.saturating_add(self.doc.len());
        if is_first || self.copied_bytes <= MAX_COPIED_DOC_BYTES { self.doc.clone() } else { String::new() }
    }
}

fn append(doc: &mut String, more: &str) {
    if !doc.is_empty() && !more.is_empty() {
        doc.push('\n');
    }
    doc.push_str(more);
}

fn doc_of(definition: &mut Definition) -> &mut String {
    match definition {
        Definition::Struct(structure) => &mut structure.doc,
        Definition::Enum(definition) => &mut definition.doc,
    }
}

fn shown(token: Token<'_>) -> String {
    match token.kind {
        Kind::OpenComment => "a comment that is not closed".to_owned(),
        Kind::Stray => format!("{:?}", token.text),
        _ if token.text.len() > MAX_WORD_BYTES => format!("a word of {} bytes", token.text.len()),
        _ => token.text.to_owned(),
    }
}

fn is_constant_type(kind: Primitive) -> bool {
    kind.is_integer() && kind != Primitive::Byte || matches!(kind, Primitive::Float | Primitive::Double)
}

/// Or what is wrong with it.
fn constant_value(kind: Primitive, text: &str) -> Result<ConstantValue, String> {
    let wrong = || format!("{text} is not a value of {}", kind.name());
    let range = match kind {
        Primitive::Int8 => i64::from(i8::MIN)..=i64::from(i8::MAX),
        Primitive::Int16 => i64::from(i16::MIN)..=i64::from(i16::MAX),
        Primitive::Int32 => i64::from(i32::MIN)..=i64::from(i32::MAX),
        Primitive::Int64 => i64::MIN..=i64::MAX,
        _ => {
            let value = float(text).ok_or_else(wrong)?;
            let largest = if kind == Primitive::Float { f32::MAX.into() } else { f64::MAX };
            // `inf` means what it says.
            if value.abs() > largest && text.contains(|c: char| c.is_ascii_digit()) {
                return Err(format!("{text} is out of the range of {}", kind.name()));
            }
            return Ok(ConstantValue::Float(value));
        }
    };
    integer(text).filter(|value| range.contains(value)).map(ConstantValue::Integer).ok_or_else(wrong)
}

/// A number as C reads it with base 0: decimal, `0x` for hexadecimal, a leading `0` for octal.
fn integer(text: &str) -> Option<i64> {
    let (negative, digits) = without_sign(text);
    let (digits, base) = match hexadecimal_digits(digits) {
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

/// A number as C reads it: decimal, or hexadecimal as in `0x10` and `0x1.8p3`.
fn float(text: &str) -> Option<f64> {
    let (negative, digits) = without_sign(text);
    let Some(digits) = hexadecimal_digits(digits) else { return text.parse().ok() };
    let (mantissa, exponent) = match digits.split_once(['p', 'P']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i16>().ok()?),
        None => (digits, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent = i32::from(exponent) - 4 * i32::try_from(fraction.len()).ok()?;
    value *= f64::from(exponent).exp2();
    Some(if negative { -value } else { value })
}

fn without_sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

fn hexadecimal_digits(text: &str) -> Option<&str> {
    text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
}

/// What a comment says, without its marks.
fn comment_text(comment: &str) -> String {
    let Some(block) = comment.strip_prefix("/*") else {
        return comment.trim_start_matches('/').trim().to_owned();
    };
    let block = block.strip_suffix("*/").unwrap_or(block);
    let block = block.trim_start_matches('*').trim_end_matches('*');
    // A column of stars is no part of the text; a star elsewhere is.
    let below: Vec<&str> = block.lines().skip(1).map(str::trim).filter(|line| !line.is_empty()).collect();
    let has_column = below.iter().all(|line| line.starts_with('*'));
    let lines = block.lines().enumerate().map(|(index, line)| match line.trim() {
        line if line.bytes().all(|byte| byte == b'*') => "",
        line if index > 0 && has_column => line.strip_prefix('*').unwrap_or(line).trim(),
        line => line,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

const NAMES: &str = "expected ASCII letters, digits and _, and no digit first";

const CONSTANT_TYPES: &str = "int8_t, int16_t, int32_t, int64_t, float or double";

/// What a size in an int32 can be.
const MAX_ARRAY_SIZE: u32 = i32::MAX.cast_unsigned();

/// Sizes of an array. Code is written in as many levels.
const MAX_RANK: usize = 16;

/// Longer names and numbers have no use, and are copied often.
const MAX_WORD_BYTES: usize = 255;

/// How much of what is said of a list is copied to its members, all together.
const MAX_COPIED_DOC_BYTES: usize = 4096;
