//! What must hold after programs have run together.

use std::collections::BTreeSet;

use super::pipeline::{Stage, hex};
use super::round::{Program, Round};
use crate::support::project::Project;
use crate::support::ran::Ran;

/// DVC's own words for "someone else is at it".
const BUSY: [&str; 2] = ["is busy, it is being blocked by:", "Unable to acquire lock"];

/// A program succeeded, or it says no more than that something is busy (DVC's status then ends with
/// 1, its repro with 255). Ours waits instead.
pub fn ended_well(program: &Program, ran: &Ran) -> Result<(), String> {
    let may_be_busy = !program.own || program.impatient;
    if ran.code == 0 || may_be_busy && [1, 255].contains(&ran.code) && only_busy(&ran.err()) {
        return Ok(());
    }
    Err(format!("this failed otherwise than by being told that something is busy:\n{ran}"))
}

/// Whether there is an error, and each one says that something is busy.
fn only_busy(text: &str) -> bool {
    let errors: Vec<&str> = text.split("ERROR: ").skip(1).collect();
    !errors.is_empty() && errors.iter().all(|error| BUSY.iter().any(|words| error.contains(words)))
}

/// The same for programs that were called by stages.
pub fn nested(project: &Project) -> Result<(), String> {
    for name in project.files("../nested") {
        let text = project.read(&format!("../nested/{name}"));
        let well =
            if name.ends_with(".own") { text.ends_with("\n0\n") || text == "0\n" } else { !text.contains("ERROR: ") || only_busy(&text) };
        if !well {
            return Err(format!("what a stage called failed ({name}):\n{text}"));
        }
    }
    Ok(())
}

/// No stage ran beside itself, or beside one that makes what it reads.
pub fn nothing_collided(project: &Project) -> Result<(), String> {
    if project.has("../wrong") {
        return Err(project.read("../wrong"));
    }
    let busy: Vec<_> = std::fs::read_dir(project.at("../busy")).unwrap().flatten().map(|entry| entry.file_name()).collect();
    if busy.is_empty() { Ok(()) } else { Err(format!("these stages never ended: {busy:?}")) }
}

/// The entries of every dvc.lock: home and name.
pub fn recorded(project: &Project) -> Result<BTreeSet<(String, String)>, String> {
    let mut found = BTreeSet::new();
    for home in ["", "sub/", "other/"] {
        for (name, _) in entries(project, home)? {
            found.insert((home.to_owned(), name));
        }
    }
    Ok(found)
}

/// The entries of one dvc.lock: name and command.
fn entries(project: &Project, home: &str) -> Result<Vec<(String, String)>, String> {
    let path = format!("{home}dvc.lock");
    if !project.has(&path) {
        return Ok(Vec::new());
    }
    let text = project.read(&path);
    let broken = || format!("{path} is broken:\n{text}");
    let value: serde_yaml::Value = serde_yaml::from_str(&text).map_err(|_| broken())?;
    let stages = value.get("stages").and_then(serde_yaml::Value::as_mapping).ok_or_else(broken)?;
    let entry = |(name, entry): (&serde_yaml::Value, &serde_yaml::Value)| {
        Some((name.as_str()?.to_owned(), entry.get("cmd")?.as_str()?.to_owned())).filter(|_| entry.get("outs").is_some())
    };
    stages.iter().map(|pair| entry(pair).ok_or_else(broken)).collect()
}

/// Nothing that was recorded is lost, and all that was run is recorded, as it was run.
pub fn lock_entries(round: &Round, ended: &[(&Program, &Ran)], before: &BTreeSet<(String, String)>) -> Result<(), String> {
    let after = recorded(&round.project)?;
    if let Some(lost) = before.difference(&after).next() {
        return Err(format!("the entry of {lost:?} is lost"));
    }
    let cmds = round.cmds();
    for (_, ran) in ended {
        for stage in round.pipeline.stages.iter().filter(|stage| has_run(stage, ran)) {
            let entries = entries(&round.project, stage.home)?;
            let want = cmds.iter().find(|(home, name, _)| (*home, name) == (stage.home, &stage.name)).map(|(_, _, cmd)| cmd);
            let have = entries.iter().find(|(name, _)| *name == stage.name).map(|(_, cmd)| cmd);
            if have != want {
                return Err(format!("'{}' ran, but its entry is {have:?}\n{ran}", stage.name));
            }
        }
    }
    Ok(())
}

/// Whether a program says that it ran this stage, and not that it failed then.
fn has_run(stage: &Stage, ran: &Ran) -> bool {
    let address = stage.address();
    ran.out().contains(&format!("Running stage '{address}'")) && !ran.err().contains(&format!("failed to reproduce '{address}'"))
}

/// Each object holds what its name says, and nothing else lies there.
pub fn cache(project: &Project) -> Result<(), String> {
    for name in project.files(".dvc/cache/files/md5") {
        let bytes = std::fs::read(project.at(&format!(".dvc/cache/files/md5/{name}"))).unwrap();
        if name.replace('/', "").trim_end_matches(".dir") != hex(&bytes) {
            return Err(format!("the cache object {name} holds {:?}", String::from_utf8_lossy(&bytes)));
        }
    }
    Ok(())
}

/// Nobody is left in the file of path locks: all programs have ended by themselves.
pub fn rwlock(project: &Project) -> Result<(), String> {
    if !project.has(".dvc/tmp/rwlock") {
        return Ok(());
    }
    let text = project.read(".dvc/tmp/rwlock");
    let table: serde_json::Value = serde_json::from_str(&text).map_err(|error| format!("rwlock: {error}: {text:?}"))?;
    let empty = |half: &str| table.get(half).is_none_or(|half| half.as_object().is_some_and(serde_json::Map::is_empty));
    if empty("read") && empty("write") { Ok(()) } else { Err(format!("rwlock still holds {text}")) }
}

/// Git sees no output that the cache keeps. (A `dvc repro` that fails takes lines of .gitignore
/// back, those of stages that succeeded too.)
pub fn ignored_by_git(round: &Round) -> Result<(), String> {
    let seen = round.project.sh("git status --porcelain --untracked-files=all").out();
    let outs: Vec<String> = round.pipeline.stages.iter().filter(|stage| stage.is_cached()).map(Stage::out).collect();
    match seen.lines().find(|line| outs.iter().any(|out| line[3..].starts_with(out.as_str()))) {
        Some(line) => Err(format!("git would track an output: {line}")),
        None => Ok(()),
    }
}
