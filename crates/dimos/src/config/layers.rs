//! The layers of a configuration, and what they come to.

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::effective::Effective;
use super::environment;
use super::error::{ConfigError, DefinitionError, Problem};
use super::file::ConfigFile;
use super::key;
use super::place::{Place, is_missing};
use super::source::Source;
use super::text;
use super::tree::{Tree, remove_unknown};
use crate::json_schema::{Path, Schema, Step, shortened, shown};

/// The layers of a configuration. They may be added in any order: which one wins depends on what they are. Of two layers of the
/// same kind the later one wins. What is wrong with one is told by [`Self::merge`], together with all else.
#[derive(Debug, Clone)]
pub struct Layers {
    schema: Schema,
    layers: Vec<Tree>,
    files: Vec<ConfigFile>,
    problems: Vec<Problem>,
}

impl Layers {
    /// The defaults of a configuration, so far.
    ///
    /// # Errors
    /// If the type is not one that a configuration can have.
    pub fn of<C: Default + Serialize + JsonSchema>() -> Result<Self, DefinitionError> {
        // By way of the text, an f32 keeps the digits that it was written with.
        let defaults = serde_json::from_str(&serde_json::to_string(&C::default())?)?;
        Self::new(schemars::schema_for!(C).as_value(), defaults)
    }

    /// The same for somebody who does not have the type, only its schema and its defaults.
    ///
    /// # Errors
    /// If the schema cannot be used, or the defaults are not an object.
    pub fn new(schema: &Value, defaults: Value) -> Result<Self, DefinitionError> {
        let schema = Schema::compile(schema)?;
        if !defaults.is_object() {
            return Err(DefinitionError::NotAStruct { found: shown(&defaults) });
        }
        Ok(Self {
            schema,
            layers: vec![Tree::new(defaults, &Source::Default)],
            files: Vec::new(),
            problems: Vec::new(),
        })
    }

    /// Adds a configuration file: its name, for messages, and its text, which is TOML.
    pub fn file(&mut self, path: &str, text: &str) -> &mut Self {
        let file = ConfigFile::new(path, text);
        let layer = file.read(&Place::root(&self.schema), &mut self.problems);
        self.layers.push(layer);
        self.files.push(file);
        self
    }

    /// Adds those variables of an environment whose names begin with a prefix and `__`.
    pub fn environment<N: AsRef<str>, T: AsRef<str>>(
        &mut self,
        prefix: &str,
        variables: impl IntoIterator<Item = (N, T)>,
    ) -> &mut Self {
        for (name, value) in variables {
            let behind = name.as_ref().strip_prefix(prefix).and_then(|rest| rest.strip_prefix(environment::SEPARATOR));
            let Some(rest) = behind else { continue };
            let source_of_it = Source::Environment { variable: name.as_ref().to_owned() };
            match environment::key(&Place::root(&self.schema), prefix, rest) {
                Ok(key) => self.text(&key, value.as_ref(), source_of_it),
                Err(remedy) => self.problems.push(Problem::UnknownVariable { source_of_it, remedy }),
            }
        }
        self
    }

    /// Adds what the launcher says: an object, or `null` if it says nothing.
    pub fn launcher(&mut self, config: &Value) -> &mut Self {
        match config {
            Value::Null => {}
            Value::Object(_) => self.value(config.clone(), &Source::Launcher),
            other => self.problems.push(Problem::NotAnObject { source_of_it: Source::Launcher, found: shown(other) }),
        }
        self
    }

    /// Adds an argument of the form `grid.cell_m=0.1`.
    pub fn argument(&mut self, argument: &str) -> &mut Self {
        let source_of_it = Source::CommandLine { text: argument.to_owned() };
        match key::argument(argument) {
            Some((key, value)) => self.text(&key, value, source_of_it),
            None => self.problems.push(Problem::Argument { source_of_it }),
        }
        self
    }

    /// Adds an option with its value, as Python DimOS passes them: `--cell_m 0.1`. The field comes without the dashes.
    pub fn option(&mut self, field: &str, value: &str) -> &mut Self {
        let source_of_it = Source::CommandLine { text: format!("--{field} {value}") };
        match key::parts(field) {
            Some(key) => self.text(&key, value, source_of_it),
            None => self.problems.push(Problem::Argument { source_of_it }),
        }
        self
    }

    /// What the layers come to.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn merge(&self) -> Result<Effective, ConfigError> {
        let mut layers: Vec<_> = self.layers.iter().collect();
        layers.sort_by_key(|layer| layer.source.rank());
        let root = Place::root(&self.schema);
        let mut merged = Tree::new(Value::Object(serde_json::Map::new()), &Source::Default);
        layers.into_iter().for_each(|layer| merged.lay_over(layer.clone(), Some(&root)));

        let mut problems = self.problems.clone();
        for fault in self.schema.faults(&merged.value()) {
            let key = name(&fault.path);
            if is_missing(&fault) {
                problems.push(Problem::Missing { key, message: fault.message });
            } else {
                let source_of_it = merged.source_at(&fault.path).clone();
                let excerpt = self.excerpt(&source_of_it);
                problems.push(Problem::Value { key, source_of_it, message: fault.message, excerpt });
            }
        }
        if problems.is_empty() { Ok(Effective::new(merged)) } else { Err(told(problems)) }
    }

    /// What the layers come to, as the struct it is for, and with the sources.
    ///
    /// # Errors
    /// Everything that is wrong with any layer.
    pub fn read<C: DeserializeOwned>(&self) -> Result<(C, Effective), ConfigError> {
        let effective = self.merge()?;
        match serde_path_to_error::deserialize(&effective.value()) {
            Ok(config) => Ok((config, effective)),
            Err(error) => {
                let (path, message) = (steps(error.path()), shortened(&error.inner().to_string(), 200).into_owned());
                let source_of_it = effective.source_at(&path).clone();
                let excerpt = self.excerpt(&source_of_it);
                Err(told(vec![Problem::Unreadable { key: name(&path), source_of_it, message, excerpt }]))
            }
        }
    }

    /// Adds the text of one key.
    fn text(&mut self, key: &[String], text: &str, source_of_it: Source) {
        let mut place = Place::root(&self.schema);
        let mut path = Path::default();
        for part in key {
            path = path.key(part);
            match place.member(part) {
                Some(below) => place = below,
                None => {
                    let remedy = place.no_such_key(part);
                    return self.problems.push(Problem::UnknownKey {
                        key: path.to_string(),
                        source_of_it,
                        remedy,
                        excerpt: None,
                    });
                }
            }
        }
        match text::read(&place, text) {
            Ok(value) => self.value(Tree::at(key, value, &source_of_it).value(), &source_of_it),
            Err(message) => {
                self.problems.push(Problem::Value { key: path.to_string(), source_of_it, message, excerpt: None })
            }
        }
    }

    /// Adds a value, without the keys that the configuration does not have.
    fn value(&mut self, mut value: Value, source: &Source) {
        let problems = &mut self.problems;
        remove_unknown(&mut value, &Place::root(&self.schema), &Path::default(), &mut |path, remedy| {
            problems.push(Problem::UnknownKey {
                key: path.to_string(),
                source_of_it: source.clone(),
                remedy,
                excerpt: None,
            });
        });
        self.layers.push(Tree::new(value, source));
    }

    fn excerpt(&self, source: &Source) -> Option<super::Excerpt> {
        self.files.iter().rev().find_map(|file| file.excerpt(source))
    }
}

/// The key that a path means.
fn name(path: &Path) -> String {
    if path.0.is_empty() { "the configuration".to_owned() } else { path.to_string() }
}

fn steps(path: &serde_path_to_error::Path) -> Path {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(Step::Index(*index)),
        Segment::Map { key } => Some(Step::Key(key.clone())),
        Segment::Enum { .. } | Segment::Unknown => None,
    };
    Path(path.iter().map_while(step).collect())
}

fn told(mut problems: Vec<Problem>) -> ConfigError {
    let untold = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    ConfigError { problems, untold }
}

/// How many problems are told in detail.
const MAX_PROBLEMS: usize = 50;
