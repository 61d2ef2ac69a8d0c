//! Real DVC, in the one version that the program must be taken for.
//!
//! The tests set it up by themselves: a Python venv in the target folder, made once and then
//! reused. Where that cannot be done, what needs it is skipped aloud; in CI that is a failure.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::{aloud, crate_dir, in_ci, target_dir};

/// The version whose behaviour counts.
pub const VERSION: &str = "3.67.1";

/// The `dvc` program, if it can be had; `what` says what is skipped otherwise.
pub fn get(what: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(find) {
        Ok(path) => Some(path),
        Err(why) => {
            assert!(!in_ci(), "no dvc {VERSION} in CI: {why}");
            aloud(&format!("SKIPPED {what}: no dvc {VERSION}: {why}"));
            None
        }
    }
}

fn find() -> Result<PathBuf, String> {
    if let Some(path) = std::env::var_os("DVC_PARAFFIN_TEST_DVC") {
        return checked(Path::new(&path));
    }
    let venv = target_dir().join("dvc-venv");
    let lock = std::fs::File::create(target_dir().join("dvc-venv.lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let program = venv.join("bin/dvc");
    if let Ok(path) = checked(&program) {
        return Ok(path);
    }
    aloud(&format!("setting up dvc {VERSION} in {} (once)", venv.display()));
    let _ = std::fs::remove_dir_all(&venv);
    tried(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let wanted = crate_dir().join("tests/dvc-requirements.txt");
    tried(Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"]).arg(wanted))?;
    checked(&program)
}

/// Whether this is a `dvc` of the right version.
fn checked(program: &Path) -> Result<PathBuf, String> {
    let version = tried(Command::new(program).arg("--version"))?;
    if version.trim() == VERSION { Ok(program.to_owned()) } else { Err(format!("{} is version {}", program.display(), version.trim())) }
}

fn tried(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    Err(format!("{command:?} failed: {}", last.into_iter().rev().collect::<Vec<_>>().join(" | ")))
}
