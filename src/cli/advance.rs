//! The line of a terminal that says how far a map is, below everything else on standard error. It is cut to the width of the
//! terminal, and time goes on in it while no partition ends.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::model::mapped::Part;
use crate::report::advance::Standing;

/// How often the time is shown anew.
const PACE: Duration = Duration::from_millis(250);

/// The line.
pub struct Advance {
    shown: Arc<Shown>,
    /// Ends what shows the time.
    _over: Sender<()>,
}

struct Shown {
    bar: ProgressBar,
    unit: &'static str,
    began: Instant,
    standing: Mutex<Standing>,
}

impl Advance {
    /// On the terminal of standard error, if it is one; of an input that is made of these.
    pub fn new(live: bool, unit: &'static str) -> Self {
        let target = if live { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let style = ProgressStyle::with_template("{wide_msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        let shown = Arc::new(Shown { bar, unit, began: Instant::now(), standing: Mutex::default() });
        let (over, end) = channel();
        if live {
            let shown = Arc::clone(&shown);
            let show = move || {
                while end.recv_timeout(PACE) == Err(RecvTimeoutError::Timeout) {
                    shown.change(|_| ());
                }
            };
            // Without it the time stands still between partitions.
            std::thread::Builder::new().name("advance".to_owned()).spawn(show).ok();
        }
        Self { shown, _over: over }
    }

    /// A partition of so many rows or items begins; `all` is about how many there are.
    pub fn begins(&self, count: u64, all: Option<u64>) {
        self.shown.change(|standing| standing.begins(count, all));
    }

    /// A partition has ended.
    pub fn ended(&self, part: &Part) {
        self.shown.change(|standing| standing.ended(part));
    }

    /// Does something while the line is away.
    pub fn aside(&self, work: impl FnOnce()) {
        self.shown.bar.suspend(work);
    }

    /// Takes the line away.
    pub fn clear(&self) {
        let _standing = self.shown.hold();
        self.shown.bar.finish_and_clear();
    }
}

impl Shown {
    fn hold(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, how: impl FnOnce(&mut Standing)) {
        let mut standing = self.hold();
        how(&mut standing);
        // Nothing comes back after it was taken away.
        if !self.bar.is_finished() {
            self.bar.set_message(standing.line(self.unit, self.began.elapsed()));
        }
    }
}
