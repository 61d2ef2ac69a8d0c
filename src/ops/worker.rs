//! What a run of `repro` does with one stage: the driver's hands.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::model::event::{Level, Saying};
use crate::model::settings::Cause;
use crate::model::{Class, Digest, EndedBy, EventKind, Fault, Outcome, Pipeline, Reason, RepoPath, StageId, Status, Verdict};
use crate::plan::graph::Graph;
use crate::plan::judge::{self, Rules};
use crate::plan::schedule::CheckWith;
use crate::run;
use crate::run::drive::{Reply, Start, Worker};
use crate::run::job::{Job, Run, hold};
use crate::run::peer::{Peer, only_dvc_sees};
use crate::run::shell;
use crate::run::signals::Watcher;
use crate::store::span::span;

use super::load::Repository;
use super::repro::{Request, rules};

/// The worker of one run.
pub(super) struct StageWorker<'a> {
    run: &'a Run<'a>,
    repository: &'a Repository,
    place: HashMap<StageId, usize>,
    rules: Rules,
    explain: bool,
    dry: bool,
    single: bool,
    watcher: &'a Watcher,
    /// Since when a stage waits for another process.
    waiting: Mutex<HashMap<StageId, Instant>>,
}

/// For each stage of the plan the stages before it that it must wait for: those it depends on,
/// and, where the graph has no say (`--single-item`, edges of frozen stages), those whose paths
/// meet its own. So the result is that of a serial run in the plan's order.
pub(super) fn plan_order(pipeline: &Pipeline, order: &[StageId], graph: Option<&Graph>) -> Vec<Vec<StageId>> {
    let place: HashMap<StageId, usize> = order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
    let mut after: Vec<Vec<StageId>> = vec![Vec::new(); order.len()];
    match graph {
        Some(graph) => {
            for (at, id) in order.iter().enumerate() {
                for upstream in graph.upstream(*id) {
                    match place.get(&upstream) {
                        Some(before) if *before < at => after[at].push(upstream),
                        Some(later) => after[*later].push(*id),
                        None => {}
                    }
                }
            }
        }
        None => {
            for at in 0..order.len() {
                after[at] = order[..at].iter().copied().filter(|before| conflict(pipeline, *before, order[at])).collect();
            }
        }
    }
    after
}

/// Whether one of two stages writes what the other reads or writes.
fn conflict(pipeline: &Pipeline, a: StageId, b: StageId) -> bool {
    let (a, b) = (pipeline.get(a), pipeline.get(b));
    let meets = |path: &RepoPath, out: &crate::model::Out| out.path.overlaps(path);
    a.outs.iter().any(|out| b.reads().any(|path| meets(path, out)) || b.outs.iter().any(|other| meets(&other.path, out)))
        || b.outs.iter().any(|out| a.reads().any(|path| meets(path, out)))
}

impl<'a> StageWorker<'a> {
    pub(super) fn new(run: &'a Run<'a>, repository: &'a Repository, order: &[StageId], request: &Request, watcher: &'a Watcher) -> Self {
        Self {
            run,
            repository,
            place: order.iter().enumerate().map(|(at, id)| (*id, at)).collect(),
            rules: rules(request),
            explain: request.explain,
            dry: request.dry,
            single: request.is_single(),
            watcher,
            waiting: Mutex::default(),
        }
    }

    fn job(&self, id: StageId) -> Job<'a> {
        let stage = self.repository.pipeline().get(id);
        Job {
            run: self.run,
            id,
            place: self.place[&id],
            stage,
            record: self.repository.record(stage),
            address: stage.address.seen_from(self.repository.cwd()),
            start: Start::default(),
        }
    }

    /// Files that git should know of, as seen from the current directory; staged if asked for.
    pub(super) fn track(&self, stage: bool) -> Result<(Vec<String>, bool), Fault> {
        let ledger = hold(&self.run.ledger);
        let Some(git) = self.run.disk.workspace().git() else { return Ok((Vec::new(), false)) };
        let changed: Vec<&RepoPath> = ledger.changed().iter().collect();
        if stage && !changed.is_empty() {
            let paths: Vec<PathBuf> = changed.iter().map(|path| path.under(self.run.disk.root())).collect();
            git.add(&paths)?;
        }
        Ok((changed.iter().map(|path| path.seen_from(self.repository.cwd())).collect(), stage))
    }

    /// Whether another process writes what the stage reads. Says so once that has lasted.
    fn must_wait(&self, job: &Job<'_>, reply: &Reply) -> Result<bool, Fault> {
        let root = self.run.disk.root();
        let paths = job.stage.reads().chain(job.stage.outs.iter().map(|out| &out.path)).map(|path| path.under(root));
        let began = || hold(&self.waiting).entry(job.id).or_insert_with(Instant::now).elapsed();
        let Some(busy) = self.run.rwlock.writer_of(paths) else {
            // In this order: a run that dies now has left its note by the time its claim is gone.
            let Some(orphan) = self.run.orphans.in_the_way(job.stage) else { return Ok(false) };
            self.run.waits_for(&orphan, began(), job.id, reply)?;
            return Ok(true);
        };
        let since = began();
        if self.run.patience.is_some_and(|patience| since >= patience) || busy.waits_for_us(self.run.rwlock.above()) {
            return Err(Fault::new(Class::LockError, busy.to_string()));
        }
        if self.run.children.stopping() {
            return Err(run::error::interrupted());
        }
        if since >= Duration::from_secs(1) {
            reply.tell(EventKind::Waiting { stage: Some(job.id), what: busy.short(), since });
        }
        Ok(true)
    }

    /// What a stage upstream has for an output now: made in this run, or recorded. A single
    /// item has no upstream.
    fn upstream_hash(&self, path: &RepoPath) -> Option<Option<Digest>> {
        if self.single {
            return None;
        }
        if let Some(digest) = hold(&self.run.made).get(path) {
            return Some(Some(digest.clone()));
        }
        let pipeline = self.repository.pipeline();
        let (_, stage) = pipeline.iter().find(|(_, stage)| stage.outs.iter().any(|out| out.path == *path))?;
        let out = stage.outs.iter().find(|out| out.path == *path)?;
        let record = self.repository.record(stage);
        Some(judge::recorded_out(stage, record.as_ref(), &out.def_path).cloned())
    }

    fn judge(&self, job: &Job<'_>, with: &CheckWith) -> Result<Verdict, Fault> {
        let reasons = self.reasons(job, with, self.rules)?;
        let pulling = self.run.remotes.is_some() && !self.dry && !reasons.is_empty();
        if pulling && self.reasons(job, with, Rules { allow_missing: true })?.is_empty() {
            hold(&self.run.pullable).insert(job.id);
        }
        Ok(judge::verdict(job.stage, job.record.as_ref(), reasons))
    }

    /// The judgement of an installed dvc on a stage that only it can see; none where another
    /// process is at it.
    fn ask(&self, job: &Job<'_>, peer: &Peer, with: &CheckWith) -> Result<Option<Verdict>, Fault> {
        let dir = self.repository.cwd().under(self.run.disk.root());
        let Some(mut told) = peer.status(&self.run.children, job.id, &dir, std::slice::from_ref(&job.address))? else { return Ok(None) };
        let mut reasons = told.remove(&job.address).unwrap_or_default();
        let missing = |reason: &Reason| {
            matches!(reason, Reason::SaidByDvc { heading: Some(heading), word, .. }
                if heading == "changed outs" && (word == "deleted" || word == "not in cache"))
        };
        if self.rules.allow_missing {
            reasons.retain(|reason| !missing(reason));
        }
        if self.run.remotes.is_some() && !self.dry && !reasons.is_empty() && reasons.iter().all(missing) {
            hold(&self.run.pullable).insert(job.id);
        }
        if !with.may_change.is_empty() {
            reasons.push(self.may_change(with));
        }
        Ok(Some(judge::verdict(job.stage, job.record.as_ref(), reasons)))
    }

    fn may_change(&self, with: &CheckWith) -> Reason {
        let pipeline = self.repository.pipeline();
        Reason::UpstreamMayChange {
            stages: with.may_change.iter().map(|id| pipeline.get(*id).address.seen_from(self.repository.cwd())).collect(),
        }
    }

    fn reasons(&self, job: &Job<'_>, with: &CheckWith, rules: Rules) -> Result<Vec<Reason>, Fault> {
        let upstream = |path: &RepoPath| if rules.allow_missing { self.upstream_hash(path) } else { None };
        let _span = span("judge", || job.address.clone());
        let mut observed = self.run.disk.observe_inputs(job.stage, job.record.as_ref())?;
        let mut reasons = judge::inputs(job.stage, job.record.as_ref(), &observed, rules, &upstream);
        // A frozen stage does not look upstream.
        if !with.may_change.is_empty() && !job.stage.frozen {
            self.soften(job, with, &mut reasons);
        } else if self.dry && job.stage.cmd.is_some() && !job.stage.frozen && missing(&reasons) {
            job.inputs()?;
        }
        if reasons.is_empty() || self.explain {
            observed.outs = self.run.disk.observe_outs(job.stage, job.record.as_ref())?;
            reasons.extend(judge::outs(job.stage, job.record.as_ref(), &observed, rules));
        }
        Ok(reasons)
    }

    /// In a dry run what comes from a stage that would run is not known yet.
    fn soften(&self, job: &Job<'_>, with: &CheckWith, reasons: &mut Vec<Reason>) {
        let pipeline = self.repository.pipeline();
        let outs: Vec<&RepoPath> = with.may_change.iter().flat_map(|id| pipeline.get(*id).outs.iter().map(|out| &out.path)).collect();
        let unknown = |def_path: &str| {
            let deps = job.stage.deps.iter().map(|dep| (&dep.def_path, &dep.path));
            let params = job.stage.params.iter().map(|params| (&params.def_path, &params.path));
            deps.chain(params).any(|(text, path)| text == def_path && outs.iter().any(|out| out.overlaps(path)))
        };
        reasons.retain(|reason| match reason {
            Reason::DepMissing { path } | Reason::ParamsFileMissing { path } | Reason::ParamMissing { path, .. } => !unknown(path),
            _ => true,
        });
        reasons.push(self.may_change(with));
    }
}

/// Whether something that the stage reads does not exist.
fn missing(reasons: &[Reason]) -> bool {
    reasons
        .iter()
        .any(|reason| matches!(reason, Reason::DepMissing { .. } | Reason::ParamsFileMissing { .. } | Reason::ParamMissing { .. }))
}

impl Worker for StageWorker<'_> {
    fn check(&self, with: &CheckWith, reply: &Reply) -> Result<Option<Verdict>, Fault> {
        let job = self.job(reply.stage());
        if self.must_wait(&job, reply)? {
            return Ok(None);
        }
        self.run.catch_up(job.id, job.stage, reply)?;
        if job.stage.frozen && !job.stage.is_import() {
            let text = format!("stage: '{}' is frozen. Its dependencies are not going to be reproduced.", job.address);
            reply.tell(EventKind::Notice { level: Level::Warning, text });
        }
        if with.force {
            return Ok(Some(Verdict::Stale(vec![Reason::Forced])));
        }
        if let Some(by) = with.forced_by {
            let stage = self.repository.pipeline().get(by).address.seen_from(self.repository.cwd());
            return Ok(Some(Verdict::Stale(vec![Reason::ForcedBy { stage }])));
        }
        match &self.run.peer {
            Some(peer) if only_dvc_sees(job.stage).is_some() => self.ask(&job, peer, with),
            _ => {
                let looked = reply.clock().now();
                let verdict = self.judge(&job, with)?;
                if verdict == Verdict::Fresh && !self.dry && !self.rules.allow_missing {
                    self.run.saw_fresh(job.id, job.stage, job.record.as_ref(), looked);
                }
                Ok(Some(verdict))
            }
        }
    }

    fn fresh(&self, stage: StageId) -> Status {
        if self.repository.pipeline().get(stage).frozen { Status::Frozen } else { Status::Unchanged }
    }

    fn preview(&self, stage: StageId, reasons: &[Reason], reply: &Reply) {
        let job = self.job(stage);
        let Some(cmd) = job.stage.cmd.as_ref().filter(|_| !job.stage.frozen) else { return };
        let unknown = reasons.iter().any(|reason| matches!(reason, Reason::UpstreamMayChange { .. }));
        if !unknown && job.would_be_restored(reasons, reply) {
            reply.tell(EventKind::Said { stage, saying: Saying::IsCached });
        }
        for (number, line) in shell::lines(cmd).into_iter().enumerate() {
            reply.tell(EventKind::Command { stage, cmd: line, first: number == 0 });
        }
    }

    fn perform(&self, reasons: &[Reason], start: &Start, reply: &Reply) -> Outcome {
        let job = Job { start: start.clone(), ..self.job(reply.stage()) };
        if let Some(confirm) = self.run.confirm {
            let question = format!("Going to reproduce stage: '{}'. Are you sure you want to continue?", job.address);
            if !confirm(&question) {
                let fault = Fault::new(Class::DvcException, "reproduction aborted by the user");
                return Outcome { fault: Some(fault), ..Outcome::plain(Status::Failed) };
            }
        }
        job.perform(reasons, reply)
    }

    fn again(&self, stage: StageId, attempt: u32, outcome: &Outcome) -> Option<(Duration, u32)> {
        let retries = &self.run.terms[*self.place.get(&stage)?].retries;
        let cause = match outcome.ended_by {
            Some(EndedBy::Timeout) => Cause::Timeout,
            // What is not the command's failure is not mended by another try.
            _ => Cause::of(outcome.attempt.as_ref()?.returncode.filter(|code| *code != 0)?),
        };
        retries.again(attempt, cause).then_some((retries.backoff, retries.max.saturating_add(1)))
    }

    fn take_token(&self) -> bool {
        self.run.tokens.take()
    }

    fn return_token(&self) {
        self.run.tokens.give_back();
    }

    fn balance_tokens(&self) {
        self.run.tokens.balance();
    }

    fn slow_after(&self, stage: StageId) -> Option<Duration> {
        self.run.terms[*self.place.get(&stage)?].slow_after
    }

    fn stop(&self, times: u32) {
        match times {
            1 if self.watcher.by_interrupt() => self.run.children.stop(Signal::INT, self.watcher.by_terminal()),
            1 => self.run.children.stop(Signal::TERM, false),
            _ => self.run.children.stop(Signal::KILL, false),
        }
    }
}
