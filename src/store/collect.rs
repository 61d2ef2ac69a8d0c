//! The walk that finds dvc.yaml and `.dvc` files (dvc: `repo/index.py` `collect_files`).
//!
//! From the top down, the files of a directory before its sub-directories. What git or DVC
//! ignores is left out, symbolic links to directories are not followed, and directories that are
//! outputs of what was found so far are not entered. DVC takes names as the file system gives
//! them; here they are sorted, so that two runs never differ.

use super::dvcignore::{DvcIgnore, Shown};
use super::error::Error;
use super::git::Git;
use super::gitcontents::ContentRules;
use super::source::Source;
use super::workspace::Workspace;
use crate::model::RepoPath;

impl Workspace {
    /// Calls `visit` with each file of the work tree; it gives the outputs of the stages in that file.
    ///
    /// # Errors
    /// What `visit` says, or ignore rules that cannot be read. A directory that cannot be
    /// listed is left out, as in DVC.
    pub fn collect<E: From<Error>>(&self, visit: impl FnMut(&RepoPath) -> Result<Vec<RepoPath>, E>) -> Result<(), E> {
        collect(self.files().as_ref(), &self.dvcignore(), self.git().map(AsRef::as_ref), visit)
    }
}

/// The same in any source; without git nothing counts as ignored by it.
pub(super) fn collect<E: From<Error>>(
    source: &dyn Source,
    ignore: &DvcIgnore,
    git: Option<&Git>,
    mut visit: impl FnMut(&RepoPath) -> Result<Vec<RepoPath>, E>,
) -> Result<(), E> {
    let ignored = |path: &RepoPath, is_dir: bool| -> Result<bool, Error> {
        let Some(git) = git else { return Ok(false) };
        let place = source.place(path);
        git.is_ignored(&if is_dir { place.join("") } else { place })
    };
    let mut outs = Vec::new();
    let mut open = vec![RepoPath::root()];
    let mut contents = git.map(ContentRules::new);
    while let Some(dir) = open.pop() {
        let (dirs, files) = list(source, ignore, &dir)?;
        for file in files {
            if (file.as_str().ends_with(".dvc") || file.file_name() == "dvc.yaml") && !ignored(&file, false)? {
                outs.extend(visit(&file)?);
            }
        }
        // The last one pushed is the first one entered.
        for dir in dirs.into_iter().rev() {
            let covered = |contents: &mut ContentRules<'_>| contents.cover(&source.place(&dir));
            if !outs.contains(&dir) && !ignored(&dir, true)? && !contents.as_mut().is_some_and(covered) {
                open.push(dir);
            }
        }
    }
    Ok(())
}

/// Directories and files that DVC does not ignore, sorted.
pub(super) fn list(source: &dyn Source, ignore: &DvcIgnore, dir: &RepoPath) -> Result<(Vec<RepoPath>, Vec<RepoPath>), Error> {
    // A link to a directory is neither a file nor entered.
    let shown = ignore.shown(dir, source.list(dir).unwrap_or_default())?.into_iter().filter(|entry| !(entry.is_dir && entry.is_link));
    let (dirs, files): (Vec<_>, Vec<_>) = shown.partition(|entry| entry.is_dir);
    let sorted = |entries: Vec<Shown>| {
        let mut paths: Vec<RepoPath> = entries.into_iter().map(|entry| entry.path).collect();
        paths.sort_unstable();
        paths
    };
    Ok((sorted(dirs), sorted(files)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use crate::store::workspace::tests::repository;

    #[test]
    fn collects_in_order_and_leaves_out_what_is_ignored() {
        let (dir, workspace) = repository();
        for (path, text) in [
            ("dvc.yaml", ""),
            ("b.dvc", ""),
            ("a/z/dvc.yaml", ""),
            ("a/dvc.yaml", ""),
            ("out/dvc.yaml", ""),
            ("ig/dvc.yaml", ""),
            ("skip/dvc.yaml", ""),
            ("sub/.dvc/config", ""),
            ("sub/dvc.yaml", ""),
            ("c.dvc", ""),
            ("x.txt", ""),
            (".gitignore", "ig/\nc.dvc\n"),
            (".dvcignore", "skip\n"),
            ("own/dvc.yaml", ""),
            ("own/.dvcignore", "**/\n"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        crate::store::os::symlink(std::path::Path::new("a"), &dir.path().join("link")).unwrap();
        let mut found = Vec::new();
        workspace
            .collect(|file| {
                found.push(file.as_str().to_owned());
                Ok::<_, Error>(vec![RepoPath::new("out")])
            })
            .unwrap();
        assert_eq!(found, ["b.dvc", "dvc.yaml", "a/dvc.yaml", "a/z/dvc.yaml"]);
    }
}
