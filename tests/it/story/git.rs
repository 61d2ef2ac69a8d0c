//! Git repositories of every shape: what the program asks of git, it gets, or says in one line
//! why not. The layouts are made by the real `git`; the same project in a plain repository is
//! the measure.

use std::path::PathBuf;

use crate::support::project::Project;
use crate::support::ran::{Ran, sh};
use crate::support::tree::Tree;
use crate::support::{aloud, in_ci};

/// How a repository is made around the project, and where that stands then.
struct Layout {
    name: &'static str,
    /// Makes the repository in the current folder; `fill` writes the project, `save` commits.
    make: &'static str,
    place: &'static str,
}

const PLAIN: Layout = Layout { name: "plain", make: "git init -q -b main .; fill; save", place: "" };

const LAYOUTS: &[Layout] = &[
    Layout { name: "reftable", make: "git init -q -b main --ref-format=reftable .; fill; save", place: "" },
    Layout { name: "SHA-256", make: "git init -q -b main --object-format=sha256 .; fill; save", place: "" },
    Layout { name: "split index", make: "git init -q -b main .; fill; save; git update-index --split-index", place: "" },
    Layout { name: "index of version 4", make: "git init -q -b main .; fill; save; git update-index --index-version 4", place: "" },
    Layout { name: "many files", make: "git init -q -b main .; git config feature.manyFiles true; fill; save", place: "" },
    Layout {
        name: "sparse checkout",
        make: "git init -q -b main .; fill; mkdir far; echo 1 > far/x; save; git sparse-checkout set --no-cone '/*' '!/far'",
        place: "",
    },
    Layout {
        name: "sparse index",
        make: "git init -q -b main .; fill; mkdir far; echo 1 > far/x; save; git sparse-checkout set --cone --sparse-index .dvc sub",
        place: "",
    },
    Layout {
        name: "linked work tree",
        make: "git init -q -b main main; (cd main; fill; save; git worktree add -q ../other -b other)",
        place: "other",
    },
    Layout {
        name: "configuration of a work tree",
        make: "git init -q -b main main; cd main; fill; save; git config extensions.worktreeConfig true; \
               git worktree add -q ../other -b other; cd ../other; git config --worktree core.bare false",
        place: "other",
    },
    Layout {
        name: "submodule",
        make: "git init -q -b main origin; (cd origin; fill; save); git init -q -b main outer; cd outer; \
               git -c protocol.file.allow=always submodule --quiet add ../origin inner",
        place: "outer/inner",
    },
    Layout {
        name: "with a submodule",
        make: "git init -q -b main ../origin; (cd ../origin; echo s > s; save); git init -q -b main .; fill; \
               git -c protocol.file.allow=always submodule --quiet add ../origin far; save",
        place: "",
    },
    Layout { name: "git elsewhere", make: "git init -q -b main --separate-git-dir=../elsewhere .; fill; save", place: "" },
    Layout { name: "below the root of git", make: "git init -q -b main .; mkdir -p deep/er; cd deep/er; fill; save", place: "deep/er" },
    Layout {
        name: "below the root of git with SHA-256",
        make: "git init -q -b main --object-format=sha256 .; mkdir -p deep/er; cd deep/er; fill; save",
        place: "deep/er",
    },
    Layout {
        name: "shallow clone",
        make: "git init -q -b main origin; (cd origin; fill; save; echo 2 > 2; save; git rm -q 2; save); \
               git clone -q --depth 1 file://$PWD/origin clone",
        place: "clone",
    },
    Layout { name: "no commit yet", make: "git init -q -b main .; fill; git add -A", place: "" },
    Layout { name: "no branch", make: "git init -q -b main .; fill; save; git checkout -q --detach", place: "" },
    Layout {
        name: "of another user",
        make: "git init -q -b main .; fill; save; if [ $(id -u) = 0 ]; then chown -R 4711:4711 .git; fi",
        place: "",
    },
];

const FUNCTIONS: &str = r"
set -e
save() { git add -A && git commit -q -m state; }
fill() {
mkdir -p .dvc sub
printf '[core]\n    autostage = true\n' > .dvc/config
printf '/config.local\n/tmp\n/cache\n' > .dvc/.gitignore
printf 'stages:\n  a:\n    cmd: cat in.txt > mid.txt\n    deps: [in.txt]\n    outs: [mid.txt, seen.log]\n' > dvc.yaml
sed -i 's/> mid.txt/| tee mid.txt > seen.log/' dvc.yaml
printf 'stages:\n  b:\n    cmd: mkdir -p d; cp ../mid.txt d/e\n    deps: [../mid.txt]\n    outs: [d]\n' > sub/dvc.yaml
printf '*.log\n/sub/off\n' > .gitignore
printf 1 > in.txt
}
";

/// The project in a repository of this shape; none (said aloud) if the machine's git knows no such.
fn made(layout: &Layout) -> Option<(Project, PathBuf)> {
    let project = Project::folder();
    let script = format!("{FUNCTIONS}{}", layout.make);
    let ran = Ran::of(project.scratch.command("/bin/sh").current_dir(project.root()).args(["-c", &script]));
    if ran.code != 0 {
        assert!(!in_ci(), "{}: {ran}", layout.name);
        aloud(&format!("SKIPPED {}: this git cannot make it: {}", layout.name, ran.err().lines().next().unwrap_or_default()));
        return None;
    }
    let place = if layout.place.is_empty() { project.root() } else { project.root().join(layout.place) };
    Some((project, place))
}

/// What the project's life left: outcomes, standard output, what git holds, the tree.
#[derive(PartialEq, Debug)]
struct Life {
    said: Vec<String>,
    tree: Tree,
}

fn life(layout: &Layout) -> Option<Life> {
    let (project, place) = made(layout)?;
    // Git ignores it, so DVC does not read it.
    std::fs::create_dir(place.join("sub/off")).unwrap();
    std::fs::write(place.join("sub/off/dvc.yaml"), "nonsense").unwrap();
    let mut said = Vec::new();
    let git = |what: &str| sh(&project.scratch, &place, &format!("git -c safe.directory='*' {what}")).out();
    let run = |arguments: &[&str]| {
        let ran = Ran::of(project.command(&place).args(arguments));
        let error: String = ran.err().lines().filter(|line| line.starts_with("ERROR")).collect();
        format!("{} {} {error}", ran.code, ran.out()).replace(place.to_str().unwrap(), "@ROOT@")
    };
    let repro = ["repro", "-P", "--jobs", "1"];
    said.push(run(&repro));
    said.push(git("ls-files -- . ':!far' ':!.gitmodules'"));
    said.push(git("ls-files --others --exclude-standard -- . ':!far'"));
    // Another size each time: within one second git tells files apart by nothing else.
    std::fs::write(place.join("in.txt"), "22").unwrap();
    said.push(run(&repro));
    said.push(git("diff --name-only --relative -- ."));
    // An output that git tracks, and one that it forgets again.
    git("add -f mid.txt");
    std::fs::write(place.join("in.txt"), "333").unwrap();
    said.push(run(&repro));
    git("rm -q -f --cached mid.txt");
    said.push(run(&repro));
    // A lock file that git ignores.
    std::fs::write(place.join("sub/.gitignore"), "/d\ndvc.lock\n").unwrap();
    said.push(run(&repro));
    let tree = Tree::of(&place, &[".dvc/tmp", "far", ".gitmodules", ".git"]);
    Some(Life { said, tree })
}

#[test]
fn the_layout_of_a_repository_makes_no_difference() {
    let plain = life(&PLAIN).unwrap();
    for (index, want) in ["0 ", ".dvc/.gitignore\n", "", "0 ", "in.txt\n", "255 ", "0 ", "255 "].iter().enumerate() {
        assert!(plain.said[index].starts_with(want), "step {index}: {}", plain.said[index]);
    }
    assert!(plain.said[1].contains("dvc.lock\n") && !plain.said[1].contains("mid.txt"), "{}", plain.said[1]);
    assert!(plain.said[5].contains("ERROR: failed to reproduce 'a':  output 'mid.txt' is already tracked"), "{}", plain.said[5]);
    assert!(plain.said[7].ends_with("ERROR: '@ROOT@/sub/dvc.lock' is git-ignored."), "{}", plain.said[7]);
    for layout in LAYOUTS {
        if let Some(life) = life(layout) {
            assert_eq!(life.said, plain.said, "{}", layout.name);
            life.tree.must_equal(&plain.tree, layout.name, "a plain repository");
        }
    }
}

/// Outputs and stages within a submodule: their hints stand there, nothing of it is staged.
#[test]
fn an_output_in_a_submodule_is_not_staged() {
    let project = Project::new().file(".dvc/config", "[core]\n    autostage = true\n").commit();
    project.sh("git init -q -b main ../origin && cd ../origin && echo s > s && git add s && git commit -qm s");
    project.sh("git -c protocol.file.allow=always submodule --quiet add ../origin mod && git commit -qm mod");
    let project = project.stage("a", |s| s.cmd("cp mod/s mod/out").dep("mod/s").out("mod/out"));
    project.repro([]).ok().ran(["a"]);
    assert_eq!(project.read("mod/.gitignore"), "/out\n");
    assert_eq!(project.sh("git -C mod status --porcelain").out(), "?? .gitignore\n");
    assert_eq!(project.sh("git diff --cached --name-only").out(), "dvc.lock\n");
}

#[test]
fn another_repository_inside_is_part_of_the_project() {
    let project = Project::new().stage("a", |s| s.cmd("cp inner/s out").dep("inner").out("out"));
    project.sh("git init -q -b main inner && cd inner && echo s > s && git add s && git commit -qm s");
    project.write("inner/dvc.yaml", "stages:\n  z:\n    cmd: echo z > z\n    outs: [z]\n");
    project.repro(["-P"]).ok().ran(["a", "inner/dvc.yaml:z"]);
    assert_eq!(project.read("inner/.gitignore"), "/z\n");
    project.repro(["-P"]).ok().ran([]);
    project.write("inner/s", "t\n");
    project.repro(["-P"]).ok().ran(["a"]);
}

/// DVC says so too: what belongs to a DVC repository inside is not this one's.
#[test]
fn a_stage_of_a_dvc_repository_inside_is_no_target() {
    let project = Project::new().file("inner/.dvc/config", "").stage("a", |s| s.cmd("echo 1 > out").out("out"));
    project.write("inner/dvc.yaml", "stages:\n  z:\n    cmd: echo z > z\n    outs: [z]\n");
    let want = format!("ERROR: '{}' is dvc-ignored\n", project.at("inner/dvc.yaml").display());
    project.repro(["inner/dvc.yaml:z"]).exits(255).ran([]).complains(&want);
    project.repro(["-P"]).ok().ran(["a"]);
    Ran::of(project.command(project.at("inner")).args(["repro"])).ok().ran(["z"]);
}

#[test]
fn without_a_git_program_only_what_needs_it_is_refused() {
    let run = |layout: &Layout| {
        let (project, place) = made(layout)?;
        std::fs::write(place.join("dvc.yaml"), "stages:\n  a:\n    cmd: echo 1 > mid.txt\n    outs: [mid.txt]\n").unwrap();
        Some(Ran::of(project.command(&place).env("PATH", "/nowhere").args(["repro", "--jobs", "1"])))
    };
    run(&PLAIN).unwrap().ok().ran(["a"]);
    for layout in LAYOUTS.iter().filter(|layout| matches!(layout.name, "reftable" | "SHA-256" | "split index")) {
        let Some(ran) = run(layout) else { continue };
        ran.exits(255).ran([]).complains("(the `git` program is asked instead, but there is none)");
        let errors = ran.err().lines().filter(|line| line.starts_with("ERROR: ")).count();
        assert_eq!(errors, 1, "{ran}");
    }
}

/// Hooks and users set variables that name another repository: the project's own one counts.
#[test]
fn variables_of_git_do_not_lead_to_another_repository() {
    for layout in [&PLAIN, &LAYOUTS[1]] {
        let Some((project, place)) = made(layout) else { continue };
        sh(&project.scratch, &project.root(), "git init -q -b main ../another && cd ../another && echo mid.txt > .gitignore");
        let another = project.scratch.top().join("another");
        let mut command = project.command(&place);
        command.args(["repro", "-P"]).env("GIT_DIR", another.join(".git")).env("GIT_WORK_TREE", &another);
        command.env("GIT_INDEX_FILE", another.join(".git/index")).env("GIT_PREFIX", "").env("GIT_LITERAL_PATHSPECS", "1");
        command.env("GIT_CEILING_DIRECTORIES", project.scratch.top());
        Ran::of(&mut command).ok();
        let held = sh(&project.scratch, &place, "cat .gitignore; git diff --cached --name-only").out();
        assert_eq!(held, "*.log\n/sub/off\n/mid.txt\n.gitignore\ndvc.lock\nsub/.gitignore\nsub/dvc.lock\n", "{}", layout.name);
        assert!(!another.join(".git/index").exists(), "{}", layout.name);
    }
}

#[test]
fn a_lock_left_on_the_index_fails_the_staging_alone() {
    for layout in [&PLAIN, &LAYOUTS[1]] {
        let Some((project, place)) = made(layout) else { continue };
        std::fs::write(place.join(".git/index.lock"), "").unwrap();
        let ran = Ran::of(project.command(&place).args(["repro", "-P"]));
        ran.exits(255).ran(["a", "sub/dvc.yaml:b"]).complains("ERROR: cannot add files to the index of the git repository");
        ran.complains("index.lock': File exists.");
        std::fs::remove_file(place.join(".git/index.lock")).unwrap();
        Ran::of(project.command(&place).args(["repro", "-P"])).ok().ran([]);
        let status = Ran::of(project.command(&place).args(["status", "-q"]));
        status.ok();
    }
}

#[test]
fn a_rule_cannot_take_back_what_lies_in_an_ignored_folder() {
    let project = Project::new().file(".gitignore", "off/\n!keep.txt\n!dvc.yaml\n");
    project.write("off/dvc.yaml", "nonsense");
    let project = project.stage("a", |s| s.cmd("echo 1 > off/keep.txt").out("off/keep.txt"));
    project.repro(["-P"]).ok().ran(["a"]);
    assert!(!project.has("off/.gitignore"), "git ignores the output by the rule about its folder");
}

#[test]
fn a_filter_of_git_is_applied_when_staging() {
    let project = Project::new().file(".dvc/config", "[core]\n    autostage = true\n").file(".gitattributes", "dvc.lock filter=up\n");
    project.sh("git config filter.up.clean 'tr a-z A-Z'");
    let project = project.commit().stage("a", |s| s.cmd("echo 1 > out").out("out"));
    project.repro([]).ok();
    assert!(project.sh("git show :dvc.lock").out().starts_with("SCHEMA: '2.0'\n"));
    assert!(project.read("dvc.lock").starts_with("schema: '2.0'\n"));
}

/// One process of git answers for the whole run, and nobody reads its warnings meanwhile.
#[test]
fn warnings_of_git_hold_nothing_up() {
    let layout = LAYOUTS.iter().find(|layout| layout.name == "SHA-256").unwrap();
    let Some((project, place)) = made(layout) else { return };
    let path = std::env::var("PATH").unwrap();
    let git =
        "#!/bin/sh\ncase \"$*\" in *check-ignore*) head -c 300000 /dev/zero | tr '\\0' w >&2;; esac\nPATH=\"$REAL\" exec git \"$@\"\n";
    project.write("../bin/git", git);
    project.sh("chmod +x ../bin/git");
    let beside = format!("{}:{path}", project.at("../bin").display());
    Ran::of(project.command(&place).env("PATH", beside).env("REAL", &path).args(["repro", "--jobs", "1"])).ok();
}
