//! What a scalar's text means, and how Python would show a value.
//!
//! The patterns are those of the loader that DVC uses, not those of the YAML specification:
//! `017` is 17, `.5e3` is text, `1_000` is a number. The emitter asks the same question the
//! other way round: a text that would be read as something else must be quoted.

use std::borrow::Cow;

use super::error::{Mark, YamlError};
use super::time;
use crate::format::floats;
use crate::model::Value;

/// Which version's patterns apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dialect {
    /// Without `%YAML`, or with `%YAML 1.2`.
    #[default]
    V1_2,
    /// `%YAML 1.1`: `yes`, `010` (octal) and `1:30` (sexagesimal) have a meaning.
    V1_1,
}

/// What a plain scalar is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Type {
    /// Nothing, `~`, `null`.
    Null,
    /// `true`, `false`.
    Bool,
    /// An integer.
    Int,
    /// A floating point number.
    Float,
    /// A date or a time.
    Time,
    /// `<<`
    Merge,
    /// `=`
    Equals,
    /// Anything else.
    Str,
}

/// What a plain scalar with this text is (ruamel: `resolver.py` `implicit_resolvers`).
pub fn resolve(text: &str, dialect: Dialect) -> Type {
    let Some(&first) = text.as_bytes().first() else { return Type::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' | b'.' => number_or_time(text, dialect),
        b'<' if text == "<<" => Type::Merge,
        b'=' if text == "=" => Type::Equals,
        b'~' if text == "~" => Type::Null,
        b'n' | b'N' if matches!(text, "null" | "Null" | "NULL") => Type::Null,
        b't' | b'T' | b'f' | b'F' if matches!(text, "true" | "True" | "TRUE" | "false" | "False" | "FALSE") => Type::Bool,
        _ if dialect == Dialect::V1_1 && is_old_bool(text) => Type::Bool,
        _ => Type::Str,
    }
}

/// The further truth values of YAML 1.1.
fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "n" | "N" | "no" | "No" | "NO" | "on" | "On" | "ON" | "off" | "Off" | "OFF")
}

fn number_or_time(text: &str, dialect: Dialect) -> Type {
    let signed = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plus = signed.len() == text.len();
    if is_float(signed, plus, dialect) {
        Type::Float
    } else if !text.starts_with('.') && is_int(signed, dialect) {
        Type::Int
    } else if time::is_plain(text) {
        Type::Time
    } else {
        Type::Str
    }
}

/// The floats, after a sign that `unsigned` says was not there.
fn is_float(text: &str, unsigned: bool, dialect: Dialect) -> bool {
    let bytes = text.as_bytes();
    if let Some(rest) = text.strip_prefix('.') {
        if matches!(rest, "inf" | "Inf" | "INF") {
            return true;
        }
        if matches!(rest, "nan" | "NaN" | "NAN") {
            return unsigned;
        }
        if dialect == Dialect::V1_1 && !unsigned {
            return false;
        }
        let digits = run(rest.as_bytes(), is_digit_or_line);
        return digits > 0 && is_exponent(&rest[digits..], true, true);
    }
    if !bytes.first().is_some_and(u8::is_ascii_digit) {
        return false;
    }
    let whole = run(bytes, is_digit_or_line);
    let rest = &text[whole..];
    if let Some(rest) = rest.strip_prefix('.') {
        let digits = run(rest.as_bytes(), is_digit_or_line);
        return is_exponent(&rest[digits..], true, false);
    }
    if dialect == Dialect::V1_1 && rest.starts_with(':') {
        let places = sexagesimal(rest);
        return rest[places..].strip_prefix('.').is_some_and(|rest| rest.bytes().all(is_digit_or_line));
    }
    is_exponent(rest, false, false)
}

/// Whether the rest is an exponent; `optional`: or nothing; `signed`: it must have a sign.
fn is_exponent(rest: &str, optional: bool, signed: bool) -> bool {
    if rest.is_empty() {
        return optional;
    }
    let Some(rest) = rest.strip_prefix(['e', 'E']) else { return false };
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    if signed && digits.len() == rest.len() {
        return false;
    }
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// The integers, after a sign.
fn is_int(text: &str, dialect: Dialect) -> bool {
    let all = |rest: &str, ok: fn(u8) -> bool| !rest.is_empty() && rest.bytes().all(ok);
    if let Some(rest) = text.strip_prefix("0b") {
        return all(rest, |byte| matches!(byte, b'0' | b'1' | b'_'));
    }
    if let Some(rest) = text.strip_prefix("0x") {
        return all(rest, |byte| byte.is_ascii_hexdigit() || byte == b'_');
    }
    match dialect {
        Dialect::V1_2 => match text.strip_prefix("0o") {
            Some(rest) => all(rest, |byte| matches!(byte, b'0'..=b'7' | b'_')),
            None => all(text, is_digit_or_line),
        },
        Dialect::V1_1 => {
            all(text, |byte| matches!(byte, b'0'..=b'7' | b'_'))
                || (matches!(text.as_bytes().first(), Some(b'1'..=b'9')) && {
                    let whole = run(text.as_bytes(), is_digit_or_line);
                    let rest = &text[whole..];
                    rest.is_empty() || sexagesimal(rest) == rest.len()
                })
        }
    }
}

/// The length of `:30:15` at the start.
fn sexagesimal(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while bytes.get(at) == Some(&b':') {
        at += match (bytes.get(at + 1), bytes.get(at + 2)) {
            (Some(b'0'..=b'5'), Some(b'0'..=b'9')) => 3,
            (Some(b'0'..=b'9'), _) => 2,
            _ => return at,
        };
    }
    at
}

fn is_digit_or_line(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

/// How many bytes at the start are such.
fn run(bytes: &[u8], such: fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|byte| such(**byte)).count()
}

/// The value of a scalar of this type (ruamel: `constructor.py`).
pub(super) fn construct(kind: Type, text: &str, dialect: Dialect) -> Result<Value, YamlError> {
    match kind {
        Type::Null => Ok(Value::Null),
        Type::Bool => match text.to_lowercase().as_str() {
            "true" | "yes" | "y" | "on" => Ok(Value::Bool(true)),
            "false" | "no" | "n" | "off" => Ok(Value::Bool(false)),
            other => Err(YamlError::Value(quoted(other))),
        },
        Type::Int => super::number::int(text, dialect),
        Type::Float => super::number::float(text, dialect),
        Type::Time => time::construct(text),
        Type::Merge | Type::Equals | Type::Str => Ok(Value::str(text)),
    }
}

/// The bytes behind base 64, as Python's lenient decoder finds them: it skips what it does not
/// know, and stops at padding that ends a group.
pub(super) fn binary(text: &str, at: Mark) -> Result<Value, YamlError> {
    if let Some(problem) = not_ascii(text) {
        return Err(YamlError::plain(format!("failed to convert base64 data into ascii: {problem}"), at));
    }
    let mut bytes = Vec::new();
    let (mut place, mut left, mut pads) = (0_u8, 0_u8, 0_u8);
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if place >= 2 => {
                pads += 1;
                if place + pads >= 4 {
                    return Ok(Value::Bytes(bytes.into()));
                }
                continue;
            }
            _ => continue,
        };
        pads = 0;
        match place {
            0 => {}
            1 => bytes.push(left << 2 | digit >> 4),
            2 => bytes.push(left << 4 | digit >> 2),
            _ => bytes.push(left << 6 | digit),
        }
        left = digit;
        place = (place + 1) % 4;
    }
    let problem = match place {
        0 => return Ok(Value::Bytes(bytes.into())),
        1 => {
            let count = bytes.len() / 3 * 4 + 1;
            format!("Invalid base64-encoded string: number of data characters ({count}) cannot be 1 more than a multiple of 4")
        }
        _ => "Incorrect padding".to_owned(),
    };
    Err(YamlError::plain(format!("failed to decode base64 data: {problem}"), at))
}

/// What Python says of a text that is not ASCII, if it is not.
fn not_ascii(text: &str) -> Option<String> {
    let chars = || text.chars().enumerate();
    let (from, first) = chars().find(|(_, c)| !c.is_ascii())?;
    let to = from + text.chars().skip(from).take_while(|c| !c.is_ascii()).count() - 1;
    let code = u32::from(first);
    let what = match (from == to, code) {
        (false, _) => format!("characters in position {from}-{to}"),
        (true, ..=0xff) => format!("character '\\x{code:02x}' in position {from}"),
        (true, ..=0xffff) => format!("character '\\u{code:04x}' in position {from}"),
        (true, _) => format!("character '\\U{code:08x}' in position {from}"),
    };
    Some(format!("'ascii' codec can't encode {what}: ordinal not in range(128)"))
}

pub use crate::format::pytext::repr as quoted;

/// Python's `str` of a value just made: what a list or map holds is not yet in it.
pub(super) fn shown(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "None".into(),
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        Value::Int(number) => number.to_string().into(),
        Value::Float(number) => floats::repr(*number).into(),
        Value::BigInt(text) | Value::Str(text) | Value::Time(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
        Value::Set(_) => "set()".into(),
        Value::Seq(_) => "[]".into(),
        Value::Map(_) => "{}".into(),
    }
}
