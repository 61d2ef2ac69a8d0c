//! Floor 2: decisions, pure. What depends on what, which stages are asked for, which of them
//! changed and why, and which may start now. Nothing here looks at the disk or the clock;
//! observations and results are handed in.

pub mod base;
pub mod claims;
pub mod graph;
pub mod judge;
pub mod level;
pub mod outs;
pub mod portion;
pub mod schedule;
pub mod select;
pub mod terms;
pub mod touch;
