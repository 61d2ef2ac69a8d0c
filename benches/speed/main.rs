//! What our own work costs, piece by piece: `cargo bench`, or `cargo bench -- parse` for a part.
//!
//! The same program counts for `.ci/instructions`: with `count` or `write` as its first word it
//! does one thing once ([`count`]). Nothing here compares with other programs; `benches/compare`
//! does.

mod count;
mod graph;
mod hash;
mod inputs;
mod judge;
mod lock;
mod parse;
mod schedule;
mod template;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("count" | "write") => count::once(&words),
        _ => {
            divan::main();
            ExitCode::SUCCESS
        }
    }
}
