//! Templates against DVC's own resolver: a table of cases that real DVC resolved
//! (`tests/tools/make_template_table.py`), and random ones. Values, names of generated stages,
//! what was used of files, and every sentence of an error must be the same.

use std::collections::HashMap;
use std::fmt::Write as _;

use dvc_paraffin::format::pipeline::parse_checked;
use dvc_paraffin::format::schema::check_project;
use dvc_paraffin::format::template::{BoolOption, ListOption, ResolveError, Resolver, TemplateSettings, TopLevel, Tracked, python_repr};
use dvc_paraffin::format::{Files, yaml};
use dvc_paraffin::model::{Key, Map, RepoPath, Value};

use super::{Judged, compare};

const ROOT: &str = "/top/repo";
const TABLE: &str = include_str!("../../data/template_table.json");

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
    if parse_checked(source.as_bytes(), &path, &cwd, check_project).is_err() {
        let class = if yaml::parse(source.as_bytes()).is_err() { "YAMLSyntaxError" } else { "YAMLValidationError" };
        return serde_json::json!({"invalid": class, "warnings": []});
    }
    let document = yaml::parse(source.as_bytes()).unwrap().or_empty_map();
    let mut out = serde_json::Map::new();
    let mut errors = serde_json::Map::new();
    let mut resolver = match Resolver::new(&files, ROOT, &path, settings(case), &cwd, document) {
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

fn settings(case: &serde_json::Value) -> TemplateSettings {
    TemplateSettings {
        parsing_bool: if case["settings"]["bool"] == "boolean_optional" { BoolOption::BooleanOptional } else { BoolOption::StoreTrue },
        parsing_list: if case["settings"]["list"] == "append" { ListOption::Append } else { ListOption::Nargs },
    }
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

/// The parts of an answer that differ.
fn differences(want: &serde_json::Value, got: &serde_json::Value) -> String {
    let mut out = String::new();
    for (key, want) in want.as_object().unwrap() {
        let got = got.get(key).unwrap_or(&serde_json::Value::Null);
        if got != want {
            match (key.as_str(), want.as_object(), got.as_object()) {
                ("stages" | "errors", Some(_), Some(_)) => out.push_str(&differences(want, got)),
                _ => write!(out, "{key}\n  want {want}\n  got  {got}\n").unwrap(),
            }
        }
    }
    if out.is_empty() { format!("want {want}\ngot  {got}\n") } else { out }
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
            let _ = write!(wrong, "\n== {}\n{}\n{}", text(case, "name"), text(case, "source"), differences(want, &got));
        }
    }
    assert!(count == 0, "{count} of {} cases differ{wrong}", table.len());
}

#[test]
fn random_templates_resolve_as_with_dvc() {
    compare("template_fuzz.py", "templates", 8, 1600, |case| {
        let (got, want) = (run(case), &case["want"]);
        if &got == want {
            return Judged::Equal;
        }
        Judged::Differs(format!("\n{}\n{}\n{}", text(case, "source"), case["files"], differences(want, &got)))
    });
}
