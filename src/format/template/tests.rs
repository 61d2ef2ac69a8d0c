//! Replays what real DVC made of templates (`tests/tools/make_template_table.py`).

use std::collections::HashMap;
use std::fmt::Write as _;

use super::*;
use crate::format::Files;
use crate::format::yaml;
use crate::model::{Key, Map, RepoPath, Value};

const ROOT: &str = "/top/repo";
const TABLE: &str = include_str!("../../../tests/data/template_table.json");

/// Files by path.
struct Table(HashMap<String, Vec<u8>>);

impl Files for Table {
    fn read(&self, path: &RepoPath) -> std::io::Result<Option<Vec<u8>>> {
        if self.0.keys().any(|known| known.starts_with(&format!("{}/", path.as_str()))) {
            return Err(std::io::ErrorKind::IsADirectory.into());
        }
        Ok(self.0.get(path.as_str()).cloned())
    }
}

fn text<'a>(case: &'a serde_json::Value, key: &str) -> &'a str {
    case[key].as_str().unwrap_or_default()
}

fn error_of(error: &ResolveError) -> serde_json::Value {
    let kind = match error {
        ResolveError::Resolve { .. } => "ResolveError".to_owned(),
        ResolveError::File(error) => serde_json::to_value(error.fault().class).unwrap().as_str().unwrap().to_owned(),
        ResolveError::Unexpected(_) => "Unexpected".to_owned(),
    };
    serde_json::json!({"kind": kind, "message": error.to_string()})
}

fn not_found(name: &str) -> serde_json::Value {
    serde_json::json!({"kind": "EntryNotFound", "message": format!("Could not find '{name}'")})
}

fn tracked_map(tracked: &Tracked) -> Map {
    let file = |values: &indexmap::IndexMap<std::sync::Arc<str>, Value>| {
        Value::map(values.iter().map(|(key, value)| (Key::str(key), value.clone())).collect())
    };
    tracked.iter().map(|(source, values)| (Key::str(source), file(values))).collect()
}

/// What this program makes of a case, in the form of the table.
fn run(case: &serde_json::Value) -> serde_json::Value {
    let base = RepoPath::new(text(case, "base"));
    let path = base.join("dvc.yaml");
    let source = text(case, "source").replace("@ROOT@", ROOT);
    let files = case["files"].as_object().unwrap();
    let files =
        Table(files.iter().map(|(name, text)| (base.join(name).as_str().to_owned(), text.as_str().unwrap().as_bytes().to_vec())).collect());
    let cwd = RepoPath::new(text(case, "cwd"));
    let document = yaml::parse(source.as_bytes()).unwrap().or_empty_map();
    let mut out = serde_json::Map::new();
    let mut errors = serde_json::Map::new();
    let mut resolver = match Resolver::new(&files, ROOT, &path, TemplateSettings::default(), &cwd, document) {
        Ok(resolver) => resolver,
        Err(error) => return serde_json::json!({"errors": {"vars": error_of(&error)}, "warnings": []}),
    };
    out.insert("context".into(), python_repr(&Value::map(resolver.context())).into());
    let names = match resolver.names() {
        Ok(names) => {
            out.insert("names".into(), names.clone().into());
            names
        }
        Err(error) => {
            errors.insert("names".into(), error_of(&error));
            Vec::new()
        }
    };
    let stages = names.iter().map(|name| (name.clone(), stage(&mut resolver, name)));
    out.insert("stages".into(), serde_json::Value::Object(stages.collect()));
    for section in [TopLevel::Metrics, TopLevel::Plots, TopLevel::Params, TopLevel::Artifacts, TopLevel::Datasets] {
        let resolved = match section {
            TopLevel::Artifacts => resolver.artifacts().map(Value::map),
            list => resolver.top_level(list).map(Value::seq),
        };
        match resolved {
            Ok(value) => out.insert(section.key().into(), python_repr(&value).into()),
            Err((_, error)) => errors.insert(section.key().into(), error_of(&error)),
        };
    }
    if !errors.is_empty() {
        out.insert("errors".into(), serde_json::Value::Object(errors));
    }
    out.insert("warnings".into(), resolver.warnings().to_vec().into());
    let out = serde_json::Value::Object(out);
    serde_json::from_str(&out.to_string().replace(ROOT, "@ROOT@")).unwrap()
}

fn stage(resolver: &mut Resolver<'_>, name: &str) -> serde_json::Value {
    match resolver.stage(name) {
        Ok(Some(resolved)) => serde_json::json!({
            "data": python_repr(&Value::map(resolved.data)),
            "tracked": python_repr(&Value::map(tracked_map(&resolved.tracked))),
        }),
        Ok(None) => serde_json::json!({"error": not_found(name)}),
        Err(error) => serde_json::json!({"error": error_of(&error)}),
    }
}

#[test]
fn templates_resolve_as_with_dvc() {
    let table: Vec<serde_json::Value> = serde_json::from_str(TABLE).unwrap();
    let mut wrong = String::new();
    let mut count = 0;
    for case in &table {
        let (got, want) = (run(case), &case["want"]);
        if &got != want {
            count += 1;
            let _ = write!(wrong, "\n== {}\n{}\n", text(case, "name"), text(case, "source"));
            for (key, want) in want.as_object().unwrap() {
                if got.get(key) != Some(want) {
                    let _ = write!(wrong, "{key}\n  want {want}\n  got  {}\n", got.get(key).unwrap_or(&serde_json::Value::Null));
                }
            }
        }
    }
    assert!(count == 0, "{count} of {} cases differ{wrong}", table.len());
}
