//! Where records begin and end in a stream of bytes, block by block.
//!
//! Tables are read as Python's `csv` reads them: a quote counts at the beginning of a field only, within
//! quotes a doubled one is one, and a record ends at `\n`, `\r\n` or a lone `\r` outside of quotes. Lines without
//! anything are no records; they stay with the record before them, so that nothing of the input is lost, and that
//! record is known only when the next one begins. In other formats a record is a line, ended by `\n`. JSON lines have
//! blank lines too; plain lines have none, so each is known at its end, and nobody waits for the next line of a pipe.
//!
//! A byte order mark at the very beginning is passed over, so that a quote behind it counts; its bytes belong to the
//! first record. To plain lines it is text like any other.
//!
//! Nothing is copied and no field is made: most bytes are passed over by vector instructions. What a field
//! says is told by [`super::fields`].

use memchr::{memchr, memchr_iter, memchr2};

use super::fields::MARK;

/// How records are told from each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    /// Fields with a delimiter between them, some in quotes.
    Table {
        /// Between two fields.
        delimiter: u8,
    },
    /// Each line is a record, also an empty one.
    Lines,
    /// Each line that is not blank is a record.
    Values,
}

/// A record whose end is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// How many bytes of the stream there are up to its end.
    pub end: u64,
    /// How many fields it has; one where records have no fields.
    pub fields: u32,
    /// The line on which it begins, from 1.
    pub line: u64,
}

/// A record that the stream ended in the middle of: a quote was opened and never closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OpenQuote {
    /// The line on which its record begins, from 1.
    pub line: u64,
}

/// Where in a record the last byte was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// After a record, or before the first.
    Between,
    /// At the beginning of a field.
    Start,
    /// Within a field.
    Within,
    /// Within quotes.
    Quoted,
    /// After a quote within quotes: the end, or the first half of two.
    Closing,
}

/// Finds records.
#[derive(Clone, Debug)]
pub struct Scanner {
    style: Style,
    state: State,
    /// How many bytes were seen.
    seen: u64,
    /// How many bytes of a mark have come, while nothing else has.
    marked: Option<usize>,
    /// How many lines were begun.
    line: u64,
    /// Whether the last byte was a `\r`, of which it is not known whether a `\n` follows.
    after_return: bool,
    /// The record that has begun: its fields so far, and its line.
    open: Option<(u32, u64)>,
}

impl Scanner {
    /// At the beginning of a stream.
    pub fn new(style: Style) -> Self {
        let marked = (style != Style::Lines).then_some(0);
        Self { style, state: State::Between, seen: 0, marked, line: 1, after_return: false, open: None }
    }

    /// Takes the next bytes, and adds the records that end before the last of them.
    pub fn feed(&mut self, mut bytes: &[u8], found: &mut Vec<Record>) {
        if let Some(come) = self.marked {
            let more = bytes.iter().zip(&MARK[come..]).take_while(|(byte, own)| byte == own).count();
            if come + more < MARK.len() && more == bytes.len() {
                self.marked = Some(come + more);
                return;
            }
            self.marked = None;
            if come + more == MARK.len() {
                self.seen = MARK.len() as u64;
                bytes = &bytes[more..];
            } else {
                // It was none.
                self.take(&MARK[..come], found);
            }
        }
        self.take(bytes, found);
    }

    fn take(&mut self, bytes: &[u8], found: &mut Vec<Record>) {
        match self.style {
            Style::Table { delimiter } => self.table(bytes, delimiter, found),
            Style::Lines => self.lines(bytes, found),
            Style::Values => self.values(bytes, found),
        }
        self.seen += bytes.len() as u64;
    }

    /// The stream is over: the last record.
    ///
    /// # Errors
    /// It is not whole.
    pub fn finish(mut self) -> Result<Option<Record>, OpenQuote> {
        if let Some(come) = self.marked {
            // No record can end within so little.
            self.take(&MARK[..come], &mut Vec::new());
        }
        let Some((fields, line)) = self.open.take() else { return Ok(None) };
        match self.state {
            State::Quoted => Err(OpenQuote { line }),
            _ => Ok(Some(Record { end: self.seen, fields, line })),
        }
    }

    /// The record before this byte is over, if there is one, and another begins.
    fn begin(&mut self, at: usize, found: &mut Vec<Record>) {
        if let Some((fields, line)) = self.open.replace((1, self.line)) {
            found.push(Record { end: self.seen + at as u64, fields, line });
        }
    }

    fn count_field(&mut self, more: usize) {
        if let Some((fields, _)) = &mut self.open {
            *fields = fields.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        }
    }

    fn lines(&mut self, bytes: &[u8], found: &mut Vec<Record>) {
        let mut from = 0;
        for at in memchr_iter(b'\n', bytes) {
            from = at + 1;
            found.push(Record { end: self.seen + from as u64, fields: 1, line: self.line });
            self.open = None;
            self.line += 1;
        }
        if from < bytes.len() {
            self.open = Some((1, self.line));
        }
    }

    fn values(&mut self, bytes: &[u8], found: &mut Vec<Record>) {
        let mut from = 0;
        while from < bytes.len() {
            let (end, is_whole) = memchr(b'\n', &bytes[from..]).map_or((bytes.len(), false), |at| (from + at, true));
            if self.state == State::Between && !bytes[from..end].iter().all(u8::is_ascii_whitespace) {
                self.begin(from, found);
                self.state = State::Within;
            }
            if is_whole {
                self.state = State::Between;
                self.line += 1;
            }
            from = end + 1;
        }
    }

    fn table(&mut self, bytes: &[u8], delimiter: u8, found: &mut Vec<Record>) {
        let mut at = 0;
        while at < bytes.len() {
            match self.state {
                State::Quoted => {
                    let end = memchr(b'"', &bytes[at..]).map_or(bytes.len(), |quote| at + quote);
                    self.count_lines(&bytes[at..end]);
                    if end < bytes.len() {
                        self.after_return = false;
                        self.state = State::Closing;
                    }
                    at = end + 1;
                }
                State::Closing => {
                    self.state = if bytes[at] == b'"' { State::Quoted } else { State::Within };
                    at += usize::from(bytes[at] == b'"');
                }
                State::Between | State::Start | State::Within => {
                    let end = memchr2(b'"', b'\r', &bytes[at..]).map_or(bytes.len(), |stop| at + stop);
                    self.plain(bytes, at..end, delimiter, found);
                    if end < bytes.len() {
                        self.special(bytes[end], end, found);
                    }
                    at = end + 1;
                }
            }
        }
    }

    /// A stretch without quotes and returns.
    fn plain(&mut self, bytes: &[u8], stretch: std::ops::Range<usize>, delimiter: u8, found: &mut Vec<Record>) {
        if stretch.is_empty() {
            return;
        }
        let mut from = stretch.start;
        for newline in memchr_iter(b'\n', &bytes[stretch.clone()]).map(|at| stretch.start + at) {
            self.piece(bytes, from..newline, delimiter, found);
            // The second half of `\r\n` was counted with the first.
            self.line += u64::from(!(self.after_return && newline == stretch.start));
            self.after_return = false;
            self.state = State::Between;
            from = newline + 1;
        }
        self.piece(bytes, from..stretch.end, delimiter, found);
        self.after_return &= from == stretch.end && from == stretch.start;
    }

    /// A piece of a line.
    fn piece(&mut self, bytes: &[u8], piece: std::ops::Range<usize>, delimiter: u8, found: &mut Vec<Record>) {
        if piece.is_empty() {
            return;
        }
        if self.state == State::Between {
            self.begin(piece.start, found);
        }
        self.after_return = false;
        let last = bytes[piece.end - 1];
        self.count_field(memchr_iter(delimiter, &bytes[piece]).count());
        self.state = if last == delimiter { State::Start } else { State::Within };
    }

    /// A quote or a return outside of quotes.
    fn special(&mut self, byte: u8, at: usize, found: &mut Vec<Record>) {
        if byte == b'\r' {
            self.line += 1;
            self.after_return = true;
            self.state = State::Between;
            return;
        }
        self.after_return = false;
        if self.state == State::Between {
            self.begin(at, found);
        }
        self.state = if self.state == State::Within { State::Within } else { State::Quoted };
    }

    /// Counts the lines that end within quotes.
    fn count_lines(&mut self, bytes: &[u8]) {
        for (at, end) in memchr::memchr2_iter(b'\n', b'\r', bytes).map(|at| (at, bytes[at])) {
            let is_second = end == b'\n' && if at == 0 { self.after_return } else { bytes[at - 1] == b'\r' };
            self.line += u64::from(!is_second);
        }
        if let Some(last) = bytes.last() {
            self.after_return = *last == b'\r';
        }
    }
}
