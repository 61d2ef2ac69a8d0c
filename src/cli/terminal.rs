//! Asks once what the terminal and the CI around us can do.
//!
//! The screens get the answers as a value, so that they can be tried without a terminal.

use std::env;
use std::io::{IsTerminal, stderr, stdout};

use anstream::ColorChoice;

use rustix::termios::{LocalModes, OptionalActions, Termios};

use crate::report::Settings;

/// What was found out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Terminal {
    /// Whether standard error is a terminal on which a live area may move.
    pub live: bool,
    /// Whether standard output shows colours.
    pub color_out: bool,
    /// Whether standard error shows colours.
    pub color_err: bool,
    /// On GitHub Actions: a word that cannot be met in a stage's output.
    pub github: Option<String>,
}

/// While it lives, Ctrl-C leaves no `^C` on the terminal: it would push a live area down by a
/// line that could not be taken away any more.
#[derive(Debug)]
pub struct CalmKeys {
    before: Option<Termios>,
}

impl CalmKeys {
    /// Switches the terminal of standard error, if we are in its foreground: from the background
    /// the system would stop us for it.
    pub fn hold() -> Self {
        let before = rustix::termios::tcgetattr(stderr()).ok().filter(|modes| modes.local_modes.contains(LocalModes::ECHOCTL));
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ECHOCTL);
            set_modes(&modes);
        }
        Self { before }
    }
}

impl Drop for CalmKeys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            set_modes(before);
        }
    }
}

fn set_modes(modes: &Termios) {
    if rustix::termios::tcgetpgrp(stderr()).is_ok_and(|group| group == rustix::process::getpgrp()) {
        // A terminal that refuses shows `^C`, that is all.
        rustix::termios::tcsetattr(stderr(), OptionalActions::Now, modes).ok();
    }
}

impl Terminal {
    /// Looks at the process's streams and at `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM`,
    /// `CI` and `GITHUB_ACTIONS`.
    pub fn ask() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0" && value != "false");
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let github = env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
        Self {
            live: stderr().is_terminal() && !dumb && !set("CI"),
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
