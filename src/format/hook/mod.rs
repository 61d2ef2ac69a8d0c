//! The text of git hooks: our scripts, and what a text that stands in a hook's place is.
//!
//! The scripts are the files of `hooks/`. An installed one differs from these by the path of the
//! program and by a line with the sum of all others: by that any version of this program knows
//! whether someone has edited the script of any other version. Where hooks stand and whether they
//! run is not known here.

pub mod manager;

use md5::{Digest as _, Md5};

pub use manager::Manager;

/// The version of the scripts. It grows when an installed script should be written anew.
pub const VERSION: u32 = 1;

/// What the second line of our scripts begins with; the version follows.
const MARKER: &str = "# dvc-paraffin hook v";
/// The line with the sum, which is the third.
const SUM: &str = "# sum ";
/// The line with the path of the program.
const PROGRAM: &str = "paraffin_program=";

/// A hook that we know to serve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hook {
    /// Before refs are sent.
    PrePush,
    /// Before a commit is made.
    PreCommit,
    /// After the work tree was changed.
    PostCheckout,
}

impl Hook {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::PrePush, Self::PreCommit, Self::PostCheckout];
    /// Their names.
    pub const NAMES: [&str; 3] = [Self::PrePush.name(), Self::PreCommit.name(), Self::PostCheckout.name()];

    /// Git's name for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PrePush => "pre-push",
            Self::PreCommit => "pre-commit",
            Self::PostCheckout => "post-checkout",
        }
    }

    /// By git's name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }

    /// Where the hook that stood there before is kept, beside ours.
    pub fn kept_name(self) -> String {
        format!("{}.pre-paraffin", self.name())
    }

    /// What calls us from within another hook.
    pub fn call(self) -> String {
        format!("dvc-paraffin hooks run {} -- \"$@\"", self.name())
    }

    fn template(self) -> &'static str {
        match self {
            Self::PrePush => include_str!("../../../hooks/pre-push"),
            Self::PreCommit => include_str!("../../../hooks/pre-commit"),
            Self::PostCheckout => include_str!("../../../hooks/post-checkout"),
        }
    }

    /// The script that calls the program at a path.
    pub fn script(self, program: &str) -> String {
        let lines = self.template().split_inclusive('\n');
        let text: String =
            lines.map(|line| if line.starts_with(PROGRAM) { format!("{PROGRAM}{}\n", quoted(program)) } else { line.to_owned() }).collect();
        sealed(&text)
    }
}

/// What a text in the place of a hook is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Nature {
    /// Ours.
    Ours(Own),
    /// What `dvc install` writes.
    Dvc,
    /// What a manager of hooks writes.
    Managed(Manager),
    /// Whatever else.
    Foreign,
}

/// A script of ours, of any version.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Own {
    /// Its version.
    pub version: u32,
    /// Whether it is not as it was written.
    pub edited: bool,
    /// The program that it calls; none if it looks for one in PATH.
    pub program: Option<String>,
}

/// Recognises what stands in the place of a hook.
pub fn recognise(hook: Hook, text: &[u8]) -> Nature {
    let text = String::from_utf8_lossy(text);
    if let Some(own) = own(hook, &text) {
        return Nature::Ours(own);
    }
    if is_of_dvc(hook, &text) {
        return Nature::Dvc;
    }
    Manager::ALL.into_iter().find(|manager| manager.has_written(&text)).map_or(Nature::Foreign, Nature::Managed)
}

fn own(hook: Hook, text: &str) -> Option<Own> {
    let version = text.lines().nth(1)?.strip_prefix(MARKER)?.trim_end().parse().ok()?;
    let program = text.lines().find_map(|line| line.strip_prefix(PROGRAM)).and_then(unquoted);
    let edited = match text.lines().nth(2).and_then(|line| line.strip_prefix(SUM)) {
        Some(_) => sealed(&unsealed(text)) != text,
        // As it stands in `hooks/`, or with a program that someone has filled in. The text of another
        // version is not known here.
        None => version == VERSION && sealed(text) != hook.script(program.as_deref().unwrap_or_default()),
    };
    Some(Own { version, edited, program })
}

/// Whether `dvc install` has written it (dvc: `repo/install.py` `install_hooks`).
fn is_of_dvc(hook: Hook, text: &str) -> bool {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let of_dvc =
        |line: &str| line.strip_prefix("exec dvc git-hook ").is_some_and(|rest| rest.split_whitespace().next() == Some(hook.name()));
    lines.next().is_some_and(of_dvc) && lines.next().is_none()
}

/// The text with the sum of its lines as the third one.
fn sealed(text: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let sum: String = Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    let sum = format!("{SUM}{sum}\n");
    lines.insert(lines.len().min(2), &sum);
    lines.concat()
}

fn unsealed(text: &str) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    lines.filter(|(at, line)| *at != 2 || !line.starts_with(SUM)).map(|(_, line)| line).collect()
}

/// A text as one word of a shell; nothing for none.
fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn unquoted(word: &str) -> Option<String> {
    let inner = word.trim_end().strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace(r"'\''", "'"))
}

#[cfg(test)]
mod tests;
