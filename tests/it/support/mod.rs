//! What every test stands on: a folder of its own, a project built like a story, a program run
//! with a deadline, and trees that can be compared.
//!
//! Nothing here knows what DVC ought to do; that is for the tests to say.

pub mod archive;
pub mod counted;
pub mod nasty;
pub mod program;
pub mod project;
pub mod pty;
pub mod ran;
pub mod scratch;
pub mod server;
pub mod small_disk;
pub mod tree;
pub mod twins;

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Says something that is seen even when the test passes (`println!` would be swallowed).
pub fn aloud(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Whether this run must not skip anything that it could set up.
pub fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Whether a process runs. One that has ended may stay in the list until its parent looks.
pub fn is_alive(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// A number from the environment, or the usual one.
pub fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable}={text} is no number")))
}

/// The folder of the crate.
pub fn crate_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Cargo's target folder, for things that are costly to make and good for many runs.
pub fn target_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().to_owned()
}

/// Does `work` for each item on `threads` threads; the results come in the order of the items.
pub fn on_threads<T: Sync, R: Send>(threads: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let done = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some(item) = items.get(at) else { break };
                    let result = work(item);
                    done.lock().unwrap().push((at, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}
