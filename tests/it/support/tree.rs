//! A picture of a folder: every file with bytes and mode, every link with its target, every empty
//! folder; and the differences of two pictures in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

/// What stands at one path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    /// A regular file.
    File {
        /// Permission bits.
        mode: u32,
        /// Whether other names share its inode.
        shared: bool,
        /// Content.
        bytes: Vec<u8>,
    },
    /// A symbolic link.
    Link(String),
    /// A folder, with its permission bits.
    Dir(u32),
}

/// A folder by relative paths.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tree(pub BTreeMap<String, Node>);

impl Tree {
    /// The work tree of a repository: all but `.git` folders and `.dvc/tmp`, with the root's own
    /// path replaced by `@ROOT@`, so that trees at different places can be equal.
    pub fn of_repository(root: &Path) -> Self {
        Self::of(root, &[".dvc/tmp"])
    }

    /// A folder without these relative paths and without any `.git` folder.
    pub fn of(root: &Path, skip: &[&str]) -> Self {
        let mut tree = Self::default();
        tree.gather(root, root, skip);
        tree
    }

    fn gather(&mut self, root: &Path, dir: &Path, skip: &[&str]) {
        for entry in std::fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display())) {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let meta = path.symlink_metadata().unwrap();
            if skip.contains(&name.as_str()) || meta.is_dir() && path.ends_with(".git") {
                continue;
            }
            let mode = meta.permissions().mode() & 0o7777;
            if meta.is_symlink() {
                let target = path.read_link().unwrap().to_string_lossy().replace(root.to_str().unwrap(), "@ROOT@");
                self.0.insert(name, Node::Link(target));
            } else if meta.is_dir() {
                self.0.insert(name, Node::Dir(mode));
                self.gather(root, &path, skip);
            } else {
                let bytes = replace(&std::fs::read(&path).unwrap(), root.to_str().unwrap().as_bytes(), b"@ROOT@");
                self.0.insert(name, Node::File { mode, shared: meta.nlink() > 1, bytes });
            }
        }
    }

    /// What differs, path by path; nothing if the trees are equal.
    pub fn differences(&self, other: &Self, mine: &str, theirs: &str) -> Vec<String> {
        let mut all = Vec::new();
        let paths: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        for path in paths {
            match (self.0.get(path), other.0.get(path)) {
                (Some(a), Some(b)) if a == b => {}
                (Some(a), Some(b)) => all.push(format!("{path}: {}", contrast(a, b, mine, theirs))),
                (Some(a), None) => all.push(format!("{path}: only in {mine}: {}", describe(a))),
                (None, Some(b)) => all.push(format!("{path}: only in {theirs}: {}", describe(b))),
                (None, None) => {}
            }
        }
        all
    }

    /// The trees must be equal.
    #[track_caller]
    pub fn must_equal(&self, other: &Self, mine: &str, theirs: &str) {
        let all = self.differences(other, mine, theirs);
        assert!(all.is_empty(), "{} differences\n{}", all.len(), all.join("\n"));
    }
}

/// All of `from` in `bytes` made into `to`.
pub fn replace(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(from.len()).position(|window| window == from) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(to);
        rest = &rest[at + from.len()..];
    }
    out.extend_from_slice(rest);
    out
}

fn describe(node: &Node) -> String {
    match node {
        Node::File { mode, bytes, .. } => format!("a file, mode {mode:04o}, {} bytes: {}", bytes.len(), excerpt(bytes)),
        Node::Link(target) => format!("a link to {target}"),
        Node::Dir(mode) => format!("a folder, mode {mode:04o}"),
    }
}

fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    format!("{text:?}{}", if bytes.len() > 200 { " …" } else { "" })
}

fn contrast(a: &Node, b: &Node, mine: &str, theirs: &str) -> String {
    match (a, b) {
        (Node::File { mode, bytes, shared }, Node::File { mode: other_mode, bytes: other_bytes, shared: other_shared }) => {
            let mut text = String::new();
            if mode != other_mode {
                let _ = write!(text, "mode {mode:04o} in {mine}, {other_mode:04o} in {theirs} ");
            }
            if shared != other_shared {
                let _ = write!(text, "hard-linked in {} only ", if *shared { mine } else { theirs });
            }
            if bytes != other_bytes {
                text += &lines_apart(&String::from_utf8_lossy(bytes), &String::from_utf8_lossy(other_bytes), mine, theirs);
            }
            text
        }
        _ => format!("{} in {mine}, {} in {theirs}", describe(a), describe(b)),
    }
}

/// A diff of two texts, line by line, without what is equal at both ends.
pub fn lines_apart(a: &str, b: &str, mine: &str, theirs: &str) -> String {
    let (left, right): (Vec<&str>, Vec<&str>) = (a.split('\n').collect(), b.split('\n').collect());
    let head = left.iter().zip(&right).take_while(|(x, y)| x == y).count();
    let most = left.len().min(right.len()) - head;
    let tail = left.iter().rev().zip(right.iter().rev()).take(most).take_while(|(x, y)| x == y).count();
    let mut text = format!("from line {} on (- {mine}, + {theirs})", head + 1);
    for (sign, lines) in [('-', &left), ('+', &right)] {
        for line in &lines[head..lines.len() - tail] {
            let _ = write!(text, "\n    {sign} {line:?}");
        }
    }
    text
}
