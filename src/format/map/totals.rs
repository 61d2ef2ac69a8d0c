//! Numbers over all rows of all parts: the columns of tables, or JSON numbers, alone or key by key.
//!
//! Tables give one row under their header, every column of which must hold numbers. Of JSON each row is one number,
//! or an object of numbers; a key that some rows lack is over the rows that have it.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::Value;

use super::numbers::{Kind, Number, Total};
use crate::format::rows::fields;
use crate::format::rows::scan::{Scanner, Style};

/// What came so far.
#[derive(Clone, Debug)]
pub struct Totals {
    kind: Kind,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Table {
        delimiter: u8,
        has_header: bool,
        header: Option<Vec<u8>>,
        columns: Vec<(String, Total)>,
    },
    /// Numbers by key; the empty form is one number alone.
    Json {
        alone: Option<Total>,
        keys: IndexMap<String, Total>,
    },
}

impl Totals {
    /// Of tables.
    pub fn of_tables(kind: Kind, delimiter: u8, has_header: bool) -> Self {
        Self { kind, form: Form::Table { delimiter, has_header, header: None, columns: Vec::new() } }
    }

    /// Of JSON.
    pub fn of_json(kind: Kind) -> Self {
        Self { kind, form: Form::Json { alone: None, keys: IndexMap::new() } }
    }

    /// Whether a number came that is not whole, and its order shows.
    pub fn depends_on_order(&self) -> bool {
        let of_sum = matches!(self.kind, Kind::Sum | Kind::Mean);
        of_sum
            && match &self.form {
                Form::Table { columns, .. } => columns.iter().any(|(_, total)| total.is_float()),
                Form::Json { alone, keys } => alone.iter().chain(keys.values()).any(Total::is_float),
            }
    }

    /// A part; one without anything adds nothing.
    ///
    /// # Errors
    /// It holds something that is no number, or does not go with what came before; in words.
    pub fn add(&mut self, text: &[u8]) -> Result<(), String> {
        let kind = self.kind;
        match &mut self.form {
            Form::Table { delimiter, has_header, header, columns } => add_table(kind, (*delimiter, *has_header), header, columns, text),
            Form::Json { alone, keys } if !text.iter().all(u8::is_ascii_whitespace) => add_json(kind, alone, keys, text),
            Form::Json { .. } => Ok(()),
        }
    }

    /// What came out.
    ///
    /// # Errors
    /// There is no smallest, largest or mean of nothing; in words.
    pub fn text(&self) -> Result<String, String> {
        let value = |total: &Total, name: &str| {
            let nothing = || format!("nothing came{name}, and of nothing there is no such number");
            let number = total.value().ok_or_else(nothing)?;
            if number.is_finite() { Ok(number.text()) } else { Err(format!("the result{name} is infinite, or too large for a number")) }
        };
        match &self.form {
            Form::Table { header: None, columns, .. } if columns.is_empty() => Ok(String::new()),
            Form::Table { delimiter, header, columns, .. } => {
                let row =
                    columns.iter().map(|(name, total)| value(total, &format!(" in column '{name}'"))).collect::<Result<Vec<_>, _>>()?;
                let header = header.as_deref().map(|header| format!("{}\n", String::from_utf8_lossy(header))).unwrap_or_default();
                Ok(format!("{header}{}\n", row.join(&char::from(*delimiter).to_string())))
            }
            Form::Json { alone: Some(total), .. } => Ok(value(total, "")? + "\n"),
            Form::Json { alone: None, keys } if keys.is_empty() => Ok(value(&Total::new(self.kind), "")? + "\n"),
            Form::Json { keys, .. } => {
                let quoted = |key: &str| Value::String(key.to_owned()).to_string();
                let lines = keys.iter().map(|(key, total)| Ok(format!("  {}: {}", quoted(key), value(total, "")?)));
                Ok(format!("{{\n{}\n}}\n", lines.collect::<Result<Vec<_>, String>>()?.join(",\n")))
            }
        }
    }
}

fn add_table(
    kind: Kind,
    (delimiter, has_header): (u8, bool),
    header: &mut Option<Vec<u8>>,
    columns: &mut Vec<(String, Total)>,
    text: &[u8],
) -> Result<(), String> {
    let mut records = Vec::new();
    let mut scanner = Scanner::new(Style::Table { delimiter });
    scanner.feed(text, &mut records);
    records.extend(scanner.finish().map_err(|open| format!("line {}: a quote is opened and never closed", open.line))?);
    let mut from = 0;
    for (row, record) in records.iter().enumerate() {
        let end = usize::try_from(record.end).unwrap_or(usize::MAX);
        let bytes = text.get(from..end).unwrap_or_default();
        from = end;
        let is_header = row == 0 && has_header;
        let bytes = if row == 0 { fields::unmarked(bytes) } else { bytes };
        let fields: Vec<Cow<'_, str>> = fields::split(bytes, delimiter).into_iter().map(text_of).collect();
        if columns.is_empty() {
            let name = |at: usize, field: &str| if has_header { field.to_owned() } else { (at + 1).to_string() };
            columns.extend(fields.iter().enumerate().map(|(at, field)| (name(at, field), Total::new(kind))));
        }
        if is_header {
            if !fields.iter().map(Cow::as_ref).eq(columns.iter().map(|(name, _)| name.as_str())) {
                return Err("its header differs from that of the first part".to_owned());
            }
            header.get_or_insert_with(|| fields::bare(bytes).to_vec());
            continue;
        }
        if fields.len() != columns.len() {
            return Err(format!("line {}: {} fields where the first row has {}", record.line, fields.len(), columns.len()));
        }
        for ((name, total), field) in columns.iter_mut().zip(&fields) {
            let wrong = |what: &str| format!("line {}, column '{name}': {what}", record.line);
            let number = Number::read(field).map_err(|error| wrong(&error.to_string()))?;
            let number = number.ok_or_else(|| wrong(&format!("'{field}' is not a number")))?;
            total.add(number).map_err(|error| wrong(&error.to_string()))?;
        }
    }
    Ok(())
}

fn text_of(field: Cow<'_, [u8]>) -> Cow<'_, str> {
    match field {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

fn add_json(kind: Kind, alone: &mut Option<Total>, keys: &mut IndexMap<String, Total>, text: &[u8]) -> Result<(), String> {
    let add = |total: &mut Total, value: &Value, name: &str| {
        let Value::Number(number) = value else { return Err(format!("{name}{value} is not a number")) };
        let number = Number::read(&number.to_string()).map_err(|error| format!("{name}{error}"))?;
        number.map_or(Ok(()), |number| total.add(number)).map_err(|error| format!("{name}{error}"))
    };
    for value in serde_json::Deserializer::from_slice(fields::unmarked(text)).into_iter() {
        match value.map_err(|error| format!("not JSON: {error}"))? {
            Value::Object(_) if alone.is_some() => return Err("an object after a number".to_owned()),
            Value::Object(part) => {
                for (key, value) in &part {
                    add(keys.entry(key.clone()).or_insert_with(|| Total::new(kind)), value, &format!("key '{key}': "))?;
                }
            }
            _ if !keys.is_empty() => return Err("a number after an object".to_owned()),
            value => add(alone.get_or_insert_with(|| Total::new(kind)), &value, "")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(kind: Kind, parts: &[&str]) -> Result<String, String> {
        let mut totals = Totals::of_tables(kind, b',', true);
        parts.iter().try_for_each(|part| totals.add(part.as_bytes()))?;
        totals.text()
    }

    fn json(kind: Kind, parts: &[&str]) -> Result<String, String> {
        let mut totals = Totals::of_json(kind);
        parts.iter().try_for_each(|part| totals.add(part.as_bytes()))?;
        totals.text()
    }

    #[test]
    fn columns_are_over_all_rows_of_all_parts() {
        let parts = ["a,\"b,c\"\n1,0.1\n2,0.2\n", "", "a,\"b,c\"\n9007199254740993,0.3\n"];
        assert_eq!(table(Kind::Sum, &parts).unwrap(), "a,\"b,c\"\n9007199254740996,0.6000000000000001\n");
        assert_eq!(table(Kind::Max, &parts).unwrap(), "a,\"b,c\"\n9007199254740993,0.3\n");
        assert_eq!(table(Kind::Mean, &["a\n1\n2\n", "a\n6\n"]).unwrap(), "a\n3.0\n");
        assert_eq!(table(Kind::Sum, &["a\n"]).unwrap(), "a\n0\n");
        assert_eq!(table(Kind::Sum, &[]).unwrap(), "");
    }

    #[test]
    fn what_is_no_number_is_named() {
        assert_eq!(table(Kind::Sum, &["a,b\n1,x\n"]).unwrap_err(), "line 2, column 'b': 'x' is not a number");
        assert_eq!(table(Kind::Sum, &["a\nnan\n"]).unwrap_err(), "line 2, column 'a': 'nan' is not a number");
        assert_eq!(table(Kind::Min, &["a\n"]).unwrap_err(), "nothing came in column 'a', and of nothing there is no such number");
        assert_eq!(table(Kind::Sum, &["a\n1\n", "b\n1\n"]).unwrap_err(), "its header differs from that of the first part");
        assert_eq!(json(Kind::Sum, &["{\"a\": true}"]).unwrap_err(), "key 'a': true is not a number");
        assert_eq!(json(Kind::Sum, &["1", "{}"]).unwrap_err(), "an object after a number");
        assert_eq!(json(Kind::Sum, &["1\n2 x"]).unwrap_err(), "not JSON: expected value at line 2 column 3");
    }

    #[test]
    fn json_is_added_alone_or_key_by_key() {
        assert_eq!(json(Kind::Sum, &["1\n", "2", " "]).unwrap(), "3\n");
        assert_eq!(json(Kind::Mean, &["1", "2"]).unwrap(), "1.5\n");
        assert_eq!(json(Kind::Mean, &["1\n2\n", "6"]).unwrap(), "3.0\n");
        assert_eq!(json(Kind::Max, &["{\"a\": 1}\n{\"a\": 3, \"b\": 1}\n", "{\"b\": 0}"]).unwrap(), "{\n  \"a\": 3,\n  \"b\": 1\n}\n");
        assert_eq!(json(Kind::Sum, &["{\"b\": 1}", "{\"a\": 0.5, \"b\": 2}"]).unwrap(), "{\n  \"b\": 3,\n  \"a\": 0.5\n}\n");
    }
}
