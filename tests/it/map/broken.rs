//! What is bad from without: full disks, odd names, stops at any moment. There is a clear message, and no partial result.

use std::os::unix::ffi::OsStringExt as _;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::support::program;
use crate::support::project::Project;
use crate::support::ran::Ran;
use crate::support::small_disk::SmallDisk;

/// So many rows.
fn rows(count: usize) -> String {
    (0..count).map(|row| format!("row {row}\n")).collect()
}

#[test]
fn a_full_disk_below_the_result_leaves_the_old_one() {
    let place = Place::new().with("t.txt", rows(10_000)).with("o.txt", "old\n");
    // Larger files than this cannot be written; partitions are small, the result is not.
    let limited = "trap '' XFSZ; ulimit -f 40; exec \"$0\" map --in t.txt --size 1000 --out o.txt -- cat";
    let mut command = place.command(&[]);
    let mut shell = place.scratch.command("sh");
    shell.current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-c", limited]).arg(program::path());
    Ran::of(&mut shell).exits(255).complains("cannot write").complains("o.txt': File too large");
    assert_eq!(place.read("o.txt"), "old\n");
    assert_eq!(std::fs::read_dir(place.scratch.work()).unwrap().count(), 2, "something is left beside the result");
    // Standard output that takes nothing.
    command.args(["--in", "t.txt", "--size", "500", "--", "cat"]);
    command.stdin(Stdio::null()).stdout(std::fs::File::options().write(true).open("/dev/full").unwrap()).stderr(Stdio::piped());
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(255) && said.contains("cannot write 'standard output': No space left on device"), "{said}");
}

#[test]
fn a_full_disk_below_the_partitions_is_told() {
    let project = Project::new();
    let Some(_disk) = SmallDisk::at(&project, ".dvc/tmp/paraffin/map", "200k") else { return };
    project.write("t.txt", rows(50_000));
    project.write("o.txt", "old\n");
    let ran = project.run(["map", "--in", "t.txt", "--chunks", "2", "--out", "o.txt", "--", "cat"]);
    ran.exits(255).complains("cannot write").complains("No space left on device");
    assert_eq!(project.read("o.txt"), "old\n");
}

#[test]
fn odd_names_are_names() {
    let place = Place::new();
    let names = ["-n", " a b ", "new\nline", "quote'\"", "{in}", "$(echo x)", "ü", "*"];
    let place = names.iter().fold(place, |place, name| place.with(&format!("d/{name}.txt"), format!("<{name}>\n")));
    let odd = std::ffi::OsString::from_vec(b"d/\xff.txt".to_vec());
    std::fs::write(place.scratch.work().join(&odd), "<bytes>\n").unwrap();
    let all = place.map(&["--in", "d", "--", "cat", "{in}"]).ok().out();
    assert!(names.iter().all(|name| all.contains(&format!("<{name}>\n"))) && all.ends_with("<bytes>\n"), "{all}");
    place.map(&["--in", "d", "--combine", "files", "--out", "copy", "--", "cp", "--", "{in}", "{out}"]).ok();
    let copied = |name: &str| place.read(&format!("copy/{name}.txt"));
    assert!(names.iter().all(|name| copied(name) == format!("<{name}>\n")));
    let worker = "import json,sys\nfor line in sys.stdin: print(json.dumps({'index': json.loads(line)['index'], 'ok': True}), flush=True)";
    let ran = place.map(&["--in", "d", "--persistent", "--jobs", "1", "--keep-going", "--", "python3", "-c", worker]);
    ran.exits(255).complains("is not UTF-8, and cannot be told to a worker");
    // The name of an input that looks like an option, and of a result with a line end.
    let place = place.with("--x.csv", "a\n1\n");
    place.map(&["--in=--x.csv", "--out=o\n.csv", "--", "cat"]).ok();
    assert_eq!(place.read("o\n.csv"), "a\n1\n");
}

#[test]
fn what_cannot_be_written_is_told_before_anything_runs() {
    let place = Place::new().with("t.txt", rows(3)).with("file", "");
    std::fs::create_dir(place.at("dir")).unwrap();
    for (out, why) in [("none/o.txt", "No such file or directory"), ("dir", "is a directory"), ("file/o", "Not a directory")] {
        place.map(&["--in", "t.txt", "--out", out, "--", "sh", "-c", "touch ran"]).exits(255).complains("cannot write").complains(why);
    }
    place.map(&["--in", "t.txt", "--size", "1", "--combine", "files", "--out", "file", "--", "cat"]).exits(255).complains("'file'");
    place.map(&["--in", "t.txt", "--size", "1", "--combine", "files", "--", "cat"]).exits(254).complains("--out DIR");
    assert!(!place.has("ran") && place.read("file").is_empty());
}

#[test]
fn packed_inputs_that_are_damaged_are_told() {
    let place = Place::new().with("t.csv.gz", "no gzip\n").with("t.csv.zst", "no zstd\n");
    place.map(&["--in", "t.csv.gz", "--out", "o", "--", "cat"]).exits(255).complains("cannot read 't.csv.gz'");
    place.map(&["--in", "t.csv.zst", "--out", "o", "--", "cat"]).exits(255).complains("cannot read 't.csv.zst'");
    assert!(!place.has("o"));
    let place = place.with("t.jsonl", b"{\"k\": 1}\n{\"k\": \"\xff\"}\n");
    place.map(&["--in", "t.jsonl", "--out", "o", "--", "cat"]).exits(255).complains("'t.jsonl', line 2: not valid UTF-8");
    let place = place.with("t.jsonl", "{\"k\": 1}\nnonsense\n");
    place.map(&["--in", "t.jsonl", "--by-group", "k", "--out", "o", "--", "cat"]).exits(255).complains("row 2: not JSON");
    let place = place.with("t.tsv", "a\tb\n1\n");
    place.map(&["--in", "t.tsv", "--out", "o", "--", "cat"]).exits(255).complains("'t.tsv', line 2: 1 fields where the first row has 2");
    assert!(!place.has("o"));
}

/// Starts a map, waits until `ready` is there, sends a signal, and waits for its end.
fn stopped(place: &Place, words: &[&str], signal: Signal) -> (Option<i32>, String) {
    let mut command = place.command(words);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !place.has("ready") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
    let mut child = child;
    let stdin = child.stdin.take();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    std::fs::remove_file(place.at("ready")).unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Shell that notes its number and that of a child of its own, and stays.
const STAYS: &str = "sleep 60 & echo $$ $! > pids; touch ready; wait";

/// What noted its number has ended.
fn has_ended(place: &Place, what: &[&str]) {
    for pid in place.read("pids").split_whitespace() {
        // One that nobody has waited for yet has ended too.
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z "), "{what:?}: {stat} goes on");
    }
    std::fs::remove_file(place.at("pids")).unwrap();
}

#[test]
fn a_stop_ends_all_processes_wherever_the_map_is() {
    let place = Place::new().with("t.txt", rows(3)).with("o.txt", "old\n").with("w.sh", format!("read x; {STAYS}"));
    let common = ["--out", "o.txt", "--jobs", "1"];
    for signal in [Signal::INT, Signal::TERM] {
        for words in [
            &["--in", "t.txt", "--", "sh", "-c", STAYS][..],
            &["--in", "t.txt", "--keep-going", "--retries", "9", "--", "sh", "-c", STAYS],
            &["--in", "t.txt", "--persistent", "--", "sh", "w.sh"],
            &["--split-cmd", STAYS, "--", "true"],
            &["--in", "t.txt", "--combine-cmd", STAYS, "--", "cat"],
        ] {
            let (code, said) = stopped(&place, &[&common[..], words].concat(), signal);
            assert!(code == Some(252) && said.contains("interrupted by the user"), "{words:?}: {code:?} {said}");
            has_ended(&place, words);
            assert_eq!(place.read("o.txt"), "old\n");
        }
    }
}

#[test]
fn a_stop_is_heeded_while_nothing_comes() {
    let place = Place::new().with("ready", "");
    for words in [&["--in", "-", "--", "cat"][..], &["--items-file", "-", "--", "true"], &["--in", "-", "--chunks", "2", "--", "cat"]] {
        // Before it has begun to read the signal ends it as it ends any program.
        let (code, said) = stopped(&place, words, Signal::INT);
        assert!(code == Some(252) || code.is_none(), "{words:?}: {code:?} {said}");
        std::fs::write(place.at("ready"), "").unwrap();
    }
}

/// Whatever fails and is killed, the command and the map itself: in the end each row is there once.
#[test]
fn failures_and_kills_lose_and_double_nothing() {
    const COMMAND: &str = "case $(( (SALT * 31 + PARAFFIN_MAP_INDEX * 17 + PARAFFIN_MAP_ATTEMPT * 7) % 6 )) in
        0) head -n 1; exit 1;; 1) head -n 1; kill -9 $$;; 2) sleep 0.02; cat;; 3) cat > {out}; exit 3;; *) cat;; esac";
    let seed = crate::support::number("DVC_PARAFFIN_SEED", u64::from(std::process::id()));
    for case in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed + case);
        let table = random.bool();
        let text = if table {
            format!("a,b\n{}", (0..random.u32(1..60)).map(|row| format!("{row},\"x\ny\"\n")).collect::<String>())
        } else {
            rows(random.usize(1..60))
        };
        let (input, out) = if table { ("t.csv", "o.csv") } else { ("t.txt", "o.txt") };
        let place = Place::new().with(input, &text);
        let size = random.u32(1..9).to_string();
        let (jobs, retries) = (random.u32(1..4).to_string(), random.u32(0..3).to_string());
        let command = COMMAND.replace(" > {out}", "");
        let words =
            ["--in", input, "--size", &size, "--jobs", &jobs, "--retries", &retries, "--resume", "--out", out, "--", "sh", "-c", &command];
        let mut rounds = 0;
        loop {
            rounds += 1;
            assert!(rounds < 200, "seed {seed}: it never ends well");
            let mut run = place.command(&words);
            let mut child =
                run.env("SALT", rounds.to_string()).stdin(Stdio::null()).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
            if rounds % 2 == 1 {
                std::thread::sleep(Duration::from_millis(random.u64(10..120)));
                child.kill().unwrap();
            }
            if child.wait().unwrap().success() {
                break;
            }
            // It may be killed when all is done.
            assert!(!place.has(out) || place.read(out) == text, "seed {seed}: a partial result");
        }
        assert_eq!(place.read(out), text, "seed {seed}, after {rounds} rounds");
    }
}
