//! All stages of a repository, with the look-ups that the upper floors need.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::path::RepoPath;
use super::stage::{Address, Stage, StageId};

/// The stages in the order of collection: files in the order found, stages in the order of
/// their file.
#[derive(Clone, Debug, Default)]
pub struct Pipeline {
    stages: Vec<Arc<Stage>>,
    files: HashMap<RepoPath, OfFile>,
}

/// The stages of one file.
#[derive(Clone, Debug, Default)]
struct OfFile {
    /// In its order.
    ids: Vec<StageId>,
    by_name: HashMap<Option<String>, StageId>,
}

impl Pipeline {
    /// Takes the stages of one file after another. A stage that is there already is left out.
    pub fn new(stages: impl IntoIterator<Item = impl Into<Arc<Stage>>>) -> Self {
        let mut pipeline = Self::default();
        for stage in stages {
            pipeline.push(stage.into());
        }
        pipeline
    }

    fn push(&mut self, stage: Arc<Stage>) {
        let id = StageId(u32::try_from(self.stages.len()).expect("fewer than four billion stages"));
        let Address { file, name } = &stage.address;
        if !self.files.contains_key(file) {
            self.files.insert(file.clone(), OfFile::default());
        }
        if let Some(known) = self.files.get_mut(file)
            && let Entry::Vacant(place) = known.by_name.entry(name.clone())
        {
            place.insert(id);
            known.ids.push(id);
            self.stages.push(stage);
        }
    }

    /// The stage of this number.
    pub fn get(&self, id: StageId) -> &Stage {
        &self.stages[id.index()]
    }

    /// The stage of this address.
    pub fn find(&self, address: &Address) -> Option<StageId> {
        self.files.get(&address.file)?.by_name.get(&address.name).copied()
    }

    /// The stages of one file, in its order; empty for an unknown file.
    pub fn of_file(&self, file: &RepoPath) -> &[StageId] {
        self.files.get(file).map_or(&[], |known| known.ids.as_slice())
    }

    /// All stages with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (StageId, &Stage)> {
        self.stages.iter().enumerate().map(|(index, stage)| (StageId(u32::try_from(index).expect("as in push")), &**stage))
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
