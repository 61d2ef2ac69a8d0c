//! The `md5` of a `.dvc` file: a hash over what it says, by which DVC notices that someone edited it.
//!
//! Only imports have one (dvc: `stage/utils.py` `compute_md5`). It is made over what DVC would write,
//! so keys that say what is so anyway do not count, nor do those that are free to change.

use md5::{Digest as _, Md5};

use crate::format::pyjson;
use crate::model::{Key, Map, Value};

/// Keys that do not count, wherever they stand.
const FREE: [&str; 11] = ["desc", "type", "labels", "meta", "locked", "frozen", "metric", "persist", "isexec", "size", "nfiles"];

/// The hash; none for what is no import. A source `outside` of the repository always has a `hash`
/// when DVC 3 writes it, so what DVC 2 wrote of one counts as edited.
pub fn stamp(document: &Value, outside: bool) -> Option<String> {
    let count = |key: &str| document.get(key).and_then(Value::as_seq).map_or(0, <[Value]>::len);
    if count("deps") != 1 || count("outs") != 1 {
        return None;
    }
    let counts = |key: &Key, value: &Value| match key.as_str() {
        Some("md5") => false,
        Some("wdir") => value.as_str().is_some_and(|wdir| !wdir.is_empty() && wdir != "."),
        Some("always_changed") => value.as_bool() == Some(true),
        _ => true,
    };
    let map: Map =
        document.as_map()?.iter().filter(|(key, value)| counts(key, value)).map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut map = map;
    if let Some(dep) = document.get("deps").and_then(Value::as_seq).and_then(<[_]>::first).and_then(Value::as_map).filter(|_| outside) {
        let mut dep = dep.clone();
        dep.entry(Key::str("hash")).or_insert_with(|| Value::str("md5"));
        map.insert(Key::str("deps"), Value::seq(vec![Value::map(dep)]));
    }
    let text = pyjson::dumps(&bound(&Value::map(map)), true).ok()?;
    Some(Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A value without keys that do not count.
fn bound(value: &Value) -> Value {
    match value {
        Value::Seq(items) => Value::seq(items.iter().map(bound).collect()),
        Value::Map(map) => {
            let counts = |key: &Key, value: &Value| match key.as_str() {
                Some("cache" | "push") => value.as_bool() != Some(true),
                Some(key) => !FREE.contains(&key),
                None => true,
            };
            Value::map(map.iter().filter(|(key, value)| counts(key, value)).map(|(key, value)| (key.clone(), bound(value))).collect())
        }
        other => other.clone(),
    }
}
