//! Several programs on one repository at the same time: `dvc status`, `dvc repro` and the program,
//! once or twice, with random pipelines, targets, durations and starts. Nothing may be corrupted or
//! lost, no stage may run beside itself or beside what it reads, and a failure may only be DVC's own
//! word that something is busy.
//!
//! Two numbers steer it: `DVC_PARAFFIN_TOGETHER_ROUNDS` says how many rounds, `DVC_PARAFFIN_SEED`
//! where to begin. A round that fails prints its seed; the same seed makes the same pipeline and the
//! same starts, though how the programs then meet is up to the machine.

mod checks;
mod pipeline;
mod round;

use round::Round;

use crate::dvc;
use crate::support::{aloud, number, on_threads};

#[test]
fn programs_that_run_together_spoil_nothing() {
    let Some(dvc) = dvc::get("several programs at once") else { return };
    let rounds = number("DVC_PARAFFIN_TOGETHER_ROUNDS", 8);
    let first = number("DVC_PARAFFIN_SEED", u64::from(std::process::id()) * 1000 + fastrand::u64(..1000));
    let seeds: Vec<u64> = (first..first + rounds).collect();
    let results = on_threads(2, &seeds, |seed| {
        let lived = std::panic::catch_unwind(|| Round::new(*seed, dvc).live());
        let again = format!("DVC_PARAFFIN_SEED={seed} DVC_PARAFFIN_TOGETHER_ROUNDS=1");
        lived.unwrap_or_else(|_| Err("broke off; see above".to_owned())).map_err(|text| format!("{again}: {text}"))
    });
    let (mut programs, mut busy, mut waited) = (0, 0, 0);
    for tally in results.iter().flatten() {
        programs += tally.programs;
        busy += tally.busy;
        waited += tally.waited;
    }
    aloud(&format!(
        "together: {rounds} rounds from seed {first}, {programs} programs, {busy} were told that something is busy, {waited} waited for others"
    ));
    let wrong: Vec<String> = results.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} of {rounds} rounds went wrong\n\n{}", wrong.len(), wrong.join("\n\n"));
}
