//! The hash of what stands at a path: a file, or a directory as a tree of files.
//!
//! A directory's tree holds its files by relative path. Empty directories and linked
//! sub-directories do not count, nor what `.dvcignore` or a repository of its own covers; git's
//! ignore files play no part (dvc_data: `hashfile/build.py`).

use std::fs;
use std::path::Path;

use super::dvcignore;
use super::error::Error;
use super::hasher::{HashedFile, Hasher};
use super::md5;
use super::workspace::Workspace;
use crate::format::dirtree;
use crate::model::{Algo, Digest, Meta, RepoPath, Seen, TreeEntry};

/// What stands at a path, hashed.
#[derive(Clone, PartialEq, Debug)]
pub struct Hashed {
    /// Its hash.
    pub digest: Digest,
    /// Size, number of files, execute bit.
    pub meta: Meta,
    /// What it consists of.
    pub content: Content,
}

/// What a hash was made from.
#[derive(Clone, PartialEq, Debug)]
pub enum Content {
    /// One file.
    File(HashedFile),
    /// The files of a directory, in the order of the listing.
    Tree {
        /// As they stand in the listing.
        entries: Vec<TreeEntry>,
        /// As they stand on disk, in the same order.
        files: Vec<HashedFile>,
        /// The listing's text.
        listing: Vec<u8>,
    },
}

impl Hashed {
    /// Hash and facts alone.
    pub fn seen(&self) -> Seen {
        Seen::Found(self.digest.clone(), self.meta)
    }
}

impl Workspace {
    /// Hashes what stands at a path; none if nothing does.
    ///
    /// # Errors
    /// A broken link, something that is neither file nor directory, a `.dvcignore` inside.
    pub fn hash(&self, hasher: &Hasher, path: &RepoPath, algo: &Algo) -> Result<Option<Hashed>, Error> {
        let place = self.place(path);
        let meta = match fs::metadata(&place) {
            Ok(meta) => meta,
            // A link that leads nowhere is something.
            Err(_) if fs::symlink_metadata(&place).is_err() => return Ok(None),
            Err(error) => return Err(Error::io("look at", &place)(error)),
        };
        if meta.is_dir() {
            return self.hash_dir(hasher, path, algo).map(Some);
        }
        let file = hasher.file(place, &meta, algo)?;
        let digest = Digest { algo: algo.clone(), value: file.md5.clone() };
        let meta = Meta { size: Some(file.stamp.size), nfiles: None, isexec: file.isexec };
        Ok(Some(Hashed { digest, meta, content: Content::File(file) }))
    }

    /// Whether a file has no bytes, or a directory nothing in it, ignored or not.
    pub fn is_empty(&self, path: &RepoPath) -> bool {
        let place = self.place(path);
        match fs::metadata(&place) {
            Ok(meta) if meta.is_dir() => fs::read_dir(&place).is_ok_and(|mut entries| entries.next().is_none()),
            Ok(meta) => meta.len() == 0,
            Err(_) => false,
        }
    }

    fn hash_dir(&self, hasher: &Hasher, dir: &RepoPath, algo: &Algo) -> Result<Hashed, Error> {
        let mut names = self.files_below(dir)?;
        names.sort_unstable();
        let place = self.place(dir);
        let files = hasher.files(names.iter().map(|name| place.join(name)).collect(), algo)?;
        let entries: Vec<TreeEntry> =
            names.into_iter().zip(&files).map(|(relpath, file)| TreeEntry { relpath, md5: file.md5.clone() }).collect();
        let listing = dirtree::canonical(&entries);
        let value = format!("{}.dir", md5::of_bytes(&listing));
        let size = files.iter().map(|file| file.stamp.size).sum();
        let meta = Meta { size: Some(size), nfiles: Some(files.len() as u64), isexec: false };
        Ok(Hashed { digest: Digest { algo: algo.clone(), value }, meta, content: Content::Tree { entries, files, listing } })
    }

    /// The files that count, by their path below the directory.
    ///
    /// # Errors
    /// Something cannot be listed, or ignore rules stand where DVC allows none.
    pub fn files_below(&self, dir: &RepoPath) -> Result<Vec<String>, Error> {
        let mut files = Vec::new();
        for entry in self.below(dir)?.into_iter().filter(|entry| !entry.is_dir) {
            if entry.name.rsplit('/').next() == Some(dvcignore::NAME) {
                let within = entry.name.rsplit_once('/').map_or_else(|| dir.clone(), |(within, _)| dir.join(within));
                return Err(Error::IgnoreFileInside { dir: self.place(&within) });
            }
            files.push(entry.name);
        }
        Ok(files)
    }

    /// All that counts below a directory, by its path below it. A linked directory is there, and
    /// nothing in it.
    pub(super) fn below(&self, dir: &RepoPath) -> Result<Vec<Entry>, Error> {
        let ignore = self.dvcignore();
        let mut found = Vec::new();
        let mut open = vec![String::new()];
        while let Some(below) = open.pop() {
            let here = if below.is_empty() { dir.clone() } else { dir.join(&below) };
            let place = self.place(&here);
            let listed = list(&place);
            let dirs = listed.iter().flatten().filter(|entry| entry.is_dir).map(|entry| entry.name.as_str());
            let rules = ignore.rules_among(&here, dirs)?;
            if ignore.is_closed(&here)? {
                continue;
            }
            let mut whole = if here.is_root() { String::new() } else { format!("{}/", here.as_str()) };
            let start = whole.len();
            for entry in listed? {
                whole.truncate(start);
                whole += &entry.name;
                if rules.as_ref().is_some_and(|rules| rules.hit(&whole, entry.is_dir).is_some()) {
                    continue;
                }
                let name = if below.is_empty() { entry.name.clone() } else { format!("{below}/{}", entry.name) };
                if entry.is_dir && !entry.is_link {
                    open.push(name.clone());
                }
                found.push(Entry { name, ..entry });
            }
        }
        Ok(found)
    }
}

/// What is in a directory.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its name, or its path below a directory.
    pub(super) name: String,
    /// Whether it is a directory, or a link to one.
    pub(super) is_dir: bool,
    /// Whether it is a symbolic link.
    pub(super) is_link: bool,
}

/// What is in a directory; a link counts as what it leads to.
fn list(dir: &Path) -> Result<Vec<Entry>, Error> {
    let wrong = |error| Error::io("list", dir)(error);
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let kind = entry.file_type().map_err(wrong)?;
        let is_link = kind.is_symlink();
        let is_dir = if is_link { entry.path().is_dir() } else { kind.is_dir() };
        let name = entry.file_name().into_string().map_err(|_| Error::NotUtf8 { path: entry.path() })?;
        found.push(Entry { name, is_dir, is_link });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::os;
    use crate::store::workspace::tests::repository;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn hash(workspace: &Workspace, path: &str) -> Result<Option<Hashed>, Error> {
        workspace.hash(&Hasher::new(2, None).unwrap(), &RepoPath::new(path), &Algo::Md5)
    }

    #[test]
    fn files_and_what_is_none() {
        let (dir, workspace) = repository();
        write(dir.path(), &[("f", "abc")]);
        os::set_mode(&dir.path().join("f"), 0o755).unwrap();
        os::symlink(Path::new("f"), &dir.path().join("link")).unwrap();
        os::symlink(Path::new("gone"), &dir.path().join("broken")).unwrap();
        for name in ["f", "link"] {
            let hashed = hash(&workspace, name).unwrap().unwrap();
            assert_eq!(hashed.digest, Digest::md5("900150983cd24fb0d6963f7d28e17f72"));
            assert_eq!(hashed.meta, Meta { size: Some(3), nfiles: None, isexec: true });
        }
        assert!(hash(&workspace, "no").unwrap().is_none());
        assert!(hash(&workspace, "f/x").unwrap().is_none());
        let error = hash(&workspace, "broken").unwrap_err();
        assert_eq!(error.to_string(), format!("[Errno 2] No such file or directory: '{}/broken'", dir.path().display()));
    }

    /// The hashes are those that DVC 3.67.1 wrote for the same trees.
    #[test]
    fn trees_are_hashed_as_dvc_hashes_them() {
        let (dir, workspace) = repository();
        fs::create_dir_all(dir.path().join("empty/sub")).unwrap();
        write(dir.path(), &[("d/a.txt", "a"), ("d/a/b", "ab"), ("d/B", "B"), ("d/é😀", "x"), ("d/q\"\\", ""), ("d/x.tmp", "no")]);
        write(dir.path(), &[("d/repo/.dvc/config", ""), ("d/repo/f", "f"), ("d/.gitignore", "a.txt\n"), ("other/f", "f")]);
        write(dir.path(), &[(".dvcignore", "*.tmp\n")]);
        os::symlink(Path::new("../other"), &dir.path().join("d/linked")).unwrap();
        os::symlink(Path::new("a.txt"), &dir.path().join("d/s")).unwrap();
        let empty = hash(&workspace, "empty").unwrap().unwrap();
        assert_eq!(empty.digest.value, "d751713988987e9331980363e24189ce.dir");
        assert_eq!(empty.meta, Meta { size: Some(0), nfiles: Some(0), isexec: false });
        let is_empty = |path| workspace.is_empty(&RepoPath::new(path));
        assert!(is_empty("empty/sub") && is_empty("d/q\"\\") && !is_empty("empty") && !is_empty("d/linked") && !is_empty("d/x"));
        let hashed = hash(&workspace, "d").unwrap().unwrap();
        assert_eq!(hashed.meta, Meta { size: Some(12), nfiles: Some(7), isexec: false });
        assert_eq!(hashed.digest.value, "b71067b7791c24c370f461d61e40f9e2.dir");
    }

    #[test]
    fn a_dvcignore_inside_is_refused() {
        let (dir, workspace) = repository();
        write(dir.path(), &[("d/sub/.dvcignore", "x\n")]);
        let error = hash(&workspace, "d").unwrap_err();
        let want = format!(".dvcignore file should not be in collected dir path: '{}/d/sub'", dir.path().display());
        assert_eq!(error.to_string(), want);
    }

    #[test]
    fn an_ignored_directory_has_no_files() {
        let (dir, workspace) = repository();
        write(dir.path(), &[("d/sub/f", "x\n"), (".dvcignore", "d\n")]);
        let files = |path| hash(&workspace, path).unwrap().unwrap().meta.nfiles;
        assert_eq!((files("d/sub"), files("d"), files("d/sub/f")), (Some(0), Some(0), None));
        assert!(!workspace.is_empty(&RepoPath::new("d")));
    }
}
