//! A pipeline that works only in serial order: a stage reads what another one makes and does not
//! say so. Beside each other the reader may come first, and fails for a reason that its words do not
//! tell. Whether it reads anything there is not known, so this is a hint and never more; and one only where what
//! failed names what the other one makes, in its command or in the end of its log: most failures have nothing to
//! do with any order.

use std::collections::{BTreeSet, HashMap};

use crate::model::{Class, Cmd, Fault, Out, Outcome, StageId, Status};
use crate::report::words::quoted;

use super::load::Repository;
use super::planning::Plan;
use super::report::last_bytes;

/// How many stages are named at most.
const NAMED: usize = 3;

/// What to say of the first stage that failed and for which there is something to say.
pub(super) fn hint(repository: &Repository, plan: &Plan, ends: &HashMap<StageId, Outcome>) -> Option<String> {
    (0..plan.order.len()).find_map(|at| {
        let outcome = ends.get(&plan.order[at]).filter(|end| end.status == Status::Failed)?;
        let began = outcome.attempt.as_ref().filter(|_| outcome.fault.as_ref().is_some_and(is_of_the_command))?.started;
        let found = makers(repository, plan, ends, at, began);
        (!found.is_empty()).then(|| sentence(repository, plan.order[at], &found))
    })
}

/// Whether the command itself ended badly, and not because it took too long.
fn is_of_the_command(fault: &Fault) -> bool {
    fault.class == Class::StageCmdFailedError && fault.detail("timeout").is_none()
}

/// Stages that a serial run would have finished before the one at this place, that this one was not
/// made to wait for, that write below its working directory, and that had not ended when it began.
fn makers(repository: &Repository, plan: &Plan, ends: &HashMap<StageId, Outcome>, at: usize, began: i128) -> Vec<StageId> {
    let pipeline = repository.pipeline();
    let wdir = &pipeline.get(plan.order[at]).wdir;
    let awaited = all_before(plan, at);
    let told = told(repository, plan.order[at], &ends[&plan.order[at]]);
    let was_late = |stage: &StageId| {
        let is_meant = |out: &&Out| wdir.contains(&out.path) && names(&told, out.path.file_name());
        let mut outs = pipeline.get(*stage).outs.iter().filter(is_meant).peekable();
        let Some(end) = ends.get(stage).filter(|_| outs.peek().is_some()) else { return false };
        match end.status {
            Status::Ran | Status::Restored | Status::Updated | Status::Stopped => {
                end.attempt.as_ref().is_some_and(|attempt| attempt.ended > began)
            }
            // Nobody knows whether it had to run; that its output is there makes it no suspect.
            Status::NotStarted => outs.any(|out| out.path.under(repository.workspace().root()).symlink_metadata().is_err()),
            _ => false,
        }
    };
    plan.order[..at].iter().copied().filter(|stage| !awaited.contains(stage) && was_late(stage)).collect()
}

/// What is known of what a stage did: its commands and the end of its log.
fn told(repository: &Repository, stage: StageId, outcome: &Outcome) -> String {
    let mut text = match &repository.pipeline().get(stage).cmd {
        Some(Cmd::One(cmd)) => cmd.clone(),
        Some(Cmd::Many(cmds)) => cmds.join("\n"),
        None => String::new(),
    };
    let log = outcome.attempt.as_ref().and_then(|attempt| attempt.log.as_ref());
    if let Some((end, _)) = log.and_then(|log| last_bytes(&repository.workspace().root().join(log)).ok()) {
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(&end));
    }
    text
}

/// Whether a text names a file or directory, and not only something that its name is a part of.
fn names(text: &str, name: &str) -> bool {
    let is_part = |ch: Option<char>| ch.is_some_and(|ch| ch.is_alphanumeric() || matches!(ch, '_' | '-'));
    text.match_indices(name).any(|(at, _)| !is_part(text[..at].chars().next_back()) && !is_part(text[at + name.len()..].chars().next()))
}

/// All stages that had to be over before the one at this place could begin.
fn all_before(plan: &Plan, at: usize) -> BTreeSet<StageId> {
    let place: HashMap<StageId, usize> = plan.order.iter().enumerate().map(|(at, stage)| (*stage, at)).collect();
    let (mut found, mut open) = (BTreeSet::new(), vec![at]);
    while let Some(here) = open.pop() {
        for before in &plan.after[here] {
            if found.insert(*before) {
                open.extend(place.get(before));
            }
        }
    }
    found
}

fn sentence(repository: &Repository, failed: StageId, makers: &[StageId]) -> String {
    let name = |stage: &StageId| repository.pipeline().get(*stage).address.seen_from(repository.cwd());
    let mut names: Vec<String> = makers.iter().map(name).collect();
    let more = names.split_off(names.len().min(NAMED)).len();
    let who = match more {
        0 => quoted(&names),
        1 => format!("'{}' and one more", names.join("', '")),
        _ => format!("'{}' and {more} more", names.join("', '")),
    };
    let failed = name(&failed);
    let (noun, come, make) = if makers.len() == 1 { ("stage", "comes", "it makes") } else { ("stages", "come", "one of them makes") };
    format!(
        "in serial order {noun} {who} {come} before '{failed}', and had not ended when that began; if '{failed}' reads what {make}, \
         a dep is undeclared: add it to `deps:` in dvc.yaml."
    )
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_is_a_word_of_its_own() {
        for text in ["cat: data.txt: No such file", "'data.txt'", "in ../x/data.txt", "data.txt"] {
            assert!(names(text, "data.txt"), "{text}");
        }
        for text in ["mydata.txt", "data.txt2", "raw-data.txt", "data", ""] {
            assert!(!names(text, "data.txt"), "{text}");
        }
    }
}
