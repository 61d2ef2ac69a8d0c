//! The `SQLite` side: opening, the tables as the Python package diskcache 5 makes them, reading
//! and writing of rows. It knows nothing of what the rows say.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, TransactionBehavior, params};
use thiserror::Error;

use super::super::os;
use super::row;

/// How long DVC waits while another process writes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Readers wait for a few instants of a writer only; then it is better to hash.
const READERS_PATIENCE: Duration = Duration::from_secs(2);

const ASK: &str = "SELECT value FROM Cache WHERE key = ? AND raw = 1";
/// dvc_data: `hashfile/cache.py` `set_many`.
const UPSERT: &str = "INSERT INTO Cache( key, raw, store_time, expire_time, access_time, tag, mode, filename, value) \
     VALUES (?, 1, 0, null, 0, null, 1, null, ?) ON CONFLICT(key, raw) DO UPDATE SET value = excluded.value";
/// dvc_data: `hashfile/state.py` `set_link`; the value is a Python object.
const UPSERT_LINK: &str = "INSERT INTO Cache( key, raw, store_time, expire_time, access_time, tag, mode, filename, value) \
     VALUES (?, 1, 0, null, 0, null, 4, null, ?) ON CONFLICT(key, raw) DO UPDATE SET mode = excluded.mode, value = excluded.value";

/// The tables, letter by letter as diskcache writes them: `SQLite` keeps the text.
const SCHEMA: &[&str] = &[
    "CREATE TABLE IF NOT EXISTS Settings ( key TEXT NOT NULL UNIQUE, value)",
    "CREATE TABLE IF NOT EXISTS Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, \
     access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, \
     value BLOB)",
    "CREATE UNIQUE INDEX IF NOT EXISTS Cache_key_raw ON Cache(key, raw)",
    "CREATE INDEX IF NOT EXISTS Cache_expire_time ON Cache (expire_time)",
    "CREATE INDEX IF NOT EXISTS Cache_store_time ON Cache (store_time)",
    "CREATE TRIGGER IF NOT EXISTS Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN UPDATE Settings \
     SET value = value + 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER IF NOT EXISTS Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN UPDATE Settings \
     SET value = value - 1 WHERE key = \"count\"; END",
    "CREATE TRIGGER IF NOT EXISTS Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN UPDATE Settings \
     SET value = value + NEW.size WHERE key = \"size\"; END",
    "CREATE TRIGGER IF NOT EXISTS Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN UPDATE Settings \
     SET value = value + NEW.size - OLD.size WHERE key = \"size\"; END",
    "CREATE TRIGGER IF NOT EXISTS Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN UPDATE Settings \
     SET value = value - OLD.size WHERE key = \"size\"; END",
    "INSERT OR IGNORE INTO Settings VALUES ('count', 0), ('size', 0), ('hits', 0), ('misses', 0), ('statistics', 0), \
     ('tag_index', 0), ('eviction_policy', 'least-recently-stored'), ('size_limit', 1073741824), ('cull_limit', 0), \
     ('sqlite_auto_vacuum', 1), ('sqlite_cache_size', 8192), ('sqlite_journal_mode', 'wal'), ('sqlite_mmap_size', 67108864), \
     ('sqlite_synchronous', 1), ('disk_min_file_size', 32768), ('disk_pickle_protocol', 4)",
];

/// Why the database cannot be used.
#[derive(Debug, Error)]
pub enum DbError {
    /// What `SQLite` says.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// Its directory cannot be made.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A connection that reads.
#[derive(Debug)]
pub struct Reader(Connection);

impl Reader {
    /// Opens what is there.
    pub fn open(file: &Path) -> Result<Self, DbError> {
        Ok(Self(connect(file, false, READERS_PATIENCE)?))
    }

    /// The values for these paths, read in one breath.
    pub fn rows(&self, files: &[&Path]) -> Result<Vec<Option<String>>, DbError> {
        let all = if files.len() > 1 { Some(self.0.unchecked_transaction()?) } else { None };
        let mut ask = self.0.prepare_cached(ASK)?;
        let rows = files.iter().map(|path| match row::key(path) {
            // A value that is no text is not a row of DVC's.
            Some(key) => Ok(ask.query_row([key], |found| Ok(found.get_ref(0)?.as_str().ok().map(str::to_owned))).optional()?.flatten()),
            None => Ok(None),
        });
        let rows: Result<_, rusqlite::Error> = rows.collect();
        drop(all);
        Ok(rows?)
    }

    /// All keys that are texts, with those values that are bytes.
    pub fn all(&self) -> Result<Vec<(String, Vec<u8>)>, DbError> {
        let mut ask = self
            .0
            .prepare("SELECT key, value FROM Cache WHERE raw = 1 AND mode = 4 AND typeof(key) = 'text' AND typeof(value) = 'blob'")?;
        let rows = ask.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// A connection that writes.
#[derive(Debug)]
pub struct Database(Connection);

impl Database {
    /// Opens the database, and makes it first if it is not there.
    pub fn open(file: &Path) -> Result<Self, DbError> {
        make_dirs(file)?;
        let mut connection = connect(file, true, PATIENCE)?;
        if connection.prepare_cached(UPSERT).is_err() {
            make_tables(&mut connection)?;
        }
        connection.pragma_update(None, "synchronous", 1)?;
        Ok(Self(connection))
    }

    /// Writes rows (key and value), all or none.
    pub fn write<'a>(&mut self, rows: impl Iterator<Item = (&'a str, String)>) -> Result<(), DbError> {
        let all = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut upsert = all.prepare_cached(UPSERT)?;
            for (key, value) in rows {
                upsert.execute(params![key, value])?;
            }
        }
        Ok(all.commit()?)
    }

    /// Writes rows whose values are Python objects, and drops others; all or nothing.
    pub fn change(&mut self, rows: &[(String, Vec<u8>)], dropped: &[String]) -> Result<(), DbError> {
        let all = self.0.transaction_with_behavior(TransactionBehavior::Immediate)?;
        {
            let mut drop = all.prepare("DELETE FROM Cache WHERE key = ? AND raw = 1")?;
            for key in dropped {
                drop.execute([key])?;
            }
            let mut upsert = all.prepare(UPSERT_LINK)?;
            for (key, value) in rows {
                upsert.execute(params![key, value])?;
            }
        }
        Ok(all.commit()?)
    }
}

fn connect(file: &Path, create: bool, patience: Duration) -> Result<Connection, DbError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "cache_size", 8192)?;
    connection.pragma_update(None, "mmap_size", 67_108_864)?;
    Ok(connection)
}

/// As DVC makes them: open to all users down to `repo`, then as the umask says.
fn make_dirs(file: &Path) -> io::Result<()> {
    let Some(dir) = file.parent() else { return Ok(()) };
    if dir.is_dir() {
        return Ok(());
    }
    // <site>/repo/<token>/hashes/local
    if let Some(shared) = dir.ancestors().nth(3) {
        os::make_dirs(shared, Some(0o777))?;
    }
    dir.parent().map_or(Ok(()), fs::create_dir_all)?;
    match fs::DirBuilder::new().mode(0o755).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn make_tables(connection: &mut Connection) -> Result<(), DbError> {
    // Both count only before the first table is made, or are there already.
    connection.pragma_update(None, "auto_vacuum", 1)?;
    set_wal(connection)?;
    connection.pragma_update(None, "synchronous", 1)?;
    let all = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for statement in SCHEMA {
        all.execute(statement, [])?;
    }
    Ok(all.commit()?)
}

/// `SQLite` does not always wait by itself when two processes do this at once.
fn set_wal(connection: &Connection) -> Result<(), DbError> {
    let began = std::time::Instant::now();
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) && began.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(1));
            }
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What diskcache 5.6.3 makes, in its order.
    const MADE_BY_DISKCACHE: &[&str] = &[
        "CREATE TABLE Settings ( key TEXT NOT NULL UNIQUE, value)",
        "CREATE TABLE Cache ( rowid INTEGER PRIMARY KEY, key BLOB, raw INTEGER, store_time REAL, expire_time REAL, access_time REAL, access_count INTEGER DEFAULT 0, tag BLOB, size INTEGER DEFAULT 0, mode INTEGER DEFAULT 0, filename TEXT, value BLOB)",
        "CREATE UNIQUE INDEX Cache_key_raw ON Cache(key, raw)",
        "CREATE INDEX Cache_expire_time ON Cache (expire_time)",
        "CREATE INDEX Cache_store_time ON Cache (store_time)",
        "CREATE TRIGGER Settings_count_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value + 1 WHERE key = \"count\"; END",
        "CREATE TRIGGER Settings_count_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value - 1 WHERE key = \"count\"; END",
        "CREATE TRIGGER Settings_size_insert AFTER INSERT ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value + NEW.size WHERE key = \"size\"; END",
        "CREATE TRIGGER Settings_size_update AFTER UPDATE ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value + NEW.size - OLD.size WHERE key = \"size\"; END",
        "CREATE TRIGGER Settings_size_delete AFTER DELETE ON Cache FOR EACH ROW BEGIN UPDATE Settings SET value = value - OLD.size WHERE key = \"size\"; END",
    ];

    #[test]
    fn the_tables_are_diskcaches() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/repo/token/hashes/local/cache.db");
        let mut database = Database::open(&file).unwrap();
        database.write([("/f", "one".to_owned()), ("/g", "two".to_owned())].into_iter()).unwrap();
        database.write([("/f", "three".to_owned())].into_iter()).unwrap();
        drop(database);
        // Opened again, nothing is made anew.
        let connection = Database::open(&file).unwrap().0;
        let texts = |query: &str| -> Vec<String> {
            connection.prepare(query).unwrap().query_map([], |row| row.get(0)).unwrap().map(|text| text.unwrap()).collect()
        };
        assert_eq!(texts("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"), MADE_BY_DISKCACHE);
        let settings = "SELECT key || '=' || value FROM Settings ORDER BY rowid";
        assert_eq!(
            texts(settings).join(" "),
            "count=2 size=0 hits=0 misses=0 statistics=0 tag_index=0 eviction_policy=least-recently-stored size_limit=1073741824 cull_limit=0 sqlite_auto_vacuum=1 sqlite_cache_size=8192 sqlite_journal_mode=wal sqlite_mmap_size=67108864 sqlite_synchronous=1 disk_min_file_size=32768 disk_pickle_protocol=4"
        );
        assert_eq!(texts("SELECT key || raw || mode || value || typeof(value) FROM Cache ORDER BY key"), ["/f11threetext", "/g11twotext"]);
        for (pragma, want) in [("journal_mode", "wal"), ("auto_vacuum", "1"), ("page_size", "4096"), ("encoding", "UTF-8")] {
            let told: String = connection
                .pragma_query_value(None, pragma, |row| row.get::<_, rusqlite::types::Value>(0))
                .map(|value| match value {
                    rusqlite::types::Value::Text(text) => text,
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    other => format!("{other:?}"),
                })
                .unwrap();
            assert_eq!(told, want, "{pragma}");
        }
    }
}
