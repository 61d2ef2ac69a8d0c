//! Floor 3: the disk. Finding the repository, hashing, the cache, links, locks, git.
//!
//! It decides nothing: whether a stage must run is for `plan` to say, when it runs is for `run`.
//! All that the system or DVC can refuse comes back as [`Error`].

pub mod atomic;
pub mod backlog;
pub mod cache;
pub mod checkout;
mod collect;
pub mod copied;
pub mod dvcignore;
pub mod errand;
mod error;
pub mod git;
mod gitcontents;
pub mod gitignore;
mod hardlink;
pub mod hasher;
pub mod hooks;
pub mod ignored;
pub mod imprint;
pub mod items;
pub mod leftovers;
pub mod link;
pub mod lock;
pub mod md5;
pub mod os;
pub mod owner;
mod place;
pub mod projects;
pub mod quiet;
pub mod remote;
pub mod rows;
pub mod runcache;
pub mod rwlock;
mod rwtable;
pub mod shelves;
pub mod snapshot;
pub mod source;
pub mod span;
pub mod state;
pub mod tree;
pub mod workspace;
pub mod young;

pub use cache::Cache;
pub use error::Error;
pub use git::Git;
pub use hasher::Hasher;
pub use link::LinkType;
pub use tree::{Content, Hashed};
pub use workspace::{Env, Prepared, Workspace};
