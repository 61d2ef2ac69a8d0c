//! How command lines are read.

use super::*;

fn parsed(line: &str) -> Result<Args, Early> {
    let words = std::iter::once("dvc-paraffin").chain(line.split_whitespace());
    parse(words.map(OsString::from))
}

fn repro(line: &str) -> (Global, Repro) {
    match parsed(line).unwrap() {
        Args { global, command: Command::Repro(repro) } => (global, *repro),
        other => panic!("{other:?}"),
    }
}

fn mistake(line: &str) -> String {
    let early = parsed(line).unwrap_err();
    assert_eq!(early.exit_code, USAGE, "{}", early.text);
    early.text
}

#[test]
fn the_definition_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn takes_the_flags_of_dvc() {
    let (_, all) = repro(
        "repro -f -s -p -P -R -i -k --downstream --force-downstream --glob --dry --no-commit --no-run-cache --pull --allow-missing a b",
    );
    assert!(all.force && all.single_item && all.pipeline && all.all_pipelines && all.recursive && all.interactive && all.keep_going);
    assert!(
        all.downstream && all.force_downstream && all.glob && all.dry && all.no_commit && all.no_run_cache && all.pull && all.allow_missing
    );
    assert_eq!(all.targets, ["a", "b"]);
    let (_, together) = repro("repro -fskPR");
    assert!(together.force && together.single_item && together.keep_going && together.all_pipelines && together.recursive);
}

#[test]
fn global_flags_stand_anywhere() {
    for line in ["-q --cd d --wait-for-lock repro a", "repro a -q --cd d --wait-for-lock"] {
        let (global, _) = repro(line);
        assert_eq!((global.quiet, global.cd, global.wait_for_lock), (1, Some(PathBuf::from("d")), true), "{line}");
    }
    assert!(mistake("repro -q -v").contains("cannot be used with"));
}

#[test]
fn the_last_word_on_errors_wins() {
    assert_eq!(repro("repro -k --ignore-errors").1.on_error(), OnError::Ignore);
    assert_eq!(repro("repro --ignore-errors -k").1.on_error(), OnError::KeepGoing);
    assert_eq!(repro("repro").1.on_error(), OnError::Fail);
}

#[test]
fn jobs_are_a_positive_number() {
    assert_eq!(repro("repro -j 3").1.jobs, NonZeroUsize::new(3));
    assert_eq!(repro("repro --concurrency=4").1.jobs, NonZeroUsize::new(4));
    for line in ["repro --jobs 0", "repro -j -1", "repro --jobs=-1", "repro -j many", "repro -j"] {
        mistake(line);
    }
}

#[test]
fn mistakes_name_the_nearest_right_word() {
    assert!(mistake("rerpo").contains("'repro'"), "{}", mistake("rerpo"));
    assert!(mistake("repro --fource").contains("'--force'"), "{}", mistake("repro --fource"));
    assert!(mistake("repro --keepgoing").contains("'--keep-going'"));
    assert!(mistake("repro --forc").contains("--forc"));
    assert!(mistake("push").contains("`dvc push` works"));
    mistake("");
    mistake("graph --format svg");
}

#[test]
fn help_and_version_are_no_mistakes() {
    for line in ["--help", "repro --help", "--version", "-V", "help graph"] {
        assert_eq!(parsed(line).unwrap_err().exit_code, 0, "{line}");
    }
}

#[test]
fn a_flag_may_be_given_twice_and_the_last_value_counts() {
    let Command::Repro(repro) = parsed("repro --force -f -s a -s --jobs 2 -j 3").unwrap().command else { panic!("no repro") };
    assert!(repro.force && repro.single_item);
    assert_eq!(repro.jobs, std::num::NonZeroUsize::new(3));
    assert_eq!(repro.targets, ["a"]);
}

#[test]
fn graph_knows_its_short_forms() {
    let format = |line: &str| match parsed(line).unwrap().command {
        Command::Graph(graph) => graph.format(),
        other => panic!("{other:?}"),
    };
    assert_eq!(format("graph"), Format::Text);
    assert_eq!(format("dag --dot"), Format::Dot);
    assert_eq!(format("graph --levels"), Format::Mermaid);
    assert_eq!(format("graph --levels --format text"), Format::Text);
    assert_eq!(format("graph --json"), Format::Json);
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let script = completion(clap_complete::Shell::Bash);
    let complete = |words: &[&str]| {
        let typed: String = words.iter().map(|word| format!(" '{word}'")).collect();
        let ask = format!(
            "{script}\nCOMP_WORDS=(dvc-paraffin{typed}); COMP_CWORD={count}\n\
             _dvc__paraffin dvc-paraffin \"${{COMP_WORDS[{count}]}}\" \"${{COMP_WORDS[{count}-1]}}\"; echo \"${{COMPREPLY[*]}}\"\n",
            count = words.len()
        );
        let output = std::process::Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!(complete(&["rep"]), "repro report");
    assert_eq!(complete(&["repro", "--js"]), "--json --json-file");
    assert_eq!(complete(&["-q", "repro", "--dr"]), "--dry");
    assert_eq!(complete(&["graph", "--format", "m"]), "mermaid");
}

#[test]
fn completions_name_all_commands() {
    for shell in [clap_complete::Shell::Zsh, clap_complete::Shell::Fish, clap_complete::Shell::PowerShell, clap_complete::Shell::Elvish] {
        let script = completion(shell);
        assert!(Args::command().get_subcommands().all(|command| script.contains(command.get_name())), "{shell}");
    }
}
