//! What is unusual, and must not cost a row: devices, pipes, inputs that change, commands that fail on nothing.

use std::os::unix::fs::FileTypeExt as _;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::Place;
use crate::support::ran::Ran;

fn sh(place: &Place, script: &str) -> Ran {
    let script = format!("map() {{ '{}' map \"$@\"; }}; {script}", crate::support::program::path().display());
    Ran::of(place.scratch.command("bash").current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-c", &script]))
}

#[test]
fn a_pipe_or_a_device_stays_one() {
    let place = Place::new().with("n", "1\n2\n");
    sh(&place, "mkfifo out; cat out > got & map --in n --size 1 --out out -- cat && wait && test -p out && cat got").ok().says("1\n2\n");
    sh(&place, "mkfifo lonely; map --in n --out lonely -- cat").exits(255).complains("cannot write 'lonely'");
    sh(&place, "map --in n --out /dev/full -- cat").exits(255).complains("cannot write '/dev/full'");
    assert!(std::fs::metadata("/dev/full").unwrap().file_type().is_char_device());
    assert_eq!(sh(&place, "map --in n --out /dev/stdout -- cat | cat").ok().out(), "1\n2\n");
    sh(&place, "map --in n -- cat > /dev/full").exits(255).complains("cannot write 'standard output'");
}

#[test]
fn links_lead_to_the_result() {
    let place = Place::new().with("n", "1\n").with("d/old", "").with("away/x", "");
    sh(&place, "ln -s away/new link; map --in n --out link -- cat; test -L link; cat away/new").ok().says("1\n");
    let words = "map --items a b --combine files --out there -- echo {item}";
    sh(&place, &format!("ln -s d there; {words}; test -L there; ls d; ls there/")).ok().says("0\n1\n0\n1\n").does_not_say("old");
}

#[test]
fn what_fails_on_the_header_alone_fails() {
    let place = Place::new().with("h.csv", "h\n").with("o", "old\n");
    for more in [&[][..], &["--size", "1"], &["--chunks", "2"], &["--by-group", "h"], &["--keep-going"]] {
        let words = [&["--in", "h.csv", "--out", "o"][..], more, &["--", "false"]].concat();
        place.map(&words).exits(255).complains(" failed: exited with 1");
        assert_eq!(place.read("o"), "old\n", "{more:?}");
    }
}

#[test]
fn a_pipe_is_counted_before_it_is_cut() {
    let place = Place::new();
    assert_eq!(sh(&place, "map --in <(seq 1 5) --chunks 2 -- cat").ok().out(), "1\n2\n3\n4\n5\n");
    assert_eq!(sh(&place, "seq 1 5 | map --in /dev/stdin --chunks 2 --combine sum -- wc -l").ok().out(), "5\n");
    assert_eq!(sh(&place, "mkfifo p.csv; (echo h; seq 1 3) > p.csv & map --in p.csv --chunks 3 -- cat").ok().out(), "h\n1\n2\n3\n");
}

#[test]
fn a_pipe_that_nobody_writes_to_can_be_left() {
    let place = Place::new();
    sh(&place, "mkfifo lonely").ok();
    let mut child = place.command(&["--in", "lonely", "--", "cat"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    while place
        .scratch
        .top()
        .read_dir()
        .unwrap()
        .flatten()
        .all(|entry| !entry.file_name().to_string_lossy().starts_with("dvc-paraffin-map"))
    {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(200));
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(252));
}

#[test]
fn an_input_that_changes_meanwhile_has_no_result() {
    let place = Place::new().with("t.txt", "1\n2\n3\n").with("o", "old\n");
    let command = "[ $PARAFFIN_MAP_INDEX != 2 ] || : > t.txt; cat";
    let words = ["--in", "t.txt", "--size", "1", "--jobs", "1", "--out", "o", "--", "sh", "-c", command];
    place.map(&words).exits(255).complains("'t.txt' has changed while it was read");
    assert_eq!(place.read("o"), "old\n");
}

#[test]
fn a_stop_counts_up_to_the_last_moment() {
    let place = Place::new().with("o", "old\n");
    // The command stops the map that waits for it, and ends well.
    let words = ["--items", "a", "--out", "o", "--", "sh", "-c", "kill -INT $PPID; exit 0"];
    place.map(&words).exits(252);
    assert_eq!(place.read("o"), "old\n");
}

#[test]
fn what_is_no_header_is_not_taken_for_one() {
    let place = Place::new().with("t.csv", "a\n1\n2\n3\n4\n");
    let words = |more: &[&'static str]| place.map(&[&["--in", "t.csv", "--size", "2"][..], more, &["--", "wc", "-l"]].concat());
    words(&[]).exits(255).complains("the part of partition 0 begins with '3', which is no header");
    words(&["--combine", "sum"]).exits(255).complains("begins with '3', which is no header");
    // A column of flags without its header: parts may begin with the same row.
    let flags = Place::new().with("t.csv", "a,b\n1,0\n2,0\n3,0\n4,1\n");
    let cut = ["--in", "t.csv", "--size", "2", "--", "sh", "-c", "tail -n +2 | cut -d, -f2"];
    flags.map(&cut).exits(255).complains("begins with '0', which is no header");
    // Columns that are called so, and those that are counted.
    let years = Place::new().with("t.csv", "2019,2020\n1,2\n3,4\n");
    assert_eq!(years.map(&["--in", "t.csv", "--size", "1", "--", "head", "-n", "1"]).ok().out(), "2019,2020\n");
    assert_eq!(years.map(&["--in", "t.csv", "--size", "1", "--", "sed", "1s/.*/0,1/"]).ok().out(), "0,1\n1,2\n3,4\n");
    words(&["--out", "o.txt"]).ok();
    assert_eq!(place.read("o.txt"), "3\n3\n");
}

#[test]
fn directories_of_tables_are_tables() {
    let place = Place::new().with("d/1.csv", "h\n1\n").with("d/2.csv", "h\n2\n").with("e/x", "1\n").with("e/y.csv", "2\n");
    assert_eq!(place.map(&["--in", "d", "--", "cat"]).ok().out(), "h\n1\n2\n");
    assert_eq!(place.map(&["--in", "d", "--combine", "sum", "--", "cat"]).ok().out(), "h\n3\n");
    assert_eq!(place.map(&["--in", "e", "--", "cat"]).ok().out(), "1\n2\n");
    assert_eq!(place.map(&["--in", "d", "--format", "lines", "--", "cat"]).ok().out(), "h\n1\nh\n2\n");
}

#[test]
fn parts_of_files_that_have_changed_are_not_used_again() {
    for (input, cat) in [(&["--in", "d"][..], "cat $PARAFFIN_MAP_IN"), (&["--items", "d/1", "d/2"], "cat $PARAFFIN_MAP_ITEM")] {
        let place = Place::new().with("d/1", "old\n").with("d/2", "2\n");
        let command = format!("[ -e fixed ] || [ $PARAFFIN_MAP_INDEX = 0 ] || exit 1; {cat}");
        let words = [input, &["--jobs", "1", "--resume", "--", "sh", "-c", &command]].concat();
        place.map(&words).exits(255);
        sh(&place, "touch -r d/1 then; sleep 0.1; printf 'new\\n' > d/1; touch -r then d/1; touch fixed").ok();
        assert_eq!(place.map(&words).ok().out(), "new\n2\n", "{input:?}");
    }
}

#[test]
fn what_cannot_be_is_said() {
    let place = Place::new().with("n", "1\n2\n").with("i.jsonl", "{\"a\":1e308}\n{\"a\":1e308}\n");
    place.map(&["--in", "n", "--size", "1", "--only", "9", "--", "cat"]).exits(255).complains("there is no partition 9");
    place.map(&["--in", "n", "--", "echo", "{item}"]).exits(254).complains("rows have no '{item}'");
    place.map(&["--items", "a", "b", "--size", "2", "--", "echo", "x{item}"]).exits(254).complains("would have to hold several items");
    place.map(&["--in", "i.jsonl", "--size", "1", "--combine", "sum", "--", "cat"]).exits(255).complains("too large for a number");
}

#[test]
fn what_a_killed_map_left_beside_the_result_goes() {
    let place = Place::new().with("n", "1\n");
    sh(&place, "map --in n --out o -- sh -c 'kill -KILL $PPID'; ls -A | grep -c tmp; map --in n --out o -- cat; ls -A")
        .says("1\n")
        .does_not_say("tmp");
}

#[test]
fn a_part_is_a_file() {
    let place = Place::new().with("n", "1\n2\n").with("o", "old\n");
    let make = ["--in", "n", "--size", "1", "--out", "o", "--", "sh", "-c", "mkfifo {out}"];
    place.map(&make).exits(255).complains("is no file");
    place.map(&["--in", "n", "--size", "1", "--out", "o", "--", "mkdir", "{out}"]).exits(255).complains("but made a directory of");
    assert_eq!(place.read("o"), "old\n");
    let both = ["--in", "n", "--size", "1", "--combine-cmd", "xargs ls -d | wc -l", "--out", "c.txt", "--", "mkdir", "{out}"];
    place.map(&both).ok();
    assert_eq!(place.read("c.txt"), "2\n");
}

#[test]
fn what_cannot_go_together_is_refused() {
    let place = Place::new().with("n", "1\n").with("m", "1\n").with("t.csv", "a\n1\n").with("z", "1\n\x002\n").with("p.gz", "plain\n");
    let refused = |words: &[&str], why: &str| {
        place.map(words).exits(254).complains(why);
    };
    refused(&["--in", "-", "--in", "-", "--", "cat", "{in1}", "{in2}"], "standard input can be read once");
    refused(&["--in", "n", "--in", "m", "--", "cat"], "no word of the command has '{in2}'");
    refused(&["-0", "--in", "n", "--", "cat"], "cannot be used with");
    refused(&["--in", "t.csv", "--by-group", "a", "--no-header", "--", "cat"], "cannot be used with");
    place.map(&["--items-file", "z", "--", "echo", "{item}"]).exits(255).complains("item 2 of 'z' has a zero byte").complains("-0 reads");
    place.map(&["--split-cmd", "printf 'a\\000'", "--", "echo", "{item}"]).exits(255).complains("item 1 of '--split-cmd' has a zero byte");
    assert_eq!(place.map(&["-0", "--items-file", "z", "--", "echo", "{item}"]).ok().out(), "1\n\n2\n\n");
    for words in [&["--in", "p.gz"][..], &["--in", "p.gz", "--by-group", "a", "--format", "csv"], &["--items-file", "p.gz"]] {
        let words = [words, &["--", "cat"]].concat();
        place.map(&words).exits(255).complains("cannot read 'p.gz': it is not packed as its name says");
    }
}
