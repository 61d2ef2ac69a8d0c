//! Whether a directory held files when it was recorded that git ignores, so that no clone can make it again.
//!
//! dvc.lock only says that there were more. They may also have been tracked and be gone since, or `.dvcignore` may have come
//! to hide them; then the next run is all that is needed. What tells: ignored files that lie there now, or how the repository
//! was when the lock became what it is. Where a clone does not go back so far, it cannot be told.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use crate::format::Files as _;
use crate::model::{Algo, Digest, Fault, RepoPath};
use crate::store::Error;
use crate::store::imprint::LineEnds;
use crate::store::snapshot::Snapshot;
use crate::store::source::Source as _;

use super::project::Project;

/// So far back is looked for the commit that a lock came with.
const FAR: usize = 200;

/// Whether there were ignored files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    Ignored,
    Others,
    Unknown,
}

/// What was found out, for the many stages that read the same directory.
#[derive(Default)]
pub(super) struct Known {
    origins: RefCell<HashMap<RepoPath, Rc<Origin>>>,
    held: RefCell<HashMap<(RepoPath, RepoPath, String), Held>>,
}

/// Where a lock comes from.
enum Origin {
    /// It came with this commit; the one before, unless it is the first of all.
    Commit(Snapshot, Option<Snapshot>),
    /// No commit has it, or this clone does not go back so far.
    Unknown,
}

impl Project<'_> {
    /// Whether a tracked directory, recorded in this lock, is out of step by files that git ignores.
    pub fn held(&self, dir: &RepoPath, recorded: &Digest, lock: &RepoPath) -> Result<Held, Fault> {
        let key = (lock.clone(), dir.clone(), recorded.value.clone());
        if let Some(held) = self.known.held.borrow().get(&key) {
            return Ok(*held);
        }
        let held = self.find_out(dir, recorded, lock)?;
        self.known.held.borrow_mut().insert(key, held);
        Ok(held)
    }

    fn find_out(&self, dir: &RepoPath, recorded: &Digest, lock: &RepoPath) -> Result<Held, Fault> {
        if self.snapshot.commit().is_none() && self.holds_ignored(dir)? {
            return Ok(Held::Ignored);
        }
        let known = self.known.origins.borrow().get(lock).cloned();
        let origin = match known {
            Some(origin) => origin,
            None => Rc::new(self.origin(lock)?),
        };
        self.known.origins.borrow_mut().insert(lock.clone(), Rc::clone(&origin));
        let Origin::Commit(came_with, before) = origin.as_ref() else { return Ok(Held::Unknown) };
        // What has changed since is reason enough.
        let now = self.tracked(&self.snapshot, dir, &recorded.algo)?;
        if self.tracked(came_with, dir, &recorded.algo)? != now || ignore_files(came_with, dir)? != ignore_files(&self.snapshot, dir)? {
            return Ok(Held::Others);
        }
        let was = before.as_ref().map(|before| self.tracked(before, dir, &recorded.algo)).transpose()?;
        Ok(if was.flatten().as_ref() == Some(recorded) { Held::Others } else { Held::Ignored })
    }

    /// Whether files that git ignores lie in the directory, as it is in the work tree.
    fn holds_ignored(&self, dir: &RepoPath) -> Result<bool, Fault> {
        let source = self.snapshot.files();
        let workspace = self.repository.workspace();
        let Some(git) = workspace.git().filter(|_| workspace.place(dir).is_dir()) else { return Ok(false) };
        for path in workspace.files_below(dir)?.iter().map(|name| dir.join(name)) {
            let is_output = self.outs.around(&path).into_iter().any(|out| self.is_cached(out));
            let counts = !is_output && !source.has(&path) && self.snapshot.dvcignore().ignored_by(&path, false, true)?.is_none();
            if counts && git.is_ignored(&workspace.place(&path))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The commit that brought the lock as it is.
    fn origin(&self, lock: &RepoPath) -> Result<Origin, Fault> {
        let refused = |error| Error::io("read", self.snapshot.files().place(lock))(error);
        let id = |commit: &Snapshot| commit.files().id(lock).map_err(refused);
        let Some(mut newest) = self.snapshot.of_revision(self.snapshot.commit().unwrap_or("HEAD"))? else { return Ok(Origin::Unknown) };
        if newest.files().read(lock).map_err(refused)? != self.snapshot.files().read(lock).map_err(refused)? {
            return Ok(Origin::Unknown);
        }
        let wanted = id(&newest)?;
        for _ in 0..FAR {
            let own = newest.commit().unwrap_or_default().to_owned();
            let mut parents = Vec::new();
            while let Some(parent) = self.snapshot.of_revision(&format!("{own}^{}", parents.len() + 1))? {
                parents.push(parent);
            }
            if parents.is_empty() && newest.files().is_cut_at(&own)? {
                return Ok(Origin::Unknown);
            }
            // A merge may bring what another branch had.
            let mut same = None;
            for parent in &parents {
                if same.is_none() && id(parent)? == wanted {
                    same = Some(parent.clone());
                }
            }
            match same {
                Some(parent) => newest = parent,
                None => return Ok(Origin::Commit(newest, parents.into_iter().next())),
            }
        }
        Ok(Origin::Unknown)
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
        texts.push(snapshot.files().read(&path).map_err(Error::io("read", snapshot.files().place(&path)))?);
        above = dir.parent();
    }
    Ok(texts)
}
