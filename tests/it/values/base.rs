//! Which commit a run is compared with, in histories that real git made, and what git is said to say.

use dvc_paraffin::format::mask::Masks;
use dvc_paraffin::model::base::{Asked, NoBase};
use dvc_paraffin::model::values::Values;
use dvc_paraffin::ops::{changes, values};
use dvc_paraffin::report::difference::base_words;

use super::workspace;
use crate::support::project::Project;

/// The words about the base, with `1`, `2`, … in place of the commits of that tag.
fn words(project: &Project, asked: &Asked) -> String {
    let base = changes::base(&workspace(&project.root()), asked).unwrap();
    let mut words = base_words(&base);
    for line in project.sh("git for-each-ref --format='%(objectname) %(refname:short)' refs/tags").out().lines() {
        let (id, tag) = line.split_once(' ').unwrap();
        words = words.replace(&id[..7], tag);
    }
    words
}

fn asked(rev: Option<&str>, vars: &[(&str, &str)]) -> Asked {
    changes::asked(rev, |name| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
}

/// A clone with `main` and `topic`, which parts from it at tag 1; main has gone on to tag 2, topic to tag 3.
fn history(init: &str) -> Project {
    let project = Project::new().file("params.yaml", "lr: 1\n").file("dvc.yaml", "metrics: [m.json]\n").file("m.json", "{\"a\": 1}");
    project.sh(&format!("rm -rf .git && git init -q -b main {init} ."));
    let save = |name: &str| project.sh(&format!("git add -A && git commit -q -m {name} && git tag {name}"));
    save("1");
    project.sh("git checkout -q -b topic main && git checkout -q main");
    project.write("params.yaml", "lr: 2\n");
    save("2");
    project.sh("git checkout -q topic");
    project.write("params.yaml", "lr: 3\n");
    save("3");
    project.sh("git clone -q --bare . ../bare && git remote add origin ../bare && git fetch -q && git branch -q -D main");
    project
}

/// libgit2 reads the first, the `git` program the others.
const LAYOUTS: [&str; 3] = ["", "--ref-format=reftable", "--object-format=sha256"];

#[test]
fn the_base_is_where_the_branch_began() {
    for layout in LAYOUTS {
        let project = history(layout);
        let none = Asked::default();
        assert_eq!(words(&project, &none), "merge base with origin/main (1)", "{layout}");
        for (said, want) in [
            (asked(Some("HEAD~1"), &[("GITHUB_BASE_REF", "main")]), "HEAD~1 (1)"),
            (asked(Some("2"), &[]), "2 (2)"),
            (asked(None, &[("GITHUB_BASE_REF", "main")]), "merge base with origin/main (1)"),
            (asked(None, &[("GITHUB_BASE_REF", "topic")]), "merge base with origin/topic (3)"),
            (asked(None, &[("GITHUB_BASE_REF", "")]), "merge base with origin/main (1)"),
            (asked(None, &[("GITHUB_BASE_REF", "no")]), "merge base with origin/main (1); no is not in this clone"),
            (asked(None, &[("GITHUB_BASE_REF", "--all")]), "merge base with origin/main (1); --all is not in this clone"),
        ] {
            assert_eq!(words(&project, &said), want, "{layout} {said:?}");
        }
        let id = project.sh("git rev-parse 2").out().trim().to_owned();
        assert_eq!(words(&project, &asked(None, &[("CI_MERGE_REQUEST_DIFF_BASE_SHA", &id)])), "base of the merge request (2)");
        let unknown = changes::base(&workspace(&project.root()), &asked(Some("nowhere"), &[]));
        assert_eq!(unknown, Err(NoBase::Unknown("nowhere".to_owned())), "{layout}");
        project.sh("git remote set-head origin topic");
        assert_eq!(words(&project, &none), "merge base with origin/topic (3)", "{layout}");
        project
            .sh("git remote remove origin && git checkout -q -b trunk 1 && git config init.defaultBranch trunk && git checkout -q topic");
        assert_eq!(words(&project, &none), "merge base with trunk (1)", "{layout}");
        project.sh("git checkout -q trunk && git config --unset init.defaultBranch && git branch -q -D topic");
        assert_eq!(words(&project, &none), "HEAD (1)", "{layout}");
    }
}

#[test]
fn changes_are_told_against_the_base() {
    for layout in LAYOUTS {
        let project = history(layout);
        project.write("m.json", "{\"a\": 2.5}");
        let workspace = workspace(&project.root());
        let found = changes::against_base(&workspace, &Asked::default(), &values::of_work_tree(&workspace), &Masks::default()).unwrap();
        assert_eq!(found.params.json.to_string(), r#"{"params.yaml":{"lr":{"old":1,"new":3,"diff":2}}}"#, "{layout}");
        assert_eq!(found.metrics.json.to_string(), r#"{"m.json":{"a":{"old":1,"new":2.5,"diff":1.5}}}"#, "{layout}");
        assert!(found.remarks.is_empty(), "{layout} {:?}", found.remarks);
        let facts = changes::facts(&workspace).unwrap();
        assert_eq!((facts.branch.as_deref(), facts.dirty), (Some("topic"), true), "{layout}");
        assert_eq!(facts.commit.unwrap(), project.sh("git rev-parse HEAD").out().trim());
        project.sh("git checkout -q . && git checkout -q --detach");
        project.write("untracked", "x");
        let facts = changes::facts(&workspace).unwrap();
        assert_eq!((facts.branch, facts.dirty), (None, false), "{layout}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let project = history("");
    project.sh(
        "git checkout -q -b bad && echo 'stages: {s: {}}' > dvc.yaml && git commit -q -a -m bad && echo 'metrics: [no.json]' > dvc.yaml",
    );
    let workspace = workspace(&project.root());
    let now = values::of_work_tree(&workspace);
    let against = |rev: &str| changes::against_base(&workspace, &asked(Some(rev), &[]), &now, &Masks::default());
    let refused = against("bad").unwrap_err();
    assert!(refused.starts_with("the pipeline of bad (") && refused.contains(" cannot be read: "), "{refused}");
    assert_eq!(against("3").unwrap().remarks, ["no.json now: 'no.json' does not exist"]);
    project.sh("rm -rf .git && git init -q .");
    let again = super::workspace(&project.root());
    let refused = |workspace| changes::against_base(workspace, &Asked::default(), &Values::default(), &Masks::default()).unwrap_err();
    assert_eq!(refused(&again), "nothing is committed yet");
    assert_eq!(changes::facts(&again).unwrap().commit, None);
    project.sh("rm -rf .git");
    project.write(".dvc/config", "[core]\nno_scm = true\n");
    assert_eq!(refused(&super::workspace(&project.root())), "this repository is used without git");
}

/// A job of CI often has the data of one commit only. That the base's values are not there must not look as if it had none.
#[test]
fn values_that_the_cache_lacks_are_said() {
    let project = Project::new().stage("s", |s| s.cmd("echo '{\"a\": 1}' > m.json").field("metrics", "[m.json]"));
    project.repro(["-q"]).ok();
    let project = project.commit();
    project.sh("git tag base; rm -rf .dvc/cache");
    project.sh("sed -i 's/1}/2}/' dvc.yaml");
    project.repro(["-q", "--no-run-cache"]).ok();
    let workspace = workspace(&project.root());
    let now = values::of_work_tree(&workspace);
    let found = changes::against_base(&workspace, &asked(Some("base"), &[]), &now, &Masks::default()).unwrap();
    assert!(
        matches!(&found.remarks[..], [one] if one.starts_with("m.json at ") && one.ends_with(" is not in the local cache")),
        "{:?}",
        found.remarks
    );
}

/// CI clones without history: what is there is compared, and the report says what is missing.
#[test]
fn a_shallow_clone_is_compared_with_what_it_has() {
    let project = history("");
    let dir = project.scratch.top().join("shallow");
    let path = dir.display();
    project.sh(&format!("git clone -q --depth 1 --no-single-branch -b topic file://{}/../bare {path}", project.root().display()));
    let shallow = workspace(&dir);
    let base = changes::base(&shallow, &asked(None, &[("GITHUB_BASE_REF", "main")])).unwrap();
    let words = base_words(&base);
    assert!(words.starts_with("origin/main (") && words.ends_with("; this clone does not reach back to the merge base"), "{words}");
    project.sh(&format!("git -C {path} remote set-head origin main"));
    let base = changes::base(&shallow, &Asked::default()).unwrap();
    assert!(base_words(&base).starts_with("HEAD ("), "{base:?}");
}

#[test]
fn links_lead_to_what_the_commit_has() {
    let project =
        Project::new().file("real/p.yaml", "lr: 1\n").file("dvc.yaml", "metrics: [dir/m.json]\n").file("there/m.json", "{\"a\": 1}");
    project.sh("ln -s real/p.yaml params.yaml && ln -s there dir && git add -A && git commit -q -m links");
    project.write("real/p.yaml", "lr: 2\n");
    project.write("there/m.json", "{\"a\": 2}");
    let workspace = workspace(&project.root());
    let found = changes::against_base(&workspace, &Asked::default(), &values::of_work_tree(&workspace), &Masks::default()).unwrap();
    assert_eq!(found.params.json.to_string(), r#"{"params.yaml":{"lr":{"old":1,"new":2,"diff":1}}}"#);
    assert_eq!(found.metrics.json.to_string(), r#"{"dir/m.json":{"a":{"old":1,"new":2,"diff":1}}}"#);
}

/// A DVC repository below the root of git, and a base from before it was there.
#[test]
fn a_repository_below_the_root_of_git() {
    let project = Project::new().file("other", "x").commit();
    project.sh("mkdir -p sub/.dvc && touch sub/.dvc/config && git tag before");
    for (path, text) in
        [("sub/dvc.yaml", "metrics: [m.json]\nparams: [../shared.yaml]\n"), ("sub/m.json", "{\"a\": 1}"), ("shared.yaml", "s: 1\n")]
    {
        project.write(path, text);
    }
    project.sh("git add -A && git commit -q -m sub");
    project.write("sub/m.json", "{\"a\": 2}");
    project.write("shared.yaml", "s: 2\n");
    let workspace = workspace(&project.at("sub"));
    let now = values::of_work_tree(&workspace);
    let found = changes::against_base(&workspace, &Asked::default(), &now, &Masks::default()).unwrap();
    assert_eq!(found.metrics.json.to_string(), r#"{"m.json":{"a":{"old":1,"new":2,"diff":1}}}"#);
    assert!(found.remarks.iter().any(|remark| remark.ends_with("/shared.yaml' lies outside of the DVC repository")), "{:?}", found.remarks);
    let found = changes::against_base(&workspace, &asked(Some("before"), &[]), &now, &Masks::default()).unwrap();
    assert_eq!(found.metrics.json.to_string(), r#"{"m.json":{"a":{"old":null,"new":2}}}"#);
    assert!(found.remarks[0].ends_with("does not contain a DVC repo"), "{:?}", found.remarks);
}
