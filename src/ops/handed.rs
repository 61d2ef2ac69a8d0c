//! What is handed to an installed dvc, or refused before anything runs where there is none:
//! stages with deps or outputs on a server, and remotes that are no plain directory.

use std::path::PathBuf;

use crate::model::{Class, Fault, StageId};
use crate::run::job::Run;
use crate::run::peer::{Peer, VARIABLE};
use crate::run::pull::{Remotes, Source};
use crate::store::remote::Remote;

use super::load::Repository;
use super::targets::foreign;

/// Refuses stages that only DVC can judge and run, if there is no DVC.
///
/// # Errors
/// See above.
pub(super) fn refuse(repository: &Repository, order: &[StageId], peer: Option<&Peer>) -> Result<(), Fault> {
    let refused = order.iter().find_map(|id| foreign(repository.pipeline().get(*id), repository.cwd()));
    match refused.filter(|_| peer.is_none()) {
        Some(message) => Err(Fault::new(Class::NotSupported, message).with("hint", install("such stages are handed to it"))),
        None => Ok(()),
    }
}

/// The way out where an installed dvc is missing.
pub(super) fn install(what: &str) -> String {
    format!(
        "install DVC (`pip install dvc`, with the plug-in that this address needs) so that `dvc` is on the PATH, or name it in {VARIABLE}; {what}."
    )
}

/// The remotes that `--pull` fetches from.
///
/// # Errors
/// One is not configured; or it is no plain directory, and there is no dvc or DVC keeps no
/// objects there.
pub(super) fn remotes(repository: &Repository, order: &[StageId], peer: Option<&Peer>) -> Result<Remotes, Fault> {
    let config = repository.workspace().config();
    let hint = match config.remotes.is_empty() {
        true => "Create a default remote with\n    dvc remote add -d <remote name> <remote url>",
        false => "Setup default remote with\n    dvc remote default <remote name>\nor use:\n    dvc fetch -r <remote name>",
    };
    let none = format!("no remote specified in {}. {hint}", repository.root_text());
    let mut remotes = Remotes { default: config.remote.clone(), none, ..Remotes::default() };
    let named = order.iter().flat_map(|id| &repository.pipeline().get(*id).outs).filter_map(|out| out.remote.as_deref());
    for name in named.chain(config.remote.as_deref()) {
        let Some(url) = config.remote_url(name) else {
            return Err(Fault::new(Class::ConfigError, format!("config file error: remote '{name}' doesn't exist")));
        };
        let refused = |why: &str| Fault::new(Class::NotSupported, format!("--pull cannot fetch from the remote '{name}' ({url}): {why}"));
        let source = match (config.remote_dir(name), peer) {
            _ if config.keeps_versions(name) => {
                let way = "`dvc pull` fetches it; then run this again without --pull.";
                return Err(refused("it keeps versions of files, not objects").with("hint", way));
            }
            (Some(dir), _) => Source::Directory(Remote::new(PathBuf::from(dir))),
            (None, Some(peer)) => Source::Dvc(peer.clone()),
            (None, None) => return Err(refused("it is not a plain directory").with("hint", install("it fetches what is missing"))),
        };
        remotes.by_name.insert(name.to_owned(), source);
    }
    Ok(remotes)
}

/// Brings the run-cache from the default remote, with `--pull`.
///
/// # Errors
/// There is no remote, or it cannot be fetched from.
pub(super) fn fetch_runs(run: &Run<'_>, order: &[StageId]) -> Result<(), Fault> {
    let (Some(remotes), Some(first)) = (&run.remotes, order.first()) else { return Ok(()) };
    let workspace = run.disk.workspace();
    match remotes.of(None)? {
        (_, Source::Directory(remote)) => Ok(remote.fetch_runs(workspace.cache())?),
        // No stage has begun, so that the first one can stand for the call.
        (name, Source::Dvc(peer)) => peer.fetch(&run.children, *first, workspace, Some(name), &[], true),
    }
}
