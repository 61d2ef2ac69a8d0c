//! What the `git` program says of a repository that libgit2 does not understand.
//!
//! Ignore rules are asked for thousands of times when a repository is loaded, so one process
//! answers these questions until an ignore file changes that it may have read. All others start
//! a process each.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

use super::history::{Node, Revision, named};
use super::index::Staged;
use super::objects::{Objects, nodes};
use super::untie;
use crate::model::values::GitFacts;
use crate::store::os::State;

/// Why there is no answer.
#[derive(Clone, Debug, Error)]
pub(super) enum Refusal {
    /// There is no such program.
    #[error("the `git` program is not installed")]
    NotInstalled,
    /// What it said.
    #[error("{0}")]
    Said(String),
}

/// The program at the root of one work tree.
#[derive(Debug)]
pub(super) struct Program {
    root: PathBuf,
    has_work_tree: bool,
    ignores: Mutex<Option<Talk>>,
    objects: Mutex<Option<Objects>>,
}

impl Program {
    /// For the repository that holds a directory. Where a bare one will do, its own directory stands for the
    /// work tree.
    pub(super) fn open(dir: &Path, bare_will_do: bool) -> Result<Self, Refusal> {
        let top = run(git(dir).args(["rev-parse", "--show-toplevel"]), b"");
        let is_bare = || bare_will_do && run(git(dir).args(["rev-parse", "--is-bare-repository"]), b"").is_ok_and(|said| said == b"true\n");
        let (output, has_work_tree) = match top {
            Err(_) if is_bare() => (run(git(dir).args(["rev-parse", "--absolute-git-dir"]), b"")?, false),
            top => (top?, true),
        };
        let root = PathBuf::from(String::from_utf8_lossy(&output).trim_end_matches('\n'));
        Ok(Self { root, has_work_tree, ignores: Mutex::new(None), objects: Mutex::new(None) })
    }

    /// The root of the work tree.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it is more than a bare repository.
    pub(super) fn has_work_tree(&self) -> bool {
        self.has_work_tree
    }

    /// Whether one of these ignore files covers a path below the work tree.
    pub(super) fn is_ignored(&self, inside: &Path, files: impl Iterator<Item = PathBuf>) -> Result<bool, Refusal> {
        let Some(inside) = self.real(inside) else { return Ok(false) };
        let mut talk = self.ignores.lock().unwrap_or_else(PoisonError::into_inner);
        let files: Vec<PathBuf> = files.collect();
        if !talk.as_mut().is_some_and(|talk| talk.still_holds(&files)) {
            let mut fresh = Talk::begin(&self.root)?;
            fresh.still_holds(&files);
            *talk = Some(fresh);
        }
        let answer = talk.as_mut().map_or(Ok(false), |talk| talk.ask(&inside));
        if answer.is_err() {
            *talk = None;
        }
        answer
    }

    /// The files with ignore rules outside of the work tree.
    pub(super) fn global_ignore_files(&self) -> Result<Vec<PathBuf>, Refusal> {
        // Fails if the setting is not made.
        let user = run(git(&self.root).args(["config", "-z", "--path", "core.excludesFile"]), b"").unwrap_or_default();
        let shared = run(git(&self.root).args(["rev-parse", "--git-path", "info/exclude"]), b"")?;
        let path = |bytes: &[u8]| self.root.join(String::from_utf8_lossy(bytes).trim_end_matches(['\0', '\n']));
        Ok([user, shared].iter().filter(|text| !text.is_empty()).map(|text| path(text)).collect())
    }

    /// Whether the index holds the path or something below it.
    pub(super) fn is_tracked(&self, inside: &Path) -> Result<bool, Refusal> {
        Ok(!run(git(&self.root).args(["--literal-pathspecs", "ls-files", "-z", "--"]).arg(inside), b"")?.is_empty())
    }

    /// Adds files to the index or takes them out, but those in submodules.
    pub(super) fn add(&self, paths: &[PathBuf]) -> Result<(), Refusal> {
        let submodules = self.submodules();
        let mut names = Vec::new();
        for path in paths.iter().filter(|path| !submodules.iter().any(|submodule| path.starts_with(submodule))) {
            names.extend_from_slice(path.as_os_str().as_encoded_bytes());
            names.push(0);
        }
        run(git(&self.root).args(["update-index", "--add", "--remove", "-z", "--stdin"]), &names).map(drop)
    }

    /// The commit that a revision names.
    pub(super) fn revision(&self, rev: &str) -> Result<Option<Revision>, Refusal> {
        let parse = |kind: &str| {
            let mut command = git(&self.root);
            command.args(["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{rev}^{{{kind}}}")]);
            line_or_none(&mut command)
        };
        let Some(commit) = parse("commit")? else { return Ok(None) };
        Ok(parse("tree")?.map(|tree| Revision { commit, tree }))
    }

    /// The commits in a range, the oldest first; none if it names what is not there.
    pub(super) fn revisions(&self, range: &str) -> Result<Option<Vec<Revision>>, Refusal> {
        let words = ["rev-list", "--reverse", "--topo-order", "--no-commit-header", "--format=%H %T", "--end-of-options", range, "--"];
        let output = match run(git(&self.root).args(words), b"") {
            Err(Refusal::Said(words)) if words.starts_with("bad revision") => return Ok(None),
            output => output?,
        };
        let text = String::from_utf8_lossy(&output);
        let revision = |line: &str| {
            let (commit, tree) = line.split_once(' ')?;
            Some(Revision { commit: commit.to_owned(), tree: tree.to_owned() })
        };
        Ok(Some(text.lines().filter_map(revision).collect()))
    }

    /// The best common ancestor.
    pub(super) fn merge_base(&self, one: &str, other: &str) -> Result<Option<String>, Refusal> {
        line_or_none(git(&self.root).args(["merge-base", "--end-of-options", one, other]))
    }

    /// The git directory of this work tree.
    pub(super) fn git_dir(&self) -> Result<PathBuf, Refusal> {
        let dir = run(git(&self.root).args(["rev-parse", "--absolute-git-dir"]), b"")?;
        Ok(PathBuf::from(String::from_utf8_lossy(&dir).trim_end_matches('\n')))
    }

    /// Whether a revision names a commit, or a tag of one.
    pub(super) fn is_commit(&self, rev: &str) -> Result<bool, Refusal> {
        let id = run(git(&self.root).args(["rev-parse", "--verify", "--end-of-options", &format!("{rev}^{{}}")]), b"")?;
        Ok(run(git(&self.root).args(["cat-file", "-t", String::from_utf8_lossy(&id).trim_end()]), b"")? == b"commit\n")
    }

    /// Whether a branch of the remote reaches a commit.
    pub(super) fn is_at_remote(&self, remote: &str, commit: &str) -> Result<bool, Refusal> {
        let words = ["rev-list", "-1", commit, "--not", &format!("--remotes={remote}")];
        Ok(run(git(&self.root).args(words), b"")?.is_empty())
    }

    /// The best common ancestor of a commit and all branches of the remote.
    pub(super) fn base_at_remote(&self, remote: &str, commit: &str) -> Result<Option<String>, Refusal> {
        let ids = run(git(&self.root).args(["for-each-ref", "--format=%(objectname)", &format!("refs/remotes/{remote}")]), b"")?;
        let ids = String::from_utf8_lossy(&ids).into_owned();
        if ids.trim().is_empty() {
            return Ok(None);
        }
        line_or_none(git(&self.root).args(["merge-base", commit]).args(ids.lines()))
    }

    /// The branch of `origin` that is checked out by who clones it, and the name that new repositories get.
    pub(super) fn default_branches(&self) -> (Option<String>, Option<String>) {
        let line = |words: &[&str]| line_or_none(git(&self.root).args(words)).ok().flatten();
        let remote = line(&["symbolic-ref", "--quiet", "refs/remotes/origin/HEAD"]);
        let remote = remote.and_then(|name| name.strip_prefix("refs/remotes/").map(str::to_owned));
        (remote, line(&["config", "init.defaultBranch"]))
    }

    /// The file that says where a shallow clone ends.
    pub(super) fn shallow_file(&self) -> Result<PathBuf, Refusal> {
        let path = run(git(&self.root).args(["rev-parse", "--git-path", "shallow"]), b"")?;
        Ok(self.root.join(String::from_utf8_lossy(&path).trim_end_matches('\n')))
    }

    /// Branches and tags with their commits.
    pub(super) fn names(&self) -> Result<Vec<(String, String)>, Refusal> {
        // Of a tag with a note the commit stands behind it, else nothing does.
        let words = ["for-each-ref", "--format=%(refname) %(objectname) %(*objectname)", "refs/heads", "refs/tags"];
        let output = run(git(&self.root).args(words), b"")?;
        let name = |line: &str| {
            let mut words = line.split(' ');
            let (name, own) = (words.next()?, words.next()?);
            Some((name.to_owned(), words.next().filter(|noted| !noted.is_empty()).unwrap_or(own).to_owned()))
        };
        Ok(String::from_utf8_lossy(&output).lines().filter_map(name).collect())
    }

    /// What is checked out.
    pub(super) fn facts(&self) -> Result<GitFacts, Refusal> {
        let branch = line_or_none(git(&self.root).args(["symbolic-ref", "--quiet", "HEAD"]))?;
        let branch = branch.and_then(|name| name.strip_prefix("refs/heads/").map(str::to_owned));
        let commit = self.revision("HEAD")?.map(|revision| revision.commit);
        // Without taking the lock of the index for the sake of a look.
        let words = ["--no-optional-locks", "status", "--porcelain", "-z", "--untracked-files=no", "--ignore-submodules=all"];
        let dirty = !run(git(&self.root).args(words), b"")?.is_empty();
        Ok(GitFacts { commit, branch, dirty })
    }

    /// What a tree holds.
    pub(super) fn tree(&self, id: &str) -> Result<Vec<Node>, Refusal> {
        nodes(&self.object(id, "tree")?, id.len() / 2)
    }

    /// What the index holds: the repository's own, or the one in this file.
    pub(super) fn staged(&self, file: Option<&Path>) -> Result<Vec<Staged>, Refusal> {
        let ask = |words: &[&str]| {
            let mut command = git(&self.root);
            command.args(words);
            if let Some(file) = file {
                command.env("GIT_INDEX_FILE", file);
            }
            run(&mut command, b"")
        };
        let output = ask(&["ls-files", "--stage", "-t", "-z"])?;
        let staged = |line: &[u8]| {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let mut words = std::str::from_utf8(&line[..tab]).ok()?.split(' ');
            let (tag, mode, id, stage) = (words.next()?, words.next()?, words.next()?, words.next()?);
            let (path, kind) = named(&line[tab + 1..], u32::from_str_radix(mode, 8).ok()?);
            Some(Staged { path, kind, id: id.to_owned(), is_unmerged: stage != "0", is_left_out: tag == "S", is_promised: false })
        };
        let mut all: Vec<Staged> = output.split(|byte| *byte == 0).filter_map(staged).collect();
        if all.iter().any(|staged| EMPTY.contains(&staged.id.as_str())) {
            // Nothing but the flag tells a promise from an empty file: git names both with one view, not with the other.
            let view =
                |ita: &str| ask(&["--no-optional-locks", "diff", "--cached", "--name-status", "-z", "--no-renames", "--no-relative", ita]);
            let (with, without) = (view("--ita-visible-in-index")?, view("--ita-invisible-in-index")?);
            let (with, without) = (statuses(&with), statuses(&without));
            let is_promised = |staged: &Staged| EMPTY.contains(&staged.id.as_str()) && with.get(&staged.path) != without.get(&staged.path);
            all.iter_mut().for_each(|staged| staged.is_promised = is_promised(staged));
        }
        Ok(all)
    }

    /// The bytes of a blob.
    pub(super) fn blob(&self, id: &str) -> Result<Vec<u8>, Refusal> {
        self.object(id, "blob")
    }

    fn object(&self, id: &str, kind: &str) -> Result<Vec<u8>, Refusal> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        let mut talk = match objects.take() {
            Some(talk) => talk,
            // What a partial clone lacks is not fetched for the sake of a look.
            None => Objects::begin(git(&self.root).env("GIT_NO_LAZY_FETCH", "1"))?,
        };
        let answer = talk.ask(id, kind)?;
        // A talk that broke off is not kept: the next question begins another.
        *objects = Some(talk);
        answer
    }

    fn submodules(&self) -> Vec<PathBuf> {
        let arguments = ["config", "-z", "--file", ".gitmodules", "--get-regexp", r"^submodule\..*\.path$"];
        // Fails if there is no such file.
        let output = run(git(&self.root).args(arguments), b"").unwrap_or_default();
        let text = String::from_utf8_lossy(&output);
        text.split('\0').filter_map(|entry| entry.split_once('\n')).map(|(_, path)| PathBuf::from(path)).collect()
    }

    /// The path with the links above it resolved, since git does not look beyond them; none if
    /// they lead out of the work tree.
    fn real(&self, inside: &Path) -> Option<PathBuf> {
        let path = self.root.join(inside);
        let (Some(parent), Some(name)) = (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) else {
            return Some(inside.to_path_buf());
        };
        let real = parent.strip_prefix(&self.root).ok()?.join(name);
        // With a `/` git asks for what the directory holds, which it need not do for one that it sees.
        let is_dir = inside.as_os_str().as_encoded_bytes().ends_with(b"/") && !path.is_dir();
        Some(if is_dir { real.join("") } else { real })
    }
}

/// A process that says of each path which rule is about it.
#[derive(Debug)]
struct Talk {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// What it says on standard error. Nobody reads that before its end, so it is no pipe: a full one
    /// would hold it up.
    words: File,
    /// The ignore files that it may have read, as they were before.
    seen: HashMap<PathBuf, Option<State>>,
}

impl Talk {
    fn begin(root: &Path) -> Result<Self, Refusal> {
        let mut command = git(root);
        command.args(["check-ignore", "--no-index", "--verbose", "--non-matching", "-z", "--stdin"]);
        // A Ctrl-C is for the stages: what they made is still to be saved.
        let words = || -> io::Result<(File, File)> {
            let file = tempfile::tempfile()?;
            Ok((file.try_clone()?, file))
        };
        let (theirs, words) = words().map_err(|error| Refusal::Said(format!("git: {error}")))?;
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(theirs);
        let mut child = command.spawn().map_err(|error| not_started(&error))?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Refusal::Said("git has no standard input".to_owned()));
        };
        Ok(Self { child, to, from: BufReader::new(from), words, seen: HashMap::new() })
    }

    /// Whether these ignore files are still as the process may have read them.
    fn still_holds(&mut self, files: &[PathBuf]) -> bool {
        files.iter().all(|file| {
            let now = State::at(file);
            *self.seen.entry(file.clone()).or_insert(now) == now
        })
    }

    fn ask(&mut self, inside: &Path) -> Result<bool, Refusal> {
        let answer = self.rule_for(inside);
        answer.map_err(|_| {
            // It has closed its output, so it ends.
            let _ = self.child.wait();
            let mut words = Vec::new();
            let _ = self.words.rewind().and_then(|()| self.words.read_to_end(&mut words));
            said(&words)
        })
    }

    fn rule_for(&mut self, inside: &Path) -> io::Result<bool> {
        // A colon in front would mean something to git.
        self.to.write_all(b"./")?;
        self.to.write_all(inside.as_os_str().as_encoded_bytes())?;
        self.to.write_all(b"\0")?;
        self.to.flush()?;
        // Source, line, pattern and path; the first three are empty where no rule is about it.
        let mut fields = [const { Vec::new() }; 4];
        for field in &mut fields {
            self.from.read_until(0, field)?;
            if field.pop() != Some(0) {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(!fields[0].is_empty() && !fields[2].starts_with(b"!"))
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Further variables that change what git finds, or how it reads paths.
const HABITS: [&str; 5] =
    ["GIT_CEILING_DIRECTORIES", "GIT_LITERAL_PATHSPECS", "GIT_GLOB_PATHSPECS", "GIT_NOGLOB_PATHSPECS", "GIT_ICASE_PATHSPECS"];

/// The ids of an empty file, by SHA-1 and SHA-256.
const EMPTY: [&str; 2] = ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"];

/// What `--name-status -z` says of each path.
fn statuses(output: &[u8]) -> HashMap<String, Vec<u8>> {
    let words: Vec<&[u8]> = output.split(|byte| *byte == 0).collect();
    words.chunks_exact(2).map(|pair| (String::from_utf8_lossy(pair[1]).into_owned(), pair[0].to_vec())).collect()
}

/// The program for the repository that holds a directory, whatever a hook has set.
pub(super) fn git(dir: &Path) -> Command {
    let mut command = git_as_called(dir);
    untie(&mut command);
    command
}

/// The program in a directory, for the repository that it would take itself.
pub(super) fn git_as_called(dir: &Path) -> Command {
    let mut command = Command::new("git");
    command.arg("-C").arg(dir);
    for name in HABITS {
        command.env_remove(name);
    }
    command.envs([("LC_ALL", "C"), ("GIT_DISCOVERY_ACROSS_FILESYSTEM", "1"), ("GIT_FLUSH", "1")]);
    command
}

/// What a process prints when it is given some input.
pub(super) fn run(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, Refusal> {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|error| not_started(&error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that ends early says why.
        let _ = stdin.write_all(input);
    }
    let Output { status, stdout, stderr } = child.wait_with_output().map_err(|error| Refusal::Said(error.to_string()))?;
    if status.success() { Ok(stdout) } else { Err(said(&stderr)) }
}

/// The one line that a process prints; none if it fails without a word.
fn line_or_none(command: &mut Command) -> Result<Option<String>, Refusal> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| not_started(&error))?;
    let line = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
    match output.status.success() {
        true => Ok(Some(line).filter(|line| !line.is_empty())),
        false if output.stderr.is_empty() => Ok(None),
        false => Err(said(&output.stderr)),
    }
}

pub(super) fn not_started(error: &io::Error) -> Refusal {
    if error.kind() == io::ErrorKind::NotFound { Refusal::NotInstalled } else { Refusal::Said(format!("git: {error}")) }
}

/// The line of standard error that counts.
fn said(stderr: &[u8]) -> Refusal {
    let text = String::from_utf8_lossy(stderr);
    let marked = text.lines().find_map(|line| line.strip_prefix("fatal: ").or_else(|| line.strip_prefix("error: ")));
    let words = marked.or_else(|| text.lines().next()).unwrap_or("git ended without a word");
    Refusal::Said(words.to_owned())
}
