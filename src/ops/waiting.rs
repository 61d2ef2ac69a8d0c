//! Waiting for other processes, for commands that look at outputs as a whole.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::model::event::Level;
use crate::model::{Class, EventKind, Fault};
use crate::report::Sink;
use crate::run::clock::Clock;
use crate::run::error::interrupted;
use crate::run::signals::Watcher;
use crate::store::rwlock::{Above, Busy, RwLock};

use super::granular::Choice;
use super::load::Repository;

/// How often a path that someone else writes is looked at again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// Tells of waits and remarks, and knows whether to go on.
pub(super) struct Teller<'a> {
    pub(super) clock: Clock,
    pub(super) watcher: &'a Watcher,
    pub(super) sink: &'a mut dyn Sink,
}

impl Teller<'_> {
    pub(super) fn waits(&mut self, what: String, since: Duration) {
        self.sink.event(&self.clock.event(EventKind::Waiting { stage: None, what, since }));
    }

    pub(super) fn warns(&mut self, text: String) {
        self.sink.event(&self.clock.event(EventKind::Notice { level: Level::Warning, text }));
    }

    pub(super) fn go_on(&self) -> Result<(), Fault> {
        if self.watcher.times() > 0 { Err(interrupted()) } else { Ok(()) }
    }
}

/// Whoever writes a path of this stage now, with these paths.
pub(super) fn writer(repository: &Repository, rwlock: &RwLock, choice: &Choice) -> Option<(Vec<PathBuf>, Busy)> {
    let paths = repository.paths_of(&choice.stage)?;
    let busy = rwlock.writer_of(&paths)?;
    Some((paths, busy))
}

/// Waits until nobody writes these paths any more.
pub(super) fn wait(
    rwlock: &RwLock,
    above: &Above,
    (paths, busy): (&[PathBuf], Busy),
    patience: Option<Duration>,
    teller: &mut Teller<'_>,
) -> Result<(), Fault> {
    let began = Instant::now();
    let mut next = Some(busy);
    while let Some(busy) = next {
        let since = began.elapsed();
        if patience.is_some_and(|patience| since >= patience) || busy.waits_for_us(above) {
            return Err(Fault::new(Class::LockError, busy.to_string()));
        }
        teller.go_on()?;
        teller.waits(busy.short(), since);
        std::thread::sleep(PAUSE);
        next = rwlock.writer_of(paths);
    }
    Ok(())
}
