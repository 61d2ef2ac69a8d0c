//! An installed `dvc`: what needs a network, or a plug-in of DVC, is handed to it.
//!
//! DVC is asked by its command line alone: whether a stage changed (`dvc status --json`), to run
//! one stage (`dvc repro --single-item`), to fetch objects (in a repository made for that, see
//! [`Errand`]). It takes its own locks meanwhile, so ours must be free. Nothing here knows which
//! stages need it; without an installed dvc those are refused before anything runs.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value as Json;

use crate::format::pipeline::foreign_scheme;
use crate::model::{Class, Digest, Fault, Reason, Stage, StageId};
use crate::store::errand::Errand;
use crate::store::git::untie;
use crate::store::workspace::Workspace;

use super::child::{Children, returncode};

/// The variable that names the program; otherwise it is `dvc` on the `PATH`.
pub const VARIABLE: &str = "DVC_PARAFFIN_DVC";
/// Names the caller to the program that is called: a `dvc` that is this program in disguise must not
/// call on.
const CALLED: &str = "DVC_PARAFFIN_CALLED";
/// How DVC begins the line that tells a failure.
const ERROR: &str = "ERROR: ";

/// What DVC says of stages, by address.
pub type Told = HashMap<String, Vec<Reason>>;

/// What of a stage only DVC can see, and where that is: `https`, `s3`, `ds`. Deps of a frozen
/// stage are not looked at.
pub fn only_dvc_sees(stage: &Stage) -> Option<(&str, &str)> {
    let dep = stage.deps.iter().filter(|_| !stage.frozen).find_map(|dep| Some((dep.def_path.as_str(), dep.foreign.as_deref()?)));
    dep.or_else(|| stage.outs.iter().find_map(|out| Some((out.def_path.as_str(), foreign_scheme(&out.def_path)?))))
}

/// The program.
#[derive(Clone, Debug)]
pub struct Peer {
    program: PathBuf,
    /// Whether it waits for the repository's lock without limit.
    waits: bool,
}

impl Peer {
    /// Looks for the program; `get` asks for a variable of the environment.
    pub fn find(get: impl Fn(&str) -> Option<std::ffi::OsString>, waits: bool) -> Option<Self> {
        let caller = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
        if get(CALLED).is_some_and(|by| caller.is_some_and(|caller| by.to_str() == Some(&caller))) {
            return None;
        }
        let program = match get(VARIABLE) {
            Some(named) => Some(PathBuf::from(named)).filter(|path| path.is_file()),
            None => std::env::split_paths(&get("PATH")?).map(|dir| dir.join("dvc")).find(|path| path.is_file()),
        };
        Some(Self { program: program?, waits })
    }

    /// A call of the program, from a directory.
    pub fn command<I: AsRef<OsStr>>(&self, dir: &Path, words: impl IntoIterator<Item = I>) -> Command {
        let mut command = Command::new(&self.program);
        if self.waits {
            command.arg("--wait-for-lock");
        }
        command.args(words).current_dir(dir).env(CALLED, std::process::id().to_string());
        untie(&mut command);
        command
    }

    /// Why the targets, seen from the directory, do not count as unchanged, by address; none
    /// where another process is at one of them just now. The call is `stage`'s.
    ///
    /// # Errors
    /// What DVC says.
    pub fn status(&self, children: &Children, stage: StageId, dir: &Path, targets: &[String]) -> Result<Option<Told>, Fault> {
        let words = ["status", "--json", "--"].into_iter().chain(targets.iter().map(String::as_str));
        let output = call(children, stage, self.command(dir, words))?;
        if !output.status.success() {
            let fault = told(&output);
            return if busy_path(&fault.message).is_some() { Ok(None) } else { Err(fault) };
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let answer = text.lines().rev().find_map(|line| serde_json::from_str::<Json>(line).ok()?.as_object().cloned());
        let stages = answer.ok_or_else(|| failure(format!("`dvc status --json` gave no answer: {}", text.trim())))?;
        let of = |list: &Json| list.as_array().into_iter().flatten().flat_map(reasons).collect();
        Ok(Some(stages.iter().map(|(address, list)| (address.clone(), of(list))).collect()))
    }

    /// Brings objects of the repository's cache to a remote, or to the default one. What DVC says goes to standard error.
    ///
    /// # Errors
    /// DVC fails, or the call cannot be prepared.
    pub fn push(&self, workspace: &Workspace, remote: Option<&str>, objects: &[&Digest]) -> Result<(), Fault> {
        let errand = Errand::new(workspace, objects)?;
        let words = ["push"].into_iter().chain(remote.iter().flat_map(|name| ["--remote", name]));
        let mut command = self.command(errand.dir(), words);
        command.env("DVC_SITE_CACHE_DIR", errand.site_cache()).stdin(Stdio::null()).stdout(Stdio::null());
        let program = command.get_program().to_string_lossy().into_owned();
        let status = command.status().map_err(|error| failure(format!("cannot run {program}: {error}")))?;
        if status.success() { Ok(()) } else { Err(failure(format!("`dvc push` failed with exit code {}", returncode(status)))) }
    }

    /// Fetches objects into the repository's cache, from a remote or the default one; with
    /// `runs` all earlier runs too. That the remote lacks some is no error.
    ///
    /// # Errors
    /// What DVC says, or the call cannot be prepared.
    pub fn fetch(
        &self,
        children: &Children,
        stage: StageId,
        workspace: &Workspace,
        remote: Option<&str>,
        objects: &[&Digest],
        runs: bool,
    ) -> Result<(), Fault> {
        let errand = Errand::new(workspace, objects)?;
        let mut words = vec!["fetch"];
        words.extend(remote.iter().flat_map(|name| ["--remote", name]));
        words.extend(runs.then_some("--run-cache"));
        let mut command = self.command(errand.dir(), words);
        command.env("DVC_SITE_CACHE_DIR", errand.site_cache());
        let output = call(children, stage, command)?;
        if output.status.success() { Ok(()) } else { Err(told(&output)) }
    }
}

fn call(children: &Children, stage: StageId, command: Command) -> Result<Output, Fault> {
    let program = command.get_program().to_string_lossy().into_owned();
    children.output(stage, command).map_err(|error| failure(format!("cannot run {program}: {error}")))
}

fn failure(text: String) -> Fault {
    Fault::new(Class::DvcException, text)
}

/// DVC's own words on why it failed.
fn told(output: &Output) -> Fault {
    let text = String::from_utf8_lossy(&output.stderr);
    match error_line(&text) {
        Some(line) => failure(line.to_owned()),
        None => {
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
            failure(format!("dvc failed with exit code {}: {}", returncode(output.status), last.trim()))
        }
    }
}

/// The failure in what DVC printed, without the stage's name that we put before it ourselves.
pub fn error_line(text: &str) -> Option<&str> {
    let line = text.lines().rev().find_map(|line| line.strip_prefix(ERROR))?;
    Some(line.strip_prefix("failed to reproduce '").and_then(|rest| Some(rest.split_once("': ")?.1)).unwrap_or(line))
}

/// The path, in quotes, that another process uses, if that is the failure.
pub fn busy_path(words: &str) -> Option<&str> {
    words.split_once(" is busy, it is being blocked by").map(|(path, _)| path)
}

/// One item of DVC's list for a stage: a text, or `{heading: {path: word}}`, where a word may be a
/// map of keys.
fn reasons(item: &Json) -> Vec<Reason> {
    let said = |heading: Option<&String>, path: Option<&String>, key: Option<&String>, word: &Json| Reason::SaidByDvc {
        heading: heading.cloned(),
        path: path.cloned(),
        key: key.cloned(),
        word: word.as_str().map_or_else(|| word.to_string(), str::to_owned),
    };
    let Some(map) = item.as_object() else { return vec![said(None, None, None, item)] };
    let mut found = Vec::new();
    for (heading, paths) in map {
        for (path, what) in paths.as_object().into_iter().flatten() {
            match what.as_object() {
                Some(keys) => found.extend(keys.iter().map(|(key, word)| said(Some(heading), Some(path), Some(key), word))),
                None => found.push(said(Some(heading), Some(path), None, what)),
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dvc_says_of_a_stage() {
        let text = r#"[{"changed deps": {"http://h/x": "modified", "p.yaml": {"lr": "new"}}}, "changed command"]"#;
        let list: Json = serde_json::from_str(text).unwrap();
        let found: Vec<Reason> = list.as_array().unwrap().iter().flat_map(reasons).collect();
        let said = |heading: Option<&str>, path: Option<&str>, key: Option<&str>, word: &str| Reason::SaidByDvc {
            heading: heading.map(str::to_owned),
            path: path.map(str::to_owned),
            key: key.map(str::to_owned),
            word: word.to_owned(),
        };
        let deps = Some("changed deps");
        let want = [
            said(deps, Some("http://h/x"), None, "modified"),
            said(deps, Some("p.yaml"), Some("lr"), "new"),
            said(None, None, None, "changed command"),
        ];
        assert_eq!(found, want);
    }

    #[test]
    fn finds_the_failure_in_what_dvc_prints() {
        let text = "WARNING: x\nERROR: failed to reproduce 'a': dependency 'http://h/x' does not exist\n";
        assert_eq!(error_line(text), Some("dependency 'http://h/x' does not exist"));
        assert_eq!(error_line("ERROR: configuration error\n"), Some("configuration error"));
        assert_eq!(error_line("nothing\n"), None);
    }

    #[test]
    fn is_found_by_name_and_never_calls_itself() {
        let dir = tempfile::tempdir().unwrap();
        let get = |name: &'static str, value: PathBuf| move |asked: &str| (asked == name).then(|| value.clone().into_os_string());
        assert!(Peer::find(get("PATH", dir.path().to_owned()), true).is_none());
        std::fs::write(dir.path().join("dvc"), "").unwrap();
        assert_eq!(Peer::find(get("PATH", dir.path().to_owned()), true).unwrap().program, dir.path().join("dvc"));
        assert!(Peer::find(get(VARIABLE, dir.path().join("no")), true).is_none());
        let caller = rustix::process::getppid().unwrap().as_raw_nonzero().to_string();
        let called = |name: &str| Some(if name == CALLED { caller.clone().into() } else { dir.path().join("dvc").into_os_string() });
        assert!(Peer::find(called, true).is_none());
    }
}
