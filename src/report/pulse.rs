//! The sign of life of a long run, where no live area shows it: a line each minute. A CI service
//! stops what is silent for long, and its log should say what took the time.

use std::time::Duration;

use crate::model::{Event, EventKind};

use super::board::Board;
use super::screen::Settings;
use super::streams::Streams;
use super::words;

/// How far the lines are apart.
const PERIOD: u64 = 60;

/// Counts the minutes.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// How many were over at the last line.
    told: u64,
}

impl Pulse {
    /// Prints the line if it is due.
    pub fn beat(&mut self, event: &Event, board: &Board, settings: &Settings, io: &mut Streams) {
        let over = event.elapsed.as_secs() / PERIOD;
        if !matches!(event.kind, EventKind::Tick) || settings.quiet || settings.live || over <= self.told {
            return;
        }
        self.told = over;
        let running: Vec<(&str, Duration)> =
            board.running().into_iter().map(|(stage, since)| (board.name(stage), event.elapsed.saturating_sub(since))).collect();
        io.err(&words::still_running(event.elapsed, &running, board.ready(), board.to_come()));
    }
}
