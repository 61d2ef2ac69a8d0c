//! Whose a file is that some process makes for itself: told by its name, so that what a killed
//! process left behind can be found and removed, and never what a living one still needs.
//!
//! A mark names the machine, the process and when that started (process ids come again). It is
//! of letters and digits alone and always equally long, because temporary files bear it and are
//! named as DVC names its own: a dot, 22 characters, `.tmp`. DVC's names never hold a `0`, which
//! is what ours begin with. A process of another machine (or container) cannot be looked for;
//! what bears its mark is left alone until it is old.

use std::fs::Metadata;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::{md5, os};

/// After this time what came from elsewhere is a leftover.
const OLD: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many characters of a mark stand for the machine, the process and its start.
const WIDTHS: [usize; 3] = [5, 5, 7];
/// How many characters tell the files of one process apart.
const COUNTER: usize = 4;

/// A process that makes files for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owner {
    machine: u64,
    pid: u64,
    start: u64,
}

/// What is known of an owner.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It runs.
    Lives,
    /// It has ended.
    Gone,
    /// It belongs to another machine.
    Elsewhere,
}

impl Owner {
    /// This process.
    pub fn own() -> Self {
        static OWN: OnceLock<Owner> = OnceLock::new();
        *OWN.get_or_init(|| {
            let pid = os::own_pid();
            let start = i32::try_from(pid).ok().and_then(os::process).map_or(0, |process| process.start);
            let machine = md5::of_bytes(os::machine().as_bytes());
            let machine = machine.get(..12).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or(0);
            Self { machine: machine % 36_u64.pow(5), pid: u64::from(pid), start }
        })
    }

    /// The mark in names.
    pub fn mark(self) -> String {
        [self.machine, self.pid, self.start].iter().zip(WIDTHS).map(|(number, width)| digits(*number, width)).collect()
    }

    /// The owner that a mark at the beginning of a text names.
    pub fn of_mark(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut next = |width| {
            let (head, tail) = rest.split_at_checked(width)?;
            rest = tail;
            let sound = head.chars().all(|ch| ch.is_ascii_digit() || ch.is_ascii_lowercase());
            u64::from_str_radix(head, 36).ok().filter(|_| sound)
        };
        Some(Self { machine: next(WIDTHS[0])?, pid: next(WIDTHS[1])?, start: next(WIDTHS[2])? })
    }

    /// Whether it still runs.
    pub fn standing(self) -> Standing {
        if self == Self::own() {
            return Standing::Lives;
        }
        if self.machine != Self::own().machine {
            return Standing::Elsewhere;
        }
        let found = i32::try_from(self.pid).ok().and_then(os::process);
        let same = found.is_some_and(|process| process.start == self.start);
        // Where the system does not list processes, the id has to do.
        let unlisted = self.start == 0 && i64::try_from(self.pid).is_ok_and(os::pid_alive);
        if same || unlisted { Standing::Lives } else { Standing::Gone }
    }

    /// Whether what it made is a leftover.
    pub fn has_left(self, meta: &Metadata) -> bool {
        match self.standing() {
            Standing::Lives => false,
            Standing::Gone => true,
            // A copy may bear the times of its original, but not this one.
            Standing::Elsewhere => os::age(os::noted(meta)) > OLD,
        }
    }
}

/// A name for a temporary file that no other has.
pub(super) fn temporary_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed) % 36_u64.pow(4);
    format!(".0{}{}.tmp", Owner::own().mark(), digits(number, COUNTER))
}

/// Who made a temporary file; none if it is no such file, or not ours.
pub(super) fn of_temporary(path: &Path) -> Option<Owner> {
    let name = path.file_name()?.to_str()?.strip_prefix(".0")?.strip_suffix(".tmp")?;
    (name.len() == WIDTHS.iter().sum::<usize>() + COUNTER).then(|| Owner::of_mark(name))?
}

/// A number in base 36, with zeros in front.
fn digits(mut number: u64, width: usize) -> String {
    let mut text = vec![b'0'; width];
    for place in text.iter_mut().rev() {
        *place = b"0123456789abcdefghijklmnopqrstuvwxyz"[usize::try_from(number % 36).unwrap_or(0)];
        number /= 36;
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_who_made_the_file() {
        let (one, two) = (temporary_name(), temporary_name());
        assert_ne!(one, two);
        assert_eq!(one.len(), 27, "as long as DVC's");
        assert_eq!(of_temporary(Path::new("/x").join(&one).as_path()), Some(Owner::own()));
        assert_eq!(Owner::own().standing(), Standing::Lives);
        for other in [".tZmk5UbCRB6YTPDKRHWpFk.tmp", "0.tmp", ".0short.tmp", ".0ABCDEFGHIJKLMNOPQRSTU.tmp", "f"] {
            assert_eq!(of_temporary(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn an_id_that_came_again_is_another_process() {
        let own = Owner::own();
        let earlier = Owner { start: own.start - 1, ..own };
        assert_eq!(Owner::of_mark(&earlier.mark()), Some(earlier));
        assert_eq!(earlier.standing(), Standing::Gone);
        assert_eq!(Owner { pid: 1, ..own }.standing(), Standing::Gone);
        assert_eq!(Owner { machine: own.machine ^ 1, ..own }.standing(), Standing::Elsewhere);
    }
}
