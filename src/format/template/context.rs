//! The variables that templates see: merged from files and `vars`, looked up by dotted keys.
//!
//! Knows how variables merge and what DVC says when they clash; does not read files.

use std::sync::Arc;

use indexmap::IndexMap;

use super::TemplateError;
use super::expr::python_int;
use super::node::{Data, Dict, Meta, Node, plain};
use crate::model::{Map, Value};

/// The variables of one dvc.yaml, or of one stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    root: Dict,
    /// Files taken in, with the keys chosen from them; none for whole files.
    pub imports: IndexMap<String, Option<Vec<String>>>,
    reserved: Vec<&'static str>,
}

impl Context {
    /// A copy that a stage's own `vars` may add to.
    pub fn forked(&self) -> Self {
        let root = self.root.iter().map(|(key, node)| (Arc::clone(key), node.forked())).collect();
        Self { root, imports: self.imports.clone(), reserved: self.reserved.clone() }
    }

    /// The variables as plain data.
    pub fn to_map(&self) -> Map {
        plain(&self.root)
    }

    /// Whether a variable of this name is there at top level.
    pub fn contains(&self, key: &str) -> bool {
        self.root.contains_key(key)
    }

    /// The value of a key such as `a.b[0]` (dvc: `Context.select`).
    pub fn select(&self, key: &str) -> Result<&Node, TemplateError> {
        let missing = || TemplateError::KeyNotInContext(key.to_owned());
        let normalized: String = key.replace('[', ".").replace(']', "");
        let mut segments = normalized.split('.').map(str::trim);
        let mut node = segments.next().and_then(|first| self.root.get(first)).ok_or_else(missing)?;
        for segment in segments {
            node = match &node.data {
                Data::Leaf(_) => None,
                Data::Dict(dict) => dict.get(segment),
                Data::List(items) => python_int(segment).and_then(|index| at(items, index)),
            }
            .ok_or_else(missing)?;
        }
        Ok(node)
    }

    /// Adds the variables of another source; a key that is there already is an error unless
    /// both are maps.
    pub fn merge(&mut self, update: Dict) -> Result<(), TemplateError> {
        let clashes: Vec<&str> = self.reserved.iter().copied().filter(|key| update.contains_key(*key)).collect();
        if !clashes.is_empty() {
            let plural = if clashes.len() > 1 { "s" } else { "" };
            return Err(TemplateError::Reserved(format!("attempted to modify reserved key{plural} {}", clashes.join(" and "))));
        }
        merge(&mut self.root, update)
    }

    /// Sets variables of an iteration until [`Context::restore`] is called with what this gives.
    pub fn set(&mut self, values: Vec<(&'static str, Node)>) -> Saved {
        let mut saved = Saved { before: Vec::new(), reserved: self.reserved.len() };
        for (name, node) in values {
            saved.before.push((name, self.root.insert(Arc::from(name), node)));
            if !self.reserved.contains(&name) {
                self.reserved.push(name);
            }
        }
        saved
    }

    /// Takes back what [`Context::set`] did.
    pub fn restore(&mut self, saved: Saved) {
        for (name, node) in saved.before.into_iter().rev() {
            match node {
                Some(node) => {
                    self.root.insert(Arc::from(name), node);
                }
                None => {
                    self.root.shift_remove(name);
                }
            }
        }
        self.reserved.truncate(saved.reserved);
    }
}

/// What stood in place of the variables of an iteration.
pub(super) struct Saved {
    before: Vec<(&'static str, Option<Node>)>,
    reserved: usize,
}

fn at(items: &[Node], index: i64) -> Option<&Node> {
    let index = if index < 0 { index.checked_add(i64::try_from(items.len()).ok()?)? } else { index };
    items.get(usize::try_from(index).ok()?)
}

fn merge(into: &mut Dict, update: Dict) -> Result<(), TemplateError> {
    for (key, node) in update {
        let Some(known) = into.get_mut(&key) else {
            into.insert(key, node);
            continue;
        };
        match (&mut known.data, node.data) {
            (Data::Dict(known), Data::Dict(update)) => merge(Arc::make_mut(known), Arc::unwrap_or_clone(update))?,
            _ => return Err(redefined(&known.meta, &node.meta)),
        }
    }
    Ok(())
}

fn redefined(known: &Meta, new: &Meta) -> TemplateError {
    let source = |meta: &Meta| meta.source.as_deref().unwrap_or("None").to_owned();
    TemplateError::Merge(format!("cannot redefine '{}' from '{}' as it already exists in '{}'", new.path, source(new), source(known)))
}

/// Which variables a stage used, by source file: the path in it and the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker(pub IndexMap<Arc<str>, IndexMap<Arc<str>, Value>>);

impl Tracker {
    /// Remembers a value that came from a file. DVC does not remember whole maps.
    pub fn note(&mut self, node: &Node, value: &Value) {
        if let (Some(source), false, Data::Leaf(_) | Data::List(_)) = (&node.meta.source, node.meta.local, &node.data) {
            self.0.entry(Arc::clone(source)).or_default().insert(Arc::clone(&node.meta.path), value.clone());
        }
    }
}
