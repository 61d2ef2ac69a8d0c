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
    let check = |venv: &Path| checked(&venv.join("bin/dvc"));
    venv("dvc-venv", "tests/dvc-requirements.txt", &format!("dvc {VERSION}"), check)
}

/// What `check` finds in a Python venv of the target folder, which is made if nothing is found.
pub fn venv(name: &str, requirements: &str, what: &str, check: impl Fn(&Path) -> Result<PathBuf, String>) -> Result<PathBuf, String> {
    let venv = target_dir().join(name);
    let lock = std::fs::File::create(target_dir().join(format!("{name}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if let Ok(path) = check(&venv) {
        return Ok(path);
    }
    aloud(&format!("setting up {what} in {} (once)", venv.display()));
    let _ = std::fs::remove_dir_all(&venv);
    tried(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let wanted = crate_dir().join(requirements);
    tried(Command::new(venv.join("bin/python")).args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r"]).arg(wanted))?;
    check(&venv)
}

/// Whether this is a `dvc` of the right version.
fn checked(program: &Path) -> Result<PathBuf, String> {
    let version = tried(Command::new(program).arg("--version"))?;
    if version.trim() == VERSION { Ok(program.to_owned()) } else { Err(format!("{} is version {}", program.display(), version.trim())) }
}

/// What a command prints, if it succeeds.
pub fn tried(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = text.lines().rev().take(3).collect();
    Err(format!("{command:?} failed: {}", last.into_iter().rev().collect::<Vec<_>>().join(" | ")))
}
