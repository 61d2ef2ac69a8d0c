//! JSON as Python's `json.dumps` writes it.
//!
//! Hashes of stages and the run-cache's names are made over this text, so every byte counts:
//! blanks after separators, escapes above ASCII, floats by `repr`, keys sorted before they
//! become text. What Python refuses (dates, sets, keys of mixed types) is refused here with
//! its words, for DVC then fails the stage with them.

use std::cmp::Ordering;

use thiserror::Error;

use crate::format::floats;
use crate::model::{Class, Fault, Key, Map, Value};

/// Why Python would not write a value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct JsonError(String);

impl JsonError {
    /// As DVC shows it: an exception that nobody expected.
    pub fn fault(&self) -> Fault {
        Fault::new(Class::Unexpected, self.0.clone())
    }
}

/// `json.dumps(value, sort_keys=sorted)`.
///
/// # Errors
/// Where Python raises a `TypeError`.
pub fn dumps(value: &Value, sorted: bool) -> Result<String, JsonError> {
    let mut out = String::new();
    write(&mut out, value, sorted)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, sorted: bool) -> Result<(), JsonError> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Int(number) => out.push_str(&number.to_string()),
        Value::BigInt(text) => out.push_str(text),
        Value::Float(number) => out.push_str(&float(*number)),
        Value::Str(text) => string(out, text),
        Value::Seq(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write(out, item, sorted)?;
            }
            out.push(']');
        }
        Value::Map(map) => object(out, map, sorted)?,
        Value::Time(_) | Value::Bytes(_) | Value::Set(_) => {
            return Err(JsonError(format!("Object of type {} is not JSON serializable", value.python_type())));
        }
    }
    Ok(())
}

fn object(out: &mut String, map: &Map, sorted: bool) -> Result<(), JsonError> {
    let mut entries: Vec<(&Key, &Value)> = map.iter().collect();
    if sorted {
        sort(&mut entries)?;
    }
    out.push('{');
    for (index, (key, value)) in entries.into_iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        match &key.0 {
            Value::Str(text) => string(out, text),
            Value::Null => string(out, "null"),
            Value::Bool(flag) => string(out, if *flag { "true" } else { "false" }),
            Value::Int(number) => string(out, &number.to_string()),
            Value::BigInt(text) => string(out, text),
            Value::Float(number) => string(out, &float(*number)),
            other => {
                let kind = if matches!(other, Value::Seq(_)) { "tuple" } else { other.python_type() };
                return Err(JsonError(format!("keys must be str, int, float, bool or None, not {kind}")));
            }
        }
        out.push_str(": ");
        write(out, value, sorted)?;
    }
    out.push('}');
    Ok(())
}

fn float(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        floats::repr(number)
    }
}

/// Sorts by keys as Python compares them; the first two that cannot be compared are told in
/// the order in which its sort asks (binary insertion after the first run).
pub(super) fn sort(entries: &mut [(&Key, &Value)]) -> Result<(), JsonError> {
    if entries.iter().all(|(key, _)| matches!(key.0, Value::Str(_))) {
        entries.sort_by(|(a, _), (b, _)| a.as_str().cmp(&b.as_str()));
        return Ok(());
    }
    for end in first_run(entries)?..entries.len() {
        let (mut low, mut high) = (0, end);
        while low < high {
            let middle = usize::midpoint(low, high);
            if less(entries[end].0, entries[middle].0)? { high = middle } else { low = middle + 1 }
        }
        entries[low..=end].rotate_right(1);
    }
    Ok(())
}

/// How many entries at the start are in order already, as Python's sort finds it: neighbours are
/// compared for as long as the order goes one way; a falling run is turned round.
fn first_run(entries: &mut [(&Key, &Value)]) -> Result<usize, JsonError> {
    if entries.len() < 2 {
        return Ok(entries.len());
    }
    let falling = less(entries[1].0, entries[0].0)?;
    let mut end = 2;
    while end < entries.len() && less(entries[end].0, entries[end - 1].0)? == falling {
        end += 1;
    }
    if falling {
        entries[..end].reverse();
    }
    Ok(end)
}

/// Python's `a < b` for two keys.
fn less(a: &Key, b: &Key) -> Result<bool, JsonError> {
    let order = match (&a.0, &b.0) {
        (Value::Str(a), Value::Str(b)) | (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (a, b) => compare_numbers(a, b),
    };
    match order {
        Some(order) => Ok(order == Ordering::Less),
        None => {
            let kind = |key: &Key| if matches!(key.0, Value::Seq(_)) { "tuple" } else { key.0.python_type() };
            Err(JsonError(format!("'<' not supported between instances of '{}' and '{}'", kind(a), kind(b))))
        }
    }
}

/// The order of two numbers; none where one is none (or is `nan`, which is no less than any).
fn compare_numbers(a: &Value, b: &Value) -> Option<Ordering> {
    let as_float = |value: &Value| match value {
        #[expect(clippy::cast_precision_loss, reason = "only for comparison with another float")]
        Value::Int(number) => Some(*number as f64),
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        Value::BigInt(text) => text.parse().ok(),
        Value::Float(number) => Some(*number),
        _ => None,
    };
    let as_digits = |value: &Value| match value {
        Value::Int(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        Value::BigInt(text) => Some(text.to_string()),
        _ => None,
    };
    if let (Some(a), Some(b)) = (as_digits(a), as_digits(b)) {
        return Some(compare_digits(&a, &b));
    }
    let (a, b) = (as_float(a)?, as_float(b)?);
    Some(a.partial_cmp(&b).unwrap_or(Ordering::Greater))
}

/// The order of two integers in decimal.
fn compare_digits(a: &str, b: &str) -> Ordering {
    let size = |text: &str| text.trim_start_matches('-').len();
    match (a.starts_with('-'), b.starts_with('-')) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => size(a).cmp(&size(b)).then_with(|| a.cmp(b)),
        (true, true) => size(b).cmp(&size(a)).then_with(|| b.cmp(a)),
    }
}

/// A text in quotes, ASCII only.
pub(crate) fn string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            ' '..='~' => out.push(c),
            c => {
                let mut units = [0; 2];
                for unit in c.encode_utf16(&mut units) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::yaml;

    fn written(source: &str) -> Result<String, String> {
        dumps(&yaml::parse(source.as_bytes()).unwrap().value, true).map_err(|error| error.to_string())
    }

    #[test]
    fn writes_as_python_does() {
        for (source, want) in [
            ("{b: [1, 2.5, null], a: {z: true, y: x}}", r#"{"a": {"y": "x", "z": true}, "b": [1, 2.5, null]}"#),
            ("[1e-5, 1e16, .nan, .inf, -.inf, 100000000000000000000]", "[1e-05, 1e+16, NaN, Infinity, -Infinity, 100000000000000000000]"),
            ("\"é😀\\x7f\\e\\n\\\"/\"", r#""\u00e9\ud83d\ude00\u007f\u001b\n\"/""#),
            ("{2: a, 10: b, 1.5: c, true: d}", r#"{"true": "d", "1.5": "c", "2": "a", "10": "b"}"#),
            ("{-3: a, -10: b, 99999999999999999999: c}", r#"{"-10": "b", "-3": "a", "99999999999999999999": "c"}"#),
            ("{null: x}", r#"{"null": "x"}"#),
        ] {
            assert_eq!(written(source).as_deref(), Ok(want), "{source}");
        }
    }

    #[test]
    fn refuses_with_python_words() {
        for (source, want) in [
            ("2020-01-02", "Object of type date is not JSON serializable"),
            ("[2020-01-02 03:04:05]", "Object of type datetime is not JSON serializable"),
            ("!!set {a}", "Object of type set is not JSON serializable"),
            ("!!binary aGk=", "Object of type bytes is not JSON serializable"),
            ("{1: a, b: c}", "'<' not supported between instances of 'str' and 'int'"),
            ("{b: c, 1: a}", "'<' not supported between instances of 'int' and 'str'"),
            ("{2020-01-02: a}", "keys must be str, int, float, bool or None, not date"),
            ("{[1]: a}", "keys must be str, int, float, bool or None, not tuple"),
        ] {
            assert_eq!(written(source), Err(want.to_owned()), "{source}");
        }
    }
}
