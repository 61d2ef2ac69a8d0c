//! What fails, what is left then, and how it goes on.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::support::ran::Ran;

const ROWS: &str = "1\n2\n3\n4\n5\n6\n";

#[test]
fn a_partition_that_fails_is_named_with_its_rows_its_words_and_the_way_to_run_it_alone() {
    let place = Place::new().with("t.txt", ROWS).with("o.txt", "old\n");
    let words = ["--in", "t.txt", "--size", "2", "--out", "o.txt", "--jobs", "1", "--", "sh", "-c", "grep -v 4 && ! { echo oops >&2; }"];
    let ran = place.map(&words);
    ran.exits(255).complains("partition 0 (rows 1 to 2) failed: exited with 1\n  | oops\n  log: ").complains("--only 0 -- sh -c 'grep ");
    assert_eq!(place.read("o.txt"), "old\n");
    let words = ["--in", "t.txt", "--size", "2", "--only", "1", "--", "cat"];
    assert_eq!(place.map(&words).ok().out(), "3\n4\n");
    place.map(&["--in", "t.txt", "--only", "1", "--", "cat"]).exits(254).complains("it is not known which rows partition 1 had");
    place.map(&["--in", "t.txt", "--", "no-such-program"]).exits(255).complains("cannot run 'no-such-program'");
    place.map(&["--in", "t.txt", "--size", "9", "--", "true", "{out}"]).exits(255).complains("it succeeded but did not write");
    place.map(&["--in", "t.txt", "--size", "9", "--", "sh", "-c", "kill -SEGV $$"]).exits(255).complains("ended by signal 11");
}

#[test]
fn tries_begin_without_what_the_one_before_left() {
    let place = Place::new().with("t.txt", ROWS);
    let command = "if [ $PARAFFIN_MAP_ATTEMPT = 2 ]; then test ! -e {out} && cp {in} {out}; else echo bad > {out}; exit 1; fi";
    let words = ["--in", "t.txt", "--size", "3", "--retries", "1", "--out", "o.txt", "--json-file", "j", "--", "sh", "-c", command];
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), ROWS);
    assert!(place.read("j").contains("\"attempt\": 2"));
}

#[test]
fn a_try_that_takes_too_long_is_stopped_with_all_that_it_started() {
    let place = Place::new().with("t.txt", "1\n");
    let began = Instant::now();
    let command = "(trap '' TERM; sleep 30; touch late) & wait";
    place
        .map(&["--in", "t.txt", "--timeout", "300ms", "--grace", "200ms", "--", "sh", "-c", command])
        .exits(255)
        .complains("stopped after its timeout of 0.3s");
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(!place.has("late"));
}

#[test]
fn what_fails_may_be_few() {
    let place = Place::new().with("t.txt", ROWS);
    let going = |least: &'static str| {
        let command = "[ $PARAFFIN_MAP_INDEX != 1 ] && cat";
        place.map(&["--in", "t.txt", "--size", "2", "--keep-going", "--min-success", least, "--", "sh", "-c", command])
    };
    let ran = going("0.6");
    assert_eq!(ran.ok().out(), "1\n2\n5\n6\n");
    ran.complains("partition 1 (rows 3 to 4) failed");
    going("0.7").exits(255).complains("1 of 3 partitions failed");
}

#[test]
fn a_broken_run_goes_on_where_it_broke() {
    let place = Place::new().with("t.txt", ROWS);
    let command = "echo $PARAFFIN_MAP_INDEX >> ran; [ -e fixed ] || [ $PARAFFIN_MAP_INDEX != 1 ] || exit 1; cat";
    let words =
        ["--in", "t.txt", "--size", "2", "--jobs", "1", "--out", "o.txt", "--resume", "--json-file", "j", "--", "sh", "-c", command];
    place.map(&words).exits(255);
    std::fs::write(place.at("fixed"), "").unwrap();
    place.map(&words).ok();
    assert_eq!((place.read("o.txt").as_str(), place.read("ran").as_str()), (ROWS, "0\n1\n1\n2\n"));
    assert!(place.read("j").contains("\"resumed\""));
    // All is done: nothing of it is kept.
    place.map(&words).ok();
    assert_eq!(place.read("ran"), "0\n1\n1\n2\n0\n1\n2\n");
    // Other rows are run again.
    std::fs::remove_file(place.at("fixed")).unwrap();
    place.map(&words).exits(255);
    let place = place.with("t.txt", "x\n2\n3\n4\n5\n6\n").with("fixed", "");
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), "x\n2\n3\n4\n5\n6\n");
}

#[test]
fn partitions_of_a_broken_run_keep_their_bounds_whatever_would_be_chosen_now() {
    let rows: String = (0..3000).map(|row| format!("{row}\n")).collect();
    let place = Place::new().with("t.txt", &rows);
    let command = "[ -e fixed ] || ! grep -qx 700 || exit 1; cat";
    let words = ["--in", "t.txt", "--jobs", "1", "--out", "o.txt", "--resume", "--json-file", "j", "--", "sh", "-c"];
    let command = command.replace("! grep -qx 700", "! grep -qx 700 $PARAFFIN_MAP_IN");
    let words = [&words[..], &[&command]].concat();
    let parts = || {
        let answer: serde_json::Value = serde_json::from_str(&place.read("j")).unwrap();
        let part =
            |part: &serde_json::Value| (part["first"].as_u64().unwrap(), part["count"].as_u64().unwrap(), part["status"].to_string());
        answer["partitions"].as_array().unwrap().iter().map(part).collect::<Vec<_>>()
    };
    place.map(&words).exits(255);
    let broken = parts();
    std::fs::write(place.at("fixed"), "").unwrap();
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), rows);
    let done = parts();
    assert!(broken.len() > 1 && done.len() > broken.len(), "{broken:?} {done:?}");
    for (before, after) in broken.iter().zip(&done) {
        assert_eq!((before.0, before.1), (after.0, after.1));
        assert_eq!(after.2 == "\"resumed\"", before.2 == "\"ran\"", "{before:?} {after:?}");
    }
}

#[test]
fn a_part_that_the_disk_has_lost_is_made_again() {
    let place = Place::new().with("t.txt", ROWS);
    let command = "[ -e fixed ] || [ $PARAFFIN_MAP_INDEX != 1 ] || exit 1; cat";
    let words = ["--in", "t.txt", "--size", "2", "--jobs", "1", "--out", "o.txt", "--resume", "--", "sh", "-c", command];
    place.map(&words).exits(255);

    let parts = glob::glob(&format!("{}/**/0.out*", place.scratch.top().display())).unwrap().flatten().collect::<Vec<_>>();
    assert_eq!(parts.len(), 1);
    std::fs::write(&parts[0], "").unwrap();
    std::fs::write(place.at("fixed"), "").unwrap();
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), ROWS);
}

#[test]
fn a_stop_leaves_what_was_there() {
    let place = Place::new().with("t.txt", ROWS).with("o.txt", "old\n");
    let mut command =
        place.command(&["--in", "t.txt", "--size", "1", "--out", "o.txt", "--", "sh", "-c", "touch begun; sleep 30; touch late"]);
    let child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    while !place.has("begun") {
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(252), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((place.read("o.txt").as_str(), place.has("late")), ("old\n", false));
}

#[test]
fn options_that_exclude_each_other_are_refused() {
    let place = Place::new().with("t.txt", ROWS);
    for words in [
        &["--in", "t.txt", "--items", "a", "--", "true"][..],
        &["--in", "t.txt", "--size", "1", "--chunks", "2", "--", "true"],
        &["--in", "t.txt", "--size", "1", "--initial-size", "2", "--", "true"],
        &["--in", "t.txt", "--initial-size", "1", "--chunks", "2", "--", "true"],
        &["--in", "t.txt", "--by-row", "--by-group", "a", "--", "true"],
        &["--in", "t.txt", "--fail-fast", "--keep-going", "--", "true"],
        &["--in", "t.txt", "--keep-order", "--", "true"],
        &["--in", "t.txt", "--min-success", "0.5", "--", "true"],
        &["--", "true"],
        &["--in", "t.txt"],
        &["--in", "t.txt", "--size", "0", "--", "true"],
    ] {
        let ran: Ran = place.map(words);
        ran.exits(254);
    }
}
