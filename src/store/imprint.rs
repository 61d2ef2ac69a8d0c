//! What files as git has them hash to, as DVC would hash them in the work tree of a fresh clone.
//!
//! Git may give a work tree other line ends than it keeps, so a hash can be asked for with either
//! kind. Equal blobs are hashed once, however many commits have them. A hash of what git keeps in
//! another form (LFS, filters) is that of this form; to know better is the caller's matter.

use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, PoisonError};

use super::error::Error;
use super::git::NodeKind;
use super::snapshot::Snapshot;
use super::source::{EntryKind, Kind, Source};
use super::{dvcignore, md5};
use crate::format::dirtree;
use crate::model::{Algo, Digest, Meta, RepoPath, TreeEntry};

/// How much of a file git looks at to tell text from other data (git: `convert.c`, `buffer_is_binary`).
const JUDGED: usize = 8000;

/// How a file begins of which git has only a note, the content being kept elsewhere.
pub const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The ends of the lines of text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineEnds {
    /// Those that git keeps.
    Kept,
    /// `\r\n`, as git for Windows writes them.
    Dos,
    /// `\n`.
    Unix,
}

/// Which blob, by which algorithm, with which line ends.
type Key = (String, Algo, LineEnds);

/// Hashes of blobs.
#[derive(Debug, Default)]
pub struct Imprints {
    /// Hash and size.
    known: Mutex<HashMap<Key, (String, u64)>>,
}

/// What a path hashes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Imprint {
    /// The hash.
    pub digest: Digest,
    /// Size, and number of files of a directory.
    pub meta: Meta,
    /// The files of a directory; of a file nothing.
    pub entries: Vec<TreeEntry>,
}

impl Imprint {
    /// The hash of a directory with these files, of this size together.
    pub fn of_dir(algo: &Algo, entries: Vec<TreeEntry>, size: u64) -> Self {
        let value = format!("{}.dir", md5::of_bytes(&dirtree::canonical(&entries)));
        let meta = Meta { size: Some(size), nfiles: Some(entries.len() as u64), isexec: false };
        Self { digest: Digest { algo: algo.clone(), value }, meta, entries }
    }
}

impl Snapshot {
    /// What a path hashes to; none if there is nothing.
    ///
    /// # Errors
    /// An object that this clone does not have, ignore rules that cannot be read, or a `.dvcignore` where DVC
    /// allows none.
    pub fn imprint(&self, known: &Imprints, path: &RepoPath, algo: &Algo, ends: LineEnds) -> Result<Option<Imprint>, Error> {
        let refused = |error| Error::io("read", self.files().place(path))(error);
        match self.files().find(path, true).map_err(refused)? {
            None => Ok(None),
            Some(node) if node.kind == NodeKind::Dir => self.imprint_dir(known, path, algo, ends).map(Some),
            Some(node) => {
                let (md5, size) = self.hash(known, &node.id, algo, ends).map_err(refused)?;
                let meta = Meta { size: Some(size), nfiles: None, isexec: false };
                Ok(Some(Imprint { digest: Digest { algo: algo.clone(), value: md5 }, meta, entries: Vec::new() }))
            }
        }
    }

    fn imprint_dir(&self, known: &Imprints, dir: &RepoPath, algo: &Algo, ends: LineEnds) -> Result<Imprint, Error> {
        let (mut entries, mut size) = (Vec::new(), 0);
        for relpath in self.files_below(dir)? {
            let path = dir.join(&relpath);
            let refused = |error| Error::io("read", self.files().place(&path))(error);
            // A link that leads nowhere, or out of what git has.
            let Some(node) = self.files().find(&path, true).map_err(refused)? else { continue };
            let (md5, bytes) = self.hash(known, &node.id, algo, ends).map_err(refused)?;
            size += bytes;
            entries.push(TreeEntry { relpath, md5 });
        }
        Ok(Imprint::of_dir(algo, entries, size))
    }

    /// The files of a directory that DVC counts, by their paths below it, sorted; as `Workspace::hash` finds them.
    fn files_below(&self, dir: &RepoPath) -> Result<Vec<String>, Error> {
        let (source, ignore) = (self.files(), self.dvcignore());
        let (mut files, mut open) = (Vec::new(), vec![String::new()]);
        while let Some(below) = open.pop() {
            let here = dir.join(&below);
            let entries = source.list(&here).map_err(|error| Error::io("list", source.place(&here))(error))?;
            let inner = entries.iter().filter(|entry| entry.kind != EntryKind::File).map(|entry| entry.name.as_str());
            let rules = ignore.rules_among(&here, inner)?;
            if ignore.is_closed(&here)? {
                continue;
            }
            for entry in entries {
                let path = here.join(&entry.name);
                let is_dir = entry.kind == EntryKind::Dir || (entry.kind == EntryKind::Link && source.kind(&path) == Some(Kind::Dir));
                if rules.as_ref().is_some_and(|rules| rules.hit(path.as_str(), is_dir).is_some()) {
                    continue;
                }
                let name = if below.is_empty() { entry.name } else { format!("{below}/{}", entry.name) };
                match (is_dir, entry.kind) {
                    (true, EntryKind::Dir) => open.push(name),
                    (true, _) => {}
                    (false, _) if path.file_name() == dvcignore::NAME => return Err(Error::IgnoreFileInside { dir: source.place(&here) }),
                    (false, _) => files.push(name),
                }
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    /// What makes a file, or one in a directory, another one in the work tree than git keeps: Git LFS or another
    /// filter. None if nothing does.
    ///
    /// # Errors
    /// As [`Snapshot::imprint`].
    pub fn converted_by(&self, path: &RepoPath) -> Result<Option<String>, Error> {
        if self.files().kind(path) == Some(Kind::Dir) {
            for below in self.files_below(path)? {
                let found = self.file_converted_by(&path.join(&below))?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            return Ok(None);
        }
        self.file_converted_by(path)
    }

    fn file_converted_by(&self, path: &RepoPath) -> Result<Option<String>, Error> {
        let refused = |error| Error::io("read", self.files().place(path))(error);
        let Some(node) = self.files().find(path, true).map_err(refused)? else { return Ok(None) };
        // What is on disk was converted when it was checked out.
        if self.files().is_on_disk(&node.id) {
            return Ok(None);
        }
        if self.files().content(&node.id).map_err(refused)?.starts_with(LFS) {
            return Ok(Some("Git LFS".to_owned()));
        }
        self.files().converted_by(path).map_err(refused)
    }

    fn hash(&self, known: &Imprints, id: &str, algo: &Algo, ends: LineEnds) -> io::Result<(String, u64)> {
        let key = (id.to_owned(), algo.clone(), ends);
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        if let Some(found) = known.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(found.clone());
        }
        let bytes = with_ends(self.files().content(id)?, ends);
        let found = (md5::of_content(&bytes, algo), bytes.len() as u64);
        known.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        Ok(found)
    }
}

/// The bytes with other line ends, if they are text.
fn with_ends(bytes: Vec<u8>, ends: LineEnds) -> Vec<u8> {
    if ends == LineEnds::Kept || bytes[..bytes.len().min(JUDGED)].contains(&0) {
        return bytes;
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    for (at, byte) in bytes.iter().enumerate() {
        match (ends, byte) {
            (LineEnds::Dos, b'\n') if at == 0 || bytes[at - 1] != b'\r' => out.extend_from_slice(b"\r\n"),
            (LineEnds::Unix, b'\r') if bytes.get(at + 1) == Some(&b'\n') => {}
            _ => out.push(*byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_gets_other_line_ends() {
        let ends = |text: &[u8], ends| with_ends(text.to_vec(), ends);
        assert_eq!(ends(b"a\nb\r\n\n", LineEnds::Dos), b"a\r\nb\r\n\r\n");
        assert_eq!(ends(b"a\nb\r\nc\r", LineEnds::Unix), b"a\nb\nc\r");
        assert_eq!(ends(b"a\0\n", LineEnds::Dos), b"a\0\n");
        assert_eq!(ends(b"a\n\r\n", LineEnds::Kept), b"a\n\r\n");
    }
}
