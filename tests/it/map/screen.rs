//! How far a map is, on a terminal.

use crate::support::project::Project;
use crate::support::pty::Pty;

/// What a terminal of so many columns shows of a map until it has ended with this exit code.
fn shown(columns: u32, code: u8, more: &str) -> Option<String> {
    let project = Project::new().file("n.txt", "1\n2\n3\n4\n5\n6\n");
    let mut pty = Pty::open(&project)?;
    pty.press(&format!("stty cols {columns} rows 30; clear\n"));
    pty.press(&format!("$PARAFFIN map --in n.txt --size 1 --jobs 1 --out o {more}; echo co''de $?\n"));
    Some(pty.wait_for(&format!("code {code}\r\n")))
}

#[test]
fn one_line_says_how_far_it_is_however_narrow_the_terminal() {
    for columns in [120, 30, 8] {
        let Some(text) = shown(columns, 0, "-- sh -c 'sleep 0.4; cat'") else { return };
        let drawn: Vec<&str> = text.split('\r').filter_map(|line| Some(&line[line.find("/6 rows")? - 1..])).collect();
        let of = |what: &str| drawn.iter().filter(|line| line.contains(what)).count();
        let wanted = if columns == 8 { "4/6 rows" } else { "4/6 rows, 1 running" };
        assert!(of(wanted) > 0, "{text:?}");
        assert!(drawn.iter().all(|line| line.chars().count() <= columns as usize), "{drawn:?}");
        if columns == 120 {
            assert!(of(" left [==========---") > 0, "{text:?}");
        }
    }
}

#[test]
fn what_fails_stands_above_the_line() {
    let Some(text) = shown(80, 255, "--keep-going -- sh -c 'sleep 0.3; [ $PARAFFIN_MAP_INDEX != 2 ]'") else { return };
    let failed = text.find("partition 2 (row 3) failed: exited with 1").unwrap_or_else(|| panic!("{text:?}"));
    assert!(text[failed..].contains("1 failed"), "{text:?}");
    assert!(text.contains("1 of 6 partitions failed"), "{text:?}");
}
