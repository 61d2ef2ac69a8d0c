//! Cutting by groups: whole groups until a partition has rows enough.
//!
//! Several inputs must have the same groups; those of the first give the order.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::plan::portion::Cost;
use crate::run::job::hold;
use crate::store::rows::{Groups, RowsError};

use super::cut::{Content, Hashing, Portion, Sizes, create, place, together};
use super::{Cutter, MapError};

/// Cuts inputs that were read by groups.
#[derive(Debug)]
pub struct GroupCutter {
    /// Shared with who puts rows back into their order.
    first: Arc<Mutex<Groups>>,
    /// The other inputs, and which of their groups is which of the first's.
    others: Vec<(Groups, Vec<u32>)>,
    sizes: Sizes,
    dir: PathBuf,
    suffixes: Vec<OsString>,
    index: u64,
    /// The next group.
    group: usize,
    /// The place of its first row in the order of groups.
    row: u64,
}

impl GroupCutter {
    /// Files go into `dir`, with these ends of their names.
    ///
    /// # Errors
    /// The inputs have not the same groups.
    pub fn new(
        first: Arc<Mutex<Groups>>,
        others: Vec<Groups>,
        sizes: Sizes,
        dir: PathBuf,
        suffixes: Vec<OsString>,
    ) -> Result<Self, MapError> {
        let matched = {
            let first = hold(&first);
            let pair = |other: Groups| {
                let found = other.matching(&first);
                found.map(|found| (other, found)).map_err(|(lacking, having)| MapError::Groups { lacking, having })
            };
            others.into_iter().map(pair).collect::<Result<Vec<_>, _>>()?
        };
        Ok(Self { first, others: matched, sizes, dir, suffixes, index: 0, group: 0, row: 0 })
    }
}

impl Cutter for GroupCutter {
    fn next(&mut self) -> Result<Option<Portion>, MapError> {
        let first = hold(&self.first);
        let left = first.len() - self.row;
        // Without rows there is one partition of headers, so that the result has the columns that the command gives it.
        let has_header = first.has_header() || self.others.iter().any(|(other, _)| other.has_header());
        if left == 0 && (self.index > 0 || !has_header) {
            return Ok(None);
        }
        let requested = if left == 0 { 0 } else { self.sizes.next(self.row, Some(left)) };
        let count = if left == 0 { 0 } else { first.groups_for(self.group, requested) };
        let groups = self.group..self.group + count;
        let places = first.places(groups.clone());
        let (mut files, mut digests) = (Vec::new(), Vec::new());
        for (at, suffix) in self.suffixes.iter().enumerate() {
            let path = place(&self.dir, self.index, at, suffix);
            let failed = |source| RowsError::Write { path: path.clone(), source };
            let mut out = Hashing::new(create(&self.dir, at, &path).map_err(failed)?);
            match at.checked_sub(1).and_then(|at| self.others.get(at)) {
                None => first.write(std::iter::once(places.clone()), &mut out, &path)?,
                Some((other, matching)) => {
                    let places = groups.clone().map(|group| matching[group] as usize).map(|group| other.places(group..group + 1));
                    other.write(places, &mut out, &path)?;
                }
            }
            digests.push(out.close().map_err(failed)?);
            files.push(path);
        }
        let (content, digest, label) = (Content::Rows(files), together(digests), first.label(groups));
        let count_of_rows = places.end - places.start;
        let portion = Portion { index: self.index, first: places.start, count: count_of_rows, requested, content, digest, label };
        self.index += 1;
        self.group += count;
        self.row = places.end;
        Ok(Some(portion))
    }

    fn learn(&mut self, rows: u64, seconds: f64) {
        self.sizes.learn(rows, seconds);
    }

    fn remaining(&self) -> Option<u64> {
        Some(hold(&self.first).len() - self.row)
    }

    fn cost(&self) -> Option<Cost> {
        self.sizes.cost()
    }
}
