//! How many stages ended how, and how long they took: the closing summary.

use std::time::Duration;

use crate::model::{Outcome, Status};

/// With less work than this a speed-up says nothing.
const WORTH: Duration = Duration::from_secs(1);

/// Counts of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The command ran.
    pub ran: usize,
    /// Taken from the cache.
    pub restored: usize,
    /// `.dvc` files and frozen stages that were hashed again.
    pub updated: usize,
    /// `--dry`: would run.
    pub planned: usize,
    /// Nothing to do, frozen ones included.
    pub unchanged: usize,
    /// Failed.
    pub failed: usize,
    /// Left out because of a failure upstream.
    pub skipped: usize,
    /// Interrupted.
    pub stopped: usize,
    /// Never reached.
    pub not_started: usize,
    /// The time of all tries, from taking a slot to the end of saving: that of [`super::facts`].
    pub work: Duration,
}

impl Tally {
    /// Counts the end of one stage.
    pub fn add(&mut self, outcome: &Outcome) {
        let count = match outcome.status {
            Status::Ran => &mut self.ran,
            Status::Restored => &mut self.restored,
            Status::Updated => &mut self.updated,
            Status::Planned => &mut self.planned,
            Status::Unchanged | Status::Frozen => &mut self.unchanged,
            Status::Failed => &mut self.failed,
            Status::UpstreamFailed => &mut self.skipped,
            Status::Stopped => &mut self.stopped,
            Status::NotStarted => &mut self.not_started,
        };
        *count += 1;
    }

    /// Stages that DVC would count as reproduced: they decide about its closing line.
    pub fn reproduced(&self) -> usize {
        self.ran + self.restored + self.updated + self.planned
    }

    /// Stages that are over one way or the other.
    pub fn settled(&self) -> usize {
        self.reproduced() + self.unchanged + self.failed + self.skipped + self.stopped + self.not_started
    }

    /// The summary: what happened to how many, wall time, stage time, speed-up.
    pub fn sentence(&self, wall: Duration) -> String {
        let counts = [
            (self.ran, "ran"),
            (self.restored, "restored"),
            (self.updated, "updated"),
            (self.planned, "would run"),
            (self.unchanged, "unchanged"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.stopped, "stopped"),
            (self.not_started, "not started"),
        ];
        let mut parts: Vec<String> = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
        if parts.is_empty() {
            parts.push("no stages".to_owned());
        }
        let mut text = format!("Summary: {}; wall {}", parts.join(", "), duration(wall));
        if !self.work.is_zero() {
            text.push_str(&format!(", stage time {}", duration(self.work)));
        }
        if self.work >= WORTH {
            let factor = self.work.as_secs_f64() / wall.as_secs_f64().max(0.001);
            text.push_str(&format!(", speed-up {factor:.1}x"));
        }
        text
    }
}

/// A duration as people read it: `0.24s`, `41.2s`, `2m31s`, `3h04m`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.2}s", time.as_secs_f64()),
        10..60 => format!("{:.1}s", time.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// By how much a time differs from another one: `+1.20s`, `-2m31s`, and no sign where nothing is seen of it.
pub fn difference(nanoseconds: i64) -> String {
    let text = duration(Duration::from_nanos(nanoseconds.unsigned_abs()));
    match nanoseconds {
        _ if text == duration(Duration::ZERO) => text,
        0.. => format!("+{text}"),
        _ => format!("-{text}"),
    }
}

/// `1 job`, `2 jobs`.
pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// A duration as a clock that runs: `0:52`, `1:02:03`.
pub fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 3600 {
        format!("{}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60)
    }
}

/// How much is done, and is being done, of all: `[=====--             ]`.
pub fn bar(done: u64, busy: u64, all: u64) -> String {
    const CELLS: u128 = 20;
    let cells = |count: u64| u128::from(count) * CELLS;
    let full = (cells(done) / u128::from(all.max(1))).min(CELLS);
    let busy = cells(busy).div_ceil(u128::from(all.max(1))).min(CELLS - full);
    let drawn = |mark: &str, count: u128| mark.repeat(usize::try_from(count).unwrap_or(0));
    format!("[{}{}{}]", drawn("=", full), drawn("-", busy), drawn(" ", CELLS - full - busy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_counts_and_speed_up() {
        let mut tally = Tally { work: Duration::from_secs(15), ..Tally::default() };
        (0..3).for_each(|_| tally.add(&Outcome::plain(Status::Ran)));
        tally.add(&Outcome::plain(Status::Unchanged));
        tally.add(&Outcome::plain(Status::Frozen));
        assert_eq!(tally.sentence(Duration::from_millis(5000)), "Summary: 3 ran, 2 unchanged; wall 5.00s, stage time 15.0s, speed-up 3.0x");
        assert_eq!(tally.settled(), 5);
    }

    #[test]
    fn an_empty_plan_has_a_summary_too() {
        assert_eq!(Tally::default().sentence(Duration::from_millis(40)), "Summary: no stages; wall 0.04s");
    }

    #[test]
    fn a_difference_that_is_not_seen_has_no_sign() {
        let told = [1_200_000_000, -4_000_000, 4_000_000, 0, -5_100_000, -151_000_000_000].map(difference);
        assert_eq!(told, ["+1.20s", "0.00s", "0.00s", "0.00s", "-0.01s", "-2m31s"]);
    }

    #[test]
    fn durations_are_short() {
        for (seconds, want) in [(0.24, "0.24s"), (41.2, "41.2s"), (151.0, "2m31s"), (11_040.0, "3h04m")] {
            assert_eq!(duration(Duration::from_secs_f64(seconds)), want);
        }
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_secs(52)), "0:52");
    }
}
