//! Real input: what people who use DVC have on their disks.
//!
//! `zntrack` builds a project with ZnTrack from PyPI and runs it. `projects` holds three pipelines in
//! the shape of public ones (several dvc.yaml, templates, parameters, folders, data files), run by
//! real DVC in one copy and by the program in another. `corpus` reads the pipelines of public
//! repositories themselves, where these stand beside the project, and `corpus_check` judges them as commits.

mod corpus;
mod corpus_check;
mod projects;
mod zntrack;

use std::path::PathBuf;

use crate::support::archive::{shared, unpacked};
use crate::support::{aloud, program};

/// The folder with the pipelines of public repositories and DVC's answers; none, said aloud, where it is not there.
fn public(what: &str) -> Option<PathBuf> {
    let archive = shared().join("corpus/corpus-dev.tar.xz");
    if !archive.exists() || program::is_dvc() {
        aloud(&format!("SKIPPED {what} of ../shared/corpus: the folder is not there"));
        return None;
    }
    Some(unpacked(&archive).join("dev"))
}
