//! `resolve`: what a dvc.yaml says once `vars`, `foreach`, `matrix` and `${…}` are worked out.
//!
//! Templates alone: neither dvc.lock nor the graph is looked at. One bad stage does not hide the
//! others, so errors are collected where DVC would stop at the first.

use crate::format::pipeline::{PipelineError, ProjectFile};
use crate::format::template::{ResolveError, Resolver, TopLevel};
use crate::model::{Fault, Key, Map, RepoPath, Value};

use super::load::Repository;

/// A resolved dvc.yaml, as far as it could be resolved.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    /// The variables; none if they could not be loaded.
    pub context: Option<Map>,
    /// The stages by name, in order.
    pub stages: Map,
    /// For each stage the variables from files that it used: file → path in it → value.
    pub tracked: Map,
    /// The lists beside the stages, by key.
    pub lists: Map,
    /// What could not be resolved, in the order of the file.
    pub errors: Vec<Unresolved>,
    /// What DVC warns of.
    pub warnings: Vec<String>,
}

/// Something that could not be resolved.
#[derive(Clone, PartialEq, Debug)]
pub struct Unresolved {
    /// `vars`, `stages`, or the key of a list beside these; none for the file as a whole.
    pub section: Option<&'static str>,
    /// The stage, or the `foreach` or `matrix`.
    pub entry: Option<String>,
    /// The name of the exception's class in Python.
    pub kind: String,
    /// Its sentence.
    pub message: String,
    /// The exception beneath.
    pub cause: Option<(String, String)>,
}

impl Unresolved {
    fn of_fault(section: Option<&'static str>, fault: &Fault) -> Self {
        let named = |fault: &Fault| (format!("{:?}", fault.class), fault.message.clone());
        let (kind, message) = named(fault);
        Self { section, entry: None, kind, message, cause: fault.cause.as_deref().map(named) }
    }

    fn of_error(section: &'static str, entry: Option<&str>, error: &ResolveError) -> Self {
        let plain = |kind: &str, message: &str, cause| Self {
            section: Some(section),
            entry: entry.map(str::to_owned),
            kind: kind.to_owned(),
            message: message.to_owned(),
            cause,
        };
        match error {
            // Some errors of templates pass through DVC without a place.
            ResolveError::Resolve { message, inner: Some(inner) } if inner.to_string() == *message => {
                plain(inner.class_name(), message, None)
            }
            ResolveError::Resolve { message, inner } => {
                let cause = inner.as_ref().map(|inner| (inner.class_name().to_owned(), inner.to_string()));
                plain("ResolveError", message, cause)
            }
            ResolveError::File(error) => Self { entry: entry.map(str::to_owned), ..Self::of_fault(Some(section), &error.fault()) },
            // The only thing that DVC asserts without a word is that a generated name has a key.
            ResolveError::Unexpected(message) => plain(if message.is_empty() { "AssertionError" } else { "TypeError" }, message, None),
        }
    }

    fn value(&self) -> Value {
        let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::str);
        let mut map = Map::from_iter([
            (Key::str("section"), self.section.map_or(Value::Null, Value::str)),
            (Key::str("entry"), text(&self.entry)),
            (Key::str("kind"), Value::str(&self.kind)),
            (Key::str("message"), Value::str(&self.message)),
        ]);
        if let Some((kind, message)) = &self.cause {
            let cause = Map::from_iter([(Key::str("kind"), Value::str(kind)), (Key::str("message"), Value::str(message))]);
            map.insert(Key::str("cause"), Value::map(cause));
        }
        Value::map(map)
    }
}

impl Resolution {
    /// The answer of a file that could not be looked at.
    pub fn failed(fault: &Fault) -> Self {
        Self { errors: vec![Unresolved::of_fault(None, fault)], ..Self::default() }
    }

    /// The JSON answer as a value (described in docs/json.md).
    pub fn value(&self) -> Value {
        let mut map = Map::from_iter([
            (Key::str("context"), self.context.clone().map_or(Value::Null, Value::map)),
            (Key::str("stages"), Value::map(self.stages.clone())),
            (Key::str("tracked_vars"), Value::map(self.tracked.clone())),
        ]);
        for section in [TopLevel::Params, TopLevel::Metrics, TopLevel::Plots, TopLevel::Artifacts, TopLevel::Datasets] {
            let empty = if section == TopLevel::Artifacts { Value::map(Map::default()) } else { Value::seq(Vec::new()) };
            map.insert(Key::str(section.key()), self.lists.get(section.key()).cloned().unwrap_or(empty));
        }
        map.insert(Key::str("errors"), Value::seq(self.errors.iter().map(Unresolved::value).collect()));
        for_json(&Value::map(map))
    }
}

/// Dates, bytes and sets have no form in JSON: text and lists take their place.
fn for_json(value: &Value) -> Value {
    match value {
        Value::Time(text) => Value::str(text),
        Value::Bytes(bytes) => Value::str(&String::from_utf8_lossy(bytes)),
        Value::Set(map) => Value::seq(map.keys().map(|key| for_json(&key.0)).collect()),
        Value::Seq(items) => Value::seq(items.iter().map(for_json).collect()),
        Value::Map(map) => {
            let key = |key: &Key| match for_json(&key.0) {
                Value::Seq(_) | Value::Map(_) => Key::str(&crate::format::template::python_str(&key.0)),
                other => Key(other),
            };
            Value::map(map.iter().map(|(name, value)| (key(name), for_json(value))).collect())
        }
        other => other.clone(),
    }
}

/// Resolves a dvc.yaml; what is wrong with it is part of the answer.
pub fn resolve(repository: &Repository, path: &RepoPath) -> Resolution {
    let (files, root) = (repository.workspace().as_ref(), repository.root_text());
    let file = match ProjectFile::read(files, &root, path, repository.cwd()) {
        Ok(file) => file,
        Err(error) => return Resolution::failed(&error.fault()),
    };
    let mut loader = match file.loader(files, &root, repository.template_settings(), repository.cwd()) {
        Ok(loader) => loader,
        Err(PipelineError::Resolve(error)) => {
            return Resolution { errors: vec![Unresolved::of_error("vars", None, &error)], ..Resolution::default() };
        }
        Err(error) => return Resolution::failed(&error.fault()),
    };
    let resolver = loader.resolver();
    let mut found = Resolution { context: Some(resolver.context()), ..Resolution::default() };
    for entry in resolver.entries() {
        match resolver.members(&entry) {
            Ok(None) => found.stage(resolver, &entry),
            Ok(Some(names)) => names.iter().for_each(|name| found.stage(resolver, name)),
            Err(error) => found.errors.push(Unresolved::of_error("stages", Some(&entry), &error)),
        }
    }
    found.beside(resolver);
    found.warnings = resolver.warnings().to_vec();
    found
}

impl Resolution {
    fn stage(&mut self, resolver: &mut Resolver<'_>, name: &str) {
        match resolver.stage(name) {
            Ok(Some(resolved)) => {
                let keys = |map: &indexmap::IndexMap<_, Value>| {
                    Value::map(map.iter().map(|(path, value)| (Key(Value::Str(std::sync::Arc::clone(path))), value.clone())).collect())
                };
                let tracked = resolved.tracked.iter().map(|(file, used)| (Key(Value::Str(std::sync::Arc::clone(file))), keys(used)));
                self.tracked.insert(Key::str(name), Value::map(tracked.collect()));
                self.stages.insert(Key::str(name), Value::map(resolved.data));
            }
            Ok(None) => self.errors.push(Unresolved {
                section: Some("stages"),
                entry: Some(name.to_owned()),
                kind: "EntryNotFound".to_owned(),
                message: format!("Could not find '{name}'"),
                cause: None,
            }),
            Err(error) => self.errors.push(Unresolved::of_error("stages", Some(name), &error)),
        }
    }

    /// The lists beside the stages; of one with an error nothing is given, as DVC gives nothing.
    fn beside(&mut self, resolver: &Resolver<'_>) {
        for section in [TopLevel::Params, TopLevel::Metrics, TopLevel::Plots, TopLevel::Artifacts, TopLevel::Datasets] {
            let resolved = if section == TopLevel::Artifacts {
                resolver.artifacts().map(Value::map)
            } else {
                resolver.top_level(section).map(Value::seq)
            };
            match resolved {
                Ok(value) => {
                    self.lists.insert(Key::str(section.key()), value);
                }
                Err((_, error)) => self.errors.push(Unresolved::of_error(section.key(), None, &error)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::pyjson;
    use crate::store::workspace::{Env, Workspace};

    fn resolved(files: &[(&str, &str)]) -> String {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".dvc")).unwrap();
        std::fs::write(dir.path().join(".dvc/config"), "[core]\nno_scm = true\n").unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let repository = Repository::new(Workspace::open(dir.path(), &Env::default()).unwrap());
        pyjson::dumps(&resolve(&repository, &RepoPath::new("dvc.yaml")).value(), false).unwrap()
    }

    #[test]
    fn one_bad_stage_does_not_hide_the_others() {
        let yaml = "vars: [{far: .inf}]\nstages:\n  b:\n    foreach: [x, y]\n    do: {cmd: 'echo ${item} ${m.lr} ${far}'}\n  bad: {cmd: '${no}'}\n  group: {foreach: '${far}', do: {cmd: x}}\nparams: ['${no}']\nmetrics: [m.json]\n";
        let want = "{\"context\": {\"m\": {\"lr\": 0.1}, \"far\": Infinity}, \
            \"stages\": {\"b@x\": {\"cmd\": \"echo x 0.1 inf\"}, \"b@y\": {\"cmd\": \"echo y 0.1 inf\"}}, \
            \"tracked_vars\": {\"b@x\": {\"params.yaml\": {\"m.lr\": 0.1}}, \"b@y\": {\"params.yaml\": {\"m.lr\": 0.1}}}, \
            \"params\": [], \"metrics\": [\"m.json\"], \"plots\": [], \"artifacts\": {}, \"datasets\": [], \"errors\": [\
            {\"section\": \"stages\", \"entry\": \"bad\", \"kind\": \"ResolveError\", \
            \"message\": \"failed to parse 'stages.bad.cmd' in 'dvc.yaml': Could not find 'no'\", \
            \"cause\": {\"kind\": \"KeyNotInContext\", \"message\": \"Could not find 'no'\"}}, \
            {\"section\": \"stages\", \"entry\": \"group\", \"kind\": \"ResolveError\", \
            \"message\": \"failed to resolve 'stages.group.foreach' in 'dvc.yaml': expected list/dictionary, got float\"}, \
            {\"section\": \"params\", \"entry\": null, \"kind\": \"ResolveError\", \
            \"message\": \"failed to parse 'params.0' in 'dvc.yaml': Could not find 'no'\", \
            \"cause\": {\"kind\": \"KeyNotInContext\", \"message\": \"Could not find 'no'\"}}]}";
        assert_eq!(resolved(&[("dvc.yaml", yaml), ("params.yaml", "m: {lr: 0.1}\n")]), want);
    }

    #[test]
    fn what_prevents_everything_is_told_with_its_section() {
        let vars = resolved(&[("dvc.yaml", "vars: [no.yaml]\nstages: {a: {cmd: x}}\n")]);
        assert!(vars.starts_with("{\"context\": null, \"stages\": {}") && vars.contains("\"section\": \"vars\""), "{vars}");
        assert!(vars.contains("\"cause\": {\"kind\": \"ParamsLoadError\", \"message\": \"'no.yaml' does not exist\"}"), "{vars}");
        let schema = resolved(&[("dvc.yaml", "stages: {a: {}}\n")]);
        assert!(schema.contains("\"section\": null, \"entry\": null, \"kind\": \"YAMLValidationError\""), "{schema}");
        assert!(resolved(&[]).contains("\"kind\": \"StageFileDoesNotExistError\""));
    }

    #[test]
    fn what_json_cannot_hold_becomes_text() {
        let dates = resolved(&[("dvc.yaml", "stages: {a: {cmd: x, meta: {2020-01-02: 2020-01-02}}}\n")]);
        assert!(dates.contains("\"meta\": {\"2020-01-02\": \"2020-01-02\"}"), "{dates}");
    }
}
