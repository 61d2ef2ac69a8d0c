//! What `foreach` and `matrix` iterate over: the generated keys and the values behind them.

use indexmap::IndexMap;

use super::TemplateError;
use super::node::{Data, Mixed, Node};
use super::pystr::python_str;
use crate::model::{Key, Value};

/// Which of the two a group of stages is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// `foreach` and `do`
    Foreach,
    /// `matrix`
    Matrix,
}

/// The iterations of a group, by generated key.
#[derive(Debug)]
pub(super) struct Iterations {
    /// Key to the value of `item`.
    pub items: IndexMap<String, Mixed>,
    /// Whether `${key}` is set too.
    pub with_key: bool,
}

/// The iterations of `foreach` over a resolved list or map; none for anything else.
pub(super) fn foreach(iterable: &Mixed) -> Option<Iterations> {
    let elements: Vec<Mixed> = match iterable {
        Mixed::Map(map) => {
            return Some(Iterations { items: map.iter().map(|(key, item)| (leaf_text(&key.0), item.clone())).collect(), with_key: true });
        }
        Mixed::Node(Node { data: Data::Dict(dict), .. }) => {
            let items = dict.iter().map(|(key, node)| (key.to_string(), Mixed::Node(node.clone()))).collect();
            return Some(Iterations { items, with_key: true });
        }
        Mixed::Seq(items) => items.clone(),
        Mixed::Node(Node { data: Data::List(nodes), .. }) => nodes.iter().cloned().map(Mixed::Node).collect(),
        Mixed::Leaf(_) | Mixed::Node(_) => return None,
    };
    let by_index = elements.iter().any(is_composite);
    let items =
        elements.into_iter().enumerate().map(|(index, item)| (if by_index { index.to_string() } else { text(&item) }, item)).collect();
    Some(Iterations { items, with_key: false })
}

/// The Cartesian product of a resolved matrix; the first name varies slowest.
pub(super) fn matrix(iterable: &Mixed) -> Result<Iterations, TemplateError> {
    let Mixed::Map(map) = iterable else { return Ok(Iterations { items: IndexMap::new(), with_key: true }) };
    let mut axes: Vec<(&Key, Vec<Mixed>)> = Vec::with_capacity(map.len());
    for (key, values) in map {
        axes.push((key, axis(values)?));
    }
    let mut items = IndexMap::new();
    let mut odometer = vec![0_usize; axes.len()];
    if axes.iter().any(|(_, values)| values.is_empty()) {
        return Ok(Iterations { items, with_key: true });
    }
    loop {
        let mut fragments = Vec::with_capacity(axes.len());
        let mut item = IndexMap::with_capacity(axes.len());
        for ((name, values), &index) in axes.iter().zip(&odometer) {
            let value = &values[index];
            fragments.push(if is_composite(value) { format!("{}{index}", python_str(&name.0)) } else { text(value) });
            item.insert((*name).clone(), value.clone());
        }
        items.insert(fragments.join("-"), Mixed::Map(item));
        let Some(turn) = (0..axes.len()).rev().find(|&place| odometer[place] + 1 < axes[place].1.len()) else { break };
        odometer[turn] += 1;
        odometer[turn + 1..].fill(0);
    }
    Ok(Iterations { items, with_key: true })
}

/// The values of one name of a matrix: whatever Python can enumerate.
fn axis(values: &Mixed) -> Result<Vec<Mixed>, TemplateError> {
    match values {
        Mixed::Seq(items) => Ok(items.clone()),
        Mixed::Node(Node { data: Data::List(nodes), .. }) => Ok(nodes.iter().cloned().map(Mixed::Node).collect()),
        Mixed::Node(Node { data: Data::Dict(dict), .. }) => Ok(dict.keys().map(|key| Mixed::Leaf(Value::str(key))).collect()),
        Mixed::Map(map) => Ok(map.keys().map(|key| Mixed::Leaf(key.0.clone())).collect()),
        Mixed::Leaf(Value::Str(text)) => Ok(text.chars().map(|c| Mixed::Leaf(Value::str(c.encode_utf8(&mut [0; 4])))).collect()),
        Mixed::Leaf(other) => Err(not_iterable(other.python_type())),
        Mixed::Node(_) => Err(not_iterable("Value")),
    }
}

fn not_iterable(kind: &str) -> TemplateError {
    TemplateError::Unexpected(format!("'{kind}' object is not iterable"))
}

/// Whether a value is a list or a map (or bytes, which Python counts as a sequence).
fn is_composite(value: &Mixed) -> bool {
    match value {
        Mixed::Seq(_) | Mixed::Map(_) | Mixed::Leaf(Value::Bytes(_)) => true,
        Mixed::Leaf(_) => false,
        Mixed::Node(node) => !matches!(node.data, Data::Leaf(_)),
    }
}

/// The key of one value: a plain bool prints as in YAML, one from the context as in Python.
fn text(value: &Mixed) -> String {
    match value {
        Mixed::Leaf(value) => leaf_text(value),
        Mixed::Node(node) => python_str(&node.value()),
        // Lists and maps are keyed by their index.
        Mixed::Seq(_) | Mixed::Map(_) => String::new(),
    }
}

fn leaf_text(value: &Value) -> String {
    match value {
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        _ => python_str(value),
    }
}
