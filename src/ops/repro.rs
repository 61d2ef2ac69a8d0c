//! `repro`: brings a pipeline up to date (dvc: `repo/reproduce.py`).
//!
//! Read, decide, run, tell: the way of a run from the files of the repository to its last event.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::format::mask::Masks;
use crate::model::about::JOURNAL;
use crate::model::event::Level;
use crate::model::settings::Settings;
use crate::model::{About, Class, Event, EventKind, Fault, Outcome, Record, RepoPath, Stage, StageId, Status};
use crate::plan::judge::Rules;
use crate::plan::schedule::OnError;
use crate::plan::select::Scope;
use crate::plan::terms::{Overrides, Rulebook};
use crate::report::Sink;
use crate::run;
use crate::run::child::Children;
use crate::run::clock::Clock;
use crate::run::disk::Disk;
use crate::run::drive;
use crate::run::durations::Durations;
use crate::run::job::{Output, Run, lock_of};
use crate::run::ledger::{self, Ledger};
use crate::run::logs::{self, Logs};
use crate::run::orphans::{Begun, Manner, Orphans};
use crate::run::peer::Peer;
use crate::run::perform::Options;
use crate::run::shell::Shell;
use crate::run::signals::Watcher;
use crate::run::tokens::{self, Style, Tokens};
use crate::run::watch::Watch;
use crate::run::within::{self, Within};
use crate::store;
use crate::store::lock::RepoLock;
use crate::store::rwlock::RwLock;
use crate::store::workspace::Workspace;

use super::load::Repository;
use super::planning::{self, Plan};
use super::recorder::{Recorder, Shared};
use super::targets::Reading;
use super::worker::StageWorker;
use super::{ending, handed, values};

/// What was asked for.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "one for each flag of `dvc repro`")]
pub struct Request {
    /// The targets as typed; none for the dvc.yaml of the current directory.
    pub targets: Vec<String>,
    /// How to read them.
    pub reading: Reading,
    /// Which stages around them are taken.
    pub scope: Scope,
    /// All stages of the repository (`--all-pipelines`).
    pub all_pipelines: bool,
    /// What is the same for all stages.
    pub options: Options,
    /// `--force-downstream`
    pub force_downstream: bool,
    /// `--allow-missing`
    pub allow_missing: bool,
    /// `--pull`
    pub pull: bool,
    /// `--dry`
    pub dry: bool,
    /// `--explain`: outputs are looked at even where an input changed.
    pub explain: bool,
    /// What to do when a stage fails.
    pub on_error: OnError,
    /// What paraffin.yaml says.
    pub settings: Settings,
    /// What the command line says of the terms of stages.
    pub overrides: Overrides,
    /// Only stages of these queues run (`--queues`).
    pub queues: Option<Vec<String>>,
    /// Job slots.
    pub jobs: usize,
    /// How make is told of its share of them.
    pub jobserver_style: Style,
    /// Whether commands of dead runs that are in the way are told to end.
    pub kill_orphans: bool,
    /// How long locks are waited for; none: without limit.
    pub patience: Option<Duration>,
    /// Whether standard output or standard error is a terminal.
    pub on_terminal: bool,
    /// Whether a stage that owns the terminal must keep off standard output (`--json`).
    pub to_stderr: bool,
    /// Our command line, as other processes see it in DVC's locks.
    pub command_line: String,
    /// `$SHELL`
    pub shell: Option<OsString>,
    /// Variables of our environment that are not for stages.
    pub withheld: Vec<&'static str>,
    /// Who runs what and where; the run's name and its folder's are added here.
    pub about: About,
    /// What of the run must not be seen.
    pub masks: Masks,
    /// Where the history of the run is to be kept for reports.
    pub history: Option<Shared>,
    /// Whether changed files may be added to the index (`core.autostage`).
    pub stages: bool,
}

impl Request {
    /// Exactly the targets are run, without the graph.
    pub(super) fn is_single(&self) -> bool {
        self.scope == Scope::Single && !self.all_pipelines
    }

    /// Where the output of stages goes.
    fn output(&self) -> Output {
        match (self.jobs, self.on_terminal) {
            (2.., _) => Output::Log,
            (_, true) => Output::Terminal,
            (_, false) => Output::Both,
        }
    }
}

/// The way to ask the user whether a stage may run.
pub type Confirm<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// Runs. Everything that happens goes to the sink; the failure that decides the exit code is
/// the error, and goes into the last event too.
///
/// # Errors
/// In DVC's words and classes.
pub fn repro(
    repository: &mut Repository,
    request: &Request,
    confirm: Option<Confirm<'_>>,
    watcher: &Watcher,
    sink: &mut dyn Sink,
) -> Result<(), Fault> {
    let clock = Clock::start();
    let workspace = Arc::clone(repository.workspace());
    let prepared = workspace.prepare();
    let keeps = !request.dry && prepared.is_ok();
    let about = about(&workspace, request, &clock);
    let run = about.run.clone();
    let mut recorder = Recorder::begin(sink, &workspace, about, request.masks.clone(), request.history.clone(), keeps, &clock);
    let result = match prepared {
        Ok(_) => repro_recorded(repository, request, confirm, watcher, run.clone(), &clock, &mut recorder),
        Err(error) => Err(error.into()),
    };
    recorder.end(result.as_ref().err(), &clock);
    if keeps {
        logs::end(&logs::folder(&workspace.tmp_dir(), &run));
        logs::prune(&workspace.tmp_dir(), request.settings.keep_runs, &run);
    }
    result
}

/// What is known of a run before it reads anything.
fn about(workspace: &Workspace, request: &Request, clock: &Clock) -> About {
    let root = workspace.root();
    About {
        journal: JOURNAL,
        run: run_name(clock),
        dry: request.dry,
        cwd: workspace.cwd().as_str().to_owned(),
        project: root.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        jobs: request.jobs,
        terminal: request.output() == Output::Terminal,
        hidden: request.masks.hidden(),
        ..request.about.clone()
    }
}

fn repro_recorded(
    repository: &mut Repository,
    request: &Request,
    confirm: Option<Confirm<'_>>,
    watcher: &Watcher,
    name: String,
    clock: &Clock,
    sink: &mut dyn Sink,
) -> Result<(), Fault> {
    let book = Rulebook::new(&request.settings, &request.overrides)?;
    let lock = RepoLock::new(repository.workspace().tmp_dir().join("lock"), repository.workspace().lock_kind());
    let plan = {
        let mut waited = |holder: &str, since: Duration| {
            let what = lock_of(holder);
            sink.event(&clock.event(EventKind::Waiting { stage: None, what, since }));
            watcher.times() == 0
        };
        let _guard = match lock.acquire(request.patience, &mut waited) {
            Err(store::Error::GivenUp) => return Err(run::error::interrupted()),
            other => other?,
        };
        if !request.dry {
            ledger::write_left(repository.workspace());
        }
        planning::make(repository, request, &book)?
    };
    for text in repository.warnings() {
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text: text.clone() }));
    }
    for text in &plan.remarks {
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text: text.clone() }));
    }
    execute(repository, request, &plan, &book, lock, confirm, watcher, name, clock, sink)
}

#[expect(clippy::too_many_arguments, reason = "the parts of a run meet here, and nowhere else")]
fn execute(
    repository: &Repository,
    request: &Request,
    plan: &Plan,
    book: &Rulebook<'_>,
    lock: RepoLock,
    confirm: Option<Confirm<'_>>,
    watcher: &Watcher,
    name: String,
    clock: &Clock,
    sink: &mut dyn Sink,
) -> Result<(), Fault> {
    let workspace = repository.workspace();
    let records = |stage: &Stage| repository.record(stage);
    let run = open(repository, request, plan, lock, confirm, watcher, &records, name.clone())?;
    if let Some(text) = run.shell.warning.clone() {
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text }));
    }
    let _begun = (!request.dry).then(|| begin(&run, clock));
    fetch_runs(&run, plan, clock, sink);
    let stages = plan.order.iter().map(|id| repository.pipeline().get(*id));
    run.disk.expect(stages.flat_map(Stage::hashed));
    let worker = StageWorker::new(&run, repository, &plan.order, request, watcher);
    let planned = plan.describe(repository);
    sink.event(&clock.event(EventKind::RunStarted { run: name, plan: planned, jobs: request.jobs, queues: plan.queues(book) }));
    let channel = drive::messages();
    watcher.tell(channel.0.clone());
    let mut tell = |event: &Event| {
        sink.event(event);
        for notice in ending::remarks(repository, request, plan, event) {
            sink.event(&Event { kind: notice, ..event.clone() });
        }
        for text in run.rwlock.take_warnings() {
            sink.event(&Event { kind: EventKind::Notice { level: Level::Warning, text }, ..event.clone() });
        }
    };
    let addresses: Vec<String> = plan.order.iter().map(|id| repository.pipeline().get(*id).address.seen_from(&RepoPath::root())).collect();
    let setup = plan.setup(request, book, &addresses, &Durations::load(&workspace.tmp_dir()));
    let ends = std::thread::scope(|scope| {
        scope.spawn(|| run.keep_up());
        let ends = drive::drive(setup, &worker, clock, channel, &mut tell);
        run.close_ledger();
        ends
    });
    let ends = ends.map_err(|error| Fault::new(Class::Unexpected, format!("cannot start threads: {error}")))?;
    let written = run.write_rest(&mut |waiting| {
        sink.event(&clock.event(waiting));
        watcher.times() < 2
    });
    // Who wants the run to end waits for no more than must be.
    let changed = if request.dry || watcher.times() > 0 { Vec::new() } else { run.last_look(clock) };
    let changed = changed.into_iter().map(|text| (Level::Warning, text));
    for (level, text) in changed.chain(settle(&run, learn(plan, &addresses, &ends))) {
        sink.event(&clock.event(EventKind::Notice { level, text }));
    }
    if !request.dry || request.history.is_some() {
        sink.event(&clock.event(EventKind::ValuesKept(Box::new(values::of(repository)))));
    }
    let failed = ending::verdict(repository, request, plan, &ends, watcher).or(written.err());
    let (to_track, staged) =
        if failed.is_none() { worker.track(request.stages && workspace.config().autostage)? } else { (Vec::new(), false) };
    sink.event(&clock.event(EventKind::RunFinished { fault: failed.clone(), to_track, staged }));
    failed.map_or(Ok(()), Err)
}

/// Puts right what dead runs left, and leaves the note of this one.
fn begin(run: &Run<'_>, clock: &Clock) -> Begun {
    let before = clock.now();
    let mut begun = run.orphans.begin();
    if let Some(noted) = begun.noted() {
        run.watch.compare_clocks(before, noted, clock.now());
    }
    if let Some(since) = begun.after_others {
        run.disk.workspace().cache().mend(since);
    }
    run.orphans.sweep(&mut begun);
    begun
}

/// All that the stages of the run share.
#[expect(clippy::too_many_arguments, reason = "the parts of a run meet here, and nowhere else")]
fn open<'a>(
    repository: &'a Repository,
    request: &Request,
    plan: &Plan,
    lock: RepoLock,
    confirm: Option<Confirm<'a>>,
    watcher: &Watcher,
    records: &'a (dyn Fn(&Stage) -> Option<Record> + Sync),
    name: String,
) -> Result<Run<'a>, Fault> {
    let workspace = repository.workspace();
    let peer = Peer::find(|name| std::env::var_os(name), request.patience.is_none());
    handed::refuse(repository, &plan.order, peer.as_ref())?;
    let remotes = if request.pull && !request.dry { Some(handed::remotes(repository, &plan.order, peer.as_ref())?) } else { None };
    let (tmp, kind) = (workspace.tmp_dir(), workspace.lock_kind());
    let within = Within::new(std::env::var_os(within::VARIABLE));
    let stages = plan.order.iter().map(|id| repository.pipeline().get(*id));
    let outs = stages.flat_map(|stage| &stage.outs).filter(|out| out.cache).map(|out| &out.path).collect();
    let manner = match (request.dry, request.kill_orphans) {
        (true, _) => Manner::Look,
        (false, true) => Manner::End,
        (false, false) => Manner::Wait,
    };
    Ok(Run {
        pipeline: repository.pipeline(),
        disk: Disk::open(workspace)?,
        children: Children::new(watcher.lender()),
        shell: Shell::of(request.shell.as_deref()),
        logs: Logs::new(&tmp, &name),
        tokens: Tokens::new(logs::folder(&tmp, &name), request.jobs, request.jobserver_style, std::env::var_os(tokens::VARIABLE)),
        name,
        jobs: request.jobs,
        terms: plan.terms.clone(),
        options: request.options.clone(),
        output: request.output(),
        to_stderr: request.to_stderr,
        ledger: Mutex::new(Ledger::new(Arc::clone(workspace), outs)),
        bell: Condvar::new(),
        lock,
        rwlock: RwLock::new(&tmp, kind, request.command_line.clone(), within.held(|stage| repository.paths_of(stage))),
        orphans: Orphans::new(workspace.root(), workspace.cache().dir(), within.clone(), manner),
        within,
        patience: request.patience,
        confirm,
        made: Mutex::default(),
        watch: Watch::default(),
        records,
        remotes,
        peer,
        pullable: Mutex::default(),
        withheld: request.withheld.clone(),
        has_dvc_root: std::env::var_os("DVC_ROOT").is_some(),
    })
}

/// Brings earlier runs from the remote (`--pull`). That it cannot be done is a warning.
fn fetch_runs(run: &Run<'_>, plan: &Plan, clock: &Clock, sink: &mut dyn Sink) {
    if run.options.run_cache
        && let Err(fault) = handed::fetch_runs(run, &plan.order)
    {
        let text = format!("Failed to pull run cache: {fault}");
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text }));
    }
}

/// What may be done once no stage waits for it any more; remarks on what went wrong.
fn settle(run: &Run<'_>, learnt: Durations) -> Vec<(Level, String)> {
    let mut remarks = run.disk.settle();
    let saved = learnt.save(&run.disk.workspace().tmp_dir());
    remarks.extend(saved.err().map(|error| format!("durations are not kept: {error}")));
    let mut remarks: Vec<(Level, String)> = remarks.into_iter().map(|text| (Level::Debug, text)).collect();
    if let Err(fault) = run.disk.settle_cache() {
        remarks.push((Level::Warning, format!("an object of the cache did not get to the disk, its stage will run again: {fault}")));
    }
    remarks
}

/// How long the stages took that ran.
fn learn(plan: &Plan, addresses: &[String], ends: &HashMap<StageId, Outcome>) -> Durations {
    let mut durations = Durations::default();
    for (id, address) in plan.order.iter().zip(addresses) {
        if let Some(Outcome { status: Status::Ran, attempt: Some(attempt), .. }) = ends.get(id) {
            durations.learn(address.clone(), attempt.running);
        }
    }
    durations
}

/// Names of runs sort by time: `20261120-140355-3f2a`, whose end is the part of the second.
fn run_name(clock: &Clock) -> String {
    let now = clock.now();
    let time = jiff::Timestamp::from_nanosecond(now).unwrap_or_default();
    format!("{}-{:04x}", time.strftime("%Y%m%d-%H%M%S"), (now.rem_euclid(1_000_000_000) << 16) / 1_000_000_000)
}

/// The rules of judgement that the flags give.
pub(super) fn rules(request: &Request) -> Rules {
    Rules { allow_missing: request.allow_missing }
}
