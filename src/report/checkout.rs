//! The answer of `checkout`, in DVC's form (dvc: `commands/checkout.py`) and as JSON.

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::answer;
use super::streams::{RED, YELLOW, paint};
use crate::model::Fault;
use crate::model::checked_out::{CheckedOut, Kind};

/// What is printed at the end of `--relink`.
pub const RELINKED: &str = "Relinked successfully\n";

const GREEN: Style = AnsiColor::Green.on_default();
/// In DVC's order.
const KINDS: [(Kind, &str, Style); 3] =
    [(Kind::Modified, "modified", YELLOW), (Kind::Added, "added", GREEN), (Kind::Deleted, "deleted", RED)];

/// A line for each output that changed. DVC's tab is printed as the blanks that it stands for, and so it is here.
pub fn text(answer: &CheckedOut, color: bool) -> String {
    let mut text = String::new();
    for (kind, name, style) in KINDS {
        for path in answer.of(kind) {
            let letter = paint(&name[..1].to_uppercase(), style, color);
            text.push_str(&format!("{letter}       {path}\n"));
        }
    }
    text
}

/// How many files changed, in a line (dvc: `utils/humanize.py` `get_summary`).
pub fn summary(answer: &CheckedOut) -> String {
    let counts = [(answer.counts.modified, "modified"), (answer.counts.added, "added"), (answer.counts.deleted, "deleted")];
    let words: Vec<String> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} file{} {name}", if count > 1 { "s" } else { "" }))
        .collect();
    match words.split_last() {
        None => "No changes.\n".to_owned(),
        Some((only, [])) => format!("{only}\n"),
        Some((last, before)) => format!("{} and {last}\n", before.join(", ")),
    }
}

/// The whole answer as JSON, with the failure if there is one.
pub fn json(answer: &CheckedOut, fault: Option<&Fault>) -> Value {
    json!({
        "version": 1,
        "modified": answer.of(Kind::Modified),
        "added": answer.of(Kind::Added),
        "deleted": answer.of(Kind::Deleted),
        "failed": answer.failed,
        "files": {"modified": answer.counts.modified, "added": answer.counts.added, "deleted": answer.counts.deleted},
        "error": fault.map_or(Value::Null, answer::error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::checked_out::Counts;

    #[test]
    fn the_words_are_dvcs() {
        let changed = |kind, path: &str| (kind, path.to_owned());
        let changes =
            vec![changed(Kind::Added, "b"), changed(Kind::Modified, "m"), changed(Kind::Added, "z/"), changed(Kind::Deleted, "a")];
        let mut answer = CheckedOut { changes, ..CheckedOut::default() };
        assert_eq!(text(&answer, false), "M       m\nA       z/\nA       b\nD       a\n");
        assert!(text(&answer, true).starts_with("\u{1b}[33mM\u{1b}[0m       m\n"));
        assert_eq!(summary(&answer), "No changes.\n");
        for (counts, want) in [((0, 1, 0), "1 file added\n"), ((2, 0, 1), "2 files modified and 1 file deleted\n")] {
            answer.counts = Counts { modified: counts.0, added: counts.1, deleted: counts.2 };
            assert_eq!(summary(&answer), want);
        }
        answer.counts = Counts { modified: 1, added: 2, deleted: 3 };
        assert_eq!(summary(&answer), "1 file modified, 2 files added and 3 files deleted\n");
        answer.failed.push("x".to_owned());
        let json = json(&answer, answer.fault().as_ref());
        assert_eq!(json["added"], serde_json::json!(["z/", "b"]));
        assert_eq!(json["error"]["kind"], "CheckoutError");
    }
}
