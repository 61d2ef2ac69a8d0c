//! Values with their origin: what the context of a dvc.yaml is made of.
//!
//! DVC remembers for each value the file (or `vars` item) and the path in it, for its error
//! sentences and to know which variables a stage used. Knows neither files nor templates.

use std::sync::Arc;

use indexmap::IndexMap;

use super::TemplateError;
use crate::model::{Key, Map, Value};

/// Where a value came from.
#[derive(Clone, Debug, Default)]
pub(super) struct Meta {
    /// The file, or `vars[0]`, or `stage.vars[0]`; none for what an iteration sets.
    pub source: Option<Arc<str>>,
    /// The path of keys in there, joined by dots.
    pub path: Arc<str>,
    /// Whether it comes from dvc.yaml itself and not from a file.
    pub local: bool,
}

impl Meta {
    /// The origin of a whole file or `vars` item.
    pub fn of(source: Option<&str>, local: bool) -> Self {
        Self { source: source.map(Arc::from), path: Arc::from(""), local }
    }

    /// The origin of an entry beneath.
    pub fn below(&self, key: &str) -> Self {
        let path = if self.path.is_empty() { Arc::from(key) } else { Arc::from(format!("{}.{key}", self.path)) };
        Self { source: self.source.clone(), path, local: self.local }
    }

    fn shown(&self) -> String {
        format!("{}:{}", self.source.as_deref().unwrap_or("<local>"), self.path)
    }
}

/// A map of the context.
pub(super) type Dict = IndexMap<Arc<str>, Node>;

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Null, a truth value, a number, text or bytes.
    Leaf(Value),
    /// A list.
    List(Arc<Vec<Node>>),
    /// A map; keys that are no text are left out.
    Dict(Arc<Dict>),
}

/// A value of the context.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Its origin.
    pub meta: Meta,
    /// Its value.
    pub data: Data,
}

/// What an expression of `foreach` or `matrix` resolves to: plain data in which values of the
/// context may stand.
#[derive(Clone, Debug)]
pub(super) enum Mixed {
    /// A value of the context.
    Node(Node),
    /// A plain value without parts.
    Leaf(Value),
    /// A plain list.
    Seq(Vec<Mixed>),
    /// A plain map.
    Map(IndexMap<Key, Mixed>),
}

impl Node {
    /// Takes plain data into the context.
    ///
    /// # Errors
    /// Dates, sets and other values that DVC's context refuses.
    pub fn new(value: &Value, meta: Meta) -> Result<Self, TemplateError> {
        let data = match value {
            Value::Null | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Str(_) | Value::Bytes(_) => {
                Data::Leaf(value.clone())
            }
            Value::Seq(items) => {
                let nodes: Result<Vec<Self>, _> =
                    items.iter().enumerate().map(|(index, item)| Self::new(item, meta.below(&index.to_string()))).collect();
                Data::List(Arc::new(nodes?))
            }
            Value::Map(map) => Data::Dict(Arc::new(Self::dict(map, &meta)?)),
            Value::Time(_) | Value::Set(_) => return Err(unsupported(value, &meta)),
        };
        Ok(Self { meta, data })
    }

    /// Takes a plain map into the context.
    pub fn dict(map: &Map, meta: &Meta) -> Result<Dict, TemplateError> {
        let mut dict = Dict::with_capacity(map.len());
        for (key, value) in map {
            if let Value::Str(key) = &key.0 {
                dict.insert(Arc::clone(key), Self::new(value, meta.below(key))?);
            }
        }
        Ok(dict)
    }

    /// Takes what an expression resolved to; values of the context keep their origin.
    pub fn from_mixed(mixed: &Mixed, meta: Meta) -> Result<Self, TemplateError> {
        let data = match mixed {
            Mixed::Node(node) => return Ok(node.clone()),
            Mixed::Leaf(value) => return Self::new(value, meta),
            Mixed::Seq(items) => {
                let nodes: Result<Vec<Self>, _> =
                    items.iter().enumerate().map(|(index, item)| Self::from_mixed(item, meta.below(&index.to_string()))).collect();
                Data::List(Arc::new(nodes?))
            }
            Mixed::Map(map) => {
                let mut dict = Dict::with_capacity(map.len());
                for (key, item) in map {
                    if let Value::Str(key) = &key.0 {
                        dict.insert(Arc::clone(key), Self::from_mixed(item, meta.below(key))?);
                    }
                }
                Data::Dict(Arc::new(dict))
            }
        };
        Ok(Self { meta, data })
    }

    /// The plain value.
    pub fn value(&self) -> Value {
        match &self.data {
            Data::Leaf(value) => value.clone(),
            Data::List(items) => Value::seq(items.iter().map(Self::value).collect()),
            Data::Dict(dict) => Value::map(plain(dict)),
        }
    }

    /// A copy that can be changed without changing this one. DVC's copies of maps and lists
    /// forget their origin, and its error sentences show it.
    pub fn forked(&self) -> Self {
        let data = match &self.data {
            Data::Dict(dict) => Data::Dict(Arc::new(dict.iter().map(|(key, node)| (Arc::clone(key), node.forked())).collect())),
            Data::List(items) => Data::List(Arc::clone(items)),
            Data::Leaf(_) => return self.clone(),
        };
        Self { meta: Meta { local: true, ..Meta::default() }, data }
    }
}

/// A context's map as plain data.
pub(super) fn plain(dict: &Dict) -> Map {
    dict.iter().map(|(key, node)| (Key(Value::Str(Arc::clone(key))), node.value())).collect()
}

fn unsupported(value: &Value, meta: &Meta) -> TemplateError {
    TemplateError::Unexpected(format!("Unsupported value of type '{}' in '{}'", value.python_type(), meta.shown()))
}
