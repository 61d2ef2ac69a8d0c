//! Writing YAML as DVC writes it, to the byte.
//!
//! dvc.lock is compared, committed and merged as text, so the layout is part of the format:
//! lists stand under their key without indentation, nothing stands for null, a list or map that
//! occurs twice gets `&id001`. This file lays out the containers; `text` chooses quotes and
//! folds lines. Where DVC's folding would lose blanks on reading, the line is left longer
//! instead: what is written here always reads back as it was.

mod text;

use std::collections::HashMap;
use std::sync::Arc;

use crate::format::floats;
use crate::model::{Key, Map, Value};

/// A whole file: the text of this value, with a line end.
pub fn document(value: &Value) -> String {
    let mut emitter = Emitter::over([value]);
    match value {
        Value::Map(map) if !map.is_empty() => emitter.map(map, 0, false),
        Value::Seq(items) if !items.is_empty() => emitter.seq(items, 0, false),
        scalar => {
            emitter.value(scalar, 0, After::Dash);
            emitter.out = emitter.out.trim_start_matches(' ').to_owned();
        }
    }
    emitter.out
}

/// One entry of a map whose keys stand at this column.
pub fn entry(key: &str, value: &Value, indent: usize) -> String {
    let mut emitter = Emitter::over([value]);
    emitter.pair(&Key::str(key), value, indent, false);
    emitter.out
}

/// Whether a list or map occurs twice in it, so that its text has anchors.
pub fn shares_parts(value: &Value) -> bool {
    !Emitter::over([value]).anchors.is_empty()
}

/// What stands before a value on its line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum After {
    /// `key:`
    Key,
    /// `-`, or the `?` of a key that is no simple one.
    Dash,
    /// The `:` that answers a `?`.
    Colon,
}

struct Emitter {
    out: String,
    /// The anchors of lists and maps that occur more than once: their number, and whether
    /// they were written.
    anchors: HashMap<usize, (u32, bool)>,
}

impl Emitter {
    fn over<'a>(values: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut seen = Seen::default();
        for value in values {
            seen.visit(value);
        }
        let anchors = seen.containers.into_iter().filter_map(|(at, number)| Some((at, (number?, false)))).collect();
        Self { out: String::new(), anchors }
    }

    fn map(&mut self, map: &Map, indent: usize, compact: bool) {
        for (index, (key, value)) in map.iter().enumerate() {
            self.pair(key, value, indent, compact && index == 0);
        }
    }

    fn seq(&mut self, items: &[Value], indent: usize, compact: bool) {
        for (index, item) in items.iter().enumerate() {
            if !(compact && index == 0) {
                self.indent(indent);
            }
            self.out.push('-');
            self.value(item, indent, After::Dash);
        }
    }

    fn pair(&mut self, key: &Key, value: &Value, indent: usize, compact: bool) {
        if !compact {
            self.indent(indent);
        }
        match simple_key(key) {
            Some(key) => {
                self.out.push_str(&key);
                self.out.push(':');
                self.value(value, indent, After::Key);
            }
            None => {
                self.out.push('?');
                self.value(&key.0, indent, After::Dash);
                self.indent(indent);
                self.out.push(':');
                self.value(value, indent, After::Colon);
            }
        }
    }

    /// A value with the blank before it and the line end after it.
    fn value(&mut self, value: &Value, indent: usize, after: After) {
        let mut after = after;
        if let Some(anchor) = self.anchor(value) {
            match anchor {
                Anchor::Again(name) => {
                    self.out.push_str(&format!(" *{name}\n"));
                    return;
                }
                Anchor::First(name) => self.out.push_str(&format!(" &{name}")),
            }
            after = self.below(after);
        }
        match value {
            Value::Map(map) => self.nested_map(map, indent, after),
            Value::Set(map) => {
                self.out.push_str(" !!set");
                let keys: Map = map.keys().map(|key| (key.clone(), Value::Null)).collect();
                let after = self.below(after);
                self.nested_map(&keys, indent, after);
            }
            Value::Seq(items) if items.is_empty() => self.out.push_str(" []\n"),
            Value::Seq(items) => match after {
                After::Key => {
                    self.out.push('\n');
                    self.seq(items, indent, false);
                }
                After::Dash | After::Colon => {
                    let compact = self.opens_line();
                    self.out.push(if compact { ' ' } else { '\n' });
                    self.seq(items, indent + 2, compact);
                }
            },
            Value::Bytes(bytes) => self.binary(bytes, indent + 2),
            Value::Null => self.out.push_str(if after == After::Dash { " \n" } else { "\n" }),
            Value::Str(text) => self.scalar(|out, column| text::write(out, text, column, indent + 2)),
            other => {
                let shown = shown(other);
                self.scalar(|out, column| text::plain(out, &shown, column, indent + 2));
            }
        }
    }

    /// Where a list or map that has an anchor or a tag begins: after a colon it does as after
    /// a key, on the next line.
    fn below(&self, after: After) -> After {
        if after == After::Colon { After::Key } else { after }
    }

    fn nested_map(&mut self, map: &Map, indent: usize, after: After) {
        if map.is_empty() {
            self.out.push_str(" {}\n");
            return;
        }
        let compact = after != After::Key && self.opens_line();
        self.out.push(if compact { ' ' } else { '\n' });
        self.map(map, indent + 2, compact);
    }

    /// Whether an indicator was the last to be written, so that a list or map may follow it
    /// on its line; after an anchor or a tag it may not.
    fn opens_line(&self) -> bool {
        self.out.ends_with(['-', '?', ':'])
    }

    fn scalar(&mut self, write: impl FnOnce(&mut String, usize)) {
        self.out.push(' ');
        let column = self.line().chars().count();
        write(&mut self.out, column);
        self.out.push('\n');
    }

    /// The line that is being written.
    fn line(&self) -> &str {
        let start = self.out.rfind('\n').map_or(0, |at| at + 1);
        &self.out[start..]
    }

    fn indent(&mut self, indent: usize) {
        self.out.extend(std::iter::repeat_n(' ', indent));
    }

    fn anchor(&mut self, value: &Value) -> Option<Anchor> {
        let (number, written) = self.anchors.get_mut(&address(value)?)?;
        let name = format!("id{number:03}");
        Some(if std::mem::replace(written, true) { Anchor::Again(name) } else { Anchor::First(name) })
    }

    /// Base 64 in lines of 76, as Python breaks them.
    fn binary(&mut self, bytes: &[u8], indent: usize) {
        if bytes.is_empty() {
            self.out.push_str(" !!binary \"\"\n");
            return;
        }
        self.out.push_str(" !!binary |\n");
        let text = base64(bytes);
        for line in text.as_bytes().chunks(76) {
            self.indent(indent);
            self.out.extend(line.iter().map(|byte| char::from(*byte)));
            self.out.push('\n');
        }
    }
}

/// How a list or map that occurs more than once appears.
enum Anchor {
    First(String),
    Again(String),
}

/// Finds the lists and maps that occur more than once, in the order in which that shows
/// (ruamel: `serializer.py` `anchor_node`).
#[derive(Default)]
struct Seen {
    containers: HashMap<usize, Option<u32>>,
    count: u32,
}

impl Seen {
    fn visit(&mut self, value: &Value) {
        let Some(at) = address(value) else { return };
        match self.containers.entry(at) {
            std::collections::hash_map::Entry::Occupied(mut slot) => {
                if slot.get().is_none() {
                    self.count += 1;
                    slot.insert(Some(self.count));
                }
                return;
            }
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(None);
            }
        }
        match value {
            Value::Seq(items) => items.iter().for_each(|item| self.visit(item)),
            Value::Map(map) => map.values().for_each(|item| self.visit(item)),
            _ => {}
        }
    }
}

/// What makes a list or map the same one; to DVC a date is such a thing too. Python's empty tuple
/// is always one and the same, so it tells nothing (ruamel: `representer.py` `ignore_aliases`).
fn address(value: &Value) -> Option<usize> {
    match value {
        value if value.is_empty_tuple() => None,
        Value::Seq(items) => Some(Arc::as_ptr(items).addr()),
        Value::Map(map) | Value::Set(map) => Some(Arc::as_ptr(map).addr()),
        Value::Time(text) => Some(Arc::as_ptr(text).cast::<u8>().addr()),
        _ => None,
    }
}

/// A key that can stand before its colon (ruamel: `emitter.py` `check_simple_key`: below 128
/// characters together with its tag, and on one line).
fn simple_key(key: &Key) -> Option<String> {
    let (text, tag) = match &key.0 {
        Value::Str(text) if text::is_multiline(text) => return None,
        Value::Str(text) => {
            // The escapes do not count.
            return (text.chars().count() + "!!str".len() < 128).then(|| text::key(text));
        }
        Value::Null => ("null".to_owned(), "!!null"),
        Value::Seq(_) | Value::Map(_) | Value::Set(_) | Value::Bytes(_) => return None,
        Value::Time(_) => (shown(&key.0), "!!timestamp"),
        Value::Float(_) => (shown(&key.0), "!!float"),
        Value::Bool(_) => (shown(&key.0), "!!bool"),
        Value::Int(_) | Value::BigInt(_) => (shown(&key.0), "!!int"),
    };
    (text.len() + tag.len() < 128).then_some(text)
}

/// The text of a scalar that is neither text nor null.
fn shown(value: &Value) -> String {
    match value {
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::BigInt(text) | Value::Time(text) => text.to_string(),
        Value::Float(number) if number.is_nan() => ".nan".to_owned(),
        Value::Float(number) if number.is_infinite() => if *number > 0.0 { ".inf" } else { "-.inf" }.to_owned(),
        Value::Float(number) => floats::repr(*number),
        _ => String::new(),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let at = |index: usize| u32::from(group.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            out.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests;
