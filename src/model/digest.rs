//! Hashes of contents as DVC records them: which algorithm, the text, and what goes with it.
//!
//! A directory's hash is the MD5 of its canonical listing plus `.dir`. DVC 2.x hashed text with
//! its line ends converted (`md5-dos2unix`) and kept such objects elsewhere; imports know
//! etags and checksums. All are one type, so that old entries pass through unharmed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a hash was made.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Algo {
    /// MD5 of the bytes (`hash: md5`).
    Md5,
    /// DVC 2.x: MD5 with CRLF read as LF in text files; entries without a `hash` key.
    Md5Dos2Unix,
    /// A remote's own mark: `etag`, `checksum`.
    Other(String),
}

/// A hash with its algorithm.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Digest {
    /// How it was made.
    pub algo: Algo,
    /// Lower-case hex, with `.dir` at the end for a directory (or the remote's own text).
    pub value: String,
}

impl Digest {
    /// A plain MD5.
    pub fn md5(value: impl Into<String>) -> Self {
        Self { algo: Algo::Md5, value: value.into() }
    }

    /// Whether it stands for a directory.
    pub fn is_dir(&self) -> bool {
        self.value.ends_with(".dir")
    }

    /// The first seven digits, for people.
    pub fn short(&self) -> &str {
        self.value.get(..7).unwrap_or(&self.value)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.value)
    }
}

/// What stands beside a hash in dvc.lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Meta {
    /// Bytes; of a directory the sum over its files.
    pub size: Option<u64>,
    /// Number of files, directories only.
    pub nfiles: Option<u64>,
    /// Whether a single file has an execute bit.
    pub isexec: bool,
}

/// A directory as its entry lists it, file by file, where no listing is in the cache.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Listed {
    /// How the hashes of the files are made.
    pub algo: Algo,
    /// The files.
    pub files: Vec<ListedFile>,
}

/// One of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListedFile {
    /// As it would stand in a listing.
    pub entry: TreeEntry,
    /// Whether it has an execute bit.
    pub isexec: bool,
}

/// One entry of a directory's listing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TreeEntry {
    /// Path below the directory, with `/`.
    pub relpath: String,
    /// MD5 of the file, lower-case hex.
    pub md5: String,
}
