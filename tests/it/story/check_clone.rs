//! `check`: what a clone with all data has, where git does not simply keep it under that name.
//!
//! All answers are those of `dvc status` in such a clone, but for what is said to be not judged.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use super::check::found;
use crate::support::project::Project;
use crate::support::ran::Ran;

/// What is found in the commit, in the index and in the work tree, which must be the same.
#[track_caller]
fn found_everywhere(project: &Project) -> Vec<String> {
    let of_commit = found(project, &["--rev", "HEAD", "--cache", "error"]);
    assert_eq!(found(project, &["--index", "--cache", "error"]), of_commit);
    assert_eq!(found(project, &["--cache", "error"]), of_commit);
    of_commit
}

#[test]
fn links_are_followed_into_outputs() {
    let project = Project::new()
        .file("a", "a\n")
        .stage("file", |s| s.cmd("cp a made").dep("a").out("made"))
        .stage("dir", |s| s.cmd("mkdir d; cp a d/x").dep("a").out("d"))
        .stage("one", |s| s.cmd("cp link one").dep("link").out("one"))
        .stage("two", |s| s.cmd("cp dlink/x two").dep("dlink").dep("dlink/x").out("two"))
        .stage("three", |s| s.cmd("cat links/l > three").dep("links").out("three"));
    project.sh("mkdir links; ln -s made link; ln -s d dlink; ln -s ../made links/l; ln -s ../d links/d");
    project.repro(["file", "dir"]).ok();
    project.repro([]).ok();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), [""; 0]);
    // The stages that make what is linked run alone.
    project.sh("echo b > a");
    project.repro(["file", "dir"]).ok();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), ["error dep one link", "error dep two dlink", "error dep two dlink/x", "error dep three links"]);
    project.sh("rm -rf .dvc/cache");
    assert_eq!(
        found(&project, &["--cache", "off"]),
        ["error dep one link", "error dep two dlink", "error dep three links"],
        "what lies in a directory output is known from its listing alone"
    );
}

#[test]
fn what_lies_where_git_does_not_look_is_not_judged() {
    let project = Project::new()
        .stage("file", |s| s.cmd("cp link one").dep("link").out("one"))
        .stage("dir", |s| s.cmd("cp dlink/x two").dep("dlink").dep("dlink/x").out("two"))
        .stage("links", |s| s.cmd("cat links/l > three").dep("links").out("three"))
        .stage("params", |s| s.cmd("touch four").field("params", "[p.yaml: [k]]").out("four"))
        .stage("module", |s| s.cmd("cp sm/f five").dep("sm").dep("sm/f").out("five"))
        .stage("around", |s| s.cmd("cp mods/sm/f six").dep("mods").out("six"));
    project.sh("mkdir ../o links mods; echo x > ../o/x; echo 'k: 1' > ../p.yaml
         ln -s ../o/x link; ln -s ../o dlink; ln -s ../../o/x links/l; ln -s ../p.yaml p.yaml
         git init -q ../sm; cd ../sm; echo f > f; git add f; git commit -q -m f; cd ../w
         for at in sm mods/sm; do git -c protocol.file.allow=always submodule --quiet add \"$PWD/../sm\" $at; done");
    project.repro([]).ok();
    let project = project.commit();
    let want = [
        "warn dep file link",
        "warn dep dir dlink",
        "warn dep dir dlink/x",
        "warn dep links links",
        "warn param params p.yaml",
        "warn dep module sm",
        "warn dep module sm/f",
        "warn dep around mods",
    ];
    assert_eq!(found_everywhere(&project), want);
    let ran = project.run(["check"]);
    ran.ok().says("dep 'dlink/x' is not judged: it lies outside of git").says("dep 'sm' is not judged: it lies in a submodule");
}

/// Two stages that read a text, and a directory with one.
fn texts(text: &str) -> Project {
    let project = Project::new()
        .file("a.txt", text)
        .file("d/x.txt", text)
        .stage("file", |s| s.cmd("cp a.txt one").dep("a.txt").out("one"))
        .stage("dir", |s| s.cmd("cp d/x.txt two").dep("d").out("two"));
    project.repro([]).ok();
    project
}

#[test]
fn line_ends_that_attributes_say_are_known() {
    let stale = &["error dep file a.txt", "error dep dir d"][..];
    let open = &["warn dep file a.txt", "warn dep dir d"][..];
    let (lf, crlf) = ("a\nb\n", "a\r\nb\r\n");
    for (then, attributes, want) in [
        (lf, "* text=auto", &[][..]),
        (crlf, "*.txt text", open),
        (lf, "*.txt eol=crlf", stale),
        (crlf, "*.txt text eol=crlf", &[]),
        (crlf, "*.txt text=auto eol=crlf", &[]),
        (crlf, "*.txt text eol=lf", stale),
        (crlf, "*.txt -text", &[]),
        (crlf, "*.txt binary", &[]),
        (crlf, "[attr]ours text eol=lf\n*.txt ours", stale),
        (lf, "*.txt eol=crlf\n/a.txt -text", &stale[1..]),
    ] {
        let project = texts(then);
        project.write(".gitattributes", attributes);
        let project = project.commit();
        // As in a fresh clone, whoever makes it.
        project.sh("git rm -q -r --cached . && git -c core.autocrlf=false reset -q --hard");
        assert_eq!(found_everywhere(&project), want, "{then:?} {attributes}");
    }
    let project = texts(crlf);
    project.write(".gitattributes", "* text");
    project.commit().run(["check", "--rev", "HEAD"]).ok().says("('a.txt text eol=crlf')").says("('d/** text eol=crlf')");
}

#[test]
fn what_git_keeps_in_another_form_is_not_judged() {
    let open = ["warn dep file a.txt", "warn dep dir d"];
    for attributes in ["*.txt working-tree-encoding=UTF-16LE", "*.txt filter=up", "[attr]m filter=up\n*.txt m"] {
        let project = texts("a\n");
        project.sh("git config filter.up.clean 'tr a-z A-Z'; git config filter.up.smudge 'tr A-Z a-z'");
        project.write(".gitattributes", attributes);
        if attributes.contains("encoding") {
            project.sh("iconv -f UTF-8 -t UTF-16LE a.txt > u; cp u d/x.txt; mv u a.txt");
            // What is recorded is what git keeps, and what no clone has.
        }
        let project = project.commit();
        assert_eq!(found(&project, &["--rev", "HEAD"]), open, "{attributes}");
        assert_eq!(found(&project, &["--index"]), open, "{attributes}");
    }
    // What is filled in differs in each clone; where nothing is, all is known.
    for (text, want) in [("$Id$\n", &open[..]), ("a\n", &[])] {
        let project = texts(text);
        project.write(".gitattributes", "*.txt ident");
        assert_eq!(found(&project.commit(), &["--rev", "HEAD"]), want, "{text}");
    }
    // A note of Git LFS that was recorded in the place of the file.
    let project = texts("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4\n").commit();
    assert_eq!(found(&project, &["--rev", "HEAD"]), open);
    assert_eq!(found(&project, &[]), [""; 0], "it stands in the work tree as it is");
}

#[test]
fn a_name_that_dvc_cannot_write_is_refused_where_it_counts() {
    let project = texts("a\n");
    std::fs::create_dir(project.at("other")).unwrap();
    std::fs::write(project.at("other").join(OsStr::from_bytes(b"x\xff")), "x").unwrap();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), [""; 0]);
    std::fs::write(project.at("d").join(OsStr::from_bytes(b"x\xff")), "x").unwrap();
    let project = project.commit();
    for arguments in [&["--rev", "HEAD"][..], &["--index"], &[]] {
        let ran = crate::support::ran::Ran::of(project.command(project.root()).arg("check").args(arguments));
        ran.exits(255).does_not_say("in step").complains("is not valid UTF-8");
    }
    project.write(".dvcignore", "/d/x*\n");
    project.sh("sed -i 's/- \"d\"/- d\\/x.txt/' dvc.yaml");
    assert_eq!(found(&project, &[]), ["error dep dir d/x.txt"]);
}

#[test]
fn awkward_names_and_contents_are_in_step() {
    let names = ["sp ace", "ünï 日本", "quo\"te's", "new\nline", "back\\slash", "tab\t", "nfd-u\u{308}", "[g]*?", "#x", "{brace}"];
    let mut project = Project::new().file("exec.sh", "#!/bin/sh\n").file("empty", "").file("big", vec![7; 3_000_000]);
    project.sh("chmod +x exec.sh");
    for name in names {
        project = project.file(&format!("dir/{name}/{name}"), name).file(&format!("top-{name}"), name);
    }
    let project = project.stage("all", |s| {
        let s = s.cmd("touch one").out("one").dep("dir").dep("exec.sh").dep("empty").dep("big");
        names.iter().fold(s, |s, name| s.dep(&format!("top-{name}")))
    });
    project.repro([]).ok();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), [""; 0]);
    project.sh("chmod -x exec.sh; chmod +x empty; git commit -q -a -m modes");
    assert_eq!(found_everywhere(&project), [""; 0], "modes do not count");
    project.sh("echo x >> 'dir/ünï 日本/ünï 日本'; printf x > 'top-new\nline'; git commit -q -a -m changed");
    assert_eq!(found_everywhere(&project), ["error dep all dir", "error dep all top-new\nline"]);
}

#[test]
fn files_directories_and_links_take_each_others_places() {
    let project = Project::new()
        .file("file", "a\n")
        .file("dir/x", "x\n")
        .file("link", "l\n")
        .stage("s", |s| s.cmd("touch one").dep("file").dep("dir").dep("link").out("one"));
    project.repro([]).ok();
    let project = project.commit();
    project.sh("rm -r file dir link; mkdir file; echo q > file/q; echo d > dir; ln -s dir link");
    // What git does not track is not there.
    assert_eq!(found(&project, &[]), ["error dep s file", "error dep s dir", "error dep s link"]);
    assert_eq!(found(&project, &["--index"]), [""; 0]);
    assert_eq!(found_everywhere(&project.commit()), ["error dep s file", "error dep s dir", "error dep s link"]);
}

#[test]
fn states_of_the_index_are_understood() {
    for layout in ["", "--ref-format=reftable", "--object-format=sha256"] {
        let project = texts("a\n").file("empty", "");
        project.sh(&format!("rm -rf .git && git init -q -b main {layout} ."));
        let project = project.commit();
        // Only promised: with the content in the last commit, without, and before there is any commit.
        for forget in ["true", "git rm -q --cached a.txt; git commit -q -m less", "git update-ref -d HEAD"] {
            project.sh(&format!("{forget}; git rm -q --cached --ignore-unmatch a.txt; git add -N a.txt"));
            assert_eq!(found(&project, &["--index"]), ["error dep file a.txt"], "{layout} {forget}");
            project.run(["check", "--index"]).says("dep 'a.txt' is not in git");
            assert_eq!(found(&project, &[]), [""; 0], "{layout} {forget}");
        }
    }
    // A merge that stopped.
    let project = texts("a\n").commit();
    project
        .sh("git checkout -q -b other; echo b > a.txt; git commit -q -a -m b; git checkout -q main; echo c > a.txt; git commit -q -a -m c");
    project.sh("! git merge -q other");
    assert_eq!(found(&project, &[]), ["error dep file a.txt"]);
    project.run(["check", "--index"]).exits(255).complains("'a.txt' has conflicts that are not resolved");
    // What a sparse checkout leaves out is taken from the index.
    for kind in ["", "--sparse-index"] {
        let project = texts("a\n").commit();
        project.sh(&format!("cp -r .dvc/cache ../kept; git sparse-checkout set {kind} .dvc"));
        assert!(!project.has("d"));
        for arguments in [&["--cache", "off"][..], &["--cache", "off", "--index"]] {
            assert_eq!(found(&project, arguments), [""; 0], "{kind}");
        }
    }
    // A linked work tree has an index of its own.
    let project = texts("a\n").commit();
    project.sh("git worktree add -q ../linked; cd ../linked; echo b > a.txt; git add a.txt");
    let linked =
        |word: &str| crate::support::ran::Ran::of(project.command(project.at("../linked")).args(["check", "--cache", "off", word]));
    linked("--index").exits(1).says("dep 'a.txt' differs");
    linked("--rev=HEAD").ok();
    assert_eq!(found(&project, &["--index"]), [""; 0]);
}

#[test]
fn advice_fits_what_is_wrong() {
    let project = Project::new()
        .file("a", "a\n")
        .file("whole.yaml", "k: 1\nl: [1, 2]\n")
        .stage("make", |s| s.cmd("mkdir -p d/s; cp a d/s/x; cp a d/y").dep("a").out("d"))
        .stage("read", |s| s.cmd("touch one").dep("d/s").dep("d/s/x").out("one").field("params", "[whole.yaml: ]"));
    project.repro([]).ok();
    project.sh("sed -i 's/mkdir -p d.s; cp a d.s.x/mkdir d/' dvc.yaml; echo 'k: 1' > whole.yaml");
    project.repro(["make"]).ok();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), ["error dep read d/s", "error dep read d/s/x", "error param read whole.yaml:l"]);
    let ran = project.run(["check"]);
    ran.exits(1).says("dep 'd/s' is not in the output around it").says("param 'whole.yaml:l' differs: recorded [1, 2], now nothing");
    ran.says("mend: dvc-paraffin repro,").does_not_say("git add").does_not_say("dvc.yaml");
}

#[test]
fn files_of_outputs_that_are_ignored_since_are_gone() {
    let project = Project::new()
        .file("a", "a\n")
        .stage("make", |s| s.cmd("mkdir d; cp a d/x; cp a d/y.tmp").dep("a").out("d"))
        .stage("read", |s| s.cmd("cp d/x one").dep("d").out("one"));
    project.repro([]).ok();
    let project = project.commit();
    assert_eq!(found_everywhere(&project), [""; 0]);
    project.sh("echo '*.tmp' >> .dvcignore; git commit -q -a -m ignore");
    assert_eq!(found_everywhere(&project), ["error out make d", "error dep read d"]);
}

/// What a clone can tell of a directory that held more when it was recorded: files that were removed since, files that
/// git ignores, files that nobody added.
#[test]
fn why_a_directory_held_more_is_said_only_where_it_is_known() {
    let project = Project::new().file("src/a", "a\n").file("src/b", "b\n").stage("s", |s| s.cmd("echo 1 > o").dep("src").out("o"));
    project.repro([]).ok();
    let project = project.commit();
    project.sh("git rm -q src/b && git commit -q -m less");
    project.run(["check", "--rev", "HEAD"]).exits(1).says("dep 'src' differs: ").does_not_say("git has 1");
    // The same on the far side of a merge.
    let project = Project::new().file("x", "x\n").commit();
    project.sh("git checkout -q -b side && mkdir src && echo a > src/a && echo b > src/b");
    project.write("dvc.yaml", "stages: {s: {cmd: echo 1 > o, deps: [src], outs: [o]}}\n");
    project.repro([]).ok();
    project.sh("git add -A && git commit -q -m lock && git rm -q src/b && git commit -q -m less");
    project.sh("git checkout -q - && git merge -q --no-ff -m merge side");
    project.run(["check", "--rev", "HEAD"]).exits(1).says("dep 'src' differs: ").does_not_say("git has 1");
    // A clone that does not go back so far cannot tell.
    project.sh("git clone -q --depth 1 \"file://$PWD\" shallow");
    let ran = Ran::of(project.command(project.at("shallow")).args(["check", "--rev", "HEAD"]));
    ran.exits(1).says("it had 2 files when it was recorded, git has 1: the others are gone since, or git ignores them");
    // What nobody has added is no secret of git.
    let project = Project::new().file("src/a", "a\n").stage("s", |s| s.cmd("echo 1 > o").dep("src").out("o")).commit();
    project.write("src/b", "b\n");
    project.repro([]).ok();
    project.sh("git add dvc.lock");
    project.run(["check", "--index"]).exits(1).does_not_say("not reproducible");
}
