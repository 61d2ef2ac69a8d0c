//! Makes the values of a file of parameters or metrics flat, as DVC does before it compares them.
//!
//! Keys are joined with dots, a list becomes the text that Python prints, empty maps vanish (dvc:
//! `utils/diff.py`, `utils/flatten.py`). Of metrics only numbers, texts and maps of them count
//! (`repo/metrics/show.py` `_extract_metrics`).

use std::collections::BTreeMap;

use super::params::parse_json;
use super::template::{python_repr, python_str};
use crate::model::values::{Content, Leaf};
use crate::model::{Key, Map, Value};

/// The parameters of a file.
pub fn params(value: &Value) -> Content {
    match value {
        Value::Map(map) => Content::Keys(keys(map)),
        other => alone(other),
    }
}

/// The metrics of a file.
pub fn metrics(value: &Value) -> Content {
    extracted(value).map_or_else(|| Content::Keys(BTreeMap::default()), |value| params(&value))
}

/// One value among others: a list becomes text.
pub fn leaf(value: &Value) -> Leaf {
    Leaf(match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Str(_) => value.clone(),
        other => Value::str(&python_str(other)),
    })
}

/// What DVC takes for metrics; none where there is nothing of that kind.
fn extracted(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) | Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Str(_) => Some(value.clone()),
        Value::Map(map) => {
            let map: Map = map.iter().filter_map(|(key, value)| Some((key.clone(), extracted(value)?))).collect();
            (!map.is_empty()).then(|| Value::map(map))
        }
        _ => None,
    }
}

/// A value without a key. DVC reads texts of this sort as JSON if they are such.
fn alone(value: &Value) -> Content {
    let text = match value {
        Value::Seq(_) => python_repr(value),
        Value::Str(text) => text.to_string(),
        other => return empty_or(other),
    };
    match parse_json(&text) {
        Ok(Value::Map(map)) => Content::Keys(keys(&map)),
        Ok(Value::Seq(items)) if !items.is_empty() => Content::Single(Leaf(Value::seq(items.iter().map(|item| leaf(item).0).collect()))),
        Ok(other) => empty_or(&other),
        Err(_) => empty_or(&Value::str(&text)),
    }
}

/// Python's `or {}`.
fn empty_or(value: &Value) -> Content {
    let empty = match value {
        Value::Null | Value::Bool(false) | Value::Int(0) => true,
        Value::Float(number) => *number == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Seq(items) => items.is_empty(),
        _ => false,
    };
    if empty { Content::Keys(BTreeMap::default()) } else { Content::Single(leaf(value)) }
}

/// The entries of a map and of the maps in it.
fn keys(map: &Map) -> BTreeMap<String, Leaf> {
    let mut flat = BTreeMap::default();
    for (key, value) in map {
        gather(&top_key(key), value, &mut flat);
    }
    flat
}

fn gather(name: &str, value: &Value, flat: &mut BTreeMap<String, Leaf>) {
    match value {
        Value::Map(map) => map.iter().for_each(|(key, value)| gather(&format!("{name}.{}", python_str(&key.0)), value, flat)),
        // Two ways to the same name (`a.b` beside `b` in `a`) make DVC fail; the first one counts.
        other => {
            flat.entry(name.to_owned()).or_insert_with(|| leaf(other));
        }
    }
}

/// A key without others before it is left as it is, and becomes text only as a key of JSON.
fn top_key(key: &Key) -> String {
    match &key.0 {
        Value::Bool(true) => "true".to_owned(),
        Value::Bool(false) => "false".to_owned(),
        Value::Null => "null".to_owned(),
        other => python_str(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(make: fn(&Value) -> Content, source: &str) -> String {
        let show = |leaf: &Leaf| python_repr(&leaf.0);
        match make(&crate::format::yaml::parse(source.as_bytes()).unwrap().or_empty_map()) {
            Content::Keys(keys) => {
                let shown: Vec<String> = keys.iter().map(|(key, leaf)| format!("{key}={}", show(leaf))).collect();
                shown.join(" ")
            }
            Content::Single(leaf) => format!("single {}", show(&leaf)),
        }
    }

    #[test]
    fn maps_become_flat() {
        for (source, want) in [
            ("a: {b: 1, c: {d: x}}\ne: [1, {f: 2}]\n", "a.b=1 a.c.d='x' e=\"[1, {'f': 2}]\""),
            ("a: {}\nb: null\nc: []\n", "b=None c='[]'"),
            ("7: {2: x}\ntrue: {false: y}\nt: 2020-01-02\n", "7.2='x' t='2020-01-02' true.False='y'"),
            ("a: {b: 1}\na.b: 2\n", "a.b=1"),
            ("[1, 2]", "single [1, 2]"),
            ("[a, b]", "single \"['a', 'b']\""),
            ("'{\"a\": 1}'", "a=1"),
            ("", ""),
        ] {
            assert_eq!(flat(params, source), want, "{source}");
        }
    }

    #[test]
    fn of_metrics_numbers_and_texts_count() {
        for (source, want) in [
            ("a: 1\nb: [1]\nc: null\nd: {e: null}\nf: {g: .nan}\nh: true\ni: x\nt: 2020-01-02\n", "a=1 f.g=nan h=True i='x'"),
            ("0.5", "single 0.5"),
            ("0", ""),
            ("'0.25'", "single 0.25"),
            ("text", "single 'text'"),
            ("[1, 2]", ""),
        ] {
            assert_eq!(flat(metrics, source), want, "{source}");
        }
    }
}
