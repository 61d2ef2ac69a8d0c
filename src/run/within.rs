//! The runs that a process is part of, told to stages by a variable of their environment.
//!
//! A stage may call the program again. That inner run must know which paths the stages around it
//! hold: it would wait for them in vain, while all else that the outer run holds will be free
//! some day. The variable has one line for each stage around, the outermost first; a run
//! leaves them and adds its own. By the same line it is seen which processes a stage started,
//! wherever they went.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::Command;

use crate::model::{Address, RepoPath};
use crate::store::os;
use crate::store::rwlock::Above;

/// The variable's name.
pub const VARIABLE: &str = "DVC_PARAFFIN_WITHIN";

/// The stages around this run, and this run itself.
#[derive(Clone, Debug)]
pub struct Within {
    around: String,
    /// What the lines of this run begin with: its process.
    own: String,
}

impl Within {
    /// From the variable's value in our own environment.
    pub fn new(value: Option<OsString>) -> Self {
        let me = os::own_pid();
        let start = i32::try_from(me).ok().and_then(os::process).map_or(0, |process| process.start);
        let around = value.map(|value| value.to_string_lossy().into_owned()).unwrap_or_default();
        Self { around, own: format!("{me}|{start}") }
    }

    /// The line of a stage of this run.
    pub fn line(&self, stage: &Address) -> String {
        format!("{}|{}|{}", self.own, stage.name.as_deref().unwrap_or_default(), stage.file.as_str())
    }

    /// The variable's value for a stage of this run.
    pub fn value(&self, stage: &Address) -> OsString {
        let glue = if self.around.is_empty() { "" } else { "\n" };
        OsString::from(format!("{}{glue}{}", self.around, self.line(stage)))
    }

    /// Whether we are part of the stage with this line.
    pub fn is_around(&self, line: &str) -> bool {
        self.around.lines().any(|around| around == line)
    }

    /// The paths that the stages around hold, by the process that runs each; `paths` gives those of
    /// a stage. A stage that is not known there holds nobody knows what.
    pub fn held(&self, paths: impl Fn(&Address) -> Option<Vec<PathBuf>>) -> Above {
        let mut held = Above::new();
        for line in self.around.lines() {
            let mut parts = line.splitn(4, '|');
            let (Some(Ok(pid)), _, Some(name), Some(file)) = (parts.next().map(str::parse), parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let Some(paths) = paths(&Address { file: RepoPath::new(file), name: Some(name.to_owned()) }) else { continue };
            held.entry(pid).or_default().extend(paths.iter().map(|path| path.to_string_lossy().into_owned()));
        }
        held
    }
}

/// The line of the stage that a command belongs to; empty if it is none of a stage.
pub fn line_of(command: &Command) -> String {
    let value = command.get_envs().find(|(name, _)| *name == OsStr::new(VARIABLE)).and_then(|(_, value)| value);
    let value = value.map(OsStr::to_string_lossy).unwrap_or_default();
    value.lines().last().unwrap_or_default().to_owned()
}

/// Whether a stage's line stands in an environment, as the system shows it (`/proc/…/environ`).
pub fn is_marked(environment: &[u8], line: &str) -> bool {
    lines(environment).any(|found| found == line.as_bytes())
}

/// Whether it is the last one there: no inner run has added its own.
pub fn ends_with(environment: &[u8], line: &str) -> bool {
    lines(environment).last() == Some(line.as_bytes())
}

fn lines(environment: &[u8]) -> impl Iterator<Item = &[u8]> {
    let variables = environment.split(|byte| *byte == 0);
    let values = variables.filter_map(|variable| variable.strip_prefix(VARIABLE.as_bytes())?.strip_prefix(b"="));
    values.flat_map(|value| value.split(|byte| *byte == b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(name: &str) -> Address {
        Address { file: RepoPath::new("sub/dvc.yaml"), name: Some(name.to_owned()) }
    }

    #[test]
    fn inner_runs_know_what_is_held_around_them() {
        let (a, b) = (address("a"), address("b@1"));
        let outer = Within::new(None);
        let inner = Within::new(Some(outer.value(&a)));
        let innermost = Within::new(Some(inner.value(&b)));
        let paths = |address: &Address| Some(vec![PathBuf::from("/r").join(if *address == a { "x" } else { "y" })]);
        assert_eq!(innermost.held(paths)[&i64::from(os::own_pid())], ["/r/x", "/r/y"]);
        assert!(innermost.held(|_| None).is_empty());
        assert!(outer.held(paths).is_empty());
    }

    #[test]
    fn a_stage_is_known_by_its_line() {
        let within = Within::new(Some(OsString::from("1|2|z|dvc.yaml")));
        let (a, b) = (address("a"), address("b"));
        let mut environment = b"A=1\0DVC_PARAFFIN_WITHIN=".to_vec();
        environment.extend(within.value(&a).as_encoded_bytes());
        environment.extend(b"\0B=2\0");
        assert!(is_marked(&environment, &within.line(&a)));
        assert!(is_marked(&environment, "1|2|z|dvc.yaml"));
        assert!(ends_with(&environment, &within.line(&a)) && !ends_with(&environment, "1|2|z|dvc.yaml"));
        assert_eq!(line_of(Command::new("x").env(VARIABLE, within.value(&a))), within.line(&a));
        assert!(!is_marked(&environment, &within.line(&b)));
        assert!(!is_marked(b"A=1\0B=2\0", &within.line(&a)));
    }
}
