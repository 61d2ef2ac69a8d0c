//! `.dvcignore` files of a repository: which rules hold in which directory.
//!
//! The rules of a directory are those of the one above, its own `.dvcignore`, and (where asked
//! for) its sub-directories that are repositories of their own. What was read is kept; a new
//! value is made when files may have changed (dvc: `ignore.py` `DvcIgnoreFilter`).

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::Error;
use super::source::{Entry, EntryKind, Kind, Source};
use crate::format::ignore::{Patterns, Rule};
use crate::model::RepoPath;

/// The name of the file.
pub const NAME: &str = ".dvcignore";

/// The rules of one repository.
#[derive(Debug)]
pub struct DvcIgnore {
    source: Arc<dyn Source>,
    built_in: Arc<Patterns>,
    known: Mutex<HashMap<(RepoPath, bool), Arc<Patterns>>>,
}

impl DvcIgnore {
    /// Nothing is read yet.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, built_in: Patterns::built_in(), known: Mutex::default() }
    }

    /// The rules within a directory. With `sub_repos`, repositories inside count as ignored.
    /// None for a directory outside of the repository.
    ///
    /// # Errors
    /// A `.dvcignore` that cannot be read.
    pub fn rules(&self, dir: &RepoPath, sub_repos: bool) -> Result<Option<Arc<Patterns>>, Error> {
        self.rules_with(dir, sub_repos, || self.names_of_dirs(dir))
    }

    /// The same with repositories inside, for a directory whose sub-directories are known.
    ///
    /// # Errors
    /// A `.dvcignore` that cannot be read.
    pub fn rules_among<'a>(&self, dir: &RepoPath, dirs: impl Iterator<Item = &'a str>) -> Result<Option<Arc<Patterns>>, Error> {
        self.rules_with(dir, true, || dirs.map(str::to_owned).collect())
    }

    fn rules_with(&self, dir: &RepoPath, sub_repos: bool, dirs: impl FnOnce() -> Vec<String>) -> Result<Option<Arc<Patterns>>, Error> {
        if dir.is_external() {
            return Ok(None);
        }
        let key = (dir.clone(), sub_repos);
        let found = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(rules) = found {
            return Ok(Some(rules));
        }
        let above = match dir.parent() {
            Some(parent) => self.rules(&parent, sub_repos)?.unwrap_or_else(|| Arc::clone(&self.built_in)),
            None => Arc::clone(&self.built_in),
        };
        let rules = self.extend(above, dir, if sub_repos { self.sub_repos(dir, dirs()) } else { Vec::new() })?;
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&rules));
        Ok(Some(rules))
    }

    /// The rule that makes DVC ignore a path.
    ///
    /// # Errors
    /// A `.dvcignore` that cannot be read.
    pub fn ignored_by(&self, path: &RepoPath, is_dir: bool, sub_repos: bool) -> Result<Option<Rule>, Error> {
        let Some(parent) = path.parent() else { return Ok(None) };
        let Some(rules) = self.rules(&parent, sub_repos)? else { return Ok(None) };
        Ok(rules.ignored_by(path.as_str(), is_dir).cloned())
    }

    /// Whether a walk finds nothing in a directory: it is ignored, be it by its own `.dvcignore`
    /// (`**/`), which only shows inside.
    ///
    /// # Errors
    /// A `.dvcignore` that cannot be read.
    pub fn is_closed(&self, dir: &RepoPath) -> Result<bool, Error> {
        Ok(self.rules(dir, true)?.is_some_and(|rules| !dir.is_root() && rules.ignored_by(dir.as_str(), true).is_some()))
    }

    /// Of what a directory holds all that no rule hides; nothing where it is closed.
    ///
    /// # Errors
    /// A `.dvcignore` that cannot be read.
    pub fn shown(&self, dir: &RepoPath, entries: Vec<Entry>) -> Result<Vec<Shown>, Error> {
        let dirs = entries.iter().filter(|entry| entry.kind != EntryKind::File).map(|entry| entry.name.as_str());
        let rules = self.rules_among(dir, dirs)?;
        if self.is_closed(dir)? {
            return Ok(Vec::new());
        }
        let look = |Entry { name, kind }| {
            let path = dir.join(&name);
            let is_dir = kind == EntryKind::Dir || (kind == EntryKind::Link && self.source.kind(&path) == Some(Kind::Dir));
            Shown { path, name, is_dir, is_link: kind == EntryKind::Link }
        };
        let is_shown = |shown: &Shown| rules.as_ref().is_none_or(|rules| rules.hit(shown.path.as_str(), shown.is_dir).is_none());
        Ok(entries.into_iter().map(look).filter(is_shown).collect())
    }

    fn extend(&self, above: Arc<Patterns>, dir: &RepoPath, sub_repos: Vec<String>) -> Result<Arc<Patterns>, Error> {
        let mut rules = above;
        let file = dir.join(NAME);
        if rules.ignored_by(file.as_str(), false).is_none() && self.source.has(&file) {
            let refused = |error| Error::io("read", self.source.place(&file))(error);
            let text = self.source.read(&file).map_err(refused)?.ok_or_else(|| refused(io::ErrorKind::NotFound.into()))?;
            rules = Arc::new(rules.with_file(dir, &text)?);
        }
        for name in sub_repos {
            rules = Arc::new(rules.with_sub_repo(dir, &name)?);
        }
        Ok(rules)
    }

    /// The sub-directories and links in a directory. One that cannot be listed has none.
    fn names_of_dirs(&self, dir: &RepoPath) -> Vec<String> {
        let entries = self.source.list(dir).unwrap_or_default();
        entries.into_iter().filter(|entry| entry.kind != EntryKind::File).map(|entry| entry.name).collect()
    }

    /// Those sub-directories that hold a `.dvc`, sorted.
    fn sub_repos(&self, dir: &RepoPath, mut names: Vec<String>) -> Vec<String> {
        // A link to a file holds nothing.
        names.retain(|name| self.source.has(&dir.join(name).join(".dvc")));
        names.sort_unstable();
        names
    }
}

/// What a directory holds under a name, and no rule hides.
#[derive(Debug)]
pub struct Shown {
    /// Where it is.
    pub path: RepoPath,
    /// Its name.
    pub name: String,
    /// Whether it is a directory, or a link to one.
    pub is_dir: bool,
    /// Whether it is a symbolic link.
    pub is_link: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::source::WorkTree;
    use std::fs;

    #[test]
    fn nested_files_and_sub_repositories() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("sub/inner/.dvc")).unwrap();
        fs::create_dir_all(at("skip")).unwrap();
        fs::write(at(".dvcignore"), "skip/\n*.tmp\n").unwrap();
        fs::write(at("sub/.dvcignore"), "!keep.tmp\n").unwrap();
        fs::write(at("skip/.dvcignore"), "!x\n").unwrap();
        let ignore = DvcIgnore::new(Arc::new(WorkTree::new(dir.path())));
        let hit =
            |path: &str, sub_repos: bool| ignore.ignored_by(&RepoPath::new(path), false, sub_repos).unwrap().map(|rule| rule.origin());
        assert_eq!(hit("a.tmp", true).as_deref(), Some(".dvcignore:2:*.tmp"));
        assert_eq!(hit("sub/keep.tmp", true), None);
        assert_eq!(hit("sub/b.tmp", true).as_deref(), Some(".dvcignore:2:*.tmp"));
        assert_eq!(hit("skip/x", true).as_deref(), Some(".dvcignore:1:skip/"));
        assert_eq!(hit("sub/inner/x", true).as_deref(), Some("in sub_repo:inner"));
        assert_eq!(hit("sub/inner/x", false), None);
        assert_eq!(hit("/elsewhere/a.tmp", true), None);
        fs::create_dir(at("own")).unwrap();
        fs::write(at("own/.dvcignore"), "**/\n").unwrap();
        let closed = ["own", "skip", "sub"].map(|dir| ignore.is_closed(&RepoPath::new(dir)).unwrap());
        assert_eq!(closed, [true, true, false]);
    }
}
