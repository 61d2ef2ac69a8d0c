//! A place in the text, and what stands there.

use super::super::place::Spot;

/// A place in the text.
#[derive(Clone)]
pub(in super::super) struct Cursor<'a> {
    text: &'a str,
    /// In bytes.
    at: usize,
    /// In characters.
    pub index: usize,
    pub line: u32,
    pub column: u32,
}

impl<'a> Cursor<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, index: 0, line: 0, column: 0 }
    }

    pub fn spot(&self) -> Spot {
        Spot { line: self.line, column: self.column }
    }

    /// The byte so many bytes ahead; zero past the end (no text holds a zero).
    pub fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The character so many bytes ahead; NUL past the end.
    pub fn char(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead..).and_then(|rest| rest.chars().next()).unwrap_or('\0')
    }

    pub fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// The length of the line break so many bytes ahead; zero where there is none.
    pub fn break_at(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\n' => 1,
            0xc2 if self.byte(ahead + 1) == 0x85 => 2,
            0xe2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    /// Whether a line break or the end is there.
    pub fn ends_line(&self, ahead: usize) -> bool {
        self.byte(ahead) == 0 || self.break_at(ahead) > 0
    }

    /// Whether white space or the end is there.
    pub fn ends_word(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), 0 | b' ' | b'\t') || self.break_at(ahead) > 0
    }

    /// Whether `---` or `...` is here, as a word of its own.
    pub fn is_marker(&self, marker: &str) -> bool {
        self.text.as_bytes()[self.at..].starts_with(marker.as_bytes()) && self.ends_word(3)
    }

    /// Moves so many bytes on, over whole characters, and gives what it passed.
    pub fn take(&mut self, bytes: usize) -> &'a str {
        let passed = &self.text[self.at..self.at + bytes];
        self.at += bytes;
        if passed.is_ascii() && !passed.contains('\n') {
            self.index += bytes;
            self.column += u32::try_from(bytes).unwrap_or(u32::MAX);
            return passed;
        }
        for c in passed.chars() {
            self.index += 1;
            match c {
                '\n' => {
                    self.line += 1;
                    self.column = 0;
                }
                '\u{feff}' => {}
                _ => self.column += 1,
            }
        }
        passed
    }

    /// Passes over blanks; how many.
    pub fn skip_blanks(&mut self) -> usize {
        let count = self.count(|byte| byte == b' ');
        self.take(count);
        count
    }

    /// How many bytes from here on are such.
    pub fn count(&self, such: impl Fn(u8) -> bool) -> usize {
        self.text.as_bytes()[self.at..].iter().take_while(|byte| such(**byte)).count()
    }

    /// How many bytes there are to the end of the line.
    pub fn to_line_end(&self) -> usize {
        let mut length = self.count(|byte| !matches!(byte, b'\n' | 0xc2 | 0xe2));
        while !self.ends_line(length) {
            length += 1;
            length += self.text.as_bytes()[self.at + length..].iter().take_while(|byte| !matches!(byte, b'\n' | 0xc2 | 0xe2)).count();
        }
        length
    }

    /// Passes over a line break; what it stands for (nothing where there is none).
    pub fn take_break(&mut self) -> &'a str {
        match self.break_at(0) {
            0 => "",
            3 => self.take(3),
            length => {
                self.take(length);
                "\n"
            }
        }
    }
}
