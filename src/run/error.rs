//! Failures of a stage's work that have no type of their own below, as DVC words them.

use std::time::Duration;

use crate::model::{Class, Fault};

/// dvc: `StageCmdFailedError`.
pub fn command_failed(cmd: &str, code: i32) -> Fault {
    Fault::new(Class::StageCmdFailedError, format!("failed to run: {cmd}, exited with {code}")).with("returncode", code.to_string())
}

/// A command ran longer than it may.
pub fn timed_out(cmd: &str, timeout: Duration, code: i32) -> Fault {
    let seconds = timeout.as_secs_f64().to_string();
    let fault = Fault::new(Class::StageCmdFailedError, format!("failed to run: {cmd}, stopped after its timeout of {seconds}s"));
    fault.with("timeout", seconds).with("returncode", code.to_string())
}

/// The run was stopped before the stage did anything.
pub fn interrupted() -> Fault {
    Fault::new(Class::Interrupted, "interrupted by the user")
}

/// A dep that is missing, in Python's words.
pub fn no_such_dep(path: &std::path::Path) -> Fault {
    no_such_file(path)
        .with("hint", "this dep is missing: make or fetch it (`dvc pull`), or correct `deps:` in dvc.yaml; nothing was removed.")
}

/// A working directory that is missing, in Python's words.
pub fn no_such_wdir(path: &std::path::Path) -> Fault {
    no_such_file(path).with("hint", "this directory is the `wdir:` of the stage: make it, or correct dvc.yaml.")
}

/// Python's `FileNotFoundError`.
fn no_such_file(path: &std::path::Path) -> Fault {
    Fault::new(Class::FileNotFoundError, format!("[Errno 2] No such file or directory: '{}'", path.display()))
}

/// dvc: `DependencyDoesNotExistError`.
pub fn dep_missing(shown: &str) -> Fault {
    Fault::new(Class::DependencyDoesNotExistError, format!("dependency '{shown}' does not exist"))
}

/// A frozen stage that must be recorded anew, and that depends on what only DVC can read.
pub fn foreign_dep(def_path: &str, kind: &str) -> Fault {
    Fault::new(Class::NotSupported, format!("the dep '{def_path}' ({kind}) cannot be read by dvc-paraffin yet"))
}

/// An import that is not frozen and whose source is not what it was.
pub fn changed_import(def_path: &str, address: &str) -> Fault {
    let text = format!("'{def_path}' must be imported again, which dvc-paraffin cannot do yet");
    Fault::new(Class::NotSupported, text).with("hint", format!("`dvc repro -s {address}` can; then run this again."))
}

/// dvc: `OutputDoesNotExistError`.
pub fn out_missing(shown: &str) -> Fault {
    Fault::new(Class::OutputDoesNotExistError, format!("output '{shown}' does not exist"))
}

/// dvc: `DependencyIsNotFileOrDirError`.
pub fn dep_not_file(shown: &str) -> Fault {
    Fault::new(Class::DependencyIsNotFileOrDirError, format!("dependency '{shown}' is not a file or directory"))
}

/// dvc: `OutputIsNotFileOrDirError`.
pub fn out_not_file(shown: &str) -> Fault {
    Fault::new(Class::OutputIsNotFileOrDirError, format!("output '{shown}' is not a file or directory"))
}

/// dvc: `MissingParamsError`.
pub fn params_missing(keys: &[&str], shown: &str) -> Fault {
    Fault::new(Class::MissingParamsError, format!("Parameters '{}' are missing from '{shown}'.", keys.join(", ")))
}

/// dvc: `MissingDataSource`.
pub fn data_missing(files: &[String]) -> Fault {
    let noun = if files.len() > 1 { "sources" } else { "source" };
    Fault::new(Class::MissingDataSource, format!("missing data '{noun}': {}", files.join(", ")))
}

/// dvc: `output.py` `save`.
pub fn external_out(shown: &str) -> Fault {
    Fault::new(
        Class::DvcException,
        format!(
            "Saving cached external output {shown} is not supported since DVC 3.0. See <https://dvc.org/doc/user-guide/upgrade> for more info."
        ),
    )
}

/// dvc: `output.py` `verify_metric`.
pub fn binary_metric(path: &std::path::Path) -> Fault {
    Fault::new(Class::DvcException, format!("binary file '{}' cannot be used as metrics.", path.display()))
}
