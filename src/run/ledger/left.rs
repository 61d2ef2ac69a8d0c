//! What runs that were killed had recorded, and not yet written into dvc.lock.

use crate::format::Files;
use crate::format::lockfile::Lock;
use crate::model::RepoPath;
use crate::store::atomic;
use crate::store::backlog::{self, Backlogs};
use crate::store::os::Stamp;
use crate::store::workspace::Workspace;

/// Writes what dead runs had recorded and not written. The repository's lock must be held. What
/// cannot be written stays: it is read from there as well.
pub fn write_left(workspace: &Workspace) {
    for (file, left) in backlog::left(&workspace.tmp_dir()) {
        if left.locks().into_iter().all(|path| write_lock(workspace, &left, path).is_some()) {
            std::fs::remove_file(file).ok();
        }
    }
}

/// None if the file cannot be read or written.
fn write_lock(workspace: &Workspace, left: &Backlogs, path: &RepoPath) -> Option<()> {
    let on_disk = path.under(workspace.root());
    let stamp = Stamp::at(&on_disk);
    let mut lock = match workspace.read(path).ok()? {
        Some(bytes) => Lock::parse(&bytes, path.as_str()).ok()?,
        None => Lock::default(),
    };
    if left.complete(path, stamp, &mut lock) {
        atomic::write(&on_disk, &lock.to_bytes()).ok()?;
    }
    Some(())
}
