//! What libgit2 says. What it cannot do is its error; whom to ask then is not its matter.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use git2::{
    AttrCheckFlags, Error, ErrorClass, ErrorCode, Index, IndexEntry, IndexEntryExtendedFlag, Oid, Repository, RepositoryOpenFlags,
    RevparseMode, Sort, StatusOptions,
};

use super::history::{Node, Revision, named};
use super::index::Staged;
use crate::model::values::GitFacts;

/// Opens repositories of other users too, as DVC does: in containers the work tree often belongs
/// to someone else. libgit2 runs no program that a repository's configuration names.
///
/// And takes objects for what their names say, as git does when it reads them: to hash each again is half of
/// the cost of a look at a commit. What was cut off or flipped on the disk, zlib finds.
fn settle_once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "a global setting of libgit2, written once and before anything is opened")]
        // SAFETY: the setting is a plain flag; `Once` lets nobody open a repository while it is written.
        let done = unsafe { git2::opts::set_verify_owner_validation(false) };
        // Without it such repositories are refused, in libgit2's words.
        done.ok();
        git2::opts::strict_hash_verification(false);
    });
}

/// The repository that holds a directory, bare ones too; none if there is no such thing.
pub(super) fn repository(dir: &Path) -> Result<Option<Repository>, Error> {
    let none: [&Path; 0] = [];
    settle_once();
    match Repository::open_ext(dir, RepositoryOpenFlags::CROSS_FS, none) {
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// A repository that libgit2 has opened.
pub(super) struct Library(Mutex<Repository>);

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Library").finish_non_exhaustive()
    }
}

impl Library {
    /// The repository that holds a directory, and its work tree; none if there is no such thing. Where a bare
    /// one will do, its own directory stands for the work tree.
    pub(super) fn open(dir: &Path, bare_will_do: bool) -> Result<Option<(Self, PathBuf)>, Error> {
        let mut found = repository(dir)?;
        // A hook may be called for another repository than the one around it (`git --git-dir=… push`).
        if bare_will_do && named_by_environment().is_some_and(|named| found.as_ref().is_none_or(|found| real(found.path()) != named)) {
            found = Some(Repository::open_from_env()?);
        }
        let Some(repository) = found else { return Ok(None) };
        let bare = || bare_will_do.then(|| repository.path());
        let root = repository.workdir().or_else(bare).map(Path::to_path_buf);
        Ok(root.map(|root| (Self(Mutex::new(repository)), root)))
    }

    /// Whether it is more than a bare repository.
    pub(super) fn has_work_tree(&self) -> bool {
        self.hold().workdir().is_some()
    }

    /// Whether an ignore file covers a path below the work tree, or a directory above it.
    pub(super) fn is_ignored(&self, inside: &Path) -> Result<bool, Error> {
        let repository = self.hold();
        let above: Vec<&Path> = inside.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
        for dir in above.into_iter().rev() {
            // Asked about the path alone, libgit2 lets a rule take it back from an ignored directory.
            if repository.is_path_ignored(dir.join(""))? {
                return Ok(true);
            }
        }
        repository.is_path_ignored(inside)
    }

    /// The files with ignore rules outside of the work tree.
    pub(super) fn global_ignore_files(&self) -> Vec<PathBuf> {
        let repository = self.hold();
        let user = repository.config().and_then(|config| config.get_path("core.excludesfile")).ok();
        user.into_iter().chain([repository.commondir().join("info/exclude")]).collect()
    }

    /// Whether the index holds the path or something below it.
    pub(super) fn is_tracked(&self, inside: &Path) -> Result<bool, Error> {
        let repository = self.hold();
        let mut index = repository.index()?;
        // Reads again only what has changed on disk.
        index.read(false)?;
        Ok(index.get_path(inside, 0).is_some() || index.find_prefix(inside.join("")).is_ok())
    }

    /// Adds files to the index or takes them out, but those in submodules.
    pub(super) fn add(&self, root: &Path, paths: &[PathBuf]) -> Result<(), Error> {
        let repository = self.hold();
        let submodules: Vec<PathBuf> = repository.submodules()?.iter().map(|submodule| submodule.path().to_path_buf()).collect();
        let mut index = repository.index()?;
        index.read(false)?;
        for path in paths.iter().filter(|path| !submodules.iter().any(|submodule| path.starts_with(submodule))) {
            if root.join(path).symlink_metadata().is_ok() {
                refuse_filter(&repository, path)?;
                index.add_path(path)?;
            } else if index.get_path(path, 0).is_some() {
                index.remove_path(path)?;
            }
        }
        index.write()
    }

    /// The commit that a revision names.
    pub(super) fn revision(&self, rev: &str) -> Result<Option<Revision>, Error> {
        let repository = self.hold();
        let commit = match repository.revparse_single(rev).and_then(|object| object.peel_to_commit()) {
            // What is no commit, or cannot be one by how it is written, is none.
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::InvalidSpec | ErrorCode::Peel | ErrorCode::Ambiguous) => {
                return Ok(None);
            }
            found => found?,
        };
        Ok(Some(Revision { commit: commit.id().to_string(), tree: commit.tree_id().to_string() }))
    }

    /// The commits in a range, the oldest first; none if it names what is not there.
    pub(super) fn revisions(&self, range: &str) -> Result<Option<Vec<Revision>>, Error> {
        let repository = self.hold();
        let ends = match repository.revparse(range) {
            Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
            ends => ends?,
        };
        let (Some(from), Some(to)) = (ends.from(), ends.to()) else { return Ok(None) };
        let (from, to) = (from.peel_to_commit()?.id(), to.peel_to_commit()?.id());
        let mut walk = repository.revwalk()?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::REVERSE)?;
        walk.push(to)?;
        if ends.mode().contains(RevparseMode::MERGE_BASE) {
            walk.push(from)?;
            for base in repository.merge_bases(from, to)?.iter() {
                walk.hide(*base)?;
            }
        } else {
            walk.hide(from)?;
        }
        let revision = |id: Result<Oid, Error>| {
            let commit = repository.find_commit(id?)?;
            Ok(Revision { commit: commit.id().to_string(), tree: commit.tree_id().to_string() })
        };
        walk.map(revision).collect::<Result<_, Error>>().map(Some)
    }

    /// The best common ancestor.
    pub(super) fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Error> {
        match self.hold().merge_base(Oid::from_str(one)?, Oid::from_str(other)?) {
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            found => Ok(Some(found?.to_string())),
        }
    }

    /// The git directory of this work tree.
    pub(super) fn git_dir(&self) -> PathBuf {
        self.hold().path().to_path_buf()
    }

    /// Whether a revision names a commit, or a tag of one.
    pub(super) fn is_commit(&self, rev: &str) -> Result<bool, Error> {
        let repository = self.hold();
        let mut object = repository.revparse_single(rev)?;
        while let Some(tag) = object.as_tag() {
            object = tag.target()?;
        }
        Ok(object.as_commit().is_some())
    }

    /// Whether a branch of the remote reaches a commit.
    pub(super) fn is_at_remote(&self, remote: &str, commit: &str) -> Result<bool, Error> {
        let repository = self.hold();
        let mut walk = repository.revwalk()?;
        walk.push(Oid::from_str(commit)?)?;
        walk.hide_glob(&format!("refs/remotes/{remote}/*"))?;
        walk.next().transpose().map(|first| first.is_none())
    }

    /// The best common ancestor of a commit and all branches of the remote.
    pub(super) fn base_at_remote(&self, remote: &str, commit: &str) -> Result<Option<String>, Error> {
        let repository = self.hold();
        let mut ids = vec![Oid::from_str(commit)?];
        for reference in repository.references_glob(&format!("refs/remotes/{remote}/*"))? {
            ids.extend(reference?.peel_to_commit().ok().map(|commit| commit.id()));
        }
        if ids.len() == 1 {
            return Ok(None);
        }
        match repository.merge_base_many(&ids) {
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            found => Ok(Some(found?.to_string())),
        }
    }

    /// The branch of `origin` that is checked out by who clones it, and the name that new repositories get.
    pub(super) fn default_branches(&self) -> (Option<String>, Option<String>) {
        let repository = self.hold();
        let head = repository.find_reference("refs/remotes/origin/HEAD").ok();
        let remote = head.and_then(|head| head.symbolic_target().ok().flatten()?.strip_prefix("refs/remotes/").map(str::to_owned));
        let configured = repository.config().and_then(|config| config.get_string("init.defaultbranch")).ok();
        (remote, configured.filter(|name| !name.is_empty()))
    }

    /// The file that says where a shallow clone ends.
    pub(super) fn shallow_file(&self) -> PathBuf {
        self.hold().commondir().join("shallow")
    }

    /// Branches and tags with their commits.
    pub(super) fn names(&self) -> Result<Vec<(String, String)>, Error> {
        let repository = self.hold();
        let mut names = Vec::new();
        for pattern in ["refs/heads/*", "refs/tags/*"] {
            for reference in repository.references_glob(pattern)? {
                let reference = reference?;
                if let (Ok(name), Ok(commit)) = (reference.name(), reference.peel_to_commit()) {
                    names.push((name.to_owned(), commit.id().to_string()));
                }
            }
        }
        Ok(names)
    }

    /// What is checked out.
    pub(super) fn facts(&self) -> Result<GitFacts, Error> {
        let repository = self.hold();
        let head = repository.find_reference("HEAD")?;
        let branch = head.symbolic_target().ok().flatten().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
        let commit = match head.peel_to_commit() {
            // A branch without commits.
            Err(error) if matches!(error.code(), ErrorCode::NotFound | ErrorCode::UnbornBranch) => None,
            found => Some(found?.id().to_string()),
        };
        let mut options = StatusOptions::new();
        options.include_untracked(false).include_ignored(false).exclude_submodules(true);
        let dirty = !repository.statuses(Some(&mut options))?.is_empty();
        Ok(GitFacts { commit, branch, dirty })
    }

    /// What a tree holds.
    pub(super) fn tree(&self, id: &str) -> Result<Vec<Node>, Error> {
        let repository = self.hold();
        let tree = repository.find_tree(Oid::from_str(id)?)?;
        let node = |entry: git2::TreeEntry<'_>| {
            let (name, kind) = named(entry.name_bytes(), u32::try_from(entry.filemode()).unwrap_or_default());
            Node { name, kind, id: entry.id().to_string() }
        };
        Ok(tree.iter().map(node).collect())
    }

    /// What the index holds: the repository's own, or the one in this file.
    pub(super) fn staged(&self, file: Option<&Path>) -> Result<Vec<Staged>, Error> {
        let mut index = match file {
            Some(file) => Index::open(file)?,
            None => self.hold().index()?,
        };
        index.read(false)?;
        let staged = |entry: IndexEntry| {
            let extended = IndexEntryExtendedFlag::from_bits_truncate(entry.flags_extended);
            let (path, kind) = named(&entry.path, entry.mode);
            Staged {
                path,
                kind,
                id: entry.id.to_string(),
                is_unmerged: (entry.flags >> 12) & 3 != 0,
                is_left_out: extended.contains(IndexEntryExtendedFlag::SKIP_WORKTREE),
                is_promised: extended.contains(IndexEntryExtendedFlag::INTENT_TO_ADD),
            }
        };
        Ok(index.iter().map(staged).collect())
    }

    /// The bytes of a blob.
    pub(super) fn blob(&self, id: &str) -> Result<Vec<u8>, Error> {
        Ok(self.hold().find_blob(Oid::from_str(id)?)?.content().to_vec())
    }

    fn hold(&self) -> MutexGuard<'_, Repository> {
        // libgit2 keeps its own state whole when a caller panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The git directory that the environment names, as git does for its hooks.
fn named_by_environment() -> Option<PathBuf> {
    let named = std::env::var_os("GIT_DIR").filter(|dir| !dir.is_empty())?;
    Some(real(Path::new(&named)))
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_path_buf())
}

/// libgit2 would store a file as it is where attributes ask for a program's version of it.
fn refuse_filter(repository: &Repository, path: &Path) -> Result<(), Error> {
    for name in ["filter", "working-tree-encoding"] {
        if repository.get_attr_bytes(path, name, AttrCheckFlags::default())?.is_some() {
            let words = format!("'{}' has the attribute '{name}', which libgit2 does not know", path.display());
            return Err(Error::new(ErrorCode::GenericError, ErrorClass::Filter, words));
        }
    }
    Ok(())
}
