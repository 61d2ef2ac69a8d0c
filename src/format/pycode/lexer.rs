//! The tokens of a Python text, gathered into logical lines with their indentation.

use super::PyError;
use crate::model::Value;

/// One token.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    /// A name or keyword.
    Name(String),
    /// A number as it is written.
    Number(String),
    /// A string or bytes; none for an f-string or one with names of characters.
    Text(Option<Value>),
    /// An operator or bracket.
    Op(&'static str),
}

impl Token {
    /// The name, if it is one.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is this operator.
    pub fn is_op(&self, op: &str) -> bool {
        matches!(self, Self::Op(own) if *own == op)
    }
}

/// A logical line: brackets and backslashes may spread it over several lines of text.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    /// How far it is indented.
    pub indent: usize,
    /// Its tokens; never empty.
    pub tokens: Vec<Token>,
    /// Where it begins, from 1.
    pub number: usize,
}

/// Operators, longer ones first.
const OPS: [&str; 47] = [
    "**=", "//=", ">>=", "<<=", "...", "**", "//", ">>", "<<", "<=", ">=", "==", "!=", "->", "+=", "-=", "*=", "/=", "%=", "&=", "|=",
    "^=", "@=", ":=", "+", "-", "*", "/", "%", "@", "&", "|", "^", "~", "<", ">", "(", ")", "[", "]", "{", "}", ",", ":", ".", ";", "=",
];

/// Splits a text into logical lines.
///
/// # Errors
/// Strings and brackets that do not end, characters that cannot stand in Python.
pub(super) fn lines(text: &str) -> Result<Vec<Line>, PyError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut lexer = Lexer { text: &text, at: 0, line: 1, open: Vec::new() };
    let mut lines = Vec::new();
    while lexer.at < text.len() {
        let indent = lexer.indent();
        let number = lexer.line;
        let mut tokens = Vec::new();
        while let Some(token) = lexer.token()? {
            tokens.push(token);
        }
        if !tokens.is_empty() {
            lines.push(Line { indent, tokens, number });
        }
    }
    match lexer.open.last() {
        Some((bracket, line)) => Err(PyError { message: format!("'{bracket}' was never closed"), line: *line }),
        None => Ok(lines),
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    open: Vec<(&'static str, usize)>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn wrong(&self, message: impl Into<String>) -> PyError {
        PyError { message: message.into(), line: self.line }
    }

    fn indent(&mut self) -> usize {
        let mut column = 0;
        while let Some(c) = self.peek() {
            column = match c {
                ' ' => column + 1,
                '\t' => (column / 8 + 1) * 8,
                '\u{c}' => 0,
                _ => break,
            };
            self.at += 1;
        }
        column
    }

    /// The next token; none at the end of a logical line.
    fn token(&mut self) -> Result<Option<Token>, PyError> {
        loop {
            let Some(c) = self.peek() else { return Ok(None) };
            match c {
                '\n' => {
                    self.at += 1;
                    self.line += 1;
                    if self.open.is_empty() {
                        return Ok(None);
                    }
                }
                ' ' | '\t' | '\u{c}' => self.at += 1,
                '#' => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                '\\' if self.rest().starts_with("\\\n") => {
                    self.at += 2;
                    self.line += 1;
                }
                _ => break,
            }
        }
        if let Some(token) = self.text_token()? {
            return Ok(Some(token));
        }
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return Ok(None) };
        if c.is_alphabetic() || c == '_' {
            let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let name = rest[..length].to_owned();
            self.at += length;
            return Ok(Some(Token::Name(name)));
        }
        if c.is_ascii_digit() || (c == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())) {
            let number = rest[..number_length(rest)].to_owned();
            self.at += number.len();
            return Ok(Some(Token::Number(number)));
        }
        self.operator().map(Some)
    }

    fn operator(&mut self) -> Result<Token, PyError> {
        let Some(op) = OPS.into_iter().find(|op| self.rest().starts_with(op)) else {
            return Err(self.wrong("invalid syntax"));
        };
        match op {
            "(" | "[" | "{" => self.open.push((op, self.line)),
            ")" | "]" | "}" => {
                let partner = match op {
                    ")" => "(",
                    "]" => "[",
                    _ => "{",
                };
                match self.open.pop() {
                    None => return Err(self.wrong(format!("unmatched '{op}'"))),
                    Some((bracket, _)) if bracket != partner => {
                        return Err(self.wrong(format!("closing parenthesis '{op}' does not match opening parenthesis '{bracket}'")));
                    }
                    Some(_) => {}
                }
            }
            _ => {}
        }
        self.at += op.len();
        Ok(Token::Op(op))
    }

    /// A string, if one begins here.
    fn text_token(&mut self) -> Result<Option<Token>, PyError> {
        let rest = self.rest();
        let Some(length) = rest.find(['\'', '"']).filter(|&length| length <= 2) else { return Ok(None) };
        let prefix = rest[..length].to_ascii_lowercase();
        if !matches!(prefix.as_str(), "" | "r" | "b" | "u" | "f" | "br" | "rb" | "fr" | "rf") {
            return Ok(None);
        }
        let quote = &rest[length..length + 1];
        let triple = quote.repeat(3);
        let long = rest[length..].starts_with(&triple);
        let quote = if long { triple } else { quote.to_owned() };
        let begin = self.line;
        self.at += length + quote.len();
        let body = self.at;
        loop {
            let rest = self.rest();
            if rest.starts_with(&quote) {
                break;
            }
            match rest.chars().next() {
                Some('\\') => {
                    let next = rest[1..].chars().next();
                    self.line += usize::from(next == Some('\n'));
                    self.at += 1 + next.map_or(0, char::len_utf8);
                }
                Some('\n') if long => {
                    self.line += 1;
                    self.at += 1;
                }
                Some(c) if c != '\n' => self.at += c.len_utf8(),
                _ if long => {
                    let message = format!("unterminated triple-quoted string literal (detected at line {})", self.line);
                    return Err(PyError { message, line: begin });
                }
                _ => {
                    let message = format!("unterminated string literal (detected at line {})", self.line);
                    return Err(PyError { message, line: begin });
                }
            }
        }
        let body = &self.text[body..self.at];
        self.at += quote.len();
        Ok(Some(Token::Text(text_value(body, &prefix))))
    }
}

/// How many bytes at the beginning are a number, with all letters that belong to it.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let hex = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1], b'x' | b'X');
    let mut end = 0;
    while let Some(&byte) = bytes.get(end) {
        let sign = matches!(byte, b'+' | b'-') && !hex && end > 0 && matches!(bytes[end - 1], b'e' | b'E');
        if !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.') || sign) {
            break;
        }
        end += 1;
    }
    end
}

/// The value of a string's inside; none where it cannot be known here.
fn text_value(body: &str, prefix: &str) -> Option<Value> {
    if prefix.contains('f') {
        return None;
    }
    let bytes = prefix.contains('b');
    if prefix.contains('r') {
        return Some(if bytes { Value::Bytes(body.as_bytes().into()) } else { Value::str(body) });
    }
    let mut chars = body.chars().peekable();
    let mut out: Vec<char> = Vec::with_capacity(body.len());
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        let next = chars.next()?;
        match next {
            '\n' => {}
            '\\' | '\'' | '"' => out.push(next),
            'a' => out.push('\u{7}'),
            'b' => out.push('\u{8}'),
            'f' => out.push('\u{c}'),
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'v' => out.push('\u{b}'),
            '0'..='7' => {
                let mut code = next.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    code = code * 8 + digit;
                    chars.next();
                }
                out.push(char::from_u32(if bytes { code & 0xff } else { code })?);
            }
            'x' => out.push(hex(&mut chars, 2)?),
            'u' if !bytes => out.push(hex(&mut chars, 4)?),
            'U' if !bytes => out.push(hex(&mut chars, 8)?),
            'N' if !bytes => return None,
            other => out.extend(['\\', other]),
        }
    }
    Some(if bytes {
        let bytes: Option<Vec<u8>> = out.into_iter().map(|c| u8::try_from(u32::from(c)).ok()).collect();
        Value::Bytes(bytes?.into())
    } else {
        Value::str(&out.into_iter().collect::<String>())
    })
}

fn hex(chars: &mut impl Iterator<Item = char>, digits: usize) -> Option<char> {
    let mut code = 0;
    for _ in 0..digits {
        code = code * 16 + chars.next()?.to_digit(16)?;
    }
    char::from_u32(code)
}
