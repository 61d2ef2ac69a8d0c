//! Picks tracked parameters out of a file by dotted keys.
//!
//! DVC looks keys up as patterns over all paths of the file (dpath): numbers reach into lists
//! (negative ones from the end) and `*`, `?`, `[…]` match. A key that matches twice is an error
//! there; here it counts as missing.

use super::Picked;
use crate::format::fnmatch;
use crate::model::{Key, Map, Value};

/// The value of each key, in the order of the keys and each once; all top-level entries of the
/// file where there are no keys.
pub(super) fn select(map: &Map, keys: &[String]) -> Picked {
    if keys.is_empty() {
        return map.iter().map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    }
    let mut out: Picked = Vec::with_capacity(keys.len());
    for (index, key) in keys.iter().enumerate() {
        if !keys[..index].contains(key) {
            out.push((Key::str(key), look_up(map, key)));
        }
    }
    out
}

fn key_text(key: &Key) -> String {
    crate::format::template::python_str(&key.0)
}

fn look_up(map: &Map, key: &str) -> Option<Value> {
    if key.is_empty() || key == "/" {
        return Some(Value::map(map.clone()));
    }
    let glob: Vec<&str> = key.trim_start_matches('.').split('.').collect();
    let mut found = Vec::new();
    if glob.contains(&"**") {
        walk(&Value::map(map.clone()), &mut Vec::new(), &mut |path, value| {
            if matches_deep(path, &glob) {
                found.push(value.clone());
            }
        });
    } else {
        let (first, rest) = glob.split_first()?;
        for (_, value) in in_map(map, first) {
            descend(value, rest, &mut found);
        }
    }
    if found.len() == 1 { found.pop() } else { None }
}

fn descend(value: &Value, glob: &[&str], found: &mut Vec<Value>) {
    let Some((first, rest)) = glob.split_first() else {
        found.push(value.clone());
        return;
    };
    match value {
        Value::Map(map) => in_map(map, first).into_iter().for_each(|(_, value)| descend(value, rest, found)),
        Value::Seq(items) => in_list(items, first).into_iter().for_each(|value| descend(value, rest, found)),
        Value::Set(map) => {
            let items: Vec<Value> = map.keys().map(|key| key.0.clone()).collect();
            in_list(&items, first).into_iter().for_each(|value| descend(value, rest, found));
        }
        _ => {}
    }
}

/// Whether a segment is no plain text.
fn is_pattern(segment: &str) -> bool {
    segment.contains(['*', '?', '['])
}

fn in_map<'a>(map: &'a Map, segment: &str) -> Vec<(&'a Key, &'a Value)> {
    if is_pattern(segment) {
        return map.iter().filter(|(key, _)| key_matches(&key.0, segment)).collect();
    }
    let number = segment.trim().parse::<i64>().ok();
    let by_text = map.get_key_value(segment);
    let by_number =
        number.and_then(|number| map.get_key_value(&Key(Value::Int(number)))).filter(|(key, _)| !matches!(key.0, Value::Float(_)));
    by_text.into_iter().chain(by_number).collect()
}

fn key_matches(key: &Value, segment: &str) -> bool {
    match key {
        Value::Str(text) => fnmatch::matches(segment, text),
        Value::Int(_) | Value::BigInt(_) | Value::Bool(_) => fnmatch::matches(segment, &crate::format::template::python_str(key)),
        _ => false,
    }
}

fn in_list<'a>(items: &'a [Value], segment: &str) -> Vec<&'a Value> {
    if let Ok(number) = segment.trim().parse::<i64>() {
        let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
        let index = if number < 0 { number + length } else { number };
        return usize::try_from(index).ok().and_then(|index| items.get(index)).into_iter().collect();
    }
    items.iter().enumerate().filter(|(index, _)| fnmatch::matches(segment, &index.to_string())).map(|(_, item)| item).collect()
}

fn walk(value: &Value, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Value)) {
    let children: Vec<(String, &Value)> = match value {
        Value::Map(map) => map.iter().map(|(key, value)| (key_text(key), value)).collect(),
        Value::Seq(items) => items.iter().enumerate().map(|(index, item)| (index.to_string(), item)).collect(),
        _ => return,
    };
    for (key, child) in children {
        path.push(key);
        visit(path, child);
        walk(child, path, visit);
        path.pop();
    }
}

/// `**` stands for any number of segments.
fn matches_deep(path: &[String], glob: &[&str]) -> bool {
    let Some(star) = glob.iter().position(|segment| *segment == "**") else { return false };
    let (before, after) = (&glob[..star], &glob[star + 1..]);
    path.len() >= before.len() + after.len()
        && before.iter().zip(path).all(|(glob, key)| fnmatch::matches(glob, key))
        && after.iter().rev().zip(path.iter().rev()).all(|(glob, key)| fnmatch::matches(glob, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Map {
        let value =
            crate::format::yaml::parse(b"l: [5, 6]\nm: {a: [{b: 1}], x.y: 2}\n1: one\nlr: 0.1\nlrs: {k: 3}\ns: !!set {e}\n").unwrap().value;
        value.as_map().unwrap().clone()
    }

    #[test]
    fn finds_by_dots_numbers_and_patterns() {
        let map = sample();
        for (key, want) in [
            ("l.1", Some(Value::Int(6))),
            ("l.-1", Some(Value::Int(6))),
            ("l.2", None),
            ("m.a.0.b", Some(Value::Int(1))),
            ("m.x.y", None),
            ("1", Some(Value::str("one"))),
            ("lr", Some(Value::Float(0.1))),
            ("l?", Some(Value::Float(0.1))),
            ("l*", None),
            ("s.0", Some(Value::str("e"))),
            ("**.b", Some(Value::Int(1))),
            ("nope", None),
            (".lr", Some(Value::Float(0.1))),
        ] {
            assert_eq!(select(&map, &[key.to_owned()]), [(Key::str(key), want)], "{key}");
        }
    }

    #[test]
    fn takes_all_without_keys() {
        let keys: Vec<Key> = select(&sample(), &[]).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, [Key::str("l"), Key::str("m"), Key(Value::Int(1)), Key::str("lr"), Key::str("lrs"), Key::str("s")]);
    }
}
