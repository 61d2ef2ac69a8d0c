//! Whether a directory held files when it was recorded that git does not keep, so that no clone can make it again.
//!
//! dvc.lock only says that there were more. They may also have been tracked and be gone since, or `.dvcignore` may have come
//! to hide them; then the next run is all that is needed. What tells: files that lie there now, or how the repository was
//! when the lock became what it is.

use crate::format::Files as _;
use crate::model::{Algo, Digest, Fault, RepoPath};
use crate::store::imprint::LineEnds;
use crate::store::snapshot::Snapshot;
use crate::store::source::Source as _;

use super::project::Project;

/// So far back is looked for the commit that a lock came with.
const FAR: usize = 200;

impl Project<'_> {
    /// Whether a tracked directory, recorded in this lock, is out of step by files that git does not have.
    pub fn held_more(&self, dir: &RepoPath, recorded: &Digest, lock: &RepoPath) -> Result<bool, Fault> {
        if self.snapshot.commit().is_none() && self.holds_more(dir)? {
            return Ok(true);
        }
        let Some((came_with, before)) = self.origin(lock)? else { return Ok(false) };
        // What has changed since is reason enough.
        let now = self.tracked(&self.snapshot, dir, &recorded.algo)?;
        if self.tracked(&came_with, dir, &recorded.algo)? != now || ignore_files(&came_with, dir)? != ignore_files(&self.snapshot, dir)? {
            return Ok(false);
        }
        let was = before.map(|before| self.tracked(&before, dir, &recorded.algo)).transpose()?;
        Ok(was.flatten().as_ref() != Some(recorded))
    }

    /// Whether files lie in the directory, as it is in the work tree, that are not git's.
    fn holds_more(&self, dir: &RepoPath) -> Result<bool, Fault> {
        let source = self.snapshot.files();
        // A directory that is not there holds nothing.
        let files = self.repository.workspace().files_below(dir).unwrap_or_default();
        for path in files.iter().map(|name| dir.join(name)) {
            let is_output = self.outs.around(&path).into_iter().any(|out| self.is_cached(out));
            if !is_output && !source.has(&path) && self.snapshot.dvcignore().ignored_by(&path, false, true)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commit that brought the lock as it is, and the one before; none if no commit has it yet.
    fn origin(&self, lock: &RepoPath) -> Result<Option<(Snapshot, Option<Snapshot>)>, Fault> {
        let refused = |error| crate::store::Error::io("read", self.snapshot.files().place(lock))(error);
        let text = self.snapshot.files().read(lock).map_err(refused)?;
        let mut rev = self.snapshot.commit().unwrap_or("HEAD").to_owned();
        let mut newest: Option<Snapshot> = None;
        for _ in 0..FAR {
            let Some(commit) = self.snapshot.of_revision(&rev)? else { break };
            if commit.files().read(lock).map_err(refused)? != text {
                return Ok(newest.map(|newest| (newest, Some(commit))));
            }
            rev = format!("{}^", commit.commit().unwrap_or_default());
            newest = Some(commit);
        }
        Ok(newest.map(|newest| (newest, None)))
    }

    fn tracked(&self, snapshot: &Snapshot, dir: &RepoPath, algo: &Algo) -> Result<Option<Digest>, Fault> {
        Ok(snapshot.imprint(self.imprints, dir, algo, LineEnds::Kept)?.map(|imprint| imprint.digest))
    }
}

/// What the `.dvcignore` files say that may be about a directory; in it there may be none.
fn ignore_files(snapshot: &Snapshot, dir: &RepoPath) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let mut texts = Vec::new();
    let mut above = dir.parent();
    while let Some(dir) = above {
        let path = dir.join(".dvcignore");
        texts.push(snapshot.files().read(&path).map_err(crate::store::Error::io("read", snapshot.files().place(&path)))?);
        above = dir.parent();
    }
    Ok(texts)
}
