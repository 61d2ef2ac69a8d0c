//! `.dvc/tmp/rwlock`: which process reads and writes which paths (dvc: `rwlock.py`).
//!
//! While a stage works, other processes must not write what it reads nor touch what it writes.
//! The file holds one entry for each path and process, so that paths which several of our stages
//! read are counted here. The rule does not part our own stages from each other (same process,
//! same command): that is the scheduler's duty. What a killed process left in the file, entries
//! or a broken text, is put right by whoever looks at it next, with a warning.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::atomic;
use super::error::Error;
use super::lock::{Guard, Kind, RepoLock};
use super::os;
use super::quiet::Quiet;
use super::rwtable::{Info, Table};

/// How often a busy path is looked at again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the lock of the file itself is waited for. It is held for moments only; a process
/// that was stopped while it held it must not stop all others for good.
const GUARD_PATIENCE: Duration = Duration::from_secs(30);

/// The file when nobody holds anything.
const EMPTY: &[u8] = b"{}";

/// Paths that the stages around this process hold, by the process that runs each.
pub type Above = BTreeMap<i64, Vec<String>>;

/// A path that others use, in DVC's words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Busy {
    path: String,
    by: Vec<Info>,
    file: PathBuf,
}

impl fmt::Display for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "'{}' is busy, it is being blocked by:", self.path)?;
        for info in &self.by {
            writeln!(f, "  (PID {}): {}", info.pid, info.cmd)?;
        }
        write!(f, "\nIf there are no processes with such PIDs, you can manually remove '{}' and try again.", self.file.display())
    }
}

impl Busy {
    /// Whether one of those in the way waits for us: a run within a stage of another run, which
    /// holds the paths of this stage until it has ended. Waiting for it would never end. What
    /// else that run holds will be free; where it is not known what it holds, it is all the same.
    pub fn waits_for_us(&self, above: &Above) -> bool {
        let held = |pid| above.get(pid).is_none_or(|paths| paths.iter().any(|path| overlaps(path, &self.path)));
        let ancestors = os::ancestors();
        self.by.iter().any(|info| ancestors.contains(&info.pid) && held(&info.pid))
    }

    /// In one line, for those who wait.
    pub fn short(&self) -> String {
        let by: Vec<String> = self.by.iter().map(|info| format!("PID {} ({})", info.pid, info.cmd)).collect();
        format!("'{}', in use by {}", self.path, by.join(" and "))
    }
}

/// The paths that this process reads and writes.
#[derive(Clone, Debug)]
pub struct RwLock {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    guard: RepoLock,
    us: Info,
    above: Above,
    /// How many of our stages use a path: readers, writers.
    counts: Mutex<(BTreeMap<String, usize>, BTreeMap<String, usize>)>,
    /// Whether nobody holds anything.
    free: Quiet,
    warnings: Mutex<Vec<String>>,
}

/// Holds the paths of one stage until dropped.
#[derive(Debug)]
pub struct Claim {
    lock: RwLock,
    reads: Vec<String>,
    writes: Vec<String>,
}

impl RwLock {
    /// The file in `tmp` (`.dvc/tmp`). `cmd` is the command line that others see, `above` what is
    /// held by the stages that we are part of.
    pub fn new(tmp: &Path, kind: Kind, cmd: String, above: Above) -> Self {
        let inner = Inner {
            path: tmp.join("rwlock"),
            guard: RepoLock::new(tmp.join("rwlock.lock"), kind),
            us: Info { pid: i64::from(os::own_pid()), cmd },
            above,
            counts: Mutex::default(),
            free: Quiet::default(),
            warnings: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Claims paths for one stage. Waits while others use them: without limit, for `patience`,
    /// or until `on_wait` (called with who is in the way, and for how long) says no. A process
    /// that itself waits for us is not waited for.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn claim(
        &self,
        reads: &[PathBuf],
        writes: &[PathBuf],
        patience: Option<Duration>,
        on_wait: &mut dyn FnMut(&Busy, Duration) -> bool,
    ) -> Result<Claim, Error> {
        let (reads, writes) = (texts(reads), texts(writes));
        let began = Instant::now();
        // The claim is made last: dropped, it would give back what was never had.
        while let Some(busy) = self.try_claim(&reads, &writes)? {
            let since = began.elapsed();
            if patience.is_some_and(|patience| since >= patience) || busy.waits_for_us(&self.inner.above) {
                return Err(Error::Busy(Box::new(busy)));
            }
            if !on_wait(&busy, since) {
                return Err(Error::GivenUp);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Claim { lock: self.clone(), reads, writes })
    }

    /// Whether another process writes one of these paths now. Claims nothing. Most of the time nobody
    /// holds anything, and the paths are not asked for.
    pub fn writer_of(&self, paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Option<Busy> {
        let read = || std::fs::read(&self.inner.path).ok().filter(|bytes| bytes != EMPTY);
        self.inner.free.look(&self.inner.path, read).and_then(|bytes| self.writer_in(&bytes, &texts(paths)))
    }

    fn writer_in(&self, bytes: &[u8], paths: &[String]) -> Option<Busy> {
        let (mut table, flaw) = Table::parse(bytes);
        if flaw.is_some() || table.entries().any(|(place, info)| self.is_left(info) && touches(paths, place)) {
            // Where it cannot be put right, what was read has to do.
            table = self.repaired(paths).unwrap_or(table);
        }
        paths.iter().find_map(|path| self.blocker(path, writers(&table)))
    }

    /// What is held by the stages that we are part of.
    pub fn above(&self) -> &Above {
        &self.inner.above
    }

    /// Remarks made since this was last asked.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, text: String) {
        self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn try_claim(&self, reads: &[String], writes: &[String]) -> Result<Option<Busy>, Error> {
        let _guard = self.guard(GUARD_PATIENCE)?;
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut table, mended) = self.load()?;
        let dropped = self.drop_left(&mut table, |place| touches(reads, place) || touches(writes, place));
        let busy = reads.iter().chain(writes).find_map(|path| self.blocker(path, writers(&table)));
        let busy = busy.or_else(|| {
            writes.iter().find_map(|path| self.blocker(path, table.read.iter().map(|(place, infos)| (place, infos.as_slice()))))
        });
        if busy.is_some() {
            if mended || dropped {
                self.store(&table)?;
            }
            return Ok(busy);
        }
        for path in reads {
            let readers = table.read.entry(path.clone()).or_default();
            if !readers.contains(&self.inner.us) {
                readers.push(self.inner.us.clone());
            }
        }
        for path in writes {
            table.write.insert(path.clone(), self.inner.us.clone());
        }
        self.store(&table)?;
        for path in reads {
            *counts.0.entry(path.clone()).or_default() += 1;
        }
        for path in writes {
            *counts.1.entry(path.clone()).or_default() += 1;
        }
        Ok(None)
    }

    /// Keeps other processes from the file.
    fn guard(&self, patience: Duration) -> Result<Guard<'_>, Error> {
        let mut holder = String::new();
        let guard = self.inner.guard.acquire(Some(patience), &mut |by, _| {
            by.clone_into(&mut holder);
            true
        });
        guard.map_err(|error| match error {
            Error::LockTimeout => Error::GuardTimeout { path: self.inner.path.with_extension("lock"), holder },
            other => other,
        })
    }

    /// Others that stand in the way of this path.
    fn blocker<'t>(&self, path: &str, entries: impl Iterator<Item = (&'t String, &'t [Info])>) -> Option<Busy> {
        let by: Vec<Info> = entries
            .filter(|(place, _)| overlaps(path, place))
            .flat_map(|(_, infos)| infos.iter().filter(|info| **info != self.inner.us && !self.is_left(info)).cloned())
            .collect();
        (!by.is_empty()).then(|| Busy { path: path.to_owned(), by, file: self.inner.path.clone() })
    }

    /// Whether an entry was left by a process that is gone. One with our own id is not ours: in
    /// a container ids come again soon.
    fn is_left(&self, info: &Info) -> bool {
        *info != self.inner.us && (info.pid == self.inner.us.pid || !os::pid_alive(info.pid))
    }

    /// The table with what was wrong on these paths put right, on the disk too.
    fn repaired(&self, paths: &[String]) -> Result<Table, Error> {
        let _guard = self.guard(GUARD_PATIENCE)?;
        // The guard keeps other processes out, this one other threads.
        let _counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut table, mended) = self.load()?;
        if self.drop_left(&mut table, |place| touches(paths, place)) || mended {
            self.store(&table)?;
        }
        Ok(table)
    }

    /// Forgets what dead processes left on some paths.
    fn drop_left(&self, table: &mut Table, wanted: impl Fn(&str) -> bool) -> bool {
        let left = table.remove(|place, info| wanted(place) && self.is_left(info));
        // `.dvc/tmp` lies two below the root, from where DVC's users mostly look.
        let root = self.inner.path.ancestors().nth(3).unwrap_or(Path::new("/"));
        for (place, info) in &left {
            let place = Path::new(place).strip_prefix(root).unwrap_or(Path::new(place)).display();
            self.warn(format!(
                "Process '{}' with (Pid {}), in RWLock-file '{place}' had been killed. Auto removed it from the lock file.",
                info.cmd, info.pid
            ));
        }
        !left.is_empty()
    }

    /// Reads the file; says too whether it has to be written anew. The guard must be held: who
    /// writes it in place leaves it torn for a moment.
    fn load(&self) -> Result<(Table, bool), Error> {
        let bytes = match std::fs::read(&self.inner.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Table::default(), false)),
            other => other.map_err(Error::io("read", &self.inner.path))?,
        };
        let (table, flaw) = Table::parse(&bytes);
        if let Some(flaw) = &flaw {
            self.warn(format!("'{}' was left broken by a process that was killed ({flaw}); it is put right.", self.inner.path.display()));
        }
        Ok((table, flaw.is_some()))
    }

    fn store(&self, table: &Table) -> Result<(), Error> {
        atomic::write_passing(&self.inner.path, table.text().as_bytes())
    }

    fn release(&self, claim: &Claim) -> Result<(), Error> {
        let _guard = self.guard(GUARD_PATIENCE)?;
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut table, _) = self.load()?;
        for path in &claim.reads {
            if count_down(&mut counts.0, path)
                && let Some(readers) = table.read.get_mut(path)
            {
                readers.retain(|info| *info != self.inner.us);
                if readers.is_empty() {
                    table.read.remove(path);
                }
            }
        }
        for path in &claim.writes {
            if count_down(&mut counts.1, path) && table.write.get(path) == Some(&self.inner.us) {
                table.write.remove(path);
            }
        }
        self.store(&table)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // If the file cannot be written now, the entries are dropped by whoever finds us dead.
        self.lock.release(self).ok();
    }
}

fn writers(table: &Table) -> impl Iterator<Item = (&String, &[Info])> {
    table.write.iter().map(|(place, info)| (place, std::slice::from_ref(info)))
}

/// One use less; whether it was the last.
fn count_down(counts: &mut BTreeMap<String, usize>, path: &str) -> bool {
    match counts.get_mut(path) {
        Some(count) if *count > 1 => {
            *count -= 1;
            false
        }
        _ => {
            counts.remove(path);
            true
        }
    }
}

fn texts(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Vec<String> {
    paths.into_iter().map(|path| path.as_ref().to_string_lossy().into_owned()).collect()
}

fn touches(paths: &[String], place: &str) -> bool {
    paths.iter().any(|path| overlaps(path, place))
}

fn overlaps(a: &str, b: &str) -> bool {
    let inside =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || outer == "/");
    inside(a, b) || inside(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn shared_reads_are_counted_and_the_file_ends_empty() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), Above::new());
        let claim = |reads: &[&str], writes: &[&str]| lock.claim(&paths(reads), &paths(writes), None, &mut |_, _| false).unwrap();
        let (first, second) = (claim(&["/r/a"], &["/r/o"]), claim(&["/r/a"], &["/r/p"]));
        let pid = os::own_pid();
        let text = || std::fs::read_to_string(dir.path().join("rwlock")).unwrap();
        let us = format!("{{\"pid\": {pid}, \"cmd\": \"us\"}}");
        assert_eq!(text(), format!("{{\"write\": {{\"/r/o\": {us}, \"/r/p\": {us}}}, \"read\": {{\"/r/a\": [{us}]}}}}"));
        drop(first);
        assert_eq!(text(), format!("{{\"write\": {{\"/r/p\": {us}}}, \"read\": {{\"/r/a\": [{us}]}}}}"));
        drop(second);
        assert_eq!(text(), "{}");
    }

    #[test]
    fn others_block_and_the_dead_do_not() {
        let dir = tempfile::tempdir().unwrap();
        // Process 1 always lives.
        let file = dir.path().join("rwlock");
        let lock = RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), Above::new());
        std::fs::write(&file, "{\"write\": {\"/r/d\": {\"pid\": 1, \"cmd\": \"dvc add\"}}}").unwrap();
        let refused = lock.claim(&paths(&["/r/d/x"]), &[], Some(Duration::ZERO), &mut |_, _| true);
        let Err(Error::Busy(busy)) = refused else { panic!("{refused:?}") };
        assert!(busy.short().starts_with("'/r/d/x', in use by PID "), "{}", busy.short());
        assert!(lock.writer_of(paths(&["/r/d/x"])).is_some());
        let tmp = dir.path().join(".dvc/tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        let lock = RwLock::new(&tmp, Kind::Flock, "us".to_owned(), Above::new());
        let place = dir.path().join("d");
        let text = format!("{{\"write\": {{\"{}\": {{\"pid\": 4294967, \"cmd\": \"dvc repro\"}}}}}}", place.display());
        std::fs::write(tmp.join("rwlock"), text).unwrap();
        drop(lock.claim(&[place.join("x")], &[], Some(Duration::ZERO), &mut |_, _| true).unwrap());
        let want = "Process 'dvc repro' with (Pid 4294967), in RWLock-file 'd' had been killed. Auto removed it from the lock file.";
        assert_eq!(lock.take_warnings(), [want]);
    }

    #[test]
    fn who_waits_for_us_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let parent = os::ancestors()[0];
        std::fs::write(dir.path().join("rwlock"), format!("{{\"write\": {{\"/r/o\": {{\"pid\": {parent}, \"cmd\": \"dvc repro\"}}}}}}"))
            .unwrap();
        let lock = RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), Above::new());
        let refused = lock.claim(&paths(&["/r/o"]), &[], None, &mut |_, _| false);
        assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
        // What its other stages hold is waited for.
        let above = |path: &str| Above::from([(parent, vec![path.to_owned()])]);
        let claim = |above: Above| {
            RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), above).claim(&paths(&["/r/o"]), &[], None, &mut |_, _| false)
        };
        assert!(matches!(claim(above("/r/o/x")), Err(Error::Busy(_))));
        assert!(matches!(claim(above("/r/p")), Err(Error::GivenUp)));
    }

    #[test]
    fn what_was_never_had_is_not_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), Above::new());
        let claim = |writes: &[&str]| lock.claim(&paths(&["/r/a"]), &paths(writes), Some(Duration::ZERO), &mut |_, _| true);
        let held = claim(&["/r/o"]).unwrap();
        let file = dir.path().join("rwlock");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        assert!(matches!(claim(&["/r/p"]), Err(Error::Io { .. })));
        std::fs::remove_dir(&file).unwrap();
        std::fs::write(&file, &text).unwrap();
        drop(claim(&["/r/p"]).unwrap());
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
        drop(held);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}");
    }

    /// A lock whose file holds this.
    fn found(text: &str) -> (tempfile::TempDir, RwLock) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("rwlock"), text).unwrap();
        let lock = RwLock::new(dir.path(), Kind::Flock, "us".to_owned(), Above::new());
        (dir, lock)
    }

    const LIVING: &str = "{\"write\": {\"/r/x\": {\"pid\": 1, \"cmd\": \"dvc add\"}}}";

    #[test]
    fn who_claims_puts_a_broken_file_right() {
        for (text, left) in [("", "{}"), ("{\"write\": {", "{}"), (&LIVING.replace("}}}", "}}, \"read\": 1}"), LIVING)] {
            let (dir, lock) = found(text);
            drop(lock.claim(&paths(&["/r/a"]), &[], None, &mut |_, _| false).unwrap());
            assert_eq!(lock.take_warnings().len(), 1, "{text:?}");
            assert_eq!(std::fs::read_to_string(dir.path().join("rwlock")).unwrap(), left);
        }
    }

    #[test]
    fn who_only_looks_puts_it_right_too() {
        let (dead, own) = (4_294_967, i64::from(os::own_pid()));
        let left_by = |pid: i64| format!("{{\"read\": {{\"/r/a\": [{{\"pid\": {pid}, \"cmd\": \"dvc repro\"}}]}}}}");
        for text in [String::new(), "{\"wri".to_owned(), "[]".to_owned(), left_by(dead), left_by(own)] {
            let (dir, lock) = found(&text);
            assert_eq!(lock.writer_of(paths(&["/r/a"])), None);
            assert_eq!(lock.take_warnings().len(), 1, "{text:?}");
            assert_eq!(std::fs::read_to_string(dir.path().join("rwlock")).unwrap(), "{}");
        }
        let (dir, lock) = found(&left_by(dead));
        assert_eq!(lock.writer_of(paths(&["/r/b"])), None);
        assert_eq!(lock.take_warnings(), [""; 0]);
        assert_eq!(std::fs::read_to_string(dir.path().join("rwlock")).unwrap(), left_by(dead));
    }

    #[test]
    fn who_keeps_the_file_locked_is_named() {
        let (dir, lock) = found("{}");
        let theirs = RepoLock::new(dir.path().join("rwlock.lock"), Kind::Flock);
        let held = theirs.acquire(None, &mut |_, _| true).unwrap();
        let told = lock.guard(Duration::from_millis(1)).unwrap_err().fault().message;
        assert!(told.starts_with(&format!("'{}' is held by PID {} (", dir.path().join("rwlock.lock").display(), os::own_pid())), "{told}");
        drop(held);
        lock.guard(Duration::from_millis(1)).unwrap();
    }

    #[test]
    fn a_file_that_is_written_at_the_moment_is_not_taken_for_broken() {
        let (dir, lock) = found("");
        let guard = RepoLock::new(dir.path().join("rwlock.lock"), Kind::Flock);
        let held = guard.acquire(None, &mut |_, _| true).unwrap();
        let looks = {
            let lock = lock.clone();
            std::thread::spawn(move || lock.writer_of(paths(&["/r/x/y"])))
        };
        std::fs::write(dir.path().join("rwlock"), LIVING).unwrap();
        drop(held);
        assert!(looks.join().unwrap().is_some());
        assert_eq!(lock.take_warnings(), [""; 0]);
    }
}
