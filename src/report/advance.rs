//! How far a map is, on one line for a terminal. The time comes from outside.

use std::time::Duration;

use super::tally;
use crate::model::mapped::{Part, Status};

/// How a map stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// Rows or items of partitions that have ended, and how many of them an earlier run had done.
    done: u64,
    resumed: u64,
    /// Rows or items of partitions that run.
    at_work: u64,
    /// About how many there are, where that is known.
    all: Option<u64>,
    running: usize,
    failed: usize,
    /// Whether what runs is being stopped.
    stops: bool,
}

impl Standing {
    /// A partition of so many rows or items begins; `all` is about how many there are.
    pub fn begins(&mut self, count: u64, all: Option<u64>) {
        self.all = all.or(self.all);
        self.at_work += count;
        self.running += 1;
    }

    /// A partition has ended.
    pub fn ended(&mut self, part: &Part) {
        if part.status == Status::Resumed {
            self.resumed += part.count;
        } else {
            self.at_work = self.at_work.saturating_sub(part.count);
            self.running = self.running.saturating_sub(1);
        }
        match part.status {
            Status::NotStarted => self.stops = true,
            Status::Failed => self.failed += 1,
            Status::Ran | Status::Resumed => {}
        }
        // What was stopped did nothing for the result.
        self.done += if part.status == Status::NotStarted { 0 } else { part.count };
    }

    /// The line: what counts first, the bar last, since a narrow terminal cuts the end.
    pub fn line(&self, unit: &str, elapsed: Duration) -> String {
        let all = self.all.map(|all| all.max(self.done + self.at_work));
        let mut line = match all {
            Some(all) => format!("{}/{all} {unit}s", self.done),
            None => format!("{} {unit}s", self.done),
        };
        line += &format!(", {} {}", self.running, if self.stops { "to stop" } else { "running" });
        if self.failed > 0 {
            line += &format!(", {} failed", self.failed);
        }
        line += &format!(", {}", tally::clock(elapsed));
        let Some(all) = all else { return line };
        let (fresh, left) = (self.done - self.resumed, all - self.done);
        if fresh > 0 && left > 0 && !self.stops {
            let rest = elapsed.as_secs_f64() * left as f64 / fresh as f64;
            line += &format!(", about {} left", tally::clock(Duration::try_from_secs_f64(rest).unwrap_or(Duration::MAX)));
        }
        format!("{line} {}", tally::bar(self.done, self.at_work, all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_what_is_known() {
        let at = |standing: Standing| standing.line("row", Duration::from_secs(60));
        let begun = Standing { at_work: 20, running: 2, ..Standing::default() };
        assert_eq!(at(begun), "0 rows, 2 running, 1:00");
        assert_eq!(at(Standing { all: Some(100), ..begun }), "0/100 rows, 2 running, 1:00 [----                ]");
        let half = Standing { done: 50, resumed: 20, all: Some(100), failed: 1, ..begun };
        assert_eq!(at(half), "50/100 rows, 2 running, 1 failed, 1:00, about 1:40 left [==========----      ]");
        assert_eq!(at(Standing { stops: true, ..half }), "50/100 rows, 2 to stop, 1 failed, 1:00 [==========----      ]");
        // More than was thought.
        assert_eq!(
            at(Standing { all: Some(60), done: 60, ..begun }),
            "60/80 rows, 2 running, 1:00, about 0:20 left [===============-----]"
        );
        assert_eq!(at(Standing { all: Some(0), ..Standing::default() }), "0/0 rows, 0 running, 1:00 [                    ]");
    }

    #[test]
    fn what_was_stopped_is_not_done() {
        let mut standing = Standing::default();
        standing.ended(&Part::resumed(0, 0, 5));
        for (index, status) in [(1, Status::Ran), (2, Status::Failed), (3, Status::NotStarted)] {
            standing.begins(5, Some(20));
            standing.ended(&Part { status, ..Part::new(index, 0, 5) });
        }
        let want = Standing { done: 15, resumed: 5, at_work: 0, all: Some(20), running: 0, failed: 1, stops: true };
        assert_eq!(standing, want);
    }
}
