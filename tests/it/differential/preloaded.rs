//! Real DVC without its start-up, which is most of the time that a short command of it takes.
//!
//! A Python process has imported everything and forks for each command; it runs DVC's own `main`
//! with the environment, folder and arguments of the request. Its hashes are seeded alike each
//! time, so that what DVC takes from a set comes in the same order when a seed is replayed.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::crate_dir;
use crate::support::ran::Ran;
use crate::support::scratch::Scratch;

/// The process that forks.
pub struct Dvc {
    child: Child,
    dir: TempDir,
}

impl Dvc {
    /// Starts it with the Python that a `dvc` script names.
    pub fn start(script: &Path) -> Self {
        let text = std::fs::read_to_string(script).unwrap();
        let python = text.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap().trim();
        let dir = tempfile::Builder::new().prefix("dvcg-").tempdir_in("/tmp").unwrap();
        let mut child = Command::new(python)
            .arg(crate_dir().join("tests/it/differential/preloaded.py"))
            .arg(dir.path().join("socket"))
            .env("PYTHONHASHSEED", "0")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HOME", dir.path())
            .env_remove("DVC_ROOT")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line == "ready\n", "DVC could not be loaded by {python}: {line:?}");
        Self { child, dir }
    }

    /// Runs one command in a folder of a scratch; no two at the same time for one scratch.
    pub fn run(&self, scratch: &Scratch, cwd: &Path, words: &[&str]) -> Ran {
        let like = scratch.command("dvc");
        let env: serde_json::Map<String, serde_json::Value> =
            like.get_envs().filter_map(|(key, value)| Some((key.to_str()?.to_owned(), value?.to_str()?.into()))).collect();
        let (out, err) = (scratch.top().join("dvc.out"), scratch.top().join("dvc.err"));
        let request = serde_json::json!({ "env": env, "cwd": cwd, "args": words, "out": out, "err": err });
        let mut stream = UnixStream::connect(self.dir.path().join("socket")).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(180))).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut answer = String::new();
        BufReader::new(stream).read_line(&mut answer).unwrap();
        let what = format!("dvc {} (in {})", words.join(" "), cwd.display());
        let code =
            answer.trim().parse().unwrap_or_else(|_| panic!("{what} answered {answer:?}: {}", std::fs::read_to_string(&err).unwrap()));
        Ran { what, code, stdout: std::fs::read(out).unwrap(), stderr: std::fs::read(err).unwrap() }
    }
}

impl Drop for Dvc {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
