//! What partitions a map has made and finished, so that a broken one can go on.
//!
//! A line of JSON for each partition that was cut, and one for each that was finished, in the folder of the map.
//! A part is used again only for the same rows: the digest of what the partition held must be the same, and the part as long as
//! it was, which it need not be after the machine has failed; and it must not have been begun again since. A line that is torn, by a kill, is as if it was never written.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use crate::run::job::hold;

use super::MapError;
use super::cut::Portion;

/// The file's name.
const NAME: &str = "partitions.jsonl";

/// Whether there are notes in a folder: of a run that goes on, or was broken.
pub fn is_in(dir: &Path) -> bool {
    std::fs::metadata(dir.join(NAME)).is_ok_and(|meta| meta.len() > 0)
}

/// What is noted of a partition.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Line {
    index: u64,
    first: u64,
    count: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// Bytes of its part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

/// The notes of a map.
#[derive(Debug)]
pub struct Keep {
    dir: PathBuf,
    file: Mutex<File>,
    /// Where partitions of the broken run began, and how many rows each had.
    bounds: BTreeMap<u64, u64>,
    /// What those held that were finished, by their numbers.
    finished: HashMap<u64, Line>,
}

impl Keep {
    /// Goes on with the notes in a folder, or begins anew.
    ///
    /// # Errors
    /// They cannot be read or written.
    pub fn open(dir: &Path, resume: bool) -> Result<Self, MapError> {
        let path = dir.join(NAME);
        let failed = |source| MapError::File { attempt: "write", path: path.clone(), source };
        let (mut bounds, mut finished) = (BTreeMap::new(), HashMap::new());
        if resume {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            for line in text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
                bounds.insert(line.first, line.count);
                match line.digest {
                    Some(_) => finished.insert(line.index, line),
                    // It was begun anew, and its part may be another one since.
                    None => finished.remove(&line.index),
                };
            }
        }
        let mut options = File::options();
        options.create(true).append(true);
        let file = options.open(&path).map_err(failed)?;
        if !resume {
            file.set_len(0).map_err(failed)?;
        }
        Ok(Self { dir: dir.to_path_buf(), file: Mutex::new(file), bounds, finished })
    }

    /// Where partitions of the broken run began, and how many rows each had.
    pub fn bounds(&self) -> &BTreeMap<u64, u64> {
        &self.bounds
    }

    /// Whether the broken run had a partition with this number.
    pub fn knows(&self, index: u64) -> bool {
        u64::try_from(self.bounds.len()).is_ok_and(|count| index < count)
    }

    /// Whether the broken run had finished this partition: its part.
    pub fn finished(&self, portion: &Portion, part: &Path) -> bool {
        let known = self.finished.get(&portion.index);
        let is_same =
            |line: &&Line| line.first == portion.first && line.count == portion.count && line.digest.as_ref() == Some(&portion.digest);
        let size = std::fs::metadata(part).map(|meta| meta.len());
        known.filter(is_same).is_some_and(|line| size.is_ok_and(|size| line.size == Some(size)))
    }

    /// A partition was cut. That nobody can note it is found when it is finished.
    pub fn cut(&self, portion: &Portion) {
        self.note(portion, None, None).ok();
    }

    /// A partition is finished, and this is its part.
    ///
    /// # Errors
    /// It cannot be noted.
    pub fn finish(&self, portion: &Portion, part: &Path) -> Result<(), MapError> {
        let size = std::fs::metadata(part).map_err(|source| MapError::read(part, source))?.len();
        let failed = |source| MapError::File { attempt: "write", path: self.dir.join(NAME), source };
        self.note(portion, Some(portion.digest.clone()), Some(size)).map_err(failed)
    }

    fn note(&self, portion: &Portion, digest: Option<String>, size: Option<u64>) -> std::io::Result<()> {
        let line = Line { index: portion.index, first: portion.first, count: portion.count, digest, size };
        let text = serde_json::to_string(&line)? + "\n";
        hold(&self.file).write_all(text.as_bytes())
    }
}
