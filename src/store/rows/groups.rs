//! Rows by groups: which rows have the same values in some columns, in the order in which the groups first come.
//!
//! An input is read once. Its rows stay on the disk, in the input itself where that is a plain file, else in a copy;
//! in memory there are 16 bytes for a row: first where it begins (8), its group (4) and its place in the order of
//! groups (4), then where it begins, how long it is (4) and that place. Once a row was given out, the
//! first two are free, and tell where the row that was made of it stands ([`Groups::returned`]): so rows
//! come back into the order of the input without more memory. Beside that a group costs 4 bytes for where it ends in that
//! order, and its key: 8 bytes and its values with 4 bytes for each (see [`super::keys`]).

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::keys::{Index, Keys, Picker, values};
use super::{Rows, RowsError, Target};
use crate::format::rows::{Format, fields};

/// How much is read of rows that stand one after the other.
const STRETCH: u64 = 1 << 20;

/// The rows of an input, by groups.
#[derive(Debug)]
pub struct Groups {
    name: PathBuf,
    header: Vec<u8>,
    /// Whether a byte order mark stands before the first row; behind a header there is none.
    marked: bool,
    rows: File,
    /// Where each row begins, by its number in the input; once it was given out, where its result does.
    begins: Vec<u64>,
    /// How long it, or its result, is.
    lengths: Vec<u32>,
    /// The numbers of the rows, group by group.
    order: Vec<u32>,
    /// Where each group ends in that order.
    ends: Vec<u32>,
    /// What the groups have in their columns.
    keys: Keys,
    /// The results of rows.
    returned: Option<File>,
    /// How many bytes of them there are.
    size: u64,
}

impl Groups {
    /// Reads an input. A copy of it, if one is needed, has no name and stands in `dir`.
    ///
    /// # Errors
    /// It cannot be read or divided, or lacks a column.
    pub fn read(mut rows: Rows, format: Format, columns: &[String], dir: &Path) -> Result<Self, RowsError> {
        let name = rows.name().to_path_buf();
        let wrong = |what: String| RowsError::Group { path: name.clone(), what };
        let picker = Picker::new(format, columns, rows.header()).map_err(wrong)?;
        let read = |source| RowsError::Read { path: name.clone(), source };
        let copied = |source| RowsError::Write { path: dir.to_path_buf(), source };
        let plain = rows.plain();
        let mut copy = match plain {
            true => None,
            false => Some(BufWriter::with_capacity(1 << 16, tempfile::tempfile_in(dir).map_err(copied)?)),
        };
        let (mut begins, mut of, mut keys, mut key) = (Vec::new(), Vec::new(), Keys::default(), Vec::new());
        let mut index = Index::of(&keys);
        let (mut at, mut number, mut marked) = (0_u64, 0_u64, false);
        while rows.has_more()? {
            if plain {
                at = rows.position();
            }
            number += 1;
            let first = number == 1 && rows.header().is_empty();
            let bytes = rows.pop();
            let row = if first { fields::unmarked(bytes) } else { bytes };
            let mark = bytes.len() - row.len();
            marked |= mark > 0;
            picker.key(row, &mut key).map_err(|what| wrong(format!("row {number}: {what}")))?;
            let group = index.number(&mut keys, &key).ok_or_else(|| wrong("too many groups".to_owned()))?;
            push(&mut begins, at + mark as u64);
            push(&mut of, group);
            at += bytes.len() as u64;
            if let Some(copy) = &mut copy {
                copy.write_all(bytes).map_err(copied)?;
            }
        }
        drop(index);
        keys.settle();
        begins.shrink_to_fit();
        u32::try_from(begins.len()).map_err(|_| wrong("more than 4,294,967,295 rows cannot be grouped".to_owned()))?;
        let file = match copy {
            Some(copy) => copy.into_inner().map_err(|error| copied(error.into_error()))?,
            None => File::open(&name).map_err(read)?,
        };
        let (order, ends) = sorted(&of, keys.len());
        drop(of);
        let lengths = lengths(&begins, at).ok_or_else(|| wrong("a row of more than 4 GiB cannot be grouped".to_owned()))?;
        let header = rows.header().to_vec();
        Ok(Self { name, header, marked, rows: file, begins, lengths, order, ends, keys, returned: None, size: 0 })
    }

    /// What it is called.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// Whether there is a header.
    pub fn has_header(&self) -> bool {
        !self.header.is_empty()
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.order.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How many groups, from this one on, have at least so many rows.
    pub fn groups_for(&self, first: usize, rows: u64) -> usize {
        let begin = self.begin_of(first);
        let wanted = begin.saturating_add(rows.max(1));
        let last = self.ends.partition_point(|end| u64::from(*end) < wanted);
        (last + 1).min(self.ends.len()).saturating_sub(first)
    }

    /// Which places in the order the rows of these groups have.
    pub fn places(&self, groups: Range<usize>) -> Range<u64> {
        self.begin_of(groups.start)..self.begin_of(groups.end)
    }

    /// What people know these groups by: the values of the first, and how many more there are.
    pub fn label(&self, groups: Range<usize>) -> Option<String> {
        if groups.is_empty() {
            return None;
        }
        let values = values(self.keys.get(groups.start));
        let more = groups.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        Some(format!("group '{}'{more}", values.join(", ")))
    }

    fn begin_of(&self, group: usize) -> u64 {
        group.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| u64::from(*end))
    }

    /// Which group of these is which of the other's, in the order of the other's.
    ///
    /// # Errors
    /// One has a group that the other has not: who lacks it, and who has it.
    pub fn matching(&self, other: &Self) -> Result<Vec<u32>, (PathBuf, PathBuf)> {
        let index = Index::of(&self.keys);
        let found: Option<Vec<u32>> = other.keys.iter().map(|key| index.find(&self.keys, key)).collect();
        match found {
            None => Err((self.name.clone(), other.name.clone())),
            Some(found) if found.len() < self.keys.len() => Err((other.name.clone(), self.name.clone())),
            Some(found) => Ok(found),
        }
    }

    /// Writes the header and the rows at these places of the order.
    ///
    /// # Errors
    /// They cannot be read or written.
    pub fn write(&self, places: impl Iterator<Item = Range<u64>>, out: &mut impl Write, to: &Path) -> Result<(), RowsError> {
        let failed = |source| RowsError::Write { path: to.to_path_buf(), source };
        out.write_all(&self.header).map_err(failed)?;
        let mut rows = places.flat_map(|places| self.order.get(whole(places)).unwrap_or_default()).peekable();
        // Within a text a mark would be a character: it stays with the first row only where that comes first.
        if self.marked && rows.peek() == Some(&&0) {
            out.write_all(fields::MARK).map_err(failed)?;
        }
        let places = rows.map(|row| (self.begins[*row as usize], u64::from(self.lengths[*row as usize])));
        let mut buffer = Vec::new();
        for (begin, length) in stretches(places) {
            read_at(&self.rows, begin, length, &mut buffer).map_err(|source| RowsError::Read { path: self.name.clone(), source })?;
            out.write_all(&buffer).map_err(failed)?;
            if !matches!(buffer.last(), Some(b'\n' | b'\r')) {
                out.write_all(b"\n").map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Takes what was made of the rows at these places of the order: so many rows, in their order.
    ///
    /// # Errors
    /// They cannot be read or kept; or there are more or fewer, then in words.
    pub fn take_back(&mut self, places: Range<u64>, mut made: Rows, dir: &Path) -> Result<Result<(), String>, RowsError> {
        let failed = |source| RowsError::Write { path: dir.to_path_buf(), source };
        if self.returned.is_none() {
            self.returned = Some(tempfile::tempfile_in(dir).map_err(failed)?);
        }
        let Some(file) = &self.returned else { return Ok(Ok(())) };
        let mut out = BufWriter::with_capacity(1 << 16, file);
        let (wanted, mut count) = (places.end - places.start, 0);
        while made.has_more()? {
            let row = made.pop();
            if count < wanted {
                let number = self.order[usize::try_from(places.start + count).unwrap_or(usize::MAX)] as usize;
                let ended = matches!(row.last(), Some(b'\n' | b'\r'));
                let length = row.len() as u64 + u64::from(!ended);
                let Ok(short) = u32::try_from(length) else { return Ok(Err("a row of more than 4 GiB".to_owned())) };
                (self.begins[number], self.lengths[number]) = (self.size, short);
                self.size += length;
                out.write_all(row).map_err(failed)?;
                out.write_all(if ended { b"" } else { b"\n" }).map_err(failed)?;
            }
            count += 1;
        }
        out.flush().map_err(failed)?;
        Ok(if count == wanted {
            Ok(())
        } else {
            Err(format!("{count} rows came out where {wanted} went in, and each must keep its place"))
        })
    }

    /// Nothing was made of the rows at these places of the order.
    pub fn lose(&mut self, places: Range<u64>) {
        for row in self.order.get(whole(places)).unwrap_or_default() {
            (self.begins[*row as usize], self.lengths[*row as usize]) = (0, 0);
        }
    }

    /// Writes what was made of all rows, in the order of the input.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn write_back(&mut self, target: &mut Target) -> Result<(), RowsError> {
        let Some(file) = self.returned.take() else { return Ok(()) };
        let failed = |source| RowsError::Read { path: self.name.clone(), source };
        let places = self.begins.iter().zip(&self.lengths).map(|(begin, length)| (*begin, u64::from(*length)));
        let mut buffer = Vec::new();
        for (begin, length) in stretches(places) {
            read_at(&file, begin, length, &mut buffer).map_err(failed)?;
            target.write(&buffer)?;
        }
        Ok(())
    }
}

/// Rows that stand one after the other become one stretch, up to a size.
fn stretches(places: impl Iterator<Item = (u64, u64)>) -> impl Iterator<Item = (u64, u64)> {
    let mut places = places.peekable();
    std::iter::from_fn(move || {
        let (begin, mut length) = places.next()?;
        while let Some((_, more)) = places.next_if(|(next, more)| *next == begin + length && length + more <= STRETCH) {
            length += more;
        }
        Some((begin, length))
    })
}

fn read_at(file: &File, begin: u64, length: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    buffer.resize(usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?, 0);
    file.read_exact_at(buffer, begin)
}

/// The numbers of the rows group by group, each in its own order, and where each group ends.
fn sorted(of: &[u32], groups: usize) -> (Vec<u32>, Vec<u32>) {
    let mut next = vec![0_u32; groups];
    of.iter().for_each(|group| next[*group as usize] += 1);
    let mut sum = 0;
    for count in &mut next {
        (*count, sum) = (sum, sum + *count);
    }
    let mut order = vec![0; of.len()];
    for (row, group) in (0_u32..).zip(of) {
        let at = &mut next[*group as usize];
        order[*at as usize] = row;
        *at += 1;
    }
    (order, next)
}

/// How long each row is; none if one is too long.
fn lengths(begins: &[u64], end: u64) -> Option<Vec<u32>> {
    let nexts = begins.iter().skip(1).copied().chain(std::iter::once(end));
    let mut lengths = Vec::with_capacity(begins.len());
    for (begin, next) in begins.iter().zip(nexts) {
        lengths.push(u32::try_from(next - begin).ok()?);
    }
    Some(lengths)
}

/// As `Vec::push`, but what is taken in advance is an eighth, not as much again.
pub(super) fn push<T>(list: &mut Vec<T>, value: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(list.len() / 8 + 1024);
    }
    list.push(value);
}

fn whole(range: Range<u64>) -> Range<usize> {
    let number = |place| usize::try_from(place).unwrap_or(usize::MAX);
    number(range.start)..number(range.end)
}
