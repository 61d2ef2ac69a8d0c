//! Asks once what the terminal and the CI around us can do.
//!
//! The screens get the answers as a value, so that they can be tried without a terminal.

use std::env;
use std::io::{IsTerminal, stderr, stdin, stdout};

use anstream::ColorChoice;

use rustix::fs::{FileType, fstat};

use crate::report::Settings;

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terminal {
    /// Whether standard error is a terminal on which a live area may move.
    pub live: bool,
    /// Whether standard output or standard error is one.
    pub any: bool,
    /// Whether keys may be read: nobody else does.
    pub keys: bool,
    /// Whether standard output shows colours.
    pub color_out: bool,
    /// Whether standard error shows colours.
    pub color_err: bool,
    /// On GitHub Actions: a word that cannot be met in a stage's output.
    pub github: Option<String>,
}

impl Terminal {
    /// Looks at the process's streams and at `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM`,
    /// `CI` and `GITHUB_ACTIONS`.
    pub fn ask() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let github = env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Self {
            any: stdout().is_terminal() || stderr().is_terminal(),
            live: stderr().is_terminal() && !dumb && !set("CI"),
            // Whoever reads what we print may be a pager, which has keys of its own.
            keys: stdin().is_terminal() && stderr().is_terminal() && !is_pipe(),
            color_out: anstream::AutoStream::choice(&stdout()) != ColorChoice::Never,
            color_err: anstream::AutoStream::choice(&stderr()) != ColorChoice::Never,
            github: github.then(|| format!("paraffin-{:016x}", fastrand::u64(..))),
        }
    }

    /// The settings of a screen; the caller adds what was typed.
    pub fn settings(&self) -> Settings {
        Settings { live: self.live, color_err: self.color_err, github: self.github.clone(), ..Settings::default() }
    }
}

/// Whether standard output is a pipe.
fn is_pipe() -> bool {
    fstat(stdout()).is_ok_and(|told| FileType::from_raw_mode(told.st_mode) == FileType::Fifo)
}
