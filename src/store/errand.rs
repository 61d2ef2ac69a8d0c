//! A small repository of its own, from which an installed dvc fetches named objects into our cache.
//!
//! `dvc fetch` takes stages and paths, not objects, and holds the repository's lock while it
//! works. Here each wanted object is a `.dvc` file, the remotes are ours, the cache is ours: so
//! exactly what is missing comes, many fetches go on at once, and nobody waits for them. The
//! folder stands in `.dvc/tmp/paraffin` and goes with the value; only its owner may read it, for
//! the remotes' options may hold secrets.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::leftovers;
use super::os;
use super::owner::Owner;
use super::workspace::Workspace;
use crate::format::config_text;
use crate::model::{Algo, Digest};

/// The folder.
#[derive(Debug)]
pub struct Errand {
    dir: tempfile::TempDir,
}

impl Errand {
    /// Makes the repository with a data file for each object.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn new(workspace: &Workspace, objects: &[&Digest]) -> Result<Self, Error> {
        let home = workspace.tmp_dir().join("paraffin");
        os::make_dirs(&home, None).map_err(Error::io("create", &home))?;
        let prefix = format!("{}{}-", leftovers::FOLDER, Owner::own().mark());
        // Made with mode 0700.
        let dir = tempfile::Builder::new().prefix(&prefix).tempdir_in(&home).map_err(Error::io("create a folder in", &home))?;
        let write = |name: &str, text: String| {
            let path = dir.path().join(name);
            fs::write(&path, text).map_err(Error::io("write", &path))
        };
        let inner = dir.path().join(".dvc");
        fs::create_dir(&inner).map_err(Error::io("create", &inner))?;
        write(".dvc/config", config_text::for_fetching(workspace.config(), &workspace.cache().dir().to_string_lossy()))?;
        for (number, digest) in objects.iter().enumerate() {
            write(&format!("{number}.dvc"), data_file(number, digest))?;
        }
        Ok(Self { dir })
    }

    /// Where dvc must be called.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where dvc may keep what it remembers of this repository, so that it goes with it.
    pub fn site_cache(&self) -> PathBuf {
        self.dir.path().join("site")
    }
}

fn data_file(number: usize, digest: &Digest) -> String {
    let kind = if digest.algo == Algo::Md5Dos2Unix { "" } else { "  hash: md5\n" };
    format!("outs:\n- md5: {}\n{kind}  path: o{number}\n", digest.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_dvc_2_has_no_kind() {
        assert_eq!(data_file(3, &Digest::md5("ab.dir")), "outs:\n- md5: ab.dir\n  hash: md5\n  path: o3\n");
        assert_eq!(data_file(0, &Digest { algo: Algo::Md5Dos2Unix, value: "cd".to_owned() }), "outs:\n- md5: cd\n  path: o0\n");
    }
}
