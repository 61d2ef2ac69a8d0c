//! Reading YAML with the meaning that DVC gives it.
//!
//! DVC reads through ruamel.yaml's safe loader: YAML 1.2 with additions of its own (numbers
//! with leading zeros are decimal, dates become dates, `<<` merges, `1` and `true` clash as
//! keys), and what it takes for an error it tells in words that people know and scripts compare.
//! No reader of this language agrees with that (libyaml's do not in one of five odd documents,
//! and the safe port of it panics on a cut-off one), so all four steps are here: `scan` finds
//! words, `events` structure, [`scalar`] decides what a scalar means, `compose` makes
//! values; `blocks` is a shorter way for the plain style of most files. Nothing here knows which file the bytes came from, nor any schema.

mod blocks;
mod compose;
mod error;
mod events;
pub(super) mod number;
mod place;
pub mod scalar;
mod scan;
mod time;

pub use error::{Mark, Note, YamlError};
pub use place::{Places, Step};

use crate::model::{Map, Value};

/// A document that was read: its value, and where its parts stand.
#[derive(Clone, Debug)]
pub struct Doc {
    /// The value; `Null` where there is no document at all.
    pub value: Value,
    /// Lines and columns.
    pub places: Places,
    /// Whether there are anchors in it, so that parts of it may be shared.
    pub anchored: bool,
}

impl Doc {
    /// The value as DVC takes it from a parser ([`or_empty_map`]).
    pub fn or_empty_map(self) -> Value {
        or_empty_map(self.value)
    }
}

/// A value as DVC takes it from a parser: whatever is empty (nothing, null, `[]`, `0`, `false`,
/// `''`) is an empty map (dvc: `utils/serialize/_yaml.py` `parse_yaml`).
pub fn or_empty_map(value: Value) -> Value {
    let empty = match &value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::Seq(items) => items.is_empty(),
        Value::Map(map) | Value::Set(map) => map.is_empty(),
        _ => false,
    };
    if empty { Value::map(Map::default()) } else { value }
}

/// Reads the one document of a file.
///
/// # Errors
/// Where the bytes are no UTF-8, no YAML, or YAML that DVC would refuse.
pub fn parse(bytes: &[u8]) -> Result<Doc, YamlError> {
    let text = std::str::from_utf8(bytes).map_err(|_| YamlError::Encoding)?;
    let text = newlines(text);
    check_characters(&text)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    match blocks::read(text, compose::Builder::default()) {
        Some(builder) => builder.finish(),
        None => compose::compose(text),
    }
}

/// Line ends as Python's text files give them: `\r\n` and `\r` are `\n`.
fn newlines(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// Refuses characters that YAML does not allow anywhere (ruamel: `reader.py` `check_printable`).
fn check_characters(text: &str) -> Result<(), YamlError> {
    let bad_ascii = |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || byte == 0x7f;
    if text.is_ascii() && !text.bytes().any(bad_ascii) {
        return Ok(());
    }
    match text.chars().enumerate().find(|(_, c)| !allowed(*c)) {
        Some((position, c)) => Err(YamlError::Character { code: u32::from(c), position }),
        None => Ok(()),
    }
}

/// Whether a YAML text may hold this character.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests;
