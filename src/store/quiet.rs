//! A file or directory that was found to hold nothing that matters: as long as it stays as it is,
//! it need not be read again. What it costs to look is one question to the system.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::os::{self, RACY, State};

/// The state in which nothing was found.
#[derive(Debug, Default)]
pub struct Quiet(Mutex<Option<State>>);

impl Quiet {
    /// What `look` finds at a path; nothing without a look if nothing is there, or if nothing was
    /// found in the state that it has.
    pub fn look<T>(&self, path: &Path, look: impl FnOnce() -> Option<T>) -> Option<T> {
        let state = State::at(path)?;
        // A state so young may stand for several contents.
        let settled = os::age(state.noted) >= RACY;
        if settled && *self.0.lock().unwrap_or_else(PoisonError::into_inner) == Some(state) {
            return None;
        }
        let found = look();
        if settled && found.is_none() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_empty_is_read_again_when_it_has_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let quiet = Quiet::default();
        let looks = std::cell::Cell::new(0);
        let look = || {
            looks.set(looks.get() + 1);
            fs::read_to_string(&path).ok().filter(|text| !text.is_empty())
        };
        assert_eq!(quiet.look(&path, look), None);
        assert_eq!(looks.get(), 0, "nothing is there");
        fs::write(&path, "").unwrap();
        assert_eq!(quiet.look(&path, look), None);
        assert_eq!(quiet.look(&path, look), None);
        assert_eq!(looks.get(), 2, "so young that it is not believed");
        std::thread::sleep(RACY);
        for _ in 0..3 {
            assert_eq!(quiet.look(&path, look), None);
        }
        assert_eq!(looks.get(), 3);
        fs::write(&path, "x").unwrap();
        assert_eq!(quiet.look(&path, look).as_deref(), Some("x"));
        std::thread::sleep(RACY);
        assert_eq!(quiet.look(&path, look).as_deref(), Some("x"), "what matters is read each time");
    }
}
