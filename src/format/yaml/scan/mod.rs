//! From text to words.
//!
//! The rules are those of ruamel's scanner (itself PyYAML's), because what is a word and what
//! is an error there decides what DVC reads: a tab may not stand before a word, `a:b` is one
//! word, in `[a:b]` too. Its errors are told with its sentences. A key is known as one only
//! when its colon comes, so words wait in a queue for as long as one of them may be a key.

mod cursor;
mod props;
mod scalars;
mod token;

use std::collections::VecDeque;

use super::error::YamlError;
use super::place::Spot;
use super::scalar::{Dialect, quoted};
pub(super) use cursor::Cursor;
pub(super) use token::{Directive, Kind, Tag, Token};

/// How many characters a key may have if no `?` announces it.
const LONGEST_KEY: usize = 1024;

/// A word that may turn out to begin a key.
#[derive(Clone, Copy)]
struct PossibleKey {
    number: usize,
    required: bool,
    index: usize,
    spot: Spot,
}

/// What brackets a place is in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Sequence,
    Mapping,
}

/// Finds the words of a text, one by one.
pub(super) struct Scanner<'a> {
    cursor: Cursor<'a>,
    queue: VecDeque<Token<'a>>,
    /// How many words were handed out.
    taken: usize,
    done: bool,
    /// The column of the block that we are in; -1 outside of all.
    indent: i64,
    indents: Vec<i64>,
    flow: Vec<Flow>,
    /// Whether a key may begin here.
    allow_key: bool,
    /// One for each level of brackets.
    keys: Vec<Option<PossibleKey>>,
    /// The version that `%YAML` asks for.
    pub version: Option<(u32, u32)>,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        Self {
            cursor: Cursor::new(text),
            queue: VecDeque::new(),
            taken: 0,
            done: false,
            indent: -1,
            indents: Vec::new(),
            flow: Vec::new(),
            allow_key: true,
            keys: vec![None],
            version: None,
        }
    }

    /// The patterns for scalars that the version brings.
    pub fn dialect(&self) -> Dialect {
        if self.version == Some((1, 1)) { Dialect::V1_1 } else { Dialect::V1_2 }
    }

    /// The next word, which stays.
    pub fn peek(&mut self) -> Result<&Token<'a>, YamlError> {
        while self.needs_more()? {
            self.fetch()?;
        }
        Ok(self.queue.front().expect("the end of the stream is a word that stays"))
    }

    /// The next word, which goes (but for the end of the stream).
    pub fn next(&mut self) -> Result<Token<'a>, YamlError> {
        let last = self.peek()?.kind == Kind::StreamEnd;
        if last {
            return Ok(self.queue[0].clone());
        }
        self.taken += 1;
        Ok(self.queue.pop_front().expect("a word was just seen"))
    }

    fn needs_more(&mut self) -> Result<bool, YamlError> {
        if self.done {
            return Ok(false);
        }
        if self.queue.is_empty() {
            return Ok(true);
        }
        self.drop_stale_keys()?;
        Ok(self.keys.iter().flatten().next().is_some_and(|key| key.number == self.taken))
    }

    fn fetch(&mut self) -> Result<(), YamlError> {
        self.skip_to_word();
        self.drop_stale_keys()?;
        self.unwind(i64::from(self.cursor.column));
        if self.cursor.at_end() {
            return self.fetch_stream_end();
        }
        if self.cursor.column == 0 {
            if self.cursor.byte(0) == b'%' {
                return self.fetch_directive();
            }
            for (marker, kind) in [("---", Kind::DocumentStart), ("...", Kind::DocumentEnd)] {
                if self.cursor.is_marker(marker) {
                    self.unwind(-1);
                    self.drop_key()?;
                    self.allow_key = false;
                    self.word(kind, 3);
                    return Ok(());
                }
            }
        }
        let in_flow = !self.flow.is_empty();
        match self.cursor.byte(0) {
            b'[' => self.fetch_flow_start(Flow::Sequence),
            b'{' => self.fetch_flow_start(Flow::Mapping),
            b']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            b',' => {
                self.allow_key = true;
                self.drop_key()?;
                self.word(Kind::FlowEntry, 1);
                Ok(())
            }
            b'-' if self.cursor.ends_word(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.cursor.ends_word(1) => self.fetch_key(),
            b':' if self.is_value() => self.fetch_value(),
            b'*' => self.fetch_named(Kind::Alias),
            b'&' => self.fetch_named(Kind::Anchor),
            b'!' => self.fetch_tag(),
            b'|' if !in_flow => self.fetch_block_scalar(false),
            b'>' if !in_flow => self.fetch_block_scalar(true),
            b'\'' => self.fetch_quoted(false),
            b'"' => self.fetch_quoted(true),
            _ if self.is_plain() => self.fetch_plain(),
            _ => {
                let c = quoted(&self.cursor.char(0).to_string());
                Err(YamlError::plain(format!("found character {c} that cannot start any token"), self.cursor.spot().into()))
            }
        }
    }

    /// Passes over white space and comments.
    fn skip_to_word(&mut self) {
        loop {
            let tabs = !self.flow.is_empty();
            let white = self.cursor.count(|byte| byte == b' ' || (tabs && byte == b'\t'));
            self.cursor.take(white);
            if self.cursor.byte(0) == b'#' {
                let rest = self.cursor.to_line_end();
                self.cursor.take(rest);
            }
            if self.cursor.take_break().is_empty() {
                return;
            }
            if self.flow.is_empty() {
                self.allow_key = true;
            }
        }
    }

    // Possible keys.

    fn drop_stale_keys(&mut self) -> Result<(), YamlError> {
        let (line, index) = (self.cursor.line, self.cursor.index);
        for slot in &mut self.keys {
            if let Some(key) = slot
                && (key.spot.line != line || index - key.index > LONGEST_KEY)
            {
                if key.required {
                    return Err(no_colon(key, self.cursor.spot()));
                }
                *slot = None;
            }
        }
        Ok(())
    }

    /// Notes that the word that comes may begin a key.
    fn note_key(&mut self) -> Result<(), YamlError> {
        let required = self.flow.is_empty() && self.indent == i64::from(self.cursor.column);
        if self.allow_key {
            self.drop_key()?;
            let number = self.taken + self.queue.len();
            self.keys[self.flow.len()] = Some(PossibleKey { number, required, index: self.cursor.index, spot: self.cursor.spot() });
        }
        Ok(())
    }

    fn drop_key(&mut self) -> Result<(), YamlError> {
        match self.keys[self.flow.len()].take() {
            Some(key) if key.required => Err(no_colon(&key, self.cursor.spot())),
            _ => Ok(()),
        }
    }

    // Indentation.

    /// Ends the blocks that stand further in than this column.
    fn unwind(&mut self, column: i64) {
        if !self.flow.is_empty() {
            return;
        }
        while self.indent > column {
            let spot = self.cursor.spot();
            self.indent = self.indents.pop().unwrap_or(-1);
            self.queue.push_back(Token { kind: Kind::BlockEnd, start: spot, end: spot });
        }
    }

    /// Whether a block begins at this column.
    fn indents_to(&mut self, column: u32) -> bool {
        let column = i64::from(column);
        if self.indent >= column {
            return false;
        }
        self.indents.push(std::mem::replace(&mut self.indent, column));
        true
    }

    /// Adds a word of so many bytes that stands here.
    fn word(&mut self, kind: Kind<'a>, bytes: usize) {
        let start = self.cursor.spot();
        self.cursor.take(bytes);
        self.queue.push_back(Token { kind, start, end: self.cursor.spot() });
    }

    /// Adds a word that is no text, here.
    fn mark(&mut self, kind: Kind<'a>) {
        self.word(kind, 0);
    }

    // The words.

    fn fetch_stream_end(&mut self) -> Result<(), YamlError> {
        self.unwind(-1);
        self.drop_key()?;
        self.allow_key = false;
        self.keys.iter_mut().for_each(|key| *key = None);
        self.mark(Kind::StreamEnd);
        self.done = true;
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), YamlError> {
        self.unwind(-1);
        self.drop_key()?;
        self.allow_key = false;
        let start = self.cursor.spot();
        let directive = self.scan_directive()?;
        self.queue.push_back(Token { kind: Kind::Directive(directive), start, end: self.cursor.spot() });
        Ok(())
    }

    fn fetch_flow_start(&mut self, flow: Flow) -> Result<(), YamlError> {
        self.note_key()?;
        self.flow.push(flow);
        self.keys.push(None);
        self.allow_key = true;
        self.word(if flow == Flow::Sequence { Kind::FlowSequenceStart } else { Kind::FlowMappingStart }, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind<'a>) -> Result<(), YamlError> {
        self.drop_key()?;
        if self.flow.pop().is_some() {
            self.keys.pop();
        }
        self.allow_key = false;
        self.word(kind, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), YamlError> {
        if self.flow.is_empty() {
            if !self.allow_key {
                return Err(YamlError::plain("sequence entries are not allowed here", self.cursor.spot().into()));
            }
            if self.indents_to(self.cursor.column) {
                self.mark(Kind::BlockSequenceStart);
            }
        }
        self.allow_key = true;
        self.drop_key()?;
        self.word(Kind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), YamlError> {
        if self.flow.is_empty() {
            if !self.allow_key {
                return Err(YamlError::plain("mapping keys are not allowed here", self.cursor.spot().into()));
            }
            if self.indents_to(self.cursor.column) {
                self.mark(Kind::BlockMappingStart);
            }
        }
        self.allow_key = self.flow.is_empty();
        self.drop_key()?;
        self.word(Kind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), YamlError> {
        if let Some(key) = self.keys[self.flow.len()].take() {
            let at = key.number - self.taken;
            self.queue.insert(at, Token { kind: Kind::Key, start: key.spot, end: key.spot });
            if self.flow.is_empty() && self.indents_to(key.spot.column) {
                self.queue.insert(at, Token { kind: Kind::BlockMappingStart, start: key.spot, end: key.spot });
            }
            self.allow_key = false;
        } else {
            if self.flow.is_empty() {
                if !self.allow_key {
                    return Err(YamlError::plain("mapping values are not allowed here", self.cursor.spot().into()));
                }
                if self.indents_to(self.cursor.column) {
                    self.mark(Kind::BlockMappingStart);
                }
            }
            self.allow_key = self.flow.is_empty();
            self.drop_key()?;
        }
        self.word(Kind::Value, 1);
        Ok(())
    }

    fn fetch_named(&mut self, kind: fn(&'a str) -> Kind<'a>) -> Result<(), YamlError> {
        self.note_key()?;
        self.allow_key = false;
        let start = self.cursor.spot();
        let name = self.scan_name()?;
        self.queue.push_back(Token { kind: kind(name), start, end: self.cursor.spot() });
        Ok(())
    }

    fn fetch_tag(&mut self) -> Result<(), YamlError> {
        self.note_key()?;
        self.allow_key = false;
        let start = self.cursor.spot();
        let tag = self.scan_tag()?;
        self.queue.push_back(Token { kind: Kind::Tag(tag), start, end: self.cursor.spot() });
        Ok(())
    }

    fn fetch_block_scalar(&mut self, folded: bool) -> Result<(), YamlError> {
        self.allow_key = true;
        self.drop_key()?;
        let start = self.cursor.spot();
        let text = self.scan_block_scalar(folded)?;
        let kind = Kind::Scalar { text: text.into(), plain: false };
        self.queue.push_back(Token { kind, start, end: self.cursor.spot() });
        Ok(())
    }

    fn fetch_quoted(&mut self, double: bool) -> Result<(), YamlError> {
        self.note_key()?;
        self.allow_key = false;
        let start = self.cursor.spot();
        let text = self.scan_quoted(double)?;
        self.queue.push_back(Token { kind: Kind::Scalar { text, plain: false }, start, end: self.cursor.spot() });
        Ok(())
    }

    fn fetch_plain(&mut self) -> Result<(), YamlError> {
        self.note_key()?;
        self.allow_key = false;
        let start = self.cursor.spot();
        let (text, end) = self.scan_plain();
        self.queue.push_back(Token { kind: Kind::Scalar { text, plain: true }, start, end });
        Ok(())
    }

    /// Whether a colon here is one that a value follows.
    fn is_value(&self) -> bool {
        let Some(flow) = self.flow.last() else { return self.cursor.ends_word(1) };
        if self.dialect() == Dialect::V1_1 {
            return true;
        }
        let after_value = self.queue.back().is_some_and(|token| token.kind == Kind::Value);
        !(*flow == Flow::Sequence || after_value) || self.cursor.ends_word(1)
    }

    /// Whether a plain scalar may begin here.
    fn is_plain(&self) -> bool {
        let first = self.cursor.byte(0);
        let special = matches!(
            first,
            0 | b' '
                | b'\t'
                | b'-'
                | b'?'
                | b':'
                | b','
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'#'
                | b'&'
                | b'*'
                | b'!'
                | b'|'
                | b'>'
                | b'\''
                | b'"'
                | b'%'
                | b'@'
                | b'`'
        );
        if !special {
            return self.cursor.break_at(0) == 0;
        }
        let in_flow = !self.flow.is_empty();
        match first {
            b'-' => !self.cursor.ends_word(1),
            b':' if in_flow => self.dialect() == Dialect::V1_2 && !matches!(self.cursor.byte(1), b' ' | b'\t'),
            b'?' | b':' => !in_flow && !self.cursor.ends_word(1),
            _ => false,
        }
    }
}

/// A word that had to be a key was none.
fn no_colon(key: &PossibleKey, spot: Spot) -> YamlError {
    YamlError::within("while scanning a simple key", key.spot.into(), "could not find expected ':'", spot.into())
}
