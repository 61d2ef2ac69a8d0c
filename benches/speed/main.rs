//! What our own work costs, piece by piece: `cargo bench`, or `cargo bench -- parse` for a part.
//!
//! Nothing here compares with other programs; `benches/compare` does.

mod graph;
mod hash;
mod inputs;
mod judge;
mod lock;
mod parse;
mod schedule;
mod template;

fn main() {
    divan::main();
}
