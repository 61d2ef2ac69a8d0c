//! What files as git has them hash to, as DVC would hash them in the work tree of a fresh clone.
//!
//! Where attributes leave open which line ends a work tree gets, a hash can be asked for with either
//! kind. Equal blobs are hashed once, however many commits have them. A hash of what git keeps in
//! another form (LFS, filters, encodings) is that of this form, and the imprint says so; as it says
//! which links of a directory lead to where git has nothing. What follows from it is the caller's matter.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::git::NodeKind;
use super::snapshot::{End, Lead, Snapshot};
use super::source::Source as _;
use super::{dvcignore, md5};
use crate::format::attributes::{Ends, Form};
use crate::format::dirtree;
use crate::format::ignore::Patterns;
use crate::model::{Algo, Digest, Meta, RepoPath, TreeEntry};

/// How much of a file git looks at to tell text from other data (git: `convert.c`, `buffer_is_binary`).
const JUDGED: usize = 8000;

/// How a file begins of which git has only a note, the content being kept elsewhere.
pub const LFS: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The ends of the lines of text, where nothing says what they are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineEnds {
    /// Those that git keeps.
    Kept,
    /// `\r\n`, as git for Windows writes them.
    Dos,
    /// `\n`.
    Unix,
}

/// The ends of the lines of one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Written {
    /// As asked for.
    Asked(LineEnds),
    /// As attributes say.
    Said(Ends),
}

/// Which blob, by which algorithm, with which line ends, and whether a place for its id was looked for.
type Key = (String, Algo, Written, bool);

/// What is known of a blob.
#[derive(Clone, Debug)]
struct Hashed {
    md5: String,
    size: u64,
    /// Whether it is Git LFS's note of a file.
    is_pointer: bool,
    /// Whether it has a place for its own id.
    has_id: bool,
}

/// Hashes of blobs.
#[derive(Debug, Default)]
pub struct Imprints {
    known: Mutex<HashMap<Key, Hashed>>,
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
    /// What else there is to know.
    pub doubts: Doubts,
}

/// Why a work tree may have something else.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Doubts {
    /// Each clone has something else than git keeps, because of this.
    pub reshaped: Option<String>,
    /// A clone has what this program makes of it.
    pub filtered: Option<String>,
    /// A submodule lies in the directory.
    pub has_module: bool,
    /// Links in a directory, by their paths below it, that lead to where git has nothing.
    pub astray: Vec<(String, Lead)>,
}

impl Imprint {
    /// The hash of a directory with these files, of this size together.
    pub fn of_dir(algo: &Algo, entries: Vec<TreeEntry>, size: u64) -> Self {
        let value = format!("{}.dir", md5::of_bytes(&dirtree::canonical(&entries)));
        let meta = Meta { size: Some(size), nfiles: Some(entries.len() as u64), isexec: false };
        Self { digest: Digest { algo: algo.clone(), value }, meta, entries, doubts: Doubts::default() }
    }
}

impl Doubts {
    fn add(&mut self, form: Form, hashed: &Hashed) {
        let reshaped = match form.encoding {
            _ if hashed.is_pointer => Some("Git LFS".to_owned()),
            Some(encoding) => Some(format!("working-tree-encoding={encoding}")),
            None => (form.ident && hashed.has_id).then(|| "the attribute 'ident'".to_owned()),
        };
        let name = |filter: String| if filter == "lfs" { "Git LFS".to_owned() } else { format!("the filter '{filter}'") };
        self.reshaped = self.reshaped.take().or(reshaped);
        self.filtered = self.filtered.take().or(form.filter.map(name));
    }
}

impl Snapshot {
    /// What a path hashes to; none if there is nothing.
    ///
    /// # Errors
    /// An object that this clone does not have, ignore rules that cannot be read, a name that is not UTF-8, or a
    /// `.dvcignore` where DVC allows none.
    pub fn imprint(&self, known: &Imprints, path: &RepoPath, algo: &Algo, ends: LineEnds) -> Result<Option<Imprint>, Error> {
        let refused = |error| Error::io("read", self.files().place(path))(error);
        let walk = self.files().walk(path, true).map_err(refused)?;
        match walk.end {
            End::Nothing | End::Outside | End::Module => Ok(None),
            End::Node(node) if node.kind == NodeKind::Dir => self.imprint_dir(known, path, algo, ends).map(Some),
            End::Node(node) => {
                let mut doubts = Doubts::default();
                let hashed = self.hash(known, (&node.id, &walk.place), algo, ends, &mut doubts).map_err(refused)?;
                let meta = Meta { size: Some(hashed.size), nfiles: None, isexec: false };
                Ok(Some(Imprint { digest: Digest { algo: algo.clone(), value: hashed.md5 }, meta, entries: Vec::new(), doubts }))
            }
        }
    }

    fn imprint_dir(&self, known: &Imprints, dir: &RepoPath, algo: &Algo, ends: LineEnds) -> Result<Imprint, Error> {
        let (mut entries, mut size, mut doubts) = (Vec::new(), 0, Doubts::default());
        let (files, has_module) = self.files_below(dir)?;
        doubts.has_module = has_module;
        for relpath in files {
            let path = dir.join(&relpath);
            let refused = |error| Error::io("read", self.files().place(&path))(error);
            let walk = self.files().walk(&path, true).map_err(refused)?;
            let node = match walk.end {
                End::Node(node) => node,
                End::Nothing => {
                    doubts.astray.push((relpath, Lead::Inside(self.files().seen(&walk.place))));
                    continue;
                }
                End::Outside => {
                    doubts.astray.push((relpath, Lead::Outside));
                    continue;
                }
                End::Module => {
                    doubts.astray.push((relpath, Lead::Module));
                    continue;
                }
            };
            let hashed = self.hash(known, (&node.id, &walk.place), algo, ends, &mut doubts).map_err(refused)?;
            size += hashed.size;
            entries.push(TreeEntry { relpath, md5: hashed.md5 });
        }
        Ok(Imprint { doubts, ..Imprint::of_dir(algo, entries, size) })
    }

    /// The files of a directory that DVC counts, by their paths below it, sorted; as `Workspace::hash` finds them.
    /// And whether there is a submodule among them.
    fn files_below(&self, dir: &RepoPath) -> Result<(Vec<String>, bool), Error> {
        let (source, ignore) = (self.files(), self.dvcignore());
        let (mut files, mut open, mut has_module) = (Vec::new(), vec![String::new()], false);
        while let Some(below) = open.pop() {
            let here = dir.join(&below);
            let entries = source.list(&here).map_err(|error| Error::io("list", source.place(&here))(error))?;
            let shown = ignore.shown(&here, entries)?;
            if ignore.is_closed(&here)? {
                continue;
            }
            let rules = ignore.rules(&here, true)?;
            for (name, kind) in source.unlisted(&here).map_err(|error| Error::io("list", source.place(&here))(error))? {
                let is_hit = |rules: &Arc<Patterns>| rules.hit(here.join(&name).as_str(), kind == NodeKind::Module).is_some();
                if rules.as_ref().is_some_and(is_hit) {
                    continue;
                }
                if kind == NodeKind::Unnamed {
                    return Err(Error::NotUtf8 { path: source.place(&here.join(&name)) });
                }
                has_module = true;
            }
            for entry in shown {
                let name = if below.is_empty() { entry.name } else { format!("{below}/{}", entry.name) };
                match (entry.is_dir, entry.is_link) {
                    (true, false) => open.push(name),
                    (true, true) => {}
                    (false, _) if entry.path.file_name() == dvcignore::NAME => {
                        return Err(Error::IgnoreFileInside { dir: source.place(&here) });
                    }
                    (false, _) => files.push(name),
                }
            }
        }
        files.sort_unstable();
        Ok((files, has_module))
    }

    /// What a file, by its id and its place from the root of git, hashes to.
    fn hash(&self, known: &Imprints, file: (&str, &str), algo: &Algo, ends: LineEnds, doubts: &mut Doubts) -> io::Result<Hashed> {
        let (id, place) = file;
        let form = self.files().form(place)?;
        // What is on disk was converted when it was checked out.
        let is_on_disk = self.files().is_on_disk(id);
        let written = match form.ends {
            Ends::Open => Written::Asked(ends),
            _ if is_on_disk => Written::Said(Ends::Kept),
            said => Written::Said(said),
        };
        let key = (id.to_owned(), algo.clone(), written, form.ident);
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        let memo = known.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let hashed = match memo {
            Some(hashed) => hashed,
            None => {
                let bytes = self.files().content(id)?;
                let has_id = form.ident && bytes.windows(3).any(|part| part == b"$Id");
                let is_pointer = bytes.starts_with(LFS);
                let bytes = with_ends(bytes, written);
                let hashed = Hashed { md5: md5::of_content(&bytes, algo), size: bytes.len() as u64, is_pointer, has_id };
                known.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, hashed.clone());
                hashed
            }
        };
        if !is_on_disk {
            doubts.add(form, &hashed);
        } else if hashed.is_pointer {
            // Unless it was recorded like that, it was checked out without the content (`GIT_LFS_SKIP_SMUDGE`).
            doubts.filtered.get_or_insert_with(|| "Git LFS".to_owned());
        }
        Ok(hashed)
    }
}

/// The bytes with the line ends of a work tree (git: `convert.c`).
fn with_ends(bytes: Vec<u8>, written: Written) -> Vec<u8> {
    let is_text = || !bytes[..bytes.len().min(JUDGED)].contains(&0);
    let ends = match written {
        Written::Asked(ends) if is_text() => ends,
        Written::Said(Ends::Dos) => LineEnds::Dos,
        Written::Said(Ends::DosIfText) if is_text() && !bytes.contains(&b'\r') => LineEnds::Dos,
        _ => LineEnds::Kept,
    };
    if ends == LineEnds::Kept {
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
        let ends = |text: &[u8], ends| with_ends(text.to_vec(), Written::Asked(ends));
        assert_eq!(ends(b"a\nb\r\n\n", LineEnds::Dos), b"a\r\nb\r\n\r\n");
        assert_eq!(ends(b"a\nb\r\nc\r", LineEnds::Unix), b"a\nb\nc\r");
        assert_eq!(ends(b"a\0\n", LineEnds::Dos), b"a\0\n");
        assert_eq!(ends(b"a\n\r\n", LineEnds::Kept), b"a\n\r\n");
        let said = |text: &[u8], ends| with_ends(text.to_vec(), Written::Said(ends));
        assert_eq!(said(b"a\n\0\r\n", Ends::Dos), b"a\r\n\0\r\n");
        assert_eq!(said(b"a\n\0", Ends::DosIfText), b"a\n\0");
        assert_eq!(said(b"a\nb\r\n", Ends::DosIfText), b"a\nb\r\n");
        assert_eq!(said(b"a\nb\n", Ends::DosIfText), b"a\r\nb\r\n");
        assert_eq!(said(b"a\n", Ends::Kept), b"a\n");
    }
}
