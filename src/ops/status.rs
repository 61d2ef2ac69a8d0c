//! `status`: which stages changed, and what of them (dvc: `repo/status.py`).
//!
//! The judgement is that of `repro` ([`judge`]); here it is only asked for all stages and all
//! of their items. Nothing of the work tree is written. What imported data has become at its
//! source is not looked up: that is DVC's answer with `--no-updates`.

use std::time::{Duration, Instant};

use crate::model::{Class, Fault, RepoPath, Stage, StageId};
use crate::plan::judge::{self, Rules};
use crate::report::Sink;
use crate::report::status::Changes;
use crate::run::child::Children;
use crate::run::clock::Clock;
use crate::run::disk::Disk;
use crate::run::error::interrupted;
use crate::run::job::lock_of;
use crate::run::orphans::{Manner, Orphans};
use crate::run::peer::{Peer, Told, only_dvc_sees};
use crate::run::signals::Watcher;
use crate::run::within::{self, Within};
use crate::store::rwlock::{Above, RwLock};
use crate::store::{self, lock::RepoLock};

use super::granular::{Choice, Chooser};
use super::handed::install;
use super::load::Repository;
use super::targets::foreign;
use super::waiting::{PAUSE, Teller, wait, writer};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// The targets as typed; none for the whole repository.
    pub targets: Vec<String>,
    /// Also all that the targets depend on.
    pub with_deps: bool,
    /// Directories stand for the stages below them.
    pub recursive: bool,
    /// Whether the user knows that sources of imports are not looked at.
    pub no_updates: bool,
    /// How long locks are waited for; none: without limit.
    pub patience: Option<Duration>,
}

/// Why there is no answer. DVC's exit code depends on it.
#[derive(Clone, PartialEq, Debug)]
pub enum Refusal {
    /// Before DVC would have begun to look.
    Early(Fault),
    /// While looking.
    Late(Fault),
}

/// Finds out what changed. Waits and remarks go to the sink.
///
/// # Errors
/// In DVC's words and classes.
pub fn status(repository: &mut Repository, request: &Request, watcher: &Watcher, sink: &mut dyn Sink) -> Result<Changes, Refusal> {
    let early = |error: store::Error| Refusal::Early(error.into());
    repository.workspace().prepare().map_err(early)?;
    let tmp = repository.workspace().tmp_dir();
    let kind = repository.workspace().lock_kind();
    let (lock, rwlock) = (RepoLock::new(tmp.join("lock"), kind), RwLock::new(&tmp, kind, String::new(), Above::new()));
    let within = Within::new(std::env::var_os(within::VARIABLE));
    let mut teller = Teller { clock: Clock::start(), watcher, sink };
    let choices = loop {
        let guard = match lock.acquire(request.patience, &mut |holder, since| {
            teller.waits(lock_of(holder), since);
            watcher.times() == 0
        }) {
            Err(store::Error::GivenUp) => return Err(Refusal::Early(interrupted())),
            other => other.map_err(early)?,
        };
        let choices = Chooser::new(repository, request.with_deps, request.recursive).choose(&request.targets).map_err(Refusal::Late)?;
        let Some((paths, busy)) = choices.iter().find_map(|choice| writer(repository, &rwlock, choice)) else { break choices };
        let above = within.held(|stage| repository.paths_of(stage));
        // What another process makes of these paths it also writes into dvc.lock.
        repository.forget();
        drop(guard);
        wait(&rwlock, &above, (&paths, busy), request.patience, &mut teller).map_err(Refusal::Late)?;
    };
    let disk = Disk::open(repository.workspace()).map_err(early)?;
    let remarks = rwlock.take_warnings();
    for orphan in Orphans::new(repository.workspace().root(), repository.workspace().cache().dir(), within, Manner::Look).all() {
        teller.warns(format!("there is {orphan}"));
    }
    repository.warnings().iter().chain(&remarks).for_each(|text| teller.warns(text.clone()));
    let found = look(repository, &choices, request, &disk, &mut teller).map_err(Refusal::Late);
    disk.settle().into_iter().for_each(|text| teller.warns(text));
    found
}

/// Judges the stages one by one.
fn look(repository: &Repository, choices: &[Choice], request: &Request, disk: &Disk, teller: &mut Teller<'_>) -> Result<Changes, Fault> {
    let mut changes = Changes::default();
    let told = ask_dvc(repository, choices, request, teller)?;
    disk.expect(choices.iter().filter_map(|choice| repository.stage(&choice.stage)).flat_map(Stage::hashed));
    let mut imports = Vec::new();
    for choice in choices {
        teller.go_on()?;
        let Some(stage) = repository.stage(&choice.stage) else { continue };
        if stage.frozen {
            let address = stage.address.seen_from(repository.cwd());
            if stage.deps.iter().any(|dep| dep.repo.is_some()) {
                imports.push(address);
            } else {
                teller.warns(format!("stage: '{address}' is frozen. Its dependencies are not going to be shown in the status output."));
            }
        }
        let record = repository.record(stage);
        let narrowed = choice.within.as_ref().map(|path| narrowed(stage, path));
        let stage = narrowed.as_ref().unwrap_or(stage);
        if only_dvc_sees(stage).is_some() {
            let reasons = told.get(&stage.address.seen_from(repository.cwd()));
            changes.add(stage, reasons.map_or(&[], Vec::as_slice), repository.cwd());
            continue;
        }
        let mut observed = disk.observe_inputs(stage, record.as_ref())?;
        observed.outs = disk.observe_outs(stage, record.as_ref())?;
        let mut reasons = judge::inputs(stage, record.as_ref(), &observed, Rules::default(), &|_| None);
        reasons.extend(judge::outs(stage, record.as_ref(), &observed, Rules::default()));
        changes.add(stage, &reasons, repository.cwd());
    }
    if !imports.is_empty() && !request.no_updates {
        teller.warns(format!("not looked up at their source, as with --no-updates: {}", imports.join(", ")));
    }
    Ok(changes)
}

/// The stage with those of its outputs that are or hold a path.
fn narrowed(stage: &Stage, path: &RepoPath) -> Stage {
    let mut stage = stage.clone();
    stage.outs.retain(|out| out.path.contains(path));
    stage
}

/// What would have to be asked of a server, an installed dvc is asked for; it is not guessed at.
fn ask_dvc(repository: &Repository, choices: &[Choice], request: &Request, teller: &mut Teller<'_>) -> Result<Told, Fault> {
    let cwd = repository.cwd();
    let mut targets = Vec::new();
    let mut refused = None;
    for choice in choices {
        let Some(stage) = repository.stage(&choice.stage) else { continue };
        if let Some(message) = foreign(stage, cwd) {
            refused.get_or_insert(message);
            targets.push(choice.within.as_ref().map_or_else(|| stage.address.seen_from(cwd), |path| path.seen_from(cwd)));
        }
    }
    let Some(message) = refused else { return Ok(Told::default()) };
    let Some(peer) = Peer::find(|name| std::env::var_os(name), request.patience.is_none()) else {
        return Err(Fault::new(Class::NotSupported, message).with("hint", install("it is asked for the state of such stages")));
    };
    let dir = cwd.under(repository.workspace().root());
    let began = Instant::now();
    loop {
        teller.go_on()?;
        if let Some(told) = peer.status(&Children::default(), StageId(0), &dir, &targets)? {
            return Ok(told);
        }
        let (what, since) = ("a process that is at work on stages that only dvc can judge", began.elapsed());
        if request.patience.is_some_and(|patience| since >= patience) {
            return Err(Fault::new(Class::LockError, format!("gave up waiting for {what}")));
        }
        teller.waits(what.to_owned(), since);
        std::thread::sleep(PAUSE);
    }
}
