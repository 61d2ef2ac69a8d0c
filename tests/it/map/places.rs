//! Where inputs come from and results go to: links to what is ours, open files, files that are in each other's way; and what stays.

use super::Place;
use crate::support::ran::Ran;

fn sh(place: &Place, script: &str) -> Ran {
    let script = format!("map() {{ '{}' map \"$@\"; }}; {script}", crate::support::program::path().display());
    Ran::of(place.scratch.command("bash").current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-c", &script]))
}

/// Files of ours that end so, of all maps here.
fn kept(place: &Place, end: &str) -> Vec<String> {
    let found = glob::glob(&format!("{}/dvc-paraffin-map-*/*/*{end}", place.scratch.top().display())).unwrap().flatten();
    found.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_part_may_be_a_link_to_its_partition() {
    let rows: String = (1..=300).map(|row| format!("{row}\n")).collect();
    let place = Place::new().with("t.txt", &rows);
    for jobs in ["1", "2"] {
        place.map(&["--in", "t.txt", "--size", "1", "--jobs", jobs, "--out", "o.txt", "--", "ln", "{in}", "{out}"]).ok();
        assert_eq!(place.read("o.txt"), rows, "--jobs {jobs}");
    }
    place.map(&["--in", "t.txt", "--size", "100", "--jobs", "1", "--combine", "files", "--out", "d", "--", "ln", "{in}", "{out}"]).ok();
    assert_eq!(place.read("d/0.txt") + &place.read("d/1.txt") + &place.read("d/2.txt"), rows);
}

#[test]
fn an_open_file_is_added_to() {
    let place = Place::new().with("t.txt", "1\n2\n").with("f", "before\n");
    sh(&place, "map --in t.txt --out /dev/stdout -- cat >> f; map --in t.txt --out /dev/fd/3 -- cat 3>> f").ok();
    assert_eq!(place.read("f"), "before\n1\n2\n1\n2\n");
    sh(&place, "{ echo a; map --in t.txt --out /dev/stdout -- cat; echo b; } > g; map --in t.txt --out /dev/stderr -- cat 2>> g").ok();
    assert_eq!(place.read("g"), "a\n1\n2\nb\n1\n2\n");
}

#[test]
fn what_is_no_file_is_no_item() {
    let place = Place::new().with("d/f", "1\n");
    sh(&place, "mkfifo d/p; map --in d -- cat").exits(255).complains("'d/p' is neither a file nor a directory");
    sh(&place, "map --in 'd/*' -- cat").exits(255).complains("'d/p' is neither a file nor a directory");
    sh(&place, "rm d/p; ln -s nowhere d/l; map --in d -- cat").exits(255).complains("cannot read 'd/l'");
}

#[test]
fn a_result_is_no_input_of_its_own() {
    let place = Place::new().with("d/f", "1\n").with("t.csv", "a\n1\n");
    let refused = |words: &[&str], why: &str| {
        place.map(&[words, &["--", "cat"]].concat()).exits(254).complains(why);
    };
    refused(&["--in", "d", "--out", "d/r"], "the result 'd/r' would be one of its own inputs");
    refused(&["--in", "d/*", "--out", "./d/f"], "would be one of its own inputs");
    refused(&["--in", "d", "--combine", "files", "--out", "."], "cannot replace '.'");
    refused(&["--in", "d", "--combine", "files", "--out", ".."], "cannot replace '..'");
    refused(&["--in", "t.csv", "--out", "o", "--json-file", "./o"], "--out and --json-file are both './o'");
    refused(&["--in", "t.csv", "--trace-export", "o", "--json-file", "o"], "--trace-export and --json-file are both 'o'");
    refused(&["--in", "t.csv", "--json-file", "d"], "--json-file: 'd' is a directory");
    assert!(!place.has("o") && !place.has("d/r"));
    place.map(&["--in", "t.csv", "--out", "t.csv", "--", "sed", "s/1/2/"]).ok();
    assert_eq!(place.read("t.csv"), "a\n2\n");
}

#[test]
fn a_report_that_cannot_be_written_hides_nothing() {
    let place = Place::new().with("t.txt", "1\n").with("file", "");
    let words = ["--in", "t.txt", "--trace-export", "file/x", "--json-file", "j", "--", "sh", "-c", "exit 3"];
    place
        .map(&words)
        .exits(255)
        .complains("failed: exited with 3")
        .complains("ERROR: a partition failed")
        .complains("Not a directory: 'file/x'");
    assert!(place.read("j").contains("exited with 3"));
}

#[test]
fn the_way_to_run_a_partition_alone_touches_no_report() {
    let place = Place::new();
    let words = ["--in", "-", "--size", "1", "--json-file", "j.json", "--trace-export=t.csv", "--", "sh", "-c", "exit 3 # --json-file x"];
    let ran = place.fed(&words, b"1\n");
    ran.exits(255)
        .complains("map --in - --size 1 --only 0 -- sh -c 'exit 3 # --json-file x'`, with the same standard input, runs it alone.");
}

#[test]
fn after_success_only_logs_stay() {
    let place = Place::new().with("app.log", "1\n2\n");
    place.map(&["--in", "app.log", "--size", "1", "--out", "o.log", "--", "sh", "-c", "echo said >&2; cat"]).ok();
    assert_eq!((place.read("o.log").as_str(), kept(&place, ".log")), ("1\n2\n", vec!["0.log".to_owned(), "1.log".to_owned()]));
}

#[test]
fn what_a_broken_run_has_finished_is_safe_from_others() {
    let place = Place::new().with("t.txt", "1\n2\n3\n");
    let command = "test -e go || test $PARAFFIN_MAP_INDEX = 0 || exit 1; echo $PARAFFIN_MAP_INDEX >> ran; cat";
    let words = ["--in", "t.txt", "--size", "1", "--jobs", "1", "--out", "o.txt", "--resume", "--", "sh", "-c", command];
    place.map(&words).exits(255);
    assert_eq!(kept(&place, ".in.txt"), Vec::<String>::new(), "what is cut anew in any case");
    // To look, and others that come to an end.
    let look = [&words[..8], &["--dry-run"], &words[8..]].concat();
    assert_eq!(place.map(&look).ok().out().lines().count(), 3);
    for item in 0..25 {
        place.map(&["--items", &item.to_string(), "--", "true"]).ok();
    }
    let place = place.with("go", "");
    place.map(&words).ok();
    assert_eq!((place.read("o.txt").as_str(), place.read("ran").as_str()), ("1\n2\n3\n", "0\n1\n2\n"));
}

#[test]
fn a_broken_run_goes_on_with_the_sizes_that_were_asked_for() {
    let rows = |count: u32| (0..count).map(|row| format!("{row}\n")).collect::<String>();
    for (sizing, counts) in [(["--size", "4"], [4, 4, 4].as_slice()), (["--chunks", "2"], &[6, 6])] {
        let place = Place::new().with("t.txt", rows(10));
        let command = "test -e go || test $PARAFFIN_MAP_INDEX = 0 || exit 1; cat";
        let words =
            [&["--in", "t.txt"], &sizing[..], &["--jobs", "1", "--resume", "--out", "o", "--json-file", "j", "--", "sh", "-c", command]];
        place.map(&words.concat()).exits(255);
        let place = place.with("t.txt", rows(12)).with("go", "");
        place.map(&words.concat()).ok();
        let answer: serde_json::Value = serde_json::from_str(&place.read("j")).unwrap();
        let found: Vec<u64> = answer["partitions"].as_array().unwrap().iter().map(|part| part["count"].as_u64().unwrap()).collect();
        assert_eq!((found.as_slice(), place.read("o")), (counts, rows(12)), "{sizing:?}");
    }
}

#[test]
fn a_part_that_was_begun_again_is_not_the_old_one() {
    let place = Place::new().with("t.txt", "a\n").with("b.txt", "b\n");
    // The second part fails always; the first is killed between its end and the note of it.
    let command = "test $PARAFFIN_MAP_INDEX = 0 || exit 1; cat";
    let words = ["--in", "t.txt", "--size", "1", "--jobs", "1", "--resume", "--out", "o", "--", "sh", "-c", command];
    let place = place.with("t.txt", "a\nx\n");
    place.map(&words).exits(255);
    let notes =
        glob::glob(&format!("{}/dvc-paraffin-map-*/*/partitions.jsonl", place.scratch.top().display())).unwrap().flatten().next().unwrap();
    let place = place.with("t.txt", "b\nx\n");
    place.map(&words).exits(255);
    let text = std::fs::read_to_string(&notes).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines.remove(lines.iter().rposition(|line| line.contains("\"index\":0") && line.contains("digest")).unwrap());
    std::fs::write(&notes, lines.join("\n") + "\n").unwrap();
    let place = place.with("t.txt", "a\n");
    place.map(&words).ok();
    assert_eq!(place.read("o"), "a\n");
}

#[test]
fn many_items_fit() {
    let items: String = (0..30_000).map(|item| format!("item-{item}\n")).collect();
    let place = Place::new().with("list", &items);
    assert_eq!(place.map(&["--items-file", "list", "--size", "30000", "--", "wc", "-l"]).ok().out(), "30000\n");
    assert_eq!(place.map(&["--items", "-5", "-0.5", "--", "echo", "{item}"]).ok().out(), "-5\n-0.5\n");
}

#[test]
fn places_in_quotes_are_places() {
    let place = Place::new();
    for cmd in ["xargs cat > \"{out}\"", "xargs cat > '{out}'", "xargs cat > {out}"] {
        assert_eq!(place.map(&["--items", "a", "b", "--combine-cmd", cmd, "--", "echo", "{item}"]).ok().out(), "a\nb\n", "{cmd}");
    }
}
