//! How much memory a map needs: for what it works on, and for groups 16 bytes for each row and little for each of them. The
//! system refuses more.

use std::fmt::Write as _;

use super::Place;
use crate::support::program;
use crate::support::ran::Ran;

/// A map that may have so many kilobytes of memory, and whose output is counted.
fn within(place: &Place, kilobytes: u32, words: &str) -> Ran {
    let script = format!("ulimit -d {kilobytes} && '{}' map --jobs 2 {words} > out && wc -c < out", program::path().display());
    Ran::of(place.scratch.command("sh").current_dir(place.scratch.work()).env("TMPDIR", place.scratch.top()).args(["-c", &script]))
}

#[test]
fn groups_need_16_bytes_for_a_row() {
    let mut table = "k,v\n".to_owned();
    (0..1_000_000).for_each(|row| writeln!(table, "{},1", row % 10).unwrap());
    let place = Place::new().with("t.csv", &table);
    let size = format!("{}\n", table.len());
    // 16 MB for the rows, 14 MB for all else, of which some 10 are needed. What it is not enough for fails aloud.
    within(&place, 30_000, "--in t.csv --by-group k --chunks 1 -- cat").ok().says(&size);
    within(&place, 30_000, "--in t.csv --by-group k --chunks 2 --keep-order -- cat").ok().says(&size);
    assert_eq!(place.read("out"), table);
    within(&place, 20_000, "--in t.csv --by-group k --chunks 1 -- cat").complains("memory allocation");
}

#[test]
fn a_group_costs_little_more_than_its_key() {
    let mut table = "k,v\n".to_owned();
    (0..1_000_000).for_each(|row| writeln!(table, "{row},1").unwrap());
    let place = Place::new().with("t.csv", &table);
    // 16 MB for the rows, some 10 MB for all else, and 6 MB of values with 20 MB around them, each group being one row.
    for more in ["", " --keep-order"] {
        within(&place, 58_000, &format!("--in t.csv --by-group k --chunks 1{more} -- cat")).ok().says(&format!("{}\n", table.len()));
    }
}

#[test]
fn rows_need_no_more_for_a_larger_input() {
    let rows = format!("{}\n", "x".repeat(999)).repeat(60_000);
    let place = Place::new().with("t.txt", &rows);
    let size = format!("{}\n", rows.len());
    within(&place, 24_000, "--in t.txt --size 1000 -- cat").ok().says(&size);
    within(&place, 24_000, "--in t.txt --chunks 7 -- cat").ok().says(&size);
}
