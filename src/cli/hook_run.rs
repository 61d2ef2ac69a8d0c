//! `hooks run`: what git's hooks call. All that is said goes to standard error, which git shows.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::{IsTerminal as _, Read as _, stdin};
use std::path::PathBuf;
use std::process::Command;

use crate::format::hook::Hook;
use crate::format::pushed::{self, Pushed};
use crate::model::finding::{Checked, Finding};
use crate::model::{Class, Fault, RepoPath};
use crate::ops::check::Checker;
use crate::ops::hook::{checkout, commit, push, send};
use crate::report::check as shown;
use crate::report::tally::count;
use crate::run::peer::Peer;
use crate::store::git::untie;
use crate::store::snapshot::Snapshot;

use super::args::hooks::Run;
use super::check::refuse;
use super::{Setting, env, fail, git_here, print};

/// The push or commit is refused.
const REFUSED: i32 = 1;

/// The variable that switches the hooks off.
const SKIP: &str = "DVC_PARAFFIN_SKIP_HOOKS";

/// Runs a hook and gives the exit code.
pub fn run(args: &Run, setting: &Setting) -> i32 {
    if std::env::var_os(SKIP).is_some_and(|value| !value.is_empty() && value != "0") {
        return 0;
    }
    match args.hook {
        Hook::PrePush => pre_push(&args.args, setting),
        Hook::PreCommit => pre_commit(setting),
        Hook::PostCheckout => post_checkout(&args.args, setting),
    }
}

/// `pre-push REMOTE URL`, with the references on standard input. Gives the exit code.
fn pre_push(args: &[OsString], setting: &Setting) -> i32 {
    match judge_push(args, setting) {
        Ok(code) => code,
        Err(fault) => {
            fail(&fault, setting);
            refused("push", "This push cannot be judged")
        }
    }
}

fn judge_push(args: &[OsString], setting: &Setting) -> Result<i32, Fault> {
    let pushed = references()?;
    if pushed.is_empty() {
        return Ok(0);
    }
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let remote = args.first().map(|name| name.to_string_lossy().into_owned()).or_else(|| get("PRE_COMMIT_REMOTE_NAME"));
    let checker = checker()?;
    let tips = push::judge(&checker, remote.as_deref().unwrap_or_default(), &pushed)?;
    let mut code = 0;
    for tip in &tips {
        let commit = shown::commit_name(Some(&tip.commit), "");
        let name = format!("{} ({commit})", tip.names.join(", "));
        code = code.max(told(&tip.checked, &commit, &name, setting));
    }
    if code != 0 {
        return Ok(refused("push", "The push is refused"));
    }
    for tip in &tips {
        // The locks are in step: what fails now is about data.
        code = code.max(send(&checker, tip, setting).unwrap_or_else(|fault| {
            fail(&fault, setting);
            REFUSED
        }));
    }
    Ok(if code == 0 { 0 } else { refused("push", "The push is refused, since data is missing") })
}

/// Git runs its hooks at the root of the work tree, and tells where it was called itself.
fn checker() -> Result<Checker, Fault> {
    let git = git_here()?;
    let called = std::env::var_os("GIT_PREFIX").map(|prefix| git.root().join(prefix)).filter(|dir| dir.is_dir());
    let reader = called.unwrap_or_else(|| git.root().to_path_buf());
    Ok(Checker::new(git, env(), &reader))
}

/// Sees to the data of a tip.
fn send(checker: &Checker, tip: &push::Tip, setting: &Setting) -> Result<i32, Fault> {
    let peer = Peer::find(|name| std::env::var_os(name), false);
    let sent = send::send(checker, &tip.snapshot, peer.as_ref())?;
    sent.remarks.iter().for_each(|remark| print(&format!("warning: {remark}\n"), true));
    for (remote, objects) in sent.objects.iter().filter(|(_, objects)| **objects > 0) {
        print(&format!("{} pushed to '{remote}'\n", count(*objects, "object")), true);
    }
    // There may be as many as the data has files.
    let mut told: HashMap<_, Vec<&Finding>> = HashMap::new();
    for finding in &tip.checked.findings {
        told.entry((&finding.path, &finding.recorded)).or_default().push(finding);
    }
    let is_told = |finding: &Finding| {
        let alike = told.get(&(&finding.path, &finding.recorded)).into_iter().flatten();
        alike.into_iter().any(|told| Finding { weight: finding.weight, ..(*told).clone() } == *finding)
    };
    let news = sent.checked.findings.iter().filter(|finding| !is_told(finding)).cloned().collect();
    print(&shown::text(&Checked { findings: news, ..sent.checked.clone() }, "", false), true);
    sent.checked.refused.iter().for_each(|(_, fault)| refuse(&tip.commit, fault, setting));
    Ok(i32::from(sent.checked.is_stale()))
}

/// Says what was found; 0, or not if something stands against it.
fn told(checked: &Checked, otherwise: &str, name: &str, setting: &Setting) -> i32 {
    print(&shown::text(checked, otherwise, false), true);
    checked.refused.iter().for_each(|(_, fault)| refuse(name, fault, setting));
    if checked.is_out_of_step() {
        print(&format!("dvc.lock of {name} is stale.\n"), true);
    } else if checked.is_stale() {
        print(&format!("Content that {name} needs is missing.\n"), true);
    }
    if checked.is_stale() || !checked.refused.is_empty() { REFUSED } else { 0 }
}

fn refused(what: &str, words: &str) -> i32 {
    print(&format!("{words}. `git {what} --no-verify` goes on without being asked.\n"), true);
    REFUSED
}

/// What is pushed: from standard input, or from pre-commit.
fn references() -> Result<Vec<Pushed>, Fault> {
    let mut input = String::new();
    // To the end, or git dies of a closed pipe.
    if !stdin().is_terminal() {
        let unread = |error| Fault::new(Class::Unexpected, format!("cannot read which references are pushed: {error}"));
        stdin().read_to_string(&mut input).map_err(unread)?;
    }
    let odd = |line| Fault::new(Class::Unexpected, format!("git says of the push what is not understood: '{line}'"));
    let mut pushed = pushed::parse(&input).map_err(odd)?;
    if input.trim().is_empty() {
        pushed.extend(pushed::of_pre_commit(|name| std::env::var(name).ok()));
    }
    Ok(pushed)
}

/// `pre-commit`. Gives the exit code.
fn pre_commit(setting: &Setting) -> i32 {
    match judge_commit(setting) {
        Ok(code) => code,
        Err(fault) => {
            fail(&fault, setting);
            refused("commit", "This commit cannot be judged")
        }
    }
}

fn judge_commit(setting: &Setting) -> Result<i32, Fault> {
    let checker = checker()?;
    let index = index_file()?;
    let mut staged = Snapshot::of_index(checker.git(), index.as_deref())?;
    let to_run = commit::to_run(&staged)?;
    for project in &to_run {
        // Nothing is staged: the index is git's now.
        if !run_ourselves(&checker, project, &["repro", "--all-pipelines", "--no-stage"])? {
            return Ok(refused("commit", "The commit is refused, since its stages fail"));
        }
    }
    if !to_run.is_empty() {
        // A stage may have added something; git looks again, too.
        staged = Snapshot::of_index(checker.git(), index.as_deref())?;
    }
    let changed = commit::changed_locks(&checker, &staged, &to_run)?;
    for lock in &changed {
        print(&format!("'{lock}' is not the one that is committed: `git add` it, and what else has changed.\n"), true);
    }
    // With the old lock the rest is out of step, too; that is no news.
    if !changed.is_empty() {
        return Ok(refused("commit", "The commit is refused"));
    }
    let checked = commit::judge(&checker, &staged);
    let code = told(&checked, "the index", "what is committed", setting);
    Ok(if code != 0 { refused("commit", "The commit is refused") } else { 0 })
}

/// The index that is committed, which is not the usual one if only a part of it is.
pub(super) fn index_file() -> Result<Option<PathBuf>, Fault> {
    let Some(file) = std::env::var_os("GIT_INDEX_FILE").filter(|file| !file.is_empty()) else { return Ok(None) };
    let wrong = |error| Fault::new(Class::Unexpected, format!("cannot tell where the index '{}' is: {error}", file.display()));
    std::path::absolute(&file).map(Some).map_err(wrong)
}

/// Runs this program in a DVC repository; whether it succeeded. Its children see nothing of the hook.
fn run_ourselves(checker: &Checker, project: &RepoPath, words: &[&str]) -> Result<bool, Fault> {
    let failed = |error| Fault::new(Class::Unexpected, format!("cannot run `{}`: {error}", words.join(" ")));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    command.current_dir(project.under(checker.git().root())).args(words);
    untie(&mut command);
    Ok(command.status().map_err(failed)?.success())
}

/// `post-checkout BEFORE AFTER IS_BRANCH`: outputs follow what was checked out. Nothing that goes wrong is more than a warning: the
/// checkout is done.
fn post_checkout(args: &[OsString], setting: &Setting) -> i32 {
    let whole = follow(args).unwrap_or_else(|fault| {
        fail(&fault, setting);
        false
    });
    if !whole {
        print("WARNING: not all outputs follow this checkout; `dvc-paraffin checkout` tries again.\n", true);
    }
    0
}

/// Whether all outputs are what the work tree asks for now, as far as they are to follow.
fn follow(args: &[OsString]) -> Result<bool, Fault> {
    // Single files were checked out (`git checkout -- FILE`), or a rebase goes on, which ends with a checkout.
    let is_branch =
        args.get(2).is_none_or(|flag| flag == "1") && std::env::var_os("PRE_COMMIT_CHECKOUT_TYPE").is_none_or(|kind| kind == "1");
    let checker = checker()?;
    if !is_branch || checker.git().is_in_rebase() {
        return Ok(true);
    }
    let mut whole = true;
    for project in checkout::to_follow(&checker)? {
        whole &= run_ourselves(&checker, &project, &["checkout", "--quiet"])?;
    }
    Ok(whole)
}
