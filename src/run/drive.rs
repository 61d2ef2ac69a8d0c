//! The loop of a run: does what the schedule says, and tells the sink what happens.
//!
//! The driver is the calling thread. It never hashes, never waits for a child and never takes a
//! lock of the repository; it only waits for messages. Checks and stages run on two pools of
//! their own, so that a long stage never holds up a check. The pools' scopes are entered in
//! place: a driver inside of a pool would occupy its only worker when there is one job.
//! A body that panics still ends its stage, because [`Reply`] answers when it is dropped.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

use crate::model::event::Limit;
use crate::model::{Class, Event, EventKind, Fault, Outcome, Reason, Slots, StageId, Status, Stream, Verdict};
use crate::plan::schedule::{Action, CheckWith, Input, Lack, Schedule, Setup};

use super::bound::Bounded;
use super::clock::Clock;
use super::slow::Slow;
use super::tail::Tail;

/// How often what moves is drawn anew and logs are read.
const TICK: Duration = Duration::from_millis(100);

/// From so many checks under way on, their ends come faster than a thread wakes up.
const MANY: usize = 32;

/// For so long they are let come then, to be taken together.
const NAP: Duration = Duration::from_micros(200);

/// How many lines of a stage are told to who asks how it stands.
const LAST_LINES: usize = 3;

/// What the workers and the watcher of signals send to the driver.
#[derive(Debug)]
pub enum Message {
    /// Something to tell. With an `ack` the sender waits until it was told.
    Tell(Box<Event>, Option<SyncSender<()>>),
    /// A check is over.
    Checked(StageId, Result<Verdict, Fault>),
    /// A check has to be made again later: another process is in the way.
    NotYet(StageId, CheckWith),
    /// A stage's output goes into this file.
    Log(StageId, Arc<Bounded>),
    /// A stage is over.
    Finished(StageId, Box<Event>, Outcome),
    /// The user or the system asked to stop, for the n-th time.
    Interrupt(u32),
    /// The user asked how it stands.
    Asked,
}

/// The way of one stage's worker to the driver; answers with a failure if it is dropped without
/// an end.
#[derive(Debug)]
pub struct Reply {
    stage: StageId,
    sender: Sender<Message>,
    clock: Clock,
    ended: bool,
}

impl Reply {
    /// Tells something.
    pub fn tell(&self, kind: EventKind) {
        // The driver lives as long as its workers; if it is gone, nobody is left to tell.
        self.sender.send(Message::Tell(Box::new(self.clock.event(kind)), None)).ok();
    }

    /// Tells something and waits until it is on the screen: needed before a child writes, to the
    /// same screen or to a log that is read from now on.
    pub fn tell_first(&self, kind: EventKind) {
        let (ack, told) = sync_channel(1);
        if self.sender.send(Message::Tell(Box::new(self.clock.event(kind)), Some(ack))).is_ok() {
            told.recv().ok();
        }
    }

    /// Says where the stage's output goes.
    pub fn log(&self, log: Arc<Bounded>) {
        self.sender.send(Message::Log(self.stage, log)).ok();
    }

    /// The stage this speaks of.
    pub fn stage(&self) -> StageId {
        self.stage
    }

    /// The clock of the run.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    fn end(mut self, outcome: Outcome) {
        self.send_end(outcome);
    }

    fn send_end(&mut self, outcome: Outcome) {
        self.ended = true;
        let event = self.clock.event(EventKind::Finished { stage: self.stage, outcome: outcome.clone() });
        self.sender.send(Message::Finished(self.stage, Box::new(event), outcome)).ok();
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.ended {
            let fault = Fault::new(Class::Unexpected, "the work on this stage broke off (a defect of dvc-paraffin)");
            self.send_end(Outcome { fault: Some(fault), ..Outcome::plain(Status::Failed) });
        }
    }
}

/// On which terms a try of a stage begins.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// What it has while it runs.
    pub slots: Slots,
    /// Which try it is, from 1.
    pub attempt: u32,
}

/// A stage between two tries.
#[derive(Debug)]
struct Resting {
    stage: StageId,
    /// When the next one may begin; none once that was told, and if it is never.
    until: Option<Instant>,
    /// How the last one ended.
    outcome: Outcome,
}

/// What a run does with a stage.
pub trait Worker: Sync {
    /// Finds out whether the stage must run. None: another process is in the way; it is to be
    /// asked again, so that no thread waits here while other stages could be checked.
    ///
    /// # Errors
    /// It could not be found out; the stage fails.
    fn check(&self, with: &CheckWith, reply: &Reply) -> Result<Option<Verdict>, Fault>;

    /// How an unchanged stage ends (`Unchanged` or `Frozen`).
    fn fresh(&self, stage: StageId) -> Status;

    /// In a dry run: tells what would run.
    fn preview(&self, stage: StageId, reasons: &[Reason], reply: &Reply);

    /// Runs the stage and saves its results.
    fn perform(&self, reasons: &[Reason], start: &Start, reply: &Reply) -> Outcome;

    /// Whether a stage that ended so after this many tries is tried again, and when; with the most
    /// tries that it gets.
    fn again(&self, stage: StageId, attempt: u32, outcome: &Outcome) -> Option<(Duration, u32)>;

    /// Takes a job token for one more stage, if there is one.
    fn take_token(&self) -> bool;

    /// Gives one back.
    fn return_token(&self);

    /// To be called now and then: unused tokens go where they may be wanted.
    fn balance_tokens(&self);

    /// After which time the commands of a stage count as slow.
    fn slow_after(&self, stage: StageId) -> Option<Duration>;

    /// Stops what runs; `times` says how often the user asked.
    fn stop(&self, times: u32);
}

/// Drives a run to its end. Gives how each stage of the plan ended.
///
/// # Errors
/// The pools of threads could not be made.
pub fn drive(
    setup: Setup,
    worker: &dyn Worker,
    clock: &Clock,
    channel: (Sender<Message>, Receiver<Message>),
    sink: &mut dyn FnMut(&Event),
) -> Result<HashMap<StageId, Outcome>, rayon::ThreadPoolBuildError> {
    let pool = |name: &'static str, threads: usize| {
        rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(move |at| format!("{name}-{at}")).build()
    };
    let busy = setup.jobs.min(setup.plan.len()).max(1);
    let stages = pool("stage", if setup.dry { 1 } else { busy })?;
    let checks = pool("check", std::thread::available_parallelism().map_or(1, usize::from).min(busy))?;
    let dry = setup.dry;
    let ends = stages.in_place_scope(|stages| {
        checks.in_place_scope(|checks| {
            let mut driver = Driver {
                schedule: Schedule::new(setup),
                worker,
                clock,
                sender: channel.0,
                sink,
                reasons: HashMap::new(),
                tails: HashMap::new(),
                ends: HashMap::new(),
                attempts: HashMap::new(),
                wanting: false,
                resting: Vec::new(),
                later: Vec::new(),
                asked: Instant::now(),
                slow: Slow::default(),
                dry,
            };
            let actions = driver.schedule.begin();
            driver.act(actions, stages, checks);
            driver.supply(stages, checks);
            while !driver.schedule.done() {
                driver.turn(&channel.1, stages, checks);
            }
            driver.ends
        })
    });
    Ok(ends)
}

struct Driver<'a> {
    schedule: Schedule,
    worker: &'a dyn Worker,
    clock: &'a Clock,
    sender: Sender<Message>,
    sink: &'a mut dyn FnMut(&Event),
    reasons: HashMap<StageId, Vec<Reason>>,
    tails: HashMap<StageId, (Tail, Arc<Bounded>)>,
    ends: HashMap<StageId, Outcome>,
    /// How often stages were started.
    attempts: HashMap<StageId, u32>,
    /// Whether the schedule waits for a token.
    wanting: bool,
    /// Stages that will be tried again.
    resting: Vec<Resting>,
    /// Checks to be made again.
    later: Vec<Action>,
    /// When they were last made.
    asked: Instant,
    /// Who may have to be called slow.
    slow: Slow,
    dry: bool,
}

impl<'a> Driver<'a> {
    /// Waits for one message, or for the next tick.
    fn turn(&mut self, messages: &Receiver<Message>, stages: &rayon::Scope<'a>, checks: &rayon::Scope<'a>) {
        match self.next(messages) {
            Ok(message) => {
                let actions = self.take(message);
                self.act(actions, stages, checks);
            }
            Err(RecvTimeoutError::Timeout) => {
                let running: Vec<StageId> = self.tails.keys().copied().collect();
                for stage in running {
                    self.tell_lines(stage, false);
                }
                self.tell(EventKind::Tick);
            }
            Err(RecvTimeoutError::Disconnected) => unreachable!("the driver holds a sender itself"),
        }
        self.wake(stages, checks);
        self.supply(stages, checks);
        if self.asked.elapsed() >= TICK {
            self.asked = Instant::now();
            self.worker.balance_tokens();
            self.tails.values().for_each(|(_, log)| log.look());
            let mut actions = std::mem::take(&mut self.later);
            actions.extend(self.schedule.step(Input::Tick));
            self.act(actions, stages, checks);
            for (stage, since) in self.slow.due(self.clock.elapsed()) {
                self.tell(EventKind::Slow { stage, since });
            }
        }
    }

    fn next(&self, messages: &Receiver<Message>) -> Result<Message, RecvTimeoutError> {
        if let Ok(message) = messages.try_recv() {
            return Ok(message);
        }
        if self.schedule.checking() >= MANY {
            std::thread::sleep(NAP);
        }
        messages.recv_timeout(self.patience())
    }

    /// How long to wait for a message.
    fn patience(&self) -> Duration {
        let next = self.resting.iter().filter_map(|resting| Some(resting.until?.saturating_duration_since(Instant::now()))).min();
        next.map_or(TICK, |next| next.min(TICK))
    }

    /// Takes tokens while they are wanted and there are any.
    fn supply(&mut self, stages: &rayon::Scope<'a>, checks: &rayon::Scope<'a>) {
        while self.wanting && self.worker.take_token() {
            self.wanting = false;
            let actions = self.schedule.step(Input::Granted);
            self.act(actions, stages, checks);
        }
    }

    /// Lets stages try again whose time has come.
    fn wake(&mut self, stages: &rayon::Scope<'a>, checks: &rayon::Scope<'a>) {
        let now = Instant::now();
        while let Some(due) = self.resting.iter_mut().find(|resting| resting.until.is_some_and(|until| until <= now)) {
            // Until it has begun, the last try is what is known of it.
            due.until = None;
            let stage = due.stage;
            let actions = self.schedule.step(Input::Awake(stage));
            self.act(actions, stages, checks);
        }
    }

    fn tell(&mut self, kind: EventKind) {
        let event = self.clock.event(kind);
        (self.sink)(&event);
    }

    /// Takes in one message and asks the schedule what follows.
    fn take(&mut self, message: Message) -> Vec<Action> {
        match message {
            Message::Tell(event, ack) => {
                // What a command printed is told before what comes after that command.
                if let EventKind::Command { stage, .. } | EventKind::Said { stage, .. } = event.kind {
                    self.tell_lines(stage, true);
                }
                if let EventKind::Command { stage, first: true, .. } = event.kind {
                    self.slow.begin(stage, event.elapsed, self.worker.slow_after(stage));
                }
                (self.sink)(&event);
                if let Some(ack) = ack {
                    ack.send(()).ok();
                }
                Vec::new()
            }
            Message::Log(stage, log) => {
                self.tails.insert(stage, (Tail::new(log.path()), log));
                Vec::new()
            }
            Message::Checked(stage, result) => self.checked(stage, result),
            Message::NotYet(stage, with) if self.schedule.goes_on() => {
                self.later.push(Action::Check(stage, with));
                Vec::new()
            }
            // Nobody waits for others once nothing more will start.
            Message::NotYet(stage, _) => {
                self.end_untouched(stage, Status::NotStarted);
                self.schedule.step(Input::Finished(stage, Status::NotStarted))
            }
            Message::Finished(stage, event, outcome) => {
                self.tell_lines(stage, true);
                self.tails.remove(&stage);
                self.slow.end(stage);
                self.finished(stage, &event, outcome)
            }
            Message::Interrupt(times) => {
                self.worker.stop(times);
                self.tell(EventKind::Interrupted { times });
                self.schedule.step(Input::Stop)
            }
            Message::Asked => {
                let account = self.account();
                self.tell(account);
                Vec::new()
            }
        }
    }

    /// What runs printed last, and what ready stages wait for.
    fn account(&self) -> EventKind {
        let lines = self.tails.iter().map(|(stage, (tail, _))| (*stage, tail.last(LAST_LINES))).collect();
        let limit = |lack: Lack| match lack {
            Lack::Job => Limit::Job,
            Lack::Token => Limit::Token,
            Lack::Pool(pool) => Limit::Shared(self.schedule.pool_name(pool).to_owned()),
        };
        let lacks = self.schedule.lacks().into_iter().map(|(stage, lacks)| (stage, lacks.into_iter().map(limit).collect()));
        EventKind::Asked { lines, lacks: lacks.collect() }
    }

    /// A try of a stage is over.
    fn finished(&mut self, stage: StageId, event: &Event, outcome: Outcome) -> Vec<Action> {
        let attempt = self.attempts.get(&stage).copied().unwrap_or(1);
        let goes_on = outcome.status == Status::Failed && self.schedule.goes_on();
        if let Some((after, tries)) = self.worker.again(stage, attempt, &outcome).filter(|_| goes_on) {
            self.tell(EventKind::Retrying { stage, outcome: outcome.clone(), tries, after });
            // A time that no clock reaches is never.
            self.resting.push(Resting { stage, until: Instant::now().checked_add(after), outcome });
            return self.schedule.step(Input::Rest(stage));
        }
        (self.sink)(event);
        let status = outcome.status;
        self.ends.insert(stage, outcome);
        self.schedule.step(Input::Finished(stage, status))
    }

    fn checked(&mut self, stage: StageId, result: Result<Verdict, Fault>) -> Vec<Action> {
        match result {
            Ok(verdict) => {
                self.tell(EventKind::Judged { stage, verdict: verdict.clone() });
                match verdict {
                    Verdict::Fresh => {
                        let status = self.worker.fresh(stage);
                        self.end_untouched(stage, status);
                        self.schedule.step(Input::Fresh(stage, status))
                    }
                    Verdict::Stale(reasons) if self.dry => {
                        let actions = self.schedule.step(Input::Stale(stage));
                        // A stage of a queue that is not served would not run.
                        if self.schedule.status(stage) == Some(Status::Planned) {
                            self.preview(stage, &reasons);
                            self.end_untouched(stage, Status::Planned);
                        }
                        actions
                    }
                    Verdict::Stale(reasons) => {
                        self.reasons.insert(stage, reasons);
                        self.schedule.step(Input::Stale(stage))
                    }
                }
            }
            Err(fault) => {
                let outcome = Outcome { fault: Some(fault), ..Outcome::plain(Status::Failed) };
                self.tell(EventKind::Finished { stage, outcome: outcome.clone() });
                self.ends.insert(stage, outcome);
                self.schedule.step(Input::Finished(stage, Status::Failed))
            }
        }
    }

    /// Tells what a stage would do, before its end is told.
    fn preview(&mut self, stage: StageId, reasons: &[Reason]) {
        let (sender, said) = channel();
        let mut reply = Reply { stage, sender, clock: self.clock.clone(), ended: false };
        self.worker.preview(stage, reasons, &reply);
        // A preview has no end of its own.
        reply.ended = true;
        drop(reply);
        for message in said {
            if let Message::Tell(event, _) = message {
                (self.sink)(&event);
            }
        }
    }

    /// A stage is over by the schedule's word; what waited for another try ends with its last one.
    fn settled(&mut self, stage: StageId, status: Status) {
        match self.resting.iter().position(|resting| resting.stage == stage) {
            Some(at) => {
                let outcome = self.resting.swap_remove(at).outcome;
                self.tell(EventKind::Finished { stage, outcome: outcome.clone() });
                self.ends.insert(stage, outcome);
            }
            None => self.end_untouched(stage, status),
        }
    }

    fn end_untouched(&mut self, stage: StageId, status: Status) {
        let outcome = Outcome::plain(status);
        self.tell(EventKind::Finished { stage, outcome: outcome.clone() });
        self.ends.insert(stage, outcome);
    }

    fn reply(&self, stage: StageId) -> Reply {
        Reply { stage, sender: self.sender.clone(), clock: self.clock.clone(), ended: false }
    }

    fn act(&mut self, actions: Vec<Action>, stages: &rayon::Scope<'a>, checks: &rayon::Scope<'a>) {
        for action in actions {
            match action {
                Action::Settled(stage, status) => self.settled(stage, status),
                Action::Want => self.wanting = true,
                Action::Return => self.worker.return_token(),
                Action::Check(stage, with) => {
                    let (worker, reply) = (self.worker, self.reply(stage));
                    checks.spawn(move |_| check(worker, with, reply));
                }
                Action::Start(stage, slots) => {
                    let (worker, reply) = (self.worker, self.reply(stage));
                    let reasons = self.reasons.get(&stage).cloned().unwrap_or_default();
                    self.resting.retain(|resting| resting.stage != stage);
                    let count = self.attempts.entry(stage).or_insert(0);
                    *count += 1;
                    let start = Start { slots, attempt: *count };
                    reply.tell(EventKind::Started { stage, slots: start.slots.clone(), attempt: start.attempt });
                    stages.spawn(move |_| {
                        let outcome = catch_unwind(AssertUnwindSafe(|| worker.perform(&reasons, &start, &reply)));
                        match outcome {
                            Ok(outcome) => reply.end(outcome),
                            Err(_) => drop(reply),
                        }
                    });
                }
            }
        }
    }

    fn tell_lines(&mut self, stage: StageId, end: bool) {
        let Some((tail, _)) = self.tails.get_mut(&stage) else { return };
        let lines = if end { tail.finish() } else { tail.new_lines() };
        for text in lines {
            self.tell(EventKind::Line { stage, stream: Stream::Out, text });
        }
    }
}

/// The body of a check. A check that panics fails its stage.
fn check(worker: &dyn Worker, with: CheckWith, mut reply: Reply) {
    let result = catch_unwind(AssertUnwindSafe(|| worker.check(&with, &reply)));
    let broken = |_| Err(Fault::new(Class::Unexpected, "the check of this stage broke off (a defect of dvc-paraffin)"));
    let message = match result.unwrap_or_else(broken) {
        Ok(None) => Message::NotYet(reply.stage, with),
        Ok(Some(verdict)) => Message::Checked(reply.stage, Ok(verdict)),
        Err(fault) => Message::Checked(reply.stage, Err(fault)),
    };
    reply.ended = true;
    reply.sender.send(message).ok();
}

/// A channel for [`drive`].
pub fn messages() -> (Sender<Message>, Receiver<Message>) {
    channel()
}
