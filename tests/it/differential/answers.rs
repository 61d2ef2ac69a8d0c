//! What both programs say of the same repository, ours: `status`, and `repro --dry`.
//!
//! A look is not without traces: an object that is an executable output by way of a link loses its
//! executable bits when it is checked. So where work files are links DVC looks at its own copy too.

use std::path::Path;

use super::steps::Step;
use super::twins::Twins;
use crate::support::program;
use crate::support::ran::Ran;

impl Twins<'_> {
    /// `status --json` of both programs must be the same text.
    pub(super) fn same_status(&mut self) -> Result<(), String> {
        self.told.push("status".to_owned());
        self.counts.answers += 1;
        let root = self.root(&self.ours);
        let theirs = self.look(&root, &["status", "--json"]);
        let ours = Ran::of(self.ours.command(program::path()).current_dir(&root).args(["status", "--json"]));
        if theirs.code == ours.code && self.status_text(&theirs) == self.status_text(&ours) {
            return Ok(());
        }
        Err(format!("status differs\n{theirs}{ours}"))
    }

    /// What DVC says in a folder of our copy.
    fn look(&self, cwd: &Path, words: &[&str]) -> Ran {
        if self.setting.has_links() {
            let below = cwd.strip_prefix(self.ours.work()).unwrap();
            self.dvc.run(&self.theirs, &self.theirs.work().join(below), words);
        }
        self.dvc.run(&self.ours, cwd, words)
    }

    /// What `status` said. DVC takes stage files in the order of the file system: only with one file
    /// is the order of stages its own.
    fn status_text(&self, ran: &Ran) -> String {
        let text = ran.out();
        if self.pipeline.stages.iter().all(|stage| stage.home.is_empty()) && self.pipeline.added.is_empty() {
            return text;
        }
        let Ok(serde_json::Value::Object(map)) = serde_json::from_str(&text) else { return text };
        let mut entries: Vec<String> = map.iter().map(|(stage, changes)| format!("{stage}: {changes}\n")).collect();
        entries.sort();
        entries.concat()
    }

    /// `repro --dry` must name the same stages, where DVC's can. Stages after one that would run are
    /// only marked by the program: DVC judges them by what is there before it.
    pub(super) fn same_dry(&mut self, step: &Step) -> Result<(), String> {
        self.told.push(format!("dry {}", step.words.join(" ")));
        let (cwd, before) = step.start();
        let cwd = self.root(&self.ours).join(cwd);
        let words: Vec<&str> = before.iter().copied().chain(["repro", "--dry"]).chain(step.words.iter().map(String::as_str)).collect();
        let theirs = self.look(&cwd, &words);
        // It cannot where it misses files that the plan would make; `--ignore-errors` hides that.
        if theirs.code != 0 || theirs.err().contains(" (ignored)") {
            return Ok(());
        }
        self.counts.answers += 1;
        let ours = Ran::of(self.ours.command(program::path()).current_dir(&cwd).args(&words));
        let running =
            |ran: &Ran| -> Vec<String> { ran.out().lines().filter(|line| line.starts_with("Running stage ")).map(str::to_owned).collect() };
        let (mut want, mut got) = (running(&theirs), running(&ours));
        for line in &mut got {
            if let Some(marked) = line.strip_suffix(" (upstream may change)") {
                *line = if want.iter().any(|other| other == marked) { marked.to_owned() } else { String::new() };
            }
        }
        got.retain(|line| !line.is_empty());
        if step.has("--allow-missing") && want != got {
            let told = Ran::of(self.ours.command(program::path()).current_dir(&cwd).args(&words).arg("--explain")).out();
            got.retain(|line| want.contains(line) || !is_new_behind_others(line, &told));
        }
        want.sort();
        got.sort();
        if ours.code == 0 && want == got { Ok(()) } else { Err(format!("--dry differs\n{theirs}{ours}")) }
    }

    /// `dvc status` must say the same of both repositories.
    pub(super) fn same_for_dvc(&mut self) -> Result<(), String> {
        let ask = |scratch: &crate::support::scratch::Scratch| {
            let ran = self.dvc.run(scratch, &self.root(scratch), &["status"]);
            (ran.code, ran.out().replace(scratch.top().to_str().unwrap(), "@"))
        };
        let (theirs, ours) = (ask(&self.theirs), ask(&self.ours));
        if theirs == ours { Ok(()) } else { Err(format!("dvc status of dvc's copy: {theirs:?}\ndvc status of ours: {ours:?}")) }
    }
}

/// Whether a stage has no entry in dvc.lock and comes after one that would run, and nothing else is
/// told of it. With `--allow-missing` DVC calls it unchanged, as nothing of it is there that could have
/// changed; the run without `--dry` runs it.
fn is_new_behind_others(line: &str, told: &str) -> bool {
    let Some(name) = line.strip_prefix("Running stage ").and_then(|rest| rest.strip_suffix(':')) else { return false };
    let head = format!("Stage {name} must run:\n  it has never run here (no entry in dvc.lock)\n  upstream may change: ");
    let alone = |rest: &str| !rest.lines().nth(1).is_some_and(|line| line.starts_with("  "));
    told.split("\n\n").any(|block| block.strip_prefix(&head).is_some_and(alone))
}
