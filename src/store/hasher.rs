//! Hashing many files at once, without ever holding up another stage.
//!
//! A pool of threads does leaf work only: one piece of work hashes or copies some files and
//! never waits for another. Callers hand in a batch and park on a channel; nobody waits inside
//! of the pool, because a pool thread that waits would steal the work of another stage and come
//! back only when that is over. A batch keeps at most as many pieces in the pool as there are
//! threads, so a single file of another stage waits for one piece, not for a whole directory.
//! What was hashed is remembered by path, inode, times and size for as long as the program runs.
//! The time of the content alone would not do: archives and copies keep it, and an inode that
//! was given back is soon given out again. For later runs it is written down in DVC's [`StateDb`],
//! which knows that time alone; so of what changed in this run nothing is looked up there.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use foldhash::fast::RandomState;

use super::error::Error;
use super::md5;
use super::os::{self, RACY, Stamp, State};
use super::span::span;
use super::state::links::Placed;
use super::state::{Note, StateDb, Trust};
use crate::model::{Algo, RepoPath};

/// Files of one piece of work.
const PIECE_FILES: usize = 64;
/// Bytes of one piece of work; a larger file is a piece of its own.
const PIECE_BYTES: u64 = 4 << 20;
/// From this size on it pays to wait until a file is no longer that recent.
pub(super) const WORTH_WAITING: u64 = 16 << 20;
/// Above this size DVC says that it computes.
const LARGE: u64 = 1 << 30;

/// A file with its hash, as it stood when it was hashed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HashedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Lower-case hex.
    pub md5: String,
    /// Its state.
    pub stamp: Stamp,
    /// Whether it has an execute bit.
    pub isexec: bool,
}

/// Hears of a file over 1 GiB before it is hashed.
type OnLarge = Box<dyn Fn(&Path) + Send + Sync>;
/// What is remembered of files, by the bytes of their paths: to hash the parts would cost much more.
type Memory = HashMap<OsString, (State, String), RandomState>;
/// A file that must be hashed: its place among the answers, and its state.
type Open = (usize, PathBuf, State);

/// The pool with its memory.
pub struct Hasher {
    pool: rayon::ThreadPool,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    memory: Mutex<Memory>,
    /// The same for hashes of DVC 2.x.
    legacy: Mutex<Memory>,
    on_large: Option<OnLarge>,
    state: Option<StateDb>,
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("threads", &self.pool.current_num_threads()).finish_non_exhaustive()
    }
}

impl Hasher {
    /// Starts the threads (0: one for each core). `on_large` hears of files over 1 GiB.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn new(threads: usize, on_large: Option<OnLarge>) -> Result<Self, Error> {
        Self::remembering(threads, on_large, None)
    }

    /// The same with a memory that outlives the program.
    ///
    /// # Errors
    /// The system gives no threads.
    pub fn remembering(threads: usize, on_large: Option<OnLarge>, state: Option<StateDb>) -> Result<Self, Error> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).thread_name(|number| format!("hash-{number}")).build();
        let pool = pool.map_err(|error| Error::Threads(error.to_string()))?;
        Ok(Self { pool, shared: Arc::new(Shared { on_large, state, ..Shared::default() }) })
    }

    /// Says which files will be asked for one by one.
    pub fn expect(&self, files: impl FnOnce() -> Vec<PathBuf>) {
        if let Some(state) = &self.shared.state {
            state.expect(files());
        }
    }

    /// Hashes one file, of which `meta` is what the system just said.
    ///
    /// # Errors
    /// As [`Hasher::files`].
    pub fn file(&self, path: PathBuf, meta: &fs::Metadata, algo: &Algo) -> Result<HashedFile, Error> {
        if !meta.is_file() {
            return Err(Error::NotFileOrDir { path });
        }
        let state = State::of(meta);
        let md5 = self.shared.known(&path, algo, state).or_else(|| self.shared.recall_one(&path, algo, state));
        let is_open = md5.is_none();
        let answer = HashedFile { path, md5: md5.unwrap_or_default(), stamp: state.stamp, isexec: os::is_exec(meta) };
        if is_open { Ok(self.hash(vec![(0, state)], vec![answer], algo)?.remove(0)) } else { Ok(answer) }
    }

    /// Hashes files; the answers stand in the order of the paths.
    ///
    /// # Errors
    /// The first file that is missing, unreadable or not a regular file.
    pub fn files(&self, paths: Vec<PathBuf>, algo: &Algo) -> Result<Vec<HashedFile>, Error> {
        // What is still open gets its hash below.
        let mut answers: Vec<HashedFile> = Vec::with_capacity(paths.len());
        let mut open = Vec::with_capacity(paths.len());
        for path in paths {
            let (state, isexec) = look(&path)?;
            open.push((answers.len(), state));
            answers.push(HashedFile { path, md5: String::new(), stamp: state.stamp, isexec });
        }
        self.shared.remind(&mut open, &mut answers, algo);
        self.shared.recall(&mut open, &mut answers, algo);
        self.hash(open, answers, algo)
    }

    /// Reads the files that are still open, and fills in their answers.
    fn hash(&self, open: Vec<(usize, State)>, mut answers: Vec<HashedFile>, algo: &Algo) -> Result<Vec<HashedFile>, Error> {
        let open: Vec<Open> = open.into_iter().map(|(index, state)| (index, answers[index].path.clone(), state)).collect();
        let shared = Arc::clone(&self.shared);
        let algo = algo.clone();
        let _span = (!open.is_empty()).then(|| span("hash", || format!("{} files", open.len())));
        let groups = self.groups(open);
        let bytes = |group: &Vec<Open>| group.iter().map(|(_, _, state)| state.stamp.size).sum();
        let mut hashed: Vec<_> = self.each(groups, bytes, move |group| shared.hash(group, &algo)).into_iter().flatten().collect();
        // Of several failures the first file's is told.
        hashed.sort_unstable_by_key(|(index, _)| *index);
        for (index, file) in hashed {
            answers[index] = file?;
        }
        Ok(answers)
    }

    /// Whether a file's hash is not known without reading it. Where that is so for a large file, it is
    /// old enough afterwards for its state to tell it from any later one.
    ///
    /// # Errors
    /// It is missing, or not a regular file.
    pub(super) fn must_read(&self, path: &Path, algo: &Algo) -> Result<bool, Error> {
        let (state, _) = look(path)?;
        if self.shared.known(path, algo, state).is_some() {
            return Ok(false);
        }
        if is_young(state) {
            std::thread::sleep(RACY);
        }
        Ok(true)
    }

    /// Puts together what is hashed together: small files as many as make a piece of work, large
    /// ones as many as leave something for each thread.
    fn groups(&self, open: Vec<Open>) -> Vec<Vec<Open>> {
        let (large, small): (Vec<Open>, Vec<Open>) = open.into_iter().partition(|(_, _, state)| state.stamp.size > PIECE_BYTES);
        let mut groups: Vec<Vec<Open>> = cut(small, |(_, _, state)| state.stamp.size).into_iter().map(|(_, group)| group).collect();
        let most = large.len().div_ceil(self.pool.current_num_threads()).clamp(1, md5::at_once());
        let mut large = large.into_iter().peekable();
        while large.peek().is_some() {
            groups.push(large.by_ref().take(most).collect());
        }
        groups
    }

    /// Does a piece of leaf work for each item; the answers stand in the order of the items.
    /// `size` tells how many bytes an item is about, so that small ones travel together.
    /// The caller waits; it must not be a thread of this pool.
    pub fn each<T, R>(&self, items: Vec<T>, size: impl Fn(&T) -> u64, work: impl Fn(T) -> R + Send + Sync + 'static) -> Vec<R>
    where
        T: Send + 'static,
        R: Send + 'static,
    {
        let pieces = cut(items, size);
        if pieces.len() <= 1 {
            // One small piece costs less than the way to another thread.
            let small = pieces.first().is_none_or(|(bytes, _)| *bytes < PIECE_BYTES);
            if small {
                return pieces.into_iter().flat_map(|(_, items)| items).map(work).collect();
            }
        }
        let work = Arc::new(work);
        let (sender, receiver) = mpsc::channel();
        let total = pieces.len();
        let mut waiting = pieces.into_iter().map(|(_, items)| items).enumerate();
        let mut send_next = || {
            if let Some((index, items)) = waiting.next() {
                let (sender, work) = (sender.clone(), Arc::clone(&work));
                self.pool.spawn(move || {
                    let answers = catch_unwind(AssertUnwindSafe(|| items.into_iter().map(|item| work(item)).collect::<Vec<R>>()));
                    // Only a caller that has panicked is no longer listening.
                    let _ = sender.send((index, answers));
                });
            }
        };
        for _ in 0..self.pool.current_num_threads() {
            send_next();
        }
        let mut answers: Vec<Option<Vec<R>>> = (0..total).map(|_| None).collect();
        let mut panic: Option<Box<dyn Any + Send>> = None;
        for _ in 0..total {
            let (index, result) = receiver.recv().expect("this function holds a sender itself");
            send_next();
            match result {
                Ok(piece) => answers[index] = Some(piece),
                Err(cause) => panic = Some(cause),
            }
        }
        if let Some(cause) = panic {
            resume_unwind(cause);
        }
        answers.into_iter().flatten().flatten().collect()
    }

    /// Remembers the hash of a file that was just written with known content.
    pub fn learn(&self, path: &Path, algo: &Algo, md5: &str) {
        if let Ok((state, _)) = look(path) {
            self.shared.remember(path, algo, state, md5);
            self.shared.note(path, algo, state, md5, Trust::Placed);
        }
    }

    /// Remembers the hash of a file that has kept its content and changed its mode or names.
    pub fn relearn(&self, file: &HashedFile, algo: &Algo) {
        if let Ok((state, _)) = look(&file.path)
            && state.stamp == file.stamp
        {
            self.shared.remember(&file.path, algo, state, &file.md5);
        }
    }

    /// Remembers that an output was placed, and how it is now; `look` tells that.
    pub fn note_placed(&self, path: &RepoPath, look: impl FnOnce() -> Option<Placed>) {
        if let Some(state) = &self.shared.state
            && let Some(placed) = look()
        {
            state.note_placed(path.to_string(), placed);
        }
    }

    /// Writes down what was hashed and placed, for later runs and for DVC. What was wrong with that is told
    /// in words: it is never a failure.
    pub fn settle(&self) -> Vec<String> {
        let Some(state) = &self.shared.state else { return Vec::new() };
        state.flush();
        state.take_remarks()
    }
}

impl Shared {
    fn memory(&self, algo: &Algo) -> MutexGuard<'_, Memory> {
        let memory = if matches!(algo, Algo::Md5Dos2Unix) { &self.legacy } else { &self.memory };
        // The map is whole between any two operations, so a panic elsewhere does not spoil it.
        memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, path: &Path, algo: &Algo, state: State) -> Option<String> {
        let memory = self.memory(algo);
        let (old, md5) = memory.get(path.as_os_str())?;
        (*old == state).then(|| md5.clone())
    }

    /// For each open file that the memory knows: fills in the answer, and closes it.
    fn remind(&self, open: &mut Vec<(usize, State)>, answers: &mut [HashedFile], algo: &Algo) {
        let memory = self.memory(algo);
        open.retain(|(index, state)| {
            let answer = &mut answers[*index];
            let known = memory.get(answer.path.as_os_str()).filter(|(old, _)| old == state);
            known.is_none_or(|(_, md5)| {
                answer.md5.clone_from(md5);
                false
            })
        });
    }

    fn remember(&self, path: &Path, algo: &Algo, state: State, md5: &str) {
        self.memory(algo).insert(path.as_os_str().to_owned(), (state, md5.to_owned()));
    }

    /// For each open file that the database knows: fills in the answer, and closes it.
    fn recall(&self, open: &mut Vec<(usize, State)>, answers: &mut [HashedFile], algo: &Algo) {
        let Some(db) = &self.state else { return };
        let old = |state: State| state.noted < db.since();
        let asked: Vec<(&Path, Stamp)> =
            open.iter().filter(|(_, state)| old(*state)).map(|(index, state)| (answers[*index].path.as_path(), state.stamp)).collect();
        if asked.is_empty() {
            return;
        }
        let mut found = db.recall(&asked, algo).into_iter();
        let mut memory = self.memory(algo);
        memory.reserve(found.len());
        open.retain(|(index, state)| {
            let known = if old(*state) { found.next().flatten() } else { None };
            let Some(md5) = known else { return true };
            let answer = &mut answers[*index];
            memory.insert(answer.path.as_os_str().to_owned(), (*state, md5.clone()));
            answer.md5 = md5;
            false
        });
    }

    /// The same for one file.
    fn recall_one(&self, path: &Path, algo: &Algo, state: State) -> Option<String> {
        let db = self.state.as_ref().filter(|db| state.noted < db.since())?;
        let md5 = db.recall(&[(path, state.stamp)], algo).pop().flatten()?;
        self.remember(path, algo, state, &md5);
        Some(md5)
    }

    fn note(&self, path: &Path, algo: &Algo, state: State, md5: &str, trust: Trust) {
        if let Some(db) = &self.state {
            db.note(path, Note { stamp: state.stamp, noted: state.noted, algo: algo.clone(), md5: md5.to_owned(), trust });
        }
    }

    /// Hashes files together.
    fn hash(&self, group: Vec<Open>, algo: &Algo) -> Vec<(usize, Result<HashedFile, Error>)> {
        let looks: Vec<_> = group.iter().map(|(_, path, _)| self.look_well(path)).collect();
        let found: Vec<&Path> = group.iter().zip(&looks).filter(|(_, look)| look.is_ok()).map(|((_, path, _), _)| path.as_path()).collect();
        let mut hashes = md5::of_files(&found, algo).into_iter();
        let mut answer = |path: PathBuf, look: Result<(State, bool, bool), Error>| {
            let (state, isexec, settled) = look?;
            let md5 = hashes.next().expect("a hash for each file that is there").map_err(Error::io("hash", &path))?;
            self.learn(&path, algo, state, settled, &md5);
            Ok(HashedFile { path, md5, stamp: state.stamp, isexec })
        };
        group.into_iter().zip(looks).map(|((index, path, _), look)| (index, answer(path, look))).collect()
    }

    /// The state of a file before it is hashed, and whether it is old enough for that to be told
    /// from any later one.
    fn look_well(&self, path: &Path) -> Result<(State, bool, bool), Error> {
        let (mut state, mut isexec) = look(path)?;
        if state.stamp.size > LARGE
            && let Some(hear) = &self.on_large
        {
            hear(path);
        }
        if is_young(state) {
            std::thread::sleep(RACY);
            (state, isexec) = look(path)?;
        }
        Ok((state, isexec, os::age(state.noted) >= RACY))
    }

    /// Remembers a hash, if the file is still as it was before.
    fn learn(&self, path: &Path, algo: &Algo, state: State, settled: bool, md5: &str) {
        if look(path).is_ok_and(|(now, _)| now == state) {
            if settled {
                self.remember(path, algo, state, md5);
            }
            self.note(path, algo, state, md5, if settled { Trust::Settled } else { Trust::Fresh });
        }
    }
}

/// Whether a large file may still change without a new time stamp.
fn is_young(state: State) -> bool {
    state.stamp.size >= WORTH_WAITING && os::age(state.noted) < RACY
}

/// The state of a regular file; symbolic links are followed.
fn look(path: &Path) -> Result<(State, bool), Error> {
    let meta = fs::metadata(path).map_err(Error::io("look at", path))?;
    // Reading from a pipe or a device might never end.
    if !meta.is_file() {
        return Err(Error::NotFileOrDir { path: path.to_path_buf() });
    }
    Ok((State::of(&meta), os::is_exec(&meta)))
}

/// Cuts a batch into pieces of limited size, with their sizes.
fn cut<T>(items: Vec<T>, size: impl Fn(&T) -> u64) -> Vec<(u64, Vec<T>)> {
    let mut pieces: Vec<(u64, Vec<T>)> = Vec::new();
    for item in items {
        let bytes = size(&item);
        match pieces.last_mut() {
            Some((sum, piece)) if *sum + bytes <= PIECE_BYTES && piece.len() < PIECE_FILES => {
                *sum += bytes;
                piece.push(item);
            }
            _ => pieces.push((bytes, vec![item])),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn answers_keep_the_order() {
        let hasher = Hasher::new(3, None).unwrap();
        let answers = hasher.each((0..1000).collect(), |_| PIECE_BYTES / 3, |number: u32| number * 2);
        assert_eq!(answers, (0..1000).map(|number| number * 2).collect::<Vec<_>>());
        assert!(hasher.each(Vec::<u8>::new(), |_| 0, |byte| byte).is_empty());
    }

    #[test]
    fn large_files_are_hashed_together_and_on_all_threads() {
        let hasher = Hasher::new(2, None).unwrap();
        let open = |size: u64| {
            let stamp = Stamp { dev: 0, ino: 0, mtime: 0, size };
            (0, PathBuf::new(), State { stamp, noted: 0 })
        };
        let sizes = |open: Vec<Open>| hasher.groups(open).iter().map(Vec::len).collect::<Vec<_>>();
        let large = |count: usize| (0..count).map(|_| open(PIECE_BYTES + 1)).collect::<Vec<_>>();
        assert_eq!(sizes(large(1)), [1]);
        assert_eq!(sizes(large(3)), if md5::at_once() > 1 { vec![2, 1] } else { vec![1; 3] });
        assert_eq!(sizes(large(64)), vec![md5::at_once(); 64 / md5::at_once()]);
        assert_eq!(sizes((0..130).map(|_| open(10)).chain(large(1)).collect()), [64, 64, 2, 1]);
    }

    #[test]
    fn a_single_file_need_not_wait_for_a_batch() {
        let hasher = Arc::new(Hasher::new(2, None).unwrap());
        let busy = Arc::clone(&hasher);
        let slow = |_: u32| std::thread::sleep(Duration::from_millis(10));
        let batch = std::thread::spawn(move || busy.each((0..200).collect(), |_| PIECE_BYTES, slow));
        std::thread::sleep(Duration::from_millis(50));
        let start = std::time::Instant::now();
        hasher.each(vec![0], |_| PIECE_BYTES, slow);
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
        batch.join().unwrap();
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
        let hasher = Hasher::new(2, None).unwrap();
        let result = catch_unwind(AssertUnwindSafe(|| hasher.each((0..8).collect(), |_| PIECE_BYTES, |number: u32| assert!(number != 3))));
        assert!(result.is_err());
        assert_eq!(hasher.each(vec![1, 2], |_| PIECE_BYTES, |number: u32| number), [1, 2]);
    }

    #[test]
    fn remembers_until_the_file_changes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "one").unwrap();
        std::thread::sleep(RACY + Duration::from_millis(5));
        let hasher = Hasher::new(1, None).unwrap();
        let first = hasher.files(vec![path.clone()], &Algo::Md5).unwrap();
        assert_eq!(first[0].md5, md5::of_bytes(b"one"));
        assert_eq!(hasher.shared.memory(&Algo::Md5).len(), 1);
        assert_eq!(hasher.files(vec![path.clone()], &Algo::Md5).unwrap(), first);
        fs::write(&path, "two").unwrap();
        assert_eq!(hasher.files(vec![path], &Algo::Md5).unwrap()[0].md5, md5::of_bytes(b"two"));
    }

    #[test]
    fn a_change_that_keeps_size_and_time_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let old = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let write = |text: &str| {
            fs::write(&path, text).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
            std::thread::sleep(RACY + Duration::from_millis(5));
        };
        let hasher = Hasher::new(1, None).unwrap();
        write("one");
        assert_eq!(hasher.files(vec![path.clone()], &Algo::Md5).unwrap()[0].md5, md5::of_bytes(b"one"));
        write("two");
        assert_eq!(hasher.files(vec![path.clone()], &Algo::Md5).unwrap()[0].md5, md5::of_bytes(b"two"));
    }

    /// Rows know the time of the content alone, which a file that is made anew may share.
    #[test]
    fn what_changed_in_this_run_is_not_looked_up() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let old = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let write = |text: &str| {
            fs::write(&path, text).unwrap();
            fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
            std::thread::sleep(RACY + Duration::from_millis(5));
        };
        let run = || Hasher::remembering(1, None, Some(StateDb::new(dir.path()))).unwrap();
        let hash = |hasher: &Hasher| hasher.files(vec![path.clone()], &Algo::Md5).unwrap().remove(0).md5;
        write("one");
        let (first, one) = (run(), md5::of_bytes(b"one"));
        assert_eq!(hash(&first), one);
        assert_eq!(first.settle(), Vec::<String>::new());
        // Only the row can say so.
        let (stamp, second) = (look(&path).unwrap().0.stamp, run());
        assert_eq!(StateDb::new(dir.path()).recall(&[(&path, stamp)], &Algo::Md5), [Some(one)]);
        write("two");
        assert_eq!(look(&path).unwrap().0.stamp, stamp);
        assert_eq!(hash(&second), md5::of_bytes(b"two"));
        second.settle();
        assert_eq!(StateDb::new(dir.path()).recall(&[(&path, stamp)], &Algo::Md5), [Some(md5::of_bytes(b"two"))]);
    }

    #[test]
    fn what_cannot_be_hashed_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let hasher = Hasher::new(1, None).unwrap();
        let missing = dir.path().join("no");
        assert!(hasher.files(vec![missing], &Algo::Md5).unwrap_err().is_missing());
        let error = hasher.files(vec![dir.path().to_path_buf()], &Algo::Md5).unwrap_err();
        assert!(matches!(error, Error::NotFileOrDir { .. }));
    }
}
