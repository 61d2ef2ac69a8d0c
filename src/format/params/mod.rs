//! Files of parameters: YAML, JSON, TOML and Python, read into the same values.
//!
//! The suffix decides, as with DVC. Also picks the tracked keys out of a file. Does not know
//! which stage asks, and reads through `Files` only.

mod json;
mod search;
mod select;
#[cfg(test)]
mod tests;
mod toml;

pub use json::parse as parse_json;
pub use search::cut;

use select::select;
use std::io;

use super::Files;
use super::pycode;
use super::yaml::{self, YamlError};
use crate::model::{Class, Fault, Key, Map, RepoPath, Value};

/// Why a file of parameters cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ParamsError {
    /// The system refused.
    #[error("cannot read parameters from '{path}'")]
    Io {
        /// The file as it is shown.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is a directory.
    #[error("'{path}' is a directory, expected a parameters file")]
    Directory {
        /// The file as it is shown.
        path: String,
    },
    /// It is not UTF-8.
    #[error("unable to read: '{path}', is not valid utf-8")]
    Encoding {
        /// The file as it is shown.
        path: String,
    },
    /// It is no YAML.
    #[error("unable to read: '{path}', YAML file structure is corrupted")]
    Yaml {
        /// The file as it is shown.
        path: String,
        /// What is wrong.
        #[source]
        source: Box<YamlError>,
    },
    /// It is no JSON, TOML or Python.
    #[error("unable to read: '{path}', {language} file structure is corrupted")]
    Corrupted {
        /// The file as it is shown.
        path: String,
        /// `JSON`, `TOML` or `Python`.
        language: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// All of it is asked for, and it has no keys.
    #[error("'{kind}' object has no attribute 'keys'")]
    NoMap {
        /// The type of the value in Python.
        kind: &'static str,
    },
}

impl ParamsError {
    /// The failure where a file of variables or the like is read.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Io { source, .. } => {
                Fault::new(Class::IOError, self.to_string()).caused_by(Fault::new(Class::IOError, source.to_string()))
            }
            Self::Directory { .. } => Fault::new(Class::ParamsIsADirectoryError, self.to_string()),
            Self::Encoding { .. } => Fault::new(Class::EncodingError, self.to_string()),
            Self::NoMap { .. } => Fault::new(Class::Unexpected, self.to_string()),
            Self::Yaml { path, source } => source.data_fault(path),
            Self::Corrupted { language, reason, .. } => {
                let class = match *language {
                    "JSON" => Class::JSONFileCorruptedError,
                    "TOML" => Class::TOMLFileCorruptedError,
                    _ => Class::PythonFileCorruptedError,
                };
                Fault::new(class, self.to_string()).caused_by(Fault::new(Class::Unexpected, reason.clone()))
            }
        }
    }

    /// The failure where the parameters of a stage are read (dvc: `BadParamFileError`).
    pub fn stage_fault(&self) -> Fault {
        match self {
            Self::Io { .. } | Self::Directory { .. } | Self::NoMap { .. } => self.fault(),
            // A value that Python cannot make is no error of the file to DVC, but an unexpected one.
            Self::Yaml { source, .. } if matches!(**source, YamlError::Value(_)) => self.fault(),
            Self::Encoding { path } | Self::Yaml { path, .. } | Self::Corrupted { path, .. } => {
                Fault::new(Class::BadParamFileError, format!("Unable to read parameters from '{path}'")).caused_by(self.fault())
            }
        }
    }
}

/// What a file holds for each key that was asked for.
pub type Picked = Vec<(Key, Option<Value>)>;

/// The value of each key in a file, in the order of the keys and each once, or all entries where there are no keys; none
/// where there is no such file.
///
/// # Errors
/// Where the file cannot be read or understood, or has no entries though all are asked for.
pub fn read(files: &dyn Files, path: &RepoPath, keys: &[String]) -> Result<Option<Picked>, ParamsError> {
    read_value(files, path, path.as_str())?.map(|value| pick(&value, keys)).transpose()
}

/// The same of a file that was understood before.
///
/// # Errors
/// Where it has no entries though all are asked for.
pub fn pick(value: &Value, keys: &[String]) -> Result<Picked, ParamsError> {
    Ok(match value {
        Value::Map(map) => select(map, keys),
        other if keys.is_empty() => return Err(ParamsError::NoMap { kind: type_name(other) }),
        // Keys find their way into a list by numbers; nothing can be found in anything else.
        Value::Seq(items) => {
            let entries = items.iter().enumerate().map(|(index, item)| (Key::str(&index.to_string()), item.clone()));
            select(&entries.collect(), keys)
        }
        _ => select(&Map::default(), keys),
    })
}

/// The type of a value with its module, as Python names it in errors.
fn type_name(value: &Value) -> &'static str {
    match value.python_type() {
        "date" => "datetime.date",
        "datetime" => "datetime.datetime",
        other => other,
    }
}

/// Reads a whole file of any of the formats; `shown` is its path for sentences.
///
/// # Errors
/// Where the file cannot be read or understood.
pub fn read_value(files: &dyn Files, path: &RepoPath, shown: &str) -> Result<Option<Value>, ParamsError> {
    bytes(files, path, shown)?.map(|bytes| parse(&bytes, shown)).transpose()
}

/// The bytes of a file; none where there is no such file.
///
/// # Errors
/// Where the file cannot be read.
pub fn bytes(files: &dyn Files, path: &RepoPath, shown: &str) -> Result<Option<Vec<u8>>, ParamsError> {
    files.read(path).map_err(|source| match source.kind() {
        io::ErrorKind::IsADirectory => ParamsError::Directory { path: shown.to_owned() },
        _ => ParamsError::Io { path: shown.to_owned(), source },
    })
}

/// Understands the bytes of a file by the suffix of its path.
///
/// # Errors
/// Where they are not of that format.
pub fn parse(bytes: &[u8], shown: &str) -> Result<Value, ParamsError> {
    parse_as(bytes, suffix(shown), shown)
}

/// Understands the bytes of a file as one with this suffix (without the dot).
///
/// # Errors
/// Where they are not of that format.
pub fn parse_as(bytes: &[u8], suffix: &str, shown: &str) -> Result<Value, ParamsError> {
    let corrupted = |language| move |reason| ParamsError::Corrupted { path: shown.to_owned(), language, reason };
    let suffix = suffix.to_lowercase();
    if !matches!(suffix.as_str(), "json" | "toml" | "py") {
        let doc = yaml::parse(bytes).map_err(|source| match source {
            YamlError::Encoding => ParamsError::Encoding { path: shown.to_owned() },
            source => ParamsError::Yaml { path: shown.to_owned(), source: Box::new(source) },
        })?;
        return Ok(doc.or_empty_map());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| ParamsError::Encoding { path: shown.to_owned() })?;
    // Python reads every line end as `\n`.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    match suffix.as_str() {
        "json" => json::parse(&text).map(or_empty_map).map_err(corrupted("JSON")),
        "toml" => toml::parse(&text).map_err(corrupted("TOML")),
        _ => pycode::parse(&text).map(Value::map).map_err(|error| corrupted("Python")(error.shown(shown))),
    }
}

/// Python's `or {}`.
fn or_empty_map(value: Value) -> Value {
    let empty = match &value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Seq(items) => items.is_empty(),
        _ => false,
    };
    if empty { Value::map(Map::default()) } else { value }
}

/// What stands after the last dot of a file's name; nothing for a name like `.json`.
fn suffix(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    let bare = name.trim_start_matches('.');
    bare.rsplit_once('.').map_or("", |(_, suffix)| suffix)
}
