//! The files of a repository as a commit has them: a [`Source`] beside the work tree.
//!
//! Trees are read when they are first entered and kept as maps, so a look-up costs its depth and
//! not the size of the directories. Symbolic links are followed as long as they stay in the tree,
//! also out of the DVC repository into the rest of the git repository. Submodules are not there.
//! Nothing is converted: files that git keeps in another form (LFS) come in that form.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::collect::{self, collect};
use super::dvcignore::DvcIgnore;
use super::error::Error;
use super::git::{Git, Node, NodeKind, Revision};
use super::source::{Entry, EntryKind, Kind, Source};
use crate::format::Files;
use crate::model::RepoPath;

/// How many symbolic links one path may lead over.
const MANY_LINKS: usize = 40;

/// The names of one tree.
type Names = HashMap<String, (NodeKind, String)>;

/// The tree of a commit, seen from the root of the DVC repository.
#[derive(Debug)]
pub struct CommitTree {
    git: Arc<Git>,
    tree: String,
    /// The root of the DVC repository on disk.
    root: PathBuf,
    /// Where it lies in the git repository.
    prefix: RepoPath,
    /// The trees that were read, by their ids.
    known: Mutex<HashMap<String, Arc<Names>>>,
}

/// A commit as a source of files.
#[derive(Clone, Debug)]
pub struct Commit {
    id: String,
    files: Arc<CommitTree>,
    ignore: Arc<DvcIgnore>,
}

impl Commit {
    /// The commit of a git repository that holds the DVC repository at `root`.
    pub fn new(git: &Arc<Git>, root: &std::path::Path, revision: Revision) -> Self {
        let prefix = RepoPath::new(&git.place_of(root).unwrap_or_default());
        let files =
            Arc::new(CommitTree { git: Arc::clone(git), tree: revision.tree, root: root.to_path_buf(), prefix, known: Mutex::default() });
        let ignore = Arc::new(DvcIgnore::new(files.clone()));
        Self { id: revision.commit, files, ignore }
    }

    /// The id of the commit.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its files.
    pub fn files(&self) -> &Arc<CommitTree> {
        &self.files
    }

    /// The rules of its `.dvcignore` files.
    pub fn dvcignore(&self) -> &Arc<DvcIgnore> {
        &self.ignore
    }

    /// Calls `visit` with each dvc.yaml and `.dvc` file; it gives the outputs of the stages in that file.
    ///
    /// # Errors
    /// What `visit` says, or ignore rules that cannot be read.
    pub fn collect<E: From<Error>>(&self, visit: impl FnMut(&RepoPath) -> Result<Vec<RepoPath>, E>) -> Result<(), E> {
        collect(self.files.as_ref(), &self.ignore, None, visit)
    }

    /// Directories and files that DVC does not ignore, sorted.
    ///
    /// # Errors
    /// Ignore rules that cannot be read.
    pub fn list(&self, dir: &RepoPath) -> Result<(Vec<RepoPath>, Vec<RepoPath>), Error> {
        collect::list(self.files.as_ref(), &self.ignore, dir)
    }
}

impl CommitTree {
    /// The object at a path; with `follow` what a link at its end leads to.
    fn find(&self, path: &RepoPath, follow: bool) -> io::Result<Option<Node>> {
        let Some(inside) = self.inside(path) else { return Ok(None) };
        let mut ahead: VecDeque<String> = inside.split('/').map(str::to_owned).collect();
        let root = Node { name: String::new(), kind: NodeKind::Dir, id: self.tree.clone() };
        // The way from the root to where we stand.
        let mut way = vec![root];
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    way.pop();
                    if way.is_empty() {
                        return Ok(None);
                    }
                    continue;
                }
                _ => {}
            }
            let Some(here) = way.last().filter(|here| here.kind == NodeKind::Dir) else { return Ok(None) };
            let names = self.names(&here.id)?;
            let Some((kind, id)) = names.get(&name) else { return Ok(None) };
            if *kind == NodeKind::Link && (follow || !ahead.is_empty()) {
                links += 1;
                if links > MANY_LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                let target = self.blob(id)?;
                let Ok(target) = String::from_utf8(target) else { return Ok(None) };
                if target.starts_with('/') {
                    let Some(inside) = self.git.place_of(target.as_ref()) else { return Ok(None) };
                    way.truncate(1);
                    inside.split('/').rev().for_each(|part| ahead.push_front(part.to_owned()));
                } else {
                    target.split('/').rev().for_each(|part| ahead.push_front(part.to_owned()));
                }
                continue;
            }
            way.push(Node { name, kind: *kind, id: id.clone() });
        }
        Ok(way.pop().filter(|node| node.kind != NodeKind::Module))
    }

    /// The path from the root of the git repository; none if it lies outside.
    fn inside(&self, path: &RepoPath) -> Option<String> {
        if path.as_str().starts_with('/') {
            return self.git.place_of(path.as_str().as_ref());
        }
        let inside = self.prefix.join(path.as_str());
        (!inside.is_external()).then(|| inside.as_str().to_owned())
    }

    fn names(&self, tree: &str) -> io::Result<Arc<Names>> {
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        if let Some(names) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(tree) {
            return Ok(Arc::clone(names));
        }
        let nodes = self.git.tree(tree).map_err(io::Error::other)?;
        let names: Arc<Names> = Arc::new(nodes.into_iter().map(|node| (node.name, (node.kind, node.id))).collect());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(tree.to_owned(), Arc::clone(&names));
        Ok(names)
    }

    fn blob(&self, id: &str) -> io::Result<Vec<u8>> {
        self.git.blob(id).map_err(io::Error::other)
    }
}

impl Files for CommitTree {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        match self.find(path, true)? {
            Some(Node { kind: NodeKind::Dir, .. }) => Err(io::ErrorKind::IsADirectory.into()),
            Some(node) => self.blob(&node.id).map(Some),
            None => Ok(None),
        }
    }
}

impl Source for CommitTree {
    fn kind(&self, path: &RepoPath) -> Option<Kind> {
        let node = self.find(path, true).ok()??;
        Some(if node.kind == NodeKind::Dir { Kind::Dir } else { Kind::File })
    }

    fn has(&self, path: &RepoPath) -> bool {
        self.find(path, false).is_ok_and(|found| found.is_some())
    }

    fn list(&self, dir: &RepoPath) -> io::Result<Vec<Entry>> {
        let node = self.find(dir, true)?.filter(|node| node.kind == NodeKind::Dir).ok_or(io::ErrorKind::NotADirectory)?;
        let entry = |(name, (kind, _)): (&String, &(NodeKind, String))| {
            let kind = match kind {
                NodeKind::File => EntryKind::File,
                NodeKind::Dir => EntryKind::Dir,
                NodeKind::Link => EntryKind::Link,
                NodeKind::Module => return None,
            };
            Some(Entry { name: name.clone(), kind })
        };
        Ok(self.names(&node.id)?.iter().filter_map(entry).collect())
    }

    fn place(&self, path: &RepoPath) -> PathBuf {
        path.under(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;
    use std::process::Command;

    use crate::store::os;

    fn git(dir: &Path, words: &[&str]) -> bool {
        let mut command = Command::new("git");
        for name in crate::store::git::LOCAL_ENV {
            command.env_remove(name);
        }
        command.args(["-c", "user.name=t", "-c", "user.email=t@e"]).args(words).current_dir(dir);
        command.output().is_ok_and(|output| output.status.success())
    }

    /// A repository with links of all kinds, the DVC repository in `sub`; none if this git cannot make it.
    fn repository(init: &[&str]) -> Option<(tempfile::TempDir, Commit)> {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        if !git(dir.path(), &[&["init", "-q", "-b", "main"], init].concat()) {
            return None;
        }
        fs::create_dir_all(at("sub/d/e")).unwrap();
        fs::create_dir_all(at("shared")).unwrap();
        for (name, text) in [("sub/f", "f"), ("sub/d/e/g", "g"), ("sub/.dvcignore", "skip\n"), ("shared/p.yaml", "p: 1\n"), ("top", "t")] {
            fs::write(at(name), text).unwrap();
        }
        fs::create_dir(at("sub/skip")).unwrap();
        fs::write(at("sub/skip/dvc.yaml"), "").unwrap();
        fs::write(at("sub/d/dvc.yaml"), "").unwrap();
        let absolute = at("top");
        for (name, target) in [
            ("sub/up", "../shared"),
            ("sub/d/link", "../f"),
            ("sub/dlink", "d/e"),
            ("sub/lost", "nowhere"),
            ("sub/round", "round"),
            ("sub/out", "../../.."),
            ("sub/absolute", absolute.to_str().unwrap()),
        ] {
            os::symlink(Path::new(target), &at(name)).unwrap();
        }
        assert!(git(dir.path(), &["add", "-A"]) && git(dir.path(), &["commit", "-q", "-m", "one"]));
        fs::remove_dir_all(at("sub")).unwrap();
        fs::create_dir(at("sub")).unwrap();
        let opened = Arc::new(Git::open(dir.path()).unwrap());
        let revision = opened.revision("HEAD").unwrap().unwrap();
        let commit = Commit::new(&opened, &at("sub"), revision);
        Some((dir, commit))
    }

    /// libgit2's view, and the program's of layouts that libgit2 does not know.
    const LAYOUTS: [&[&str]; 3] = [&[], &["--object-format=sha256"], &["--ref-format=reftable"]];

    #[test]
    fn files_and_links_of_a_commit() {
        let mut seen = 0;
        for (dir, commit) in LAYOUTS.into_iter().filter_map(repository) {
            seen += 1;
            let read = |path: &str| commit.files().read(&RepoPath::new(path)).unwrap().map(|bytes| String::from_utf8(bytes).unwrap());
            for (path, want) in [
                ("f", Some("f")),
                ("d/e/g", Some("g")),
                ("d/link", Some("f")),
                ("dlink/g", Some("g")),
                ("up/p.yaml", Some("p: 1\n")),
                ("../shared/p.yaml", Some("p: 1\n")),
                ("absolute", Some("t")),
                ("lost", None),
                ("out/x", None),
                ("f/x", None),
                ("no", None),
                ("../../x", None),
            ] {
                assert_eq!(read(path).as_deref(), want, "{path}");
            }
            let top = dir.path().join("top");
            assert_eq!(read(top.to_str().unwrap()).as_deref(), Some("t"));
            assert!(read("/etc/passwd").is_none());
            assert!(commit.files().read(&RepoPath::new("round")).is_err());
            assert_eq!(commit.files().read(&RepoPath::new("d")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
            let kind = |path| commit.files().kind(&RepoPath::new(path));
            assert_eq!([kind("d"), kind("dlink"), kind(""), kind("lost")], [Some(Kind::Dir), Some(Kind::Dir), Some(Kind::Dir), None]);
            assert!(commit.files().has(&RepoPath::new("lost")) && !commit.files().has(&RepoPath::new("no")));
            let mut found = Vec::new();
            commit
                .collect(|file| {
                    found.push(file.to_string());
                    Ok::<_, Error>(Vec::new())
                })
                .unwrap();
            assert_eq!(found, ["d/dvc.yaml"]);
        }
        assert!(seen > 0, "no git");
    }

    #[test]
    fn an_object_that_is_gone_is_told() {
        let (dir, commit) = repository(&[]).unwrap();
        let blob = commit.files().find(&RepoPath::new("f"), true).unwrap().unwrap().id;
        fs::remove_file(dir.path().join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
        let error = commit.files().read(&RepoPath::new("f")).unwrap_err();
        assert!(error.to_string().ends_with(&format!("the blob {blob} is not in this clone")), "{error}");
    }
}
