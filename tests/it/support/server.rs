//! A folder that is served over HTTP on this machine, with the marks of content (ETags) that DVC
//! asks for.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::crate_dir;

/// The server; it ends with the value.
pub struct Server {
    child: Child,
    dir: TempDir,
    port: u16,
}

impl Server {
    /// Serves an empty folder.
    pub fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("dvcg-").tempdir_in("/tmp").unwrap();
        let mut command = Command::new("python3");
        command.arg(crate_dir().join("tests/tools/http_server.py")).arg(dir.path());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, dir, port: line.trim().parse().unwrap() }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The place of a file on disk.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its address.
    pub fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/{name}", self.port)
    }

    /// Puts a file there.
    pub fn put(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
