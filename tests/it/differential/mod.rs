//! Random pipelines and random edits, run by real DVC in one copy and by the program in another.
//! After each step both trees must be equal to the byte: work tree, modes, cache, run-cache, locks,
//! and each stage must have run as often. In between both are asked for the state of our copy.
//!
//! Three numbers widen it: `DVC_PARAFFIN_DIFF_PIPELINES` and `DVC_PARAFFIN_DIFF_STEPS` say how much,
//! `DVC_PARAFFIN_SEED` says where to begin; without it each run looks at new ones. The seed of a
//! pipeline that fails is printed, and replays it alone: nothing random comes from elsewhere.
//!
//! What is compared loosely, and why, stands in `compare`, `answers` and here: with several jobs a
//! failed run is compared by its exit code alone, because what runs beside the failed stage is
//! finished, and so with one job where DVC takes the order of stages from a set (with `--keep-going`
//! all is compared); the program's copy is then made anew from DVC's. So it is where a stage missed what
//! it reads: the program finds that before it removes or runs anything, DVC after.
//! One job is used where the result depends on which of two stages ends first: while the cache lacks
//! objects, since what one stage stores may spare another its run, with hard links and folders, since
//! of equal files there only the first becomes one with the object, and with links to executable
//! outputs, since whoever stores the same content after them takes the bits away.

mod answers;
mod checkouts;
mod compare;
pub mod disk;
pub mod edits;
mod groups;
mod legacy;
mod params;
pub mod pipeline;
pub mod preloaded;
pub mod setting;
mod stage;
mod steps;
mod twins;

use preloaded::Dvc;
use twins::{Counts, Twins};

use crate::dvc;
use crate::support::{aloud, number, on_threads};

#[test]
fn dvc_and_the_program_leave_the_same() {
    let Some(script) = dvc::get("the differential test") else { return };
    let pipelines = number("DVC_PARAFFIN_DIFF_PIPELINES", 10);
    let steps = number("DVC_PARAFFIN_DIFF_STEPS", 5);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + pipelines).collect();
    let dvc = Dvc::start(script);
    let results = on_threads(2, &seeds, |seed| one(*seed, steps, &dvc));
    let sum = results.iter().flatten().fold(Counts::default(), |sum, one| Counts {
        runs: sum.runs + one.runs,
        failures: sum.failures + one.failures,
        answers: sum.answers + one.answers,
    });
    aloud(&format!(
        "differential: {pipelines} pipelines x {steps} steps from seed {first}, {} pairs of runs ({} of them failures) and {} answers were equal",
        sum.runs, sum.failures, sum.answers
    ));
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {pipelines} pipelines differ (told above):\n{}", wrong.len(), wrong.join("\n"));
}

/// One pipeline. What went wrong is told at once, as the whole may take long; what is returned are
/// the words that replay it.
fn one(seed: u64, steps: u64, dvc: &Dvc) -> Result<Counts, String> {
    let replay = format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_DIFF_PIPELINES=1 DVC_PARAFFIN_DIFF_STEPS={steps}");
    let lived = std::panic::catch_unwind(|| {
        let mut twins = Twins::new(seed, dvc);
        let lived = twins.live(steps);
        lived.inspect_err(|text| aloud(&format!("{replay} differs; what was done:\n  {}\n{text}\n", twins.report())))
    });
    lived.ok().and_then(Result::ok).ok_or(replay)
}
