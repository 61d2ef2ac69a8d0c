//! Walks through a YAML document and knows at each step where it is, so that a mistake can be
//! told with its line and with the right word.

use indexmap::IndexMap;
use serde_yaml::Value;

use crate::format::suggest;
use crate::format::yaml::{Doc, Step};

use super::Error;

/// The file: its name, and where its parts stand.
pub(super) struct Source<'a> {
    /// Its name, for errors.
    pub file: &'a str,
    /// Where its parts stand; none if only the library can read it.
    pub doc: Option<Doc>,
}

/// One value of the document.
#[derive(Clone)]
pub(super) struct At<'a> {
    source: &'a Source<'a>,
    path: Vec<Step>,
    value: &'a Value,
}

impl<'a> At<'a> {
    /// The whole document.
    pub fn root(source: &'a Source<'a>, value: &'a Value) -> Self {
        Self { source, path: Vec::new(), value }
    }

    /// The value itself.
    pub fn value(&self) -> &'a Value {
        self.value
    }

    /// The line of its key, from 1.
    pub fn line(&self) -> Option<usize> {
        let doc = self.source.doc.as_ref()?;
        let mark = if self.path.is_empty() { doc.places.value(&doc.value, &[]) } else { doc.places.key(&doc.value, &self.path) };
        Some(mark?.line)
    }

    /// A mistake in this value.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error { file: self.source.file.to_owned(), line: self.line(), place: self.place(), message: message.into() }
    }

    /// What stands at the end of this way, whatever it is: for errors.
    pub fn below(&self, keys: &[&str]) -> Self {
        Self { path: keys.iter().map(|key| Step::from(*key)).collect(), ..self.clone() }
    }

    /// As people write it: `stages.train@*.retries`.
    fn place(&self) -> String {
        let word = |step: &Step| match step {
            Step::Key(key) => key.as_str().map_or_else(|| "?".to_owned(), str::to_owned),
            Step::Index(index) => index.to_string(),
        };
        self.path.iter().map(word).collect::<Vec<_>>().join(".")
    }

    fn step(&self, step: Step, value: &'a Value) -> Self {
        let mut path = self.path.clone();
        path.push(step);
        Self { source: self.source, path, value }
    }

    /// The entries of a map, which may be empty (null).
    pub fn entries(&self, wanted: &str) -> Result<Vec<(&'a str, Self)>, Error> {
        let map = match self.value {
            Value::Null => return Ok(Vec::new()),
            Value::Mapping(map) => map,
            _ => return Err(self.error(format!("must be {wanted}"))),
        };
        let mut entries = Vec::new();
        for (key, value) in map {
            // A pattern may look like a number; any other key is a mistake.
            let Some(key) = key.as_str() else { return Err(self.error("keys must be texts (put them into quotes)")) };
            entries.push((key, self.step(Step::from(key), value)));
        }
        Ok(entries)
    }

    /// The same where only these keys are allowed.
    pub fn known(&self, wanted: &str, keys: &[&str]) -> Result<Vec<(&'a str, Self)>, Error> {
        let entries = self.entries(wanted)?;
        for (key, at) in &entries {
            if !keys.contains(key) {
                let message = unknown("key", key, keys.iter().copied());
                // The place is that of the map; the key is in the message.
                return Err(Error { place: self.place(), ..at.error(format!("{message} (known: {})", keys.join(", "))) });
            }
        }
        Ok(entries)
    }

    /// The items of a list; a single value counts as a list of one.
    pub fn items(&self) -> Vec<Self> {
        match self.value {
            Value::Sequence(items) => items.iter().enumerate().map(|(index, item)| self.step(Step::from(index), item)).collect(),
            Value::Null => Vec::new(),
            _ => vec![self.clone()],
        }
    }

    /// A text, or a number or boolean as the file spells it.
    pub fn text(&self) -> Result<String, Error> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => Err(self.error("must be a text")),
        }
    }

    /// A value that `read` understands.
    pub fn read<T>(&self, wanted: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, Error> {
        let text = match self.value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        text.and_then(|text| read(&text)).ok_or_else(|| self.error(format!("must be {wanted}")))
    }

    /// A whole number from `least` on.
    pub fn whole<T: TryFrom<u64>>(&self, least: u64) -> Result<T, Error> {
        let number = self.value.as_u64().filter(|number| *number >= least).and_then(|number| T::try_from(number).ok());
        number.ok_or_else(|| self.error(format!("must be a whole number from {least} on")))
    }

    /// Named quantities.
    pub fn amounts(&self, read: impl Fn(&str) -> Option<u64>) -> Result<IndexMap<String, u64>, Error> {
        let entries = self.entries("a map of names to amounts (like 3 or 16G)")?;
        entries.into_iter().map(|(name, at)| Ok((name.to_owned(), at.read("an amount (like 3 or 16G)", &read)?))).collect()
    }
}

/// The message for a name that nobody knows, with the one that may be meant.
pub(super) fn unknown<'k>(what: &str, name: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    match suggest::did_you_mean(name, known) {
        Some(question) => format!("unknown {what} '{name}'. {question}"),
        None => format!("unknown {what} '{name}'"),
    }
}
