//! Floor 4: acts. Starts commands, stores what they made, records it, and tells what happens as
//! events. It never prints.

mod bound;
pub mod child;
pub mod clock;
pub mod console;
mod copier;
pub mod disk;
pub mod drive;
pub mod durations;
pub mod error;
mod family;
pub mod hand;
pub mod job;
pub mod journal;
pub mod ledger;
pub mod logs;
pub mod map;
pub mod observe;
pub mod orphans;
pub mod peer;
pub mod perform;
pub mod pull;
pub mod save;
pub mod shell;
pub mod signals;
mod slow;
pub mod tail;
pub mod tokens;
pub mod watch;
pub mod within;
