//! dvc.lock: what it says of each stage, and how it changes.
//!
//! DVC parses and rewrites the whole file for each stage it saves; here the text is cut into
//! one piece for each entry, and only the pieces that change are written anew. So comments,
//! quotes and the digits of numbers in all other entries stay as they are, and ten thousand
//! saves stay cheap. Where the text cannot be cut (`stages: {...}` on one line, anchors, tabs)
//! the whole document is written again as DVC would.

mod cut;
mod record;

use std::collections::HashMap;
use std::ops::Range;

use thiserror::Error;

use crate::format::emit;
use crate::format::schema::{self, ValidationError};
use crate::format::yaml::{self, Doc, YamlError};
use crate::model::{Fault, Key, Map, Record, Value};

pub use record::{from_value, to_value};

/// The column of a stage's name.
const INDENT: usize = 2;

/// Why a lock file cannot be read.
#[derive(Debug, Error)]
pub enum LockError {
    /// No YAML that DVC would read.
    #[error("lock file '{shown}' is no valid YAML")]
    Syntax {
        /// The file as DVC shows it.
        shown: String,
        /// What DVC tells of it.
        fault: Box<Fault>,
        /// What is wrong.
        source: YamlError,
    },
    /// YAML, but no lock file.
    #[error("lock file '{shown}' does not fit its schema")]
    Schema {
        /// The file as DVC shows it.
        shown: String,
        /// What is wrong.
        source: Box<ValidationError>,
    },
}

impl LockError {
    /// As DVC tells it.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Syntax { fault, .. } => (**fault).clone(),
            Self::Schema { source, .. } => source.fault(),
        }
    }
}

/// Where a new entry goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place<'a> {
    /// After all others.
    End,
    /// Before the entry of this name (at the end where there is none).
    Before(&'a str),
}

/// A lock file in memory.
#[derive(Clone, Debug)]
pub struct Lock {
    /// The text before the first entry, or none where the whole is written anew.
    head: Option<String>,
    /// The text after the last entry.
    tail: String,
    /// All entries that ever were, and their numbers.
    entries: Vec<Entry>,
    numbers: HashMap<String, usize>,
    /// The entries as they follow one another.
    order: Vec<usize>,
    /// What the file as a whole means, entries as they were when it was read.
    root: Value,
    /// The text as it was read.
    source: String,
    /// Whether it is still what stands for all.
    untouched: bool,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    value: Value,
    text: Piece,
    /// Whether the text has anchors.
    anchored: bool,
}

/// The text of an entry.
#[derive(Clone, Debug)]
enum Piece {
    /// As it was read.
    Kept(Range<usize>),
    /// Written anew.
    New(String),
}

impl Default for Lock {
    /// The file that does not exist yet.
    fn default() -> Self {
        let root: Map = [(Key::str("schema"), Value::str("2.0"))].into_iter().collect();
        Self {
            head: Some("schema: '2.0'\nstages:\n".to_owned()),
            tail: String::new(),
            entries: Vec::new(),
            numbers: HashMap::new(),
            order: Vec::new(),
            root: Value::map(root),
            source: String::new(),
            untouched: false,
        }
    }
}

impl Lock {
    /// Reads a lock file; `shown` is its path as DVC shows it (`./dvc.lock`).
    ///
    /// # Errors
    /// Where it is no YAML or does not fit the schema (dvc: `utils/strictyaml.py` `load`).
    pub fn parse(bytes: &[u8], shown: &str) -> Result<Self, LockError> {
        let text = String::from_utf8_lossy(bytes);
        let mut doc = yaml::parse(bytes).map_err(|source| LockError::Syntax {
            shown: shown.to_owned(),
            fault: Box::new(schema::syntax_fault(&source, shown, &text)),
            source,
        })?;
        doc.value = yaml::or_empty_map(std::mem::replace(&mut doc.value, Value::Null));
        schema::check_lock(&doc.value).map_err(|errors| LockError::Schema {
            shown: shown.to_owned(),
            source: Box::new(ValidationError::new(shown, &text, &doc.value, &doc.places, &errors)),
        })?;
        Ok(Self::of(&doc, text.into_owned()))
    }

    fn of(doc: &Doc, text: String) -> Self {
        let mut lock = Self { root: doc.value.clone(), untouched: true, head: None, ..Self::default() };
        let stages = doc.value.get("stages").and_then(Value::as_map);
        let mut pieces = cut::cut(doc, &text).map(|cut| {
            lock.head = Some(cut.head);
            lock.tail = cut.tail;
            cut.entries.into_iter()
        });
        for (key, value) in stages.into_iter().flatten() {
            let piece = pieces.as_mut().and_then(Iterator::next).unwrap_or_default();
            let name = key.as_str().unwrap_or_default().to_owned();
            lock.push(name, value.clone(), Piece::Kept(piece));
        }
        lock.source = text;
        lock
    }

    /// Adds an entry that is not in the order yet, and gives its number.
    fn push(&mut self, name: String, value: Value, text: Piece) {
        let number = self.entries.len();
        self.numbers.insert(name.clone(), number);
        self.entries.push(Entry { name, value, text, anchored: false });
        self.order.push(number);
    }

    /// The names of all entries in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(|number| self.entries[*number].name.as_str())
    }

    /// What is recorded of a stage.
    pub fn record(&self, name: &str) -> Option<Record> {
        self.value(name).map(from_value)
    }

    /// The same as a value, with all that a record does not know.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.numbers.get(name).map(|number| &self.entries[*number].value)
    }

    /// Whether this record is not what the file says (as Python compares: order of keys and
    /// kinds of numbers do not matter). DVC calls a lock file modified then.
    pub fn differs(&self, name: &str, record: &Record) -> bool {
        self.value(name).is_none_or(|value| *value != to_value(record))
    }

    /// Whether there is nothing in it, as in a file that does not exist yet.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Writes the entry of a stage: in its place if it has one, else at `place`.
    pub fn set(&mut self, name: &str, record: &Record, place: Place) {
        self.set_value(name, to_value(record), place);
    }

    /// The text of one entry that [`Lock::set_entry`] reads.
    pub fn entry_text(name: &str, record: &Record) -> String {
        emit::entry(name, &to_value(record), INDENT)
    }

    /// Writes an entry that is given as text. What is no entry is not taken.
    pub fn set_entry(&mut self, text: &str, place: Place) {
        let Ok(doc) = yaml::parse(text.as_bytes()) else { return };
        for (key, value) in doc.value.as_map().into_iter().flatten() {
            if let Some(name) = key.as_str() {
                self.set_value(name, value.clone(), place);
            }
        }
    }

    fn set_value(&mut self, name: &str, value: Value, place: Place) {
        self.untouched = false;
        let text = Piece::New(if self.head.is_some() { emit::entry(name, &value, INDENT) } else { String::new() });
        let anchored = emit::shares_parts(&value);
        if let Some(number) = self.numbers.get(name) {
            self.entries[*number] = Entry { name: name.to_owned(), value, text, anchored };
            return;
        }
        self.push(name.to_owned(), value, text);
        if let Some(entry) = self.entries.last_mut() {
            entry.anchored = anchored;
        }
        if let Place::Before(other) = place
            && let Some(other) = self.numbers.get(other)
            && let Some(at) = self.order.iter().position(|number| number == other)
        {
            self.order[at..].rotate_right(1);
        }
    }

    /// Moves an entry to the place before another one.
    pub fn shift(&mut self, name: &str, before: &str) {
        let (Some(moved), Some(other)) = (self.numbers.get(name).copied(), self.numbers.get(before).copied()) else { return };
        if moved == other {
            return;
        }
        self.untouched = false;
        self.order.retain(|number| *number != moved);
        let at = self.order.iter().position(|number| *number == other).unwrap_or(self.order.len());
        self.order.insert(at, moved);
    }

    /// The file's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        if self.untouched {
            return self.source.clone().into_bytes();
        }
        let whole = match &self.head {
            Some(head) if !self.shares_anchors() => self.joined(head),
            _ => emit::document(&self.whole()),
        };
        whole.into_bytes()
    }

    fn text<'a>(&'a self, entry: &'a Entry) -> &'a str {
        match &entry.text {
            Piece::Kept(range) => &self.source[range.clone()],
            Piece::New(text) => text,
        }
    }

    fn joined(&self, head: &str) -> String {
        let entries = || self.order.iter().map(|number| self.text(&self.entries[*number]));
        let size = head.len() + self.tail.len() + entries().map(str::len).sum::<usize>();
        let mut out = String::with_capacity(size);
        out.push_str(head);
        entries().for_each(|text| out.push_str(text));
        out.push_str(&self.tail);
        out
    }

    /// Whether more than one entry was written with anchors: DVC numbers them through the file.
    fn shares_anchors(&self) -> bool {
        self.order.iter().filter(|number| self.entries[**number].anchored).count() > 1
    }

    /// What the file means now.
    fn whole(&self) -> Value {
        let stages: Map =
            self.order.iter().map(|number| &self.entries[*number]).map(|entry| (Key::str(&entry.name), entry.value.clone())).collect();
        let mut root = self.root.as_map().cloned().unwrap_or_default();
        root.insert(Key::str("stages"), Value::map(stages));
        Value::map(root)
    }
}

#[cfg(test)]
mod tests;
