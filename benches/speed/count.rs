//! One path once, for `.ci/instructions`, which has valgrind count what happens within
//! [`only_this_is_counted`]. What is made before, and what is dropped after, does not count.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;

use dvc_paraffin::format::lockfile::Lock;
use dvc_paraffin::model::Event;
use dvc_paraffin::ops::load::Repository;
use dvc_paraffin::ops::status::{Request, status};
use dvc_paraffin::report::Sink;
use dvc_paraffin::run::signals::Watcher;
use dvc_paraffin::store::{Env, Workspace};

use super::{inputs, schedule};

/// Who hears of nothing.
struct Deaf;

impl Sink for Deaf {
    fn event(&mut self, _: &Event) {}
}

/// `count PATH STAGES` (`judge` in a repository of so many, none of which changed) or `write STAGES FOLDER`.
pub fn once(words: &[String]) -> ExitCode {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["count", path, stages] => stages.parse().is_ok_and(|stages| count(path, stages)),
        ["write", stages, folder] => stages.parse().is_ok_and(|stages| inputs::write(Path::new(folder), stages).is_ok()),
        _ => false,
    };
    if done { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether there is such a path, and it did what it should.
fn count(path: &str, stages: usize) -> bool {
    match path {
        "parse" => {
            let (tree, lock) = (inputs::tree(stages), inputs::lock(stages).to_bytes());
            let (project, lock) = only_this_is_counted(|| (inputs::project(&tree), Lock::parse(&lock, "./dvc.lock")));
            project.stages.len() == stages && lock.is_ok_and(|lock| lock.names().count() == stages)
        }
        "judge" => judge().is_some_and(|judged| judged == stages),
        "schedule" => {
            let setup = schedule::setup(stages, 8);
            only_this_is_counted(|| schedule::run(setup)) == stages
        }
        _ => false,
    }
}

/// Judges the stages of the repository that holds the current directory, as `status` does, once all is
/// read. Gives how many there are, if none changed.
fn judge() -> Option<usize> {
    let workspace = Workspace::open(&std::env::current_dir().ok()?, &Env::from_vars(|name| std::env::var_os(name))).ok()?;
    let mut repository = Repository::new(workspace);
    repository.load_all().ok()?;
    let watcher = Watcher::start().ok()?;
    let request = Request { targets: Vec::new(), with_deps: false, recursive: false, no_updates: true, patience: None };
    let changes = only_this_is_counted(|| status(&mut repository, &request, &watcher, &mut Deaf)).ok()?;
    changes.is_empty().then(|| repository.pipeline().len())
}

/// The script knows this name.
#[inline(never)]
fn only_this_is_counted<T>(work: impl FnOnce() -> T) -> T {
    black_box(work())
}
