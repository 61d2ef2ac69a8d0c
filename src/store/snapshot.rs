//! The files of a repository as git has them: a [`Source`] beside the work tree.
//!
//! They are those of a commit, of the index, or the tracked ones of the work tree; whoever asks does
//! not know which. Trees are read when they are first entered and kept as maps, so a look-up costs
//! its depth and not the size of the directories. Symbolic links are followed as long as they stay
//! in the tree, also out of the DVC repository into the rest of the git repository. Submodules are
//! not there. Nothing is converted: files that git keeps in another form (LFS) come in that form.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::collect::{self, collect};
use super::dvcignore::DvcIgnore;
use super::error::Error;
use super::git::{Git, Node, NodeKind, Revision, Staged};
use super::source::{Entry, EntryKind, Kind, Source};
use crate::format::Files;
use crate::format::attributes::{self, Attributes, Form};
use crate::model::RepoPath;

/// How many symbolic links one path may lead over.
const MANY_LINKS: usize = 40;

/// How the id of a file begins that is read from the work tree, the rest being its path.
const ON_DISK: &str = "./";

/// The names of one tree.
pub(super) type Names = HashMap<String, (NodeKind, String)>;

/// Files as git has them, seen from the root of the DVC repository.
#[derive(Clone, Debug)]
pub struct GitFiles {
    git: Arc<Git>,
    /// The id of the uppermost tree.
    top: String,
    /// The root of the DVC repository on disk.
    root: PathBuf,
    /// Where it lies in the git repository.
    prefix: RepoPath,
    /// The trees that were read, by their ids; of the index all, by their paths.
    known: Arc<Mutex<HashMap<String, Arc<Names>>>>,
    /// What `.gitattributes` say, by their directories from the root of git.
    attributes: Arc<Mutex<HashMap<String, Option<Arc<Attributes>>>>>,
}

/// Where a path leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Lead {
    /// To this place, whether git has something there or not.
    Inside(RepoPath),
    /// Out of what git has.
    Outside,
    /// Into a submodule.
    Module,
}

/// What a walk along a path has come to.
pub(super) struct Walk {
    pub(super) end: End,
    /// Where that is, from the root of git and without links.
    pub(super) place: String,
}

/// The end of a path.
pub(super) enum End {
    Node(Node),
    Nothing,
    Outside,
    Module,
}

/// The files of a commit, of the index, or those of the work tree that git tracks.
#[derive(Clone, Debug)]
pub struct Snapshot {
    commit: Option<String>,
    files: Arc<GitFiles>,
    ignore: Arc<DvcIgnore>,
}

impl Snapshot {
    /// The commit of a git repository that holds the DVC repository at `root`.
    pub fn of_commit(git: &Arc<Git>, root: &Path, revision: Revision) -> Self {
        Self::new(git, root, Some(revision.commit), revision.tree, HashMap::new())
    }

    /// What the next commit would have: the repository's own index, or the one in this file.
    ///
    /// # Errors
    /// An index that cannot be read, or in which a merge has left conflicts.
    pub fn of_index(git: &Arc<Git>, file: Option<&Path>) -> Result<Self, Error> {
        let staged = git.staged(file)?;
        if let Some(path) = staged.iter().find(|staged| staged.is_unmerged).map(|staged| &staged.path) {
            let message = format!("'{path}' has conflicts that are not resolved");
            return Err(Error::Git { attempt: "read the index of", path: git.root().to_path_buf(), message });
        }
        let files = staged.into_iter().filter(|staged| !staged.is_promised).map(|staged| (staged.path, staged.kind, staged.id));
        Ok(Self::new(git, git.root(), None, String::new(), listed(files)))
    }

    /// The files of the work tree that git tracks, as they are there.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn of_work_tree(git: &Arc<Git>) -> Result<Self, Error> {
        let on_disk = |staged: Staged| {
            let Ok(meta) = git.root().join(&staged.path).symlink_metadata() else {
                let is_kept = staged.is_left_out || matches!(staged.kind, NodeKind::Module | NodeKind::Unnamed);
                return is_kept.then_some((staged.path, staged.kind, staged.id));
            };
            let kind = if meta.is_symlink() { NodeKind::Link } else { NodeKind::File };
            if staged.kind == NodeKind::Module {
                return Some((staged.path, staged.kind, staged.id));
            }
            (!meta.is_dir()).then(|| (staged.path.clone(), kind, format!("{ON_DISK}{}", staged.path)))
        };
        Ok(Self::new(git, git.root(), None, String::new(), listed(git.staged(None)?.into_iter().filter_map(on_disk))))
    }

    fn new(git: &Arc<Git>, root: &Path, commit: Option<String>, top: String, known: HashMap<String, Arc<Names>>) -> Self {
        let prefix = RepoPath::new(&git.place_of(root).unwrap_or_default());
        let known = Arc::new(Mutex::new(known));
        Self::with(commit, GitFiles { git: Arc::clone(git), top, root: root.to_path_buf(), prefix, known, attributes: Arc::default() })
    }

    fn with(commit: Option<String>, files: GitFiles) -> Self {
        let files = Arc::new(files);
        let ignore = Arc::new(DvcIgnore::new(files.clone()));
        Self { commit, files, ignore }
    }

    /// The same files for the DVC repository in a directory of this one.
    pub fn below(&self, dir: &RepoPath) -> Self {
        let (root, prefix) = (dir.under(&self.files.root), self.files.prefix.join(dir.as_str()));
        Self::with(self.commit.clone(), GitFiles { root, prefix, ..GitFiles::clone(&self.files) })
    }

    /// A commit, seen from the same DVC repository; none if there is no such commit in this clone.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn of_revision(&self, rev: &str) -> Result<Option<Self>, Error> {
        let revision = self.files.git.revision(rev)?;
        Ok(revision.map(|revision| Self::of_commit(&self.files.git, &self.files.root, revision)))
    }

    /// The id of the commit; none for the index and the work tree.
    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// Its files.
    pub fn files(&self) -> &Arc<GitFiles> {
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

/// Directories by their paths, made from files by their paths.
fn listed(files: impl Iterator<Item = (String, NodeKind, String)>) -> HashMap<String, Arc<Names>> {
    let mut dirs: HashMap<String, Names> = HashMap::from([(String::new(), Names::new())]);
    for (path, kind, id) in files {
        let (mut path, mut node) = (path.as_str(), (kind, id));
        loop {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            // A directory that is known has its own place already.
            let is_known = dirs.contains_key(dir);
            dirs.entry(dir.to_owned()).or_default().insert(name.to_owned(), node);
            if is_known {
                break;
            }
            (path, node) = (dir, (NodeKind::Dir, dir.to_owned()));
        }
    }
    dirs.into_iter().map(|(dir, names)| (dir, Arc::new(names))).collect()
}

impl GitFiles {
    /// What stands at a path; with `follow` what a link at its end leads to.
    pub(super) fn find(&self, path: &RepoPath, follow: bool) -> io::Result<Option<Node>> {
        Ok(match self.walk(path, follow)?.end {
            End::Node(node) => Some(node),
            End::Nothing | End::Outside | End::Module => None,
        })
    }

    /// Where a path leads, symbolic links followed.
    ///
    /// # Errors
    /// An object that this clone does not have, or links without an end.
    pub fn lead(&self, path: &RepoPath) -> Result<Lead, Error> {
        let walk = self.walk(path, true).map_err(Error::io("read", self.place(path)))?;
        Ok(match walk.end {
            End::Outside => Lead::Outside,
            End::Module => Lead::Module,
            End::Node(_) | End::Nothing => Lead::Inside(self.seen(&walk.place)),
        })
    }

    /// Goes along a path, from name to name and over links.
    pub(super) fn walk(&self, path: &RepoPath, follow: bool) -> io::Result<Walk> {
        let outside = || Ok(Walk { end: End::Outside, place: String::new() });
        let Some(inside) = self.inside(path) else { return outside() };
        let mut ahead: VecDeque<String> = inside.split('/').map(str::to_owned).collect();
        let root = Node { name: String::new(), kind: NodeKind::Dir, id: self.top.clone() };
        // The way from the root to where we stand.
        let mut way = vec![root];
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    way.pop();
                    if way.is_empty() {
                        return outside();
                    }
                    continue;
                }
                _ => {}
            }
            let Some(here) = way.last() else { return outside() };
            let place = || way.iter().skip(1).map(|node| node.name.as_str());
            let known = if here.kind == NodeKind::Dir { self.names(&here.id)?.get(&name).cloned() } else { None };
            let Some((kind, id)) = known else {
                let end = if here.kind == NodeKind::Module { End::Module } else { End::Nothing };
                let rest = [name.as_str()].into_iter().chain(ahead.iter().map(String::as_str));
                let place = RepoPath::new(&place().chain(rest).collect::<Vec<_>>().join("/"));
                // Links in what is not there cannot be told, so `..` is taken as it is written.
                return if place.is_external() { outside() } else { Ok(Walk { end, place: place.as_str().to_owned() }) };
            };
            if kind == NodeKind::Link && (follow || !ahead.is_empty()) {
                links += 1;
                if links > MANY_LINKS {
                    return Err(io::Error::other("too many levels of symbolic links"));
                }
                let target = self.content(&id)?;
                let Ok(target) = String::from_utf8(target) else { return outside() };
                if target.starts_with('/') {
                    let Some(inside) = self.git.place_of(target.as_ref()) else { return outside() };
                    way.truncate(1);
                    inside.split('/').rev().for_each(|part| ahead.push_front(part.to_owned()));
                } else {
                    target.split('/').rev().for_each(|part| ahead.push_front(part.to_owned()));
                }
                continue;
            }
            way.push(Node { name, kind, id });
        }
        let place = way.iter().skip(1).map(|node| node.name.as_str()).collect::<Vec<_>>().join("/");
        let end = way.pop().map_or(End::Nothing, |node| if node.kind == NodeKind::Module { End::Module } else { End::Node(node) });
        Ok(Walk { end, place })
    }

    /// A path from the root of git, as the DVC repository knows it.
    pub(super) fn seen(&self, place: &str) -> RepoPath {
        let place = RepoPath::new(place);
        match self.prefix.contains(&place) {
            true => RepoPath::new(&place.seen_from(&self.prefix)),
            false => RepoPath::new(&place.under(self.git.root()).to_string_lossy()),
        }
    }

    /// The path from the root of the git repository; none if it lies outside.
    fn inside(&self, path: &RepoPath) -> Option<String> {
        if path.as_str().starts_with('/') {
            return self.git.place_of(path.as_str().as_ref());
        }
        let inside = self.prefix.join(path.as_str());
        (!inside.is_external()).then(|| inside.as_str().to_owned())
    }

    /// The id of the uppermost tree.
    pub(super) fn top(&self) -> &str {
        &self.top
    }

    /// What a tree holds.
    pub(super) fn names(&self, tree: &str) -> io::Result<Arc<Names>> {
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        if let Some(names) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(tree) {
            return Ok(Arc::clone(names));
        }
        let nodes = self.git.tree(tree).map_err(io::Error::other)?;
        let names: Arc<Names> = Arc::new(nodes.into_iter().map(|node| (node.name, (node.kind, node.id))).collect());
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(tree.to_owned(), Arc::clone(&names));
        Ok(names)
    }

    /// What a directory holds beside what [`Source::list`] gives: submodules, and what cannot be named.
    pub(super) fn unlisted(&self, dir: &RepoPath) -> io::Result<Vec<(String, NodeKind)>> {
        let Some(node) = self.find(dir, true)?.filter(|node| node.kind == NodeKind::Dir) else { return Ok(Vec::new()) };
        let is_unlisted = |kind: NodeKind| matches!(kind, NodeKind::Module | NodeKind::Unnamed);
        let names = self.names(&node.id)?;
        Ok(names.iter().filter(|(_, (kind, _))| is_unlisted(*kind)).map(|(name, (kind, _))| (name.clone(), *kind)).collect())
    }

    /// Whether this is the id of a file that is read from the work tree.
    pub(super) fn is_on_disk(&self, id: &str) -> bool {
        id.starts_with(ON_DISK)
    }

    /// What converts a file between git and the work tree, by the `.gitattributes` of the repository. The place is
    /// that of the file, from the root of git.
    pub(super) fn form(&self, place: &str) -> io::Result<Form> {
        let mut files = Vec::new();
        for dir in [""].into_iter().chain(place.match_indices('/').map(|(at, _)| &place[..at])) {
            files.extend(self.attributes_of(dir)?);
        }
        Ok(if files.is_empty() { Form::default() } else { attributes::form_of(files.iter().map(Arc::as_ref), place) })
    }

    /// The attributes that stand in a directory.
    fn attributes_of(&self, dir: &str) -> io::Result<Option<Arc<Attributes>>> {
        if let Some(known) = self.attributes.lock().unwrap_or_else(PoisonError::into_inner).get(dir) {
            return Ok(known.clone());
        }
        let top = Self { prefix: RepoPath::root(), ..self.clone() };
        // Git does not follow a link there.
        let file = top.find(&RepoPath::new(dir).join(".gitattributes"), false)?.filter(|node| node.kind == NodeKind::File);
        let text = file.map(|node| self.content(&node.id)).transpose()?;
        let found = text.map(|text| Arc::new(Attributes::parse(dir, &String::from_utf8_lossy(&text))));
        self.attributes.lock().unwrap_or_else(PoisonError::into_inner).insert(dir.to_owned(), found.clone());
        Ok(found)
    }

    /// The id of what stands at a path, links followed; equal ids are equal content.
    ///
    /// # Errors
    /// A tree cannot be read.
    pub fn id(&self, path: &RepoPath) -> io::Result<Option<String>> {
        Ok(self.find(path, true)?.map(|node| node.id))
    }

    /// Whether a shallow clone ends before this commit.
    ///
    /// # Errors
    /// The repository cannot be read.
    pub fn is_cut_at(&self, commit: &str) -> Result<bool, Error> {
        Ok(self.git.cut_at()?.iter().any(|cut| cut == commit))
    }

    /// The bytes of a file, or the target of a link.
    pub(super) fn content(&self, id: &str) -> io::Result<Vec<u8>> {
        let Some(path) = id.strip_prefix(ON_DISK) else { return self.git.blob(id).map_err(io::Error::other) };
        let place = self.git.root().join(path);
        match fs::read_link(&place) {
            Ok(target) => Ok(target.into_os_string().into_encoded_bytes()),
            Err(_) => fs::read(&place),
        }
    }
}

impl Files for GitFiles {
    fn read(&self, path: &RepoPath) -> io::Result<Option<Vec<u8>>> {
        match self.find(path, true)? {
            Some(Node { kind: NodeKind::Dir, .. }) => Err(io::ErrorKind::IsADirectory.into()),
            Some(node) => self.content(&node.id).map(Some),
            None => Ok(None),
        }
    }
}

impl Source for GitFiles {
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
                NodeKind::Module | NodeKind::Unnamed => return None,
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
    fn repository(init: &[&str]) -> Option<(tempfile::TempDir, Snapshot)> {
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
        let commit = Snapshot::of_commit(&opened, &at("sub"), revision);
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
