//! What the outputs of a stage would be in a clone with all data, and whether that data is anywhere.

use std::collections::HashMap;

use crate::model::finding::{Subject, Weight, Wrong};
use crate::model::{Algo, Digest, Fault, Meta, Out, Record, RepoPath, Seen, SeenOut, Stage, TreeEntry};
use crate::plan::judge::{listed_out, recorded_out};
use crate::store::imprint::{Doubts, Imprint, LineEnds};
use crate::store::snapshot::Lead;
use crate::store::source::Source as _;

use super::inputs::as_recorded;
use super::project::{Note, Notes, Project};

impl Project<'_> {
    /// The outputs of a stage: of cached ones what is recorded, of others what git has.
    pub fn observed_outs(&self, stage: &Stage, record: Option<&Record>, notes: &mut Notes) -> Result<Vec<SeenOut>, Fault> {
        let mut seen = Vec::with_capacity(stage.outs.len());
        for out in &stage.outs {
            let recorded = recorded_out(stage, record, &out.def_path);
            let now = match recorded {
                _ if !out.cache => {
                    let meta = record.and_then(|record| record.out(&out.def_path)).map(|out| out.meta).unwrap_or_default();
                    self.tracked_out(out, recorded.map(|digest| (digest, meta)), notes)?
                }
                Some(digest) => {
                    self.look_up(stage, record, out, digest, notes)?;
                    let found = match self.kept_by_git(out, digest)? {
                        Some(other) => {
                            notes.known.insert(out.path.clone(), Wrong::InGit);
                            other
                        }
                        None => self.without_ignored(&out.path, digest)?,
                    };
                    Seen::Found(found, Meta::default())
                }
                None => Seen::Missing,
            };
            seen.push(SeenOut { seen: now, in_cache: true });
        }
        Ok(seen)
    }

    /// The hash of a recorded directory as DVC finds it again: without files that `.dvcignore` has come to hide.
    pub fn without_ignored(&self, dir: &RepoPath, digest: &Digest) -> Result<Digest, Fault> {
        if !digest.is_dir() {
            return Ok(digest.clone());
        }
        let Some(listing) = self.shelves.listing(digest)? else { return Ok(digest.clone()) };
        let mut kept = Vec::with_capacity(listing.len());
        for entry in listing.iter() {
            if self.snapshot.dvcignore().ignored_by(&dir.join(&entry.relpath), false, true)?.is_none() {
                kept.push(entry.clone());
            }
        }
        let is_whole = kept.len() == listing.len();
        Ok(if is_whole { digest.clone() } else { Imprint::of_dir(&digest.algo, kept, 0).digest })
    }

    /// What git has at the place of a cached output, where that is something else than is recorded: each clone begins with
    /// it. Of a directory that is told by its listing alone.
    fn kept_by_git(&self, out: &Out, digest: &Digest) -> Result<Option<Digest>, Fault> {
        if !self.snapshot.files().has(&out.path) || matches!(digest.algo, Algo::Other(_)) {
            return Ok(None);
        }
        let Some(own) = self.snapshot.imprint(self.imprints, &out.path, &digest.algo, LineEnds::Kept)? else { return Ok(None) };
        let is_plain = own.doubts == Doubts::default();
        if !is_plain || own.digest == *digest {
            return Ok(None);
        }
        if !digest.is_dir() || !own.digest.is_dir() {
            return Ok(Some(own.digest));
        }
        let Some(listing) = self.shelves.listing(digest)? else { return Ok(None) };
        let recorded: HashMap<&str, &str> = listing.iter().map(|entry| (entry.relpath.as_str(), entry.md5.as_str())).collect();
        let is_recorded = |entry: &TreeEntry| recorded.get(entry.relpath.as_str()) == Some(&entry.md5.as_str());
        Ok(if own.entries.iter().all(is_recorded) { None } else { Some(own.digest) })
    }

    fn tracked_out(&self, out: &Out, recorded: Option<(&Digest, Meta)>, notes: &mut Notes) -> Result<Seen, Fault> {
        let Some((recorded, meta)) = recorded else { return Ok(Seen::Missing) };
        match self.snapshot.files().lead(&out.path)? {
            Lead::Inside(place) => return self.look(Subject::Out, &out.path, &place, Some((recorded, meta)), notes),
            Lead::Outside => notes.not_judged(Subject::Out, &out.path, Some(recorded), Weight::Warn, Wrong::Outside),
            Lead::Module => notes.not_judged(Subject::Out, &out.path, Some(recorded), Weight::Warn, Wrong::Submodule),
        }
        Ok(as_recorded(Some(recorded)))
    }

    /// Whether the content of a cached output is in the cache, or in a remote that can be looked into.
    fn look_up(&self, stage: &Stage, record: Option<&Record>, out: &Out, digest: &Digest, notes: &mut Notes) -> Result<(), Fault> {
        let Some(weight) = self.cache else { return Ok(()) };
        // Of versioned remotes each file has its own place, and marks of servers are no names of objects.
        if listed_out(out, record).is_some() || matches!(digest.algo, Algo::Other(_)) {
            return Ok(());
        }
        let of_lock = record.and_then(|record| record.out(&out.def_path)).map(|out| out.meta);
        let meta = if stage.is_data_file() { out.recorded.as_ref().map(|(_, meta)| *meta) } else { of_lock };
        if !self.shelves.have(digest, meta.and_then(|meta| meta.size))? {
            notes.notes.push(Note {
                subject: Subject::Cache,
                path: Some(out.path.clone()),
                recorded: Some(digest.value.clone()),
                actual: None,
                weight,
                wrong: if out.push { Wrong::NoObject } else { Wrong::NeverPushed },
            });
        }
        Ok(())
    }
}
