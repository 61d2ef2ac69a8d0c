//! What the deps and parameters of a stage would be in a clone with all data: those that are outputs of other
//! stages as these have recorded them, all others as git has them.

use std::sync::Arc;

use crate::format::params::{self, ParamsError};
use crate::model::finding::{Subject, Weight, Wrong};
use crate::model::{Algo, Dep, Digest, Fault, Meta, Observed, ParamsDep, Record, RepoPath, Seen, SeenParams, Stage, TreeEntry, Value};
use crate::plan::judge::recorded_dep;
use crate::plan::outs::OutRef;
use crate::store::imprint::Imprint;
use crate::store::md5;

use super::project::{Note, Notes, Project};

/// What stands at a path.
pub(super) enum Stands {
    /// Nothing.
    Nothing,
    /// This.
    This(Digest),
    /// That is not known without this object.
    Unknown(Digest),
    /// That is not known, and the stage that makes it has a finding of its own.
    Unrecorded,
}

impl Notes {
    /// Takes down that something was not judged.
    pub fn not_judged(&mut self, subject: Subject, path: &RepoPath, recorded: Option<&Digest>, weight: Weight, wrong: Wrong) {
        let recorded = recorded.map(|digest| digest.value.clone());
        self.notes.push(Note { subject, path: Some(path.clone()), recorded, actual: None, weight, wrong });
    }
}

/// What counts as unchanged, whatever it is.
pub(super) fn as_recorded(recorded: Option<&Digest>) -> Seen {
    Seen::Found(recorded.cloned().unwrap_or_else(|| Digest::md5("")), Meta::default())
}

impl Project<'_> {
    /// What a stage reads. Of a frozen one nothing counts.
    pub fn inputs(&self, stage: &Stage, record: Option<&Record>, notes: &mut Notes) -> Result<Observed, Fault> {
        let mut observed = Observed::default();
        if stage.frozen {
            return Ok(observed);
        }
        for dep in &stage.deps {
            let meta = record.and_then(|record| record.dep(&dep.def_path)).map(|dep| dep.meta).unwrap_or_default();
            observed.deps.push(self.dep(dep, recorded_dep(stage, record, &dep.def_path).map(|digest| (digest, meta)), notes)?);
        }
        for params in &stage.params {
            observed.params.push(self.params(params, record, notes)?);
        }
        Ok(observed)
    }

    fn dep(&self, dep: &Dep, known: Option<(&Digest, Meta)>, notes: &mut Notes) -> Result<Seen, Fault> {
        let recorded = known.map(|(digest, _)| digest);
        if let Some(kind) = &dep.foreign {
            notes.not_judged(Subject::Dep, &dep.path, recorded, Weight::Warn, Wrong::Foreign(kind.clone()));
            return Ok(as_recorded(recorded));
        }
        let place = match self.place(&dep.path)? {
            Ok(place) => place,
            Err(wrong) => {
                notes.not_judged(Subject::Dep, &dep.path, recorded, Weight::Warn, wrong);
                return Ok(as_recorded(recorded));
            }
        };
        let algo = recorded.map_or(Algo::Md5, |digest| digest.algo.clone());
        let Some(out) = self.outs.around(&place).into_iter().find(|out| self.is_cached(*out)) else {
            return self.look(Subject::Dep, &dep.path, &place, known, notes);
        };
        let stands = self.of_output(out, &place, &algo)?;
        Ok(match stands {
            Stands::This(digest) => Seen::Found(digest, Meta::default()),
            Stands::Nothing => {
                notes.known.insert(dep.path.clone(), Wrong::NotInOutput);
                Seen::Missing
            }
            Stands::Unrecorded => as_recorded(recorded),
            Stands::Unknown(object) => {
                if let Some(weight) = self.cache {
                    notes.not_judged(Subject::Dep, &dep.path, recorded, weight, Wrong::Unknown(object.value));
                }
                as_recorded(recorded)
            }
        })
    }

    pub fn is_cached(&self, out: OutRef) -> bool {
        self.pipeline().get(out.stage).outs[out.index].cache
    }

    /// What a cached output holds at a path.
    pub fn of_output(&self, out: OutRef, path: &RepoPath, algo: &Algo) -> Result<Stands, Fault> {
        let place = &self.pipeline().get(out.stage).outs[out.index].path;
        let Some(digest) = self.recorded(out) else { return Ok(Stands::Unrecorded) };
        if place == path {
            return self.in_this_way(&self.without_ignored(place, digest)?, algo);
        }
        if !digest.is_dir() {
            return Ok(Stands::Nothing);
        }
        let Some(listing) = self.shelves.listing(digest)? else { return Ok(Stands::Unknown(digest.clone())) };
        let below = path.seen_from(place);
        if let Some(entry) = listing.iter().find(|entry| entry.relpath == below) {
            return self.in_this_way(&Digest { algo: digest.algo.clone(), value: entry.md5.clone() }, algo);
        }
        let prefix = format!("{below}/");
        let inside = listing.iter().filter_map(|entry| {
            let relpath = entry.relpath.strip_prefix(&prefix)?.to_owned();
            Some(TreeEntry { relpath, md5: entry.md5.clone() })
        });
        let entries: Vec<TreeEntry> = inside.collect();
        Ok(match entries.is_empty() {
            true => Stands::Nothing,
            false if digest.algo != *algo => Stands::Unknown(digest.clone()),
            false => Stands::This(Imprint::of_dir(algo, entries, 0).digest),
        })
    }

    /// The hash of the same content by another algorithm, as far as that can be known.
    fn in_this_way(&self, digest: &Digest, algo: &Algo) -> Result<Stands, Fault> {
        if digest.algo == *algo {
            return Ok(Stands::This(digest.clone()));
        }
        if digest.is_dir() {
            return Ok(Stands::Unknown(digest.clone()));
        }
        let content = self.shelves.content(digest)?;
        let hashed = content.map(|bytes| Digest { algo: algo.clone(), value: md5::of_content(&bytes, algo) });
        Ok(hashed.map_or_else(|| Stands::Unknown(digest.clone()), Stands::This))
    }

    fn params(&self, dep: &ParamsDep, record: Option<&Record>, notes: &mut Notes) -> Result<SeenParams, Fault> {
        let recorded = record.and_then(|record| record.params.get(&dep.def_path));
        let unchanged =
            || SeenParams::Values(recorded.into_iter().flatten().map(|(key, value)| (key.clone(), Some(value.clone()))).collect());
        let place = match self.place(&dep.path)? {
            Ok(place) => place,
            Err(wrong) => {
                notes.not_judged(Subject::Param, &dep.path, None, Weight::Warn, wrong);
                return Ok(unchanged());
            }
        };
        let value = match self.params_value(&dep.path, &place) {
            Ok(Ok(None)) => return Ok(SeenParams::Missing),
            Ok(Ok(Some(value))) => value,
            Ok(Err(object)) => {
                if let (Some(weight), Some(object)) = (self.cache, object) {
                    notes.not_judged(Subject::Param, &dep.path, None, weight, Wrong::Unknown(object.value));
                }
                return Ok(unchanged());
            }
            // Nothing is compared with it, so what is wrong with the file is told when the stage runs.
            Err(_) if recorded.is_none() => return Ok(SeenParams::Values(Vec::new())),
            Err(fault) => return Err(fault),
        };
        params::pick(&value, &dep.keys).map(SeenParams::Values).map_err(|error| error.stage_fault())
    }

    /// What a file of parameters holds. If it is an output that is not known: the object that is missing, if one is recorded.
    /// `place` is where the path leads.
    fn params_value(&self, path: &RepoPath, place: &RepoPath) -> Result<Result<Option<Arc<Value>>, Option<Digest>>, Fault> {
        if let Some(known) = self.params.borrow().get(path) {
            return Ok(Ok(Some(Arc::clone(known))));
        }
        let around = self.outs.around(place);
        let bytes = if let Some(out) = around.into_iter().find(|out| self.is_cached(*out)) {
            match self.of_output(out, place, &Algo::Md5)? {
                Stands::Nothing => return Ok(Ok(None)),
                Stands::Unknown(object) => return Ok(Err(Some(object))),
                Stands::Unrecorded => return Ok(Err(None)),
                Stands::This(digest) => match self.shelves.content(&digest)? {
                    Some(bytes) => bytes,
                    None => return Ok(Err(Some(digest))),
                },
            }
        } else {
            let refused = |error: ParamsError| error.stage_fault();
            let Some(bytes) = params::bytes(self.snapshot.files().as_ref(), path, path.as_str()).map_err(refused)? else {
                return Ok(Ok(None));
            };
            bytes
        };
        let value = Arc::new(params::parse(&bytes, path.as_str()).map_err(|error| error.stage_fault())?);
        self.params.borrow_mut().insert(path.clone(), Arc::clone(&value));
        Ok(Ok(Some(value)))
    }
}
