//! The clock of a run: time of day, and time since the run began.

use std::time::{Duration, Instant, SystemTime};

use crate::model::{Event, EventKind};

/// Knows when the run began.
#[derive(Clone, Debug)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Begins now.
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Time of day, nanoseconds since 1970 UTC.
    pub fn now(&self) -> i128 {
        match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => i128::try_from(since.as_nanos()).unwrap_or(i128::MAX),
            Err(before) => -i128::try_from(before.duration().as_nanos()).unwrap_or(i128::MAX),
        }
    }

    /// Since the run began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// An event that happens now.
    pub fn event(&self, kind: EventKind) -> Event {
        Event { at: self.now(), elapsed: self.elapsed(), kind }
    }
}
