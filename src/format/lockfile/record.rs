//! An entry of dvc.lock and the value that stands for it, both ways.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::format::{floats, listed, pyjson};
use crate::model::{Algo, Cmd, Digest, Key, Map, Meta, Record, RecordedPath, Value};

/// The params file that comes first (dvc: `DEFAULT_PARAMS_FILE`).
const DEFAULT_PARAMS: &str = "params.yaml";

/// The entry in the order in which DVC writes it (dvc: `stage/serialize.py`
/// `to_single_stage_lockfile`).
pub fn to_value(record: &Record) -> Value {
    let mut entry = Map::default();
    entry.insert(Key::str("cmd"), cmd_value(record.cmd.as_ref()));
    if !record.deps.is_empty() {
        entry.insert(Key::str("deps"), paths(&record.deps));
    }
    if !record.params.is_empty() {
        entry.insert(Key::str("params"), params(&record.params));
    }
    if !record.outs.is_empty() {
        entry.insert(Key::str("outs"), paths(&record.outs));
    }
    Value::map(entry)
}

fn cmd_value(cmd: Option<&Cmd>) -> Value {
    match cmd {
        None => Value::Null,
        Some(Cmd::One(text)) => Value::str(text),
        Some(Cmd::Many(texts)) => Value::seq(texts.iter().map(|text| Value::str(text)).collect()),
    }
}

fn paths(items: &[RecordedPath]) -> Value {
    let mut sorted: Vec<&RecordedPath> = items.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    Value::seq(sorted.into_iter().map(path_value).collect())
}

fn path_value(item: &RecordedPath) -> Value {
    let mut map = Map::default();
    let mut put = |key: &str, value: Value| map.insert(Key::str(key), value);
    put("path", Value::str(&item.path));
    if item.digest.as_ref().is_none_or(|digest| digest.algo != Algo::Md5Dos2Unix) {
        put("hash", Value::str("md5"));
    }
    if let Some(digest) = &item.digest {
        let key = match &digest.algo {
            Algo::Md5 | Algo::Md5Dos2Unix => "md5",
            Algo::Other(name) => name,
        };
        put(key, Value::str(&digest.value));
    }
    if let Some(size) = item.meta.size {
        put("size", number(size));
    }
    if let Some(nfiles) = item.meta.nfiles {
        put("nfiles", number(nfiles));
    }
    if item.meta.isexec {
        put("isexec", Value::Bool(true));
    }
    Value::map(map)
}

fn number(number: u64) -> Value {
    i64::try_from(number).map_or_else(|_| Value::BigInt(Arc::from(number.to_string())), Value::Int)
}

fn params(files: &IndexMap<String, Map>) -> Value {
    let mut sorted: Vec<(&String, &Map)> = files.iter().collect();
    sorted.sort_by_key(|(path, _)| (*path != DEFAULT_PARAMS, *path));
    let file = |(path, keys): (&String, &Map)| {
        let mut keys: Vec<(&Key, &Value)> = keys.iter().collect();
        // Where keys cannot be compared DVC fails; here they stay as they are.
        let _ = pyjson::sort(&mut keys);
        (Key::str(path), Value::map(keys.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()))
    };
    Value::map(sorted.into_iter().map(file).collect())
}

/// The record behind an entry that fits the schema.
pub fn from_value(entry: &Value) -> Record {
    let cmd = match entry.get("cmd") {
        Some(Value::Seq(items)) => Some(Cmd::Many(items.iter().map(text).collect())),
        None | Some(Value::Null) => None,
        Some(other) => Some(Cmd::One(text(other))),
    };
    let items = |key: &str| -> Vec<RecordedPath> { entry.get(key).and_then(Value::as_seq).unwrap_or(&[]).iter().map(recorded).collect() };
    let params = entry.get("params").and_then(Value::as_map).map(|files| {
        let file = |(path, keys): (&Key, &Value)| Some((path.as_str()?.to_owned(), keys.as_map()?.clone()));
        files.iter().filter_map(file).collect()
    });
    Record { cmd, deps: items("deps"), params: params.unwrap_or_default(), outs: items("outs") }
}

fn recorded(item: &Value) -> RecordedPath {
    let hash = |key: &str| item.get(key).filter(|value| !value.is_null()).map(text).filter(|text| !text.is_empty());
    let legacy = item.get("hash").is_none();
    let digest = hash("md5").map(|value| Digest { algo: if legacy { Algo::Md5Dos2Unix } else { Algo::Md5 }, value }).or_else(|| {
        ["etag", "checksum"].iter().find_map(|name| Some(Digest { algo: Algo::Other((*name).to_owned()), value: hash(name)? }))
    });
    let count = |key: &str| match item.get(key) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        Some(Value::BigInt(text)) => text.parse().ok(),
        _ => None,
    };
    let path = item.get("path").map(text).unwrap_or_default();
    if let Some((listed, digest, meta)) = listed::read(item.get("files"), if legacy { Algo::Md5Dos2Unix } else { Algo::Md5 }) {
        return RecordedPath { path, digest: Some(digest), meta, listed: Some(listed) };
    }
    let meta = Meta { size: count("size"), nfiles: count("nfiles"), isexec: item.get("isexec").and_then(Value::as_bool).unwrap_or(false) };
    RecordedPath { path, digest, meta, listed: None }
}

/// A scalar as Python's `str` gives it (a hash of digits only was once read as a number).
fn text(value: &Value) -> String {
    match value {
        Value::Str(text) | Value::BigInt(text) | Value::Time(text) => text.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => floats::repr(*number),
        Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        _ => String::new(),
    }
}
