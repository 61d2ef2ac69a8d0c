//! Cuts the tracked keys out of a file of parameters, nested as they stand in it: that is what
//! DVC compares and shows (dvc: `read_param_file` without `flatten`; dpath `search`, `merge`).
//!
//! Other than with [`super::pick`] a key that matches several times gives all of it, and one that
//! matches nothing gives nothing.

use std::collections::HashSet;

use crate::format::fnmatch;
use crate::model::{Key, Map, Value};

/// The parts of a file that these keys lead to; a key that stands twice counts once. Lists that are
/// met twice are joined, and a list in which an item was chosen has nulls before it, as with DVC.
pub fn cut(value: &Value, keys: &[String]) -> Map {
    let mut merged = Value::map(Map::default());
    let mut seen = HashSet::new();
    // Of a large pipeline many stages ask for the same.
    for key in keys.iter().filter(|key| !key.is_empty() && seen.insert(key.as_str())) {
        let glob: Vec<&str> = key.trim_start_matches('.').split('.').collect();
        if let Some(found) = part(value, &mut Vec::new(), &glob) {
            merged = merge(&merged, &found);
        }
    }
    merged.as_map().cloned().unwrap_or_default()
}

/// What a path must be equal to: a text, or a place in a list with its length.
enum Segment {
    Text(String),
    Index(usize, usize),
}

/// A value without what the pattern does not match; none if nothing is left.
fn part(value: &Value, path: &mut Vec<Segment>, glob: &[&str]) -> Option<Value> {
    if !path.is_empty() && matches(path, glob) {
        return Some(value.clone());
    }
    if path.len() >= glob.len() && !glob.contains(&"**") {
        return None;
    }
    let mut below = |segment: Segment, value: &Value| {
        path.push(segment);
        let found = part(value, path, glob);
        path.pop();
        found
    };
    match value {
        Value::Map(map) => {
            let text = |key: &Key| Segment::Text(crate::format::template::python_str(&key.0));
            let found: Map = map.iter().filter_map(|(key, value)| Some((key.clone(), below(text(key), value)?))).collect();
            (!found.is_empty()).then(|| Value::map(found))
        }
        Value::Seq(items) => {
            let mut found = Vec::new();
            for (index, item) in items.iter().enumerate() {
                if let Some(item) = below(Segment::Index(index, items.len()), item) {
                    found.resize(index, Value::Null);
                    found.push(item);
                }
            }
            (!found.is_empty()).then(|| Value::seq(found))
        }
        _ => None,
    }
}

/// Whether a path is the one that a pattern means; `**` stands for any number of segments.
fn matches(path: &[Segment], glob: &[&str]) -> bool {
    let same = |(segment, glob): (&Segment, &&str)| match segment {
        Segment::Text(text) => fnmatch::matches(glob, text),
        Segment::Index(index, length) => match glob.trim().parse::<i64>() {
            Ok(number) => {
                let length = i64::try_from(*length).unwrap_or(i64::MAX);
                usize::try_from(if number < 0 { number + length } else { number }) == Ok(*index)
            }
            Err(_) => fnmatch::matches(glob, &index.to_string()),
        },
    };
    match glob.iter().position(|part| *part == "**") {
        None => path.len() == glob.len() && path.iter().zip(glob).all(same),
        Some(star) => {
            let (before, after) = (&glob[..star], &glob[star + 1..]);
            path.len() >= before.len() + after.len()
                && path.iter().zip(before).all(same)
                && path.iter().rev().zip(after.iter().rev()).all(same)
        }
    }
}

/// Maps are joined key by key, lists one after the other; else the second counts.
fn merge(one: &Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Map(one), Value::Map(other)) => {
            let mut map = Map::clone(one);
            for (key, value) in other.iter() {
                let merged = map.get(key).map_or_else(|| value.clone(), |known| merge(known, value));
                map.insert(key.clone(), merged);
            }
            Value::map(map)
        }
        (Value::Seq(one), Value::Seq(other)) => Value::seq(one.iter().chain(other.iter()).cloned().collect()),
        _ => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::template::python_repr;

    /// The answers are those of DVC 3.67.1.
    #[test]
    fn keys_are_cut_out_as_dvc_does() {
        let source = "l: [5, 6, 7]\nm: {a: [{b: 1, c: 2}, {b: 3}], x.y: 2, e: {}}\nlr: 0.1\nn: null\nlrs: {k: 3}\n";
        let value = crate::format::yaml::parse(source.as_bytes()).unwrap().value;
        for (keys, want) in [
            (&["l.1"][..], "{'l': [None, 6]}"),
            (&["l.0", "l.2"], "{'l': [5, None, None, 7]}"),
            (&["m.a.0.b"], "{'m': {'a': [{'b': 1}]}}"),
            (&["m.a.1"], "{'m': {'a': [None, {'b': 3}]}}"),
            (&["m.a.*.b"], "{'m': {'a': [{'b': 1}, {'b': 3}]}}"),
            (&["m.x.y"], "{}"),
            (&["lr", "lr.x"], "{'lr': 0.1}"),
            (&["n"], "{'n': None}"),
            (&["l*"], "{'l': [5, 6, 7], 'lr': 0.1, 'lrs': {'k': 3}}"),
            (&["**.b"], "{'m': {'a': [{'b': 1}, {'b': 3}]}}"),
            (&["m", "m.a.0.b"], "{'m': {'a': [{'b': 1, 'c': 2}, {'b': 3}, {'b': 1}], 'x.y': 2, 'e': {}}}"),
            (&["l", "l"], "{'l': [5, 6, 7]}"),
            (&["l.-1"], "{'l': [None, None, 7]}"),
            (&["nope", "l.5", ""], "{}"),
        ] {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            assert_eq!(python_repr(&Value::map(cut(&value, &keys))), want, "{keys:?}");
        }
    }
}
