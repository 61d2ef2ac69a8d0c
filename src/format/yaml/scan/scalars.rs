//! Scalars: plain, in quotes, in blocks.

use std::borrow::Cow;

use super::super::error::YamlError;
use super::super::place::Spot;
use super::super::scalar::{Dialect, quoted};
use super::Scanner;

/// What a block scalar does with the line breaks at its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Clip,
    Strip,
    Keep,
}

/// Text that is a slice of the source as long as nothing must be left out.
struct Pieces<'a> {
    text: Cow<'a, str>,
}

impl<'a> Pieces<'a> {
    fn new() -> Self {
        Self { text: Cow::Borrowed("") }
    }

    fn push(&mut self, piece: &'a str) {
        if self.text.is_empty() {
            self.text = Cow::Borrowed(piece);
        } else if !piece.is_empty() {
            self.text.to_mut().push_str(piece);
        }
    }

    fn push_char(&mut self, c: char) {
        self.text.to_mut().push(c);
    }
}

impl<'a> Scanner<'a> {
    fn quote_error(&self, began: Spot, context: &str, problem: String) -> YamlError {
        YamlError::within(context, began.into(), problem, self.cursor.spot().into())
    }

    /// A plain scalar and where it ends.
    pub(super) fn scan_plain(&mut self) -> (Cow<'a, str>, Spot) {
        let indent = self.indent + 1;
        let mut pieces = Pieces::new();
        let mut end = self.cursor.spot();
        let mut spaces: Vec<&'a str> = Vec::new();
        while self.cursor.byte(0) != b'#' {
            let length = self.plain_word();
            if length == 0 {
                break;
            }
            self.allow_key = false;
            spaces.drain(..).for_each(|space| pieces.push(space));
            pieces.push(self.cursor.take(length));
            end = self.cursor.spot();
            let found = self.plain_spaces(&mut spaces);
            let outside = self.flow.is_empty() && i64::from(self.cursor.column) < indent;
            if !found || self.cursor.byte(0) == b'#' || outside {
                break;
            }
        }
        (pieces.text, end)
    }

    /// How many bytes of a plain scalar there are up to white space or an indicator.
    fn plain_word(&self) -> usize {
        let in_flow = !self.flow.is_empty();
        let old = self.dialect() == Dialect::V1_1;
        let mut length = 0;
        loop {
            let end = match self.cursor.byte(length) {
                0 | b' ' | b'\t' | b'\n' => true,
                b':' => self.cursor.ends_word(length + 1),
                b'?' => in_flow && old,
                b',' | b'[' | b']' | b'{' | b'}' => in_flow,
                0xc2 | 0xe2 => self.cursor.break_at(length) > 0,
                _ => false,
            };
            if end {
                return length;
            }
            length += 1;
        }
    }

    /// Passes over the white space within a plain scalar and notes what it stands for; whether
    /// the scalar may go on.
    fn plain_spaces(&mut self, spaces: &mut Vec<&'a str>) -> bool {
        let blanks = self.cursor.count(|byte| byte == b' ');
        let blanks = self.cursor.take(blanks);
        if self.cursor.break_at(0) == 0 {
            spaces.push(blanks);
            return !blanks.is_empty();
        }
        let first = self.cursor.take_break();
        self.allow_key = true;
        if self.is_marker() {
            return false;
        }
        let mut breaks = Vec::new();
        loop {
            self.cursor.skip_blanks();
            let found = self.cursor.take_break();
            if found.is_empty() {
                break;
            }
            breaks.push(found);
            if self.is_marker() {
                return false;
            }
        }
        fold(first, &breaks, |space| spaces.push(space));
        true
    }

    /// Whether the marker of a document's start or end is here.
    fn is_marker(&self) -> bool {
        self.cursor.is_marker("---") || self.cursor.is_marker("...")
    }

    /// A scalar in quotes.
    pub(super) fn scan_quoted(&mut self, double: bool) -> Result<Cow<'a, str>, YamlError> {
        let start = self.cursor.spot();
        let quote = if double { b'"' } else { b'\'' };
        self.cursor.take(1);
        let mut pieces = Pieces::new();
        self.quoted_word(double, start, &mut pieces)?;
        while self.cursor.byte(0) != quote {
            self.quoted_spaces(start, &mut pieces)?;
            self.quoted_word(double, start, &mut pieces)?;
        }
        self.cursor.take(1);
        Ok(pieces.text)
    }

    /// What stands in quotes up to white space or the end of the quotes.
    fn quoted_word(&mut self, double: bool, start: Spot, pieces: &mut Pieces<'a>) -> Result<(), YamlError> {
        loop {
            let mut length = 0;
            while !matches!(self.cursor.byte(length), b'\'' | b'"' | b'\\') && !self.cursor.ends_word(length) {
                length += 1;
            }
            pieces.push(self.cursor.take(length));
            match self.cursor.byte(0) {
                b'\'' if !double && self.cursor.byte(1) == b'\'' => {
                    self.cursor.take(1);
                    pieces.push(self.cursor.take(1));
                }
                b'\'' if double => pieces.push(self.cursor.take(1)),
                b'"' | b'\\' if !double => pieces.push(self.cursor.take(1)),
                b'\\' => self.escape(start, pieces)?,
                _ => return Ok(()),
            }
        }
    }

    /// A backslash and what follows it.
    fn escape(&mut self, start: Spot, pieces: &mut Pieces<'a>) -> Result<(), YamlError> {
        const CONTEXT: &str = "while scanning a double-quoted scalar";
        self.cursor.take(1);
        let c = match self.cursor.byte(0) {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{b}',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b' ' => ' ',
            b'"' => '"',
            b'/' => '/',
            b'\\' => '\\',
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            kind @ (b'x' | b'u' | b'U') => {
                self.cursor.take(1);
                let digits = match kind {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                pieces.push_char(self.code(digits, start)?);
                return Ok(());
            }
            _ if self.cursor.break_at(0) > 0 => {
                self.cursor.take_break();
                self.quoted_breaks(start)?.into_iter().for_each(|found| pieces.push(found));
                return Ok(());
            }
            _ => {
                let found = quoted(&self.cursor.char(0).to_string());
                return Err(self.quote_error(start, CONTEXT, format!("found unknown escape character {found}")));
            }
        };
        self.cursor.take(1);
        pieces.push_char(c);
        Ok(())
    }

    /// The character of so many hexadecimal digits.
    fn code(&mut self, digits: usize, start: Spot) -> Result<char, YamlError> {
        if let Some(bad) = (0..digits).find(|at| !self.cursor.byte(*at).is_ascii_hexdigit()) {
            let found = quoted(&self.cursor.char(bad).to_string());
            let problem = format!("expected escape sequence of {digits} hexdecimal numbers, but found {found}");
            return Err(self.quote_error(start, "while scanning a double-quoted scalar", problem));
        }
        let text = self.cursor.take(digits);
        let code = u32::from_str_radix(text, 16).unwrap_or(u32::MAX);
        char::from_u32(code).ok_or_else(|| {
            YamlError::Value(if code > 0x0010_ffff {
                "chr() arg not in range(0x110000)".to_owned()
            } else {
                format!("'utf-8' codec can't encode character '\\u{code:04x}' in position 0: surrogates not allowed")
            })
        })
    }

    /// White space within quotes.
    fn quoted_spaces(&mut self, start: Spot, pieces: &mut Pieces<'a>) -> Result<(), YamlError> {
        let blanks = self.cursor.count(|byte| matches!(byte, b' ' | b'\t'));
        let blanks = self.cursor.take(blanks);
        if self.cursor.at_end() {
            return Err(self.quote_error(start, "while scanning a quoted scalar", "found unexpected end of stream".to_owned()));
        }
        if self.cursor.break_at(0) == 0 {
            pieces.push(blanks);
            return Ok(());
        }
        let first = self.cursor.take_break();
        let breaks = self.quoted_breaks(start)?;
        fold(first, &breaks, |space| pieces.push(space));
        Ok(())
    }

    /// Empty lines within quotes.
    fn quoted_breaks(&mut self, start: Spot) -> Result<Vec<&'a str>, YamlError> {
        let mut breaks = Vec::new();
        loop {
            if self.is_marker() {
                return Err(self.quote_error(start, "while scanning a quoted scalar", "found unexpected document separator".to_owned()));
            }
            let blanks = self.cursor.count(|byte| matches!(byte, b' ' | b'\t'));
            self.cursor.take(blanks);
            match self.cursor.take_break() {
                "" => return Ok(breaks),
                found => breaks.push(found),
            }
        }
    }

    /// A block scalar.
    pub(super) fn scan_block_scalar(&mut self, folded: bool) -> Result<String, YamlError> {
        let start = self.cursor.spot();
        self.cursor.take(1);
        let (chomp, increment) = self.block_header(start)?;
        let least = self.indent + 1;
        let top = least == 0 && increment.is_none();
        let (mut breaks, indent) = match increment {
            None => {
                let (breaks, deepest) = self.block_indentation()?;
                (breaks, least.max(i64::from(deepest)))
            }
            Some(increment) => {
                let indent = least.max(1) + i64::from(increment) - 1;
                (self.block_breaks(indent), indent)
            }
        };
        let inside = |scanner: &Self| i64::from(scanner.cursor.column) == indent && !scanner.cursor.at_end();
        let is_white = |byte: u8| matches!(byte, b' ' | b'\t');
        let mut text = String::new();
        let mut last = "";
        while inside(self) {
            breaks.drain(..).for_each(|found| text.push_str(found));
            let flush = !is_white(self.cursor.byte(0));
            let length = self.cursor.to_line_end();
            text.push_str(self.cursor.take(length));
            last = self.cursor.take_break();
            breaks = self.block_breaks(indent);
            if (top && self.cursor.column == 0 && self.is_marker()) || !inside(self) {
                break;
            }
            if folded && last == "\n" && flush && !is_white(self.cursor.byte(0)) {
                if breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(last);
            }
        }
        if chomp != Chomp::Strip {
            text.push_str(last);
        }
        if chomp == Chomp::Keep {
            breaks.iter().for_each(|found| text.push_str(found));
        }
        Ok(text)
    }

    /// What stands behind `|` or `>`: chomping and indentation.
    fn block_header(&mut self, start: Spot) -> Result<(Chomp, Option<u32>), YamlError> {
        const CONTEXT: &str = "while scanning a block scalar";
        let mut chomp = None;
        let mut increment = None;
        for _ in 0..2 {
            match self.cursor.byte(0) {
                sign @ (b'+' | b'-') if chomp.is_none() => {
                    chomp = Some(if sign == b'+' { Chomp::Keep } else { Chomp::Strip });
                    self.cursor.take(1);
                }
                b'0' if increment.is_none() => {
                    let problem = "expected indentation indicator in the range 1-9, but found 0".to_owned();
                    return Err(self.quote_error(start, CONTEXT, problem));
                }
                digit @ b'1'..=b'9' if increment.is_none() => {
                    increment = Some(u32::from(digit - b'0'));
                    self.cursor.take(1);
                }
                _ => break,
            }
        }
        let found = |scanner: &Self| quoted(&scanner.cursor.char(0).to_string());
        if self.cursor.byte(0) != b' ' && !self.cursor.ends_line(0) {
            let problem = format!("expected chomping or indentation indicators, but found {}", found(self));
            return Err(self.quote_error(start, CONTEXT, problem));
        }
        self.cursor.skip_blanks();
        if self.cursor.byte(0) == b'#' {
            let rest = self.cursor.to_line_end();
            self.cursor.take(rest);
        }
        if !self.cursor.ends_line(0) {
            return Err(self.quote_error(start, CONTEXT, format!("expected a comment or a line break, but found {}", found(self))));
        }
        self.cursor.take_break();
        Ok((chomp.unwrap_or(Chomp::Clip), increment))
    }

    /// The empty lines at the start of a block scalar, and the deepest column on the way.
    fn block_indentation(&mut self) -> Result<(Vec<&'a str>, u32), YamlError> {
        let mut breaks = Vec::new();
        let mut first = None;
        let mut deepest = 0;
        loop {
            if self.cursor.byte(0) == b' ' {
                self.cursor.skip_blanks();
                deepest = deepest.max(self.cursor.column);
            } else if self.cursor.break_at(0) > 0 {
                first.get_or_insert(self.cursor.column);
                breaks.push(self.cursor.take_break());
            } else {
                break;
            }
        }
        if first.is_some_and(|first| first > 0 && deepest > first) {
            let problem = "more indented follow up line than first in a block scalar";
            return Err(YamlError::plain(problem, self.cursor.spot().into()));
        }
        Ok((breaks, deepest))
    }

    /// The empty lines within a block scalar.
    fn block_breaks(&mut self, indent: i64) -> Vec<&'a str> {
        let mut breaks = Vec::new();
        loop {
            while i64::from(self.cursor.column) < indent && self.cursor.byte(0) == b' ' {
                self.cursor.take(1);
            }
            match self.cursor.take_break() {
                "" => return breaks,
                found => breaks.push(found),
            }
        }
    }
}

/// A line break and the empty lines behind it: one `\n` alone is a blank.
fn fold<'a>(first: &'a str, breaks: &[&'a str], mut push: impl FnMut(&'a str)) {
    if first != "\n" {
        push(first);
    } else if breaks.is_empty() {
        push(" ");
    }
    breaks.iter().for_each(|found| push(found));
}
