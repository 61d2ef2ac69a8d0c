//! What the cache has of files that are not in the work tree or the commit, by the hashes that
//! dvc.lock and `.dvc` files record.
//!
//! It only looks: an object that is damaged is told as missing and stays.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use crate::format::dirtree;
use crate::model::{Class, Digest, Fault, Out, RepoPath, Stage, TreeEntry};

use super::super::load::Repository;
use super::NOT_IN_CACHE;

/// The recorded outputs of a repository.
pub(super) struct Cached<'a> {
    repository: &'a Repository,
    /// Cached outputs by the texts of their paths: the stage, and which of its outputs.
    outs: OnceCell<BTreeMap<&'a str, (&'a Stage, &'a Out)>>,
    listings: RefCell<HashMap<Digest, Rc<Vec<TreeEntry>>>>,
}

impl<'a> Cached<'a> {
    /// Nothing is looked up yet.
    pub fn new(repository: &'a Repository) -> Self {
        Self { repository, outs: OnceCell::new(), listings: RefCell::default() }
    }

    /// Whether an output stands at this path, or above or below it.
    pub fn knows(&self, path: &RepoPath) -> bool {
        self.is_dir(path) || self.digest_of(path).is_ok()
    }

    /// Whether this path is a directory: an output that is one, or what outputs lie in.
    pub fn is_dir(&self, path: &RepoPath) -> bool {
        self.files_below(path).is_ok_and(|files| !files.is_empty() && files != [path.clone()])
    }

    /// The files that outputs have below a path.
    pub fn files_below(&self, path: &RepoPath) -> Result<Vec<RepoPath>, Fault> {
        let mut files = Vec::new();
        if let Some((out, digest)) = self.above(path) {
            let listing = self.listing(&out, &digest)?;
            files.extend(listing.iter().map(|entry| out.join(&entry.relpath)).filter(|file| path.contains(file)));
        }
        let prefix = if path.is_root() { String::new() } else { format!("{path}/") };
        for (_, place) in self.outs().range(prefix.as_str()..).take_while(|(out, _)| out.starts_with(&prefix)) {
            let out = &place.1.path;
            match self.recorded(*place) {
                Some(digest) if digest.is_dir() => {
                    let listing = self.listing(out, &digest)?;
                    files.extend(listing.iter().map(|entry| out.join(&entry.relpath)));
                }
                _ => files.push(out.clone()),
            }
        }
        Ok(files)
    }

    /// The content of a file.
    pub fn bytes(&self, path: &RepoPath) -> Result<Vec<u8>, Fault> {
        let digest = self.digest_of(path)?;
        self.object(path, &digest)
    }

    /// The hash of a file: that of an output, or that of a file in an output.
    fn digest_of(&self, path: &RepoPath) -> Result<Digest, Fault> {
        let missing = || Fault::new(Class::FileNotFoundError, format!("'{path}' does not exist"));
        if let Some(place) = self.outs().get(path.as_str()) {
            let unknown = || Fault::new(Class::FileNotFoundError, format!("'{path}' does not exist, and no hash of it is recorded"));
            return self.recorded(*place).filter(|digest| !digest.is_dir()).ok_or_else(unknown);
        }
        let (out, digest) = self.above(path).ok_or_else(missing)?;
        let listing = self.listing(&out, &digest)?;
        let entry = listing.iter().find(|entry| out.join(&entry.relpath) == *path).ok_or_else(missing)?;
        Ok(Digest { algo: digest.algo, value: entry.md5.clone() })
    }

    /// The directory output that is this path or holds it, with its hash.
    fn above(&self, path: &RepoPath) -> Option<(RepoPath, Digest)> {
        let mut here = Some(path.clone());
        while let Some(dir) = here {
            if let Some(place) = self.outs().get(dir.as_str()) {
                let digest = self.recorded(*place)?;
                return digest.is_dir().then_some((dir, digest));
            }
            here = dir.parent();
        }
        None
    }

    fn outs(&self) -> &BTreeMap<&'a str, (&'a Stage, &'a Out)> {
        self.outs.get_or_init(|| {
            let stages = self.repository.pipeline().iter().map(|(_, stage)| stage);
            let outs = stages.flat_map(|stage| stage.outs.iter().map(move |out| (stage, out)));
            let outs = outs.filter(|(_, out)| out.cache && !out.path.is_external());
            outs.map(|(stage, out)| (out.path.as_str(), (stage, out))).collect()
        })
    }

    fn recorded(&self, (stage, out): (&Stage, &Out)) -> Option<Digest> {
        if stage.is_data_file() {
            return out.recorded.as_ref().map(|(digest, _)| digest.clone());
        }
        self.repository.record(stage)?.out(&out.def_path)?.digest.clone()
    }

    fn listing(&self, out: &RepoPath, digest: &Digest) -> Result<Rc<Vec<TreeEntry>>, Fault> {
        if let Some(known) = self.listings.borrow().get(digest) {
            return Ok(Rc::clone(known));
        }
        let entries = dirtree::parse(&self.object(out, digest)?).map_err(|error| error.fault())?;
        let entries = Rc::new(entries);
        self.listings.borrow_mut().insert(digest.clone(), Rc::clone(&entries));
        Ok(entries)
    }

    fn object(&self, path: &RepoPath, digest: &Digest) -> Result<Vec<u8>, Fault> {
        let cache = self.repository.workspace().cache();
        let lacking = || {
            let fault = Fault::new(Class::FileNotFoundError, format!("'{path}' ({}) is not in the local cache", digest.short()));
            fault.with(NOT_IN_CACHE, digest.value.clone())
        };
        cache.peek(digest)?.ok_or_else(lacking)
    }
}
