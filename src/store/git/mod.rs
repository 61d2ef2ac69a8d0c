//! What is asked of git: whether a path is ignored or tracked, `git add`, and what a commit holds.
//!
//! libgit2 answers, since it is quick and always there. What it refuses (reftable, SHA-256, a
//! split or sparse index, filters), the `git` program is asked instead; without one that is an
//! error, not a guess. Questions use paths as they are written, below the work tree; symbolic
//! links inside of it are not resolved, as git does not either.

mod history;
mod hooks;
mod index;
mod library;
mod objects;
mod program;
mod push;
mod rules;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

pub use self::history::{Node, NodeKind, Revision};
pub use self::hooks::{HooksFolder, HooksPath, hooks_folder};
pub use self::index::Staged;
use self::library::Library;
use self::program::{Program, Refusal};
use self::rules::RuleFiles;
use super::error::Error;
use super::gitignore;

/// Variables that tie a `git` to one repository: a command of a stage must not inherit them
/// from a hook that runs this program (git: `rev-parse --local-env-vars`).
pub const LOCAL_ENV: [&str; 15] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_OBJECT_DIRECTORY",
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_GRAFT_FILE",
    "GIT_INDEX_FILE",
    "GIT_NO_REPLACE_OBJECTS",
    "GIT_REPLACE_REF_BASE",
    "GIT_PREFIX",
    "GIT_SHALLOW_FILE",
    "GIT_COMMON_DIR",
];

/// Frees a command from the repository that a hook was called for.
pub fn untie(command: &mut Command) -> &mut Command {
    LOCAL_ENV.iter().fold(command, |command, name| command.env_remove(name))
}

/// A git repository with a work tree.
#[derive(Debug)]
pub struct Git {
    /// libgit2's view, or why it has none.
    library: Result<Library, String>,
    /// The program; none if it is not installed or does not know the repository either.
    program: OnceLock<Result<Program, Refusal>>,
    /// The work tree's root without symbolic links.
    root: PathBuf,
    /// Where ignore rules stand outside of the work tree.
    global: OnceLock<Vec<PathBuf>>,
    rules: RuleFiles,
    /// The directory that was opened, as written and without symbolic links.
    start: (PathBuf, PathBuf),
}

impl Git {
    /// Opens the repository that holds a directory.
    ///
    /// # Errors
    /// There is none, it has no work tree, or neither libgit2 nor the program can read it.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, false)
    }

    /// The same; a repository without a work tree will do, its own directory standing for that.
    ///
    /// # Errors
    /// There is none, or neither libgit2 nor the program can read it.
    pub fn open_for_reading(dir: &Path) -> Result<Self, Error> {
        Self::open_with(dir, true)
    }

    fn open_with(dir: &Path, bare_will_do: bool) -> Result<Self, Error> {
        let real = dir.canonicalize().map_err(Error::io("resolve", dir))?;
        let start = (dir.to_path_buf(), real);
        let program = OnceLock::new();
        let (library, root) = match Library::open(dir, bare_will_do) {
            Ok(Some((library, root))) => (Ok(library), root),
            Ok(None) => return Err(Error::NotGit { path: dir.to_path_buf() }),
            Err(refusal) => {
                let asked = Program::open(&start.1, bare_will_do).map_err(|said| failure("open", dir, refusal.message(), said))?;
                let root = asked.root().to_path_buf();
                let _ = program.set(Ok(asked));
                (Err(refusal.message().to_owned()), root)
            }
        };
        let root = root.canonicalize().map_err(Error::io("resolve", root))?;
        Ok(Self { library, program, root, global: OnceLock::new(), rules: RuleFiles::default(), start })
    }

    /// The root of the work tree, without symbolic links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it has a work tree, as all but bare repositories have.
    pub fn has_work_tree(&self) -> bool {
        match &self.library {
            Ok(library) => library.has_work_tree(),
            Err(_) => self.program().is_ok_and(Program::has_work_tree),
        }
    }

    /// Whether any ignore file covers a path. A directory that exists counts as one; a path
    /// that ends in `/` always does.
    ///
    /// # Errors
    /// An ignore file that cannot be read.
    pub fn is_ignored(&self, path: &Path) -> Result<bool, Error> {
        let Some(inside) = self.inside(path) else { return Ok(false) };
        if inside.as_os_str().is_empty() {
            return Ok(false);
        }
        let files = || self.ignore_files(inside.parent().unwrap_or(&inside));
        let ask = |program: &Program| program.is_ignored(&inside, files());
        if self.rules.are_misread(files())
            && let Ok(answer) = self.program().and_then(ask)
        {
            return Ok(answer);
        }
        self.ask("read ignore rules of", |library| library.is_ignored(&inside), ask)
    }

    /// Where ignore rules stand outside of the work tree: a file that the user set for all
    /// repositories, and one below the git directory that all work trees share. DVC finds the first
    /// the stronger one, git the other.
    pub(super) fn global_ignore_files(&self) -> &[PathBuf] {
        let ask = || self.ask("read the configuration of", |library| Ok(library.global_ignore_files()), Program::global_ignore_files);
        self.global.get_or_init(|| ask().unwrap_or_default())
    }

    /// Where ignore rules for what is in a directory of the work tree may stand, strongest first.
    pub(super) fn ignore_files<'a>(&'a self, inside: &'a Path) -> impl Iterator<Item = PathBuf> + 'a {
        let above = inside.ancestors().map(|dir| self.root.join(dir).join(gitignore::NAME));
        above.chain(self.global_ignore_files().iter().rev().cloned())
    }

    /// Whether the index holds the path or something below it.
    ///
    /// # Errors
    /// An index that cannot be read.
    pub fn is_tracked(&self, path: &Path) -> Result<bool, Error> {
        let Some(inside) = self.inside(path) else { return Ok(false) };
        self.ask("read the index of", |library| library.is_tracked(&inside), |program| program.is_tracked(&inside))
    }

    /// Adds files to the index, and takes out those that are gone. Paths outside of the work
    /// tree, ignored paths and paths in submodules are left out.
    ///
    /// # Errors
    /// An index that cannot be read or written.
    pub fn add(&self, paths: &[PathBuf]) -> Result<(), Error> {
        let mut wanted = Vec::new();
        for path in paths {
            if let Some(inside) = self.inside(path)
                && !self.is_ignored(path)?
            {
                wanted.push(inside);
            }
        }
        self.ask("add files to the index of", |library| library.add(&self.root, &wanted), |program| program.add(&wanted))
    }

    /// The library's answer or, if it refuses, the program's.
    fn ask<T>(
        &self,
        attempt: &'static str,
        library: impl FnOnce(&Library) -> Result<T, git2::Error>,
        program: impl FnOnce(&Program) -> Result<T, Refusal>,
    ) -> Result<T, Error> {
        let refusal = match &self.library {
            Ok(answers) => match library(answers) {
                Ok(answer) => return Ok(answer),
                Err(error) => error.message().to_owned(),
            },
            Err(refusal) => refusal.clone(),
        };
        self.program().and_then(program).map_err(|said| failure(attempt, &self.root, &refusal, said))
    }

    fn program(&self) -> Result<&Program, Refusal> {
        self.program.get_or_init(|| Program::open(&self.root, true)).as_ref().map_err(Clone::clone)
    }

    /// A path relative to the work tree; none if it lies outside. A `/` at the end is kept.
    pub(super) fn inside(&self, path: &Path) -> Option<PathBuf> {
        let (written, real) = &self.start;
        let text = path.to_str()?;
        let place = path.strip_prefix(written).map_or_else(|_| path.to_path_buf(), |below| real.join(below));
        let inside = place.strip_prefix(&self.root).ok()?;
        Some(if text.ends_with('/') { inside.join("") } else { inside.to_path_buf() })
    }
}

fn failure(attempt: &'static str, path: &Path, library: &str, program: Refusal) -> Error {
    let message = match program {
        Refusal::NotInstalled => format!("{library} (the `git` program is asked instead, but there is none)"),
        Refusal::Said(words) => words,
    };
    Error::Git { attempt, path: path.to_path_buf(), message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    use git2::Repository;

    /// An empty repository, and two views of it: libgit2's and the program's.
    fn repository() -> (tempfile::TempDir, [Git; 2]) {
        let dir = tempfile::tempdir().unwrap();
        Repository::init(dir.path()).unwrap();
        let views = views(dir.path());
        (dir, views)
    }

    fn views(dir: &Path) -> [Git; 2] {
        let refused = Git { library: Err("refused".to_owned()), ..Git::open(dir).unwrap() };
        [Git::open(dir).unwrap(), refused]
    }

    #[test]
    fn ignored_and_tracked() {
        let (dir, views) = repository();
        let at = |name: &str| dir.path().join(name);
        fs::write(at(".gitignore"), "*.log\nd/\n/e\n!no.log\n\\!bang\n[z]*\n").unwrap();
        fs::create_dir(at("d")).unwrap();
        fs::create_dir(at("t")).unwrap();
        fs::write(at("t/x"), "x").unwrap();
        crate::store::os::symlink(Path::new("t"), &at("link")).unwrap();
        crate::store::os::symlink(Path::new("/"), &at("away")).unwrap();
        let paths = [("a.log", true), ("d", true), ("d/x", true), ("d/no.log", true), ("f/", false), ("e", true), ("t", false)];
        let odd = [("e/x.dvc", true), ("t/no.log", false), ("!bang", true), (":(top)a.log", true), ("*", false), ("link/a.log", true)];
        for git in &views {
            for (path, want) in paths.iter().chain(&odd) {
                assert_eq!(git.is_ignored(&at(path)).unwrap(), *want, "{path}");
            }
            assert!(!git.is_ignored(Path::new("/elsewhere/a.log")).unwrap());
            assert!(!git.is_tracked(&at("t")).unwrap());
            git.add(&[at("t/x"), at("a.log"), at("gone")]).unwrap();
            assert!(git.is_tracked(&at("t")).unwrap());
            assert!(git.is_tracked(&at("t/x")).unwrap());
            assert!(!git.is_tracked(&at("*")).unwrap());
            assert!(!git.is_tracked(&at("a.log")).unwrap());
            fs::rename(at("t/x"), at("y")).unwrap();
            git.add(&[at("t/x")]).unwrap();
            assert!(!git.is_tracked(&at("t")).unwrap());
            fs::rename(at("y"), at("t/x")).unwrap();
        }
    }

    /// libgit2 has ignore rules of its own: it must be asked so that git's come out.
    #[test]
    fn both_views_agree_on_random_rules() {
        let (dir, views) = repository();
        let mut seed: u64 = 4711;
        let mut pick = move |count: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % count
        };
        let parts = ["a", "b", "c", "*", "**", "a*", "?", "[ab]", "[!a]", "a.x", "*.x", "\\a", "a ", "[a-c]x", "#a"];
        let names = ["a", "b", "c", "a.x", "cx"];
        for deep in ["a/b", "b/a", "c/c", "a/a.x"] {
            fs::create_dir_all(dir.path().join(deep)).unwrap();
        }
        for _ in 0..100 {
            let files = [".gitignore", "a/.gitignore", ".git/info/exclude"].map(|file| dir.path().join(file));
            let first = pick(3);
            let mut all = Vec::new();
            for file in files.iter().cycle().skip(first).take([1, 1, 2, 3][pick(4)]) {
                let mut rules = String::new();
                for _ in 0..=pick(4) {
                    rules += ["!", "", ""][pick(3)];
                    rules += ["/", "", ""][pick(3)];
                    let segments: Vec<&str> = (0..=pick(3)).map(|_| parts[pick(parts.len())]).collect();
                    rules += &segments.join("/");
                    rules += ["/", "", ""][pick(3)];
                    rules += ["\n", "\n", " \n", "\r\n"][pick(4)];
                }
                fs::write(file, &rules).unwrap();
                all.push((file.clone(), rules));
            }
            for _ in 0..10 {
                let path: Vec<&str> = (0..=pick(3)).map(|_| names[pick(names.len())]).collect();
                let path = dir.path().join(path.join("/"));
                let [library, program] = [&views[0], &views[1]].map(|git| git.is_ignored(&path).unwrap());
                assert_eq!(library, program, "{} by {all:?}", path.display());
            }
            for (file, _) in all {
                fs::remove_file(file).unwrap();
            }
        }
    }

    /// libgit2 alone throws such exceptions away.
    #[test]
    fn an_exception_undoes_a_rule() {
        let (dir, views) = repository();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join(".gitignore"), "c\n").unwrap();
        fs::write(dir.path().join("sub/.gitignore"), "\u{feff}!c\n").unwrap();
        fs::write(dir.path().join(".git/info/exclude"), "# none\n\n").unwrap();
        for git in &views {
            assert!(git.is_ignored(&dir.path().join("c")).unwrap());
            assert!(!git.is_ignored(&dir.path().join("sub/c")).unwrap());
        }
        assert!(views[0].program.get().is_some_and(Result::is_ok), "it was asked");
        fs::remove_file(dir.path().join("sub/.gitignore")).unwrap();
        fs::write(dir.path().join(".gitignore"), "*/?\n!c\n").unwrap();
        for git in &views {
            assert!(!git.is_ignored(&dir.path().join("sub/c")).unwrap());
            assert!(git.is_ignored(&dir.path().join("sub/d")).unwrap());
        }
    }

    #[test]
    fn sees_what_others_change() {
        let (dir, views) = repository();
        let file = dir.path().join(".gitignore");
        for git in &views {
            fs::write(&file, "/p\n").unwrap();
            assert!(!git.is_ignored(&dir.path().join("o")).unwrap());
            fs::write(&file, "/o\n").unwrap();
            assert!(git.is_ignored(&dir.path().join("o")).unwrap());
            fs::remove_file(&file).unwrap();
            assert!(!git.is_ignored(&dir.path().join("o")).unwrap());
        }
        fs::write(dir.path().join("x"), "x").unwrap();
        Git::open(dir.path()).unwrap().add(&[dir.path().join("x")]).unwrap();
        for git in &views {
            assert!(git.is_tracked(&dir.path().join("x")).unwrap());
        }
    }

    #[test]
    fn a_repository_below_the_git_root() {
        let (dir, _) = repository();
        let sub = dir.path().join("sub");
        fs::create_dir(&sub).unwrap();
        fs::write(dir.path().join(".gitignore"), "/sub/o\n").unwrap();
        fs::write(dir.path().join(".git/info/exclude"), "p.x\n").unwrap();
        for git in views(&sub) {
            assert!(git.is_ignored(&sub.join("o")).unwrap());
            assert!(git.is_ignored(&sub.join("p.x")).unwrap());
            assert!(!git.is_ignored(&sub.join("p")).unwrap());
            assert_eq!(git.global_ignore_files().last().unwrap(), &git.root().join(".git/info/exclude"));
        }
    }

    #[test]
    fn a_linked_ignore_file_has_no_rules() {
        let (dir, views) = repository();
        fs::write(dir.path().join("rules"), "o\n").unwrap();
        crate::store::os::symlink(Path::new("rules"), &dir.path().join(".gitignore")).unwrap();
        for git in &views {
            assert!(!git.is_ignored(&dir.path().join("o")).unwrap());
        }
    }

    #[test]
    fn submodules_and_filters_are_minded() {
        let (dir, views) = repository();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("mod")).unwrap();
        fs::write(at("mod/x"), "x").unwrap();
        fs::write(at(".gitmodules"), "[submodule \"m\"]\n\tpath = mod\n\turl = ../m\n").unwrap();
        fs::write(at(".gitattributes"), "*.up filter=up\n").unwrap();
        let mut config = Repository::open(dir.path()).unwrap().config().unwrap();
        config.set_str("filter.up.clean", "tr a-z A-Z").unwrap();
        for (git, name) in views.iter().zip(["a.up", "b.up"]) {
            fs::write(at(name), "low\n").unwrap();
            git.add(&[at("mod/x"), at(name)]).unwrap();
            assert!(!git.is_tracked(&at("mod/x")).unwrap());
            let repository = Repository::open(dir.path()).unwrap();
            let entry = repository.index().unwrap().get_path(Path::new(name), 0).unwrap();
            assert_eq!(repository.find_blob(entry.id).unwrap().content(), b"LOW\n");
        }
    }

    #[test]
    fn refusals_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let error = Git::open(dir.path()).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is not a git repository", dir.path().display()));
        let error = failure("open", Path::new("/w"), "unsupported extension", Refusal::NotInstalled);
        let want = "cannot open the git repository '/w': unsupported extension (the `git` program is asked instead, but there is none)";
        assert_eq!(error.to_string(), want);
        let (dir, _) = repository();
        fs::write(dir.path().join(".git/config"), "[core\n").unwrap();
        let error = Git::open(dir.path()).unwrap_err();
        assert!(matches!(&error, Error::Git { message, .. } if message.starts_with("bad config line 1")), "{error}");
    }
}
