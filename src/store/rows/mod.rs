//! The rows of an input, read once: some at a time, with nothing kept but the block in which the next begin.

mod groups;
mod input;
mod keys;
#[cfg(feature = "parquet")]
pub mod parquet;
mod target;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use groups::Groups;
pub use input::{Input, Stop};
pub use target::{Folder, Target};

use crate::format::rows::Format;
use crate::format::rows::scan::{Record, Scanner};

/// A failure to read or to divide an input.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The system refused, or a packed file is broken.
    #[error("cannot read '{}': {source}", .path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Bytes that are not UTF-8.
    #[error("'{}', line {line}: not valid UTF-8", .path.display())]
    NotText {
        /// In which file.
        path: PathBuf,
        /// On which line, from 1.
        line: u64,
    },
    /// A row with more or fewer fields than the first.
    #[error("'{}', line {line}: {fields} fields where the first row has {expected}", .path.display())]
    Ragged {
        /// In which file.
        path: PathBuf,
        /// On which line, from 1.
        line: u64,
        /// How many there are.
        fields: u32,
        /// How many there must be.
        expected: u32,
    },
    /// A quote that nothing closes.
    #[error("'{}', line {line}: a quote is opened in this row and never closed", .path.display())]
    OpenQuote {
        /// In which file.
        path: PathBuf,
        /// On which line its row begins, from 1.
        line: u64,
    },
    /// Nobody wants more.
    #[error("stopped")]
    Stopped,
    /// Rows have no groups as they are wanted.
    #[error("'{}': {what}", .path.display())]
    Group {
        /// In which file.
        path: PathBuf,
        /// In words.
        what: String,
    },
    /// Where rows are to go takes none.
    #[error("cannot write '{}': {source}", .path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// An input, row by row.
#[derive(Debug)]
pub struct Rows {
    input: Input,
    scanner: Option<Scanner>,
    header: Vec<u8>,
    /// How many fields each row must have; none where rows have no fields, or none came.
    width: Option<u32>,
    is_table: bool,
    /// What was read and not given out.
    buffer: Vec<u8>,
    /// How much of the buffer was given out.
    given: usize,
    /// Where in the stream the buffer begins.
    base: u64,
    /// Rows whose end is known.
    ready: VecDeque<Record>,
    found: Vec<Record>,
    /// Rows that were found so far.
    count: u64,
}

impl Rows {
    /// Begins to read; with `header` the first row of a table is none of its rows.
    ///
    /// # Errors
    /// The input cannot be read, or its first row is none.
    pub fn open(input: Input, format: Format, header: bool) -> Result<Self, RowsError> {
        let mut rows = Self {
            input,
            scanner: Some(Scanner::new(format.style())),
            header: Vec::new(),
            width: None,
            is_table: matches!(format, Format::Table { .. }),
            buffer: Vec::new(),
            given: 0,
            base: 0,
            ready: VecDeque::new(),
            found: Vec::new(),
            count: 0,
        };
        if rows.is_table && header && rows.look()? {
            rows.header = rows.pop().to_vec();
            rows.count -= 1;
        }
        Ok(rows)
    }

    /// The first row of a table with its line end, a byte order mark in front of it too; empty where there is none.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// The input's name.
    pub fn name(&self) -> &Path {
        self.input.name()
    }

    /// Whether its bytes stand in a file just as they come, so that they can be read there again.
    pub fn plain(&self) -> bool {
        self.input.is_plain()
    }

    /// Where in the stream the next row begins.
    pub fn position(&self) -> u64 {
        self.base + self.given as u64
    }

    /// Whether there is another row.
    ///
    /// # Errors
    /// The input cannot be read or divided.
    pub fn has_more(&mut self) -> Result<bool, RowsError> {
        self.look()
    }

    /// About how many rows there still are, by how many came in how much of the file; none where that cannot be known.
    pub fn remaining(&self) -> Option<u64> {
        if self.scanner.is_none() {
            return Some(self.ready.len() as u64);
        }
        let share = self.input.share().filter(|share| *share > 0.0)?;
        // What has begun may be a row without its end.
        let known = self.ready.back().map_or(self.position(), |last| last.end);
        let begun = u64::from(known < self.base + self.buffer.len() as u64);
        Some(self.ready.len() as u64 + begun + (self.count as f64 / share * (1.0 - share)) as u64)
    }

    /// Writes up to so many rows as they stand; how many there were.
    ///
    /// # Errors
    /// The input cannot be read or divided; [`RowsError::Write`] names `to`.
    pub fn write(&mut self, rows: u64, out: &mut impl Write, to: &Path) -> Result<u64, RowsError> {
        let failed = |source| RowsError::Write { path: to.to_path_buf(), source };
        let mut written = 0;
        while written < rows && self.look()? {
            let wanted = usize::try_from(rows - written).unwrap_or(usize::MAX).min(self.ready.len());
            let end = self.ready[wanted - 1].end;
            self.ready.drain(..wanted);
            out.write_all(self.give(end)).map_err(failed)?;
            written += wanted as u64;
        }
        Ok(written)
    }

    /// The next row. To be called where there is one.
    pub fn pop(&mut self) -> &[u8] {
        match self.ready.pop_front() {
            Some(record) => self.give(record.end),
            None => &[],
        }
    }

    fn give(&mut self, end: u64) -> &[u8] {
        let from = self.given;
        self.given = usize::try_from(end - self.base).unwrap_or(usize::MAX);
        &self.buffer[from..self.given]
    }

    /// Reads until a row is ready; false at the end.
    fn look(&mut self) -> Result<bool, RowsError> {
        while self.ready.is_empty() && self.scanner.is_some() {
            self.read()?;
        }
        Ok(!self.ready.is_empty())
    }

    fn read(&mut self) -> Result<(), RowsError> {
        self.base += self.given as u64;
        self.buffer.drain(..self.given);
        self.given = 0;
        let before = self.buffer.len();
        let count = self.input.fill(&mut self.buffer)?;
        let Some(scanner) = &mut self.scanner else { return Ok(()) };
        if count > 0 {
            scanner.feed(&self.buffer[before..], &mut self.found);
        } else if let Some(scanner) = self.scanner.take() {
            let path = || self.input.name().to_path_buf();
            let last = scanner.finish().map_err(|open| RowsError::OpenQuote { path: path(), line: open.line })?;
            self.found.extend(last);
        }
        self.accept()
    }

    fn accept(&mut self) -> Result<(), RowsError> {
        for record in self.found.drain(..) {
            let expected = *self.width.get_or_insert(record.fields);
            if self.is_table && record.fields != expected {
                let path = self.input.name().to_path_buf();
                return Err(RowsError::Ragged { path, line: record.line, fields: record.fields, expected });
            }
            self.count += 1;
            self.ready.push_back(record);
        }
        Ok(())
    }
}
