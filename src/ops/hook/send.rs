//! The content of the outputs of a pushed commit, and the remote it belongs to: it must be there, or is brought there.
//!
//! Exactly what the commit records is meant, whatever the work tree has. A remote that is a plain directory is looked
//! into and written to here; to all others an installed dvc pushes.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::finding::{Checked, Finding, Subject, Weight, Wrong};
use crate::model::settings::Push;
use crate::model::{Address, Algo, Class, Digest, Fault, RepoPath};
use crate::plan::judge::{listed_out, recorded_out};
use crate::run::peer::Peer;
use crate::store::Hasher;
use crate::store::remote::Remote;
use crate::store::snapshot::Snapshot;
use crate::store::workspace::Workspace;

use super::super::check::{Checker, settings};
use super::super::load::Repository;

/// What became of the data of a commit.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// What is not where it should be.
    pub checked: Checked,
    /// How many objects were brought to which remote; of those that DVC has pushed, how many it was asked for.
    pub objects: BTreeMap<String, usize>,
    /// Remarks.
    pub remarks: Vec<String>,
}

/// Outputs of one DVC repository with the same remote.
type Wanted = Vec<(Address, RepoPath, Digest)>;

/// Looks whether the content of a commit's outputs is in the remote, or brings it there, as the paraffin.yaml of each DVC
/// repository says.
///
/// # Errors
/// The commit, the cache or a remote cannot be read or written, or DVC fails.
pub fn send(checker: &Checker, snapshot: &Snapshot, peer: Option<&Peer>) -> Result<Sent, Fault> {
    let mut sent = Sent::default();
    sent.checked.looked_at.push(snapshot.commit().map(str::to_owned));
    for dir in snapshot.projects()?.projects {
        let below = snapshot.below(&dir);
        let push = settings(&below, &dir)?.hooks.pre_push.push;
        if push == Push::Off {
            continue;
        }
        let workspace = checker.workspace(&below, &dir)?;
        let mut repository = Repository::at(&workspace, below);
        repository.load_all()?;
        let project = Project { dir, repository, workspace };
        for (remote, outs) in project.wanted()? {
            match push {
                Push::Check => project.check(&remote, outs, snapshot, &mut sent)?,
                _ => project.send(&remote, outs, peer, snapshot, &mut sent)?,
            }
        }
    }
    if !sent.checked.findings.is_empty() {
        checker.orient(snapshot, &mut sent.checked, 0);
    }
    Ok(sent)
}

struct Project {
    dir: RepoPath,
    repository: Repository,
    workspace: Arc<Workspace>,
}

impl Project {
    /// What belongs to which remote.
    fn wanted(&self) -> Result<BTreeMap<String, Wanted>, Fault> {
        let mut wanted: BTreeMap<String, Wanted> = BTreeMap::new();
        for (_, stage) in self.repository.pipeline().iter() {
            let record = self.repository.record(stage);
            for out in stage.outs.iter().filter(|out| out.cache && out.push) {
                let Some(digest) = recorded_out(stage, record.as_ref(), &out.def_path) else { continue };
                if listed_out(out, record.as_ref()).is_some() || matches!(digest.algo, Algo::Other(_)) {
                    continue;
                }
                let remote = out.remote.clone().or_else(|| self.workspace.config().remote.clone()).ok_or_else(|| self.no_remote())?;
                wanted.entry(remote).or_default().push((stage.address.clone(), out.path.clone(), digest.clone()));
            }
        }
        Ok(wanted)
    }

    fn no_remote(&self) -> Fault {
        let message = format!("no remote is set for the data of '{}'", self.dir);
        Fault::new(Class::ConfigError, message)
            .with("hint", "`dvc remote add -d NAME URL` sets one, `hooks: {pre-push: {push: off}}` in paraffin.yaml does without.")
    }

    fn plain(&self, name: &str) -> Option<Remote> {
        self.workspace.config().remote_dir(name).map(|dir| Remote::new(dir.into()))
    }

    fn check(&self, name: &str, outs: Wanted, snapshot: &Snapshot, sent: &mut Sent) -> Result<(), Fault> {
        let Some(remote) = self.plain(name) else {
            sent.remarks.push(format!("remote '{name}' is no directory: what it holds is not looked up"));
            return Ok(());
        };
        for (address, path, digest) in outs {
            if !remote.has(self.workspace.cache(), &digest)? {
                sent.checked.findings.push(self.finding(snapshot, address, &path, &digest, Wrong::NotPushed(name.to_owned())));
            }
        }
        Ok(())
    }

    fn send(&self, name: &str, outs: Wanted, peer: Option<&Peer>, snapshot: &Snapshot, sent: &mut Sent) -> Result<(), Fault> {
        let copied = sent.objects.entry(name.to_owned()).or_default();
        let Some(remote) = self.plain(name) else {
            self.refuse_what_holds_no_objects(name)?;
            let digests: Vec<&Digest> = outs.iter().map(|(_, _, digest)| digest).collect();
            let peer = peer.ok_or_else(|| Fault::new(Class::NotSupported, format!("no dvc is installed, which remote '{name}' needs")))?;
            peer.push(&self.workspace, Some(name), &digests)?;
            *copied += digests.len();
            return Ok(());
        };
        let hasher = Hasher::new(0, None)?;
        for (address, path, digest) in outs {
            match remote.send(self.workspace.cache(), &hasher, &digest)? {
                Some(number) => *copied += number,
                None => sent.checked.findings.push(self.finding(snapshot, address, &path, &digest, Wrong::NoObject)),
            }
        }
        Ok(())
    }

    /// DVC is asked for objects from a folder of their own, where neither the names of files nor the current directory are
    /// those of the repository.
    fn refuse_what_holds_no_objects(&self, name: &str) -> Result<(), Fault> {
        let config = self.workspace.config();
        let why = match config.remote_url(name) {
            _ if config.keeps_versions(name) => "it keeps versions of files, not objects",
            Some(url) if url.starts_with("file:") => "DVC takes its address for a path below the current directory",
            _ => return Ok(()),
        };
        let message = format!("the hook cannot bring data to the remote '{name}': {why}");
        let hint = "`dvc push` does; then `hooks: {pre-push: {push: off}}` in paraffin.yaml leaves it to that.";
        Err(Fault::new(Class::NotSupported, message).with("hint", hint))
    }

    fn finding(&self, snapshot: &Snapshot, address: Address, path: &RepoPath, digest: &Digest, wrong: Wrong) -> Finding {
        Finding {
            commit: snapshot.commit().map(str::to_owned),
            project: self.dir.clone(),
            address: Some(address),
            subject: Subject::Cache,
            path: Some(self.dir.join(path.as_str()).to_string()),
            recorded: Some(digest.value.clone()),
            actual: None,
            weight: Weight::Error,
            wrong,
        }
    }
}
