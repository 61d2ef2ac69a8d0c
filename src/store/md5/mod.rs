//! The MD5 of files, in DVC's two ways. It knows neither pools nor memories.

mod lanes;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use md5::{Digest as _, Md5};

use crate::model::Algo;

/// One read; larger ones are no faster.
const CHUNK: usize = 128 * 1024;
/// One read of DVC 2.x, which judges each such piece anew.
const LEGACY_CHUNK: usize = 1024 * 1024;
/// How much of a piece is judged.
const JUDGED: usize = 512;

/// The MD5 of bytes, in lower-case hex.
pub fn of_bytes(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

/// The MD5 of a content that is in memory.
pub fn of_content(bytes: &[u8], algo: &Algo) -> String {
    if !matches!(algo, Algo::Md5Dos2Unix) {
        return of_bytes(bytes);
    }
    let mut hasher = Md5::new();
    for piece in bytes.chunks(LEGACY_CHUNK) {
        if is_text(&piece[..piece.len().min(JUDGED)]) {
            hasher.update(without_cr(piece));
        } else {
            hasher.update(piece);
        }
    }
    hex(&hasher.finalize())
}

/// The hashes of files, in their order. Several cost less together than one by one, up to
/// [`at_once`] of them.
pub fn of_files(paths: &[&Path], algo: &Algo) -> Vec<io::Result<String>> {
    if paths.len() == 1 || matches!(algo, Algo::Md5Dos2Unix) || !lanes::are_there() {
        return paths.iter().map(|path| of_file(path, algo)).collect();
    }
    lanes::of_files(paths).into_iter().map(|found| found.map(|hash| hex(&hash))).collect()
}

/// How many large files had better be hashed together.
pub fn at_once() -> usize {
    if lanes::are_there() { lanes::LANES } else { 1 }
}

/// The MD5 of a file's content.
///
/// # Errors
/// What the system says.
pub fn of_file(path: &Path, algo: &Algo) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Md5::new();
    let legacy = matches!(algo, Algo::Md5Dos2Unix);
    // One byte more than the file has, to see its end: most files are small.
    let size = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    let mut buffer = vec![0; size.saturating_add(1).min(if legacy { LEGACY_CHUNK } else { CHUNK })];
    loop {
        let size = fill(&mut file, &mut buffer)?;
        let piece = &buffer[..size];
        if legacy && is_text(&piece[..size.min(JUDGED)]) {
            hasher.update(without_cr(piece));
        } else {
            hasher.update(piece);
        }
        if size < buffer.len() {
            return Ok(hex(&hasher.finalize()));
        }
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut size = 0;
    while size < buffer.len() {
        match file.read(&mut buffer[size..]) {
            Ok(0) => break,
            Ok(more) => size += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Whether a file's beginning is text, by DVC's guess.
///
/// # Errors
/// What the system says.
pub fn is_text_file(path: &Path) -> io::Result<bool> {
    let mut piece = Vec::with_capacity(JUDGED);
    File::open(path)?.take(JUDGED as u64).read_to_end(&mut piece)?;
    Ok(is_text(&piece))
}

/// DVC's guess whether a piece is text (dvc_data: `istextfile.py`).
fn is_text(piece: &[u8]) -> bool {
    if piece.contains(&0) {
        return false;
    }
    let odd = piece.iter().filter(|byte| !matches!(byte, 32..=126 | b'\n' | b'\r' | b'\t' | 0x0c | 0x08)).count();
    odd * 10 <= piece.len() * 3
}

fn without_cr(piece: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len());
    for (at, byte) in piece.iter().enumerate() {
        if *byte != b'\r' || piece.get(at + 1) != Some(&b'\n') {
            out.push(*byte);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(bytes: &[u8]) -> [String; 2] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        std::fs::write(&path, bytes).unwrap();
        [Algo::Md5, Algo::Md5Dos2Unix].map(|algo| {
            let of_file = of_file(&path, &algo).unwrap();
            assert_eq!(of_content(bytes, &algo), of_file);
            of_file
        })
    }

    #[test]
    fn hashes_bytes() {
        assert_eq!(both(b""), ["d41d8cd98f00b204e9800998ecf8427e"; 2]);
        let long = vec![b'a'; CHUNK * 8 + 5];
        assert_eq!(both(&long), [of_bytes(&long), of_bytes(&long)]);
    }

    #[test]
    fn dos_lines_count_as_unix_lines_in_old_hashes_of_text() {
        assert_eq!(both(b"a\r\nb\r\n"), [of_bytes(b"a\r\nb\r\n"), of_bytes(b"a\nb\n")]);
        assert_eq!(both(b"a\r\n\0"), [of_bytes(b"a\r\n\0"), of_bytes(b"a\r\n\0")]);
        // Seven of ten bytes are text: just enough.
        let edge = b"\x01\x01\x01aaaaa\r\n";
        assert_eq!(both(edge)[1], of_bytes(b"\x01\x01\x01aaaaa\n"));
    }
}
