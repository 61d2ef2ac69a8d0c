//! Between a run and those who are told of it: keeps the journal, and a history for reports.
//!
//! What people look at now gets the events as they are. What is kept, and what is rendered from it,
//! gets them masked. That a journal cannot be written is a warning and nothing else.

use std::sync::{Arc, Mutex};

use crate::format::mask::Masks;
use crate::model::event::Level;
use crate::model::{About, Event, EventKind, Fault};
use crate::report::Sink;
use crate::report::history::History;
use crate::run::clock::Clock;
use crate::run::job::hold;
use crate::run::journal::Journal;
use crate::store::workspace::Workspace;

use super::changes;

/// A history that others read while it grows.
pub type Shared = Arc<Mutex<History>>;

/// The recorder of one run. It is a sink before other sinks.
pub struct Recorder<'a> {
    sink: &'a mut dyn Sink,
    journal: Option<Journal>,
    masks: Masks,
    history: Option<Shared>,
    /// Whose git is asked where it stands, once the first stage begins or the run fails before.
    workspace: Option<&'a Workspace>,
    ended: bool,
}

impl<'a> Recorder<'a> {
    /// Begins to record a run. Without `keep` (a dry run) there is no journal.
    pub fn begin(
        sink: &'a mut dyn Sink,
        workspace: &'a Workspace,
        about: About,
        masks: Masks,
        history: Option<Shared>,
        keep: bool,
        clock: &Clock,
    ) -> Self {
        let mut refused = None;
        let journal = keep
            .then(|| Journal::begin(&workspace.tmp_dir(), &about.run))
            .and_then(|begun| begun.map_err(|error| refused = Some(format!("no journal of this run can be written: {error}"))).ok());
        let mut recorder = Self { sink, journal, masks, history, workspace: Some(workspace), ended: false };
        recorder.event(&clock.event(EventKind::RunOpened(Box::new(about))));
        if let Some(text) = refused {
            recorder.event(&clock.event(EventKind::Notice { level: Level::Warning, text }));
        }
        recorder
    }

    /// Ends the record of a run that ended without an event, since it failed before its first stage.
    pub fn end(mut self, fault: Option<&Fault>, clock: &Clock) {
        if !self.ended {
            self.ask_git(clock.event(EventKind::Tick));
            self.keep(&clock.event(EventKind::RunFinished { fault: fault.cloned(), to_track: Vec::new(), staged: false }));
        }
    }

    /// Takes down where git stands, once, at the time of this event.
    fn ask_git(&mut self, event: Event) {
        if let Some(facts) = self.workspace.take().and_then(changes::facts) {
            self.keep(&Event { kind: EventKind::GitStood(facts), ..event });
        }
    }

    /// Puts an event into the journal and the history.
    fn keep(&mut self, event: &Event) {
        let masked;
        // What is kept of parameters and metrics is read as masked in any case.
        let event = if self.masks.any() || matches!(event.kind, EventKind::ValuesKept(_)) {
            let mut copy = event.clone();
            self.masks.event(&mut copy.kind);
            masked = copy;
            &masked
        } else {
            event
        };
        if let Some(history) = &self.history {
            hold(history).event(event);
        }
        if let Some(text) = self.journal.as_mut().and_then(|journal| journal.note(event)) {
            self.sink.event(&Event { kind: EventKind::Notice { level: Level::Warning, text }, ..event.clone() });
        }
    }
}

impl Sink for Recorder<'_> {
    fn event(&mut self, event: &Event) {
        if !event.kind.is_live_only() {
            // A run with nothing to do is not made to wait for git, unless a report is made of it.
            let asks = match &event.kind {
                EventKind::Started { .. } => true,
                EventKind::RunFinished { fault, .. } => fault.is_some() || self.history.is_some(),
                _ => false,
            };
            if asks {
                self.ask_git(event.clone());
            }
            self.ended |= matches!(event.kind, EventKind::RunFinished { .. });
            self.keep(event);
        } else if let (EventKind::Tick, Some(journal)) = (&event.kind, &mut self.journal) {
            journal.note(event);
        }
        self.sink.event(event);
    }
}
