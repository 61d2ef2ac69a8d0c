//! `--pull`: data that is missing here is fetched from a remote (dvc: `stage/__init__.py`
//! `reproduce`, `stage/run.py` `_pull_missing_deps`, `stage/cache.py` `restore`).
//!
//! A stage whose only fault is missing data is not run: its outputs are fetched and placed. A
//! remote that is a plain directory is read here; from all others an installed dvc fetches.

use std::collections::{BTreeMap, HashMap};

use crate::model::event::{Level, Saying};
use crate::model::{Class, Digest, EventKind, Fault, Out, Record, RecordedPath};
use crate::store::remote::Remote;

use super::drive::Reply;
use super::job::Job;
use super::peer::Peer;

/// Where missing data comes from.
#[derive(Debug)]
pub enum Source {
    /// A plain directory.
    Directory(Remote),
    /// A place that only DVC can reach.
    Dvc(Peer),
}

/// The remotes of a run with `--pull`.
#[derive(Debug, Default)]
pub struct Remotes {
    /// All that may be needed, by name.
    pub by_name: HashMap<String, Source>,
    /// The one for outputs that name none.
    pub default: Option<String>,
    /// What DVC says when there is no default one.
    pub none: String,
}

impl Remotes {
    /// The remote for an output, or the default one, with its name.
    ///
    /// # Errors
    /// There is none.
    pub fn of<'a>(&'a self, name: Option<&'a str>) -> Result<(&'a str, &'a Source), Fault> {
        let name = name.or(self.default.as_deref());
        let found = name.and_then(|name| Some((name, self.by_name.get(name)?)));
        found.ok_or_else(|| Fault::new(Class::ConfigError, self.none.clone()))
    }
}

/// An object, and the remote that its output names.
pub type Wanted<'a> = (Option<&'a str>, &'a Digest);

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
        if !self.fetch(&wanted(&recorded), reply)? {
            let text = format!("Unable to pull data for stage: '{}'", self.address);
            reply.tell(EventKind::Notice { level: Level::Info, text });
            return Ok(false);
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
    pub fn pull_missing_deps(&self, reply: &Reply) -> Result<(), Fault> {
        for dep in self.stage.reads().filter(|path| !self.disk().exists(path)) {
            let mut recorded: Vec<(&Out, RecordedPath)> = Vec::new();
            for (_, stage) in self.run.pipeline.iter() {
                let record = (self.run.records)(stage);
                let outs = stage.outs.iter().filter(|out| out.cache && out.path.overlaps(dep));
                recorded.extend(outs.filter_map(|out| Some((out, recorded_of(out, record.as_ref())?))));
            }
            self.fetch(&wanted(&recorded), reply)?;
            for (out, path) in &recorded {
                if path.digest.as_ref().is_some_and(|digest| self.disk().in_cache(digest).unwrap_or(false)) {
                    self.disk().bring(out, path, dep)?;
                }
            }
        }
        Ok(())
    }

    /// Makes sure that the cache has all these objects; true if it has.
    ///
    /// # Errors
    /// There is no remote, or something cannot be read or written.
    pub fn fetch(&self, wanted: &[Wanted<'_>], reply: &Reply) -> Result<bool, Fault> {
        let mut whole = true;
        let mut by_dvc: BTreeMap<&str, (&Peer, Vec<&Digest>)> = BTreeMap::new();
        for (remote, digest) in wanted {
            if self.disk().in_cache(digest)? {
                continue;
            }
            let Some(remotes) = &self.run.remotes else { return Ok(false) };
            match remotes.of(*remote)? {
                (_, Source::Directory(directory)) => whole &= self.disk().fetch(directory, digest)?,
                (name, Source::Dvc(peer)) => by_dvc.entry(name).or_insert_with(|| (peer, Vec::new())).1.push(digest),
            }
        }
        for (name, (peer, objects)) in by_dvc {
            if let Err(fault) = peer.fetch(&self.run.children, self.id, self.disk().workspace(), Some(name), &objects, false) {
                self.warn(reply, format!("`dvc fetch` from the remote '{name}' failed: {fault}"));
            }
            for digest in objects {
                whole &= self.disk().in_cache(digest)?;
            }
        }
        Ok(whole)
    }
}

fn wanted<'a>(recorded: &'a [(&'a Out, RecordedPath)]) -> Vec<Wanted<'a>> {
    recorded.iter().filter_map(|(out, path)| Some((out.remote.as_deref(), path.digest.as_ref()?))).collect()
}

/// What is recorded for an output: in the `.dvc` file itself, or in dvc.lock.
fn recorded_of(out: &Out, record: Option<&Record>) -> Option<RecordedPath> {
    match &out.recorded {
        Some((digest, meta)) => Some(RecordedPath { path: out.def_path.clone(), digest: Some(digest.clone()), meta: *meta, listed: None }),
        None => record?.out(&out.def_path).cloned(),
    }
}
