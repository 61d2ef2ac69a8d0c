//! What the deps and parameters of a stage would be in a clone with all data.

use std::sync::Arc;

use crate::format::params::{self, ParamsError};
use crate::model::finding::{Subject, Weight, Wrong};
use crate::model::{Algo, Dep, Digest, Fault, Meta, Observed, ParamsDep, Record, RepoPath, Seen, SeenParams, Stage, TreeEntry, Value};
use crate::plan::judge::recorded_dep;
use crate::plan::outs::OutRef;
use crate::store::imprint::{Imprint, LineEnds};
use crate::store::md5;

use super::project::{Note, Notes, Project};

/// What stands at a path.
enum Stands {
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
fn as_recorded(recorded: Option<&Digest>) -> Seen {
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

    /// Whether a path lies where git has nothing.
    pub fn is_outside(&self, path: &RepoPath) -> bool {
        path.is_external() && self.snapshot.files().is_outside(path)
    }

    fn dep(&self, dep: &Dep, known: Option<(&Digest, Meta)>, notes: &mut Notes) -> Result<Seen, Fault> {
        let recorded = known.map(|(digest, _)| digest);
        if let Some(kind) = &dep.foreign {
            notes.not_judged(Subject::Dep, &dep.path, recorded, Weight::Warn, Wrong::Foreign(kind.clone()));
            return Ok(as_recorded(recorded));
        }
        let around = self.outs.around(&dep.path);
        let inside = self.outs.inside(&dep.path);
        if around.is_empty() && inside.is_empty() && self.is_outside(&dep.path) {
            notes.not_judged(Subject::Dep, &dep.path, recorded, Weight::Warn, Wrong::Outside);
            return Ok(as_recorded(recorded));
        }
        let algo = recorded.map_or(Algo::Md5, |digest| digest.algo.clone());
        let stands = if let Some(out) = around.into_iter().find(|out| self.is_cached(*out)) {
            self.of_output(out, &dep.path, &algo)?
        } else if inside.iter().any(|out| self.is_cached(*out)) {
            self.around_outputs(&inside, &dep.path, &algo)?
        } else {
            return self.look(Subject::Dep, &dep.path, known, notes);
        };
        Ok(match stands {
            Stands::This(digest) => Seen::Found(digest, Meta::default()),
            Stands::Nothing => Seen::Missing,
            Stands::Unrecorded => as_recorded(recorded),
            Stands::Unknown(object) => {
                if let Some(weight) = self.cache {
                    notes.not_judged(Subject::Dep, &dep.path, recorded, weight, Wrong::Unknown(object.value));
                }
                as_recorded(recorded)
            }
        })
    }

    fn is_cached(&self, out: OutRef) -> bool {
        self.pipeline().get(out.stage).outs[out.index].cache
    }

    /// What a cached output holds at a path.
    fn of_output(&self, out: OutRef, path: &RepoPath, algo: &Algo) -> Result<Stands, Fault> {
        let place = &self.pipeline().get(out.stage).outs[out.index].path;
        let Some(digest) = self.recorded(out) else { return Ok(Stands::Unrecorded) };
        if place == path {
            return self.in_this_way(digest, algo);
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

    /// A directory in which outputs lie: what git has there, and what is recorded for the outputs.
    fn around_outputs(&self, inside: &[OutRef], dir: &RepoPath, algo: &Algo) -> Result<Stands, Fault> {
        let tracked = self.snapshot.imprint(self.imprints, dir, algo, LineEnds::Kept)?;
        let mut entries = tracked.map(|imprint| imprint.entries).unwrap_or_default();
        for out in inside.iter().filter(|out| self.is_cached(**out)) {
            let place = &self.pipeline().get(out.stage).outs[out.index].path;
            let Some(digest) = self.recorded(*out) else { return Ok(Stands::Unrecorded) };
            if digest.algo != *algo {
                return Ok(Stands::Unknown(digest.clone()));
            }
            let name = place.seen_from(dir);
            entries.retain(|entry| entry.relpath != name);
            if digest.is_dir() {
                let Some(listing) = self.shelves.listing(digest)? else { return Ok(Stands::Unknown(digest.clone())) };
                let below = |entry: &TreeEntry| TreeEntry { relpath: format!("{name}/{}", entry.relpath), md5: entry.md5.clone() };
                entries.extend(listing.iter().map(below));
            } else {
                entries.push(TreeEntry { relpath: name, md5: digest.value.clone() });
            }
        }
        Ok(Stands::This(Imprint::of_dir(algo, entries, 0).digest))
    }

    /// What git has at a path. Where that differs for a reason that is git's own, this is noted.
    pub fn look(&self, subject: Subject, path: &RepoPath, recorded: Option<(&Digest, Meta)>, notes: &mut Notes) -> Result<Seen, Fault> {
        let algo = recorded.map_or(Algo::Md5, |(digest, _)| digest.algo.clone());
        let Some(now) = self.snapshot.imprint(self.imprints, path, &algo, LineEnds::Kept)? else { return Ok(Seen::Missing) };
        let Some((recorded, meta)) = recorded.filter(|(recorded, _)| **recorded != now.digest) else {
            return Ok(Seen::Found(now.digest, now.meta));
        };
        if let Some(filter) = self.snapshot.converted_by(path)? {
            notes.not_judged(subject, path, Some(recorded), Weight::Warn, Wrong::Converted(filter));
            return Ok(as_recorded(Some(recorded)));
        }
        for ends in [LineEnds::Dos, LineEnds::Unix] {
            let other = self.snapshot.imprint(self.imprints, path, &algo, ends)?;
            if other.is_some_and(|other| other.digest == *recorded) {
                notes.notes.push(Note {
                    subject,
                    path: Some(path.clone()),
                    recorded: Some(recorded.value.clone()),
                    actual: Some(now.digest.value),
                    weight: Weight::Warn,
                    wrong: Wrong::LineEnds,
                });
                return Ok(as_recorded(Some(recorded)));
            }
        }
        if let (Some(then), Some(in_git)) = (meta.nfiles, now.meta.nfiles)
            && then > in_git
        {
            notes.known.insert(path.clone(), Wrong::HeldMore(then, in_git));
        }
        Ok(Seen::Found(now.digest, now.meta))
    }

    fn params(&self, dep: &ParamsDep, record: Option<&Record>, notes: &mut Notes) -> Result<SeenParams, Fault> {
        let recorded = record.and_then(|record| record.params.get(&dep.def_path));
        let unchanged =
            || SeenParams::Values(recorded.into_iter().flatten().map(|(key, value)| (key.clone(), Some(value.clone()))).collect());
        if self.is_outside(&dep.path) {
            notes.not_judged(Subject::Param, &dep.path, None, Weight::Warn, Wrong::Outside);
            return Ok(unchanged());
        }
        let value = match self.params_value(&dep.path) {
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
    fn params_value(&self, path: &RepoPath) -> Result<Result<Option<Arc<Value>>, Option<Digest>>, Fault> {
        if let Some(known) = self.params.borrow().get(path) {
            return Ok(Ok(Some(Arc::clone(known))));
        }
        let around = self.outs.around(path);
        let bytes = if let Some(out) = around.into_iter().find(|out| self.is_cached(*out)) {
            match self.of_output(out, path, &Algo::Md5)? {
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
