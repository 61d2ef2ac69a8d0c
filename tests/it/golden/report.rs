//! Judges replayed cases against the list of deviations, and closes with a table.

use std::fmt::Write as _;

use super::case::Case;
use super::compare::{Aspect, Difference, differences};
use super::replay::Replayed;
use crate::deviations::{self, Jobs};
use crate::support::{aloud, program};

/// How one replay ended.
pub struct Judged {
    title: String,
    verdict: Verdict,
}

enum Verdict {
    /// Equal, as it should be.
    Equal,
    /// Differs as decided, and only so.
    Deviates(&'static str),
    /// On the list, yet equal.
    NoLongerDiffers(&'static str),
    /// Differs where it must not.
    Wrong(String),
}

/// Judges one replay.
pub fn judge(case: &Case, jobs: usize, mut replayed: Replayed) -> Judged {
    let found = differences(&case.after, &replayed.after, jobs);
    let verdict = verdict(case, jobs, &replayed, &found);
    if matches!(verdict, Verdict::Wrong(_)) {
        replayed.scratch.eject_if_asked();
    }
    Judged { title: format!("{} --jobs {jobs}", case.full_name), verdict }
}

fn verdict(case: &Case, jobs: usize, replayed: &Replayed, found: &[Difference]) -> Verdict {
    let listed =
        deviations::LIST.iter().find(|entry| entry.case == case.name && !program::is_dvc() && (entry.jobs == Jobs::Any || jobs > 1));
    let Some(entry) = listed else {
        return if found.is_empty() { Verdict::Equal } else { Verdict::Wrong(told(case, replayed, found)) };
    };
    if found.is_empty() {
        // Standard output is not compared with several jobs, so nothing else could have shown.
        let hidden = jobs > 1 && matches!(entry.aspects, [Aspect::Stdout]);
        return if hidden { Verdict::Equal } else { Verdict::NoLongerDiffers(entry.why) };
    }
    let decided = found.iter().all(|difference| entry.aspects.contains(&difference.aspect));
    if decided { Verdict::Deviates(entry.why) } else { Verdict::Wrong(told(case, replayed, found)) }
}

fn told(case: &Case, replayed: &Replayed, found: &[Difference]) -> String {
    let mut text = format!("  command: {}\n", case.cmd);
    for difference in found {
        let _ = writeln!(text, "  {:?}: {}", difference.aspect, difference.text);
    }
    if found.iter().any(|difference| matches!(difference.aspect, Aspect::Exit | Aspect::Messages)) {
        let _ = writeln!(text, "  stderr was: {}", replayed.after.stderr.trim_end().replace('\n', "\n    "));
    }
    text
}

/// Prints the table; fails if anything is wrong.
pub fn close(title: &str, judged: &[Judged]) {
    let mut table = format!("golden cases of {title} with {}:\n", program::path().display());
    let mut counts = [0usize; 3];
    let mut wrong = String::new();
    for Judged { title, verdict } in judged {
        match verdict {
            Verdict::Equal => counts[0] += 1,
            Verdict::Deviates(why) => {
                counts[1] += 1;
                let _ = writeln!(table, "  deviates  {title}: {why}");
            }
            Verdict::NoLongerDiffers(why) => {
                counts[0] += 1;
                let _ = writeln!(table, "  EQUAL NOW {title}, though listed in tests/it/deviations.rs: {why}");
            }
            Verdict::Wrong(text) => {
                counts[2] += 1;
                let _ = writeln!(wrong, "WRONG {title}\n{text}");
            }
        }
    }
    let _ = write!(table, "  {} equal, {} deviate as decided, {} wrong", counts[0], counts[1], counts[2]);
    aloud(&table);
    assert!(wrong.is_empty(), "\n{wrong}\n{table}");
}
