//! The one path type of the pure floors: a place seen from the root of the DVC repository.
//!
//! Text with `/`, normalised (no `.`, no `..` inside, no double slash), never ending in `/`.
//! The root itself is the empty text. A place outside of the repository is kept as an
//! absolute path, so that overlap works the same for both kinds. It does not know the disk:
//! symbolic links are not resolved (DVC does not either).

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// A place relative to the repository's root, or an absolute one outside of it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
pub struct RepoPath(String);

impl RepoPath {
    /// The root of the repository.
    pub fn root() -> Self {
        Self(String::new())
    }

    /// Takes a text that is relative to the root (or absolute and outside) and normalises it.
    /// A relative text that climbs out of the root keeps its leading `..`; use
    /// [`RepoPath::locate`] where the root's own place is known.
    pub fn new(text: &str) -> Self {
        Self(normalise(text))
    }

    /// Where `text`, written in a file whose paths are relative to `base`, points to.
    /// `root` is the absolute path of the repository's root: an absolute text inside of it
    /// becomes relative, a relative text that leaves it becomes absolute
    /// (dvc: `output.py` `_parse_path`, `fs/dvc.py`).
    pub fn locate(root: &str, base: &RepoPath, text: &str) -> Self {
        if !text.starts_with('/') && !base.is_external() {
            // What does not climb out needs no root.
            let inside = base.join(text);
            if !inside.is_external() {
                return inside;
            }
        }
        let joined = if text.starts_with('/') {
            normalise(text)
        } else if base.is_external() {
            normalise(&format!("{}/{text}", base.0))
        } else {
            normalise(&format!("{root}/{}/{text}", base.0))
        };
        let root = normalise(root);
        let prefix = if root == "/" { root.clone() } else { format!("{root}/") };
        if joined == root {
            Self::root()
        } else if let Some(inside) = joined.strip_prefix(&prefix) {
            Self(inside.to_owned())
        } else {
            Self(joined)
        }
    }

    /// The text: empty for the root, absolute for a place outside.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the repository's root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the place lies outside of the repository.
    pub fn is_external(&self) -> bool {
        self.0.starts_with('/') || self.0 == ".." || self.0.starts_with("../")
    }

    /// This place with one or more further components (an absolute `text` replaces it).
    pub fn join(&self, text: &str) -> Self {
        if text.starts_with('/') || self.0.is_empty() { Self::new(text) } else { Self(normalise(&format!("{}/{text}", self.0))) }
    }

    /// The directory that holds this place; none for the root.
    pub fn parent(&self) -> Option<Self> {
        parent(&self.0).map(|text| Self(text.to_owned()))
    }

    /// The last component; empty for the root.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or("")
    }

    /// The components from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The text of this place, of the directory that holds it, and so on up to the root.
    pub fn upwards(&self) -> impl Iterator<Item = &str> {
        std::iter::successors(Some(self.0.as_str()), |place| parent(place))
    }

    /// Whether `other` is this place or lies below it.
    pub fn contains(&self, other: &Self) -> bool {
        if self.0 == other.0 {
            return true;
        }
        if self.0.is_empty() {
            return !other.is_external();
        }
        if self.0 == "/" {
            return other.is_external();
        }
        other.0.strip_prefix(&self.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether one of the two contains the other.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.contains(other) || other.contains(self)
    }

    /// The path on disk, given where the root is.
    pub fn under(&self, root: &Path) -> PathBuf {
        if self.0.is_empty() { root.to_path_buf() } else { root.join(&self.0) }
    }

    /// How DVC shows the path that is written as `def_path`: as written if that is absolute or an
    /// address, else as seen from `cwd` (dvc: `output.py` `__str__`).
    pub fn shown(&self, def_path: &str, cwd: &Self) -> String {
        if def_path.starts_with('/') || def_path.contains("://") { def_path.to_owned() } else { self.seen_from(cwd) }
    }

    /// The path as seen from `dir` (as Python's `os.path.relpath`): `.` for the same place,
    /// with `..` where needed. An external place is given as it is.
    pub fn seen_from(&self, dir: &Self) -> String {
        if self.is_external() || dir.is_external() || (dir.is_root() && !self.is_root()) {
            return self.0.clone();
        }
        let here: Vec<&str> = dir.components().collect();
        let there: Vec<&str> = self.components().collect();
        let common = here.iter().zip(&there).take_while(|(a, b)| a == b).count();
        let mut parts = vec![".."; here.len() - common];
        parts.extend(&there[common..]);
        if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
    }
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

/// The directory that holds a place; none for the root.
fn parent(text: &str) -> Option<&str> {
    if text.is_empty() || text == "/" {
        return None;
    }
    Some(match text.rfind('/') {
        Some(0) => "/",
        Some(at) => &text[..at],
        None => "",
    })
}

/// Lexical normalisation as Python's `os.path.normpath`, but empty for `.`.
fn normalise(text: &str) -> String {
    let absolute = text.starts_with('/');
    if text[usize::from(absolute)..].split('/').all(|part| !matches!(part, "" | "." | "..")) {
        return text.to_owned();
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if absolute => {}
                _ => parts.push(".."),
            },
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if absolute { format!("/{joined}") } else { joined }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_as_python_does() {
        for (text, want) in
            [("a/./b", "a/b"), ("a/../b", "b"), ("./sub/../x.txt", "x.txt"), (".", ""), ("../a", "../a"), ("/../a", "/a"), ("a//b/", "a/b")]
        {
            assert_eq!(RepoPath::new(text).as_str(), want, "{text}");
        }
    }

    #[test]
    fn goes_upwards() {
        for (text, want) in [("a/b", &["a/b", "a", ""][..]), ("/x/y", &["/x/y", "/x", "/"]), ("", &[""])] {
            assert_eq!(RepoPath::new(text).upwards().collect::<Vec<_>>(), want, "{text}");
        }
    }

    #[test]
    fn locates_inside_and_outside() {
        let base = RepoPath::new("sub/dir");
        for (text, want) in [
            ("x", "sub/dir/x"),
            ("../../y", "y"),
            ("../../../z", "/top/z"),
            ("../../../repo/x", "x"),
            ("../..", ""),
            ("./../x//y/", "sub/x/y"),
            ("/top/repo/a", "a"),
            ("/top/repo", ""),
            ("/elsewhere/b", "/elsewhere/b"),
            ("/top/repository", "/top/repository"),
        ] {
            assert_eq!(RepoPath::locate("/top/repo", &base, text).as_str(), want, "{text}");
        }
    }

    #[test]
    fn contains_whole_components_only() {
        let dir = RepoPath::new("d");
        assert!(dir.contains(&RepoPath::new("d/x")));
        assert!(!dir.contains(&RepoPath::new("dx")));
        assert!(RepoPath::root().contains(&dir));
        assert!(!RepoPath::root().contains(&RepoPath::new("/d")));
    }

    #[test]
    fn is_seen_from_elsewhere() {
        let path = RepoPath::new("a/b/c");
        assert_eq!(path.seen_from(&RepoPath::new("a/x")), "../b/c");
        assert_eq!(path.seen_from(&RepoPath::root()), "a/b/c");
        assert_eq!(path.seen_from(&path), ".");
    }
}
