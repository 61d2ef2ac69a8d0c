//! `hooks`: puts our hooks where git looks for them, takes them away, and says how they stand.
//!
//! What is to be done with each hook is decided for all of them before anything is written: one that
//! cannot be installed leaves the others out, too. What the hooks do is not known here.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::format::hook::{Hook, Manager, Nature, Own, VERSION};
use crate::model::{Class, Fault};
use crate::store::git::{Git, HooksFolder, hooks_folder};
use crate::store::hooks::{self, Change, Kept, Script, Standing, What};
use crate::store::os;
use crate::store::snapshot::Snapshot;

/// How many lines of a hook are shown.
const SHOWN: usize = 8;

/// What to do with hooks that stand in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// Keep what others have made, and run it first.
    pub chain: bool,
    /// Write ours anew even where someone has edited it, or a newer version has written it.
    pub force: bool,
}

/// What was done with a hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// Installed where none was.
    Installed,
    /// Installed; what was there runs first, and is kept there.
    Chained(PathBuf),
    /// Written anew in the place of this version.
    Upgraded(u32),
    /// Written anew: another program, a mode, or an edit.
    Renewed,
    /// It was there already.
    AsBefore,
    /// Taken away.
    Removed,
    /// Taken away; what was kept stands in its place.
    PutBack,
    /// There was none of ours.
    NotThere,
    /// What stands there is not ours, and was left.
    Left,
}

/// What was done, and what is to be said about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Each hook.
    pub done: Vec<(Standing, Done)>,
    /// What the user should know of the folder.
    pub remarks: Vec<String>,
}

/// Why nothing was installed.
#[derive(Clone, PartialEq, Debug)]
pub enum Refusal {
    /// A manager sees to the hooks here; by what that is known.
    Managed(Manager, PathBuf),
    /// Anything else.
    Fault(Fault),
}

impl<E: Into<Fault>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// Installs hooks into the git repository that holds a directory.
///
/// # Errors
/// There is none, a manager is at work, hooks stand in the way, or the system refuses. Nothing has changed then.
pub fn install(dir: &Path, wanted: &[Hook], options: Options, program: &str) -> Result<Outcome, Refusal> {
    let folder = hooks_folder(dir)?;
    usable(&folder)?;
    if let Some((manager, sign)) = hooks::manager(&folder) {
        return Err(Refusal::Managed(manager, sign));
    }
    let decided = decide_all(&folder, wanted, |standing| decide_install(standing, options, &standing.hook.script(program)))?;
    let done = perform(&folder, decided)?;
    let mut remarks = remarks(&folder);
    remarks.extend(without_dvc(dir));
    Ok(Outcome { remarks, ..done })
}

/// Takes our hooks away, and puts back what was there before.
///
/// # Errors
/// There is no repository, a hook of ours was edited, or the system refuses.
pub fn uninstall(dir: &Path, wanted: &[Hook], force: bool) -> Result<Outcome, Fault> {
    let folder = hooks_folder(dir)?;
    let decided = decide_all(&folder, wanted, |standing| decide_uninstall(standing, force))?;
    let outcome = perform(&folder, decided)?;
    if outcome.done.iter().any(|(_, done)| *done == Done::Removed) {
        hooks::clear_away(&folder);
    }
    Ok(outcome)
}

/// How the hooks stand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Where git looks.
    pub folder: HooksFolder,
    /// Who sees to the hooks there.
    pub manager: Option<(Manager, PathBuf)>,
    /// Why git runs none, whatever stands there.
    pub off: Option<String>,
    /// All hooks that we serve.
    pub hooks: Vec<Standing>,
    /// What the user should know of the folder.
    pub remarks: Vec<String>,
}

/// Looks at the hooks of the git repository that holds a directory.
///
/// # Errors
/// There is none, or something cannot be read.
pub fn status(dir: &Path) -> Result<Status, Fault> {
    let folder = hooks_folder(dir)?;
    let hooks = Hook::ALL.into_iter().map(|hook| hooks::look(&folder.path, hook)).collect::<Result<_, _>>()?;
    let off = usable(&folder).err().map(|fault| fault.message);
    let remarks = if off.is_some() { left_behind(&folder).into_iter().collect() } else { remarks(&folder) };
    Ok(Status { manager: hooks::manager(&folder), off, hooks, remarks, folder })
}

/// Whether the program that a hook of ours calls is there.
pub fn has_program(own: &Own) -> bool {
    own.program.as_ref().is_some_and(|program| os::may_execute(Path::new(program)))
}

/// Whether git can find hooks in the folder at all.
fn usable(folder: &HooksFolder) -> Result<(), Fault> {
    let off = |why: &str| {
        let hint = "`git config --show-origin core.hooksPath` tells where that is set.";
        Fault::new(Class::SCMError, format!("git runs no hooks here, since core.hooksPath {why}")).with("hint", hint)
    };
    match &folder.setting {
        Some(setting) if setting.value.is_empty() => Err(off("is empty")),
        Some(setting) if folder.path.exists() && !folder.path.is_dir() => Err(off(&format!("is '{}', which is no folder", setting.value))),
        _ => Ok(()),
    }
}

type Decided = Vec<(Standing, Done, Option<Change>)>;

/// Decides for all hooks; one that stands in the way speaks for all.
fn decide_all(
    folder: &HooksFolder,
    wanted: &[Hook],
    decide: impl Fn(&Standing) -> Result<(Done, Option<Change>), String>,
) -> Result<Decided, Fault> {
    let (mut decided, mut obstacles) = (Vec::new(), Vec::new());
    for hook in Hook::ALL.into_iter().filter(|hook| wanted.is_empty() || wanted.contains(hook)) {
        let standing = hooks::look(&folder.path, hook)?;
        match decide(&standing) {
            Ok((done, change)) => decided.push((standing, done, change)),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if obstacles.is_empty() {
        return Ok(decided);
    }
    Err(Fault::new(Class::SCMError, format!("nothing was changed, because of what stands there already.\n{}", obstacles.join("\n"))))
}

fn perform(folder: &HooksFolder, decided: Decided) -> Result<Outcome, Fault> {
    let changes: Vec<Change> = decided.iter().filter_map(|(_, _, change)| change.clone()).collect();
    hooks::change(&folder.path, &changes)?;
    let done = decided.into_iter().map(|(standing, done, _)| (standing, done)).collect();
    Ok(Outcome { done, remarks: Vec::new() })
}

fn decide_install(standing: &Standing, options: Options, text: &str) -> Result<(Done, Option<Change>), String> {
    let Standing { hook, path, .. } = standing;
    let place = path.display();
    let write = || Some(Change::Write { path: path.canonicalize().unwrap_or_else(|_| path.clone()), text: text.to_owned() });
    match (&standing.what, &standing.kept) {
        (What::NoFile, _) => Err(format!("'{place}' is no file.")),
        (What::Nothing, None) => Ok((Done::Installed, write())),
        (What::Nothing, Some(kept)) => Err(format!(
            "'{}' is an old hook without the one that ran it. `dvc-paraffin hooks uninstall {}` puts it back; \
             `dvc-paraffin hooks install --chain` can then keep it again.",
            kept.path.display(),
            hook.name()
        )),
        (What::Script(Script { nature: Nature::Ours(own), text: old, runs }), _) => {
            if own.edited && !options.force {
                Err(format!("'{place}' is ours, but someone has edited it. `--force` writes it anew, without the edit."))
            } else if own.version > VERSION && !options.force {
                let version = own.version;
                Err(format!("'{place}' is of a newer dvc-paraffin (v{version}; this one writes v{VERSION}). `--force` writes it anew."))
            } else if old == text.as_bytes() && *runs {
                Ok((Done::AsBefore, None))
            } else {
                Ok((if own.version < VERSION { Done::Upgraded(own.version) } else { Done::Renewed }, write()))
            }
        }
        (What::Script(script), _) if script.nature != Nature::Dvc && !options.chain => Err(foreign(*hook, path, script)),
        (What::Script(_), Some(kept)) if !kept.is_the_same => Err(format!(
            "'{place}' cannot be kept as '{}', because that exists already. One of both must go, or get another name.",
            kept.path.display()
        )),
        (What::Script(_), _) => {
            let kept = path.with_file_name(hook.kept_name());
            Ok((Done::Chained(kept.clone()), Some(Change::Chain { path: path.clone(), kept, text: text.to_owned() })))
        }
    }
}

/// What to say of a hook that is not ours.
fn foreign(hook: Hook, path: &Path, script: &Script) -> String {
    let mut said = format!("'{}' is not ours", path.display());
    if !script.runs {
        said.push_str(" (git does not run it, since it is not executable)");
    }
    said.push_str(":\n");
    let text = String::from_utf8_lossy(&script.text);
    for line in text.lines().take(SHOWN) {
        let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
        let _ = writeln!(said, "    | {line}");
    }
    if text.lines().count() > SHOWN {
        said.push_str("    | ...\n");
    }
    let _ = write!(
        said,
        "  Either:  dvc-paraffin hooks install {name} --chain    keeps it as {kept} and runs it first\n  \
         or add:  {call}",
        name = hook.name(),
        kept = hook.kept_name(),
        call = hook.call()
    );
    said
}

fn decide_uninstall(standing: &Standing, force: bool) -> Result<(Done, Option<Change>), String> {
    let Standing { path, .. } = standing;
    let put_back = |kept: &Kept| Ok((Done::PutBack, Some(Change::PutBack { path: path.clone(), kept: kept.path.clone() })));
    match (&standing.what, &standing.kept) {
        (What::Nothing, None) => Ok((Done::NotThere, None)),
        (What::Nothing, Some(kept)) => put_back(kept),
        (What::Script(Script { nature: Nature::Ours(own), .. }), _) if own.edited && !force => {
            Err(format!("'{}' is ours, but someone has edited it. `--force` takes it away with the edit.", path.display()))
        }
        (What::Script(Script { nature: Nature::Ours(_), .. }), Some(kept)) => put_back(kept),
        (What::Script(Script { nature: Nature::Ours(_), .. }), None) => Ok((Done::Removed, Some(Change::Remove { path: path.clone() }))),
        // A killed installation has only got as far as the second name.
        (What::Script(_), Some(kept)) if kept.is_the_same => Ok((Done::Left, Some(Change::Remove { path: kept.path.clone() }))),
        (What::Script(_) | What::NoFile, _) => Ok((Done::Left, None)),
    }
}

/// Who else uses the folder, and what that means.
fn remarks(folder: &HooksFolder) -> Vec<String> {
    let mut said = Vec::new();
    let (path, setting) = (real(&folder.path), folder.setting.as_ref());
    let shown = folder.path.display();
    let is_relative = setting.is_some_and(|setting| Path::new(&setting.value).is_relative());
    let in_git = path.starts_with(real(&folder.common));
    let in_tree = !in_git && path.starts_with(real(&folder.root));
    if !in_git && !in_tree {
        let whose = match setting {
            Some(setting) if setting.is_everywhere() => "core.hooksPath is set for all repositories".to_owned(),
            _ => "it lies outside of this repository".to_owned(),
        };
        said.push(format!(
            "'{shown}' is not this repository's alone ({whose}). Others that use it run these hooks, too; where there is no DVC they pass without a word."
        ));
    }
    if in_tree {
        said.push(format!(
            "'{shown}' lies in the work tree. The hooks in it name a program of this machine: they are not to be committed."
        ));
    }
    let linked = std::fs::read_dir(folder.common.join("worktrees")).map_or(0, |entries| entries.flatten().count());
    if linked > 0 && is_relative {
        said.push(format!("core.hooksPath is relative, so each work tree has a folder of its own. This is '{shown}'."));
    } else if linked > 0 && setting.is_none_or(|setting| setting.scope.as_deref() != Some("worktree")) {
        said.push(format!("'{shown}' serves all {} work trees of this repository.", linked + 1));
    }
    said.extend(left_behind(folder));
    said
}

/// What to say of hooks of ours in git's own folder, where git does not look.
fn left_behind(folder: &HooksFolder) -> Option<String> {
    let usual = folder.common.join("hooks");
    if real(&usual) == real(&folder.path) {
        return None;
    }
    let stands = |hook: &Hook| matches!(hooks::look(&usual, *hook), Ok(Standing { what: What::Script(script), .. }) if script.is_ours());
    let ours: Vec<&str> = Hook::ALL.iter().filter(|hook| stands(hook)).map(|hook| hook.name()).collect();
    let shown = usual.display();
    let words = format!("In '{shown}' hooks of ours are left ({}). Git does not look there since core.hooksPath is set.", ours.join(", "));
    (!ours.is_empty()).then_some(words)
}

/// What to say where the hooks have nothing to do yet.
fn without_dvc(dir: &Path) -> Option<String> {
    let is_tracked = || {
        let git = Arc::new(Git::open_for_reading(dir).ok()?);
        Some(!Snapshot::of_index(&git, None).ok()?.projects().ok()?.projects.is_empty())
    };
    // A new one need not be added to git yet. Where that cannot be told, the hooks say so when they run.
    let is_here = dir.ancestors().any(|dir| dir.join(".dvc").is_dir());
    let words = "there is no DVC in this repository (git tracks no directory `.dvc`): until `dvc init` the hooks pass without a word.";
    (!is_here && !is_tracked().unwrap_or(true)).then(|| words.to_owned())
}

/// A path without symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let known = path.ancestors().find_map(|above| Some((above.canonicalize().ok()?, path.strip_prefix(above).ok()?)));
    known.map_or_else(|| path.to_path_buf(), |(above, below)| above.join(below))
}

#[cfg(test)]
mod tests;
