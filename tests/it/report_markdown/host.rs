//! The renderers of the hosts of repositories, in a Python venv of the target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::Value;

use crate::dvc::{tried, venv};
use crate::support::{aloud, crate_dir, in_ci};

/// The Python that has them, if it can be had; `what` says what is skipped otherwise.
pub fn get(what: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let check = |venv: &Path| {
        let python = venv.join("bin/python");
        tried(Command::new(&python).args(["-c", "import cmarkgfm, comrak, markdown"])).map(|_| python)
    };
    match FOUND.get_or_init(|| venv("markdown-venv", "tests/markdown-requirements.txt", "renderers of Markdown", check)) {
        Ok(python) => Some(python),
        Err(why) => {
            assert!(!in_ci(), "no renderers of Markdown in CI: {why}");
            aloud(&format!("SKIPPED {what}: no renderers of Markdown: {why}"));
            None
        }
    }
}

/// What each host makes of each text (`tests/tools/render_markdown.py` tells its shape).
pub fn render(python: &Path, texts: &[String]) -> Vec<Value> {
    let mut child = Command::new(python)
        .arg(crate_dir().join("tests/tools/render_markdown.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), texts).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "render_markdown.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}
