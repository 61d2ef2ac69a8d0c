//! `check`: prints what is not in step between a pipeline and its lock, or gives it as JSON.

use std::sync::Arc;

use crate::model::finding::{Checked, Weight};
use crate::model::{Class, Fault};
use crate::ops::check::{Checker, Request, What};
use crate::ops::overwriting;
use crate::report::{check as shown, markdown};

use super::args::Global;
use super::args::check::{CacheLevel, Check};
use super::hook_run::index_file;
use super::report::key;
use super::repro::write_text;
use super::{Setting, env, fail, git_here, print, print_answer, workspace};

/// Something is not in step.
pub const STALE: i32 = 1;
/// It cannot be told.
pub const REFUSED: i32 = 255;

/// Runs the command and gives the exit code.
pub fn run(args: &Check, global: &Global, setting: &Setting) -> Result<i32, Fault> {
    if let Some(word) = &args.stray {
        return Err(stray(word, setting));
    }
    let result = look(args, setting);
    let nothing = Checked::default();
    let (checked, fault) = match &result {
        Ok(checked) => (checked, None),
        Err(fault) => (&nothing, Some(fault)),
    };
    let otherwise = if args.index { "the index" } else { "the work tree" };
    let json = || format!("{}\n", shown::json(checked, fault));
    if let Some(file) = &args.json.json_file {
        write_text(file, &json())?;
    }
    let markdown = || markdown::checked(checked, otherwise, &key(args.key.as_deref()));
    let md_alone = args.md.as_ref().is_some_and(|file| file.as_os_str() == "-");
    if let (Some(file), None, false) = (&args.md, fault, md_alone) {
        write_text(file, &markdown())?;
    }
    if args.json.json {
        print_answer(&json())?;
    } else if fault.is_none() && md_alone {
        print_answer(&markdown())?;
    } else if fault.is_none() && global.quiet == 0 {
        print_answer(&shown::text(checked, otherwise, global.verbose > 0))?;
    }
    let mut code = if checked.is_stale() { STALE } else { 0 };
    for (commit, fault) in &checked.refused {
        let place = shown::commit_name(commit.as_deref(), otherwise);
        refuse(&place, fault, setting);
        code = REFUSED;
    }
    if let Some(fault) = fault {
        return Ok(fail(fault, setting));
    }
    if global.quiet == 0 && !args.json.json && !md_alone {
        print(&format!("{}\n", shown::summary(checked, otherwise)), false);
    }
    Ok(code)
}

/// Says that something cannot be judged. DVC tells of a YAML file in several lines, which stand alone.
pub(super) fn refuse(place: &str, fault: &Fault, setting: &Setting) {
    let refused = Fault::new(fault.class, format!("{place} cannot be judged"));
    if fault.chain().any(|fault| fault.detail("text").is_some()) {
        fail(&refused, setting);
        fail(fault, setting);
    } else {
        fail(&refused.caused_by(fault.clone()), setting);
    }
}

/// Says what may have been meant by a word that no flag precedes.
fn stray(word: &str, setting: &Setting) -> Fault {
    let is_revision = git_here().is_ok_and(|git| Checker::new(git, env(), &setting.reader).is_revision(word));
    let hint = match is_revision {
        true => format!("Did you mean `--rev {word}`?"),
        false => "`check` takes no targets: all DVC repositories are checked; `--rev REV` checks a commit.".to_owned(),
    };
    Fault::new(Class::UsageError, format!("unexpected argument '{word}' found")).with("hint", hint)
}

fn look(args: &Check, setting: &Setting) -> Result<Checked, Fault> {
    if args.json.json && args.md.as_ref().is_some_and(|file| file.as_os_str() == "-") {
        return Err(Fault::new(Class::UsageError, "only one answer can go to standard output: --json and `--md -` are two"));
    }
    // Without a work tree there is nothing to be written over.
    if let Some(file) = args.md.as_ref().filter(|file| file.as_os_str() != "-")
        && let Ok(workspace) = workspace()
    {
        overwriting::refuse(&Arc::new(workspace), std::iter::once(file.as_path()))?;
    }
    let what = match &args.rev {
        Some(rev) => What::Revision(rev.clone()),
        None if args.index => What::Index(index_file()?),
        None => What::WorkTree,
    };
    let cache = match args.cache {
        CacheLevel::Error => Some(Weight::Error),
        CacheLevel::Warn => Some(Weight::Warn),
        CacheLevel::Off => None,
    };
    let checked = Checker::new(git_here()?, env(), &setting.reader).check(&Request { what, cache })?;
    if checked.projects == 0 && checked.refused.is_empty() && !checked.looked_at.is_empty() {
        let message = "git tracks no DVC repository here: there is no directory `.dvc` in what was checked";
        return Err(
            Fault::new(Class::NotDvcRepoError, message).with("hint", "`git add .dvc` after `dvc init`; `--rev REV` checks another commit.")
        );
    }
    Ok(checked)
}
