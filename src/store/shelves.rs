//! Where objects can be looked up without a network: the local cache, and remotes that are plain
//! directories. Looking changes nothing, and objects are not read to prove them right; one that is
//! empty or of another size than recorded counts as missing.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::{Cache, file_digest};
use super::error::Error;
use super::workspace::Workspace;
use crate::format::config::Config;
use crate::format::dirtree;
use crate::model::{Digest, TreeEntry};

/// The MD5 of nothing: the only object that may be empty.
const OF_NOTHING: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// A listing, if it is there.
type Listing = Option<Arc<Vec<TreeEntry>>>;

/// Places with objects, the nearest first.
#[derive(Debug)]
pub struct Shelves {
    places: Vec<Cache>,
    listings: Mutex<HashMap<Digest, Listing>>,
}

impl Shelves {
    /// The cache of a repository, and its remotes that are directories.
    pub fn of(workspace: &Workspace) -> Self {
        let cache = Cache::new(workspace.cache().dir().to_path_buf(), false);
        let remotes = plain_remotes(workspace.config()).into_iter().map(|(_, dir)| Cache::new(dir, false));
        Self { places: [cache].into_iter().chain(remotes).collect(), listings: Mutex::default() }
    }

    /// Whether a content is there as a whole, for a directory with each of its files. `size` is the recorded one.
    ///
    /// # Errors
    /// The system refuses to look.
    pub fn have(&self, digest: &Digest, size: Option<u64>) -> Result<bool, Error> {
        if !digest.is_dir() {
            return self.have_object(digest, size);
        }
        let Some(entries) = self.listing(digest)? else { return Ok(false) };
        for entry in entries.iter() {
            if !self.have_object(&file_digest(&digest.algo, entry), None)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn have_object(&self, digest: &Digest, size: Option<u64>) -> Result<bool, Error> {
        for place in &self.places {
            let path = place.path_of(digest);
            match fs::metadata(&path) {
                Ok(meta) if !meta.is_file() => {}
                Ok(meta) => {
                    let is_whole = size.map_or(meta.len() > 0 || digest.value == OF_NOTHING, |size| size == meta.len());
                    if is_whole {
                        return Ok(true);
                    }
                }
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
                Err(error) => return Err(Error::io("look at", &path)(error)),
            }
        }
        Ok(false)
    }

    /// The files of a directory by its hash; none if no place has a listing that is right.
    ///
    /// # Errors
    /// The system refuses to look or read.
    pub fn listing(&self, digest: &Digest) -> Result<Listing, Error> {
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        if let Some(known) = self.listings.lock().unwrap_or_else(PoisonError::into_inner).get(digest) {
            return Ok(known.clone());
        }
        let listing = self.content(digest)?.and_then(|bytes| dirtree::parse(&bytes).ok()).map(Arc::new);
        self.listings.lock().unwrap_or_else(PoisonError::into_inner).insert(digest.clone(), listing.clone());
        Ok(listing)
    }

    /// The content of an object; none if no place has it right.
    ///
    /// # Errors
    /// The system refuses to look or read.
    pub fn content(&self, digest: &Digest) -> Result<Option<Vec<u8>>, Error> {
        for place in &self.places {
            if let Some(bytes) = place.peek(digest)? {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

/// The remotes that are plain directories, by their names, the default one first.
pub fn plain_remotes(config: &Config) -> Vec<(String, PathBuf)> {
    let dir = |name: &String| Some((name.clone(), PathBuf::from(config.remote_dir(name)?)));
    let mut found: Vec<_> = config.remotes.keys().filter_map(dir).collect();
    // Stable, so that the others keep their order.
    found.sort_by_key(|(name, _)| Some(name) != config.remote.as_ref());
    found
}
