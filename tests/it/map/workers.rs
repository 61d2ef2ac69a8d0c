//! Workers that are started once.

use super::Place;

/// Copies, says something on both streams, and does what the rows say.
const WORKER: &str = r#"
import json, os, sys, time
open("started", "a").write("x")
for line in sys.stdin:
    request = json.loads(line)
    rows = open(request["in"]).read()
    print("doing", request["index"])
    print("to stderr", file=sys.stderr, flush=True)
    if "die" in rows and request["attempt"] == 1: os._exit(7)
    if "hang" in rows: time.sleep(60)
    if "other" in rows: request["index"] += 100
    ok = "bad" not in rows
    if ok and "nothing" not in rows: open(request["out"], "w").write(rows.upper())
    print(json.dumps({"index": request["index"], "ok": ok, "error": "it was bad"}), flush=True)
"#;

fn place(rows: &str) -> Place {
    Place::new().with("w.py", WORKER).with("t.txt", rows)
}

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["--in", "t.txt", "--size", "1", "--persistent", "--jobs", "2", "--out", "o.txt"];
    words.extend(more);
    words.extend(["--", "python3", "w.py"]);
    words
}

#[test]
fn a_worker_does_many_partitions() {
    let place = place("a\nb\nc\nd\ne\nf\n");
    place.map(&words(&[])).ok();
    assert_eq!(place.read("o.txt"), "A\nB\nC\nD\nE\nF\n");
    assert!(place.read("started").len() <= 2);
}

#[test]
fn what_a_worker_says_is_in_the_log_of_its_partition() {
    let place = place("a\nbad\n");
    place.map(&words(&[])).exits(255).complains("partition 1 (row 2) failed: it was bad\n  | doing 1\n  | to stderr\n");
    assert!(!place.has("o.txt"));
}

#[test]
fn a_worker_that_dies_fails_one_partition_and_another_takes_the_next() {
    let place = place("a\ndie\nc\n");
    place.map(&words(&[])).exits(255).complains("the worker exited with 7 before it answered");
    place.map(&words(&["--retries", "1"])).ok();
    assert_eq!(place.read("o.txt"), "A\nDIE\nC\n");
}

#[test]
fn a_worker_that_takes_too_long_or_answers_for_another_is_replaced() {
    let hanging = place("a\nhang\nc\n");
    hanging
        .map(&words(&["--timeout", "500ms", "--grace", "100ms", "--keep-going"]))
        .exits(255)
        .complains("stopped after its timeout of 0.5s");
    let other = place("a\nother\nc\n");
    other.map(&words(&["--keep-going", "--min-success", "0.5"])).ok().complains("the worker answered for partition 101 instead of 1");
    assert_eq!(other.read("o.txt"), "A\nC\n");
    let nothing = place("nothing\n");
    nothing.map(&words(&[])).exits(255).complains("it succeeded but did not write");
}

#[test]
fn what_a_worker_says_may_be_long() {
    let rows = Place::new().with("t.txt", "1\n");
    let worker = "import json, sys\nfor line in sys.stdin:\n  r = json.loads(line); print('x' * 20_000_000); print('y\\n' * 100_000)\n  open(r['out'], 'w').write('z'); print(json.dumps({'index': 0, 'ok': True}), flush=True)";
    let words = ["--in", "t.txt", "--size", "1", "--persistent", "--jobs", "1", "--", "python3", "-c", worker];
    assert_eq!(rows.map(&words).ok().out(), "z\n");
}

#[test]
fn a_worker_that_cannot_be_started_says_why() {
    let place = place("a\nb\n");
    let words = ["--in", "t.txt", "--persistent", "--retries", "3", "--keep-going", "--", "no-such-program"];
    place.map(&words).exits(255).complains("ERROR: cannot run 'no-such-program': No such file");
}

#[test]
fn an_answer_that_says_too_little_is_none() {
    let place = place("a\n");
    let say = |answer: &str| {
        let worker = format!("import sys\nfor line in sys.stdin: print('{{\"index\": 0}}'); print('{answer}', flush=True)");
        place.map(&["--in", "t.txt", "--persistent", "--", "python3", "-c", &worker])
    };
    for answer in [r#"{"ok": true}"#, r#"{"index": 0, "ok": "yes"}"#, r#"{"index": "0", "ok": true}"#] {
        say(answer)
            .exits(255)
            .complains(&format!("the worker's answer needs a number as its \"index\", and true or false as its \"ok\": {answer}"));
    }
    say(r#"{"index": 0, "ok": false}"#).exits(255).complains("the worker gave no reason");
}

#[test]
fn a_worker_is_told_what_a_command_is_told() {
    let place = Place::new().with("a.txt", "1\n2\n").with("b.txt", "x\ny\n").with("d/f", "f\n");
    let worker = "import json, sys\nfor line in sys.stdin:\n  r = json.loads(line)\n  \
                  told = {k: ([open(p).read() for p in v] if k == 'ins' else v) for k, v in r.items() if k not in ('in', 'out')}\n  \
                  told['in'] = 'in' in r and open(r['in']).read(); json.dump(told, open(r['out'], 'w'))\n  \
                  print(json.dumps({'index': r['index'], 'ok': True}), flush=True)";
    let told = |words: &[&str]| place.map(&[words, &["--jobs", "1", "--persistent", "--", "python3", "-c", worker]].concat()).ok().out();
    let rows = told(&["--in", "a.txt", "--in", "b.txt", "--size", "1"]);
    assert_eq!(rows.lines().next().unwrap(), r#"{"index": 0, "ins": ["1\n", "x\n"], "attempt": 1, "in": "1\n"}"#);
    assert_eq!(told(&["--items", "i"]), "{\"index\": 0, \"item\": \"i\", \"attempt\": 1, \"in\": false}\n");
    assert_eq!(told(&["--items", "i", "j", "--size", "2"]), "{\"index\": 0, \"items\": [\"i\", \"j\"], \"attempt\": 1, \"in\": false}\n");
    assert_eq!(told(&["--in", "d"]), "{\"index\": 0, \"attempt\": 1, \"in\": \"f\\n\"}\n");
}

#[test]
fn an_answer_that_comes_late_is_no_answer_to_what_is_asked_next() {
    let place = Place::new().with("t.txt", "1\n2\n");
    // It answers twice at once: that it failed, and that all is well, which is not so.
    let worker = "import json, sys, time\nfor line in sys.stdin:\n  r = json.loads(line)\n  \
                  say = lambda ok: json.dumps({'index': r['index'], 'ok': ok}) + '\\n'\n  \
                  if r['attempt'] == 1: sys.stdout.write(say(False) + say(True)); sys.stdout.flush(); continue\n  \
                  time.sleep(0.3); open(r['out'], 'w').write('made\\n'); sys.stdout.write(say(True)); sys.stdout.flush()";
    let words = ["--in", "t.txt", "--size", "1", "--jobs", "1", "--retries", "1", "--persistent", "--", "python3", "-c", worker];
    assert_eq!(place.map(&words).ok().out(), "made\nmade\n");
}
