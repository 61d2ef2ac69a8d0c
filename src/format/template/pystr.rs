//! How Python prints values: `str()`, `repr()`, and DVC's own form of maps as command options.

use std::fmt::Write as _;

use super::{BoolOption, ListOption, TemplateError, TemplateSettings};
use crate::format::floats;
use crate::format::pytext;
use crate::model::{Map, Value};

/// The text that takes the place of `${…}` within a longer string (dvc: `to_str`).
pub(super) fn to_text(value: &Value, settings: TemplateSettings) -> Result<String, TemplateError> {
    match value {
        Value::Bool(value) => Ok(if *value { "true" } else { "false" }.to_owned()),
        Value::Map(map) => options(map, settings),
        _ => Ok(python_str(value)),
    }
}

/// Python's `str()`.
pub fn python_str(value: &Value) -> String {
    match value {
        Value::Str(text) | Value::Time(text) => text.as_ref().to_owned(),
        _ => python_repr(value),
    }
}

/// Python's `repr()`.
pub fn python_repr(value: &Value) -> String {
    let mut out = String::new();
    write_repr(&mut out, value);
    out
}

fn write_repr(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => {
            let _ = write!(out, "{value}");
        }
        Value::BigInt(text) => out.push_str(text),
        Value::Float(value) => out.push_str(&floats::repr(*value)),
        Value::Str(text) => out.push_str(&pytext::repr(text)),
        Value::Time(text) => out.push_str(&time_repr(text)),
        Value::Bytes(bytes) => repr_bytes(out, bytes),
        Value::Seq(items) => {
            out.push('[');
            join(out, items.iter(), write_repr);
            out.push(']');
        }
        Value::Set(map) if map.is_empty() => out.push_str("set()"),
        Value::Set(map) => {
            out.push('{');
            join(out, map.keys(), |out, key| write_repr(out, &key.0));
            out.push('}');
        }
        Value::Map(map) => {
            out.push('{');
            join(out, map.iter(), |out, (key, value)| {
                write_repr(out, &key.0);
                out.push_str(": ");
                write_repr(out, value);
            });
            out.push('}');
        }
    }
}

fn join<T>(out: &mut String, items: impl Iterator<Item = T>, mut one: impl FnMut(&mut String, T)) {
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        one(out, item);
    }
}

fn repr_bytes(out: &mut String, bytes: &[u8]) {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    out.push('b');
    out.push(quote);
    for &byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            byte if char::from(byte) == quote => {
                out.push('\\');
                out.push(quote);
            }
            0x20..0x7f => out.push(char::from(byte)),
            byte => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
    }
    out.push(quote);
}

/// `datetime.date(2020, 1, 2)` and its sisters: seconds stand there if they or their fraction are not zero. (A zone gets
/// the name of its offset; the text does not tell how it was written.)
fn time_repr(text: &str) -> String {
    let (clock, zone) = match text.rfind(['+', '-']).filter(|&at| at > "2020-01-02".len()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let parts = |text: &str| -> Vec<i64> {
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).filter_map(|part| part.parse().ok()).collect()
    };
    let mut numbers = parts(clock);
    let (kind, least) = match (clock.len() > 10, clock.as_bytes().get(2) == Some(&b':')) {
        (_, true) => ("time", 2),
        (true, _) => ("datetime", 5),
        _ => ("date", 3),
    };
    while numbers.len() > least && numbers.last() == Some(&0) {
        numbers.pop();
    }
    let mut shown: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    if let [hours, minutes, ..] = parts(zone)[..] {
        let seconds = (hours * 60 + minutes) * 60;
        let span = match seconds {
            0 => "0".to_owned(),
            _ if zone.starts_with('-') => format!("days=-1, seconds={}", 86_400 - seconds),
            _ => format!("seconds={seconds}"),
        };
        shown.push(format!("tzinfo=datetime.timezone(datetime.timedelta({span}), '{zone}')"));
    }
    format!("datetime.{kind}({})", shown.join(", "))
}

/// A map as options of a command line (dvc: `to_str` of a dict).
fn options(map: &Map, settings: TemplateSettings) -> Result<String, TemplateError> {
    let mut flat: Vec<(String, &Value)> = Vec::new();
    flatten(map, None, &mut flat)?;
    let mut out = String::new();
    for (key, value) in flat {
        match value {
            Value::Bool(true) => {
                let _ = write!(out, "--{key} ");
            }
            Value::Bool(false) if settings.parsing_bool == BoolOption::BooleanOptional => {
                let _ = write!(out, "--no-{key} ");
            }
            Value::Bool(false) => {}
            Value::Str(text) => {
                let _ = write!(out, "--{key} {} ", shell_quote(text));
            }
            Value::Seq(items) => list_option(&mut out, &key, items, settings)?,
            // To Python bytes are a list of numbers.
            Value::Bytes(bytes) => {
                let items: Vec<Value> = bytes.iter().map(|byte| Value::Int(i64::from(*byte))).collect();
                list_option(&mut out, &key, &items, settings)?;
            }
            _ => {
                let _ = write!(out, "--{key} {} ", python_str(value));
            }
        }
    }
    out.truncate(out.trim_end().len());
    Ok(out)
}

fn list_option(out: &mut String, key: &str, items: &[Value], settings: TemplateSettings) -> Result<(), TemplateError> {
    for (index, item) in items.iter().enumerate() {
        let text = match item {
            Value::Str(text) => shell_quote(text),
            Value::Seq(_) | Value::Map(_) | Value::Set(_) | Value::Bytes(_) => {
                return Err(TemplateError::Parse(format!("Cannot interpolate nested iterable in '{key}'")));
            }
            _ => python_str(item),
        };
        if index == 0 || settings.parsing_list == ListOption::Append {
            let _ = write!(out, "--{key} ");
        }
        let _ = write!(out, "{text} ");
    }
    Ok(())
}

fn flatten<'a>(map: &'a Map, parent: Option<&str>, flat: &mut Vec<(String, &'a Value)>) -> Result<(), TemplateError> {
    for (key, value) in map {
        let key = python_str(&key.0);
        let key = parent.map_or_else(|| key.clone(), |parent| format!("{parent}.{key}"));
        match value {
            Value::Map(inner) => flatten(inner, Some(&key), flat)?,
            _ if flat.iter().any(|(known, _)| *known == key) => {
                return Err(TemplateError::Unexpected(format!("duplicated key '{key}'")));
            }
            _ => flat.push((key, value)),
        }
    }
    Ok(())
}

/// Python's `shlex.quote`.
pub(super) fn shell_quote(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    if text.is_empty() {
        "''".to_owned()
    } else if text.chars().all(safe) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\"'\"'"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Key;

    #[test]
    fn strings_are_quoted_as_in_python() {
        assert_eq!(python_repr(&Value::seq(vec![Value::str("it's"), Value::str("a\"'\n\u{7f}é")])), "[\"it's\", 'a\"\\'\\n\\x7fé']");
    }

    #[test]
    fn times_are_shown_as_in_python() {
        for (text, want) in [
            ("2020-01-02", "datetime.date(2020, 1, 2)"),
            ("2020-01-02 00:00:00", "datetime.datetime(2020, 1, 2, 0, 0)"),
            ("2020-01-02 03:04:05", "datetime.datetime(2020, 1, 2, 3, 4, 5)"),
            ("2020-01-02 03:04:00.000600", "datetime.datetime(2020, 1, 2, 3, 4, 0, 600)"),
            ("10:00:00", "datetime.time(10, 0)"),
            (
                "2020-01-02 03:04:05-01:00",
                "datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=82800), '-01:00'))",
            ),
        ] {
            assert_eq!(python_repr(&Value::Time(text.into())), want);
        }
    }

    #[test]
    fn maps_become_options() {
        let inner: Map =
            [(Key::str("c"), Value::str("x y")), (Key::str("e"), Value::seq(vec![Value::Int(1), Value::str("z z")]))].into_iter().collect();
        let map: Map = [
            (Key::str("a"), Value::Int(1)),
            (Key::str("b"), Value::map(inner)),
            (Key::str("f"), Value::Bool(true)),
            (Key::str("g"), Value::Bool(false)),
            (Key::str("n"), Value::Null),
            (Key::str("y"), Value::Bytes(b"hi".as_slice().into())),
        ]
        .into_iter()
        .collect();
        let plain = TemplateSettings::default();
        assert_eq!(options(&map, plain).unwrap(), "--a 1 --b.c 'x y' --b.e 1 'z z' --f --n None --y 104 105");
        let other = TemplateSettings { parsing_bool: BoolOption::BooleanOptional, parsing_list: ListOption::Append };
        assert_eq!(options(&map, other).unwrap(), "--a 1 --b.c 'x y' --b.e 1 --b.e 'z z' --f --no-g --n None --y 104 --y 105");
    }
}
