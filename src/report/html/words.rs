//! Marks of states, which say without colour what the words beside them say.

use crate::model::Status;
use crate::report::facts::{RunVerdict, Shown};

/// The mark of a stage. The style sheet has the same.
pub fn glyph(shown: Shown) -> &'static str {
    match shown {
        Shown::Over(Status::Ran) => "✓",
        Shown::Over(Status::Restored) => "↺",
        Shown::Over(Status::Updated) => "↻",
        Shown::Over(Status::Planned) => "▷",
        Shown::Over(Status::Unchanged) => "=",
        Shown::Over(Status::Frozen) => "◇",
        Shown::Over(Status::Failed) => "✗",
        Shown::Over(Status::UpstreamFailed) => "⊘",
        Shown::Over(Status::Stopped) => "■",
        Shown::Over(Status::NotStarted) => "○",
        Shown::Running => "▸",
        Shown::Waiting => "…",
    }
}

/// The mark of a run.
pub fn verdict_glyph(verdict: RunVerdict) -> &'static str {
    match verdict {
        RunVerdict::Ok => "✓",
        RunVerdict::Failed => "✗",
        RunVerdict::Interrupted | RunVerdict::Killed | RunVerdict::Damaged => "■",
        RunVerdict::Running => "▸",
        RunVerdict::StoppedEarly => "□",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_has_the_same_marks() {
        let style = include_str!("../../../templates/report.css");
        for shown in Shown::ALL {
            let rule = format!(".{}::before {{ content: \"{}\"", shown.key(), glyph(shown));
            assert!(style.contains(&rule), "{rule}");
        }
    }
}
