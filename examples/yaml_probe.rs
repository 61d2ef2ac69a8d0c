//! Shows what the YAML reader and emitter do with many documents at once, so that a script can
//! compare them with DVC's own (tests/tools/yaml_fuzz.py).
//!
//! `yaml_probe read`: documents on stdin, separated by NUL; a line of JSON for each.
//! `yaml_probe emit`: such lines on stdin; the documents on stdout, separated by NUL.
//! `yaml_probe lock FILE...`: whether lock files come out as they went in, entry by entry.
//! `yaml_probe runs FILE...`: the same for texts of run-cache entries, each after a line
//! `=== path`, and whether the path is the right one.

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::sync::Arc;

use dvc_paraffin::format::lockfile::{Lock, Place};
use dvc_paraffin::format::yaml::YamlError;
use dvc_paraffin::format::{emit, floats, runcache, yaml};
use dvc_paraffin::model::{Key, Map, Value};
use serde_json::{Value as Json, json};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match std::env::args().nth(1).as_deref() {
        Some("read") => {
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes)?;
            for document in bytes.split(|byte| *byte == 0) {
                writeln!(out, "{}", read(document))?;
            }
        }
        Some("emit") => {
            for line in std::io::stdin().lock().lines() {
                let json: Json = serde_json::from_str(&line?)?;
                let value = from_json(&json, &mut HashMap::new());
                write!(out, "{}\0", emit::document(&value))?;
            }
        }
        Some("lock") => {
            for file in std::env::args().skip(2) {
                writeln!(out, "{} {file}", lock(&std::fs::read(&file)?))?;
            }
        }
        Some("runs") => {
            for file in std::env::args().skip(2) {
                let text = std::fs::read_to_string(&file)?;
                for part in text.split("=== ").skip(1) {
                    let (path, body) = part.split_once('\n').unwrap_or((part, ""));
                    writeln!(out, "{} {file} {path}", run(path, body))?;
                }
            }
        }
        _ => writeln!(out, "usage: yaml_probe read|emit|lock|runs")?,
    }
    out.flush()
}

fn read(document: &[u8]) -> Json {
    match yaml::parse(document) {
        Ok(doc) => to_json(&doc.value),
        Err(error) => {
            let kind = match &error {
                YamlError::Encoding => "encoding",
                YamlError::Character { .. } => "character",
                YamlError::Marked { .. } => "marked",
                YamlError::Value(_) => "value",
                YamlError::Deep(_) => "deep",
                YamlError::Recursive(_) => "recursive",
            };
            let notes: Vec<String> = error.notes().into_iter().map(|note| note.text).collect();
            json!({"error": kind, "notes": notes, "text": error.to_string()})
        }
    }
}

fn lock(bytes: &[u8]) -> String {
    let read = match Lock::parse(bytes, "./dvc.lock") {
        Ok(lock) => lock,
        Err(error) => return format!("refused ({})", error.fault().message),
    };
    let mut anew = Lock::default();
    let mut again = read.clone();
    for name in read.names() {
        let Some(record) = read.record(name) else { return format!("no record {name}") };
        if read.differs(name, &record) {
            return format!("record differs: {name}");
        }
        anew.set(name, &record, Place::End);
        again.set(name, &record, Place::End);
    }
    match (anew.to_bytes() == bytes, again.to_bytes() == bytes) {
        (true, true) => "equal".to_owned(),
        (anew, again) => format!("anew {anew}, again {again}"),
    }
}

fn run(path: &str, body: &str) -> String {
    let record = match runcache::parse(body.as_bytes()) {
        Ok(record) => record,
        Err(error) => return format!("refused: {error}"),
    };
    match runcache::entry(&record) {
        Ok(entry) if format!("{}/{}/{}", &entry.key[..2], entry.key, entry.value) != path => "wrong path".to_owned(),
        Ok(entry) if entry.text != body => "wrong text".to_owned(),
        Ok(_) => "equal".to_owned(),
        Err(error) => error.to_string(),
    }
}

fn to_json(value: &Value) -> Json {
    let pairs = |map: &Map| -> Vec<Json> { map.iter().map(|(key, value)| json!([to_json(&key.0), to_json(value)])).collect() };
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(number) => json!({"i": number.to_string()}),
        Value::BigInt(text) => json!({"i": &**text}),
        Value::Float(number) => json!({"f": floats::repr(*number)}),
        Value::Str(text) => json!(&**text),
        Value::Time(text) => json!({"t": &**text}),
        Value::Bytes(bytes) => json!({"b": bytes.to_vec()}),
        Value::Set(map) => json!({"s": map.keys().map(|key| to_json(&key.0)).collect::<Vec<_>>()}),
        Value::Seq(items) => json!(items.iter().map(to_json).collect::<Vec<_>>()),
        Value::Map(map) => json!({"m": pairs(map)}),
    }
}

/// The value behind such JSON; `{"id": 1, "v": ...}` names a list or map, `{"ref": 1}` is it again.
fn from_json(json: &Json, shared: &mut HashMap<u64, Value>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::String(text) => Value::str(text),
        Json::Array(items) => Value::seq(items.iter().map(|item| from_json(item, shared)).collect()),
        Json::Number(_) => Value::Null,
        Json::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Json::as_str);
            if let Some(text) = text("i") {
                return text.parse().map_or_else(|_| Value::BigInt(Arc::from(text)), Value::Int);
            }
            if let Some(text) = text("f") {
                return Value::Float(text.parse().unwrap_or(f64::NAN));
            }
            if let Some(text) = text("t") {
                return Value::Time(Arc::from(text));
            }
            if let Some(id) = object.get("ref").and_then(Json::as_u64) {
                return shared.get(&id).cloned().unwrap_or(Value::Null);
            }
            if let (Some(id), Some(inner)) = (object.get("id").and_then(Json::as_u64), object.get("v")) {
                let value = from_json(inner, shared);
                shared.insert(id, value.clone());
                return value;
            }
            let items = |name: &str| object.get(name).and_then(Json::as_array).cloned().unwrap_or_default();
            if object.contains_key("b") {
                let bytes: Vec<u8> = items("b").iter().filter_map(Json::as_u64).filter_map(|byte| u8::try_from(byte).ok()).collect();
                return Value::Bytes(bytes.into());
            }
            if object.contains_key("s") {
                return Value::Set(Arc::new(items("s").iter().map(|key| (Key(from_json(key, shared)), Value::Null)).collect()));
            }
            let pair = |pair: &Json, shared: &mut HashMap<u64, Value>| (Key(from_json(&pair[0], shared)), from_json(&pair[1], shared));
            Value::map(items("m").iter().map(|item| pair(item, shared)).collect())
        }
    }
}
