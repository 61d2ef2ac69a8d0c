//! Whether git's ignore rules cover all that a directory holds, as DVC's git library sees it.
//!
//! DVC asks that library about a directory with a `/` at its end, and gets a yes also where no
//! rule names the directory but the last rule about its contents (`dir/*`, `dir/**`) ignores
//! them: a later `!dir/*.dvc` does not count. So DVC does not look for stages in there, and this
//! program must not either (dulwich: `ignore.py` `_excluded_inside`).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::git::Git;
use super::gitignore;
use crate::format::ignore;

/// The rules about contents, read once a file.
#[derive(Debug)]
pub(super) struct ContentRules<'a> {
    git: &'a Git,
    known: HashMap<PathBuf, Vec<Rule>>,
}

/// A line that ends in `/*` or `/**`.
#[derive(Clone, Debug)]
struct Rule {
    /// Whether it ignores; otherwise it takes back.
    ignores: bool,
    /// What stands before the end.
    dir: String,
    /// Whether it reaches all below.
    deep: bool,
}

impl<'a> ContentRules<'a> {
    /// Nothing is read yet.
    pub(super) fn new(git: &'a Git) -> Self {
        Self { git, known: HashMap::new() }
    }

    /// Whether the last rule about what a directory holds ignores it.
    pub(super) fn cover(&mut self, dir: &Path) -> bool {
        let Some(inside) = self.git.inside(dir) else { return false };
        let root = self.git.root().to_path_buf();
        let above = inside.ancestors().skip(1).map(|above| (root.join(above).join(gitignore::NAME), above.to_path_buf()));
        let outside = self.git.global_ignore_files().iter().map(|file| (file.clone(), PathBuf::new()));
        for (file, base) in above.chain(outside).collect::<Vec<_>>() {
            let Some(place) = inside.strip_prefix(&base).ok().and_then(Path::to_str) else { continue };
            let rules = self.known.entry(file).or_insert_with_key(|file| read(file));
            let last = rules.iter().rev().find(|rule| ignore::is_path(&rule.dir, place, rule.deep));
            if let Some(rule) = last {
                return rule.ignores;
            }
        }
        false
    }
}

/// The rules about contents in one file; a file that cannot be read has none.
fn read(file: &Path) -> Vec<Rule> {
    let text = fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text.lines().filter_map(rule).collect()
}

fn rule(line: &str) -> Option<Rule> {
    let (ignores, text) = line.strip_prefix('!').map_or((true, line), |text| (false, text));
    let text = text.trim_end_matches(' ').trim_end_matches('/');
    let (dir, deep) = match text.strip_suffix("/**") {
        Some(dir) => (dir, true),
        None => (text.strip_suffix("/*")?, false),
    };
    let dir = match dir.trim_start_matches('/') {
        // `/**` is about all that there is.
        "" if deep => "**",
        dir => dir,
    };
    (!line.starts_with('#') && !dir.is_empty()).then(|| Rule { ignores, dir: dir.to_owned(), deep })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answers are those of the library in DVC 3.67.1.
    #[test]
    fn rules_about_contents_keep_dvc_out() {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let git = Git::open(dir.path()).unwrap();
        for (rules, path, want) in [
            ("data/*", "data", true),
            ("data/*\n!data/*.dvc", "data", true),
            ("/data/*\n!/data/x.dvc", "data", true),
            ("data/**", "data", true),
            ("data/**\n!data/**/\n!data/**/*.dvc", "data", false),
            ("data/sub/**", "data/sub", true),
            ("data/sub/**", "data", false),
            ("data/*", "data/sub", false),
            ("data/*", "other/data", false),
            ("data/s*", "data", false),
            ("data/[^a]*", "data", false),
            ("/*", "data", false),
            ("*", "data", false),
            ("**/sub/*", "data/sub", true),
            ("/**\n!data", "data", true),
            ("**/*", "a/b", true),
            ("# data/*", "data", false),
            ("data/*\n!data/*", "data", false),
        ] {
            fs::write(dir.path().join(".gitignore"), rules).unwrap();
            assert_eq!(ContentRules::new(&git).cover(&dir.path().join(path)), want, "{path} in {rules:?}");
        }
    }
}
