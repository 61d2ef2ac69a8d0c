//! Tables and values of all kinds: delimiters, names that tell nothing, byte order marks, groups of several columns and inputs.

use super::Place;

/// The three bytes that some programs write in front of a text.
const MARK: &str = "\u{feff}";

/// What becomes of a map whose partitions are counted: how many rows each has.
fn counts(place: &Place, words: &[&str]) -> Vec<u64> {
    place.map(&[&["--json-file", "counts.json"], words].concat()).ok();
    let answer: serde_json::Value = serde_json::from_str(&place.read("counts.json")).unwrap();
    answer["partitions"].as_array().unwrap().iter().map(|part| part["count"].as_u64().unwrap()).collect()
}

fn gzip(place: &Place, name: &str) {
    assert!(place.scratch.command("gzip").arg(place.at(name)).status().unwrap().success());
}

#[test]
fn any_delimiter_will_do() {
    for delimiter in [";", "|"] {
        let table = "k;v\n\"a;b\";1\n\"q\"\";\nx\";2,5\n\"a;b\";3\n".replace(';', delimiter);
        let place = Place::new().with("t.csv", &table);
        let words = ["--in", "t.csv", "--delimiter", delimiter, "--size", "1", "--out", "o.csv", "--", "cat"];
        assert_eq!(counts(&place, &words), [1, 1, 1], "{delimiter}");
        assert_eq!(place.read("o.csv"), table);
        let words = ["--in", "t.csv", "--delimiter", delimiter, "--by-group", "k", "--size", "1", "--out", "o.csv", "--", "cat"];
        assert_eq!(counts(&place, &words), [2, 1], "{delimiter}");
    }
}

#[test]
fn what_no_name_tells_the_format_does() {
    let table = "a,b\n1,\"x\ny\"\n2,z\n";
    let place = Place::new().with("t.dat", table);
    for input in ["-", "t.dat"] {
        let words = ["--in", input, "--format", "csv", "--size", "1", "--", "cat"];
        assert_eq!(place.fed(&words, table.as_bytes()).ok().out(), table, "{input}");
        let words = ["--in", input, "--format", "csv", "--by-group", "b", "--size", "1", "--", "sed", "1s/$/,c/; 2,$s/[yz].*/&,/"];
        assert_eq!(place.fed(&words, table.as_bytes()).ok().out(), "a,b,c\n1,\"x\ny\",\n2,z,\n", "{input}");
    }
    assert_eq!(place.map(&["--in", "t.dat", "--size", "1", "--combine", "sum", "--", "wc", "-l"]).ok().out(), "4\n");
}

#[test]
fn tab_separated_tables_and_ndjson_are_known_by_their_names() {
    let table = "k\tv,w\na\t\"1\t1\"\nb\t2\na\t3\n";
    let place = Place::new().with("t.tsv", table).with("t.ndjson", "{\"k\": [1]}\n{\"k\": 2}\n\n{\"k\": [1]}\n");
    assert_eq!(place.map(&["--in", "t.tsv", "--size", "1", "--", "cat"]).ok().out(), table);
    assert_eq!(counts(&place, &["--in", "t.tsv", "--by-group", "k", "--size", "1", "--out", "o.tsv", "--", "cat"]), [2, 1]);
    assert_eq!(place.read("o.tsv"), "k\tv,w\na\t\"1\t1\"\na\t3\nb\t2\n");
    assert_eq!(counts(&place, &["--in", "t.ndjson", "--by-group", "k", "--size", "1", "--out", "o.ndjson", "--", "cat"]), [2, 1]);
    assert_eq!(place.read("o.ndjson"), "{\"k\": [1]}\n{\"k\": [1]}\n{\"k\": 2}\n\n");
}

#[test]
fn bytes_that_are_no_text_are_named_with_file_and_line() {
    let place = Place::new().with("t.tsv", b"a\tb\n1\t\"2\n\xe4\"\n").with("t.jsonl", b"1\n\"\xe4\"\n").with("t.csv.gz", b"a\n\xff\n");
    place.map(&["--in", "t.tsv", "--", "cat"]).exits(255).complains("'t.tsv', line 3: not valid UTF-8");
    place.map(&["--in", "t.jsonl", "--", "cat"]).exits(255).complains("'t.jsonl', line 2: not valid UTF-8");
    place.map(&["--in", "t.tsv", "--by-group", "a", "--", "cat"]).exits(255).complains("'t.tsv', line 3: not valid UTF-8");
    assert_eq!(place.map(&["--in", "t.tsv", "--encoding", "bytes", "--", "cat"]).ok().stdout, b"a\tb\n1\t\"2\n\xe4\"\n");
    std::fs::rename(place.at("t.csv.gz"), place.at("u.csv")).unwrap();
    gzip(&place, "u.csv");
    place.map(&["--in", "u.csv.gz", "--", "cat"]).exits(255).complains("'u.csv.gz', line 2: not valid UTF-8");
}

#[test]
fn a_mark_before_a_quoted_header_is_no_part_of_it() {
    let place = Place::new()
        .with("comma.csv", format!("{MARK}\"a,b\",c\n1,2\n3,4\n"))
        .with("line.csv", format!("{MARK}\"a\nb\"\n1\n2\n"))
        .with("blank.csv", format!("{MARK}\r\n\"k\",v\n1,2\n"))
        .with("alone.csv", MARK);
    for (name, group) in [("comma.csv", "c"), ("line.csv", "a\nb"), ("blank.csv", "k")] {
        let rows = if name == "blank.csv" { &[1][..] } else { &[1, 1] };
        assert_eq!(counts(&place, &["--in", name, "--size", "1", "--out", "o.csv", "--", "cat"]), rows, "{name}");
        assert_eq!(place.read("o.csv"), place.read(name));
        assert_eq!(counts(&place, &["--in", name, "--size", "1", "--by-group", group, "--out", "o.csv", "--", "cat"]), rows, "{name}");
        assert_eq!(place.read("o.csv"), place.read(name));
    }
    let words = ["--in", "comma.csv", "--no-header", "--size", "1", "--out", "o.txt", "--", "cat"];
    assert_eq!(counts(&place, &words), [1, 1, 1]);
    assert_eq!(place.map(&["--in", "comma.csv", "--size", "1", "--combine", "sum", "--", "cat"]).ok().out(), "\"a,b\",c\n4,6\n");
    // No row has begun yet.
    place.map(&["--in", "alone.csv", "--out", "o.csv", "--", "false"]).ok();
    assert_eq!(place.read("o.csv"), "");
}

#[test]
fn a_mark_before_json_lines_is_no_part_of_a_value() {
    let place = Place::new()
        .with("t.jsonl", format!("{MARK}{{\"k\": 1}}\n{{\"k\": 2}}\n{{\"k\": 1}}\n"))
        .with("u.jsonl", format!("{MARK}\n{{\"k\": 2}}\n{{\"k\": 1}}\n"));
    assert_eq!(place.map(&["--in", "t.jsonl", "--size", "1", "--", "cat"]).ok().out(), place.read("t.jsonl"));
    let grouped = format!("{MARK}{{\"k\": 1}}\n{{\"k\": 1}}\n{{\"k\": 2}}\n");
    assert_eq!(place.map(&["--in", "t.jsonl", "--by-group", "k", "--size", "1", "--", "cat"]).ok().out(), grouped);
    let kept = place.map(&["--in", "t.jsonl", "--by-group", "k", "--size", "1", "--keep-order", "--", "cat"]).ok().out();
    assert_eq!(kept, place.read("t.jsonl"));
    assert_eq!(counts(&place, &["--in", "u.jsonl", "--size", "1", "--out", "o", "--", "cat"]), [1, 1]);
    assert_eq!(place.read("o"), place.read("u.jsonl"));
    // It stands where it stood, not within a file.
    let words = ["--in", "t.jsonl", "--in", "u.jsonl", "--by-group", "k", "--chunks", "1", "--", "cat", "{in2}"];
    assert_eq!(place.map(&words).ok().out(), "{\"k\": 1}\n\n{\"k\": 2}\n");
    assert_eq!(place.map(&["--in", "t.jsonl", "--combine", "sum", "--size", "2", "--", "cat"]).ok().out(), "{\n  \"k\": 4\n}\n");
    let words = ["--in", "t.jsonl", "--combine", "merge-json", "--chunks", "1", "--", "head", "-n1"];
    assert_eq!(place.map(&words).ok().out().split_whitespace().collect::<String>(), "{\"k\":1}");
}

#[test]
fn groups_may_be_of_two_columns() {
    // What ends one value cannot begin the other.
    let place = Place::new().with("t.csv", "A,v,B\nab,1,c\na,2,bc\nab,3,c\n,4,abc\na,5,bc\n");
    let words = ["--in", "t.csv", "--by-group", "A,B", "--size", "1", "--out", "o.csv", "--", "cat"];
    assert_eq!(counts(&place, &words), [2, 2, 1]);
    assert_eq!(place.read("o.csv"), "A,v,B\nab,1,c\nab,3,c\na,2,bc\na,5,bc\n,4,abc\n");
    let fails = ["--in", "t.csv", "--by-group", "A,B", "--size", "1", "--jobs", "1", "--", "sh", "-c", "[ $PARAFFIN_MAP_INDEX != 1 ]"];
    place.map(&fails).exits(255).complains("group 'a, bc'");
    let place = place.with("t.jsonl", "{\"A\": 1, \"B\": {\"x\": 1}}\n{\"A\": 1, \"B\": 2}\n{\"B\": {\"x\": 1}, \"A\": 1}\n");
    assert_eq!(counts(&place, &["--in", "t.jsonl", "--by-group", "B,A", "--size", "1", "--out", "o", "--", "cat"]), [2, 1]);
    place.map(&["--in", "t.csv", "--by-group", "A,C", "--", "cat"]).exits(255).complains("there is no column 'C'");
}

#[test]
fn groups_come_from_pipes_and_packed_files_too() {
    let (table, grouped) = ("k,v\nb,1\na,\"2\n\"\nb,3\nc,4", "k,v\nb,1\nb,3\na,\"2\n\"\nc,4\n");
    let place = Place::new().with("t.csv", table);
    gzip(&place, "t.csv");
    for input in [&["--in", "-", "--format", "csv"][..], &["--in", "t.csv.gz"]] {
        let run = |more: &[&str]| place.fed(&[input, &["--by-group", "k", "--size", "1"], more].concat(), table.as_bytes()).ok().out();
        assert_eq!(run(&["--", "cat"]), grouped, "{input:?}");
        assert_eq!(run(&["--keep-order", "--", "cat"]), format!("{table}\n"), "{input:?}");
    }
}

#[test]
fn a_number_of_partitions_never_divides_groups() {
    let keys = ["a"; 8].into_iter().chain(["b", "c"]);
    let place = Place::new().with("t.csv", keys.fold("k\n".to_owned(), |text, key| text + key + "\n"));
    let sizes = |chunks: &str| counts(&place, &["--in", "t.csv", "--by-group", "k", "--chunks", chunks, "--out", "o.csv", "--", "cat"]);
    assert_eq!(sizes("1"), [10]);
    assert_eq!(sizes("2"), [8, 2]);
    assert_eq!(sizes("3"), [8, 2]);
    assert_eq!(sizes("10"), [8, 1, 1]);
    let keys = (0..12).map(|row| format!("{}\n", row % 4));
    let place = Place::new().with("t.csv", keys.fold("k\n".to_owned(), |text, key| text + &key));
    let sizes = |chunks: &str| counts(&place, &["--in", "t.csv", "--by-group", "k", "--chunks", chunks, "--out", "o.csv", "--", "cat"]);
    assert_eq!((sizes("2"), sizes("3"), sizes("4")), (vec![6, 6], vec![6, 6], vec![3, 3, 3, 3]));
}

#[test]
fn inputs_side_by_side_are_equally_long_and_have_the_same_groups() {
    let place = Place::new()
        .with("one.csv", "k\na\nb\na\n")
        .with("two.txt", "1\n2\n3\n")
        .with("three.jsonl", "{}\n[]\n3\n")
        .with("long.txt", "1\n2\n3\n4\n")
        .with("more.csv", "k\nb\na\nc\n");
    let words = ["--in", "one.csv", "--in", "two.txt", "--in", "three.jsonl", "--size", "2", "--out", "o.txt", "--"];
    let command = ["sh", "-c", "tail -n +2 $1 | paste -d' ' - $2 $3", "-", "{in1}", "{in2}", "{in3}"];
    assert_eq!(counts(&place, &[&words[..], &command].concat()), [2, 1]);
    assert_eq!(place.read("o.txt"), "a 1 {}\nb 2 []\na 3 3\n");
    for size in ["1", "2", "3", "9"] {
        let words = ["--in", "two.txt", "--in", "long.txt", "--size", size, "--out", "p", "--", "cat", "{in2}"];
        place.map(&words).exits(255).complains("'two.txt' has fewer rows than 'long.txt'");
        assert!(!place.has("p"), "{size}");
    }
    let words = ["--in", "one.csv", "--in", "more.csv", "--by-group", "k", "--out", "p", "--", "cat", "{in2}"];
    place.map(&words).exits(255).complains("'one.csv' has no row of a group that 'more.csv' has");
    assert!(!place.has("p"));
}

#[test]
fn the_first_size_can_be_given() {
    let rows: String = (0..100).map(|row| format!("{row}\n")).collect();
    let place = Place::new().with("t.txt", &rows);
    // What comes after three sizes follows from how long they took.
    let sizes = counts(&place, &["--in", "t.txt", "--initial-size", "3", "--jobs", "1", "--out", "o", "--", "cat"]);
    assert_eq!(sizes[..3], [3, 12, 48]);
    assert_eq!((sizes.iter().sum::<u64>(), place.read("o")), (100, rows));
    place.map(&["--in", "t.txt", "--initial-size", "3", "--size", "3", "--", "cat"]).exits(254).complains("cannot be used with");
}

#[test]
fn where_nothing_is_there_are_no_groups() {
    let place = Place::new().with("e.csv", "").with("f.csv", "").with("e.jsonl", "").with("h.csv", "k,v\n").with("t.csv", "k\n1\n");
    for input in ["e.csv", "e.jsonl", "-"] {
        let format = if input == "-" { &["--format", "csv"][..] } else { &[] };
        place.map(&[&["--in", input, "--by-group", "k", "--out", "o"][..], format, &["--", "false"]].concat()).ok();
        assert_eq!(place.read("o"), "", "{input}");
        std::fs::remove_file(place.at("o")).unwrap();
    }
    place.map(&["--in", "e.csv", "--in", "f.csv", "--by-group", "k", "--keep-order", "--out", "o", "--", "false", "{in2}"]).ok();
    assert_eq!(place.read("o"), "");
    gzip(&place, "f.csv");
    place.map(&["--in", "f.csv.gz", "--by-group", "k", "--size", "3", "--out", "o", "--", "false"]).ok();
    assert_eq!(place.read("o"), "");
    place.map(&["--in", "h.csv", "--by-group", "z", "--", "true"]).exits(255).complains("there is no column 'z'; there are: k, v");
    let words = |first, second| ["--in", first, "--in", second, "--by-group", "k", "--out", "p", "--", "cp", "{in2}", "{out}"];
    place.map(&words("e.csv", "t.csv")).exits(255).complains("'e.csv' has no row of a group that 't.csv' has");
    place.map(&words("t.csv", "e.csv")).exits(255).complains("'e.csv' has no row of a group that 't.csv' has");
    // As with rows: one header is enough to run on.
    place.map(&words("e.csv", "h.csv")).ok();
    assert_eq!(place.read("p"), "k,v\n");
}

#[test]
fn a_pattern_does_not_lead_out_of_its_folder_again() {
    let place = Place::new().with("x1/y", "a\n").with("f", "old\n").with("gex/f", "b\n");
    for pattern in ["x*/../../w/f", "gex/*/../f", "**/../gex/f", "x1/?/.."] {
        let words = ["--in", pattern, "--combine", "files", "--out", "geo", "--", "tr", "a-z", "A-Z"];
        place.map(&words).exits(254).complains(&format!("'{pattern}': '..' cannot stand behind")).does_not_say("panicked");
        assert_eq!((place.read("f").as_str(), place.has("geo")), ("old\n", false), "{pattern}");
    }
    // Before it there may be one.
    assert_eq!(place.map(&["--in", "x1/../gex/*", "--combine", "files", "--out", "geo", "--", "tr", "a-z", "A-Z"]).ok().out(), "");
    assert_eq!(place.read("geo/f"), "B\n");
}

#[test]
fn a_line_of_a_pipe_is_worked_on_when_it_comes() {
    let place = Place::new();
    // The second one comes when something was made of the first.
    let rows = "echo 1; for i in $(seq 600); do [ -e ran ] && { echo 2; break; }; sleep 0.05; done";
    let script =
        format!("({rows}) | '{}' map --in - --size 1 --jobs 1 -- sh -c 'touch ran; cat'", crate::support::program::path().display());
    let mut shell = place.scratch.command("sh");
    shell.current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-c", &script]);
    assert_eq!(crate::support::ran::Ran::of(&mut shell).ok().out(), "1\n2\n");
}
