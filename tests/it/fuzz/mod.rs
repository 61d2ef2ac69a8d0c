//! Random input, given to the library and to the libraries that real DVC is made of: both must
//! read the same, write the same, and fail with the same words.
//!
//! A script in `tests/tools`, run with DVC's own Python, makes the input and says what DVC makes
//! of it, a line of JSON for each case; the library is asked in this process, so thousands of
//! cases take seconds. `DVC_PARAFFIN_FUZZ` says how many of each kind, `DVC_PARAFFIN_SEED` where
//! to begin; without a seed each run looks at new ones, and a difference prints the seed that
//! makes its case alone.

mod ignore;
mod params;
mod rows;
mod schema;
mod templates;
mod values;
mod yaml;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::dvc;
use crate::support::{aloud, crate_dir, number, on_threads};

/// How many differences are shown in full.
const SHOWN: usize = 8;

/// A rare case is one in so many.
const MANY: u64 = 300;

/// The Python that real DVC runs in.
fn python(what: &str) -> Option<PathBuf> {
    dvc::get(what).map(|dvc| dvc.parent().unwrap().join("python"))
}

/// What became of a case.
enum Judged {
    Equal,
    /// It may differ, for a reason that is counted.
    Apart(&'static str),
    /// The same for what is odd enough to be left as it is, if only one case in many is such.
    Rare(&'static str),
    Differs(String),
}

/// Asks `tool` for cases of a kind and `judge` for what the library makes of them; fails if any
/// differs.
/// Of a kind that is costly only a part is looked at: `less` times fewer.
fn compare(tool: &str, kind: &str, less: u64, usual: u64, judge: impl Fn(&Json) -> Judged + Sync) {
    let what = format!("fuzz {kind}");
    let Some(python) = python(&what) else { return };
    let count = number("DVC_PARAFFIN_FUZZ", usual).div_ceil(less);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let half = count.div_ceil(2);
    let parts = [(first, half), (first + half, count - half)];
    let outcomes = on_threads(2, &parts, |(first, count)| {
        let numbers = [count.to_string(), first.to_string()];
        let (mut judged, ended) = batch(Command::new(&python).arg(script(tool)).arg(kind).args(numbers), &judge);
        let asked = judged.len() as u64;
        if !ended || asked < *count {
            judged.push((first + asked, Judged::Differs("ended the script early".to_owned())));
        }
        judged
    });
    let (mut equal, mut rare, mut wrong, mut apart) = (0, Vec::new(), Vec::new(), std::collections::BTreeMap::new());
    for (seed, judged) in outcomes.into_iter().flatten() {
        match judged {
            Judged::Equal => equal += 1,
            Judged::Rare(why) => {
                *apart.entry(why).or_insert(0) += 1;
                rare.push(seed);
            }
            Judged::Apart(why) => *apart.entry(why).or_insert(0) += 1,
            Judged::Differs(text) => wrong.push((seed, text)),
        }
    }
    let mut said = format!("{what}: {count} cases from seed {first}, {equal} equal");
    for (why, times) in &apart {
        let _ = write!(said, ", {times} {why}");
    }
    aloud(&said);
    let shown: Vec<String> =
        wrong.iter().take(SHOWN).map(|(seed, text)| format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_FUZZ=1 {text}")).collect();
    let more: Vec<u64> = wrong.iter().skip(SHOWN).map(|(seed, _)| *seed).collect();
    assert!(wrong.is_empty(), "{what}: {} of {count} differ\n\n{}\n\nand those of the seeds {more:?}", wrong.len(), shown.join("\n\n"));
    assert!(rare.len() as u64 <= 2 + count / MANY, "{what}: of {count} these are too many to be rare cases: {rare:?}");
}

/// A script of the project.
fn script(name: &str) -> PathBuf {
    crate_dir().join("tests/tools").join(name)
}

/// Runs a script and judges each case that it prints, as far as it comes; also says whether it came to a good end.
fn batch(command: &mut Command, judge: &impl Fn(&Json) -> Judged) -> (Vec<(u64, Judged)>, bool) {
    command.env_remove("COLUMNS").env("PYTHONDONTWRITEBYTECODE", "1").env("DVC_NO_ANALYTICS", "1");
    // With another seed of hashes the same case may be told in other words: sets have another order.
    command.env("PYTHONHASHSEED", "0");
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut judged = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Ok(case) = serde_json::from_str::<Json>(&line) else {
            aloud(&format!("no case: {line}"));
            break;
        };
        judged.push((case["seed"].as_u64().unwrap(), judged_safely(&case, judge)));
    }
    let ended = child.wait().unwrap().success();
    if !ended {
        aloud(&format!("{command:?} failed"));
    }
    (judged, ended)
}

/// A judgement that survives a panic of the library, so that its case is told.
fn judged_safely(case: &Json, judge: &impl Fn(&Json) -> Judged) -> Judged {
    catch_unwind(AssertUnwindSafe(|| judge(case))).unwrap_or_else(|_| Judged::Differs(format!("panics, as said above: {case}")))
}

#[test]
fn a_panic_and_a_failing_script_hide_no_case() {
    let lines = "import sys\nprint('{\"seed\": 7}')\nprint('{\"seed\": 8}')\nsys.stdout.flush()\nsys.exit(1)";
    let (judged, ended) = batch(Command::new("python3").args(["-c", lines]), &|case| {
        assert!(case["seed"] != 8, "on purpose");
        Judged::Equal
    });
    assert!(matches!(&judged[..], [(7, Judged::Equal), (8, Judged::Differs(text))] if text.contains("panics")));
    assert!(!ended);
}
