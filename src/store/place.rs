//! Outputs between work tree and cache: committed, restored, removed.
//!
//! Modes and inodes end up as DVC leaves them: a single file is made anew from the cache (so
//! that 0755 becomes 0744), files inside of a directory stay as they are unless they are links
//! of the wrong kind (dvc: `output.py`, dvc_data: `hashfile/checkout.py`).

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cache::file_digest;
use super::copied::Copied;
use super::error::Error;
use super::hasher::{HashedFile, Hasher};
use super::link::{self, LinkType, Linker};
use super::os;
use super::tree::{Content, Hashed};
use super::workspace::Workspace;
use crate::model::{Algo, Digest, Meta, RepoPath};

impl Workspace {
    /// Stores an output in the cache and places it as `types` say (`config().cache_types`; only
    /// [`LinkType::Copy`] for an uncached output that the run-cache keeps). `copied`: see `Cache::put`.
    ///
    /// # Errors
    /// The system refuses, or a file changed since it was hashed.
    pub fn commit_out(
        &self,
        hasher: &Hasher,
        path: &RepoPath,
        hashed: &Hashed,
        copied: Option<Copied>,
        types: &[LinkType],
    ) -> Result<(), Error> {
        self.cache().put(hasher, hashed, copied, types.first() == Some(&LinkType::Hardlink))?;
        // Through a link the object's mode is that of the output: it must not change any more.
        if types.iter().any(|kind| matches!(kind, LinkType::Hardlink | LinkType::Symlink)) {
            self.cache().settle()?;
        }
        self.link_out(hasher, path, hashed, types)
    }

    pub(super) fn linker(&self, types: &[LinkType]) -> Linker {
        Linker::new(types, self.cache().refuses_reflinks())
    }

    /// Places an output that the cache has.
    fn link_out(&self, hasher: &Hasher, path: &RepoPath, hashed: &Hashed, types: &[LinkType]) -> Result<(), Error> {
        let linker = self.linker(types);
        match &hashed.content {
            Content::File(file) => {
                let place = self.place(path);
                let meta = fs::symlink_metadata(&place).map_err(Error::io("look at", &place))?;
                // A file of its own is what a copy would be, and nobody who still has it open can write
                // to the object.
                let stays = linker.copies() && !meta.is_symlink() && os::links(&meta) == 1;
                if stays {
                    // As DVC leaves it: with `copy` unprotected, otherwise made anew.
                    let mode = if types.first() == Some(&LinkType::Copy) { self.cache().file_mode() } else { os::file_mode() };
                    link::unprotect(&place, mode)?;
                } else {
                    linker.place(&self.cache().path_of(&hashed.digest), &place)?;
                }
                set_exec(&place, hashed.meta);
                if stays {
                    hasher.relearn(file, &hashed.digest.algo);
                } else {
                    hasher.learn(&place, &hashed.digest.algo, &file.md5);
                }
                Ok(())
            }
            Content::Tree { entries, files, .. } => {
                let algo = &hashed.digest.algo;
                let mut open = Vec::new();
                for (entry, file) in entries.iter().zip(files) {
                    let object = self.cache().path_of(&file_digest(algo, entry));
                    let meta = fs::symlink_metadata(&file.path).map_err(Error::io("look at", &file.path))?;
                    if linker.must_relink(&object, &file.path, &meta) {
                        open.push(Job { object, place: file.path.clone(), md5: entry.md5.clone(), size: file.stamp.size });
                    } else if os::links(&meta) > 1 {
                        // It has become the object itself; the new name is no change of content.
                        hasher.relearn(file, algo);
                    }
                }
                place_all(hasher, linker, open, algo)
            }
        }
    }

    /// Puts recorded content from the cache into the work tree. What is there already and equal
    /// stays; what is there and different is replaced, and without `force` only if the cache
    /// has it too.
    ///
    /// # Errors
    /// Objects are missing (nothing was touched then), or the system refuses.
    pub fn checkout_out(&self, hasher: &Hasher, path: &RepoPath, digest: &Digest, meta: Meta, force: bool) -> Result<(), Error> {
        let place = self.place(path);
        let found = match self.hash(hasher, path, &digest.algo) {
            // A link that leads nowhere holds nothing to lose.
            Err(error) if error.is_missing() => None,
            other => other?,
        };
        if let Some(found) = found.as_ref().filter(|found| !force && found.digest != *digest) {
            self.keep_what_is_nowhere_else(found, digest)?;
        }
        if digest.is_dir() {
            return self.checkout_dir(hasher, path, digest, found.as_ref());
        }
        if found.is_none_or(|found| found.digest != *digest) {
            if !self.cache().has_object(digest)? {
                return Err(Error::Checkout { paths: vec![place] });
            }
            clear_way(&place, false)?;
            self.linker(&self.config().cache_types).place(&self.cache().path_of(digest), &place)?;
            hasher.learn(&place, &digest.algo, &digest.value);
        }
        set_exec(&place, meta);
        Ok(())
    }

    /// The same without `force`, but only for what lies at `part` or below it.
    ///
    /// # Errors
    /// As [`Workspace::checkout_out`].
    pub fn checkout_part(&self, hasher: &Hasher, path: &RepoPath, digest: &Digest, meta: Meta, part: &RepoPath) -> Result<(), Error> {
        if part.contains(path) {
            return self.checkout_out(hasher, path, digest, meta, false);
        }
        for entry in self.cache().load_tree(digest)?.unwrap_or_default() {
            let file = path.join(&entry.relpath);
            if part.contains(&file) {
                let place = self.place(&file);
                let parent = place.parent().unwrap_or(&place);
                fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
                self.checkout_out(hasher, &file, &file_digest(&digest.algo, &entry), Meta::default(), false)?;
            }
        }
        Ok(())
    }

    /// Refuses to put something in the place of files that differ from it and that the cache
    /// does not have.
    fn keep_what_is_nowhere_else(&self, found: &Hashed, digest: &Digest) -> Result<(), Error> {
        let alone = |file: &HashedFile, digest: &Digest| Ok::<_, Error>(file.stamp.size > 0 && !self.cache().has_object(digest)?);
        match &found.content {
            Content::File(file) if alone(file, &found.digest)? => Err(Error::WouldLose { path: file.path.clone() }),
            Content::File(_) => Ok(()),
            Content::Tree { entries, files, .. } => {
                let wanted = if digest.is_dir() { self.cache().load_tree(digest)?.unwrap_or_default() } else { Vec::new() };
                let wanted: HashSet<(&str, &str)> = wanted.iter().map(|entry| (entry.relpath.as_str(), entry.md5.as_str())).collect();
                for (entry, file) in entries.iter().zip(files) {
                    let stays = wanted.contains(&(entry.relpath.as_str(), entry.md5.as_str()));
                    if !stays && alone(file, &file_digest(&found.digest.algo, entry))? {
                        return Err(Error::WouldLose { path: file.path.clone() });
                    }
                }
                Ok(())
            }
        }
    }

    fn checkout_dir(&self, hasher: &Hasher, path: &RepoPath, digest: &Digest, found: Option<&Hashed>) -> Result<(), Error> {
        let place = self.place(path);
        let Some(entries) = self.cache().load_tree(digest)? else { return Err(Error::Checkout { paths: vec![place] }) };
        let mut old: BTreeMap<&str, &str> = match found.map(|found| &found.content) {
            Some(Content::Tree { entries, .. }) => entries.iter().map(|entry| (entry.relpath.as_str(), entry.md5.as_str())).collect(),
            _ => BTreeMap::new(),
        };
        let (mut open, mut missing) = (Vec::new(), Vec::new());
        for entry in &entries {
            if old.remove(entry.relpath.as_str()) == Some(entry.md5.as_str()) {
                continue;
            }
            let file = file_digest(&digest.algo, entry);
            let object = self.cache().path_of(&file);
            let target = place.join(&entry.relpath);
            if self.cache().has_object(&file)? {
                let size = fs::metadata(&object).map_or(0, |meta| meta.len());
                open.push(Job { object, place: target, md5: entry.md5.clone(), size });
            } else {
                missing.push(target);
            }
        }
        if !missing.is_empty() {
            return Err(Error::Checkout { paths: missing });
        }
        for relpath in old.keys() {
            link::remove(&place.join(relpath))?;
        }
        clear_way(&place, true)?;
        fs::create_dir_all(&place).map_err(Error::io("create", &place))?;
        for job in &open {
            clear_way(&job.place, false)?;
        }
        place_all(hasher, self.linker(&self.config().cache_types), open, &digest.algo)
    }

    /// Removes an output before its stage runs. A symbolic link goes, not what it leads to.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove_out(&self, path: &RepoPath) -> Result<(), Error> {
        link::remove(&self.place(path))
    }

    /// Makes an output that is kept the stage's own to write. Nothing there is no error.
    ///
    /// # Errors
    /// The system refuses.
    pub fn unprotect_out(&self, path: &RepoPath) -> Result<(), Error> {
        let place = self.place(path);
        if fs::symlink_metadata(&place).is_err() { Ok(()) } else { link::unprotect(&place, self.cache().file_mode()) }
    }
}

/// One file to place.
struct Job {
    object: PathBuf,
    place: PathBuf,
    md5: String,
    size: u64,
}

fn place_all(hasher: &Hasher, linker: Linker, jobs: Vec<Job>, algo: &Algo) -> Result<(), Error> {
    let linker = Arc::new(linker);
    let place = move |job: Job| linker.place(&job.object, &job.place).map(|()| job);
    for result in hasher.each(jobs, |job| job.size, place) {
        let job = result?;
        hasher.learn(&job.place, algo, &job.md5);
    }
    Ok(())
}

/// Makes room for a file (or, with `dir`, for a directory): its parents exist, and nothing of
/// the other kind is in the way.
fn clear_way(place: &Path, dir: bool) -> Result<(), Error> {
    if let Some(parent) = place.parent()
        && !parent.is_dir()
    {
        // A file where a directory is needed: the listing knows no such file, so it was removed
        // above, unless it is ignored; then it must not be lost silently.
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
    }
    match fs::metadata(place) {
        Ok(meta) if meta.is_dir() == dir => Ok(()),
        _ => link::remove(place),
    }
}

/// Gives the owner the right to execute a single file that had it. As in DVC, the mode of what
/// a link leads to changes, and a refusal is no failure.
pub(super) fn set_exec(place: &Path, meta: Meta) {
    if meta.isexec
        && let Ok(now) = fs::metadata(place)
    {
        let _ = os::set_mode(place, os::mode(&now) | 0o100);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::workspace::Env;
    use crate::store::workspace::tests::repository;

    struct World {
        dir: tempfile::TempDir,
        workspace: Workspace,
        hasher: Hasher,
    }

    impl World {
        fn new(types: &str) -> Self {
            let (dir, _) = repository();
            fs::write(dir.path().join(".dvc/config"), format!("[cache]\ntype = {types}\n")).unwrap();
            let workspace = Workspace::open(dir.path(), &Env::default()).unwrap();
            Self { dir, workspace, hasher: Hasher::new(2, None).unwrap() }
        }

        fn write(&self, name: &str, text: &str, mode: u32) -> &Self {
            let path = self.dir.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            os::set_mode(&path, mode).unwrap();
            self
        }

        fn look(&self, name: &str) -> fs::Metadata {
            fs::symlink_metadata(self.dir.path().join(name)).unwrap()
        }

        fn mode(&self, name: &str) -> u32 {
            os::mode(&self.look(name))
        }

        fn commit(&self, name: &str) -> Hashed {
            let path = RepoPath::new(name);
            let hashed = self.workspace.hash(&self.hasher, &path, &Algo::Md5).unwrap().unwrap();
            self.workspace.commit_out(&self.hasher, &path, &hashed, None, &self.workspace.config().cache_types).unwrap();
            self.workspace.cache().settle().unwrap();
            hashed
        }

        fn checkout(&self, name: &str, hashed: &Hashed, force: bool) -> Result<(), Error> {
            self.workspace.checkout_out(&self.hasher, &RepoPath::new(name), &hashed.digest, hashed.meta, force)
        }
    }

    #[test]
    fn by_default_files_stay_and_links_become_files() {
        let world = World::new("'reflink,copy'");
        world.write("f", "f", 0o600).write("x", "x", 0o755).write("d/a", "a", 0o600).write("d/z", "z", 0o755);
        world.write("real", "real", 0o644);
        os::symlink(Path::new("../real"), &world.dir.path().join("d/s")).unwrap();
        os::symlink(Path::new("real"), &world.dir.path().join("l")).unwrap();
        world.commit("l");
        assert!(world.look("l").is_file() && world.look("real").is_file());
        let before = (os::Stamp::of(&world.look("f")), os::Stamp::of(&world.look("d/a")));
        world.commit("f");
        world.commit("x");
        world.commit("d");
        assert_eq!((world.mode("f"), world.mode("x"), world.mode("d/a"), world.mode("d/z")), (0o644, 0o744, 0o600, 0o755));
        assert_eq!(os::Stamp::of(&world.look("f")), before.0);
        assert_eq!(os::Stamp::of(&world.look("d/a")), before.1);
        assert!(world.look("d/s").is_file());
    }

    #[test]
    fn copies_keep_the_file() {
        let world = World::new("copy");
        world.write("f", "f", 0o600);
        let before = os::Stamp::of(&world.look("f"));
        world.commit("f");
        assert_eq!(os::Stamp::of(&world.look("f")), before);
        assert_eq!(world.mode("f"), 0o644);
    }

    #[test]
    fn hard_links_share_the_object() {
        let world = World::new("hardlink");
        world.write("f", "f", 0o644).write("e", "", 0o644).write("x", "x", 0o755).write("d/a", "a", 0o644).write("d/b", "f", 0o644);
        for name in ["f", "e", "x", "d"] {
            world.commit(name);
        }
        let of = |name: &str| (world.mode(name), os::links(&world.look(name)));
        assert_eq!((of("f"), of("e"), of("x")), ((0o444, 3), (0o644, 1), (0o544, 2)));
        assert_eq!((of("d/a"), of("d/b")), ((0o444, 2), (0o444, 3)));
        world.workspace.unprotect_out(&RepoPath::new("d")).unwrap();
        assert_eq!(of("d/b"), (0o644, 1));
    }

    #[test]
    fn of_equal_files_the_last_one_becomes_the_object() {
        let world = World::new("\"hardlink,copy\"");
        for name in ["a", "d/z", "d/b/a", "d/b/z", "e/f/a", "e/g", "ee"] {
            world.write(&format!("o/{name}"), "same", 0o644);
        }
        world.commit("o");
        let linked = |name: &str| os::links(&world.look(&format!("o/{name}"))) == 2;
        assert!(linked("e/f/a"), "in a walk it comes after `ee` and `e/g`");
        assert!(!["a", "d/z", "d/b/a", "d/b/z", "e/g", "ee"].into_iter().any(linked));
    }

    #[test]
    fn symbolic_links_lead_to_the_object() {
        let world = World::new("symlink");
        world.write("f", "f", 0o644).write("e", "", 0o644).write("d/a", "a", 0o644);
        for name in ["f", "e", "d"] {
            let hashed = world.commit(name);
            if name != "d" {
                let target = fs::read_link(world.dir.path().join(name)).unwrap();
                assert_eq!(target, world.workspace.cache().path_of(&hashed.digest));
            }
        }
        assert!(world.look("d/a").is_symlink());
        // Committed again, nothing changes.
        let before = os::Stamp::of(&world.look("d/a"));
        world.commit("d");
        assert_eq!(os::Stamp::of(&world.look("d/a")), before);
    }

    #[test]
    fn restores_what_was_committed() {
        let world = World::new("'reflink,copy'");
        world.write("x", "x", 0o755).write("d/a", "a", 0o755).write("d/e/b", "b", 0o644);
        fs::create_dir_all(world.dir.path().join("empty")).unwrap();
        let (x, d, empty) = (world.commit("x"), world.commit("d"), world.commit("empty"));
        for (name, hashed) in [("x", &x), ("d", &d), ("empty", &empty)] {
            world.workspace.remove_out(&RepoPath::new(name)).unwrap();
            world.checkout(name, hashed, false).unwrap();
            let again = world.workspace.hash(&world.hasher, &RepoPath::new(name), &Algo::Md5).unwrap().unwrap();
            assert_eq!(again.digest, hashed.digest);
        }
        assert_eq!((world.mode("x"), world.mode("d/a")), (0o744, 0o644));
        world.write("d/a", "other", 0o644).write("d/new/c", "c", 0o644);
        let error = world.checkout("d", &d, false).unwrap_err();
        assert!(error.to_string().starts_with("unable to remove '"), "{error}");
        world.checkout("d", &d, true).unwrap();
        assert_eq!(world.workspace.hash(&world.hasher, &RepoPath::new("d"), &Algo::Md5).unwrap().unwrap().digest, d.digest);
        // A file takes the place of a directory and the other way round.
        world.checkout("d", &x, true).unwrap();
        world.checkout("x", &d, true).unwrap();
        assert!(world.look("d").is_file() && world.look("x/e/b").is_file());
    }

    #[test]
    fn missing_objects_are_named_and_nothing_is_touched() {
        let world = World::new("'reflink,copy'");
        world.write("d/a", "a", 0o644).write("d/b", "b", 0o644);
        let hashed = world.commit("d");
        fs::remove_file(world.workspace.cache().path_of(&Digest::md5(crate::store::md5::of_bytes(b"b")))).unwrap();
        world.workspace.remove_out(&RepoPath::new("d")).unwrap();
        let error = world.checkout("d", &hashed, false).unwrap_err();
        assert!(matches!(&error, Error::Checkout { paths } if paths == &[world.dir.path().join("d/b")]), "{error}");
        assert!(!world.dir.path().join("d").exists());
    }
}
