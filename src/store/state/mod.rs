//! DVC's memory of hashes: what was hashed once, by DVC or here, is not hashed again.
//!
//! DVC keeps a row for each file in an `SQLite` database of the machine's site cache: path, a
//! checksum over (inode, time, size), and the hash (dvc_data: `hashfile/state.py`). A row counts
//! only while the checksum fits. The database is a help and never a condition: whatever is wrong
//! with it costs a remark ([`StateDb::take_remarks`]) and some hashing. Nothing is opened before the
//! first question, nothing is made before the first row, and rows are written by a thread of
//! their own, so that no stage waits for another process that holds the database.

mod db;
pub mod links;
mod row;
mod writer;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;

use super::os::{self, RACY, Stamp};
use crate::model::Algo;
use db::Reader;
use links::{LinkDb, Placed};
pub use row::token;
use writer::{News, Writer};

/// How many rows are read at once: so long does a question of another stage wait.
const READ_AT_ONCE: usize = 512;

/// How much a row may be believed that is to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// The file had not changed for a while when it was read, nor while it was.
    Settled,
    /// The file was so young that it might have changed without a new time stamp.
    Fresh,
    /// The file was just placed with known content.
    Placed,
}

/// A hash that is to be remembered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    /// The state of the file.
    pub stamp: Stamp,
    /// When the system noted its last change.
    pub noted: i128,
    /// How it was hashed.
    pub algo: Algo,
    /// The hash.
    pub md5: String,
    /// What the row is worth.
    pub trust: Trust,
}

/// The database of one repository, opened when it is needed.
#[derive(Debug)]
pub struct StateDb {
    file: PathBuf,
    links: LinkDb,
    since: i128,
    reader: Mutex<Opened>,
    /// Rows that were read before they were asked for.
    early: Mutex<HashMap<OsString, Option<String>, RandomState>>,
    writer: Mutex<Option<Writer>>,
    remarks: Remarks,
}

#[derive(Debug)]
enum Opened {
    NotYet,
    Here(Reader),
    /// There is none, or it cannot be read.
    Never,
}

/// What those who look for a fault should know.
#[derive(Clone, Debug, Default)]
pub(super) struct Remarks(Arc<Mutex<Vec<String>>>);

impl Remarks {
    pub(super) fn add(&self, file: &Path, error: impl std::fmt::Display) {
        self.say(format!("the state database '{}' is not used: {error}", file.display()));
    }

    pub(super) fn say(&self, text: String) {
        hold(&self.0).push(text);
    }
}

/// No change that a panic cuts short leaves one of these behind half made.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl StateDb {
    /// The database below a repository's directory in the site cache (`<site>/repo/<token>`).
    pub fn new(dir: &Path) -> Self {
        let file = dir.join("hashes/local/cache.db");
        Self {
            file,
            links: LinkDb::new(dir),
            since: os::now() - i128::from(RACY.subsec_nanos()),
            reader: Mutex::new(Opened::NotYet),
            early: Mutex::default(),
            writer: Mutex::default(),
            remarks: Remarks::default(),
        }
    }

    /// Files that changed later than this should not be asked for: a row that seems to fit would
    /// be one of what was there before, unless another process has written it just now.
    pub fn since(&self) -> i128 {
        self.since
    }

    /// Reads the rows of files that will be asked for one by one, together: that costs a fraction.
    pub fn expect(&self, mut files: Vec<PathBuf>) {
        // As bytes: to compare and to hash the parts of paths would cost more than the rows.
        files.sort_unstable_by(|one, other| one.as_os_str().cmp(other.as_os_str()));
        files.dedup_by(|one, other| one.as_os_str() == other.as_os_str());
        let rows = self.rows(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        hold(&self.early).extend(files.into_iter().map(PathBuf::into_os_string).zip(rows));
    }

    /// The hashes known for files in this state, in their order.
    pub fn recall(&self, files: &[(&Path, Stamp)], algo: &Algo) -> Vec<Option<String>> {
        let mut rows = self.take_early(files);
        let open: Vec<&Path> = rows.iter().zip(files).filter(|(row, _)| row.is_none()).map(|(_, (path, _))| *path).collect();
        let read = self.rows(&open);
        rows.iter_mut().filter(|row| row.is_none()).zip(read).for_each(|(row, read)| *row = Some(read));
        rows.into_iter().zip(files).map(|(row, (_, stamp))| row::hash_in(&row.flatten()?, *stamp, algo)).collect()
    }

    /// Those rows that were read before, each given away once.
    fn take_early(&self, files: &[(&Path, Stamp)]) -> Vec<Option<Option<String>>> {
        let mut early = hold(&self.early);
        if early.is_empty() {
            return vec![None; files.len()];
        }
        files.iter().map(|(path, _)| early.remove(path.as_os_str())).collect()
    }

    /// The rows of files, in their order; none where there is no row, or no database.
    fn rows(&self, files: &[&Path]) -> Vec<Option<String>> {
        let mut found = Vec::with_capacity(files.len());
        for some in files.chunks(READ_AT_ONCE) {
            let mut opened = hold(&self.reader);
            if matches!(*opened, Opened::NotYet) {
                *opened = self.open();
            }
            let Opened::Here(reader) = &*opened else { break };
            match reader.rows(some) {
                Ok(rows) => found.extend(rows),
                Err(error) => {
                    self.remarks.add(&self.file, error);
                    *opened = Opened::Never;
                }
            }
        }
        found.resize(files.len(), None);
        found
    }

    fn open(&self) -> Opened {
        // Most of the time that tells of a new repository: no remark.
        if !self.file.exists() {
            return Opened::Never;
        }
        Reader::open(&self.file).map_or_else(
            |error| {
                self.remarks.add(&self.file, error);
                Opened::Never
            },
            Opened::Here,
        )
    }

    /// Remembers the hash of a file for later runs and for DVC.
    pub fn note(&self, path: &Path, note: Note) {
        self.tell(News::Hash(path.to_path_buf(), note));
    }

    /// Remembers how an output (its path below the root) was when it was placed.
    pub fn note_placed(&self, path: String, placed: Placed) {
        self.tell(News::Link(path, placed));
    }

    fn tell(&self, news: News) {
        let mut writer = hold(&self.writer);
        writer.get_or_insert_with(|| Writer::start(self.file.clone(), self.links.clone(), self.remarks.clone())).send(news);
    }

    /// Writes what is not written yet.
    pub fn flush(&self) {
        // Without its writer the next note starts a new one.
        drop(hold(&self.writer).take());
    }

    /// What went wrong since the last question.
    pub fn take_remarks(&self) -> Vec<String> {
        std::mem::take(&mut hold(&self.remarks.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::md5;
    use std::fs;

    struct World {
        dir: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            Self { dir: tempfile::tempdir().unwrap() }
        }

        fn state(&self) -> StateDb {
            StateDb::new(&self.site())
        }

        fn site(&self) -> PathBuf {
            self.dir.path().join("site/repo/token")
        }

        fn file(&self, name: &str, text: &str) -> (PathBuf, Stamp) {
            let path = self.dir.path().join(name);
            fs::write(&path, text).unwrap();
            let stamp = Stamp::of(&fs::metadata(&path).unwrap());
            (path, stamp)
        }

        /// Notes a file with this text as its hash, which shows where it comes from.
        fn note(&self, state: &StateDb, name: &str, text: &str, trust: Trust) -> (PathBuf, Stamp) {
            let (path, stamp) = self.file(name, text);
            state.note(&path, noted(stamp, Algo::Md5, text, trust));
            (path, stamp)
        }
    }

    fn noted(stamp: Stamp, algo: Algo, text: &str, trust: Trust) -> Note {
        Note { stamp, noted: os::now(), algo, md5: md5::of_bytes(text.as_bytes()), trust }
    }

    fn recall(state: &StateDb, file: &(PathBuf, Stamp)) -> Option<String> {
        state.recall(&[(&file.0, file.1)], &Algo::Md5).remove(0)
    }

    #[test]
    fn what_one_run_notes_the_next_one_knows() {
        let world = World::new();
        let state = world.state();
        let one = world.note(&state, "one", "1", Trust::Settled);
        let two = world.note(&state, "two", "2", Trust::Fresh);
        let three = world.note(&state, "three", "3", Trust::Placed);
        state.flush();
        assert_eq!(state.take_remarks(), Vec::<String>::new());
        let state = world.state();
        let other = Stamp { ino: 1, ..one.1 };
        let asked: Vec<(&Path, Stamp)> =
            vec![(&one.0, one.1), (&one.0, other), (&two.0, two.1), (Path::new("/no"), one.1), (&three.0, three.1)];
        let found = state.recall(&asked, &Algo::Md5);
        let hash = |text: &[u8]| Some(md5::of_bytes(text));
        assert_eq!(found, [hash(b"1"), None, hash(b"2"), None, hash(b"3")]);
        assert_eq!(state.recall(&asked[..1], &Algo::Md5Dos2Unix), [None]);
    }

    #[test]
    fn many_files_are_asked_for_in_any_order() {
        let world = World::new();
        let state = world.state();
        let files: Vec<_> =
            (0..1500).map(|number| world.note(&state, &format!("f{number}"), &number.to_string(), Trust::Settled)).collect();
        state.flush();
        for reverse in [false, true] {
            let mut asked: Vec<(&Path, Stamp)> = files.iter().map(|(path, stamp)| (path.as_path(), *stamp)).collect();
            let mut want: Vec<_> = (0..1500).map(|number| Some(md5::of_bytes(number.to_string().as_bytes()))).collect();
            if reverse {
                asked.reverse();
                want.reverse();
            }
            assert_eq!(world.state().recall(&asked, &Algo::Md5), want);
        }
    }

    #[test]
    fn what_was_expected_is_read_once() {
        let world = World::new();
        let state = world.state();
        let one = world.note(&state, "one", "1", Trust::Settled);
        let two = world.note(&state, "two", "2", Trust::Settled);
        state.flush();
        let state = world.state();
        state.expect(vec![two.0.clone(), PathBuf::from("/no"), one.0.clone()]);
        fs::remove_dir_all(world.dir.path().join("site")).unwrap();
        *hold(&state.reader) = Opened::Never;
        let asked: Vec<(&Path, Stamp)> = vec![(&one.0, one.1), (Path::new("/no"), one.1), (&two.0, one.1)];
        assert_eq!(state.recall(&asked, &Algo::Md5), [Some(md5::of_bytes(b"1")), None, None], "the last has another state");
        assert_eq!(recall(&state, &one), None, "it was given away");
    }

    #[test]
    fn a_file_that_changed_within_a_tick_is_not_noted() {
        let world = World::new();
        let state = world.state();
        let (path, stamp) = world.note(&state, "f", "1", Trust::Fresh);
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        let kept = world.note(&state, "g", "1", Trust::Fresh);
        let gone = world.note(&state, "h", "1", Trust::Placed);
        fs::remove_file(&gone.0).unwrap();
        // The same inode, size and time, but another content.
        fs::write(&path, "2").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_eq!(Stamp::of(&fs::metadata(&path).unwrap()), stamp);
        state.flush();
        assert_eq!(recall(&state, &(path, stamp)), None);
        assert!(recall(&state, &kept).is_some());
        assert_eq!(recall(&state, &gone), None);
    }

    #[test]
    fn the_last_note_on_a_file_counts() {
        let world = World::new();
        let state = world.state();
        let file = world.note(&state, "f", "1", Trust::Settled);
        state.note(&file.0, noted(file.1, Algo::Md5Dos2Unix, "x", Trust::Settled));
        state.flush();
        assert_eq!(world.state().recall(&[(&file.0, file.1)], &Algo::Md5Dos2Unix), [Some(md5::of_bytes(b"x"))]);
        state.note(&file.0, noted(file.1, Algo::Md5, "1", Trust::Settled));
        state.flush();
        assert_eq!(recall(&world.state(), &file), Some(md5::of_bytes(b"1")));
    }

    #[test]
    fn a_database_that_is_none_costs_a_remark_only() {
        let world = World::new();
        let file = world.file("f", "1");
        let db = world.site().join("hashes/local/cache.db");
        fs::create_dir_all(db.parent().unwrap()).unwrap();
        fs::write(&db, "this is not a database, but longer than the head of one would be: ".repeat(100)).unwrap();
        let state = world.state();
        assert_eq!(recall(&state, &file), None);
        state.note(&file.0, noted(file.1, Algo::Md5, "x", Trust::Settled));
        state.flush();
        let remarks = state.take_remarks();
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].contains("file is not a database"), "{remarks:?}");
        assert!(fs::read_to_string(&db).unwrap().starts_with("this is not"));
        fs::remove_dir_all(world.dir.path().join("site")).unwrap();
        fs::write(world.dir.path().join("site"), "in the way").unwrap();
        let state = world.state();
        assert_eq!(recall(&state, &file), None);
        state.note(&file.0, noted(file.1, Algo::Md5, "x", Trust::Settled));
        state.flush();
        assert_eq!(state.take_remarks().len(), 1);
    }

    #[test]
    fn looking_leaves_no_traces_and_noting_makes_dvcs_directories() {
        let world = World::new();
        let state = world.state();
        let file = world.file("f", "1");
        assert_eq!(recall(&state, &file), None);
        state.flush();
        assert!(!world.dir.path().join("site").exists());
        state.note(&file.0, noted(file.1, Algo::Md5, "x", Trust::Settled));
        state.flush();
        let mode = |name: &str| os::mode(&fs::metadata(world.dir.path().join(name)).unwrap());
        assert_eq!((mode("site"), mode("site/repo")), (0o777, 0o777));
        assert_eq!(mode("site/repo/token"), 0o777 & !os::umask());
        assert_eq!(mode("site/repo/token/hashes/local"), 0o755 & !os::umask());
        let left: Vec<_> = fs::read_dir(world.site().join("hashes/local")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["cache.db"]);
    }

    #[test]
    fn writers_wait_for_each_other() {
        let world = World::new();
        let files: Vec<_> = (0..40).map(|number| world.file(&format!("f{number}"), "x")).collect();
        std::thread::scope(|scope| {
            for part in files.chunks(10) {
                let world = &world;
                scope.spawn(move || {
                    for (path, stamp) in part {
                        let state = world.state();
                        state.note(path, noted(*stamp, Algo::Md5, "x", Trust::Settled));
                        state.flush();
                        assert_eq!(state.take_remarks(), Vec::<String>::new());
                    }
                });
            }
        });
        let state = world.state();
        assert!(files.iter().all(|file| recall(&state, file).is_some()));
    }
}
