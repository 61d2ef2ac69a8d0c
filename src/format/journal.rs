//! The journal of a run: events as lines of JSON, and back.
//!
//! One line holds one event, so that a run that was killed leaves all lines but perhaps half of
//! the last one. Stages with nothing to do are most of many runs: those that follow each other
//! share a line. What only moves on a screen is left out. A line that holds an event of a
//! later version is counted and passed over. From a line on that is no JSON at all nothing is believed any more:
//! what comes after a hole cannot be told from what belongs to it.

use std::collections::HashMap;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::model::event::nanoseconds;
use crate::model::{Event, EventKind, Outcome, StageId, Status, Verdict};

/// So many stages with nothing to do share a line at most.
const TOGETHER: usize = 500;
/// A wait that is over sooner leaves no line.
const WORTH: Duration = Duration::from_secs(1);

/// What stands in a line beside what every event has. `E` is an event, or one that is lent: the plan of a run is
/// long, and not copied to be written.
#[derive(Serialize, Deserialize)]
struct Line<E> {
    at: i128,
    #[serde(with = "nanoseconds")]
    elapsed: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<E>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unchanged: Vec<StageId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    frozen: Vec<StageId>,
}

/// Makes lines of events.
#[derive(Debug, Default)]
pub struct Encoder {
    /// Stages that ended without work since the last line, and the last of those events.
    unchanged: Vec<StageId>,
    frozen: Vec<StageId>,
    when: (i128, Duration),
    /// From which length on a wait is worth another line.
    waits: HashMap<Option<StageId>, Duration>,
}

impl Encoder {
    /// Adds to `out` what the event is worth, whole lines only.
    pub fn put(&mut self, event: &Event, out: &mut Vec<u8>) {
        match &event.kind {
            kind if kind.is_live_only() => return,
            // The end of the stage follows and says it.
            EventKind::Judged { verdict: Verdict::Fresh, .. } => return,
            EventKind::Finished { stage, outcome: Outcome { status, attempt: None, fault: None, ended_by: None } }
                if matches!(status, Status::Unchanged | Status::Frozen) =>
            {
                let list = if *status == Status::Frozen { &mut self.frozen } else { &mut self.unchanged };
                list.push(*stage);
                self.when = (event.at, event.elapsed);
                if self.unchanged.len() + self.frozen.len() >= TOGETHER {
                    self.flush(out);
                }
                return;
            }
            EventKind::Waiting { stage, since, .. } => {
                let due = self.waits.entry(*stage).or_insert(WORTH);
                if *since < WORTH {
                    *due = WORTH;
                }
                if *since < *due {
                    return;
                }
                *due = *since * 3;
            }
            _ => {}
        }
        self.flush(out);
        let line = Line { at: event.at, elapsed: event.elapsed, event: Some(&event.kind), unchanged: Vec::new(), frozen: Vec::new() };
        write(&line, out);
    }

    /// Adds what was held back.
    pub fn flush(&mut self, out: &mut Vec<u8>) {
        if self.unchanged.is_empty() && self.frozen.is_empty() {
            return;
        }
        let (at, elapsed) = self.when;
        let line =
            Line { at, elapsed, event: None, unchanged: std::mem::take(&mut self.unchanged), frozen: std::mem::take(&mut self.frozen) };
        write(&line, out);
    }
}

fn write(line: &Line<&EventKind>, out: &mut Vec<u8>) {
    let before = out.len();
    // Into memory, and of types whose keys are all text: this does not fail. A half line must not stay.
    match serde_json::to_writer(&mut *out, line) {
        Ok(()) => out.push(b'\n'),
        Err(_) => out.truncate(before),
    }
}

/// A journal as it was read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Journal {
    /// What happened, in order.
    pub events: Vec<Event>,
    /// How many lines hold what only a later version can read.
    pub unread: usize,
    /// How many lines there are, up to the one that is no JSON. The half of a line that a kill may leave does not count.
    pub lines: usize,
    /// Whether there is such a line.
    pub broken: bool,
}

/// Reads a journal.
pub fn parse(bytes: &[u8]) -> Journal {
    let mut journal = Journal::default();
    let (whole, _) = bytes.split_at(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1));
    for text in whole.split_inclusive(|byte| *byte == b'\n') {
        match serde_json::from_slice::<Line<EventKind>>(text) {
            Ok(line) => take(line, &mut journal.events),
            Err(_) if serde_json::from_slice::<IgnoredAny>(text).is_ok() => journal.unread += 1,
            Err(_) => {
                journal.broken = true;
                break;
            }
        }
        journal.lines += 1;
    }
    journal
}

fn take(line: Line<EventKind>, events: &mut Vec<Event>) {
    let Line { at, elapsed, event, unchanged, frozen } = line;
    let ended = |status| move |stage| EventKind::Finished { stage, outcome: Outcome::plain(status) };
    let untouched = unchanged.into_iter().map(ended(Status::Unchanged)).chain(frozen.into_iter().map(ended(Status::Frozen)));
    events.extend(event.into_iter().chain(untouched).map(|kind| Event { at, elapsed, kind }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attempt, Class, Fault, Level, Reason, Slots, Usage};

    fn event(seconds: u64, kind: EventKind) -> Event {
        Event { at: 1_795_167_652_607_617_600, elapsed: Duration::from_secs(seconds), kind }
    }

    fn written(events: &[Event]) -> Vec<u8> {
        let (mut encoder, mut out) = (Encoder::default(), Vec::new());
        events.iter().for_each(|event| encoder.put(event, &mut out));
        encoder.flush(&mut out);
        out
    }

    fn unchanged(stage: u32) -> EventKind {
        EventKind::Finished { stage: StageId(stage), outcome: Outcome::plain(Status::Unchanged) }
    }

    #[test]
    fn what_is_written_is_read() {
        let attempt = Attempt {
            number: 2,
            started: 1_795_167_652_607_617_600,
            running: Duration::from_nanos(12_345),
            usage: Some(Usage { user: Duration::from_micros(7), system: Duration::ZERO, peak_rss: 1 << 40 }),
            ..Attempt::default()
        };
        let fault = Fault::new(Class::StageCmdFailedError, "a\nb").with("returncode", "1").caused_by(Fault::new(Class::Unexpected, "ü"));
        let outcome = Outcome { attempt: Some(attempt), fault: Some(fault.clone()), ..Outcome::plain(Status::Failed) };
        let reasons = vec![Reason::NeverRun, Reason::ParamModified { path: "p".into(), key: "k".into(), old: "1".into(), new: "2".into() }];
        let events = [
            event(0, EventKind::Judged { stage: StageId(0), verdict: Verdict::Stale(reasons) }),
            event(1, EventKind::Started { stage: StageId(0), slots: Slots { job: 1, queue: vec![2] }, attempt: 2 }),
            event(2, EventKind::Finished { stage: StageId(0), outcome }),
            event(3, EventKind::Notice { level: Level::Warning, text: "x".into() }),
            event(4, EventKind::RunFinished { fault: Some(fault), to_track: vec!["dvc.lock".into()], staged: false }),
        ];
        assert_eq!(parse(&written(&events)), Journal { events: events.to_vec(), lines: events.len(), ..Journal::default() });
    }

    #[test]
    fn stages_with_nothing_to_do_share_a_line() {
        let events: Vec<Event> = (0..1000).map(|stage| event(1, unchanged(stage))).collect();
        let bytes = written(&events);
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 2);
        assert_eq!(parse(&bytes).events, events);
    }

    #[test]
    fn half_a_line_is_nothing_and_a_strange_one_is_counted() {
        let mut bytes = written(&[event(0, unchanged(1))]);
        bytes.extend_from_slice(b"{\"at\":1,\"elapsed\":2,\"event\":{\"of_the_future\":{}}}\n{\"at\":1,\"ela");
        assert_eq!(parse(&bytes), Journal { events: vec![event(0, unchanged(1))], unread: 1, lines: 2, broken: false });
    }

    #[test]
    fn after_a_hole_nothing_is_believed() {
        let mut bytes = written(&[event(0, unchanged(1))]);
        bytes.extend_from_slice(b"\0\0\0\n");
        bytes.extend(written(&[event(0, unchanged(2))]));
        assert_eq!(parse(&bytes), Journal { events: vec![event(0, unchanged(1))], unread: 0, lines: 1, broken: true });
    }

    #[test]
    fn what_moves_and_short_waits_are_left_out() {
        let wait = |ms| EventKind::Waiting { stage: None, what: "a lock".into(), since: Duration::from_millis(ms) };
        let events: Vec<Event> = [EventKind::Tick, wait(100), wait(900), wait(1100), wait(1200), wait(3400), wait(0), wait(1000)]
            .into_iter()
            .map(|kind| event(0, kind))
            .collect();
        let kept: Vec<EventKind> = parse(&written(&events)).events.into_iter().map(|event| event.kind).collect();
        assert_eq!(kept, [wait(1100), wait(3400), wait(1000)]);
    }
}
