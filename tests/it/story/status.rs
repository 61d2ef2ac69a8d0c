//! `status` says what `dvc status` says: both programs look at the same repository after each of
//! many edits, and their texts, JSON and exit codes are compared.

use std::path::Path;

use crate::dvc;
use crate::support::on_threads;
use crate::support::project::Project;
use crate::support::ran::{Ran, sh};
use crate::support::scratch::Scratch;

const PIPELINE: &str = "\
stages:
  prepare:
    cmd: mkdir -p d/deep && cat data.txt > d/one && cat raw/x > d/deep/two
    deps: [./data.txt, raw]
    params: [lr, m.a, p.json: [k]]
    outs: [d]
  train:
    foreach: [x, y]
    do:
      cmd: echo ${item} > ${item}.txt
      deps: [d, code.py]
      outs: ['${item}.txt']
  whole:
    cmd: cat p.json > w.json
    params: [p.json: ]
    deps: [p.json]
    metrics: [w.json: {cache: false}]
  cold:
    cmd: cp x.txt cold.txt
    deps: [x.txt]
    outs: [cold.txt]
    frozen: true
  restless:
    cmd: echo > restless.txt
    always_changed: true
    outs: [restless.txt]
  call:
    cmd: 'true'
";

const BELOW: &str = "\
stages:
  inner:
    wdir: in
    cmd: cat ../../x.txt > o.txt
    deps: [../../x.txt]
    outs: [o.txt: {persist: true}]
";

/// Each is done to a copy of the fresh repository.
const EDITS: &[(&str, &str)] = &[
    ("nothing", ":"),
    ("a dep, then what it makes", "echo more >> data.txt"),
    ("a dep is gone", "rm code.py data.txt"),
    ("a file in a folder", "echo > raw/new; rm raw/x"),
    ("a folder output", "chmod -R u+w d; echo > d/one; rm x.txt; chmod u+w y.txt; echo > y.txt"),
    ("not in the cache", "rm -r .dvc/cache"),
    ("one object of a folder is not in the cache", "rm -r .dvc/cache/files/md5/$(md5sum d/one | cut -c1-2)"),
    ("params", "printf 'lr: 1.0\\nm: {a: 2}\\n' > params.yaml; printf '{\"k\": 1, \"n\": {\"deep\": [2]}}' > p.json"),
    ("equal params of another type", "printf 'lr: 1\\nm: {a: 1.0}\\n' > params.yaml"),
    ("a param is gone", "printf 'm: {b: 1}\\n' > params.yaml; echo '{}' > p.json"),
    ("params files are gone", "rm params.yaml p.json"),
    ("params are broken, but dvc.lock does not know them", "rm dvc.lock; echo '{' > p.json"),
    ("params are broken", "echo '{' > p.json"),
    ("a params file is a folder", "rm p.json; mkdir p.json"),
    ("a command", "sed -i 's/echo \\${item}/printf \\${item}/; s/true/false/' dvc.yaml"),
    (
        "a new stage, a new dep, a new out, a new params file",
        "sed -i 's/deps: .p.json./deps: [data.txt]/; s/params: .lr,/params: [q.yaml: , n.yaml: [z], lr,/; s/outs: .d./outs: [d, more.txt]/' dvc.yaml; echo > more.txt; echo 'a: 1' > q.yaml; printf '  new:\\n    cmd: echo\\n    params: [lr]\\n    outs: [q]\\n' >> dvc.yaml",
    ),
    ("dvc.lock is gone", "rm dvc.lock"),
    ("an entry of dvc.lock is gone", "sed -i 's/^  prepare:/  other:/' dvc.lock"),
    ("entries of DVC 2", "sed -i '/hash: md5/d' dvc.lock"),
    ("entries of DVC 2 with their cache", "sed -i '/hash: md5/d' dvc.lock; cp -a .dvc/cache/files/md5/* .dvc/cache/"),
    ("line ends, which DVC 2 did not mind", "sed -i '/hash: md5/d' dvc.lock; printf 'a\\r\\n' > code.py; rm -r d"),
    ("added data", "chmod u+w data.txt raw/x; echo other > data.txt; rm -r raw"),
    ("an edited .dvc file", "sed -i 's/path: data.txt/path: data.txt\\n  desc: text/' data.txt.dvc; echo 'md5: 0123' >> raw.dvc"),
    ("an edited import", "sed -i 's/path: imported.txt/path: imported.txt\\n  push: false/' imported.txt.dvc"),
    (
        "a described import",
        "sed -i 's/path: imported.txt/path: imported.txt\\n  desc: d/' imported.txt.dvc; echo 'meta: {a: 1}' >> imported.txt.dvc",
    ),
    ("an import that is not frozen", "sed -i '/frozen/d' imported.txt.dvc; echo > ../source.txt"),
    (
        "frozen and thawed",
        "sed -i 's/frozen: true/frozen: false/; s/^  prepare:/  prepare:\\n    frozen: true/' dvc.yaml; rm x.txt data.txt",
    ),
    ("a broken dvc.yaml", "echo '  x: [' >> sub/dvc.yaml"),
    ("an invalid dvc.yaml", "echo '  x: {}' >> sub/dvc.yaml"),
    ("a bad template", "sed -i 's/cold.txt/${no}/' dvc.yaml"),
    ("a bad dvc.lock", "echo > dvc.lock"),
    ("a bad setting", "printf '[core]\\n  foo = 1\\n' > .dvc/config"),
    ("a bad address", "sed -i 's|raw.,|foo://x/y],|; s/deps: ..data.txt, raw./deps: [foo:\\/\\/x\\/y]/' dvc.yaml"),
    ("overlapping outputs", "sed -i 's/outs: .restless.txt./outs: [d\\/one]/' dvc.yaml"),
    ("a cycle", "sed -i 's/deps: ..\\/data.txt, raw./deps: [x.txt]/' dvc.yaml"),
    ("no stages at all", "rm -r sub dvc.yaml dvc.lock *.dvc"),
    ("an output that is ignored", "echo x.txt >> .dvcignore"),
];

/// What is typed, where, after a dep and an output changed.
const WORDS: &[(&str, &str)] = &[
    (".", "prepare"),
    (".", "train"),
    (".", "train@y"),
    (".", "train@y prepare train"),
    (".", "dvc.yaml"),
    (".", "data.txt.dvc"),
    (".", "data.txt"),
    (".", "d/deep/two"),
    (".", "d raw/x"),
    (".", "w.json"),
    (".", "cold"),
    (".", "sub/dvc.yaml:inner"),
    (".", "sub/dvc.yaml:nope"),
    (".", ":whole"),
    (".", "sub/in/o.txt"),
    (".", "-R sub"),
    (".", "-R ."),
    (".", "-R nope"),
    (".", "-d train@y"),
    (".", "-d sub/dvc.yaml"),
    (".", "-d d/one"),
    (".", "nope"),
    (".", "nope/dvc.yaml"),
    (".", "nope.dvc"),
    (".", "dvc.lock"),
    (".", "code.py"),
    (".", "train@z"),
    (".", "--no-updates"),
    (".", "--json dvc.yaml"),
    (".", "-q"),
    (".", "-q cold"),
    (".", "-q nope"),
    (".", "-q --json"),
    (".", "-a -j 3"),
    ("sub", ""),
    ("sub", "inner"),
    ("sub", "--json ../dvc.yaml:train ../data.txt in"),
    ("sub/in", "nope"),
    ("sub/in", "../../d"),
];

/// A repository that is up to date, made by DVC.
fn fresh(dvc: &Path) -> Project {
    let project = Project::new()
        .file("dvc.yaml", PIPELINE)
        .file("sub/dvc.yaml", BELOW)
        .file("sub/in/.keep", "")
        .file("params.yaml", "lr: 0.1\nm:\n  a: 1\n  b: 2\n")
        .file("p.json", "{\"k\": 1, \"n\": {\"deep\": [1]}}")
        .file("data.txt", "data\n")
        .file("raw/x", "x\n")
        .file("cold.txt", "cold\n")
        .file("code.py", "a\n")
        .file("../source.txt", "source\n");
    let dvc = dvc.display();
    project.sh(&format!("{dvc} add -q data.txt raw && {dvc} import-url -q ../source.txt imported.txt && {dvc} repro -q -P"));
    project.commit()
}

/// A copy of a project beside it, after an edit.
fn copy(project: &Project, edit: &str) -> Scratch {
    let scratch = Scratch::new();
    let (from, to) = (project.scratch.top(), scratch.top());
    sh(&scratch, to, &format!("rm -rf w && cp -a {from}/w {from}/source.txt .", from = from.display()));
    sh(&scratch, &scratch.work(), edit);
    scratch
}

/// Runs both programs for each of some directories and lines of words; what differs.
fn both(scratch: &Scratch, dvc: &Path, lines: &[(&str, &str)]) -> Vec<String> {
    let arguments = |words: &str| -> Vec<String> { std::iter::once("status").chain(words.split_whitespace()).map(str::to_owned).collect() };
    let asked: Vec<_> = lines.iter().map(|(dir, words)| (scratch.work().join(dir), arguments(words))).collect();
    let mut python = scratch.command(dvc.with_file_name("python"));
    let ran = Ran::with_input(python.args(["-c", include_str!("many_dvc.py")]), &serde_json::to_vec(&asked).unwrap());
    let answers: Vec<(i32, String, String)> = serde_json::from_slice(&ran.ok().stdout).unwrap_or_else(|error| panic!("{error}\n{ran}"));
    let mut wrong = Vec::new();
    for ((dir, words), (code, out, err)) in lines.iter().zip(answers) {
        let mut ours = scratch.command(crate::support::program::path());
        let ours = Ran::of(ours.current_dir(scratch.work().join(dir)).args(arguments(words)));
        // We speak of a failure even if asked to be quiet.
        let equal = ours.code == code && blocks(&ours.out()) == blocks(&out) && (words.contains("-q") || said(&ours.err()) == said(&err));
        if !equal {
            wrong.push(format!("in {dir}: status {words}\n--- dvc -> exit {code}\n--- stdout\n{out}\n--- stderr\n{err}\n{ours}"));
        }
    }
    wrong
}

/// What is said of each stage. The order of files is that of the file system with DVC, and chance
/// with `--with-deps`.
fn blocks(out: &str) -> Vec<String> {
    let mut blocks: Vec<String> = Vec::new();
    if let Ok(serde_json::Value::Object(stages)) = serde_json::from_str(out) {
        blocks.extend(stages.into_iter().map(|(name, value)| format!("{name}: {value}")));
        blocks.sort();
        return blocks;
    }
    for line in out.lines() {
        match blocks.last_mut().filter(|_| line.starts_with('\t')) {
            Some(block) => *block += line,
            None => blocks.push(line.to_owned()),
        }
    }
    blocks.sort();
    blocks
}

/// The lines of standard error, but for our hints and the places in files, which DVC shows in
/// another way.
fn said(err: &str) -> Vec<String> {
    let ours = |line: &&str| line.starts_with("hint: ") || line.starts_with("WARNING: not looked up") || line.trim().is_empty();
    let lines = err.lines().filter(|line| !ours(line)).take_while(|line| !line.trim_start().starts_with("-->"));
    let mut lines: Vec<String> = lines.map(|line| line.trim_end().to_owned()).collect();
    lines.sort();
    lines
}

#[track_caller]
fn must_agree(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn says_after_each_edit_what_dvc_says() {
    let Some(dvc) = dvc::get("status after edits") else { return };
    let project = fresh(dvc);
    let wrong = on_threads(2, EDITS, |(name, edit)| {
        let wrong = both(&copy(&project, edit), dvc, &[(".", ""), (".", "--json")]);
        wrong.into_iter().map(|wrong| format!("*** {name}: {wrong}")).collect::<Vec<_>>()
    });
    must_agree(&wrong.concat());
}

#[test]
fn understands_targets_and_flags_as_dvc_does() {
    let Some(dvc) = dvc::get("targets of status") else { return };
    let project = fresh(dvc);
    let scratch = copy(&project, "echo >> code.py; chmod -R u+w d; echo > d/one; rm cold.txt sub/in/o.txt; echo > data.txt");
    must_agree(&both(&scratch, dvc, WORDS));
}

#[test]
fn prints_the_json_of_dvc_to_the_byte() {
    let project = super::chain();
    project.repro(["-q"]).ok();
    project.write("in.txt", "h\u{e9}llo\n");
    project.write("dvc.yaml", project.read("dvc.yaml").replace("mid.txt", "m\u{ef}d.txt"));
    let want = "{\"first\": [{\"changed deps\": {\"in.txt\": \"modified\"}}, {\"changed outs\": {\"m\\u00efd.txt\": \"deleted\"}}, \"changed command\"], \"second\": [{\"changed deps\": {\"m\\u00efd.txt\": \"deleted\"}}, \"changed command\"]}\n";
    assert_eq!(project.run(["status", "--json"]).ok().out(), want);
    if let Some(dvc) = dvc::get("the bytes of status --json") {
        assert_eq!(project.sh(&format!("{} status --json", dvc.display())).out(), want);
    }
}

#[test]
fn repro_and_status_agree() {
    let project = super::chain();
    let first = project.run(["status"]).ok().out();
    assert!(
        first.contains("first:\n\tchanged deps:\n\t\tmodified:           in.txt\n\tchanged outs:\n\t\tdeleted:            mid.txt\n"),
        "{first}"
    );
    project.repro(["-q"]).ok();
    project.run(["status"]).ok().says("Data and pipelines are up to date.\n");
    project.write("in.txt", "other\n");
    project.run(["status", "-q"]).exits(1);
    project.run(["status", "-q", "second"]).exits(0);
    project.repro(["--dry", "first"]).ok().ran(["first"]);
    project.repro(["-q"]).ok();
    project.run(["status", "-q"]).exits(0);
}

#[test]
fn writes_nothing_but_its_answer() {
    let project = super::chain();
    project.repro(["-q"]).ok();
    project.write("in.txt", "other\n");
    let before = project.tree();
    project.run(["status", "--json-file", "../answer.json"]).ok().says("changed deps:");
    project.tree().must_equal(&before, "after", "before");
    let answer = |project: &Project| serde_json::from_str::<serde_json::Value>(&project.read("../answer.json")).unwrap();
    let found = answer(&project);
    assert_eq!(found, serde_json::json!({"status": {"first": [{"changed deps": {"in.txt": "modified"}}]}, "error": null}));
    project
        .run(["status", "nope", "--json-file", "../answer.json"])
        .exits(1)
        .complains("'nope' does not exist as an output or a stage name");
    let found = answer(&project);
    assert_eq!((&found["status"], &found["error"]["kind"]), (&serde_json::Value::Null, &"NoOutputOrStageError".into()));
    project.run(["status", "-q", "--json-file", "../answer.json"]).exits(1);
    assert!(answer(&project)["error"].is_null());
}

#[test]
fn what_needs_a_server_is_refused() {
    let project = super::chain();
    project.run(["status", "-c"]).exits(255).complains("cannot compare with a remote");
    project.run(["status", "-r", "there"]).exits(255).complains("cannot compare with a remote");
    let project = project.stage("far", |s| s.cmd("true").dep("s3://bucket/x"));
    let mut status = project.command(project.root());
    status.arg("status").env("DVC_PARAFFIN_DVC", "/nowhere/dvc");
    Ran::of(&mut status).exits(255).complains("stage 'far' needs 's3://bucket/x' (s3)");
    project.run(["status", "first"]).ok();
}

#[test]
fn a_path_that_is_written_to_is_waited_for() {
    let project = super::chain();
    project.repro(["-q"]).ok();
    std::fs::create_dir_all(project.at(".dvc/tmp")).unwrap();
    let pid = std::process::id();
    let busy =
        format!("{{\"write\": {{\"{}\": {{\"pid\": {pid}, \"cmd\": \"other\"}}}}, \"read\": {{}}}}", project.at("mid.txt").display());
    project.write(".dvc/tmp/rwlock", busy);
    project.run(["status", "--lock-timeout", "1"]).exits(1).complains("is busy, it is being blocked by:");
    project.write(".dvc/tmp/rwlock", "{}");
    project.run(["status", "--lock-timeout", "1"]).ok();
}
