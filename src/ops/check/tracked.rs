//! What a clone with all data has at a path that is no cached output: what git has there, with the outputs that
//! lie in it or that links in it lead to.

use crate::model::finding::{Subject, Weight, Wrong};
use crate::model::{Algo, Digest, Fault, Meta, RepoPath, Seen, TreeEntry};
use crate::store::imprint::{Imprint, LineEnds};
use crate::store::snapshot::Lead;

use super::held::Held;
use super::inputs::{Stands, as_recorded};
use super::project::{Note, Notes, Project};

/// What stands at a path, or why that is not known.
enum Looked {
    Nothing,
    This(Imprint),
    /// Something of it lies where git does not look.
    Elsewhere(Wrong),
    /// That depends on this object.
    Unknown(Digest),
    /// A stage whose output lies there has a finding of its own.
    Unrecorded,
}

impl Project<'_> {
    /// Where a path leads, links followed, as far as git knows them; or why nothing can be said of it.
    pub fn place(&self, path: &RepoPath) -> Result<Result<RepoPath, Wrong>, Fault> {
        // Whatever git has on the way there: that is where a stage writes.
        if self.outs.around(path).into_iter().chain(self.outs.inside(path)).any(|out| self.is_cached(out)) {
            return Ok(Ok(path.clone()));
        }
        Ok(match self.snapshot.files().lead(path)? {
            Lead::Inside(place) => Ok(place),
            Lead::Outside => Err(Wrong::Outside),
            Lead::Module => Err(Wrong::Submodule),
        })
    }

    /// What a path, which leads to this place, has. Where that differs for a reason that is git's own, this is noted.
    pub fn look(
        &self,
        subject: Subject,
        path: &RepoPath,
        place: &RepoPath,
        recorded: Option<(&Digest, Meta)>,
        notes: &mut Notes,
    ) -> Result<Seen, Fault> {
        let algo = recorded.map_or(Algo::Md5, |(digest, _)| digest.algo.clone());
        let digest = recorded.map(|(digest, _)| digest);
        let now = match self.stands(path, place, &algo, LineEnds::Kept)? {
            Looked::Nothing => return Ok(Seen::Missing),
            Looked::This(imprint) => imprint,
            Looked::Unrecorded => return Ok(as_recorded(digest)),
            Looked::Elsewhere(wrong) => {
                notes.not_judged(subject, path, digest, Weight::Warn, wrong);
                return Ok(as_recorded(digest));
            }
            Looked::Unknown(object) => {
                if let Some(weight) = self.cache {
                    notes.not_judged(subject, path, digest, weight, Wrong::Unknown(object.value));
                }
                return Ok(as_recorded(digest));
            }
        };
        let Some((recorded, meta)) = recorded else { return Ok(Seen::Found(now.digest, now.meta)) };
        let is_equal = *recorded == now.digest;
        let filter = now.doubts.filtered.filter(|_| !is_equal);
        if let Some(converted) = now.doubts.reshaped.or(filter) {
            notes.not_judged(subject, path, Some(recorded), Weight::Warn, Wrong::Converted(converted));
            return Ok(as_recorded(Some(recorded)));
        }
        if is_equal {
            return Ok(Seen::Found(now.digest, now.meta));
        }
        for ends in [LineEnds::Dos, LineEnds::Unix] {
            let other = self.stands(path, place, &algo, ends)?;
            if matches!(other, Looked::This(other) if other.digest == *recorded) {
                notes.notes.push(Note {
                    subject,
                    path: Some(path.clone()),
                    recorded: Some(recorded.value.clone()),
                    actual: Some(now.digest.value),
                    weight: Weight::Warn,
                    wrong: Wrong::LineEnds { crlf: ends == LineEnds::Dos },
                });
                return Ok(as_recorded(Some(recorded)));
            }
        }
        if let (Some(then), Some(in_git)) = (meta.nfiles, now.meta.nfiles)
            && then > in_git
        {
            let wrong = match self.held(place, recorded, &notes.lock)? {
                Held::Ignored => Some(Wrong::HeldMore(then, in_git)),
                Held::Unknown => Some(Wrong::MayHaveHeldMore(then, in_git)),
                Held::Others => None,
            };
            notes.known.extend(wrong.map(|wrong| (path.clone(), wrong)));
        }
        Ok(Seen::Found(now.digest, now.meta))
    }

    fn stands(&self, path: &RepoPath, place: &RepoPath, algo: &Algo, ends: LineEnds) -> Result<Looked, Fault> {
        let mut outs = self.outs.inside(place);
        outs.retain(|out| self.is_cached(*out));
        let tracked = self.snapshot.imprint(self.imprints, path, algo, ends)?;
        let Some(mut imprint) = tracked.or_else(|| (!outs.is_empty()).then(|| Imprint::of_dir(algo, Vec::new(), 0))) else {
            return Ok(Looked::Nothing);
        };
        if imprint.doubts.has_module {
            return Ok(Looked::Elsewhere(Wrong::Submodule));
        }
        if outs.is_empty() && imprint.doubts.astray.is_empty() {
            return Ok(Looked::This(imprint));
        }
        let mut more = Vec::new();
        for (relpath, lead) in std::mem::take(&mut imprint.doubts.astray) {
            let Lead::Inside(place) = lead else {
                return Ok(Looked::Elsewhere(if lead == Lead::Module { Wrong::Submodule } else { Wrong::Outside }));
            };
            // A link that leads nowhere is not counted.
            let Some(out) = self.outs.around(&place).into_iter().find(|out| self.is_cached(*out)) else { continue };
            match self.of_output(out, &place, algo)? {
                Stands::Nothing => {}
                Stands::Unrecorded => return Ok(Looked::Unrecorded),
                Stands::Unknown(object) => return Ok(Looked::Unknown(object)),
                // DVC does not enter a link to a directory.
                Stands::This(digest) if digest.is_dir() => {}
                Stands::This(digest) => more.push(TreeEntry { relpath, md5: digest.value }),
            }
        }
        for out in outs {
            let at = &self.pipeline().get(out.stage).outs[out.index].path;
            let Some(digest) = self.recorded(out) else { return Ok(Looked::Unrecorded) };
            if digest.algo != *algo {
                return Ok(Looked::Unknown(digest.clone()));
            }
            let name = at.seen_from(place);
            imprint.entries.retain(|entry| entry.relpath != name);
            if digest.is_dir() {
                let Some(listing) = self.shelves.listing(digest)? else { return Ok(Looked::Unknown(digest.clone())) };
                let below = |entry: &TreeEntry| TreeEntry { relpath: format!("{name}/{}", entry.relpath), md5: entry.md5.clone() };
                more.extend(listing.iter().map(below));
            } else {
                more.push(TreeEntry { relpath: name, md5: digest.value.clone() });
            }
        }
        imprint.entries.extend(more);
        let whole = Imprint::of_dir(algo, imprint.entries, imprint.meta.size.unwrap_or_default());
        Ok(Looked::This(Imprint { doubts: imprint.doubts, ..whole }))
    }
}
