//! Pipelines of public repositories, compared with themselves after numbers in their parameters and
//! metrics were changed. The files are no part of the project; where the folder ../shared/corpus is
//! missing nothing is compared. `DVC_PARAFFIN_VALUES` says how many are taken, spread over all.

use std::path::Path;

use super::{commit, compare};
use crate::differential::preloaded::Dvc;
use crate::dvc;
use crate::support::archive::{shared, unpacked};
use crate::support::project::Project;
use crate::support::{aloud, number, on_threads};

/// How many are compared at once.
const PARTS: usize = 3;

#[test]
fn public_values_differ_as_dvc_says() {
    let archive = shared().join("corpus/corpus-dev.tar.xz");
    if !archive.exists() {
        aloud("SKIPPED the values of the public pipelines of ../shared/corpus: the folder is not there");
        return;
    }
    let Some(script) = dvc::get("values of the public pipelines") else { return };
    let server = Dvc::start(script);
    let dev = unpacked(&archive).join("dev");
    let list = std::fs::read_to_string(dev.join("dev.txt")).unwrap();
    // Those that DVC reads; the root of the repository is the third word.
    let all: Vec<(&str, &str)> = list
        .lines()
        .filter(|line| !line.starts_with('#') && line.ends_with("\tok"))
        .filter_map(|line| Some((line.split('\t').next()?, line.split('\t').nth(2)?)))
        .collect();
    let wanted = usize::try_from(number("DVC_PARAFFIN_VALUES", 6)).unwrap().min(all.len());
    let taken: Vec<(&str, &str)> = (0..wanted).map(|at| all[at * all.len() / wanted]).collect();
    let outcomes = on_threads(PARTS, &taken, |(name, root)| {
        let project = Project::folder();
        let from = dev.join("repos").join(name.split('~').next().unwrap());
        project.sh(&format!("cp -a '{}/.' . && git init -q -b main .", from.display()));
        let place = project.at(root);
        project.sh(&format!("mkdir -p '{root}/.dvc' && touch '{root}/.dvc/config'"));
        commit(&project);
        let changed = change_numbers(&project.root());
        let found = compare(&server, &project.scratch, &place, ["HEAD", "workspace"], false);
        (changed, found.wrong.into_iter().map(|text| format!("{name}: {text}")).collect::<Vec<_>>())
    });
    let changed: usize = outcomes.iter().map(|(changed, _)| changed).sum();
    let wrong: Vec<String> = outcomes.into_iter().flat_map(|(_, wrong)| wrong).collect();
    aloud(&format!("values of {} public pipelines: {changed} files changed, {} comparisons wrong", taken.len(), wrong.len()));
    assert!(changed >= wanted, "only {changed} files were changed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Raises the numbers of all small files of parameters and metrics by one in their last digit before a line's end.
fn change_numbers(dir: &Path) -> usize {
    let number = regex::Regex::new(r"(?m)([:=] *-?[0-9.]*)([0-8])(,?\r?)$").unwrap();
    let mut changed = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() || path.ends_with(".git") || path.ends_with(".dvc") {
            continue;
        }
        if path.is_dir() {
            changed += change_numbers(&path);
            continue;
        }
        let is_values = path.extension().is_some_and(|end| ["yaml", "yml", "json", "toml", "py"].iter().any(|one| end == *one));
        if !is_values || path.ends_with("dvc.yaml") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let raised = number
            .replace_all(&text, |found: &regex::Captures<'_>| format!("{}{}{}", &found[1], found[2].parse::<u8>().unwrap() + 1, &found[3]));
        if raised != text {
            std::fs::write(&path, raised.as_bytes()).unwrap();
            changed += 1;
        }
    }
    changed
}
