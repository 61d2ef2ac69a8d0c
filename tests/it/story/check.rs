//! `check`: is the pipeline of a commit in step with its lock?

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::support::project::Project;
use crate::support::ran::Ran;

/// Code in a directory, a param, an output in a directory, an uncached metric, a stage that always runs.
pub(super) fn pipeline() -> Project {
    let project = Project::new()
        .file("data.csv", "1\n2\n")
        .file("src/a.py", "print(1)\n")
        .file("src/b.py", "print(2)\n")
        .file("params.yaml", "lr: 1\nx: {y: 2}\n")
        .stage("prep", |s| s.cmd("cp data.csv prep.csv").dep("data.csv").dep("src").param("lr").out("prep.csv"))
        .stage("dir", |s| s.cmd("mkdir -p d/e; cp prep.csv d/e/x; cp prep.csv d/y").dep("prep.csv").out("d"))
        .stage("use", |s| s.cmd("cat d/e/x > m.json").dep("d/e").dep("d/y").param("x.y").field("metrics", "[{m.json: {cache: false}}]"))
        .stage("always", |s| s.cmd("true").field("always_changed", "true"));
    project.repro(["--quiet"]).ok();
    project.commit()
}

/// What is found, each as `level kind address path`.
#[track_caller]
pub(super) fn found(project: &Project, arguments: &[&str]) -> Vec<String> {
    let ran = Ran::of(project.command(project.root()).args(["check", "--json"]).args(arguments));
    let answer: Value = serde_json::from_str(&ran.out()).unwrap_or_else(|error| panic!("{error}: {ran}"));
    assert_eq!(answer["error"], Value::Null, "{ran}");
    let findings = answer["findings"].as_array().unwrap();
    let is_stale = findings.iter().any(|finding| finding["level"] == "error");
    assert_eq!(ran.code, i32::from(is_stale), "{ran}");
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or("-").to_owned();
    findings.iter().map(|finding| ["level", "kind", "address", "path"].map(|key| text(finding, key)).join(" ")).collect()
}

#[test]
fn what_repro_left_is_in_step() {
    let project = pipeline();
    for arguments in [&[][..], &["--index"], &["--rev", "HEAD"], &["--rev", "HEAD", "--cache", "error"]] {
        assert_eq!(found(&project, arguments), [""; 0], "{arguments:?}");
    }
    project.run(["check"]).ok().says("the work tree: 4 stages in step with dvc.lock\n");
    // From any directory of the repository.
    Ran::of(project.command(project.at("src")).arg("check")).ok().says("4 stages");
    assert_eq!(project.sh("git status --porcelain").out(), "");
}

#[test]
fn each_kind_of_change_is_found() {
    for (change, want) in [
        ("echo 3 >> data.csv", &["error dep prep data.csv"][..]),
        ("echo x > src/new.py; git add -A", &["error dep prep src"]),
        ("git rm -q src/b.py", &["error dep prep src"]),
        ("git rm -q --cached data.csv", &["error dep prep data.csv"]),
        ("sed -i 's/lr: 1/lr: 2/' params.yaml", &["error param prep params.yaml:lr"]),
        ("sed -i 's/y: 2/z: 2/' params.yaml", &["error param use params.yaml:x.y"]),
        ("git rm -q params.yaml", &["error param prep params.yaml", "error param use params.yaml"]),
        ("sed -i 's/cp data.csv/cat data.csv >/' dvc.yaml", &["error cmd prep -"]),
        ("sed -i 's/- \"d\"$/- d2/' dvc.yaml", &["error out dir d2", "error dep use d/e", "error dep use d/y"]),
        ("echo 7 > m.json", &["error out use m.json"]),
        ("git rm -q --cached m.json", &["error out use m.json"]),
        ("sed -i 's/\"prep\":/prep2:/' dvc.yaml", &["error lock prep2 dvc.lock", "error lock prep dvc.lock"]),
        (
            "git rm -q --cached dvc.lock",
            &["error lock prep dvc.lock", "error lock dir dvc.lock", "error lock use dvc.lock", "error lock always dvc.lock"],
        ),
        ("git rm -q --cached dvc.yaml", &["error lock - dvc.lock"]),
    ] {
        let project = pipeline();
        project.sh(change);
        assert_eq!(found(&project, &[]), want, "{change}");
        assert_eq!(found(&project, &["--rev", "HEAD"]), [""; 0], "{change}: the commit has not changed");
        if !change.contains("--cached") {
            project.sh("git add -A");
        }
        assert_eq!(found(&project, &["--index"]), want, "{change}");
        project.sh("git commit -q -m change; git stash -q -u || true");
        assert_eq!(found(&project, &["--rev", "HEAD"]), want, "{change}");
        assert_eq!(found(&project, &["--rev", "HEAD~1"]), [""; 0], "{change}");
        assert_eq!(found(&project, &["--rev", "HEAD~1..HEAD"]), want, "{change}");
    }
}

#[test]
fn people_are_told_what_differs_and_how_to_mend_it() {
    let project = pipeline();
    project.sh("echo 3 >> data.csv; sed -i 's/lr: 1/lr: 2/' params.yaml; git commit -q -a -m stale");
    let commit = project.sh("git rev-parse HEAD").out();
    let ran = project.run(["check", "--rev", "HEAD"]);
    let want = format!(
        "{commit}:\n  prep\n    dep 'data.csv' differs: recorded 6ddb4095, committed c0710d6b\n    param 'params.yaml:lr' differs: recorded 1, committed 2\n      mend: dvc-paraffin repro, then commit what it has changed\n{commit}: 1 stage out of step with dvc.lock\n",
        commit = &commit[..8]
    );
    assert_eq!((ran.code, ran.out()), (1, want), "{ran}");
    assert_eq!(project.run(["check", "-q"]).code, 1);
    // The advice is right.
    project.sh(&format!("{} repro && git commit -q -a -m mended", crate::support::program::path().display()));
    assert_eq!(found(&project, &["--rev", "HEAD"]), [""; 0]);
}

#[test]
fn data_that_is_nowhere_matters_as_much_as_is_asked() {
    let project = pipeline();
    project.sh("rm -rf .dvc/cache");
    let missing = ["cache prep prep.csv", "cache dir d", "dep use d/e", "dep use d/y"];
    let all = |level: &str| missing.map(|finding| format!("{level} {finding}"));
    assert_eq!(found(&project, &["--rev", "HEAD"]), all("warn"));
    assert_eq!(found(&project, &["--cache", "error"]), all("error"));
    assert_eq!(found(&project, &["--cache", "off"]), [""; 0]);
    // A clone without data is in step.
    project.sh("git clone -q . ../clone");
    Ran::of(project.command(project.at("../clone")).arg("check")).ok().says("4 stages in step with dvc.lock, 4 warnings");
    // A remote that is a directory is a cache, too, wherever the configuration names it.
    let project = pipeline();
    project.sh("mv .dvc/cache ../store");
    project.write(".dvc/config.local", format!("['remote \"store\"']\n    url = {}\n", project.at("../store").display()));
    assert_eq!(found(&project, &["--cache", "error"]), [""; 0]);
    // An object that is cut off is none.
    let object = project.sh("grep -l . -r ../store/files | xargs ls -S | tail -1").out();
    let object = project.at(object.trim());
    std::fs::set_permissions(&object, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&object, "").unwrap();
    assert_eq!(found(&project, &["--cache", "error"]), ["error cache prep prep.csv", "error cache dir d"]);
}

#[test]
fn a_directory_around_outputs_is_put_together() {
    let project = Project::new()
        .file("in/kept.txt", "kept\n")
        .stage("make", |s| s.cmd("mkdir -p in/made; echo 1 > in/made/x; echo 2 > in/one").out("in/made").out("in/one"))
        .stage("read", |s| s.cmd("cat in/kept.txt > all.txt").dep("in").out("all.txt"));
    project.repro([]).ok();
    let project = project.commit();
    assert_eq!(found(&project, &["--rev", "HEAD", "--cache", "error"]), [""; 0]);
    project.sh("echo more > in/kept.txt; git commit -q -a -m more");
    assert_eq!(found(&project, &["--rev", "HEAD"]), ["error dep read in"]);
    project.sh("rm -rf .dvc/cache");
    assert_eq!(
        found(&project, &["--rev", "HEAD"]),
        ["warn cache make in/made", "warn cache make in/one", "warn dep read in", "warn cache read all.txt"]
    );
}

#[test]
fn what_git_does_not_hold_as_it_is_in_the_work_tree_is_said() {
    let project = Project::new()
        .file("code/a.py", "a\n")
        .file("text.csv", "1\r\n2\r\n")
        .file("big.bin", "big\n")
        .stage("cache", |s| s.cmd("echo 1 > c.txt").dep("code").out("c.txt"))
        .stage("text", |s| s.cmd("echo 1 > t.txt").dep("text.csv").out("t.txt"))
        .stage("big", |s| s.cmd("echo 1 > b.txt").dep("big.bin").out("b.txt"));
    project.write("code/__pycache__/a.pyc", "x");
    project.write(".gitignore", "__pycache__/\n");
    project.repro([]).ok();
    project.write("text.csv", "1\n2\n");
    project.write("big.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n");
    let project = project.commit();
    assert_eq!(found(&project, &["--rev", "HEAD"]), ["error dep cache code", "warn dep text text.csv", "warn dep big big.bin"]);
    // In the work tree, too, as long as there is LFS's note alone; what somebody has written there is judged.
    assert_eq!(found(&project, &[]), ["error dep cache code", "warn dep text text.csv", "warn dep big big.bin"]);
    project.write("big.bin", "other\n");
    assert_eq!(found(&project, &[]), ["error dep cache code", "warn dep text text.csv", "error dep big big.bin"]);
    let ran = project.run(["check", "--rev", "HEAD"]);
    ran.says("dep 'code' is not reproducible from git: it had 2 files when it was recorded, git has 1\n")
        .says("in .dvcignore, then dvc-paraffin repro, then commit")
        .says("warning: dep 'text.csv' is the same but for the ends of its lines")
        .says("warning: dep 'big.bin' is not judged: git keeps it by way of Git LFS\n");
}

/// A clone begins with what git has there, as `dvc status` says.
#[test]
fn a_cached_output_that_git_has_otherwise_is_not_in_step() {
    let project = Project::new()
        .stage("file", |s| s.cmd("echo 1 > f.txt").out("f.txt"))
        .stage("dir", |s| s.cmd("mkdir -p d && echo 1 > d/x && echo 2 > d/y").out("d"));
    project.repro([]).ok();
    let project = project.commit();
    assert_eq!(found(&project, &["--rev", "HEAD"]), [""; 0]);
    project.sh("git add -f f.txt d/x && git commit -q -m same");
    assert_eq!(found(&project, &["--rev", "HEAD"]), [""; 0]);
    project.sh("rm f.txt d/x && echo other > f.txt && echo other > d/x && git add -f f.txt d/x && git commit -q -m other");
    assert_eq!(found(&project, &["--rev", "HEAD"]), ["error out file f.txt", "error out dir d"]);
    project.sh("git checkout -q HEAD~ && echo 3 > d/z && git add -f d/z && git commit -q -m more");
    assert_eq!(found(&project, &["--rev", "HEAD"]), ["error out dir d"]);
}

#[test]
fn what_cannot_be_judged_is_never_in_step() {
    for (damage, says) in [
        ("echo 'stages: [' > dvc.lock", "dvc.lock"),
        ("echo 'a: b' > dvc.lock", "dvc.lock"),
        ("echo 'stages: {a: {cmd: 1, cmd: 2}}' > dvc.yaml", "dvc.yaml"),
        ("echo 'stages: {a: {cmd: \"${no}\"}}' > dvc.yaml", "no"),
        ("echo '[' > params.yaml", "params.yaml"),
    ] {
        let project = pipeline();
        project.sh(&format!("{damage}; git commit -q -a -m bad"));
        let ran = project.run(["check", "--rev", "HEAD"]);
        assert_eq!(ran.code, 255, "{damage}: {ran}");
        assert!(ran.err().starts_with("ERROR: ") && ran.err().contains(says), "{damage}: {ran}");
        ran.does_not_say("in step");
        let answer: Value = serde_json::from_str(&project.run(["check", "--rev", "HEAD", "--json"]).out()).unwrap();
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let project = pipeline();
    let ran = project.run(["check", "--rev", "no-such"]);
    assert_eq!((ran.code, ran.err().trim_end()), (255, "ERROR: unknown Git revision 'no-such'"));
    assert_eq!(project.run(["check", "--rev", "no..such"]).code, 255);
    project.run(["check", "--rev", "HEAD", "--index"]).exits(254);
    // An object that is gone.
    let blob = project.sh("git rev-parse HEAD:data.csv").out();
    project.sh(&format!("rm -f .git/objects/{}/{}", &blob[..2], blob[2..].trim()));
    let ran = project.run(["check", "--rev", "HEAD"]);
    assert_eq!(ran.code, 255, "{ran}");
    assert!(ran.err().contains(&format!("the blob {} is not in this clone", blob.trim())), "{ran}");
}

#[test]
fn a_revision_without_its_flag_is_understood() {
    let project = pipeline();
    for (word, hint) in [
        ("HEAD", "Did you mean `--rev HEAD`?"),
        ("HEAD..main", "Did you mean `--rev HEAD..main`?"),
        ("data.csv", "`check` takes no targets: all DVC repositories are checked; `--rev REV` checks a commit."),
    ] {
        project.run(["check", word]).exits(254).complains(&format!("ERROR: unexpected argument '{word}' found\nhint: {hint}\n"));
    }
    project.run(["check", "--help"]).ok().says("Usage: dvc-paraffin check [OPTIONS]\n").does_not_say("stray");
}

#[test]
fn where_there_is_no_dvc_that_is_said() {
    let project = Project::folder();
    project.run(["check"]).exits(255);
    project.sh("git init -q . && git commit -q --allow-empty -m empty");
    let ran = project.run(["check", "--rev", "HEAD"]);
    assert_eq!(ran.code, 253, "{ran}");
    // A range without commits is in step.
    let project = pipeline();
    project.run(["check", "--rev", "HEAD..HEAD"]).ok().says("there is no commit in this range: nothing was checked\n");
}

#[test]
fn all_dvc_repositories_of_a_commit_are_judged() {
    let project = Project::folder();
    project.sh("git init -q -b main .");
    for name in ["one", "two/deep"] {
        project.write(&format!("{name}/.dvc/config"), "");
        project.write(&format!("{name}/.dvc/.gitignore"), "/config.local\n/tmp\n/cache\n");
        project.write(&format!("{name}/in.txt"), "in");
        project.write(&format!("{name}/dvc.yaml"), "stages: {s: {cmd: cp in.txt out.txt, deps: [in.txt], outs: [out.txt]}}\n");
        Ran::of(project.command(project.at(name)).arg("repro")).ok();
    }
    let project = project.commit();
    project.run(["check"]).ok().says("2 stages in step");
    project.sh("echo other > two/deep/in.txt; git commit -q -a -m stale; echo in > one/in.txt");
    assert_eq!(found(&project, &["--rev", "HEAD"]), ["error dep two/deep/dvc.yaml:s two/deep/in.txt"]);
    project.run(["check", "--rev", "HEAD"]).says("mend: dvc-paraffin --cd two/deep repro, then commit");
    // What is advised works where it is read.
    project.sh("git checkout -q -f .");
    for (dir, called, advised) in [
        ("two/deep", &["check"][..], "dvc-paraffin repro,"),
        ("two/deep/.dvc", &["check"], "dvc-paraffin --cd .. repro,"),
        ("one", &["check"], "dvc-paraffin --cd ../two/deep repro,"),
        ("one", &["--cd", "../two/deep", "check"], "dvc-paraffin --cd ../two/deep repro,"),
        ("..", &["--cd", "w/two/deep", "check"], "/two/deep repro,"),
    ] {
        let ran = Ran::of(project.command(project.at(dir)).args(called));
        ran.says(&format!("{advised} then commit what it has changed\n"));
        let line = ran.out().lines().find_map(|line| line.trim().strip_prefix("mend: ").map(str::to_owned)).unwrap();
        let command = line.split(',').next().unwrap().replace("dvc-paraffin", crate::support::program::path().to_str().unwrap());
        Ran::of(project.scratch.command("sh").current_dir(project.at(dir)).args(["-c", &command])).ok();
        assert_eq!(found(&project, &[]), [""; 0], "{dir} {command}");
        project.sh("git checkout -q -f .");
    }
    project.sh("rm one/in.txt; git rm -q --cached one/in.txt; echo in > one/in.txt");
    Ran::of(project.command(project.at("two")).args(["check"])).says("mend: git add -f ../one/in.txt\n");
    project.sh("rm one/in.txt");
    let gone = Ran::of(project.command(project.at("two")).args(["check"]));
    gone.says("mend: bring back ../one/in.txt, then git add -f ../one/in.txt\n");
}

#[test]
fn a_bare_clone_and_other_layouts_of_git_are_read() {
    for layout in ["", "--ref-format=reftable", "--object-format=sha256"] {
        let project = pipeline();
        project.sh(&format!("rm -rf .git && git init -q -b main {layout} ."));
        let project = project.commit();
        project.sh("echo 3 >> data.csv; git commit -q -a -m stale; git clone -q --bare . ../bare.git");
        for arguments in [&["--rev", "HEAD"][..], &["--rev", "HEAD~1.."], &["--index"], &[]] {
            assert_eq!(found(&project, arguments), ["error dep prep data.csv"], "{layout} {arguments:?}");
        }
        let bare = |rev: &str| Ran::of(project.command(project.at("../bare.git")).args(["check", "--cache", "off", "--rev", rev]));
        assert_eq!(bare("HEAD").code, 1, "{layout} {}", bare("HEAD"));
        bare("HEAD~1").ok().says("4 stages in step");
        let ran = Ran::of(project.command(project.at("../bare.git")).arg("check"));
        assert_eq!(ran.code, 255);
        assert!(ran.err().contains("is a bare git repository"), "{ran}");
    }
}

#[test]
fn shallow_and_partial_clones_are_read_as_far_as_they_go() {
    let project = pipeline();
    project.sh("echo 3 >> data.csv; git commit -q -a -m stale; git config uploadpack.allowFilter true");
    let url = format!("file://{}", project.root().display());
    project.sh(&format!("git clone -q --depth 1 {url} ../shallow && git clone -q --filter=blob:none --no-checkout {url} ../partial"));
    let at = |dir: &str| Ran::of(project.command(project.at(dir)).args(["check", "--cache", "off", "--rev", "HEAD"]));
    assert_eq!(at("../shallow").code, 1, "{}", at("../shallow"));
    let in_shallow = |rev: &str| Ran::of(project.command(project.at("../shallow")).args(["check", "--cache", "off", "--rev", rev]));
    for rev in ["HEAD~1", "HEAD~1..", "HEAD~1..HEAD"] {
        let ran = in_shallow(rev);
        assert_eq!(ran.code, 255, "{ran}");
        ran.complains(&format!("ERROR: unknown Git revision '{rev}'\nhint: this clone is shallow: `git fetch --unshallow`"));
    }
    // A range that is cut off, though both its ends are there.
    project.sh("git branch start HEAD~1; git commit -q --allow-empty -m two; git commit -q --allow-empty -m three");
    project.sh("cd ../shallow && git fetch -q --depth 1 origin start:start && git fetch -q --depth 2 origin main");
    let ran = in_shallow("start..FETCH_HEAD");
    assert_eq!(ran.code, 255, "{ran}");
    ran.complains("ERROR: the range 'start..FETCH_HEAD' is not whole in this clone, which ends at ");
    project.sh("cd ../shallow && git fetch -q --unshallow origin main");
    assert_eq!(in_shallow("start..FETCH_HEAD").code, 1);
    let ran = at("../partial");
    assert_eq!(ran.code, 255, "{ran}");
    assert!(ran.err().contains("is not in this clone"), "{ran}");
}

#[test]
fn not_reproducible_is_only_what_git_ignores() {
    let told = |project: &Project, arguments: &[&str]| {
        let ran = Ran::of(project.command(project.root()).arg("check").args(arguments));
        let out = ran.out();
        match (out.contains("is not reproducible from git"), out.contains("dep 'code' differs")) {
            (true, false) => 'i',
            (false, true) => 'd',
            (false, false) if ran.code == 0 => '-',
            _ => panic!("{ran}"),
        }
    };
    // The work tree, the index and the commit after a change.
    let all = |cached: bool, edit: &str| {
        let project = Project::new()
            .file("code/a.py", "a\n")
            .file("code/b.py", "b\n")
            .file(".gitignore", "__pycache__/\n/out\n")
            .stage("use", |s| s.cmd("cp code/a.py out").dep("code").out("out"));
        if cached {
            project.write("code/__pycache__/a.pyc", "x");
        }
        project.repro(["-q"]).ok();
        let project = project.commit();
        project.sh(edit);
        let work_tree = told(&project, &[]);
        project.sh("git add -A");
        let index = told(&project, &["--index"]);
        project.sh("git commit -q --allow-empty -m edit; git clone -q . ../clone");
        let commit = told(&project, &["--rev", "HEAD"]);
        // Of a clone nobody knows more than the commit tells.
        let clone = Ran::of(project.command(project.at("../clone")).args(["check", "--rev", "HEAD", "--cache", "off"]));
        assert_eq!(clone.out().contains("not reproducible"), commit == 'i', "{clone}");
        [work_tree, index, commit].iter().collect::<String>()
    };
    assert_eq!(all(true, "true"), "iii");
    assert_eq!(all(true, "echo more > README"), "iii");
    assert_eq!(all(true, "echo __pycache__ >> .dvcignore"), "ddd");
    assert_eq!(all(true, "mkdir none; echo words > none/.dvcignore"), "iii");
    assert_eq!(all(false, "git rm -q code/b.py"), "ddd");
    // The lock was made before the file went, and committed with that.
    assert_eq!(all(false, "echo 1 >> dvc.yaml; sed -i '$d' dvc.yaml; echo '# x' >> dvc.lock; rm code/b.py"), "ddd");
    // What is there now counts, whatever has changed as well; a commit does not tell that.
    assert_eq!(all(true, "git rm -q code/b.py"), "iid");
    // As advised: what is left is in step.
    assert_eq!(all(true, &format!("echo __pycache__ >> .dvcignore; {} repro -q", crate::support::program::path().display())), "---");
}
