//! The state of a work tree in the words in which golden cases store it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use md5::{Digest as _, Md5};

use crate::support::tree::replace;

/// Marks an empty folder in a stored tree.
pub const KEEP: &str = ".keep-empty-dir";

/// What stands at a path, as far as stored trees tell it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leaf {
    /// A file's bytes.
    File(Vec<u8>),
    /// A link's target.
    Link(String),
    /// A folder without anything in it.
    EmptyDir,
}

/// A stored tree.
pub fn stored(dir: &Path) -> BTreeMap<String, Leaf> {
    let mut leaves = BTreeMap::new();
    for path in walk(dir, &[]) {
        let at = dir.join(&path);
        if let Some(parent) = path.strip_suffix(KEEP) {
            leaves.insert(parent.trim_end_matches('/').to_owned(), Leaf::EmptyDir);
        } else if at.is_symlink() {
            leaves.insert(path, Leaf::Link(at.read_link().unwrap().to_string_lossy().into_owned()));
        } else if at.is_file() {
            leaves.insert(path, Leaf::File(std::fs::read(at).unwrap()));
        }
    }
    leaves
}

/// A tree that stands on disk, with the root's path as `@ROOT@`.
pub fn standing(root: &Path, skip: &[&str]) -> BTreeMap<String, Leaf> {
    let mut leaves = BTreeMap::new();
    let name = root.to_str().unwrap();
    for path in walk(root, skip) {
        let at = root.join(&path);
        if at.is_symlink() {
            leaves.insert(path, Leaf::Link(at.read_link().unwrap().to_string_lossy().replace(name, "@ROOT@")));
        } else if at.is_dir() {
            if std::fs::read_dir(&at).unwrap().next().is_none() {
                leaves.insert(path, Leaf::EmptyDir);
            }
        } else {
            leaves.insert(path, Leaf::File(replace(&std::fs::read(at).unwrap(), name.as_bytes(), b"@ROOT@")));
        }
    }
    leaves
}

/// Files that are not 0644, and links, as `modes.txt` lists them.
pub fn modes(root: &Path, skip: &[&str]) -> String {
    let mut text = String::new();
    for path in walk(root, skip) {
        let at = root.join(&path);
        let meta = at.symlink_metadata().unwrap();
        if meta.is_symlink() {
            let target = at.read_link().unwrap().to_string_lossy().replace(root.to_str().unwrap(), "@ROOT@");
            let _ = writeln!(text, "link {path} -> {target}");
        } else if meta.is_file() {
            let mode = meta.permissions().mode() & 0o7777;
            let linked = if meta.nlink() > 1 { " nlink>1" } else { "" };
            if mode != 0o644 || !linked.is_empty() {
                let _ = writeln!(text, "{mode:04o} {path}{linked}");
            }
        }
    }
    text
}

/// The cache as `cache.txt` lists it: mode, kind, size, path, and whether the content fits the name.
pub fn cache(base: &Path) -> String {
    let mut text = String::new();
    if !base.is_dir() {
        return text;
    }
    for path in walk(base, &[]) {
        let at = base.join(&path);
        let meta = at.symlink_metadata().unwrap();
        let mode = meta.permissions().mode() & 0o7777;
        if meta.is_dir() {
            let _ = writeln!(text, "{mode:04o} d - {path}");
            continue;
        }
        let bytes = std::fs::read(&at).unwrap();
        let verdict = if path.starts_with("runs/") { "" } else { verdict(&path, &bytes) };
        let _ = writeln!(text, "{mode:04o} f {} {path}{verdict}", bytes.len());
    }
    text
}

fn verdict(path: &str, bytes: &[u8]) -> &'static str {
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap();
    let name = format!("{}{last}", parts.next().unwrap_or_default());
    let wanted = name.strip_suffix(".dir").unwrap_or(&name);
    if hex(bytes) == wanted {
        " ok"
    } else if hex(&replace(bytes, b"\r\n", b"\n")) == wanted {
        " dos2unix"
    } else {
        " CORRUPT"
    }
}

fn hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The run-cache as `runs.txt` holds it.
pub fn runs(base: &Path) -> String {
    let mut text = String::new();
    let base = base.join("runs");
    if base.is_dir() {
        for path in walk(&base, &[]).into_iter().filter(|path| base.join(path).is_file()) {
            let _ = write!(text, "=== {path}\n{}", std::fs::read_to_string(base.join(&path)).unwrap());
        }
    }
    text
}

/// All relative paths below a folder, sorted, without `.git` folders and without what is skipped.
pub fn walk(root: &Path, skip: &[&str]) -> Vec<String> {
    fn gather(root: &Path, dir: &Path, skip: &[&str], into: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let folder = path.is_dir() && !path.is_symlink();
            if folder && (skip.contains(&name.as_str()) || path.ends_with(".git")) {
                continue;
            }
            into.push(name);
            if folder {
                gather(root, &path, skip, into);
            }
        }
    }
    let mut paths = Vec::new();
    gather(root, root, skip, &mut paths);
    paths.sort();
    paths
}
