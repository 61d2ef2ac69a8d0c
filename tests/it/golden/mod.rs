//! Golden cases: a state made by real DVC, a command, and the state that real DVC left.
//!
//! Each case is replayed with one job and with four. It must come out equal to the byte, unless
//! `deviations` names what differs and why. The project's own cases are in tests/golden; those of
//! ../shared are replayed too where that folder exists.

mod case;
mod compare;
mod gaps;
mod replay;
mod report;
mod state;

use std::path::{Path, PathBuf};

use case::Case;
pub use compare::Aspect;

use crate::support::{aloud, crate_dir, on_threads, program, target_dir};

/// The project's own cases.
#[test]
fn own_cases() {
    let archive = crate_dir().join("tests/golden/golden-cases.tar.xz");
    replay_all("tests/golden", &archive);
}

/// The cases that stand beside the project, where they do.
#[test]
fn shared_cases() {
    let folder = std::env::var_os("DVC_PARAFFIN_SHARED").map_or_else(|| crate_dir().join("../shared"), PathBuf::from);
    let archive = folder.join("golden/golden-cases.tar.xz");
    if archive.exists() {
        replay_all("../shared/golden", &archive);
    } else {
        aloud("SKIPPED the golden cases of ../shared/golden: the folder is not there");
    }
}

/// Replays an archive of cases with each number of jobs and judges what came out.
fn replay_all(title: &str, archive: &Path) {
    let folder = unpacked(archive);
    let only = std::env::var("DVC_PARAFFIN_GOLDEN").unwrap_or_default();
    let cases: Vec<Case> = Case::all_in(&folder).into_iter().filter(|case| case.full_name.contains(&only)).collect();
    assert!(!cases.is_empty(), "no golden case in {title} is called like {only:?}");
    let runs: Vec<(&Case, usize)> = cases.iter().flat_map(|case| program::job_counts().iter().map(move |jobs| (case, *jobs))).collect();
    let judged = on_threads(2, &runs, |(case, jobs)| report::judge(case, *jobs, replay::replay(case, *jobs)));
    report::close(title, &judged);
}

/// The cases of an archive as a folder, unpacked once for each content of the archive.
fn unpacked(archive: &Path) -> PathBuf {
    use md5::{Digest as _, Md5};
    let bytes = std::fs::read(archive).unwrap_or_else(|error| panic!("{}: {error}", archive.display()));
    let name: String = Md5::digest(&bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let place = target_dir().join(format!("golden-{name}"));
    let lock = std::fs::File::create(target_dir().join("golden.lock")).unwrap();
    lock.lock().unwrap();
    if !place.exists() {
        let half = place.with_extension("half");
        let _ = std::fs::remove_dir_all(&half);
        std::fs::create_dir_all(&half).unwrap();
        let tar = std::process::Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&half).output();
        if !tar.is_ok_and(|output| output.status.success()) {
            // Where tar has no xz beside it, Python has it built in.
            let script = "import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2], filter='fully_trusted')";
            let done = std::process::Command::new("python3").args(["-c", script]).arg(archive).arg(&half).status();
            assert!(done.is_ok_and(|status| status.success()), "cannot unpack {}", archive.display());
        }
        std::fs::rename(&half, &place).unwrap();
    }
    place
}
