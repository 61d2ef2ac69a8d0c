//! Puts values in place of `${…}`, through all keys and values of a piece of data.
//!
//! Mirrors DVC's `resolve_str` and `recurse`. Knows nothing of stages, but for the one rule
//! that a map may stand in `cmd`.

use indexmap::IndexMap;

use super::context::{Context, Tracker};
use super::expr::{self, Match};
use super::node::{Data, Mixed, Node};
use super::pystr::to_text;
use super::{TemplateError, TemplateSettings};
use crate::model::{Key, Map, Value};

/// How to resolve.
pub(super) struct Filler<'a> {
    /// The variables.
    pub context: &'a Context,
    /// How maps become options.
    pub settings: TemplateSettings,
    /// The stage's key that is being resolved; none outside of stages, where lists and maps
    /// may stand anywhere.
    pub key: Option<&'a str>,
    /// Whether the expressions were parsed before: then keys are looked up as they are written.
    pub parsed: bool,
    /// Where to note which variables are used.
    pub tracker: Option<&'a mut Tracker>,
}

/// A resolved string.
pub(super) enum Filled<'a> {
    /// It was exactly one `${…}`.
    Exact(&'a Node),
    /// It was anything else.
    Text(String),
}

impl<'a> Filler<'a> {
    /// Resolves one string.
    pub fn string(&mut self, text: &str) -> Result<Filled<'a>, TemplateError> {
        let found = expr::matches(text);
        if let [only] = found.as_slice()
            && only.span == (0..text.len())
        {
            let node = self.select(text, only)?;
            self.check(node)?;
            return Ok(Filled::Exact(node));
        }
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for one in found {
            let node = self.select(text, &one)?;
            self.check(node)?;
            out.push_str(&text[at..one.span.start]);
            out.push_str(&to_text(&node.value(), self.settings)?);
            at = one.span.end;
        }
        out.push_str(&text[at..]);
        Ok(Filled::Text(out.replace("\\${", "${")))
    }

    /// Resolves all strings in a piece of data.
    pub fn value(&mut self, value: &Value) -> Result<Value, TemplateError> {
        match value {
            Value::Str(text) if !text.contains("${") => Ok(value.clone()),
            Value::Str(text) => Ok(match self.string(text)? {
                Filled::Exact(node) => node.value(),
                Filled::Text(text) => Value::str(&text),
            }),
            Value::Seq(items) => {
                let items: Result<Vec<Value>, _> = items.iter().map(|item| self.value(item)).collect();
                Ok(Value::seq(items?))
            }
            Value::Map(map) => {
                let mut out = Map::default();
                out.reserve(map.len());
                for (key, value) in map.iter() {
                    // What is wrong with the value is found before the key is put anywhere.
                    let (key, value) = (self.value(&key.0)?, self.value(value)?);
                    out.insert(hashable(key)?, value);
                }
                Ok(Value::map(out))
            }
            Value::Set(map) => {
                let keys: Result<Map, TemplateError> = map.keys().map(|key| Ok((hashable(self.value(&key.0)?)?, Value::Null))).collect();
                Ok(Value::Set(std::sync::Arc::new(keys?)))
            }
            _ => Ok(value.clone()),
        }
    }

    /// Resolves all strings, but leaves values of the context what they are.
    pub fn mixed(&mut self, value: &Value) -> Result<Mixed, TemplateError> {
        match value {
            Value::Str(text) if text.contains("${") => Ok(match self.string(text)? {
                Filled::Exact(node) => Mixed::Node(node.clone()),
                Filled::Text(text) => Mixed::Leaf(Value::str(&text)),
            }),
            Value::Seq(items) => {
                let items: Result<Vec<Mixed>, _> = items.iter().map(|item| self.mixed(item)).collect();
                Ok(Mixed::Seq(items?))
            }
            Value::Map(map) => {
                let mut out = IndexMap::default();
                for (key, value) in map.iter() {
                    let (key, value) = (self.mixed(&key.0)?, self.mixed(value)?);
                    let key = match key {
                        Mixed::Leaf(key) => Key(key),
                        Mixed::Node(node) => return Err(unhashable(node_type(&node))),
                        Mixed::Seq(_) => return Err(unhashable("list")),
                        Mixed::Map(_) => return Err(unhashable("dict")),
                    };
                    out.insert(key, value);
                }
                Ok(Mixed::Map(out))
            }
            _ => Ok(Mixed::Leaf(value.clone())),
        }
    }

    fn select(&mut self, text: &str, one: &Match) -> Result<&'a Node, TemplateError> {
        let inner = &text[one.inner.clone()];
        let context = self.context;
        let node = if self.parsed { context.select(inner)? } else { context.select(&expr::parse(inner).map_err(TemplateError::Parse)?)? };
        if let Some(tracker) = self.tracker.as_deref_mut() {
            tracker.note(node, &node.value());
        }
        Ok(node)
    }

    /// Lists and maps may not stand in a stage, but for a map in `cmd` (dvc: `validate_value`).
    fn check(&self, node: &Node) -> Result<(), TemplateError> {
        match (&node.data, self.key) {
            (Data::List(_), Some(_)) => Err(TemplateError::Parse("Cannot interpolate data of type 'list'".to_owned())),
            (Data::Dict(_), Some(key)) if key != "cmd" => Err(TemplateError::Parse("Cannot interpolate data of type 'dict'".to_owned())),
            _ => Ok(()),
        }
    }
}

/// Finds malformed expressions in all keys and values of a piece of data.
pub(super) fn check_syntax(value: &Value) -> Result<(), TemplateError> {
    each_string(value, &mut |text| {
        for one in expr::matches(text) {
            expr::parse(&text[one.inner]).map_err(TemplateError::Parse)?;
        }
        Ok(())
    })
}

/// Whether a `${…}` stands anywhere in a piece of data.
pub(super) fn has_interpolation(value: &Value) -> bool {
    each_string(value, &mut |text| if expr::is_interpolated(text) { Err(()) } else { Ok(()) }).is_err()
}

fn each_string<E>(value: &Value, one: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
    match value {
        Value::Str(text) if text.contains("${") => one(text),
        Value::Seq(items) => items.iter().try_for_each(|item| each_string(item, one)),
        Value::Map(map) => map.iter().try_for_each(|(key, value)| {
            each_string(&key.0, one)?;
            each_string(value, one)
        }),
        Value::Set(map) => map.keys().try_for_each(|key| each_string(&key.0, one)),
        _ => Ok(()),
    }
}

fn hashable(value: Value) -> Result<Key, TemplateError> {
    match value {
        Value::Seq(_) | Value::Map(_) | Value::Set(_) => Err(unhashable(value.python_type())),
        value => Ok(Key(value)),
    }
}

fn unhashable(kind: &str) -> TemplateError {
    TemplateError::Unexpected(format!("unhashable type: '{kind}'"))
}

fn node_type(node: &Node) -> &'static str {
    match node.data {
        Data::Leaf(_) => "Value",
        Data::List(_) => "CtxList",
        Data::Dict(_) => "CtxDict",
    }
}
