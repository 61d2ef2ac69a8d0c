//! Where the outputs of all stages lie, so that overlaps are found without comparing all pairs.
//!
//! The same questions that DVC asks its path trie (dvc: `repo/trie.py`): which output is this
//! path or a parent of it, and which outputs lie inside of it, in the trie's order.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::model::{Class, Fault, Pipeline, RepoPath, StageId};

/// One output: its stage and its index among the stage's outs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OutRef {
    /// The stage.
    pub stage: StageId,
    /// Index in `Stage::outs`.
    pub index: usize,
}

/// All outputs by path.
#[derive(Debug, Default)]
pub struct Outs {
    by_path: BTreeMap<String, OutRef>,
    /// Each output path and each parent of one.
    places: HashMap<String, Place, RandomState>,
}

/// An output path, or a parent of one.
#[derive(Debug)]
struct Place {
    /// When it was first seen. The trie of DVC lists what lies inside a directory in this order,
    /// level by level.
    first_seen: usize,
    /// The output that it is.
    out: Option<OutRef>,
}

/// How an output is shown in messages: as written, seen from the current directory.
fn shown(pipeline: &Pipeline, out: OutRef, cwd: &RepoPath) -> String {
    let out = &pipeline.get(out.stage).outs[out.index];
    if out.path.is_external() { out.def_path.clone() } else { out.path.seen_from(cwd) }
}

impl Outs {
    /// Collects the outputs of all stages.
    ///
    /// # Errors
    /// An output of two stages, or an output inside another one, in DVC's words.
    pub fn of(pipeline: &Pipeline, cwd: &RepoPath) -> Result<Self, Fault> {
        let mut outs = Self::default();
        for (stage, definition) in pipeline.iter() {
            for (index, out) in definition.outs.iter().enumerate() {
                outs.insert(pipeline, cwd, OutRef { stage, index }, &out.path)?;
            }
        }
        Ok(outs)
    }

    fn insert(&mut self, pipeline: &Pipeline, cwd: &RepoPath, out: OutRef, path: &RepoPath) -> Result<(), Fault> {
        if let Some(other) = self.at(path.as_str()) {
            return Err(duplicated(pipeline, cwd, out, other));
        }
        let inner = self.inside(path).first().copied();
        let outer = self.around(path).first().copied();
        if let Some((parent, child)) = inner.map(|inner| (out, inner)).or(outer.map(|outer| (outer, out))) {
            return Err(overlapping(pipeline, cwd, parent, child));
        }
        for here in path.upwards() {
            let first_seen = self.places.len();
            if self.places.contains_key(here) {
                break;
            }
            self.places.insert(here.to_owned(), Place { first_seen, out: None });
        }
        if let Some(place) = self.places.get_mut(path.as_str()) {
            place.out = Some(out);
        }
        self.by_path.insert(path.as_str().to_owned(), out);
        Ok(())
    }

    fn at(&self, path: &str) -> Option<OutRef> {
        self.places.get(path)?.out
    }

    /// Outputs that are `path` or hold it, the outermost first.
    pub fn around(&self, path: &RepoPath) -> Vec<OutRef> {
        let mut found: Vec<OutRef> = path.upwards().filter_map(|place| self.at(place)).collect();
        found.reverse();
        found
    }

    /// Outputs that lie inside `path` (not at it), in the order of DVC's trie.
    pub fn inside(&self, path: &RepoPath) -> Vec<OutRef> {
        if !self.places.contains_key(path.as_str()) {
            return Vec::new();
        }
        let prefix = if path.is_root() { String::new() } else { format!("{}/", path.as_str()) };
        let mut found: Vec<(Vec<usize>, OutRef)> = self
            .by_path
            .range(prefix.clone()..)
            .take_while(|(place, _)| place.starts_with(&prefix))
            .filter(|(place, _)| path.is_root() != place.starts_with('/') || !path.is_root())
            .map(|(place, out)| (self.rank(place, prefix.len()), *out))
            .collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        found.into_iter().map(|(_, out)| out).collect()
    }

    /// When each level of `place` below the first `skip` bytes was first seen.
    fn rank(&self, place: &str, skip: usize) -> Vec<usize> {
        place
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([place.len()])
            .filter(|at| *at > skip)
            .filter_map(|at| self.places.get(&place[..at]).map(|place| place.first_seen))
            .collect()
    }
}

/// dvc: `OutputDuplicationError`. The names stand in the order of collection (DVC: of a set).
fn duplicated(pipeline: &Pipeline, cwd: &RepoPath, out: OutRef, other: OutRef) -> Fault {
    let path = shown(pipeline, out, cwd);
    let address = |out: OutRef| pipeline.get(out.stage).address.seen_from(cwd);
    let message = if out.stage == other.stage {
        let name = address(out);
        format!(
            "output '{path}' is already specified in stage: '{name}'.\nUse `dvc remove {name}` to stop tracking the overlapping output."
        )
    } else {
        format!(
            "output '{path}' is specified in:\n\t- {}\n\t- {}\nUse `dvc remove` with any of the above targets to stop tracking the overlapping output.",
            address(other),
            address(out)
        )
    };
    Fault::new(Class::OutputDuplicationError, message)
}

/// dvc: `OverlappingOutputPathsError`.
fn overlapping(pipeline: &Pipeline, cwd: &RepoPath, parent: OutRef, child: OutRef) -> Fault {
    let line = |out: OutRef| format!("'{}'('{}')", shown(pipeline, out, cwd), pipeline.get(out.stage).address.seen_from(cwd));
    Fault::new(
        Class::OverlappingOutputPathsError,
        format!(
            "The output paths:\n{}\n{}\noverlap and are thus in the same tracked directory.\nTo keep reproducibility, outputs should be in separate tracked directories or tracked individually.",
            line(parent),
            line(child)
        ),
    )
}
