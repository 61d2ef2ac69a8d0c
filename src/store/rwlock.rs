//! `.dvc/tmp/rwlock`: which process reads and writes which paths (dvc: `rwlock.py`).
//!
//! While a stage works, other processes must not write what it reads nor touch what it writes.
//! The file holds one entry for each path and process, so that paths which several of our stages
//! read are counted here. The rule does not part our own stages from each other (same process,
//! same command): that is the scheduler's duty. A file that a killed process left broken is
//! started anew, with a warning.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::atomic;
use super::error::Error;
use super::lock::RepoLock;
use super::os;

/// How often a busy path is looked at again.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the lock of the file itself is waited for. It is held for moments only; a process
/// that was stopped while it held it must not stop all others for good.
const GUARD_PATIENCE: Duration = Duration::from_secs(30);

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
    /// holds its paths until that stage has ended. Waiting for it would never end.
    pub fn waits_for_us(&self) -> bool {
        let above = os::ancestors();
        self.by.iter().any(|info| above.contains(&info.pid))
    }

    /// In one line, for those who wait.
    pub fn short(&self) -> String {
        let by: Vec<String> = self.by.iter().map(|info| format!("PID {} ({})", info.pid, info.cmd)).collect();
        format!("'{}', in use by {}", self.path, by.join(" and "))
    }
}

/// A process as the file names it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Info {
    pid: i64,
    cmd: String,
}

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Table {
    #[serde(default)]
    write: BTreeMap<String, Info>,
    #[serde(default)]
    read: BTreeMap<String, Vec<Info>>,
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
    /// How many of our stages use a path: readers, writers.
    counts: Mutex<(BTreeMap<String, usize>, BTreeMap<String, usize>)>,
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
    /// The file in `tmp` (`.dvc/tmp`). `cmd` is the command line that others see.
    pub fn new(tmp: &Path, cmd: String) -> Self {
        let inner = Inner {
            path: tmp.join("rwlock"),
            guard: RepoLock::new(tmp.join("rwlock.lock")),
            us: Info { pid: i64::from(os::own_pid()), cmd },
            counts: Mutex::default(),
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
        let text = |paths: &[PathBuf]| paths.iter().map(|path| path.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let (reads, writes) = (text(reads), text(writes));
        let began = Instant::now();
        // The claim is made last: dropped, it would give back what was never had.
        while let Some(busy) = self.try_claim(&reads, &writes)? {
            let since = began.elapsed();
            if patience.is_some_and(|patience| since >= patience) || busy.waits_for_us() {
                return Err(Error::Busy(Box::new(busy)));
            }
            if !on_wait(&busy, since) {
                return Err(Error::GivenUp);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(Claim { lock: self.clone(), reads, writes })
    }

    /// Whether another process writes one of these paths now. Takes nothing.
    pub fn writer_of(&self, reads: &[PathBuf]) -> Option<Busy> {
        let bytes = std::fs::read(&self.inner.path).ok().filter(|bytes| bytes.len() > 2)?;
        let table: Table = serde_json::from_slice(&bytes).ok()?;
        reads.iter().find_map(|path| {
            self.blocker(&path.to_string_lossy(), table.write.iter().map(|(place, info)| (place, std::slice::from_ref(info))))
        })
    }

    /// Remarks made since this was last asked.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn warn(&self, text: String) {
        self.inner.warnings.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn try_claim(&self, reads: &[String], writes: &[String]) -> Result<Option<Busy>, Error> {
        let _guard = self.inner.guard.acquire(Some(GUARD_PATIENCE), &mut |_, _| true)?;
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.load()?;
        let dropped = self.drop_dead(&mut table, reads, writes);
        let busy = reads.iter().chain(writes).find_map(|path| self.blocker(path, writers(&table)));
        let busy = busy.or_else(|| {
            writes.iter().find_map(|path| self.blocker(path, table.read.iter().map(|(place, infos)| (place, infos.as_slice()))))
        });
        if busy.is_some() {
            if dropped {
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

    /// Others that stand in the way of this path.
    fn blocker<'t>(&self, path: &str, entries: impl Iterator<Item = (&'t String, &'t [Info])>) -> Option<Busy> {
        let by: Vec<Info> = entries
            .filter(|(place, _)| overlaps(path, place))
            .flat_map(|(_, infos)| infos.iter().filter(|info| **info != self.inner.us && alive(info.pid)).cloned())
            .collect();
        (!by.is_empty()).then(|| Busy { path: path.to_owned(), by, file: self.inner.path.clone() })
    }

    /// Forgets what dead processes left on the claimed paths.
    fn drop_dead(&self, table: &mut Table, reads: &[String], writes: &[String]) -> bool {
        let wanted = |place: &str| reads.iter().chain(writes).any(|path| overlaps(path, place));
        let mut dead: Vec<(String, Info)> = Vec::new();
        table.write.retain(|place, info| {
            let gone = wanted(place) && !alive(info.pid);
            if gone {
                dead.push((place.clone(), info.clone()));
            }
            !gone
        });
        table.read.retain(|place, infos| {
            if wanted(place) {
                infos.retain(|info| {
                    let gone = !alive(info.pid);
                    if gone {
                        dead.push((place.clone(), info.clone()));
                    }
                    !gone
                });
            }
            !infos.is_empty()
        });
        // `.dvc/tmp` lies two below the root, from where DVC's users mostly look.
        let root = self.inner.path.ancestors().nth(3).unwrap_or(Path::new("/"));
        for (place, info) in &dead {
            let place = Path::new(place).strip_prefix(root).unwrap_or(Path::new(place)).display();
            self.warn(format!(
                "Process '{}' with (Pid {}), in RWLock-file '{place}' had been killed. Auto removed it from the lock file.",
                info.cmd, info.pid
            ));
        }
        !dead.is_empty()
    }

    fn load(&self) -> Result<Table, Error> {
        let bytes = match std::fs::read(&self.inner.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Table::default()),
            other => other.map_err(Error::io("read", &self.inner.path))?,
        };
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            self.warn(format!(
                "'{}' was left broken by a process that was killed ({error}); it is started anew.",
                self.inner.path.display()
            ));
            Table::default()
        }))
    }

    /// Writes what is left of the table, as DVC leaves it: without empty halves.
    fn store(&self, table: &Table) -> Result<(), Error> {
        let mut text = String::from("{");
        let mut half = |name: &str, json: String| {
            if json != "{}" {
                let comma = if text.len() > 1 { ", " } else { "" };
                text.push_str(&format!("{comma}\"{name}\": {json}"));
            }
        };
        half("write", python_json(&table.write));
        half("read", python_json(&table.read));
        text.push('}');
        atomic::write(&self.inner.path, text.as_bytes())
    }

    fn release(&self, claim: &Claim) -> Result<(), Error> {
        let _guard = self.inner.guard.acquire(Some(GUARD_PATIENCE), &mut |_, _| true)?;
        let mut counts = self.inner.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut table = self.load()?;
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

fn overlaps(a: &str, b: &str) -> bool {
    let inside =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || outer == "/");
    inside(a, b) || inside(b, a)
}

fn alive(pid: i64) -> bool {
    os::pid_alive(pid)
}

/// JSON with Python's separators.
fn python_json<T: Serialize>(value: &T) -> String {
    struct Spaced;
    impl serde_json::ser::Formatter for Spaced {
        fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
        fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
            writer.write_all(b": ")
        }
        fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
            if first { Ok(()) } else { writer.write_all(b", ") }
        }
    }
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    value.serialize(&mut serializer).expect("maps of text and numbers are always JSON");
    String::from_utf8(bytes).expect("JSON is UTF-8")
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
        let lock = RwLock::new(dir.path(), "us".to_owned());
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
        let file = dir.path().join("rwlock");
        let lock = RwLock::new(dir.path(), "us".to_owned());
        std::fs::write(&file, format!("{{\"write\": {{\"/r/d\": {{\"pid\": {}, \"cmd\": \"dvc add\"}}}}}}", os::own_pid())).unwrap();
        let refused = lock.claim(&paths(&["/r/d/x"]), &[], Some(Duration::ZERO), &mut |_, _| true);
        let Err(Error::Busy(busy)) = refused else { panic!("{refused:?}") };
        assert!(busy.short().starts_with("'/r/d/x', in use by PID "), "{}", busy.short());
        assert!(lock.writer_of(&paths(&["/r/d/x"])).is_some());
        let tmp = dir.path().join(".dvc/tmp");
        std::fs::create_dir_all(&tmp).unwrap();
        let lock = RwLock::new(&tmp, "us".to_owned());
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
        let lock = RwLock::new(dir.path(), "us".to_owned());
        let refused = lock.claim(&paths(&["/r/o"]), &[], None, &mut |_, _| false);
        assert!(matches!(refused, Err(Error::Busy(_))), "{refused:?}");
    }

    #[test]
    fn what_was_never_had_is_not_given_back() {
        let dir = tempfile::tempdir().unwrap();
        let lock = RwLock::new(dir.path(), "us".to_owned());
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

    #[test]
    fn a_torn_file_is_started_anew() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("rwlock"), "{\"write\": {").unwrap();
        let lock = RwLock::new(dir.path(), "us".to_owned());
        drop(lock.claim(&paths(&["/r/a"]), &[], None, &mut |_, _| false).unwrap());
        assert_eq!(lock.take_warnings().len(), 1);
    }
}
