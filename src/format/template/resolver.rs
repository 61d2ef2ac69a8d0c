//! Resolves the document of a dvc.yaml: its variables at once, its stages one by one.
//!
//! Follows DVC's order of checks, since the first error wins. Groups (`foreach`, `matrix`)
//! are expanded when they are first asked for.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::context::{Context, Tracker};
use super::fill::{Filled, Filler, check_syntax, has_interpolation};
use super::group::{self, Iterations, Kind};
use super::node::{Meta, Mixed, Node};
use super::pystr::to_text;
use super::vars::{self, Place, join, normpath};
use super::{ResolveError, TemplateError, TemplateSettings};
use crate::format::Files;
use crate::model::{Key, Map, RepoPath, Value};

/// Source file → path of keys in it → value, of the variables that a stage used.
pub type Tracked = IndexMap<Arc<str>, IndexMap<Arc<str>, Value>>;

/// A stage after resolution.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// Its name, with `@key` where it was generated.
    pub name: String,
    /// Its name in dvc.yaml.
    pub entry: String,
    /// Its keys and values.
    pub data: Map,
    /// The variables from files that it used.
    pub tracked: Tracked,
}

/// One of the lists that stand beside the stages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TopLevel {
    /// `artifacts`
    Artifacts,
    /// `datasets`
    Datasets,
    /// `metrics`
    Metrics,
    /// `params`
    Params,
    /// `plots`
    Plots,
}

impl TopLevel {
    /// The key in dvc.yaml.
    pub fn key(self) -> &'static str {
        match self {
            Self::Artifacts => "artifacts",
            Self::Datasets => "datasets",
            Self::Metrics => "metrics",
            Self::Params => "params",
            Self::Plots => "plots",
        }
    }
}

/// The templates of one dvc.yaml.
pub struct Resolver<'f> {
    place: Place<'f>,
    settings: TemplateSettings,
    /// The shown directory of dvc.yaml; empty for the current one.
    dir: String,
    /// dvc.yaml's shown path.
    file: String,
    document: Value,
    context: Context,
    groups: HashMap<String, Iterations>,
    checked: HashSet<String>,
    warnings: Vec<String>,
}

impl<'f> Resolver<'f> {
    /// Loads the variables of a document that fits the schema. `path` is the dvc.yaml, `cwd`
    /// the directory that paths in sentences are relative to, `root` the root's absolute path.
    ///
    /// # Errors
    /// What is wrong with `vars` or the files that they name.
    pub fn new(
        files: &'f dyn Files,
        root: &'f str,
        path: &RepoPath,
        settings: TemplateSettings,
        cwd: &'f RepoPath,
        document: Value,
    ) -> Result<Self, ResolveError> {
        let dir = path.parent().unwrap_or_default().seen_from(cwd);
        let dir = if dir == "." { String::new() } else { dir };
        let file = normpath(&join(&dir, path.file_name()));
        let place = Place { files, root, cwd };
        let vars = document.get("vars").cloned().unwrap_or(Value::Null);
        refuse_interpolation(&vars, "vars", &file)?;
        let mut context = Context::default();
        vars::load_default(&mut context, place, &dir)
            .and_then(|()| vars::load(&mut context, place, &dir, vars.as_seq().unwrap_or_default(), None))
            .map_err(|error| error.at("'vars'", &file))?;
        let (groups, checked) = (HashMap::new(), HashSet::new());
        Ok(Self { place, settings, dir, file, document, context, groups, checked, warnings: Vec::new() })
    }

    /// The variables after loading.
    pub fn context(&self) -> Map {
        self.context.to_map()
    }

    /// dvc.yaml as sentences show it.
    pub fn shown_file(&self) -> &str {
        &self.file
    }

    /// What DVC warns of, so far.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The names of the entries of `stages`, in order.
    pub fn entries(&self) -> Vec<String> {
        self.stages().map(|(name, _)| name.to_owned()).collect()
    }

    /// The names of the stages that an entry stands for; none if the entry is a stage itself.
    ///
    /// # Errors
    /// What is wrong with the data of `foreach` or `matrix`.
    pub fn members(&mut self, entry: &str) -> Result<Option<Vec<String>>, ResolveError> {
        if self.kind(entry).is_none() {
            return Ok(None);
        }
        let keys = self.iterations(entry)?.items.keys();
        Ok(Some(keys.map(|key| format!("{entry}@{key}")).collect()))
    }

    /// The names of all stages, in order.
    ///
    /// # Errors
    /// What is wrong with the data of any `foreach` or `matrix`.
    pub fn names(&mut self) -> Result<Vec<String>, ResolveError> {
        let mut names = Vec::new();
        for entry in self.entries() {
            match self.members(&entry)? {
                Some(members) => names.extend(members),
                None => names.push(entry),
            }
        }
        Ok(names)
    }

    /// Resolves the stage of this name; none where there is no such stage. As with DVC, a
    /// plain stage whose name holds an `@` cannot be found.
    ///
    /// # Errors
    /// What is wrong with its templates.
    pub fn stage(&mut self, name: &str) -> Result<Option<Resolved>, ResolveError> {
        let (entry, key) = name.rsplit_once('@').map_or((name, None), |(entry, key)| (entry, Some(key)));
        let Some(definition) = self.definition(entry) else { return Ok(None) };
        match (self.kind(entry), key) {
            (None, None) => self.plain(entry, &definition).map(Some),
            (Some(kind), Some(key)) => self.generated(entry, key, kind, &definition),
            _ => Ok(None),
        }
    }

    /// Resolves one of the lists beside the stages.
    ///
    /// # Errors
    /// What is wrong with its first bad item, with the item's number or name.
    pub fn top_level(&self, section: TopLevel) -> Result<Vec<Value>, (String, ResolveError)> {
        let data = self.document.get(section.key());
        let mut out = Vec::new();
        for (index, item) in data.and_then(Value::as_seq).unwrap_or_default().iter().enumerate() {
            let name = index.to_string();
            out.push(self.top_item(section, &name, item).map_err(|error| (name, error))?);
        }
        Ok(out)
    }

    /// Resolves `artifacts`.
    ///
    /// # Errors
    /// What is wrong with the first bad one, with its name.
    pub fn artifacts(&self) -> Result<Map, (String, ResolveError)> {
        let mut out = Map::default();
        for (key, value) in self.document.get(TopLevel::Artifacts.key()).and_then(Value::as_map).into_iter().flatten() {
            let name = key.as_str().unwrap_or_default();
            let resolved = self.artifact(name, value).map_err(|error| (name.to_owned(), error))?;
            out.insert(resolved.0, resolved.1);
        }
        Ok(out)
    }

    fn artifact(&self, name: &str, value: &Value) -> Result<(Key, Value), ResolveError> {
        let key = self.top_item(TopLevel::Artifacts, name, &Value::str(name))?;
        if key.as_str().is_none() {
            return Err(ResolveError::plain(format!(
                "failed to resolve 'artifacts.{name}' in '{}': expected str, got {}",
                self.file,
                key.python_type()
            )));
        }
        Ok((Key(key), self.top_item(TopLevel::Artifacts, name, value)?))
    }

    fn top_item(&self, section: TopLevel, name: &str, item: &Value) -> Result<Value, ResolveError> {
        let mut filler = Filler { context: &self.context, settings: TemplateSettings::default(), key: None, parsed: false, tracker: None };
        check_syntax(item).and_then(|()| filler.value(item)).map_err(|error| error.at(&format!("'{}.{name}'", section.key()), &self.file))
    }

    fn stages(&self) -> impl Iterator<Item = (&str, &Value)> {
        let map = self.document.get("stages").and_then(Value::as_map);
        map.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str()?, value)))
    }

    fn definition(&self, entry: &str) -> Option<Arc<Map>> {
        match self.document.get("stages")?.get(entry)? {
            Value::Map(map) => Some(Arc::clone(map)),
            _ => None,
        }
    }

    fn kind(&self, entry: &str) -> Option<Kind> {
        let definition = self.document.get("stages")?.get(entry)?;
        if definition.get("matrix").is_some() { Some(Kind::Matrix) } else { definition.get("foreach").is_some().then_some(Kind::Foreach) }
    }

    fn plain(&mut self, name: &str, definition: &Map) -> Result<Resolved, ResolveError> {
        self.check_template(name, definition)?;
        let context = std::mem::take(&mut self.context);
        let resolved = self.resolve(&context, name, name, definition, false);
        self.context = context;
        resolved
    }

    fn generated(&mut self, entry: &str, key: &str, kind: Kind, definition: &Map) -> Result<Option<Resolved>, ResolveError> {
        let iterations = self.iterations(entry)?;
        let with_key = iterations.with_key;
        let Some(item) = iterations.items.get(key).cloned() else { return Ok(None) };
        if key.is_empty() {
            // DVC asserts that there is a key, and says nothing more.
            return Err(ResolveError::Unexpected(String::new()));
        }
        let name = format!("{entry}@{key}");
        let values = iteration_values(&item, with_key.then_some(key), kind).map_err(TemplateError::bare)?;
        let template = match kind {
            Kind::Matrix => {
                definition.iter().filter(|(key, _)| key.as_str() != Some("matrix")).map(|(k, v)| (k.clone(), v.clone())).collect()
            }
            Kind::Foreach => definition.get("do").and_then(Value::as_map).cloned().unwrap_or_default(),
        };
        if !self.checked.contains(entry) {
            self.check_template(entry, &template)?;
            self.checked.insert(entry.to_owned());
        }
        let mut context = std::mem::take(&mut self.context);
        let saved = context.set(values);
        let resolved = self.resolve(&context, entry, &name, &template, true);
        context.restore(saved);
        self.context = context;
        resolved.map(Some)
    }

    fn check_template(&self, name: &str, definition: &Map) -> Result<(), ResolveError> {
        for (key, value) in definition {
            check_syntax(value).map_err(|error| error.at(&place_of(name, key), &self.file))?;
        }
        Ok(())
    }

    /// One stage with a given context (dvc: `EntryDefinition.resolve_stage`).
    fn resolve(&self, context: &Context, entry: &str, name: &str, definition: &Map, parsed: bool) -> Result<Resolved, ResolveError> {
        let dir = self.working_dir(context, name, definition)?;
        let own_vars = definition.get("vars");
        let mut forked = None;
        if let Some(vars) = own_vars {
            refuse_interpolation(vars, &format!("stages.{name}.vars"), &self.file)?;
            let items = vars.as_seq().unwrap_or_default();
            if !items.is_empty() {
                let own = forked.insert(context.forked());
                vars::load(own, self.place, &dir, items, Some(name)).map_err(|error| self.vars_error(error, name))?;
            }
        }
        let context = forked.as_ref().unwrap_or(context);
        let mut tracker = Tracker::default();
        let mut data = Map::default();
        data.reserve(definition.len());
        for (key, value) in definition.iter().filter(|(key, _)| key.as_str() != Some("vars")) {
            let mut filler = Filler { context, settings: self.settings, key: key.as_str(), parsed, tracker: Some(&mut tracker) };
            let value = filler.value(value).map_err(|error| self.value_error(error, name, key))?;
            data.insert(key.clone(), value);
        }
        Ok(Resolved { name: name.to_owned(), entry: entry.to_owned(), data, tracked: tracker.0 })
    }

    /// The directory that a stage's own files of variables are relative to.
    fn working_dir(&self, context: &Context, name: &str, definition: &Map) -> Result<String, ResolveError> {
        let Some(wdir) = definition.get("wdir").and_then(Value::as_str).filter(|wdir| !wdir.is_empty()) else {
            return Ok(self.dir.clone());
        };
        let settings = TemplateSettings::default();
        let mut filler = Filler { context, settings, key: None, parsed: false, tracker: None };
        let text = filler.string(wdir).and_then(|filled| match filled {
            Filled::Exact(node) => to_text(&node.value(), settings),
            Filled::Text(text) => Ok(text),
        });
        let text = text.map_err(|error| error.at(&format!("'stages.{name}.wdir'"), &self.file))?;
        Ok(join(&self.dir, &text))
    }

    fn vars_error(&self, error: TemplateError, name: &str) -> ResolveError {
        match error {
            TemplateError::AlreadyLoaded(_) => error.at(&format!("'stages.{name}.vars'"), &self.file),
            other => other.at(&format!("stage '{name}'"), &self.file),
        }
    }

    fn value_error(&self, error: TemplateError, name: &str, key: &Key) -> ResolveError {
        error.at(&place_of(name, key), &self.file)
    }

    fn iterations(&mut self, entry: &str) -> Result<&Iterations, ResolveError> {
        if !self.groups.contains_key(entry) {
            let iterations = self.expand(entry)?;
            self.groups.insert(entry.to_owned(), iterations);
        }
        Ok(&self.groups[entry])
    }

    fn expand(&mut self, entry: &str) -> Result<Iterations, ResolveError> {
        let kind = self.kind(entry).unwrap_or(Kind::Foreach);
        let word = if kind == Kind::Matrix { "matrix" } else { "foreach" };
        let data = self.definition(entry).and_then(|map| map.get(word).cloned()).unwrap_or(Value::Null);
        let mut filler = Filler { context: &self.context, settings: TemplateSettings::default(), key: None, parsed: false, tracker: None };
        let iterable = filler.mixed(&data).map_err(|error| error.at(&format!("'stages.{entry}.{word}'"), &self.file))?;
        if kind == Kind::Matrix {
            self.warn_of_shadowing(&["key", "item"], entry);
            return group::matrix(&iterable).map_err(TemplateError::bare);
        }
        let Some(iterations) = group::foreach(&iterable) else {
            let kind = match &iterable {
                Mixed::Node(node) => node.value().python_type(),
                Mixed::Leaf(value) => value.python_type(),
                Mixed::Seq(_) | Mixed::Map(_) => "list",
            };
            return Err(ResolveError::plain(format!(
                "failed to resolve 'stages.{entry}.foreach' in '{}': expected list/dictionary, got {kind}",
                self.file
            )));
        };
        self.warn_of_shadowing(if iterations.with_key { &["item", "key"] } else { &["item"] }, entry);
        Ok(iterations)
    }

    fn warn_of_shadowing(&mut self, names: &[&str], entry: &str) {
        let known: Vec<&str> = names.iter().copied().filter(|name| self.context.contains(name)).collect();
        if !known.is_empty() {
            let verb = if known.len() == 1 { "is" } else { "are" };
            let names = known.join(" and ");
            self.warnings.push(format!("{names} {verb} already specified, will be overwritten for stages generated from '{entry}'"));
        }
    }
}

/// What an iteration sets, in DVC's order: errors name the first that is in the way.
fn iteration_values(item: &Mixed, key: Option<&str>, kind: Kind) -> Result<Vec<(&'static str, Node)>, TemplateError> {
    let origin = Meta { local: true, ..Meta::default() };
    let item = ("item", Node::from_mixed(item, origin.below("item"))?);
    let Some(key) = key else { return Ok(vec![item]) };
    let key = ("key", Node::new(&Value::str(key), origin.below("key"))?);
    Ok(if kind == Kind::Matrix { vec![key, item] } else { vec![item, key] })
}

fn refuse_interpolation(vars: &Value, place: &str, file: &str) -> Result<(), ResolveError> {
    if has_interpolation(vars) {
        return Err(ResolveError::plain(format!("failed to parse '{place}' in '{file}': interpolating is not allowed")));
    }
    Ok(())
}

fn place_of(name: &str, key: &Key) -> String {
    format!("'stages.{name}.{}'", key.as_str().unwrap_or_default())
}
