//! What `map` reads and writes beside rows: the words of its command, numbers, JSON.

pub mod numbers;
pub mod totals;
pub mod union;
pub mod words;
