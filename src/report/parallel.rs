//! The screen of many jobs: each stage's lines as one block when it ends.
//!
//! Standard output holds DVC's blocks (`Running stage 'x':`, `> cmd`, the stage's output,
//! `Updating lock file`), each whole, in the order in which stages end. Standard error tells
//! what starts and how long it took, remarks, and the summary. Above [`FOLD_ABOVE`] stages the
//! "didn't change" lines become one count. On GitHub Actions a block is a group that can be
//! folded, unless its stage failed: failures must be seen.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::event::Saying;
use crate::model::{EndedBy, Event, EventKind, Outcome, StageId, Status, Stream, Verdict};

use super::block::{Block, From};
use super::board::Board;
use super::pulse::Pulse;
use super::screen::{Patience, Settings};
use super::sink::Sink;
use super::streams::{RED, Streams, paint};
use super::tally::duration;
use super::words;

/// With more stages than this, unchanged ones are counted and not named.
pub const FOLD_ABOVE: usize = 50;

/// How many lines of a failed stage's output are shown.
const TAIL_TERMINAL: usize = 20;
const TAIL_LOG: usize = 200;

/// The sink.
pub struct Parallel {
    io: Streams,
    settings: Settings,
    board: Board,
    blocks: HashMap<StageId, Block>,
    /// Whether a blank line is due before the next block.
    last_ran: bool,
    folded: usize,
    /// How many stages of the plan were begun or found unchanged.
    seen: usize,
    patience: Patience,
    pulse: Pulse,
}

impl Parallel {
    /// A screen on these streams.
    pub fn new(settings: Settings, io: Streams) -> Self {
        Self {
            io,
            settings,
            board: Board::default(),
            blocks: HashMap::new(),
            last_ran: false,
            folded: 0,
            seen: 0,
            patience: Patience::default(),
            pulse: Pulse::default(),
        }
    }

    fn ours(&mut self, stage: StageId, text: &str) {
        if !self.settings.quiet {
            self.blocks.entry(stage).or_default().ours(text);
        }
    }

    /// A line about the run on standard error, with how far it has come.
    fn progress(&mut self, number: usize, text: &str) {
        if !self.settings.quiet {
            let total = self.board.total();
            let width = total.to_string().len();
            self.io.err(&format!("[{number:>width$}/{total}] {text}"));
        }
    }

    /// A line about the end of a stage. Where a line told of its start, that one has the number.
    fn ended(&mut self, text: &str) {
        if self.settings.live {
            self.progress(self.board.tally.settled(), text);
        } else if !self.settings.quiet {
            self.io.err(text);
        }
    }

    fn command(&mut self, stage: StageId, cmd: &str) {
        let Some(note) = self.board.note(stage) else { return };
        note.commands += 1;
        if note.commands == 1 {
            let (reason, again) = (words::brief(&note.reasons), note.attempt > 1);
            self.seen += usize::from(!again);
            let Some(planned) = self.board.planned(stage) else { return };
            let (running, name) = (words::running(planned), planned.address.clone());
            self.ours(stage, &running);
            if !self.settings.live {
                let why = reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
                self.progress(self.seen, &format!("Running stage '{name}'{why}"));
            }
        }
        self.ours(stage, &words::command(cmd));
    }

    fn finished(&mut self, stage: StageId, outcome: &Outcome, event: &Event) {
        let mut block = self.blocks.remove(&stage).unwrap_or_default();
        let Some(planned) = self.board.planned(stage).cloned() else { return };
        let note = self.board.note(stage).cloned().unwrap_or_default();
        if note.commands == 0 && !matches!(outcome.status, Status::UpstreamFailed | Status::NotStarted) {
            self.seen += 1;
        }
        match outcome.status {
            Status::Unchanged | Status::Frozen => {
                if note.pulled {
                    self.print(&block);
                } else if self.board.total() > FOLD_ABOVE && !self.settings.verbose {
                    self.folded += 1;
                    return;
                } else {
                    self.blank();
                    if !self.settings.quiet {
                        self.io.out(&words::unchanged(&planned));
                    }
                }
                self.last_ran = false;
            }
            Status::Planned | Status::Ran | Status::Restored | Status::Updated => {
                self.blank();
                let title = format!("{} {}", planned.address, took(outcome));
                self.grouped(&title, |this| this.print(&block));
                if outcome.status == Status::Ran {
                    let log = if block.dropped > 0 { log(outcome, block.dropped) } else { String::new() };
                    self.ended(&format!("Stage '{}' {}{log}", planned.address, took(outcome)));
                }
                self.last_ran = true;
            }
            Status::Stopped if outcome.ended_by == Some(EndedBy::EarlyStop) => {
                self.blank();
                self.print(&block);
                self.last_ran = true;
                self.ended(&words::stopped_early(&planned.address, outcome));
            }
            Status::Failed | Status::Stopped => {
                block.tail(if self.settings.live { TAIL_TERMINAL } else { TAIL_LOG });
                if !block.is_empty() {
                    self.blank();
                    self.print(&block);
                    self.last_ran = true;
                }
                if note.commands > 0 || outcome.status == Status::Failed {
                    self.failed(stage, outcome, block.dropped, event.elapsed);
                }
            }
            Status::UpstreamFailed | Status::NotStarted => {}
        }
    }

    /// A try failed and another one follows: what it printed is shown now.
    fn retrying(&mut self, stage: StageId, outcome: &Outcome, tries: u32, after: Duration) {
        let mut block = self.blocks.remove(&stage).unwrap_or_default();
        block.tail(if self.settings.live { TAIL_TERMINAL } else { TAIL_LOG });
        self.blank();
        self.print(&block);
        self.last_ran = true;
        if !self.settings.quiet {
            let text = words::retrying(self.board.name(stage), outcome, tries, after);
            self.io.err(&format!("{text}{}", log(outcome, block.dropped)));
        }
    }

    /// Says how a stage failed and where all of its output is.
    fn failed(&mut self, stage: StageId, outcome: &Outcome, dropped: usize, now: Duration) {
        if self.settings.quiet {
            return;
        }
        let what = if outcome.status == Status::Stopped { "stopped" } else { "failed" };
        // What no command was begun for took no time worth telling.
        let began = self.board.note(stage).filter(|note| note.commands > 0).cloned();
        let started = began.as_ref().and_then(|note| note.started);
        let time = match (outcome.attempt.as_ref().filter(|_| began.is_some()), started) {
            (Some(attempt), _) => Some(attempt.running + attempt.saving),
            (None, Some(started)) => Some(now.saturating_sub(started)),
            (None, None) => None,
        };
        let mut text = format!("Stage '{}' {what}", self.board.name(stage));
        if let Some(time) = time {
            text.push_str(&format!(" after {}", duration(time)));
        }
        if let Some(why) = words::why_failed(outcome) {
            // The other lines come with DVC's sentence.
            text.push_str(&format!(": {}", why.lines().next().unwrap_or_default()));
        }
        text.push_str(&log(outcome, dropped));
        self.ended(&paint(&text, RED, self.settings.color_err));
        if self.settings.github.is_some() {
            let line = format!("::error title=dvc-paraffin::{}\n", github_escape(text.lines().next().unwrap_or_default()));
            self.io.out_bytes(line.as_bytes());
        }
    }

    fn blank(&mut self) {
        if std::mem::take(&mut self.last_ran) && !self.settings.quiet {
            self.io.out("");
        }
    }

    /// Prints what `body` prints as a group, where there are groups.
    fn grouped(&mut self, title: &str, body: impl FnOnce(&mut Self)) {
        let github = self.settings.github.is_some() && !self.settings.quiet;
        if github {
            self.io.out(&format!("::group::{}", github_escape(title)));
        }
        body(self);
        if github {
            self.io.out("::endgroup::");
        }
    }

    /// Prints a block, each stretch of lines for one stream in one piece.
    fn print(&mut self, block: &Block) {
        if block.is_empty() {
            return;
        }
        let mut stretch: Vec<u8> = Vec::new();
        let mut current = From::Us;
        for (from, text) in block.lines() {
            if from != current {
                self.flush(current, &mut stretch);
                current = from;
            }
            stretch.extend_from_slice(text);
            stretch.push(b'\n');
        }
        self.flush(current, &mut stretch);
    }

    fn flush(&mut self, from: From, stretch: &mut Vec<u8>) {
        if stretch.is_empty() {
            return;
        }
        // A line of a stage must not be able to give orders to the CI's runner.
        let fence = self.settings.github.as_deref().filter(|_| from != From::Us);
        if let Some(token) = fence {
            let mut fenced = format!("::stop-commands::{token}\n").into_bytes();
            fenced.append(stretch);
            fenced.extend_from_slice(format!("::{token}::\n").as_bytes());
            *stretch = fenced;
        }
        if self.settings.live && stretch.contains(&0x1b) {
            // Colours that the stage left on must not colour what follows.
            stretch.extend_from_slice(b"\x1b[0m");
        }
        match from {
            From::Stage(Stream::Err) => self.io.err_bytes(stretch),
            From::Us | From::Stage(Stream::Out) => self.io.out_bytes(stretch),
        }
        stretch.clear();
    }

    fn closing(&mut self, event: &Event) {
        let EventKind::RunFinished { fault, to_track, staged } = &event.kind else { return };
        if self.settings.quiet {
            return;
        }
        if self.folded > 0 {
            self.blank();
            let stages = if self.folded == 1 { "stage" } else { "stages" };
            self.io.out(&format!("{} {stages} didn't change, skipping (-v names them)", self.folded));
        }
        if fault.is_none() {
            self.io.out(&words::closing(to_track, *staged, &self.board.tally));
        }
        self.io.err(&self.board.tally.sentence(event.elapsed));
    }
}

/// Where the whole output is, on a line of its own; nothing if it was not kept.
fn log(outcome: &Outcome, dropped: usize) -> String {
    let Some(log) = outcome.attempt.as_ref().and_then(|attempt| attempt.log.as_ref()) else { return String::new() };
    let more = if dropped > 0 { format!(" ({dropped} more lines)") } else { String::new() };
    format!("\n  log: {log}{more}")
}

/// `ran in 41.2s`, `was restored in 0.20s`.
fn took(outcome: &Outcome) -> String {
    let verb = match outcome.status {
        Status::Ran => "ran",
        Status::Restored => "was restored",
        Status::Updated => "was updated",
        _ => "would run",
    };
    match &outcome.attempt {
        Some(attempt) => format!("{verb} in {}", duration(attempt.running + attempt.saving)),
        None => verb.to_owned(),
    }
}

/// A text as part of an order to GitHub's runner.
fn github_escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

impl Sink for Parallel {
    fn event(&mut self, event: &Event) {
        self.board.learn(event);
        match &event.kind {
            EventKind::Judged { stage, verdict: Verdict::Stale(reasons) } if self.settings.explain => {
                if let Some(planned) = self.board.planned(*stage) {
                    let text = words::explanation(planned, reasons);
                    self.ours(*stage, &text);
                }
            }
            EventKind::Command { stage, cmd, .. } => self.command(*stage, cmd),
            EventKind::Said { stage, saying } => {
                if let (Saying::Pulling, Some(note)) = (saying, self.board.note(*stage)) {
                    note.pulled = true;
                }
                if let Some(planned) = self.board.planned(*stage) {
                    let text = words::saying(planned, saying);
                    self.ours(*stage, &text);
                }
            }
            EventKind::Line { stage, stream, text } => self.blocks.entry(*stage).or_default().line(*stream, text),
            EventKind::Finished { stage, outcome } => self.finished(*stage, outcome, event),
            EventKind::Retrying { stage, outcome, tries, after } => self.retrying(*stage, outcome, *tries, *after),
            EventKind::Waiting { .. }
            | EventKind::Asked { .. }
            | EventKind::Slow { .. }
            | EventKind::Interrupted { .. }
            | EventKind::Notice { .. } => {
                self.patience.remark(event, &self.board, &self.settings, &mut self.io);
            }
            EventKind::RunFinished { .. } => self.closing(event),
            EventKind::Tick => self.pulse.beat(event, &self.board, &self.settings, &mut self.io),
            EventKind::RunOpened(_)
            | EventKind::RunStarted { .. }
            | EventKind::GitStood(_)
            | EventKind::Judged { .. }
            | EventKind::Started { .. }
            | EventKind::ValuesKept(_) => {}
        }
    }
}
