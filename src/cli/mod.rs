//! Floor 6: the command line. What was typed, what it means, and what comes back.

pub mod args;
pub mod error;
pub mod suggest;
pub mod terminal;
