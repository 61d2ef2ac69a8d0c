//! What `check` has found, for a pull request.

use super::escape;
use crate::model::finding::Checked;
use crate::report::{check, words};

/// So many characters of findings are shown: GitHub takes 65,536 in a comment.
const MOST: usize = 50_000;

/// The findings as Markdown, with the line first by which a bot knows it as its own. `otherwise` names what is no commit.
pub fn checked(checked: &Checked, otherwise: &str, key: &str) -> String {
    let verdict = match (checked.is_out_of_step(), checked.refused.is_empty()) {
        (true, _) => "✗ dvc.lock is stale",
        (false, false) => "✗ dvc.lock cannot be judged",
        (false, true) if checked.is_stale() => "✗ dvc.lock is in step, and content is missing",
        (false, true) => "✓ dvc.lock is in step",
    };
    let mut text = format!("<!-- dvc-paraffin:report key={} -->\n### {verdict}\n\n", escape::key(key));
    text.push_str(&check::summary(checked, otherwise));
    text.push('\n');
    let mut told = check::text(checked, otherwise, false);
    for (commit, fault) in &checked.refused {
        told.push_str(&format!("{} cannot be judged:\n{}\n", check::commit_name(commit.as_deref(), otherwise), words::failure(fault)));
    }
    if !told.is_empty() {
        text.push_str(&format!("\n{}\n", escape::fence(&cut(&told))));
    }
    text
}

/// As many whole lines as there is room for.
fn cut(text: &str) -> String {
    let (mut kept, mut room) = (Vec::new(), MOST);
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines {
        // Line by line, since those of a damaged file come from anywhere.
        let line = crate::report::shown::text(line);
        // Twice, for characters that count as two.
        let length = line.chars().count() * 2 + 1;
        if length > room {
            break;
        }
        room -= length;
        kept.push(line);
    }
    if kept.len() < lines.len() {
        kept.push(format!("... {} more lines", lines.len() - kept.len()));
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RepoPath;
    use crate::model::finding::{Finding, Subject, Weight, Wrong};

    fn stale(path: &str) -> Finding {
        Finding {
            commit: Some("0123456789abcdef".to_owned()),
            project: RepoPath::root(),
            address: None,
            subject: Subject::Dep,
            path: Some(path.to_owned()),
            recorded: Some("aaaabbbbcccc".to_owned()),
            actual: Some("ddddeeeeffff".to_owned()),
            weight: Weight::Error,
            wrong: Wrong::Differs,
        }
    }

    fn found(findings: Vec<Finding>) -> Checked {
        let looked_at = vec![Some("0123456789abcdef".to_owned())];
        Checked { findings, looked_at, stages: 2, projects: 1, ..Checked::default() }
    }

    #[test]
    fn says_what_is_stale_in_a_block_that_nothing_leaves() {
        let text = checked(&found(vec![stale("a```b\u{202e}c@me")]), "", "CI --> x");
        assert!(text.starts_with("<!-- dvc-paraffin:report key=CI "), "{text}");
        assert!(!text.lines().next().unwrap().trim_end_matches("-->").contains("-->"), "{text}");
        let want = "### ✗ dvc.lock is stale\n\n01234567: 1 stage out of step with dvc.lock\n\n````text\n01234567:\n  dep 'a```b\\u{202e}c@me' differs: recorded aaaabbbb, committed ddddeeee\n";
        assert!(text.contains(want), "{text}");
        let text = checked(&found(Vec::new()), "", "CI");
        assert!(text.ends_with("### ✓ dvc.lock is in step\n\n01234567: 2 stages in step with dvc.lock\n"), "{text}");
    }

    #[test]
    fn is_never_longer_than_a_comment_may_be() {
        let many = (0..5000).map(|number| stale(&format!("{}{number}", "\u{1f600}".repeat(20)))).collect();
        let text = checked(&found(many), "", "CI");
        assert!(
            text.encode_utf16().count() < 60_000 && text.contains(" more lines\n````") || text.contains(" more lines\n```"),
            "{}",
            text.len()
        );
    }
}
