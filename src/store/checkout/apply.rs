//! Doing what a comparison found, for many outputs at once.
//!
//! Files are placed by all threads, in batches, so that a stop between two of them leaves each file
//! either old or new. A failure of one output does not hold up the others.

use std::fs;
use std::sync::Arc;

use super::super::error::Error;
use super::super::hasher::Hasher;
use super::super::link::{self, Linker};
use super::super::place::set_exec;
use super::super::workspace::Workspace;
use super::{Job, Steps};
use crate::model::Meta;

/// Files between two looks at whether to go on.
const BATCH_FILES: usize = 1024;
/// Bytes between two such looks.
const BATCH_BYTES: u64 = 1 << 30;

impl Workspace {
    /// Does the steps; the answers stand in their order. Where `go_on` says no, the rest is left.
    pub fn apply(&self, hasher: &Hasher, all: Vec<Steps>, go_on: &dyn Fn() -> bool) -> Vec<Result<(), Error>> {
        let mut answers: Vec<Result<(), Error>> = all.iter().map(make_room).collect();
        let linker = Arc::new(self.linker(&self.config().cache_types));
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let mut executable = Vec::new();
        for (at, steps) in all.into_iter().enumerate() {
            if answers[at].is_err() {
                continue;
            }
            executable.extend(steps.make_executable);
            for job in steps.place {
                bytes += job.size;
                batch.push((at, job));
                if batch.len() == BATCH_FILES || bytes > BATCH_BYTES {
                    place_all(hasher, &linker, std::mem::take(&mut batch), &mut answers, go_on);
                    bytes = 0;
                }
            }
        }
        place_all(hasher, &linker, batch, &mut answers, go_on);
        for path in executable {
            set_exec(&path, Meta { isexec: true, ..Meta::default() });
        }
        answers
    }
}

/// Takes away what goes, and makes the directories.
fn make_room(steps: &Steps) -> Result<(), Error> {
    for path in &steps.remove {
        link::remove(path)?;
    }
    for path in steps.remove_dirs.iter().rev() {
        // What does not count for DVC may still be in it.
        let _ = fs::remove_dir(path);
    }
    let parents = steps.place.first().and_then(|job| job.place.parent());
    for path in steps.make_dirs.iter().map(std::path::PathBuf::as_path).chain(parents) {
        fs::create_dir_all(path).map_err(Error::io("create", path))?;
    }
    Ok(())
}

fn place_all(hasher: &Hasher, linker: &Arc<Linker>, batch: Vec<(usize, Job)>, answers: &mut [Result<(), Error>], go_on: &dyn Fn() -> bool) {
    if !go_on() {
        batch.into_iter().for_each(|(at, _)| answers[at] = Err(Error::GivenUp));
        return;
    }
    let linker = Arc::clone(linker);
    let work = move |(at, job): (usize, Job)| (at, place(&linker, &job).map(|()| job));
    for (at, placed) in hasher.each(batch, |(_, job)| job.size, work) {
        match placed {
            Ok(job) => hasher.learn(&job.place, &job.digest.algo, &job.digest.value),
            Err(error) => answers[at] = Err(error),
        }
    }
}

fn place(linker: &Linker, job: &Job) -> Result<(), Error> {
    linker.place(&job.object, &job.place)?;
    set_exec(&job.place, Meta { isexec: job.isexec, ..Meta::default() });
    Ok(())
}
