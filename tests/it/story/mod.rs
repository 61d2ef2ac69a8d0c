//! The program's own promises, told end to end: what DVC has no word for, and so no golden case.

mod action;
mod answers;
mod asked;
mod budget;
mod check;
mod check_clone;
mod check_mend;
mod checkout;
mod decisions;
mod early;
mod environment;
mod failures;
mod first_use;
mod flags;
mod git;
mod handed;
mod hooks;
mod interrupt;
mod keys;
mod locks;
mod logs;
mod longrun;
mod masks;
mod orphans;
mod outputs;
mod parallel;
mod pull;
mod queues;
mod records;
mod resolve;
mod state;
mod status;
mod stop;
mod terminal;
mod undeclared;
mod watching;
mod words;

use crate::support::project::Project;

/// `first` copies in.txt, `second` counts the copy.
fn chain() -> Project {
    Project::new()
        .file("in.txt", "hello\n")
        .stage("first", |s| s.cmd("cp in.txt mid.txt").dep("in.txt").out("mid.txt"))
        .stage("second", |s| s.cmd("wc -c < mid.txt > end.txt").dep("mid.txt").out("end.txt"))
        .commit()
}
