//! Which outputs git ignores already, asked for many at once.
//!
//! A new line in a `.gitignore` makes libgit2 read the file again, all of it, before it answers the
//! next question: with one line for each of N outputs in a directory that is N². But a line for one
//! name says nothing of another. So names that will be asked for soon are asked along, and the
//! answers hold until someone else changes an ignore file that counts there. A name that has its own
//! line needs no question at all.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::error::Error;
use super::git::Git;
use super::gitignore;
use super::os::State;

/// What was asked, and under which rules.
#[derive(Debug, Default)]
pub struct Ignored {
    files: HashMap<PathBuf, Rules>,
    dirs: HashMap<PathBuf, Known>,
}

/// An ignore file as we saw it or left it.
#[derive(Debug, PartialEq, Eq)]
struct Rules {
    state: Option<State>,
    /// How often others changed it.
    version: usize,
}

/// What is known of a directory.
#[derive(Debug, Default)]
struct Known {
    /// The versions of the ignore files that count there, its own first.
    versions: Vec<usize>,
    /// Names that its own file ignores by a line for nothing else.
    lines: HashSet<String>,
    answers: HashMap<String, bool>,
    /// Names that have got a line since, in small letters: where git does not mind the case, their
    /// lines hold for other names too.
    added: HashSet<String>,
    /// How many names are asked along next time.
    ahead: usize,
}

impl Ignored {
    /// Whether git ignores the output `name` of `dir`; `soon` are names there that will be asked for.
    ///
    /// # Errors
    /// An ignore file that cannot be read.
    pub fn covers<'n>(&mut self, git: &Git, dir: &Path, name: &str, soon: impl Iterator<Item = &'n str>) -> Result<bool, Error> {
        let path = dir.join(name);
        let Some(files) = is_plain(name).then(|| Self::files_for(git, dir)).flatten() else { return git.is_ignored(&path) };
        let versions = files.iter().map(|file| self.version(file)).collect();
        let known = self.dirs.entry(dir.to_path_buf()).or_default();
        if known.versions != versions {
            *known = Known { versions, lines: lines_of(&files[0])?, ..Known::default() };
        }
        if known.lines.contains(name) {
            return Ok(true);
        }
        if let Some(answer) = known.answers.get(name)
            && !known.added.contains(&name.to_ascii_lowercase())
        {
            return Ok(*answer);
        }
        let unknown =
            |other: &&'n str| is_plain(other) && *other != name && !known.lines.contains(*other) && !known.answers.contains_key(*other);
        let along: Vec<&str> = soon.filter(unknown).take(known.ahead).collect();
        known.ahead = (known.ahead * 2).max(1);
        for other in along {
            if let Some(answer) = whatever_it_is(git, &dir.join(other))? {
                known.answers.insert(other.to_owned(), answer);
            }
        }
        git.is_ignored(&path)
    }

    /// Notes that `name` got a line in the `.gitignore` of `dir`.
    pub fn add(&mut self, git: &Git, dir: &Path, name: &str) {
        // What a line means whose name has signs in it is git's matter.
        let Some(own) = is_plain(name).then(|| own_file(git, dir)).flatten() else {
            self.dirs.remove(dir);
            return;
        };
        if let (Some(rules), Some(known)) = (self.files.get_mut(&own), self.dirs.get_mut(dir)) {
            rules.state = State::at(&own);
            known.lines.insert(name.to_owned());
            known.added.insert(name.to_ascii_lowercase());
        }
    }

    /// The ignore files that count in a directory, its own first; none if git does not see it, or
    /// if one of them is a link, whose target could change unseen.
    fn files_for(git: &Git, dir: &Path) -> Option<Vec<PathBuf>> {
        let files: Vec<PathBuf> = git.ignore_files(&git.inside(dir)?).collect();
        (!files.iter().any(|file| file.is_symlink())).then_some(files)
    }

    /// Notes whether an ignore file was changed by others.
    fn version(&mut self, file: &Path) -> usize {
        let state = State::at(file);
        let Some(rules) = self.files.get_mut(file) else {
            self.files.insert(file.to_path_buf(), Rules { state, version: 0 });
            return 0;
        };
        if rules.state != state {
            *rules = Rules { state, version: rules.version + 1 };
        }
        rules.version
    }
}

/// A name that stands for itself in an ignore file, and for nothing else.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-+=@,".contains(&byte))
}

fn own_file(git: &Git, dir: &Path) -> Option<PathBuf> {
    Some(git.root().join(git.inside(dir)?).join(gitignore::NAME))
}

/// The plain names that the last rules of a file ignore. The last rule that matches decides, and
/// the file of a name's own directory stands above all others: only a later `!` could undo such a line.
fn lines_of(file: &Path) -> Result<HashSet<String>, Error> {
    let text = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(HashSet::new()),
        Err(error) => return Err(Error::io("read", file)(error)),
    };
    let lines = text.split(|byte| *byte == b'\n').rev().take_while(|line| !line.starts_with(b"!"));
    let names = lines.filter_map(|line| std::str::from_utf8(line.strip_prefix(b"/")?).ok());
    Ok(names.filter(|name| is_plain(name)).map(str::to_owned).collect())
}

/// The answer for a path, if it is the same for a file and for a directory: a stage may still make
/// it either.
fn whatever_it_is(git: &Git, path: &Path) -> Result<Option<bool>, Error> {
    if path.is_dir() {
        return Ok(None);
    }
    let answer = git.is_ignored(path)?;
    Ok((git.is_ignored(&path.join(""))? == answer).then_some(answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Twin {
        dir: tempfile::TempDir,
        git: Git,
        ignored: Ignored,
    }

    impl Twin {
        fn new(rules: &str) -> Self {
            let dir = tempfile::tempdir().unwrap();
            git2::Repository::init(dir.path()).unwrap();
            fs::write(dir.path().join(gitignore::NAME), rules).unwrap();
            let git = Git::open(dir.path()).unwrap();
            Self { dir, git, ignored: Ignored::default() }
        }

        /// Whether a name is covered; what git itself says must be the same.
        fn covers(&mut self, below: &str, name: &str, soon: &[&str]) -> bool {
            let dir = self.dir.path().join(below);
            let told = self.ignored.covers(&self.git, &dir, name, soon.iter().copied()).unwrap();
            assert_eq!(told, self.git.is_ignored(&dir.join(name)).unwrap(), "{below}/{name}");
            told
        }

        fn add(&mut self, below: &str, name: &str) {
            let dir = self.dir.path().join(below);
            gitignore::add(&self.git, &dir, name, std::iter::empty()).unwrap();
            self.ignored.add(&self.git, &dir, name);
        }

        fn answers(&self, below: &str) -> usize {
            self.ignored.dirs.get(&self.dir.path().join(below)).map_or(0, |known| known.answers.len())
        }
    }

    #[test]
    fn names_are_asked_along_and_hold_while_only_we_add_lines() {
        let mut twin = Twin::new("*.log\n");
        let names: Vec<String> = (0..20).map(|k| format!("{k}.{}", if k % 5 == 0 { "log" } else { "out" })).collect();
        let soon: Vec<&str> = names.iter().map(String::as_str).collect();
        for (k, name) in soon.iter().enumerate() {
            assert_eq!(twin.covers("", name, &soon[k + 1..]), k % 5 == 0, "{name}");
            if k % 5 != 0 {
                twin.add("", name);
            }
        }
        assert!(twin.answers("") > 10, "{}", twin.answers(""));
        // With its line an output is covered without any answer.
        assert!(twin.covers("", "1.out", &[]));
    }

    #[test]
    fn what_others_write_counts() {
        let mut twin = Twin::new("");
        fs::create_dir(twin.dir.path().join("sub")).unwrap();
        for below in ["", "sub"] {
            assert!(!twin.covers(below, "a", &["b", "c"]));
            assert!(!twin.covers(below, "b", &["c"]));
            assert_eq!(twin.answers(below), 1);
        }
        twin.add("", "b");
        assert!(!twin.covers("sub", "c", &[]), "a line of ours above changes nothing here");
        assert_eq!(twin.answers("sub"), 1);
        fs::write(twin.dir.path().join(gitignore::NAME), "c\n").unwrap();
        assert!(twin.covers("", "c", &[]));
        assert!(twin.covers("sub", "c", &[]));
        fs::write(twin.dir.path().join(".git/info/exclude"), "d\n").unwrap();
        assert!(twin.covers("sub", "d", &[]));
        fs::write(twin.dir.path().join("sub").join(gitignore::NAME), "!c\n/e\n").unwrap();
        assert!(!twin.covers("sub", "c", &[]));
        assert!(twin.covers("sub", "e", &[]));
    }

    #[test]
    fn a_later_exception_undoes_a_line() {
        let mut twin = Twin::new("/a\n/b\n!a\n/c\n");
        assert!(!twin.covers("", "a", &[]));
        assert!(twin.covers("", "b", &[]));
        assert!(twin.covers("", "c", &[]));
    }

    #[test]
    fn what_may_be_a_directory_is_asked_when_it_is_there() {
        let mut twin = Twin::new("d*/\n");
        fs::create_dir(twin.dir.path().join("d0")).unwrap();
        assert!(!twin.covers("", "a", &[]));
        assert!(!twin.covers("", "b", &["d1", "d0"]));
        assert!(!twin.covers("", "c", &["d1", "d0"]));
        assert_eq!(twin.answers(""), 0);
        fs::create_dir(twin.dir.path().join("d1")).unwrap();
        assert!(twin.covers("", "d1", &[]));
        fs::remove_dir(twin.dir.path().join("d0")).unwrap();
        assert!(!twin.covers("", "d0", &[]));
    }

    #[test]
    fn odd_names_and_letters_of_both_cases() {
        let mut twin = Twin::new("");
        let repository = git2::Repository::open(twin.dir.path()).unwrap();
        repository.config().unwrap().set_bool("core.ignorecase", true).unwrap();
        twin.git = Git::open(twin.dir.path()).unwrap();
        assert!(!twin.covers("", "x", &["A", "a"]));
        assert!(!twin.covers("", "y", &["A", "a"]));
        assert!(!twin.covers("", "z", &["A", "a"]));
        assert_eq!(twin.answers(""), 2);
        twin.add("", "A");
        assert!(twin.covers("", "a", &[]));
        for name in ["b c", "d\\e", "[f]", "ü", "g "] {
            assert!(!twin.covers("", name, &["g"]), "{name}");
            twin.add("", name);
            assert!(twin.covers("", name, &[]) || name == "g ", "{name}");
        }
        assert!(twin.covers("", "g", &[]), "git does not see the space");
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_file_has_no_rules() {
        let mut twin = Twin::new("");
        fs::remove_file(twin.dir.path().join(gitignore::NAME)).unwrap();
        fs::write(twin.dir.path().join("rules"), "/o\n").unwrap();
        crate::store::os::symlink(Path::new("rules"), &twin.dir.path().join(gitignore::NAME)).unwrap();
        assert!(!twin.covers("", "o", &["p"]));
    }
}
