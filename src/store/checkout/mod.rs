//! Bringing outputs to what is recorded: what there is to do for one of them ([`Workspace::compare_out`]),
//! and doing it for many ([`Workspace::apply`]).
//!
//! The comparison is DVC's, oddities included (dvc_data: `index/checkout.py`, `index/diff.py`): files and
//! directories one by one, with the right to execute. Other than with DVC an output of which anything is
//! missing in the cache is left as it is, wholly; and a file is replaced at once, never removed first.
//! Nothing here asks whether something may be lost: `Steps::given_up` says what would be.

mod apply;
mod unused;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use super::error::Error;
use super::hasher::Hasher;
use super::workspace::Workspace;
use crate::format::dirtree;
use crate::model::checked_out::{Counts, Kind};
use crate::model::{Algo, Digest, Listed, ListedFile, Meta, RepoPath};

/// An output, and what should stand there.
#[derive(Clone, PartialEq, Debug)]
pub struct Wish {
    /// Where it is.
    pub path: RepoPath,
    /// What is recorded; none for an output that was never made.
    pub recorded: Option<(Digest, Meta)>,
    /// The files, where the cache has no listing of them.
    pub listed: Option<Listed>,
    /// Only what is at or below one of these paths; all of it without any.
    pub parts: Vec<RepoPath>,
}

/// What is to be done for one output.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Steps {
    /// Files that go without another in their place.
    remove: Vec<PathBuf>,
    /// Directories that go, if nothing is left in them.
    remove_dirs: Vec<PathBuf>,
    /// Directories to make, each after those that hold it.
    make_dirs: Vec<PathBuf>,
    place: Vec<Job>,
    /// Files that lack, or should lack, the right to execute. As with DVC all of them get it.
    make_executable: Vec<PathBuf>,
    /// Old files that would be gone, with their content where they have any.
    given_up: Vec<(PathBuf, Option<Digest>)>,
    /// What happens to the output as a whole; none if nothing that is told.
    pub kind: Option<Kind>,
    /// What happens to its files.
    pub counts: Counts,
    /// Whether something is missing that it needs; then there is nothing else.
    pub lacking: bool,
}

/// One file to place.
#[derive(Clone, PartialEq, Debug)]
struct Job {
    object: PathBuf,
    place: PathBuf,
    size: u64,
    digest: Digest,
    isexec: bool,
}

/// What stands, or should stand, at a path.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Node {
    Dir,
    /// A file; without a hash for a link that leads nowhere.
    File {
        md5: Option<String>,
        isexec: bool,
    },
}

/// What stands at a path, and what should.
type Pair<'a> = (Option<&'a Node>, Option<&'a Node>);
/// By path below the output; the output itself is the empty path.
type Side = BTreeMap<String, Node>;

impl Steps {
    fn lack() -> Self {
        Self { lacking: true, ..Self::default() }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        let nothing = [&self.remove, &self.remove_dirs, &self.make_dirs, &self.make_executable].into_iter().all(Vec::is_empty);
        nothing && self.place.is_empty() && !self.lacking
    }
}

impl Wish {
    /// Whether a path below the output is asked for, or leads to what is.
    fn means(&self, below: &str) -> bool {
        let path = self.path.join(below);
        self.parts.is_empty() || below.is_empty() || self.parts.iter().any(|part| part.overlaps(&path))
    }
}

impl Workspace {
    /// What is to be done for one output. With `relink` also files that are right are made anew.
    ///
    /// # Errors
    /// Something cannot be read, or is neither file nor directory.
    pub fn compare_out(&self, hasher: &Hasher, wish: &Wish, relink: bool) -> Result<Steps, Error> {
        let Some((digest, meta)) = &wish.recorded else { return Ok(Steps::lack()) };
        let Some(mut new) = self.wanted(wish, digest, *meta)? else { return Ok(Steps::lack()) };
        let mut old = self.found(hasher, wish, &digest.algo, &new)?;
        if !wish.parts.is_empty() {
            spare(&mut old, &mut new);
        }
        let mut steps = self.difference(wish, &digest.algo, &old, &new, relink);
        for job in &mut steps.place {
            if !self.cache().keeps(&job.digest)? {
                return Ok(Steps::lack());
            }
            job.size = fs::metadata(&job.object).map_or(0, |meta| meta.len());
        }
        self.find_hidden(hasher, &mut steps)?;
        Ok(steps)
    }

    /// Which of the files that would go are in no cache.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn unsaved(&self, steps: &Steps) -> Result<Vec<PathBuf>, Error> {
        let mut unsaved = Vec::new();
        for (path, digest) in &steps.given_up {
            if let Some(digest) = digest
                && !self.cache().keeps(digest)?
            {
                unsaved.push(path.clone());
            }
        }
        Ok(unsaved)
    }

    /// What should stand there; none where the listing of a directory is missing.
    fn wanted(&self, wish: &Wish, digest: &Digest, meta: Meta) -> Result<Option<Side>, Error> {
        if !digest.is_dir() {
            let file = Node::File { md5: Some(digest.value.clone()), isexec: meta.isexec };
            return Ok(Some(Side::from([(String::new(), file)])));
        }
        let Some(files) = self.files_of(wish, digest)? else { return Ok(None) };
        let mut side = Side::from([(String::new(), Node::Dir)]);
        for ListedFile { entry, isexec } in files {
            let above = entry.relpath.match_indices('/').map(|(at, _)| &entry.relpath[..at]);
            for dir in above.filter(|dir| wish.means(dir)) {
                side.entry(dir.to_owned()).or_insert(Node::Dir);
            }
            if wish.means(&entry.relpath) {
                side.insert(entry.relpath, Node::File { md5: Some(entry.md5), isexec });
            }
        }
        Ok(Some(side))
    }

    /// The files of a directory: as its entry lists them, or as its listing in the cache does, which knows of no right to execute.
    fn files_of(&self, wish: &Wish, digest: &Digest) -> Result<Option<Vec<ListedFile>>, Error> {
        match &wish.listed {
            Some(listed) => Ok(dirtree::is_sound(listed.files.iter().map(|file| &file.entry)).then(|| listed.files.clone())),
            None => {
                let entries = self.cache().load_tree(digest)?;
                Ok(entries.map(|entries| entries.into_iter().map(|entry| ListedFile { entry, isexec: false }).collect()))
            }
        }
    }

    /// What stands there.
    fn found(&self, hasher: &Hasher, wish: &Wish, algo: &Algo, new: &Side) -> Result<Side, Error> {
        let place = self.place(&wish.path);
        let Ok(own) = fs::symlink_metadata(&place) else { return Ok(Side::new()) };
        let nothing = Node::File { md5: None, isexec: false };
        let one = |node: Node| Ok(Side::from([(String::new(), node)]));
        match fs::metadata(&place) {
            Err(error) if own.is_symlink() && error.kind() == std::io::ErrorKind::NotFound => one(nothing),
            Err(error) => Err(Error::io("look at", &place)(error)),
            // A link to a directory gives way to a file; what it leads to is nobody's here.
            Ok(meta) if meta.is_dir() && own.is_symlink() && new.get("") != Some(&Node::Dir) => one(nothing),
            Ok(meta) if meta.is_dir() => self.found_below(hasher, wish, algo),
            Ok(meta) => {
                let file = hasher.file(place, &meta, algo)?;
                one(Node::File { md5: Some(file.md5), isexec: file.isexec })
            }
        }
    }

    fn found_below(&self, hasher: &Hasher, wish: &Wish, algo: &Algo) -> Result<Side, Error> {
        let mut side = Side::from([(String::new(), Node::Dir)]);
        let place = self.place(&wish.path);
        let mut names = Vec::new();
        for entry in self.below(&wish.path)?.into_iter().filter(|entry| wish.means(&entry.name)) {
            if entry.is_dir {
                side.insert(entry.name, Node::Dir);
            } else if entry.is_link
                && fs::metadata(place.join(&entry.name)).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
            {
                side.insert(entry.name, Node::File { md5: None, isexec: false });
            } else {
                names.push(entry.name);
            }
        }
        let files = hasher.files(names.iter().map(|name| place.join(name)).collect(), algo)?;
        let nodes = files.into_iter().map(|file| Node::File { md5: Some(file.md5), isexec: file.isexec });
        side.extend(names.into_iter().zip(nodes));
        Ok(side)
    }

    fn difference(&self, wish: &Wish, algo: &Algo, old: &Side, new: &Side, relink: bool) -> Steps {
        let mut steps = Steps::default();
        let root = self.place(&wish.path);
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for name in names {
            let place = if name.is_empty() { root.clone() } else { root.join(name) };
            let (old, new) = (old.get(name), new.get(name));
            let Some(kind) = self.one(&mut steps, algo, place, (old, new), relink) else { continue };
            if new != Some(&Node::Dir) {
                steps.counts.count(kind);
            }
            if steps.kind.is_none() {
                steps.kind = Some(if name.is_empty() { kind } else { Kind::Modified });
            }
        }
        steps
    }

    /// What is to be done for one path, and what is to be told of that.
    fn one(&self, steps: &mut Steps, algo: &Algo, place: PathBuf, pair: Pair<'_>, relink: bool) -> Option<Kind> {
        let digest_of = |node: Option<&Node>| match node {
            Some(Node::File { md5: Some(md5), .. }) => Some(Digest { algo: algo.clone(), value: md5.clone() }),
            _ => None,
        };
        let kind = match pair {
            (None, _) => Some(Kind::Added),
            (_, None) => Some(Kind::Deleted),
            (Some(old), Some(new)) => (old != new).then_some(Kind::Modified),
        };
        match pair {
            (Some(Node::Dir), Some(Node::Dir)) | (None, None) => return None,
            (Some(Node::File { md5, .. }), Some(Node::File { md5: other, .. })) if md5 == other => {
                if kind.is_some() {
                    steps.make_executable.push(place);
                    return kind;
                } else if !relink {
                    return None;
                }
            }
            _ => {}
        }
        match pair.0 {
            Some(Node::Dir) => steps.remove_dirs.push(place.clone()),
            Some(Node::File { .. }) => {
                steps.given_up.push((place.clone(), digest_of(pair.0)));
                if !matches!(pair.1, Some(Node::File { .. })) {
                    steps.remove.push(place.clone());
                }
            }
            None => {}
        }
        match pair.1 {
            Some(Node::Dir) => steps.make_dirs.push(place),
            Some(Node::File { isexec, .. }) => {
                let digest = digest_of(pair.1)?;
                steps.place.push(Job { object: self.cache().path_of(&digest), place, size: 0, digest, isexec: *isexec });
            }
            None => {}
        }
        kind
    }

    /// Finds files in the way that do not count for DVC: ignored ones, and those behind a link. They
    /// would be lost as any other.
    fn find_hidden(&self, hasher: &Hasher, steps: &mut Steps) -> Result<(), Error> {
        let known: BTreeSet<&PathBuf> = steps.given_up.iter().map(|(path, _)| path).chain(&steps.remove_dirs).collect();
        let mut hidden = Vec::new();
        for job in steps.place.iter().filter(|job| !known.contains(&job.place)) {
            let Ok(meta) = fs::metadata(&job.place) else { continue };
            // What is no file is in no cache.
            let value = if meta.is_file() { hasher.file(job.place.clone(), &meta, &job.digest.algo)?.md5 } else { String::new() };
            hidden.push((job.place.clone(), Some(Digest { algo: job.digest.algo.clone(), value })));
        }
        steps.given_up.extend(hidden);
        Ok(())
    }
}

/// Where no part that is asked for is recorded, no file gives way to the directory that would hold it.
fn spare(old: &mut Side, new: &mut Side) {
    let is_below = |name: &str, dir: &str| dir.is_empty() || name.strip_prefix(dir).is_some_and(|rest| rest.starts_with('/'));
    let is_file = |node: &Node| matches!(node, Node::File { .. });
    let in_the_way: Vec<String> =
        old.iter().filter(|(name, node)| is_file(node) && new.get(*name) == Some(&Node::Dir)).map(|(name, _)| name.clone()).collect();
    for dir in in_the_way {
        if !new.iter().any(|(name, node)| is_file(node) && is_below(name, &dir)) {
            old.remove(&dir);
            new.retain(|name, _| *name != dir && !is_below(name, &dir));
        }
    }
}

#[cfg(test)]
mod tests;
