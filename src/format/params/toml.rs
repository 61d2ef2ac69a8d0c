//! TOML into values, in the order of the file. Dates and times get the text that Python's
//! `str` gives them.

use ::toml::value::{Date, Datetime, Offset, Time};
use ::toml::{Table, Value as Toml};

use crate::model::{Key, Map, Value};

/// Reads a text.
///
/// # Errors
/// What the reader says.
pub fn parse(text: &str) -> Result<Value, String> {
    let table: Table = text.parse().map_err(|error: ::toml::de::Error| error.message().to_owned())?;
    Ok(table_value(table))
}

fn table_value(table: Table) -> Value {
    Value::map(table.into_iter().map(|(key, value)| (Key::str(&key), convert(value))).collect::<Map>())
}

fn convert(value: Toml) -> Value {
    match value {
        Toml::String(text) => Value::str(&text),
        Toml::Integer(value) => Value::Int(value),
        Toml::Float(value) => Value::Float(value),
        Toml::Boolean(value) => Value::Bool(value),
        Toml::Datetime(value) => Value::Time(time_text(value).into()),
        Toml::Array(items) => Value::seq(items.into_iter().map(convert).collect()),
        Toml::Table(table) => table_value(table),
    }
}

fn time_text(value: Datetime) -> String {
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
    format!("{}{offset}", parts.join(" "))
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
}
