//! After the command: hash what it read and wrote, store the outputs, record the stage.
//!
//! Objects are stored outside of the repository's lock (they are named by their content, and
//! appear by a rename); only .gitignore and dvc.lock are written under it.

use std::time::Duration;

use indexmap::IndexMap;

use crate::format::Files;
use crate::format::{dotdvc, runcache};
use crate::model::event::Saying;
use crate::model::{Class, EventKind, Fault, Key, Meta, Out, OutKind, Record, RecordedPath, RepoPath};
use crate::store::copied::Copied;
use crate::store::span::span;
use crate::store::tree::Hashed;
use crate::store::young::MOMENT;
use crate::store::{self, atomic};

use super::drive::Reply;
use super::error;
use super::job::{Job, hold};

impl Job<'_> {
    /// Saves what the stage made. When this returns it is safe from kills, and what took long to
    /// make is recorded only when it is on the disk (see `store::young`). `before` is what it read
    /// when its command began; `began` is when the work on it did.
    ///
    /// # Errors
    /// An output is missing or cannot be stored or recorded. What the command made stays in the
    /// work tree.
    pub fn save(&self, before: Option<&Record>, began: Duration, reply: &Reply) -> Result<(), Fault> {
        let looked = reply.clock().now();
        let _span = span("save", || self.address.clone());
        let mut record = self.inputs()?;
        if let Some(before) = before {
            self.warn_of_changes(before, &record, reply);
        }
        self.warn_of_empty_deps(reply);
        let (mut hashed, mut copies) = (Vec::new(), Vec::new());
        for out in &self.stage.outs {
            let (found, copied) = self.hash_out(out, reply)?;
            record.outs.push(RecordedPath {
                path: out.def_path.clone(),
                digest: Some(found.digest.clone()),
                meta: found.meta,
                listed: None,
            });
            hashed.push(found);
            copies.push(copied);
        }
        // DVC computes this for every stage: parameters that JSON cannot hold fail it.
        let run = if self.stage.is_data_file() { None } else { Some(runcache::entry(&record).map_err(|error| error.fault())?) };
        self.check_tracked()?;
        if !self.run.options.no_commit {
            let run = run.filter(|_| self.stage.can_be_cached() && self.all_plain_outs_cached());
            // The copies come first, as with DVC: what makes an executable output of the same content
            // so behind its link must come after.
            if run.is_some() {
                self.keep_copies(&hashed)?;
            }
            for ((out, found), copied) in self.stage.outs.iter().zip(&hashed).zip(copies) {
                if out.cache {
                    self.disk().commit(out, found, copied)?;
                }
            }
            if let Some(run) = run {
                self.keep_run(&run, reply);
            }
        }
        let is_long = reply.clock().elapsed().saturating_sub(began) >= MOMENT;
        if is_long {
            self.disk().settle_cache()?;
        }
        hold(&self.run.made).extend(self.stage.outs.iter().zip(&hashed).map(|(out, found)| (out.path.clone(), found.digest.clone())));
        let said = self.write_down(&record, is_long, reply)?;
        self.run.saw_all(self.id, self.stage, &record, looked);
        if is_long {
            self.settle_record(reply);
        }
        for saying in said {
            reply.tell(EventKind::Said { stage: self.id, saying });
        }
        Ok(())
    }

    /// Waits, without the repository's lock, until the record is on the disk.
    fn settle_record(&self, reply: &Reply) {
        if let Err(error) = atomic::settle(&self.stage.recorded_in().under(self.disk().root())) {
            self.warn(reply, format!("after a power loss '{}' may run again: {error}", self.address));
        }
    }

    /// What changed while the command ran is recorded as it is now, as with DVC. The command may
    /// have read what was there before.
    fn warn_of_changes(&self, before: &Record, after: &Record, reply: &Reply) {
        let deps = self.stage.deps.iter().zip(before.deps.iter().zip(&after.deps));
        for (dep, _) in deps.filter(|(_, (before, after))| before.digest != after.digest) {
            let shown = self.shown(&dep.path, &dep.def_path);
            self.warn(reply, format!("dep '{shown}' changed while stage '{}' ran", self.address));
        }
        for params in self.stage.params.iter().filter(|params| before.params.get(&params.def_path) != after.params.get(&params.def_path)) {
            let shown = self.shown(&params.path, &params.def_path);
            self.warn(reply, format!("params file '{shown}' changed while stage '{}' ran", self.address));
        }
    }

    fn warn_of_empty_deps(&self, reply: &Reply) {
        for dep in self.stage.deps.iter().filter(|dep| self.disk().workspace().is_empty(&dep.path)) {
            self.warn(reply, format!("'{}' is empty.", self.shown(&dep.path, &dep.def_path)));
        }
    }

    fn all_plain_outs_cached(&self) -> bool {
        self.stage.outs.iter().all(|out| out.cache || out.kind != OutKind::Plain)
    }

    /// Checks an output as DVC does, and hashes it (dvc: `output.py` `save`). With it comes what could
    /// be copied for the cache meanwhile.
    fn hash_out(&self, out: &Out, reply: &Reply) -> Result<(Hashed, Option<Copied>), Fault> {
        let shown = self.shown(&out.path, &out.def_path);
        let on_disk = out.path.under(self.disk().root());
        if out.cache && out.path.is_external() {
            return Err(error::external_out(&shown));
        }
        let recorded = self.recorded_out(&out.def_path);
        let is_stored = out.cache && !self.run.options.no_commit;
        let found = match self.disk().hash_out(&out.path, recorded, is_stored) {
            Ok(Some(found)) => found,
            Ok(None) => return Err(error::out_missing(&shown)),
            Err(store::Error::NotFileOrDir { .. }) => return Err(error::out_not_file(&shown)),
            Err(other) => return Err(other.into()),
        };
        if self.disk().workspace().is_empty(&out.path) {
            self.warn(reply, format!("'{shown}' is empty."));
        }
        if out.kind == OutKind::Metric && !self.disk().is_text(&out.path)? {
            return Err(error::binary_metric(&on_disk));
        }
        Ok(found)
    }

    /// Uncached metrics and plots go into the cache with the run that is kept for later.
    fn keep_copies(&self, hashed: &[Hashed]) -> Result<(), Fault> {
        for (out, found) in self.stage.outs.iter().zip(hashed).filter(|(out, _)| !out.cache) {
            self.disk().keep_copy(out, found)?;
        }
        Ok(())
    }

    /// Keeps the run for later look-ups. An entry that cannot be written is a warning.
    fn keep_run(&self, run: &runcache::RunEntry, reply: &Reply) {
        if let Err(fault) = self.disk().save_run(run) {
            self.warn(reply, format!("the run of '{}' cannot be kept for later: {fault}", self.address));
        }
    }

    /// Takes down .gitignore lines and the entry of dvc.lock, or rewrites the `.dvc` file. With `now`
    /// dvc.lock is written before this returns.
    fn write_down(&self, record: &Record, now: bool, reply: &Reply) -> Result<Vec<Saying>, Fault> {
        if self.stage.is_data_file() {
            self.run.locked(Some(self.id), reply, || self.write_data_file(record))?;
            return Ok(Vec::new());
        }
        let mut said = Vec::new();
        self.run.locked(Some(self.id), reply, || {
            let mut ledger = hold(&self.run.ledger);
            let written = ledger.record(self.place, self.stage, record).and_then(|told| {
                said = told;
                if now || ledger.due().is_some_and(|due| due.is_zero()) { ledger.write() } else { Ok(()) }
            });
            written.inspect_err(|_| ledger.take_back(self.place, self.stage))
        })?;
        self.run.bell.notify_one();
        Ok(said)
    }

    fn write_data_file(&self, record: &Record) -> Result<(), Fault> {
        let mut ledger = hold(&self.run.ledger);
        ledger.ignore_outs(self.place, self.stage)?;
        self.rewrite_data_file(record).inspect_err(|_| ledger.take_back(self.place, self.stage))?;
        ledger.note_changed(self.stage.address.file.clone());
        Ok(())
    }

    fn rewrite_data_file(&self, record: &Record) -> Result<(), Fault> {
        let path = self.stage.address.file.under(self.disk().root());
        let text = self.disk().workspace().read(&self.stage.address.file).map_err(|source| store::Error::io("read", &path)(source))?;
        let text = text.ok_or_else(|| Fault::new(Class::StageFileDoesNotExistError, format!("'{}' does not exist", path.display())))?;
        let states = |items: &[RecordedPath]| -> Vec<_> {
            items.iter().enumerate().filter_map(|(index, item)| Some((index, item.digest.clone()?, item.meta))).collect()
        };
        atomic::write(&path, &dotdvc::update(&text, &states(&record.deps), &states(&record.outs)))?;
        Ok(())
    }

    /// What the stage reads, as it is now. A missing dep or parameter is an error.
    ///
    /// # Errors
    /// See above; in DVC's words.
    pub fn inputs(&self) -> Result<Record, Fault> {
        let mut record = Record { cmd: self.stage.cmd.clone(), deps: Vec::new(), params: IndexMap::new(), outs: Vec::new() };
        for dep in &self.stage.deps {
            // Which revision of a repository it is from stays as it is (dvc: `dependency/repo.py` `save`).
            let is_pinned = dep.repo.as_ref().is_some_and(|repo| repo.get("rev_lock").is_some());
            if self.stage.frozen && is_pinned {
                record.deps.push(RecordedPath { path: dep.def_path.clone(), digest: None, meta: Meta::default(), listed: None });
                continue;
            }
            if let Some(kind) = &dep.foreign {
                return Err(error::foreign_dep(&dep.def_path, kind));
            }
            let (digest, meta) = self.hash_dep(&dep.path, &dep.def_path)?;
            record.deps.push(RecordedPath { path: dep.def_path.clone(), digest: Some(digest), meta, listed: None });
        }
        for params in &self.stage.params {
            record.params.insert(params.def_path.clone(), self.read_params(params)?);
        }
        Ok(record)
    }

    fn hash_dep(&self, path: &RepoPath, def_path: &str) -> Result<(crate::model::Digest, Meta), Fault> {
        match self.disk().hash(path, self.recorded_dep(def_path)) {
            Ok(Some(found)) => Ok((found.digest, found.meta)),
            Ok(None) if self.stage.is_read_for_lookup() => Err(error::no_such_dep(&path.under(self.disk().root()))),
            Ok(None) => Err(error::dep_missing(&self.shown(path, def_path))),
            Err(store::Error::NotFileOrDir { .. }) => Err(error::dep_not_file(&self.shown(path, def_path))),
            Err(other) => Err(other.into()),
        }
    }

    fn read_params(&self, params: &crate::model::ParamsDep) -> Result<crate::model::Map, Fault> {
        let shown = self.shown(&params.path, &params.def_path);
        let values = match self.disk().params(params)? {
            crate::model::SeenParams::Values(values) => values,
            crate::model::SeenParams::Missing if self.stage.is_read_for_lookup() => {
                params.keys.iter().map(|key| (Key::str(key), None)).collect()
            }
            crate::model::SeenParams::Missing => return Err(error::dep_missing(&shown)),
        };
        let missing: Vec<&str> = values.iter().filter(|(_, value)| value.is_none()).filter_map(|(key, _)| key.as_str()).collect();
        if !missing.is_empty() {
            return Err(error::params_missing(&missing, &shown));
        }
        Ok(values.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())
    }
}
