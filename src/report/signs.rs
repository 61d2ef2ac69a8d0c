//! Signs of states, which say without colour what the words beside them say. One for each, the same wherever
//! it is shown.

use super::facts::{RunVerdict, Shown};
use crate::model::Status;

/// The sign of a stage. The style sheet of the page has the same.
pub fn of_stage(shown: Shown) -> char {
    match shown {
        Shown::Over(Status::Ran) => '✓',
        Shown::Over(Status::Restored) => '↺',
        Shown::Over(Status::Updated) => '↻',
        Shown::Over(Status::Planned) => '▷',
        Shown::Over(Status::Unchanged) => '=',
        Shown::Over(Status::Frozen) => '◇',
        Shown::Over(Status::Failed) => '✗',
        Shown::Over(Status::UpstreamFailed) => '⊘',
        Shown::Over(Status::Stopped) => '■',
        Shown::Over(Status::NotStarted) => '○',
        Shown::Running => '▸',
        Shown::Waiting => '…',
    }
}

/// The sign of a run.
pub fn of_run(verdict: RunVerdict) -> char {
    match verdict {
        RunVerdict::Ok => '✓',
        RunVerdict::Failed => '✗',
        RunVerdict::Interrupted | RunVerdict::Killed | RunVerdict::Damaged => '■',
        RunVerdict::Running => '▸',
        RunVerdict::StoppedEarly => '□',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_style_sheet_has_the_same_signs() {
        let style = include_str!("../../templates/report.css");
        for shown in Shown::ALL {
            let rule = format!(".{}::before {{ content: \"{}\"", shown.key(), of_stage(shown));
            assert!(style.contains(&rule), "{rule}");
        }
    }
}
