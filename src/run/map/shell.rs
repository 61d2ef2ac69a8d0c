//! Commands that a map runs beside those of its partitions, by `sh -c`: what lists the items, what puts parts together.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::process::Command;

use crate::model::StageId;
use crate::model::settings::GRACE;
use crate::run::child::{Children, Limits, Terminal, returncode};
use crate::run::tokens::{Open, Tokens};

use super::{MapError, ending};

/// Runs them.
#[derive(Clone, Copy, Debug)]
pub struct Shell<'a> {
    /// The processes that run.
    pub children: &'a Children,
    /// The budget that the command may draw from.
    pub tokens: Option<&'a Tokens>,
    /// The option that the command was given with.
    pub name: &'static str,
}

impl Shell<'_> {
    /// Runs a command to its end. Without a file for it standard output is ours for errors, as standard error is.
    ///
    /// # Errors
    /// It cannot be run, fails, or is told to stop.
    pub fn run(&self, cmd: &OsStr, stdin: Option<&File>, out: Option<&File>) -> Result<(), MapError> {
        let failed = |source| MapError::Start { program: "sh".to_owned(), source };
        // No partition has this number: it would be the last of all that there can be.
        let id = StageId(u32::MAX);
        let mut command = Command::new("sh");
        command.arg("-c").arg(cmd);
        let open = self.tokens.map_or_else(|| Ok(Open::default()), |tokens| tokens.dress(id, &mut command, true)).map_err(failed)?;
        let err = File::from(rustix::stdio::stderr().try_clone_to_owned().map_err(failed)?);
        let terminal = Terminal::Given { stdin, out: out.unwrap_or(&err), err: &err };
        let ended = self.children.run(id, command, open, &terminal, Limits { deadline: None, grace: GRACE });
        if let Some(tokens) = self.tokens {
            tokens.end(id);
        }
        let code = match ended {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(MapError::Interrupted),
            other => returncode(other.map_err(failed)?.status),
        };
        match code {
            _ if self.children.stopping() => Err(MapError::Interrupted),
            0 => Ok(()),
            code => Err(MapError::Part(format!("{} '{}' {}", self.name, cmd.to_string_lossy(), ending(code)))),
        }
    }
}
