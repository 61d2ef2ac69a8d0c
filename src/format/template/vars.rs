//! Loads the variables that a `vars` list names: files, chosen keys of files, and maps.
//!
//! Files arrive through `Files`; what merging means is the context's knowledge.

use super::TemplateError;
use super::context::Context;
use super::node::{Meta, Node};
use crate::format::Files;
use crate::format::params::{self, ParamsError};
use crate::model::{Key, Map, RepoPath, Value};

/// The file of variables that is taken whenever it is there.
const DEFAULT_FILE: &str = "params.yaml";

/// Where files are and how their paths are shown.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The source of files.
    pub files: &'a dyn Files,
    /// The root's absolute path.
    pub root: &'a str,
    /// The directory that shown paths are relative to.
    pub cwd: &'a RepoPath,
}

/// Loads `params.yaml` if there is one.
pub(super) fn load_default(context: &mut Context, place: Place<'_>, dir: &str) -> Result<(), TemplateError> {
    let path = normpath(&join(dir, DEFAULT_FILE));
    match read(place, &path)? {
        Some(map) => take(context, &map, path, None),
        None => Ok(()),
    }
}

/// Loads the items of a `vars` list; `dir` is the shown directory that files are relative to.
pub(super) fn load(context: &mut Context, place: Place<'_>, dir: &str, items: &[Value], stage: Option<&str>) -> Result<(), TemplateError> {
    for (index, item) in items.iter().enumerate() {
        match item {
            Value::Str(text) => load_item(context, place, dir, text)?,
            Value::Map(map) => {
                let prefix = stage.map_or_else(String::new, |stage| format!("{stage}."));
                let meta = Meta::of(Some(&format!("{prefix}vars[{index}]")), true);
                context.merge(Node::dict(map, &meta)?)?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Loads `path` or `path:key,key`.
fn load_item(context: &mut Context, place: Place<'_>, dir: &str, item: &str) -> Result<(), TemplateError> {
    let (path, keys) = item.split_once(':').unwrap_or((item, ""));
    let path = normpath(&join(dir, path));
    let keys: Option<Vec<String>> = (!keys.is_empty()).then(|| keys.split(',').filter(|key| !key.is_empty()).map(str::to_owned).collect());
    let chosen = keys.as_deref().unwrap_or_default();
    if let Some(known) = context.imports.get(&path) {
        if chosen.is_empty() && known.is_none() {
            return Ok(());
        }
        check_loaded(known.as_deref(), item, chosen)?;
    }
    let Some(map) = read(place, &path)? else {
        return Err(TemplateError::ParamsLoad(format!("'{path}' does not exist")));
    };
    let map = if chosen.is_empty() { map } else { choose(&map, chosen, &path)? };
    take(context, &map, path, keys).map_err(|error| match error {
        TemplateError::Reserved(message) => TemplateError::Reserved(format!("{message} in '{item}'")),
        other => other,
    })
}

/// Merges what a file holds and remembers that it was taken.
fn take(context: &mut Context, map: &Map, path: String, keys: Option<Vec<String>>) -> Result<(), TemplateError> {
    context.merge(Node::dict(map, &Meta::of(Some(&path), false))?)?;
    match (context.imports.get_mut(&path), keys) {
        (None, keys) => {
            context.imports.insert(path, keys);
        }
        (Some(Some(known)), Some(more)) => known.extend(more),
        _ => {}
    }
    Ok(())
}

fn check_loaded(known: Option<&[String]>, item: &str, keys: &[String]) -> Result<(), TemplateError> {
    let partial = || TemplateError::AlreadyLoaded(format!("cannot load '{item}' as it's partially loaded already"));
    match known {
        Some(_) if keys.is_empty() => Err(partial()),
        None if !keys.is_empty() => Err(TemplateError::AlreadyLoaded(format!("cannot partially load '{item}' as it's already loaded."))),
        Some(known) if keys.iter().any(|key| known.contains(key)) => Err(partial()),
        _ => Ok(()),
    }
}

fn read(place: Place<'_>, path: &str) -> Result<Option<Map>, TemplateError> {
    let located = RepoPath::locate(place.root, place.cwd, path);
    match params::read_value(place.files, &located, path) {
        Ok(Some(Value::Map(map))) => Ok(Some(std::sync::Arc::unwrap_or_clone(map))),
        Ok(None) => Ok(None),
        Ok(Some(other)) => Err(TemplateError::ParamsLoad(format!("expected a dictionary, got '{}' in file '{path}'", other.python_type()))),
        Err(ParamsError::Directory { .. }) => Err(TemplateError::ParamsLoad(format!("'{path}' is a directory"))),
        Err(error) => Err(error.into()),
    }
}

fn choose(map: &Map, keys: &[String], path: &str) -> Result<Map, TemplateError> {
    keys.iter()
        .map(|key| {
            let key = Key::str(key);
            let value = map.get(&key).cloned();
            value
                .map(|value| (key.clone(), value))
                .ok_or_else(|| TemplateError::ParamsLoad(format!("could not find '{}' in '{path}'", key.as_str().unwrap_or_default())))
        })
        .collect()
}

/// Python's `posixpath.join` of two.
pub(crate) fn join(dir: &str, path: &str) -> String {
    if path.starts_with('/') || dir.is_empty() {
        path.to_owned()
    } else if dir.ends_with('/') {
        format!("{dir}{path}")
    } else {
        format!("{dir}/{path}")
    }
}

/// Python's `posixpath.normpath`: as [`RepoPath::new`], with `.` for nothing.
pub(crate) fn normpath(path: &str) -> String {
    let normal = RepoPath::new(path);
    if normal.is_root() { ".".to_owned() } else { normal.as_str().to_owned() }
}
