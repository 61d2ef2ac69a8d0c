//! What a report must not be written over: the files that say what a pipeline is, what its stages
//! read and what they make. A report there would undo work, or make stages run again each time.
//!
//! A file that has one of DVC's names is refused by it. What stages read and make is known only where the
//! pipeline can be read; where it cannot, the run has nothing to lose, and says itself why.

use std::path::Path;
use std::sync::Arc;

use crate::format::paraffin;
use crate::model::{Class, Fault, RepoPath, Stage};
use crate::store::workspace::Workspace;

use super::load::Repository;

/// Refuses files, given as paths of the current directory, that are not to be written over.
///
/// # Errors
/// One of them is a file of the pipeline: a usage error that says what it is.
pub fn refuse<'f>(workspace: &Arc<Workspace>, files: impl Iterator<Item = &'f Path>) -> Result<(), Fault> {
    let places: Vec<(&Path, Vec<RepoPath>)> = files.map(|file| (file, places(workspace, file))).collect();
    let usage = |file: &Path, what: String| {
        Err(Fault::new(Class::UsageError, format!("the report '{}' would be written over {what}: choose another name", file.display())))
    };
    for (file, places) in &places {
        if let Some(what) = places.iter().find_map(by_name) {
            return usage(file, what.to_owned());
        }
    }
    let mut repository = Repository::with(workspace);
    let is_read = !places.is_empty() && repository.load_all().is_ok();
    let mut known = places.iter().filter(|_| is_read);
    let taken = known.find_map(|(file, places)| Some((file, places.iter().find_map(|place| in_use(&repository, place))?)));
    // The run reads the rules anew, once nobody else works here.
    workspace.forget_dvcignore();
    taken.map_or(Ok(()), |(file, what)| usage(file, what))
}

/// What a path may be in the repository: as it was written, and where links lead.
fn places(workspace: &Workspace, file: &Path) -> Vec<RepoPath> {
    let locate = |path: &Path| workspace.locate(workspace.cwd(), &path.to_string_lossy());
    let mut places = vec![locate(file)];
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = || Some(dir.canonicalize().ok()?.join(file.file_name()?));
    if let Some(real) = file.canonicalize().ok().or_else(beside) {
        let root = workspace.root().canonicalize().unwrap_or_else(|_| workspace.root().to_owned());
        places.push(locate(&real.strip_prefix(&root).map_or_else(|_| real.clone(), |below| workspace.root().join(below))));
    }
    places.dedup();
    places
}

fn by_name(place: &RepoPath) -> Option<&'static str> {
    match place.file_name() {
        _ if place.as_str() == paraffin::FILE => Some("the settings of dvc-paraffin"),
        "dvc.yaml" => Some("a pipeline"),
        "dvc.lock" => Some("what DVC knows of a pipeline's last run"),
        ".gitignore" | ".gitattributes" | ".gitmodules" => Some("settings of git"),
        ".dvcignore" => Some("settings of DVC"),
        name if name.ends_with(".dvc") && name != ".dvc" => Some("a file of DVC"),
        _ if place.components().any(|part| part == ".git") => Some("what git keeps"),
        _ if place.components().any(|part| part == ".dvc") => Some("what DVC keeps"),
        _ => None,
    }
}

/// What reads or makes a path, in words.
fn in_use(repository: &Repository, place: &RepoPath) -> Option<String> {
    let stages = || repository.pipeline().iter().map(|(_, stage)| stage);
    let made = stages().find_map(|stage| Some((stage, stage.outs.iter().find(|out| out.path.overlaps(place))?)));
    if let Some((stage, out)) = made {
        return Some(said("an output", &out.path, place, stage, repository));
    }
    let params = stages().find_map(|stage| Some((stage, stage.params.iter().find(|params| params.path == *place)?)));
    if let Some((stage, params)) = params {
        return Some(said("the parameters", &params.path, place, stage, repository));
    }
    // What is ignored in a directory does not change it.
    let is_seen = || !matches!(repository.dvcignore().ignored_by(place, false, false), Ok(Some(_)));
    let read = stages().find_map(|stage| Some((stage, stage.deps.iter().find(|dep| dep.path.overlaps(place))?)));
    if let Some((stage, dep)) = read.filter(|_| is_seen()) {
        return Some(said("a dependency", &dep.path, place, stage, repository));
    }
    let mut variables = repository.tracked().flatten().map(|(file, _)| repository.workspace().locate(repository.cwd(), file));
    let is_listed = place.as_str() == "params.yaml" || variables.any(|file| file == *place);
    is_listed.then(|| "parameters of the pipeline".to_owned())
}

fn said(what: &str, path: &RepoPath, place: &RepoPath, stage: &Stage, repository: &Repository) -> String {
    let address = stage.address.seen_from(repository.cwd());
    let whole = if path == place { String::new() } else { format!(" ('{}')", path.seen_from(repository.cwd())) };
    format!("{what} of '{address}'{whole}")
}
