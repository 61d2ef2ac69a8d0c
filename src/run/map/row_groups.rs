//! Cutting a Parquet file: whole row groups until a partition has rows enough.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;

use crate::plan::portion::Cost;
use crate::store::rows::RowsError;
use crate::store::rows::parquet::RowGroups;

use super::cut::{Content, Hashing, Portion, Sizes, place, together};
use super::{Cutter, MapError};

/// Cuts a file.
#[derive(Debug)]
pub struct RowGroupCutter {
    input: RowGroups,
    sizes: Sizes,
    dir: PathBuf,
    suffix: OsString,
    index: u64,
    first: u64,
}

impl RowGroupCutter {
    /// Files go into `dir`, with this end of their names.
    pub fn new(input: RowGroups, sizes: Sizes, dir: PathBuf, suffix: OsString) -> Self {
        Self { input, sizes, dir, suffix, index: 0, first: 0 }
    }
}

impl Cutter for RowGroupCutter {
    fn next(&mut self) -> Result<Option<Portion>, MapError> {
        let left = self.input.left();
        // Without rows there is one partition with the schema alone.
        if left == 0 && self.index > 0 {
            return Ok(None);
        }
        let requested = if left == 0 { 0 } else { self.sizes.next(self.first, Some(left)) };
        let path = place(&self.dir, self.index, 0, &self.suffix);
        let failed = |source| RowsError::Write { path: path.clone(), source };
        let mut out = Hashing::new(File::create(&path).map_err(failed)?);
        let count = self.input.write(requested, &mut out, &path)?;
        let digest = together([out.close().map_err(failed)?]);
        let (index, first, content) = (self.index, self.first, Content::Rows(vec![path]));
        self.index += 1;
        self.first += count;
        Ok(Some(Portion { index, first, count, requested, content, digest, label: None }))
    }

    fn learn(&mut self, rows: u64, seconds: f64) {
        self.sizes.learn(rows, seconds);
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.input.left())
    }

    fn cost(&self) -> Option<Cost> {
        self.sizes.cost()
    }
}
