//! All stages of a repository, with the look-ups that the upper floors need.

use std::collections::HashMap;

use super::path::RepoPath;
use super::stage::{Address, Stage, StageId};

/// The stages in the order of collection: files in the order found, stages in the order of
/// their file.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    stages: Vec<Stage>,
    by_address: HashMap<Address, StageId>,
    by_file: HashMap<RepoPath, Vec<StageId>>,
}

impl Pipeline {
    /// Takes the stages of one file after another. A stage that is there already is left out.
    pub fn new(stages: Vec<Stage>) -> Self {
        let mut pipeline = Self::default();
        for stage in stages {
            pipeline.push(stage);
        }
        pipeline
    }

    fn push(&mut self, stage: Stage) {
        if self.by_address.contains_key(&stage.address) {
            return;
        }
        let id = StageId(u32::try_from(self.stages.len()).expect("fewer than four billion stages"));
        self.by_address.insert(stage.address.clone(), id);
        self.by_file.entry(stage.address.file.clone()).or_default().push(id);
        self.stages.push(stage);
    }

    /// The stage of this number.
    pub fn get(&self, id: StageId) -> &Stage {
        &self.stages[id.index()]
    }

    /// The stage of this address.
    pub fn find(&self, address: &Address) -> Option<StageId> {
        self.by_address.get(address).copied()
    }

    /// The stages of one file, in its order; empty for an unknown file.
    pub fn of_file(&self, file: &RepoPath) -> &[StageId] {
        self.by_file.get(file).map_or(&[], Vec::as_slice)
    }

    /// All stages with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (StageId, &Stage)> {
        self.stages.iter().enumerate().map(|(index, stage)| (StageId(u32::try_from(index).expect("as in push")), stage))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.stages.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stages.is_empty()
    }
}
