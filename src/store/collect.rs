//! The walk that finds dvc.yaml and `.dvc` files (dvc: `repo/index.py` `collect_files`).
//!
//! From the top down, the files of a directory before its sub-directories. What git or DVC
//! ignores is left out, symbolic links to directories are not followed, and directories that are
//! outputs of what was found so far are not entered. DVC takes names as the file system gives
//! them; here they are sorted, so that two runs never differ.

use std::fs;

use super::error::Error;
use super::gitcontents::ContentRules;
use super::workspace::Workspace;
use crate::model::RepoPath;

impl Workspace {
    /// Calls `visit` with each file; it gives the outputs of the stages in that file.
    ///
    /// # Errors
    /// What `visit` says, or ignore rules that cannot be read. A directory that cannot be
    /// listed is left out, as in DVC.
    pub fn collect<E: From<Error>>(&self, mut visit: impl FnMut(&RepoPath) -> Result<Vec<RepoPath>, E>) -> Result<(), E> {
        let mut outs = Vec::new();
        let mut open = vec![RepoPath::root()];
        let mut contents = self.git().map(ContentRules::new);
        while let Some(dir) = open.pop() {
            let (dirs, files) = self.list(&dir)?;
            for file in files {
                let keep = (file.as_str().ends_with(".dvc") || file.file_name() == "dvc.yaml") && !self.git_ignores(&file, false)?;
                if keep {
                    outs.extend(visit(&file)?);
                }
            }
            // The last one pushed is the first one entered.
            for dir in dirs.into_iter().rev() {
                let covered = |contents: &mut ContentRules<'_>| contents.cover(&self.place(&dir));
                if !outs.contains(&dir) && !self.git_ignores(&dir, true)? && !contents.as_mut().is_some_and(covered) {
                    open.push(dir);
                }
            }
        }
        Ok(())
    }

    /// Directories and files that DVC does not ignore, sorted.
    fn list(&self, dir: &RepoPath) -> Result<(Vec<RepoPath>, Vec<RepoPath>), Error> {
        let Ok(entries) = fs::read_dir(self.place(dir)) else { return Ok((Vec::new(), Vec::new())) };
        let named = |entry: fs::DirEntry| Some((entry.file_type().ok()?, entry.file_name().into_string().ok()?));
        let entries: Vec<(fs::FileType, String)> = entries.flatten().filter_map(named).collect();
        let ignore = self.dvcignore();
        let inner = entries.iter().filter(|(kind, _)| kind.is_dir() || kind.is_symlink()).map(|(_, name)| name.as_str());
        let rules = ignore.rules_among(dir, inner)?;
        if ignore.is_closed(dir)? {
            return Ok((Vec::new(), Vec::new()));
        }
        let (mut dirs, mut files) = (Vec::new(), Vec::new());
        for (kind, name) in entries {
            let path = dir.join(&name);
            // A link to a directory is neither a file nor entered.
            if kind.is_symlink() && self.place(&path).is_dir() {
                continue;
            }
            if rules.as_ref().is_some_and(|rules| rules.hit(path.as_str(), kind.is_dir()).is_some()) {
                continue;
            }
            if kind.is_dir() { dirs.push(path) } else { files.push(path) }
        }
        dirs.sort_unstable();
        files.sort_unstable();
        Ok((dirs, files))
    }

    /// Whether git ignores a path; a directory is asked for with a `/` at the end.
    fn git_ignores(&self, path: &RepoPath, is_dir: bool) -> Result<bool, Error> {
        let Some(git) = self.git() else { return Ok(false) };
        let place = self.place(path);
        git.is_ignored(&if is_dir { place.join("") } else { place })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
