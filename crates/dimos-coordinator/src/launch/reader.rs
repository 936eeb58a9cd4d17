//! From launch files to a plan: reading, including, composing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File as OpenFile;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dimos::Name;
use dimos::coordinator::COORDINATOR;
use dimos::json_schema::{Schema, closest};

use super::arguments::{Arguments, Given, GivenValue, value_of};
use super::definition::{Definition, Site};
use super::document::{Content, Node, joined};
use super::format::{self, File, Include, Module};
use super::scope::Scope;
use super::words::{check_topic, plain};
use super::{Launch, Request};
use crate::diagnostic::{Diagnostic, Diagnostics, Mark, Sources};
use crate::plan::{Place, Plan};

/// What has been read so far.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    request: &'a Request,
    schema: Option<Schema>,
    sources: Sources,
    faults: Vec<Diagnostic>,
    plan: Plan,
    definitions: BTreeMap<Name, Definition>,
    /// The arguments that the files of the command line declare.
    declared: BTreeSet<String>,
    /// How many files have been read, with those that are read twice.
    files: usize,
}

/// A file that is read.
#[derive(Debug, Clone, Copy)]
struct Visit<'a> {
    directory: &'a Path,
    scope: &'a Scope,
    given: &'a BTreeMap<String, Given>,
    /// Where it is included.
    include: Option<Place>,
    /// The files around it.
    stack: &'a [PathBuf],
}

impl<'a> Reader<'a> {
    pub(super) fn new(request: &'a Request) -> Self {
        Self {
            request,
            schema: None,
            sources: Sources::default(),
            faults: Vec::new(),
            plan: Plan::default(),
            definitions: BTreeMap::new(),
            declared: BTreeSet::new(),
            files: 0,
        }
    }

    pub(super) fn read(mut self) -> Result<Launch, Diagnostics> {
        match Schema::compile(&format::schema()) {
            Ok(schema) => self.schema = Some(schema),
            Err(error) => self.faults.push(Diagnostic::error(format!("the schema of launch files: {error}"))),
        }
        let given = self.given();
        let scope = Scope::default().within(self.request.namespace.clone(), &[]);
        for path in &self.request.files {
            self.read_file(path, &path.display().to_string(), &scope, &given, None, &[]);
        }
        for text in &self.request.texts {
            let visit = Visit { directory: &text.directory, scope: &scope, given: &given, include: None, stack: &[] };
            self.read_text(&text.name, text.text.as_str().into(), visit);
        }
        if self.request.files.is_empty() && self.request.texts.is_empty() {
            self.faults.push(Diagnostic::error("there is no launch file"));
        }
        self.plan.name = self.name();
        self.check_given(&given);
        if self.faults.is_empty() {
            self.set();
            self.finish();
        }
        if self.faults.is_empty() {
            Ok(Launch { plan: self.plan, sources: self.sources })
        } else {
            Err(Diagnostics::sorted(self.faults, self.sources))
        }
    }

    fn name(&self) -> String {
        let files = self.request.files.iter().map(PathBuf::as_path);
        let texts = self.request.texts.iter().map(|text| Path::new(&text.name));
        let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        files.chain(texts).filter_map(stem).collect::<Vec<_>>().join("+")
    }

    /// The arguments of the command line.
    fn given(&mut self) -> BTreeMap<String, Given> {
        let mut given = BTreeMap::new();
        for (name, value) in &self.request.arguments {
            let source = self.sources.add(COMMAND_LINE, format!("{name}={value}"));
            let key = Place { source, start: 0, end: name.len() };
            let place = Place { source, start: name.len() + 1, end: name.len() + 1 + value.len() };
            given.insert(name.clone(), Given { value: GivenValue::Text(value.clone()), key, place });
        }
        given
    }

    /// Whether some file declares each argument of the command line.
    fn check_given(&mut self, given: &BTreeMap<String, Given>) {
        for (name, given) in given.iter().filter(|(name, _)| !self.declared.contains(*name)) {
            let known = self.declared.iter().map(String::as_str);
            self.faults.push(no_such_argument(name, given.key, known));
        }
    }

    fn read_file(
        &mut self,
        path: &Path,
        name: &str,
        scope: &Scope,
        given: &BTreeMap<String, Given>,
        include: Option<Place>,
        stack: &[PathBuf],
    ) {
        let failed = |message: String| {
            let fault = Diagnostic::error(message);
            if let Some(place) = include { fault.at(place, "") } else { fault }
        };
        let whole = plain(path);
        if stack.contains(&whole) {
            return self.faults.push(failed(format!("{name} includes itself")));
        }
        self.files += 1;
        if stack.len() >= MAX_DEPTH || self.files > MAX_FILES {
            let message = if stack.len() >= MAX_DEPTH {
                format!("launch files include each other more than {MAX_DEPTH} deep")
            } else {
                format!("launch files include more than {MAX_FILES} files")
            };
            // It would be told again for each further one.
            if !self.faults.iter().any(|fault| fault.message == message) {
                self.faults.push(failed(message));
            }
            return;
        }
        if !self.may_read(path) {
            return self.faults.push(failed(format!("{name} is not below the directories that may be read")));
        }
        let text = match text_of(path, name) {
            Ok(text) => text,
            Err(message) => return self.faults.push(failed(message)),
        };
        let directory = whole.parent().unwrap_or(Path::new("/")).to_owned();
        let stack: Vec<_> = stack.iter().cloned().chain([whole]).collect();
        self.read_text(name, text.into(), Visit { directory: &directory, scope, given, include, stack: &stack });
    }

    /// Of other files not even that they are there is told.
    fn may_read(&self, path: &Path) -> bool {
        let Some(directories) = &self.request.within else { return true };
        path.canonicalize().is_ok_and(|path| directories.iter().any(|directory| path.starts_with(directory)))
    }

    fn read_text(&mut self, name: &str, text: Arc<str>, visit: Visit<'_>) {
        if text.len() > MAX_FILE_BYTES {
            return self.faults.push(Diagnostic::error(too_large(name)));
        }
        self.plan.directories.insert(visit.directory.to_owned());
        let source = self.sources.add(name, Arc::clone(&text));
        let mut root = match Node::parse(&text, source) {
            Ok(root) => root,
            Err(faults) => return self.faults.extend(faults),
        };
        let before = self.faults.len();
        let arguments = Arguments::bind(&root, visit.given, visit.include, &mut self.faults);
        match visit.include {
            None => self.declared.extend(arguments.names().map(str::to_owned)),
            Some(_) => {
                for (name, given) in visit.given.iter().filter(|(name, _)| !arguments.names().any(|own| own == *name)) {
                    self.faults.push(no_such_argument(name, given.key, arguments.names()));
                }
            }
        }
        arguments.insert(&mut root, &text, &mut self.faults);
        if self.faults.len() > before {
            return;
        }
        let Some(file) = self.checked(&root) else { return };
        let directory_of_file = Path::new(name).parent().unwrap_or(Path::new(""));

        for (include, node) in
            file.include.into_iter().zip(root.member("include").map(Node::elements).unwrap_or_default())
        {
            self.include(include, node, directory_of_file, visit);
        }
        if let Some(bus) = file.bus {
            self.plan.bus = Some(bus);
        }
        if let Some(is_simulated) = file.simulated_time {
            self.plan.is_time_simulated = is_simulated;
        }
        for (topic, node) in
            file.external.into_iter().zip(root.member("external").map(Node::elements).unwrap_or_default())
        {
            match check_topic(&topic) {
                Ok(()) => {
                    let topic = visit.scope.topic(&topic);
                    self.sources.mark(None, format!("external.{topic}"), Mark { key: node.key, value: node.place });
                    self.plan.external.insert(topic);
                }
                Err(why) => self.faults.push(Diagnostic::error(why).at(node.place, "")),
            }
        }
        self.define(file.modules, root.member("modules"), visit.scope, visit.scope, visit.directory);
    }

    /// The file that a tree is, or what is wrong with it.
    fn checked(&mut self, root: &Node) -> Option<File> {
        let value = root.value();
        if let Some(Err(violations)) = self.schema.as_ref().map(|schema| schema.check(&value)) {
            for violation in violations {
                let (key, place, is_there) = root.nearest(&violation.path);
                // A key that does not belong there is meant itself, and so is one that lacks something.
                let place = if violation.message.starts_with("no such key") || !is_there { key } else { place };
                let (message, help) = match violation.message.split_once(": ") {
                    Some(("no such key", meant)) => (format!("there is no key `{}`", violation.path), Some(meant)),
                    Some(("is missing", expected)) => (format!("`{}` is missing", violation.path), Some(expected)),
                    _ if violation.path.is_empty() => (violation.message.clone(), None),
                    _ => (format!("`{}`: {}", violation.path, violation.message), None),
                };
                self.faults.push(Diagnostic::error(message).at(*place, "").maybe_help(help));
            }
            return None;
        }
        match serde_json::from_value(value) {
            Ok(file) => Some(file),
            Err(error) => {
                self.faults.push(Diagnostic::error(format!("this is no launch file: {error}")).at(root.place, ""));
                None
            }
        }
    }

    fn include(&mut self, include: Include, node: &Node, directory_of_file: &Path, visit: Visit<'_>) {
        let place = |key: &str| node.member(key).map_or(node.place, |member| member.place);
        let namespace = match include.namespace.as_deref().map(str::parse::<Name>).transpose() {
            Ok(namespace) => namespace,
            Err(why) => return self.faults.push(Diagnostic::error(why.to_string()).at(place("namespace"), "")),
        };
        let exposes = node.member("expose").map(Node::elements).unwrap_or_default();
        for (topic, node) in include.expose.iter().zip(exposes) {
            match check_topic(topic) {
                Ok(()) => {
                    let mark = Mark { key: node.key, value: node.place };
                    self.sources.mark(None, format!("expose.{}", visit.scope.topic(topic)), mark);
                }
                Err(why) => self.faults.push(Diagnostic::error(why).at(node.place, "")),
            }
        }
        let scope = visit.scope.within(namespace, &include.expose);
        let given = node.member("args").into_iter().flat_map(Node::members).map(|(name, node)| {
            let given = Given { value: GivenValue::Value(node.value()), key: node.key, place: node.place };
            (name.clone(), given)
        });
        let given = given.collect();
        let path = visit.directory.join(&include.file);
        let name = directory_of_file.join(&include.file).display().to_string();
        self.read_file(&path, &name, &scope, &given, Some(place("file")), visit.stack);
        self.define(include.modules, node.member("modules"), visit.scope, &scope, visit.directory);
    }

    fn define(
        &mut self,
        modules: BTreeMap<String, Module>,
        nodes: Option<&Node>,
        words: &Scope,
        around: &Scope,
        directory: &Path,
    ) {
        for (key, module) in modules {
            let Some(node) = nodes.and_then(|nodes| nodes.member(&key)) else { continue };
            let name = match around.name(&key) {
                Ok(name) => name,
                Err(why) => {
                    self.faults.push(Diagnostic::error(why.to_string()).at(node.key, ""));
                    continue;
                }
            };
            if name.last() == COORDINATOR {
                let fault = Diagnostic::error(format!("`{name}` is what coordinators are called")).at(node.key, "");
                self.faults.push(fault.help("call the module something else"));
                continue;
            }
            // A name with namespaces in it puts the module into them.
            let namespace = key.rsplit_once('/').and_then(|(namespace, _)| namespace.parse().ok());
            let own = around.within(namespace, &[]);
            let site = Site { words, module: &own, directory };
            let definition = Definition::read(module, node, site, &mut self.faults);
            for topic in &definition.exposing {
                let full = definition.exposed(&topic.value).unwrap_or(&topic.value).to_owned();
                self.sources.mark(None, format!("expose.{full}"), Mark { key: topic.place, value: topic.place });
            }
            match self.definitions.get_mut(&name) {
                Some(earlier) => earlier.lay_over(definition),
                None => drop(self.definitions.insert(name, definition)),
            }
        }
    }

    /// The configuration of the command line.
    fn set(&mut self) {
        for setting in &self.request.set {
            let source = self.sources.add(COMMAND_LINE, setting.as_str());
            let whole = Place { source, start: 0, end: setting.len() };
            let wrong = |why: &str| Diagnostic::error(why).at(whole, "").help("it is like mapper.grid.cell_m=0.1");
            let Some((key, value)) = setting.split_once('=') else {
                self.faults.push(wrong("expected module.key=value"));
                continue;
            };
            // Names may have dots in them: the longest one is meant.
            let full = |name: &str| self.full_name(name);
            let split = key.match_indices('.').rev().find_map(|(at, _)| Some((full(&key[..at])?, at)));
            let Some((name, at)) = split else {
                let module = key.split_once('.').map_or(key, |(module, _)| module);
                let place = Place { end: module.len(), ..whole };
                let fault = self.no_such_module(module, place);
                self.faults.push(fault);
                continue;
            };
            let Some(path) = key_parts(&key[at + 1..]) else {
                self.faults.push(wrong("the key cannot be read"));
                continue;
            };
            let key_place = Place { start: at + 1, end: key.len(), ..whole };
            let value_place = Place { start: key.len() + 1, ..whole };
            let leaf = Node::of_value(&value_of(value), key_place, value_place);
            let node = path.into_iter().rev().fold(leaf, |node, part| Node {
                key: key_place,
                place: value_place,
                content: Content::Table([(part, node)].into()),
            });
            let Some(definition) = self.definitions.get_mut(&name) else { continue };
            match &mut definition.config {
                Some(config) => config.lay_over(node),
                config => *config = Some(node),
            }
        }
    }

    /// The module that the command line calls so.
    fn full_name(&self, name: &str) -> Option<Name> {
        let name: Name = name.parse().ok()?;
        let within = self.request.namespace.as_ref().and_then(|namespace| format!("{namespace}/{name}").parse().ok());
        within.into_iter().chain([name]).find(|name| self.definitions.contains_key(name))
    }

    fn no_such_module(&self, name: &str, place: Place) -> Diagnostic {
        let fault = Diagnostic::error(format!("there is no module `{}`", name)).at(place, "");
        fault.help(meant(name, self.definitions.keys()))
    }

    /// The modules that are left out.
    fn left_out(&mut self) -> BTreeSet<Name> {
        let named = |reader: &mut Self, option: &str, names: &[String]| {
            let mut found = BTreeSet::new();
            for name in names {
                match reader.full_name(name) {
                    Some(name) => drop(found.insert(name)),
                    None => {
                        let text = format!("{option} {name}");
                        let place = Place { source: 0, start: option.len() + 1, end: text.len() };
                        let place = Place { source: reader.sources.add(COMMAND_LINE, text), ..place };
                        let fault = reader.no_such_module(name, place);
                        reader.faults.push(fault);
                    }
                }
            }
            found
        };
        let only = named(self, "--only", &self.request.only);
        let disabled = named(self, "--disable", &self.request.disable);
        let is_left_out =
            |name: &&Name| disabled.contains(name) || !(self.request.only.is_empty() || only.contains(name));
        self.definitions.keys().filter(is_left_out).cloned().collect()
    }

    fn finish(&mut self) {
        self.plan.left_out = self.left_out();
        let definitions = std::mem::take(&mut self.definitions);
        for (name, definition) in &definitions {
            if !definition.is_complete() {
                let fault = Diagnostic::error(format!("nobody says what `{name}` runs"));
                let known = definitions.iter().filter(|(_, other)| other.is_complete()).map(|(name, _)| name);
                let help = match closest(name.as_str(), known.map(Name::as_str)) {
                    Some(meant) => format!("did you mean `{meant}`? Otherwise add `run`"),
                    None => "add `run`, or include the file that defines it".to_owned(),
                };
                self.faults.push(fault.at(definition.place, "").help(help));
                continue;
            }
            if self.plan.left_out.contains(name) {
                continue;
            }
            let Some(module) = definition.finish(name, &self.request.stock, &mut self.faults) else { continue };
            self.mark(name, definition);
            self.plan.modules.insert(name.clone(), module);
        }
        if self.plan.modules.is_empty() && self.faults.is_empty() {
            self.faults.push(Diagnostic::error("there is no module to run"));
        }
    }

    fn mark(&mut self, name: &Name, definition: &Definition) {
        let sources = &mut self.sources;
        if let Some(config) = &definition.config {
            config.visit("", &mut |path, node| {
                let path = if path.is_empty() { "config".to_owned() } else { format!("config.{path}") };
                sources.mark(Some(name), path, Mark { key: node.key, value: node.place });
            });
        }
        for (port, topic) in &definition.remap {
            sources.mark(Some(name), joined("remap", port), Mark { key: topic.key, value: topic.place });
        }
        for (reference, to) in &definition.references {
            sources.mark(Some(name), joined("references", reference), Mark { key: to.key, value: to.place });
        }
    }
}

fn no_such_argument<'a>(name: &str, place: Place, known: impl Iterator<Item = &'a str> + Clone) -> Diagnostic {
    let fault = Diagnostic::error(format!("there is no argument `{name}`")).at(place, "");
    match (closest(name, known.clone()), known.collect::<Vec<_>>()) {
        (Some(meant), _) => fault.help(format!("did you mean `{meant}`?")),
        (None, known) if known.is_empty() => fault.help("the file declares none in [args]"),
        (None, known) => fault.help(format!("there is {}", known.join(", "))),
    }
}

/// What was meant by the name of a module, or which ones there are.
pub(crate) fn meant<'a>(name: &str, known: impl Iterator<Item = &'a Name> + Clone) -> String {
    if let Some(meant) = closest(name, known.clone().map(Name::as_str)) {
        return format!("did you mean `{meant}`?");
    }
    let is_same = |known: &&&Name| known.last() == name;
    let names: Vec<_> = known.collect();
    let same: Vec<_> = names.iter().filter(is_same).map(|name| name.as_str()).collect();
    let all: Vec<_> = names.iter().map(|name| name.as_str()).collect();
    match (same.as_slice(), all.as_slice()) {
        ([only], _) => format!("did you mean `{only}`?"),
        (_, []) => "there is none".to_owned(),
        (_, all) if all.len() > MAX_LISTED => {
            format!("there is {} and {} more", all[..MAX_LISTED].join(", "), all.len() - MAX_LISTED)
        }
        (_, all) => format!("there is {}", all.join(", ")),
    }
}

fn text_of(path: &Path, name: &str) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("cannot read {name}: {error}");
    // Reading from a pipe might take for ever.
    if !path.metadata().map_err(failed)?.is_file() {
        return Err(format!("cannot read {name}: it is not a file"));
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    OpenFile::open(path).map_err(failed)?.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > MAX_FILE_BYTES {
        return Err(too_large(name));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("{name} is not UTF-8: look at byte {}", error.utf8_error().valid_up_to()))
}

fn too_large(name: &str) -> String {
    format!("{name} has more than {MAX_FILE_BYTES} bytes")
}

/// The parts of `grid.cell_m`.
fn key_parts(key: &str) -> Option<Vec<String>> {
    if key.contains(['\n', '\r', '=', '#']) {
        return None;
    }
    let node = Node::parse(&format!("{key} = 0"), 0).ok()?;
    let mut parts = Vec::new();
    let mut node = &node;
    while let Some((name, below)) = node.members().next() {
        parts.push(name.clone());
        node = below;
    }
    Some(parts).filter(|_| node.value() == 0)
}

/// What messages call the command line.
const COMMAND_LINE: &str = "command line";

/// How large a launch file may be.
const MAX_FILE_BYTES: usize = 1 << 20;

/// How deep files may include each other.
const MAX_DEPTH: usize = 16;

/// How many files a launch may have, with those that are included again.
const MAX_FILES: usize = 100;

/// How many modules are listed.
const MAX_LISTED: usize = 12;
