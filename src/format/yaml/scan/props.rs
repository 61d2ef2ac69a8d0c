//! Directives, anchors, aliases and tags.

use super::super::error::YamlError;
use super::super::place::Spot;
use super::super::scalar::{Dialect, quoted};
use super::{Directive, Scanner, Tag};

impl<'a> Scanner<'a> {
    /// The character here as Python shows it.
    fn shown(&self) -> String {
        quoted(&self.cursor.char(0).to_string())
    }

    fn fail(&self, context: &str, began: Spot, problem: String) -> YamlError {
        YamlError::within(context, began.into(), problem, self.cursor.spot().into())
    }

    /// Whether a blank, a line break or the end is here.
    fn ends_here(&self) -> bool {
        self.cursor.byte(0) == b' ' || self.cursor.ends_line(0)
    }

    pub(super) fn scan_directive(&mut self) -> Result<Directive<'a>, YamlError> {
        const CONTEXT: &str = "while scanning a directive";
        let start = self.cursor.spot();
        self.cursor.take(1);
        let length = self.cursor.count(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b':' | b'.'));
        let name = self.cursor.take(length);
        if name.is_empty() || !self.ends_here() {
            return Err(self.fail(CONTEXT, start, format!("expected alphabetic or numeric character, but found {}", self.shown())));
        }
        let directive = match name {
            "YAML" => {
                let version = self.scan_version(start)?;
                self.version = Some(version);
                Directive::Yaml(version.0, version.1)
            }
            "TAG" => self.scan_tag_directive(start)?,
            _ => {
                let rest = self.cursor.to_line_end();
                self.cursor.take(rest);
                Directive::Other
            }
        };
        self.cursor.skip_blanks();
        if self.cursor.byte(0) == b'#' {
            let rest = self.cursor.to_line_end();
            self.cursor.take(rest);
        }
        if !self.cursor.ends_line(0) {
            return Err(self.fail(CONTEXT, start, format!("expected a comment or a line break, but found {}", self.shown())));
        }
        self.cursor.take_break();
        Ok(directive)
    }

    fn scan_version(&mut self, start: Spot) -> Result<(u32, u32), YamlError> {
        self.cursor.skip_blanks();
        let major = self.scan_number(start)?;
        let wrong = |scanner: &Self| {
            scanner.fail("while scanning a directive", start, format!("expected a digit or '.', but found {}", scanner.shown()))
        };
        if self.cursor.byte(0) != b'.' {
            return Err(wrong(self));
        }
        self.cursor.take(1);
        let minor = self.scan_number(start)?;
        if self.ends_here() { Ok((major, minor)) } else { Err(wrong(self)) }
    }

    fn scan_number(&mut self, start: Spot) -> Result<u32, YamlError> {
        let length = self.cursor.count(|byte| byte.is_ascii_digit());
        if length == 0 {
            return Err(self.fail("while scanning a directive", start, format!("expected a digit, but found {}", self.shown())));
        }
        Ok(self.cursor.take(length).parse().unwrap_or(u32::MAX))
    }

    fn scan_tag_directive(&mut self, start: Spot) -> Result<Directive<'a>, YamlError> {
        let wrong =
            |scanner: &Self| scanner.fail("while scanning a directive", start, format!("expected ' ', but found {}", scanner.shown()));
        self.cursor.skip_blanks();
        let handle = self.scan_handle("directive", start)?;
        if self.cursor.byte(0) != b' ' {
            return Err(wrong(self));
        }
        self.cursor.skip_blanks();
        let prefix = self.scan_uri("directive", start)?;
        if self.ends_here() { Ok(Directive::Tag(handle, prefix)) } else { Err(wrong(self)) }
    }

    /// The name of an anchor or alias, with the sign before it.
    pub(super) fn scan_name(&mut self) -> Result<&'a str, YamlError> {
        let start = self.cursor.spot();
        let context = if self.cursor.byte(0) == b'*' { "while scanning an alias" } else { "while scanning an anchor" };
        self.cursor.take(1);
        let mut length = 0;
        loop {
            let c = self.cursor.char(length);
            let named = matches!(c, '!'..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            if !named || matches!(c, ',' | '[' | ']' | '{' | '}' | '\u{feff}') {
                break;
            }
            length += c.len_utf8();
        }
        let name = self.cursor.take(length);
        let ended = self.cursor.ends_word(0) || matches!(self.cursor.byte(0), b',' | b'[' | b']' | b'{' | b'}');
        if name.is_empty() || !ended {
            return Err(self.fail(context, start, format!("expected alphabetic or numeric character, but found {}", self.shown())));
        }
        Ok(name)
    }

    pub(super) fn scan_tag(&mut self) -> Result<Tag<'a>, YamlError> {
        let start = self.cursor.spot();
        let short = if self.cursor.byte(1) == b'!' { "!!" } else { "!" };
        self.cursor.take(short.len() - 1);
        let tag = if self.cursor.byte(1) == b'<' {
            self.cursor.take(2);
            let suffix = self.scan_uri("tag", start)?;
            if self.cursor.byte(0) != b'>' {
                return Err(self.fail("while parsing a tag", start, format!("expected '>' but found {}", self.shown())));
            }
            self.cursor.take(1);
            Tag { handle: None, suffix }
        } else if self.cursor.ends_word(1) {
            self.cursor.take(1);
            Tag { handle: None, suffix: short.to_owned() }
        } else {
            let mut length = 1;
            while self.cursor.byte(length) != b' ' && self.cursor.byte(length) != b'!' && !self.cursor.ends_line(length) {
                length += 1;
            }
            let handle = if self.cursor.byte(length) == b'!' {
                self.scan_handle("tag", start)?
            } else {
                self.cursor.take(1);
                short
            };
            Tag { handle: Some(handle), suffix: self.scan_uri("tag", start)? }
        };
        if !self.ends_here() {
            return Err(self.fail("while scanning a tag", start, format!("expected ' ', but found {}", self.shown())));
        }
        Ok(tag)
    }

    fn scan_handle(&mut self, name: &str, start: Spot) -> Result<&'a str, YamlError> {
        let context = format!("while scanning an {name}");
        if self.cursor.byte(0) != b'!' {
            return Err(self.fail(&context, start, format!("expected '!', but found {}", self.shown())));
        }
        let mut length = 1;
        if self.cursor.byte(1) != b' ' {
            while self.cursor.byte(length).is_ascii_alphanumeric() || matches!(self.cursor.byte(length), b'-' | b'_') {
                length += 1;
            }
            if self.cursor.byte(length) != b'!' {
                self.cursor.take(length);
                return Err(self.fail(&context, start, format!("expected '!' but found {}", self.shown())));
            }
            length += 1;
        }
        Ok(self.cursor.take(length))
    }

    fn scan_uri(&mut self, name: &str, start: Spot) -> Result<String, YamlError> {
        let hash = self.dialect() == Dialect::V1_2;
        let mut uri = Vec::new();
        loop {
            let length = self
                .cursor
                .count(|byte| byte.is_ascii_alphanumeric() || b"-;/?:@&=+$,_.!~*'()[]".contains(&byte) || (hash && byte == b'#'));
            uri.extend_from_slice(self.cursor.take(length).as_bytes());
            if self.cursor.byte(0) != b'%' {
                break;
            }
            let digits = [self.cursor.byte(1), self.cursor.byte(2)].map(|byte| char::from(byte).to_digit(16));
            let [Some(high), Some(low)] = digits else {
                self.cursor.take(1);
                let bad = self.cursor.char(usize::from(digits[0].is_some()));
                let found = quoted(&bad.to_string());
                let problem = format!("expected URI escape sequence of 2 hexdecimal numbers, but found {found}");
                return Err(self.fail(&format!("while scanning an {name}"), start, problem));
            };
            uri.push(u8::try_from(high * 16 + low).unwrap_or(0));
            self.cursor.take(3);
        }
        if uri.is_empty() {
            return Err(self.fail(&format!("while parsing an {name}"), start, format!("expected URI, but found {}", self.shown())));
        }
        String::from_utf8(uri).map_err(|error| self.fail(&format!("while scanning an {name}"), start, error.to_string()))
    }
}
