//! The run-cache's entries: under which name a run is kept, and what it says.
//!
//! The name is a hash over the stage's entry without `size` and `nfiles`, wherever those
//! words stand, so a parameter called `size` does not count in it. DVC then restores the
//! outputs of another size; [`same_inputs`] is how we do not.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::format::emit;
use crate::format::lockfile;
use crate::format::pyjson::{self, JsonError};
use crate::format::schema;
use crate::format::yaml::{self, YamlError};
use crate::model::{Class, Fault, Key, Map, Record, Value};

/// Why a file of the run-cache is no entry.
#[derive(Debug, Error)]
pub enum RunCacheError {
    /// No YAML.
    #[error("no valid YAML")]
    Syntax(#[source] YamlError),
    /// YAML that is no entry.
    #[error("no entry of a stage: {0}")]
    Schema(String),
}

impl RunCacheError {
    /// As a failure.
    pub fn fault(&self) -> Fault {
        Fault::new(Class::YAMLFileCorruptedError, self.to_string())
    }
}

/// One entry as it is kept: `runs/<first two of key>/<key>/<value>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunEntry {
    /// The hash over command, deps, params and the paths of the outs.
    pub key: String,
    /// The hash over all.
    pub value: String,
    /// The file's text.
    pub text: String,
}

/// The entry for a run that has ended.
///
/// # Errors
/// Where a parameter cannot be written as JSON (a date, a set).
pub fn entry(record: &Record) -> Result<RunEntry, JsonError> {
    let whole = lockfile::to_value(record);
    Ok(RunEntry { key: key(record)?, value: sha256(&whole)?, text: emit::document(&whole) })
}

/// The hash under which runs with the same inputs are kept; of the outs only the paths count
/// (dvc: `stage/cache.py` `_get_cache_hash`).
///
/// # Errors
/// As [`entry`].
pub fn key(record: &Record) -> Result<String, JsonError> {
    let mut map = lockfile::to_value(record).as_map().cloned().unwrap_or_default();
    let mut outs: Vec<&str> = record.outs.iter().map(|out| out.path.as_str()).collect();
    outs.sort_unstable();
    map.insert(Key::str("outs"), Value::seq(outs.into_iter().map(Value::str).collect()));
    sha256(&Value::map(map))
}

/// What a file of the run-cache says.
///
/// # Errors
/// Where DVC would call the file corrupted.
pub fn parse(bytes: &[u8]) -> Result<Record, RunCacheError> {
    let value = yaml::parse(bytes).map_err(RunCacheError::Syntax)?.or_empty_map();
    match schema::check_entry(&value) {
        Err(errors) => Err(RunCacheError::Schema(errors.first().map(|error| error.message.clone()).unwrap_or_default())),
        Ok(()) => Ok(lockfile::from_value(&value)),
    }
}

/// Whether two runs had the same command, deps and params, all of them.
pub fn same_inputs(a: &Record, b: &Record) -> bool {
    let inputs = |record: &Record| {
        let mut bare = Record { outs: Vec::new(), ..record.clone() };
        for dep in &mut bare.deps {
            dep.meta = crate::model::Meta { isexec: dep.meta.isexec, ..Default::default() };
        }
        pyjson::dumps(&lockfile::to_value(&bare), true)
    };
    matches!((inputs(a), inputs(b)), (Ok(a), Ok(b)) if a == b)
}

fn sha256(value: &Value) -> Result<String, JsonError> {
    let text = pyjson::dumps(&without_sizes(value), true)?;
    Ok(Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Drops `size` and `nfiles` from all maps, also from those of params (dvc: `dict_filter`).
fn without_sizes(value: &Value) -> Value {
    match value {
        Value::Seq(items) => Value::seq(items.iter().map(without_sizes).collect()),
        Value::Map(map) => {
            let kept = map.iter().filter(|(key, _)| !matches!(key.as_str(), Some("size" | "nfiles")));
            Value::map(kept.map(|(key, value)| (key.clone(), without_sizes(value))).collect::<Map>())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cmd: cp in.txt o.txt\ndeps:\n- path: in.txt\n  hash: md5\n  md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\nparams:\n  params.yaml:\n    lr: 0.1\n    size: 3\nouts:\n- path: o.txt\n  hash: md5\n  md5: b026324c6904b2a9cb4b88d6d61c81d1\n  size: 2\n";

    #[test]
    fn an_entry_is_what_was_read() {
        let record = parse(TEXT.as_bytes()).unwrap();
        let entry = entry(&record).unwrap();
        assert_eq!(entry.text, TEXT);
        assert_eq!(entry.key, key(&record).unwrap());
        assert_ne!(entry.key, entry.value);
    }

    #[test]
    fn a_parameter_called_size_counts_for_us() {
        let one = parse(TEXT.as_bytes()).unwrap();
        let two = parse(TEXT.replace("size: 3", "size: 4").as_bytes()).unwrap();
        assert_eq!(key(&one), key(&two));
        assert!(!same_inputs(&one, &two));
        let other_size_of_dep = parse(TEXT.replace("size: 2", "size: 5").as_bytes()).unwrap();
        assert!(same_inputs(&one, &other_size_of_dep));
    }

    #[test]
    fn damage_is_seen() {
        assert!(parse(b"").is_err());
        assert!(parse(b"cmd: [").is_err());
        assert!(parse(b"cmd: x\nouts: 1\n").is_err());
        let dated = parse(b"cmd: x\nparams:\n  p.yaml:\n    d: 2020-01-02\n").unwrap();
        assert_eq!(entry(&dated).unwrap_err().to_string(), "Object of type date is not JSON serializable");
    }
}
