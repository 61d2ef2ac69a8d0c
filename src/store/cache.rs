//! The cache: contents by their hash, read-only, as DVC lays them out.
//!
//! `files/md5/xx/yyy…` for today's hashes, `xx/yyy…` for those of DVC 2.x. An object of mode
//! 0444 is trusted; with any other mode it is hashed again, and a wrong one is removed and
//! counts as missing. Objects are made under a temporary name and renamed, the files of a
//! directory before its listing, so that neither a crash nor another process meets a half. They
//! get the mode 0444 when they are on the disk (see `young`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::atomic::{self, Temporary};
use super::copied::Copied;
use super::error::Error;
use super::hasher::{HashedFile, Hasher};
use super::leftovers::named;
use super::md5;
use super::os::{self, Stamp};
use super::tree::{Content, Hashed};
use super::young::{YOUNG_MODE, Young};
use crate::format::dirtree;
use crate::model::{Algo, Digest, TreeEntry};

/// The mode of an object.
pub const OBJECT_MODE: u32 = 0o444;
/// How long another process may need between creating an object and filling it.
const SECOND_LOOK: Duration = Duration::from_millis(30);

/// What is there of an object.
enum Found {
    /// Nothing that is right.
    Nothing,
    /// It is trusted.
    Trusted,
    /// It was read and is right, and may not be on the disk yet.
    Untrusted(PathBuf),
}

/// Whether a hash can be the name of an object, and of nothing else.
fn is_sound(digest: &Digest) -> bool {
    digest.value.len() > 2 && digest.value.chars().all(|ch| ch.is_ascii_alphanumeric() || ch == '.')
}

/// A cache directory.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    group: bool,
    no_reflink: AtomicBool,
    young: Young,
}

impl Cache {
    /// The cache in `dir`, an absolute path. `group`: others of the group write to it too.
    pub fn new(dir: PathBuf, group: bool) -> Self {
        let young = Young::new(&dir);
        Self { dir, group, no_reflink: AtomicBool::new(false), young }
    }

    /// The same cache for another thread.
    pub(super) fn twin(&self) -> Self {
        let no_reflink = AtomicBool::new(self.no_reflink.load(Ordering::Relaxed));
        Self { dir: self.dir.clone(), group: self.group, no_reflink, young: self.young.clone() }
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The mode of directories made in it, where it is not the usual one.
    pub fn dir_mode(&self) -> Option<u32> {
        self.group.then_some(0o2775)
    }

    /// The mode of files in it that are not objects, and of work files that are unprotected.
    pub fn file_mode(&self) -> u32 {
        if self.group { 0o664 } else { os::file_mode() }
    }

    /// Where the objects are, but those of DVC 2.x.
    pub(super) fn object_dir(&self) -> PathBuf {
        self.dir.join("files/md5")
    }

    /// Where the object of a hash belongs.
    pub fn path_of(&self, digest: &Digest) -> PathBuf {
        let (head, tail) = digest.value.split_at_checked(2).unwrap_or((&digest.value, ""));
        self.place_of(&digest.algo).join(head).join(tail)
    }

    /// Where the objects of an algorithm are.
    fn place_of(&self, algo: &Algo) -> PathBuf {
        match algo {
            Algo::Md5Dos2Unix => self.dir.clone(),
            Algo::Md5 | Algo::Other(_) => self.object_dir(),
        }
    }

    /// Whether the object itself is there and right.
    ///
    /// # Errors
    /// The system refuses to look, read or remove.
    pub fn has_object(&self, digest: &Digest) -> Result<bool, Error> {
        let found = self.find(digest)?;
        if let Found::Untrusted(path) = &found {
            // From now on it is trusted, so it must be on the disk. Not being allowed to say so is no
            // failure.
            self.young.sync(path)?;
            let _ = os::set_mode(path, OBJECT_MODE);
        }
        Ok(!matches!(found, Found::Nothing))
    }

    /// The content of an object that is there and right; whatever is found, nothing is changed.
    ///
    /// # Errors
    /// The system refuses to look or read.
    pub fn peek(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        let path = self.path_of(digest);
        let read = || -> io::Result<Option<Vec<u8>>> {
            if !is_sound(digest) {
                return Ok(None);
            }
            let trusted = os::mode(&fs::metadata(&path)?) == OBJECT_MODE;
            let expected = digest.value.split('.').next().unwrap_or_default();
            let right = trusted || md5::of_file(&path, &digest.algo)? == expected;
            right.then(|| fs::read(&path)).transpose()
        };
        match read() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            read => read.map_err(Error::io("read", &path)),
        }
    }

    /// Whether the object itself is there and right; whatever is found, nothing is changed. Its mode may be
    /// that of a work file, which is linked to it.
    ///
    /// # Errors
    /// The system refuses to look or read.
    pub fn keeps(&self, digest: &Digest) -> Result<bool, Error> {
        let path = self.path_of(digest);
        let expected = digest.value.split('.').next().unwrap_or_default();
        let is_right =
            || -> io::Result<bool> { Ok(os::mode(&fs::metadata(&path)?) == OBJECT_MODE || md5::of_file(&path, &digest.algo)? == expected) };
        match if is_sound(digest) { is_right() } else { Ok(false) } {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
            right => right.map_err(Error::io("read", &path)),
        }
    }

    /// Looks for an object that is right; a wrong one is removed.
    fn find(&self, digest: &Digest) -> Result<Found, Error> {
        if !is_sound(digest) {
            return Ok(Found::Nothing);
        }
        let path = self.path_of(digest);
        let expected = digest.value.split('.').next().unwrap_or_default();
        let mut looks = 0;
        loop {
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Found::Nothing),
                Err(error) => return Err(Error::io("look at", &path)(error)),
            };
            if os::mode(&meta) == OBJECT_MODE {
                return Ok(Found::Trusted);
            }
            let actual = match md5::of_file(&path, &digest.algo) {
                Ok(actual) => actual,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
                Err(error) => return Err(Error::io("read", &path)(error)),
            };
            if actual == expected {
                return Ok(Found::Untrusted(path));
            }
            // A real DVC may be about to fill it: only what stays wrong is removed.
            if looks >= 1 && fs::metadata(&path).is_ok_and(|now| Stamp::of(&now) == Stamp::of(&meta)) {
                return match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &path)(error)),
                    _ => Ok(Found::Nothing),
                };
            }
            looks += 1;
            std::thread::sleep(SECOND_LOOK);
        }
    }

    /// Whether the content is there as a whole: for a directory also each of its files.
    ///
    /// # Errors
    /// The system refuses to look, read or remove.
    pub fn has(&self, digest: &Digest) -> Result<bool, Error> {
        if !digest.is_dir() {
            return self.has_object(digest);
        }
        let Some(entries) = self.load_tree(digest)? else { return Ok(false) };
        let mode_of = self.modes(&digest.algo);
        for entry in &entries {
            if mode_of(&entry.md5) != Some(OBJECT_MODE) && !self.has_object(&file_digest(&digest.algo, entry))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Tells of many hashes which mode their objects have, if they are there. The way to the cache is
    /// walked once, not for each of them.
    fn modes(&self, algo: &Algo) -> impl Fn(&str) -> Option<u32> {
        let dir = fs::File::open(self.place_of(algo)).ok();
        move |md5| {
            let (head, tail) = md5.split_at_checked(2).filter(|_| md5.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            os::mode_below(dir.as_ref()?, &format!("{head}/{tail}"))
        }
    }

    /// The listing of a directory; none if it is missing or damaged.
    ///
    /// # Errors
    /// The system refuses to look, read or remove.
    pub fn load_tree(&self, digest: &Digest) -> Result<Option<Vec<TreeEntry>>, Error> {
        if !self.has_object(digest)? {
            return Ok(None);
        }
        let path = self.path_of(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let Ok(entries) = dirtree::parse(&bytes) else { return Ok(None) };
        Ok(dirtree::is_sound(&entries).then_some(entries))
    }

    /// Stores what was hashed, unless it is there. With `hardlink`, work files become objects
    /// without being copied where the file system can do that; `copied` is a copy of the file that was
    /// made already. New objects are trusted within a
    /// moment; [`Cache::settle`] waits for that.
    ///
    /// # Errors
    /// The system refuses, or a file changed since it was hashed. Nothing half stays behind.
    pub fn put(&self, hasher: &Hasher, hashed: &Hashed, copied: Option<Copied>, hardlink: bool) -> Result<(), Error> {
        match &hashed.content {
            Content::File(file) => self.put_file(file, &hashed.digest, copied, hardlink),
            Content::Tree { entries, files, listing } => {
                self.put_files(hasher, &hashed.digest.algo, entries, files, hardlink)?;
                if self.has_object(&hashed.digest)? {
                    return Ok(());
                }
                let path = self.path_of(&hashed.digest);
                self.make_parent(&path)?;
                atomic::write_new(&path, listing, YOUNG_MODE).map_err(Error::io("store", &path))?;
                self.entrust(path);
                Ok(())
            }
        }
    }

    /// Takes a new object, of mode [`YOUNG_MODE`], into care: it is trusted once it is on the disk.
    pub(super) fn entrust(&self, object: PathBuf) {
        self.young.add(object);
    }

    /// Waits until all new objects are on the disk, and trusted.
    ///
    /// # Errors
    /// One did not get there; it is removed.
    pub fn settle(&self) -> Result<(), Error> {
        self.young.settle()
    }

    /// Looks at objects that a killed process left untrusted since this time: from now on they are
    /// trusted, or they are gone. Others, which may be many, are looked at when they are used, and
    /// so are those that this cannot see to.
    pub fn mend(&self, since: i128) {
        let is_new = |path: &Path| fs::symlink_metadata(path).is_ok_and(|meta| os::noted(&meta) >= since);
        for (dir, head) in named(&self.object_dir()).into_iter().filter(|(dir, _)| is_new(dir)) {
            for (path, tail) in named(&dir).into_iter().filter(|(path, _)| is_new(path)) {
                let is_young = fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file() && os::mode(&meta) == YOUNG_MODE);
                if is_young && let Ok(Found::Untrusted(path)) = self.find(&Digest::md5(format!("{head}{tail}"))) {
                    self.entrust(path);
                }
            }
        }
        self.settle().ok();
    }

    fn put_files(&self, hasher: &Hasher, algo: &Algo, entries: &[TreeEntry], files: &[HashedFile], hardlink: bool) -> Result<(), Error> {
        let mut missing = Vec::new();
        let mode_of = self.modes(algo);
        for (entry, file) in entries.iter().zip(files) {
            let digest = file_digest(algo, entry);
            let is_there = match mode_of(&entry.md5) {
                Some(OBJECT_MODE) => true,
                None => false,
                Some(_) => self.has_object(&digest)?,
            };
            if !is_there {
                missing.push((file.clone(), digest, in_walk(&entry.relpath)));
            }
        }
        // Equal files are stored once; with hard links it matters which: the last one of a walk, as
        // it is that DVC remembers (dvc_data: `hashfile/db/reference.py` `add`).
        missing.sort_by(|(_, one, here), (_, other, there)| one.value.cmp(&other.value).then_with(|| there.cmp(here)));
        missing.dedup_by(|(_, one, _), (_, other, _)| one.value == other.value);
        let twin = self.twin();
        let results =
            hasher.each(missing, |(file, ..)| file.stamp.size, move |(file, digest, _)| twin.put_file(&file, &digest, None, hardlink));
        results.into_iter().collect()
    }

    fn put_file(&self, file: &HashedFile, digest: &Digest, copied: Option<Copied>, hardlink: bool) -> Result<(), Error> {
        if self.has_object(digest)? {
            return Ok(());
        }
        let target = self.path_of(digest);
        self.make_parent(&target)?;
        let temporary = if let Some(temporary) = copied.and_then(|copied| copied.of(file)) {
            temporary
        } else {
            let temporary = Temporary::beside(&target);
            let may_link = hardlink && file.stamp.size > 0;
            let reflinked = may_link && self.reflink(&file.path, temporary.path()).map_err(Error::io("store", &file.path))?;
            if may_link && !reflinked && Self::adopt(file, &target)? {
                self.entrust(target);
                return Ok(());
            }
            if !reflinked {
                self.copy(&file.path, temporary.path()).map_err(|error| {
                    // A full disk is the cache's, not the one of the file.
                    let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
                    Error::io("store", if full { &target } else { &file.path })(error)
                })?;
            }
            temporary
        };
        unchanged(file)?;
        // On file systems without modes the object is hashed again when it is next used.
        let _ = os::set_mode(temporary.path(), YOUNG_MODE);
        temporary.replace(&target).map_err(Error::io("store", &target))?;
        self.entrust(target);
        Ok(())
    }

    /// Makes a copy, one that shares the blocks if the file system can do that.
    pub(super) fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.reflink(from, to)? {
            fs::copy(from, to)?;
        }
        Ok(())
    }

    /// Makes the work file itself the object; false where the file system cannot.
    fn adopt(file: &HashedFile, target: &Path) -> Result<bool, Error> {
        unchanged(file)?;
        // A link to a link would point nowhere later.
        let source = fs::canonicalize(&file.path).map_err(Error::io("store", &file.path))?;
        match os::hardlink(&source, target) {
            Err(error) if os::link_refused(&error) => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(Error::io("store", &file.path)(error)),
            _ => {}
        }
        let _ = os::set_mode(target, YOUNG_MODE);
        Ok(true)
    }

    /// Whether its file system is known to share no blocks.
    pub(super) fn refuses_reflinks(&self) -> bool {
        self.no_reflink.load(Ordering::Relaxed)
    }

    /// Shares the blocks; false where the file system cannot.
    pub(super) fn reflink(&self, from: &Path, to: &Path) -> io::Result<bool> {
        if self.no_reflink.load(Ordering::Relaxed) {
            return Ok(false);
        }
        match os::reflink(from, to) {
            Ok(()) => Ok(true),
            Err(error) if os::link_refused(&error) => {
                // The next file may lie on the cache's own file system, so only a refusal by
                // the file system itself is remembered.
                if error.kind() != io::ErrorKind::CrossesDevices {
                    self.no_reflink.store(true, Ordering::Relaxed);
                }
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn make_parent(&self, path: &Path) -> Result<(), Error> {
        let parent = path.parent().unwrap_or(&self.dir);
        os::make_dirs(parent, self.dir_mode()).map_err(Error::io("create", parent))
    }
}

/// The hash of a directory's file, made in the way of the directory's.
pub(super) fn file_digest(algo: &Algo, entry: &TreeEntry) -> Digest {
    Digest { algo: algo.clone(), value: entry.md5.clone() }
}

/// The place of a path in a walk from the top down, the files of a directory before its sub-directories.
fn in_walk(relpath: &str) -> Vec<(bool, String)> {
    let last = relpath.matches('/').count();
    relpath.split('/').enumerate().map(|(level, name)| (level < last, name.to_owned())).collect()
}

fn unchanged(file: &HashedFile) -> Result<(), Error> {
    let now = fs::metadata(&file.path).map_err(Error::io("look at", &file.path))?;
    if Stamp::of(&now) == file.stamp { Ok(()) } else { Err(Error::Changed { path: file.path.clone() }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RepoPath;
    use crate::store::workspace::Workspace;
    use crate::store::workspace::tests::repository;

    fn put(workspace: &Workspace, path: &str, hardlink: bool) -> Result<Hashed, Error> {
        let hasher = Hasher::new(2, None)?;
        let hashed = workspace.hash(&hasher, &RepoPath::new(path), &Algo::Md5)?.unwrap();
        workspace.cache().put(&hasher, &hashed, None, hardlink)?;
        workspace.cache().settle()?;
        Ok(hashed)
    }

    #[test]
    fn a_file_becomes_an_object() {
        let (dir, workspace) = repository();
        fs::write(dir.path().join("f"), "abc").unwrap();
        let digest = put(&workspace, "f", false).unwrap().digest;
        let object = dir.path().join(".dvc/cache/files/md5/90/0150983cd24fb0d6963f7d28e17f72");
        assert_eq!(workspace.cache().path_of(&digest), object);
        let meta = fs::metadata(&object).unwrap();
        assert_eq!((os::mode(&meta), os::links(&meta)), (0o444, 1));
        assert!(workspace.cache().has(&digest).unwrap());
        put(&workspace, "f", false).unwrap();
        assert_eq!(fs::read_dir(object.parent().unwrap()).unwrap().count(), 1);
        let legacy = Digest { algo: Algo::Md5Dos2Unix, value: digest.value };
        assert_eq!(workspace.cache().path_of(&legacy), dir.path().join(".dvc/cache/90/0150983cd24fb0d6963f7d28e17f72"));
    }

    #[test]
    fn a_directory_becomes_objects_and_a_listing() {
        let (dir, workspace) = repository();
        fs::create_dir_all(dir.path().join("d/e")).unwrap();
        for (name, text) in [("d/x", "x"), ("d/e/y", "y"), ("d/same", "x")] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let hashed = put(&workspace, "d", false).unwrap();
        let Content::Tree { entries, .. } = &hashed.content else { panic!() };
        assert_eq!(workspace.cache().load_tree(&hashed.digest).unwrap().as_ref(), Some(entries));
        assert!(workspace.cache().has(&hashed.digest).unwrap());
        fs::remove_file(workspace.cache().path_of(&Digest::md5(&entries[0].md5))).unwrap();
        assert!(workspace.cache().has_object(&hashed.digest).unwrap());
        assert!(!workspace.cache().has(&hashed.digest).unwrap());
    }

    #[test]
    fn only_mode_0444_is_trusted() {
        let (dir, workspace) = repository();
        fs::write(dir.path().join("f"), "abc").unwrap();
        let digest = put(&workspace, "f", false).unwrap().digest;
        let object = workspace.cache().path_of(&digest);
        os::set_mode(&object, 0o644).unwrap();
        assert!(workspace.cache().has_object(&digest).unwrap());
        assert_eq!(os::mode(&fs::metadata(&object).unwrap()), 0o444);
        os::set_mode(&object, 0o644).unwrap();
        fs::write(&object, "bad").unwrap();
        os::set_mode(&object, 0o444).unwrap();
        assert!(workspace.cache().has_object(&digest).unwrap());
        os::set_mode(&object, 0o644).unwrap();
        assert!(!workspace.cache().has_object(&digest).unwrap());
        assert!(!object.exists());
        assert!(!workspace.cache().has_object(&Digest::md5("x/../../y")).unwrap());
    }

    #[test]
    fn what_a_killed_process_left_is_trusted_or_removed() {
        let (dir, workspace) = repository();
        let objects = ["one", "two"].map(|text| {
            fs::write(dir.path().join(text), text).unwrap();
            let object = workspace.cache().path_of(&put(&workspace, text, false).unwrap().digest);
            os::set_mode(&object, YOUNG_MODE).unwrap();
            object
        });
        fs::write(&objects[1], "").unwrap();
        // Those from before that process are not read: there may be many.
        workspace.cache().mend(os::now() + 1_000_000_000);
        assert_eq!(os::mode(&fs::metadata(&objects[0]).unwrap()), YOUNG_MODE);
        workspace.cache().mend(os::now() - 60_000_000_000);
        assert_eq!(os::mode(&fs::metadata(&objects[0]).unwrap()), OBJECT_MODE);
        assert!(!objects[1].exists());
    }

    #[test]
    fn a_hard_link_saves_the_copy() {
        let (dir, workspace) = repository();
        fs::write(dir.path().join("f"), "abc").unwrap();
        fs::write(dir.path().join("empty"), "").unwrap();
        let object = workspace.cache().path_of(&put(&workspace, "f", true).unwrap().digest);
        let (work, object) = (fs::metadata(dir.path().join("f")).unwrap(), fs::metadata(object).unwrap());
        assert_eq!(Stamp::of(&work), Stamp::of(&object));
        assert_eq!((os::mode(&work), os::links(&work)), (0o444, 2));
        let object = workspace.cache().path_of(&put(&workspace, "empty", true).unwrap().digest);
        assert_eq!(os::links(&fs::metadata(object).unwrap()), 1);
    }

    #[test]
    fn a_shared_cache_belongs_to_the_group() {
        let (dir, _) = repository();
        fs::write(dir.path().join(".dvc/config"), "[cache]\nshared = group\n").unwrap();
        let workspace = Workspace::open(dir.path(), &crate::store::workspace::Env::default()).unwrap();
        fs::write(dir.path().join("f"), "abc").unwrap();
        let object = workspace.cache().path_of(&put(&workspace, "f", false).unwrap().digest);
        assert_eq!(os::mode(&fs::metadata(&object).unwrap()), 0o444);
        for dir in object.ancestors().skip(1).take(4) {
            assert_eq!(os::mode(&fs::metadata(dir).unwrap()), 0o2775, "{}", dir.display());
        }
    }

    #[test]
    fn failures_leave_nothing_half() {
        let (dir, workspace) = repository();
        let hasher = Hasher::new(1, None).unwrap();
        fs::create_dir_all(dir.path().join("d")).unwrap();
        fs::write(dir.path().join("d/x"), "x").unwrap();
        let hashed = workspace.hash(&hasher, &RepoPath::new("d"), &Algo::Md5).unwrap().unwrap();
        fs::write(dir.path().join("d/x"), "longer").unwrap();
        let error = workspace.cache().put(&hasher, &hashed, None, false).unwrap_err();
        assert!(matches!(error, Error::Changed { .. }), "{error}");
        assert!(!workspace.cache().has_object(&hashed.digest).unwrap());
        fs::remove_dir_all(dir.path().join(".dvc/cache")).unwrap();
        fs::write(dir.path().join(".dvc/cache"), "in the way").unwrap();
        let error = put(&workspace, "d", false).unwrap_err();
        assert!(matches!(error, Error::Io { attempt: "create", .. }), "{error}");
        assert!(!workspace.cache().has(&hashed.digest).unwrap());
    }
}
