//! Which running stages are to be told of because they take long. Pure: the time comes in.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::StageId;

/// The stages that run, are not told of yet, and have a time after which they count as slow.
#[derive(Debug, Default)]
pub struct Slow {
    /// Since when they run, and after which time they are slow.
    watched: HashMap<StageId, (Duration, Duration)>,
}

impl Slow {
    /// The first command of a stage begins.
    pub fn begin(&mut self, stage: StageId, now: Duration, after: Option<Duration>) {
        if let Some(after) = after {
            self.watched.insert(stage, (now, after));
        }
    }

    /// A try of a stage is over.
    pub fn end(&mut self, stage: StageId) {
        self.watched.remove(&stage);
    }

    /// Those that have become slow, each once, with the time that they have run.
    pub fn due(&mut self, now: Duration) -> Vec<(StageId, Duration)> {
        let mut due = Vec::new();
        self.watched.retain(|stage, (since, after)| {
            let ran = now.saturating_sub(*since);
            if ran >= *after {
                due.push((*stage, ran));
            }
            ran < *after
        });
        due.sort();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_try_is_told_of_once() {
        let seconds = Duration::from_secs;
        let mut slow = Slow::default();
        slow.begin(StageId(1), seconds(10), Some(seconds(5)));
        slow.begin(StageId(0), seconds(11), Some(seconds(2)));
        slow.begin(StageId(2), seconds(11), None);
        slow.begin(StageId(3), seconds(11), Some(seconds(1)));
        slow.end(StageId(3));
        assert_eq!(slow.due(seconds(12)), []);
        assert_eq!(slow.due(seconds(15)), [(StageId(0), seconds(4)), (StageId(1), seconds(5))]);
        assert_eq!(slow.due(seconds(99)), []);
        slow.end(StageId(1));
        slow.begin(StageId(1), seconds(100), Some(seconds(5)));
        assert_eq!(slow.due(seconds(106)), [(StageId(1), seconds(6))]);
    }
}
