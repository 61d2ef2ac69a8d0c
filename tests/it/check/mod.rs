//! Does `check` judge a commit, the index and the tracked files as real DVC judges a clone of them with all data?
//!
//! Random repositories go through random edits, runs, `git add` and `git commit`. After each round `check` is
//! asked three times, and so is `dvc status` in a fresh clone of each state, after `dvc checkout` from a cache
//! that has never lost anything. Stage by stage, and path by path, both must find the same. What is decided to
//! differ stands in `compare`.
//!
//! `DVC_PARAFFIN_CHECKS` says how many repositories, `DVC_PARAFFIN_SEED` where to begin; without it each run
//! looks at new ones. The seed of a repository that fails is printed and replays it.

mod compare;
mod life;
mod truth;

use crate::differential::preloaded::Dvc;
use crate::dvc;
use crate::support::{aloud, number, on_threads};

use life::Life;

/// How often a repository is edited.
const ROUNDS: u64 = 2;

/// What was compared.
#[derive(Clone, Copy, Default)]
pub struct Counts {
    /// States of repositories.
    pub states: usize,
    /// Those of them in which all stages were in step.
    pub in_step: usize,
    /// Stages.
    pub stages: usize,
    /// Stages that both found stale.
    pub stale: usize,
    /// Stages that were not judged by us, since objects are missing.
    pub unjudged: usize,
    /// Outputs that have no content in the cache.
    pub missing: usize,
    /// Repositories that cannot be judged at all, by either.
    pub refused: usize,
}

impl Counts {
    fn plus(self, one: Self) -> Self {
        Self {
            states: self.states + one.states,
            in_step: self.in_step + one.in_step,
            stages: self.stages + one.stages,
            stale: self.stale + one.stale,
            unjudged: self.unjudged + one.unjudged,
            missing: self.missing + one.missing,
            refused: self.refused + one.refused,
        }
    }
}

#[test]
fn check_and_dvc_judge_random_repositories_alike() {
    let Some(script) = dvc::get("`check` beside `dvc status`") else { return };
    let repositories = number("DVC_PARAFFIN_CHECKS", 3);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + repositories).collect();
    let dvc = Dvc::start(script);
    let results = on_threads(2, &seeds, |seed| one(*seed, &dvc));
    let sum = results.iter().flatten().fold(Counts::default(), |sum, one| sum.plus(*one));
    aloud(&format!(
        "check: {repositories} repositories from seed {first}, {} states ({} in step, {} refused), {} stages ({} stale, {} not judged), {} outputs without content",
        sum.states, sum.in_step, sum.refused, sum.stages, sum.stale, sum.unjudged, sum.missing
    ));
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {repositories} repositories differ (told above):\n{}", wrong.len(), wrong.join("\n"));
}

/// One repository; what is returned of a failure are the words that replay it.
fn one(seed: u64, dvc: &Dvc) -> Result<Counts, String> {
    let replay = format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_CHECKS=1");
    let lived = std::panic::catch_unwind(|| {
        let mut life = Life::new(seed, dvc);
        let lived = life.live(ROUNDS);
        lived.inspect_err(|text| aloud(&format!("{replay} differs; what was done:\n  {}\n{text}\n", life.report())))
    });
    lived.ok().and_then(Result::ok).ok_or(replay)
}
