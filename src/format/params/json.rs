//! JSON as Python reads it: `NaN` and `Infinity`, integers of any size, the last of duplicate
//! keys, and Python's sentences for what is wrong.

use crate::model::{Key, Map, Value};

/// How deep lists and maps may be in one another (Python gives up near this, too).
const DEPTH: usize = 900;

/// Reads a text.
///
/// # Errors
/// What Python's `json` says, with line, column and character.
pub fn parse(text: &str) -> Result<Value, String> {
    if text.starts_with('\u{feff}') {
        return Err("Unexpected UTF-8 BOM (decode using utf-8-sig): line 1 column 1 (char 0)".to_owned());
    }
    let mut reader = Reader { text, at: 0 };
    reader.blanks();
    let value = reader.value(0)?;
    reader.blanks();
    if reader.at < text.len() {
        return Err(reader.wrong("Extra data", reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn wrong(&self, what: &str, at: usize) -> String {
        let before = &self.text[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        format!("{what}: line {line} column {column} (char {})", before.chars().count())
    }

    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH {
            return Err("maximum recursion depth exceeded while decoding a JSON array from a unicode string".to_owned());
        }
        match self.peek() {
            Some(b'"') => Ok(Value::str(&self.string()?)),
            Some(b'{') => self.map(depth),
            Some(b'[') => self.list(depth),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value, String> {
        const WORDS: [(&str, Value); 6] = [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Float(f64::NAN)),
            ("Infinity", Value::Float(f64::INFINITY)),
            ("-Infinity", Value::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in WORDS {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        let length = number_length(self.rest().as_bytes());
        if length == 0 {
            return Err(self.wrong("Expecting value", self.at));
        }
        let text = &self.rest()[..length];
        let value = number(text);
        self.at += length;
        Ok(value)
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.blanks();
        if self.take(b']') {
            return Ok(Value::seq(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.blanks();
            if self.take(b']') {
                return Ok(Value::seq(items));
            }
            if !self.take(b',') {
                return Err(self.wrong("Expecting ',' delimiter", self.at));
            }
            self.blanks();
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, String> {
        self.at += 1;
        let mut map = Map::default();
        self.blanks();
        if self.take(b'}') {
            return Ok(Value::map(map));
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("Expecting property name enclosed in double quotes", self.at));
            }
            let key = self.string()?;
            self.blanks();
            if !self.take(b':') {
                return Err(self.wrong("Expecting ':' delimiter", self.at));
            }
            self.blanks();
            let value = self.value(depth + 1)?;
            map.insert(Key::str(&key), value);
            self.blanks();
            if self.take(b'}') {
                return Ok(Value::map(map));
            }
            if !self.take(b',') {
                return Err(self.wrong("Expecting ',' delimiter", self.at));
            }
            self.blanks();
        }
    }

    fn string(&mut self) -> Result<String, String> {
        let begin = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(c) = self.rest().chars().next() else {
                return Err(self.wrong("Unterminated string starting at", begin));
            };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => out.push(self.escape(begin)?),
                c if u32::from(c) < 0x20 => return Err(self.wrong("Invalid control character at", self.at)),
                c => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Result<char, String> {
        let at = self.at;
        let Some(c) = self.text[at + 1..].chars().next() else {
            return Err(self.wrong("Unterminated string starting at", begin));
        };
        self.at += 1 + c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(at),
            _ => return Err(self.wrong("Invalid \\escape", at)),
        })
    }

    /// `\uXXXX`, a pair for characters above the first plane. A lone surrogate, which Python
    /// keeps and then cannot write, becomes the replacement character.
    fn unicode(&mut self, at: usize) -> Result<char, String> {
        let first = self.hex4().ok_or_else(|| self.wrong("Invalid \\uXXXX escape", at + 1))?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or('\u{fffd}'));
        }
        let before = self.at;
        if self.rest().starts_with("\\u") {
            self.at += 2;
            if let Some(second @ 0xdc00..0xe000) = self.hex4() {
                return Ok(char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)).unwrap_or('\u{fffd}'));
            }
        }
        self.at = before;
        Ok('\u{fffd}')
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        let value = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(value)
    }
}

/// How many bytes at the beginning are a JSON number.
fn number_length(bytes: &[u8]) -> usize {
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sign = usize::from(bytes.first() == Some(&b'-'));
    let whole = if bytes.get(sign) == Some(&b'0') { 1 } else { digits(sign.min(bytes.len())) };
    if whole == 0 {
        return 0;
    }
    let mut end = sign + whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if signed < bytes.len() && digits(signed) > 0 {
            end = signed + digits(signed);
        }
    }
    end
}

fn number(text: &str) -> Value {
    if text.contains(['.', 'e', 'E']) {
        return Value::Float(text.parse().unwrap_or(f64::NAN));
    }
    match text.parse() {
        Ok(value) => Value::Int(value),
        Err(_) => Value::BigInt(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_python_reads() {
        let value =
            parse(r#" {"a": [1, -0, 1.5e3, NaN, -Infinity, 100000000000000000000], "b": "x\u00e9\ud83d\ude00\n", "a": null} "#).unwrap();
        let map = value.as_map().unwrap();
        assert_eq!(map.keys().filter_map(Key::as_str).collect::<Vec<_>>(), ["a", "b"]);
        assert!(value.get("a").unwrap().is_null());
        assert_eq!(value.get("b").unwrap().as_str(), Some("xé😀\n"));
        assert_eq!(parse("100000000000000000000").unwrap(), Value::BigInt("100000000000000000000".into()));
    }

    #[test]
    fn complains_as_python_does() {
        for (text, want) in [
            ("{\n", "Expecting property name enclosed in double quotes: line 2 column 1 (char 2)"),
            ("", "Expecting value: line 1 column 1 (char 0)"),
            ("[1 2]", "Expecting ',' delimiter: line 1 column 4 (char 3)"),
            ("{\"a\" 1}", "Expecting ':' delimiter: line 1 column 6 (char 5)"),
            ("1 2", "Extra data: line 1 column 3 (char 2)"),
            ("[1.]", "Expecting ',' delimiter: line 1 column 3 (char 2)"),
            ("\"a", "Unterminated string starting at: line 1 column 1 (char 0)"),
            ("01", "Extra data: line 1 column 2 (char 1)"),
        ] {
            assert_eq!(parse(text).unwrap_err(), want, "{text}");
        }
    }
}
