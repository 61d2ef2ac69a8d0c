//! A run as its events tell it: what every report is made from.
//!
//! The same events come live from a run or later from its journal, and the fold does not know
//! which. It keeps what happened to each stage, try by try, with times since the run began (from
//! a clock that does not jump). What that amounts to is worked out in `facts`.

use std::collections::HashMap;
use std::time::Duration;

use indexmap::IndexMap;

use crate::model::event::{Planned, plan_texts};
use crate::model::{About, Attempt, Event, EventKind, Fault, Level, Outcome, Reason, Slots, StageId, Status, Verdict};

use crate::model::values::{GitFacts, Values};

use super::sink::Sink;

/// A run.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Who ran what and where.
    pub about: About,
    /// Time of day at which it began, nanoseconds since 1970 UTC; none before the first event.
    pub began: Option<i128>,
    /// Where git stood; none if there was nothing to do, or without git.
    pub git: Option<GitFacts>,
    /// The stages of the plan in DVC's order of evaluation. Empty too if the run failed before.
    pub stages: Vec<Entry>,
    /// Whether there was a plan at all.
    pub planned: bool,
    /// Job slots.
    pub jobs: usize,
    /// Queues with a limit, and how many slots they have.
    pub queues: IndexMap<String, usize>,
    /// Remarks but for those that only look for faults.
    pub remarks: Vec<(Level, String)>,
    /// Parameters and metrics at the end.
    pub kept: Option<Box<Values>>,
    /// How often it was asked to stop.
    pub interrupted: u32,
    /// The end, if it came.
    pub end: Option<End>,
    /// The time of the last event, since the beginning.
    pub last: Duration,
    /// How many lines of its journal hold what only a later version can read.
    pub unread: usize,
    /// From which line on its journal is damaged, if it is.
    pub damaged: Option<usize>,
    places: HashMap<StageId, usize>,
}

/// How a run ended.
#[derive(Clone, PartialEq, Debug)]
pub struct End {
    /// When, since the beginning.
    pub elapsed: Duration,
    /// Its failure.
    pub fault: Option<Fault>,
}

/// What happened to one stage.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Entry {
    /// What the plan says of it.
    pub planned: Planned,
    /// Why it had to run.
    pub reasons: Vec<Reason>,
    /// When it was found that it must run: from then on it waited for its slots.
    pub ready: Option<Duration>,
    /// Its tries, in order.
    pub tries: Vec<Try>,
    /// How it ended, if it did.
    pub outcome: Option<Outcome>,
}

/// One try.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Try {
    /// Which, from 1.
    pub number: u32,
    /// What it had while it ran.
    pub slots: Slots,
    /// Since when it could have begun.
    pub ready: Duration,
    /// When it began.
    pub start: Duration,
    /// When its first command began.
    pub command: Option<Duration>,
    /// When and how it ended; none while it goes on, and if the run was killed.
    pub end: Option<(Duration, Outcome)>,
    /// Its log, as long as no end tells of it: only those who look at the disk know it.
    pub log: Option<String>,
}

/// The parts of a try's time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Phases {
    /// Ready, without a slot.
    pub wait: Duration,
    /// Before the commands: looking into the cache, waiting for who holds its paths.
    pub before: Duration,
    /// The commands.
    pub run: Duration,
    /// Hashing, storing, recording.
    pub save: Duration,
}

impl Phases {
    /// All but the wait.
    pub fn work(&self) -> Duration {
        self.before + self.run + self.save
    }
}

impl Try {
    /// The attempt as its outcome tells it.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.end.as_ref()?.1.attempt.as_ref()
    }

    /// Its log, as its end tells it, or who looked.
    pub fn log(&self) -> Option<&str> {
        self.attempt().map_or(&self.log, |attempt| &attempt.log).as_deref()
    }

    /// The parts of its time; `now` is the end of a try that has none. They add up to the time between
    /// `ready` and the end.
    pub fn phases(&self, now: Duration) -> Phases {
        let end = self.end.as_ref().map_or(now, |(end, _)| *end).max(self.start);
        let whole = end - self.start;
        let wait = self.start.saturating_sub(self.ready);
        match self.attempt() {
            Some(attempt) => {
                let save = attempt.saving.min(whole);
                let run = attempt.running.min(whole - save);
                Phases { wait, before: whole - save - run, run, save }
            }
            None => {
                let run = self.command.map_or(Duration::ZERO, |command| end.saturating_sub(command).min(whole));
                Phases { wait, before: whole - run, run, save: Duration::ZERO }
            }
        }
    }
}

impl Entry {
    /// How far it has come.
    pub fn standing(&self) -> Standing {
        match (&self.outcome, self.tries.last()) {
            (Some(outcome), _) => Standing::Over(outcome.status),
            (None, Some(Try { end: None, .. })) => Standing::Running,
            (None, _) if self.ready.is_some() => Standing::Ready,
            (None, _) => Standing::ToCome,
        }
    }

    /// Why there is no log of it, if there is none: for a stage that is over, or was cut off.
    pub fn no_log(&self, about: &About) -> Option<NoLog> {
        let Some(last) = self.tries.last() else { return Some(NoLog::NoCommand) };
        let told = last.attempt();
        if last.log().is_some() {
            return None;
        }
        let has_begun = last.command.is_some() || told.is_some_and(|attempt| attempt.usage.is_some());
        Some(match told {
            _ if self.outcome.as_ref().is_some_and(|outcome| outcome.status == Status::Restored) => NoLog::Restored,
            _ if !has_begun => NoLog::NoCommand,
            _ if about.terminal => NoLog::Terminal,
            Some(_) => NoLog::Lost,
            None => NoLog::Unknown,
        })
    }

    /// The last try's attempt.
    pub fn attempt(&self) -> Option<&Attempt> {
        self.outcome.as_ref()?.attempt.as_ref()
    }
}

/// Why a stage left no log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoLog {
    /// It came from the cache.
    Restored,
    /// None of its commands began.
    NoCommand,
    /// It had the terminal to itself.
    Terminal,
    /// The log could not be written.
    Lost,
    /// It was cut off: whether there is a log only the disk knows.
    Unknown,
}

/// How far a stage has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Standing {
    /// It has ended so.
    Over(Status),
    /// It works; or did, when the run was killed.
    Running,
    /// It must run and has not begun.
    Ready,
    /// It was not looked at.
    ToCome,
}

impl History {
    /// The fold of these events.
    pub fn of(events: &[Event]) -> Self {
        let mut history = Self::default();
        events.iter().for_each(|event| history.event(event));
        history
    }

    /// Does something to each text that is not ours, as [`EventKind::each_text`].
    pub fn each_text(&mut self, edit: &mut dyn FnMut(&mut String)) {
        self.about.each_text(edit);
        self.git.iter_mut().for_each(|facts| facts.each_text(edit));
        plan_texts(self.stages.iter_mut().map(|entry| &mut entry.planned).collect(), &mut self.queues, edit);
        for entry in &mut self.stages {
            entry.reasons.iter_mut().for_each(|reason| reason.each_text(edit));
            let ends = entry.tries.iter_mut().filter_map(|attempt| attempt.end.as_mut()).map(|(_, outcome)| outcome);
            ends.chain(&mut entry.outcome).for_each(|outcome| outcome.each_text(edit));
        }
        self.remarks.iter_mut().for_each(|(_, text)| edit(text));
        self.end.iter_mut().filter_map(|end| end.fault.as_mut()).for_each(|fault| fault.each_text(edit));
    }

    /// The place of a stage in the plan.
    pub fn place(&self, stage: StageId) -> Option<usize> {
        self.places.get(&stage).copied()
    }

    fn entry(&mut self, stage: StageId) -> Option<&mut Entry> {
        let at = self.place(stage)?;
        self.stages.get_mut(at)
    }

    fn started(&mut self, plan: &[Planned]) {
        self.planned = true;
        self.places = plan.iter().enumerate().map(|(at, planned)| (planned.stage, at)).collect();
        self.stages = plan.iter().map(|planned| Entry { planned: planned.clone(), ..Entry::default() }).collect();
    }

    fn ended(&mut self, stage: StageId, elapsed: Duration, outcome: &Outcome) {
        let Some(entry) = self.entry(stage) else { return };
        if let Some(last) = entry.tries.last_mut().filter(|last| last.end.is_none()) {
            if outcome.attempt.is_none() && last.command.is_none() {
                // It had its slot and found nothing to work with: nothing was tried.
                entry.tries.pop();
                entry.ready = entry.ready.filter(|_| !entry.tries.is_empty());
            } else {
                last.end = Some((elapsed, outcome.clone()));
            }
        }
        entry.outcome = Some(outcome.clone());
    }
}

impl Sink for History {
    fn event(&mut self, event: &Event) {
        let elapsed = event.elapsed;
        self.began.get_or_insert(event.at - i128::try_from(elapsed.as_nanos()).unwrap_or(0));
        self.last = self.last.max(elapsed);
        match &event.kind {
            EventKind::RunOpened(about) => self.about = (**about).clone(),
            EventKind::RunStarted { run, plan, jobs, queues } => {
                self.about.run.clone_from(run);
                self.jobs = *jobs;
                self.queues.clone_from(queues);
                self.started(plan);
            }
            EventKind::GitStood(head) => self.git = Some(head.clone()),
            EventKind::Judged { stage, verdict: Verdict::Stale(reasons) } => {
                if let Some(entry) = self.entry(*stage) {
                    entry.reasons.clone_from(reasons);
                    entry.ready = Some(elapsed);
                }
            }
            EventKind::Started { stage, slots, attempt } => {
                if let Some(entry) = self.entry(*stage) {
                    let rested = entry.tries.last().and_then(|last| last.end.as_ref()).map(|(end, _)| *end);
                    let ready = rested.or(entry.ready).unwrap_or(elapsed);
                    entry.tries.push(Try {
                        number: *attempt,
                        slots: slots.clone(),
                        ready,
                        start: elapsed,
                        command: None,
                        end: None,
                        log: None,
                    });
                }
            }
            EventKind::Command { stage, first: true, .. } => {
                if let Some(last) = self.entry(*stage).and_then(|entry| entry.tries.last_mut()) {
                    last.command.get_or_insert(elapsed);
                }
            }
            EventKind::Retrying { stage, outcome, .. } => {
                if let Some(last) = self.entry(*stage).and_then(|entry| entry.tries.last_mut()) {
                    last.end = Some((elapsed, outcome.clone()));
                }
            }
            EventKind::Finished { stage, outcome } => self.ended(*stage, elapsed, outcome),
            EventKind::Interrupted { times } => self.interrupted = *times,
            EventKind::Notice { level: level @ (Level::Warning | Level::Error), text } => self.remarks.push((*level, text.clone())),
            EventKind::ValuesKept(kept) => self.kept = Some(kept.clone()),
            EventKind::RunFinished { fault, .. } => self.end = Some(End { elapsed, fault: fault.clone() }),
            _ => {}
        }
    }
}
