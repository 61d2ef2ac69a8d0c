//! `--pull`: data that is missing here is fetched from a remote (dvc: `stage/__init__.py`
//! `reproduce`, `stage/run.py` `_pull_missing_deps`, `stage/cache.py` `restore`).
//!
//! A stage whose only fault is missing data is not run: its outputs are fetched and placed.

use std::collections::HashMap;

use crate::model::event::{Level, Saying};
use crate::model::{Class, Digest, EventKind, Fault, Out, Record, RecordedPath};
use crate::store::remote::Remote;

use super::drive::Reply;
use super::job::Job;

/// The remotes of a run with `--pull`.
#[derive(Debug, Default)]
pub struct Remotes {
    /// Those that are plain directories, by name.
    pub by_name: HashMap<String, Remote>,
    /// The one for outputs that name none.
    pub default: Option<String>,
    /// What DVC says when there is no default one.
    pub none: String,
}

impl Remotes {
    /// The remote for an output, or the default one.
    ///
    /// # Errors
    /// There is none.
    pub fn of(&self, name: Option<&str>) -> Result<&Remote, Fault> {
        let name = name.or(self.default.as_deref());
        name.and_then(|name| self.by_name.get(name)).ok_or_else(|| Fault::new(Class::ConfigError, self.none.clone()))
    }
}

impl Job<'_> {
    /// Brings the recorded outputs of a stage that lacks nothing else. False if the remote lacks
    /// them too; then the stage runs.
    ///
    /// # Errors
    /// There is no remote, or something cannot be read or written.
    pub fn pull_outs(&self, reply: &Reply) -> Result<bool, Fault> {
        reply.tell(EventKind::Said { stage: self.id, saying: Saying::Pulling });
        let recorded: Vec<(&Out, RecordedPath)> =
            self.stage.outs.iter().filter(|out| out.cache).filter_map(|out| Some((out, recorded_of(out, self.record.as_ref())?))).collect();
        for (out, path) in &recorded {
            let Some(digest) = &path.digest else { continue };
            if !self.fetch(out.remote.as_deref(), digest)? {
                let text = format!("Unable to pull data for stage: '{}'", self.address);
                reply.tell(EventKind::Notice { level: Level::Info, text });
                return Ok(false);
            }
        }
        for (out, path) in &recorded {
            self.disk().bring(out, path, &out.path)?;
        }
        Ok(true)
    }

    /// Brings deps that do not exist, if they are outputs of other stages. What cannot be
    /// brought is found missing later.
    ///
    /// # Errors
    /// There is no remote, or something cannot be read or written.
    pub fn pull_missing_deps(&self) -> Result<(), Fault> {
        for dep in self.stage.reads().filter(|path| !self.disk().exists(path)) {
            for (_, stage) in self.run.pipeline.iter() {
                let record = (self.run.records)(stage);
                let outs = stage.outs.iter().filter(|out| out.cache && out.path.overlaps(dep));
                for (out, path) in outs.filter_map(|out| Some((out, recorded_of(out, record.as_ref())?))) {
                    if let Some(digest) = &path.digest
                        && self.fetch(out.remote.as_deref(), digest)?
                    {
                        self.disk().bring(out, &path, dep)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Makes sure that the cache has an object; true if it has.
    ///
    /// # Errors
    /// There is no remote, or something cannot be read or written.
    pub fn fetch(&self, remote: Option<&str>, digest: &Digest) -> Result<bool, Fault> {
        if self.disk().in_cache(digest)? {
            return Ok(true);
        }
        match &self.run.remotes {
            Some(remotes) => self.disk().fetch(remotes.of(remote)?, digest),
            None => Ok(false),
        }
    }
}

/// What is recorded for an output: in the `.dvc` file itself, or in dvc.lock.
fn recorded_of(out: &Out, record: Option<&Record>) -> Option<RecordedPath> {
    match &out.recorded {
        Some((digest, meta)) => Some(RecordedPath { path: out.def_path.clone(), digest: Some(digest.clone()), meta: *meta }),
        None => record?.out(&out.def_path).cloned(),
    }
}
