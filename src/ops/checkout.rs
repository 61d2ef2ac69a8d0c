//! `checkout`: the work tree gets what dvc.lock and `.dvc` files say, from the cache (dvc: `repo/checkout.py`).
//!
//! Nothing is asked, so it serves a hook as well. Two rules go beyond DVC's: an output of which anything
//! is missing in the cache stays as it is, while DVC removes it; and of what belongs to no stage any more only
//! that is removed which is in the cache. The lock of the repository is held all the time, as by DVC; stages
//! that run meanwhile are kept out, or waited for, by the lock on paths.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;

use crate::model::checked_out::{CheckedOut, Kind};
use crate::model::{Algo, Class, Fault, Out, Record, RepoPath, Stage};
use crate::plan::judge::listed_out;
use crate::report::Sink;
use crate::run::clock::Clock;
use crate::run::disk::Disk;
use crate::run::error::interrupted;
use crate::run::job::lock_of;
use crate::run::signals::Watcher;
use crate::run::within::{self, Within};
use crate::store::checkout::{Steps, Wish};
use crate::store::rwlock::{Above, Claim, RwLock};
use crate::store::state::links::Placed;
use crate::store::{self, lock::RepoLock};

use super::granular::{Choice, Chooser};
use super::load::Repository;
use super::waiting::{Teller, wait, writer};

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The targets as typed; none for the whole repository.
    pub targets: Vec<String>,
    /// Also all that the targets depend on.
    pub with_deps: bool,
    /// Directories stand for the stages below them.
    pub recursive: bool,
    /// Files that are in no cache may be lost.
    pub force: bool,
    /// Also files that are right are placed anew.
    pub relink: bool,
    /// How long locks are waited for; none: without limit.
    pub patience: Option<Duration>,
    /// What others see who meet our locks.
    pub command_line: String,
}

/// Paths that are kept from others, and what keeps them.
type Claimed = (HashSet<RepoPath>, Claim);

/// Brings outputs to what is recorded. Waits and remarks go to the sink. That outputs could not be brought is
/// part of the answer ([`CheckedOut::fault`]).
///
/// # Errors
/// In DVC's words and classes. But for outputs that no stage has any more, nothing was touched then, unless it
/// was stopped on the way.
pub fn checkout(repository: &mut Repository, request: &Request, watcher: &Watcher, sink: &mut dyn Sink) -> Result<CheckedOut, Fault> {
    repository.workspace().prepare()?;
    let tmp = repository.workspace().tmp_dir();
    let kind = repository.workspace().lock_kind();
    let lock = RepoLock::new(tmp.join("lock"), kind);
    let within = Within::new(std::env::var_os(within::VARIABLE));
    let disk = Disk::open(repository.workspace())?;
    let mut work = Work {
        request,
        disk: &disk,
        rwlock: RwLock::new(&tmp, kind, request.command_line.clone(), Above::new()),
        teller: Teller { clock: Clock::start(), watcher, sink },
        answer: CheckedOut::default(),
        placed: Vec::new(),
        gone: Vec::new(),
    };
    let mut claimed: Option<Claimed> = None;
    let result = loop {
        let guard = match lock.acquire(request.patience, &mut |holder, since| {
            work.teller.waits(lock_of(holder), since);
            watcher.times() == 0
        }) {
            Err(store::Error::GivenUp) => break Err(interrupted()),
            other => other?,
        };
        let found = work.once(repository, claimed.as_ref());
        let above = within.held(|stage| repository.paths_of(stage));
        // What another process makes of these paths it also writes into dvc.lock.
        let round = match found {
            Ok(Round::Over) => break Ok(()),
            Err(fault) => break Err(fault),
            Ok(round) => round,
        };
        repository.forget();
        drop(guard);
        claimed = None;
        match round {
            Round::Over => {}
            Round::Written(paths, busy) => wait(&work.rwlock, &above, (&paths, busy), request.patience, &mut work.teller)?,
            Round::Unclaimed(paths) => claimed = Some(work.claim(repository, paths, &above)?),
        }
    };
    work.remember();
    let Work { mut teller, answer, rwlock, .. } = work;
    rwlock.take_warnings().into_iter().chain(disk.settle()).for_each(|text| teller.warns(text));
    result.map(|()| answer)
}

/// How one look at the repository ended.
enum Round {
    /// All is done.
    Over,
    /// Someone else is writing outputs.
    Written(Vec<PathBuf>, store::rwlock::Busy),
    /// These outputs must be kept from others first.
    Unclaimed(HashSet<RepoPath>),
}

struct Work<'a> {
    request: &'a Request,
    disk: &'a Disk,
    rwlock: RwLock,
    teller: Teller<'a>,
    answer: CheckedOut,
    /// What DVC's database of links is to learn.
    placed: Vec<(String, Placed)>,
    gone: Vec<String>,
}

impl Work<'_> {
    fn once(&mut self, repository: &mut Repository, claimed: Option<&Claimed>) -> Result<Round, Fault> {
        if self.request.targets.is_empty() {
            repository.load_all()?;
            self.remove_unused(repository)?;
        }
        let chooser = Chooser::new(repository, self.request.with_deps, self.request.recursive);
        let choices = chooser.choose_or(&self.request.targets, suggest_git)?;
        if claimed.is_none() {
            repository.warnings().iter().for_each(|text| self.teller.warns(text.clone()));
            if let Some((paths, busy)) = choices.iter().find_map(|choice| writer(repository, &self.rwlock, choice)) {
                return Ok(Round::Written(paths, busy));
            }
        }
        let wishes = wishes(repository, &choices);
        let steps = self.compare(&wishes)?;
        let changed = || wishes.iter().zip(&steps).filter(|(_, steps)| !steps.is_empty() && !steps.lacking).map(|(wish, _)| &wish.path);
        if !changed().all(|path| claimed.is_some_and(|(paths, _)| paths.contains(path))) {
            return Ok(Round::Unclaimed(changed().cloned().collect()));
        }
        self.refuse_loss(&steps)?;
        self.apply(repository, wishes, steps)?;
        Ok(Round::Over)
    }

    /// Keeps outputs from others; waits for those who use them.
    fn claim(&mut self, repository: &Repository, paths: HashSet<RepoPath>, above: &Above) -> Result<Claimed, Fault> {
        let places: Vec<PathBuf> = paths.iter().map(|path| repository.workspace().place(path)).collect();
        let mut fatal = None;
        let teller = &mut self.teller;
        let claim = self.rwlock.claim(&[], &places, self.request.patience, &mut |busy, since| {
            if busy.waits_for_us(above) {
                fatal = Some(Fault::new(Class::LockError, busy.to_string()));
            } else {
                teller.waits(busy.short(), since);
            }
            fatal.is_none() && teller.go_on().is_ok()
        });
        match claim {
            Err(store::Error::GivenUp) => Err(fatal.unwrap_or_else(interrupted)),
            other => Ok((paths, other?)),
        }
    }

    fn compare(&self, wishes: &[Wish]) -> Result<Vec<Steps>, Fault> {
        self.disk.expect(wishes.iter().map(|wish| &wish.path));
        let compare = |wish| {
            self.teller.go_on()?;
            Ok(self.disk.workspace().compare_out(self.disk.hasher(), wish, self.request.relink)?)
        };
        wishes.iter().map(compare).collect()
    }

    /// Refuses to lose what is nowhere else.
    fn refuse_loss(&self, steps: &[Steps]) -> Result<(), Fault> {
        if self.request.force {
            return Ok(());
        }
        let mut unsaved = Vec::new();
        for steps in steps {
            unsaved.extend(self.disk.workspace().unsaved(steps)?);
        }
        unsaved.sort_unstable();
        if unsaved.is_empty() {
            return Ok(());
        }
        let paths: Vec<String> = unsaved.iter().map(|path| path.display().to_string()).collect();
        let message = "Can't remove the following unsaved files without confirmation. Use `--force` to force.";
        Err(Fault::new(Class::DvcException, format!("{message}\n{}", paths.join("\n"))))
    }

    fn apply(&mut self, repository: &Repository, wishes: Vec<Wish>, steps: Vec<Steps>) -> Result<(), Fault> {
        let (cwd, workspace) = (repository.cwd(), self.disk.workspace());
        let told: Vec<_> = steps.iter().map(|steps| (steps.kind, steps.counts, steps.lacking)).collect();
        let watcher = self.teller.watcher;
        let results = workspace.apply(self.disk.hasher(), steps, &|| watcher.times() == 0);
        for ((wish, result), (kind, counts, lacking)) in wishes.into_iter().zip(results).zip(told) {
            let shown = wish.path.seen_from(cwd);
            match (result, lacking, kind) {
                (Ok(()), false, None) => {}
                (Ok(()), false, Some(kind)) => {
                    self.answer.counts.add(counts);
                    let slash = if workspace.place(&wish.path).is_dir() { "/" } else { "" };
                    self.answer.changes.push((kind, format!("{shown}{slash}")));
                    self.placed.extend(workspace.placed(&wish.path).map(|placed| (wish.path.to_string(), placed)));
                }
                (Ok(()), true, _) => {
                    if wish.recorded.is_none() && !is_imported(repository, &wish.path) {
                        let place = workspace.place(&wish.path);
                        self.teller.warns(format!("No file hash info found for '{}'. It won't be created.", place.display()));
                    }
                    self.answer.failed.push(shown);
                }
                (Err(store::Error::GivenUp), ..) => {}
                (Err(error), ..) => {
                    self.teller.warns(format!("'{shown}' could not be checked out: {error}"));
                    self.answer.failed.push(shown);
                }
            }
        }
        self.answer.failed.sort_unstable();
        self.teller.go_on()
    }

    /// Removes what was placed for stages that are there no more, if it is as it was then.
    fn remove_unused(&mut self, repository: &Repository) -> Result<(), Fault> {
        let workspace = self.disk.workspace();
        let placed = match workspace.links().map(|links| links.all()).transpose() {
            Ok(placed) => placed.unwrap_or_default(),
            Err(remark) => {
                self.teller.warns(remark);
                return Ok(());
            }
        };
        let used = repository.pipeline().iter().flat_map(|(_, stage)| stage.outs.iter().map(|out| &out.path));
        for path in workspace.unused(&placed, used) {
            let (place, shown) = (workspace.place(&path), path.seen_from(repository.cwd()));
            if self.rwlock.writer_of([&place]).is_some() {
                continue;
            }
            let standing = workspace.standing(self.disk.hasher(), &path)?;
            if !self.request.force
                && let Some(file) = standing.only_here().first()
            {
                let what = if *file == place { "it".to_owned() } else { format!("'{}'", file.display()) };
                self.teller.warns(format!("'{shown}' belongs to no stage any more and is kept: {what} is in no cache"));
                continue;
            }
            let slash = if place.is_dir() { "/" } else { "" };
            standing.remove()?;
            if place.symlink_metadata().is_ok() {
                self.teller.warns(format!("'{shown}' belongs to no stage any more and is kept: it is changed just now"));
                continue;
            }
            self.answer.changes.push((Kind::Deleted, format!("{shown}{slash}")));
            self.answer.counts.count(Kind::Deleted);
            self.gone.push(path.to_string());
        }
        Ok(())
    }

    /// Tells DVC's database of links; a help, and no condition.
    fn remember(&mut self) {
        let Some(links) = self.disk.workspace().links() else { return };
        if let Err(remark) = links.change(&self.placed, &self.gone) {
            self.teller.warns(remark);
        }
    }
}

/// The outputs that are meant, each once, in the order of the choices.
fn wishes(repository: &Repository, choices: &[Choice]) -> Vec<Wish> {
    let mut wishes: IndexMap<RepoPath, Wish> = IndexMap::new();
    for choice in choices {
        let Some(stage) = repository.stage(&choice.stage) else { continue };
        let record = repository.record(stage);
        let outs = stage.outs.iter().filter(|out| out.cache && !out.path.is_external());
        for out in outs.filter(|out| choice.within.as_ref().is_none_or(|part| out.path.contains(part))) {
            let part = choice.within.clone().filter(|part| *part != out.path);
            let new = || wish(stage, out, record.as_ref(), part.iter().cloned().collect());
            match wishes.get_mut(&out.path) {
                None => drop(wishes.insert(out.path.clone(), new())),
                // The whole of it is more than any part.
                Some(wish) if wish.parts.is_empty() || part.is_none() => wish.parts.clear(),
                Some(wish) => wish.parts.extend(part),
            }
        }
    }
    wishes.into_values().collect()
}

fn wish(stage: &Stage, out: &Out, record: Option<&Record>, parts: Vec<RepoPath>) -> Wish {
    let of_lock = || record?.out(&out.def_path).and_then(|found| Some((found.digest.clone()?, found.meta)));
    let mut recorded = if stage.is_data_file() { out.recorded.clone() } else { of_lock() };
    // What comes from a plain address has the rights of its source, and its hash too where it was never brought
    // (dvc: `repo/index.py` `_load_data_from_outs`).
    let source = stage.deps.first().filter(|dep| stage.is_import() && !matches!(dep.foreign.as_deref(), Some("repo" | "db")));
    if let Some((digest, meta)) = source.and_then(|dep| dep.recorded.clone()) {
        match &mut recorded {
            Some((_, own)) => own.isexec = meta.isexec,
            None => recorded = Some((digest, meta)).filter(|(digest, _)| digest.algo == Algo::Md5),
        }
    }
    let listed = listed_out(out, record).cloned();
    if let (Some((digest, _)), Some(listed)) = (&mut recorded, &listed) {
        digest.algo = listed.algo.clone();
    }
    Wish { path: out.path.clone(), recorded, listed, parts }
}

/// Whether an output comes from elsewhere by an import, of which DVC knows where data without a hash is to be had.
fn is_imported(repository: &Repository, path: &RepoPath) -> bool {
    let from_elsewhere = |stage: &Stage| stage.is_import() && stage.deps[0].foreign.as_deref() != Some("db");
    repository.pipeline().iter().any(|(_, stage)| from_elsewhere(stage) && stage.outs[0].path == *path)
}

/// What DVC does not know, git may.
fn suggest_git(target: &str, fault: Fault) -> Fault {
    match fault.class {
        Class::NoOutputOrStageError | Class::StageFileDoesNotExistError => {
            Fault::new(Class::CheckoutErrorSuggestGit, format!("Did you mean `git checkout {target}`?")).caused_by(fault)
        }
        _ => fault,
    }
}
