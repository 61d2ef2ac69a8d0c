//! What docs/map.md shows.

use super::Place;
use crate::support::crate_dir;

/// The worker of the text, word for word.
#[test]
fn the_worker_of_the_text_works() {
    let text = std::fs::read_to_string(crate_dir().join("docs/map.md")).unwrap();
    let (_, rest) = text.split_once("```python\n").expect("there is a worker in the text");
    let (worker, _) = rest.split_once("```").unwrap();
    assert!(worker.lines().count() <= 15, "it is said to be short");
    let place = Place::new().with("worker.py", worker).with("t.csv", "a,b\n1,3\n\"2\",4\n0,0.5\n");
    place.map(&["--in", "t.csv", "--size", "1", "--persistent", "--out", "o.csv", "--", "python3", "worker.py"]).ok();
    assert_eq!(place.read("o.csv").replace("\r\n", "\n"), "a,b,mean\n1,3,2.0\n2,4,3.0\n0,0.5,0.25\n");
    let place = place.with("t.csv", "a,b\n1,x\n");
    let ran = place.map(&["--in", "t.csv", "--size", "1", "--persistent", "--out", "o.csv", "--", "python3", "worker.py"]);
    ran.exits(255).complains("partition 0 (row 1) failed: could not convert string to float: 'x'");
}
