//! Literals as Python's `ast.literal_eval` takes them. Complex numbers and `...` are left out.

use std::sync::Arc;

use super::lexer::Token;
use crate::model::{Key, Map, Value};

/// How deep brackets may be in one another.
const DEPTH: usize = 90;

/// The value of an expression; none if it is no literal.
pub(super) fn parse(tokens: &[Token]) -> Option<Value> {
    let mut reader = Reader { tokens, at: 0, depth: 0 };
    let value = reader.list_of_values(None)?;
    (reader.at == tokens.len()).then_some(value)
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn take(&mut self, op: &str) -> bool {
        let there = self.tokens.get(self.at).is_some_and(|token| token.is_op(op));
        self.at += usize::from(there);
        there
    }

    /// `1` or `1, 2`: a value, or a tuple (which is a list here), up to a closing bracket.
    fn list_of_values(&mut self, close: Option<&str>) -> Option<Value> {
        if close.is_some_and(|close| self.take(close)) {
            return Some(Value::empty_tuple());
        }
        let mut items = vec![self.value()?];
        let mut tuple = false;
        while self.take(",") {
            tuple = true;
            let ended =
                close.map_or(self.at == self.tokens.len(), |close| self.tokens.get(self.at).is_some_and(|token| token.is_op(close)));
            if ended {
                break;
            }
            items.push(self.value()?);
        }
        if close.is_some_and(|close| !self.take(close)) {
            return None;
        }
        if tuple { Some(Value::seq(items)) } else { items.pop() }
    }

    fn items(&mut self, close: &str) -> Option<Vec<Value>> {
        let mut items = Vec::new();
        while !self.take(close) {
            items.push(self.value()?);
            if !self.take(",") && !self.tokens.get(self.at)?.is_op(close) {
                return None;
            }
        }
        Some(items)
    }

    fn value(&mut self) -> Option<Value> {
        self.depth += 1;
        let value = if self.depth > DEPTH { None } else { self.primary() };
        self.depth -= 1;
        value
    }

    fn primary(&mut self) -> Option<Value> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        match token {
            Token::Number(text) => number(text),
            Token::Text(value) => self.strings(value.clone()?),
            Token::Name(name) => match name.as_str() {
                "None" => Some(Value::Null),
                "True" => Some(Value::Bool(true)),
                "False" => Some(Value::Bool(false)),
                "set" if self.take("(") && self.take(")") => Some(Value::Set(Arc::default())),
                _ => None,
            },
            Token::Op("-") => self.signed(true),
            Token::Op("+") => self.signed(false),
            Token::Op("(") => self.list_of_values(Some(")")),
            Token::Op("[") => Some(Value::seq(self.items("]")?)),
            Token::Op("{") => self.braces(),
            Token::Op(_) => None,
        }
    }

    /// Strings side by side are one.
    fn strings(&mut self, first: Value) -> Option<Value> {
        let mut value = first;
        while let Some(Token::Text(next)) = self.tokens.get(self.at) {
            value = match (&value, next.as_ref()?) {
                (Value::Str(a), Value::Str(b)) => Value::str(&format!("{a}{b}")),
                (Value::Bytes(a), Value::Bytes(b)) => Value::Bytes([a.as_ref(), b.as_ref()].concat().into()),
                _ => return None,
            };
            self.at += 1;
        }
        Some(value)
    }

    fn signed(&mut self, negative: bool) -> Option<Value> {
        let Token::Number(text) = self.tokens.get(self.at)? else { return None };
        self.at += 1;
        let value = number(text)?;
        Some(match value {
            Value::Int(value) if negative => Value::Int(-value),
            Value::Float(value) if negative => Value::Float(-value),
            Value::BigInt(text) if negative && text.as_ref() == "9223372036854775808" => Value::Int(i64::MIN),
            Value::BigInt(text) if negative => Value::BigInt(format!("-{text}").into()),
            value => value,
        })
    }

    fn braces(&mut self) -> Option<Value> {
        if self.take("}") {
            return Some(Value::map(Map::default()));
        }
        let mut map = Map::default();
        let mut is_map = None;
        loop {
            let key = self.value()?;
            if matches!(key, Value::Map(_) | Value::Set(_)) {
                return None;
            }
            let colon = self.take(":");
            if *is_map.get_or_insert(colon) != colon {
                return None;
            }
            let value = if colon { self.value()? } else { Value::Null };
            map.insert(Key(key), value);
            let comma = self.take(",");
            if self.take("}") {
                break;
            }
            if !comma {
                return None;
            }
        }
        Some(if is_map == Some(true) { Value::map(map) } else { Value::Set(Arc::new(map)) })
    }
}

/// The value of a number; none for complex ones and for what is no number.
fn number(text: &str) -> Option<Value> {
    let bare = text.replace('_', "").to_ascii_lowercase();
    for (prefix, base) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = bare.strip_prefix(prefix) {
            return Some(match i64::from_str_radix(digits, base) {
                Ok(value) => Value::Int(value),
                Err(_) => Value::BigInt(decimal(digits, base)?.into()),
            });
        }
    }
    if bare.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(match bare.parse() {
            Ok(value) => Value::Int(value),
            Err(_) => Value::BigInt(bare.trim_start_matches('0').into()),
        });
    }
    let plain = bare.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'));
    plain.then(|| bare.parse().ok().map(Value::Float)).flatten()
}

/// The decimal digits of a number in another base.
fn decimal(digits: &str, base: u32) -> Option<String> {
    let mut out: Vec<u32> = Vec::new();
    for digit in digits.chars() {
        let mut carry = digit.to_digit(base)?;
        for place in &mut out {
            let value = *place * base + carry;
            *place = value % 10;
            carry = value / 10;
        }
        while carry > 0 {
            out.push(carry % 10);
            carry /= 10;
        }
    }
    Some(out.iter().rev().filter_map(|digit| char::from_digit(*digit, 10)).collect())
}
