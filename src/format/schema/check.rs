//! A small engine with the rules of voluptuous: which error it reports where several
//! alternatives fail, in which order, and with which path.

use crate::format::template::python_str;
use crate::model::{Key, Value};

/// One step of the path to an error.
#[derive(Clone, PartialEq, Debug)]
pub enum Part {
    /// Into a map.
    Key(Key),
    /// Into a list.
    Index(usize),
    /// A key that is required and may be any text.
    AnyText,
}

impl Part {
    /// The step as DVC prints it.
    pub fn shown(&self) -> String {
        match self {
            Self::Key(key) => python_str(&key.0),
            Self::Index(index) => index.to_string(),
            Self::AnyText => "<class 'str'>".to_owned(),
        }
    }
}

/// One thing that does not fit.
#[derive(Clone, PartialEq, Debug)]
pub struct Invalid {
    /// What was expected.
    pub message: String,
    /// Where.
    pub path: Vec<Part>,
}

/// What a value may be.
pub(super) enum Schema {
    /// Anything.
    Anything,
    /// Text.
    Text,
    /// A truth value.
    Bool,
    /// An integer (Python counts truth values among them).
    Int,
    /// Any list.
    AnyList,
    /// Any map.
    AnyMap,
    /// Null.
    Null,
    /// A checksum: null, empty, or at least three characters.
    Checksum,
    /// Exactly this text, with the message otherwise.
    Exactly(&'static str, &'static str),
    /// The first of these that fits.
    Any(Vec<Schema>),
    /// A list of items that fit one of these; the last one's error counts.
    List(Vec<Schema>),
    /// A map.
    Map(MapSchema),
    /// A map with at most one entry.
    OneEntry(MapSchema),
    /// The second if the value is a map with one of the keys, else the first.
    Either(Box<Schema>, Box<Schema>, &'static [&'static str]),
}

/// What a map may hold.
#[derive(Default)]
pub(super) struct MapSchema {
    /// Known keys.
    pub known: Vec<(&'static str, Schema)>,
    /// Those that must be there.
    pub required: Vec<&'static str>,
    /// What other text keys hold; none where there may be no other keys.
    pub others: Option<Box<Schema>>,
    /// Whether there must be an entry under any text.
    pub needs_other: bool,
}

/// What voluptuous raises: one error, or several at once. Which of the two decides how an
/// enclosing list or alternative goes on.
pub(super) type Raised = Vec<Invalid>;

fn one(message: &str, path: &[Part]) -> Result<(), Raised> {
    Err(vec![Invalid { message: message.to_owned(), path: path.to_vec() }])
}

fn depth(raised: &Raised) -> usize {
    raised.first().map_or(0, |error| error.path.len())
}

impl Schema {
    /// Checks a value at a path.
    pub fn check(&self, path: &mut Vec<Part>, value: &Value) -> Result<(), Raised> {
        let fits = match self {
            Self::Anything => true,
            Self::Text => matches!(value, Value::Str(_)),
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Int => matches!(value, Value::Int(_) | Value::BigInt(_) | Value::Bool(_)),
            Self::AnyList => matches!(value, Value::Seq(_)),
            Self::AnyMap => matches!(value, Value::Map(_)),
            Self::Null => value.is_null(),
            Self::Checksum => is_checksum(value),
            Self::Exactly(text, _) => value.as_str() == Some(text),
            Self::Any(schemas) => return any(schemas, path, value),
            Self::List(schemas) => return list(schemas, path, value),
            Self::Map(schema) => return schema.check(path, value),
            Self::OneEntry(schema) => {
                schema.check(path, value)?;
                value.as_map().is_none_or(|map| map.len() <= 1)
            }
            Self::Either(primary, fallback, keys) => {
                let with = value.as_map().is_some_and(|map| keys.iter().any(|key| map.contains_key(*key)));
                return if with { fallback.check(path, value) } else { primary.check(path, value) };
            }
        };
        if fits { Ok(()) } else { one(self.expected(), path) }
    }

    fn expected(&self) -> &'static str {
        match self {
            Self::Text => "expected str",
            Self::Bool => "expected bool",
            Self::Int => "expected int",
            Self::AnyList => "expected list",
            Self::AnyMap => "expected dict",
            Self::Exactly(_, message) => message,
            Self::OneEntry(_) => "length of value must be at most 1",
            _ => "not a valid value",
        }
    }
}

fn is_checksum(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Str(text) => text.is_empty() || text.chars().count() >= 3,
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => python_str(value).len() >= 3,
        _ => false,
    }
}

/// The error that is deepest, of equal ones the first.
fn any(schemas: &[Schema], path: &mut Vec<Part>, value: &Value) -> Result<(), Raised> {
    let mut worst: Option<Raised> = None;
    for schema in schemas {
        match schema.check(path, value) {
            Ok(()) => return Ok(()),
            Err(raised) => {
                if worst.as_ref().is_none_or(|worst| depth(&raised) > depth(worst)) {
                    worst = Some(raised);
                }
            }
        }
    }
    worst.map_or(Ok(()), Err)
}

/// An error inside of an item ends the check of the list; one at the item itself does not.
fn list(schemas: &[Schema], path: &mut Vec<Part>, value: &Value) -> Result<(), Raised> {
    let Value::Seq(items) = value else { return one("expected a list", path) };
    let mut errors = Vec::new();
    for (index, item) in items.iter().enumerate() {
        path.push(Part::Index(index));
        let mut wrong = None;
        for schema in schemas {
            match schema.check(path, item) {
                Ok(()) => {
                    wrong = None;
                    break;
                }
                Err(raised) if depth(&raised) > path.len() => {
                    path.pop();
                    return Err(raised);
                }
                Err(raised) => wrong = raised.into_iter().next(),
            }
        }
        path.pop();
        errors.extend(wrong);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

impl MapSchema {
    fn check(&self, path: &mut Vec<Part>, value: &Value) -> Result<(), Raised> {
        let Value::Map(map) = value else { return one("expected a dictionary", path) };
        let mut errors = Vec::new();
        let mut other = false;
        for (key, value) in map.iter() {
            path.push(Part::Key(key.clone()));
            let known = self.known.iter().find(|(name, _)| key.as_str() == Some(name));
            let schema = known.map(|(_, schema)| schema).or(self.others.as_deref());
            let checked = match (schema, key.as_str()) {
                (Some(schema), Some(_)) => {
                    other |= known.is_none();
                    schema.check(path, value)
                }
                (Some(_), None) => one("expected str", path),
                (None, _) => one("extra keys not allowed", path),
            };
            path.pop();
            errors.extend(checked.err().into_iter().flatten());
        }
        for name in &self.required {
            if !map.contains_key(*name) {
                path.push(Part::Key(Key::str(name)));
                errors.extend(one("required key not provided", path).err().into_iter().flatten());
                path.pop();
            }
        }
        if self.needs_other && !other {
            path.push(Part::AnyText);
            errors.extend(one("required key not provided", path).err().into_iter().flatten());
            path.pop();
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }
}
