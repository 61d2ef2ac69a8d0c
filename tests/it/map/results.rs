//! How parts become one result.

use super::Place;

#[test]
fn parts_come_in_the_order_of_the_input_whoever_is_first() {
    let place = Place::new();
    let words = ["--items", "3", "1", "2", "0", "--jobs", "4", "--", "sh", "-c", "sleep 0.{item}; echo {item}"];
    assert_eq!(place.map(&words).ok().out(), "3\n1\n2\n0\n");
}

#[test]
fn lines_without_an_end_get_one_and_parts_without_anything_add_nothing() {
    let place = Place::new();
    let words = ["--items", "a", "b", "c", "--", "sh", "-c", "[ {item} = b ] || printf {item}"];
    assert_eq!(place.map(&words).ok().out(), "a\nc\n");
}

#[test]
fn a_command_may_stop_reading_early() {
    let place = Place::new().with("t.txt", "some row\n".repeat(100_000));
    let words = ["--in", "t.txt", "--chunks", "3", "--jobs", "2", "--", "head", "-n", "1"];
    assert_eq!(place.map(&words).ok().out(), "some row\n".repeat(3));
}

#[test]
fn headers_that_differ_are_refused() {
    let place = Place::new().with("t.csv", "a,b\n1,2\n3,4\n").with("o.csv", "old\n");
    let words = ["--in", "t.csv", "--size", "1", "--out", "o.csv", "--", "sh", "-c", "[ $PARAFFIN_MAP_INDEX = 1 ] && echo b,a; cat"];
    place.map(&words).exits(255).complains("the header of partition 1 differs from that of partition 0: [b, a] and [a, b]");
    assert_eq!(place.read("o.csv"), "old\n");
    let quoted = ["--in", "t.csv", "--size", "1", "--", "sh", "-c", "[ $PARAFFIN_MAP_INDEX = 0 ] || { read x; echo '\"a\",b'; }; cat"];
    assert_eq!(place.map(&quoted).ok().out(), "a,b\n1,2\n3,4\n");
}

#[test]
fn numbers_are_over_all_rows() {
    let place = Place::new().with("t.csv", "a,b\n1,0.5\n2,0.25\n6,0.25\n");
    let total = |how: &str| place.map(&["--in", "t.csv", "--size", "2", "--combine", how, "--", "cat"]).ok().out();
    assert_eq!(total("sum"), "a,b\n9,1.0\n");
    assert_eq!(total("mean"), "a,b\n3.0,0.3333333333333333\n");
    assert_eq!(total("min"), "a,b\n1,0.25\n");
    assert_eq!(total("max"), "a,b\n6,0.5\n");
    let by_chance = ["--in", "t.csv", "--combine", "sum", "--", "cat"];
    place.map(&by_chance).exits(255).complains("--size or --chunks");
    let words = ["--in", "t.csv", "--size", "1", "--combine", "sum", "--", "sh", "-c", "cat; echo x,y"];
    place.map(&words).exits(255).complains("line 3, column 'a': 'x' is not a number");
}

#[test]
fn json_is_merged() {
    let place = Place::new();
    let merged = |command: &str| place.map(&["--items", "a", "b", "--combine", "merge-json", "--out", "o.json", "--", "sh", "-c", command]);
    merged("echo '{\"'{item}'\": 1, \"same\": [1]}'").ok();
    let value: serde_json::Value = serde_json::from_str(&place.read("o.json")).unwrap();
    assert_eq!(value, serde_json::json!({"a": 1, "same": [1], "b": 1}));
    merged("echo '{\"k\": \"'{item}'\"}'").exits(255).complains("the key 'k' has another value than in a part before");
}

#[test]
fn a_directory_of_parts_has_the_names_of_what_they_were_made_of() {
    let place = Place::new().with("d/a/x.txt", "x\n").with("d/b.txt", "b\n").with("o/old", "");
    place.map(&["--in", "d", "--combine", "files", "--out", "o", "--", "tr", "a-z", "A-Z"]).ok();
    assert_eq!((place.read("o/a/x.txt").as_str(), place.read("o/b.txt").as_str(), place.has("o/old")), ("X\n", "B\n", false));
    let some = ["--in", "d", "--combine", "files", "--out", "o", "--keep-going", "--min-success", "0.5", "--", "sh", "-c", "grep x"];
    place.map(&some).ok().complains("'d/b.txt') failed");
    assert_eq!((place.read("o/a/x.txt").as_str(), place.has("o/b.txt"), place.has("o/0")), ("x\n", false, false));
    let items: Vec<String> = (0..11).map(|item| item.to_string()).collect();
    let mut words = vec!["--combine", "files", "--out", "n", "--items"];
    words.extend(items.iter().map(String::as_str));
    words.extend(["--", "echo", "{item}"]);
    place.map(&words).ok();
    assert_eq!((place.read("n/00").as_str(), place.read("n/10").as_str()), ("0\n", "10\n"));
    let place = place.with("t.csv", "a\n1\n");
    place.map(&["--in", "t.csv", "--combine", "files", "--out", "p", "--", "cat"]).exits(254).complains("--size N or --chunks K");
    place.map(&["--in", "t.csv", "--", "echo", "{index}"]).exits(254).complains("'{index}' would depend");
}

#[test]
fn a_command_may_combine() {
    let place = Place::new();
    let words = ["--items", "b", "a", "--combine-cmd", "xargs cat | sort", "--out", "o.txt", "--", "echo", "{item}"];
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), "a\nb\n");
    let words = ["--items", "b", "a", "--combine-cmd", "xargs cat > {out}; echo said", "--out", "o.txt", "--", "echo", "{item}"];
    place.map(&words).ok();
    assert_eq!(place.read("o.txt"), "b\na\n");
    let words = ["--items", "b", "--combine-cmd", "exit 4", "--out", "o.txt", "--", "echo", "{item}"];
    place.map(&words).exits(255).complains("--combine-cmd 'exit 4' exited with 4");
    assert_eq!(place.read("o.txt"), "b\na\n");
}

#[test]
fn what_a_command_finds_around_it() {
    let place = Place::new().with("t.txt", "1\n2\n");
    let say = "cat; for name in IN OUT INDEX ATTEMPT; do eval \"v=\\$PARAFFIN_MAP_$name\"; echo $name ${v##*/}; done";
    let names = |word: &str| place.map(&["--in", "t.txt", "--size", "9", "--", "sh", "-c", say, word]).ok().out();
    // Standard input is the partition, or nothing.
    assert_eq!(names("-"), "1\n2\nIN 0.in.txt\nOUT 0.out.txt\nINDEX 0\nATTEMPT 1\n");
    assert_eq!(names("{in}"), "IN 0.in.txt\nOUT 0.out.txt\nINDEX 0\nATTEMPT 1\n");
    let item = place.map(&["--items", "a", "--", "sh", "-c", "cat; echo $PARAFFIN_MAP_ITEM ${PARAFFIN_MAP_IN-none}", "{item}"]);
    assert_eq!(item.ok().out(), "a none\n");
}
