//! The program under test: ours, or any other that `DVC_PARAFFIN_TEST_BIN` names.
//!
//! Real `dvc` can be named too; then the harness tests itself, because everything must be equal.

use std::path::PathBuf;

/// Where it is.
pub fn path() -> PathBuf {
    std::env::var_os("DVC_PARAFFIN_TEST_BIN").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_dvc-paraffin")), PathBuf::from)
}

/// Whether it is real DVC, which knows no `--jobs` and nothing else of ours.
pub fn is_dvc() -> bool {
    path().file_name().is_some_and(|name| name == "dvc")
}

/// `repro` and how many jobs it may use, as words of a command line.
pub fn repro(jobs: usize) -> Vec<String> {
    let mut words = vec!["repro".to_owned()];
    if !is_dvc() {
        words.extend(["--jobs".to_owned(), jobs.to_string()]);
    }
    words
}

/// The numbers of jobs with which a comparison is worth making.
pub fn job_counts() -> &'static [usize] {
    if is_dvc() { &[1] } else { &[1, 4] }
}
