//! A headless chromium, driven through a pipe by `tests/tools/browse.py`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::support::{aloud, crate_dir, in_ci};

/// The names under which distributions have it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// Where it is, if there is one; `what` says what is skipped otherwise.
pub fn get(what: &str) -> Option<&'static Path> {
    static FOUND: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = FOUND.get_or_init(|| match std::env::var_os("DVC_PARAFFIN_TEST_CHROMIUM") {
        Some(path) => Some(PathBuf::from(path)),
        None => {
            let folders: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect();
            let mut all = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
            all.find(|path| path.is_file())
        }
    });
    if found.is_none() {
        assert!(!in_ci(), "no chromium in CI");
        aloud(&format!("SKIPPED {what}: no chromium here (`apt-get install chromium`)"));
    }
    found.as_deref()
}

/// What became of a page.
pub struct Seen {
    /// What stood on the console, and what the policy refused.
    pub noise: Vec<String>,
    /// Every address that was asked for.
    pub requests: Vec<String>,
    /// The values of the expressions, in order.
    pub values: Vec<Value>,
}

/// Opens pages, one after the other, in a browser whose files lie in `folder`.
pub fn look(chromium: &Path, folder: &Path, pages: &[Value]) -> Vec<Seen> {
    let order = json!({ "chromium": chromium, "profile": folder.join("profile"), "pages": pages });
    let mut child = Command::new("python3")
        .arg(crate_dir().join("tests/tools/browse.py"))
        .env("HOME", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &order).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "browse.py failed: {}", String::from_utf8_lossy(&output.stderr));
    let answers: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let texts = |value: &Value| value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect();
    let seen = |answer: &Value| Seen {
        noise: texts(&answer["noise"]),
        requests: texts(&answer["requests"]),
        values: answer["values"].as_array().unwrap().clone(),
    };
    answers.iter().map(seen).collect()
}
