//! The work tree and the cache as the work on a stage sees them.
//!
//! A thin layer: it chooses the algorithm (an entry of DVC 2.x keeps its old hash while the
//! content is the same, dvc: `output.py` `update_legacy_hash_name`) and turns failures of the
//! floor below into values.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::format::params::{self, ParamsError};
use crate::format::runcache;
use crate::model::{Algo, Digest, Fault, Out, ParamsDep, RecordedPath, RepoPath, Seen, SeenParams, Value};
use crate::store::copied::Copied;
use crate::store::hasher::Hasher;
use crate::store::link::LinkType;
use crate::store::remote::Remote;
use crate::store::tree::Hashed;
use crate::store::workspace::Workspace;
use crate::store::{self, runcache as runs};

use super::job::hold;

/// The disk of one run.
#[derive(Debug)]
pub struct Disk {
    workspace: Arc<Workspace>,
    hasher: Hasher,
    /// The files of parameters that were read: most stages of a pipeline read the same one.
    params: Mutex<HashMap<RepoPath, Understood>>,
}

/// A file of parameters.
#[derive(Debug)]
struct Understood {
    bytes: Vec<u8>,
    value: Value,
}

impl Disk {
    /// Starts the threads that hash.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn open(workspace: &Arc<Workspace>) -> Result<Self, store::Error> {
        Ok(Self { workspace: Arc::clone(workspace), hasher: Hasher::remembering(0, None, workspace.state())?, params: Mutex::default() })
    }

    /// Says which files will be looked at, each on its own.
    pub fn expect<'a>(&self, paths: impl Iterator<Item = &'a RepoPath>) {
        self.hasher.expect(|| paths.map(|path| self.workspace.place(path)).collect());
    }

    /// Writes down what was hashed, for later runs and for DVC; remarks on what went wrong.
    pub fn settle(&self) -> Vec<String> {
        self.hasher.settle()
    }

    /// Waits until what was put into the cache is on the disk.
    ///
    /// # Errors
    /// The system refuses.
    pub fn settle_cache(&self) -> Result<(), Fault> {
        Ok(self.workspace.cache().settle()?)
    }

    /// The threads that hash, and place files.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The repository.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        self.workspace.root()
    }

    /// Where the user stands.
    pub fn cwd(&self) -> &RepoPath {
        self.workspace.cwd()
    }

    /// Whether something is there (a broken link is).
    pub fn exists(&self, path: &RepoPath) -> bool {
        path.under(self.root()).symlink_metadata().is_ok()
    }

    /// What is at a path, by the algorithm of what is recorded for it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn look(&self, path: &RepoPath, recorded: Option<&Digest>) -> Result<Seen, Fault> {
        let algo = recorded.map_or(Algo::Md5, |digest| digest.algo.clone());
        let found = self.workspace.hash(&self.hasher, path, &algo)?;
        Ok(found.map_or(Seen::Missing, |hashed| hashed.seen()))
    }

    /// The hash to record for what is at a path; none if nothing is.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn hash(&self, path: &RepoPath, recorded: Option<&Digest>) -> Result<Option<Hashed>, store::Error> {
        if let Some(old) = recorded.filter(|digest| digest.algo == Algo::Md5Dos2Unix)
            && let Some(hashed) = self.workspace.hash(&self.hasher, path, &old.algo)?
            && hashed.digest == *old
        {
            return Ok(Some(hashed));
        }
        self.workspace.hash(&self.hasher, path, &Algo::Md5)
    }

    /// The same for an output; one that is stored in the cache next is copied meanwhile, if it is large.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn hash_out(
        &self,
        path: &RepoPath,
        recorded: Option<&Digest>,
        is_stored: bool,
    ) -> Result<Option<(Hashed, Option<Copied>)>, store::Error> {
        if !is_stored || recorded.is_some_and(|digest| digest.algo != Algo::Md5) {
            return Ok(self.hash(path, recorded)?.map(|hashed| (hashed, None)));
        }
        self.workspace.hash_copying(&self.hasher, path, recorded)
    }

    /// Whether the cache has an object, for a directory with all its files.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn in_cache(&self, digest: &Digest) -> Result<bool, Fault> {
        Ok(self.workspace.cache().has(digest)?)
    }

    /// Brings an object from a remote into the cache; true if the cache has it then.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub fn fetch(&self, remote: &Remote, digest: &Digest) -> Result<bool, Fault> {
        Ok(remote.fetch(self.workspace.cache(), &self.hasher, digest)?)
    }

    /// What a params file holds for a stage.
    ///
    /// # Errors
    /// It is not what its suffix says.
    pub fn params(&self, dep: &ParamsDep) -> Result<SeenParams, Fault> {
        let found = self.pick(dep).map_err(|error| error.stage_fault())?;
        Ok(found.map_or(SeenParams::Missing, SeenParams::Values))
    }

    fn pick(&self, dep: &ParamsDep) -> Result<Option<params::Picked>, ParamsError> {
        let shown = dep.path.as_str();
        let Some(bytes) = params::bytes(self.workspace.as_ref(), &dep.path, shown)? else { return Ok(None) };
        let known = hold(&self.params).get(&dep.path).filter(|known| known.bytes == bytes).map(|known| known.value.clone());
        if let Some(value) = known {
            return params::pick(&value, &dep.keys).map(Some);
        }
        let value = params::parse(&bytes, shown)?;
        let picked = params::pick(&value, &dep.keys);
        hold(&self.params).insert(dep.path.clone(), Understood { bytes, value });
        picked.map(Some)
    }

    /// Makes room for an output before its stage runs; a persistent one is only unprotected, if the
    /// cache protects it at all (dvc: `output.py` `unprotect`).
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn remove_out(&self, out: &Out) -> Result<(), Fault> {
        match (out.persist, out.cache) {
            (false, _) => self.workspace.remove_out(&out.path)?,
            (true, true) => self.workspace.unprotect_out(&out.path)?,
            (true, false) => {}
        }
        Ok(())
    }

    /// Puts an output into the cache and links it back; `copied` is a copy that was made already.
    ///
    /// # Errors
    /// It cannot be stored; it is still in the work tree then, and no part of it in the cache.
    pub fn commit(&self, out: &Out, hashed: &Hashed, copied: Option<Copied>) -> Result<(), Fault> {
        self.commit_as(out, hashed, copied, &self.workspace.config().cache_types)
    }

    /// Puts a copy of an uncached output into the cache; the work file stays as it is.
    ///
    /// # Errors
    /// It cannot be stored.
    pub fn keep_copy(&self, out: &Out, hashed: &Hashed) -> Result<(), Fault> {
        self.commit_as(out, hashed, None, &[LinkType::Copy])
    }

    fn commit_as(&self, out: &Out, hashed: &Hashed, copied: Option<Copied>, types: &[LinkType]) -> Result<(), Fault> {
        self.workspace.commit_out(&self.hasher, &out.path, hashed, copied, types)?;
        self.note_placed(out);
        Ok(())
    }

    /// By this a checkout knows the output once no stage makes it any more.
    fn note_placed(&self, out: &Out) {
        self.hasher.note_placed(&out.path, || self.workspace.placed(&out.path));
    }

    /// Brings an output back from the cache, whatever stands in its place.
    ///
    /// # Errors
    /// The cache lacks it, or it cannot be written.
    pub fn checkout(&self, out: &Out, recorded: &RecordedPath) -> Result<(), Fault> {
        let Some(digest) = &recorded.digest else { return Ok(()) };
        self.workspace.checkout_out(&self.hasher, &out.path, digest, recorded.meta, true)?;
        self.note_placed(out);
        Ok(())
    }

    /// Brings what of an output is at a path (or holds it) back from the cache. What stands
    /// there and nowhere else is never replaced.
    ///
    /// # Errors
    /// The cache lacks it, it cannot be written, or something would be lost.
    pub fn bring(&self, out: &Out, recorded: &RecordedPath, part: &RepoPath) -> Result<(), Fault> {
        let Some(digest) = &recorded.digest else { return Ok(()) };
        Ok(self.workspace.checkout_part(&self.hasher, &out.path, digest, recorded.meta, part)?)
    }

    /// Whether a file holds text, as DVC judges it; directories pass.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn is_text(&self, path: &RepoPath) -> Result<bool, Fault> {
        let place = path.under(self.root());
        Ok(place.is_dir() || store::md5::is_text_file(&place).map_err(store::Error::io("read", &place))?)
    }

    /// The newest earlier run with this key.
    ///
    /// # Errors
    /// The cache cannot be read.
    pub fn newest_run(&self, key: &str) -> Result<Option<(PathBuf, Vec<u8>)>, Fault> {
        Ok(runs::newest(self.workspace.cache().dir(), key)?)
    }

    /// Keeps a run for later.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn save_run(&self, run: &runcache::RunEntry) -> Result<(), Fault> {
        let group = self.workspace.config().shared_group;
        Ok(runs::save(self.workspace.cache().dir(), &run.key, &run.value, &run.text, group)?)
    }
}
