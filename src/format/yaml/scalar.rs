//! What a scalar's text means, and how Python would show a value.
//!
//! The patterns are those of the loader that DVC uses, not those of the YAML specification:
//! `017` is 17, `.5e3` is text, `1_000` is a number. The emitter asks the same question the
//! other way round: a text that would be read as something else must be quoted.

use std::borrow::Cow;
use std::sync::Arc;

use super::error::{Mark, YamlError};
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
    } else if is_time(text) && !one_digit_date(text) {
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

/// A date without a time must have two digits each for month and day to be one by itself.
fn one_digit_date(text: &str) -> bool {
    text.len() < 10 || (text.len() == 10 && Stamp::read(text).is_none_or(|stamp| stamp.time.is_none() && text.as_bytes()[7] != b'-'))
}

/// Whether the text has the form of a date or a time.
pub(super) fn is_time(text: &str) -> bool {
    Stamp::read(text).is_some()
}

/// The parts of a date or a time.
struct Stamp<'a> {
    date: (u16, u8, u8),
    time: Option<(u8, u8, u8)>,
    fraction: &'a str,
    zone: Option<i32>,
}

impl<'a> Stamp<'a> {
    /// Takes a text apart (ruamel: `util.py` `timestamp_regexp`).
    fn read(text: &'a str) -> Option<Self> {
        let (year, rest) = digits(text, 4, 4)?;
        let (month, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let (day, rest) = digits(rest.strip_prefix('-')?, 1, 2)?;
        let date = (u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        if rest.is_empty() {
            return Some(Self { date, time: None, fraction: "", zone: None });
        }
        let after = rest.trim_start_matches([' ', '\t']);
        let rest = if after.len() < rest.len() { after } else { rest.strip_prefix(['T', 't'])? };
        let (hour, rest) = digits(rest, 1, 2)?;
        let (minute, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let (second, rest) = digits(rest.strip_prefix(':')?, 2, 2)?;
        let time = Some((u8::try_from(hour).ok()?, u8::try_from(minute).ok()?, u8::try_from(second).ok()?));
        let (fraction, rest) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
            None => ("", rest),
        };
        let zone = rest.trim_start_matches([' ', '\t']);
        // Blanks belong to a zone only.
        if zone.is_empty() && !rest.is_empty() {
            return None;
        }
        Some(Self { date, time, fraction, zone: read_zone(zone)? })
    }
}

/// A zone in minutes; the outer none where it has another form.
#[expect(clippy::option_option, reason = "no zone and no valid zone are two things")]
fn read_zone(zone: &str) -> Option<Option<i32>> {
    if zone.is_empty() {
        return Some(None);
    }
    if zone == "Z" {
        return Some(Some(0));
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, rest) = digits(zone.strip_prefix(['+', '-'])?, 1, 2)?;
    let minutes = match rest.strip_prefix(':') {
        Some(rest) => match digits(rest, 2, 2)? {
            (minutes, "") => minutes,
            _ => return None,
        },
        None if rest.is_empty() => 0,
        None => return None,
    };
    Some(Some(sign * i32::try_from(hours * 60 + minutes).ok()?))
}

/// A number of so many digits, and the rest.
fn digits(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let count = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if count < least {
        return None;
    }
    Some((text[..count].parse().ok()?, &text[count..]))
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
        Type::Time => time(text),
        Type::Merge | Type::Equals | Type::Str => Ok(Value::str(text)),
    }
}

/// A date or a time in the text that Python's `str` gives it.
fn time(text: &str) -> Result<Value, YamlError> {
    let wrong = |what: &str| YamlError::Value(what.to_owned());
    let Some(stamp) = Stamp::read(text) else { return Err(wrong("failed to construct timestamp")) };
    let (year, month, day) = stamp.date;
    if year == 0 {
        return Err(wrong("year 0 is out of range"));
    }
    if !(1..=12).contains(&month) {
        return Err(wrong("month must be in 1..12"));
    }
    let small = |number: u8| i8::try_from(number).unwrap_or(i8::MAX);
    let year_number = i16::try_from(year).map_err(|_| wrong("year is out of range"))?;
    let date = jiff::civil::Date::new(year_number, small(month), small(day)).map_err(|_| wrong("day is out of range for month"))?;
    let Some((hour, minute, second)) = stamp.time else {
        return Ok(Value::Time(Arc::from(format!("{year:04}-{month:02}-{day:02}"))));
    };
    for (number, limit, what) in
        [(hour, 23, "hour must be in 0..23"), (minute, 59, "minute must be in 0..59"), (second, 59, "second must be in 0..59")]
    {
        if number > limit {
            return Err(wrong(what));
        }
    }
    let mut at = date.at(small(hour), small(minute), small(second), 0);
    let mut micros = micros(stamp.fraction);
    if micros == 1_000_000 {
        micros = 0;
        at = at.checked_add(jiff::SignedDuration::from_secs(1)).map_err(|_| wrong("date value out of range"))?;
    }
    let mut shown = format!("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", at.year(), at.month(), at.day(), at.hour(), at.minute(), at.second());
    if micros > 0 {
        shown.push_str(&format!(".{micros:06}"));
    }
    if let Some(zone) = stamp.zone {
        if zone.abs() >= 24 * 60 {
            return Err(wrong("offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24)"));
        }
        let sign = if zone < 0 { '-' } else { '+' };
        shown.push_str(&format!("{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60));
    }
    Ok(Value::Time(Arc::from(shown)))
}

/// Digits after the point as millionths, rounded by the seventh.
fn micros(fraction: &str) -> u32 {
    let mut number = 0;
    for at in 0..6 {
        number = number * 10 + fraction.as_bytes().get(at).map_or(0, |byte| u32::from(byte - b'0'));
    }
    number + u32::from(fraction.as_bytes().get(6).is_some_and(|byte| *byte > b'4'))
}

/// The bytes behind base 64.
pub(super) fn binary(text: &str, at: Mark) -> Result<Value, YamlError> {
    if !text.is_ascii() {
        return Err(YamlError::plain("failed to convert base64 data into ascii", at));
    }
    let mut bytes = Vec::new();
    let mut bits = 0_u32;
    let mut count = 0_u32;
    for byte in text.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            // Python's decoder skips what it does not know, and padding ends a group.
            _ => continue,
        };
        bits = (bits << 6) | u32::from(digit);
        count += 1;
        if count.is_multiple_of(4) {
            bytes.extend_from_slice(&bits.to_be_bytes()[1..]);
            bits = 0;
        }
    }
    match count % 4 {
        0 => {}
        1 => return Err(YamlError::plain("failed to decode base64 data: Invalid base64-encoded string", at)),
        2 => bytes.push(bits.to_be_bytes()[3] >> 4 | bits.to_be_bytes()[2] << 4),
        _ => bytes.extend_from_slice(&(bits >> 2).to_be_bytes()[2..]),
    }
    Ok(Value::Bytes(bytes.into()))
}

/// Python's `repr` of a text.
pub fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) || c == '\u{ad}' => out.push_str(&format!("\\x{:02x}", c as u32)),
            '\u{2028}' | '\u{2029}' | '\u{feff}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push(quote);
    out
}

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
