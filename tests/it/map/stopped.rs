//! What is stopped, or fails, is not done, and nothing of it goes on.

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::support::is_alive;

/// Gives out its first row, waits for a stop, and ends as if all was well.
const POLITE: &str = "trap 'exit 0' TERM INT; head -n 1 \"$PARAFFIN_MAP_IN\"; touch begun; while test -e begun; do sleep 0.02; done; \
                      tail -n +2 \"$PARAFFIN_MAP_IN\"";

fn is_gone(place: &Place, file: &str) -> bool {
    let numbers = place.read(file);
    assert!(!numbers.trim().is_empty());
    numbers.split_whitespace().all(|number| !is_alive(number))
}

#[test]
fn who_ends_well_because_of_a_stop_has_done_half_of_its_work() {
    for signal in [Signal::INT, Signal::TERM] {
        let place = Place::new().with("t.txt", "1\n2\n3\n4\n");
        let command = format!("if test -e go; then cat \"$PARAFFIN_MAP_IN\"; else {POLITE}; fi");
        let words = ["--in", "t.txt", "--size", "4", "--out", "o.txt", "--resume", "--", "sh", "-c", &command];
        let mut child = place.command(&words).stderr(std::process::Stdio::null()).spawn().unwrap();
        while !place.has("begun") {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(252));
        let place = place.with("go", "");
        place.map(&words).ok();
        assert_eq!(place.read("o.txt"), "1\n2\n3\n4\n", "{signal:?}");
    }
}

#[test]
fn a_failure_stops_the_others_and_takes_nothing_of_them() {
    let place = Place::new().with("t.txt", "1\n2\n3\n4\n");
    let first = format!("[ $PARAFFIN_MAP_INDEX = 0 ] && {{ {POLITE}; exit; }}; until test -e begun; do sleep 0.02; done; exit 3");
    let command = format!("if test -e go; then cat \"$PARAFFIN_MAP_IN\"; else {first}; fi");
    let words = ["--in", "t.txt", "--size", "2", "--jobs", "2", "--out", "o.txt", "--resume", "--", "sh", "-c", &command];
    place.map(&words).exits(255).complains("partition 1 (rows 3 to 4) failed: exited with 3").complains("ERROR: a partition failed");
    let place = place.with("go", "");
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), "1\n2\n3\n4\n");
}

#[test]
fn what_a_command_that_failed_has_left_is_ended() {
    let place = Place::new();
    let left = |end: &str, words: &[&str]| {
        std::fs::remove_file(place.at("pids")).ok();
        let command = format!("sleep 600 & echo $! >> pids; (trap '' TERM; sleep 601 & echo $! >> pids; wait) & sleep 0.1; {end}");
        place.map(&[&["--items", "a", "--grace", "200ms"], words, &["--", "sh", "-c", &command]].concat()).exits(255).err()
    };
    for (end, why) in [("exit 3", "failed: exited with 3"), ("kill -KILL $$", "failed: ended by signal 9")] {
        let told = left(end, &["--timeout", "60"]);
        assert!(told.contains(why) && is_gone(&place, "pids"), "{told}");
    }
    let told = left("exit 4", &["--retries", "2"]);
    assert!(told.contains("failed 3 times, at last: exited with 4") && is_gone(&place, "pids"), "{told}");
    assert_eq!(place.read("pids").lines().count(), 6);
}

#[test]
fn what_a_worker_that_died_has_left_is_ended() {
    let place = Place::new().with("t.txt", "1\n");
    let worker = "import os, subprocess, sys\nsys.stdin.readline()\nopen('pids', 'w').write(str(subprocess.Popen(['sleep', '600']).pid))\nos._exit(3)";
    place.map(&["--in", "t.txt", "--persistent", "--", "python3", "-c", worker]).exits(255).complains("the worker exited with 3");
    assert!(is_gone(&place, "pids"));
}

#[test]
fn a_worker_that_closes_its_output_is_ended() {
    let place = Place::new().with("t.txt", "1\n");
    let worker = "import os, sys, time\nopen('pids', 'w').write(str(os.getpid())); sys.stdin.readline(); os.close(1); time.sleep(600)";
    place
        .map(&["--in", "t.txt", "--persistent", "--", "python3", "-c", worker])
        .exits(255)
        .complains("the worker closed its standard output before it answered");
    assert!(is_gone(&place, "pids"));
}

#[test]
fn a_try_after_one_that_took_too_long_begins_anew() {
    let place = Place::new().with("t.txt", "1\n2\n");
    let command = "echo half > $1; test $PARAFFIN_MAP_ATTEMPT = 2 || exec sleep 600; cat $0 > $1";
    let words = ["--in", "t.txt", "--timeout", "500ms", "--retries", "1", "--out", "o.txt", "--", "sh", "-c", command, "{in}", "{out}"];
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), "1\n2\n");
    // A time that no clock reaches.
    place.map(&["--in", "t.txt", "--timeout", "9999999999999999", "--", "cat"]).ok();
}

#[test]
fn a_try_that_has_changed_its_input_is_the_last() {
    let place = Place::new().with("t.txt", "1\n2\n3\n4\n").with("o.txt", "old\n");
    let command = "sed -i 1d $0; test $PARAFFIN_MAP_ATTEMPT = 2 && cp $0 $1";
    let words = ["--in", "t.txt", "--size", "2", "--retries", "1", "--out", "o.txt", "--", "sh", "-c", command, "{in}", "{out}"];
    place.map(&words).exits(255).complains("exited with 1; it has changed its input, so there was no other try");
    assert_eq!(place.read("o.txt"), "old\n");
}
