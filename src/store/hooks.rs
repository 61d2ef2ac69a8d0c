//! Hooks on the disk: what stands in their places, and how that is changed.
//!
//! A hook that was there before ours is kept beside it under a name of its own. It gets that name
//! as a second one, by a hard link, and then ours takes its place by a rename: a kill at any moment
//! leaves either the old hook in its place or ours with the old one beside it, and git never finds
//! none. (The other order, moving it away first, would leave a moment without any hook.) An old
//! hook under both names is therefore what a killed process left, and the next one goes on from there.
//! To put it back is one rename.
//!
//! Which change is right is not known here.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::atomic::{self, Temporary};
use super::error::Error;
use super::git::HooksFolder;
use super::leftovers;
use super::os;
use crate::format::hook::{Hook, Manager, Nature, recognise};

/// What there is of one hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// The hook.
    pub hook: Hook,
    /// Its place; if a manager took it and put ours aside, where ours is now.
    pub path: PathBuf,
    /// Which manager did.
    pub aside: Option<Manager>,
    /// What stands there.
    pub what: What,
    /// What is kept beside it.
    pub kept: Option<Kept>,
}

/// What stands in the place of a hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// Nothing.
    Nothing,
    /// A directory, or something else that git cannot run.
    NoFile,
    /// A file, or a symbolic link, which may lead nowhere.
    Script(Script),
}

/// A file in the place of a hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    /// Its content; empty if a link leads nowhere.
    pub text: Vec<u8>,
    /// What it is.
    pub nature: Nature,
    /// Whether it may be executed; git passes over it otherwise.
    pub runs: bool,
}

impl Script {
    /// Whether it is ours, of any version.
    pub fn is_ours(&self) -> bool {
        matches!(self.nature, Nature::Ours(_))
    }
}

/// A hook that is kept beside ours.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where.
    pub path: PathBuf,
    /// Whether it may be executed.
    pub runs: bool,
    /// Whether it is `dvc install`'s.
    pub is_of_dvc: bool,
    /// Whether it is the one that also stands in its old place.
    pub is_the_same: bool,
}

/// What stands in the place of a hook.
///
/// # Errors
/// It cannot be read.
pub fn look(folder: &Path, hook: Hook) -> Result<Standing, Error> {
    let mut path = folder.join(hook.name());
    let beside = folder.join(hook.kept_name());
    let mut what = what(hook, &path)?;
    let mut aside = None;
    if let What::Script(Script { nature: Nature::Managed(manager), .. }) = &what
        && let Some(name) = manager.aside(hook)
    {
        let place = folder.join(name);
        if let old @ What::Script(Script { nature: Nature::Ours(_), .. }) = self::what(hook, &place)? {
            (aside, path, what) = (Some(*manager), place, old);
        }
    }
    let kept = match self::what(hook, &beside)? {
        What::Nothing => None,
        What::NoFile => Some(Kept { path: beside, runs: false, is_of_dvc: false, is_the_same: false }),
        What::Script(script) => Some(Kept {
            runs: script.runs,
            is_of_dvc: script.nature == Nature::Dvc,
            is_the_same: matches!(&what, What::Script(_)) && is_the_same(&path, &beside, &what, &script),
            path: beside,
        }),
    };
    Ok(Standing { hook, path, aside, what, kept })
}

fn what(hook: Hook, path: &Path) -> Result<What, Error> {
    let meta = match fs::symlink_metadata(path) {
        // The folder, too, may not be there, or be no folder.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(What::Nothing),
        meta => meta.map_err(Error::io("look at", path))?,
    };
    let target = if meta.is_symlink() { fs::metadata(path) } else { Ok(meta) };
    let text = match target {
        Ok(meta) if !meta.is_file() => return Ok(What::NoFile),
        Ok(_) => fs::read(path).map_err(Error::io("read", path))?,
        Err(_) => Vec::new(),
    };
    let nature = recognise(hook, &text);
    Ok(What::Script(Script { text, nature, runs: os::may_execute(path) }))
}

/// Whether two names stand for one hook: the same file, or, where a file cannot have two names, a copy.
fn is_the_same(path: &Path, beside: &Path, what: &What, kept: &Script) -> bool {
    let (Ok(one), Ok(other)) = (fs::symlink_metadata(path), fs::symlink_metadata(beside)) else { return false };
    if os::is_one_file(&one, &other) {
        return true;
    }
    let links = (fs::read_link(path), fs::read_link(beside));
    match links {
        (Ok(one), Ok(other)) => one == other,
        (Err(_), Err(_)) => matches!(what, What::Script(script) if script.text == kept.text) && os::mode(&one) == os::mode(&other),
        _ => false,
    }
}

/// Which manager sees to the hooks of this folder, and by what that is known.
pub fn manager(folder: &HooksFolder) -> Option<(Manager, PathBuf)> {
    // `.husky/_`, or `.husky` of old.
    if folder.path.components().rev().take(2).any(|part| part.as_os_str() == ".husky") {
        return Some((Manager::Husky, folder.path.clone()));
    }
    for hook in Hook::ALL {
        let path = folder.path.join(hook.name());
        if let Ok(What::Script(Script { nature: Nature::Managed(manager), .. })) = what(hook, &path) {
            return Some((manager, path));
        }
    }
    let signs = Manager::ALL.into_iter().flat_map(|manager| manager.signs().into_iter().map(move |sign| (manager, sign)));
    signs.map(|(manager, sign)| (manager, folder.root.join(sign))).find(|(_, path)| path.symlink_metadata().is_ok())
}

/// A change of one hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// A script takes the place, whatever stands there.
    Write {
        /// The place; behind a symbolic link, where that leads.
        path: PathBuf,
        /// The script.
        text: String,
    },
    /// The same, and what stood there is kept.
    Chain {
        /// The place.
        path: PathBuf,
        /// Where the old hook is kept.
        kept: PathBuf,
        /// The script.
        text: String,
    },
    /// What is kept takes its place again.
    PutBack {
        /// The place.
        path: PathBuf,
        /// Where it is kept.
        kept: PathBuf,
    },
    /// A name is taken away.
    Remove {
        /// Which.
        path: PathBuf,
    },
}

/// Makes changes. All that can be refused is done before the first hook changes, and undone if it is.
///
/// # Errors
/// The system refuses.
pub fn change(folder: &Path, changes: &[Change]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    if changes.iter().any(|change| matches!(change, Change::Write { .. } | Change::Chain { .. })) {
        os::make_dirs(folder, None).map_err(Error::io("create", folder))?;
    }
    leftovers::sweep(folder, false, &|| true);
    let mut second_names = SecondNames::default();
    let mut ready: Vec<(Temporary, &Path)> = Vec::new();
    for change in changes {
        if let Change::Write { path, text } | Change::Chain { path, text, .. } = change {
            let temporary = atomic::prepare(path, text.as_bytes(), os::program_mode(), true).map_err(Error::io("write", path))?;
            ready.push((temporary, path));
        }
    }
    for change in changes {
        if let Change::Chain { path, kept, .. } = change {
            second_names.add(path, kept).map_err(Error::io("create", kept))?;
        }
    }
    second_names.last();
    for (temporary, path) in ready {
        temporary.replace(path).map_err(Error::io("write", path))?;
    }
    for change in changes {
        match change {
            Change::PutBack { path, kept } => fs::rename(kept, path).map_err(Error::io("rename", kept))?,
            Change::Remove { path } => fs::remove_file(path).map_err(Error::io("remove", path))?,
            Change::Write { .. } | Change::Chain { .. } => {}
        }
    }
    Ok(())
}

/// Takes away a folder of hooks in which nothing is left, wherever it lies, and what lay around it alone.
pub fn clear_away(folder: &HooksFolder) {
    // Of what lay around it not `.git` itself, nor the work tree, nor what lies outside of both.
    let is_own =
        |dir: &Path| dir != folder.root && dir != folder.common && (dir.starts_with(&folder.root) || dir.starts_with(&folder.common));
    if fs::remove_dir(&folder.path).is_ok() {
        let mut above = folder.path.ancestors().skip(1).take_while(|dir| is_own(dir));
        while above.next().is_some_and(|dir| fs::remove_dir(dir).is_ok()) {}
    }
}

/// Second names of hooks, taken away again unless all could be given.
#[derive(Default)]
struct SecondNames(Vec<PathBuf>);

impl SecondNames {
    fn add(&mut self, path: &Path, kept: &Path) -> io::Result<()> {
        if kept.symlink_metadata().is_ok() {
            // It was seen to be the same: a killed process has given it.
            return Ok(());
        }
        match fs::hard_link(path, kept) {
            Err(error) if os::link_refused(&error) => copy(path, kept)?,
            linked => linked?,
        }
        self.0.push(kept.to_path_buf());
        Ok(())
    }

    fn last(mut self) {
        self.0.clear();
    }
}

impl Drop for SecondNames {
    fn drop(&mut self) {
        for path in &self.0 {
            // The hook itself has not changed, and there is no one to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// A copy of a file or symbolic link, with its mode, which is there as a whole or not at all.
fn copy(path: &Path, to: &Path) -> io::Result<()> {
    let meta = fs::symlink_metadata(path)?;
    if meta.is_symlink() {
        return os::symlink(&fs::read_link(path)?, to);
    }
    atomic::prepare(to, &fs::read(path)?, os::mode(&meta), true)?.replace(to)
}

#[cfg(test)]
mod tests;
