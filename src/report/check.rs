//! The answer of `check`, as text and as JSON: what is not in step, and the way to mend it.

use std::collections::HashSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::model::Fault;
use crate::model::finding::{Checked, Finding, Subject, Weight, Wrong};

use super::answer;
use super::mend::Mender;
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
    let mender = Mender::of(checked);
    json!({
        "version": 1,
        "findings": checked.findings.iter().map(|one| finding(one, &mender)).collect::<Vec<_>>(),
        "error": fault.map_or(Value::Null, answer::error),
    })
}

fn finding(finding: &Finding, mender: &Mender<'_>) -> Value {
    json!({
        "commit": finding.commit,
        "address": finding.full_address(),
        "kind": kind(finding.subject),
        "path": finding.path,
        "recorded": finding.recorded,
        "actual": finding.actual,
        "level": if finding.weight == Weight::Error { "error" } else { "warn" },
        "fix": mender.fix(finding),
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
    let mender = Mender::of(checked);
    for commit in &checked.looked_at {
        let own: Vec<&Finding> = checked.findings.iter().filter(|finding| finding.commit == *commit).collect();
        if !own.is_empty() {
            one_commit(&mut text, &commit_name(commit.as_deref(), otherwise), &own, all, &mender);
        }
    }
    text
}

fn one_commit(text: &mut String, name: &str, findings: &[&Finding], all: bool, mender: &Mender<'_>) {
    let _ = writeln!(text, "{name}:");
    // Of a thousand missing objects the first few tell the story.
    let is_folded = |finding: &&&Finding| finding.subject == Subject::Cache && finding.weight == Weight::Warn;
    let folded = findings.iter().filter(is_folded).count();
    let fold = !all && folded > LISTED;
    let told: Vec<(&Finding, Option<String>)> = findings
        .iter()
        .filter(|finding| !fold || !is_folded(finding))
        .map(|finding| (*finding, mender.words(finding).map(|words| shown::line(&words))))
        .collect();
    let groups: Vec<_> = told.chunk_by(|(one, _), (other, _)| one.full_address() == other.full_address()).collect();
    // What mends several stages is said once, behind them.
    let of_all = if groups.len() > 1 { one_for_all(&told) } else { None };
    for group in groups {
        let address = group.first().and_then(|(first, _)| first.full_address());
        if let Some(address) = &address {
            let _ = writeln!(text, "  {}", shown::line(address));
        }
        let indent = if address.is_some() { "    " } else { "  " };
        let of_group = one_for_all(group);
        for (at, (finding, mend)) in group.iter().enumerate() {
            let _ = writeln!(text, "{indent}{}", sentence(finding));
            let is_last = group.get(at + 1).is_none_or(|(_, next)| next != mend);
            if let Some(mend) = mend.as_ref().filter(|_| of_all.is_none() && of_group.is_none() && is_last) {
                let _ = writeln!(text, "{indent}  mend: {mend}");
            }
        }
        if let Some(mend) = of_group.filter(|_| of_all.is_none()) {
            let _ = writeln!(text, "{indent}  mend: {mend}");
        }
    }
    if let Some(mend) = of_all {
        let _ = writeln!(text, "  mend: {mend}");
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

/// What mends all of them, if that is one and the same; what cannot be mended does not count.
fn one_for_all<'a>(told: &'a [(&Finding, Option<String>)]) -> Option<&'a String> {
    let mut mends = told.iter().filter_map(|(_, mend)| mend.as_ref());
    let first = mends.next()?;
    mends.all(|mend| mend == first).then_some(first)
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
        Wrong::InGit => format!("{subject} is in git as well, with other content: {}", both(finding)),
        Wrong::NotInGit if finding.recorded.is_some() => format!("{subject} is not in git: recorded {}", hash(finding.recorded.as_deref())),
        Wrong::NotInGit => format!("{subject} is not in git"),
        Wrong::NotInOutput => format!("{subject} is not in the output around it: recorded {}", hash(finding.recorded.as_deref())),
        Wrong::NotRecorded => format!("{subject} is not in dvc.lock"),
        Wrong::NotInFile => format!("{subject} is not in its file"),
        Wrong::NoEntry => "dvc.lock has no entry for this stage".to_owned(),
        Wrong::NeverRan => "dvc.lock has no entry for this stage, which is frozen and has never run".to_owned(),
        Wrong::NoStage => "dvc.lock has an entry for this stage, dvc.yaml has no such stage".to_owned(),
        Wrong::NoPipeline => format!("{path} stands alone: there is no dvc.yaml beside it"),
        Wrong::Altered => format!("{path} was edited by hand: its md5 is not that of what it says"),
        Wrong::HeldMore(then, now) => {
            format!(
                "{subject} is not reproducible from git: it had {} when it was recorded, git has {now}",
                count(usize::try_from(*then).unwrap_or(usize::MAX), "file")
            )
        }
        Wrong::MayHaveHeldMore(then, now) => {
            format!(
                "{subject} differs: it had {} when it was recorded, git has {now}: the others are gone since, or git ignores them",
                count(usize::try_from(*then).unwrap_or(usize::MAX), "file")
            )
        }
        Wrong::LineEnds { .. } => format!("{subject} is the same but for the ends of its lines: {}", both(finding)),
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
        Wrong::NoObject | Wrong::NeverPushed => {
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

/// The last line: what was looked at, and what came of it.
pub fn summary(checked: &Checked, otherwise: &str) -> String {
    let (errors, warnings): (Vec<&Finding>, Vec<&Finding>) = checked.findings.iter().partition(|one| one.weight == Weight::Error);
    let (lacking, stale): (Vec<&Finding>, Vec<&Finding>) = errors.into_iter().partition(|one| one.is_of_cache());
    let stale: HashSet<_> = stale.iter().map(|one| (&one.commit, one.full_address())).collect();
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
    if !lacking.is_empty() {
        parts.push(format!("content is missing in {}", count(lacking.len(), "place")));
    }
    if !warnings.is_empty() {
        parts.push(count(warnings.len(), "warning"));
    }
    if !checked.refused.is_empty() {
        parts.push(format!("{} not judged", count(checked.refused.len(), "pipeline")));
    }
    format!("{what}: {}", parts.join(", "))
}
