//! Floor 0: plain values that every other floor speaks in. No input, no output, no clock.

pub mod about;
pub mod base;
pub mod checked_out;
pub mod digest;
pub mod event;
pub mod fault;
pub mod finding;
pub mod floats;
pub mod hidden;
pub mod mapped;
pub mod path;
pub mod pipeline;
pub mod reason;
pub mod record;
pub mod settings;
pub mod stage;
pub mod value;
pub mod values;

pub use about::About;
pub use digest::{Algo, Digest, Listed, ListedFile, Meta, TreeEntry};
pub use event::{Attempt, EndedBy, Event, EventKind, Level, Outcome, Slots, Status, Stream, Usage};
pub use fault::{Class, Fault};
pub use path::RepoPath;
pub use pipeline::Pipeline;
pub use reason::{Reason, Verdict};
pub use record::{Observed, Record, RecordedPath, Seen, SeenOut, SeenParams};
pub use stage::{Address, Cmd, Dep, Out, OutKind, ParamsDep, Stage, StageId};
pub use value::{Key, Map, Value};
