//! Whether a change of some files may change what a pipeline comes to, without reading the pipeline.
//!
//! A push that touches no file of the pipeline must cost nothing, and to parse a large dvc.lock is not
//! nothing. So its text is searched for the names of what changed. The answer may be yes where it is
//! no, never the other way round: dvc.lock names every dep, parameter file and output of each stage
//! by its resolved path, and dvc.yaml names the files of its variables.

use crate::model::RepoPath;

/// So many changed files are looked for; where there are more, the pipeline is read.
pub const MOST: usize = 200;

/// What a repository says of its pipeline.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// The texts of all dvc.yaml and dvc.lock files.
    pub texts: Vec<Vec<u8>>,
    /// The targets of all symbolic links.
    pub links: Vec<String>,
}

impl Said {
    /// Whether one of the changed files (paths from the root of git) may belong to the pipeline.
    pub fn may_be_touched(&self, changed: &[String]) -> bool {
        if changed.is_empty() {
            return false;
        }
        changed.len() > MOST
            || self.texts.iter().any(|text| names_a_directory_by_dots(text))
            || changed.iter().any(|path| always_counts(path) || self.leads_to(path) || self.texts.iter().any(|text| names(text, path)))
    }

    /// Whether a link may lead to a path, under another name then.
    fn leads_to(&self, path: &str) -> bool {
        let parts = |path: &str| path.split('/').filter(|part| !matches!(*part, "" | "." | "..")).map(str::to_owned).collect::<Vec<_>>();
        let own = parts(path);
        self.links.iter().map(|target| parts(target)).any(|target| target.is_empty() || target.iter().any(|part| own.contains(part)))
    }
}

/// Files that belong to every pipeline.
fn always_counts(path: &str) -> bool {
    let path = RepoPath::new(path);
    let name = path.file_name();
    matches!(name, "dvc.yaml" | "dvc.lock" | "params.yaml" | ".dvcignore" | ".gitattributes" | "paraffin.yaml")
        || name.ends_with(".dvc")
        || path.components().any(|part| part == ".dvc")
}

/// Whether a text names a path, or a directory above it: a name with anything else than a letter before and behind it.
fn names(text: &[u8], path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let is_plain = |part: &&str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    // Other names may be written with escapes, or over two lines.
    if !parts.iter().all(is_plain) {
        return true;
    }
    let last = parts.len() - 1;
    parts.iter().enumerate().any(|(at, part)| {
        occurrences(text, part.as_bytes()).any(|(before, behind)| {
            let begins = !is_of_name(before);
            // Of a directory only what names itself counts, not what lies in it: `src/`, but not `src/a.py`.
            let ends = match behind {
                [b'/', next, ..] => at != last && !is_of_name(Some(*next)),
                behind => !is_of_name(behind.first().copied()),
            };
            begins && ends
        })
    })
}

fn is_of_name(byte: Option<u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || byte >= 0x80)
}

/// What stands before and behind each occurrence.
fn occurrences<'t>(text: &'t [u8], name: &'t [u8]) -> impl Iterator<Item = (Option<u8>, &'t [u8])> {
    memchr::memmem::find_iter(text, name).map(move |at| (at.checked_sub(1).map(|before| text[before]), &text[at + name.len()..]))
}

/// Whether a path is written that has no name of its own, such as `..` or `./`: it may be a directory of anything.
fn names_a_directory_by_dots(text: &[u8]) -> bool {
    let mut start = 0;
    memchr::memchr_iter(b'\n', text).chain([text.len()]).any(|end| {
        let line = &text[start..end];
        start = end + 1;
        // Most lines end otherwise, and there are many.
        let last = line.iter().rev().find(|byte| !b"'\": \r".contains(byte));
        matches!(last, Some(b'.' | b'/')) && is_of_dots(line)
    })
}

/// Whether a line holds a path of dots and nothing else.
fn is_of_dots(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"- ").unwrap_or(line).trim_ascii();
    let line = line.strip_prefix(b"path:").unwrap_or(line).trim_ascii();
    let line = line.strip_suffix(b":").unwrap_or(line);
    line.iter().all(|byte| b"./'\"".contains(byte)) && line.contains(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said { texts: vec![text.as_bytes().to_vec()], links: Vec::new() }
    }

    const LOCK: &str = "schema: '2.0'\nstages:\n  a:\n    cmd: python src/train.py --x lib/y\n    deps:\n    - path: data/raw.csv\n      hash: md5\n    - path: code\n    - path: ../up/\n    params:\n      conf/p.json:\n        lr: 1\n";

    #[test]
    fn what_is_named_counts_with_all_below_it() {
        for (path, want) in [
            ("data/raw.csv", true),
            ("deep/data/raw.csv", true),
            ("data/other.csv", false),
            ("code/a.py", true),
            ("code", true),
            ("lib/z", false),
            ("src/other.py", false),
            ("up/x", true),
            ("conf/p.json", true),
            ("conf/q.json", false),
            ("README.md", false),
            ("draw.csv", false),
            ("raw.csv.bak", false),
            ("params.yaml", true),
            ("sub/x.dvc", true),
            ("sub/.dvc/config", true),
            ("docs/\u{e9}.md", true),
            ("docs/a b.md", true),
        ] {
            assert_eq!(said(LOCK).may_be_touched(&[path.to_owned()]), want, "{path}");
        }
        assert!(!said(LOCK).may_be_touched(&[]));
        assert!(said(LOCK).may_be_touched(&vec!["README.md".to_owned(); MOST + 1]));
    }

    #[test]
    fn a_directory_without_a_name_may_hold_anything() {
        for line in ["    - path: ..", "      - .", "    - './'", "    - ../..:", "    - path: \"../\""] {
            assert!(said(&format!("{LOCK}{line}\n")).may_be_touched(&["README.md".to_owned()]), "{line}");
        }
        assert!(!said("    wdir: sub\n    - a.b\n").may_be_touched(&["README.md".to_owned()]));
    }

    #[test]
    fn links_lead_elsewhere() {
        let with = |target: &str| Said { links: vec![target.to_owned()], ..said(LOCK) };
        assert!(with("../shared/x").may_be_touched(&["shared/y".to_owned()]));
        assert!(with("..").may_be_touched(&["README.md".to_owned()]));
        assert!(!with("../shared/x").may_be_touched(&["docs/unnamed".to_owned()]));
    }
}
