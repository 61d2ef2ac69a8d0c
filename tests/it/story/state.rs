//! DVC's memory of hashes, shared with real DVC: what one of the two has hashed, the other does
//! not hash again.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rusqlite::Connection;

use super::chain;
use crate::dvc;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// Runs real DVC and has it name each file that it reads in order to hash it.
const SPY: &str = "
import sys
import dvc_data.hashfile.hash as hashing
hash_file = hashing._hash_file
def spy(path, *rest, **named):
    # The listing of a directory is made in memory, each time.
    if not path.startswith('memory:'):
        print('HASHED', path, file=sys.stderr)
    return hash_file(path, *rest, **named)
hashing._hash_file = spy
from dvc.cli import main
sys.exit(main(sys.argv[1:]))
";

/// What real DVC says, and what it hashes.
fn spied<const N: usize>(project: &Project, arguments: [&str; N]) -> Option<(Ran, Vec<String>)> {
    let program = dvc::get("the state database, shared with DVC")?;
    let python = program.with_file_name("python");
    let ran = Ran::of(project.scratch.command(python).args(["-c", SPY]).args(arguments));
    ran.ok();
    let hashed = ran.err().lines().filter_map(|line| line.strip_prefix("HASHED ")).map(str::to_owned).collect();
    Some((ran, hashed))
}

/// DVC finds everything up to date and hashes nothing. False without DVC.
#[track_caller]
fn dvc_hashes_nothing(project: &Project) -> bool {
    let Some((ran, hashed)) = spied(project, ["status"]) else { return false };
    ran.says("Data and pipelines are up to date.");
    assert_eq!(hashed, Vec::<String>::new());
    true
}

/// The database of the one repository of a test.
fn database(project: &Project) -> PathBuf {
    let repos = project.scratch.top().join("site/repo");
    let mut all: Vec<_> = std::fs::read_dir(&repos).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1, "not one token: {all:?}");
    all.remove(0).join("hashes/local/cache.db")
}

fn texts(connection: &Connection, query: &str) -> Vec<String> {
    connection.prepare(query).unwrap().query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Swaps the hash of one file against another in the database, as if it had that content.
fn forge(project: &Project, path: &str, from: &str, to: &str) {
    let connection = Connection::open(database(project)).unwrap();
    let key = project.at(path);
    let changed =
        connection.execute("UPDATE Cache SET value = replace(value, ?, ?) WHERE key = ?", [from, to, key.to_str().unwrap()]).unwrap();
    assert_eq!(changed, 1);
}

const HELLO: &str = "b1946ac92492d2347c6235b4d2611184";

/// Files and directories that are read, made, made within an instant, and not cached.
fn rich(types: &str) -> Project {
    Project::new()
        .file(".dvc/config", format!("[cache]\n    type = {types}\n"))
        .file("in.txt", "hello\n")
        .file("data/é x", "1")
        .file("data/sub/b", "2")
        .stage("first", |s| s.cmd("mkdir -p d/e && cp in.txt d/a && cp data/sub/b d/e/b && : > d/empty").dep("in.txt").dep("data").out("d"))
        .stage("second", |s| {
            s.cmd("cat d/a > end.txt && echo '{\"m\": 1}' > m.json").dep("d").out("end.txt").field("metrics", "[m.json: {cache: false}]")
        })
        .commit()
}

#[test]
fn after_a_run_dvc_hashes_nothing() {
    for types in ["'reflink,copy'", "copy", "hardlink", "symlink"] {
        let project = rich(types);
        project.repro(["--jobs", "2"]).exits(0);
        if !dvc_hashes_nothing(&project) {
            return;
        }
    }
}

#[test]
fn what_a_check_or_the_cache_told_is_written_down_too() {
    let project = rich("'reflink,copy'");
    project.repro(["--jobs", "2"]).exits(0);
    let Some((ran, hashed)) = spied(&project, ["repro"]) else { return };
    ran.says("Data and pipelines are up to date.");
    assert_eq!(hashed, Vec::<String>::new());
    project.sh("rm -rf d end.txt");
    project.repro([]).exits(0).says("is cached - skipping run, checking out outputs");
    dvc_hashes_nothing(&project);
    let forget = || std::fs::remove_dir_all(project.scratch.top().join("site")).unwrap();
    forget();
    project.repro([]).exits(0).says("didn't change");
    dvc_hashes_nothing(&project);
    // The spy sees what there is to see.
    forget();
    assert!(spied(&project, ["status"]).unwrap().1.len() >= 7);
}

#[test]
fn old_entries_keep_their_old_hash_in_the_database_too() {
    let project = chain();
    project.repro([]).exits(0);
    let lock = project.read("dvc.lock").replace("      hash: md5\n", "");
    project.write("dvc.lock", lock);
    project.sh("mv .dvc/cache/files/md5/* .dvc/cache/");
    project.repro([]).exits(0).says("didn't change");
    dvc_hashes_nothing(&project);
}

#[test]
fn what_dvc_has_hashed_is_not_hashed_again() {
    let project = chain();
    if spied(&project, ["repro"]).is_none() {
        return;
    }
    project.repro([]).exits(0).says("Stage 'first' didn't change").says("Stage 'second' didn't change");
    // Only who believes the row sees a change.
    forge(&project, "in.txt", HELLO, "0123456789abcdef0123456789abcdef");
    project.repro(["--dry", "first"]).exits(0).says("Running stage 'first'");
    forge(&project, "in.txt", "0123456789abcdef0123456789abcdef", HELLO);
    project.repro(["--dry"]).exits(0).says("Stage 'first' didn't change");
    // A row for another state of the file is not believed.
    forge(&project, "in.txt", HELLO, "0123456789abcdef0123456789abcdef");
    project.sh("touch -d @1700000000 in.txt");
    project.repro([]).exits(0).says("Stage 'first' didn't change");
    dvc_hashes_nothing(&project);
}

#[test]
fn they_take_turns() {
    let project = chain();
    for turn in 0..4 {
        project.write("in.txt", format!("turn {turn}\n"));
        if turn % 2 == 0 {
            project.repro([]).exits(0).says("Running stage 'first'");
            if !dvc_hashes_nothing(&project) {
                return;
            }
        } else {
            spied(&project, ["repro"]).unwrap().0.says("Running stage 'first'");
            project.repro([]).exits(0).says("didn't change");
        }
    }
    dvc_hashes_nothing(&project);
}

#[test]
fn both_make_the_same_tables() {
    let (ours, theirs) = (chain(), chain());
    if spied(&theirs, ["repro"]).is_none() {
        return;
    }
    ours.repro([]).exits(0);
    let picture = |project: &Project| {
        let connection = Connection::open(database(project)).unwrap();
        let mut picture = BTreeMap::new();
        picture.insert("tables", texts(&connection, "SELECT type || name || sql FROM sqlite_master WHERE sql IS NOT NULL"));
        // How many rows there are is another matter: DVC keeps some for the cache, too.
        picture.insert("settings", texts(&connection, "SELECT key || '=' || value FROM Settings WHERE key <> 'count' ORDER BY key"));
        for (name, pragma) in [("vacuum", "auto_vacuum"), ("page", "page_size")] {
            picture.insert(name, vec![connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap().to_string()]);
        }
        let work = project.root().to_str().unwrap().to_owned();
        let kind = "SELECT replace(key, '@', '') || raw || typeof(key) || typeof(value) || ifnull(expire_time, '-') || mode || size \
                    FROM Cache WHERE key NOT LIKE '%/.dvc/%' ORDER BY key";
        picture.insert("rows", texts(&connection, kind).into_iter().map(|text| text.replace(&work, "")).collect());
        picture
    };
    assert_eq!(picture(&ours), picture(&theirs));
    dvc_hashes_nothing(&ours);
    let connection = Connection::open(database(&ours)).unwrap();
    let counts = "SELECT (SELECT value FROM Settings WHERE key = 'count') || '=' || count(*) FROM Cache";
    assert_eq!(texts(&connection, counts), ["3=3"]);
}

#[test]
fn many_write_at_once() {
    let mut project = Project::new();
    for number in 0..6 {
        project = project.file(&format!("in{number}"), format!("{number}")).stage(&format!("s{number}"), |s| {
            s.cmd(&format!("cp in{number} out{number}")).dep(&format!("in{number}")).out(&format!("out{number}"))
        });
    }
    let project = project.commit();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let project = &project;
            scope.spawn(move || {
                Ran::of(project.command(project.root()).arg("repro").arg(format!("s{number}"))).exits(0);
            });
        }
    });
    let connection = Connection::open(database(&project)).unwrap();
    assert_eq!(texts(&connection, "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(texts(&connection, "SELECT cast(count(*) AS TEXT) FROM Cache WHERE key NOT LIKE '%/.dvc/%'"), ["12"]);
    drop(connection);
    dvc_hashes_nothing(&project);
}

#[test]
fn without_it_nothing_fails() {
    let project = chain();
    project.repro([]).exits(0);
    let file = database(&project);
    std::fs::write(&file, "no database at all\n".repeat(1000)).unwrap();
    project.write("in.txt", "other\n");
    project.repro(["-v"]).exits(0).says("Running stage 'second'").complains("file is not a database");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("no database"));
    project.write("in.txt", "third\n");
    let quiet = project.repro(["--jobs", "2"]);
    quiet.ok();
    assert!(!quiet.err().contains("database"), "{}", quiet.err());
    // Nor where there is no place for it.
    project.write("in.txt", "fourth\n");
    let mut command = project.command(project.root());
    Ran::of(command.env("DVC_SITE_CACHE_DIR", "/dev/null/site").arg("repro")).exits(0).says("Running stage 'second'");
    assert!(project.has("end.txt"));
}
