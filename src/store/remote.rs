//! A remote that is a plain directory: objects laid out as in a cache, copied one by one.
//!
//! What is copied is hashed before it counts, so that a damaged remote cannot damage the cache.
//! Pushing trusts the cache, as DVC does. Remotes that need a network are not known here (dvc: `data_cloud.py`, dvc_objects).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic::{self, Temporary};
use super::cache::{Cache, OBJECT_MODE, file_digest};
use super::error::Error;
use super::hasher::Hasher;
use super::young::YOUNG_MODE;
use super::{md5, os};
use crate::format::dirtree;
use crate::model::{Algo, Digest};

/// A remote on a mounted file system.
#[derive(Debug)]
pub struct Remote {
    objects: Cache,
}

impl Remote {
    /// The remote in this directory (an absolute path). It need not exist: then it holds nothing.
    pub fn new(dir: PathBuf) -> Self {
        Self { objects: Cache::new(dir, false) }
    }

    /// Brings an object into the cache, a directory with all its files. True if the cache has it
    /// whole afterwards.
    ///
    /// # Errors
    /// The system refuses to read or write. That the remote lacks something is no error.
    pub fn fetch(&self, cache: &Cache, hasher: &Hasher, digest: &Digest) -> Result<bool, Error> {
        let whole = self.fetch_all(cache, hasher, digest);
        // What is not trusted would be hashed once more when it is placed.
        cache.settle()?;
        whole
    }

    fn fetch_all(&self, cache: &Cache, hasher: &Hasher, digest: &Digest) -> Result<bool, Error> {
        if !self.fetch_object(cache, digest)? {
            return Ok(false);
        }
        if !digest.is_dir() {
            return Ok(true);
        }
        let Some(entries) = cache.load_tree(digest)? else { return Ok(false) };
        let files: Vec<Digest> = entries.iter().map(|entry| file_digest(&digest.algo, entry)).collect();
        let from = Self::new(self.objects.dir().to_path_buf());
        let into = cache.twin();
        // How large the objects are is not known before they are looked at; each is a piece.
        let found = hasher.each(files, |_| 0, move |file| from.fetch_object(&into, &file));
        let mut whole = true;
        for one in found {
            whole &= one?;
        }
        Ok(whole)
    }

    fn fetch_object(&self, cache: &Cache, digest: &Digest) -> Result<bool, Error> {
        if cache.has_object(digest)? {
            return Ok(true);
        }
        let (from, to) = (self.objects.path_of(digest), cache.path_of(digest));
        if !from.is_file() {
            return Ok(false);
        }
        let parent = to.parent().unwrap_or(cache.dir());
        os::make_dirs(parent, cache.dir_mode()).map_err(Error::io("create", parent))?;
        let temporary = Temporary::beside(&to);
        fs::copy(&from, temporary.path()).map_err(Error::io("fetch", &from))?;
        // An object is named by its bytes, also the listing of a directory.
        let name = digest.value.trim_end_matches(".dir");
        let algo = if digest.is_dir() { &Algo::Md5 } else { &digest.algo };
        if md5::of_file(temporary.path(), algo).map_err(Error::io("read", temporary.path()))? != name {
            return Ok(false);
        }
        os::set_mode(temporary.path(), YOUNG_MODE).map_err(Error::io("protect", &to))?;
        temporary.replace(&to).map_err(Error::io("fetch", &to))?;
        cache.entrust(to);
        Ok(true)
    }

    /// Whether an object is there, for a directory with all its files. The listing is read from here or from the cache.
    ///
    /// # Errors
    /// The system refuses to look or read.
    pub fn has(&self, cache: &Cache, digest: &Digest) -> Result<bool, Error> {
        let is_there = |digest: &Digest| self.objects.path_of(digest).is_file();
        if !is_there(digest) {
            return Ok(false);
        }
        if !digest.is_dir() {
            return Ok(true);
        }
        let listing = match cache.peek(digest)? {
            Some(listing) => Some(listing),
            None => self.objects.peek(digest)?,
        };
        let entries = listing.and_then(|listing| dirtree::parse(&listing).ok());
        Ok(entries.is_some_and(|entries| entries.iter().all(|entry| is_there(&file_digest(&digest.algo, entry)))))
    }

    /// Brings an object from the cache to the remote, a directory with all its files and its listing last, as `dvc push`
    /// does. How many objects were copied; none if the cache lacks what the remote lacks.
    ///
    /// # Errors
    /// The system refuses to read or write.
    pub fn send(&self, cache: &Cache, hasher: &Hasher, digest: &Digest) -> Result<Option<usize>, Error> {
        let mut copied = 0;
        if digest.is_dir() {
            let Some(entries) = cache.load_tree(digest)? else { return Ok(self.has(cache, digest)?.then_some(0)) };
            let mut files: Vec<Digest> = entries.iter().map(|entry| file_digest(&digest.algo, entry)).collect();
            files.sort_unstable_by(|one, other| one.value.cmp(&other.value));
            files.dedup();
            let (to, from) = (Self::new(self.objects.dir().to_path_buf()), cache.twin());
            for sent in hasher.each(files, |_| 0, move |file| to.send_object(&from, &file)) {
                let Some(sent) = sent? else { return Ok(None) };
                copied += sent;
            }
        }
        Ok(self.send_object(cache, digest)?.map(|sent| copied + sent))
    }

    fn send_object(&self, cache: &Cache, digest: &Digest) -> Result<Option<usize>, Error> {
        let (from, to) = (cache.path_of(digest), self.objects.path_of(digest));
        if to.is_file() {
            return Ok(Some(0));
        }
        if !cache.has_object(digest)? {
            return Ok(None);
        }
        self.objects.make_parent(&to)?;
        let temporary = Temporary::beside(&to);
        fs::copy(&from, temporary.path()).map_err(Error::io("push", &from))?;
        os::set_mode(temporary.path(), OBJECT_MODE).map_err(Error::io("protect", &to))?;
        temporary.replace(&to).map_err(Error::io("push", &to))?;
        Ok(Some(1))
    }

    /// Brings all entries of the run-cache; those of the remote win (dvc: `StageCache.transfer`).
    ///
    /// # Errors
    /// The system refuses to read or write.
    pub fn fetch_runs(&self, cache: &Cache) -> Result<(), Error> {
        let from = self.objects.dir().join("runs");
        for file in files_below(&from)? {
            let to = cache.dir().join("runs").join(file.strip_prefix(&from).unwrap_or(&file));
            let bytes = fs::read(&file).map_err(Error::io("fetch", &file))?;
            let parent = to.parent().unwrap_or(cache.dir());
            os::make_dirs(parent, cache.dir_mode()).map_err(Error::io("create", parent))?;
            atomic::write_new(&to, &bytes, cache.file_mode()).map_err(Error::io("fetch", &to))?;
        }
        Ok(())
    }
}

/// All files below a directory, sorted; none if there is no such directory.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    let mut open = vec![dir.to_path_buf()];
    while let Some(here) = open.pop() {
        let entries = match fs::read_dir(&here) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Error::io("list", &here)(error)),
        };
        for entry in entries {
            let path = entry.map_err(Error::io("list", &here))?.path();
            if path.is_dir() { open.push(path) } else { files.push(path) }
        }
    }
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TreeEntry;

    fn object(dir: &Path, digest: &Digest, bytes: &[u8]) {
        let path = Cache::new(dir.to_path_buf(), false).path_of(digest);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    #[test]
    fn fetches_files_and_directories_and_refuses_what_is_damaged() {
        let (remote, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let hasher = Hasher::new(1, None).unwrap();
        let cache = Cache::new(local.path().to_path_buf(), false);
        let file = Digest::md5(md5::of_bytes(b"abc"));
        let entries = [TreeEntry { relpath: "x".to_owned(), md5: file.value.clone() }];
        let listing = crate::format::dirtree::canonical(&entries);
        let dir = Digest::md5(format!("{}.dir", md5::of_bytes(&listing)));
        let bad = Digest::md5(md5::of_bytes(b"good"));
        object(remote.path(), &dir, &listing);
        object(remote.path(), &bad, b"damaged");
        let from = Remote::new(remote.path().to_path_buf());
        assert!(!from.fetch(&cache, &hasher, &dir).unwrap(), "a file of it is missing");
        object(remote.path(), &file, b"abc");
        assert!(from.fetch(&cache, &hasher, &dir).unwrap());
        assert!(cache.has(&dir).unwrap());
        assert!(!from.fetch(&cache, &hasher, &bad).unwrap());
        assert!(!cache.has(&bad).unwrap());
        assert!(!Remote::new(remote.path().join("no")).fetch(&cache, &hasher, &Digest::md5(md5::of_bytes(b"z"))).unwrap());
    }

    #[test]
    fn fetches_the_run_cache() {
        let (remote, local) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir_all(remote.path().join("runs/ab/abc")).unwrap();
        fs::write(remote.path().join("runs/ab/abc/v"), "cmd: x\n").unwrap();
        let cache = Cache::new(local.path().to_path_buf(), false);
        Remote::new(remote.path().to_path_buf()).fetch_runs(&cache).unwrap();
        assert_eq!(fs::read_to_string(local.path().join("runs/ab/abc/v")).unwrap(), "cmd: x\n");
    }
}
