//! The live area of a terminal: what runs now, with the last line each stage printed.
//!
//! It is drawn below everything else on standard error and redrawn at a steady pace; whatever
//! [`Parallel`] prints is printed above it, with the area taken away for that moment, so no
//! line is ever torn. Each row is cut to the width of the terminal.

use std::time::Duration;

use indexmap::IndexMap;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::{Event, EventKind, StageId};

use super::board::Board;
use super::parallel::Parallel;
use super::screen::Settings;
use super::sink::Sink;
use super::streams::{Streams, visible};
use super::tally::{bar, clock};

/// At most so many running stages are shown; the rest is a number.
const ROWS: usize = 8;

/// Redraws a second.
const PACE: u8 = 15;

/// The sink.
pub struct Progress {
    inner: Parallel,
    area: MultiProgress,
    rows: Vec<ProgressBar>,
    board: Board,
    running: IndexMap<StageId, Row>,
}

/// A running stage.
#[derive(Debug)]
struct Row {
    since: Duration,
    slow: bool,
    last: String,
}

impl Progress {
    /// A screen on these streams, with the live area on the terminal of standard error.
    pub fn new(settings: Settings, io: Streams) -> Self {
        Self::on(ProgressDrawTarget::stderr_with_hz(PACE), settings, io)
    }

    /// The same with the live area elsewhere.
    pub fn on(target: ProgressDrawTarget, settings: Settings, io: Streams) -> Self {
        Self {
            inner: Parallel::new(settings, io),
            area: MultiProgress::with_draw_target(target),
            rows: Vec::new(),
            board: Board::default(),
            running: IndexMap::new(),
        }
    }

    /// Whether the event makes the inner screen print.
    fn prints(event: &Event) -> bool {
        !matches!(event.kind, EventKind::Line { .. } | EventKind::Tick | EventKind::Started { .. })
    }

    fn draw(&mut self, now: Duration) {
        let lines = self.lines(now);
        while self.rows.len() < lines.len() {
            let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            self.rows.push(self.area.add(ProgressBar::new(0).with_style(style)));
        }
        while self.rows.len() > lines.len() {
            if let Some(row) = self.rows.pop() {
                self.area.remove(&row);
            }
        }
        for (row, line) in self.rows.iter().zip(lines) {
            row.set_message(line);
        }
    }

    /// The rows of the live area.
    fn lines(&self, now: Duration) -> Vec<String> {
        let mut lines = vec![self.head(now)];
        let shown: Vec<(String, &Row)> =
            self.running.iter().take(ROWS).map(|(stage, row)| (shortened(self.board.name(*stage)), row)).collect();
        let width = shown.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        for (name, row) in shown {
            let time = clock(now.saturating_sub(row.since));
            let slow = if row.slow { "(slow) " } else { "" };
            lines.push(format!("  {name:<width$}  {time:>5}  {slow}{}", row.last).trim_end().to_owned());
        }
        if self.running.len() > ROWS {
            lines.push(format!("  and {} more", self.running.len() - ROWS));
        }
        lines
    }

    /// What counts first, the bar last: a narrow terminal cuts the end.
    fn head(&self, now: Duration) -> String {
        let (done, total) = (self.board.tally.settled(), self.board.total());
        let failed = match self.board.tally.failed {
            0 => String::new(),
            failed => format!(", {failed} failed"),
        };
        let bar = bar(done as u64, self.running.len() as u64, total as u64);
        format!("{done}/{total} done, {} running{failed}, {} {bar}", self.running.len(), clock(now))
    }

    fn clear(&mut self) {
        self.rows.clear();
        let _ = self.area.clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Sink for Progress {
    fn event(&mut self, event: &Event) {
        self.board.learn(event);
        match &event.kind {
            EventKind::Command { stage, .. } => {
                let since = event.elapsed;
                self.running.entry(*stage).or_insert_with(|| Row { since, slow: false, last: String::new() });
            }
            EventKind::Line { stage, text, .. } => {
                if let (Some(row), Some(last)) = (self.running.get_mut(stage), visible(text)) {
                    row.last = last;
                }
            }
            EventKind::Slow { stage, .. } => {
                if let Some(row) = self.running.get_mut(stage) {
                    row.slow = true;
                }
            }
            EventKind::Finished { stage, .. } | EventKind::Retrying { stage, .. } => {
                self.running.shift_remove(stage);
            }
            EventKind::RunFinished { .. } => self.clear(),
            _ => {}
        }
        if Self::prints(event) && !matches!(event.kind, EventKind::RunFinished { .. }) {
            let inner = &mut self.inner;
            self.area.suspend(|| inner.event(event));
        } else {
            self.inner.event(event);
        }
        if !matches!(event.kind, EventKind::RunFinished { .. } | EventKind::RunStarted { .. }) {
            self.draw(event.elapsed);
        }
    }
}

/// A name of at most 28 characters: of a longer one beginning and end.
fn shortened(name: &str) -> String {
    const HEAD: usize = 11;
    const TAIL: usize = 15;
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= HEAD + TAIL + 2 {
        return name.to_owned();
    }
    let text = |part: &[char]| part.iter().collect::<String>();
    format!("{}..{}", text(&chars[..HEAD]), text(&chars[chars.len() - TAIL..]))
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;
    use crate::model::event::Planned;
    use crate::model::{Outcome, Status, Stream};

    /// A terminal of 40 columns that keeps what is drawn on it.
    #[derive(Clone, Debug, Default)]
    struct Screen(Arc<Mutex<String>>);

    impl Screen {
        fn add(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
    }

    impl TermLike for Screen {
        fn width(&self) -> u16 {
            40
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.add(&format!("{text}\n"))
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.add(text)
        }
        fn clear_line(&self) -> io::Result<()> {
            self.add("\n")
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    fn planned(number: u32) -> Planned {
        Planned {
            stage: StageId(number),
            address: format!("stage-{number}"),
            data_file: false,
            frozen: false,
            upstream: Vec::new(),
            cmds: Vec::new(),
            level: 0,
            queue: "default".to_owned(),
            file: "dvc.yaml".to_owned(),
        }
    }

    #[test]
    fn the_area_shows_at_most_eight_stages_and_fits_the_terminal() {
        let screen = Screen::default();
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
        let io = Streams::new(Box::new(io::sink()), Box::new(io::sink()), false);
        let settings = Settings { jobs: 10, live: true, ..Settings::default() };
        let mut progress = Progress::on(target, settings, io);
        let mut send = |kind: EventKind| progress.event(&Event { at: 0, elapsed: Duration::from_secs(61), kind });
        send(EventKind::RunStarted {
            run: "r".to_owned(),
            plan: (0..12).map(planned).collect(),
            jobs: 10,
            queues: indexmap::IndexMap::new(),
        });
        send(EventKind::Finished { stage: StageId(11), outcome: Outcome::plain(Status::Unchanged) });
        for number in 0..10 {
            send(EventKind::Command { stage: StageId(number), cmd: "true".to_owned(), first: true });
        }
        send(EventKind::Line { stage: StageId(0), stream: Stream::Err, text: "epoch 3, ".repeat(9).into_bytes() });
        send(EventKind::Slow { stage: StageId(2), since: Duration::from_secs(5) });
        std::thread::sleep(Duration::from_millis(20));
        send(EventKind::Tick);
        let drawn = screen.0.lock().unwrap().clone();
        assert!(drawn.contains("1/12 done, 10 running, 1:01 [="), "{drawn}");
        // Each row fills the terminal's 40 columns exactly.
        assert!(drawn.contains("[=----------  stage-0   0:00  epoch 3, epoch 3, epoc  stage-1   0:00  "), "{drawn}");
        assert!(drawn.contains("  stage-2   0:00  (slow)"), "{drawn}");
        assert!(drawn.contains("  stage-7   0:00"), "{drawn}");
        assert!(!drawn.contains("stage-8"), "{drawn}");
        assert!(drawn.contains("  and 2 more"), "{drawn}");
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("A_X_ParamsToOuts"), "A_X_ParamsToOuts");
        assert_eq!(shortened("experiments/deep/dvc.yaml:train@model-13"), "experiments..:train@model-13");
    }
}
