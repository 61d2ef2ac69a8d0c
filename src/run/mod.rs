//! Floor 4: acts. Starts commands, stores what they made, records it, and tells what happens as
//! events. It never prints.

pub mod child;
pub mod clock;
pub mod drive;
pub mod error;
pub mod ledger;
pub mod logs;
pub mod observe;
pub mod perform;
pub mod shell;
pub mod signals;
pub mod tail;
