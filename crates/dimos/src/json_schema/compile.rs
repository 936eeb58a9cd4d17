//! From the JSON of a schema to its nodes.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::MAX_SUBSCHEMAS;
use super::error::SchemaError;
use super::node::{ArrayRules, Node, NodeId, ObjectRules, Type, Types};
use super::number::{Bound, NumberRules};
use super::text::{Pattern, TextRules};
use super::words::{shortened, shown};

/// Reads a schema; the first node is its root.
///
/// # Errors
/// As [`super::Schema::compile`].
pub(super) fn compile(schema: &Value) -> Result<Vec<Node>, SchemaError> {
    let mut compiler =
        Compiler { document: schema, nodes: Vec::new(), referenced: HashMap::new(), pending: Vec::new() };
    compiler.referenced.insert("#".to_owned(), NodeId::ROOT);
    compiler.add(schema, "#", 0)?;
    while let Some((pointer, id)) = compiler.pending.pop() {
        let referenced = compiler.resolve(&pointer)?;
        let node = compiler.node(referenced, &pointer, 0)?;
        compiler.nodes[id.index()] = node;
    }
    refuse_cycles(&compiler.nodes)?;
    Ok(compiler.nodes)
}

struct Compiler<'a> {
    document: &'a Value,
    nodes: Vec<Node>,
    /// What references point at, and where it is, or will be once it is no longer pending.
    referenced: HashMap<String, NodeId>,
    pending: Vec<(String, NodeId)>,
}

impl<'a> Compiler<'a> {
    /// Adds a subschema and all below it.
    fn add(&mut self, schema: &'a Value, at: &str, depth: usize) -> Result<NodeId, SchemaError> {
        // A bare reference needs no node of its own; the root is one in any case.
        if let Some(reference) = schema.get("$ref").filter(|_| depth > 0)
            && schema
                .as_object()
                .is_some_and(|keywords| keywords.keys().all(|keyword| keyword == "$ref" || is_annotation(keyword)))
        {
            return self.reference(&Operand { value: reference, at, depth });
        }
        let id = self.reserve(at)?;
        let node = self.node(schema, at, depth)?;
        self.nodes[id.index()] = node;
        Ok(id)
    }

    fn reserve(&mut self, at: &str) -> Result<NodeId, SchemaError> {
        let id = NodeId::new(self.nodes.len()).filter(|id| id.index() < MAX_SUBSCHEMAS);
        let id = id.ok_or_else(|| SchemaError::TooLarge { at: place(at) })?;
        self.nodes.push(Node::default());
        Ok(id)
    }

    fn node(&mut self, schema: &'a Value, at: &str, depth: usize) -> Result<Node, SchemaError> {
        if depth > MAX_NESTING {
            return Err(SchemaError::TooLarge { at: place(at) });
        }
        match schema {
            Value::Bool(accepts) => Ok(Node { never: !accepts, ..Node::default() }),
            Value::Object(keywords) => {
                let mut node = Node::default();
                for (keyword, operand) in keywords {
                    self.keyword(&mut node, keywords, keyword, &Operand { value: operand, at, depth })?;
                }
                Ok(node)
            }
            other => Err(SchemaError::NotASchema { at: place(at), found: shown(other) }),
        }
    }

    fn keyword(
        &mut self,
        node: &mut Node,
        keywords: &'a Map<String, Value>,
        keyword: &str,
        operand: &Operand<'a, '_>,
    ) -> Result<(), SchemaError> {
        match keyword {
            "type" => node.types = Some(operand.types()?),
            "enum" => restrict_choices(node, operand.array("enum")?.to_vec()),
            "const" => restrict_choices(node, vec![operand.value.clone()]),
            "$ref" => {
                let id = self.reference(operand)?;
                node.all_of.push(id);
            }
            "allOf" => node.all_of.extend(self.list("allOf", operand)?),
            "anyOf" => node.any_of = self.list("anyOf", operand)?,
            "oneOf" => node.one_of = self.list("oneOf", operand)?,
            "not" => node.not = Some(self.below("not", operand)?),

            "minimum" => number(node).raise(Bound { at: operand.number("minimum")?.clone(), inclusive: true }),
            "exclusiveMinimum" => {
                number(node).raise(Bound { at: operand.number("exclusiveMinimum")?.clone(), inclusive: false })
            }
            "maximum" => number(node).lower(Bound { at: operand.number("maximum")?.clone(), inclusive: true }),
            "exclusiveMaximum" => {
                number(node).lower(Bound { at: operand.number("exclusiveMaximum")?.clone(), inclusive: false })
            }
            "multipleOf" => number(node).multiple_of = Some(operand.step()?),
            // `uint` may also be the annotation of something that is no number.
            "format" if is_numeric(keywords) => number(node).restrict(operand.text("format")?),

            "minLength" => text(node).min_chars = Some(operand.count("minLength")?),
            "maxLength" => text(node).max_chars = Some(operand.count("maxLength")?),
            "pattern" => text(node).pattern = Some(operand.pattern("pattern")?),

            "items" => array(node).rest = Some(self.below("items", operand)?),
            "prefixItems" => array(node).first = self.list("prefixItems", operand)?,
            "contains" => array(node).contains = Some(self.below("contains", operand)?),
            "minItems" => array(node).min_items = Some(operand.count("minItems")?),
            "maxItems" => array(node).max_items = Some(operand.count("maxItems")?),
            "uniqueItems" => array(node).unique = operand.boolean("uniqueItems")?,

            "properties" => {
                for (key, schema) in operand.object("properties")? {
                    let id = self.add(schema, &operand.below("properties", key), operand.depth + 1)?;
                    object(node).properties.insert(key.clone(), id);
                }
            }
            "patternProperties" => {
                for (source, schema) in operand.object("patternProperties")? {
                    let pattern = operand.compiled(source)?;
                    let id = self.add(schema, &operand.below("patternProperties", source), operand.depth + 1)?;
                    object(node).patterns.push((pattern, id));
                }
            }
            "additionalProperties" => object(node).additional = Some(self.below("additionalProperties", operand)?),
            "unevaluatedProperties" => object(node).unevaluated = Some(self.below("unevaluatedProperties", operand)?),
            "propertyNames" => object(node).names = Some(self.below("propertyNames", operand)?),
            "required" => object(node).required = operand.texts("required")?,
            "minProperties" => object(node).min_properties = Some(operand.count("minProperties")?),
            "maxProperties" => object(node).max_properties = Some(operand.count("maxProperties")?),

            // A base address matters to references that are not within the document, and those are refused anyway.
            "$id" if operand.at == "#" => {}
            other if is_annotation(other) => {}
            other => return Err(SchemaError::Keyword { at: place(operand.at), keyword: place(other) }),
        }
        Ok(())
    }

    /// The subschema that is a keyword's operand.
    fn below(&mut self, keyword: &str, operand: &Operand<'a, '_>) -> Result<NodeId, SchemaError> {
        self.add(operand.value, &format!("{}/{keyword}", operand.at), operand.depth + 1)
    }

    /// The subschemas that are a keyword's operand.
    fn list(&mut self, keyword: &'static str, operand: &Operand<'a, '_>) -> Result<Vec<NodeId>, SchemaError> {
        let schemas = operand.array(keyword)?;
        if schemas.is_empty() {
            return Err(operand.error(keyword, "a list of at least one schema"));
        }
        let each = |(index, schema)| self.add(schema, &format!("{}/{keyword}/{index}", operand.at), operand.depth + 1);
        schemas.iter().enumerate().map(each).collect()
    }

    fn reference(&mut self, operand: &Operand<'a, '_>) -> Result<NodeId, SchemaError> {
        let pointer = operand.text("$ref")?;
        if let Some(&id) = self.referenced.get(pointer) {
            return Ok(id);
        }
        let id = self.reserve(operand.at)?;
        self.resolve(pointer)
            .map_err(|_| SchemaError::Reference { at: place(operand.at), reference: place(pointer) })?;
        self.referenced.insert(pointer.to_owned(), id);
        self.pending.push((pointer.to_owned(), id));
        Ok(id)
    }

    /// What a reference of the form `#/$defs/Name` points at.
    fn resolve(&self, pointer: &str) -> Result<&'a Value, SchemaError> {
        let inside = pointer.strip_prefix('#').filter(|inside| inside.is_empty() || inside.starts_with('/'));
        let found = inside.and_then(|inside| {
            // Names of generic types have characters that a fragment of an address cannot have.
            self.document.pointer(inside).or_else(|| self.document.pointer(&percent_decoded(inside)?))
        });
        found.ok_or_else(|| SchemaError::Reference { at: "#".to_owned(), reference: place(pointer) })
    }
}

/// The value of a keyword, and where the schema is that has it.
struct Operand<'a, 'at> {
    value: &'a Value,
    at: &'at str,
    depth: usize,
}

impl<'a> Operand<'a, '_> {
    fn error(&self, keyword: &'static str, expected: &'static str) -> SchemaError {
        SchemaError::Operand { at: place(self.at), keyword, expected, found: shown(self.value) }
    }

    fn below(&self, keyword: &str, key: &str) -> String {
        format!("{}/{keyword}/{key}", self.at)
    }

    fn array(&self, keyword: &'static str) -> Result<&'a [Value], SchemaError> {
        self.value.as_array().map(Vec::as_slice).ok_or_else(|| self.error(keyword, "a list"))
    }

    fn object(&self, keyword: &'static str) -> Result<&'a Map<String, Value>, SchemaError> {
        self.value.as_object().ok_or_else(|| self.error(keyword, "an object"))
    }

    fn text(&self, keyword: &'static str) -> Result<&'a str, SchemaError> {
        self.value.as_str().ok_or_else(|| self.error(keyword, "a string"))
    }

    fn texts(&self, keyword: &'static str) -> Result<Vec<String>, SchemaError> {
        let texts = self.array(keyword)?.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>();
        texts.ok_or_else(|| self.error(keyword, "a list of strings"))
    }

    fn boolean(&self, keyword: &'static str) -> Result<bool, SchemaError> {
        self.value.as_bool().ok_or_else(|| self.error(keyword, "a boolean"))
    }

    fn count(&self, keyword: &'static str) -> Result<u64, SchemaError> {
        self.value.as_u64().ok_or_else(|| self.error(keyword, "a count"))
    }

    fn number(&self, keyword: &'static str) -> Result<&'a serde_json::Number, SchemaError> {
        self.value.as_number().ok_or_else(|| self.error(keyword, "a number"))
    }

    fn step(&self) -> Result<f64, SchemaError> {
        let positive = self.value.as_f64().filter(|step| *step > 0.0);
        positive.ok_or_else(|| self.error("multipleOf", "a number greater than 0"))
    }

    fn types(&self) -> Result<Types, SchemaError> {
        let names = if self.value.is_string() { std::slice::from_ref(self.value) } else { self.array("type")? };
        let mut types = Types::default();
        for name in names {
            let one = name.as_str().and_then(Type::named);
            types.insert(one.ok_or_else(|| self.error("type", "a type of JSON, or a list of them"))?);
        }
        Ok(types)
    }

    fn pattern(&self, keyword: &'static str) -> Result<Pattern, SchemaError> {
        self.compiled(self.text(keyword)?)
    }

    fn compiled(&self, source: &str) -> Result<Pattern, SchemaError> {
        Pattern::compile(source).map_err(|reason| SchemaError::Pattern {
            at: place(self.at),
            pattern: place(source),
            reason,
        })
    }
}

/// Refuses subschemas that apply to the same value again and again.
fn refuse_cycles(nodes: &[Node]) -> Result<(), SchemaError> {
    // How many nodes lead to each one; what is left when all ends have been taken off lies on a cycle, or behind one.
    let mut leading = vec![0_usize; nodes.len()];
    for id in nodes.iter().flat_map(Node::in_place) {
        leading[id.index()] += 1;
    }
    let mut free: Vec<usize> = (0..nodes.len()).filter(|&index| leading[index] == 0).collect();
    let mut taken = 0;
    while let Some(index) = free.pop() {
        taken += 1;
        for id in nodes[index].in_place() {
            leading[id.index()] -= 1;
            if leading[id.index()] == 0 {
                free.push(id.index());
            }
        }
    }
    if taken == nodes.len() { Ok(()) } else { Err(SchemaError::Circular { at: "#".to_owned() }) }
}

/// Narrows the choices to those that are in both lists.
fn restrict_choices(node: &mut Node, choices: Vec<Value>) {
    match &mut node.choices {
        Some(former) => former.retain(|choice| choices.contains(choice)),
        none => *none = Some(choices),
    }
}

fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

fn is_numeric(keywords: &Map<String, Value>) -> bool {
    let is_number = |name: &Value| name == "integer" || name == "number";
    match keywords.get("type") {
        Some(Value::Array(names)) => names.iter().any(is_number),
        Some(name) => is_number(name),
        None => false,
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next()?)? << 4 | digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Bounds what a schema puts into an error.
fn place(text: &str) -> String {
    shortened(text, 200).into_owned()
}

fn number(node: &mut Node) -> &mut NumberRules {
    node.number.get_or_insert_default()
}

fn text(node: &mut Node) -> &mut TextRules {
    node.text.get_or_insert_default()
}

fn array(node: &mut Node) -> &mut ArrayRules {
    node.array.get_or_insert_default()
}

fn object(node: &mut Node) -> &mut ObjectRules {
    node.object.get_or_insert_default()
}

/// Keywords that assert nothing. Formats of strings are among them, as the specification has it.
const ANNOTATIONS: &[&str] = &[
    "$schema",
    "$comment",
    "$defs",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "format",
    "contentEncoding",
    "contentMediaType",
    "discriminator",
];

/// How deep schemas may be nested.
const MAX_NESTING: usize = 128;
