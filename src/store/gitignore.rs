//! The lines of `.gitignore` that stand for outputs (dvc: scmrepo `git/__init__.py`).
//!
//! An output is ignored by a line in the `.gitignore` of its own directory. Stages that run at
//! the same time finish in any order, but the lines shall stand as a serial run writes them, so
//! a line can be put before those that must follow it.

use std::fs;
use std::path::Path;

use super::atomic;
use super::error::Error;
use super::git::Git;
use crate::format::pytext;

/// The name of the file.
pub const NAME: &str = ".gitignore";

/// The line that ignores `name` in its own directory.
pub fn line_for(name: &str) -> String {
    let mut line = String::from("/");
    for ch in name.chars() {
        if matches!(ch, '\\' | '[' | ']' | '!' | '*' | '#' | '?') {
            line.push('\\');
        }
        line.push(ch);
    }
    line
}

/// Adds the line for `name` to the `.gitignore` of `dir`, before the first of the `later` lines
/// that is there (they come in the order of the file), else at the end.
///
/// # Errors
/// The file would lie outside of the git repository, or cannot be read or written.
pub fn add(git: &Git, dir: &Path, name: &str, mut later: impl Iterator<Item = String>) -> Result<(), Error> {
    check_place(git, dir, name)?;
    let file = dir.join(NAME);
    let old = read(&file)?;
    let line = line_for(name);
    let at = later.find_map(|later| find(&old, &later));
    let new = match at {
        Some(at) => format!("{}{line}\n{}", &old[..at], &old[at..]),
        None if old.is_empty() || old.ends_with('\n') => format!("{old}{line}\n"),
        None => format!("{old}\n{line}\n"),
    };
    atomic::write(&file, new.as_bytes())
}

/// Whether the `.gitignore` of `dir` has the line for `name`.
///
/// # Errors
/// The file cannot be read.
pub fn has(dir: &Path, name: &str) -> Result<bool, Error> {
    let line = line_for(name);
    Ok(lines(&read(&dir.join(NAME))?).any(|(_, text)| text == line))
}

/// Takes all lines for `name` out; a file without lines is removed. As DVC does, the line is
/// looked for as it reads without escapes. True if the file is still there.
///
/// # Errors
/// The file would lie outside of the git repository, or cannot be read or written.
pub fn remove(git: &Git, dir: &Path, name: &str) -> Result<bool, Error> {
    check_place(git, dir, name)?;
    let file = dir.join(NAME);
    if fs::symlink_metadata(&file).is_err() {
        return Ok(false);
    }
    let old = read(&file)?;
    let entry = format!("/{name}");
    let keep: String = pieces(&old).filter(|piece| pytext::strip(piece) != pytext::strip(&entry)).collect();
    if keep.is_empty() {
        fs::remove_file(&file).map_err(Error::io("remove", &file))?;
        return Ok(false);
    }
    if keep != old {
        atomic::write(&file, keep.as_bytes())?;
    }
    Ok(true)
}

fn check_place(git: &Git, dir: &Path, name: &str) -> Result<(), Error> {
    let real = dir.canonicalize().map_err(Error::io("resolve", dir))?;
    // The file itself may be a symbolic link that leads elsewhere.
    let file = real.join(NAME).canonicalize().unwrap_or_else(|_| real.join(NAME));
    if file.starts_with(git.root()) { Ok(()) } else { Err(Error::OutsideGit { path: dir.join(name), root: git.root().to_path_buf() }) }
}

fn read(file: &Path) -> Result<String, Error> {
    match fs::read(file) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Error::NotUtf8 { path: file.to_path_buf() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::io("read", file)(error)),
    }
}

/// Where a line begins. What this run added stands at the end, so the search begins there.
fn find(text: &str, line: &str) -> Option<usize> {
    let is_end = |at: usize| text[at..].is_empty() || text[at..].starts_with(['\n', '\r']);
    let mut found = text.rmatch_indices(line).map(|(at, _)| at);
    found.find(|at| (*at == 0 || text[..*at].ends_with('\n')) && is_end(at + line.len()))
}

/// The lines with their ends.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive('\n')
}

/// The lines without their ends, with the offset at which each begins.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    pieces(text).scan(0, |at, piece| {
        let start = *at;
        *at += piece.len();
        Some((start, piece.trim_end_matches(['\n', '\r'])))
    })
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    fn repository() -> (tempfile::TempDir, Git) {
        let dir = tempfile::tempdir().unwrap();
        git2::Repository::init(dir.path()).unwrap();
        let git = Git::open(dir.path()).unwrap();
        (dir, git)
    }

    #[test]
    fn lines_are_appended_and_escaped() {
        let (dir, git) = repository();
        let file = dir.path().join(NAME);
        fs::write(&file, "*.log").unwrap();
        for name in ["a", "o[1].txt", "#h", "sp "] {
            add(&git, dir.path(), name, iter::empty()).unwrap();
            assert!(has(dir.path(), name).unwrap());
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "*.log\n/a\n/o\\[1\\].txt\n/\\#h\n/sp \n");
    }

    #[test]
    fn a_line_can_go_before_later_ones() {
        let (dir, git) = repository();
        let file = dir.path().join(NAME);
        fs::write(&file, "/x\n/c\n/b").unwrap();
        add(&git, dir.path(), "a", ["gone", "c", "b"].into_iter().map(line_for)).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "/x\n/a\n/c\n/b");
    }

    #[test]
    fn removing_looks_for_the_plain_line() {
        let (dir, git) = repository();
        let file = dir.path().join(NAME);
        fs::write(&file, " /a \n/o\\[1\\]\n/a\n").unwrap();
        assert!(remove(&git, dir.path(), "a").unwrap());
        assert!(remove(&git, dir.path(), "o[1]").unwrap());
        assert_eq!(fs::read_to_string(&file).unwrap(), "/o\\[1\\]\n");
        fs::write(&file, "/a\n").unwrap();
        assert!(!remove(&git, dir.path(), "a").unwrap());
        assert!(!file.exists());
        assert!(!remove(&git, dir.path(), "a").unwrap());
    }

    #[test]
    fn stays_inside_of_the_repository() {
        let (_dir, git) = repository();
        let other = tempfile::tempdir().unwrap();
        let error = add(&git, other.path(), "a", iter::empty()).unwrap_err();
        assert!(error.to_string().contains("is outside of git repository"), "{error}");
    }
}
