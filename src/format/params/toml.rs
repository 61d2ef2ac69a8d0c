//! TOML into values, in the order of the file, as Python's reader gives them: integers of any size, floating point
//! numbers that may be too large, dates and times in the text that Python's `str` gives them.

use ::toml::de::{DeFloat, DeInteger, DeTable, DeValue};
use ::toml::value::{Date, Datetime, Offset, Time};
use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use crate::format::yaml::number;
use crate::model::{Key, Map, Value};

/// Reads a text.
///
/// # Errors
/// What the reader says.
pub fn parse(text: &str) -> Result<Value, String> {
    if text.starts_with('\u{feff}') || breaks_a_pair(text) {
        return Err("a key and its value stand on one line".to_owned());
    }
    let table = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    table_value(table.get_ref())
}

/// Whether a line ends beside a `=` or a dot. Within an inline table our reader takes that, the one of DVC does not
/// (tomlkit: `parser.py` `_parse_key_value`).
fn breaks_a_pair(text: &str) -> bool {
    let ends_line = |kind| matches!(kind, TokenKind::Newline | TokenKind::Comment);
    let joins = |kind| matches!(kind, TokenKind::Equals | TokenKind::Dot);
    let kinds: Vec<TokenKind> = Source::new(text).lex().map(|token| token.kind()).filter(|kind| *kind != TokenKind::Whitespace).collect();
    kinds.windows(2).any(|pair| (joins(pair[0]) && ends_line(pair[1])) || (ends_line(pair[0]) && joins(pair[1])))
}

fn table_value(table: &DeTable) -> Result<Value, String> {
    let pairs = table.iter().map(|(key, value)| Ok((Key::str(key.get_ref()), convert(value.get_ref())?)));
    Ok(Value::map(pairs.collect::<Result<Map, String>>()?))
}

fn convert(value: &DeValue) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::str(text),
        DeValue::Integer(value) => integer(value)?,
        DeValue::Float(value) => float(value)?,
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(value) => Value::Time(time_text(value)?.into()),
        DeValue::Array(items) => Value::seq(items.iter().map(|item| convert(item.get_ref())).collect::<Result<_, _>>()?),
        DeValue::Table(table) => table_value(table)?,
    })
}

fn integer(value: &DeInteger) -> Result<Value, String> {
    number::parse_int(false, value.as_str(), value.radix()).map_err(|_| "Invalid number".to_owned())
}

fn float(value: &DeFloat) -> Result<Value, String> {
    value.as_str().parse().map(Value::Float).map_err(|_| "Invalid number".to_owned())
}

fn time_text(value: &Datetime) -> Result<String, String> {
    // Neither exists for Python.
    if value.date.is_some_and(|date| date.year == 0) || value.time.is_some_and(|time| time.second == Some(60)) {
        return Err("Invalid datetime".to_owned());
    }
    let date = value.date.map(|Date { year, month, day }| format!("{year:04}-{month:02}-{day:02}"));
    let time = value.time.map(|Time { hour, minute, second, nanosecond }| {
        let micros = nanosecond.unwrap_or(0) / 1000;
        let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
        format!("{hour:02}:{minute:02}:{:02}{fraction}", second.unwrap_or(0))
    });
    let offset = match value.offset {
        None => String::new(),
        Some(Offset::Z) => "+00:00".to_owned(),
        Some(Offset::Custom { minutes }) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    let parts: Vec<String> = [date, time].into_iter().flatten().collect();
    Ok(format!("{}{offset}", parts.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_and_prints_times_as_python() {
        let value = parse("z = 1\na = [1, 2.5]\n[sec]\nv = 'x'\nd = 2020-01-02\nt = 2020-01-02T03:04:05.25+02:00\nl = 03:04:05\nu = 2020-01-02T03:04:05Z\n")
            .unwrap();
        assert_eq!(value.as_map().unwrap().keys().filter_map(Key::as_str).collect::<Vec<_>>(), ["z", "a", "sec"]);
        let sec = value.get("sec").unwrap();
        assert_eq!(sec.get("d").unwrap(), &Value::Time("2020-01-02".into()));
        assert_eq!(sec.get("t").unwrap(), &Value::Time("2020-01-02 03:04:05.250000+02:00".into()));
        assert_eq!(sec.get("l").unwrap(), &Value::Time("03:04:05".into()));
        assert_eq!(sec.get("u").unwrap(), &Value::Time("2020-01-02 03:04:05+00:00".into()));
    }

    #[test]
    fn numbers_may_be_of_any_size() {
        for (text, want) in [
            ("99_999_999_999_999_999_999", Value::BigInt("99999999999999999999".into())),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("0xFFFF_FFFF_FFFF_FFFF_FFFF", Value::BigInt("1208925819614629174706175".into())),
            ("0b11", Value::Int(3)),
            ("+1_0", Value::Int(10)),
            ("-1e999", Value::Float(f64::NEG_INFINITY)),
            ("+1_0.5e0_1", Value::Float(105.0)),
        ] {
            assert_eq!(parse(&format!("v = {text}")).unwrap().get("v"), Some(&want), "{text}");
        }
        assert!(parse(&format!("v = {}", "1".repeat(4301))).is_err());
    }

    #[test]
    fn refuses_what_the_reader_of_dvc_refuses() {
        for text in [
            "a = {b\n = 1}",
            "a = {b =\n1}",
            "a = {b = # c\n1}",
            "a = {b.\nc = 1}",
            "a = {b\n.c = 1}",
            "\u{feff}a = 1",
            "a = 0000-01-01",
            "a = 2020-01-01T23:59:60Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        for text in ["a = {\nb = 1 # c\n, c . d=2,\n}", "a.b = 1.5", "'=\\n' = '''=\n.\n'''", "a = [\n1.0 # =\n, 2\n]"] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }
}
