//! Floor 5: one file for each command, which wires the floors below together.

pub mod changes;
pub mod check;
pub mod checkout;
pub mod demo;
mod ending;
pub mod granular;
pub mod graph;
mod handed;
pub mod hook;
pub mod hooks;
pub mod load;
pub mod map;
mod maps;
pub mod overwriting;
mod planning;
pub mod recorder;
pub mod report;
pub mod repro;
pub mod resolve;
pub mod runs;
pub mod status;
pub mod targets;
mod undeclared;
pub mod values;
mod waiting;
pub mod what_if;
pub mod worker;
