//! DVC's own screen: its lines, word for word, in its order.
//!
//! For one job (the stages inherit the terminal and print between these lines) and for dry
//! runs. Standard output is DVC's, line for line; what is ours (waits, summary) goes to
//! standard error. The run's failure itself is not printed here but by whoever ends the
//! program, so that failures before and during a run look the same.
//!
//! With one job the runner is expected to send its events stage by stage in the order of the
//! plan. In a dry run, whose stages may be judged in any order, the lines are put back into
//! that order.

use crate::model::event::Saying;
use crate::model::{EndedBy, Event, EventKind, Outcome, StageId, Status, Verdict};

use super::board::Board;
use super::pulse::Pulse;
use super::screen::{Patience, Settings};
use super::sink::Sink;
use super::streams::Streams;
use super::words;

/// The sink.
pub struct Plain {
    io: Streams,
    settings: Settings,
    board: Board,
    /// The stage whose lines were printed last.
    current: Option<StageId>,
    /// Whether a blank line is due before the next stage (dvc: `repo/reproduce.py` `_reproduce`).
    last_ran: bool,
    patience: Patience,
    pulse: Pulse,
    /// Dry runs: events of stages whose turn has not come.
    held: Vec<Event>,
    /// Dry runs: how many stages of the plan have been shown.
    shown: usize,
}

impl Plain {
    /// A screen on these streams.
    pub fn new(settings: Settings, io: Streams) -> Self {
        Self {
            io,
            settings,
            board: Board::default(),
            current: None,
            last_ran: false,
            patience: Patience::default(),
            pulse: Pulse::default(),
            held: Vec::new(),
            shown: 0,
        }
    }

    fn say(&mut self, text: &str) {
        if !self.settings.quiet {
            self.io.out(text);
        }
    }

    /// The first sign of a stage: the blank line that sets it off from one that ran.
    fn turn_to(&mut self, stage: StageId) {
        if self.current != Some(stage) {
            if self.last_ran {
                self.say("");
            }
            self.current = Some(stage);
        }
    }

    fn show(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Judged { stage, verdict } => self.judged(*stage, verdict),
            EventKind::Started { stage, .. } => self.turn_to(*stage),
            EventKind::Command { stage, cmd, .. } => self.command(*stage, cmd),
            EventKind::Said { stage, saying } => {
                self.turn_to(*stage);
                if matches!(saying, Saying::Pulling)
                    && let Some(note) = self.board.note(*stage)
                {
                    note.pulled = true;
                }
                if let Some(planned) = self.board.planned(*stage) {
                    let text = words::saying(planned, saying);
                    self.say(&text);
                }
            }
            EventKind::Tick => self.pulse.beat(event, &self.board, &self.settings, &mut self.io),
            EventKind::Line { .. }
            | EventKind::RunOpened(_)
            | EventKind::RunStarted { .. }
            | EventKind::GitStood(_)
            | EventKind::ValuesKept(_) => {}
            EventKind::Finished { stage, outcome } => self.finished(*stage, outcome),
            EventKind::Retrying { stage, outcome, tries, after } => {
                self.turn_to(*stage);
                self.last_ran = true;
                self.current = None;
                let text = words::retrying(self.board.name(*stage), outcome, *tries, *after);
                self.ours(&text);
            }
            EventKind::Waiting { .. }
            | EventKind::Asked { .. }
            | EventKind::Slow { .. }
            | EventKind::Interrupted { .. }
            | EventKind::Notice { .. } => {
                self.patience.remark(event, &self.board, &self.settings, &mut self.io);
            }
            EventKind::RunFinished { fault, to_track, staged } => {
                if fault.is_none() {
                    let text = words::closing(to_track, *staged, &self.board.tally);
                    self.say(&text);
                }
                let text = self.board.tally.sentence(event.elapsed);
                self.ours(&text);
            }
        }
    }

    fn judged(&mut self, stage: StageId, verdict: &Verdict) {
        self.turn_to(stage);
        if let (true, Verdict::Stale(reasons), Some(planned)) = (self.settings.explain, verdict, self.board.planned(stage)) {
            let text = words::explanation(planned, reasons);
            self.say(&text);
        }
    }

    fn command(&mut self, stage: StageId, cmd: &str) {
        self.turn_to(stage);
        let Some(note) = self.board.note(stage) else { return };
        note.commands += 1;
        let (first, may) = (note.commands == 1, note.may);
        // `--explain --dry` says why and nothing else.
        if self.settings.explain && self.settings.dry {
            return;
        }
        if first && let Some(planned) = self.board.planned(stage) {
            let mark = if may { " (upstream may change)" } else { "" };
            let text = format!("{}{mark}", words::running(planned));
            self.say(&text);
        }
        self.say(&words::command(cmd));
    }

    /// A line of our own.
    fn ours(&mut self, text: &str) {
        if !self.settings.quiet {
            self.io.err(text);
        }
    }

    fn finished(&mut self, stage: StageId, outcome: &Outcome) {
        match outcome.status {
            Status::Unchanged | Status::Frozen => {
                self.turn_to(stage);
                let pulled = self.board.note(stage).is_some_and(|note| note.pulled);
                if let (false, Some(planned)) = (pulled, self.board.planned(stage)) {
                    let text = words::unchanged(planned);
                    self.say(&text);
                }
                self.last_ran = false;
            }
            Status::Planned => {
                self.turn_to(stage);
                let announced = self.board.note(stage).is_some_and(|note| note.commands > 0);
                // A frozen stage would only be looked at: DVC says nothing of it in a dry run.
                let runs = self.board.planned(stage).filter(|planned| !planned.frozen);
                let cmds = runs.map(|planned| planned.cmds.clone()).unwrap_or_default();
                if !announced {
                    for cmd in &cmds {
                        self.command(stage, cmd);
                    }
                }
                self.last_ran = true;
            }
            Status::Ran | Status::Restored | Status::Updated => {
                self.turn_to(stage);
                self.last_ran = true;
            }
            Status::Stopped if outcome.ended_by == Some(EndedBy::EarlyStop) => {
                self.turn_to(stage);
                let text = words::stopped_early(self.board.name(stage), outcome);
                self.ours(&text);
            }
            Status::Failed | Status::Stopped => self.turn_to(stage),
            Status::UpstreamFailed | Status::NotStarted => {}
        }
    }

    /// Shows what is due in the order of the plan, keeps the rest.
    fn show_in_order(&mut self, event: &Event) {
        let place = self.place(event);
        match place {
            Some(place) if place > self.shown => self.held.push(event.clone()),
            Some(place) => {
                self.show(event);
                if place == self.shown && matches!(event.kind, EventKind::Finished { .. }) {
                    self.shown += 1;
                    self.release();
                }
            }
            None => {
                if matches!(event.kind, EventKind::RunFinished { .. }) {
                    let mut rest = std::mem::take(&mut self.held);
                    rest.sort_by_key(|event| self.place(event));
                    rest.iter().for_each(|event| self.show(event));
                }
                self.show(event);
            }
        }
    }

    /// Shows the kept events of the stages whose turn has come.
    fn release(&mut self) {
        loop {
            let shown = self.shown;
            let (due, rest) = std::mem::take(&mut self.held).into_iter().partition::<Vec<_>, _>(|event| self.place(event) == Some(shown));
            self.held = rest;
            for event in &due {
                self.show(event);
                if matches!(event.kind, EventKind::Finished { .. }) {
                    self.shown = shown + 1;
                }
            }
            if self.shown == shown {
                return;
            }
        }
    }

    fn place(&self, event: &Event) -> Option<usize> {
        stage_of(event).and_then(|stage| self.board.place(stage))
    }
}

/// The stage that an event belongs to.
fn stage_of(event: &Event) -> Option<StageId> {
    match &event.kind {
        EventKind::Judged { stage, .. }
        | EventKind::Started { stage, .. }
        | EventKind::Command { stage, .. }
        | EventKind::Said { stage, .. }
        | EventKind::Line { stage, .. }
        | EventKind::Retrying { stage, .. }
        | EventKind::Finished { stage, .. } => Some(*stage),
        _ => None,
    }
}

impl Sink for Plain {
    fn event(&mut self, event: &Event) {
        self.board.learn(event);
        if self.settings.dry && !matches!(event.kind, EventKind::RunStarted { .. }) {
            self.show_in_order(event);
        } else {
            self.show(event);
        }
    }
}
