//! What stood there before: it runs first, decides first, and comes back as it was.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{Bench, state};
use crate::dvc;

/// A hook that notes how it is called, and where git works.
fn noting(bench: &Bench, code: i32) -> String {
    let notes = bench.top().join("notes");
    format!("#!/bin/sh\n{{ echo \"foreign $*\"; cat; echo \"$PWD ${{GIT_PREFIX-unset}}\"; }} >> '{}'\nexit {code}\n", notes.display())
}

#[test]
fn a_foreign_hook_is_not_overwritten() {
    let bench = Bench::new();
    bench.foreign("pre-commit", "#!/bin/sh\necho mine\n");
    let before = state(&bench.project.at(".git/hooks"));
    let ran = bench.hooks(["install"]);
    ran.exits(255).complains("nothing was changed").complains("    | echo mine\n");
    ran.complains("dvc-paraffin hooks install pre-commit --chain").complains("dvc-paraffin hooks run pre-commit -- \"$@\"");
    assert_eq!(ran.out(), "");
    bench.hooks(["install", "--force"]).exits(255);
    bench.hooks(["uninstall", "--force"]).ok().says("pre-commit: not ours, left as it is");
    assert_eq!(state(&bench.project.at(".git/hooks")), before);
    bench.hooks(["install", "pre-push"]).ok();
}

#[test]
fn a_chained_hook_gets_all_that_git_gives() {
    let bench = Bench::new().remote();
    for name in ["pre-push", "pre-commit", "post-checkout"] {
        bench.foreign(name, &noting(&bench, 0));
    }
    bench.hooks(["install", "--chain"]).ok().says("what stood there runs first, and is kept as 'pre-push.pre-paraffin'");
    bench.takes_notes(0);
    let (root, prefix) = (bench.root(), bench.top().join("w/deep"));
    let root = root.display();
    std::fs::create_dir(&prefix).unwrap();
    bench.sh(&prefix, "git commit -q --allow-empty -m two");
    assert_eq!(bench.notes(), format!("foreign \n{root} deep/\nhooks run pre-commit --\n"));
    bench.sh(&bench.root(), "git branch b");
    let head = bench.project.sh("git rev-parse HEAD").out();
    let head = head.trim();
    bench.sh(&prefix, "git checkout -q b");
    assert_eq!(bench.notes(), format!("foreign {head} {head} 1\n{root} deep/\nhooks run post-checkout -- {head} {head} 1\n"));
    // Two refs, one of them goes.
    bench.sh(&bench.root(), "git push -q --no-verify origin b:gone && git push -q origin b main :gone");
    let none = "0".repeat(40);
    let refs = format!(
        "refs/heads/b {head} refs/heads/b {none}\nrefs/heads/main {head} refs/heads/main {none}\n(delete) {none} refs/heads/gone {head}\n"
    );
    let notes = bench.notes();
    let sorted = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let want = format!("foreign origin ../remote.git\n{refs}{root} \nhooks run pre-push -- origin ../remote.git\n{refs}");
    assert_eq!(sorted(&notes), sorted(&want));
    assert!(notes.starts_with("foreign ") && notes.contains("w \nhooks run pre-push"), "{notes}");
}

#[test]
fn a_chained_hook_decides_first() {
    let bench = Bench::new().remote();
    bench.foreign("pre-push", &noting(&bench, 3));
    bench.foreign("pre-commit", &noting(&bench, 4));
    bench.foreign("post-checkout", &noting(&bench, 5));
    bench.hooks(["install", "--chain"]).ok();
    bench.takes_notes(0);
    bench.tries("git push -q origin main").exits(1);
    bench.tries("git commit -q --allow-empty -m two").exits(1);
    bench.tries("git checkout -q -b b").exits(1);
    assert!(!bench.notes().contains("hooks run"));
    // To pass ours is not to pass theirs.
    bench.tries("DVC_PARAFFIN_SKIP_HOOKS=1 git push -q origin main").exits(1);
    bench.tries("git push -q --no-verify origin main").ok();
    for (name, code) in [("pre-push", 3), ("pre-commit", 4), ("post-checkout", 5)] {
        bench.tries(&format!(".git/hooks/{name} </dev/null")).exits(code);
    }
}

#[test]
fn what_was_not_run_does_not_begin_to_run() {
    let bench = Bench::new();
    bench.foreign("pre-commit", &noting(&bench, 1));
    std::fs::set_permissions(bench.hook("pre-commit"), std::fs::Permissions::from_mode(0o644)).unwrap();
    bench.hooks(["install"]).exits(255).complains("git does not run it, since it is not executable");
    bench.hooks(["install", "--chain"]).ok();
    bench.hooks(["status"]).ok().says("'pre-commit.pre-paraffin' is kept, and not run, since it is not executable");
    bench.takes_notes(0);
    bench.sh(&bench.root(), "git commit -q --allow-empty -m two");
    assert_eq!(bench.notes(), "hooks run pre-commit --\n");
}

#[test]
fn uninstall_brings_back_what_was_there() {
    let bench = Bench::new();
    bench.foreign("pre-push", "#!/bin/sh\r\n\u{e9}\n\n");
    std::fs::set_permissions(bench.hook("pre-push"), std::fs::Permissions::from_mode(0o640)).unwrap();
    bench.script(&bench.project.at("scripts/commit"), "#!/bin/sh\n");
    symlink("../../scripts/commit", bench.hook("pre-commit")).unwrap();
    symlink("nowhere", bench.hook("post-checkout")).unwrap();
    let (before, script) = (state(&bench.project.at(".git/hooks")), state(&bench.project.at("scripts")));
    bench.hooks(["install", "--chain"]).ok();
    bench.hooks(["install"]).ok().says("pre-push: installed already");
    assert_eq!(bench.project.read(".git/hooks/pre-commit").lines().nth(1), Some("# dvc-paraffin hook v1"));
    assert_eq!(state(&bench.project.at("scripts")), script);
    bench.hooks(["uninstall", "pre-push"]).ok().does_not_say("pre-commit");
    bench.hooks(["uninstall"]).ok().says("pre-commit: taken away, and what stood there before put back");
    assert_eq!(state(&bench.project.at(".git/hooks")), before);
    bench.hooks(["uninstall"]).ok().says("pre-commit: not ours");
    assert_eq!(state(&bench.project.at(".git/hooks")), before);
}

/// Someone keeps our script elsewhere, and has only a link to it here.
#[test]
fn a_link_to_ours_stays_one() {
    let bench = Bench::new();
    bench.script(&bench.top().join("mine"), "#!/bin/sh\n# dvc-paraffin hook v0\n");
    symlink(bench.top().join("mine"), bench.hook("pre-push")).unwrap();
    bench.hooks(["install", "pre-push"]).ok().says("brought from version 0 to 1");
    bench.hooks(["install", "pre-push"]).ok().says("installed already");
    let script = bench.hooks(["print", "pre-push"]).ok().out();
    assert_eq!(std::fs::read_to_string(bench.top().join("mine")).unwrap(), script);
    assert_eq!(std::fs::read_link(bench.hook("pre-push")).unwrap(), bench.top().join("mine"));
    bench.hooks(["uninstall"]).ok().says("pre-push: taken away");
    assert_eq!(state(&bench.project.at(".git/hooks")), []);
    assert_eq!(std::fs::read_to_string(bench.top().join("mine")).unwrap(), script);
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let bench = Bench::new();
    bench.foreign("pre-push", "#!/bin/sh\n");
    bench.foreign("pre-push.pre-paraffin", "#!/bin/sh\necho other\n");
    let before = state(&bench.project.at(".git/hooks"));
    bench.hooks(["install", "--chain"]).exits(255).complains("pre-push.pre-paraffin', because that exists already");
    assert_eq!(state(&bench.project.at(".git/hooks")), before);
    std::fs::remove_file(bench.hook("pre-push")).unwrap();
    bench.hooks(["install", "--chain"]).exits(255).complains("`dvc-paraffin hooks uninstall pre-push` puts it back");
    bench.hooks(["uninstall"]).ok();
    assert_eq!(bench.project.read(".git/hooks/pre-push"), "#!/bin/sh\necho other\n");
}

#[test]
fn what_is_no_file_is_left_alone() {
    let bench = Bench::new();
    for make in ["mkdir", "mkfifo"] {
        bench.sh(&bench.root(), &format!("{make} .git/hooks/pre-push"));
        bench.hooks(["install", "--chain", "--force"]).exits(255).complains("/pre-push' is no file.");
        bench.hooks(["status"]).ok().says("pre-push       not ours; git does not run it");
        bench.hooks(["uninstall"]).ok().says("pre-push: not ours, left as it is");
        bench.sh(&bench.root(), "rm -d .git/hooks/pre-push");
        assert_eq!(state(&bench.project.at(".git/hooks")), []);
    }
}

#[test]
fn an_older_version_is_brought_up_to_date() {
    let bench = Bench::new();
    bench.foreign("pre-push", "#!/bin/sh\n# dvc-paraffin hook v0\nexec dvc-paraffin hook pre-push\n");
    bench.foreign("pre-push.pre-paraffin", "#!/bin/sh\n");
    bench.hooks(["status"]).ok().says("pre-push       installed in version 0: `dvc-paraffin hooks install` brings it to 1");
    bench.hooks(["install"]).ok().says("pre-push: brought from version 0 to 1");
    bench.hooks(["install"]).ok().says("pre-push: installed already");
    bench.hooks(["uninstall"]).ok();
    assert_eq!(bench.project.read(".git/hooks/pre-push"), "#!/bin/sh\n");
}

#[test]
fn an_edit_is_not_thrown_away() {
    let bench = Bench::new();
    bench.hooks(["install"]).ok();
    bench.foreign("pre-push", &format!("{}echo mine\n", bench.project.read(".git/hooks/pre-push")));
    let before = state(&bench.project.at(".git/hooks"));
    bench.hooks(["status"]).ok().says("pre-push       installed, and edited since");
    for command in ["install", "uninstall"] {
        bench.hooks([command]).exits(255).complains("is ours, but someone has edited it. `--force`");
        assert_eq!(state(&bench.project.at(".git/hooks")), before);
    }
    bench.hooks(["install", "--force"]).ok().says("pre-push: written anew").says("pre-commit: installed already");
    bench.foreign("pre-push", "#!/bin/sh\n# dvc-paraffin hook v99\nnew\n");
    bench.hooks(["install"]).exits(255).complains("is of a newer dvc-paraffin (v99; this one writes v1)");
    bench.hooks(["uninstall"]).ok();
    assert_eq!(state(&bench.project.at(".git/hooks")), []);
}

#[test]
fn a_moved_program_is_found_again() {
    let bench = Bench::new();
    bench.hooks(["install"]).ok();
    let moved = bench.top().join("moved");
    std::fs::rename(bench.program(), &moved).unwrap();
    let call = |words: &[&str]| crate::support::ran::Ran::of(bench.project.scratch.command(&moved).arg("hooks").args(words));
    call(&["status"]).ok().says("bin/dvc-paraffin', which is gone: PATH is searched");
    call(&["install"]).ok().says("pre-push: written anew");
    call(&["status"]).ok().says(&format!("calls '{}'\n", moved.display()));
}

#[test]
fn the_hooks_of_dvc_are_chained_without_asking() {
    let Some(dvc) = dvc::get("the hooks of dvc install") else { return };
    let bench = Bench::new().remote();
    let path = |dvc: &Path| format!("{}:{}", dvc.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let git = |text: &str| crate::support::ran::Ran::of(bench.project.scratch.command("sh").args(["-c", text]).env("PATH", path(dvc)));
    git("dvc install -q").ok();
    let before = state(&bench.project.at(".git/hooks"));
    assert_eq!(before.len(), 3);
    bench.hooks(["status"]).ok().says("pre-push       the hook of `dvc install`");
    bench.hooks(["install"]).ok().says("pre-push: installed").says("what stood there runs first");
    bench.takes_notes(0);
    // DVC's own refuses a push where there is no remote for the data.
    git("git push -q origin main").exits(1).complains("no remote");
    assert_eq!(bench.notes(), "");
    git("dvc remote add -q -d there ../there && git commit -q -a -m remote && git push -q origin main").ok();
    assert!(bench.notes().contains("hooks run pre-push -- origin ../remote.git\n"));
    bench.answers_itself();
    bench.hooks(["uninstall"]).ok();
    assert_eq!(state(&bench.project.at(".git/hooks")), before);
}
