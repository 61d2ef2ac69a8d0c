//! Cutting an input into partitions, one after the other, when someone is free to work on them.
//!
//! Rows go into a file of the partition's own, behind the header of the input. Items are what was listed.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::plan::portion::{Cost, Sizer};
use crate::store::os::State;
use crate::store::rows::{Rows, RowsError};

use super::{Cutter, MapError};

/// One partition of the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Portion {
    /// Its number, from 0.
    pub index: u64,
    /// The number of its first row or item, from 0.
    pub first: u64,
    /// How many it has.
    pub count: u64,
    /// How many it was to have.
    pub requested: u64,
    /// What it holds.
    pub content: Content,
    /// A digest of that: the bytes of rows; of items the items, and of files what tells one state of them from another.
    pub digest: String,
    /// What people know it by, if that is not the numbers of its rows.
    pub label: Option<String>,
}

impl Portion {
    /// Keeps its files, of which nobody needs what they hold, for the next partition. One that has another name by now is not
    /// ours alone: its part may be a link to it.
    pub fn release(&self) {
        let Content::Rows(files) = &self.content else { return };
        for (input, file) in files.iter().enumerate() {
            let is_ours = std::fs::symlink_metadata(file).is_ok_and(|meta| meta.is_file() && meta.nlink() == 1);
            // What stays is removed with the folder.
            match file.parent() {
                Some(dir) if is_ours => std::fs::rename(file, spare(dir, input)).ok(),
                _ => std::fs::remove_file(file).ok(),
            };
        }
    }

    /// Whether its files still hold what was cut: a try may have changed them.
    pub fn is_intact(&self) -> bool {
        let Content::Rows(files) = &self.content else { return true };
        let digest = |file: &PathBuf| {
            let mut bytes = Hashing::new(io::sink());
            io::copy(&mut File::open(file)?, &mut bytes)?;
            bytes.finish()
        };
        files.iter().map(digest).collect::<io::Result<Vec<_>>>().is_ok_and(|digests| together(digests) == self.digest)
    }

    /// Removes its files, which nobody needs any more.
    pub fn forget(&self) {
        let Content::Rows(files) = &self.content else { return };
        for file in files {
            // What stays is removed with the folder.
            std::fs::remove_file(file).ok();
        }
    }
}

/// What a partition holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Content {
    /// Rows, in a file of its own for each input.
    Rows(Vec<PathBuf>),
    /// Files of others, a list for each input.
    Files(Vec<Vec<OsString>>),
    /// Items; one list.
    Items(Vec<Vec<OsString>>),
}

/// How large partitions are.
#[derive(Clone, Debug)]
pub enum Size {
    /// As the cost of those before tells.
    Chosen(Sizer),
    /// So many rows each.
    Fixed(u64),
    /// What is left of a list of sizes.
    Listed(VecDeque<u64>),
}

/// How large partitions are; those that are chosen as they were in a broken run.
#[derive(Clone, Debug)]
pub struct Sizes {
    size: Size,
    /// Where partitions of a broken run began, and how many rows each had.
    before: BTreeMap<u64, u64>,
}

impl Sizes {
    /// Those of an earlier run stay as they were.
    pub fn new(size: Size, before: BTreeMap<u64, u64>) -> Self {
        Self { size, before }
    }

    /// That of the partition that begins at a row.
    pub(super) fn next(&mut self, first: u64, remaining: Option<u64>) -> u64 {
        match &mut self.size {
            Size::Chosen(sizer) => match self.before.get(&first).copied().filter(|count| *count > 0) {
                Some(count) => sizer.hand(count),
                None => {
                    let room = self.before.range(first + 1..).next().map_or(u64::MAX, |(next, _)| next - first);
                    sizer.next(remaining).min(room)
                }
            },
            Size::Fixed(size) => *size,
            Size::Listed(sizes) => sizes.pop_front().unwrap_or(u64::MAX),
        }
    }

    /// A partition has ended.
    pub(super) fn learn(&mut self, items: u64, seconds: f64) {
        if let Size::Chosen(sizer) = &mut self.size {
            sizer.learn(items, seconds);
        }
    }

    /// What was learnt of the cost.
    pub fn cost(&self) -> Option<Cost> {
        match &self.size {
            Size::Chosen(sizer) => sizer.cost(),
            Size::Fixed(_) | Size::Listed(_) => None,
        }
    }
}

/// Writes a partition, and works out the digest of what it holds.
pub(super) struct Hashing<W: Write> {
    out: BufWriter<W>,
    digest: Sha256,
    written: u64,
}

impl<W: Write> Hashing<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out: BufWriter::with_capacity(1 << 16, out), digest: Sha256::new(), written: 0 }
    }

    /// The end of the text, and what it was.
    pub(super) fn finish(mut self) -> io::Result<Sha256> {
        self.out.flush()?;
        Ok(self.digest)
    }
}

impl Hashing<File> {
    /// The same of a file, which may have held more before. To empty it first is much dearer where the file system then writes at
    /// once what is put there, as ext4 does.
    pub(super) fn close(mut self) -> io::Result<Sha256> {
        self.out.flush()?;
        let file = self.out.get_ref();
        if file.metadata()?.len() > self.written {
            file.set_len(self.written)?;
        }
        Ok(self.digest)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.written += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The digests of the files of a partition as one text.
pub(super) fn together(digests: impl IntoIterator<Item = Sha256>) -> String {
    let mut all = Sha256::new();
    for digest in digests {
        all.update(digest.finalize());
    }
    all.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Cuts inputs that are read side by side.
#[derive(Debug)]
pub struct RowCutter {
    inputs: Vec<Rows>,
    sizes: Sizes,
    dir: PathBuf,
    /// The end of the names of partition files, for each input.
    suffixes: Vec<OsString>,
    index: u64,
    first: u64,
}

impl RowCutter {
    /// Files go into `dir`, with these ends of their names.
    pub fn new(inputs: Vec<Rows>, sizes: Sizes, dir: PathBuf, suffixes: Vec<OsString>) -> Self {
        Self { inputs, sizes, dir, suffixes, index: 0, first: 0 }
    }
}

impl Cutter for RowCutter {
    fn next(&mut self) -> Result<Option<Portion>, MapError> {
        let more = self.inputs.iter_mut().map(Rows::has_more).collect::<Result<Vec<bool>, _>>()?;
        match (more.iter().position(|more| !more), more.iter().position(|more| *more)) {
            (_, None) if self.index > 0 || self.inputs.iter().all(|input| input.header().is_empty()) => return Ok(None),
            (_, None) => return self.headers().map(Some),
            (None, _) => {}
            (Some(short), Some(long)) => return Err(self.different(short, long)),
        }
        let size = self.sizes.next(self.first, self.inputs.first().and_then(Rows::remaining));
        let (mut files, mut counts, mut digests) = (Vec::new(), Vec::new(), Vec::new());
        for (at, input) in self.inputs.iter_mut().enumerate() {
            let path = place(&self.dir, self.index, at, &self.suffixes[at]);
            let (count, digest) = write(input, at, size, &path)?;
            counts.push(count);
            digests.push(digest);
            files.push(path);
        }
        if let Some(short) = counts.iter().position(|count| *count < counts[0]) {
            return Err(self.different(short, 0));
        }
        if let Some(long) = counts.iter().position(|count| *count > counts[0]) {
            return Err(self.different(0, long));
        }
        let portion = Portion {
            index: self.index,
            first: self.first,
            count: counts[0],
            requested: size,
            content: Content::Rows(files),
            digest: together(digests),
            label: None,
        };
        self.index += 1;
        self.first += portion.count;
        Ok(Some(portion))
    }

    fn learn(&mut self, rows: u64, seconds: f64) {
        self.sizes.learn(rows, seconds);
    }

    fn remaining(&self) -> Option<u64> {
        self.inputs.first().and_then(Rows::remaining)
    }

    fn cost(&self) -> Option<Cost> {
        self.sizes.cost()
    }
}

impl RowCutter {
    /// A partition without rows: so the result has the columns that the command would give it.
    fn headers(&mut self) -> Result<Portion, MapError> {
        let (mut files, mut digests) = (Vec::new(), Vec::new());
        for (at, input) in self.inputs.iter_mut().enumerate() {
            let path = place(&self.dir, 0, at, &self.suffixes[at]);
            digests.push(write(input, at, 0, &path)?.1);
            files.push(path);
        }
        self.index = 1;
        Ok(Portion { index: 0, first: 0, count: 0, requested: 0, content: Content::Rows(files), digest: together(digests), label: None })
    }

    fn different(&self, short: usize, long: usize) -> MapError {
        let name = |at: usize| self.inputs[at].name().to_path_buf();
        MapError::Lengths { short: name(short), long: name(long) }
    }
}

/// Makes the file of a partition for one of the inputs, of one that nobody needs any more if there is such: a new file costs
/// more than all else of a small partition. What it held is there until it is closed by [`Hashing::close`].
pub(super) fn create(dir: &Path, input: usize, path: &Path) -> io::Result<File> {
    // Without one it is a new file.
    std::fs::rename(spare(dir, input), path).ok();
    File::options().write(true).create(true).truncate(false).open(path)
}

fn spare(dir: &Path, input: usize) -> PathBuf {
    dir.join(format!("spare-{input}"))
}

/// The file of a partition for one of the inputs.
pub(super) fn place(dir: &Path, index: u64, input: usize, suffix: &OsString) -> PathBuf {
    let mut name = OsString::from(if input == 0 { format!("{index}.in") } else { format!("{index}.in{}", input + 1) });
    name.push(suffix);
    dir.join(name)
}

fn write(input: &mut Rows, at: usize, rows: u64, path: &Path) -> Result<(u64, Sha256), RowsError> {
    let failed = |source| RowsError::Write { path: path.to_path_buf(), source };
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut out = Hashing::new(create(dir, at, path).map_err(failed)?);
    out.write_all(input.header()).map_err(failed)?;
    let count = input.write(rows, &mut out, path)?;
    Ok((count, out.close().map_err(failed)?))
}

/// The first item, and how many more there are.
fn label(items: &[OsString]) -> Option<String> {
    let first = items.first()?.to_string_lossy();
    Some(if items.len() > 1 { format!("'{first}' and {} more", items.len() - 1) } else { format!("'{first}'") })
}

/// Cuts lists of items, side by side.
#[derive(Debug)]
pub struct ItemCutter {
    lists: Vec<std::vec::IntoIter<OsString>>,
    /// Whether they are paths of files.
    are_files: bool,
    sizes: Sizes,
    index: u64,
    first: u64,
}

impl ItemCutter {
    /// Of these lists, which are equally long.
    pub fn new(lists: Vec<Vec<OsString>>, are_files: bool, sizes: Sizes) -> Self {
        Self { lists: lists.into_iter().map(Vec::into_iter).collect(), are_files, sizes, index: 0, first: 0 }
    }
}

impl ItemCutter {
    fn digest(&self, lists: &[Vec<OsString>]) -> String {
        let mut all = Sha256::new();
        for item in lists.iter().flatten() {
            all.update((item.len() as u64).to_le_bytes());
            all.update(item.as_encoded_bytes());
            // An item may be the path of a file as well.
            if let Ok(meta) = std::fs::metadata(item) {
                all.update(format!("{:?}", State::of(&meta)).as_bytes());
            }
        }
        together([all])
    }
}

impl Cutter for ItemCutter {
    fn next(&mut self) -> Result<Option<Portion>, MapError> {
        let left = self.lists.first().map_or(0, ExactSizeIterator::len) as u64;
        if left == 0 {
            return Ok(None);
        }
        let size = self.sizes.next(self.first, Some(left)).min(left);
        let taken = |list: &mut std::vec::IntoIter<OsString>| list.take(usize::try_from(size).unwrap_or(usize::MAX)).collect();
        let lists: Vec<Vec<OsString>> = self.lists.iter_mut().map(taken).collect();
        let digest = self.digest(&lists);
        let label = label(lists.first().map(Vec::as_slice).unwrap_or_default());
        let content = if self.are_files { Content::Files(lists) } else { Content::Items(lists) };
        let portion = Portion { index: self.index, first: self.first, count: size, requested: size, content, digest, label };
        self.index += 1;
        self.first += size;
        Ok(Some(portion))
    }

    fn learn(&mut self, rows: u64, seconds: f64) {
        self.sizes.learn(rows, seconds);
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.lists.first().map_or(0, ExactSizeIterator::len) as u64)
    }

    fn cost(&self) -> Option<Cost> {
        self.sizes.cost()
    }
}
