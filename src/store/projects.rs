//! Which DVC repositories a snapshot holds.

use std::io;

use super::error::Error;
use super::git::NodeKind;
use super::snapshot::Snapshot;
use super::source::Source as _;
use crate::format::Files as _;
use crate::model::RepoPath;

/// What lies in a git repository that matters to DVC, wherever that is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Found {
    /// The roots of DVC repositories, the outer ones before those inside of them.
    pub projects: Vec<RepoPath>,
    /// All files named `dvc.lock`.
    pub locks: Vec<RepoPath>,
    /// All files named `dvc.yaml`.
    pub pipelines: Vec<RepoPath>,
}

impl Found {
    /// Where the lock of each dvc.yaml stands, or will stand.
    pub fn beside_pipelines(&self) -> impl Iterator<Item = RepoPath> {
        self.pipelines.iter().map(|file| file.parent().unwrap_or_default().join("dvc.lock"))
    }

    /// The locks that belong to one of the DVC repositories, as seen from its root.
    pub fn locks_of(&self, project: &RepoPath) -> Vec<RepoPath> {
        let owner =
            |lock: &RepoPath| self.projects.iter().filter(|project| project.contains(lock)).max_by_key(|project| project.as_str().len());
        let own = self.locks.iter().filter(|lock| owner(lock) == Some(project));
        own.map(|lock| RepoPath::new(lock.as_str().strip_prefix(project.as_str()).unwrap_or(lock.as_str()).trim_start_matches('/')))
            .collect()
    }
}

/// The texts that name the files of a pipeline, without being understood.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Texts {
    /// All dvc.yaml and dvc.lock files.
    pub files: Vec<Vec<u8>>,
    /// The targets of all symbolic links.
    pub links: Vec<String>,
}

impl Snapshot {
    /// The texts that name the files of pipelines, in the whole git repository; none if there are more symbolic links
    /// than `most_links`, or if one stands for such a text.
    ///
    /// # Errors
    /// An object that this clone does not have.
    pub fn texts(&self, most_links: usize) -> Result<Option<Texts>, Error> {
        let mut texts = Texts::default();
        let mut open = vec![(RepoPath::root(), self.files().top().to_owned())];
        while let Some((dir, id)) = open.pop() {
            let refused = |error: io::Error| Error::io("read", self.files().place(&dir))(error);
            for (name, (kind, id)) in self.files().names(&id).map_err(refused)?.iter() {
                match kind {
                    NodeKind::Dir => open.push((dir.join(name), id.clone())),
                    // What it leads to is not under that name.
                    NodeKind::Link if name == "dvc.yaml" || name == "dvc.lock" => return Ok(None),
                    NodeKind::Link => texts.links.push(String::from_utf8_lossy(&self.files().content(id).map_err(refused)?).into_owned()),
                    NodeKind::File if name == "dvc.yaml" || name == "dvc.lock" => {
                        texts.files.push(self.files().content(id).map_err(refused)?)
                    }
                    NodeKind::File | NodeKind::Module | NodeKind::Unnamed => {}
                }
            }
            if texts.links.len() > most_links {
                return Ok(None);
            }
        }
        Ok(Some(texts))
    }

    /// Looks through all directories of the git repository, of which this must be a snapshot from the root.
    ///
    /// # Errors
    /// A tree that this clone does not have.
    pub fn projects(&self) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut open = vec![(RepoPath::root(), self.files().top().to_owned())];
        while let Some((dir, id)) = open.pop() {
            let refused = |error: io::Error| Error::io("list", self.files().place(&dir))(error);
            let names = self.files().names(&id).map_err(refused)?;
            if names.get(".dvc").is_some_and(|(kind, _)| *kind == NodeKind::Dir) {
                found.projects.push(dir.clone());
            }
            let is_file = |name: &str| names.get(name).is_some_and(|(kind, _)| *kind != NodeKind::Dir);
            found.locks.extend(is_file("dvc.lock").then(|| dir.join("dvc.lock")));
            found.pipelines.extend(is_file("dvc.yaml").then(|| dir.join("dvc.yaml")));
            let dirs = names.iter().filter(|(name, (kind, _))| *kind == NodeKind::Dir && *name != ".dvc");
            open.extend(dirs.map(|(name, (_, id))| (dir.join(name), id.clone())));
        }
        found.projects.sort_unstable();
        found.locks.sort_unstable();
        found.pipelines.sort_unstable();
        Ok(found)
    }

    /// The text of the DVC repository's own configuration file, if it is there.
    ///
    /// # Errors
    /// An object that this clone does not have.
    pub fn own_config(&self) -> Result<Option<Vec<u8>>, Error> {
        let path = RepoPath::new(".dvc/config");
        self.files().read(&path).map_err(|error| Error::io("read", self.files().place(&path))(error))
    }
}
