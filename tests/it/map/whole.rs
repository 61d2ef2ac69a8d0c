//! A result is there whole or not at all, also on standard output, and holds no row that nothing was made of.

use std::io::Read as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::Place;

#[test]
fn standard_output_stays_empty_where_the_result_is_not_whole() {
    let place = Place::new().with("t.txt", "1\n2\n3\n");
    let words = |more: &[&'static str]| {
        let command = "[ $PARAFFIN_MAP_INDEX != 2 ] && cat";
        let mut words = vec!["--in", "t.txt", "--size", "1", "--jobs", "1"];
        words.extend(more);
        words.extend(["--", "sh", "-c", command]);
        place.map(&words)
    };
    for more in [&[][..], &["--keep-going"], &["--keep-going", "--min-success", "0.9"]] {
        assert_eq!(words(more).exits(255).out(), "", "{more:?}");
    }
    assert_eq!(words(&["--keep-going", "--min-success", "0.6"]).ok().out(), "1\n2\n");
}

#[test]
fn rows_of_groups_that_failed_leave_no_trace() {
    let rows = "k,v\na,1\nb,22222\na,3\nb,4\nc,5\na,6\n";
    let place = Place::new().with("t.csv", rows);
    let words = ["--in", "t.csv", "--by-group", "k", "--size", "1", "--keep-order", "--keep-going", "--min-success", "0.6"];
    let made = place.map(&[&words[..], &["--", "sh", "-c", "! grep b, {in} && sed s/a,/A,/ {in}"]].concat());
    // What the command prints is its part; of the group 'b' it fails.
    assert_eq!(made.ok().out(), "k,v\nA,1\nA,3\nc,5\nA,6\n");
    let none = place.map(&[&words[..9], &["0", "--", "false"]].concat());
    assert_eq!(none.ok().out(), "");
}

#[test]
fn who_reads_the_result_may_have_enough() {
    let place = Place::new().with("t.txt", "x".repeat(99) + "\n");
    // More than a pipe holds.
    let words = ["--items", "1", "2", "--", "sh", "-c", "yes \"$(cat t.txt)\" | head -n 5000"];
    let mut child = place.command(&words).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0]).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn who_reads_nothing_does_not_keep_it_from_ending() {
    let place = Place::new();
    let words = ["--items", "1", "--", "sh", "-c", "head -c 1000000 /dev/zero; touch made"];
    let mut child = place.command(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // It reads the first byte of the result, and no more.
    child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    // The pipe is open still.
    let unread = child.stdout.take();
    assert_eq!(child.wait().unwrap().code(), Some(252));
    drop(unread);
}
