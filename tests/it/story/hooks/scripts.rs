//! The scripts by themselves: every shell runs them, nothing of the input is lost or left, and without the
//! program they say what to do.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Once;

use super::Bench;
use crate::support::aloud;
use crate::support::project::Project;
use crate::support::ran::Ran;

const NAMES: [&str; 3] = ["pre-push", "pre-commit", "post-checkout"];

/// The shells of this machine, as words of a command line.
fn shells(bench: &Bench) -> Vec<Vec<String>> {
    let known: [&[&str]; 7] =
        [&["dash"][..], &["bash"], &["bash", "--posix"], &["busybox", "sh"], &["zsh", "--emulate", "sh"], &["ksh"], &["yash"]];
    let (there, missing): (Vec<&[&str]>, Vec<&[&str]>) =
        known.into_iter().partition(|words| bench.tries(&format!("command -v {}", words[0])).code == 0);
    let missing: Vec<&str> = missing.iter().map(|words| words[0]).collect();
    static SAID: Once = Once::new();
    SAID.call_once(|| aloud(&format!("shells that the scripts were not tried with, since they are not here: {}", missing.join(", "))));
    there.iter().map(|words| words.iter().map(|word| (*word).to_owned()).collect()).collect()
}

/// Installs all hooks over foreign ones, and gives the folder in which they stand.
fn chained(foreign: &str) -> Bench {
    let bench = Bench::new();
    NAMES.iter().for_each(|name| bench.foreign(name, foreign));
    bench.hooks(["install", "--chain"]).ok();
    bench
}

fn call(bench: &Bench, shell: &[String], name: &str, words: &[&str], input: &[u8]) -> Ran {
    let mut command = bench.project.scratch.command(&shell[0]);
    command.args(&shell[1..]).arg(bench.hook(name)).args(words);
    Ran::with_input(&mut command, input)
}

#[test]
fn any_path_of_the_program_will_do() {
    let bench = Bench::new();
    let odd = bench.top().join("o'pt `id` \\ $HOME \"é");
    std::fs::create_dir(&odd).unwrap();
    std::os::unix::fs::symlink(crate::support::program::path(), odd.join("dvc 'p")).unwrap();
    Ran::of(bench.project.scratch.command(odd.join("dvc 'p")).args(["hooks", "install"])).ok();
    bench.hooks(["status"]).ok().says(&format!("calls '{}'\n", odd.join("dvc 'p").display()));
    std::fs::remove_file(odd.join("dvc 'p")).unwrap();
    bench.script(&odd.join("dvc 'p"), "#!/bin/sh\nexit 7\n");
    for shell in shells(&bench) {
        call(&bench, &shell, "pre-push", &[], b"").exits(7);
    }
}

#[test]
fn both_get_the_input_to_the_byte() {
    let line = "refs/heads/main 0123456789012345678901234567890123456789 refs/heads/main 9876543210987654321098765432109876543210\n";
    let inputs = [String::new(), line.to_owned(), format!("{line}\n\n"), "no end % \\n 'x' $HOME `id`".to_owned(), line.repeat(30_000)];
    let bench = chained("#!/bin/sh\ncat > \"${0%/*}/../got\"\n");
    let alone = Bench::new();
    alone.hooks(["install"]).ok();
    [&bench, &alone].iter().for_each(|bench| bench.takes_notes(0));
    for shell in shells(&bench) {
        for input in &inputs {
            call(&alone, &shell, "pre-push", &["origin"], input.as_bytes()).ok();
            assert!(alone.notes() == format!("hooks run pre-push -- origin\n{input}"), "{shell:?}");
            call(&bench, &shell, "pre-push", &["origin", "a  b", "*"], input.as_bytes()).ok();
            let notes = bench.notes();
            let got = bench.project.read(".git/got");
            assert!(got == *input, "{shell:?}: {} bytes of {}", got.len(), input.len());
            let (words, got) = notes.split_once('\n').unwrap();
            assert_eq!(words, "hooks run pre-push -- origin a  b *");
            assert!(got == input, "{shell:?}: {} bytes of {}", got.len(), input.len());
        }
    }
}

/// A script has variables, and names may be taken.
#[test]
fn a_chained_hook_has_the_environment_of_git() {
    let bench = chained("#!/bin/sh\nenv > \"${0%/*}/../got\"\n");
    bench.takes_notes(0);
    let names = ["refs", "program", "kept", "gone", "remove", "tip", "IFS", "GIT_DIR", "GIT_INDEX_FILE", "GIT_PREFIX"];
    for shell in shells(&bench) {
        for name in NAMES {
            let mut command = bench.project.scratch.command(&shell[0]);
            let given: Vec<(String, String)> = command
                .envs(names.map(|name| (name, "as it was")))
                .get_envs()
                .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value?.to_str()?.to_owned())))
                .filter(|(name, _)| name != "IFS")
                .collect();
            Ran::with_input(command.args(&shell[1..]).arg(bench.hook(name)), b"a b c d\n").ok();
            let got = bench.project.read(".git/got");
            for (name, value) in given {
                assert!(got.lines().any(|line| line == format!("{name}={value}")), "{shell:?} {name}: {got}");
            }
            assert!(!got.contains("araffin_"), "{shell:?}: {got}");
        }
    }
}

/// Who does not read, or stops to, holds nothing up, and the exit code is that of the one who failed.
#[test]
fn input_that_nobody_reads_is_no_failure() {
    let input = b"x\n".repeat(1_000_000);
    for (foreign, own, want) in [(0, 0, 0), (0, 7, 7), (9, 0, 9), (9, 7, 9)] {
        let bench = chained(&format!("#!/bin/sh\nexit {foreign}\n"));
        bench.script(&bench.top().join("new"), &format!("#!/bin/sh\nexit {own}\n"));
        std::fs::rename(bench.top().join("new"), bench.program()).unwrap();
        for shell in shells(&bench) {
            for name in NAMES {
                let ran = call(&bench, &shell, name, &["a"], &input);
                assert_eq!((ran.exits(want).out(), ran.err()), (String::new(), String::new()), "{shell:?}");
            }
        }
    }
}

#[test]
fn nothing_is_left_in_the_folder_for_temporary_files() {
    let bench = chained("#!/bin/sh\ncat >/dev/null\n");
    bench.takes_notes(0);
    let tmp = bench.top().join("tmp");
    std::fs::create_dir(&tmp).unwrap();
    for shell in shells(&bench) {
        // Not even where there is no room for one.
        for mode in [0o755, 0o555] {
            std::fs::set_permissions(&tmp, std::fs::Permissions::from_mode(mode)).unwrap();
            let mut command = bench.project.scratch.command(&shell[0]);
            command.args(&shell[1..]).arg(bench.hook("pre-push")).env("TMPDIR", &tmp);
            Ran::with_input(&mut command, &b"x\n".repeat(100_000)).ok();
            assert_eq!(bench.notes().len(), "hooks run pre-push --\n".len() + 200_000);
            assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0);
        }
    }
}

#[test]
fn a_variable_passes_ours_alone() {
    let bench = chained("#!/bin/sh\necho foreign\n");
    bench.takes_notes(1);
    for shell in shells(&bench) {
        for name in NAMES {
            let with = |value: &str| {
                let mut command = bench.project.scratch.command(&shell[0]);
                Ran::of(command.args(&shell[1..]).arg(bench.hook(name)).env("DVC_PARAFFIN_SKIP_HOOKS", value))
            };
            with("1").ok().says("foreign\n");
            assert_eq!(bench.notes(), "");
            for value in ["", "0"] {
                with(value).exits(1).says("foreign\n");
                assert_eq!(bench.notes(), format!("hooks run {name} --\n"));
            }
        }
    }
}

/// A hook without its program: in `PATH` there may be another one.
#[test]
fn a_missing_program_is_told() {
    let bench = Bench::new().remote();
    bench.hooks(["install"]).ok();
    std::fs::remove_file(bench.program()).unwrap();
    let poor = bench.poor_path();
    let git = |text: &str| Ran::of(bench.project.scratch.command("/bin/sh").args(["-c", text]).env("PATH", &poor));
    let gone = format!("'{}' is gone, and PATH has no dvc-paraffin.", bench.program().display());
    let push = git("git push -q origin main");
    push.exits(1).complains("dvc-paraffin: the push is refused").complains(&gone);
    push.complains("git push --no-verify ").complains("DVC_PARAFFIN_SKIP_HOOKS=1 git push").complains("`dvc-paraffin hooks install`");
    push.complains("To remove it:  rm '.git/hooks/pre-push'\n");
    git("git commit -q --allow-empty -m two")
        .exits(1)
        .complains("the commit is refused")
        .complains(&gone)
        .complains("git commit --no-verify");
    git("git checkout -q -b b").ok().complains("the data was not checked out").complains(&gone);
    git("DVC_PARAFFIN_SKIP_HOOKS=1 git push -q origin main").ok();
    git("git push -q --no-verify origin main:b").ok();
    bench.script(&poor.join("dvc-paraffin"), "#!/bin/sh\necho \"other $*\"\n");
    git("git commit -q --allow-empty -m two").ok().complains("other hooks run pre-commit --\n");
}

#[test]
fn what_was_chained_is_named_by_the_way_out() {
    let bench = chained("#!/bin/sh\n");
    std::fs::remove_file(bench.program()).unwrap();
    let poor = bench.poor_path();
    let ran = Ran::of(bench.project.scratch.command("/bin/sh").args(["-c", "git commit -q --allow-empty -m two"]).env("PATH", &poor));
    ran.exits(1).complains("To remove it:  mv '.git/hooks/pre-commit.pre-paraffin' '.git/hooks/pre-commit'\n");
}

/// In a folder that all repositories share, a missing program matters to those with DVC alone.
#[test]
fn without_dvc_nothing_is_missing() {
    let bench = Bench::of(Project::folder());
    bench.sh(&bench.root(), "git init -q -b main . && git config --global core.hooksPath '~/h' && git commit -q --allow-empty -m one");
    let bench = bench.remote();
    bench.hooks(["install"]).ok().complains("is not this repository's alone");
    std::fs::remove_file(bench.program()).unwrap();
    let poor = bench.poor_path();
    let git = |text: &str| Ran::of(bench.project.scratch.command("/bin/sh").args(["-c", text]).env("PATH", &poor));
    for text in ["git commit -q --allow-empty -m two", "git checkout -q -b b", "git push -q origin b main", "git push -q origin :b"] {
        let ran = git(text);
        assert_eq!((ran.ok().out(), ran.err()), (String::new(), String::new()), "{text}");
    }
    // A DVC project anywhere, under any name; also where only what is pushed has it.
    bench.project.write("dé\"p/.dvc/config", "");
    bench.project.sh("git add -A");
    git("git commit -q --allow-empty -m three").exits(1).complains("the commit is refused");
    bench.project.sh("git commit -q --no-verify -m three; git branch with; git reset -q --hard HEAD~1");
    git("git commit -q --allow-empty -m three").ok();
    git("git push -q origin HEAD:refs/heads/c").ok();
    git("git push -q origin HEAD:refs/heads/d with").exits(1).complains("the push is refused");
}

/// As pre-commit does where it finds hooks.
#[test]
fn a_hook_that_was_renamed_still_knows_what_it_keeps() {
    let bench = chained("#!/bin/sh\necho foreign\n");
    bench.takes_notes(0);
    std::fs::rename(bench.hook("pre-push"), bench.hook("pre-push.legacy")).unwrap();
    Ran::of(&mut bench.project.scratch.command(bench.hook("pre-push.legacy"))).ok().says("foreign\n");
    assert_eq!(bench.notes(), "hooks run pre-push --\n");
}

#[test]
fn a_script_is_printed_as_it_is_installed() {
    let bench = Bench::new();
    bench.hooks(["install"]).ok();
    for name in NAMES {
        assert_eq!(bench.hooks(["print", name]).ok().out(), bench.project.read(&format!(".git/hooks/{name}")));
    }
    assert_eq!(bench.hooks(["print"]).ok().out().matches("#!/bin/sh\n").count(), 3);
    let outside = |command: &mut Command| Ran::of(command.current_dir("/").args(["hooks", "print", "pre-push"]));
    outside(&mut bench.project.scratch.command(bench.program()))
        .ok()
        .says(&format!("\nparaffin_program='{}'\n", bench.program().display()));
}

#[test]
fn an_unknown_hook_is_a_usage_error() {
    let bench = Bench::new();
    for command in ["install", "uninstall", "print"] {
        bench.hooks([command, "pre-pusch"]).exits(254).complains("a similar value exists: 'pre-push'");
    }
    bench.hooks(["print", "--manager", "huskie"]).exits(254).complains("a similar value exists: 'husky'");
    bench.hooks([]).exits(254);
    bench.hooks(["instal"]).exits(254).complains("'install'");
    assert_eq!(super::state(&bench.project.at(".git/hooks")), []);
}
