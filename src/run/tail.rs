//! What a stage printed since it was last looked at, read from its log file.
//!
//! Reading the file instead of a pipe keeps a stage from ever waiting for us. A stage that prints
//! without end must not fill our memory: beyond a limit lines are passed over, and the last ones
//! are given at the end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes of one stage that are passed on in full.
const LIMIT: u64 = 1 << 20;
/// Bytes at the end that are passed on when the limit was passed.
const LAST: u64 = 1 << 14;
/// Length at which a line without an end is cut.
const LINE: usize = 1 << 16;

/// The reader of one log.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// How far the file was read.
    offset: u64,
    /// The beginning of a line that is not ended yet.
    part: Vec<u8>,
    /// Whether lines were passed over.
    skipping: bool,
}

impl Tail {
    /// A reader that starts at the beginning of the file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), offset: 0, part: Vec::new(), skipping: false }
    }

    /// The whole lines that are new. A file that cannot be read has none.
    pub fn new_lines(&mut self) -> Vec<Vec<u8>> {
        self.read(false)
    }

    /// The rest: what is new, also a last line without an end.
    pub fn finish(&mut self) -> Vec<Vec<u8>> {
        let mut lines = self.read(true);
        if !self.part.is_empty() {
            lines.push(std::mem::take(&mut self.part));
        }
        lines
    }

    fn read(&mut self, end: bool) -> Vec<Vec<u8>> {
        let Ok(mut file) = File::open(&self.path) else { return Vec::new() };
        let Ok(size) = file.metadata().map(|meta| meta.len()) else { return Vec::new() };
        if size <= self.offset {
            return Vec::new();
        }
        let mut lines = Vec::new();
        if self.offset >= LIMIT || size - self.offset > LIMIT {
            if !end {
                return lines;
            }
            self.skipping = true;
            self.part.clear();
            let from = size.saturating_sub(LAST).max(self.offset);
            lines.push(format!("... {} bytes are in the log only", from - self.offset).into_bytes());
            self.offset = from;
        }
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.offset)).is_err() || file.take(LIMIT).read_to_end(&mut bytes).is_err() {
            return lines;
        }
        self.offset += bytes.len() as u64;
        let mut rest = bytes.as_slice();
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let mut line = std::mem::take(&mut self.part);
            line.extend_from_slice(&rest[..at]);
            lines.push(line);
            rest = &rest[at + 1..];
        }
        self.part.extend_from_slice(rest);
        if self.part.len() > LINE {
            lines.push(std::mem::take(&mut self.part));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn gives_whole_lines_and_the_rest_at_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = File::create(&path).unwrap();
        let mut tail = Tail::new(&path);
        file.write_all(b"one\ntw").unwrap();
        assert_eq!(tail.new_lines(), [b"one".to_vec()]);
        file.write_all(b"o\nthree").unwrap();
        assert_eq!(tail.new_lines(), [b"two".to_vec()]);
        assert_eq!(tail.finish(), [b"three".to_vec()]);
    }

    #[test]
    fn endless_output_is_passed_over_but_its_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = File::create(&path).unwrap();
        for _ in 0..40 {
            file.write_all(&[b'x'; 99_999]).unwrap();
            file.write_all(b"\n").unwrap();
        }
        file.write_all(b"the end\n").unwrap();
        let mut tail = Tail::new(&path);
        assert!(tail.new_lines().is_empty());
        let lines = tail.finish();
        assert!(lines.len() < 5);
        assert_eq!(lines.last().unwrap(), b"the end");
    }
}
