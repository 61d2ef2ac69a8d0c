//! `repro`: brings a pipeline up to date (dvc: `repo/reproduce.py`).
//!
//! Read, decide, run, tell: the way of a run from the files of the repository to its last event.

use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::Mutex;
use std::time::Duration;

use crate::model::event::{Level, Planned};
use crate::model::{Class, Event, EventKind, Fault, Outcome, Stage, StageId, Status};
use crate::plan::graph::Graph;
use crate::plan::judge::Rules;
use crate::plan::level::levels;
use crate::plan::schedule::{OnError, Setup};
use crate::plan::select::{self, Scope};
use crate::report::Sink;
use crate::run;
use crate::run::child::Children;
use crate::run::clock::Clock;
use crate::run::disk::Disk;
use crate::run::drive;
use crate::run::job::Run;
use crate::run::ledger::Ledger;
use crate::run::logs::Logs;
use crate::run::peer::Peer;
use crate::run::perform::Options;
use crate::run::shell::{self, Shell};
use crate::run::signals::Watcher;
use crate::run::within::{self, Within};
use crate::store;
use crate::store::lock::RepoLock;
use crate::store::rwlock::RwLock;

use super::handed;
use super::load::Repository;
use super::targets::Reading;
use super::worker::{StageWorker, plan_order};

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
    /// Job slots.
    pub jobs: usize,
    /// How long locks are waited for; none: without limit.
    pub patience: Option<Duration>,
    /// Whether a stage that owns the terminal must keep off standard output (`--json`).
    pub to_stderr: bool,
    /// Our command line, as other processes see it in DVC's locks.
    pub command_line: String,
    /// `$SHELL`
    pub shell: Option<OsString>,
}

impl Request {
    /// Exactly the targets are run, without the graph.
    pub(super) fn is_single(&self) -> bool {
        self.scope == Scope::Single && !self.all_pipelines
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
    repository.workspace().prepare()?;
    let lock = RepoLock::new(repository.workspace().tmp_dir().join("lock"), repository.workspace().lock_kind());
    let plan = {
        let mut waited = |holder: &str, since: Duration| {
            let what = format!(".dvc/tmp/lock, held by {holder}");
            sink.event(&clock.event(EventKind::Waiting { stage: None, what, since }));
            watcher.times() == 0
        };
        let _guard = match lock.acquire(request.patience, &mut waited) {
            Err(store::Error::GivenUp) => return Err(run::error::interrupted()),
            other => other?,
        };
        make_plan(repository, request)?
    };
    for text in repository.warnings() {
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text: text.clone() }));
    }
    execute(repository, request, &plan, lock, confirm, watcher, &clock, sink)
}

/// What will be run, and in which order.
struct Plan {
    order: Vec<StageId>,
    /// For each stage of `order` the stages that it waits for.
    after: Vec<Vec<StageId>>,
    /// The graph without the edges of frozen stages; none for `--single-item`.
    graph: Option<Graph>,
}

impl Plan {
    fn upstream(&self, stage: StageId) -> Vec<StageId> {
        self.graph.as_ref().map(|graph| graph.upstream(stage)).unwrap_or_default()
    }

    fn downstream(&self, stage: StageId) -> Vec<StageId> {
        self.graph.as_ref().map(|graph| graph.downstream(stage)).unwrap_or_default()
    }
}

fn make_plan(repository: &mut Repository, request: &Request) -> Result<Plan, Fault> {
    let single = request.is_single();
    let targets = if request.targets.is_empty() { vec!["dvc.yaml".to_owned()] } else { request.targets.clone() };
    if !request.all_pipelines {
        repository.load_targets(&targets, request.reading)?;
    }
    // What lies in a directory is told in the order of the graph, also where only that is run.
    let graphless = single && !repository.name_a_directory(&targets, request.reading);
    repository.load_all_or(graphless)?;
    let graph = if graphless { None } else { Some(Graph::build(repository.pipeline(), repository.cwd())?) };
    let wanted = if request.all_pipelines { Vec::new() } else { repository.resolve_targets(&targets, request.reading, graph.as_ref())? };
    let graph = graph.filter(|_| !single);
    let active = graph.as_ref().map(|graph| graph.active(repository.pipeline()));
    let order = match &active {
        None => wanted,
        Some(_) if wanted.is_empty() && !request.all_pipelines => Vec::new(),
        Some(active) => select::plan(active, &wanted, &request.scope),
    };
    let after = plan_order(repository.pipeline(), &order, graph.as_ref());
    Ok(Plan { order, after, graph: active })
}

#[expect(clippy::too_many_arguments, reason = "the parts of a run meet here, and nowhere else")]
fn execute(
    repository: &Repository,
    request: &Request,
    plan: &Plan,
    lock: RepoLock,
    confirm: Option<Confirm<'_>>,
    watcher: &Watcher,
    clock: &Clock,
    sink: &mut dyn Sink,
) -> Result<(), Fault> {
    let workspace = repository.workspace();
    let name = run_name(clock);
    let shell = Shell::of(request.shell.as_deref());
    if let Some(text) = shell.warning.clone() {
        sink.event(&clock.event(EventKind::Notice { level: Level::Warning, text }));
    }
    let peer = Peer::find(|name| std::env::var_os(name), request.patience.is_none());
    handed::refuse(repository, &plan.order, peer.as_ref())?;
    let remotes = if request.pull { Some(handed::remotes(repository, &plan.order, peer.as_ref())?) } else { None };
    let records = |stage: &Stage| repository.record(stage);
    let (tmp, kind) = (workspace.tmp_dir(), workspace.lock_kind());
    let within = Within::new(std::env::var_os(within::VARIABLE));
    let run = Run {
        pipeline: repository.pipeline(),
        disk: Disk::open(workspace)?,
        children: Children::default(),
        shell,
        logs: Logs::new(&tmp, &name),
        options: request.options.clone(),
        capture: request.jobs > 1,
        to_stderr: request.to_stderr,
        ledger: Mutex::new(Ledger::new(std::sync::Arc::clone(workspace))),
        lock,
        rwlock: RwLock::new(&tmp, kind, request.command_line.clone(), within.held(|stage| repository.paths_of(stage))),
        within,
        patience: request.patience,
        confirm,
        made: Mutex::default(),
        records: &records,
        remotes,
        peer,
        pullable: Mutex::default(),
        has_dvc_root: std::env::var_os("DVC_ROOT").is_some(),
    };
    fetch_runs(&run, plan, clock, sink);
    let worker = StageWorker::new(&run, repository, &plan.order, request, watcher);
    let planned = plan.order.iter().map(|id| describe(repository, plan, *id)).collect();
    sink.event(&clock.event(EventKind::RunStarted { run: name, plan: with_levels(planned), jobs: request.jobs }));
    let channel = drive::messages();
    watcher.tell(channel.0.clone());
    let mut tell = |event: &Event| {
        sink.event(event);
        for notice in remarks(repository, request, plan, event) {
            sink.event(&Event { kind: notice, ..event.clone() });
        }
        for text in run.rwlock.take_warnings() {
            sink.event(&Event { kind: EventKind::Notice { level: Level::Warning, text }, ..event.clone() });
        }
    };
    let ends = drive::drive(setup(plan, request), &worker, clock, channel, &mut tell)
        .map_err(|error| Fault::new(Class::Unexpected, format!("cannot start threads: {error}")))?;
    settle(&run, clock, sink);
    let failed = verdict(repository, request, plan, &ends, watcher);
    let (to_track, staged) = if failed.is_none() { worker.track(workspace.config().autostage)? } else { (Vec::new(), false) };
    sink.event(&clock.event(EventKind::RunFinished { fault: failed.clone(), to_track, staged }));
    failed.map_or(Ok(()), Err)
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

/// What may be done once no stage waits for it any more.
fn settle(run: &Run<'_>, clock: &Clock, sink: &mut dyn Sink) {
    run.logs.prune();
    for text in run.disk.settle() {
        sink.event(&clock.event(EventKind::Notice { level: Level::Debug, text }));
    }
}

fn setup(plan: &Plan, request: &Request) -> Setup {
    Setup {
        plan: plan.order.clone(),
        after: plan.after.clone(),
        dependents: plan.order.iter().map(|stage| plan.downstream(*stage)).collect(),
        jobs: request.jobs,
        on_error: request.on_error,
        force: request.options.force,
        force_downstream: request.force_downstream,
        dry: request.dry,
    }
}

/// Names of runs sort by time: `20261120-140355-3f2a`.
fn run_name(clock: &Clock) -> String {
    let seconds = i64::try_from(clock.now() / 1_000_000_000).unwrap_or(0);
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    format!("{}-{:04x}", time.strftime("%Y%m%d-%H%M%S"), fastrand::u16(..))
}

fn describe(repository: &Repository, plan: &Plan, id: StageId) -> Planned {
    let stage = repository.pipeline().get(id);
    let in_plan: Vec<StageId> = plan.upstream(id);
    Planned {
        stage: id,
        address: stage.address.seen_from(repository.cwd()),
        data_file: stage.is_data_file(),
        frozen: stage.frozen,
        upstream: in_plan,
        cmds: stage.cmd.as_ref().map(shell::lines).unwrap_or_default(),
        level: 0,
        queue: "default".to_owned(),
    }
}

fn with_levels(mut planned: Vec<Planned>) -> Vec<Planned> {
    let members: std::collections::HashSet<StageId> = planned.iter().map(|stage| stage.stage).collect();
    for stage in &mut planned {
        stage.upstream.retain(|up| members.contains(up));
    }
    let upstream: HashMap<StageId, Vec<StageId>> = planned.iter().map(|stage| (stage.stage, stage.upstream.clone())).collect();
    let order: Vec<StageId> = planned.iter().map(|stage| stage.stage).collect();
    let level = levels(&order, |stage| upstream[&stage].clone());
    for stage in &mut planned {
        stage.level = level[&stage.stage];
    }
    planned
}

/// DVC's warnings when a failure does not end the run (dvc: `handle_error`).
fn remarks(repository: &Repository, request: &Request, plan: &Plan, event: &Event) -> Vec<EventKind> {
    let EventKind::Finished { stage, outcome: Outcome { status: Status::Failed, fault: Some(fault), .. } } = &event.kind else {
        return Vec::new();
    };
    let warning = |text: String| EventKind::Notice { level: Level::Warning, text };
    match request.on_error {
        OnError::Fail => Vec::new(),
        OnError::Ignore => vec![warning(format!("{} (ignored)", fault.message))],
        OnError::KeepGoing => {
            let mut notices = vec![warning(fault.message.clone())];
            let names = dependents(repository, plan, *stage);
            if !names.is_empty() {
                let noun = if names.len() > 1 { "Stages" } else { "Stage" };
                notices.push(warning(format!("{noun} {} will be skipped due to this failure", joined(&names))));
            }
            notices
        }
    }
}

/// All that depends on a stage, directly or not, in the order of collection.
fn dependents(repository: &Repository, plan: &Plan, stage: StageId) -> Vec<String> {
    let mut found = std::collections::BTreeSet::new();
    let mut open = vec![stage];
    while let Some(here) = open.pop() {
        for next in plan.downstream(here) {
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found.iter().map(|id| repository.pipeline().get(*id).address.seen_from(repository.cwd())).collect()
}

/// `'a'`, `'a' and 'b'`, `'a', 'b' and 'c'` (dvc: `utils/humanize.py`).
fn joined(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

/// The failure of the run as a whole, if it failed.
fn verdict(repository: &Repository, request: &Request, plan: &Plan, ends: &HashMap<StageId, Outcome>, watcher: &Watcher) -> Option<Fault> {
    if watcher.times() > 0 {
        return Some(run::error::interrupted());
    }
    let failed: Vec<(&StageId, &Outcome)> =
        plan.order.iter().filter_map(|stage| Some((stage, ends.get(stage)?))).filter(|(_, end)| end.status == Status::Failed).collect();
    let names: Vec<String> =
        failed.iter().map(|(stage, _)| repository.pipeline().get(**stage).address.seen_from(repository.cwd())).collect();
    match (request.on_error, failed.first()) {
        (OnError::Ignore, _) | (_, None) => None,
        (OnError::Fail, Some((_, end))) => {
            let fault = Fault::new(Class::ReproductionError, format!("failed to reproduce '{}'", names[0]));
            Some(match &end.fault {
                Some(cause) => fault.caused_by(cause.clone()),
                None => fault,
            })
        }
        (OnError::KeepGoing, Some(_)) => {
            let noun = if names.len() > 1 { " stages:" } else { "" };
            Some(Fault::new(Class::ReproductionError, format!("failed to reproduce{noun} {}", joined(&names))))
        }
    }
}

/// The rules of judgement that the flags give.
pub(super) fn rules(request: &Request) -> Rules {
    Rules { allow_missing: request.allow_missing }
}
