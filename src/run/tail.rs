//! What a stage printed since it was last looked at, read from its log file.
//!
//! Reading the file instead of a pipe keeps a stage from ever waiting for us. A stage that prints
//! faster than we read must not fill our memory: of what is beyond a limit only the last lines
//! are given, so that what is shown of it is always new.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Bytes that are passed on in full at one look.
const LIMIT: u64 = 1 << 20;
/// Bytes at the end that are passed on when there are more.
const LAST: u64 = 1 << 14;
/// Length at which a line without an end is cut.
const LINE: usize = 1 << 16;

/// The reader of one log.
#[derive(Debug)]
pub struct Tail {
    path: PathBuf,
    /// Kept open: in the end another file may take the place of a long log.
    file: Option<File>,
    /// How far the file was read.
    offset: u64,
    /// The beginning of a line that is not ended yet.
    part: Vec<u8>,
}

impl Tail {
    /// A reader that starts at the beginning of the file.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_path_buf(), file: File::open(path).ok(), offset: 0, part: Vec::new() }
    }

    /// The whole lines that are new. A file that cannot be read has none.
    pub fn new_lines(&mut self) -> Vec<Vec<u8>> {
        self.read()
    }

    /// The rest: what is new, also a last line without an end.
    pub fn finish(&mut self) -> Vec<Vec<u8>> {
        let mut lines = self.read();
        if !self.part.is_empty() {
            lines.push(std::mem::take(&mut self.part));
        }
        lines
    }

    /// The last lines of the file, whether they were given before or not.
    pub fn last(&self, count: usize) -> Vec<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut read = || -> io::Result<()> {
            let Some(mut file) = self.file.as_ref() else { return Ok(()) };
            file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(LAST)))?;
            file.take(LAST).read_to_end(&mut bytes)?;
            Ok(())
        };
        // What cannot be read has no lines.
        read().ok();
        let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let mut lines: Vec<Vec<u8>> = text.rsplit(|byte| *byte == b'\n').take(count).map(<[u8]>::to_vec).collect();
        lines.reverse();
        if bytes.is_empty() { Vec::new() } else { lines }
    }

    fn read(&mut self) -> Vec<Vec<u8>> {
        let Some(mut file) = self.file.as_ref() else { return Vec::new() };
        let Ok(size) = file.metadata().map(|meta| meta.len()) else { return Vec::new() };
        if size <= self.offset {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let skips = size - self.offset > LIMIT;
        if skips {
            self.part.clear();
            let from = size - LAST;
            lines.push(format!("... about {} bytes are only in {}", from - self.offset, self.path.display()).into_bytes());
            self.offset = from;
        }
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.offset)).is_err() || file.take(LIMIT).read_to_end(&mut bytes).is_err() {
            return lines;
        }
        self.offset += bytes.len() as u64;
        let mut rest = bytes.as_slice();
        if let Some(at) = rest.iter().position(|byte| *byte == b'\n').filter(|_| skips) {
            // The first line is the end of one that was passed over.
            rest = &rest[at + 1..];
        }
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
    fn the_last_lines_can_be_had_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert_eq!(Tail::new(&path).last(3), Vec::<Vec<u8>>::new());
        std::fs::write(&path, "").unwrap();
        let mut tail = Tail::new(&path);
        assert_eq!(tail.last(3), Vec::<Vec<u8>>::new());
        std::fs::write(&path, "1\n2\n\n4").unwrap();
        assert_eq!(tail.new_lines().len(), 3);
        assert_eq!(tail.last(3), [b"2".to_vec(), b"".to_vec(), b"4".to_vec()]);
        assert_eq!(tail.finish(), [b"4".to_vec()]);
        std::fs::write(&path, "x".repeat(100_000)).unwrap();
        assert_eq!(tail.last(3).concat().len() as u64, LAST);
    }

    #[test]
    fn of_too_much_at_once_the_end_is_shown() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = File::create(&path).unwrap();
        let mut tail = Tail::new(&path);
        for round in 0..2 {
            for _ in 0..40 {
                file.write_all(&[b'x'; 99_999]).unwrap();
                file.write_all(b"\n").unwrap();
            }
            file.write_all(b"the end\n").unwrap();
            let lines = tail.new_lines();
            assert_eq!(lines.len(), 2, "round {round}");
            assert!(lines[0].starts_with(b"... about 39"), "round {round}");
            assert_eq!(lines[1], b"the end", "round {round}");
        }
        file.write_all(b"after it\n").unwrap();
        assert_eq!(tail.finish(), [b"after it".to_vec()]);
    }
}
