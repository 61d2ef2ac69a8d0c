//! What a map tells: figures, tables, plans, and what a report of the run around it shows.

use super::Place;
use crate::support::program;
use crate::support::project::Project;

#[test]
fn the_profile_has_its_figures_on_standard_error() {
    let place = Place::new().with("t.txt", "1\n2\n3\n4\n");
    let ran = place.map(&["--in", "t.txt", "--size", "1", "--profile", "--", "cat"]);
    assert_eq!(ran.ok().out(), "1\n2\n3\n4\n");
    for word in [
        "profile of 4 partitions",
        "CPU time of commands",
        "computing",
        " min, ",
        " max, ",
        " mean",
        "splitting",
        "combining",
        "speed-up, at most",
        "the size was given",
    ] {
        ran.complains(word);
    }
    let ran = place.map(&["--in", "t.txt", "--profile", "--", "cat"]);
    ran.ok().complains("partition size");
}

#[test]
fn the_trace_has_a_row_for_each_partition_in_the_order_of_the_input() {
    let place = Place::new().with("t.txt", "1\n2\n3\n4\n5\n");
    let words = ["--in", "t.txt", "--size", "2", "--retries", "1", "--jobs", "3", "--trace-export", "trace.csv", "--", "sh", "-c"];
    let command = "[ $PARAFFIN_MAP_INDEX = 0 ] && sleep 0.2; [ $PARAFFIN_MAP_INDEX$PARAFFIN_MAP_ATTEMPT != 11 ] && cat";
    place.map(&[&words[..], &[command]].concat()).ok();
    let text = place.read("trace.csv");
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let head = lines.next().unwrap().join(" ");
    assert_eq!(
        head,
        "requested_partition_size partition_size partition_duration function_duration combine_duration index start end attempts exit cpu rss"
    );
    let rows: Vec<Vec<u64>> = lines.map(|line| line.iter().map(|cell| cell.parse().unwrap()).collect()).collect();
    let columns = |at: usize| rows.iter().map(|row| row[at]).collect::<Vec<_>>();
    assert_eq!(
        (columns(0), columns(1), columns(5), columns(8), columns(9)),
        (vec![2; 3], vec![2, 2, 1], vec![0, 1, 2], vec![1, 2, 1], vec![0; 3])
    );
    assert!(rows.iter().all(|row| row[6] < row[7] && row[2] > 0 && row[10] > 0 && row[11] > 0), "{text}");
    assert!(rows[0][3] >= 200_000_000, "wall time, in nanoseconds: {text}");
}

#[test]
fn a_dry_run_prints_partitions_and_commands_and_runs_nothing() {
    let place = Place::new().with("t.csv", "k,v\na,1\nb,2\na,3\n").with("d/x.png", "").with("d/y z.png", "");
    let shown = place.map(&["--in", "t.csv", "--size", "2", "--dry-run", "--out", "o.csv", "--", "touch", "ran", "{in}"]).ok().out();
    let lines: Vec<&str> = shown.lines().collect();
    assert!(
        lines.len() == 2
            && lines[0].starts_with("partition 0 (rows 1 to 2): touch ran /")
            && lines[1].starts_with("partition 1 (row 3): touch ran /"),
        "{shown}"
    );
    assert_eq!(
        place.map(&["--in", "d", "--dry-run", "--", "touch", "ran", "{in}"]).ok().out(),
        "partition 0 (1 item, 'd/x.png'): touch ran d/x.png\npartition 1 (1 item, 'd/y z.png'): touch ran 'd/y z.png'\n"
    );
    let groups = place.map(&["--in", "t.csv", "--by-group", "k", "--size", "1", "--dry-run", "--", "touch", "ran"]).ok().out();
    assert_eq!(groups, "partition 0 (2 rows, group 'a'): touch ran\npartition 1 (1 row, group 'b'): touch ran\n");
    assert!(!place.has("ran") && !place.has("o.csv"));
}

#[test]
fn the_answer_says_what_became_of_each_partition() {
    let place = Place::new().with("t.txt", "1\n2\n3\n");
    let words = [
        "--in",
        "t.txt",
        "--size",
        "1",
        "--jobs",
        "1",
        "--json-file",
        "j.json",
        "--",
        "sh",
        "-c",
        "[ $PARAFFIN_MAP_INDEX != 1 ] || exit 7",
    ];
    place.map(&words).exits(255);
    let answer: serde_json::Value = serde_json::from_str(&place.read("j.json")).unwrap();
    assert_eq!((&answer["version"], &answer["exit_code"], &answer["out"]), (&1.into(), &255.into(), &serde_json::Value::Null));
    let part = &answer["partitions"][1];
    assert_eq!(
        (&part["index"], &part["first"], &part["count"], &part["status"], &part["returncode"], &part["attempt"]),
        (&1.into(), &1.into(), &1.into(), &"failed".into(), &7.into(), &1.into())
    );
    assert!(part["log"].is_string() && part["started"].as_str().unwrap().ends_with('Z') && part["ended"].is_string());
    assert_eq!(answer["error"]["message"], "a partition failed");
    // There is an answer when nothing began as well.
    place.map(&["--in", "none", "--json-file", "n.json", "--", "cat"]).exits(255);
    let answer: serde_json::Value = serde_json::from_str(&place.read("n.json")).unwrap();
    assert_eq!((answer["partitions"].as_array().map(Vec::len), &answer["exit_code"]), (Some(0), &255.into()));
}

#[test]
fn a_failure_is_told_once_and_without_noise() {
    let place = Place::new().with("t.txt", "1\n2\n3\n4\n5\n6\n");
    let ran = place.map(&["--in", "t.txt", "--size", "1", "--jobs", "2", "--out", "o", "--", "sh", "-c", "echo 'no luck' >&2; exit 3"]);
    let said = ran.exits(255).err();
    assert!(said.lines().count() <= 10 && said.matches("| no luck").count() <= 2, "{said}");
    ran.complains("failed: exited with 3").complains("ERROR: ").complains("runs it alone");
}

#[test]
fn what_was_learnt_serves_the_next_run() {
    let many: String = (0..1500).map(|row| format!("{row}\n")).collect();
    let place = Place::new().with("t.txt", many);
    // Rows cost something, or nobody could learn what.
    let command = "sleep $(awk 'END {print NR / 2000}' {in}); cat {in}";
    let words = ["--in", "t.txt", "--jobs", "2", "--trace-export", "trace.csv", "--", "sh", "-c", command];
    let first = || {
        place.map(&words).ok();
        place.read("trace.csv").lines().nth(1).unwrap().split(',').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(first(), 32, "nothing is known yet");
    assert!(first() > 32, "what the run before has learnt is not used");
}

#[test]
fn no_more_partitions_are_on_the_disk_than_are_worked_on() {
    let place = Place::new().with("t.txt", "1\n".repeat(60));
    let count = "ls $(dirname $PARAFFIN_MAP_IN) | grep -c '^[0-9]*.in'";
    let shown = place.map(&["--in", "t.txt", "--size", "1", "--jobs", "2", "--", "sh", "-c", count]).ok().out();
    assert!(shown.lines().count() == 60 && shown.lines().all(|line| line == "1" || line == "2"), "{shown}");
}

/// A project with a stage that maps ten lines, one of which is bad unless `good` is there.
fn project() -> Project {
    let call = format!("{} map --in t.txt --size 2 --keep-going --out o.txt -- sh part.sh", program::path().display());
    Project::new()
        .file("t.txt", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n")
        .file(
            "part.sh",
            "if grep -q 5 && ! [ -e good ]; then echo 'it is <b>bad</b>'>&2; exit 1; fi; echo $PARAFFIN_MAP_INDEX $PARAFFIN_MAP_REPORT",
        )
        .stage("parts", |s| s.cmd(&call).dep("t.txt").dep("part.sh").out("o.txt"))
}

#[test]
fn the_report_of_a_run_shows_the_maps_of_its_stages() {
    let project = project();
    project.repro(["--report", "r.md", "--report", "r.html", "--report", "r.json"]).exits(255);
    assert!(project.read("r.md").contains("- `parts` map: 5 partitions, 1 failed: rows 5 to 6\n"), "{}", project.read("r.md"));
    let page = project.read("r.html");
    assert!(page.contains("map: 5 partitions, 1 failed: rows 5 to 6</summary>") && page.contains("exited with 1</td>"));
    let answer: serde_json::Value = serde_json::from_str(&project.read("r.json")).unwrap();
    let maps = answer["stages"][0]["maps"].as_array().unwrap();
    assert_eq!((maps.len(), maps[0]["partitions"].as_array().unwrap().len(), &maps[0]["exit_code"]), (1, 5, &255.into()));
    project.write("good", "");
    project.repro(["--report", "r.md"]).ok();
    assert!(project.read("r.md").contains("- `parts` map: 5 partitions\n"), "{}", project.read("r.md"));
    // What a partition starts is not told of the stage.
    assert_eq!(project.read("o.txt"), "0\n1\n2\n3\n4\n");
}

#[test]
fn what_is_masked_is_masked_in_what_maps_tell() {
    let call = format!("{} map --items secret-1 other --keep-going --out o.txt -- sh -c 'exit 4'", program::path().display());
    let project = Project::new().stage("parts", |s| s.cmd(&call).out("o.txt")).file("paraffin.yaml", "mask: ['secret-[0-9]+']\n");
    project.repro(["--report", "r.json", "--report", "r.md"]).exits(255);
    for report in ["r.json", "r.md"] {
        let text = project.read(report);
        assert!(!text.contains("secret-1") && text.contains("'***'"), "{text}");
    }
}
