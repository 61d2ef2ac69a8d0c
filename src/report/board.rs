//! The plan as the sinks look things up in it, with what they remember of each stage.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::event::Planned;
use crate::model::{Event, EventKind, Reason, StageId, Verdict};

use super::tally::Tally;

/// How far a stage has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    /// It waits for others, is being checked, or will be tried again.
    #[default]
    ToCome,
    /// It must run, and has not begun.
    Ready,
    /// Its work goes on.
    Running,
    /// It has ended.
    Over,
}

/// What is remembered of one stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Note {
    /// How many of its commands were announced.
    pub commands: usize,
    /// Whether a line of another kind stands in for "didn't change".
    pub pulled: bool,
    /// Whether it would only run because a stage that it depends on may change.
    pub may: bool,
    /// Why it must run.
    pub reasons: Vec<Reason>,
    /// Which try it is at.
    pub attempt: u32,
    /// When its work began.
    pub started: Option<Duration>,
    /// Whether a command of this try has begun.
    pub commanded: bool,
    /// How far it has come.
    pub phase: Phase,
}

/// The plan and the notes.
#[derive(Debug, Default)]
pub(super) struct Board {
    plan: Vec<Planned>,
    index: HashMap<StageId, usize>,
    notes: Vec<Note>,
    /// The counts so far.
    pub tally: Tally,
}

impl Board {
    /// Keeps what the event tells; to be called first with each event.
    pub fn learn(&mut self, event: &Event) {
        match &event.kind {
            EventKind::RunStarted { plan, .. } => {
                self.index = plan.iter().enumerate().map(|(at, planned)| (planned.stage, at)).collect();
                self.notes = vec![Note::default(); plan.len()];
                self.plan.clone_from(plan);
                self.tally = Tally::default();
            }
            EventKind::Judged { stage, verdict: Verdict::Stale(reasons) } => {
                if let Some(note) = self.note(*stage) {
                    note.may = !reasons.is_empty() && reasons.iter().all(|reason| matches!(reason, Reason::UpstreamMayChange { .. }));
                    note.reasons.clone_from(reasons);
                    note.phase = Phase::Ready;
                }
            }
            EventKind::Started { stage, attempt, .. } => {
                if let Some(note) = self.note(*stage) {
                    note.started = Some(event.elapsed);
                    note.phase = Phase::Running;
                    note.attempt = *attempt;
                    note.commands = 0;
                    note.commanded = false;
                }
            }
            EventKind::Retrying { stage, .. } => self.ended(*stage, Phase::ToCome, event.elapsed),
            EventKind::Command { stage, .. } => {
                if let Some(note) = self.note(*stage) {
                    note.commanded = true;
                }
            }
            EventKind::Finished { stage, outcome } => {
                // A stage that had its slot and found nothing to work with was not tried.
                if let Some(note) = self.note(*stage)
                    && outcome.attempt.is_none()
                    && !note.commanded
                {
                    note.started = None;
                }
                self.ended(*stage, Phase::Over, event.elapsed);
                self.tally.add(outcome);
            }
            _ => {}
        }
    }

    fn ended(&mut self, stage: StageId, phase: Phase, now: Duration) {
        let Some(note) = self.note(stage) else { return };
        let began = note.started.filter(|_| note.phase == Phase::Running);
        note.phase = phase;
        self.tally.work += began.map_or(Duration::ZERO, |began| now.saturating_sub(began));
    }

    /// What runs, with the time at which it began, the longest first.
    pub fn running(&self) -> Vec<(StageId, Duration)> {
        let running = self.plan.iter().zip(&self.notes).filter(|(_, note)| note.phase == Phase::Running);
        let mut running: Vec<(StageId, Duration)> =
            running.map(|(planned, note)| (planned.stage, note.started.unwrap_or_default())).collect();
        running.sort_by_key(|(_, since)| *since);
        running
    }

    /// How many stages must run and have not begun.
    pub fn ready(&self) -> usize {
        self.count(Phase::Ready)
    }

    /// How many stages may have to run.
    pub fn to_come(&self) -> usize {
        self.count(Phase::ToCome)
    }

    fn count(&self, phase: Phase) -> usize {
        self.notes.iter().filter(|note| note.phase == phase).count()
    }

    /// The notes on a stage of the plan.
    pub fn note(&mut self, stage: StageId) -> Option<&mut Note> {
        let at = *self.index.get(&stage)?;
        self.notes.get_mut(at)
    }

    /// A stage of the plan.
    pub fn planned(&self, stage: StageId) -> Option<&Planned> {
        self.plan.get(*self.index.get(&stage)?)
    }

    /// The address of a stage; empty for one that is not in the plan.
    pub fn name(&self, stage: StageId) -> &str {
        self.planned(stage).map_or("", |planned| &planned.address)
    }

    /// The place of a stage in DVC's order.
    pub fn place(&self, stage: StageId) -> Option<usize> {
        self.index.get(&stage).copied()
    }

    /// How many stages the plan has.
    pub fn total(&self) -> usize {
        self.plan.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::random;

    #[test]
    fn the_summary_and_a_report_tell_the_same_time() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..300 {
            let tale = random(&mut rng, 20);
            let mut board = Board::default();
            tale.events.iter().for_each(|event| board.learn(event));
            let facts = tale.dossier().facts;
            let ended = tale
                .dossier()
                .history
                .stages
                .iter()
                .zip(&facts.times)
                .filter(|(entry, _)| entry.outcome.is_some())
                .map(|(_, time)| *time)
                .sum();
            assert_eq!(board.tally.work, ended);
        }
    }
}
