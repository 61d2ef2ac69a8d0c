//! What is divided, and into what.

use super::Place;

#[test]
fn rows_of_tables_keep_their_header_and_their_quoted_lines() {
    let table = "a,b\n1,\"x\ny\"\n2,\"q\"\"q, r\"\r\n3,\n";
    let place = Place::new().with("t.csv", table);
    place.map(&["--in", "t.csv", "--size", "1", "--out", "o.csv", "--json-file", "j.json", "--", "cat"]).ok();
    assert_eq!(place.read("o.csv"), table);
    let answer: serde_json::Value = serde_json::from_str(&place.read("j.json")).unwrap();
    let counts: Vec<u64> = answer["partitions"].as_array().unwrap().iter().map(|part| part["count"].as_u64().unwrap()).collect();
    assert_eq!(counts, [1, 1, 1]);
    assert_eq!((answer["out"].as_str(), answer["exit_code"].as_i64(), answer["error"].is_null()), (Some("o.csv"), Some(0), true));
    let shown = place.map(&["--in", "t.csv", "--size", "2", "--no-header", "--", "sh", "-c", "echo; cat"]).ok().out();
    assert!(shown.starts_with("\na,b\n"), "{shown}");
}

#[test]
fn packed_inputs_are_unpacked_and_results_packed_as_their_names_say() {
    let place = Place::new().with("t.csv", "a\n1\n2\n3\n");
    place.scratch.command("gzip").arg("-k").arg(place.at("t.csv")).status().unwrap();
    place.map(&["--in", "t.csv.gz", "--size", "1", "--out", "o.csv.zst", "--", "cp", "{in}", "{out}"]).ok();
    assert_eq!(&std::fs::read(place.at("o.csv.zst")).unwrap()[..4], b"\x28\xb5\x2f\xfd");
    place.map(&["--in", "o.csv.zst", "--size", "2", "--out", "again.csv.gz", "--", "cat"]).ok();
    assert_eq!(place.map(&["--in", "again.csv.gz", "--size", "9", "--", "cat"]).ok().out(), "a\n1\n2\n3\n");
    let names = place.map(&["--in", "t.csv.gz", "--size", "9", "--", "echo", "{in}"]).ok().out();
    assert!(names.ends_with(".csv\n"), "{names}");
}

#[test]
fn partitions_are_of_equal_size_where_their_number_is_given() {
    let place = Place::new();
    let rows: String = (1..=10).map(|row| format!("{row}\n")).collect();
    let counts = |words: &[&str]| place.fed(words, rows.as_bytes()).ok().out();
    assert_eq!(counts(&["--in", "-", "--chunks", "3", "--", "sh", "-c", "wc -l"]).split_whitespace().collect::<Vec<_>>(), ["4", "3", "3"]);
    assert_eq!(counts(&["--in", "-", "--size", "4", "--", "wc", "-l"]).split_whitespace().collect::<Vec<_>>(), ["4", "4", "2"]);
    assert_eq!(counts(&["--in", "-", "--chunks", "99", "--combine", "sum", "--", "wc", "-l"]), "10\n");
}

#[test]
fn groups_stay_together_in_the_order_in_which_they_come() {
    let place = Place::new().with("t.csv", "k,v\nb,1\na,2\nb,3\nc,4\na,5\n");
    let words = ["--in", "t.csv", "--by-group", "k", "--size", "1", "--", "sh", "-c", "cat; echo 'k,v' >&2"];
    assert_eq!(place.map(&words).ok().out(), "k,v\nb,1\nb,3\na,2\na,5\nc,4\n");
    let upper = ["--in", "t.csv", "--by-group", "k", "--size", "1", "--keep-order", "--out", "o.csv", "--", "sed", "2,$s/,/,x/"];
    place.map(&upper).ok();
    assert_eq!(place.read("o.csv"), "k,v\nb,x1\na,x2\nb,x3\nc,x4\na,x5\n");
    let fewer = ["--in", "t.csv", "--by-group", "k", "--size", "1", "--keep-order", "--out", "o.csv", "--", "head", "-2"];
    place.map(&fewer).exits(255).complains("1 rows came out where 2 went in");
    place.map(&["--in", "t.csv", "--by-group", "z", "--", "cat"]).exits(255).complains("there is no column 'z'; there are: k, v");
}

#[test]
fn keys_of_json_lines_are_groups() {
    let place = Place::new().with("t.jsonl", "{\"k\": 1, \"v\": 1}\n{\"k\": \"1\"}\n\n{\"v\": 2, \"k\": 1}\n");
    let words = ["--in", "t.jsonl", "--by-group", "k", "--size", "1", "--", "sh", "-c", "echo $PARAFFIN_MAP_INDEX $(wc -l)"];
    assert_eq!(place.map(&words).ok().out(), "0 2\n1 2\n");
    let place = place.with("t.jsonl", "{\"k\": 1}\n{\"x\": 1}\n");
    place.map(&["--in", "t.jsonl", "--by-group", "k", "--", "cat"]).exits(255).complains("row 2: there is no key 'k'");
}

#[test]
fn several_inputs_are_cut_at_the_same_rows() {
    let place = Place::new().with("a.txt", "1\n2\n3\n").with("b.csv", "h\nx\ny\nz\n").with("short.txt", "1\n");
    let words = ["--in", "a.txt", "--in", "b.csv", "--size", "2", "--", "sh", "-c", "cat $1 $2", "-", "{in1}", "{in2}"];
    assert_eq!(place.map(&words).ok().out(), "1\n2\nh\nx\ny\n3\nh\nz\n");
    place
        .map(&["--in", "a.txt", "--in", "short.txt", "--", "true", "{in2}"])
        .exits(255)
        .complains("'short.txt' has fewer rows than 'a.txt'");
    place.map(&["--in", "a.txt", "--", "true", "{in2}"]).exits(254).complains("'{in2}' is no input: there is 1");
    let place = place.with("p.csv", "k,v\na,1\nb,2\n").with("q.csv", "w,k\n9,b\n8,a\n").with("r.csv", "k\na\n");
    let words = [
        "--in",
        "p.csv",
        "--in",
        "q.csv",
        "--by-group",
        "k",
        "--size",
        "1",
        "--combine-cmd",
        "xargs cat",
        "--",
        "tail",
        "-qn1",
        "{in1}",
        "{in2}",
    ];
    assert_eq!(place.map(&words).ok().out(), "a,1\n8,a\nb,2\n9,b\n");
    let words = ["--in", "p.csv", "--in", "r.csv", "--by-group", "k", "--", "true", "{in2}"];
    place.map(&words).exits(255).complains("'r.csv' has no row of a group that 'p.csv' has");
}

#[test]
fn files_and_items_are_one_partition_each() {
    let place = Place::new().with("d/b.txt", "b\n").with("d/a/x.txt", "x\n").with("d/c.md", "c\n").with("list", "one\n\ntwo three\n");
    assert_eq!(place.map(&["--in", "d", "--", "cat", "{in}"]).ok().out(), "x\nb\nc\n");
    assert_eq!(place.map(&["--in", "d/*.txt", "--", "cat", "{in}"]).ok().out(), "b\n");
    assert_eq!(place.map(&["--in", "d", "--size", "2", "--", "cat", "{in}"]).ok().out(), "x\nb\nc\n");
    assert_eq!(place.map(&["--in", "d", "--size", "2", "--", "sh", "-c", "wc -l"]).ok().out(), "2\n1\n");
    assert_eq!(place.map(&["--items", "a b", "{in}", "--", "echo", "<{item}>"]).ok().out(), "<a b>\n<{in}>\n");
    assert_eq!(place.map(&["--items-file", "list", "--", "echo", "<{item}>"]).ok().out(), "<one>\n<>\n<two three>\n");
    assert_eq!(place.fed(&["--items-file", "-", "-0", "--", "echo", "<{item}>"], b"a\nb\0c").ok().out(), "<a\nb>\n<c>\n");
    assert_eq!(
        place.map(&["--split-cmd", "seq 3", "--", "sh", "-c", "echo $PARAFFIN_MAP_ITEM$PARAFFIN_MAP_INDEX"]).ok().out(),
        "10\n21\n32\n"
    );
    place.map(&["--split-cmd", "echo a; exit 3", "--", "true"]).exits(255).complains("--split-cmd");
    place.map(&["--in", "d/*.none", "--", "true"]).exits(255).complains("no file matches 'd/*.none'");
    place.map(&["--in", "none.csv", "--", "true"]).exits(255).complains("cannot read 'none.csv'");
    place.map(&["--items", "1", "2", "--size", "2", "--", "echo", "x{item}"]).exits(254).complains("a word of its own");
}

#[test]
fn what_is_no_sound_input_names_file_and_line() {
    let ragged = Place::new().with("t.csv", "a,b\n1,2\n3\n");
    ragged.map(&["--in", "t.csv", "--out", "o", "--", "cat"]).exits(255).complains("'t.csv', line 3: 1 fields where the first row has 2");
    assert!(!ragged.has("o"));
    let bytes = Place::new().with("t.csv", b"a\n1\n\xff\n");
    bytes.map(&["--in", "t.csv", "--", "cat"]).exits(255).complains("'t.csv', line 3: not valid UTF-8");
    assert_eq!(bytes.map(&["--in", "t.csv", "--encoding", "bytes", "--", "cat"]).ok().stdout, b"a\n1\n\xff\n");
    let lines = Place::new().with("t.txt", b"\xff\n");
    assert_eq!(lines.map(&["--in", "t.txt", "--", "cat"]).ok().stdout, b"\xff\n");
    let open = Place::new().with("t.csv", "a\n1\n\"2\n3\n");
    open.map(&["--in", "t.csv", "--", "cat"]).exits(255).complains("'t.csv', line 3: a quote is opened in this row and never closed");
    let mark = Place::new().with("t.csv", "\u{feff}k,v\na,1\nb,2\n");
    assert_eq!(mark.map(&["--in", "t.csv", "--by-group", "k", "--size", "1", "--", "cat"]).ok().out(), "\u{feff}k,v\na,1\nb,2\n");
}

#[test]
fn without_rows_the_header_alone_is_run_and_nothing_for_nothing() {
    let place = Place::new().with("t.csv", "a,b\n").with("empty.csv", "");
    place.map(&["--in", "t.csv", "--out", "o.csv", "--", "sed", "1s/$/,c/"]).ok();
    assert_eq!(place.read("o.csv"), "a,b,c\n");
    place.map(&["--in", "t.csv", "--by-group", "a", "--out", "g.csv", "--", "sed", "1s/$/,c/"]).ok();
    assert_eq!(place.read("g.csv"), "a,b,c\n");
    place.map(&["--in", "empty.csv", "--out", "e.csv", "--", "sh", "-c", "touch ran; cat"]).ok();
    assert_eq!((place.read("e.csv").as_str(), place.has("ran")), ("", false));
    assert_eq!(place.map(&["--in", "t.csv", "--combine", "sum", "--", "cat"]).ok().out(), "a,b\n0,0\n");
}
