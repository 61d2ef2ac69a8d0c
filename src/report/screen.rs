//! Chooses the screen for a run, and holds what all screens share: settings and remarks.
//!
//! What the terminal can do is asked elsewhere (`cli::terminal`); here it is a value.

use std::io::Write;
use std::time::Duration;

use crate::model::{Event, EventKind, Level};

use super::account;
use super::board::Board;
use super::parallel::Parallel;
use super::plain::Plain;
use super::progress::Progress;
use super::sink::Sink;
use super::streams::{BLUE, RED, Streams, YELLOW};
use super::tally::duration;
use super::words;

/// How a run is shown.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Job slots of the run.
    pub jobs: usize,
    /// `-q`: nothing but the stages' own output.
    pub quiet: bool,
    /// `-v`: also remarks for those who look for a fault, and nothing is folded.
    pub verbose: bool,
    /// `--explain`
    pub explain: bool,
    /// `--dry`
    pub dry: bool,
    /// Whether standard error is a terminal on which a live area may move.
    pub live: bool,
    /// Whether standard error shows colours.
    pub color_err: bool,
    /// On GitHub Actions: a word that its runner cannot meet in a stage's output.
    pub github: Option<String>,
}

/// Whether the screen for these settings has a live area.
pub fn is_live(settings: &Settings) -> bool {
    settings.jobs > 1 && !settings.dry && settings.live && !settings.quiet
}

/// The screen for a run with these settings. For `--json` both writers are standard error.
pub fn open(settings: Settings, out: Box<dyn Write + Send>, err: Box<dyn Write + Send>) -> Box<dyn Sink> {
    let io = Streams::new(out, err, settings.color_err);
    if settings.jobs <= 1 || settings.dry {
        Box::new(Plain::new(settings, io))
    } else if is_live(&settings) {
        Box::new(Progress::new(settings, io))
    } else {
        Box::new(Parallel::new(settings, io))
    }
}

/// Prints remarks, and tells of waits ever more seldom.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// What is waited for, and from when on it is worth another line.
    told: Option<(String, Duration)>,
}

impl Patience {
    /// A wait is told of after this time.
    const FIRST: Duration = Duration::from_secs(1);

    /// Shows `Waiting`, `Slow`, `Asked`, `Interrupted` and `Notice`.
    pub fn remark(&mut self, event: &Event, board: &Board, settings: &Settings, io: &mut Streams) {
        if let EventKind::Asked { lines, lacks } = &event.kind {
            // Who asks wants an answer, also with `-q`.
            io.err(&account::text(event.elapsed, board, lines, lacks));
            return;
        }
        if settings.quiet {
            return;
        }
        match &event.kind {
            EventKind::Waiting { stage, what, since } => {
                let due = match &self.told {
                    Some((told, next)) if told == what && *since >= Self::FIRST => *next,
                    _ => Self::FIRST,
                };
                if *since >= due {
                    let who = stage.map(|stage| format!("Stage '{}' is ", board.name(stage))).unwrap_or_default();
                    let verb = if who.is_empty() { "Waiting" } else { "waiting" };
                    io.err(&format!("{who}{verb} for {what} ({})", duration(*since)));
                    self.told = Some((what.clone(), *since * 3));
                }
            }
            EventKind::Slow { stage, since } => io.err(&words::slow(board.name(*stage), *since)),
            EventKind::Interrupted { times: 1 } => {
                io.err("Stopping: no further stage starts, running ones are told to end. Ctrl-C again kills them.");
            }
            EventKind::Interrupted { .. } => io.err("Killing the running stages."),
            EventKind::Notice { level, text } => match level {
                Level::Debug if settings.verbose => io.labelled("DEBUG", BLUE, text),
                Level::Debug => {}
                Level::Info => io.out(text),
                Level::Warning => io.labelled("WARNING", YELLOW, text),
                Level::Error => io.labelled("ERROR", RED, text),
            },
            _ => {}
        }
    }
}
