//! JSON parts made one: objects are united at the top, arrays are joined.

use serde_json::Value;

use crate::format::rows::fields;

/// What came so far.
#[derive(Clone, Debug, Default)]
pub struct Union {
    whole: Option<Value>,
}

impl Union {
    /// A part; one without anything adds nothing.
    ///
    /// # Errors
    /// It is no JSON, or does not go with what came before; in words.
    pub fn add(&mut self, text: &[u8]) -> Result<(), String> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        let part: Value = serde_json::from_slice(fields::unmarked(text)).map_err(|error| format!("not JSON: {error}"))?;
        match (&mut self.whole, part) {
            (None, part @ (Value::Object(_) | Value::Array(_))) => self.whole = Some(part),
            (Some(Value::Object(whole)), Value::Object(part)) => {
                for (key, value) in part {
                    match whole.get(&key) {
                        Some(other) if *other != value => return Err(format!("the key '{key}' has another value than in a part before")),
                        Some(_) => {}
                        None => drop(whole.insert(key, value)),
                    }
                }
            }
            (Some(Value::Array(whole)), Value::Array(part)) => whole.extend(part),
            (None, other) => return Err(format!("{} is neither an object nor an array", kind(&other))),
            (Some(whole), other) => return Err(format!("{} after {}", kind(&other), kind(whole))),
        }
        Ok(())
    }

    /// All of it, with two blanks for each level and a line end; nothing if nothing came.
    pub fn text(&self) -> String {
        let Some(whole) = &self.whole else { return String::new() };
        // A value that was read can be written.
        serde_json::to_string_pretty(whole).map(|text| text + "\n").unwrap_or_default()
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn united(parts: &[&str]) -> Result<String, String> {
        let mut union = Union::default();
        parts.iter().try_for_each(|part| union.add(part.as_bytes()))?;
        Ok(union.text().split_whitespace().collect())
    }

    #[test]
    fn objects_are_united_and_arrays_joined() {
        assert_eq!(united(&["{\"b\": 1}", "", "{\"a\": 1.50, \"b\": 1}"]).unwrap(), "{\"b\":1,\"a\":1.50}");
        assert_eq!(united(&["[1, 2]", "[]", "[{\"a\": 12345678901234567890123}]"]).unwrap(), "[1,2,{\"a\":12345678901234567890123}]");
        assert_eq!(united(&[]).unwrap(), "");
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        assert_eq!(united(&["{\"a\": 1}", "{\"a\": 2}"]).unwrap_err(), "the key 'a' has another value than in a part before");
        assert_eq!(united(&["[1]", "{}"]).unwrap_err(), "an object after an array");
        assert_eq!(united(&["7"]).unwrap_err(), "a number is neither an object nor an array");
        assert!(united(&["{"]).unwrap_err().starts_with("not JSON: "));
    }
}
