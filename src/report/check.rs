//! The answer of `check`, as text and as JSON: what is not in step, and the way to mend it.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::model::finding::{Checked, Finding, Subject, Weight, Wrong};
use crate::model::{Address, Fault, RepoPath};

use super::answer;
use super::shown;
use super::tally::count;

/// So many digits of a commit are shown.
const DIGITS: usize = 8;
/// So many outputs without content are listed one by one.
const LISTED: usize = 10;
/// A value is cut behind so many characters.
const LONG: usize = 120;

/// The answer as JSON (docs/json.md). `fault` is why there is no answer.
pub fn json(checked: &Checked, fault: Option<&Fault>) -> Value {
    let fault = fault.or(checked.refused.first().map(|(_, fault)| fault));
    json!({
        "version": 1,
        "findings": checked.findings.iter().map(finding).collect::<Vec<_>>(),
        "error": fault.map_or(Value::Null, answer::error),
    })
}

fn finding(finding: &Finding) -> Value {
    json!({
        "commit": finding.commit,
        "address": finding.full_address(),
        "kind": kind(finding.subject),
        "path": finding.path,
        "recorded": finding.recorded,
        "actual": finding.actual,
        "level": if finding.weight == Weight::Error { "error" } else { "warn" },
        "fix": fix(finding),
    })
}

fn kind(subject: Subject) -> &'static str {
    match subject {
        Subject::Lock => "lock",
        Subject::Cmd => "cmd",
        Subject::Dep => "dep",
        Subject::Param => "param",
        Subject::Out => "out",
        Subject::Cache => "cache",
    }
}

/// A commit as people name it, or what was looked at instead (`the index`).
pub fn commit_name(commit: Option<&str>, otherwise: &str) -> String {
    commit.map_or_else(|| otherwise.to_owned(), |commit| commit.get(..DIGITS).unwrap_or(commit).to_owned())
}

/// The findings for people, commit by commit, stage by stage. `otherwise` names what is no commit. With `all`
/// nothing is folded.
pub fn text(checked: &Checked, otherwise: &str, all: bool) -> String {
    let mut text = String::new();
    for commit in &checked.looked_at {
        let own: Vec<&Finding> = checked.findings.iter().filter(|finding| finding.commit == *commit).collect();
        if !own.is_empty() {
            one_commit(&mut text, &commit_name(commit.as_deref(), otherwise), &own, all);
        }
    }
    text
}

fn one_commit(text: &mut String, name: &str, findings: &[&Finding], all: bool) {
    let _ = writeln!(text, "{name}:");
    // Of a thousand missing objects the first few tell the story.
    let is_folded = |finding: &&&Finding| finding.subject == Subject::Cache && finding.weight == Weight::Warn;
    let folded = findings.iter().filter(is_folded).count();
    let fold = !all && folded > LISTED;
    let told: Vec<&Finding> = findings.iter().filter(|finding| !fold || !is_folded(finding)).copied().collect();
    for group in told.chunk_by(|one, other| one.full_address() == other.full_address()) {
        let Some(first) = group.first() else { continue };
        let indent = match first.full_address() {
            Some(address) => {
                let _ = writeln!(text, "  {}", shown::line(&address));
                "    "
            }
            None => "  ",
        };
        for finding in group {
            let _ = writeln!(text, "{indent}{}", sentence(finding));
        }
        let mut fixes: Vec<String> = group.iter().filter_map(|finding| fix(finding)).collect();
        fixes.dedup();
        for fix in fixes {
            let also = if fix.contains(" repro") { ", then commit what it has changed" } else { "" };
            let _ = writeln!(text, "{indent}  mend: {}{also}", shown::line(&fix));
        }
    }
    if fold {
        let outs = findings.iter().filter(is_folded).take(LISTED).filter_map(|finding| finding.path.as_deref());
        let names: Vec<String> = outs.map(|path| format!("'{}'", shown::line(path))).collect();
        let more = folded - names.len();
        let _ = writeln!(
            text,
            "  warning: the content of {} is in no cache that can be looked into: {} and {more} more",
            count(folded, "output"),
            names.join(", ")
        );
        text.push_str("    mend: dvc fetch\n");
    }
}

/// One line for one finding.
fn sentence(finding: &Finding) -> String {
    let path = finding.path.as_deref().map(|path| format!("'{}'", shown::line(path))).unwrap_or_default();
    let subject = match finding.subject {
        Subject::Lock | Subject::Cmd => String::new(),
        Subject::Dep => format!("dep {path}"),
        Subject::Param => format!("param {path}"),
        Subject::Out | Subject::Cache => format!("output {path}"),
    };
    let words = match &finding.wrong {
        Wrong::Differs if finding.subject == Subject::Cmd => {
            format!(
                "the command differs: recorded `{}`, in dvc.yaml `{}`",
                value(finding.recorded.as_deref()),
                value(finding.actual.as_deref())
            )
        }
        Wrong::Differs => format!("{subject} differs: {}", both(finding)),
        Wrong::NotInGit if finding.recorded.is_some() => format!("{subject} is not in git: recorded {}", hash(finding.recorded.as_deref())),
        Wrong::NotInGit => format!("{subject} is not in git"),
        Wrong::NotInOutput => format!("{subject} is not in the output around it: recorded {}", hash(finding.recorded.as_deref())),
        Wrong::NotRecorded => format!("{subject} is not in dvc.lock"),
        Wrong::NotInFile => format!("{subject} is not in its file"),
        Wrong::NoEntry => "dvc.lock has no entry for this stage".to_owned(),
        Wrong::NoStage => "dvc.lock has an entry for this stage, dvc.yaml has no such stage".to_owned(),
        Wrong::NoPipeline => format!("{path} stands alone: there is no dvc.yaml beside it"),
        Wrong::Altered => format!("{path} was edited by hand: its md5 is not that of what it says"),
        Wrong::HeldMore(then, now) => {
            format!(
                "{subject} is not reproducible from git: it had {} when it was recorded, git has {now}",
                count(usize::try_from(*then).unwrap_or(usize::MAX), "file")
            )
        }
        Wrong::LineEnds => format!("{subject} is the same but for the ends of its lines: {}", both(finding)),
        Wrong::Converted(by) => format!("{subject} is not judged: git keeps it by way of {}", shown::line(by)),
        Wrong::Outside => format!("{subject} is not judged: it lies outside of git"),
        Wrong::Submodule => format!("{subject} is not judged: it lies in a submodule, or has one in it"),
        Wrong::Foreign(kind) => format!("{subject} is not judged: what it depends on ({}) is not looked up", shown::line(kind)),
        Wrong::Unknown(object) => {
            format!("{subject} is not judged: object {} is in no cache that can be looked into", hash(Some(object)))
        }
        Wrong::NotPushed(remote) => {
            format!("the content of {subject} ({}) is not in the remote '{}'", hash(finding.recorded.as_deref()), shown::line(remote))
        }
        Wrong::NoObject => {
            format!("the content of {subject} ({}) is in no cache that can be looked into", hash(finding.recorded.as_deref()))
        }
    };
    if finding.weight == Weight::Warn { format!("warning: {words}") } else { words }
}

fn both(finding: &Finding) -> String {
    let show = if finding.subject == Subject::Param { value } else { hash };
    let place = if finding.commit.is_some() { "committed" } else { "now" };
    format!("recorded {}, {place} {}", show(finding.recorded.as_deref()), show(finding.actual.as_deref()))
}

fn value(text: Option<&str>) -> String {
    text.map_or_else(|| "nothing".to_owned(), |text| shown::cut(&shown::line(text), LONG))
}

/// A hash as people read it: its first digits, and that it stands for a directory.
fn hash(text: Option<&str>) -> String {
    let Some(text) = text else { return "nothing".to_owned() };
    let dir = if text.ends_with(".dir") { ".dir" } else { "" };
    let digits = text.trim_end_matches(".dir");
    format!("{}{dir}", shown::line(digits.get(..DIGITS).unwrap_or(digits)))
}

/// What mends it: a command where there is one.
pub fn fix(finding: &Finding) -> Option<String> {
    let repository = if finding.project.is_root() { String::new() } else { format!(" --cd {}", word(finding.project.as_str())) };
    let own = || finding.address.as_ref().map(|address| word(&address.seen_from(&RepoPath::root())));
    let path = || finding.path.as_deref().map(word).unwrap_or_default();
    let lock = || {
        let dir = finding.address.as_ref().and_then(|address| address.file.parent()).unwrap_or_default();
        word(finding.project.join(dir.as_str()).join("dvc.lock").as_str())
    };
    // What depends on a stage is out of step once the stage is mended, so all is reproduced.
    let is_in_root = finding.address.as_ref().is_none_or(|address| address.file.parent().is_none_or(|dir| dir.is_root()));
    let again = || format!("dvc-paraffin{repository} repro{}", if is_in_root { "" } else { " --all-pipelines" });
    match &finding.wrong {
        Wrong::NoEntry | Wrong::NotRecorded | Wrong::NotInOutput => Some(again()),
        Wrong::Differs if is_data_file(finding.address.as_ref()) => Some(format!("dvc{repository} commit {}", own()?)),
        Wrong::Differs => Some(again()),
        Wrong::NotInGit if finding.subject == Subject::Out => Some(format!("git add -f {}", path())),
        Wrong::NotInGit => Some(format!("git add {}", path())),
        Wrong::NotInFile => Some("add the parameter to its file, or take it out of dvc.yaml".to_owned()),
        Wrong::NoStage => Some(format!("take the entry of this stage out of {}", lock())),
        Wrong::NoPipeline => Some(format!("git rm {}", path())),
        Wrong::Altered => Some(format!("dvc{repository} commit {}", own()?)),
        Wrong::HeldMore(..) => Some(format!("name what git ignores there (__pycache__/, say) in .dvcignore, then {}", again())),
        Wrong::LineEnds => {
            let is_dir = finding.recorded.as_deref().is_some_and(|hash| hash.ends_with(".dir"));
            let below = if is_dir { "/**" } else { "" };
            Some(format!("say in .gitattributes which line ends it has ('{}{below} text eol=lf')", finding.path.as_deref()?))
        }
        Wrong::NoObject => Some(format!("dvc{repository} fetch {}", own()?)),
        Wrong::NotPushed(remote) => Some(format!("dvc{repository} push --remote {} {}", word(remote), own()?)),
        // What is missing belongs to a stage that this one depends on.
        Wrong::Unknown(_) => Some(format!("dvc{repository} fetch --with-deps {}", own()?)),
        Wrong::Converted(_) | Wrong::Outside | Wrong::Submodule | Wrong::Foreign(_) => None,
    }
}

fn is_data_file(address: Option<&Address>) -> bool {
    address.is_some_and(|address| address.name.is_none())
}

/// A word for a shell.
fn word(text: &str) -> String {
    let is_plain = |ch: char| ch.is_ascii_alphanumeric() || "_-./:@=+,%".contains(ch);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The last line: what was looked at, and what came of it.
pub fn summary(checked: &Checked, otherwise: &str) -> String {
    let is_error = |finding: &&Finding| finding.weight == Weight::Error;
    let stale: HashSet<_> = checked.findings.iter().filter(is_error).map(|finding| (&finding.commit, finding.full_address())).collect();
    let warnings = checked.findings.iter().filter(|finding| !is_error(finding)).count();
    let what = match checked.looked_at.as_slice() {
        [] => return "there is no commit in this range: nothing was checked".to_owned(),
        [one] => commit_name(one.as_deref(), otherwise),
        many => count(many.len(), "commit"),
    };
    let mut parts = Vec::new();
    if !stale.is_empty() {
        parts.push(format!("{} out of step with dvc.lock", count(stale.len(), "stage")));
    } else if checked.refused.is_empty() {
        parts.push(format!("{} in step with dvc.lock", count(checked.stages, "stage")));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning"));
    }
    if !checked.refused.is_empty() {
        parts.push(format!("{} not judged", count(checked.refused.len(), "pipeline")));
    }
    format!("{what}: {}", parts.join(", "))
}
